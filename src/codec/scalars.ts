// Numbers and booleans inside messages: how the scalar codecs lie there, and the small integers, which exist only there.

import { rangeError, typeError } from '../errors.js'
import { corrupt, noRoom, refusal, wrongLength } from './failure.js'
import { bool, type Codec, f32, f64, i32, i64, u32, u64, wrongType } from './index.js'
import { type FixedCodec, sealed } from './message.js'

declare const elements: unique symbol

/** The codec of a small integer: in messages, and in a `SharedArray`, whose elements are those of a typed array `A`. */
export interface SmallCodec<A> extends FixedCodec<number> {
  /** Type only. */
  readonly [elements]: A
}

/** A scalar as a part of messages, and the source text that generated code has for it. */
export interface Scalar<T> extends FixedCodec<T> {
  /** Throws a refusal if the value is not one of the codec. */
  check(value: T): void
  /** Source that is true for values that need no `check`; the others may still be good. */
  test(value: string): string
  /** Source that writes a value. */
  write(at: string, value: string): string
  /** Source that reads a value. */
  read(at: string): string
  /** Whether some bytes are no value, so that `read` may throw. */
  readonly picky: boolean
}

interface Layout<T> {
  size: number
  /** Ends of the names of the DataView's methods. */
  method: string
  test(value: string): string
  good(value: T): boolean
  set(view: DataView, at: number, value: T): void
  get(view: DataView, at: number): T
  /** Name of a function that generated code finds in its scope, where `get` is more than a method of the DataView. */
  reader?: string
}

function scalar<T>(codec: Pick<Codec<T>, 'name' | 'check'>, layout: Layout<T>): Scalar<T> {
  const { name } = codec
  const { size, method, test, good, set, get, reader } = layout
  const check = (value: T): void => {
    try {
      codec.check(value)
    } catch (error) {
      throw refusal(error instanceof RangeError ? rangeError : typeError, (error as Error).message)
    }
  }
  return sealed<Scalar<T>>({
    name,
    shape: 'message',
    schema: name,
    size,
    check,
    test,
    write: (at, value) => `view.set${method}(${at}, ${value}${size === 1 ? '' : ', true'})`,
    read: (at) => (reader ? `${reader}(view, ${at})` : `view.get${method}(${at}${size === 1 ? '' : ', true'})`),
    picky: reader !== undefined,
    measure: () => size,
    encode(value, memory, at, limit) {
      if (!good(value)) check(value)
      if (limit - at < size) throw noRoom(name, size, limit - at)
      set(memory.view, at, value)
      return at + size
    },
    decode(memory, at, end) {
      if (end - at !== size) throw wrongLength(name, size, end - at)
      return get(memory.view, at)
    },
  })
}

/** An integer codec of messages. */
function small<A>(name: string, low: number, high: number, layout: Layout<number>): SmallCodec<A> {
  const check = (value: number): void => {
    if (typeof value !== 'number') throw wrongType(name, 'numbers', value)
    if (!Number.isInteger(value) || value < low || value > high) {
      throw rangeError(`${name} carries integers from ${low} to ${high}, not ${value}`)
    }
  }
  return scalar({ name, check }, layout) as FixedCodec<number> as SmallCodec<A>
}

const number = (test: (x: string) => string) => (x: string) => `typeof ${x} === 'number' && ${test(x)}`

/** 8-bit unsigned integers. */
export const u8: SmallCodec<Uint8Array> = small('u8', 0, 255, {
  size: 1,
  method: 'Uint8',
  test: number((x) => `(${x} & 255) === ${x}`),
  good: (value) => typeof value === 'number' && (value & 255) === value,
  set: (view, at, value) => view.setUint8(at, value),
  get: (view, at) => view.getUint8(at),
})

/** 8-bit signed integers. */
export const i8: SmallCodec<Int8Array> = small('i8', -128, 127, {
  size: 1,
  method: 'Int8',
  test: number((x) => `(${x} << 24 >> 24) === ${x}`),
  good: (value) => typeof value === 'number' && (value << 24) >> 24 === value,
  set: (view, at, value) => view.setInt8(at, value),
  get: (view, at) => view.getInt8(at),
})

