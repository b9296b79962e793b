// A map from u32 to f64 for all threads, in plain TypeScript: shards, each with a lock of its own and a table with linear probing. A deleted
// entry's place is filled by those that follow it (Knuth's algorithm R), so that there are no tombstones.
//
// A shard:  lock | size | … one line … | slots of 16 bytes: used, key, value as a double

import { ceilPowerOfTwo, LINE } from '../layout.js'
import { Spinner } from '../spin.js'
import { lockWord, unlockWord } from './mutex.js'

const SHARDS = 16
const SHARD_SHIFT = 28
const SIZE = 1
const SLOT_WORDS = 4
const SLOT_KEY = 1
const SLOT_DOUBLES = 2
const SLOT_VALUE = 1

export interface ShardedMapHandle {
  readonly kind: 'sharded-map'
  /** Slots of one shard, a power of two. */
  readonly slots: number
  readonly buffer: SharedArrayBuffer
}

export class ShardedMap {
  readonly handle: ShardedMapHandle
  readonly #words: Int32Array
  readonly #doubles: Float64Array
  readonly #mask: number
  readonly #shardWords: number
  readonly #spinner = new Spinner()

  /** `capacity`: entries in all. A shard holds up to twice its share, so that an uneven spread does no harm. */
  constructor(from: { capacity: number } | ShardedMapHandle) {
    this.handle = 'kind' in from ? from : create(from.capacity)
    this.#words = new Int32Array(this.handle.buffer)
    this.#doubles = new Float64Array(this.handle.buffer)
    this.#mask = this.handle.slots - 1
    this.#shardWords = wordsOfShard(this.handle.slots)
  }

  get size(): number {
    let size = 0
    for (let shard = 0; shard < SHARDS; shard++) size += Atomics.load(this.#words, shard * this.#shardWords + SIZE)
    return size
  }

  get(key: number): number | undefined {
    const hash = hashOf(key)
    const shard = (hash >>> SHARD_SHIFT) * this.#shardWords
    lockWord(this.#words, shard, this.#spinner)
    const slot = this.#find(shard, hash & this.#mask, key | 0)
    const value = this.#words[this.#at(shard, slot)] === 0 ? undefined : this.#doubles[this.#valueAt(shard, slot)]
    unlockWord(this.#words, shard)
    return value
  }

  has(key: number): boolean {
    return this.get(key) !== undefined
  }

  set(key: number, value: number): void {
    const hash = hashOf(key)
    const shard = (hash >>> SHARD_SHIFT) * this.#shardWords
    const words = this.#words
    lockWord(words, shard, this.#spinner)
    const slot = this.#find(shard, hash & this.#mask, key | 0)
    const at = this.#at(shard, slot)
    let full = false
    if (words[at] === 0) {
      // One slot stays empty, or a search for what is not there would not end.
      full = words[shard + SIZE] === this.#mask
      if (!full) {
        words[at] = 1
        words[at + SLOT_KEY] = key | 0
        words[shard + SIZE]++
      }
    }
    if (!full) this.#doubles[this.#valueAt(shard, slot)] = value
    unlockWord(words, shard)
    if (full) throw new RangeError(`no room for key ${key}: its shard has ${this.#mask} entries`)
  }

  delete(key: number): boolean {
    const hash = hashOf(key)
    const shard = (hash >>> SHARD_SHIFT) * this.#shardWords
    const words = this.#words
    lockWord(words, shard, this.#spinner)
    const slot = this.#find(shard, hash & this.#mask, key | 0)
    const there = words[this.#at(shard, slot)] !== 0
    if (there) {
      this.#close(shard, slot)
      words[shard + SIZE]--
    }
    unlockWord(words, shard)
    return there
  }

  /** The slot of the key, or the empty one where it would be. plain: under the shard's lock, as all that follows. */
  #find(shard: number, home: number, key: number): number {
    let slot = home
    while (true) {
      const at = this.#at(shard, slot)
      if (this.#words[at] === 0 || this.#words[at + SLOT_KEY] === key) return slot
      slot = (slot + 1) & this.#mask
    }
  }

  /** Empties a slot and moves up whatever could then no longer be found. */
  #close(shard: number, slot: number): void {
    const words = this.#words
    let gap = slot
    for (let next = (gap + 1) & this.#mask; ; next = (next + 1) & this.#mask) {
      const at = this.#at(shard, next)
      if (words[at] === 0) break
      const home = hashOf(words[at + SLOT_KEY]) & this.#mask
      // It may move unless its home lies behind the gap.
      if (((next - home) & this.#mask) < ((next - gap) & this.#mask)) continue
      words[this.#at(shard, gap) + SLOT_KEY] = words[at + SLOT_KEY]
      this.#doubles[this.#valueAt(shard, gap)] = this.#doubles[this.#valueAt(shard, next)]
      gap = next
    }
    words[this.#at(shard, gap)] = 0
  }

  #at(shard: number, slot: number): number {
    return shard + LINE + slot * SLOT_WORDS
  }

  #valueAt(shard: number, slot: number): number {
    return ((shard + LINE) >> 1) + slot * SLOT_DOUBLES + SLOT_VALUE
  }
}

/** Spreads keys over all 32 bits: the upper four choose the shard, the lower ones the slot. */
function hashOf(key: number): number {
  const mixed = Math.imul(key ^ (key >>> 16), 0x9e3779b1)
  return Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) ^ (mixed >>> 13)
}

function wordsOfShard(slots: number): number {
  return LINE + slots * SLOT_WORDS
}

function create(capacity: number): ShardedMapHandle {
  if (!(capacity >= 1)) throw new RangeError(`capacity must be at least 1, got ${capacity}`)
  const slots = ceilPowerOfTwo(Math.max(8, Math.ceil((2 * capacity) / SHARDS) + 1))
  const bytes = SHARDS * wordsOfShard(slots) * Int32Array.BYTES_PER_ELEMENT
  return { kind: 'sharded-map', slots, buffer: new SharedArrayBuffer(bytes) }
}
