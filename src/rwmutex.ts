// RWMutex: Go's sync.RWMutex across threads and event loops. The algorithm is in assembly/rwmutex.ts.

import { SyncError } from './errors.js'
import {
  ARENA,
  BUSY,
  CLAIMED_WORD,
  FINE,
  KIND_RWMUTEX,
  NOT_HELD,
  OK,
  POISONED,
  RW_CELLS_BYTES,
  RW_DRAINING,
  RW_LOCKED,
  RW_POISONED,
  RW_STRICT,
  SYNC_BYTES,
  WOULD_BLOCK,
} from './generated/layout.js'
import { type Handle, registerKind } from './handle.js'
import { Guard, type MutexOptions, strictness } from './mutex.js'
import { RLocker } from './rlocker.js'
import { checkSync, createSync, nameOf, SyncObject } from './sync-object.js'
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

/**
 * A lock for many readers or one writer, across threads and tasks. Not re-entrant: a thread that has a read lock and takes another one while a writer
 * waits in between waits for ever. Not bound to its owner: another thread may unlock it, as in Go. What a writer did before it unlocked, all who
 * get the lock after see; what readers did before they gave up theirs, the next writer sees.
 *
 * A writer that waits keeps new readers out; when it has unlocked, all readers that are waiting get in before the next writer. Writers are served first
 * come, first served. Readers of different threads touch no word in common but to read it. A thread that dies gives up its read locks; what becomes
 * of its write lock is said by `onDeath`, as with Mutex.
 *
 * Algorithm: what Go's sync.RWMutex promises, with a count for each thread (a big-reader lock). Takes 4352 bytes; writing looks at the count of each
 * thread that has opened it.
 *
 * @example
 * const lock = new RWMutex()
 * {
 *   using guard = await lock.rlock()
 *   // … with other readers
 * }
 */
export class RWMutex extends SyncObject {
  readonly what = 'the RWMutex'
  /** @internal Whether nobody gets it while it is poisoned. */
  readonly strict: boolean
  /** @internal Where this thread's read locks are counted. */
  readonly cell: number
  readonly #readUnlock = { unlock: (): void => this.runlock() }

