// Sequential specifications. Results are values, or one of a few words: 'ok', 'full', 'empty', 'closed', 'stale', 'timeout'.

import type { Spec } from './linear.js'
import type { Value } from './program.js'

interface Queue {
  readonly items: readonly Value[]
  readonly closed: boolean
  readonly gone: boolean
}

/**
 * A channel. `send` and `receive` wait; `trySend` and `tryReceive` say 'full' and 'empty'; `sendTimed` and `receiveTimed` may say 'timeout' at
 * any moment. A batch is so many single operations.
 */
export function queueSpec(capacity: number, initial: readonly Value[] = []): Spec<Queue> {
  const same = (q: Queue, r: Value): readonly [Value, Queue] => [r, q]
  return {
    name: `queue of capacity ${capacity}`,
    init: () => ({ items: initial, closed: false, gone: false }),
    key: (q) => `${q.items.join()}${q.closed ? '!' : ''}${q.gone ? '†' : ''}`,
    apply(q, op, arg) {
      if (q.gone) return [same(q, 'stale')]
      switch (op) {
        case 'send':
        case 'trySend':
        case 'sendTimed': {
          if (q.closed) return [same(q, 'closed')]
          const out: (readonly [Value, Queue])[] = []
          if (q.items.length < capacity) out.push(['ok', { ...q, items: [...q.items, arg] }])
          else if (op === 'trySend') out.push(same(q, 'full'))
          if (op === 'sendTimed') out.push(same(q, 'timeout'))
          return out
        }
        case 'receive':
        case 'tryReceive':
        case 'receiveTimed': {
          const out: (readonly [Value, Queue])[] = []
          if (q.items.length > 0) out.push([q.items[0], { ...q, items: q.items.slice(1) }])
          else if (q.closed) out.push(same(q, 'closed'))
          else if (op === 'tryReceive') out.push(same(q, 'empty'))
          if (op === 'receiveTimed') out.push(same(q, 'timeout'))
          return out
        }
        case 'receiveTwo':
          return q.items.length > 1 ? [[q.items.slice(0, 2).join(), { ...q, items: q.items.slice(2) }]] : []
        case 'close':
          return q.closed ? [same(q, 'closed')] : [['ok', { ...q, closed: true }]]
        case 'dispose':
          return [['ok', { ...q, gone: true }]]
        case 'length':
          return [same(q, q.items.length)]
      }
      throw new Error(`a queue has no '${op}'`)
    },
  }
}

export function stackSpec(capacity: number, initial: readonly Value[] = []): Spec<readonly Value[]> {
  return {
    name: `stack of capacity ${capacity}`,
    init: () => initial,
    key: (s) => s.join(),
    apply(s, op, arg) {
      switch (op) {
        case 'push':
          return s.length < capacity ? [['ok', [...s, arg]]] : [['full', s]]
        case 'pushRelaxed':
          return s.length < capacity
            ? [
                ['ok', [...s, arg]],
                ['full', s],
              ]
            : [['full', s]]
        case 'pop':
          return s.length > 0 ? [[s[s.length - 1], s.slice(0, -1)]] : [['empty', s]]
        case 'length':
          return [[s.length, s]]
      }
      throw new Error(`a stack has no '${op}'`)
    },
  }
}

export function counterSpec(initial = 0): Spec<number> {
  return {
    name: 'counter',
    init: () => initial,
    key: String,
    apply(n, op, arg) {
      switch (op) {
        case 'add':
          return [['ok', n + Number(arg)]]
        case 'sum':
          return [[n, n]]
      }
      throw new Error(`a counter has no '${op}'`)
    },
  }
}

/** One word with load, store, add (returns what was there before) and cas (arg `old>new`). */
export function registerSpec(initial = 0): Spec<number> {
  return {
    name: 'register',
    init: () => initial,
    key: String,
    apply(n, op, arg) {
      switch (op) {
        case 'load':
          return [[n, n]]
        case 'store':
          return [['ok', Number(arg)]]
        case 'add':
          return [[n, n + Number(arg)]]
        case 'cas': {
          const [from, to] = String(arg).split('>').map(Number) as [number, number]
          return n === from ? [[true, to]] : [[false, n]]
        }
      }
      throw new Error(`a register has no '${op}'`)
    },
  }
}

interface PipeState {
  /** With the position after each, and whether the next one lies in the same rows. */
  readonly items: readonly { readonly v: Value; readonly end: number; readonly more: boolean }[]
  readonly head: number
  readonly tail: number
  /** Looked at and not released. */
  readonly held: number
  readonly closed: boolean
}

