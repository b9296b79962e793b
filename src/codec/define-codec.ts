// Codecs that programs make. Their code sees private buffers only: whatever it does, nothing outside its own message can change.

import { rangeError, show, typeError } from '../errors.js'
import { Coder, type Functions } from './coder.js'
import { copyIn } from './copy.js'
import { noRoom, wrongLength } from './failure.js'
import { type FixedCodec, MAX_BYTES, type MessageCodec, sealed } from './message.js'

interface Definition<T> {
  /**
   * What both ends know the codec by: letters, digits and `_ . / @ -`. In one thread the last codec made with a name counts; threads that open
   * a channel of it must have made it before, with the same bytes.
   */
  name: string
  /**
   * Writes the value to `bytes` (`view` is over the same) and returns how many bytes it has. The two belong to the message until this returns.
   * It may be called more than once for one value. To refuse a value, throw.
   */
  encode(value: T, bytes: Uint8Array, view: DataView): number
  /** Makes the value from its bytes. They are a copy of its own: the value may keep them. `view` shows the same until this returns. */
  decode(bytes: Uint8Array, view: DataView): T
}

/** A codec of values that all take `size` bytes: it may be a part of structs. `bytes` are zero at first; nothing need be returned. */
export interface FixedDefinition<T> extends Omit<Definition<T>, 'encode'> {
  /** Bytes of every value: from 1 to 2^30. */
  size: number
  // biome-ignore lint/suspicious/noConfusingVoidType: what an encode without a return statement returns
  encode(value: T, bytes: Uint8Array, view: DataView): number | void
}

/** A codec of values that take up to `maxBytes`. `bytes` hold anything at first. */
export interface BoundedDefinition<T> extends Definition<T> {
  /** Bytes of the largest value: from 1 to 2^30. Every thread that sends keeps a buffer of that size, if it is not above 64 KiB. */
  maxBytes: number
}

/** A codec of values that say beforehand how many bytes they need. `bytes` hold anything at first. */
export interface MeasuredDefinition<T> extends Definition<T> {
  /** How many bytes `encode` gets for this value: from 0 to 2^30. */
  measure(value: T): number
}

/** @internal The codecs that this thread has made, by name. */
export const defined = new Map<string, MessageCodec<unknown>>()

const NAME = /^[\w.@/-]+$/
/**
 * Makes a codec from two functions, one that writes a value to bytes and one that reads it. Give it the `size` of all values, or `maxBytes`, or a
 * function `measure`. What the functions throw becomes the `cause` of a TypeError, and nothing is sent.
 *
 * @throws TypeError, RangeError for a definition that lacks something, or a name that is taken by this package.
 * @example
 * const point = defineCodec({
 *   name: 'point',
 *   size: 16,
 *   encode(p: Point, bytes, view) {
 *     view.setFloat64(0, p.x, true)
 *     view.setFloat64(8, p.y, true)
 *   },
 *   decode: (bytes, view) => new Point(view.getFloat64(0, true), view.getFloat64(8, true)),
 * })
 */
export function defineCodec<T>(definition: FixedDefinition<T>): FixedCodec<T>
export function defineCodec<T>(definition: BoundedDefinition<T> | MeasuredDefinition<T>): MessageCodec<T>
export function defineCodec<T>(
  definition: FixedDefinition<T> | BoundedDefinition<T> | MeasuredDefinition<T>,
): MessageCodec<T> {
  const { size, maxBytes, ...functions } = checked(definition)
  const { name } = functions
  const own = new Coder<T>(functions, size !== undefined)
  const roomFor = (value: T): number => maxBytes ?? own.measure(value)
  const base = { name, shape: 'message' as const, schema: Object.freeze(['user', name, size ?? null] as const) }
  const decodeFrom: MessageCodec<T>['decode'] = (memory, at, end) => {
    if (size !== undefined && end - at !== size) throw wrongLength(name, size, end - at)
    return own.decode(memory.u8, at, end)
  }
  const codec: MessageCodec<T> =
    size === undefined
      ? {
          ...base,
          size,
          measure: (value) => own.run(value, roomFor(value)).length,
          encode(value, memory, at, limit) {
            const bytes = own.last(value) ?? own.run(value, roomFor(value))
            if (bytes.length > limit - at) throw noRoom(name, bytes.length, limit - at)
            copyIn(memory.u8, at, bytes, bytes.length)
            own.forget()
            return at + bytes.length
          },
          decode: decodeFrom,
        }
      : {
          ...base,
          size,
          measure: () => size,
          encode(value, memory, at, limit) {
            if (size > limit - at) throw noRoom(name, size, limit - at)
            copyIn(memory.u8, at, own.run(value, size), size)
            own.forget()
            return at + size
          },
          decode: decodeFrom,
        }
  defined.set(name, sealed(codec) as MessageCodec<unknown>)
  return codec
}

interface Checked extends Functions {
  size: number | undefined
  maxBytes: number | undefined
}

function checked(definition: unknown): Checked {
  if (typeof definition !== 'object' || definition === null) {
    throw typeError(`defineCodec takes { name, size | maxBytes | measure, encode, decode }, not ${show(definition)}`)
  }
  const { name, encode, decode, size, maxBytes, measure } = definition as Record<keyof Checked, unknown>
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw typeError(`the name of a codec has letters, digits and _ . / @ - only, not ${show(name)}`)
  }
  if (RESERVED.has(name)) throw typeError(`millrace has a codec ${name} already: give yours another name`)
  for (const [what, value] of Object.entries({ encode, decode })) {
    if (typeof value !== 'function') throw typeError(`codec ${name}: ${what} is a function, not ${show(value)}`)
  }
  if ([size, maxBytes, measure].filter((given) => given !== undefined).length !== 1) {
    throw typeError(`codec ${name} needs one of size, maxBytes and measure`)
  }
  if (measure !== undefined && typeof measure !== 'function') {
    throw typeError(`codec ${name}: measure is a function, not ${show(measure)}`)
  }
  for (const [what, value] of Object.entries({ size, maxBytes })) {
    if (value === undefined) continue
    if (typeof value !== 'number') throw typeError(`codec ${name}: ${what} is a number of bytes, not ${show(value)}`)
    if (!Number.isInteger(value) || value < 1 || value > MAX_BYTES) {
      throw rangeError(`codec ${name}: ${what} is an integer from 1 to ${MAX_BYTES}, not ${value}`)
    }
  }
  // The functions keep the definition as their `this`, and are those that it has now.
  const bound = (f: unknown): never => (f === undefined ? f : (f as () => void).bind(definition)) as never
  return { name, encode: bound(encode), decode: bound(decode), size, maxBytes, measure: bound(measure) } as Checked
}

/** Names that would be taken for something else. */
const RESERVED = new Set(
  'u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 bool unit bytes string any handle fixedBytes fixedString struct array tuple optional enumOf user'.split(
    ' ',
  ),
)