  /** @throws TypeError for wrong options; ArenaFullError if the arena has no room. */
  constructor(options?: MutexOptions)
  /** @internal */
  constructor(options: MutexOptions | undefined, found: ReturnType<typeof createSync>)
  constructor(options?: MutexOptions, found?: ReturnType<typeof createSync>) {
    const { site, name } = found ?? createRWMutex(options)
    super(site, name)
    const { core, at, open } = this
    this.cell = this.persist(() => core.rwmutex_cell(at, open))
    if (this.cell < ARENA) throw this.stale()
    this.strict = (this.#flags & RW_STRICT) !== 0
    this.arena.loop.poll()
  }

  // ── Writing ──

  /**
   * Waits until nobody else has the lock. Timeout and abort reject, and then the lock is not held, and the readers that waited behind get in.
   *
   * @throws TimeoutError (ERR_TIMEOUT) or the signal's reason; PoisonedError (ERR_POISONED) where the options say so; StaleHandleError.
   */
  lock(options?: WaitOptions): Promise<Guard> {
    try {
      const timeout = timeoutOf(options)
      const status = this.core.rwmutex_claim(this.at, this.open)
      if (status === FINE) return keep(new Guard(this, false))
      if (status !== WOULD_BLOCK && status !== CLAIMED_WORD) return keep(this.#guard(status, this))
      const wait = new WriteWait(this, status === CLAIMED_WORD)
      const finish = (end: number): Guard => this.#guard(outcomeOf(this.arena, end), this)
      const locked = waitAsync(this.arena, wait, this.called('lock'), timeout, options?.signal, finish)
      return timeout === Number.POSITIVE_INFINITY && options?.signal === undefined
        ? locked
        : locked.catch((error) => {
            this.#giveUp()
            throw error
          })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Blocks until the lock is held. @throws as `lock`; BlockingNotAllowedError (ERR_BLOCKING_NOT_ALLOWED). */
  lockSync(options?: WaitOptions): Guard {
    const timeout = timeoutOf(options)
    let status = this.core.rwmutex_claim(this.at, this.open)
    if (status === FINE) return new Guard(this, false)
    if (status === WOULD_BLOCK || status === CLAIMED_WORD) {
      try {
        requireBlocking(this.arena, 'lockSync', 'lock')
        status = this.block(new WriteWait(this, status === CLAIMED_WORD), 'lockSync', timeout)
      } catch (error) {
        this.#giveUp()
        throw error
      }
    }
    return this.#guard(status, this)
  }

  /** Takes the lock if nobody has it: whether it did. Others that try at the same moment may be turned away as well. @throws PoisonedError, StaleHandleError. */
  tryLock(): boolean {
    return this.#tried(this.core.rwmutex_tryLock(this.at, this.open))
  }

  /** Unlocks, whoever has locked for writing. Never waits. @throws SyncError (ERR_SYNC, `sync: Unlock of unlocked RWMutex`); StaleHandleError. */
  unlock(): void {
    const status = this.core.rwmutex_unlock(this.at, this.open)
    if (status !== FINE) this.#unlocked(status, 'Unlock')
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

  // ── Reading ──

  /** Waits until no writer has the lock, or waits for it and was there before. The guard's `unlock` gives up the read lock. @throws as `lock`. */
  rlock(options?: WaitOptions): Promise<Guard> {
    try {
      const timeout = timeoutOf(options)
      const status = this.core.rwmutex_tryRLock(this.at, this.open, this.cell)
      if (status !== WOULD_BLOCK) return keep(this.#guard(status, this.#readUnlock))
      const finish = (end: number): Guard => this.#guard(outcomeOf(this.arena, end), this.#readUnlock)
      return waitAsync(this.arena, new ReadWait(this), this.called('rlock'), timeout, options?.signal, finish)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Blocks until the read lock is held. @throws as `lockSync`. */
  rlockSync(options?: WaitOptions): Guard {
    const timeout = options === undefined ? Number.POSITIVE_INFINITY : timeoutOf(options)
    let status = this.core.rwmutex_tryRLock(this.at, this.open, this.cell)
    if (status === WOULD_BLOCK) {
      requireBlocking(this.arena, 'rlockSync', 'rlock')
      status = this.block(new ReadWait(this), 'rlockSync', timeout)
    }
    return this.#guard(status, this.#readUnlock)
  }

  /** Takes a read lock unless a writer has the lock or waits for it: whether it did. @throws PoisonedError, StaleHandleError. */
  tryRLock(): boolean {
    const status = this.core.rwmutex_tryRLock(this.at, this.open, this.cell)
    return status === FINE || this.#tried(status)
  }

  /** Gives up a read lock, of this thread or, if it has none, of any other. Never waits. @throws SyncError (ERR_SYNC, `sync: RUnlock of unlocked RWMutex`); StaleHandleError. */
  runlock(): void {
    const status = this.core.rwmutex_runlock(this.at, this.open, this.cell)
    if (status !== FINE) this.#unlocked(status, 'RUnlock')
  }

  /** As `withLock`, with a read lock. */
  async withRLock<R>(run: (guard: Guard) => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    const guard = await this.rlock(options)
    try {
      return await run(guard)
    } finally {
      guard.unlock()
    }
  }

  /** As `withLockSync`, with a read lock. */
  withRLockSync<R>(run: (guard: Guard) => R, options?: WaitOptions): R {
    const guard = this.rlockSync(options)
    try {
      return run(guard)
    } finally {
      guard.unlock()
    }
  }

  /** The readers' side as a lock of its own: `lock` is `rlock`, `unlock` is `runlock`. For Cond, and for what takes any lock. */
  rLocker(): RLocker {
    return new RLocker(this)
  }

  // ── State ──

  /** Whether a writer has it, at one moment during the call. */
  get locked(): boolean {
    return (this.#flags & (RW_LOCKED | RW_DRAINING)) === RW_LOCKED
  }

  /** How many read locks are held; each thread's as it is when it is looked at. */
  get readers(): number {
    const readers = this.core.rwmutex_readers(this.at, this.open)
    if (this.#flags < 0) throw this.stale()
    return readers
  }

  /** Whether a thread has died holding it as a writer: until the next writer has unlocked, or `clearPoison` is called. */
  get poisoned(): boolean {
    return (this.#flags & RW_POISONED) !== 0
  }

  /** The platform's number of the thread that has locked it for writing (`threadId` + 1 in Node); undefined if nobody has. */
  get owner(): number | undefined {
    const identity = this.core.rwmutex_owner(this.at, this.open) & 0xffffff
    return identity === 0 ? undefined : identity
  }

  /** Says that what the lock guards is sound again. */
  clearPoison(): void {
    this.check(this.persist(() => this.core.rwmutex_heal(this.at, this.open)))
  }

  get handle(): Handle<RWMutex> {
    return this.syncHandle('rwmutex')
  }

  get #flags(): number {
    const flags = this.core.rwmutex_flags(this.at, this.open)
    if (flags < 0) throw this.stale()
    return flags
  }

  /** A writer that has timed out may be the one that the others wait for. */
  #giveUp(): void {
    this.core.rwmutex_giveUp(this.at, this.open)
    this.arena.loop.poll()
  }

  #tried(status: number): boolean {
    if (status === FINE) return true
    // Others may have been served.
    this.arena.loop.poll()
    if (status === WOULD_BLOCK) return false
    this.#guard(status, this)
    return true
  }

  #unlocked(first: number, what: 'Unlock' | 'RUnlock'): void {
    const again = (): number =>
      what === 'Unlock'
        ? this.core.rwmutex_unlock(this.at, this.open)
        : this.core.rwmutex_runlock(this.at, this.open, this.cell)
    const status = this.persist(again, first)
    if (status === NOT_HELD) throw new SyncError(`sync: ${what} of unlocked RWMutex`)
    this.check(status)
  }

  /** What a status that is the end of a wait for the lock comes to. */
  #guard(status: number, lock: { unlock(): void }): Guard {
    if (status === OK || status === FINE) return new Guard(lock, false)
    if (status === POISONED && !this.strict) return new Guard(lock, true)
    this.check(status)
    throw this.refusal()
  }
}

/** One wait for a read lock. */
class ReadWait implements Operation {
  readonly patience = patienceFor(1)
  readonly rendezvous = false
  readonly #lock: RWMutex

  constructor(lock: RWMutex) {
    this.#lock = lock
  }

  readonly attempt = (): number => {
    const { core, at, open, cell } = this.#lock
    const status = core.rwmutex_tryRLock(at, open, cell)
    return status === FINE ? OK : status
  }

  readonly park = (token: number): number => {
    const { core, at, open } = this.#lock
    return core.rwmutex_parkReader(at, open, token)
  }
}

/** One wait to write. Once it has the word, no reader comes in any more. */
class WriteWait implements Operation {
  readonly patience = patienceFor(1)
  readonly rendezvous = false
  readonly #lock: RWMutex
  #claimed: boolean

  constructor(lock: RWMutex, claimed: boolean) {
    this.#lock = lock
    this.#claimed = claimed
  }

  readonly attempt = (): number => {
    const { core, at, open } = this.#lock
    const status = this.#claimed ? core.rwmutex_drain(at, open) : core.rwmutex_claim(at, open)
    if (status !== CLAIMED_WORD) return status === FINE ? OK : status
    this.#claimed = true
    return WOULD_BLOCK
  }

  readonly park = (token: number): number => {
    const { core, at, open } = this.#lock
    const waiter = core.rwmutex_park(at, open, token, this.#claimed ? 1 : 0)
    // It is not in the way of others if there is no room for a waiter.
    if (waiter < ARENA && waiter !== BUSY && this.#claimed) core.rwmutex_giveUp(at, open)
    return waiter
  }
}

function createRWMutex(options: MutexOptions | undefined): ReturnType<typeof createSync> {
  const strict = strictness(options)
  return createSync(options, 'RWMutex', (core) => core.rwmutex_create(strict), SYNC_BYTES + RW_CELLS_BYTES)
}

registerKind(
  'rwmutex',
  KIND_RWMUTEX,
  (site, handle) => {
    const lock = new RWMutex(undefined, { site, name: nameOf(handle) })
    return handle.view === 'receive' ? lock.rLocker() : lock
  },
  checkSync,
)
