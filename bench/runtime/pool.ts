// The rows in which one thread gives tasks to the workers of a pool and waits for the results: one text of the loops for every pool.

import { setTimeout as sleep } from 'node:timers/promises'
import { nowNs } from '../harness/clock.js'
import type { Contender, Outcome } from '../harness/contender.js'
import type { Job } from '../harness/protocol.js'
import { idealNs, SKEWED } from './load.js'
import type { TaskName } from './tasks.js'

/** Runs one task: what it returns is the number that it was given. */
export type Run = (value: number) => PromiseLike<number>

export interface PoolSettings {
  task: TaskName
  threads: number
  /** How many tasks a worker may be given at once, where a pool asks for that. */
  each: number
}

/** Opens a pool whose workers live as long as the process. */
export type OpenPool = (settings: PoolSettings) => Run | Promise<Run>

/**
 * How many tasks a worker is given at once, by the row. Enough of those that take no time to keep it busy while its results are on their way; a few of
 * those that take long; more made no pool faster.
 */
const EACH: Record<string, number> = { spawn: 64, skewed: 4 }
/** Time for a pool to fall asleep. */
const SETTLE_MS = 100

function settingsOf({ style, producers }: Job): PoolSettings {
  return { task: style === 'skewed' ? 'work' : 'echo', threads: producers, each: EACH[style] ?? 1 }
}

/** A contender that is a pool and nothing else. */
export function poolContender(open: OpenPool): Contender {
  const noThreads = (): never => {
    throw new Error('a pool has its own threads')
  }
  return { prepare: noThreads, part: noThreads, run: poolRows(open) }
}

export function poolRows(open: OpenPool): (job: Job) => Promise<Outcome> {
  let pool: Promise<Run> | undefined
  return async (job) => {
    pool ??= warmPool(open, job)
    const run = await pool
    switch (job.style) {
      case 'spawn':
      case 'spawn-single':
        return await windows(run, job)
      case 'round-trip':
        return await roundTrips(run, job)
      case 'skewed':
        return await makespan(run, job)
      case 'idle':
        return await idle(job)
      default:
        throw new Error(`no style ${job.style}`)
    }
  }
}

/** A pool all of whose workers have started. */
async function warmPool(open: OpenPool, job: Job): Promise<Run> {
  const run = await open(settingsOf(job))
  for (let round = 0; round < 10; round++) {
    await Promise.all(Array.from({ length: 8 * job.producers }, () => run(1)))
  }
  return run
}

/** As many tasks as a window holds at once, then the next window. */
export async function windows(run: Run, { n, capacity }: Pick<Job, 'n' | 'capacity'>): Promise<Outcome> {
  const start = nowNs()
  let [count, sum] = [0, 0]
  const tasks = new Array<PromiseLike<number>>(capacity)
  for (let first = 0; first < n; first += capacity) {
    for (let at = 0; at < capacity; at++) tasks[at] = run(first + at)
    const results = await Promise.all(tasks)
    for (let at = 0; at < capacity; at++) sum += results[at]
    count += capacity
  }
  return { ns: nowNs() - start, count, sum }
}

/** One task at a time. */
async function roundTrips(run: Run, { n }: Job): Promise<Outcome> {
  const samples = new Array<number>(n)
  let sum = 0
  for (let trip = 0; trip < n; trip++) {
    const start = performance.now()
    sum += await run(trip)
    samples[trip] = Math.round((performance.now() - start) * 1e6)
  }
  return { count: n, sum, samples }
}

/** All tasks of the load at once; how long that took, in percent of the least time possible. */
async function makespan(run: Run, { n, producers }: Job): Promise<Outcome> {
  if (n !== SKEWED.length) throw new Error(`the load has ${SKEWED.length} tasks`)
  const start = nowNs()
  const results = await Promise.all(SKEWED.map(run))
  const ns = nowNs() - start
  results.forEach((micros, at) => {
    if (micros !== SKEWED[at]) throw new Error(`task ${at} returned ${micros}`)
  })
  return { ns, count: n, sum: n, share: (100 * ns) / idealNs(SKEWED, producers) }
}

/** What the process takes of one processor while nothing happens, in percent. */
export async function idle({ n, capacity }: Job): Promise<Outcome> {
  await sleep(SETTLE_MS)
  const start = nowNs()
  const before = process.cpuUsage()
  await sleep(capacity)
  const { user, system } = process.cpuUsage(before)
  const ns = nowNs() - start
  return { ns, count: n, sum: n, share: (100 * (user + system) * 1000) / ns }
}
