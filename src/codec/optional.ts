// A value or undefined.

import { corrupt, noRoom, wrongLength } from './failure.js'
import { type AnyCodec, type AnyFixed, type FixedCodec, type MessageCodec, sealed } from './message.js'
import { checkSize, interned, isFixed, partOf } from './parts.js'

/**
 * A value of the codec, or `undefined`. Takes one byte more than the codec: it follows the value, so that this begins where memory is aligned.
 * In a struct the property may be left out.
 *
 * @throws TypeError unless the argument is a codec.
 * @example
 * const order = struct({ price: f64, limit: optional(f64) }) // { price: number; limit?: number }
 */
export function optional<T>(codec: AnyFixed<T>): FixedCodec<T | undefined>
export function optional<T>(codec: AnyCodec<T>): MessageCodec<T | undefined>
export function optional<T>(codec: AnyCodec<T>): MessageCodec<T | undefined> {
  const part = partOf(codec, 'optional') as MessageCodec<T>
  const name = `optional(${part.name})`
  const schema = Object.freeze(['optional', part.schema] as const)
  return interned(name, [part], () => (isFixed(part) ? fixed(name, schema, part) : variable(name, schema, part)))
}

type OptionalSchema = readonly ['optional', MessageCodec<unknown>['schema']]

function fixed<T>(name: string, schema: OptionalSchema, part: FixedCodec<T>): FixedCodec<T | undefined> {
  const inner = part.size
  const size = checkSize(name, inner + 1)
  return sealed<FixedCodec<T | undefined>>({
    name,
    shape: 'message',
    schema,
    size,
    measure: () => size,
    encode(value, memory, at, limit) {
      if (size > limit - at) throw noRoom(name, size, limit - at)
      if (value === undefined) memory.u8.fill(0, at, at + size)
      else {
        part.encode(value, memory, at, at + inner)
        memory.u8[at + inner] = 1
      }
      return at + size
    },
    decode(memory, at, end) {
      if (end - at !== size) throw wrongLength(name, size, end - at)
      return present(name, memory.u8[end - 1] as number) ? part.decode(memory, at, end - 1) : undefined
    },
  })
}

function variable<T>(name: string, schema: OptionalSchema, part: MessageCodec<T>): MessageCodec<T | undefined> {
  return sealed<MessageCodec<T | undefined>>({
    name,
    shape: 'message',
    schema,
    size: undefined,
    measure: (value) => (value === undefined ? 1 : part.measure(value) + 1),
    encode(value, memory, at, limit) {
      if (at >= limit) throw noRoom(name, 1, limit - at)
      const end = value === undefined ? at : part.encode(value, memory, at, limit - 1)
      memory.u8[end] = Number(value !== undefined)
      return end + 1
    },
    decode(memory, at, end) {
      if (at >= end) throw wrongLength(name, 1, 0)
      if (present(name, memory.u8[end - 1] as number)) return part.decode(memory, at, end - 1)
      if (end - at !== 1) throw wrongLength(name, 1, end - at)
      return undefined
    },
  })
}

function present(name: string, flag: number): boolean {
  if (flag > 1) throw corrupt(name, `its last byte is 0 or 1, not ${flag}`)
  return flag === 1
}
