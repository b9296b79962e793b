// Batches: many values in one call. A batch is judged as so many single operations one after the other.

import type { Operation, Program, Thread } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { queueSpec } from '../checker/specs.js'
import { audit, nobodyForgotten, shadow, usage } from './audit.js'
import {
  type ChannelWorld,
  coreRecipe,
  drain,
  makeChannel,
  reaper,
  receive,
  settleBase,
  tryReceive,
  trySend,
  word,
} from './core.js'

interface BatchWorld extends ChannelWorld {
  scratch: number[]
}

/** 7 and 'r' send and receive one; [7, 8] sends a batch; 3 in `take` receives up to three; 'wait r' parks. */
type Step = number | 'r' | 'wait r' | 'close' | readonly number[] | { take: number }

const f64 = new Float64Array(1)
const words = new Int32Array(f64.buffer)

function outcome(t: Thread, w: BatchWorld): string {
  return word(w, t.peek((w.slots[t.id] as number) + w.L.THREAD_STATUS!))
}

function sendMany(t: Thread, w: BatchWorld, values: readonly number[]) {
  const at = (w.scratch[t.id] as number) + w.L.SCRATCH_VALUES!
  for (const [k, v] of values.entries()) {
    f64[0] = v
    if (w.wide) {
      t.set(at + 8 * k, words[0] as number)
      t.set(at + 8 * k + 4, words[1] as number)
    } else t.set(at + 4 * k, v)
  }
  return t.op(
    'trySendMany',
    values.join(),
    (n) => `${n} ${outcome(t, w)}`,
    'channel_trySendMany',
    w.ch,
    w.open,
    values.length,
  )
}

function receiveMany(t: Thread, w: BatchWorld, n: number) {
  const at = (w.scratch[t.id] as number) + w.L.SCRATCH_VALUES!
  const result = (k: number | bigint): string => {
    const got = Array.from({ length: Number(k) }, (_, i) => {
      if (!w.wide) return t.peek(at + 4 * i)
      words[0] = t.peek(at + 8 * i)
      words[1] = t.peek(at + 8 * i + 4)
      return f64[0] as number
    })
    return `${got.join()} ${outcome(t, w)}`
  }
  return t.op('tryReceiveMany', n, result, 'channel_tryReceiveMany', w.ch, w.open, n)
}

function steps(list: readonly Step[]): (t: Thread, w: BatchWorld) => Program {
  return function* (t, w) {
    for (const s of list) {
      if (s === 'r') yield tryReceive(t, w)
      else if (s === 'wait r') yield* receive(t, w)
      else if (s === 'close') yield t.op('close', undefined, (r) => word(w, r), 'channel_close', w.ch, w.open)
      else if (typeof s === 'number') yield trySend(t, w, s)
      else if ('take' in s) yield receiveMany(t, w, s.take)
      else yield sendMany(t, w, s)
    }
  }
}

/** A batch as its single operations, each after the one before. */
function expand(history: readonly Operation[]): Operation[] {
  const all: Operation[] = []
  const chain = (o: Operation, parts: [op: string, arg: Operation['arg'], result: Operation['result']][]): void => {
    parts.forEach(([op, arg, result], k) => {
      all.push({ ...o, op, arg, result, ...(k > 0 ? { after: all.length - 1 } : {}) })
    })
  }
  const parts: number[] = []
  for (const o of history) {
    const first = all.length
    const done = o.responded !== Infinity
    if (o.op === 'trySendMany') {
      const values = String(o.arg).split(',').map(Number)
      if (!done)
        chain(
          o,
          values.map((v) => ['trySend', v, undefined]),
        )
      else {
        const [count, why] = split(String(o.result))
        const sent = Number(count)
        const parts: [string, Operation['arg'], Operation['result']][] = values
          .slice(0, sent)
          .map((v) => ['trySend', v, 'ok'])
        if (sent < values.length) parts.push(['trySend', values[sent], why === 'would block' ? 'full' : why])
        chain(o, parts)
      }
    } else if (o.op === 'tryReceiveMany') {
      const wanted = Number(o.arg)
      if (!done)
        chain(
          o,
          Array.from({ length: wanted }, () => ['tryReceive', undefined, undefined]),
        )
      else {
        const [list, why] = split(String(o.result))
        const got = list ? list.split(',').map(Number) : []
        const parts: [string, Operation['arg'], Operation['result']][] = got.map((v) => ['tryReceive', undefined, v])
        if (got.length < wanted) parts.push(['tryReceive', undefined, why === 'would block' ? 'empty' : why])
        chain(o, parts)
      }
    } else all.push({ ...o })
    parts.push(((1 << (all.length - first)) - 1) << first)
  }
  // What was known of a batch is known of all its parts.
  for (const o of all) {
    const known = o.known ?? 0
    o.known = parts.reduce((mask, part, k) => (known & (1 << k) ? mask | part : mask), 0)
  }
  return all
}

