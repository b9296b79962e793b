// Once: Go's sync.Once across threads and event loops. The algorithm is in assembly/once.ts.

import { KIND_ONCE, OK, WOULD_BLOCK } from './generated/layout.js'
import { type Handle, registerKind } from './handle.js'
import { createOnce, type Found, isPromise, notAsync, OnceRun, requireFunction } from './once-run.js'
import { checkSync, nameOf, type SyncOptions } from './sync-object.js'
import { keep } from './turn.js'
import { timeoutOf, type WaitOptions } from './wait.js'

/**
 * Runs a function once across all threads that have it open: the first to come runs it, the others wait for its end, and later calls return at once. The end of
 * the run synchronizes with the return of every `do` and `doSync`.
 *
 * Functions passed by later calls are not called, whatever they are. A function that throws counts as run: the first caller gets the error, all others
 * return. A function that calls its own Once waits for itself for ever, as in Go.
 *
 * If the thread that runs the function dies, nobody knows how far it has come: who waits and every later call throws PoisonedError, and nobody runs it
 * again.
 *
 * Algorithm: Go's sync.Once, poisoned as Rust's std::sync::Once. Takes 256 bytes.
 *
 * @example
 * const ready = new Once()
 * await ready.do(async () => {
 *   // … set up, once
 * })
 */
export class Once extends OnceRun {
  readonly what = 'the once'

  /** @throws TypeError for wrong options; ArenaFullError (ERR_ARENA_FULL) if the arena has no room. */
  constructor(options?: SyncOptions)
  /** @internal */
  constructor(options: SyncOptions | undefined, found: Found)
  constructor(options?: SyncOptions, found: Found = createOnce(options, 'Once', KIND_ONCE)) {
    super(found)
  }

  /**
   * Calls `fn` at once if nothing has been run so far, and awaits what it returns; else waits for the end of the run, if it has not ended. Timeout and abort
   * end the wait of this caller: the run goes on, and an error of it that comes later reaches nobody.
   *
   * @throws what `fn` throws, in the call that runs it; PoisonedError (ERR_POISONED) if the thread that ran it has died; TimeoutError (ERR_TIMEOUT) or the
   * signal's reason; StaleHandleError (ERR_STALE_HANDLE); TypeError (ERR_INVALID_ARG_TYPE) unless `fn` is a function.
   */
  do(fn: () => unknown, options?: WaitOptions): Promise<void> {
    try {
      requireFunction('do', fn)
      const timeout = timeoutOf(options)
      if (this.isOver) return keep(undefined)
      const status = this.begin()
      if (status === OK) return keep(undefined)
      if (status === WOULD_BLOCK) return this.awaitEnd('do', timeout, options)
      const result = this.#call(fn)
      if (result === undefined) return keep(undefined)
      return this.limited(this.#settle(result), 'do', timeout, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * As `do`, blocking: `fn` is called on this thread and must not be async. Where it would block the very thread that runs the function, whose end it then
   * would never see, it throws SyncError (ERR_SYNC), with a timeout too.
   *
   * @throws as `do`; BlockingNotAllowedError (ERR_BLOCKING_NOT_ALLOWED); TypeError (ERR_INVALID_ARG_TYPE) if `fn` is async: it counts as run when its
   * promise is settled.
   */
  doSync(fn: () => unknown, options?: WaitOptions): void {
    requireFunction('doSync', fn)
    const timeout = timeoutOf(options)
    if (this.isOver) return
    const status = this.begin()
    if (status === OK) return
    if (status === WOULD_BLOCK) {
      this.blockForEnd('doSync', 'do', timeout)
      return
    }
    const result = this.#call(fn)
    if (result === undefined) return
    // Its error, if it comes to one, is an unhandled rejection: nobody awaits it.
    void this.#settle(result)
    throw notAsync('doSync', 'do')
  }

  get handle(): Handle<Once> {
    return this.syncHandle('once')
  }

  /** Calls the function: its promise, or undefined if it has ended. */
  #call(fn: () => unknown): PromiseLike<unknown> | undefined {
    let going = false
    try {
      const result = fn()
      going = isPromise(result)
      return going ? (result as PromiseLike<unknown>) : undefined
    } finally {
      if (!going) this.ended()
    }
  }

  async #settle(run: PromiseLike<unknown>): Promise<void> {
    try {
      await run
    } finally {
      this.ended()
    }
  }
}

registerKind('once', KIND_ONCE, (site, handle) => new Once(undefined, { site, name: nameOf(handle) }), checkSync)
