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
