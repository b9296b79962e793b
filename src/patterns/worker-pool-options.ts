// What a WorkerPool is made with, and the side of it that takes jobs.

import type { WaitOptions } from '../wait.js'
import type { Abortable } from './options.js'

export interface WorkerPoolOptions<T, R> extends Abortable {
  /** How many jobs are handled at a time at most. Default: as many as there are processors. */
  workers?: number | undefined
  /** How many jobs may wait for a worker before `submit` waits. Default 0. */
  buffer?: number | undefined
  /** Whether results come in the order in which their jobs were submitted; else as they are ready. Default false. */
  ordered?: boolean | undefined
  /** How many results may wait to be received before workers wait. Default: any number. */
  resultBuffer?: number | undefined
  /** Gets each result, instead of `results` and `wait`: one call at a time, in the order of results. It is waited for. */
  onResult?: ((result: R, job: T) => unknown) | undefined
  /** Whether the first error ends the other jobs: their signal is aborted, and those that wait for a worker are dropped. Default false. */
  cancelOnError?: boolean | undefined
  /** What `wait` rejects with: the first error, or an AggregateError of all of them. Default 'first'. */
  errors?: 'first' | 'all' | undefined
}

/** The side of a pool that takes jobs: the sending half of a channel. */
export interface JobSender<T> {
  /** As `submit`. */
  send(job: T, options?: WaitOptions): Promise<void>
  /** As `trySubmit`. */
  trySend(job: T): boolean
  /** No more jobs. @throws ClosedError (`close of closed channel`) the second time. */
  close(): void
  readonly closed: boolean
  /** How many jobs wait for a worker. */
  readonly length: number
  readonly capacity: number
}
