// Handles outlive objects: an operation that is under way while its channel is disposed of, and the block made into another channel, must
// not do anything to the new one.

import type { Program, Thread } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { audit } from './audit.js'
import {
  type ChannelWorld,
  coreRecipe,
  makeChannel,
  receive,
  received,
  send,
  tryReceive,
  trySend,
  type World,
  word,
} from './core.js'

/** The owner disposes of the channel and makes a new one of the same size, most likely in the same block. */
function* remake(t: Thread, w: ChannelWorld): Program {
  yield t.call('channel_dispose', w.ch, w.open)
  yield t.op('create', undefined, Number, 'channel_create', w.capacity, w.wide ? 1 : 0, 0)
}

const users: Record<string, (t: Thread, w: ChannelWorld) => Program> = {
  *send(t, w) {
    yield trySend(t, w, 7)
  },
  *receive(t, w) {
    yield tryReceive(t, w)
  },
  *'waiting send'(t, w) {
    yield* send(t, w, 7)
  },
  *'waiting receive'(t, w) {
    yield* receive(t, w)
  },
}

/** The new channel is empty, open, and works for two rounds. */
function untouched(b: Bench, w: ChannelWorld): void {
  const made = Number(b.history.find((o) => o.op === 'create')?.result)
  b.check(made > 0, 'no channel was made')
  const open = b.read(made + w.L.HEAD_STATE!)
  b.check((open & 0xff) === 0, `the new channel has the flags ${open & 0xff}`)
  b.check(
    b.call('channel_length', made, open) === 0,
    `the new channel has the length ${b.call('channel_length', made, open)}`,
  )
  const take = () => {
    b.call(w.wide ? 'channel_take64' : 'channel_take32', made, open)
    return received((at) => b.i32[at >> 2] as number, w.slots[b.m.main] as number, w, w.wide, 'empty')
  }
  for (let k = 0; k < 2 * w.capacity + 1; k++) {
    const before = take()
    b.check(before === 'empty', `the new channel held ${before}`)
    b.check(
      word(w, b.call(w.wide ? 'channel_trySendF64' : 'channel_trySend32', made, open, 100 + k)) === 'ok',
      'the new channel takes no value',
    )
    const v = take()
    b.check(v === 100 + k, `the new channel gave ${v} for ${100 + k}`)
  }
  // The old one went, the new one came.
  audit(b, w)
}

function reuse(wide: boolean, name: string, prefill: number[]): Scenario {
  return {
    name: `${wide ? 'wide' : 'narrow'} reuse/${name}`,
    about: 'against dispose and create',
    recipe: coreRecipe,
    setup: (b) => {
      const w = makeChannel(b, 1, wide)
      for (const v of prefill) b.call(wide ? 'channel_trySendF64' : 'channel_trySend32', w.ch, w.open, v)
      return w
    },
    threads: [users[name] as Scenario['threads'][number], remake],
    realtime: false,
    racy: true,
    ...(name === 'waiting receive' ? {} : { limit: 'dispose while another thread is inside a call' }),
    final: untouched,
    explore: { executions: 500_000, random: 50_000 },
    ci: { executions: 10_000, random: 1000 },
  }
}

/** Of the size of a scratch block. */
const LARGE = 256

/** A receive that is given up while the channel's block becomes the scratch block of another thread: not a word of a batch is touched. */
function scratch(fill: number): Scenario {
  let block = 0
  const words = (L: World['L']): number[] =>
    Array.from({ length: L.BATCH_MAX! * 2 }, (_, k) => block + L.SCRATCH_VALUES! + 4 * k)
  return {
    name: `reuse/given up, values of ${fill}`,
    about: 'against dispose and a batch',
    recipe: coreRecipe,
    setup: (b) => makeChannel(b, LARGE, true),
    threads: [
      (t, w: ChannelWorld) => receive(t, w, 'timed'),
      function* (t, w: ChannelWorld): Program {
        yield t.call('channel_dispose', w.ch, w.open)
        block = yield t.call('thread_scratch')
        for (const at of words(w.L)) if (t.peek(at) !== fill) t.set(at, fill)
      },
    ],
    realtime: false,
    racy: true,
    final: (b, w: ChannelWorld) => {
      b.check(block === w.ch, 'the scratch block is another one')
      for (const at of words(w.L))
        b.check(b.read(at) === fill, `a value of the batch at ${at - block} has become ${b.read(at)}`)
    },
    explore: { executions: 100_000, random: 10_000 },
    ci: { executions: 3000, random: 500 },
  }
}

export const reuses: Scenario[] = [
  ...[false, true].flatMap((wide) => [
    reuse(wide, 'send', []),
    reuse(wide, 'receive', [1]),
    reuse(wide, 'waiting send', [1]),
    reuse(wide, 'waiting receive', []),
  ]),
  scratch(0),
  scratch(7),
]
