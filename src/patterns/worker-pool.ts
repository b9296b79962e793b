// WorkerPool: so many workers, who handle what is submitted.

import { ClosedError, MillraceError, TimeoutError } from '../errors.js'
import { watchLimits } from '../limits.js'
import { keep } from '../turn.js'
import { timeoutOf, type WaitOptions } from '../wait.js'
import {
  checkCount,
  checkFunction,
  checkOptions,
  checkSignal,
  defaultConcurrency,
  type Handler,
  newController,
  whenAborted,
} from './options.js'
import { Inlet, type Outlet } from './outlet.js'
import type { JobSender, WorkerPoolOptions } from './worker-pool-options.js'

interface Job<T, R> {
  readonly value: T
  /** Who wants this one's outcome. */
  readonly tell: { resolve(result: R): void; reject(error: unknown): void } | undefined
  /** Undefined until it is done. */
  outcome: { readonly ok: boolean; readonly result: R | undefined } | undefined
}

/** A submit that waits for room. */
interface Entry<T, R> {
  readonly job: Job<T, R>
  accepted(): void
  refused(error: unknown): void
}

/**
 * A number of workers who handle the jobs that are submitted, each `handler(job, signal)`: a closure on this event loop, or one that hands the job to
 * a thread. `submit` waits while all are busy and the buffer is full; `wait` waits until all is done, and gives the results; the pool can be used
 * again after it. A job that fails frees its worker, and the other jobs go on: `wait` rejects with the first error.
 *
 * `jobs` and `results` are the same pool as two channels: `results` ends when the pool has been closed and all is done.
 *
 * @example
 * const pool = new WorkerPool(async (path) => (await readFile(path)).length, { workers: 4, ordered: true })
 * for (const path of paths) await pool.submit(path)
 * const sizes = await pool.wait()
 */
export class WorkerPool<T, R = void> {
  /** Takes jobs. */
  readonly jobs: JobSender<T>
  /** Gives results, of jobs that have not failed; closed when the pool has been closed and all is done. */
  readonly results: Outlet<R>
  readonly #handler: Handler<T, R>
  #workers: number
  readonly #buffer: number
  readonly #ordered: boolean
  readonly #resultBuffer: number
  /** Whether a worker is busy until its result is passed on. */
  readonly #waits: boolean
  readonly #onResult: ((result: R, job: T) => unknown) | undefined
  readonly #cancelOnError: boolean
  readonly #all: boolean
  readonly #inlet: Inlet<R>
  #controller = newController()
  #stopListening = (): void => {}
  #used = false
  #closed = false
  /** Why nothing is accepted any more: aborted from outside, or by `abort`. */
  #aborted: { readonly reason: unknown } | undefined
  readonly #queue = new Set<Job<T, R>>()
  readonly #entries = new Set<Entry<T, R>>()
  #active = 0
  /** Jobs whose results have not been passed on: in the order of submitting. */
  readonly #unsettled = new Set<Job<T, R>>()
  /** Results on their way out, one after the other. */
  #passing: Promise<unknown> | undefined
  #outgoing: Job<T, R>[] = []
  #errors: unknown[] = []
  readonly #waiting = new Set<() => void>()

