import type { Arena } from './arena.js'
import {
  type BatchSource,
  receiveBatch,
  receiveBatchSync,
  type Scratch,
  sendBatch,
  sendBatchSync,
  tryReceiveBatch,
  trySendBatch,
} from './batch.js'
import {
  type BatchOptions,
  batchesOf,
  checkMax,
  isList,
  receiveUpTo,
  receiveUpToSync,
  sendAll,
  sendAllSync,
  tryReceiveUpTo,
  trySendAll,
} from './batches.js'
import type { Batch, Codec } from './codec/index.js'
import type { AnyCodec } from './codec/message.js'
import type { Core } from './core.js'
import type { ReceiveChannel, SendChannel } from './ends.js'
import { ReceiveEnd, SendEnd } from './ends.js'
import { ClosedError, StaleHandleError, TimeoutError } from './errors.js'
import type { EventLoop } from './event-loop.js'
import {
  ARENA,
  BUSY,
  CHANNEL_CAPACITY,
  CHANNEL_CLOSED,
  CHANNEL_CODEC,
  CLOSED,
  HEAD_STATE,
  NO_MEMORY,
  OK,
  RETRY,
  STALE,
  TOLD,
  WAITER_BYTES,
  WAITER_VALUE,
  WOULD_BLOCK,
} from './generated/layout.js'
import { type Handle, makeHandle, type Site } from './handle.js'
import { values, valuesAvailable, valuesSync } from './iteration.js'
import { readableFrom } from './streams.js'
import { keep, overdueTurn } from './turn.js'
import {
  meetAsync,
  mustWait,
  nap,
  type Operation,
  outcomeOf,
  patienceFor,
  release,
  requireBlocking,
  TIMED_OUT,
  timeoutOf,
  type WaitOptions,
  waitAsync,
  waitSync,
} from './wait.js'

/** A value, or the news that there will be none: Go's `v, ok := <-ch`. */
export type Next<T> = { value: T; done: false } | { value: undefined; done: true }

const END: Next<never> = Object.freeze({ value: undefined, done: true })
const RESOLVED = Promise.resolve()
/** No object is ever in this state: its flags do not exist. */
const NO_STATE = -1
/** How often a thread that is inside a section is waited for awake. */
const PATIENCE = 50

/**
 * A channel between threads, and between the tasks of one event loop. Many may send, many may receive; each value goes to exactly one
 * receiver, in the order of sending. Waiting senders and receivers are served first come, first served.
 *
 * `verb` returns a promise, `verbSync` blocks the thread, `tryVerb` never waits: all three work on one channel at once. A send
 * synchronizes with the receive that takes its value, the k-th receive with the (k + capacity)-th send, and close with every receive
 * that finds the channel closed: what one side wrote to shared memory before, the other sees after.
 *
 * Made by {@link channel}; opened in another thread by `open(ch.handle)`.
 */
export abstract class Channel<T> implements SendChannel<T>, ReceiveChannel<T> {
  readonly codec: AnyCodec<T>
  readonly arena: Arena
  /** How many messages the channel holds before senders wait; 0: a send waits for the receive that takes its value. */
  readonly capacity: number
  /** @internal */ readonly core: Core
  /** @internal */ readonly loop: EventLoop
  /** @internal Address; 0 once disposed of by this object. */ at: number
  /** @internal HEAD_STATE of the open channel; NO_STATE once disposed of. */ open: number
  /** @internal Whether this thread may block. */ readonly blocks: boolean
  /** @internal The value of the last attemptReceive that said OK. */ value!: T
  /** @internal Why the last tryReceive gave `undefined`; OK if that was the value. */ missing = OK
  /** @internal See batch.ts. */ scratch: Scratch | undefined
  /** @internal See Operation. */ readonly patience: number
  #sender: SendEnd<T> | undefined
  #receiver: ReceiveEnd<T> | undefined

  /** @internal */
  constructor(site: Site, codec: AnyCodec<T>) {
    this.arena = site.arena
    this.core = site.arena.core
    this.loop = site.arena.loop
    this.blocks = site.arena.canBlock
    this.at = site.at
    this.open = site.open
    this.codec = codec
    this.capacity = site.arena.u32[(site.at + CHANNEL_CAPACITY) >>> 2] as number
    this.patience = patienceFor(this.capacity)
    this.receiving = {
      patience: this.patience,
      rendezvous: this.capacity === 0,
      attempt: () => this.attemptReceive(),
      park: (token) => this.parkReceive(token),
    }
  }

