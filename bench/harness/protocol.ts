// What the bench says to a contender's process and what it hears back: one line each way on stdin and stdout.
//
//   throughput blocking 4 4 1024 200000          kind, style, producers, consumers, capacity, n
//   {"ns":8.1e7,"cpu":0.15,"count":200000,"sum":19999900000}
//
// The Go and Rust programs speak the same lines, so every contender is driven in the same way.

export type Kind = 'throughput' | 'pingpong' | 'counter' | 'micro' | 'select' | 'loop' | 'value' | 'sync' | 'runtime'

export interface Job {
  kind: Kind
  /**
   * How a thread waits (`blocking`, `async`, `batch`, `hot`, `asleep`; `pipe` sends records of bytes), or the operation measured by a micro row; which
   * side selects (`receive`, `both`), or whether one of two channels is `quiet`; what one loop does (`async`, `close`,
   * `quiet`); what a `value` is (`struct`, `bytes-1024`); what threads `sync` by (`mutex`, `mutex-async`, `rwmutex`, `map`, `map-asked`), or
   * how long they keep a mutex from each other (`fairness-100`, microseconds); what a `runtime` does with tasks (`spawn`, `fib`, `idle`, …).
   */
  style: string
  /** In a `runtime`, its threads. */
  producers: number
  consumers: number
  /** In a `runtime`, how many tasks are on their way at once, the argument of `fib`, or the milliseconds to be `idle`. */
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
  /** Of a row about who gets how much, or how much of the best or the possible: that share, in percent. */
  share?: number
  /** Of a row about memory: what the process has more of than before, in bytes. */
  bytes?: number
}

export const BATCH = 64

/** Bytes of a record of the rows with a byte pipe; its first four are the message's number. */
export const PIPE_RECORD = 64

/** How long a micro row warms up and measures, in milliseconds, in every contender. Its `cpu` covers both. */
export const MICRO_WARM_UP_MS = 30
export const MICRO_TIME_MS = 60

/** Styles of a `runtime`: an operation is a whole tree of tasks; the tasks return 0, 1, 2, … */
const FORKING = /^(fib|sort)/
const NUMBERED = /^(spawn|round|local)/

export function formatJob(job: Job): string {
  return [job.kind, job.style, job.producers, job.consumers, job.capacity, job.n].join(' ')
}

export function parseJob(line: string): Job {
  const [kind, style, ...numbers] = line.trim().split(/\s+/)
  const [producers, consumers, capacity, n] = numbers.map(Number)
  return { kind: kind as Kind, style, producers, consumers, capacity, n }
}

/** How many of the harness's threads a run takes. In a `loop`, producers and consumers are tasks of one; a `runtime` has threads of its own. */
export function threadCount(job: Job): number {
  if (job.kind === 'runtime') return 0
  return job.kind === 'loop' ? 1 : job.producers + job.consumers
}

/** What n is a multiple of, where the bench chooses it: everybody's part is the same, and whole batches or windows. */
export function stepOf({ kind, style, producers, consumers, capacity }: Job): number {
  if (kind !== 'runtime') return BATCH * producers * Math.max(1, consumers)
  return FORKING.test(style) ? producers : capacity
}

/** What a run of this job must deliver: messages are 0, 1, 2, … n - 1, so that no loss hides behind a duplicate. */
export function expected(job: Job): { count: number; sum: number } {
  const messages =
    ['throughput', 'select', 'value'].includes(job.kind) ||
    (job.kind === 'loop' && job.style !== 'close') ||
    (job.kind === 'runtime' && NUMBERED.test(job.style))
  return { count: job.n, sum: messages ? (job.n * (job.n - 1)) / 2 : job.n }
}
