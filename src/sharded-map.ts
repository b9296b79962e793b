// ShardedMap: a map from keys to values of any codecs, shared by threads.

import { named, wordOf } from './atomic-value.js'
import { codecHere } from './channel-codecs.js'
import type { Codec } from './codec/index.js'
import type { AnyCodec, MessageCodec, Schema } from './codec/message.js'
import {
  type Cursor,
  cursorOf,
  type Form,
  formOf,
  isDirect,
  MOVED,
  requireStorable,
  roundUp,
  sameBytes,
} from './cursor.js'
import { show, typeError } from './errors.js'
import {
  BUSY,
  FINE,
  HEAD_STATE,
  KIND_SHARDED_MAP,
  MAP_KEY_CODEC,
  MAP_VALUE_CODEC,
  NO_MEMORY,
  OK,
  RETRY,
  STALE,
  WOULD_BLOCK,
} from './generated/layout.js'
import { type Handle, makeHandle, registerKind, type Site } from './handle.js'
import { makeMap, type ShardedMapOptions, schemasOf } from './map-options.js'
import { type Key, Shards } from './map-shards.js'
import { SharedObject } from './object.js'

/** When a write goes through. */
const ALWAYS = 0
const IF_ABSENT = 1
const IF_EQUAL = 2

/**
 * A map that all threads see, as Go's sync.Map. Each operation on one key happens at once; a `get` takes no lock, and holds nobody up. What a thread
 * wrote before a `set`, another sees after the `get` that finds its value.
 *
 * Keys are the same if their codec makes the same bytes of them; numbers as in a Map (0 and -0 are one key, and so is NaN). Values are copies: what
 * `get` returns shares nothing with the map. `undefined` is no value: it is what `get` returns where there is none.
 *
 * Nothing waits for another thread, but for the length of some instructions. A worker that is terminated leaves each key as it was before or
 * after its operation.
 *
 * @example
 * const hits = new ShardedMap(string, u32)
 * hits.set('/', 1)
 * hits.get('/') // 1
 */
export class ShardedMap<K, V> extends SharedObject {
  readonly what: string
  readonly keyCodec: AnyCodec<K>
  readonly valueCodec: AnyCodec<V>
  readonly #keys: Form
  readonly #values: Form
  /** Keys and values are words that are numbers: one call of the core does it. */
  readonly #plain: boolean
  /** Keys are staged where nothing is encoded after them, or nothing but values of direct codecs. */
  readonly #stages: boolean
  readonly #stagesWrites: boolean
  readonly #cursor: Cursor
  readonly #shards: Shards

  /**
   * @throws TypeError for codecs without bytes (`unit`); RangeError for options out of bounds; ArenaFullError if the arena has no room.
   */
  constructor(keyCodec: AnyCodec<K>, valueCodec: AnyCodec<V>, options?: ShardedMapOptions)
  /** @internal */
  constructor(keyCodec: AnyCodec<K>, valueCodec: AnyCodec<V>, options: undefined, site: Site)
  constructor(keyCodec: AnyCodec<K>, valueCodec: AnyCodec<V>, options: ShardedMapOptions = {}, site?: Site) {
    requireStorable(keyCodec, 'the key of a ShardedMap')
    requireStorable(valueCodec, 'the value of a ShardedMap')
    const what = named('the map', options?.name)
    super(site ?? makeMap(keyCodec as AnyCodec<never>, valueCodec as AnyCodec<never>, options))
    this.what = what
    this.keyCodec = keyCodec
    this.valueCodec = valueCodec
    this.#keys = formOf(keyCodec as AnyCodec<never>)
    this.#values = formOf(valueCodec as AnyCodec<never>)
    this.#plain = this.#keys === 'number' && this.#values === 'number' && keyCodec.name !== 'f32'
    this.#stages = isDirect(keyCodec as AnyCodec<never>)
    this.#stagesWrites = this.#stages && (this.#values !== 'bytes' || isDirect(valueCodec as AnyCodec<never>))
    this.#cursor = cursorOf(this.arena)
    this.#shards = new Shards({ arena: this.arena, at: this.at, open: this.open }, this.#keys)
  }

  /** The value of the key; `undefined` if there is none. @throws TypeError, RangeError for a key that is not the codec's. */
  get(key: K): V | undefined {
    if (this.#plain) {
      ;(this.keyCodec as Codec<K>).check(key)
      const v = this.#cursor.core.map_get(this.at, this.open, key as number)
      if (v === v) return v as V
      if (this.arena.status() === WOULD_BLOCK) return undefined
    }
    return this.#get(this.#keyOf(key, this.#stages))
  }

  /** Whether the key is there. */
  has(key: K): boolean {
    return this.#seek(this.#keyOf(key, this.#stages)) === OK
  }

