// Sequential specification of the Cond.

import type { Spec } from './linear.js'
import type { Value } from './program.js'

interface Waiting {
  /** Threads that wait, in the order of their coming. */
  readonly queue: readonly number[]
  /** Threads that have been woken and have not noticed; by a signal, or by a broadcast. */
  readonly woken: readonly (readonly [thread: number, how: 'signal' | 'broadcast'])[]
  /** Threads that have a signal and have not accepted it. */
  readonly given: readonly number[]
  readonly gone: boolean
}

const without = (list: readonly number[], thread: number): number[] => {
  const i = list.indexOf(thread)
  return i < 0 ? [...list] : [...list.slice(0, i), ...list.slice(i + 1)]
}

/** Arguments are threads. A wait is `park`, then `woke` (or `timed`, which may end it), then `accept` or `pass` if that said 'signal'. */
export const condSpec: Spec<Waiting> = {
  name: 'cond',
  init: () => ({ queue: [], woken: [], given: [], gone: false }),
  key: (s) => `${s.queue.join()} ${s.woken.join(';')} ${s.given.join()}${s.gone ? '!' : ''}`,
  apply(s, op, arg) {
    const thread = arg as number
    const signal = (s: Waiting): Waiting => {
      const [first, ...queue] = s.queue
      if (first === undefined) return s
      return { ...s, queue, woken: [...s.woken, [first, 'signal']], given: [...s.given, first] }
    }
    const out: (readonly [Value, Waiting])[] = []
    switch (op) {
      case 'park':
        return s.gone ? [['stale', s]] : [['ok', { ...s, queue: [...s.queue, thread] }]]
      case 'woke':
      case 'timed': {
        const hit = s.woken.find(([t]) => t === thread)
        if (hit !== undefined) out.push([hit[1], { ...s, woken: s.woken.filter((w) => w !== hit) }])
        else if (s.gone) out.push(['stale', s])
        if (op === 'timed' && s.queue.includes(thread)) out.push(['timeout', { ...s, queue: without(s.queue, thread) }])
        return out
      }
      case 'signal':
        return s.gone ? [['stale', s]] : [['ok', signal(s)]]
      case 'broadcast':
        if (s.gone) return [['stale', s]]
        return [['ok', { ...s, queue: [], woken: [...s.woken, ...s.queue.map((t) => [t, 'broadcast'] as const)] }]]
      case 'accept':
        return s.gone ? [['stale', s]] : [['ok', { ...s, given: without(s.given, thread) }]]
      case 'pass':
        if (s.gone) return [['stale', s]]
        return [['ok', s.given.includes(thread) ? signal({ ...s, given: without(s.given, thread) }) : s]]
      case 'dispose':
        return [['ok', { ...s, queue: [], gone: true }]]
      case 'mend': {
        let rest: Waiting = { ...s, queue: without(s.queue, thread), woken: s.woken.filter(([t]) => t !== thread) }
        while (!s.gone && rest.given.includes(thread)) rest = signal({ ...rest, given: without(rest.given, thread) })
        return [['ok', rest]]
      }
    }
    throw new Error(`a cond has no '${op}'`)
  },
}
