// Codecs for values that travel as a message: bytes in a block of the arena.

import type { Arena } from '../arena.js'
import { show, typeError } from '../errors.js'
import type { Codec } from './index.js'

/** What messages are written to and read from: the arena's memory, or a private buffer. Numbers lie there little-endian. */
export interface Memory {
  readonly u8: Uint8Array
  readonly view: DataView
  /** The arena that the message travels through: `handle()` opens in it what arrives. */
  readonly arena?: Arena
}

/** How another thread makes the same codec: a name, or a name with what it is made of. Survives JSON. */
export type Schema = string | readonly [string, ...unknown[]]

/** Describes values of type T that travel as messages. Made by this package only; programs make their own with `defineCodec`. */
export interface MessageCodec<T> {
  /** What two ends of a channel must agree on: equal names mean equal bytes. */
  readonly name: string
  readonly shape: 'message'
  readonly schema: Schema
  /** Bytes of every value; undefined where they differ. */
  readonly size: number | undefined
  /**
   * How many bytes `encode` will write at most: `size` where there is one, without a look at the value. Otherwise it throws a TypeError or
   * RangeError that names codec, value and the path to it (`$.items[3].fn`) if the codec cannot carry the value.
   */
  measure(value: T): number
  /**
   * Writes the value from `at` on and returns where it ends. Never writes at or beyond `limit`, whatever the value does meanwhile: RangeError.
   * Throws as `measure` if the codec cannot carry the value; some bytes below `limit` may have been written then.
   */
  encode(value: T, memory: Memory, at: number, limit: number): number
  /** The value between `at` and `end`. Reads nothing outside them, whatever the bytes: TypeError. The value shares nothing with the memory. */
  decode(memory: Memory, at: number, end: number): T
}

/** A message codec whose values all take the same number of bytes: what structs are made of. */
export interface FixedCodec<T> extends MessageCodec<T> {
  readonly size: number
}

/** Every codec: a scalar such as `f64`, or one of messages. */
export type AnyCodec<T = unknown> = Codec<T> | MessageCodec<T>

/** A codec whose values all take the same number of bytes. */
export type AnyFixed<T = unknown> = Codec<T> | FixedCodec<T>

/**
 * The type of a codec's values.
 *
 * @example
 * const trade = struct({ id: u32, price: f64 })
 * type Trade = ValueOf<typeof trade> // { id: number; price: number }
 */
export type ValueOf<C> = C extends MessageCodec<infer T> ? T : C extends Codec<infer T> ? T : never

/** More bytes than any arena has. */
export const MAX_BYTES = 2 ** 30

const made = new WeakSet<object>()

/** @internal Every message codec ends here: frozen, and known as one that keeps the rules above. */
export function sealed<C extends MessageCodec<unknown>>(codec: C): C {
  made.add(codec)
  return Object.freeze(codec)
}

/** @internal */
export function isMessageCodec(codec: unknown): codec is MessageCodec<unknown> {
  return typeof codec === 'object' && codec !== null && made.has(codec)
}

/** @internal Throws a TypeError if the argument is no message codec of this package. */
export function requireMessageCodec(codec: unknown, user: string): void {
  if (!isMessageCodec(codec)) throw typeError(`${user} takes ${CODECS}, not ${show(codec)}`)
}

/** @internal */
export const CODECS = 'a codec (u32, f64, string, … or what struct, tuple, array, defineCodec and their like have made)'
