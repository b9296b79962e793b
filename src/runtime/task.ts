// The promise of a goroutine's result.

import { brief, INSPECT, type Inspect } from '../inspect.js'

export type TaskState = 'created' | 'runnable' | 'running' | 'blocked' | 'terminated'

type Settle = (value: never) => void

let resolveNext: Settle
let rejectNext: Settle
// One for all, so that a task costs no closure.
const executor = (resolve: Settle, reject: Settle): void => {
  resolveNext = resolve
  rejectNext = reject
}

/**
 * A goroutine: a promise of what its function returns, or throws. If nobody listens to one that throws, that is an unhandled rejection, and ends the
 * program by default, as a panic does in Go.
 *
 * @example
 * const task = rt.go('fib', 30)
 * task.state // 'runnable', then 'running', …
 * console.log(await task)
 */
export class Task<R> extends Promise<R> {
  /** Counts the tasks of a spawning thread from 1. */
  readonly id: number
  /** The function, by its name. */
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: whoever resolves it knows its type by other ways, if at all
  /** @internal */ readonly resolve: (value: any) => void
  /** @internal */ readonly reject: (reason: unknown) => void
  /** @internal Its record in shared memory; 0 before it is queued and after it has ended. */ record = 0
  /** @internal What it was cancelled with. */ canceled: { reason: unknown } | undefined = undefined
  /** @internal */ ended = false
  /** @internal The stack of its spawn. */ site: { stack?: string } | undefined = undefined
  readonly #spawner: TaskOwner

  /** @internal */
  constructor(owner: TaskOwner, id: number, name: string) {
    super(executor as never)
    this.resolve = resolveNext as never
    this.reject = rejectNext as never
    this.#spawner = owner
    this.id = id
    this.name = name
  }

  /**
   * What it does: `created` (waits for memory), `runnable` (queued), `running`, `blocked` (its function has returned a promise, and awaits something),
   * `terminated`.
   */
  get state(): TaskState {
    return this.ended ? 'terminated' : this.record === 0 ? 'created' : this.#spawner.stateOf(this)
  }

  /**
   * Asks for its end. One that has not begun never will, and rejects with the reason. Of one that runs, `currentTask().signal` is aborted, and
   * if it throws that signal's reason, it rejects with this one: whether and how it ends is up to its function. After its end, nothing happens.
   *
   * @param reason Default: a DOMException AbortError.
   */
  cancel(reason: unknown = new DOMException('The task was cancelled', 'AbortError')): void {
    if (this.ended || this.canceled !== undefined) return
    this.canceled = { reason }
    this.#spawner.cancel(this)
  }

  declare readonly [Symbol.toStringTag]: string;

  /** @internal */
  [INSPECT](depth: number, options: object, inspect: Inspect): string {
    const { id, name, state } = this
    return brief('Task', { id, name, state }, depth, options, inspect)
  }
}

/** @internal Where a task's end comes from. */
export interface TaskOwner {
  stateOf(task: Task<unknown>): TaskState
  cancel(task: Task<unknown>): void
}

// A task is a native promise to `await` and to `then`: no wrapper, no extra turn, and no second Task.
Object.defineProperty(Task.prototype, 'constructor', { value: Promise, writable: true, configurable: true })
Object.defineProperty(Task.prototype, Symbol.toStringTag, { value: 'Task', configurable: true })
