import { afterAll, afterEach, beforeEach, onTestFailed } from 'vitest'
import { seed } from './random.js'
import { endThreads } from './threads.js'

beforeEach(() => {
  onTestFailed(() => console.error(`seed: SEED=${seed}`))
})

afterAll(endThreads)
afterEach(({ task }) => {
  // A failed test may have left threads blocked; the next ones get fresh ones.
  if (task.result?.state === 'fail') return endThreads()
})
