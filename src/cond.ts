// Cond: Go's sync.Cond across threads and event loops. The algorithm is in assembly/cond.ts.

import { StaleHandleError, show, TimeoutError, typeError } from './errors.js'
import {
  ARENA,
  COND_LEDGER_BYTES,
  COND_LOCKER,
  COND_LOCKER_KIND,
  COND_LOCKER_OPEN,
  COND_RLOCKER,
  KIND_COND,
  KIND_MUTEX,
  KIND_RWMUTEX,
  OK,
  STALE,
  SYNC_BYTES,
} from './generated/layout.js'
import { type Handle, open, registerKind, type Site } from './handle.js'
import { Mutex } from './mutex.js'
import { RLocker } from './rlocker.js'
import { RWMutex } from './rwmutex.js'
import { checkSync, createSync, nameOf, SyncObject, type SyncOptions } from './sync-object.js'
import {
  cancel,
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

/** What a Cond can go with. */
export type Locker = Mutex | RWMutex | RLocker

/**
 * A place where threads and tasks wait, with a lock held, until another one says that something has changed. `wait` unlocks, sleeps, and locks again
 * before it returns; nobody wakes up unless told to. Call it in a loop that looks at what is waited for: another one may have been faster.
 *
 * A signal is not remembered where nobody waits. One that is given to a thread that dies before it has the lock again goes to the next who waits.
 * What was done before `signal` or `broadcast`, who is woken sees.
 *
 * Algorithm: Go's sync.Cond (tickets). Takes 2304 bytes.
 *
 * @example
 * const mutex = new Mutex()
 * const changed = new Cond(mutex)
 * {
 *   using guard = await mutex.lock()
 *   while (queue.length === 0) await changed.wait()
 * }
 */
export class Cond<out L extends Locker = Locker> extends SyncObject {
  readonly what = 'the Cond'
  /** The lock that waiting gives up and takes again; where the Cond was opened, opened with it. */
  readonly locker: L

  /** Lies in the arena of the lock, unless the options say otherwise. @throws TypeError for anything but a lock; ArenaFullError if there is no room. */
  constructor(locker: L, options?: SyncOptions)
  /** @internal */
  constructor(locker: L, options: SyncOptions | undefined, found: ReturnType<typeof createSync>)
  constructor(locker: L, options?: SyncOptions, found?: ReturnType<typeof createSync>) {
    if (!(locker instanceof Mutex || locker instanceof RWMutex || locker instanceof RLocker))
      throw typeError(`a Cond takes a Mutex, an RWMutex or what rLocker() gives, not ${show(locker)}`)
    const { site, name } = found ?? createCond(locker, options)
    super(site, name)
    this.locker = locker
    if (found === undefined) this.#noteLocker()
  }

  /**
   * Unlocks, waits for a signal or a broadcast, locks again. The caller has the lock, and has it again when the promise is settled: also after a
   * timeout or an abort, which end the sleep only. Without the lock it rejects as `unlock` throws, and nothing has happened.
   *
   * @throws TimeoutError (ERR_TIMEOUT) or the signal's reason; SyncError (ERR_SYNC); what `lock` throws, and then the lock is not held; StaleHandleError.
   */
  async wait(options?: WaitOptions): Promise<void> {
    const timeout = timeoutOf(options)
    const { arena } = this
    const wait = new CondWait(this)
    let outcome: number
    try {
      const finish = (end: number): number => outcomeOf(arena, end)
      outcome = await waitAsync(arena, wait, this.called('wait'), timeout, options?.signal, finish)
    } catch (error) {
      if (wait.unlocked) await this.locker.lock()
      throw error
    }
    try {
      if (wait.unlocked) await this.locker.lock()
    } catch (error) {
      this.#pass(outcome)
      throw error
    }
    this.#woken(outcome, wait)
  }

  /** As `wait`, blocking. @throws as `wait`; BlockingNotAllowedError (ERR_BLOCKING_NOT_ALLOWED), with the lock still held. */
  waitSync(options?: WaitOptions): void {
    const timeout = timeoutOf(options)
    const { arena } = this
    requireBlocking(arena, 'waitSync', 'wait')
    const wait = new CondWait(this)
    const end = waitSync(arena, wait, timeout)
    const outcome = outcomeOf(arena, end)
    release(arena, end)
    try {
      if (wait.unlocked) this.locker.lockSync()
    } catch (error) {
      if (end !== TIMED_OUT) this.#pass(outcome)
      throw error
    }
    if (end === TIMED_OUT) throw new TimeoutError(this.called('waitSync'), timeout)
    this.#woken(outcome, wait)
  }

  /** Wakes the one who has waited longest, if anybody waits. With or without the lock. @throws StaleHandleError. */
  signal(): void {
    this.check(this.persist(() => this.core.cond_signal(this.at, this.open)))
  }

  /** Wakes all who wait now, and nobody who comes later. With or without the lock. @throws StaleHandleError. */
  broadcast(): void {
    this.check(this.persist(() => this.core.cond_broadcast(this.at, this.open)))
  }

  get handle(): Handle<Cond<L>> {
    return { ...this.syncHandle<Cond<L>>('cond'), locker: this.locker.handle }
  }

  /** Notes where its lock is, for who opens it by less than its handle: what the codec `handle()` carries. */
  #noteLocker(): void {
    const { locker, arena, at } = this
    const lock = (locker instanceof RLocker ? locker.rwmutex : locker) as Mutex | RWMutex
    if (lock.arena !== arena) return
    const { u32 } = arena
    u32[(at + COND_LOCKER_OPEN) >>> 2] = lock.open
    u32[(at + COND_LOCKER_KIND) >>> 2] =
      lock instanceof Mutex ? KIND_MUTEX : KIND_RWMUTEX | (locker instanceof RLocker ? COND_RLOCKER : 0)
    u32[(at + COND_LOCKER) >>> 2] = lock.at
  }

  /** A signal that has come to nothing here is the next one's. */
  #pass(outcome: number): void {
    if (outcome === OK) this.persist(() => this.core.cond_pass(this.at, this.open))
  }

  #woken(outcome: number, wait: CondWait): void {
    if (wait.error !== undefined) {
      this.#pass(outcome)
      throw wait.error
    }
    this.check(outcome)
    if (outcome === OK) this.persist(() => this.core.cond_accept(this.at, this.open))
  }
}