  /**
   * Stores the value for the key.
   *
   * @throws TypeError, RangeError for a key or value that is not the codec's, and for `undefined`; ArenaFullError: nothing has changed.
   */
  set(key: K, value: V): this {
    if (this.#plain) {
      ;(this.keyCodec as Codec<K>).check(key)
      const word = wordOf(this.valueCodec as Codec<V>, this.#values, value)
      if (this.#cursor.core.map_set(this.at, this.open, key as number, word as number) === FINE) return this
    }
    const old = this.#write(this.#keyOf(key), value, ALWAYS)
    if (old !== undefined) this.#free(old)
    return this
  }

  /** Removes the key: whether it was there. */
  delete(key: K): boolean {
    const old = this.#remove(this.#keyOf(key, this.#stages))
    if (old === undefined) return false
    this.#free(old)
    return true
  }

  /** The value of the key, which is `value` if there was none. @throws as `set`. */
  getOrSet(key: K, value: V): V {
    return this.loadOrStore(key, value).value
  }

  /** As `getOrSet`, and says whether the value was there. @throws as `set`. */
  loadOrStore(key: K, value: V): { value: V; loaded: boolean } {
    const k = this.#keyOf(key)
    this.#check(value)
    for (;;) {
      if (this.#seek(k) === OK) {
        const there = this.#read()
        if (there !== MOVED) return { value: there, loaded: true }
      } else if (this.#write(k, value, IF_ABSENT) !== undefined) return { value, loaded: false }
    }
  }

  /** Removes the key, and returns the value that it had; `undefined` if there was none. */
  getAndDelete(key: K): V | undefined {
    const old = this.#remove(this.#keyOf(key, this.#stages))
    return old === undefined ? undefined : this.#take(old)
  }

  /** Stores the value, and returns the one that was there; `undefined` if there was none. @throws as `set`. */
  swap(key: K, value: V): V | undefined {
    const old = this.#write(this.#keyOf(key), value, ALWAYS)
    return old === undefined || !old.found ? undefined : this.#take(old)
  }

  /**
   * Stores `value` if the key has the value `expected`: whether it did; false for a key that is not there. Values are compared as their codec encodes
   * them, byte by byte: NaN equals NaN, 0 is not -0, objects are equal if they have the same contents in the same order. @throws as `set`.
   */
  compareAndSwap(key: K, expected: V, value: V): boolean {
    const k = this.#keyOf(key)
    this.#check(expected)
    this.#check(value)
    const old = this.#write(k, value, IF_EQUAL, this.#comparable(expected))
    if (old === undefined) return false
    this.#free(old)
    return true
  }

  /** Removes the key if it has that value, compared as by `compareAndSwap`: whether it did. */
  compareAndDelete(key: K, expected: V): boolean {
    const k = this.#keyOf(key)
    this.#check(expected)
    const old = this.#remove(k, this.#comparable(expected))
    if (old === undefined) return false
    this.#free(old)
    return true
  }

  /** Removes all keys, of one shard after the other. What other threads store meanwhile may stay. @throws ArenaFullError. */
  clear(): void {
    this.#live()
    this.#shards.clear()
  }

  /** How many keys there are; while other threads write, as many as there were in each shard at some moment. */
  get size(): number {
    this.#live()
    return this.#shards.size
  }

  /**
   * The keys and values. Every key that is there from the beginning to the end comes exactly once; one that comes or goes meanwhile, once or not at all.
   * The value is one that the key had while this went on. Anything may be done to the map meanwhile, here or in other threads.
   *
   * The keys of each shard are noted when it is its turn, and the value of each is got when it is asked for.
   */
  *entries(): Generator<[key: K, value: V], void, undefined> {
    this.#live()
    for (let shard = 0; shard < this.#shards.count; shard++) {
      for (const key of this.#shards.keys(shard)) {
        const value = this.#get(key)
        if (value !== undefined) yield [this.#decodeKey(key), value]
      }
    }
  }

  /** The keys: as `entries`. */
  *keys(): Generator<K, void, undefined> {
    this.#live()
    for (let shard = 0; shard < this.#shards.count; shard++) {
      for (const key of this.#shards.keys(shard)) if (this.#seek(key) === OK) yield this.#decodeKey(key)
    }
  }

  /** The values: as `entries`. */
  *values(): Generator<V, void, undefined> {
    for (const [, value] of this.entries()) yield value
  }

  [Symbol.iterator](): Generator<[key: K, value: V], void, undefined> {
    return this.entries()
  }

  /** Calls the function with each value, key, and the map: as `entries`. */
  forEach(use: (value: V, key: K, map: ShardedMap<K, V>) => void): void {
    if (typeof use !== 'function') throw typeError(`forEach takes a function of value, key and map, not ${show(use)}`)
    for (const [key, value] of this.entries()) use(value, key, this)
  }

  /** Stands for this map in messages to other threads; see `open`. */
  get handle(): Handle<ShardedMap<K, V>> {
    this.#live()
    const { keyCodec, valueCodec } = this
    // No name of one codec is that of a map.
    const codec = {
      name: `${keyCodec.name} → ${valueCodec.name}`,
      schema: ['map', ...[keyCodec, valueCodec].map((each) => [each.name, 'schema' in each ? each.schema : each.name])],
    }
    const { arena, at, open } = this
    return makeHandle({ arena, at, open }, 'sharded-map', codec as unknown as { name: string; schema: Schema }, 'both')
  }

  /** Frees the memory. Every later use, in any thread, throws StaleHandleError. Not to be called while other threads are in the middle of operations. */
  override dispose(): void {
    const { at, open } = this
    if (at === 0) return
    let status: number
    while ((status = this.#cursor.core.map_dispose(at, open)) === BUSY) this.#cursor.wait(0)
    this.at = 0
    this.open = -1
    if (status === STALE) throw this.stale()
    this.#cursor.messages.free(at)
  }

  // ── Keys and values ──────────────────────────────────────────────────────────────────────────────────────────────

  /** The key as the core takes it: a word, or bytes. */
  #keyOf(key: K, stages = this.#stagesWrites): Key {
    if (stages && this.#cursor.stage(this.keyCodec as MessageCodec<K>, key)) return this.#cursor.staged
    if (this.#keys === 'bytes') return this.#cursor.messages.pack(this.keyCodec as MessageCodec<K>, key)
    return wordOf(this.keyCodec as Codec<K>, this.#keys, key)
  }

  #decodeKey(key: Key): K {
    if (typeof key === 'object') return this.#cursor.decode(this.keyCodec as MessageCodec<K>, key as Uint8Array)
    return (this.#keys === 'bool' ? key === 1 : key) as unknown as K
  }

  /** Throws for what is no value of the map. */
  #check(value: V): void {
    if (value === undefined) throw noValue()
    if (this.#values === 'bytes') (this.valueCodec as MessageCodec<V>).measure(value)
    else (this.valueCodec as Codec<V>).check(value)
  }

  /** What a value of the map is compared to. */
  #comparable(value: V): number | bigint | Uint8Array {
    if (this.#values === 'bytes') return this.#cursor.messages.pack(this.valueCodec as MessageCodec<V>, value)
    return wordOf(this.valueCodec as Codec<V>, this.#values, value)
  }

  // ── Looking ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Looks for the key: OK or WOULD_BLOCK. */
  #seek(key: Key): number {
    for (;;) {
      const status = this.#shards.seek(this.at, this.open, key)
      if (status === STALE) throw this.stale()
      if (status !== BUSY) return status
      this.#cursor.wait(0)
    }
  }

  #get(key: Key): V | undefined {
    for (;;) {
      if (this.#seek(key) !== OK) return undefined
      const value = this.#read()
      if (value !== MOVED) return value
    }
  }

  /** The value that was found; MOVED if it has been replaced meanwhile. */
  #read(): V | typeof MOVED {
    const cursor = this.#cursor
    if (this.#values === 'bytes')
      return cursor.read(this.valueCodec as MessageCodec<V>, this.#valueAt(cursor.node), cursor.valueLength)
    return this.#valueOf(cursor.word(this.#values))
  }

  #valueOf(word: number | bigint): V {
    return (this.#values === 'bool' ? word === 1 : word) as V
  }

  /** Where the value begins in the node that was found. */
  #valueAt(node: number): number {
    return this.#keys === 'bytes' ? node + roundUp(this.#cursor.keyLength) : node
  }

  /** Whether the value that was found is that one; MOVED if it has been replaced meanwhile. */
  #equals(expected: number | bigint | Uint8Array): boolean | typeof MOVED {
    const cursor = this.#cursor
    if (typeof expected !== 'object') return cursor.sameWord(this.#values, expected)
    if (cursor.valueLength !== expected.length) return false
    const there = cursor.copy(this.#valueAt(cursor.node), expected.length)
    return there === MOVED ? MOVED : sameBytes(there, expected)
  }

  // ── Changing ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What a change has replaced or taken out. Its node is in our hands, if it has one. */
  #old(found: boolean, node: number): Old {
    const cursor = this.#cursor
    const bytes = this.#values === 'bytes'
    return {
      found,
      node,
      word: bytes ? 0 : cursor.word(this.#values),
      at: bytes ? this.#valueAt(node) : 0,
      length: bytes ? cursor.valueLength : 0,
    }
  }

  #free(old: Old): void {
    if (old.node !== 0) this.#cursor.messages.free(old.node)
  }

  /** The value, whose node is freed. */
  #take(old: Old): V {
    if (this.#values !== 'bytes') {
      this.#free(old)
      return this.#valueOf(old.word)
    }
    try {
      const { memory } = this.#cursor.messages
      return (this.valueCodec as MessageCodec<V>).decode(memory, old.at, old.at + old.length)
    } finally {
      this.#free(old)
    }
  }

  /** Stores a value: what was there before; undefined if the rule forbids it. */
  #write(key: Key, value: V, rule: number, expected?: number | bigint | Uint8Array): Old | undefined {
    if (value === undefined) throw noValue()
    const cursor = this.#cursor
    const bytes = this.#values === 'bytes'
    const word = bytes ? 0 : wordOf(this.valueCodec as Codec<V>, this.#values, value)
    let node = 0
    let length = 0
    try {
      for (let tries = 0; ; ) {
        // The codec may run code of the program: before the look, not between it and the change.
        if (bytes && node === 0 && (rule === ALWAYS || tries > 0)) {
          node = this.#node(key, value)
          length = cursor.messages.length
        }
        const found = this.#seek(key) === OK
        if (found ? rule === IF_ABSENT : rule === IF_EQUAL) return undefined
        if (rule === IF_EQUAL) {
          const equal = this.#equals(expected as number)
          if (equal === MOVED) continue
          if (!equal) return undefined
        }
        if (node === 0 && (bytes || (!found && typeof key === 'object'))) {
          tries++
          if (!bytes) node = this.#node(key, value)
          continue
        }
        const used = bytes || !found ? node : 0
        if (bytes) cursor.setWord('bytes', length)
        else cursor.setWord(this.#values, word)
        const status = cursor.core.map_put(used)
        if (status === OK) {
          if (used !== 0) node = 0
          return this.#old(found, used === 0 ? 0 : cursor.node)
        }
        this.#again(status, tries++)
      }
    } finally {
      if (node !== 0) cursor.messages.free(node)
    }
  }

  #node(key: Key, value: V): number {
    const codec = this.#values === 'bytes' ? (this.valueCodec as MessageCodec<V>) : undefined
    return this.#cursor.encode(typeof key === 'object' ? key : undefined, codec, value)
  }

  /** Removes a key: what was there; undefined if it was not, or is not what was expected. */
  #remove(key: Key, expected?: number | bigint | Uint8Array): Old | undefined {
    const cursor = this.#cursor
    for (let tries = 0; ; ) {
      if (this.#seek(key) !== OK) return undefined
      if (expected !== undefined) {
        const equal = this.#equals(expected)
        if (equal === MOVED) continue
        if (!equal) return undefined
      }
      const { hash } = cursor
      const status = cursor.core.map_remove()
      if (status === OK) {
        const old = this.#old(true, cursor.node)
        this.#shards.shrink(hash)
        return old
      }
      this.#again(status, tries++)
    }
  }

  /** After a change that has not come about: makes room, or lets others go first. */
  #again(status: number, tries: number): void {
    if (status === RETRY) return
    if (status === NO_MEMORY) this.#shards.grow(this.#cursor.hash)
    else if (this.#cursor.wait(tries)) this.#shards.unmark(this.#cursor.hash)
  }

  #live(): void {
    if (this.at === 0 || this.arena.i32[(this.at + HEAD_STATE) >>> 2] !== this.open) throw this.stale()
  }
}

interface Old {
  readonly found: boolean
  /** Payload of its node, or 0. */
  readonly node: number
  readonly word: number | bigint
  readonly at: number
  readonly length: number
}

function noValue(): TypeError {
  return typeError(
    'a map holds values, not undefined, which is what get returns where there is none: delete the key instead, or store null',
  )
}

registerKind('sharded-map', KIND_SHARDED_MAP, (site, handle, options) => {
  const { u32 } = site.arena
  const keys = u32[(site.at + MAP_KEY_CODEC) >>> 2] as number
  // A block of this kind that was just being made, or is none: its maker sets this last.
  if (keys === 0) throw typeError('the handle is not of a map that has been made')
  const [[keyName, keySchema], [name, schema]] = schemasOf(handle.schema)
  const keyCodec = codecHere(keys, keyName, keySchema, options.keyCodec, "the map's key")
  const codec = codecHere(u32[(site.at + MAP_VALUE_CODEC) >>> 2] as number, name, schema, options.codec, 'the map')
  return new ShardedMap(keyCodec as AnyCodec<unknown>, codec as AnyCodec<unknown>, undefined, site)
})