  /** @throws TypeError (ERR_INVALID_ARG_TYPE), RangeError (ERR_OUT_OF_RANGE) for arguments that make no sense: at least one worker. */
  constructor(handler: Handler<T, R>, options: WorkerPoolOptions<T, R> = {}) {
    checkFunction('WorkerPool', handler)
    checkOptions(
      'WorkerPool',
      'workers, buffer, ordered, resultBuffer, onResult, cancelOnError, errors, signal',
      options,
    )
    const { workers = defaultConcurrency(), buffer = 0, resultBuffer = Number.POSITIVE_INFINITY } = options
    const { ordered = false, onResult, cancelOnError = false, errors = 'first', signal } = options
    checkCount('the number of workers of a pool', workers, 1)
    checkCount('the buffer of a pool', buffer, 0)
    checkCount('the result buffer of a pool', resultBuffer, 0)
    if (onResult !== undefined) checkFunction('onResult of a pool', onResult)
    checkSignal(signal)
    this.#handler = handler
    this.#workers = workers
    this.#buffer = buffer
    this.#ordered = ordered
    this.#resultBuffer = resultBuffer
    this.#onResult = onResult
    this.#waits = resultBuffer !== Number.POSITIVE_INFINITY || onResult !== undefined
    this.#cancelOnError = cancelOnError
    this.#all = errors === 'all'
    this.#inlet = new Inlet(resultBuffer)
    this.results = this.#inlet.outlet
    this.#inlet.onCancel = () => this.abort()
    const pool = this
    this.jobs = {
      send: (job, limits) => this.submit(job, limits),
      trySend: (job) => this.trySubmit(job),
      close: () => this.close(),
      get closed() {
        return pool.#closed
      },
      get length() {
        return pool.#queue.size
      },
      capacity: buffer,
    }
    this.#stopListening = whenAborted(signal, (reason) => this.abort(reason))
  }

  /** How many jobs are being handled. */
  get active(): number {
    return this.#active
  }

  /** How many jobs have been accepted and wait for a worker. */
  get pending(): number {
    return this.#queue.size
  }

  /** How many jobs are handled at a time at most. */
  get workers(): number {
    return this.#workers
  }

  /** Whether it takes no more jobs. */
  get closed(): boolean {
    return this.#closed
  }

