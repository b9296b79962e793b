import { arenaOption } from './channel-codecs.js'
import { bool, type Codec, i32, i64, u32, u64 } from './codec/index.js'
import type { SharedOptions } from './counter.js'
import { typeError } from './errors.js'
import { ATOMIC_CODEC, ATOMIC_VALUE, HEAD_STATE, KIND_ATOMIC } from './generated/layout.js'
import { type Handle, registerKind, type Site } from './handle.js'
import { createObject, SharedObject } from './object.js'

/** Bytes of an atomic: the header and the value's line. */
const BYTES = ATOMIC_VALUE + 8

type Words = Int32Array | Uint32Array | BigInt64Array | BigUint64Array

/**
 * One word that all threads see: the base of the atomic types. All operations are sequentially consistent: what a thread wrote before a
 * store, another sees after the load that finds the stored value. Never waits. Takes 128 bytes, so that two of them do not share a cache line.
 */
abstract class AtomicObject<W extends Words> extends SharedObject {
  readonly what = 'the atomic'
  /** @internal */ readonly words: W
  /** @internal */ readonly index: number
  readonly #states: Int32Array
  readonly #state: number

  /** @internal */
  constructor(site: Site, words: W) {
    super(site)
    this.words = words
    this.index = (site.at + ATOMIC_VALUE) / words.BYTES_PER_ELEMENT
    this.#states = site.arena.i32
    this.#state = (site.at + HEAD_STATE) >>> 2
  }

  /** @internal Throws if it was disposed of, here or elsewhere. */
  live(): void {
    if (this.#states[this.#state] !== this.open) throw this.stale()
  }
}

function place<T>(options: SharedOptions | undefined, codec: Codec<T>, initial: T): Site {
  codec.check(initial)
  const site = createObject(arenaOption(options?.arena), KIND_ATOMIC, BYTES, 'an atomic')
  site.arena.u32[(site.at + ATOMIC_CODEC) >>> 2] = codec.id
  return site
}

/** Atomics over a typed array of numbers. */
abstract class AtomicNumber extends AtomicObject<Int32Array | Uint32Array> {
  /** @internal */ abstract readonly codec: Codec<number>

  load(): number {
    this.live()
    return Atomics.load(this.words, this.index)
  }

  store(value: number): void {
    this.codec.check(value)
    this.live()
    Atomics.store(this.words, this.index, value)
  }

  /** Adds, wrapping around. Returns the NEW value, as Go's Add (JavaScript's Atomics.add returns the old one). */
  add(delta: number): number {
    checkDelta(delta)
    this.live()
    return this.wrap(Atomics.add(this.words, this.index, delta) + delta)
  }

  /** Subtracts, wrapping around. Returns the NEW value. */
  sub(delta: number): number {
    checkDelta(delta)
    this.live()
    return this.wrap(Atomics.sub(this.words, this.index, delta) - delta)
  }

  /** Stores the value. Returns the OLD one. */
  swap(value: number): number {
    this.codec.check(value)
    this.live()
    return Atomics.exchange(this.words, this.index, value)
  }

  /** Stores `value` if the word holds `expected`. Returns whether it did. */
  compareAndSwap(expected: number, value: number): boolean {
    this.codec.check(expected)
    this.codec.check(value)
    this.live()
    return Atomics.compareExchange(this.words, this.index, expected, value) === expected
  }

  /** Bitwise and. Returns the OLD value. */
  and(mask: number): number {
    checkDelta(mask)
    this.live()
    return Atomics.and(this.words, this.index, mask)
  }

  /** Bitwise or. Returns the OLD value. */
  or(mask: number): number {
    checkDelta(mask)
    this.live()
    return Atomics.or(this.words, this.index, mask)
  }

  /** Bitwise exclusive or. Returns the OLD value. */
  xor(mask: number): number {
    checkDelta(mask)
    this.live()
    return Atomics.xor(this.words, this.index, mask)
  }

  /** @internal */
  abstract wrap(value: number): number
}

/** A delta or a mask is any 32-bit number, signed or not. */
function checkDelta(value: number): void {
  if (typeof value !== 'number' || (value | 0) !== value) u32.check(value)
}

/** A 32-bit signed integer shared by threads. */
export class AtomicI32 extends AtomicNumber {
  /** @internal */ readonly codec: Codec<number> = i32

  constructor(initial?: number, options?: SharedOptions)
  /** @internal */
  constructor(initial: undefined, options: undefined, site: Site)
  constructor(initial = 0, options?: SharedOptions, site?: Site) {
    const at = site ?? place(options, i32, initial)
    super(at, at.arena.i32)
    if (site === undefined) Atomics.store(this.words, this.index, initial)
  }

  /** @internal */
  wrap(value: number): number {
    return value | 0
  }

  get handle(): Handle<AtomicI32> {
    return this.makeHandle('atomic', 'i32')
  }
}

/** A 32-bit unsigned integer shared by threads. */
export class AtomicU32 extends AtomicNumber {
  /** @internal */ readonly codec: Codec<number> = u32

  constructor(initial?: number, options?: SharedOptions)
  /** @internal */
  constructor(initial: undefined, options: undefined, site: Site)
  constructor(initial = 0, options?: SharedOptions, site?: Site) {
    const at = site ?? place(options, u32, initial)
    super(at, at.arena.u32)
    if (site === undefined) Atomics.store(this.words, this.index, initial)
  }

  /** @internal */
  wrap(value: number): number {
    return value >>> 0
  }

  get handle(): Handle<AtomicU32> {
    return this.makeHandle('atomic', 'u32')
  }
}

/** Atomics over a typed array of BigInts. */
abstract class AtomicBigInt extends AtomicObject<BigInt64Array | BigUint64Array> {
  /** @internal */ abstract readonly codec: Codec<bigint>

