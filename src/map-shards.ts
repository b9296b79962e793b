// The shards of a map: how one is made, grows and shrinks, which keys it has, and the search for a key. See assembly/sharded-map.ts.

import type { Arena } from './arena.js'
import { type Cursor, cursorOf, type Form, StagedKey } from './cursor.js'
import { StaleHandleError } from './errors.js'
import {
  ENTRY_BYTES,
  ENTRY_KEY,
  ENTRY_REMOVED,
  KIND_MESSAGE,
  KIND_SHARDED_MAP,
  LINE,
  MAP_SHARDS,
  MAP_SHIFT,
  OK,
  SHARD_COUNT,
  SHARD_MARK,
  SHARD_TABLE,
  SHARD_USED,
  SHARD_VERSION,
} from './generated/layout.js'
import type { Site } from './handle.js'
import { createObject } from './object.js'

/** A key as it lies in memory: a word, or bytes. */
export type Key = number | bigint | Uint8Array | StagedKey

/** Entries of the smallest table. */
const LEAST = 8
/** After so many rounds that others have won, they are asked to let us go first. */
const PATIENCE = 3

/** The least table of which so many keys take half at most. */
function entriesFor(keys: number): number {
  let entries = LEAST
  while (entries < 2 * keys) entries *= 2
  return entries
}

export class Shards {
  readonly count: number
  readonly #site: Site
  readonly #form: Form
  readonly #cursor: Cursor
  readonly #shift: number
  readonly #u32: Uint32Array

