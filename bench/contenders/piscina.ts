// piscina as its documentation advises for speed: threads that stay, `Atomics` instead of messages that wait, the queue that does not shift arrays,
// no timing.

import { FixedQueue, Piscina } from 'piscina'
import { poolContender } from '../runtime/pool.js'

const filename = new URL('../runtime/tasks.js', import.meta.url).href

export default poolContender(({ task, threads, each }) => {
  const pool = new Piscina({
    filename,
    name: task,
    minThreads: threads,
    maxThreads: threads,
    idleTimeout: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: each,
    atomics: 'sync',
    taskQueue: new FixedQueue(),
    recordTiming: false,
  })
  return (value) => pool.run(value)
})
