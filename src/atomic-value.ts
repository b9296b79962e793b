// AtomicValue: one value of any codec, shared by threads.

import { arenaOption, codecHere, numberOf } from './channel-codecs.js'
import type { Codec } from './codec/index.js'
import type { AnyCodec, MessageCodec } from './codec/message.js'
import type { SharedOptions } from './counter.js'
import { type Cursor, cursorOf, type Form, formOf, MOVED, requireStorable, sameBytes } from './cursor.js'
import { show, typeError } from './errors.js'
import {
  BUSY,
  HEAD_STATE,
  KIND_ATOMIC_VALUE,
  OK,
  STALE,
  VALUE_CODEC,
  VALUE_HOLDER_BYTES,
  VALUE_WORD,
} from './generated/layout.js'
import { type Handle, makeHandle, registerKind, type Site } from './handle.js'
import { createObject, SharedObject } from './object.js'

export interface AtomicValueOptions extends SharedOptions {
  /** How errors of this thread call it. */
  name?: string
}

/** @internal How errors call an object. */
export function named(what: string, name: unknown): string {
  if (name === undefined) return what
  if (typeof name !== 'string') throw typeError(`a name is a string, not ${show(name)}`)
  return `${what} ${show(name)}`
}

/**
 * One value of any codec that all threads see: load, store, swap, compare and swap, each at once. It is always a value that was stored as a whole. All
 * operations are sequentially consistent: what a thread wrote before a store, another sees after the load that finds the stored value.
 *
 * Numbers, BigInts and booleans take 128 bytes, and their operations are wait-free. Other values are encoded, and take a block of their own in
 * the arena; a load copies it and never holds up a store. Nothing waits for another thread, except for the length of some instructions.
 *
 * Go's atomic.Value, with the type given by the codec.
 *
 * @example
 * const config = new AtomicValue(any<{ level: string }>(), { level: 'info' })
 * config.store({ level: 'debug' })
 * config.load().level // 'debug'
 */
export class AtomicValue<T> extends SharedObject {
  readonly what: string
  readonly codec: AnyCodec<T>
  readonly #form: Form
  readonly #cursor: Cursor

  /**
   * @throws TypeError, RangeError for a value that is not the codec's, or a codec without bytes (`unit`); ArenaFullError if the arena has no room.
   */
  constructor(codec: AnyCodec<T>, initial: T, options?: AtomicValueOptions)
  /** @internal */
  constructor(codec: AnyCodec<T>, initial: undefined, options: undefined, site: Site)
  constructor(codec: AnyCodec<T>, initial: T | undefined, options: AtomicValueOptions = {}, site?: Site) {
    requireStorable(codec, 'AtomicValue')
    if (site === undefined && (typeof options !== 'object' || options === null))
      throw typeError(`AtomicValue takes options { arena, name }, not ${show(options)}`)
    const what = named('the atomic value', options?.name)
    const arena = site?.arena ?? arenaOption(options.arena)
    const cursor = cursorOf(arena)
    const form = formOf(codec as AnyCodec<never>)
    const first = site === undefined && form !== 'bytes' ? wordOf(codec as Codec<T>, form, initial as T) : 0
    super(site ?? createObject(arena, KIND_ATOMIC_VALUE, VALUE_HOLDER_BYTES, 'an atomic value'))
    this.what = what
    this.codec = codec
    this.#form = form
    this.#cursor = cursor
    if (site !== undefined) return
    cursor.core.value_init(this.at, numberOf(codec as AnyCodec<never>))
    try {
      if (form === 'bytes') this.store(initial as T)
      else if (typeof first === 'bigint') this.#storeBig(first)
      else cursor.core.value_store(this.at, this.open, first)
    } catch (error) {
      this.dispose()
      throw error
    }
  }

