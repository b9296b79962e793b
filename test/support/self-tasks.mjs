// Tasks that ask about themselves.

import { inspect } from 'node:util'
import { currentTask } from 'millrace'

/** Computes until it is cancelled, without ever giving way: what it has seen then. */
export const computeUntilCanceled = (started) => {
  const task = currentTask()
  let heard = false
  task.signal.addEventListener('abort', () => {
    heard = true
  })
  const before = [task.canceled, task.signal.aborted, heard]
  started.add(1)
  while (!task.canceled);
  return [before, [task.canceled, task.signal.aborted, heard]]
}
export const throwWhenCanceled = (started) => {
  const task = currentTask()
  task.throwIfCanceled()
  started.add(1)
  for (;;) task.throwIfCanceled()
}
/** As an async task does that computes between two awaits. */
export const throwLater = async (started) => {
  const task = currentTask()
  await null
  started.add(1)
  for (;;) task.throwIfCanceled()
}
/** One that the cancel does not concern, with an error of its own. */
export const failUnheeding = (started, go) => {
  currentTask()
  started.add(1)
  while (go.load() === 0);
  throw new Error('in my own words')
}

let kept
export const keep = () => {
  kept = currentTask()
  return kept.canceled
}
/** Of the task before, while this one, which has the same record, is cancelled. */
export const askKept = (started) => {
  const task = currentTask()
  started.add(1)
  while (!task.canceled);
  return [task === kept, kept.canceled, kept.signal.aborted]
}

/** Shows itself as it runs, and after it was cancelled: that alone aborts nothing. */
export const showSelf = (started, go) => {
  const task = currentTask()
  const first = inspect(task)
  started.add(1)
  while (go.load() === 0);
  return [first, inspect(task), inspect({ a: { b: { c: task } } }), task.signal.aborted]
}
