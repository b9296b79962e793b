// The items of a pool with a codec: values in shared memory. A few channels hold them, and each thread has one of these for its own place: it puts
// there and looks there first, so threads do not disturb each other until one runs out. Channels bring along what is hard: a value belongs to
// one thread at each moment, and a thread that is terminated anywhere leaves nothing locked.

import type { Arena } from './arena.js'
import type { Channel } from './channel.js'
import { channel } from './channel-codecs.js'
import type { AnyCodec } from './codec/message.js'
import { ArenaFullError, StaleHandleError } from './errors.js'
import { GENERATION, HEAD_STATE, KIND_POOL, POOL_ENTRY, POOL_SHARDS, POOL_TABLE } from './generated/layout.js'
import { type Handle, makeHandle, type OpenOptions, open, type Site } from './handle.js'
import { createObject, SharedObject } from './object.js'
import type { Pool, PoolStore } from './pool.js'

export class SharedStore<T> extends SharedObject implements PoolStore<T> {
  readonly what = 'the pool'
  readonly capacity: number
  readonly #shards: Channel<T>[]
  /** Index of the channel that is this thread's own place. */
  readonly #own: number
  readonly #states: Int32Array
  readonly #state: number

  constructor(site: Site, shards: Channel<T>[]) {
    super(site)
    this.#shards = shards
    this.#own = this.arena.slotIndex % shards.length
    this.#states = this.arena.i32
    this.#state = (this.at + HEAD_STATE) >>> 2
    this.capacity = shards.reduce((sum, shard) => sum + shard.capacity, 0)
  }

  get length(): number {
    this.#check()
    return this.#shards.reduce((sum, shard) => sum + shard.length, 0)
  }

  /** What lies in this thread's place, else what it finds in the others, in turn. */
  take(): T | undefined {
    this.#check()
    const shards = this.#shards
    for (let k = this.#own, left = shards.length; left > 0; left--) {
      const item = this.#takeFrom(shards[k] as Channel<T>)
      if (item !== undefined) return item
      if (++k === shards.length) k = 0
    }
    return undefined
  }

  #takeFrom(shard: Channel<T>): T | undefined {
    for (;;) {
      try {
        return shard.tryReceive()
      } catch (error) {
        if (!(error instanceof StaleHandleError)) throw error
        this.#checkShard(shard)
        // The item was an object that has been disposed of while it lay here. It is no use to anybody: the next one.
      }
    }
  }

  /** Into this thread's place, else where there is room. */
  put(item: T): boolean {
    this.#check()
    const shards = this.#shards
    for (let k = this.#own, left = shards.length; left > 0; left--) {
      const shard = shards[k] as Channel<T>
      try {
        if (shard.trySend(item)) return true
      } catch (error) {
        if (error instanceof ArenaFullError) return false
        if (error instanceof StaleHandleError) this.#checkShard(shard)
        throw error
      }
      if (++k === shards.length) k = 0
    }
    return false
  }

  get handle(): Handle<Pool<T>> {
    this.#check()
    return makeHandle<Pool<T>>(this, 'pool', (this.#shards[0] as Channel<T>).codec, 'both')
  }

  override dispose(): void {
    if (this.at === 0) return
    // The pool first: what others do from now on finds out that there is none, whatever has become of its channels.
    super.dispose()
    for (const shard of this.#shards) shard.dispose()
  }

  #check(): void {
    if (this.#states[this.#state] !== this.open) throw this.stale()
  }

  /** Throws if it is the channel that was disposed of, which is done with the pool. */
  #checkShard({ core, at, open }: Channel<T>): void {
    if (core.channel_flags(at, open) < 0) throw this.stale()
  }
}

/** A new pool in shared memory: the capacity is divided among the shards. */
export function makeStore<T>(codec: AnyCodec<T>, capacity: number, shards: number, arena: Arena): SharedStore<T> {
  const made: Channel<T>[] = []
  try {
    for (let k = 0; k < shards; k++) {
      made.push(channel(codec, { capacity: Math.floor((capacity + k) / shards), arena }))
    }
    const site = createObject(arena, KIND_POOL, POOL_TABLE + shards * POOL_ENTRY, 'a pool')
    const { u32 } = arena
    u32[(site.at + POOL_SHARDS) >>> 2] = shards
    // plain: nobody else knows of it until its handle travels.
    for (const [k, { at, open }] of made.entries()) {
      const entry = (site.at + POOL_TABLE + k * POOL_ENTRY) >>> 2
      u32[entry] = at
      u32[entry + 1] = open
    }
    return new SharedStore(site, made)
  } catch (error) {
    for (const shard of made) shard.dispose()
    throw error
  }
}

/** The pool of a handle. The channels find out whether the codec is theirs. */
export function openStore(site: Site, handle: Handle<unknown>, options: OpenOptions): SharedStore<unknown> {
  const { u32 } = site.arena
  const shards: Channel<unknown>[] = []
  for (let k = 0; k < (u32[(site.at + POOL_SHARDS) >>> 2] as number); k++) {
    const entry = (site.at + POOL_TABLE + k * POOL_ENTRY) >>> 2
    const generation = (u32[entry + 1] as number) / GENERATION
    const shard = { ...handle, kind: 'channel', view: 'both', address: u32[entry] as number, generation } as const
    shards.push(open(shard as Handle<Channel<unknown>>, options))
  }
  return new SharedStore(site, shards)
}
