// What the machine gives to threads that have nothing to do with each other: the bound of any speed-up, and of idleness.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { nowNs } from '../harness/clock.js'
import type { Outcome } from '../harness/contender.js'
import type { Job } from '../harness/protocol.js'
import { fibOf } from './fib.js'
import { idle } from './pool.js'
import type { Share } from './workers/bare.js'

const workers: Worker[] = []

async function crew(threads: number): Promise<Worker[]> {
  while (workers.length < threads) {
    const worker = new Worker(new URL('./workers/bare.js', import.meta.url))
    workers.push(worker)
    await once(worker, 'online')
  }
  return workers
}

export async function bareRun(job: Job): Promise<Outcome> {
  switch (job.style) {
    case 'fib':
    case 'sort':
      return await compute(await crew(job.producers), job.style, job)
    case 'fib-1':
      return await compute(await crew(1), 'fib', job)
    case 'sort-1':
      return await compute(await crew(1), 'sort', job)
    case 'idle':
      await crew(job.producers)
      return await idle(job)
    default:
      throw new Error(`no style ${job.style}`)
  }
}

/** Every thread does its share of the whole operations, without a fork. */
async function compute(threads: Worker[], what: Share['what'], { n, capacity }: Job): Promise<Outcome> {
  const share: Share = { what, argument: capacity, times: n / threads.length }
  const start = nowNs()
  const sums = await Promise.all(
    threads.map(async (worker) => {
      const answer = once(worker, 'message')
      worker.postMessage(share)
      return (await answer)[0] as number
    }),
  )
  const ns = nowNs() - start
  const each = what === 'fib' ? fibOf(capacity) : capacity
  if (sums.some((sum) => sum !== share.times * each)) throw new Error('a wrong number')
  return { ns, count: n, sum: n }
}