  load(): bigint {
    this.live()
    return Atomics.load(this.words, this.index)
  }

  store(value: bigint): void {
    this.codec.check(value)
    this.live()
    Atomics.store(this.words, this.index, value)
  }

  /** Adds, wrapping around. Returns the NEW value, as Go's Add (JavaScript's Atomics.add returns the old one). */
  add(delta: bigint): bigint {
    checkBigDelta(delta)
    this.live()
    return this.wrap(Atomics.add(this.words, this.index, delta) + delta)
  }

  /** Subtracts, wrapping around. Returns the NEW value. */
  sub(delta: bigint): bigint {
    checkBigDelta(delta)
    this.live()
    return this.wrap(Atomics.sub(this.words, this.index, delta) - delta)
  }

  /** Stores the value. Returns the OLD one. */
  swap(value: bigint): bigint {
    this.codec.check(value)
    this.live()
    return Atomics.exchange(this.words, this.index, value)
  }

  /** Stores `value` if the word holds `expected`. Returns whether it did. */
  compareAndSwap(expected: bigint, value: bigint): boolean {
    this.codec.check(expected)
    this.codec.check(value)
    this.live()
    return Atomics.compareExchange(this.words, this.index, expected, value) === expected
  }

  /** Bitwise and. Returns the OLD value. */
  and(mask: bigint): bigint {
    checkBigDelta(mask)
    this.live()
    return Atomics.and(this.words, this.index, mask)
  }

  /** Bitwise or. Returns the OLD value. */
  or(mask: bigint): bigint {
    checkBigDelta(mask)
    this.live()
    return Atomics.or(this.words, this.index, mask)
  }

  /** Bitwise exclusive or. Returns the OLD value. */
  xor(mask: bigint): bigint {
    checkBigDelta(mask)
    this.live()
    return Atomics.xor(this.words, this.index, mask)
  }

  /** @internal */
  abstract wrap(value: bigint): bigint
}

/** A delta or a mask is any 64-bit number, signed or not. */
function checkBigDelta(value: bigint): void {
  if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) u64.check(value)
}

/** A 64-bit signed integer shared by threads, as BigInt. */
export class AtomicI64 extends AtomicBigInt {
  /** @internal */ readonly codec: Codec<bigint> = i64

  constructor(initial?: bigint, options?: SharedOptions)
  /** @internal */
  constructor(initial: undefined, options: undefined, site: Site)
  constructor(initial = 0n, options?: SharedOptions, site?: Site) {
    const at = site ?? place(options, i64, initial)
    super(at, new BigInt64Array(at.arena.memory.buffer))
    if (site === undefined) Atomics.store(this.words, this.index, initial)
  }

  /** @internal */
  wrap(value: bigint): bigint {
    return BigInt.asIntN(64, value)
  }

  get handle(): Handle<AtomicI64> {
    return this.makeHandle('atomic', 'i64')
  }
}

/** A 64-bit unsigned integer shared by threads, as BigInt. */
export class AtomicU64 extends AtomicBigInt {
  /** @internal */ readonly codec: Codec<bigint> = u64

  constructor(initial?: bigint, options?: SharedOptions)
  /** @internal */
  constructor(initial: undefined, options: undefined, site: Site)
  constructor(initial = 0n, options?: SharedOptions, site?: Site) {
    const at = site ?? place(options, u64, initial)
    super(at, new BigUint64Array(at.arena.memory.buffer))
    if (site === undefined) Atomics.store(this.words, this.index, initial)
  }

  /** @internal */
  wrap(value: bigint): bigint {
    return BigInt.asUintN(64, value)
  }

  get handle(): Handle<AtomicU64> {
    return this.makeHandle('atomic', 'u64')
  }
}

/** A flag shared by threads. */
export class AtomicBool extends AtomicObject<Int32Array> {
  constructor(initial?: boolean, options?: SharedOptions)
  /** @internal */
  constructor(initial: undefined, options: undefined, site: Site)
  constructor(initial = false, options?: SharedOptions, site?: Site) {
    const at = site ?? place(options, bool, initial)
    super(at, at.arena.i32)
    if (site === undefined) Atomics.store(this.words, this.index, Number(initial))
  }

  load(): boolean {
    this.live()
    return Atomics.load(this.words, this.index) === 1
  }

  store(value: boolean): void {
    bool.check(value)
    this.live()
    Atomics.store(this.words, this.index, Number(value))
  }

  /** Stores the value. Returns the OLD one. */
  swap(value: boolean): boolean {
    bool.check(value)
    this.live()
    return Atomics.exchange(this.words, this.index, Number(value)) === 1
  }

  /** Stores `value` if the flag is `expected`. Returns whether it did. */
  compareAndSwap(expected: boolean, value: boolean): boolean {
    bool.check(expected)
    bool.check(value)
    this.live()
    return Atomics.compareExchange(this.words, this.index, Number(expected), Number(value)) === Number(expected)
  }

  get handle(): Handle<AtomicBool> {
    return this.makeHandle('atomic', 'bool')
  }
}

const classes: Record<number, new (initial: undefined, options: undefined, site: Site) => unknown> = {
  [i32.id]: AtomicI32,
  [u32.id]: AtomicU32,
  [i64.id]: AtomicI64,
  [u64.id]: AtomicU64,
  [bool.id]: AtomicBool,
}

registerKind('atomic', KIND_ATOMIC, (site) => {
  const Class = classes[site.arena.u32[(site.at + ATOMIC_CODEC) >>> 2] as number]
  if (Class === undefined) throw typeError('the atomic is of a type that this version of millrace does not know')
  return new Class(undefined, undefined, site)
})
