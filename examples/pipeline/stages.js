// The stages of the pipeline. The end travels as the numbers do: each stage ends when the channel before it is closed
// and drained, and closes the one behind it.

import { parentPort, workerData } from 'node:worker_threads'
import { open } from 'millrace'

function divisors(n) {
  let found = 0
  let k = 1
  for (; k * k < n; k++) if (n % k === 0) found += 2
  return k * k === n ? found + 1 : found
}

const stages = {
  generate({ count, ...handles }) {
    const jobs = open(handles.jobs)
    let deepest = 0
    for (let n = 1; n <= count; n++) {
      jobs.sendSync(n) // waits while the queue is full
      deepest = Math.max(deepest, jobs.length)
    }
    jobs.close()
    return { deepest }
  },

  transform(handles) {
    const jobs = open(handles.jobs)
    const results = open(handles.results)
    const running = open(handles.running)
    for (const n of jobs.sync()) results.sendSync(divisors(n))
    // Of several senders the last one to end closes the channel.
    if (running.sub(1) === 0) results.close()
    return {}
  },

  aggregate(handles) {
    const results = open(handles.results)
    let [sum, received, deepest] = [0, 0, 0]
    for (const found of results.sync()) {
      deepest = Math.max(deepest, results.length)
      sum += found
      received++
    }
    return { sum, received, deepest }
  },
}

const { stage, ...options } = workerData
parentPort.postMessage(stages[stage](options))
