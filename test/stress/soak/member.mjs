import { Worker } from 'node:worker_threads'

/** A thread of a lane, as the main thread sees it. */
export class Member {
  /** What came of the round that was started last: what the thread found, or nothing if it was killed. Rejects if something was wrong. */
  result = Promise.resolve({})
  failed = false
  #worker
  #settle
  #opened
  #killed = false

  constructor(workerData) {
    this.side = workerData.side
    this.id = workerData.id
    this.#worker = new Worker(new URL('./worker.mjs', import.meta.url), { workerData })
    this.#worker.on('message', (found) => (found === 'opened' ? this.#opened() : this.#over(found)))
    this.#worker.on('error', (error) => this.#over({ error: error.stack ?? String(error) }))
    this.#worker.on('exit', (code) => this.#over(this.#killed ? {} : { error: `a ${this.side} ended with ${code}` }))
  }

  /** Resolves once the thread has opened the channel. */
  async start(order) {
    const opened = new Promise((resolve) => {
      this.#opened = resolve
    })
    this.result = new Promise((resolve, reject) => {
      this.#settle = ({ error, ...found }) =>
        error === undefined ? resolve(found) : reject(Object.assign(new Error(error), { stack: error }))
    })
    this.result.catch(() => {
      this.failed = true
    })
    this.#worker.postMessage(order)
    await Promise.race([opened, this.result])
  }

  async kill() {
    this.#killed = true
    await this.#worker.terminate()
  }

  /** Lets the thread end by itself. */
  async end() {
    this.#killed = true
    await new Promise((resolve) => {
      this.#worker.on('exit', resolve)
      this.#worker.postMessage('end')
    })
  }

  #over(found) {
    this.#settle?.(found)
    this.#settle = undefined
  }
}
