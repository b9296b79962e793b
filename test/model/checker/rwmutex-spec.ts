// Sequential specification of the RWMutex.

import type { Spec } from './linear.js'
import type { Value } from './program.js'

interface RWLock {
  /** Thread that has locked it for writing, or -1. */
  readonly writer: number
  /** Read locks that each thread has taken and nobody has given up. */
  readonly readers: readonly number[]
  readonly poisoned: boolean
  readonly gone: boolean
}

/**
 * Arguments are threads. `lock`, `timed`, `rlock` and `rtimed` wait. `try` and `rtry` may say 'locked' whatever the state is: others at it may turn
 * them away. `runlock` gives up a lock of the thread's own, else one of another thread's; `mend` comes after the death of a thread.
 */
export function rwmutexSpec(
  threads: number,
  strict: boolean,
  held = -1,
  readers: readonly number[] = [],
): Spec<RWLock> {
  const start = Array.from({ length: threads }, (_, t) => readers[t] ?? 0)
  const change = (s: RWLock, t: number, by: number): RWLock => ({
    ...s,
    readers: s.readers.map((n, i) => (i === t ? n + by : n)),
  })
  return {
    name: 'rwmutex',
    init: () => ({ writer: held, readers: start, poisoned: false, gone: false }),
    key: (s) => `${s.writer} ${s.readers.join()}${s.poisoned ? '†' : ''}${s.gone ? '!' : ''}`,
    apply(s, op, arg) {
      const out: (readonly [Value, RWLock])[] = []
      const thread = arg as number
      // One who is giving up its lock just then need not learn that there is none any more.
      if (s.gone && op === 'runlock')
        return [
          ['stale', s],
          ['ok', s],
        ]
      if (s.gone) return [[op === 'mend' ? 'ok' : 'stale', s]]
      const refused = strict && s.poisoned
      const how = s.poisoned ? 'poisoned' : 'ok'
      const free = s.writer === -1
      const empty = s.readers.every((n) => n === 0)
      switch (op) {
        case 'lock':
        case 'timed':
        case 'try':
          if (refused) out.push(['poisoned', s])
          else if (free && empty) out.push([how, { ...s, writer: thread }])
          if (op === 'try') out.push(['locked', s])
          if (op === 'timed') out.push(['timeout', s])
          return out
        case 'rlock':
        case 'rtimed':
        case 'rtry':
          if (refused) out.push(['poisoned', s])
          else if (free) out.push([how, change(s, thread, 1)])
          if (op === 'rtry') out.push(['locked', s])
          if (op === 'rtimed') out.push(['timeout', s])
          return out
        case 'unlock':
          if (free) return [['not held', s]]
          return [['ok', { ...s, writer: -1, poisoned: false }]]
        case 'runlock':
          if (empty) return [['not held', s]]
          if (s.readers[thread]) return [['ok', change(s, thread, -1)]]
          return s.readers.flatMap((n, t) => (n > 0 ? [['ok', change(s, t, -1)] as const] : []))
        case 'dispose':
          return [['ok', { ...s, gone: true }]]
        case 'mend': {
          const rest = s.readers.map((n, t) => (t === thread ? 0 : n))
          if (s.writer !== thread) return [['ok', { ...s, readers: rest }]]
          return [['ok', { ...s, readers: rest, writer: -1, poisoned: true }]]
        }
      }
      throw new Error(`an rwmutex has no '${op}'`)
    },
  }
}
