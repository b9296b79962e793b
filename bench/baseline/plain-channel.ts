// A channel within one event loop, in plain JavaScript: no shared memory, no threads, promises only. What a program that
// has only one thread would use instead, and so the opponent of the rows that stay on one loop.
//
// Invariants, between any two calls:
//   a receiver waits  ⇒ the buffer is empty, and no sender waits but one that is a case of the same select
//   a sender waits    ⇒ the buffer is full
//   whoever is in a queue can be served at once: a select that was decided has left all its queues
//
// As fast as promises allow: what need not wait returns a promise that is already there, what waits costs one promise and
// one entry of a doubly linked list, so that the losing case of a select leaves its queue in constant time.

export class PlainClosedError extends Error {
  override readonly name = 'PlainClosedError'
  readonly code = 'ERR_CLOSED'
}

export interface PlainHit<T> {
  /** Which case was chosen: its place in the list. */
  index: number
  /** What was received; undefined for a send and when the channel is closed and drained. */
  value: T | undefined
  /** The channel is closed and drained. */
  done: boolean
}

export interface PlainReceiveCase<T> {
  receive: PlainChannel<T>
}

export interface PlainSendCase<T> {
  send: PlainChannel<T>
  value: T
}

export type PlainCase<T> = PlainReceiveCase<T> | PlainSendCase<T>

type Settle = (value?: unknown) => void

/** One case that waits in one queue of one channel: a call of send or receive, or one of the cases of a select. */
class Waiter<T> {
  next: Waiter<T> | undefined = undefined
  previous: Waiter<T> | undefined = undefined

  constructor(
    readonly queue: Queue<T>,
    readonly value: T | undefined,
    readonly resolve: Settle,
    readonly reject: Settle,
    /** All cases of the select, this one at `index`; undefined for a call of send or receive. */
    readonly cases: Waiter<T>[] | undefined,
    readonly index: number,
  ) {}

  /** Ends the wait of a receiver. It has left its queue. */
  receive(value: T | undefined, done: boolean): void {
    this.resolve(this.cases === undefined ? value : { index: this.index, value, done })
  }

  /** Ends the wait of a sender whose value was taken. It has left its queue. */
  sent(): void {
    this.resolve(this.cases === undefined ? undefined : { index: this.index, value: undefined, done: false })
  }
}

/** First come, first served; anyone may leave from the middle. */
class Queue<T> {
  first: Waiter<T> | undefined = undefined
  #last: Waiter<T> | undefined = undefined

  push(waiter: Waiter<T>): void {
    const last = this.#last
    waiter.previous = last
    if (last === undefined) this.first = waiter
    else last.next = waiter
    this.#last = waiter
  }

  /** Takes the first one out, and the other cases of its select out of their queues. */
  shift(): Waiter<T> | undefined {
    const waiter = this.first
    if (waiter === undefined) return undefined
    if (waiter.cases !== undefined) {
      for (const each of waiter.cases) each.queue.#remove(each)
      return waiter
    }
    const next = waiter.next
    this.first = next
    if (next === undefined) this.#last = undefined
    else next.previous = undefined
    return waiter
  }

  #remove(waiter: Waiter<T>): void {
    const { next, previous } = waiter
    if (previous === undefined) this.first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
  }
}

// The functions of the promise made last: one executor for all promises is cheaper than a closure for each.
let lastResolve: Settle
let lastReject: Settle
const keepFunctions = (resolve: Settle, reject: Settle): void => {
  lastResolve = resolve
  lastReject = reject
}

const SENT: Promise<void> = Promise.resolve()
const CLOSED: Promise<undefined> = Promise.resolve(undefined)

/** Channel of one event loop. Capacity 0, the default, is a rendezvous: a send ends when its value has been received. */
export class PlainChannel<T> {
  readonly capacity: number
  /** A ring: the oldest of `#length` values is at `#head`. */
  readonly #buffer: (T | undefined)[]
  #head = 0
  #length = 0
  #closed = false
  readonly #senders = new Queue<T>()
  readonly #receivers = new Queue<T>()

  constructor(capacity = 0) {
    if (!Number.isInteger(capacity) || capacity < 0) {
      throw new RangeError(`capacity must be an integer from 0, got ${capacity}`)
    }
    this.capacity = capacity
    this.#buffer = new Array<T | undefined>(capacity)
  }

