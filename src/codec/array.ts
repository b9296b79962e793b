// Arrays of one length.

import { rangeError } from '../errors.js'
import { brief, noRoom, refusal, unfit, within, wrongLength } from './failure.js'
import type { AnyCodec, AnyFixed, FixedCodec, MessageCodec } from './message.js'
import { sealed } from './message.js'
import { checkSize, count, interned, isFixed, partOf } from './parts.js'
import { decodeParts, encodeParts, measureParts, type Sequence } from './sequence.js'

/**
 * Arrays of exactly `length` values of one codec. Of a codec of fixed size, the values lie one behind the other; else their lengths come first, 4
 * bytes each, then the values, each where memory is aligned to 8 bytes.
 *
 * @throws TypeError unless the first argument is a codec; RangeError unless the length is an integer from 1 to 2^30.
 * @example
 * const matrix = array(array(f64, 4), 4)
 */
export function array<T>(codec: AnyFixed<T>, length: number): FixedCodec<T[]>
export function array<T>(codec: AnyCodec<T>, length: number): MessageCodec<T[]>
export function array<T>(codec: AnyCodec<T>, length: number): MessageCodec<T[]> {
  const part = partOf(codec, 'array') as MessageCodec<T>
  const n = count(length, 'array takes a length')
  const name = `array(${part.name},${n})`
  checkSize(name, n * (part.size ?? 4))
  const schema = Object.freeze(['array', part.schema, n] as const)
  return interned(name, [part], () => (isFixed(part) ? fixed(name, schema, part, n) : variable(name, schema, part, n)))
}

type ArraySchema = readonly ['array', MessageCodec<unknown>['schema'], number]

function check(name: string, value: readonly unknown[], n: number): void {
  if (!Array.isArray(value)) throw unfit(name, 'arrays', value)
  if (value.length !== n)
    throw refusal(rangeError, `${brief(name)} carries arrays of ${n} values, not of ${value.length}`)
}

function fixed<T>(name: string, schema: ArraySchema, part: FixedCodec<T>, n: number): FixedCodec<T[]> {
  const step = part.size
  const size = n * step
  return sealed<FixedCodec<T[]>>({
    name,
    shape: 'message',
    schema,
    size,
    measure: () => size,
    encode(value, memory, at, limit) {
      check(name, value, n)
      if (size > limit - at) throw noRoom(name, size, limit - at)
      let i = 0
      try {
        for (; i < n; i++) part.encode(value[i] as T, memory, at + i * step, at + (i + 1) * step)
      } catch (error) {
        throw within(error, `[${i}]`)
      }
      return at + size
    },
    decode(memory, at, end) {
      if (end - at !== size) throw wrongLength(name, size, end - at)
      const value: T[] = []
      try {
        for (let i = 0; i < n; i++) value.push(part.decode(memory, at + i * step, at + (i + 1) * step))
      } catch (error) {
        throw within(error, `[${value.length}]`)
      }
      return value
    },
  })
}

function variable<T>(name: string, schema: ArraySchema, part: MessageCodec<T>, n: number): MessageCodec<T[]> {
  const layout: Sequence = { name, head: 4 * n, length: n, part: () => part as MessageCodec<unknown> }
  return sealed<MessageCodec<T[]>>({
    name,
    shape: 'message',
    schema,
    size: undefined,
    measure(value) {
      check(name, value, n)
      return measureParts(layout, value)
    },
    encode(value, memory, at, limit) {
      check(name, value, n)
      return encodeParts(layout, value, memory, at, limit)
    },
    decode: (memory, at, end) => decodeParts(layout, memory, at, end) as T[],
  })
}
