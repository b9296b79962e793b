// Codecs: which values a channel or stack carries, and how they lie in shared memory.

import { rangeError, show, typeError } from '../errors.js'

/** How values lie in memory: 32 bits in a narrow ring, or 64 bits in a wide one. */
export type Shape = 'i32' | 'f32' | 'f64' | 'i64'

/** A typed array that batches of such values travel in. */
export type Batch = Float64Array | Float32Array | Int32Array | Uint32Array | Uint8Array | BigInt64Array | BigUint64Array

/** Describes the values of type T that a channel carries. `B` is the typed array for batches of them. */
export interface Codec<T, B extends Batch = Batch> {
  readonly name: string
  /** Number of the codec in shared memory. */
  readonly id: number
  readonly shape: Shape
  readonly batch: new (length: number) => B
  /** Throws a TypeError or RangeError that names codec and value if `value` is not one of this codec. */
  check(value: T): void
}

/** @internal */
export function wrongType(codec: string, expected: string, value: unknown): TypeError {
  return typeError(`${codec} carries ${expected}, not ${show(value)} (a ${value === null ? 'null' : typeof value})`)
}

function integer(name: string, id: number, low: number, high: number, batch: Codec<number>['batch']): Codec<number> {
  return {
    name,
    id,
    shape: 'i32',
    batch,
    check(value) {
      if (typeof value !== 'number') throw wrongType(name, 'numbers', value)
      if (!Number.isInteger(value) || value < low || value > high) {
        throw rangeError(`${name} carries integers from ${low} to ${high}, not ${show(value)}`)
      }
    },
  }
}

function bigint(name: string, id: number, low: bigint, high: bigint, batch: Codec<bigint>['batch']): Codec<bigint> {
  return {
    name,
    id,
    shape: 'i64',
    batch,
    check(value) {
      if (typeof value !== 'bigint') throw wrongType(name, 'BigInts', value)
      if (value < low || value > high)
        throw rangeError(`${name} carries BigInts from ${low} to ${high}, not ${show(value)}`)
    },
  }
}

/** 32-bit signed integers. */
export const i32 = integer('i32', 1, -(2 ** 31), 2 ** 31 - 1, Int32Array) as Codec<number, Int32Array>
/** 32-bit unsigned integers. */
export const u32 = integer('u32', 2, 0, 2 ** 32 - 1, Uint32Array) as Codec<number, Uint32Array>
/** 64-bit signed integers, as BigInt. */
export const i64 = bigint('i64', 7, -(2n ** 63n), 2n ** 63n - 1n, BigInt64Array) as Codec<bigint, BigInt64Array>
/** 64-bit unsigned integers, as BigInt. */
export const u64 = bigint('u64', 8, 0n, 2n ** 64n - 1n, BigUint64Array) as Codec<bigint, BigUint64Array>

/** Numbers rounded to 32-bit floats. A finite number beyond their range is a RangeError; NaN, infinities and -0 are kept. */
export const f32: Codec<number, Float32Array> = {
  name: 'f32',
  id: 3,
  shape: 'f32',
  batch: Float32Array,
  check(value) {
    if (typeof value !== 'number') throw wrongType('f32', 'numbers', value)
    if (Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
      throw rangeError(`f32 carries numbers up to 3.4028234663852886e38, not ${value}`)
    }
  },
}

/** Numbers, unchanged: NaN, infinities and -0 too. */
export const f64: Codec<number, Float64Array> = {
  name: 'f64',
  id: 4,
  shape: 'f64',
  batch: Float64Array,
  check(value) {
    if (typeof value !== 'number') throw wrongType('f64', 'numbers', value)
  },
}

/** true or false. */
export const bool: Codec<boolean, Uint8Array> = {
  name: 'bool',
  id: 5,
  shape: 'i32',
  batch: Uint8Array,
  check(value) {
    if (typeof value !== 'boolean') throw wrongType('bool', 'booleans', value)
  },
}

/** Nothing but the fact of a message, as Go's struct{}: send `undefined` (or `null`, or no argument), receive `undefined`. */
export const unit: Codec<undefined, Uint8Array> = {
  name: 'unit',
  id: 6,
  shape: 'i32',
  batch: Uint8Array,
  check(value) {
    if (value !== undefined && value !== null) throw wrongType('unit', 'undefined', value)
  },
}

const all = [i32, u32, f32, f64, bool, unit, i64, u64] as readonly Codec<never>[]

/** The codec with that number in shared memory. */
export function codecById(id: number): Codec<never> | undefined {
  return all.find((codec) => codec.id === id)
}

/** Throws a TypeError that lists the codecs if the argument is none. */
export function requireCodec(codec: unknown, user: string): void {
  if (!(all as readonly unknown[]).includes(codec)) {
    throw typeError(
      `${user} takes one of the codecs ${all.map((each) => each.name).join(', ')} as first argument, not ${show(codec)}`,
    )
  }
}
