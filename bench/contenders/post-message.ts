// What Node offers: a MessagePort between two workers. One producer, one consumer; no capacity, so no back-pressure.
// `async` posts one number at a time, `batch` posts a Float64Array of 64.

import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { type Contender, isProducer, NOTHING, type Outcome } from '../harness/contender.js'
import { BATCH } from '../harness/protocol.js'
import { askByPort } from '../sync/ask.js'
import { portContender, receiveByEvents } from '../values/post-message.js'

const values = portContender(receiveByEvents, false)

const contender: Contender = {
  prepare(job) {
    if (job.kind === 'value') return values.prepare(job)
    if (job.kind === 'sync') return askByPort.prepare(job)
    const { port1, port2 } = new MessageChannel()
    return {
      gifts: [
        { value: port1, transfer: [port1] },
        { value: port2, transfer: [port2] },
      ],
    }
  },

  part(job, index, gift) {
    if (job.kind === 'value') return values.part(job, index, gift)
    if (job.kind === 'sync') return askByPort.part(job, index, gift)
    const port = gift as MessagePort
    const first = isProducer(job, index)
    if (job.kind === 'pingpong') return () => (first ? ping(port, job.n) : pong(port, job.n))
    if (job.style === 'batch') return () => (first ? postBatches(port, job.n) : takeBatches(port, job.n))
    return () => (first ? post(port, job.n) : take(port, job.n))
  },
}

export default contender

function post(port: MessagePort, n: number): Outcome {
  for (let value = 0; value < n; value++) port.postMessage(value)
  return NOTHING
}

function take(port: MessagePort, n: number): Promise<Outcome> {
  return new Promise((resolve) => {
    let count = 0
    let sum = 0
    port.on('message', (value: number) => {
      sum += value
      if (++count < n) return
      port.close()
      resolve({ count, sum })
    })
  })
}

function postBatches(port: MessagePort, n: number): Outcome {
  const batch = new Float64Array(BATCH)
  for (let value = 0; value < n; value += BATCH) {
    for (let at = 0; at < BATCH; at++) batch[at] = value + at
    port.postMessage(batch)
  }
  return NOTHING
}

function takeBatches(port: MessagePort, n: number): Promise<Outcome> {
  return new Promise((resolve) => {
    let count = 0
    let sum = 0
    port.on('message', (batch: Float64Array) => {
      for (let at = 0; at < batch.length; at++) sum += batch[at]
      count += batch.length
      if (count < n) return
      port.close()
      resolve({ count, sum })
    })
  })
}

function ping(port: MessagePort, n: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const samples: number[] = []
    let start = performance.now()
    port.on('message', (value: number) => {
      samples.push(Math.round((performance.now() - start) * 1e6))
      if (samples.length === n) {
        port.close()
        resolve({ count: n, sum: n, samples })
        return
      }
      start = performance.now()
      port.postMessage(value)
    })
    port.postMessage(1)
  })
}

function pong(port: MessagePort, n: number): Promise<Outcome> {
  return new Promise((resolve) => {
    let trips = 0
    port.on('message', (value: number) => {
      port.postMessage(value)
      if (++trips === n) resolve(NOTHING)
    })
  })
}
