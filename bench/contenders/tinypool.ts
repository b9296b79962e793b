// tinypool with threads that stay; like piscina, which it comes from.

import { Tinypool } from 'tinypool'
import { poolContender } from '../runtime/pool.js'

const filename = new URL('../runtime/tasks.js', import.meta.url).href
/** It takes no Infinity. */
const LONG_MS = 2 ** 30

export default poolContender(({ task, threads, each }) => {
  const pool = new Tinypool({
    runtime: 'worker_threads',
    filename,
    name: task,
    minThreads: threads,
    maxThreads: threads,
    idleTimeout: LONG_MS,
    concurrentTasksPerWorker: each,
    useAtomics: true,
    isolateWorkers: false,
  })
  return (value) => pool.run(value)
})
