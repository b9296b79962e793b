// Barrier: threads and tasks that wait for each other. The algorithm is in assembly/barrier.ts.

import { rangeError, show, typeError } from './errors.js'
import { BARRIER_PARTIES, FINE, KIND_BARRIER, TOLD, WOULD_BLOCK } from './generated/layout.js'
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

/**
 * A place where a fixed number of threads and tasks wait until all have arrived; then all go on, and the next round begins. What each did before it
 * arrived, all see after.
 *
 * Who gives up (timeout, abort) leaves, as if it had never come, and so does a thread that dies while it waits: the others wait until somebody comes
 * in its place.
 *
 * Algorithm: a central counter with rounds (Hensgen, Finkel and Manber, 1988). Takes 256 bytes, and 2 KiB for who has arrived.
 *
 * @example
 * const barrier = new Barrier(4)
 * // … in each of four workers, after each step
 * const leader = barrier.waitSync()
 */
export class Barrier extends SyncObject {
  readonly what = 'the barrier'
  /** How many must arrive. */
  readonly parties: number

  /** `parties`: an integer from 1 to 65535. @throws TypeError, RangeError; ArenaFullError if the arena has no room. */
  constructor(parties: number, options?: SyncOptions)
  /** @internal */
  constructor(parties: number, options: SyncOptions | undefined, found: ReturnType<typeof createSync>)
  constructor(parties: number, options?: SyncOptions, found?: ReturnType<typeof createSync>) {
    const { site, name } = found ?? createBarrier(parties, options)
    super(site, name)
    this.parties = this.arena.u32[(site.at + BARRIER_PARTIES) >>> 2] as number
  }

  /**
   * Arrives, and waits until all have. Resolves with true for the one who came last, with false for all others. Timeout and abort reject, and then it
   * has not arrived.
   *
   * @throws TimeoutError (ERR_TIMEOUT) or the signal's reason; StaleHandleError.
   */
  wait(options?: WaitOptions): Promise<boolean> {
    try {
      const timeout = timeoutOf(options)
      if (this.#last()) return keep(true)
      const finish = (end: number): boolean => this.#leads(outcomeOf(this.arena, end))
      return waitAsync(this.arena, new Wait(this), this.called('wait'), timeout, options?.signal, finish)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Blocks until all have arrived: whether this thread came last. @throws as `wait`; BlockingNotAllowedError (ERR_BLOCKING_NOT_ALLOWED). */
  waitSync(options?: WaitOptions): boolean {
    const timeout = timeoutOf(options)
    if (this.#last()) return true
    requireBlocking(this.arena, 'waitSync', 'wait')
    const status = this.block(new Wait(this), 'waitSync', timeout)
    return this.#leads(status)
  }

  /** How many wait now, at one moment during the call. */
  get waiting(): number {
    const waiting = this.core.barrier_waiting(this.at, this.open)
    if (waiting < 0) throw this.stale()
    return waiting
  }

  get handle(): Handle<Barrier> {
    return this.syncHandle('barrier')
  }

  override settle(): number {
    return this.core.barrier_serve(this.at, this.open)
  }

  /** Arrives if all others have: whether it did. */
  #last(): boolean {
    const status = this.persist(() => this.core.barrier_arrive(this.at, this.open))
    if (status === WOULD_BLOCK) return false
    this.check(status)
    return true
  }

  /** What the end of a wait comes to. */
  #leads(status: number): boolean {
    this.check(status)
    return status === TOLD || status === FINE
  }
}

/** One wait of one who has to wait. */
class Wait implements Operation {
  readonly patience = patienceFor(1)
  /** Nobody sees who has not queued up. */
  readonly rendezvous = true
  readonly #barrier: Barrier

  constructor(barrier: Barrier) {
    this.#barrier = barrier
  }

  attempt(): number {
    return WOULD_BLOCK
  }

  // A property: the drivers call it by itself.
  readonly park = (token: number): number => {
    const { core, at, open } = this.#barrier
    return core.barrier_park(at, open, token)
  }

  cancel(waiter: number): number {
    const { core, at, open } = this.#barrier
    return core.barrier_cancel(at, open, waiter)
  }
}

function createBarrier(parties: number, options: SyncOptions | undefined): ReturnType<typeof createSync> {
  if (typeof parties !== 'number')
    throw typeError(`the parties of a barrier are an integer from 1, not ${show(parties)}`)
  if (!Number.isInteger(parties) || parties < 1 || parties > MAX_PARTIES)
    throw rangeError(`the parties of a barrier are an integer from 1 to ${MAX_PARTIES}, not ${show(parties)}`)
  return createSync(options, 'Barrier', (core) => core.barrier_create(parties))
}

const MAX_PARTIES = 2 ** 16 - 1

registerKind(
  'barrier',
  KIND_BARRIER,
  (site, handle) => new Barrier(0, undefined, { site, name: nameOf(handle) }),
  checkSync,
)
