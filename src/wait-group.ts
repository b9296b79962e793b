// WaitGroup: Go's sync.WaitGroup across threads and event loops. The algorithm is in assembly/wait-group.ts.

import { rangeError, SyncError, show, typeError } from './errors.js'
import {
  FINE,
  KIND_WAIT_GROUP,
  LEDGER_ENTRIES,
  LEDGER_ENTRY,
  MAX_THREADS,
  NO_MEMORY,
  NOT_HELD,
  OK,
  OVERFLOW,
  STALE,
  UNSETTLED,
  WOULD_BLOCK,
} from './generated/layout.js'
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

/** One of the count of a WaitGroup that belongs to the calling thread. It ends once, however often it is told to. */
export class WaitGroupTask {
  #group: WaitGroup | undefined

  /** @internal */
  constructor(group: WaitGroup) {
    this.#group = group
  }

  /** Counts down, the first time it is called. To be called in the thread where it was made. */
  done(): void {
    const group = this.#group
    this.#group = undefined
    group?.end()
  }

  [Symbol.dispose](): void {
    this.done()
  }
}

/**
 * A counter of what is still to be done, and a way to wait until it is zero. What a thread did before its `done` is seen by who returns from a
 * `wait` that this made possible.
 *
 * A group may be used again at once: who waits for one zero is released though the counter has risen again since.
 *
 * What `add` has counted belongs to no thread: if the one that was to call `done` dies, nobody does. A thread that says `using task = group.task()`
 * makes one of it its own, which is counted down when the thread dies; `go` does so by itself.
 *
 * Algorithm: Go's sync.WaitGroup, with a count of the zeros. Takes 256 bytes, and 2 KiB once somebody has called `task` or `go`.
 *
 * @example
 * const group = new WaitGroup()
 * group.add(2)
 * // … each of two workers calls group.done()
 * await group.wait()
 */
export class WaitGroup extends SyncObject {
  readonly what = 'the WaitGroup'

  /** @throws TypeError for wrong options; ArenaFullError if the arena has no room. */
  constructor(options?: SyncOptions)
  /** @internal */
  constructor(options: SyncOptions | undefined, found: ReturnType<typeof createSync>)
  constructor(options?: SyncOptions, found?: ReturnType<typeof createSync>) {
    const { site, name } = found ?? createSync(options, 'WaitGroup', (core) => core.wait_group_create())
    super(site, name)
  }

  /**
   * Adds to the counter, which has room for 2^31 - 1. Who makes it zero releases all who wait. Never waits.
   *
   * @throws SyncError (ERR_SYNC, `sync: negative WaitGroup counter`), and then nothing has changed; RangeError; StaleHandleError.
   */
  add(n = 1): void {
    if ((n | 0) !== n) requireDelta(n)
    const status = this.core.wait_group_add(this.at, this.open, n)
    if (status !== FINE) this.#changed(status)
  }

  /** Subtracts one. @throws as `add`. */
  done(): void {
    const status = this.core.wait_group_add(this.at, this.open, -1)
    if (status !== FINE) this.#changed(status)
  }

