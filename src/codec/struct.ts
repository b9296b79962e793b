// Objects with a fixed layout: the fields one behind the other, in order, without gaps.

import { show, typeError } from '../errors.js'
import { brief, fieldStep, noRoom, quoted, refusal, unfit, within, wrongLength } from './failure.js'
import type { AnyFixed, FixedCodec, MessageCodec, ValueOf } from './message.js'
import { sealed } from './message.js'
import { checkSize, interned, isFixed, partOf } from './parts.js'
import { isScalar } from './scalars.js'
import { generate } from './struct-code.js'

/** What a struct is made of: a codec of fixed size for each property. */
export type StructFields = Readonly<Record<string, AnyFixed<unknown>>>

/** The objects of a struct: properties whose codec carries `undefined` may be left out. */
export type StructValue<F extends StructFields> = Flat<
  { [K in keyof F as undefined extends ValueOf<F[K]> ? never : K]: ValueOf<F[K]> } & {
    [K in keyof F as undefined extends ValueOf<F[K]> ? K : never]?: ValueOf<F[K]>
  }
>

/** One object type, as people would write it. */
type Flat<T> = T extends infer O ? { [K in keyof O]: O[K] } : never

/** A field as both ways to encode need it. */
export interface Field {
  readonly name: string
  readonly step: string
  readonly part: FixedCodec<unknown>
  readonly offset: number
}

/** What happens off the fast path. */
export interface StructErrors {
  /** Throws for a value that is no object. */
  notObject(value: unknown): never
  noRoom(room: number): never
  wrongLength(length: number): never
  /** Called when there are more or fewer properties than fields: throws if one is not a field. */
  properties(value: object): void
  /** Throws if the value is not one of the field's scalar codec. */
  check(i: number, field: unknown, value: object): void
  /** The error of a field, with the path to it. */
  at(i: number, error: unknown, value?: object): unknown
}

/**
 * Plain objects with exactly the given properties, each of a codec of fixed size: scalars, `fixedString`, `fixedBytes`, `enumOf`, other structs, and
 * `optional`, `array` and `tuple` of them. Sending one allocates nothing. The fields lie in the order in which they are given, packed.
 *
 * @throws TypeError for a field whose codec has no fixed size.
 * @example
 * const trade = struct({ id: u32, price: f64, side: enumOf('buy', 'sell'), symbol: fixedString(8) })
 * const trades = channel(trade, { capacity: 1024 })
 * await trades.send({ id: 1, price: 99.5, side: 'buy', symbol: 'ACME' })
 */
export function struct<F extends StructFields>(fields: F): FixedCodec<StructValue<F>> {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw typeError(`struct takes an object with a codec for each property, not ${show(fields)}`)
  }
  const list: Field[] = []
  let size = 0
  for (const [name, codec] of Object.entries(fields)) {
    if (name === '__proto__') throw typeError('struct cannot have a field __proto__: objects have a prototype there')
    const part = partOf(codec, `struct field ${quoted(name)}`)
    if (!isFixed(part)) throw notFixed(name, part)
    list.push({ name, step: fieldStep(name), part, offset: size })
    size += part.size
  }
  if (list.length === 0) throw typeError('struct takes at least one field')
  const name = `struct{${list.map((field) => `${quoted(field.name)}:${field.part.name}`).join(',')}}`
  checkSize(name, size)
  const parts = list.map((field) => field.part)
  return interned(name, parts, () => make(name, list, size)) as FixedCodec<StructValue<F>>
}

function notFixed(name: string, part: MessageCodec<unknown>): TypeError {
  const instead =
    part.name === 'string' ? 'fixedString(n)' : part.name === 'bytes' ? 'fixedBytes(n)' : 'a codec of fixed size'
  return typeError(
    `struct field ${quoted(name)}: ${brief(part.name)} has no fixed size; use ${instead} there, or any() or a tuple for the whole value`,
  )
}

function make(name: string, fields: readonly Field[], size: number): FixedCodec<object> {
  const errors = errorsOf(name, fields, size)
  const { encode, decode } = generate(fields, size, errors) ?? interpret(fields, size, errors)
  return sealed<FixedCodec<object>>({
    name,
    shape: 'message',
    schema: Object.freeze([
      'struct',
      ...fields.map((field) => Object.freeze([field.name, field.part.schema])),
    ] as const),
    size,
    measure: () => size,
    encode,
    decode,
  })
}

function errorsOf(name: string, fields: readonly Field[], size: number): StructErrors {
  const names = new Set(fields.map((field) => field.name))
  const properties = (value: object): void => {
    for (const key of Object.keys(value)) {
      if (!names.has(key)) throw refusal(typeError, `${brief(name)} has no such field`, fieldStep(key))
    }
  }
  const at = (i: number, error: unknown, value?: object): unknown => {
    const field = fields[i] as Field
    if (value !== undefined && !(field.name in value)) {
      // A name that is spelt wrong says more than the one that is missing.
      properties(value)
      return refusal(typeError, `${brief(name)} needs it, and it is missing`, field.step)
    }
    return within(error, field.step)
  }
  return {
    notObject(value) {
      throw unfit(name, 'objects', value)
    },
    noRoom(room) {
      throw noRoom(name, size, room)
    },
    wrongLength(length) {
      throw wrongLength(name, size, length)
    },
    properties,
    check(i, field, value) {
      const { part } = fields[i] as Field
      try {
        if (isScalar(part)) part.check(field)
      } catch (error) {
        throw at(i, error, value)
      }
    },
    at,
  }
}

/** For places where no code may be generated (a Content-Security-Policy without `unsafe-eval`): several times slower. */
export function interpret(
  fields: readonly Field[],
  size: number,
  errors: StructErrors,
): Pick<FixedCodec<object>, 'encode' | 'decode'> {
  return {
    encode(value, memory, at, limit) {
      if (typeof value !== 'object' || value === null) errors.notObject(value)
      if (limit - at < size) errors.noRoom(limit - at)
      const values = fields.map((field) => (value as Record<string, unknown>)[field.name])
      errors.properties(value)
      fields.forEach(({ part, offset }, i) => {
        try {
          part.encode(values[i], memory, at + offset, at + offset + part.size)
        } catch (error) {
          throw errors.at(i, error, value)
        }
      })
      return at + size
    },
    decode(memory, at, end) {
      if (end - at !== size) errors.wrongLength(end - at)
      const value: Record<string, unknown> = {}
      fields.forEach(({ name, part, offset }, i) => {
        try {
          value[name] = part.decode(memory, at + offset, at + offset + part.size)
        } catch (error) {
          throw errors.at(i, error)
        }
      })
      return value
    },
  }
}
