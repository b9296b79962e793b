import type { Arena } from './arena.js'
import { arenaOption, checkCapacity } from './channel-codecs.js'
import { requireCodec } from './codec/index.js'
import { type AnyCodec, isMessageCodec } from './codec/message.js'
import { rangeError, StaleHandleError, show, typeError } from './errors.js'
import { KIND_POOL, MAX_CAPACITY, MAX_THREADS } from './generated/layout.js'
import { type Handle, registerKind } from './handle.js'
import { LocalStore } from './pool-local.js'
import { makeStore, openStore } from './pool-shared.js'

export interface PoolOptions<T> {
  /** Makes an item where the pool has none. In this thread: others that open the pool make theirs by themselves. */
  create?: (() => T) | undefined
  /** Gets each item that the pool gives up in this thread: for want of room, by `trim` and `dispose`, after garbage collections. */
  destroy?: ((item: T) => void) | undefined
  /** Shares the pool across threads: how its items lie in shared memory. Default: it holds objects of this thread. */
  codec?: AnyCodec<T> | undefined
  /** How many items it holds at most, an integer, 1 or more. Default: 256 with a codec, else any number. */
  capacity?: number | undefined
  /** With a codec: how many places it has, so that as many threads do not disturb each other. Default: 8. */
  shards?: number | undefined
  /** With a codec: where it is made. Default: `defaultArena()`. */
  arena?: Arena | undefined
}

/** @internal Where a pool keeps its items. */
export interface PoolStore<T> {
  readonly capacity: number
  readonly length: number
  readonly arena: Arena | undefined
  readonly handle: Handle<Pool<T>> | undefined
  take(): T | undefined
  /** False if there is no room. */
  put(item: T): boolean
  dispose(): void
}

/**
 * Things that are used again instead of made anew: buffers, scratch objects, channels for replies. No operation waits. Go's `sync.Pool`.
 *
 * An item that was got belongs to its getter alone until it is put back. The pool may give up an item at any time, so nobody can rely on
 * finding what was put, nor on an order.
 *
 * Without a codec the pool belongs to its thread and holds any objects. What lies in it unused through two garbage collections is given up; a
 * thread notices a collection when its event loop has its next turn.
 *
 * With a codec it is shared: `open(pool.handle)` opens it in other threads. Each thread puts into a place of its own and gets from there, and only
 * who finds it empty takes from others. What is put is copied into shared memory, and stays there until it is got or trimmed. A put synchronizes
 * with the get of its item. It takes 512 bytes of the arena for each shard, and what a channel takes for each item of its capacity.
 *
 * @example
 * const pool = new Pool({ create: () => new Uint8Array(4096) })
 * const buffer = pool.get()
 * try {
 *   use(buffer)
 * } finally {
 *   pool.put(buffer)
 * }
 */
export interface Pool<T> {
  /**
   * An item of the pool, else what `create` makes, else `undefined`. Objects that were disposed of while they lay in a shared pool are passed over.
   *
   * @throws what `create` throws; StaleHandleError (ERR_STALE_HANDLE) once disposed of.
   */
  get(): T | undefined
  /**
   * Puts an item in: whether it is kept. If not, there was no room, and `destroy` has got it. `undefined` and `null` are no items, and ignored.
   *
   * @throws TypeError, RangeError for what is no value of the codec; StaleHandleError (ERR_STALE_HANDLE) once disposed of.
   */
  put(item: T | null | undefined): boolean
  /** Gives up the items that lie in the pool, those of other threads too. Returns how many. */
  trim(): number
  /** How many items lie in the pool, about: those of a shared one are counted place by place. */
  readonly length: number
  /** How many items it holds at most. */
  readonly capacity: number
  /** Where a shared pool lies; `undefined` without a codec. */
  readonly arena: Arena | undefined
  /** Stands for a shared pool in messages to other threads; see `open`. @throws TypeError for a pool without a codec. */
  readonly handle: Handle<Pool<T>>
  /** Ends the pool: every later use, in any thread, throws StaleHandleError. Items are given to `destroy` first, if there is one. */
  dispose(): void
  [Symbol.dispose](): void
}

/** A pool that makes what it lacks. */
export interface CreatingPool<T> extends Pool<T> {
  get(): T
}