/** What a record of so many bytes takes of a pipe. */
export const sizeOf = (bytes: number): number => 8 + Math.ceil(bytes / 8) * 8

/** A byte pipe: positions count bytes, without end; a record that does not fit the rest of the ring begins at the front. */
export function pipeSpec(
  capacity: number,
  bytes: (v: number) => number,
  initial: readonly number[] = [],
  offset = 0,
  rows: readonly number[] = [],
): Spec<PipeState> {
  const same = (q: PipeState, r: Value): readonly [Value, PipeState] => [r, q]
  /** One record, or several as rows. */
  const append = (q: PipeState, ...values: number[]): PipeState | undefined => {
    const row = bytes(values[0] as number)
    const size = sizeOf(row * values.length)
    const rest = capacity - (q.tail % capacity)
    const from = q.tail + (rest < size ? rest : 0)
    const tail = from + size
    if (tail - q.head > capacity) return undefined
    const added = values.map((v, k) => {
      const more = k < values.length - 1
      return { v, more, end: more ? from + (k + 1) * row : tail }
    })
    return { ...q, tail, items: [...q.items, ...added] }
  }
  const remove = (q: PipeState, n: number): PipeState => ({
    ...q,
    head: q.items[n - 1]!.end,
    items: q.items.slice(n),
    held: Math.max(0, q.held - n),
  })
  return {
    name: `pipe of ${capacity} bytes`,
    init: () => {
      let q: PipeState = { items: [], head: offset, tail: offset, held: 0, closed: false }
      for (const v of initial) q = append(q, v) as PipeState
      return rows.length > 0 ? (append(q, ...rows) as PipeState) : q
    },
    key: (q) => `${q.items.map((i) => i.v).join()}@${q.head}-${q.tail}~${q.held}${q.closed ? '!' : ''}`,
    apply(q, op, arg) {
      switch (op) {
        case 'write':
        case 'tryWrite':
        case 'writeTimed': {
          if (q.closed) return [same(q, 'closed')]
          const out: (readonly [Value, PipeState])[] = []
          const next = append(q, Number(arg))
          if (next) out.push(['ok', next])
          else if (op === 'tryWrite') out.push(same(q, 'full'))
          if (op === 'writeTimed') out.push(same(q, 'timeout'))
          return out
        }
        case 'writeRows': {
          if (q.closed) return [same(q, 'closed')]
          const next = append(q, ...String(arg).split(',').map(Number))
          return next ? [['ok', next]] : [same(q, 'full')]
        }
        // As many as there was room for: more room may have come meanwhile.
        case 'writeMany': {
          if (q.closed) return [same(q, 'closed'), same(q, 0)]
          const out: (readonly [Value, PipeState])[] = [same(q, 0)]
          let next: PipeState | undefined = q
          for (const [k, v] of String(arg).split(',').entries()) {
            next = append(next, Number(v))
            if (!next) break
            out.push([k + 1, next])
          }
          return out
        }
        case 'read':
        case 'tryRead':
        case 'readTimed': {
          const out: (readonly [Value, PipeState])[] = []
          if (q.items.length > 0) out.push([q.items[0]!.v, remove(q, 1)])
          else if (q.closed) out.push(same(q, 'closed'))
          else if (op === 'tryRead') out.push(same(q, 'empty'))
          if (op === 'readTimed') out.push(same(q, 'timeout'))
          return out
        }
        case 'readRows': {
          if (q.items.length === 0) return [same(q, q.closed ? 'closed' : 'empty')]
          const n = q.items.findIndex((i) => !i.more) + 1
          const got = q.items.slice(0, n).map((i) => i.v)
          return [[n === 1 ? got[0] : got.join(), remove(q, n)]]
        }
        // As many as were there: more may have come meanwhile.
        case 'readMany':
          if (q.items.length === 0) return [same(q, q.closed ? 'closed' : 'empty')]
          return q.items.map((_, k) => [
            q.items
              .slice(0, k + 1)
              .map((i) => i.v)
              .join(),
            remove(q, k + 1),
          ])
        case 'look':
          if (q.items.length > q.held) return [[q.items[q.held]!.v, { ...q, held: q.held + 1 }]]
          return [same(q, q.closed ? 'closed' : 'empty')]
        case 'release':
          return q.held > 0 ? [['ok', remove(q, q.held)]] : []
        case 'close':
          return q.closed ? [same(q, 'closed')] : [['ok', { ...q, closed: true }]]
      }
      throw new Error(`a pipe has no '${op}'`)
    },
  }
}