  /** Aborted when the pool is, or by the first error with `cancelOnError`. A pool that is used again after that has a new one. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Another number of workers, before the first job. @throws MillraceError (ERR_BUSY) after it; RangeError, TypeError. */
  setWorkers(n: number): void {
    checkCount('the number of workers of a pool', n, 1)
    if (this.#used) throw new MillraceError('ERR_BUSY', 'pool is not reconfigurable after the first job was submitted')
    this.#workers = n
  }

  /**
   * Submits a job: resolves when a worker or the buffer has it, so that a loop that awaits this does not run ahead of the workers. Jobs begin in the
   * order of submitting.
   *
   * @throws ClosedError (ERR_CLOSED, `send on closed channel`) once closed; the reason of an abort; with `cancelOnError` the first error, until the
   * next `wait`; TimeoutError (ERR_TIMEOUT) or the signal's
   * reason while it waits. Then the job is never handled.
   */
  submit(job: T, options?: WaitOptions): Promise<void> {
    return this.#submit({ value: job, tell: undefined, outcome: undefined }, options)
  }

  /**
   * Submits a job and waits for its own result, which does not go to `results`. If it fails this rejects, and `wait` does not.
   *
   * @throws as `submit`; what the handler throws. A job that is dropped by an abort rejects with its reason.
   */
  run(job: T, options?: WaitOptions): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#submit({ value: job, tell: { resolve, reject }, outcome: undefined }, options).catch(reject)
    })
  }

  /** Submits a job if a worker or the buffer has room: whether it did. @throws ClosedError once closed; the reason of an abort. */
  trySubmit(job: T): boolean {
    this.#requireOpen()
    if (!this.#hasRoom()) return false
    this.#accept({ value: job, tell: undefined, outcome: undefined })
    return true
  }

  /**
   * Waits until all jobs are done that have been submitted, and their results passed on. Resolves with the results that nobody has received from
   * `results`, in their order. The pool can be used again.
   *
   * @throws the error of the job that failed first since the last `wait` (or an AggregateError of all, with `errors: 'all'`), and the results are
   * dropped; the reason of an abort; TimeoutError (ERR_TIMEOUT) or the signal's reason, and then the jobs go on.
   */
  wait(options?: WaitOptions): Promise<R[]> {
    return new Promise((resolve, reject) => {
      const timeout = timeoutOf(options)
      const end = (): void => {
        const results = this.#taken()
        const errors = this.#errors
        this.#errors = []
        if (this.#aborted !== undefined) reject(this.#aborted.reason)
        else if (errors.length === 0) resolve(results)
        else if (this.#all) reject(new AggregateError(errors, `${errors.length} jobs of the pool have failed`))
        else reject(errors[0])
        // What one error has ended is over: the next job begins anew.
        if (this.#aborted === undefined && this.signal.aborted) this.#controller = newController()
      }
      if (this.#idle()) {
        end()
        return
      }
      if (timeout === 0) throw new TimeoutError('wait', timeout)
      const done = (): void => {
        stopWatching()
        end()
      }
      this.#waiting.add(done)
      // Who waits takes all results.
      this.#inlet.capacity = Number.POSITIVE_INFINITY
      const stopWatching = watchLimits('wait', timeout, options?.signal, (reason) => {
        this.#waiting.delete(done)
        stopWatching()
        if (this.#waiting.size === 0) this.#inlet.capacity = this.#resultBuffer
        reject(reason())
      })
    })
  }

  /** Takes no more jobs: `submit` throws, also one that waits. What has been accepted is handled. @throws ClosedError (`close of closed channel`). */
  close(): void {
    if (this.#closed) throw new ClosedError('close of closed channel')
    this.#close()
  }

  /** Closes the pool and waits until all is done, as `wait`. */
  stop(options?: WaitOptions): Promise<R[]> {
    this.#close()
    return this.wait(options)
  }

  /**
   * Closes the pool, drops the jobs that wait for a worker, and aborts the signal of those that are being handled. `wait` rejects with the reason, once
   * these have ended. Default of the reason: an `AbortError`.
   */
  abort(reason: unknown = new DOMException('the pool was aborted', 'AbortError')): void {
    if (this.#aborted !== undefined) return
    this.#aborted = { reason }
    this.#drop(reason)
    this.#controller.abort(reason)
    this.#close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #close(): void {
    if (!this.#closed) {
      this.#closed = true
      for (const entry of this.#entries) {
        this.#entries.delete(entry)
        entry.refused(new ClosedError('send on closed channel'))
      }
    }
    this.#settle()
  }

  #requireOpen(): void {
    if (this.#aborted !== undefined) throw this.#aborted.reason
    if (this.#closed) throw new ClosedError('send on closed channel')
    // One error has ended all, until the next `wait`.
    this.signal.throwIfAborted()
  }

  #hasRoom(): boolean {
    return this.#entries.size === 0 && this.#active + this.#queue.size < this.#workers + this.#buffer
  }

  #submit(job: Job<T, R>, options: WaitOptions | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const timeout = timeoutOf(options)
      this.#requireOpen()
      if (this.#hasRoom()) {
        this.#accept(job)
        resolve(keep(undefined))
        return
      }
      if (timeout === 0) throw new TimeoutError('submit', timeout)
      const entry: Entry<T, R> = {
        job,
        accepted() {
          stopWatching()
          resolve()
        },
        refused(error) {
          stopWatching()
          reject(error)
        },
      }
      this.#entries.add(entry)
      const stopWatching = watchLimits('submit', timeout, options?.signal, (reason) => {
        this.#entries.delete(entry)
        stopWatching()
        reject(reason())
      })
    })
  }

  #accept(job: Job<T, R>): void {
    this.#used = true
    this.#queue.add(job)
    if (job.tell === undefined) this.#unsettled.add(job)
    this.#begin()
  }

  /** Begins what there are workers for, and lets in what there is room for. */
  #begin(): void {
    for (;;) {
      for (const job of this.#queue) {
        if (this.#active >= this.#workers) break
        this.#queue.delete(job)
        this.#handle(job)
      }
      const [entry] = this.#entries
      if (entry === undefined || this.#active + this.#queue.size >= this.#workers + this.#buffer) return
      this.#entries.delete(entry)
      this.#queue.add(entry.job)
      if (entry.job.tell === undefined) this.#unsettled.add(entry.job)
      entry.accepted()
    }
  }

  #handle(job: Job<T, R>): void {
    this.#active++
    new Promise<R>((resolve) => resolve(this.#handler(job.value, this.signal))).then(
      (result) => this.#handled(job, result),
      (error: unknown) => this.#failed(job, error),
    )
  }

  #handled(job: Job<T, R>, result: R): void {
    if (job.tell !== undefined) {
      job.tell.resolve(result)
      this.#release()
      return
    }
    job.outcome = { ok: true, result }
    this.#pass(job)
  }

  #failed(job: Job<T, R>, error: unknown): void {
    if (job.tell !== undefined) {
      job.tell.reject(error)
      this.#release()
      return
    }
    job.outcome = { ok: false, result: undefined }
    this.#fail(error)
    this.#pass(job)
  }

  #fail(error: unknown): void {
    this.#errors.push(error)
    if (!this.#cancelOnError || this.signal.aborted) return
    this.#drop(error)
    this.#controller.abort(error)
  }

  /** Drops the jobs that wait for a worker, or for room. */
  #drop(reason: unknown): void {
    for (const entry of this.#entries) {
      this.#entries.delete(entry)
      entry.refused(reason)
    }
    for (const job of this.#queue) {
      job.tell?.reject(reason)
      this.#unsettled.delete(job)
    }
    this.#queue.clear()
    // In the order of submitting a job that is dropped may have been in the way of those that are done.
    if (this.#ordered) this.#passOrdered()
  }

  #release(): void {
    this.#active--
    this.#begin()
    this.#settle()
  }

  /** Passes the result of a job on, when its turn has come. With room for any number its worker is free at once. */
  #pass(job: Job<T, R>): void {
    if (this.#ordered) this.#passOrdered()
    else {
      this.#unsettled.delete(job)
      this.#passOut(job)
    }
    if (!this.#waits) this.#release()
  }

  #passOrdered(): void {
    for (const job of this.#unsettled) {
      if (job.outcome === undefined) return
      this.#unsettled.delete(job)
      this.#passOut(job)
    }
  }

  #passOut(job: Job<T, R>): void {
    if (this.#waits) {
      this.#outgoing.push(job)
      this.#passing ??= this.#passOn()
    } else if (job.outcome?.ok && !this.#inlet.closed) this.#inlet.trySend(job.outcome.result as R)
  }

  async #passOn(): Promise<void> {
    // The turn of what has begun it must be over: then `#passing` is set.
    await undefined
    while (this.#outgoing.length > 0) {
      const jobs = this.#outgoing
      this.#outgoing = []
      for (const { value, outcome } of jobs) {
        if (outcome?.ok) {
          try {
            if (this.#onResult !== undefined) await this.#onResult(outcome.result as R, value)
            else if (!this.#inlet.closed && !this.#inlet.trySend(outcome.result as R))
              await this.#inlet.send(outcome.result as R)
          } catch (error) {
            // Not that the results were cancelled meanwhile.
            if (!this.#inlet.closed) this.#fail(error)
          }
        }
        this.#release()
      }
    }
    this.#passing = undefined
    this.#settle()
  }

  #idle(): boolean {
    return this.#active === 0 && this.#queue.size === 0 && this.#unsettled.size === 0 && this.#passing === undefined
  }

  /** If all is done: tells those who wait. */
  #settle(): void {
    if (!this.#idle() || this.#entries.size > 0) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const done of waiting) done()
    if (waiting.length > 0) this.#inlet.capacity = this.#resultBuffer
    if (!this.#closed) return
    this.#stopListening()
    this.#inlet.close()
  }

  #taken(): R[] {
    const results: R[] = []
    for (;;) {
      const next = this.#inlet.tryReceive()
      if (next === undefined || next.done) return results
      results.push(next.value)
    }
  }
}
