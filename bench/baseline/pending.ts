// The operations of one event loop that wait for one side of a channel, in the order in which they were asked for.
//
// At most one `Atomics.waitAsync` is outstanding however many operations wait. It does not keep Node's event loop alive,
// so a timer does, exactly while something waits here.

import { enterGate, sleepAsync } from './gate.js'

const KEEP_ALIVE_MS = 2 ** 30

/** Tries once. Settles the operation when it is done with it, throws when it failed, does neither when it must wait on. */
export type Attempt<T> = (settle: (value: T) => void) => void

interface Operation<T> {
  attempt: Attempt<T>
  resolve(value: T): void
  reject(error: unknown): void
}

export class Pending<T> {
  readonly #words: Int32Array
  readonly #gate: number
  readonly #ready: () => boolean
  readonly #queue: Operation<T>[] = []
  readonly #resume = (): void => this.#run()
  #keepAlive: NodeJS.Timeout | undefined

  constructor(words: Int32Array, gate: number, ready: () => boolean) {
    this.#words = words
    this.#gate = gate
    this.#ready = ready
  }

  get idle(): boolean {
    return this.#queue.length === 0
  }

  push(attempt: Attempt<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ attempt, resolve, reject })
      if (this.#queue.length > 1) return
      if (this.#keepAlive === undefined) this.#keepAlive = setInterval(() => {}, KEEP_ALIVE_MS)
      else this.#keepAlive.ref()
      this.#run()
    })
  }

  /** Serves the queue from its front, then arms the wait for the rest. */
  #run(): void {
    while (this.#queue.length > 0) {
      if (this.#serveFirst()) continue
      const event = enterGate(this.#words, this.#gate)
      if (this.#ready()) continue
      const rung = sleepAsync(this.#words, this.#gate, event)
      if (rung === undefined) continue
      rung.then(this.#resume)
      return
    }
    this.#keepAlive?.unref()
  }

  #serveFirst(): boolean {
    const operation = this.#queue[0]
    let done = false
    try {
      operation.attempt((value) => {
        done = true
        operation.resolve(value)
      })
    } catch (error) {
      done = true
      operation.reject(error)
    }
    if (done) this.#queue.shift()
    return done
  }
}
