// What the bench says to a contender's process and what it hears back: one line each way on stdin and stdout.
//
//   throughput blocking 4 4 1024 200000          kind, style, producers, consumers, capacity, n
//   {"ns":8.1e7,"cpu":0.15,"count":200000,"sum":19999900000}
//
// The Go and Rust programs speak the same lines, so every contender is driven in the same way.

export type Kind = 'throughput' | 'pingpong' | 'counter' | 'micro' | 'select' | 'loop' | 'value' | 'sync'

export interface Job {
  kind: Kind
  /**
   * How a thread waits (`blocking`, `async`, `batch`, `hot`, `asleep`; `pipe` sends records of bytes), or the operation measured by a micro row; which
   * side selects (`receive`, `both`), or whether one of two channels is `quiet`; what one loop does (`async`, `close`,
   * `quiet`); what a `value` is (`struct`, `bytes-1024`); what threads `sync` by (`mutex`, `mutex-async`, `rwmutex`, `map`, `map-asked`), or
   * how long they keep a mutex from each other (`fairness-100`, microseconds).
   */
  style: string
  producers: number
  consumers: number
  capacity: number
  /** Messages, round trips or operations in this run, all threads together. */
  n: number
}

export interface Reply {
  /** Wall time from the first thread's start to the last thread's end, or what of it counts, in nanoseconds. */
  ns: number
  /** CPU seconds, user and system, of the whole process during the run. */
  cpu: number
  /** What arrived. */
  count: number
  sum: number
  /** Latencies in nanoseconds, for rows that measure latency. */
  samples?: number[]
  /** Of a row about who gets how much: the share that the row is about, in percent. */
  share?: number
}

export const BATCH = 64

/** Bytes of a record of the rows with a byte pipe; its first four are the message's number. */
export const PIPE_RECORD = 64

/** How long a micro row warms up and measures, in milliseconds, in every contender. Its `cpu` covers both. */
export const MICRO_WARM_UP_MS = 30
export const MICRO_TIME_MS = 60

export function formatJob(job: Job): string {
  return [job.kind, job.style, job.producers, job.consumers, job.capacity, job.n].join(' ')
}

export function parseJob(line: string): Job {
  const [kind, style, ...numbers] = line.trim().split(/\s+/)
  const [producers, consumers, capacity, n] = numbers.map(Number)
  return { kind: kind as Kind, style, producers, consumers, capacity, n }
}

/** How many threads a run takes. In a `loop`, producers and consumers are tasks of one. */
export function threadCount(job: Job): number {
  return job.kind === 'loop' ? 1 : job.producers + job.consumers
}

/** What a run of this job must deliver: messages are 0, 1, 2, … n - 1, so that no loss hides behind a duplicate. */
export function expected(job: Job): { count: number; sum: number } {
  const messages =
    ['throughput', 'select', 'value'].includes(job.kind) || (job.kind === 'loop' && job.style !== 'close')
  return { count: job.n, sum: messages ? (job.n * (job.n - 1)) / 2 : job.n }
}
