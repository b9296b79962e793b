import { type CancelCause, type Context, withCancelCause } from './context.js'
import { MillraceError, rangeError, show, TimeoutError, typeError } from './errors.js'
import { watchLimits } from './limits.js'
import { platform } from './platform/index.js'
import { keep } from './turn.js'
import { timeoutOf, type WaitOptions } from './wait.js'

export interface ErrGroupOptions {
  /** Aborts the group's signal when it is aborted, with its reason. */
  signal?: AbortSignal | undefined
  /** How many tasks run at a time at most; see `setLimit`. Default: any number. */
  limit?: number | undefined
}

/** A task of a group: gets the group's signal. Only what it throws, or its promise is rejected with, counts. */
export type GroupTask = (signal: AbortSignal) => unknown

/**
 * Tasks of one thread that belong together: `wait` waits for all of them and rejects with the error of the first that failed; its failure aborts
 * the signal that all of them have got.
 *
 * After Go's `golang.org/x/sync/errgroup`.
 *
 * @example
 * const group = new ErrGroup({ limit: 8 })
 * for (const url of urls) await group.go((signal) => fetch(url, { signal }))
 * await group.wait()
 */
export class ErrGroup {
  readonly #outer: AbortSignal | undefined
  #limit = Number.POSITIVE_INFINITY
  #active = 0
  /** Tasks that wait for their turn, in that order. */
  readonly #queue = new Set<() => void>()
  readonly #waiting = new Set<() => void>()
  /** An error may be `undefined`. */
  #failure: { readonly error: unknown } | undefined
  #controller!: AbortController
  /** Whether the signal was aborted because all was done: then the next task gets a new one. */
  #over = false
  #stopListening = (): void => {}
  /** Ends the context that was made with the group. */
  #cancel: CancelCause | undefined

  /** @throws TypeError (ERR_INVALID_ARG_TYPE), RangeError (ERR_OUT_OF_RANGE) for options that make no sense. */
  constructor(options: ErrGroupOptions = {}) {
    if (typeof options !== 'object' || options === null)
      throw typeError(`ErrGroup takes options { signal, limit }, not ${show(options)}`)
    const { signal, limit } = options
    if (signal !== undefined && !(signal instanceof AbortSignal))
      throw typeError(`signal is an AbortSignal, not ${show(signal)}`)
    this.#outer = signal
    if (limit !== undefined) this.setLimit(limit)
    this.#begin()
  }

  /**
   * A group with a context made of that one: it is cancelled, in all threads that have it, when the first task fails, with its error as the cause, or when
   * a `wait` is over, whichever comes first, or with its parent. The tasks' signal is that of the context. As a context ends for good, a group is for
   * one `wait` then.
   *
   * @throws TypeError (`cannot create context from nil parent`), RangeError, as the constructor.
   * @example
   * const { group, ctx } = ErrGroup.withContext(request.ctx)
   * group.go(() => results.send(result, { signal: ctx.signal }))
   * await group.wait()
   */
  static withContext(
    parent: Context,
    options: Omit<ErrGroupOptions, 'signal'> = {},
  ): { readonly group: ErrGroup; readonly ctx: Context } {
    const { ctx, cancel } = withCancelCause(parent)
    if (typeof options !== 'object' || options === null)
      throw typeError(`ErrGroup.withContext takes a context and options { limit }, not ${show(options)}`)
    const group = new ErrGroup({ limit: options.limit, signal: ctx.signal })
    group.#cancel = cancel
    return { group, ctx }
  }

  /**
   * Aborted when the first task has failed, with its error as the reason; when the outer signal is, with that one's reason; or when a `wait` is
   * over, with an `AbortError`. A group that is used again after a `wait` without an error has a new one from its next task on.
   */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** How many tasks are running. */
  get active(): number {
    return this.#active
  }

