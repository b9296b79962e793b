// Functions that are run once, in one thread: Go's sync.OnceFunc, OnceValue and OnceValues. Nothing here is shared between threads.

import { SyncError, show, typeError } from './errors.js'
import { requireFunction } from './once-run.js'
import { OnceValue } from './once-value.js'

const WAITING = 0
const RETURNED = 1
const THROWN = 2

function once<R>(name: string, fn: () => R): () => R {
  requireFunction(name, fn)
  let state = WAITING
  let result: unknown
  /** Gone once it is called: nobody needs what it holds after that. */
  let next: (() => R) | undefined = fn
  return () => {
    if (state === WAITING) {
      if (next === undefined)
        throw new SyncError(`deadlock: the function of ${name} calls itself, and would wait for its own end`)
      const run = next
      next = undefined
      try {
        result = run()
        state = RETURNED
      } catch (error) {
        result = error
        state = THROWN
      }
    }
    if (state === THROWN) throw result
    return result as R
  }
}

/**
 * A function that runs `fn` when it is called first, and never again. If `fn` throws, every call throws the same error. If `fn` is async, every call returns
 * the same promise. What `fn` holds is released once it has been called. For one thread; to run something once across threads: {@link Once}.
 *
 * @throws TypeError (ERR_INVALID_ARG_TYPE) unless `fn` is a function. The function that is returned throws SyncError (ERR_SYNC) if `fn` calls it.
 */
export function onceFunc<R extends void | PromiseLike<void>>(fn: () => R): () => R {
  return once('onceFunc', fn)
}

/**
 * As {@link onceFunc}, for the value that `fn` returns: every call returns the same one, or the same promise. With a {@link OnceValue} as second argument `fn` is
 * run once across all threads that do the same with it, and every call returns a promise of that one value.
 *
 * @example
 * const config = onceValue(() => JSON.parse(text))
 * config() === config() // true
 */
export function onceValue<T>(fn: () => T): () => T
export function onceValue<T>(fn: () => T | PromiseLike<T>, shared: OnceValue<T>): () => Promise<T>
export function onceValue<T>(fn: () => T, shared?: OnceValue<T>): () => T | Promise<T> {
  if (shared === undefined) return once('onceValue', fn)
  if (!(shared instanceof OnceValue))
    throw typeError(`onceValue takes a function and an OnceValue, not ${show(shared)}`)
  requireFunction('onceValue', fn)
  return once('onceValue', () => shared.get(fn))
}

/** As {@link onceValue}, for functions that return several values, as an array: every call returns the same array. */
export function onceValues<T extends readonly unknown[] | PromiseLike<readonly unknown[]>>(fn: () => T): () => T {
  return once('onceValues', fn)
}
