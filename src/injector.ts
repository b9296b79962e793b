// Injector: an unbounded queue from which deques are refilled. The algorithm is in assembly/injector.ts.

import type { Codec } from './codec/index.js'
import { type Deque, requireDest } from './deque.js'
import { checkDeque } from './deque-core.js'
import { FINE, KIND_INJECTOR, SEGMENT_BYTES, STALE } from './generated/layout.js'
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

/**
 * An unbounded queue, first in, first out, into which every thread pushes and from which every thread refills its Deque. Never waits. A push synchronizes
 * with whoever takes its value.
 *
 * One order for all: a push that has returned comes before every push that begins after it, in whichever thread.
 *
 * Algorithm: a chain of segments of 128 values, as the Injector of crossbeam-deque. Takes 256 bytes, and 2 KiB per segment; a segment that has been
 * emptied is given back.
 *
 * @example
 * const inbox = new Injector(u32)
 * inbox.push(7)             // any thread
 * inbox.stealBatch(myDeque) // any thread, into its own deque
 */
export class Injector<T> extends Stealable<T> {
  readonly what = 'the injector'
  readonly #push: (value: T) => number
  readonly #read: () => T

  /** @throws TypeError for what is not a codec of fixed size, or no option; ArenaFullError if the arena has no room. */
  constructor(codec: Codec<T>, options?: InjectorOptions)
  /** @internal */
  constructor(codec: Codec<T>, options: InjectorOptions | undefined, found: { site: Site; name: string | undefined })
  constructor(codec: Codec<T>, options?: InjectorOptions, found?: { site: Site; name: string | undefined }) {
    const { site, name } =
      found ?? makeStealable('Injector', codec, options, 'arena, name', (core) => core.injector_create(codec.id))
    super(site, codec, name)
    const core = this.deques
    ;[this.#push, this.#read] = wordAccess(this.arena, codec, {
      push32: (value) => core.injector_push32(this.at, this.open, value),
      pushF32: (value) => core.injector_pushF32(this.at, this.open, value),
      pushF64: (value) => core.injector_pushF64(this.at, this.open, value),
      push64: (value) => core.injector_push64(this.at, this.open, value),
    })
  }

  /** Adds a value at the end. @throws TypeError, RangeError for a value that is not the codec's; ArenaFullError, and then nothing has changed. */
  push(value: T): void {
    this.codec.check(value)
    if (this.#push(value) !== FINE) this.notPushed(() => SEGMENT_BYTES)
  }

  /** Takes the oldest value. `retry` if another thread was faster, or its push is about to be done. */
  steal(): Steal<T> {
    if (this.deques.injector_steal(this.at, this.open) === FINE) return { status: 'success', value: this.#read() }
    return this.refused(() => 0)
  }

  /**
   * Moves about half of the values, the oldest, `limit` at most and not more than 128, to a deque of this thread, whose `pop` gives the oldest first,
   * whatever its order: how many.
   *
   * @throws TypeError for a deque of another codec or arena; ArenaFullError, and then nothing has been moved.
   */
  stealBatch(dest: Deque<T>, options?: StealOptions): Steal<number> {
    const limit = limitOf(options)
    requireDest(this, dest)
    const moved = this.deques.injector_batch(this.at, this.open, dest.at, limit, 0)
    return moved > 0 ? { status: 'success', value: moved } : this.refused(() => dest.more())
  }

  /** As `stealBatch`, but returns the oldest of them instead of moving it. It counts for `limit`. @throws as `stealBatch`. */
  stealBatchAndPop(dest: Deque<T>, options?: StealOptions): Steal<T> {
    const limit = limitOf(options)
    requireDest(this, dest)
    const moved = this.deques.injector_batch(this.at, this.open, dest.at, limit, 1)
    return moved > 0 ? { status: 'success', value: this.#read() } : this.refused(() => dest.more())
  }

  /** Steals until the injector is empty, trying again where another thread was faster. */
  *drain(): Generator<T, void, undefined> {
    for (let got = this.steal(); got.status !== 'empty'; got = this.steal())
      if (got.status === 'success') yield got.value
  }

  /** How many values there are, at one moment during the call. */
  get length(): number {
    return this.counted(this.deques.injector_length(this.at, this.open))
  }

  /** Whether there were none, at one moment during the call. */
  get isEmpty(): boolean {
    return this.length === 0
  }

  /** Opens as an Injector, in every thread. */
  get handle(): Handle<Injector<T>> {
    return this.handleAs<Injector<T>>('injector')
  }

  /**
   * Ends the injector, with all that is in it: every later use, in any thread, throws StaleHandleError. A second call on this object does nothing.
   *
   * @throws StaleHandleError if another thread has done it before.
   */
  override dispose(): void {
    if (this.at === 0) return
    const status = this.deques.injector_dispose(this.at, this.open)
    this.at = 0
    this.open = -1
    if (status === STALE) throw this.stale()
  }
}

registerKind(
  'injector',
  KIND_INJECTOR,
  (site, handle) => new Injector(codecAt(site, 'the injector'), undefined, { site, name: nameOf(handle) }),
  checkDeque,
)
