// What comes out of a pattern: a channel of this thread for values of any kind, with a buffer, an end, and an error to end with.

import type { Next } from '../channel.js'
import { ClosedError, TimeoutError } from '../errors.js'
import { watchLimits } from '../limits.js'
import { LocalChannel } from '../local-channel.js'
import { type LocalSource, SOURCE } from '../source.js'
import { keep } from '../turn.js'
import { timeoutOf, type WaitOptions } from '../wait.js'

const END: Next<never> = Object.freeze({ value: undefined, done: true })

/** A send that waits for room. */
interface Parked<T> {
  readonly value: T
  sent(): void
  failed(): void
}

/** The state of an {@link Outlet}. Sends and receives are first come, first served. */
class Store<T> implements LocalSource<T> {
  capacity: number
  closed = false
  failure: { readonly error: unknown } | undefined
  /** Called when the consumer gives up. */
  onCancel: (() => void) | undefined
  /** Sets keep the order of insertion, and forget in O(1). */
  readonly parked = new Set<Parked<T>>()
  readonly #receivers = new Set<{ offer(): boolean }>()
  #buffer: T[] = []
  #head = 0
  #offering = false

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get length(): number {
    return this.#buffer.length - this.#head
  }

  readyAt(): number {
    return this.length > 0 || this.parked.size > 0 || this.closed ? 0 : Number.POSITIVE_INFINITY
  }

  take(): Next<T> | undefined {
    if (!this.#offering && this.#receivers.size > 0) this.offer()
    if (this.length > 0) {
      const value = this.#shift()
      this.admit()
      return { value, done: false }
    }
    for (const first of this.parked) {
      this.parked.delete(first)
      first.sent()
      return { value: first.value, done: false }
    }
    if (this.failure !== undefined) throw this.failure.error
    return this.closed ? END : undefined
  }

  subscribe(offer: () => boolean): () => void {
    const receiver = { offer }
    this.#receivers.add(receiver)
    return () => this.#receivers.delete(receiver)
  }

  /** Puts a value in if there is room, or somebody waits for it. */
  put(value: T): boolean {
    if (this.length < this.capacity && this.parked.size === 0) {
      this.#buffer.push(value)
      this.offer()
      return true
    }
    if (this.#receivers.size === 0) return false
    let sent = false
    const place: Parked<T> = {
      value,
      sent() {
        sent = true
      },
      failed() {},
    }
    this.parked.add(place)
    this.offer()
    this.parked.delete(place)
    return sent
  }

  /** Lets parked senders in, as far as there is room. */
  admit(): void {
    for (const place of this.parked) {
      if (this.length >= this.capacity) return
      this.parked.delete(place)
      this.#buffer.push(place.value)
      place.sent()
    }
  }

  /** Gives those who wait what there is, the oldest first. */
  offer(): void {
    this.#offering = true
    try {
      for (const receiver of [...this.#receivers]) {
        if (this.readyAt() > 0) return
        receiver.offer()
      }
    } finally {
      this.#offering = false
    }
  }

  close(failure: { readonly error: unknown } | undefined): void {
    this.closed = true
    this.failure = failure
    for (const place of this.parked) {
      this.parked.delete(place)
      place.failed()
    }
    this.offer()
  }

  clear(): void {
    this.#buffer = []
    this.#head = 0
  }

  #shift(): T {
    const value = this.#buffer[this.#head] as T
    this.#buffer[this.#head++] = undefined as T
    if (this.#head === this.#buffer.length) this.clear()
    else if (this.#head > 1024 && this.#head * 2 > this.#buffer.length) {
      this.#buffer = this.#buffer.slice(this.#head)
      this.#head = 0
    }
    return value
  }
}

/**
 * What comes out of a pattern: a channel of this thread that can only be received from, by promises, `for await`, `select` and `merge`. It carries
 * values of any kind, for it never leaves its thread. Once closed and drained, `receive` gives `undefined` and `next` says `done`; if the pattern has
 * failed, they throw its error instead.
 */
export class Outlet<T> extends LocalChannel<T> {
  readonly #store: Store<T>

  /** @internal */
  constructor(store: Store<T>) {
    super(store)
    this.#store = store
  }

  /** How many values lie ready. */
  override get length(): number {
    return this.#store.length
  }

  /** How many values may lie ready; 0: each is handed over. */
  override get capacity(): number {
    return this.#store.capacity
  }

  /** Whether nothing more comes in; values may still be there. */
  override get closed(): boolean {
    return this.#store.closed
  }

  /**
   * Says that nobody wants the values any more: what lies ready is dropped, the outlet is closed, and what produces for it ends. Does nothing the
   * second time.
   */
  cancel(): void {
    const store = this.#store
    store.clear()
    const { onCancel } = store
    store.onCancel = undefined
    if (!store.closed) store.close(undefined)
    onCancel?.()
  }

  [Symbol.dispose](): void {
    this.cancel()
  }
}

/** @internal The side of a pattern: puts values in. */
export class Inlet<T> {
  readonly #store: Store<T>
  readonly outlet: Outlet<T>

  /** `capacity` may be Infinity. */
  constructor(capacity: number) {
    this.#store = new Store(capacity)
    this.outlet = new Outlet(this.#store)
  }

  /** Another outlet of the same values: each value goes to one of them. */
  another(): Outlet<T> {
    return new Outlet(this.#store)
  }

  get closed(): boolean {
    return this.#store.closed
  }

  get length(): number {
    return this.#store.length
  }

  get capacity(): number {
    return this.#store.capacity
  }

  set capacity(n: number) {
    this.#store.capacity = n
    this.#store.admit()
  }

  set onCancel(callback: () => void) {
    this.#store.onCancel = callback
  }

  /** Waits while there is no room. @throws ClosedError once closed, also while it waits; TimeoutError or the signal's reason: nothing was sent. */
  send(value: T, options?: WaitOptions): Promise<void> {
    try {
      const timeout = timeoutOf(options)
      if (this.trySend(value)) return keep(undefined)
      if (timeout === 0) throw new TimeoutError('send', timeout)
      return new Promise((resolve, reject) => {
        const { parked } = this.#store
        const place: Parked<T> = {
          value,
          sent() {
            stopWatching()
            resolve()
          },
          failed() {
            stopWatching()
            reject(new ClosedError('send on closed channel'))
          },
        }
        parked.add(place)
        const stopWatching = watchLimits('send', timeout, options?.signal, (reason) => {
          parked.delete(place)
          stopWatching()
          reject(reason())
        })
      })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** @throws ClosedError once closed. */
  trySend(value: T): boolean {
    if (this.#store.closed) throw new ClosedError('send on closed channel')
    return this.#store.put(value)
  }

  /** Takes the oldest value back. */
  tryReceive(): Next<T> | undefined {
    return this.outlet[SOURCE].take()
  }

  close(): void {
    if (!this.#store.closed) this.#store.close(undefined)
  }

  /** Closes it with an error; what lies ready comes first. */
  fail(error: unknown): void {
    if (!this.#store.closed) this.#store.close({ error })
  }
}