  /** @internal Whether a message takes memory of the arena. */
  get takesMemory(): boolean {
    return false
  }

  /** @internal Whether the arena has room for the value now. */
  hasRoom(_value: T): boolean {
    return true
  }

  // What each codec does in its own way; see channel-codecs.ts. The four that users call are written out there, one per codec, so that
  // each has inline caches of its own.

  /** Sends if there is room. Returns whether it did. @throws ClosedError (ERR_CLOSED) once closed; TypeError, RangeError for a value that is not the codec's. */
  abstract trySend(value: T): boolean
  /** Sends, blocking this thread while the channel is full. @throws ClosedError, TimeoutError (nothing was sent then), BlockingNotAllowedError. */
  abstract sendSync(value: T, options?: WaitOptions): void
  /** The oldest value; `undefined` if the channel is empty, or closed and drained (`tryNext` tells which). */
  abstract tryReceive(): T | undefined
  /** The oldest value, blocking this thread while there is none; `undefined` once closed and drained. @throws TimeoutError, BlockingNotAllowedError. */
  abstract receiveSync(options?: WaitOptions): T | undefined
  /** @internal Checks and sends without waiting: a status. */
  abstract attemptSend(value: T): number
  /** @internal Receives into `this.value` without waiting: a status. */
  abstract attemptReceive(): number
  /** @internal Leaves a value that has been checked at an address. */
  abstract write(at: number, value: T): void
  /** @internal Throws for a value that the codec cannot carry. */
  check(value: T): void {
    ;(this.codec as Codec<T>).check(value)
  }
  /** @internal What was written at an address, into a waiter, has not been sent. */
  forget(_at: number): void {}
  /** @internal */
  abstract parkSend(token: number, value: T): number
  /** @internal Queues up to receive. */
  parkReceive(token: number): number {
    return this.core.channel_parkReceive(this.at, this.open, token)
  }
  /** @internal Bytes of a cell, where messages lie in cells of the ring. */
  get cell(): number {
    return 0
  }
  /** @internal The value at an address. */
  abstract read(at: number): T

