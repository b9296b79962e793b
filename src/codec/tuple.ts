// Arrays whose places have codecs of their own.

import { rangeError, show, typeError } from '../errors.js'
import { brief, refusal, unfit, wrongLength } from './failure.js'
import type { AnyCodec, AnyFixed, FixedCodec, MessageCodec, Schema, ValueOf } from './message.js'
import { sealed } from './message.js'
import { checkSize, interned, isFixed, partOf } from './parts.js'
import { decodeParts, encodeParts, measureParts, type Sequence } from './sequence.js'

type Values<P extends readonly AnyCodec[]> = { -readonly [I in keyof P]: ValueOf<P[I]> }

/** Of fixed size if all parts are. */
export type Tuple<P extends readonly AnyCodec[]> = P extends readonly AnyFixed[]
  ? FixedCodec<Values<P>>
  : MessageCodec<Values<P>>

/**
 * Arrays with one value for each codec: what the fields of a struct are without names, and codecs without a fixed size are welcome.
 *
 * @throws TypeError unless every argument is a codec.
 * @example
 * const entry = tuple(u64, string, bytes) // MessageCodec<[bigint, string, Uint8Array]>
 */
export function tuple<const P extends readonly [AnyCodec, ...AnyCodec[]]>(...parts: P): Tuple<P> {
  if (parts.length === 0) throw typeError(`tuple takes at least one codec, not ${show(undefined)}`)
  const list = parts.map((part, i) => partOf(part, `place ${i} of tuple`))
  const name = `tuple(${list.map((part) => part.name).join(',')})`
  const head = checkSize(
    name,
    list.reduce((sum, part) => sum + (part.size ?? 4), 0),
  )
  return interned(name, list, () => make(name, list, head)) as unknown as Tuple<P>
}

function make(name: string, list: readonly MessageCodec<unknown>[], head: number): MessageCodec<unknown[]> {
  const { length } = list
  const sequence: Sequence = { name, head, length, part: (i) => list[i] as MessageCodec<unknown> }
  const size = list.every(isFixed) ? head : undefined
  const check = (value: readonly unknown[]): void => {
    if (!Array.isArray(value)) throw unfit(name, 'arrays', value)
    if (value.length !== length) {
      throw refusal(rangeError, `${brief(name)} carries arrays of ${length} values, not of ${value.length}`)
    }
  }
  return sealed<MessageCodec<unknown[]>>({
    name,
    shape: 'message',
    schema: Object.freeze(['tuple', ...list.map((part): Schema => part.schema)] as const),
    size,
    measure(value) {
      if (size !== undefined) return size
      check(value)
      return measureParts(sequence, value)
    },
    encode(value, memory, at, limit) {
      check(value)
      return encodeParts(sequence, value, memory, at, limit)
    },
    decode(memory, at, end) {
      if (size !== undefined && end - at !== size) throw wrongLength(name, size, end - at)
      return decodeParts(sequence, memory, at, end)
    },
  })
}
