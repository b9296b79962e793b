// poolifier: a pool of a fixed size. By default it gives tasks to their workers at once, in turn or to the one with the fewest; that is its fastest
// way where all tasks are alike. Where they are not, its queue gives each worker one at a time and lets those without work steal.

import { fileURLToPath } from 'node:url'
import { FixedThreadPool, WorkerChoiceStrategies } from 'poolifier'
import { poolContender } from '../runtime/pool.js'

const script = fileURLToPath(new URL('../runtime/workers/poolifier.js', import.meta.url))

export default poolContender(({ task, threads }) => {
  const uneven = task === 'work'
  const pool = new FixedThreadPool<number, number>(threads, script, {
    enableEvents: false,
    workerChoiceStrategy: uneven ? WorkerChoiceStrategies.LEAST_USED : WorkerChoiceStrategies.ROUND_ROBIN,
    ...(uneven && { enableTasksQueue: true, tasksQueueOptions: { concurrency: 1 } }),
  })
  return (value) => pool.execute(value, task)
})