  /**
   * Sends, waiting while the channel is full. Resolves when the value is in the channel or with a receiver.
   *
   * @throws ClosedError (ERR_CLOSED, `send on closed channel`) once closed, also if it is closed while this waits; TimeoutError
   * (ERR_TIMEOUT) or the signal's reason, and then nothing was sent; TypeError, RangeError for a value that is not the codec's.
   */
  send(value: T, options?: WaitOptions): Promise<void> {
    try {
      if (options === undefined && this.alone()) {
        return this.meeting(value)
      }
      const timeout = timeoutOf(options)
      const status = this.sendNow(value)
      if (status === OK) return overdueTurn() ?? RESOLVED
      if (status !== WOULD_BLOCK) throw this.sendError(status)
      return waitAsync(this.arena, this.sending(value), 'send', timeout, options?.signal, this.whenSent)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * The oldest value, waiting while there is none; `undefined` once the channel is closed and drained. For a codec with `undefined` among
   * its values, `next` tells the two apart.
   *
   * @throws TimeoutError (ERR_TIMEOUT) or the signal's reason, and then nothing was received.
   */
  receive(options?: WaitOptions): Promise<T | undefined> {
    return this.#receive(options, this.#unwrap, this.#gotUnwrapped)
  }

  /** As `receive`, in the form of an iterator's result: `{ value, done: false }`, or `{ done: true }` once closed and drained. */
  next(options?: WaitOptions): Promise<Next<T>> {
    return this.#receive(options, this.#wrap, this.#gotWrapped)
  }

  /** As `next`, blocking this thread. */
  nextSync(options?: WaitOptions): Next<T> {
    requireBlocking(this.arena, 'nextSync', 'next')
    const timeout = timeoutOf(options)
    const status = this.receiveNow()
    return this.#wrap(status === OK || this.#receiveSync(status, timeout))
  }

  /** `{ value, done: false }`, or `{ done: true }` if closed and drained, or `undefined` if empty. */
  tryNext(): Next<T> | undefined {
    const status = this.receiveNow()
    if (status === OK) return this.#wrap(true)
    if (status === STALE) throw this.stale()
    return status === CLOSED ? END : undefined
  }

  /**
   * Sends all values, in order, waiting as needed. Others' values may come in between. Resolves with their number. Typed arrays of the
   * codec's kind, and arrays of numbers, go at full speed.
   *
   * @throws as `send`; the error's `transferred` says how many were sent before.
   */
  sendMany(values: BatchSource<T>, options?: WaitOptions): Promise<number> {
    return isList(values)
      ? sendBatch(this, values as readonly T[], options)
      : sendAll(this, values as Iterable<T>, options)
  }

  /** As `sendMany`, blocking this thread. */
  sendManySync(values: BatchSource<T>, options?: WaitOptions): number {
    requireBlocking(this.arena, 'sendManySync', 'sendMany')
    return isList(values)
      ? sendBatchSync(this, values as readonly T[], options)
      : sendAllSync(this, values as Iterable<T>, options)
  }

  /** Sends as many values as there is room for, in order. Returns how many. @throws ClosedError once closed. */
  trySendMany(values: BatchSource<T>): number {
    return isList(values) ? trySendBatch(this, values as readonly T[]) : trySendAll(this, values as Iterable<T>)
  }

  /**
   * Receives many: waits for one value, then takes what is there. Into a typed array of the codec's kind, at full speed: up to its length, and
   * resolves with their number, 0 once closed and drained (or for an empty array). Or up to so many, for every codec: resolves with an array,
   * empty once closed and drained.
   *
   * @throws as `receive`; if a message after the first is no value of the codec, the values before it are the error's `received`.
   */
  receiveMany(into: Batch, options?: WaitOptions): Promise<number>
  receiveMany(max: number, options?: WaitOptions): Promise<T[]>
  receiveMany(into: Batch | number, options?: WaitOptions): Promise<number | T[]> {
    return typeof into === 'number' ? receiveUpTo(this, into, options) : receiveBatch(this, into, options)
  }

  /** As `receiveMany`, blocking this thread. */
  receiveManySync(into: Batch, options?: WaitOptions): number
  receiveManySync(max: number, options?: WaitOptions): T[]
  receiveManySync(into: Batch | number, options?: WaitOptions): number | T[] {
    requireBlocking(this.arena, 'receiveManySync', 'receiveMany')
    return typeof into === 'number' ? receiveUpToSync(this, into, options) : receiveBatchSync(this, into, options)
  }

  /** Receives what is there, as `receiveMany` without waiting. */
  tryReceiveMany(into: Batch): number
  tryReceiveMany(max: number): T[]
  tryReceiveMany(into: Batch | number): number | T[] {
    if (typeof into !== 'number') return tryReceiveBatch(this, into)
    checkMax(into, 'tryReceiveMany')
    return tryReceiveUpTo(this, into)
  }

  /**
   * Values in arrays, until the channel is closed and drained: each of up to `max` values, which are waited for up to `wait` milliseconds after
   * the first. Leaving the loop neither closes the channel nor loses a value.
   *
   * @example
   * for await (const batch of ch.batches({ max: 100, wait: 5 })) await save(batch)
   */
  batches(options?: BatchOptions): AsyncGenerator<T[], void, undefined> {
    return batchesOf(this, options)
  }

  /** Values until the channel is closed and drained. Leaving the loop neither closes the channel nor loses a value. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    return values(this)
  }

  /** The same, blocking this thread: `for (const v of ch.sync())`. */
  sync(): Generator<T, void, undefined> {
    return valuesSync(this)
  }

  /** The values that are there, without waiting for more. */
  available(): Generator<T, void, undefined> {
    return valuesAvailable(this)
  }

  /**
   * A web stream of the values, until the channel is closed and drained. A value is received when the stream's reader asks for one; cancelling
   * the stream neither closes the channel nor loses a value. For Node's streams: `Readable.fromWeb(ch.toReadableStream(), { objectMode: true })`.
   */
  toReadableStream(): ReadableStream<T> {
    return readableFrom(this)
  }

  /**
   * Closes the channel: waiting senders fail with ClosedError, receivers drain what is there and then are told. Values are never discarded.
   *
   * @throws ClosedError (`close of closed channel`) the second time.
   */
  close(): void {
    const status = this.core.channel_close(this.at, this.open)
    this.loop.poll()
    if (status === STALE) throw this.stale()
    if (status === CLOSED) throw new ClosedError('close of closed channel')
  }

  /** Whether the channel is closed; values may still be in it. */
  get closed(): boolean {
    const flags = this.core.channel_flags(this.at, this.open)
    if (flags < 0) throw this.stale()
    return (flags & CHANNEL_CLOSED) !== 0
  }

  /** How many messages are in the channel, at one moment during the call. */
  get length(): number {
    const length = this.core.channel_length(this.at, this.open)
    if (length < 0) throw this.stale()
    return length
  }

  /** The sending half: what is given to those who must not receive. */
  get sender(): SendChannel<T> {
    this.#sender ??= new SendEnd(this)
    return this.#sender
  }

  /** The receiving half: what is given to those who must not send or close. */
  get receiver(): ReceiveChannel<T> {
    this.#receiver ??= new ReceiveEnd(this)
    return this.#receiver
  }

  /** Stands for this channel in messages to other threads; see `open`. */
  get handle(): Handle<Channel<T>> {
    return makeHandle(this.site(), 'channel', this.codec, 'both')
  }

  /** Whether the other is the same channel, whichever half or handle it came from. */
  equals(other: SendChannel<T> | ReceiveChannel<T>): boolean {
    const that = other instanceof Channel ? other : (other as SendEnd<T> | ReceiveEnd<T>)?.channel
    return that instanceof Channel && that.arena.id === this.arena.id && that.at === this.at && that.open === this.open
  }

  /**
   * Frees the channel's memory. Who waits on it, and every later use in any thread, gets StaleHandleError. Like closing a file: not to be
   * called while other threads are in the middle of operations that do not wait.
   */
  dispose(): void {
    if (this.at === 0) return
    const status = this.core.channel_dispose(this.at, this.open)
    this.at = 0
    this.open = NO_STATE
    this.loop.poll()
    if (status === STALE) throw this.stale()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** @internal */
  site(): Site {
    if (this.core.channel_flags(this.at, this.open) < 0) throw this.stale()
    return { arena: this.arena, at: this.at, open: this.open }
  }

  /** @internal */
  stale(): StaleHandleError {
    return new StaleHandleError('the channel')
  }

  /** @internal The error for a send that ended in that status. */
  sendError(status: number, timeout = 0): Error {
    return status === CLOSED ? new ClosedError('send on closed channel') : this.error(status, 'send', timeout)
  }

  /** @internal */
  error(status: number, what: string, timeout = 0): Error {
    if (status === TIMED_OUT) return new TimeoutError(what, timeout)
    if (status === NO_MEMORY) return this.arena.full('a waiter', WAITER_BYTES)
    return this.stale()
  }

  /**
   * @internal The status of the last send. Whatever came of it, it may have told waiters, also some of this thread's own event loop, whom nobody
   * wakes but this thread.
   */
  told(): number {
    const status = this.arena.status()
    this.poll()
    return status === TOLD ? OK : status
  }

  /** @internal Whether a channel without capacity is open and nobody waits on it: then there is nothing to try. */
  alone(): boolean {
    return this.capacity === 0 && Atomics.load(this.arena.i32, (this.at + HEAD_STATE) >>> 2) === this.open
  }

  /** @internal As attemptSend, never RETRY or BUSY: waits for who is in the way. */
  sendNow(value: T): number {
    return this.settled(this.attemptSend(value), () => this.attemptSend(value))
  }

  /** @internal As attemptReceive, never RETRY or BUSY. */
  receiveNow(): number {
    return this.settled(this.attemptReceive(), this.receiving.attempt)
  }

  /** @internal The status, once nobody is in the way any more. */
  settled(status: number, again: () => number): number {
    for (let tries = 0; status === RETRY || status === BUSY; tries++) {
      if (status === BUSY && tries > PATIENCE) nap(this.arena)
      status = again()
    }
    return status
  }

  /** @internal What trySend does when the core did not say FINE. */
  refused(value: T): boolean {
    const status = this.settled(this.told(), () => this.attemptSend(value))
    if (status === OK) return true
    if (status === WOULD_BLOCK) return false
    throw this.sendError(status)
  }

  /** @internal The status of the last receive: with OK the value is in `this.value`. As for `told`, waiters may have been told in any case. */
  attempted(): number {
    const status = this.arena.status()
    try {
      if (status === OK) this.value = this.read(this.arena.valueAt)
    } finally {
      // Also if the bytes are no value of the codec: the receive has made room for others.
      this.poll()
    }
    return status
  }

  /** @internal What tryReceive does when the core did not give a number. */
  missed(): T | undefined {
    const status = this.settled(this.attempted(), this.receiving.attempt)
    this.missing = status
    if (status === OK) return this.value
    if (status === STALE) throw this.stale()
    return undefined
  }

  /** @internal The rest of sendSync, when the core did not say FINE. */
  sendSlow(value: T): void {
    this.#sendSync(value, this.told(), Number.POSITIVE_INFINITY)
  }

  /** @internal The rest of receiveSync, when the core did not give a number. */
  receiveSlow(): T | undefined {
    const status = this.attempted()
    return status === OK || this.#receiveSync(status, Number.POSITIVE_INFINITY) ? this.value : undefined
  }

  /** @internal sendSync with options, or where it must not block. */
  sendSyncWith(value: T, options: WaitOptions | undefined): void {
    requireBlocking(this.arena, 'sendSync', 'send')
    const timeout = timeoutOf(options)
    this.#sendSync(value, this.sendNow(value), timeout)
  }

  /** @internal receiveSync with options, or where it must not block. */
  receiveSyncWith(options: WaitOptions | undefined): T | undefined {
    requireBlocking(this.arena, 'receiveSync', 'receive')
    const timeout = timeoutOf(options)
    const status = this.receiveNow()
    return status === OK || this.#receiveSync(status, timeout) ? this.value : undefined
  }

  /** @internal Completes what is ready, and keeps `value`, which completed receives of this thread may overwrite. */
  poll(): void {
    if (this.loop.pending === 0) return
    const { value } = this
    this.loop.poll()
    this.value = value
  }

  /** @internal */
  sending(value: T): Operation {
    return {
      patience: this.patience,
      rendezvous: this.capacity === 0,
      attempt: () => this.attemptSend(value),
      park: (token) => this.parkSend(token, value),
    }
  }

  /** @internal */
  readonly receiving: Operation

  /** @internal A send that has nothing to try: see `alone`. */
  meeting(value: T): Promise<void> {
    this.check(value)
    return meetAsync(this.arena, (token) => this.parkSend(token, value), this.whenSent)
  }

  /** @internal */
  readonly whenSent = (end: number): void => this.sent(end)

  /** @internal The end of an awaited send. */
  sent(end: number): void {
    const outcome = outcomeOf(this.arena, end)
    if (outcome !== OK) throw this.sendError(outcome)
  }

  /** @internal The end of a receive: true with the value in `this.value`, false if the channel is closed and drained. */
  got(end: number): boolean {
    const outcome = outcomeOf(this.arena, end)
    if (outcome === OK) {
      if (end >= ARENA) this.value = this.read(end + WAITER_VALUE)
      return true
    }
    if (outcome === CLOSED) return false
    throw this.error(outcome, 'receive')
  }

  #sendSync(value: T, status: number, timeout: number): void {
    if (mustWait(status)) {
      const end = waitSync(this.arena, this.sending(value), timeout)
      status = outcomeOf(this.arena, end)
      release(this.arena, end)
    }
    if (status !== OK) throw this.sendError(status, timeout)
  }

  #receiveSync(status: number, timeout: number): boolean {
    if (status === CLOSED) return false
    if (!mustWait(status)) throw this.error(status, 'receive')
    const end = waitSync(this.arena, this.receiving, timeout)
    if (end === TIMED_OUT) throw new TimeoutError('receive', timeout)
    try {
      return this.got(end)
    } finally {
      release(this.arena, end)
    }
  }

  #receive<R>(options: WaitOptions | undefined, result: (got: boolean) => R, finish: (end: number) => R): Promise<R> {
    try {
      if (options === undefined && this.alone()) {
        return meetAsync(this.arena, this.receiving.park, finish)
      }
      const timeout = timeoutOf(options)
      const status = this.receiveNow()
      if (status === OK) return keep(result(true))
      if (status === CLOSED) return keep(result(false))
      if (status !== WOULD_BLOCK) throw this.error(status, 'receive')
      return waitAsync(this.arena, this.receiving, 'receive', timeout, options?.signal, finish)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  readonly #unwrap = (got: boolean): T | undefined => (got ? this.value : undefined)
  readonly #wrap = (got: boolean): Next<T> => (got ? { value: this.value, done: false } : END)
  // One for all receives: a hundred thousand may be pending.
  readonly #gotUnwrapped = (end: number): T | undefined => this.#unwrap(this.got(end))
  readonly #gotWrapped = (end: number): Next<T> => this.#wrap(this.got(end))
}

/** @internal Number of the codec of the channel at that address. */
export function channelCodec(site: Site): number {
  return site.arena.u32[(site.at + CHANNEL_CODEC) >>> 2] as number
}
