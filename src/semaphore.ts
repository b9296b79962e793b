// Semaphore: golang.org/x/sync/semaphore across threads and event loops. The algorithm is in assembly/semaphore.ts.

import { rangeError, SyncError, show, typeError } from './errors.js'
import { CANCELLED, FINE, KIND_SEMAPHORE, NOT_HELD, OK, SEMAPHORE_SIZE, WOULD_BLOCK } from './generated/layout.js'
import { type Handle, registerKind } from './handle.js'
import { checkSync, createSync, nameOf, SyncObject, type SyncOptions } from './sync-object.js'
import { keep } from './turn.js'
import {
  type Operation,
  outcomeOf,
  patienceFor,
  requireBlocking,
  timeoutOf,
  type WaitOptions,
  waitAsync,
} from './wait.js'

/** What has been acquired of a semaphore. Released once, however often it is told to; `using` does it at the end of the block. */
export class Permit {
  /** How many it stands for. */
  readonly n: number
  #semaphore: Semaphore | undefined

  /** @internal */
  constructor(semaphore: Semaphore, n: number) {
    this.#semaphore = semaphore
    this.n = n
  }

  /** Gives all of it back, the first time it is called. */
  release(): void {
    const semaphore = this.#semaphore
    this.#semaphore = undefined
    semaphore?.release(this.n)
  }

  [Symbol.dispose](): void {
    this.release()
  }
}

/**
 * A number of permits that threads and tasks share: who acquires some waits until so many are available. A release synchronizes with the acquire that
 * gets what was released.
 *
 * First come, first served, whatever the weight: while one waits for many, nobody behind it gets any. Permits belong to the thread that has acquired
 * them, though any thread may release them: those of a thread that dies come back.
 *
 * Algorithm: golang.org/x/sync/semaphore. Takes 256 bytes, and 2 KiB for what belongs to whom.
 *
 * @example
 * const semaphore = new Semaphore(3)
 * {
 *   using permit = await semaphore.acquire()
 *   // … three at a time
 * }
 */
export class Semaphore extends SyncObject {
  readonly what = 'the semaphore'
  /** How many permits there are. */
  readonly size: number

  /** `size`: an integer from 0 to 2^31 - 1. @throws TypeError, RangeError; ArenaFullError if the arena has no room. */
  constructor(size: number, options?: SyncOptions)
  /** @internal */
  constructor(size: number, options: SyncOptions | undefined, found: ReturnType<typeof createSync>)
  constructor(size: number, options?: SyncOptions, found?: ReturnType<typeof createSync>) {
    const { site, name } = found ?? createSemaphore(size, options)
    super(site, name)
    this.size = this.arena.u32[(site.at + SEMAPHORE_SIZE) >>> 2] as number
  }

  /**
   * Waits until `n` permits are available and takes them. Timeout and abort reject, and then nothing has been taken.
   *
   * @throws RangeError (ERR_OUT_OF_RANGE) if there are not so many at all; TimeoutError (ERR_TIMEOUT) or the signal's reason; StaleHandleError.
   */
  acquire(n = 1, options?: WaitOptions): Promise<Permit> {
    try {
      this.#requireSome(n)
      const timeout = timeoutOf(options)
      if (this.core.semaphore_tryAcquire(this.at, this.open, n) === FINE) return keep(new Permit(this, n))
      const finish = (end: number): Permit => this.#permit(outcomeOf(this.arena, end), n)
      return waitAsync(this.arena, new Wait(this, n), this.called('acquire'), timeout, options?.signal, finish)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Blocks until `n` permits are taken. @throws as `acquire`; BlockingNotAllowedError (ERR_BLOCKING_NOT_ALLOWED). */
  acquireSync(n = 1, options?: WaitOptions): Permit {
    if (options === undefined && (n | 0) === n && n >= 0 && n <= this.size) {
      if (this.core.semaphore_tryAcquire(this.at, this.open, n) === FINE) return new Permit(this, n)
    }
    return this.#acquireSlow(n, options)
  }

  /** Takes `n` permits if so many are available and nobody waits: whether it did. `release` gives them back. @throws RangeError, StaleHandleError. */
  tryAcquire(n = 1): boolean {
    if ((n | 0) !== n || n < 0) requireCount(n)
    if (n > this.size) return false
    const status = this.core.semaphore_tryAcquire(this.at, this.open, n)
    if (status === FINE) return true
    return status !== WOULD_BLOCK && this.#tried(n, status)
  }

  /**
   * Gives `n` permits back, whichever thread has acquired them; those of the calling thread first. Never waits.
   *
   * @throws SyncError (ERR_SYNC, `semaphore: released more than held`), and then nothing has changed; RangeError; StaleHandleError.
   */
  release(n = 1): void {
    if ((n | 0) !== n || n < 0) requireCount(n)
    const status = this.core.semaphore_release(this.at, this.open, n)
    if (status !== FINE) this.#released(n, status)
  }

  /** How many are available, at one moment during the call. */
  get available(): number {
    const available = this.core.semaphore_available(this.at, this.open)
    if (available < 0) throw this.stale()
    return available
  }

  get handle(): Handle<Semaphore> {
    return this.syncHandle('semaphore')
  }

  #tried(n: number, first: number): boolean {
    const status = this.persist(() => this.core.semaphore_tryAcquire(this.at, this.open, n), first)
    this.check(status)
    return status === FINE
  }

  override settle(): number {
    return this.core.semaphore_serve(this.at, this.open)
  }

  #released(n: number, first: number): void {
    const status = this.persist(() => this.core.semaphore_release(this.at, this.open, n), first)
    if (status === NOT_HELD) throw new SyncError('semaphore: released more than held')
    this.check(status)
  }

