// Sequential specifications of the sync package.

import type { Spec } from './linear.js'
import type { Value } from './program.js'

interface Lock {
  /** Thread that has locked it, or -1. */
  readonly owner: number
  readonly poisoned: boolean
  readonly gone: boolean
}

/**
 * A mutex. Arguments are threads. `lock` and `timed` wait; `try` says 'locked'; `mend` comes after the death of a thread. A starving mutex may refuse
 * `try` between two owners, so that is allowed while anybody else is at it; `strict`: nobody gets it while it is poisoned.
 */
export function mutexSpec(strict: boolean, held = -1): Spec<Lock> {
  return {
    name: 'mutex',
    init: () => ({ owner: held, poisoned: false, gone: false }),
    key: (s) => `${s.owner}${s.poisoned ? '†' : ''}${s.gone ? '!' : ''}`,
    apply(s, op, arg) {
      const out: (readonly [Value, Lock])[] = []
      const thread = arg as number
      if (s.gone) return [[op === 'mend' ? 'ok' : 'stale', s]]
      switch (op) {
        case 'lock':
        case 'timed':
        case 'try':
          if (strict && s.poisoned) out.push(['poisoned', s])
          else if (s.owner === -1) out.push([s.poisoned ? 'poisoned' : 'ok', { ...s, owner: thread }])
          if (op === 'try') out.push(['locked', s])
          if (op === 'timed') out.push(['timeout', s])
          return out
        case 'unlock':
          if (s.owner === -1) return [['not held', s]]
          return [['ok', { ...s, owner: -1, poisoned: false }]]
        case 'heal':
          return [['ok', { ...s, poisoned: false }]]
        case 'dispose':
          return [['ok', { ...s, gone: true }]]
        case 'mend':
          return [['ok', s.owner === thread ? { ...s, owner: -1, poisoned: true } : s]]
      }
      throw new Error(`a mutex has no '${op}'`)
    },
  }
}