/** 16-bit unsigned integers. */
export const u16: SmallCodec<Uint16Array> = small('u16', 0, 65535, {
  size: 2,
  method: 'Uint16',
  test: number((x) => `(${x} & 65535) === ${x}`),
  good: (value) => typeof value === 'number' && (value & 65535) === value,
  set: (view, at, value) => view.setUint16(at, value, true),
  get: (view, at) => view.getUint16(at, true),
})

/** 16-bit signed integers. */
export const i16: SmallCodec<Int16Array> = small('i16', -32768, 32767, {
  size: 2,
  method: 'Int16',
  test: number((x) => `(${x} << 16 >> 16) === ${x}`),
  good: (value) => typeof value === 'number' && (value << 16) >> 16 === value,
  set: (view, at, value) => view.setInt16(at, value, true),
  get: (view, at) => view.getInt16(at, true),
})

const F32_MAX = '3.4028234663852886e38'

const layouts = new Map<unknown, Scalar<never>>()

function lay<T>(codec: Codec<T>, layout: Layout<T>): void {
  layouts.set(codec, scalar(codec, layout) as Scalar<never>)
}

lay(u32, {
  size: 4,
  method: 'Uint32',
  test: number((x) => `(${x} >>> 0) === ${x}`),
  good: (value) => typeof value === 'number' && value >>> 0 === value,
  set: (view, at, value) => view.setUint32(at, value, true),
  get: (view, at) => view.getUint32(at, true),
})
lay(i32, {
  size: 4,
  method: 'Int32',
  test: number((x) => `(${x} | 0) === ${x}`),
  good: (value) => typeof value === 'number' && (value | 0) === value,
  set: (view, at, value) => view.setInt32(at, value, true),
  get: (view, at) => view.getInt32(at, true),
})
lay(u64, {
  size: 8,
  method: 'BigUint64',
  test: (x) => `typeof ${x} === 'bigint' && BigInt.asUintN(64, ${x}) === ${x}`,
  good: (value) => typeof value === 'bigint' && BigInt.asUintN(64, value) === value,
  set: (view, at, value) => view.setBigUint64(at, value, true),
  get: (view, at) => view.getBigUint64(at, true),
})
lay(i64, {
  size: 8,
  method: 'BigInt64',
  test: (x) => `typeof ${x} === 'bigint' && BigInt.asIntN(64, ${x}) === ${x}`,
  good: (value) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
  set: (view, at, value) => view.setBigInt64(at, value, true),
  get: (view, at) => view.getBigInt64(at, true),
})
// NaN and the infinities fail the test and pass the check.
lay(f32, {
  size: 4,
  method: 'Float32',
  test: number((x) => `${x} <= ${F32_MAX} && ${x} >= -${F32_MAX}`),
  good: (value) => typeof value === 'number' && value <= Number(F32_MAX) && value >= -Number(F32_MAX),
  set: (view, at, value) => view.setFloat32(at, value, true),
  get: (view, at) => view.getFloat32(at, true),
})
lay(f64, {
  size: 8,
  method: 'Float64',
  test: (x) => `typeof ${x} === 'number'`,
  good: (value) => typeof value === 'number',
  set: (view, at, value) => view.setFloat64(at, value, true),
  get: (view, at) => view.getFloat64(at, true),
})

/** @internal A boolean: bytes other than 0 and 1 are none. */
export function readFlag(view: DataView, at: number): boolean {
  const byte = view.getUint8(at)
  if (byte > 1) throw corrupt('bool', `a boolean is 0 or 1, not ${byte}`)
  return byte === 1
}

lay(bool, {
  size: 1,
  method: 'Uint8',
  test: (x) => `typeof ${x} === 'boolean'`,
  good: (value) => typeof value === 'boolean',
  set: (view, at, value) => view.setUint8(at, Number(value)),
  get: readFlag,
  reader: 'readFlag',
})

/** @internal The scalar codec as a part of messages; undefined if the argument is none, or has no bytes. */
export function scalarPart(codec: unknown): Scalar<never> | undefined {
  return layouts.get(codec)
}

/** @internal */
export function isScalar(part: object): part is Scalar<unknown> {
  return 'picky' in part
}
