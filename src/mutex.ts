// Mutex: Go's sync.Mutex across threads and event loops. The algorithm is in assembly/mutex.ts.

import { SyncError, show, TimeoutError, typeError } from './errors.js'
import {
  ARENA,
  FINE,
  KIND_MUTEX,
  MUTEX_LOCKED,
  MUTEX_POISONED,
  MUTEX_STRICT,
  NOT_HELD,
  OK,
  PARK_AGAIN,
  PARK_STARVING,
  POISONED,
  RETRY,
  WOULD_BLOCK,
} from './generated/layout.js'
import { type Handle, registerKind } from './handle.js'
import { checkSync, createSync, nameOf, SyncObject, type SyncOptions } from './sync-object.js'
import { keep } from './turn.js'
import {
  left,
  type Operation,
  outcomeOf,
  patienceFor,
  release,
  requireBlocking,
  TIMED_OUT,
  timeoutOf,
  type WaitOptions,
  waitAsync,
  waitSync,
} from './wait.js'

export interface MutexOptions extends SyncOptions {
  /**
   * What happens after a thread has died holding the lock: `'report'` (the default) gives the lock to the next one, whose guard says `poisoned`;
   * `'throw'` gives it to nobody until `clearPoison` is called: locking throws PoisonedError.
   */
  onDeath?: 'report' | 'throw'
}

/** A lock that is held. Unlocks once, however often it is told to; `using` does it at the end of the block. */
export class Guard {
  /** Whether the thread that held the lock before has died holding it: what the lock guards may be half changed. */
  readonly poisoned: boolean
  #lock: { unlock(): void } | undefined

  /** @internal */
  constructor(lock: { unlock(): void }, poisoned: boolean) {
    this.#lock = lock
    this.poisoned = poisoned
  }

  /** Unlocks, the first time it is called. */
  unlock(): void {
    const lock = this.#lock
    this.#lock = undefined
    lock?.unlock()
  }

  [Symbol.dispose](): void {
    this.unlock()
  }
}

/**
 * Mutual exclusion across threads and tasks: at most one holds the lock. Not re-entrant, and not bound to its owner: another thread may unlock it,
 * as in Go. An unlock synchronizes with the next lock.
 *
 * Fair as Go's: a lock that is free goes to who comes first, and those who have waited a millisecond in vain, and tasks of event loops, are served first
 * come, first served. A thread that dies holding the lock does not keep it: see `onDeath`.
 *
 * Algorithm: Go's sync.Mutex (normal and starvation mode), with the owner in the word. Takes 256 bytes.
 *
 * @example
 * const mutex = new Mutex()
 * {
 *   using guard = await mutex.lock()
 *   // … alone
 * }
 */
export class Mutex extends SyncObject {
  readonly what = 'the mutex'
  /** @internal Whether nobody gets it while it is poisoned. */
  readonly strict: boolean

  /** @throws TypeError for wrong options; ArenaFullError if the arena has no room. */
  constructor(options?: MutexOptions)
  /** @internal */
  constructor(options: MutexOptions | undefined, found: ReturnType<typeof createSync>)
  constructor(options?: MutexOptions, found?: ReturnType<typeof createSync>) {
    const { site, name } = found ?? createMutex(options)
    super(site, name)
    this.strict = (this.core.mutex_flags(site.at, site.open) & MUTEX_STRICT) !== 0
  }

  /**
   * Waits for the lock. Timeout and abort reject, and then the lock is not held.
   *
   * @throws TimeoutError (ERR_TIMEOUT) or the signal's reason; PoisonedError (ERR_POISONED) where the options say so; StaleHandleError.
   */
  lock(options?: WaitOptions): Promise<Guard> {
    try {
      const timeout = timeoutOf(options)
      const status = this.core.mutex_tryLock(this.at, this.open)
      if (status === FINE) return keep(new Guard(this, false))
      if (status !== WOULD_BLOCK) return keep(this.#guard(status))
      return this.#lockLater(timeout, options?.signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Blocks until the lock is held. @throws as `lock`; BlockingNotAllowedError (ERR_BLOCKING_NOT_ALLOWED). */
  lockSync(options?: WaitOptions): Guard {
    const timeout = options === undefined ? Number.POSITIVE_INFINITY : timeoutOf(options)
    const status = this.core.mutex_tryLock(this.at, this.open)
    return status === FINE ? new Guard(this, false) : this.#lockSlow(status, timeout)
  }

  /** Takes the lock if it is free and nobody has starved for it. Whether it did. @throws PoisonedError, StaleHandleError. */
  tryLock(): boolean {
    const status = this.core.mutex_tryLock(this.at, this.open)
    if (status === FINE) return true
    if (status === WOULD_BLOCK) return false
    this.#guard(status)
    return true
  }

  /** Unlocks, whoever has locked. Never waits. @throws SyncError (ERR_SYNC, `sync: unlock of unlocked mutex`); StaleHandleError. */
  unlock(): void {
    const status = this.core.mutex_unlock(this.at, this.open)
    if (status !== FINE) this.#unlocked(status)
  }

  /** Runs the function while the lock is held, and unlocks when it has ended, also if it throws. Gives what it gives. */
  async withLock<R>(run: (guard: Guard) => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    const guard = await this.lock(options)
    try {
      return await run(guard)
    } finally {
      guard.unlock()
    }
  }

  /** As `withLock`, blocking: the function is run at once when the lock is held, and must not be async. */
  withLockSync<R>(run: (guard: Guard) => R, options?: WaitOptions): R {
    const guard = this.lockSync(options)
    try {
      return run(guard)
    } finally {
      guard.unlock()
    }
  }

  /** Whether it is locked, at one moment during the call. */
  get locked(): boolean {
    return (this.#flags & MUTEX_LOCKED) !== 0
  }

  /** Whether a thread has died holding the lock: until who got it after that has unlocked, or `clearPoison` is called. */
  get poisoned(): boolean {
    return (this.#flags & MUTEX_POISONED) !== 0
  }

  /** The platform's number of the thread that has it locked (`threadId` + 1 in Node); undefined if nobody has. */
  get owner(): number | undefined {
    const identity = this.core.mutex_owner(this.at, this.open) & 0xffffff
    return identity === 0 ? undefined : identity
  }

  /** Says that what the lock guards is sound again. */
  clearPoison(): void {
    this.check(this.persist(() => this.core.mutex_heal(this.at, this.open)))
  }

  get handle(): Handle<Mutex> {
    return this.syncHandle('mutex')
  }

  override settle(): number {
    return this.core.mutex_settle(this.at, this.open)
  }

  get #flags(): number {
    const flags = this.core.mutex_flags(this.at, this.open)
    if (flags < 0) throw this.stale()
    return flags
  }

  #unlocked(first: number): void {
    const status = this.persist(() => this.core.mutex_unlock(this.at, this.open), first)
    if (status === NOT_HELD) throw new SyncError('sync: unlock of unlocked mutex')
    this.check(status)
  }

  async #lockLater(timeout: number, signal: AbortSignal | undefined): Promise<Guard> {
    return this.#guard(await new MutexWait(this).await(this.called('lock'), timeout, signal))
  }

  /** After a first try with that status. */
  #lockSlow(first: number, timeout: number): Guard {
    let status = first
    if (status === WOULD_BLOCK) {
      requireBlocking(this.arena, 'lockSync', 'lock')
      status = new MutexWait(this).block(timeout)
      if (status === TIMED_OUT) throw new TimeoutError(this.called('lockSync'), timeout)
    }
    return this.#guard(status)
  }

  /** What a status that is the end of a wait for the lock comes to. */
  #guard(status: number): Guard {
    if (status === OK) return new Guard(this, false)
    if (status === POISONED && !this.strict) return new Guard(this, true)
    this.check(status)
    throw this.refusal()
  }
}

