// Goroutines on the current event loop, and what tasks say about themselves and to their scheduler.

import { show, typeError } from '../errors.js'
import { platform } from '../platform/index.js'
import { type CurrentTask, Goexit, isGoexit } from './current.js'
import { currentRecord } from './processor.js'
import { countTasks, spawnHere } from './runtime.js'
import { Task, type TaskOwner } from './task.js'

let count = 0
let live = 0

const local: TaskOwner = {
  stateOf: (task) => (task.record === 1 ? 'runnable' : 'blocked'),
  cancel: (task) => {
    if (task.record !== 1) return
    task.ended = true
    live--
    task.reject(task.canceled?.reason)
  },
}

/**
 * Runs a function as a goroutine of this event loop: soon, but not before the caller's next `await` or end. In a task, the name of a function of the
 * runtime's module instead spawns a task there, on this worker's queue.
 *
 * @throws TypeError `go of nil func value` for what is neither a function nor, in a task, a name.
 * @example
 * const pings = go(async () => { for await (const ping of ch) console.log(ping) })
 */
export function go<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): Task<Awaited<R>>
export function go<R = unknown>(name: string, ...args: unknown[]): Task<R>
export function go(fn: unknown, ...args: unknown[]): Task<unknown> {
  if (typeof fn === 'string') return spawnHere(fn, args, go)
  if (typeof fn !== 'function') {
    throw typeError(`go of nil func value: go takes a function (or, in a task, the name of one), not ${show(fn)}`)
  }
  const task = new Task<unknown>(local, ++count, fn.name || '(anonymous)')
  task.record = 1
  live++
  queueMicrotask(() => {
    if (task.ended) return
    task.record = 2
    try {
      const result: unknown = fn(...args)
      if (typeof result === 'object' && result !== null && typeof (result as { then?: unknown }).then === 'function') {
        ;(result as PromiseLike<unknown>).then(
          (value) => end(task, () => task.resolve(value)),
          (thrown) => endThrown(task, thrown),
        )
      } else end(task, () => task.resolve(result))
    } catch (thrown) {
      endThrown(task, thrown)
    }
  })
  return task
}

function end(task: Task<unknown>, how: () => void): void {
  if (task.ended) return
  task.ended = true
  live--
  how()
}

function endThrown(task: Task<unknown>, thrown: unknown): void {
  end(task, () => (isGoexit(thrown) ? task.resolve(undefined) : task.reject(thrown)))
}

/**
 * The task that calls, with the signal that is aborted when it is cancelled. To be called in the function's synchronous part, before its first `await`.
 *
 * @throws TypeError outside of that.
 */
export function currentTask(): CurrentTask {
  const task = currentRecord()
  if (task === undefined) {
    throw typeError(
      'currentTask is for the synchronous part of a task that a runtime runs: call it before the first await',
    )
  }
  return task
}

/** Lets other tasks of this thread run, and its event loop have a turn. Go's runtime.Gosched. */
export function gosched(): Promise<void> {
  return new Promise((resolve) => platform.nextTurn(resolve))
}

/** Ends the task that calls, without an error: its promise gives undefined. `finally` blocks run. Go's runtime.Goexit. */
export function goexit(): never {
  throw new Goexit()
}

/** How many processors there are for the threads of this process. Go's runtime.NumCPU. */
export function numCPU(): number {
  return platform.cpuCount
}

/** How many goroutines there are: this thread's own run of things, those that `go` has started here, and those of the runtimes that it has made or opened. */
export function numGoroutine(): number {
  return 1 + live + countTasks()
}
