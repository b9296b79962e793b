// What a task can find out about itself.

/** The task that calls, as `currentTask` gives it. */
export class CurrentTask {
  /** The function, by its name. */
  readonly name: string
  /** The number of its worker. */
  readonly worker: number
  readonly #controller = new AbortController()
  /** @internal */ canceled = false

  /** @internal */
  constructor(name: string, worker: number) {
    this.name = name
    this.worker = worker
  }

  /** Aborted when the task is cancelled: for `{ signal }` of every call that waits. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** @internal */
  cancel(): void {
    if (this.canceled) return
    this.canceled = true
    this.#controller.abort(new DOMException('The task was cancelled', 'AbortError'))
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
