// A weighted semaphore in plain TypeScript: one word holds what is free, sleepers wait at a gate. Newcomers may overtake, so a waiter
// that needs much may wait long.

import { enterGate, ring, sleep, sleepAsync } from '../gate.js'
import { LINE } from '../layout.js'
import { Spinner } from '../spin.js'
import { keepAlive } from './keep-alive.js'

const AVAILABLE = 0
const GATE = LINE
const WORDS = 2 * LINE
const EVERYBODY = 2 ** 31 - 1

export interface SemaphoreHandle {
  readonly kind: 'semaphore'
  readonly size: number
  readonly buffer: SharedArrayBuffer
}

export class Semaphore {
  readonly handle: SemaphoreHandle
  readonly size: number
  readonly #words: Int32Array
  readonly #spinner = new Spinner()

  constructor(from: number | SemaphoreHandle) {
    const made = typeof from === 'number'
    this.handle = made
      ? { kind: 'semaphore', size: from, buffer: new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT) }
      : from
    this.size = this.handle.size
    this.#words = new Int32Array(this.handle.buffer)
    if (made) Atomics.store(this.#words, AVAILABLE, this.size)
  }

  get available(): number {
    return Atomics.load(this.#words, AVAILABLE)
  }

  tryAcquire(count = 1): boolean {
    const words = this.#words
    let available = Atomics.load(words, AVAILABLE)
    while (available >= count) {
      const seen = Atomics.compareExchange(words, AVAILABLE, available, available - count)
      if (seen === available) return true
      available = seen
    }
    return false
  }

  acquireSync(count = 1): void {
    if (!this.tryAcquire(count)) this.#acquireSlow(count)
  }

  /** What it resolves to is the semaphore itself. */
  acquire(count = 1): Promise<this> {
    if (this.tryAcquire(count)) return Promise.resolve(this)
    return keepAlive(this.#acquireSlowAsync(count)).then(() => this)
  }

  release(count = 1): void {
    const words = this.#words
    let available = Atomics.load(words, AVAILABLE)
    while (true) {
      if (available + count > this.size) throw new Error('released more than held')
      const seen = Atomics.compareExchange(words, AVAILABLE, available, available + count)
      if (seen === available) break
      available = seen
    }
    // Everybody: who fits is not known here.
    ring(words, GATE, EVERYBODY)
  }

  #acquireSlow(count: number): void {
    this.#spinner.until(() => this.available >= count)
    while (!this.tryAcquire(count)) {
      const event = enterGate(this.#words, GATE)
      if (this.available < count) sleep(this.#words, GATE, event)
    }
  }

  async #acquireSlowAsync(count: number): Promise<void> {
    while (!this.tryAcquire(count)) {
      const event = enterGate(this.#words, GATE)
      if (this.available < count) await sleepAsync(this.#words, GATE, event)
    }
  }
}