/** One wait for a mutex. */
class MutexWait implements Operation {
  readonly patience = patienceFor(1)
  readonly rendezvous = false
  readonly #mutex: Mutex
  readonly #since = performance.now()
  /** Whether we have been woken to compete, and nobody else is until we have the lock, queue up again or give up. */
  #rival = false

  constructor(mutex: Mutex) {
    this.#mutex = mutex
  }

  readonly attempt = (): number => {
    const { core, at, open } = this.#mutex
    const status = this.#rival ? core.mutex_compete(at, open) : core.mutex_tryAgain(at, open)
    if (status === FINE || (status === POISONED && !this.#mutex.strict)) this.#rival = false
    return status === FINE ? OK : status
  }

  readonly park = (token: number): number => {
    const { core, at, open } = this.#mutex
    const starving = performance.now() - this.#since > STARVATION ? PARK_STARVING : 0
    const waiter = core.mutex_park(at, open, token, this.#rival ? PARK_AGAIN | starving : 0)
    if (waiter < ARENA) return waiter
    this.#rival = false
    this.#mutex.serve()
    return waiter
  }

  /** Blocks until it has an end: OK, POISONED, TIMED_OUT, STALE or NO_MEMORY. */
  block(timeout: number): number {
    const { arena } = this.#mutex
    try {
      for (;;) {
        const end = waitSync(arena, this, left(timeout, this.#since))
        const status = this.#outcome(outcomeOf(arena, end))
        release(arena, end)
        if (status !== WOULD_BLOCK) return status
      }
    } finally {
      this.#end()
    }
  }

  /** As `block`, awaiting: rejects with TimeoutError or the signal's reason. */
  async await(what: string, timeout: number, signal: AbortSignal | undefined): Promise<number> {
    const { arena } = this.#mutex
    const finish = (end: number): number => this.#outcome(outcomeOf(arena, end))
    try {
      for (;;) {
        const status = await waitAsync(arena, this, what, left(timeout, this.#since), signal, finish)
        if (status !== WOULD_BLOCK) return status
        signal?.throwIfAborted()
      }
    } catch (error) {
      throw error instanceof TimeoutError && error !== signal?.reason ? new TimeoutError(what, timeout) : error
    } finally {
      this.#end()
    }
  }

  /** What the end of a wait comes to: who has been woken to compete does so at once. */
  #outcome(status: number): number {
    if (status !== RETRY) return status
    this.#rival = true
    return this.attempt()
  }

  /** Without the lock, and still the one whom the others wait for. */
  #end(): void {
    const { core, at, open } = this.#mutex
    if (this.#rival) this.#mutex.persist(() => core.mutex_yield(at, open))
  }
}

/** Milliseconds after which who waits is served before who comes by. */
const STARVATION = 1

/** @internal What the option `onDeath` comes to: 1 for 'throw'. */
export function strictness(options: MutexOptions | undefined): number {
  const onDeath = options?.onDeath ?? 'report'
  if (onDeath !== 'report' && onDeath !== 'throw')
    throw typeError(`onDeath is 'report' or 'throw', not ${show(onDeath)}`)
  return onDeath === 'throw' ? 1 : 0
}

function createMutex(options: MutexOptions | undefined): ReturnType<typeof createSync> {
  const strict = strictness(options)
  return createSync(options, 'Mutex', (core) => core.mutex_create(strict))
}

registerKind('mutex', KIND_MUTEX, (site, handle) => new Mutex(undefined, { site, name: nameOf(handle) }), checkSync)