  /**
   * Starts a task, at once if fewer run than the limit says; else when its turn comes. Resolves when it has been started, so that a loop that awaits
   * it does not run ahead. A task whose turn comes after another one has failed is started too: its signal is aborted by then.
   *
   * A task that awaits `go` of its own group may wait for ever where there is a limit: nothing may end while all wait.
   *
   * @throws TimeoutError (ERR_TIMEOUT) or the signal's reason while it waits for its turn, and then it is never started; TypeError
   * (ERR_INVALID_ARG_TYPE) unless it is a function.
   */
  go(task: GroupTask, options?: WaitOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      requireTask('go', task)
      const timeout = timeoutOf(options)
      if (this.#hasRoom()) {
        this.#start(task)
        resolve(keep(undefined))
        return
      }
      if (timeout === 0) throw new TimeoutError('go', timeout)
      const turn = (): void => {
        stopWatching()
        this.#start(task)
        resolve()
      }
      this.#queue.add(turn)
      const stopWatching = watchLimits('go', timeout, options?.signal, (reason) => {
        this.#queue.delete(turn)
        stopWatching()
        reject(reason())
      })
    })
  }

  /** Starts a task if fewer run than the limit says: whether it did. @throws TypeError (ERR_INVALID_ARG_TYPE) unless it is a function. */
  tryGo(task: GroupTask): boolean {
    requireTask('tryGo', task)
    if (!this.#hasRoom()) return false
    this.#start(task)
    return true
  }

  /**
   * At most so many tasks run at a time: an integer; negative (or Infinity) for any number, 0 for none: then `go` waits until that changes.
   *
   * @throws MillraceError (ERR_BUSY, `errgroup: modify limit while … goroutines in the group are still active`); TypeError, RangeError.
   */
  setLimit(limit: number): void {
    if (typeof limit !== 'number') throw typeError(`the limit of a group is a number, not ${show(limit)}`)
    if (!Number.isInteger(limit) && Math.abs(limit) !== Number.POSITIVE_INFINITY)
      throw rangeError(`the limit of a group is an integer, negative for none, not ${show(limit)}`)
    if (this.#active !== 0) {
      throw new MillraceError(
        'ERR_BUSY',
        `errgroup: modify limit while ${this.#active} goroutines in the group are still active`,
      )
    }
    this.#limit = limit < 0 ? Number.POSITIVE_INFINITY : limit
    this.#startQueued()
  }

  /**
   * Waits until no task runs, also after one has failed. Then aborts the signal, and resolves if no task has ever failed in this group. Errors after
   * the first are dropped. May be called many times, also at the same time.
   *
   * @throws the error of the task that failed first; TimeoutError (ERR_TIMEOUT) or the signal's reason, and then the tasks go on.
   */
  wait(options?: WaitOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const timeout = timeoutOf(options)
      const end = (): void => {
        if (this.#failure === undefined) resolve()
        else reject(this.#failure.error)
      }
      if (this.#active === 0) {
        this.#finish()
        end()
        return
      }
      if (timeout === 0) throw new TimeoutError('wait', timeout)
      const done = (): void => {
        stopWatching()
        end()
      }
      this.#waiting.add(done)
      const stopWatching = watchLimits('wait', timeout, options?.signal, (reason) => {
        this.#waiting.delete(done)
        stopWatching()
        reject(reason())
      })
    })
  }

  /** Whether another task may be started, those counted that came first. */
  #hasRoom(): boolean {
    return this.#active + this.#queue.size < this.#limit
  }

  #start(task: GroupTask): void {
    if (this.#over) this.#begin()
    this.#active++
    const { signal } = this.#controller
    // By a promise also if it throws at once or has nothing to wait for: then a long queue of such tasks is no deep recursion.
    new Promise((resolve) => resolve(task(signal))).then(
      () => this.#end(),
      (error: unknown) => {
        if (this.#failure === undefined) {
          this.#failure = { error }
          this.#cancel?.(error)
          this.#abort(error)
        }
        this.#end()
      },
    )
  }

  #end(): void {
    this.#active--
    this.#startQueued()
    if (this.#active > 0 || this.#waiting.size === 0) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    this.#finish()
    for (const done of waiting) done()
  }

  #startQueued(): void {
    for (const turn of this.#queue) {
      if (this.#active >= this.#limit) return
      this.#queue.delete(turn)
      turn()
    }
  }

  /** Makes the signal of the tasks to come. */
  #begin(): void {
    this.#over = false
    this.#controller = new AbortController()
    platform.allowListeners(this.signal)
    const outer = this.#outer
    if (outer === undefined) return
    if (outer.aborted) {
      this.#controller.abort(outer.reason)
      return
    }
    const onAbort = (): void => this.#abort(outer.reason)
    platform.allowListeners(outer)
    outer.addEventListener('abort', onAbort, { once: true })
    this.#stopListening = () => outer.removeEventListener('abort', onAbort)
  }

  /** All is done. */
  #finish(): void {
    this.#cancel?.(this.#failure?.error)
    if (this.signal.aborted) return
    this.#over = true
    this.#abort(new DOMException('the group has been waited for', 'AbortError'))
  }

  #abort(reason: unknown): void {
    this.#stopListening()
    this.#controller.abort(reason)
  }
}

function requireTask(method: string, task: unknown): void {
  if (typeof task !== 'function') throw typeError(`${method} takes a function, not ${show(task)}`)
}