  /** Values in the buffer. */
  get length(): number {
    return this.#length
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Resolves when the value was received or has a place in the buffer. Rejects with PlainClosedError. */
  send(value: T): Promise<void> {
    if (this.#closed) return Promise.reject(sendOnClosed())
    if (this.#canSend) {
      this.#sendNow(value)
      return SENT
    }
    const promise = new Promise<void>(keepFunctions as never)
    this.#senders.push(new Waiter(this.#senders, value, lastResolve, lastReject, undefined, 0))
    return promise
  }

  /** Resolves with the next value, or with undefined when the channel is closed and drained. */
  receive(): Promise<T | undefined> {
    if (this.#canReceive) return Promise.resolve(this.#receiveNow())
    if (this.#closed) return CLOSED
    const promise = new Promise<T | undefined>(keepFunctions as never)
    this.#receivers.push(new Waiter(this.#receivers, undefined, lastResolve, lastReject, undefined, 0))
    return promise
  }

  /** What is buffered can still be received; all that wait now are served. Throws PlainClosedError the second time. */
  close(): void {
    if (this.#closed) throw new PlainClosedError('close of closed channel')
    this.#closed = true
    for (let one = this.#receivers.shift(); one !== undefined; one = this.#receivers.shift()) {
      one.receive(undefined, true)
    }
    for (let one = this.#senders.shift(); one !== undefined; one = this.#senders.shift()) one.reject(sendOnClosed())
  }

  /**
   * Does exactly one of the cases: one of those that are ready, all with the same chance, else the first that becomes so.
   * Rejects with PlainClosedError if it chose to send on a closed channel. Without cases it waits for ever.
   */
  static select<T>(cases: readonly PlainCase<T>[]): Promise<PlainHit<T>> {
    let ready = 0
    let chosen = 0
    for (let index = 0; index < cases.length; index++) {
      if (!PlainChannel.#isReady(cases[index])) continue
      // Each one so far was chosen with the same chance: the new one replaces it in one of `ready` throws.
      if (++ready === 1 || Math.random() * ready < 1) chosen = index
    }
    if (ready > 0) return PlainChannel.#doCase(cases[chosen], chosen)
    const promise = new Promise<PlainHit<T>>(keepFunctions as never)
    const waiters = new Array<Waiter<T>>(cases.length)
    for (let index = 0; index < cases.length; index++) {
      const one = cases[index]
      const queue = 'send' in one ? one.send.#senders : one.receive.#receivers
      const value = 'send' in one ? one.value : undefined
      waiters[index] = new Waiter(queue, value, lastResolve, lastReject, waiters, index)
      queue.push(waiters[index])
    }
    return promise
  }

  static #doCase<T>(one: PlainCase<T>, index: number): Promise<PlainHit<T>> {
    if ('send' in one) {
      if (one.send.#closed) return Promise.reject(sendOnClosed())
      one.send.#sendNow(one.value)
      return Promise.resolve({ index, value: undefined, done: false })
    }
    const done = !one.receive.#canReceive
    const value = done ? undefined : one.receive.#receiveNow()
    return Promise.resolve({ index, value, done })
  }

  /** Whether this case need not wait, be it because the channel is closed. */
  static #isReady<T>(one: PlainCase<T>): boolean {
    if ('send' in one) return one.send.#closed || one.send.#canSend
    return one.receive.#closed || one.receive.#canReceive
  }

  get #canSend(): boolean {
    return this.#length < this.capacity || this.#receivers.first !== undefined
  }

  get #canReceive(): boolean {
    return this.#length > 0 || this.#senders.first !== undefined
  }

  #sendNow(value: T): void {
    const receiver = this.#receivers.shift()
    if (receiver === undefined) this.#put(value)
    else receiver.receive(value, false)
  }

  #receiveNow(): T | undefined {
    if (this.#length === 0) return this.#takeFromSender()
    const value = this.#buffer[this.#head]
    this.#buffer[this.#head] = undefined
    this.#head = this.#head + 1 === this.capacity ? 0 : this.#head + 1
    this.#length--
    // The buffer was full if somebody waits to send: his value is the newest.
    if (this.#senders.first !== undefined) this.#put(this.#takeFromSender() as T)
    return value
  }

  #takeFromSender(): T | undefined {
    const sender = this.#senders.shift() as Waiter<T>
    sender.sent()
    return sender.value
  }

  #put(value: T): void {
    const at = this.#head + this.#length
    this.#buffer[at < this.capacity ? at : at - this.capacity] = value
    this.#length++
  }
}

function sendOnClosed(): PlainClosedError {
  return new PlainClosedError('send on closed channel')
}