  /**
   * Waits until the counter is zero, or has been.
   *
   * @throws TimeoutError (ERR_TIMEOUT) or the signal's reason; StaleHandleError.
   */
  wait(options?: WaitOptions): Promise<void> {
    try {
      const timeout = timeoutOf(options)
      const look = this.#look
      if (look === 0) return keep(undefined)
      const finish = (end: number): void => this.check(outcomeOf(this.arena, end))
      return waitAsync(this.arena, new Wait(this, look), this.called('wait'), timeout, options?.signal, finish)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Blocks until the counter is zero, or has been. @throws as `wait`; BlockingNotAllowedError (ERR_BLOCKING_NOT_ALLOWED). */
  waitSync(options?: WaitOptions): void {
    const timeout = timeoutOf(options)
    const look = this.#look
    if (look === 0) return
    requireBlocking(this.arena, 'waitSync', 'wait')
    this.check(this.block(new Wait(this, look), 'waitSync', timeout))
  }

  /** Whether the counter is zero, at one moment during the call: then what was done before is seen, as after `wait`. @throws StaleHandleError. */
  tryWait(): boolean {
    return this.#look === 0
  }

  /**
   * Makes one of what has been counted by `add` this thread's own. It ends with `done` of what is returned (so with `using`), or with the thread, if
   * that dies before.
   *
   * @throws SyncError (ERR_SYNC) if the counter is zero; ArenaFullError; StaleHandleError.
   */
  task(): WaitGroupTask {
    this.#begin(0)
    return new WaitGroupTask(this)
  }

  /**
   * Counts one, runs the function in the next microtask, and counts down when it has ended, also if it fails or the thread dies. Gives what the
   * function gives: its error is the promise's, and does not concern those who wait.
   *
   * @throws TypeError unless it is a function; ArenaFullError; StaleHandleError.
   */
  go<R>(run: () => R | PromiseLike<R>): Promise<R> {
    try {
      if (typeof run !== 'function') throw typeError(`go takes a function, not ${show(run)}`)
      this.#begin(1)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#run(run)
  }

  /** The counter, at one moment during the call. */
  get count(): number {
    const count = this.core.wait_group_count(this.at, this.open)
    if (count < 0) throw this.stale()
    return count
  }

  get handle(): Handle<WaitGroup> {
    return this.syncHandle('WaitGroup')
  }

  /** @internal The end of a task of this thread. */
  end(): void {
    const status = this.persist(() => this.core.wait_group_end(this.at, this.open))
    if (status !== FINE) this.#changed(status)
  }

  async #run<R>(run: () => R | PromiseLike<R>): Promise<R> {
    try {
      await undefined
      return await run()
    } finally {
      this.end()
    }
  }

  #begin(more: number): void {
    const status = this.persist(() => this.core.wait_group_begin(this.at, this.open, more))
    if (status === FINE) return
    if (status === NOT_HELD) throw new SyncError('sync: task of a WaitGroup whose counter is zero: call add() before')
    if (status === NO_MEMORY)
      throw this.arena.full('the ledger of a WaitGroup', LEDGER_ENTRIES + LEDGER_ENTRY * MAX_THREADS)
    this.#changed(status)
  }

  /** What a change that was no plain one comes to. */
  #changed(status: number): void {
    if (status === NOT_HELD) throw new SyncError('sync: negative WaitGroup counter')
    if (status === OVERFLOW) throw rangeError('the counter of a WaitGroup has room for 2147483647')
    this.check(status)
    if (status === UNSETTLED) this.serve()
    this.arena.loop.poll()
  }

  override settle(): number {
    return this.core.wait_group_serve(this.at, this.open)
  }

  get #look(): number {
    const look = this.core.wait_group_look(this.at, this.open)
    if (look < 0) throw this.stale()
    return look
  }
}

/** One wait for a zero, which begins with a look. */
class Wait implements Operation {
  readonly patience = patienceFor(1)
  readonly rendezvous = false
  readonly #group: WaitGroup
  readonly #look: number

  constructor(group: WaitGroup, look: number) {
    this.#group = group
    this.#look = look
  }

  attempt(): number {
    const { core, at, open } = this.#group
    const look = core.wait_group_look(at, open)
    return look === this.#look ? WOULD_BLOCK : look < 0 ? STALE : OK
  }

  // A property: the drivers call it by itself.
  readonly park = (token: number): number => {
    const { core, at, open } = this.#group
    return core.wait_group_park(at, open, token, this.#look)
  }
}

/** Throws unless it is something to add. */
function requireDelta(n: number): void {
  if (typeof n !== 'number') throw typeError(`add takes an integer, not ${show(n)}`)
  throw rangeError(`add takes an integer from ${-(2 ** 31)} to ${2 ** 31 - 1}, not ${show(n)}`)
}

registerKind(
  'WaitGroup',
  KIND_WAIT_GROUP,
  (site, handle) => new WaitGroup(undefined, { site, name: nameOf(handle) }),
  checkSync,
)
