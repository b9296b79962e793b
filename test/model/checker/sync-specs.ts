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

interface Run {
  readonly state: 'nothing' | 'running' | 'done' | 'poisoned'
  /** Thread that runs it, or -1. */
  readonly owner: number
  readonly gone: boolean
}

/**
 * A once. Arguments are threads. `begin` says who runs the function; the thread that does says `end`, the others `wait`, or are `timed`; `mend` comes after
 * the death of a thread.
 */
export const onceSpec: Spec<Run> = {
  name: 'once',
  init: () => ({ state: 'nothing', owner: -1, gone: false }),
  key: (s) => `${s.state}${s.owner}${s.gone ? '!' : ''}`,
  apply(s, op, arg) {
    const thread = arg as number
    if (s.gone)
      return [
        [op === 'mend' ? 'ok' : op === 'timed' ? 'timeout' : 'stale', s],
        ...(op === 'timed' ? [['stale', s] as const] : []),
      ]
    const over = s.state === 'done' || s.state === 'poisoned'
    switch (op) {
      case 'begin':
        if (s.state === 'nothing') return [['run', { ...s, state: 'running', owner: thread }]]
        return [[over ? s.state : 'wait', s]]
      case 'end':
        return s.state === 'running' && s.owner === thread ? [['ok', { ...s, state: 'done', owner: -1 }]] : []
      case 'look':
        return [[over ? s.state : 'wait', s]]
      case 'wait':
        return over ? [[s.state, s]] : []
      case 'timed':
        return [['timeout', s], ...(over ? [[s.state, s] as const] : [])]
      case 'dispose':
        return [['ok', { ...s, gone: true }]]
      case 'mend':
        return [['ok', s.state === 'running' && s.owner === thread ? { ...s, state: 'poisoned', owner: -1 } : s]]
    }
    throw new Error(`a once has no '${op}'`)
  },
}
