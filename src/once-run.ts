// What Once and OnceValue have in common: one run of a function across all threads, and the wait of the others for its end.

import { PoisonedError, SyncError, show, TimeoutError, typeError } from './errors.js'
import {
  FINE,
  FLAGS_MASK,
  NOT_HELD,
  OK,
  ONCE_DONE,
  ONCE_POISONED,
  ONCE_THROWN,
  STALE,
  SYNC_STATE,
  WOULD_BLOCK,
} from './generated/layout.js'
import { watchLimits } from './limits.js'
import { createSync, SyncObject, type SyncOptions } from './sync-object.js'
import { type Operation, outcomeOf, patienceFor, requireBlocking, type WaitOptions, waitAsync } from './wait.js'

/** @internal Where an object lies that has been made, or found by its handle. */
export type Found = ReturnType<typeof createSync>

/** @internal */
export function createOnce(options: SyncOptions | undefined, className: string, kind: number): Found {
  return createSync(options, className, (core) => core.once_create(kind))
}

/** A function that is run once across all threads. */
export abstract class OnceRun extends SyncObject {
  /** @internal Where the generation and the flags of SYNC_STATE are found. */ readonly words: Int32Array
  /** @internal */ readonly index: number
  /** @internal What stands there once the function has returned. */ readonly returned: number

  /** @internal */
  constructor({ site, name }: Found) {
    super(site, name)
    this.words = site.arena.i32
    this.index = (site.at + SYNC_STATE) >>> 2
    this.returned = site.open | ONCE_DONE
  }

  /** Whether the function has ended: returned or thrown. False while it runs, and for ever if its thread has died over it. @throws StaleHandleError. */
  get done(): boolean {
    return (this.flags & ONCE_DONE) !== 0
  }

  /** Whether a thread has died over the function. @throws StaleHandleError. */
  get poisoned(): boolean {
    return (this.flags & ONCE_POISONED) !== 0
  }

  /** @internal ONCE_* as they are now. */
  get flags(): number {
    const word = Atomics.load(this.words, this.index)
    if ((word & ~FLAGS_MASK) !== this.open) throw this.stale()
    return word & FLAGS_MASK
  }

  /** @internal Whether what has ended is all there is to know, in one load. */
  get isOver(): boolean {
    return (Atomics.load(this.words, this.index) & ~ONCE_THROWN) === this.returned
  }

  /** @internal FINE: the calling thread runs the function, and says so by `ended`. WOULD_BLOCK: another one does. OK: it has ended. */
  begin(): number {
    const status = this.core.once_begin(this.at, this.open)
    if (status !== FINE && status !== WOULD_BLOCK) this.conclude(status)
    return status
  }

  /** @internal The function has ended. `payload`: the message to keep, or 0. False if there is no object any more that could keep it. */
  ended(payload = 0, length = 0, thrown = 0): boolean {
    const status = this.persist(() => this.core.once_end(this.at, this.open, payload, length, thrown))
    if (status === NOT_HELD) throw this.poison()
    return status !== STALE
  }

  /** @internal Waits for the end. */
  awaitEnd(method: string, timeout: number, options: WaitOptions | undefined): Promise<void> {
    const finish = (end: number): void => this.conclude(outcomeOf(this.arena, end))
    return waitAsync(this.arena, new OnceWait(this), this.called(method), timeout, options?.signal, finish)
  }

  /** @internal Blocks until the end. */
  blockForEnd(method: string, twin: string, timeout: number): void {
    if (this.core.once_isMine(this.at, this.open))
      throw new SyncError(
        `deadlock: ${method} of ${this.title} would block the thread that runs its function, which could never end. Await ${twin}() outside the function`,
      )
    requireBlocking(this.arena, method, twin)
    this.conclude(this.block(new OnceWait(this), method, timeout))
  }

  /** @internal The promise, until the caller's time is up: the run goes on. */
  limited<R>(run: Promise<R>, method: string, timeout: number, { signal }: WaitOptions = {}): Promise<R> {
    if (timeout === Number.POSITIVE_INFINITY && signal === undefined) return run
    return new Promise((resolve, reject) => {
      const stopWatching =
        timeout === 0
          ? () => {}
          : watchLimits(this.called(method), timeout, signal, (reason) => {
              stopWatching()
              reject(reason())
            })
      run.then(resolve, reject).finally(stopWatching)
      if (timeout === 0) reject(new TimeoutError(this.called(method), timeout))
    })
  }

  /** @internal Throws unless the function has ended. */
  conclude(status: number): void {
    if (status === OK) return
    this.check(status)
    throw this.poison()
  }

  /** @internal */
  poison(): PoisonedError {
    return new PoisonedError(
      `the thread that ran the function of ${this.title} died before its end: what the function was to do may be half done, and nobody runs it again. Put that right, then make a new one`,
    )
  }
}

/** One wait for the end. */
class OnceWait implements Operation {
  readonly patience = patienceFor(1)
  readonly rendezvous = false
  readonly #once: OnceRun

  constructor(once: OnceRun) {
    this.#once = once
  }

  readonly attempt = (): number => this.#once.core.once_status(this.#once.at, this.#once.open)
  readonly park = (token: number): number => this.#once.core.once_park(this.#once.at, this.#once.open, token)
}

/** @internal */
export function requireFunction(method: string, fn: unknown): void {
  if (typeof fn !== 'function') throw typeError(`${method} takes a function, not ${show(fn)}`)
}

/** @internal */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  )
}

/** @internal What a blocking call says when its function turns out to be async. */
export function notAsync(method: string, twin: string): TypeError {
  return typeError(
    `${method} takes a function that ends before it returns, not an async one: use \`await ${twin}(fn)\`. The function has begun, and counts as run once its promise is settled`,
  )
}