  constructor(site: Site, form: Form) {
    this.#site = site
    this.#form = form
    this.#cursor = cursorOf(site.arena)
    this.#u32 = site.arena.u32
    this.#shift = this.#u32[(site.at + MAP_SHIFT) >>> 2] as number
    this.count = 2 ** (32 - this.#shift)
  }

  /** A new map. @throws ArenaFullError. */
  static make(arena: Arena, keys: number, values: number, shards: number, capacity: number): Site {
    const { core, messages } = cursorOf(arena)
    const what = 'a map'
    const site = createObject(arena, KIND_SHARDED_MAP, MAP_SHARDS + 4 * (shards + 1), what)
    core.map_init(site.at, 32 - Math.log2(shards))
    try {
      for (let k = 0; k <= shards; k++) {
        const shard = arena.made(arena.core.object_create(KIND_MESSAGE, LINE), what, LINE)
        core.map_join(site.at, k, shard, k === shards ? keys : 0, values)
      }
      const made = new Shards(site, 'number')
      // Keys are not spread evenly.
      const each = shards === 1 ? capacity : Math.ceil((capacity * 9) / 8 / shards)
      for (let k = 0; k < shards; k++) made.#replace(k, entriesFor(Math.ceil((each * 2) / 3)), false)
      return site
    } catch (error) {
      messages.free(site.at)
      throw error
    }
  }

  /** Looks for a key: OK, WOULD_BLOCK, BUSY or STALE. */
  seek(at: number, open: number, key: Key): number {
    const { core } = this.#cursor
    if (typeof key === 'number') return core.map_seekNumber(at, open, key)
    if (typeof key === 'bigint') return core.map_seek(at, open, key)
    if (key instanceof StagedKey) return core.map_seekBytes(at, open, this.#cursor.bytes, key.length)
    return this.#cursor.withKey(key, (bytes, length) => core.map_seekBytes(at, open, bytes, length))
  }

  get size(): number {
    let size = 0
    for (let k = 0; k < this.count; k++) size += Atomics.load(this.#u32, (this.#shard(k) + SHARD_COUNT) >>> 2)
    return size
  }

  #shard(index: number): number {
    return this.#u32[(this.#site.at + MAP_SHARDS + 4 * index) >>> 2] as number
  }

  #indexOf(hash: number): number {
    return this.#shift === 32 ? 0 : hash >>> this.#shift
  }

  #entries(shard: number): number {
    return Atomics.load(this.#u32, (shard + SHARD_TABLE + 4) >>> 2) + 1
  }

  /** Makes room in the shard of a hash. @throws ArenaFullError. */
  grow(hash: number): void {
    const index = this.#indexOf(hash)
    const shard = this.#shard(index)
    const full = (): boolean => {
      const entries = this.#entries(shard)
      return Atomics.load(this.#u32, (shard + SHARD_USED) >>> 2) >= entries - (entries >>> 2)
    }
    const wanted = (): number => entriesFor(Atomics.load(this.#u32, (shard + SHARD_COUNT) >>> 2) + 1)
    this.#insist(index, () => !full() || this.#replace(index, wanted(), false))
  }

  /** Gives back memory of the shard of a hash, if it holds far fewer keys than it has room for. Whatever stands against it, it is left. */
  shrink(hash: number): void {
    const index = this.#indexOf(hash)
    const shard = this.#shard(index)
    const keys = Atomics.load(this.#u32, (shard + SHARD_COUNT) >>> 2)
    const entries = this.#entries(shard)
    if (entries <= 4 * LEAST || keys * 8 >= entries) return
    try {
      this.#replace(index, entriesFor(keys + 1), false)
    } catch {
      // The arena is full: then another time.
    }
  }

  /** Empties one shard after the other. @throws ArenaFullError. */
  clear(): void {
    for (let k = 0; k < this.count; k++) this.#insist(k, () => this.#replace(k, LEAST, true))
  }

  /** Tries until it has come about; after some rounds others let us go first. */
  #insist(index: number, attempt: () => boolean): void {
    const mark = (this.#shard(index) + SHARD_MARK) >>> 2
    let marked = false
    try {
      for (let lost = 0; !attempt(); lost++) {
        this.#live()
        if (lost < PATIENCE) continue
        marked = Atomics.compareExchange(this.#u32, mark, 0, this.#site.arena.slot) === 0 || marked
        if (this.#cursor.wait(lost)) this.unmarkAt(index)
      }
    } finally {
      if (marked) Atomics.compareExchange(this.#u32, mark, this.#site.arena.slot, 0)
    }
  }

  /** Whoever has asked to go first has had the time. */
  unmark(hash: number): void {
    this.unmarkAt(this.#indexOf(hash))
  }

  unmarkAt(index: number): void {
    Atomics.store(this.#u32, (this.#shard(index) + SHARD_MARK) >>> 2, 0)
  }

  /** Gives a shard another table, or an empty one: whether it came about. @throws ArenaFullError. */
  #replace(index: number, entries: number, empty: boolean): boolean {
    const { arena, at } = this.#site
    const { core, messages } = this.#cursor
    const bytes = entries * ENTRY_BYTES
    const fresh = bytes <= arena.size ? arena.core.message_take(bytes) : 0
    if (fresh === 0) throw arena.full('the table of a map', bytes)
    arena.touch()
    const status = empty ? core.map_clear(at, index, fresh, entries) : core.map_rebuild(at, index, fresh, entries)
    if (status !== OK) {
      messages.free(fresh)
      return false
    }
    const old = this.#cursor.node
    if (old !== 0) messages.free(old)
    return true
  }

  #live(): void {
    const { arena, at, open } = this.#site
    if (arena.openState(at) !== open) throw new StaleHandleError('the map')
  }

  /** All keys that the shard has at one moment. */
  keys(index: number): Key[] {
    let keys: Key[] | undefined
    this.#insist(index, () => {
      keys = this.#look(index)
      return keys !== undefined
    })
    return keys as Key[]
  }

  /** The keys of a shard; undefined if it has changed meanwhile. What is read here may be garbage until the version says that it is not. */
  #look(index: number): Key[] | undefined {
    const { i32, arena } = { i32: this.#site.arena.i32, arena: this.#site.arena }
    const u32 = this.#u32
    const shard = this.#shard(index)
    const guard = (shard + SHARD_VERSION) >>> 2
    const version = Atomics.load(i32, guard)
    if (version & 1) return undefined
    const table = Atomics.load(u32, (shard + SHARD_TABLE) >>> 2)
    const entries = this.#entries(shard)
    const keys: Key[] = []
    for (let k = 0; k < entries; k++) {
      const entry = table + k * ENTRY_BYTES
      const hash = u32[entry >>> 2]
      if (hash === undefined) return undefined
      if (hash > ENTRY_REMOVED) {
        const key = this.#keyAt(entry, guard, version)
        if (key === undefined) return undefined
        keys.push(key)
      }
    }
    // An update, not a load: see cursor_check.
    return arena.openState(this.#site.at) === this.#site.open && Atomics.or(i32, guard, 0) === version
      ? keys
      : undefined
  }

  #keyAt(entry: number, guard: number, version: number): Key | undefined {
    const cursor = this.#cursor
    const word = (entry + ENTRY_KEY) >>> 3
    if (this.#form === 'i64') return cursor.i64[word]
    if (this.#form === 'u64') return cursor.u64[word]
    if (this.#form !== 'bytes') return cursor.f64[word]
    const length = this.#u32[2 * word] as number
    const node = this.#u32[(entry + 4) >>> 2] as number
    if (node + length > cursor.u8.length || Atomics.load(this.#site.arena.i32, guard) !== version) return undefined
    return cursor.u8.slice(node, node + length)
  }
}
