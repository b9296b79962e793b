// A channel for the tasks of one event loop, in plain JavaScript: what one would write by hand where no other thread takes part.
// Any capacity; 0 is a rendezvous. Go's rules: first come, first served on both sides, a parked receiver gets the value itself, close
// wakes everybody. A promise is made only for a caller that must wait, and who waits is a node in a list, so that it leaves in O(1).
//
// Invariants between two calls: nobody waits to receive while there is a value or a sender; nobody waits to send while there is room or
// a receiver (but for the two arms of one select, which never pair); nobody waits on a closed channel.

export interface WaitOptions {
  timeout?: number
  signal?: AbortSignal
}

export type Next<T> = { value: T; done: false } | { value: undefined; done: true }

export class ClosedError extends Error {
  readonly code = 'ERR_CLOSED'
}

export class TimeoutError extends Error {
  readonly code = 'ERR_TIMEOUT'
  override readonly name = 'TimeoutError'
}

const DONE = Promise.resolve()
const END: Next<never> = Object.freeze({ value: undefined, done: true })

/** One place in a queue. A sender's is told of `taken` or `refused`, a receiver's of `got` or `ended`; the queue has let go of it then. */
export abstract class Waiter<T> {
  previous: Waiter<T> | undefined
  next: Waiter<T> | undefined
  queue: Queue<T> | undefined
  /** What a sender sends. */
  value: T | undefined

  got(_value: T): void {}
  ended(): void {}
  taken(): void {}
  refused(): void {}
}

/** Who waits on one side of a channel, oldest first. */
export class Queue<T> {
  first: Waiter<T> | undefined
  #last: Waiter<T> | undefined

  push(waiter: Waiter<T>): void {
    waiter.queue = this
    waiter.previous = this.#last
    if (this.#last === undefined) this.first = waiter
    else this.#last.next = waiter
    this.#last = waiter
  }

  remove(waiter: Waiter<T>): void {
    const { previous, next } = waiter
    if (previous === undefined) this.first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    waiter.previous = waiter.next = waiter.queue = undefined
  }

  shift(): Waiter<T> | undefined {
    const waiter = this.first
    if (waiter !== undefined) this.remove(waiter)
    return waiter
  }
}

/** Ends a wait by the clock or by a signal. `cancel` gets the error; the result takes back both. */
export function limit(options: WaitOptions, what: string, cancel: (reason: unknown) => void): () => void {
  const { timeout, signal } = options
  let timer: ReturnType<typeof setTimeout> | undefined
  const abort = (): void => cancel(signal?.reason)
  if (timeout !== undefined && timeout < 2 ** 31) {
    // Timers may fire a little early by the clock that callers read.
    const deadline = performance.now() + timeout
    const fire = (): void => {
      const left = deadline - performance.now()
      if (left > 0) timer = setTimeout(fire, Math.ceil(left))
      else cancel(new TimeoutError(`${what} timed out after ${Math.max(0, timeout)} ms`))
    }
    timer = setTimeout(fire, Math.ceil(timeout))
  }
  signal?.addEventListener('abort', abort, { once: true })
  return () => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

/** A send, receive or next that waits by itself. */
class Single<T> extends Waiter<T> {
  readonly #resolve: (result: never) => void
  readonly #reject: (reason: unknown) => void
  readonly #pairs: boolean
  #undo: (() => void) | undefined

  constructor(resolve: (result: never) => void, reject: (reason: unknown) => void, pairs: boolean) {
    super()
    this.#resolve = resolve
    this.#reject = reject
    this.#pairs = pairs
  }

  limit(options: WaitOptions, what: string): void {
    this.#undo = limit(options, what, (reason) => {
      this.queue?.remove(this)
      this.#undo?.()
      this.#reject(reason)
    })
  }

  override got(value: T): void {
    this.#undo?.()
    this.#resolve((this.#pairs ? { value, done: false } : value) as never)
  }

  override ended(): void {
    this.#undo?.()
    this.#resolve((this.#pairs ? END : undefined) as never)
  }

  override taken(): void {
    this.#undo?.()
    this.#resolve(undefined as never)
  }

