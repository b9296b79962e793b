// poolifier: a pool of a fixed size that gives tasks to its workers at once: in turn where all are alike, else to the one with the fewest. Its queues, from which
// those without work may steal, were slower in every row.

import { fileURLToPath } from 'node:url'
import { FixedThreadPool, WorkerChoiceStrategies } from 'poolifier'
import { poolContender } from '../runtime/pool.js'

const script = fileURLToPath(new URL('../runtime/workers/poolifier.js', import.meta.url))

export default poolContender(({ task, threads }) => {
  const pool = new FixedThreadPool<number, number>(threads, script, {
    enableEvents: false,
    workerChoiceStrategy: task === 'work' ? WorkerChoiceStrategies.LEAST_USED : WorkerChoiceStrategies.ROUND_ROBIN,
  })
  return (value) => pool.execute(value, task)
})
