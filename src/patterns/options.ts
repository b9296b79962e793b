// What the options of several patterns have in common, and how they are checked.

import { rangeError, show, typeError } from '../errors.js'
import { platform } from '../platform/index.js'
import { timeoutOf } from '../wait.js'

/** Ends a pattern from outside. */
export interface Abortable {
  /** Ends everything when it is aborted, with its reason. */
  signal?: AbortSignal | undefined
}

/** A function that a pattern calls with each value. A second argument is a signal that is aborted when nobody wants the result any more. */
export type Handler<T, R> = (value: T, signal: AbortSignal) => R | PromiseLike<R>

/** Throws unless the options are an object. */
export function checkOptions(what: string, names: string, options: unknown): void {
  if (typeof options !== 'object' || options === null)
    throw typeError(`${what} takes options { ${names} }, not ${show(options)}`)
}

/** Throws unless it is a signal or undefined. An aborted one is fine: it ends the pattern when that begins. */
export function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw typeError(`signal is an AbortSignal, not ${show(signal)}`)
}

export function checkFunction(what: string, fn: unknown): void {
  if (typeof fn !== 'function') throw typeError(`${what} takes a function, not ${show(fn)}`)
}

/** Throws unless it is an integer from `least` on, or Infinity. */
export function checkCount(what: string, n: unknown, least: number): asserts n is number {
  if (typeof n !== 'number') throw typeError(`${what} is a number, not ${show(n)}`)
  if ((!Number.isInteger(n) && n !== Number.POSITIVE_INFINITY) || n < least)
    throw rangeError(`${what} is an integer from ${least}, not ${show(n)}`)
}

/** As many as there are processors. */
export function defaultConcurrency(): number {
  return Math.max(1, platform.cpuCount)
}

/** Throws if the signal is wrong, or aborted: for calls that begin at once. */
export function requireLive(signal: AbortSignal | undefined): void {
  timeoutOf({ signal })
}

/** Calls back when the signal is aborted, at once if it is. Returns what ends that. */
export function whenAborted(signal: AbortSignal | undefined, then: (reason: unknown) => void): () => void {
  if (signal === undefined) return () => {}
  if (signal.aborted) {
    then(signal.reason)
    return () => {}
  }
  const onAbort = (): void => then(signal.reason)
  platform.allowListeners(signal)
  signal.addEventListener('abort', onAbort, { once: true })
  return () => signal.removeEventListener('abort', onAbort)
}

/** A controller any number of tasks may listen to. */
export function newController(): AbortController {
  const controller = new AbortController()
  platform.allowListeners(controller.signal)
  return controller
}

/** Why what nobody consumes any more ends. */
export function abandoned(): DOMException {
  return new DOMException('nobody consumes the results any more', 'AbortError')
}