  override refused(): void {
    this.#undo?.()
    this.#reject(new ClosedError('send on closed channel'))
  }
}

export class PlainChannel<T> {
  readonly capacity: number
  readonly receivers = new Queue<T>()
  readonly senders = new Queue<T>()
  /** The value of the last `take` that returned true. */
  taken: T | undefined
  readonly #ring: (T | undefined)[]
  #head = 0
  #count = 0
  #closed = false

  constructor(capacity = 0) {
    this.capacity = capacity
    this.#ring = new Array(capacity).fill(undefined)
  }

  get length(): number {
    return this.#count
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Whether a send would not wait: closed counts, it throws at once. */
  get sendable(): boolean {
    return this.#closed || this.#count < this.capacity || this.receivers.first !== undefined
  }

  /** Whether a receive would not wait. */
  get receivable(): boolean {
    return this.#closed || this.#count > 0 || this.senders.first !== undefined
  }

  trySend(value: T): boolean {
    if (this.#closed) throw new ClosedError('send on closed channel')
    const receiver = this.receivers.shift()
    if (receiver !== undefined) {
      receiver.got(value)
      return true
    }
    if (this.#count === this.capacity) return false
    this.#put(value)
    return true
  }

  /** Takes the oldest value into `taken`. Returns whether there was one. */
  take(): boolean {
    if (this.#count > 0) {
      this.taken = this.#ring[this.#head]
      this.#ring[this.#head] = undefined
      this.#head = this.#head + 1 === this.capacity ? 0 : this.#head + 1
      this.#count--
      const sender = this.senders.shift()
      if (sender === undefined) return true
      this.#put(sender.value as T)
      sender.taken()
      return true
    }
    const sender = this.senders.shift()
    if (sender === undefined) return false
    this.taken = sender.value
    sender.taken()
    return true
  }

  tryReceive(): T | undefined {
    return this.take() ? this.taken : undefined
  }

  tryNext(): Next<T> | undefined {
    if (this.take()) return { value: this.taken as T, done: false }
    return this.#closed ? END : undefined
  }

  send(value: T, options?: WaitOptions): Promise<void> {
    try {
      options?.signal?.throwIfAborted()
      if (this.trySend(value)) return DONE
    } catch (error) {
      return Promise.reject(error)
    }
    return new Promise((resolve, reject) => {
      const sender = new Single<T>(resolve, reject, false)
      sender.value = value
      this.senders.push(sender)
      if (options !== undefined) sender.limit(options, 'send')
    })
  }

  receive(options?: WaitOptions): Promise<T | undefined> {
    if (options?.signal?.aborted) return Promise.reject(options.signal.reason)
    if (this.take()) return Promise.resolve(this.taken)
    return this.#closed ? Promise.resolve(undefined) : this.#awaitValue(false, options)
  }

  next(options?: WaitOptions): Promise<Next<T>> {
    if (options?.signal?.aborted) return Promise.reject(options.signal.reason)
    const next = this.tryNext()
    return next === undefined ? this.#awaitValue(true, options) : Promise.resolve(next)
  }

  close(): void {
    if (this.#closed) throw new ClosedError('close of closed channel')
    this.#closed = true
    for (let each = this.receivers.shift(); each !== undefined; each = this.receivers.shift()) each.ended()
    for (let each = this.senders.shift(); each !== undefined; each = this.senders.shift()) each.refused()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for (let next = await this.next(); !next.done; next = await this.next()) yield next.value
  }

  *available(): Generator<T, void, void> {
    while (this.take()) yield this.taken as T
  }

  #put(value: T): void {
    const at = this.#head + this.#count
    this.#ring[at < this.capacity ? at : at - this.capacity] = value
    this.#count++
  }

  #awaitValue<R>(pairs: boolean, options: WaitOptions | undefined): Promise<R> {
    return new Promise((resolve, reject) => {
      const receiver = new Single<T>(resolve as (result: never) => void, reject, pairs)
      this.receivers.push(receiver)
      if (options !== undefined) receiver.limit(options, 'receive')
    })
  }
}
