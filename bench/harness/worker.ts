// A worker thread of a contender's process: does its part of one run after another.

import { parentPort, workerData } from 'node:worker_threads'
import { passBarrier } from './barrier.js'
import { nowNs } from './clock.js'
import type { Outcome } from './contender.js'
import { loadContender } from './load.js'
import { type Job, threadCount } from './protocol.js'

export interface Report extends Outcome {
  start: number
  end: number
  error?: string
}

interface Order {
  job: Job
  index: number
  barrier: SharedArrayBuffer
  gift: unknown
}

const port = parentPort as NonNullable<typeof parentPort>
const contender = await loadContender(workerData as string)

async function work({ job, index, barrier, gift }: Order): Promise<Report> {
  const part = contender.part(job, index, gift)
  passBarrier(barrier, threadCount(job))
  const start = nowNs()
  const outcome = part()
  const found = outcome instanceof Promise ? await outcome : outcome
  const end = nowNs()
  return { start, end, ...found }
}

port.on('message', async (order: Order) => {
  try {
    port.postMessage(await work(order))
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    port.postMessage({ start: 0, end: 0, count: 0, sum: 0, error: text } satisfies Report)
  }
})
port.postMessage('ready')
