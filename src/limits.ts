// What may end a wait from outside: its timeout, and its signal.

import { TimeoutError } from './errors.js'
import { holds } from './holds.js'
import { platform } from './platform/index.js'
import { startTimer } from './timer-heap.js'

/**
 * Calls `giveUp` when the time is up or the signal is aborted, with a function that makes the error. Nothing is checked at once: `timeoutOf`
 * has done that. `timeout` in ms. Returns what ends the watch, to be called also after giving up.
 */
export function watchLimits(
  what: string,
  timeout: number,
  signal: AbortSignal | undefined,
  giveUp: (reason: () => unknown) => void,
): () => void {
  const stopTimer = startTimer(timeout, () => giveUp(() => new TimeoutError(what, timeout)))
  if (signal === undefined) return stopTimer
  const onAbort = (): void => giveUp(() => signal.reason)
  platform.allowListeners(signal)
  signal.addEventListener('abort', onAbort, { once: true })
  const stopHolding = holds.get(signal)?.()
  return () => {
    stopTimer()
    stopHolding?.()
    signal.removeEventListener('abort', onAbort)
  }
}
