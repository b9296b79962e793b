// A pool as one writes it by hand: worker threads, a message for each task and for each result, tasks given out in turn.

import { Worker } from 'node:worker_threads'

/** id, task, argument */
export type Order = [id: number, task: string, value: unknown]
/** id, result; or id, undefined, error */
export type Answer = [id: number, value: unknown, error?: unknown]

interface Waiting {
  resolve(value: unknown): void
  reject(reason: unknown): void
}

export class Pool {
  readonly #workers: Worker[]
  readonly #waiting = new Map<number, Waiting>()
  #next = 0

  private constructor(workers: Worker[]) {
    this.#workers = workers
    for (const worker of workers) {
      worker.on('message', (answer: Answer) => this.#settle(answer))
      worker.on('error', (error) => this.#fail(error))
      worker.on('exit', () => this.#fail(new Error('the worker ended')))
      worker.unref()
    }
  }

  /** A pool of so many threads, each of which has imported the module of the tasks. */
  static async open(module: URL, threads: number): Promise<Pool> {
    const script = new URL('./worker.js', import.meta.url)
    const workers = Array.from({ length: threads }, () => new Worker(script, { workerData: module.href }))
    const ready = workers.map((worker) => {
      return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
    })
    await Promise.all(ready)
    return new Pool(workers)
  }

  /** Runs a function that the module exports under this name. */
  run(task: string, value: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#next++
      const worker = this.#workers[id % this.#workers.length]
      if (this.#waiting.size === 0) this.#ref(true)
      this.#waiting.set(id, { resolve, reject })
      worker.postMessage([id, task, value] satisfies Order)
    })
  }

  async close(): Promise<void> {
    this.#fail(new Error('the pool was closed'))
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer[0])
    if (waiting === undefined) return
    this.#waiting.delete(answer[0])
    if (this.#waiting.size === 0) this.#ref(false)
    if (answer.length === 3) waiting.reject(answer[2])
    else waiting.resolve(answer[1])
  }

  /** What waits for this pool keeps the process alive; an idle pool does not. */
  #ref(on: boolean): void {
    for (const worker of this.#workers) on ? worker.ref() : worker.unref()
  }

  /** Nobody knows which task died with its worker: all fail. */
  #fail(error: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
    this.#ref(false)
  }
}