function split(text: string): [string, string] {
  const k = text.indexOf(' ')
  return [text.slice(0, k), text.slice(k + 1)]
}

function batch(
  wide: boolean,
  name: string,
  about: string,
  capacity: number,
  threads: Step[][],
  prefill: number[],
  more: Partial<Scenario>,
): Scenario {
  return {
    name: `${wide ? 'wide' : 'narrow'} batch/${name}`,
    about,
    recipe: coreRecipe,
    access: shadow,
    setup: (b: Bench): BatchWorld => {
      const w = makeChannel(b, capacity, wide)
      for (const v of prefill) b.call(wide ? 'channel_trySendF64' : 'channel_trySend32', w.ch, w.open, v)
      const scratch = Array.from({ length: b.m.n }, (_, t) => b.name(b.as(t, 'thread_scratch'), `scratch ${t}`))
      return settleBase(b, { ...w, scratch })
    },
    threads: threads.map(steps),
    spec: () => queueSpec(capacity, prefill),
    expand,
    final: (b: Bench, w: BatchWorld) => {
      nobodyForgotten(b, w)
      const asleep = b.history.some((o) => o.responded === Infinity && !o.dead)
      if (asleep) return
      drain(b, w)
      // The scratch block of a thread that was reaped is free.
      if (b.killed < 0) audit(b, w)
      else audit(b, w, usage(b, w))
      const gone = w.base.reduce((n, k) => n + k, 0) - usage(b, w).reduce((n, k) => n + k, 0)
      b.check(gone === (b.killed < 0 ? 0 : 1), `${gone} blocks fewer are in use`)
    },
    maySleep: true,
    explore: { executions: 1_000_000, random: 100_000 },
    ci: { executions: 5000, random: 2000 },
    ...more,
  }
}

const kill = (...victims: number[]): Partial<Scenario> => ({
  victims,
  reaper,
  explore: { executions: 100_000, random: 10_000 },
  ci: { executions: 2000, random: 200 },
})

function both(
  name: string,
  about: string,
  capacity: number,
  threads: Step[][],
  prefill: number[] = [],
  more: Partial<Scenario> = {},
): Scenario[] {
  return [false, true].map((wide) => batch(wide, name, about, capacity, threads, prefill, more))
}

export const batches: Scenario[] = [
  ...both('send against single receives', 'three values, two places', 2, [[[1, 2, 3]], ['r', 'r']]),
  ...both('receive against single sends', 'takes what is there', 2, [[{ take: 3 }], [2, 3]], [1]),
  ...both('send against receive', 'round the end of the ring', 3, [[[4, 5]], [{ take: 3 }]], [1, 2]),
  ...both(
    'send into a full ring',
    'places are written to while they are read',
    4,
    [[{ take: 2 }], [[5, 6]]],
    [1, 2, 3, 4],
  ),
  ...both('receive in parts', 'what one batch brought, two take', 4, [[[1, 2, 3]], [{ take: 2 }, 'r']]),
  ...both('two senders', 'whole or in parts, in order', 3, [[[1, 2]], [[3, 4]]]),
  ...both('two receivers', 'nothing twice', 3, [[{ take: 2 }], [{ take: 2 }]], [1, 2, 3]),
  ...both('receive against two single senders', 'freed places are filled again', 2, [[{ take: 2 }], [3], [4]], [1, 2]),
  ...both('send against two single receivers', 'each value once', 3, [[[1, 2]], ['r'], ['r']]),
  ...both('send to a parked receiver', 'is handed over', 2, [['wait r'], [[1, 2]]]),
  ...both('send against close', 'is cut off', 2, [[[1, 2, 3]], ['close', 'r']]),
  ...both('receive against close', 'hears of it', 2, [[{ take: 2 }], ['close']], [1]),
  ...both('sender killed', 'a prefix was sent', 2, [[[1, 2, 3]], ['r', 'r']], [], kill(0)),
  ...both('receiver killed', 'a prefix was taken', 2, [[{ take: 2 }], [3, 'r']], [1, 2], kill(0)),
]
