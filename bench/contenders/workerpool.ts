// workerpool with threads that stay. It gives a worker one task at a time.

import { fileURLToPath } from 'node:url'
import workerpool from 'workerpool'
import { poolContender } from '../runtime/pool.js'

const script = fileURLToPath(new URL('../runtime/workers/workerpool.js', import.meta.url))

export default poolContender(({ task, threads }) => {
  const pool = workerpool.pool(script, { workerType: 'thread', minWorkers: threads, maxWorkers: threads })
  return (value) => pool.exec(task, [value]) as PromiseLike<number>
})
