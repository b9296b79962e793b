// Codecs that programs make. Their code sees private buffers only: whatever it does, nothing outside its own message can change.

import { rangeError, show, typeError } from '../errors.js'
import { copyIn, copyOut } from './copy.js'
import { corrupt, noRoom, refusal, wrongLength } from './failure.js'
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
  /** Makes the value from its bytes. They are a copy of its own: the value may keep them. */
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
/** Buffers up to this size are kept for the next message. */
const KEPT = 65536

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
  const { name, encode, decode, size, maxBytes, measure } = checked(definition)
  const own = new Coder<T>(name, encode, decode, size !== undefined)
  const base = { name, shape: 'message' as const, schema: Object.freeze(['user', name, size ?? null] as const) }
  const decodeFrom: MessageCodec<T>['decode'] = (memory, at, end) => {
    if (size !== undefined && end - at !== size) throw wrongLength(name, size, end - at)
    return own.decode(copyOut(memory.u8, at, end))
  }
  const codec: MessageCodec<T> =
    size === undefined
      ? {
          ...base,
          size,
          measure: (value) => own.run(value, maxBytes ?? own.measured(measure, value)).length,
          encode(value, memory, at, limit) {
            const bytes = own.last(value) ?? own.run(value, maxBytes ?? own.measured(measure, value))
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

interface Checked {
  name: string
  encode: (value: never, bytes: Uint8Array, view: DataView) => unknown
  decode: (bytes: Uint8Array, view: DataView) => unknown
  size: number | undefined
  maxBytes: number | undefined
  measure: ((value: never) => unknown) | undefined
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

interface Stage {
  whole: Uint8Array
  bytes: Uint8Array
  view: DataView
}

/** Runs the functions of one definition on buffers of their own. */
class Coder<T> {
  readonly #name: string
  readonly #encode: Checked['encode']
  readonly #decode: Checked['decode']
  readonly #fixed: boolean
  /** Undefined while it is in use: an encode that sends another value of the same codec gets another one. */
  #spare: Stage | undefined
  /** The value that was encoded last, and its bytes: who measures a value sends it next. */
  #value: unknown
  #result: Uint8Array | undefined

  constructor(name: string, encode: Checked['encode'], decode: Checked['decode'], fixed: boolean) {
    this.#name = name
    this.#encode = encode
    this.#decode = decode
    this.#fixed = fixed
  }

  measured(measure: Checked['measure'], value: T): number {
    let room: unknown
    try {
      room = measure?.(value as never)
    } catch (cause) {
      throw this.#threw('measure', cause)
    }
    if (typeof room !== 'number' || !Number.isInteger(room) || room < 0 || room > MAX_BYTES) {
      const make = typeof room === 'number' ? rangeError : typeError
      throw refusal(
        make,
        `measure of codec ${this.#name} returned ${show(room)}, not an integer from 0 to ${MAX_BYTES}`,
      )
    }
    return room
  }

  /** The bytes of a value, in private memory; good until the next call. */
  run(value: T, room: number): Uint8Array {
    const stage = this.#stage(room)
    this.#spare = this.#result = undefined
    if (this.#fixed) stage.bytes.fill(0)
    let length: unknown
    try {
      length = this.#encode(value as never, stage.bytes, stage.view)
    } catch (cause) {
      throw this.#threw('encode', cause)
    } finally {
      if (stage.whole.length <= KEPT) this.#spare = stage
    }
    if (this.#fixed && length === undefined) length = room
    this.#checkLength(length, room)
    if (stage.bytes.length !== room)
      throw refusal(typeError, `encode of codec ${this.#name} has transferred its bytes away`)
    this.#value = value
    this.#result = length === room ? stage.bytes : stage.bytes.subarray(0, length as number)
    return this.#result
  }

  /** The bytes of this value, if `run` had it last. */
  last(value: T): Uint8Array | undefined {
    return Object.is(this.#value, value) ? this.#result : undefined
  }

  forget(): void {
    this.#value = this.#result = undefined
  }

  decode(bytes: Uint8Array): T {
    try {
      return this.#decode(bytes, new DataView(bytes.buffer)) as T
    } catch (cause) {
      const error = corrupt(this.#name, `its decode threw ${thrownText(cause)}`)
      error.cause = cause
      throw error
    }
  }

  #stage(room: number): Stage {
    let stage = this.#spare
    if (stage === undefined || stage.whole.length < room) {
      // With room for messages that grow a little at a time.
      const whole = new Uint8Array(room <= KEPT / 2 && !this.#fixed ? 2 * room : room)
      stage = { whole, bytes: whole, view: new DataView(whole.buffer) }
    }
    if (stage.bytes.length !== room) {
      stage.bytes = new Uint8Array(stage.whole.buffer, 0, room)
      stage.view = new DataView(stage.whole.buffer, 0, room)
    }
    return stage
  }

  #checkLength(length: unknown, room: number): void {
    if (typeof length === 'number' && Number.isInteger(length) && length >= 0) {
      if (length <= room && (!this.#fixed || length === room)) return
      const what = this.#fixed ? `a value has ${room} bytes` : `it was given ${room}`
      throw refusal(rangeError, `encode of codec ${this.#name} returned ${length} bytes, but ${what}`)
    }
    throw refusal(
      typeError,
      `encode of codec ${this.#name} returned ${show(length)}, not the number of bytes that it wrote`,
    )
  }

  #threw(what: string, cause: unknown): Error {
    return refusal(typeError, `${what} of codec ${this.#name} threw ${thrownText(cause)}`, '', cause)
  }
}

function thrownText(cause: unknown): string {
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : show(cause)
}
