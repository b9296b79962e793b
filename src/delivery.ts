// One value that comes once, as something to receive from.

import type { Next } from './channel.js'
import type { LocalSource } from './source.js'

export class Delivery<T> implements LocalSource<T> {
  #next: Next<T> | undefined
  /** Sets keep the order of insertion. */
  readonly #subscribers = new Set<{ offer(): boolean }>()
  #offering = false

  /** The value is there: it goes to who waits, or lies ready. */
  deliver(value: T): void {
    this.#next = { value, done: false }
    this.#offer()
  }

  /** Any time, once the value is there; until then nobody knows. */
  readyAt(): number {
    return this.#next === undefined ? Number.POSITIVE_INFINITY : 0
  }

  take(): Next<T> | undefined {
    if (this.#next !== undefined && !this.#offering) this.#offer()
    const next = this.#next
    this.#next = undefined
    return next
  }

  subscribe(offer: () => boolean): () => void {
    const subscriber = { offer }
    this.#subscribers.add(subscriber)
    return () => this.#subscribers.delete(subscriber)
  }

  #offer(): void {
    this.#offering = true
    try {
      for (const subscriber of this.#subscribers) if (subscriber.offer()) return
    } finally {
      this.#offering = false
    }
  }
}
