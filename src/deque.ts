// Deque and Stealer: a work-stealing queue. The algorithm is in assembly/deque.ts and assembly/deque-object.ts.

import type { Codec } from './codec/index.js'
import { checkDeque } from './deque-core.js'
import { SyncError, show, typeError } from './errors.js'
import {
  DEQUE_ORDER,
  DEQUE_PLACE,
  DEQUE_RING,
  FINE,
  HEAD_STATE,
  KIND_DEQUE,
  LINE,
  NOT_HELD,
  RING_SLOTS,
  STALE,
} from './generated/layout.js'
import { type Handle, registerKind, type Site } from './handle.js'
import {
  codecAt,
  type InjectorOptions,
  limitOf,
  makeStealable,
  type Steal,
  Stealable,
  type StealOptions,
} from './steal.js'
import { nameOf } from './sync-object.js'
import { wordAccess } from './word-access.js'

/** Which end of a deque its owner takes from: `lifo` the newest value, `fifo` the oldest. */
export type DequeOrder = 'lifo' | 'fifo'

export interface DequeOptions extends InjectorOptions {
  /** Which value `pop` takes: the newest (`lifo`, the default) or the oldest (`fifo`). Thieves take the oldest. */
  order?: DequeOrder
}

/** What an owner and its thieves have in common. */
abstract class DequeEnd<T> extends Stealable<T> {
  readonly what = 'the deque'
  /** Which value the owner takes. */
  readonly order: DequeOrder

  /** @internal */
  constructor(site: Site, codec: Codec<T>, name: string | undefined) {
    super(site, codec, name)
    this.order = this.arena.u32[(site.at + DEQUE_ORDER) >>> 2] === 0 ? 'lifo' : 'fifo'
  }

  /** How many values there are: exact if nobody else is at it, else of some moment during the call, at most a few wrong. */
  get length(): number {
    return this.counted(this.deques.deque_length(this.at, this.open))
  }

  /** Whether there is nothing. To the owner `true` is certain: nobody else adds to it. */
  get isEmpty(): boolean {
    return this.length === 0
  }

  /** Opens as a Stealer, in this thread and all others. */
  get handle(): Handle<Stealer<T>> {
    return this.handleAs<Stealer<T>>('deque')
  }

  /**
   * Ends the deque, with all that is in it: every later use, in any thread, throws StaleHandleError. For its owner; for anybody, once the owner's thread
   * is dead. A second call on this object does nothing.
   *
   * @throws SyncError (ERR_SYNC) in another thread while the owner is alive; StaleHandleError.
   */
  override dispose(): void {
    if (this.at === 0) return
    const status = this.deques.deque_dispose(this.at, this.open)
    if (status === NOT_HELD) throw this.notOurs('dispose')
    this.at = 0
    this.open = -1
    if (status === STALE) throw this.stale()
  }

  /** @internal */
  notOurs(method: string): SyncError {
    return new SyncError(
      `deque: ${method} by another thread than its owner: ${this.title} belongs to the thread that has made it; others steal from it, or push to an Injector`,
    )
  }

  /** @internal Bytes of the ring that it would need to grow. */
  more(): number {
    const log = ((this.arena.u32[(this.at + DEQUE_PLACE + DEQUE_RING) >>> 2] as number) & (LINE - 1)) + 1
    return RING_SLOTS + 8 * 2 ** log
  }
}

/**
 * A double-ended queue of one thread, from which all others may steal: the thread that has made it pushes and pops at no cost to speak of, thieves take the
 * oldest value. It grows as needed. Never waits. A push synchronizes with whoever takes its value.
 *
 * What is in it stays there to be stolen should the owner's thread die.
 *
 * Algorithm: D. Chase and Y. Lev, "Dynamic Circular Work-Stealing Deque" (SPAA 2005). Takes 256 bytes, and 8 per value, rounded up to a power of two,
 * twice: rings that were outgrown stay until it is disposed of.
 *
 * @example
 * const tasks = new Deque(u32)
 * worker.postMessage(tasks.handle) // there: const thief = open(handle); thief.steal()
 * tasks.push(7)
 * tasks.pop() // 7, unless the thief was faster
 */
export class Deque<T> extends DequeEnd<T> {
  readonly #push: (value: T) => number
  readonly #read: () => T