/** One wait: it is in the queue before it unlocks. */
class CondWait implements Operation {
  readonly patience = patienceFor(1)
  readonly rendezvous = true
  readonly #cond: Cond
  unlocked = false
  /** Why the lock could not be unlocked. */
  error: unknown

  constructor(cond: Cond) {
    this.#cond = cond
  }

  readonly attempt = (): number => STALE

  readonly park = (token: number): number => {
    const { arena, core, at, open, locker } = this.#cond
    const waiter = core.cond_park(at, open, token)
    if (waiter < ARENA) return waiter
    // Unlocking looks for tasks that are ready: it may be us, and the driver does not know us yet.
    arena.loop.paused++
    try {
      locker.unlock()
      this.unlocked = true
    } catch (error) {
      this.error = error
    } finally {
      arena.loop.paused--
    }
    // One who has been woken already passes that on.
    if (this.unlocked || !cancel(arena, waiter)) return waiter
    arena.core.waiter_release(waiter)
    return STALE
  }
}

function createCond(locker: Locker, options: SyncOptions | undefined): ReturnType<typeof createSync> {
  const { arena } = locker instanceof RLocker ? locker.rwmutex : locker
  const given = typeof options === 'object' && options !== null ? { arena, ...options } : (options ?? { arena })
  return createSync(given, 'Cond', (core) => core.cond_create(), SYNC_BYTES + COND_LEDGER_BYTES)
}

/** The lock of a Cond that is opened. */
function lockerOf({ arena, at }: Site, { locker }: Handle<unknown>): Locker {
  if (locker !== undefined) return open(locker as Handle<Locker>)
  const { u32 } = arena
  const address = u32[(at + COND_LOCKER) >>> 2] as number
  const kind = u32[(at + COND_LOCKER_KIND) >>> 2] as number
  if (address === 0)
    throw typeError('the lock of the Cond lies in another arena: send its .handle, which carries that of the lock')
  const state = (u32[(at + COND_LOCKER_OPEN) >>> 2] as number) | 0
  if (!checkSync(arena, address, kind & ~COND_RLOCKER, state)) throw new StaleHandleError('the lock of the Cond')
  const found = { site: { arena, at: address, open: state }, name: undefined }
  if (kind === KIND_MUTEX) return new Mutex(undefined, found)
  const lock = new RWMutex(undefined, found)
  return kind & COND_RLOCKER ? lock.rLocker() : lock
}

registerKind(
  'cond',
  KIND_COND,
  (site, handle) => new Cond(lockerOf(site, handle), undefined, { site, name: nameOf(handle) }),
  checkSync,
)