  /** The value that was stored last. Never waits. */
  load(): T {
    const form = this.#form
    if (form === 'number') {
      const v = this.#cursor.core.value_load(this.at, this.open)
      if (v !== v) this.#live()
      return v as T
    }
    if (form === 'bytes') return this.#loadBytes()
    if (form === 'bool') {
      const v = this.#cursor.core.value_load(this.at, this.open)
      if (v !== v) this.#live()
      return (v === 1) as T
    }
    this.#live()
    return Atomics.load(this.#bigs(), this.#index()) as T
  }

  /** Stores a value. @throws TypeError, RangeError for a value that is not the codec's; ArenaFullError: nothing was stored. */
  store(value: T): void {
    const form = this.#form
    if (form === 'bytes') {
      const { messages } = this.#cursor
      const old = this.#exchange(value)
      if (old !== 0) messages.free(old)
      return
    }
    const word = wordOf(this.codec as Codec<T>, form, value)
    if (typeof word === 'bigint') this.#storeBig(word)
    else if (this.#cursor.core.value_store(this.at, this.open, word) !== OK) throw this.stale()
  }

  /** Stores a value. Returns the OLD one. @throws as `store`. */
  swap(value: T): T {
    const form = this.#form
    if (form === 'bytes') {
      const { messages } = this.#cursor
      const old = this.#exchange(value)
      return messages.decode(this.codec as MessageCodec<T>, old, this.#cursor.high)
    }
    const word = wordOf(this.codec as Codec<T>, form, value)
    if (typeof word === 'bigint') {
      this.#live()
      return Atomics.exchange(this.#bigs(), this.#index(), word) as T
    }
    const old = this.#cursor.core.value_swap(this.at, this.open, word)
    if (old !== old) this.#live()
    return (form === 'bool' ? old === 1 : old) as T
  }

  /**
   * Stores `value` if `expected` is there: whether it did. Values are compared as their codec encodes them, byte by byte: NaN equals NaN, 0 is not -0, and
   * objects are equal if they have the same contents in the same order. @throws as `store`.
   */
  compareAndSwap(expected: T, value: T): boolean {
    const form = this.#form
    if (form === 'bytes') return this.#compareBytes(expected, value)
    const from = wordOf(this.codec as Codec<T>, form, expected)
    const to = wordOf(this.codec as Codec<T>, form, value)
    if (typeof from === 'bigint') {
      this.#live()
      return Atomics.compareExchange(this.#bigs(), this.#index(), from, to as bigint) === from
    }
    const status = this.#cursor.core.value_cas(this.at, this.open, from, to as number)
    if (status === STALE) throw this.stale()
    return status === OK
  }

  /**
   * Stores what `next` makes of the value that is there, and returns it. `next` is called again whenever another thread has stored something
   * meanwhile. What it throws, this throws, and nothing was stored.
   *
   * @example
   * const best = new AtomicValue(struct({ name: fixedString(16), score: f64 }), { name: '', score: 0 })
   * best.update((old) => (old.score < 7 ? { name: 'Ann', score: 7 } : old))
   */
  update(next: (value: T) => T): T {
    if (typeof next !== 'function') throw typeError(`update takes a function of the value, not ${show(next)}`)
    if (this.#form !== 'bytes') {
      for (;;) {
        const old = this.load()
        const made = next(old)
        if (this.compareAndSwap(old, made)) return made
      }
    }
    const cursor = this.#cursor
    for (;;) {
      const old = this.#loadBytes()
      const { guard, version } = cursor
      const made = next(old)
      if (this.#replace(made, guard, version)) return made
    }
  }

  /** Stands for this value in messages to other threads; see `open`. */
  get handle(): Handle<AtomicValue<T>> {
    this.#live()
    return makeHandle({ arena: this.arena, at: this.at, open: this.open }, 'atomic-value', this.codec, 'both')
  }

  /** Frees the memory. Every later use, in any thread, throws StaleHandleError. Not to be called while other threads are in the middle of operations. */
  override dispose(): void {
    const { at, open } = this
    if (at === 0) return
    let status: number
    while ((status = this.#cursor.core.value_dispose(at, open)) === BUSY) this.#cursor.wait(0)
    this.at = 0
    this.open = -1
    if (status === STALE) throw this.stale()
    this.#cursor.messages.free(at)
  }

  // ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #seek(): void {
    for (;;) {
      const status = this.#cursor.core.value_seek(this.at, this.open)
      if (status === OK) return
      if (status === STALE) throw this.stale()
      this.#cursor.wait(0)
    }
  }

  #loadBytes(): T {
    const cursor = this.#cursor
    for (;;) {
      this.#seek()
      const value = cursor.read(this.codec as MessageCodec<T>, cursor.low, cursor.high)
      if (value !== MOVED) return value
    }
  }

  /** Stores a value: the payload of the old one, which is in our hands, or 0. */
  #exchange(value: T): number {
    const cursor = this.#cursor
    const payload = cursor.encode(undefined, this.codec as MessageCodec<T>, value)
    const { length } = cursor.messages
    try {
      for (;;) {
        this.#seek()
        const status = cursor.core.value_put(this.at, this.open, payload, length)
        if (status === OK) return cursor.low
        if (status === STALE) throw this.stale()
      }
    } catch (error) {
      cursor.messages.free(payload)
      throw error
    }
  }

  /** Stores a value at a version: whether it did. */
  #replace(value: T, guard: number, version: number): boolean {
    const cursor = this.#cursor
    const payload = cursor.encode(undefined, this.codec as MessageCodec<T>, value)
    const { length } = cursor.messages
    this.#seekAt(guard, version, payload)
    const status = cursor.core.value_put(this.at, this.open, payload, length)
    if (status === OK) {
      cursor.messages.free(cursor.low)
      return true
    }
    cursor.messages.free(payload)
    if (status === STALE) throw this.stale()
    return false
  }

  /** Finds what is there, and claims that it was found at a version. */
  #seekAt(guard: number, version: number, payload: number): void {
    try {
      this.#seek()
    } catch (error) {
      this.#cursor.messages.free(payload)
      throw error
    }
    this.#cursor.set(guard, version)
  }

  #compareBytes(expected: T, value: T): boolean {
    const cursor = this.#cursor
    const wanted = cursor.messages.pack(this.codec as MessageCodec<T>, expected)
    // A value that is not the codec's is refused even where it would not be stored.
    ;(this.codec as MessageCodec<T>).measure(value)
    for (;;) {
      this.#seek()
      const { guard, version } = cursor
      if (cursor.high !== wanted.length) return false
      const there = cursor.copy(cursor.low, cursor.high)
      if (there === MOVED) continue
      if (!sameBytes(there, wanted)) return false
      if (this.#replace(value, guard, version)) return true
    }
  }

  // ── BigInts ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #bigs(): BigInt64Array | BigUint64Array {
    return this.#form === 'i64' ? this.#cursor.i64 : this.#cursor.u64
  }

  #index(): number {
    return (this.at + VALUE_WORD) >>> 3
  }

  #storeBig(value: bigint): void {
    this.#live()
    Atomics.store(this.#bigs(), this.#index(), value)
  }

  #live(): void {
    if (this.at === 0 || this.arena.i32[(this.at + HEAD_STATE) >>> 2] !== this.open) throw this.stale()
  }
}

/** @internal The word of a value that is no message. @throws TypeError, RangeError. */
export function wordOf<T>(codec: Codec<T>, form: Form, value: T): number | bigint {
  codec.check(value)
  if (form === 'bool') return Number(value)
  return codec.name === 'f32' ? Math.fround(value as number) : (value as number | bigint)
}

registerKind('atomic-value', KIND_ATOMIC_VALUE, (site, handle, options) => {
  const codec = codecHere(
    site.arena.u32[(site.at + VALUE_CODEC) >>> 2] as number,
    handle.codec,
    handle.schema,
    options.codec,
    'the atomic value',
  )
  return new AtomicValue(codec as AnyCodec<unknown>, undefined, undefined, site)
})
