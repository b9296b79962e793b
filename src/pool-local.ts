// The items of a pool without a codec: objects of one thread. As Go's sync.Pool: one private place, a list, and the list of the time before the
// last garbage collection. What lies unused through two collections is given up.

import type { PoolStore } from './pool.js'

/**
 * Tells stores of each garbage collection: an object that nobody refers to is registered, and once it is gone there has been one. The registry
 * knows the stores weakly only, so a pool that is garbage goes with its items.
 */
const collections = new FinalizationRegistry<WeakRef<{ age(): void }>>((store) => store.deref()?.age())

export class LocalStore<T> implements PoolStore<T> {
  readonly capacity: number
  readonly arena = undefined
  readonly handle = undefined
  readonly #drop: ((item: T) => void) | undefined
  readonly #self = new WeakRef(this)
  #first: T | undefined
  #items: T[] = []
  /** What was here at the last collection, and has not been wanted since. */
  #old: T[] = []
  /** Whether the next collection will be noticed: only while there is something to give up. */
  #watching = false

  /** `drop` is called with what is given up after a collection. */
  constructor(capacity: number, drop: ((item: T) => void) | undefined) {
    this.capacity = capacity
    this.#drop = drop
  }

  get length(): number {
    return (this.#first === undefined ? 0 : 1) + this.#items.length + this.#old.length
  }

  take(): T | undefined {
    const first = this.#first
    if (first === undefined) return this.#items.pop() ?? this.#old.pop()
    this.#first = undefined
    return first
  }

  put(item: T): boolean {
    if (this.capacity !== Number.POSITIVE_INFINITY && this.length >= this.capacity) return false
    if (this.#first === undefined) this.#first = item
    else this.#items.push(item)
    if (!this.#watching) this.#watch()
    return true
  }

  /** After a garbage collection: what is here grows old, what was old goes. */
  age(): void {
    const gone = this.#old
    this.#old = this.#items
    this.#items = []
    if (this.#first !== undefined) this.#old.push(this.#first)
    this.#first = undefined
    this.#watching = false
    if (this.#old.length > 0) this.#watch()
    if (this.#drop !== undefined) for (const item of gone) this.#drop(item)
  }

  dispose(): void {
    this.#first = undefined
    this.#items = []
    this.#old = []
  }

  #watch(): void {
    this.#watching = true
    collections.register({}, this.#self)
  }
}
