// Many tasks of one function: over a sequence of items, or over a range of numbers.

import { show, typeError } from '../errors.js'
import { type MapOptions, mapConcurrent } from '../patterns/map.js'
import { checkOptions, whenAborted } from '../patterns/options.js'
import { type ParallelForOptions, parallelFor } from '../patterns/parallel-for.js'
import type { Results } from '../patterns/results.js'
import type { Source } from '../patterns/source-of.js'
import type { Task } from './task.js'

/** Tasks under way for each worker, where nobody has said how many: while the result of one travels, the next is there. */
const AHEAD = 4

/** Spawns a task, which is cancelled when the signal is aborted. */
type Spawn = (args: readonly unknown[], signal: AbortSignal) => Task<unknown>

/** A function that spawns tasks as `go` does, and cancels those that are under way when the signal that it is given is aborted. */
function cancelling(go: (args: readonly unknown[]) => Task<unknown>): Spawn {
  const under = new Set<Task<unknown>>()
  const heard = new WeakSet<AbortSignal>()
  return (args, signal) => {
    const task = go(args)
    under.add(task)
    const forget = (): void => {
      under.delete(task)
    }
    task.then(forget, forget)
    // One listener for all: every call is given the same signal.
    if (!heard.has(signal)) {
      heard.add(signal)
      signal.addEventListener('abort', () => {
        for (const each of under) each.cancel(signal.reason)
      })
    }
    return task
  }
}

/** Cancels the task when the signal is aborted. */
export function cancelledBy<R>(task: Task<R>, signal: AbortSignal | undefined): Task<R> {
  const stop = whenAborted(signal, (reason) => task.cancel(reason))
  // Its end is for others to hear of.
  if (signal !== undefined) task.then(stop, stop)
  return task
}

export function mapTasks<T>(
  go: (args: readonly unknown[]) => Task<unknown>,
  procs: number,
  items: Source<T>,
  options: MapOptions,
): Results<unknown> {
  checkOptions('map', 'concurrency, ordered, buffer, signal', options)
  const spawn = cancelling(go)
  return mapConcurrent(items, (item, signal) => spawn([item], signal), { concurrency: AHEAD * procs, ...options })
}

export async function tasksFor(
  go: (args: readonly unknown[]) => Task<unknown>,
  procs: number,
  n: number,
  options: ParallelForOptions,
  rest: readonly unknown[],
): Promise<void> {
  checkOptions('parallelFor', 'chunk, concurrency, signal', options)
  if (Array.isArray(options) || 'handle' in options)
    throw typeError(
      `parallelFor takes options { chunk, concurrency, signal } before the task's arguments, not ${show(options)}`,
    )
  const spawn = cancelling(go)
  await parallelFor(n, (from, to, signal) => spawn([from, to, ...rest], signal), { concurrency: procs, ...options })
}
