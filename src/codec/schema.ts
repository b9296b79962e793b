// From a schema, which handles carry from thread to thread, back to the codec. A schema may come from anywhere and say anything.

import { rangeError, show, typeError } from '../errors.js'
import { any } from './any.js'
import { array } from './array.js'
import { bytes } from './bytes.js'
import { defined } from './define-codec.js'
import { enumOf } from './enum-of.js'
import { fixedBytes } from './fixed-bytes.js'
import { fixedString } from './fixed-string.js'
import { handle } from './handle.js'
import { bool, f32, f64, i32, i64, u32, u64, unit } from './index.js'
import type { AnyCodec, AnyFixed, MessageCodec } from './message.js'
import { optional } from './optional.js'
import { i8, i16, u8, u16 } from './scalars.js'
import { string } from './string.js'
import { struct } from './struct.js'
import { tuple } from './tuple.js'

/** Codecs of one name, without parts. */
const plain = new Map<unknown, AnyCodec>(
  (
    [...[i32, u32, f32, f64, bool, unit, i64, u64], ...[u8, i8, u16, i16, bytes, string, handle()], any()] as AnyCodec[]
  ).map((codec) => [codec.name, codec]),
)

const MAX_DEPTH = 32
/** Codecs in one schema, and characters of names. */
const MAX_PARTS = 4096
const MAX_TEXT = 2 ** 20
/** The strings of the largest enumOf, and its name. */
const MAX_LENGTH = 65537

class Budget {
  #parts = MAX_PARTS
  #text = MAX_TEXT

  part(depth: number): void {
    if (depth > MAX_DEPTH) throw rangeError(`a schema has at most ${MAX_DEPTH} levels`)
    if (--this.#parts < 0) throw rangeError(`a schema has at most ${MAX_PARTS} parts`)
  }

  text(value: unknown): string {
    if (typeof value !== 'string') throw typeError(`a name in a schema is a string, not ${show(value)}`)
    this.#text -= value.length
    if (this.#text < 0) throw rangeError(`the names in a schema have at most ${MAX_TEXT} characters`)
    return value
  }
}

/** What makes each kind of codec from the rest of its schema. */
const makers = new Map<
  unknown,
  (rest: readonly unknown[], part: (schema: unknown) => AnyCodec, budget: Budget) => AnyCodec
>([
  ['fixedString', (rest) => fixedString(only<number>(rest, 'fixedString', 1)[0] as number)],
  ['fixedBytes', (rest) => fixedBytes(only<number>(rest, 'fixedBytes', 1)[0] as number)],
  ['optional', (rest, part) => optional(part(only(rest, 'optional', 1)[0]))],
  [
    'array',
    (rest, part) => {
      const [item, length] = only(rest, 'array', 2)
      return array(part(item), length as number)
    },
  ],
  ['tuple', (rest, part) => tuple(...(rest.map(part) as [AnyCodec])) as MessageCodec<unknown>],
  ['enumOf', (rest, _, budget) => enumOf(...(rest.map((value) => budget.text(value)) as [string]))],
  [
    'struct',
    (rest, part, budget) => {
      const fields = rest.map((field): [string, AnyFixed] => {
        if (!Array.isArray(field)) throw typeError(`a field in a schema is a pair, not ${show(field)}`)
        const [name, schema] = only(field, 'a field', 2)
        return [budget.text(name), part(schema) as AnyFixed]
      })
      const codec = struct(Object.fromEntries(fields))
      // A name that is there twice, or numbers in an order of their own, would make another layout.
      const made = (codec.schema as readonly [string, ...string[][]]).slice(1)
      if (made.length !== fields.length || made.some((field, i) => field[0] !== fields[i]?.[0])) {
        throw typeError('the fields of a struct in a schema are not in the order of an object')
      }
      return codec
    },
  ],
  ['user', userMade],
])

function only<T = unknown>(rest: readonly unknown[], what: string, length: number): readonly T[] {
  if (rest.length !== length) throw typeError(`${what} in a schema has ${length} parts, not ${rest.length}`)
  return rest as readonly T[]
}

function userMade(rest: readonly unknown[], _: unknown, budget: Budget): AnyCodec {
  const [given, size] = only(rest, 'a codec of yours', 2)
  const name = budget.text(given)
  const codec = defined.get(name)
  if (codec === undefined) {
    throw typeError(
      `this thread does not know the codec ${show(name)}: make it here too, by defineCodec, before the handle is opened, or pass it: ` +
        'open(handle, { codec })',
    )
  }
  if (size !== (codec.size ?? null)) {
    throw typeError(
      `the codec ${show(name)} is another one in the thread that sent the handle: its values have ${bytesOf(size)} there, ${bytesOf(codec.size)} here`,
    )
  }
  return codec
}

const bytesOf = (size: unknown): string => (typeof size === 'number' ? `${size} bytes` : 'any number of bytes')

/**
 * The codec that a schema describes. Codecs made by `defineCodec` are those that this thread has made by their names.
 *
 * @throws TypeError for what is no schema, or is beyond all measure, and for a codec of yours that this thread has not made.
 * @example
 * const same = codecFromSchema(JSON.parse(JSON.stringify(codec.schema)))
 */
export function codecFromSchema(schema: unknown): AnyCodec {
  try {
    return build(schema, 0, new Budget())
  } catch (error) {
    // Whatever is out of bounds in it: it is not a schema.
    if (error instanceof RangeError) throw typeError(`this is no schema of a codec: ${error.message}`)
    throw error
  }
}

function build(schema: unknown, depth: number, budget: Budget): AnyCodec {
  budget.part(depth)
  if (typeof schema === 'string') {
    const codec = plain.get(schema)
    if (codec === undefined) {
      throw typeError(`millrace has no codec ${show(schema)}: is the handle from another version of the package?`)
    }
    return codec
  }
  if (!Array.isArray(schema)) throw typeError(`a schema is a name or an array, not ${show(schema)}`)
  if (schema.length > MAX_LENGTH) throw typeError(`a schema has at most ${MAX_LENGTH} places, not ${schema.length}`)
  const make = makers.get(schema[0])
  if (make === undefined)
    throw typeError(`a schema begins with one of ${[...makers.keys()].join(', ')}, not ${show(schema[0])}`)
  return make(schema.slice(1), (part) => build(part, depth + 1, budget), budget)
}