  /** @throws TypeError for what is not a codec of fixed size, or no option; ArenaFullError if the arena has no room. */
  constructor(codec: Codec<T>, options?: DequeOptions) {
    const { site, name } = makeStealable('Deque', codec, options, 'order, arena, name', (core) =>
      core.deque_create(Number(orderOf(options) === 'fifo'), codec.id),
    )
    super(site, codec, name)
    const core = this.deques
    ;[this.#push, this.#read] = wordAccess(this.arena, codec, {
      push32: (value) => core.deque_push32(this.at, this.open, value),
      pushF32: (value) => core.deque_pushF32(this.at, this.open, value),
      pushF64: (value) => core.deque_pushF64(this.at, this.open, value),
      push64: (value) => core.deque_push64(this.at, this.open, value),
    })
  }

  /** Adds a value as the newest. @throws TypeError, RangeError for a value that is not the codec's; ArenaFullError, and then nothing has changed. */
  push(value: T): void {
    this.codec.check(value)
    if (this.#push(value) !== FINE) this.notPushed(() => this.more())
  }

  /** The newest value (`fifo`: the oldest); `undefined` if there is none. */
  pop(): T | undefined {
    return this.#take() ? this.#read() : undefined
  }

  /** What `pop` takes as `{ value, done: false }`, or `undefined` if there is nothing: tells a popped `undefined` from none. */
  tryNext(): { value: T; done: false } | undefined {
    return this.#take() ? { value: this.#read(), done: false } : undefined
  }

  /** Pops until the deque is empty. */
  *drain(): Generator<T, void, undefined> {
    for (let next = this.tryNext(); next !== undefined; next = this.tryNext()) yield next.value
  }

  /** A thief's end of this deque, for this thread. Other threads `open` the handle. */
  get stealer(): Stealer<T> {
    if (this.at === 0 || this.arena.openState(this.at) !== this.open) throw this.stale()
    return new Stealer({ arena: this.arena, at: this.at, open: this.open }, this.codec, this.name)
  }

  #take(): boolean {
    if (this.deques.deque_take(this.at, this.open) === FINE) return true
    if (this.arena.status() === STALE) throw this.stale()
    return false
  }
}

/**
 * A thief's end of a Deque: what `open(deque.handle)` gives. Any number of them, in any thread. Never waits.
 *
 * @example
 * const thief = open(handle)
 * for (;;) {
 *   const { status, value } = thief.steal()
 *   if (status === 'empty') break
 *   if (status === 'success') work(value)
 * }
 */
export class Stealer<T> extends DequeEnd<T> {
  readonly #read: () => T

  /** @internal */
  constructor(site: Site, codec: Codec<T>, name: string | undefined) {
    super(site, codec, name)
    const push = (): never => this.push()
    ;[, this.#read] = wordAccess(this.arena, codec, { push32: push, pushF32: push, pushF64: push, push64: push })
  }

  /** Takes the oldest value. `retry` if another thread was faster. */
  steal(): Steal<T> {
    if (this.deques.deque_steal(this.at, this.open) === FINE) return { status: 'success', value: this.#read() }
    return this.refused(() => 0)
  }

  /**
   * Moves about half of the values, the oldest, `limit` at most, to a deque of this thread, whose `pop` gives them in the order in which the pops of
   * their owner would have: how many.
   *
   * @throws TypeError for a deque of another codec or arena; ArenaFullError, and then nothing has been moved.
   */
  stealBatch(dest: Deque<T>, options?: StealOptions): Steal<number> {
    const limit = limitOf(options)
    requireDest(this, dest)
    if (dest.at === this.at) return this.isEmpty ? this.#nothing() : { status: 'success', value: 0 }
    const moved = this.deques.deque_batch(this.at, this.open, dest.at, limit, 0)
    return moved > 0 ? { status: 'success', value: moved } : this.refused(() => dest.more())
  }

  /** As `stealBatch`, but returns the first of them instead of moving it. It counts for `limit`. @throws as `stealBatch`. */
  stealBatchAndPop(dest: Deque<T>, options?: StealOptions): Steal<T> {
    const limit = limitOf(options)
    requireDest(this, dest)
    if (dest.at === this.at) {
      const next = dest.tryNext()
      return next === undefined ? this.#nothing() : { status: 'success', value: next.value }
    }
    const moved = this.deques.deque_batch(this.at, this.open, dest.at, limit, 1)
    return moved > 0 ? { status: 'success', value: this.#read() } : this.refused(() => dest.more())
  }

  /** Steals until the deque is empty, trying again where another thread was faster. */
  *drain(): Generator<T, void, undefined> {
    for (let got = this.steal(); got.status !== 'empty'; got = this.steal())
      if (got.status === 'success') yield got.value
  }

  /** @internal For those who have no types to tell them. */
  push(): never {
    throw this.notOurs('push')
  }

  /** @internal */
  pop(): never {
    throw this.notOurs('pop')
  }

  #nothing(): Steal<never> {
    return { status: 'empty' }
  }
}

/** @internal Throws unless it is a deque of this thread into which values of the source go. */
export function requireDest<T>(source: Stealable<T>, dest: Deque<T>): void {
  if (!(dest instanceof Deque)) throw typeError(`a batch is stolen into a Deque of this thread, not into ${show(dest)}`)
  if (dest.arena !== source.arena)
    throw typeError(`${source.title} and ${dest.title} to steal into are in different arenas`)
  if (dest.codec.id !== source.codec.id)
    throw typeError(`${source.title} carries ${source.codec.name}, and ${dest.title} to steal into ${dest.codec.name}`)
  if (dest.arena.i32[(dest.at + HEAD_STATE) >>> 2] !== dest.open) throw dest.stale()
}

function orderOf(options: DequeOptions | undefined): DequeOrder {
  const order = options?.order ?? 'lifo'
  if (order !== 'lifo' && order !== 'fifo') throw typeError(`order is 'lifo' or 'fifo', not ${show(order)}`)
  return order
}

registerKind(
  'deque',
  KIND_DEQUE,
  (site, handle) => new Stealer(site, codecAt(site, 'the deque'), nameOf(handle)),
  checkDeque,
)