/** The constructor of {@link Pool}. @throws TypeError, RangeError for options that make no sense; ArenaFullError (ERR_ARENA_FULL). */
export interface PoolConstructor {
  new <T>(options: PoolOptions<T> & { create: () => T }): CreatingPool<T>
  new <T>(options?: PoolOptions<T>): Pool<T>
  readonly prototype: Pool<unknown>
}

const DEFAULT_CAPACITY = 256
const DEFAULT_SHARDS = 8

class PoolOf<T> implements Pool<T> {
  readonly #create: (() => T) | undefined
  readonly #destroy: ((item: T) => void) | undefined
  readonly #store: PoolStore<T>
  #disposed = false

  constructor(options: PoolOptions<T> = {}, store?: PoolStore<T>) {
    if (typeof options !== 'object' || options === null)
      throw typeError(`Pool takes options { create, destroy, codec, capacity, shards, arena }, not ${show(options)}`)
    const { create, destroy } = options
    for (const [name, value] of Object.entries({ create, destroy })) {
      if (value !== undefined && typeof value !== 'function')
        throw typeError(`${name} of a pool is a function, not ${show(value)}`)
    }
    this.#create = create
    this.#destroy = destroy
    this.#store = store ?? storeFor(options)
  }

  get(): T | undefined {
    if (this.#disposed) throw stale()
    return this.#store.take() ?? this.#create?.()
  }

  put(item: T | null | undefined): boolean {
    if (this.#disposed) throw stale()
    if (item === undefined || item === null) return false
    if (this.#store.put(item)) return true
    this.#destroy?.(item)
    return false
  }

  trim(): number {
    if (this.#disposed) throw stale()
    // No more than there are now: others may go on putting.
    const most = this.#store.length
    for (let n = 0; n < most; n++) {
      const item = this.#store.take()
      if (item === undefined) return n
      this.#destroy?.(item)
    }
    return most
  }

  get length(): number {
    if (this.#disposed) throw stale()
    return this.#store.length
  }

  get capacity(): number {
    return this.#store.capacity
  }

  get arena(): Arena | undefined {
    return this.#store.arena
  }

  get handle(): Handle<Pool<T>> {
    if (this.#disposed) throw stale()
    const { handle } = this.#store
    if (handle === undefined)
      throw typeError('the pool holds objects of its thread and has no handle: make it with a codec to share it')
    return handle
  }

  dispose(): void {
    if (this.#disposed) return
    try {
      if (this.#destroy !== undefined) this.trim()
    } finally {
      this.#disposed = true
      this.#store.dispose()
    }
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
// How errors and inspectors call it.
Object.defineProperty(PoolOf, 'name', { value: 'Pool' })

function stale(): StaleHandleError {
  return new StaleHandleError('the pool')
}

function storeFor<T>(options: PoolOptions<T>): PoolStore<T> {
  const { codec, capacity, shards = DEFAULT_SHARDS, destroy } = options
  if (codec === undefined) {
    for (const name of ['shards', 'arena'] as const) {
      if (options[name] !== undefined)
        throw typeError(`a pool without a codec holds objects of its thread: ${name} is for pools with a codec`)
    }
    return new LocalStore(localCapacity(capacity), destroy)
  }
  if (!isMessageCodec(codec)) requireCodec(codec, 'Pool')
  const arena = arenaOption(options.arena)
  const items = capacity ?? DEFAULT_CAPACITY
  checkCapacity('a pool', items, 1, Math.min(MAX_CAPACITY, arena.size >>> 4), arena)
  if (typeof shards !== 'number') throw typeError(`the shards of a pool are a number, not ${show(shards)}`)
  if (!Number.isInteger(shards) || shards < 1 || shards > MAX_THREADS)
    throw rangeError(`the shards of a pool are an integer from 1 to ${MAX_THREADS}, not ${show(shards)}`)
  return makeStore(codec, items, Math.min(items, shards), arena)
}

function localCapacity(capacity: number | undefined): number {
  if (capacity === undefined) return Number.POSITIVE_INFINITY
  if (typeof capacity !== 'number') throw typeError(`the capacity of a pool is a number, not ${show(capacity)}`)
  if (capacity !== Number.POSITIVE_INFINITY && (!Number.isInteger(capacity) || capacity < 1))
    throw rangeError(`the capacity of a pool is an integer, 1 or more, not ${show(capacity)}`)
  return capacity
}

export const Pool = PoolOf as PoolConstructor

registerKind('pool', KIND_POOL, (site, handle, options) => new PoolOf({}, openStore(site, handle, options)))
