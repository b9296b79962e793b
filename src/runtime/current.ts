// What a task can find out about itself.

import { brief, INSPECT, type Inspect } from '../inspect.js'

/** The task that calls, as `currentTask` gives it. */
export class CurrentTask {
  /** The function, by its name. */
  readonly name: string
  /** The number of its worker. */
  readonly worker: number
  readonly #controller = new AbortController()
  readonly #words: Uint32Array
  /** Where it says that the task is to be cancelled; -1 once it has ended, for its record is another one's then. */
  #at: number

  /** @internal */
  constructor(name: string, worker: number, words: Uint32Array, at: number) {
    this.name = name
    this.worker = worker
    this.#words = words
    this.#at = at
    this.look()
  }

  /** Aborted when the task is cancelled: for `{ signal }` of every call that waits. It is told between two turns of the worker's event loop. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /**
   * Whether the task has been cancelled: also while it computes, when `signal` does not hear of it. Then `signal` is aborted too. Costs one atomic load.
   *
   * @example
   * for (let i = from; i < to && !task.canceled; i++) array[i] = slow(i)
   */
  get canceled(): boolean {
    this.look()
    return this.signal.aborted
  }

  /** Throws the reason of `signal` if the task has been cancelled, also while it computes. The task then rejects with what it was cancelled with. */
  throwIfCanceled(): void {
    if (this.canceled) throw this.signal.reason
  }

  /** @internal Aborts the signal if the task has been cancelled. */
  look(): void {
    if (!this.#isCanceled() || this.signal.aborted) return
    this.#controller.abort(new DOMException('The task was cancelled', 'AbortError'))
  }

  /** @internal */
  end(): void {
    this.#at = -1
  }

  #isCanceled(): boolean {
    return this.#at >= 0 && Atomics.load(this.#words, this.#at) !== 0
  }

  /** @internal */
  [INSPECT](depth: number, options: object, inspect: Inspect): string {
    const { name, worker } = this
    // Who looks at it changes nothing.
    const canceled = this.signal.aborted || this.#isCanceled()
    return brief('CurrentTask', { name, worker, canceled }, depth, options, inspect)
  }
}

/** @internal What `goexit` throws. */
export class Goexit {
  readonly message = 'goexit: the task ends here (let this pass: a catch that swallows it keeps the task going)'
}

/** @internal Whether that is what `goexit` has thrown: asks nothing of what else there is, be it as hostile as it may. */
export function isGoexit(thrown: unknown): boolean {
  try {
    return thrown instanceof Goexit
  } catch {
    return false
  }
}
