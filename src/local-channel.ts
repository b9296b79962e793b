// The face of what can be received from within one thread: the methods of a receiving channel, over a LocalSource.

import type { Next } from './channel.js'
import { TimeoutError } from './errors.js'
import { values, valuesAvailable, valuesSync } from './iteration.js'
import { watchLimits } from './limits.js'
import { platform } from './platform/index.js'
import { type LocalSource, SOURCE } from './source.js'
import { keep } from './turn.js'
import { requireBlocking, timeoutOf, type WaitOptions } from './wait.js'

/**
 * A channel of this thread that can only be received from: those of timers, of tickers and of `SingleFlight.doChan`. It has no handle. Several may receive, by promises,
 * blocking and by `select`: each value goes to one of them, first come, first served. It has no buffer that one could look into: its length
 * is always 0. It is never closed.
 */
export class LocalChannel<T> {
  /** @internal */ readonly [SOURCE]: LocalSource<T>

  /** @internal */
  constructor(source: LocalSource<T>) {
    this[SOURCE] = source
  }

  /** Always 0, as with Go's timers: whether a value lies ready is found out by receiving it. */
  get length(): number {
    return 0
  }

  /** Always 0. */
  get capacity(): number {
    return 0
  }

  /** Always false: what has nothing more to deliver is empty, and receiving from it waits. */
  get closed(): boolean {
    return false
  }

  /** Whether the other is the same channel. */
  equals(other: unknown): boolean {
    return other instanceof LocalChannel && other[SOURCE] === this[SOURCE]
  }

  /**
   * The next value, waiting until it comes. Keeps the process alive until then, if it is known when it comes.
   *
   * @throws TimeoutError (ERR_TIMEOUT) or the signal's reason, and then nothing was received.
   */
  receive(options?: WaitOptions): Promise<T | undefined> {
    return this.#receive(options, ({ value }) => value)
  }

  /** As `receive`, in the form of an iterator's result: `{ value, done: false }`. */
  next(options?: WaitOptions): Promise<Next<T>> {
    return this.#receive(options, (next) => next)
  }

  /**
   * The next value, blocking this thread until it comes. It blocks for ever if none comes, or if promises of this thread wait for it that
   * came earlier: nothing else runs in this thread meanwhile.
   *
   * @throws TimeoutError (ERR_TIMEOUT); BlockingNotAllowedError (ERR_BLOCKING_NOT_ALLOWED).
   */
  receiveSync(options?: WaitOptions): T | undefined {
    return this.#receiveSync('receiveSync', 'receive', options).value
  }

  /** As `next`, blocking this thread as `receiveSync` does. */
  nextSync(options?: WaitOptions): Next<T> {
    return this.#receiveSync('nextSync', 'next', options)
  }

  /** The value that lies ready; `undefined` if none does. Never waits. */
  tryReceive(): T | undefined {
    return this[SOURCE].take()?.value
  }

  /** `{ value, done: false }`, or `undefined` if no value lies ready. Never waits. */
  tryNext(): Next<T> | undefined {
    return this[SOURCE].take()
  }

  /** Value after value, for ever. Leaving the loop loses none. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    return values(this)
  }

  /** The same, blocking this thread: `for (const v of ch.sync())`. */
  sync(): Generator<T, void, undefined> {
    return valuesSync(this)
  }

  /** What lies ready, without waiting for more. */
  available(): Generator<T, void, undefined> {
    return valuesAvailable(this)
  }

  #receive<R>(options: WaitOptions | undefined, result: (next: Next<T>) => R): Promise<R> {
    try {
      const timeout = timeoutOf(options)
      const source = this[SOURCE]
      const next = source.take()
      if (next !== undefined) return keep(result(next))
      if (timeout === 0) throw new TimeoutError('receive', timeout)
      return new Promise((resolve, reject) => {
        const unsubscribe = source.subscribe(() => {
          let next: Next<T> | undefined
          try {
            next = source.take()
            if (next === undefined) return false
            resolve(result(next))
          } catch (error) {
            reject(error)
          }
          unsubscribe()
          stopWatching()
          return true
        })
        const stopWatching = watchLimits('receive', timeout, options?.signal, (reason) => {
          unsubscribe()
          stopWatching()
          reject(reason())
        })
      })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #receiveSync(method: string, twin: string, options: WaitOptions | undefined): Next<T> {
    requireBlocking(platform, method, twin)
    const timeout = timeoutOf(options)
    const deadline = performance.now() + timeout
    for (;;) {
      const next = this[SOURCE].take()
      if (next !== undefined) return next
      if (performance.now() >= deadline) throw new TimeoutError('receive', timeout)
      doze(Math.min(this[SOURCE].readyAt(), deadline))
    }
  }
}

/** A word that nobody else knows: a wait on it ends by its time alone. */
let word: Int32Array | undefined

/** Blocks this thread until about that time (`performance.now()`): the caller looks at the clock. */
export function doze(until: number): void {
  word ??= new Int32Array(new SharedArrayBuffer(4))
  Atomics.wait(word, 0, 0, Math.max(0, until - performance.now()))
}
