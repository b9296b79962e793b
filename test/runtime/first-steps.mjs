// Tasks of those who use a runtime for the first time.

import { currentTask, go, sleep } from 'millrace'

export const child = async () => {
  const { signal } = currentTask()
  await sleep(10_000, { signal })
}
/** Cancels a task that it has spawned, which runs on the same worker if there is no other. */
export const parent = async () => {
  const task = go('child')
  await sleep(20)
  task.cancel(new Error('stop'))
  return task.catch((error) => error.message)
}
export const lines = (n) => {
  for (let i = 0; i < n; i++) console.log('line', i)
}
export const add = (a, b) => a + b
