// Channels with waiting: parked senders and receivers, time limits, event loops, close and dispose, with and without a kill.

import type { Program, Thread } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { queueSpec } from '../checker/specs.js'
import { audit, nobodyForgotten, shadow } from './audit.js'
import {
  type ChannelWorld,
  close,
  coreRecipe,
  dispose,
  drain,
  makeChannel,
  reaper,
  receive,
  receiveTwo,
  type Style,
  send,
  tryReceive,
  trySend,
} from './core.js'

/** 7 sends 7, waiting; 'r' receives, waiting; 'try 7' and 'try r' do not wait; 'timed', 'async' as said. */
type Step = number | string

function* run(t: Thread, w: ChannelWorld, step: Step): Program {
  const text = String(step)
  const [style, what] = text.includes(' ') ? (text.split(' ') as [string, string]) : ['block', text]
  if (what === 'length') yield t.op('length', undefined, Number, 'channel_length', w.ch, w.open)
  else if (text === 'async both') yield* receiveTwo(t, w)
  else if (what === 'close') yield close(t, w)
  else if (what === 'dispose') yield dispose(t, w)
  else if (style === 'try') yield what === 'r' ? tryReceive(t, w) : trySend(t, w, Number(what))
  else if (what === 'r') yield* receive(t, w, style as Style)
  else yield* send(t, w, Number(what), style as Style)
}

function steps(list: readonly Step[]): (t: Thread, w: ChannelWorld) => Program {
  return function* (t, w) {
    for (const s of list) yield* run(t, w, s)
  }
}

interface More extends Partial<Scenario> {
  prefill?: number[]
}

function waiting(
  wide: boolean,
  name: string,
  about: string,
  capacity: number,
  threads: Step[][],
  more: More = {},
): Scenario {
  const prefill = more.prefill ?? []
  const gone = threads.some((list) => list.includes('dispose'))
  return {
    name: `${wide ? 'wide' : 'narrow'} channel/${name}`,
    about,
    recipe: coreRecipe,
    // A disposed channel's lock and generation may be looked at by those who were under way; see reuse.ts.
    ...(gone ? {} : { access: shadow }),
    setup: (b: Bench) => {
      const w = makeChannel(b, capacity, wide)
      for (const v of prefill) b.call(wide ? 'channel_trySendF64' : 'channel_trySend32', w.ch, w.open, v)
      return w
    },
    threads: threads.map(steps),
    spec: () => queueSpec(capacity, prefill),
    final: (b: Bench, w: ChannelWorld) => {
      const asleep = b.history.some((o) => o.responded === Infinity && !o.dead)
      if (gone) return
      nobodyForgotten(b, w)
      // Who sleeps for good keeps its waiter.
      if (asleep) return
      drain(b, w)
      audit(b, w)
    },
    maySleep: true,
    explore: { executions: 500_000, random: 100_000 },
    ci: { executions: 10_000, random: 2000 },
    ...more,
  }
}

const kill = (...victims: number[]): Partial<Scenario> => ({
  victims,
  reaper,
  explore: { executions: 100_000, random: 10_000 },
  ci: { executions: 1000, random: 100 },
})

function both(name: string, about: string, capacity: number, threads: Step[][], more: More = {}): Scenario[] {
  return [false, true].map((wide) => waiting(wide, name, about, capacity, threads, more))
}

export const channels: Scenario[] = [
  ...both('receiver parks', 'one receives, one sends', 1, [['r'], [1]]),
  ...both('sender parks', 'the ring is full', 1, [[2], ['r']], { prefill: [1] }),
  ...both('sender and receiver, twice', 'capacity 1', 1, [
    [1, 2],
    ['r', 'r'],
  ]),
  ...both('two receivers', 'one value: one of them sleeps on', 1, [['r'], ['r'], [1]]),
  ...both('two senders', 'one place: one of them sleeps on', 1, [[2], [3], ['r']], { prefill: [1] }),
  ...both('receiver with a time limit', 'gets the value or a timeout, never loses it', 1, [['timed r'], [1]]),
  ...both('sender with a time limit', 'sends or times out, never both', 1, [['timed 2'], ['r']], { prefill: [1] }),
  ...both('a timeout passes nothing by', 'two receivers, one impatient', 1, [['timed r'], ['r'], [1]]),
  ...both('receiver on an event loop', 'the async way', 1, [['async r'], [1]]),
  ...both('sender on an event loop', 'the async way', 1, [['async 2'], ['r']], { prefill: [1] }),
  ...both('two receives on one event loop', 'first come, first served', 2, [['async both'], [1, 2]]),
  ...both(
    'length',
    'is that of one moment',
    2,
    [
      ['length', 'length'],
      ['try r', 'try 2'],
    ],
    { prefill: [1] },
  ),
  ...both('nobody overtakes', 'a try does not pass those who wait', 1, [[2], ['try 3', 'try r']], { prefill: [1] }),
  ...both('close wakes receivers', 'they hear that it is closed', 1, [['r'], ['close']]),
  ...both('close wakes senders', 'they hear that it is closed', 1, [[2], ['close']], { prefill: [1] }),
  ...both('close against send', 'a value is sent before the close or refused', 1, [['try 1'], ['close', 'try r']]),
  ...both('close against send and receive', 'what was sent before is received', 2, [
    ['try 1', 'try 2'],
    ['close'],
    ['r', 'r'],
  ]),
  ...both('close against send, full', 'refused, or received', 2, [['try 3'], ['close', 'try r', 'try r']], {
    prefill: [1, 2],
  }),
  ...both(
    'close against try to receive',
    'the last value goes to one, the other hears "closed"',
    1,
    [['try r'], ['close', 'r']],
    { prefill: [1] },
  ),
  ...both('close twice', 'the second is told', 1, [['close'], ['close']]),
  ...both('dispose wakes receivers', 'they hear that it is gone', 1, [['r'], ['dispose']]),
  ...both('dispose wakes senders', 'they hear that it is gone', 1, [[2], ['dispose']], { prefill: [1] }),
  ...both('dispose twice', 'the second is told', 1, [['dispose'], ['dispose']]),
  ...both('receiver killed', 'the value goes to the other', 1, [['r'], [1, 'try r']], kill(0)),
  ...both('parked receiver killed beside another', 'the other is not forgotten', 1, [['r'], ['r'], [1, 2]], kill(0)),
  ...both('sender killed', 'the receiver is not forgotten', 1, [[1], ['r', 'try r']], kill(0)),
  ...both('sender killed, full', 'the place is not lost', 1, [[2], ['r', 3]], { prefill: [1], ...kill(0) }),
  ...both('closer killed', 'everybody hears or nobody does', 1, [['close'], ['r']], kill(0)),
  ...both('disposer killed', 'the block is freed once', 1, [['dispose'], ['r']], kill(0)),
  ...both('async receiver killed', 'the value goes to the other', 1, [['async r'], [1, 'try r']], kill(0)),
]
