// A function that runs once among all threads, in plain TypeScript. As in Go, it has run even if it threw.

const NEW = 0
const RUNNING = 1
const DONE = 2

export interface OnceHandle {
  readonly kind: 'once'
  readonly buffer: SharedArrayBuffer
}

export class Once {
  readonly handle: OnceHandle
  readonly #words: Int32Array
  /** What never changes back need not be looked for in shared memory again. */
  #seen = false

  constructor(handle?: OnceHandle) {
    this.handle = handle ?? { kind: 'once', buffer: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT) }
    this.#words = new Int32Array(this.handle.buffer)
  }

  get done(): boolean {
    return Atomics.load(this.#words, 0) === DONE
  }

  doSync(run: () => void): void {
    if (this.#seen) return
    if (!this.done) this.#doSlow(run)
    this.#seen = true
  }

  #doSlow(run: () => void): void {
    const words = this.#words
    if (Atomics.compareExchange(words, 0, NEW, RUNNING) === NEW) {
      try {
        run()
      } finally {
        Atomics.store(words, 0, DONE)
        Atomics.notify(words, 0)
      }
      return
    }
    while (Atomics.load(words, 0) === RUNNING) Atomics.wait(words, 0, RUNNING)
  }
}
