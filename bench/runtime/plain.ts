// What tasks cost that are nothing but async functions of one thread.

import { PlainChannel } from '../baseline/plain-channel.js'
import type { Outcome } from '../harness/contender.js'
import type { Job } from '../harness/protocol.js'
import { windows } from './pool.js'
import { echo } from './tasks.js'

export async function plainRun(job: Job): Promise<Outcome> {
  switch (job.style) {
    case 'local':
      return await windows(async (value) => echo(value), job)
    case 'blocked':
      return await blocked(job)
    default:
      throw new Error(`no style ${job.style}`)
  }
}

/** Many functions wait for one channel. */
async function blocked({ n }: Job): Promise<Outcome> {
  const channel = new PlainChannel<number>(0)
  let ended = 0
  const receiver = async (): Promise<void> => {
    if ((await channel.receive()) === undefined) ended++
  }
  const tasks = new Array<Promise<void>>(n)
  const before = process.memoryUsage.rss()
  for (let at = 0; at < n; at++) tasks[at] = receiver()
  await new Promise((resolve) => setImmediate(resolve)) // all have parked
  const bytes = process.memoryUsage.rss() - before
  channel.close()
  await Promise.all(tasks)
  return { count: ended, sum: ended, bytes }
}