  #acquireSlow(n: number, options: WaitOptions | undefined): Permit {
    this.#requireSome(n)
    const timeout = timeoutOf(options)
    const first = this.core.semaphore_tryAcquire(this.at, this.open, n)
    if (first === FINE) return new Permit(this, n)
    this.check(first)
    requireBlocking(this.arena, 'acquireSync', 'acquire')
    const status = this.block(new Wait(this, n), 'acquireSync', timeout)
    return this.#permit(status, n)
  }

  #permit(status: number, n: number): Permit {
    this.check(status)
    return new Permit(this, n)
  }

  #requireSome(n: number): void {
    requireCount(n)
    if (n > this.size)
      throw rangeError(`${this.title} has ${this.size} permits in all, so nobody can ever acquire ${show(n)} at once`)
  }
}

/** One wait for permits. */
class Wait implements Operation {
  readonly patience = patienceFor(1)
  readonly rendezvous = false
  readonly #semaphore: Semaphore
  readonly #n: number

  constructor(semaphore: Semaphore, n: number) {
    this.#semaphore = semaphore
    this.#n = n
  }

  attempt(): number {
    const { core, at, open } = this.#semaphore
    const status = core.semaphore_tryAcquire(at, open, this.#n)
    return status === FINE ? OK : status
  }

  // A property: the drivers call it by itself.
  readonly park = (token: number): number => {
    const { core, at, open } = this.#semaphore
    return core.semaphore_park(at, open, token, this.#n)
  }

  cancel(waiter: number): number {
    const state = this.#semaphore.arena.core.waiter_cancel(waiter)
    // It may have been in the way of those behind it.
    if (state === CANCELLED) this.#semaphore.serve()
    return state
  }
}

/** Throws unless it is a number of permits. */
function requireCount(n: number): void {
  if (typeof n !== 'number') throw typeError(`a number of permits is an integer from 0, not ${show(n)}`)
  if (!Number.isInteger(n) || n < 0) throw rangeError(`a number of permits is an integer from 0, not ${show(n)}`)
}

function createSemaphore(size: number, options: SyncOptions | undefined): ReturnType<typeof createSync> {
  if (typeof size !== 'number') throw typeError(`the size of a semaphore is an integer from 0, not ${show(size)}`)
  if (!Number.isInteger(size) || size < 0 || size > MAX_SIZE)
    throw rangeError(`the size of a semaphore is an integer from 0 to ${MAX_SIZE}, not ${show(size)}`)
  return createSync(options, 'Semaphore', (core) => core.semaphore_create(size))
}

const MAX_SIZE = 2 ** 31 - 1

registerKind(
  'semaphore',
  KIND_SEMAPHORE,
  (site, handle) => new Semaphore(0, undefined, { site, name: nameOf(handle) }),
  checkSync,
)
