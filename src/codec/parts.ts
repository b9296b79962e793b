// What codecs that are made of other codecs have in common.

import { rangeError, show, typeError } from '../errors.js'
import { brief } from './failure.js'
import { unit } from './index.js'
import { type AnyCodec, CODECS, type FixedCodec, isMessageCodec, MAX_BYTES, type MessageCodec } from './message.js'
import { scalarPart } from './scalars.js'

/** The codec as a part of messages. `user` names who takes it: `array`, `struct field price`. */
export function partOf(codec: unknown, user: string): MessageCodec<unknown> {
  if (isMessageCodec(codec)) return codec
  const scalar = scalarPart(codec)
  if (scalar !== undefined) return scalar as MessageCodec<unknown>
  if (codec === unit) throw typeError(`${user} cannot be unit: it has no bytes; leave it out`)
  throw typeError(`${user} takes ${CODECS}, not ${show(codec)}`)
}

export function isFixed<T>(part: MessageCodec<T>): part is FixedCodec<T> {
  return part.size !== undefined
}

/** Throws unless it is an integer from 1 to 2^30. */
export function count(n: number, what: string): number {
  if (typeof n !== 'number') throw typeError(`${what}, not ${show(n)}`)
  if (!Number.isInteger(n) || n < 1 || n > MAX_BYTES) {
    throw rangeError(`${what}: an integer from 1 to ${MAX_BYTES}, not ${show(n)}`)
  }
  return n
}

/** Throws if values of the codec would take more bytes than any arena has. */
export function checkSize(name: string, size: number): number {
  if (size <= MAX_BYTES) return size
  throw rangeError(`${brief(name)} would take ${size} bytes; a message has at most ${MAX_BYTES}`)
}

/** Where a part of variable length begins, relative to the message: copies are fast where both sides are aligned. */
export function aligned(offset: number): number {
  return (offset + 7) & ~7
}

/** What is in the codec's place in the schema of another one. */
export const schemaOf = (codec: AnyCodec): unknown => ('schema' in codec ? codec.schema : codec.name)

interface Entry {
  codec: WeakRef<MessageCodec<unknown>>
  parts: readonly unknown[]
}

const known = new Map<string, Entry>()
const forgotten = new FinalizationRegistry((name: string) => {
  if (known.get(name)?.codec.deref() === undefined) known.delete(name)
})

/** The codec of that name with those very parts if there is one already, else a new one: handles bring the same schema again and again. */
export function interned<C extends MessageCodec<unknown>>(name: string, parts: readonly unknown[], make: () => C): C {
  const entry = known.get(name)
  if (entry?.parts.every((part, i) => part === parts[i])) {
    const codec = entry.codec.deref()
    if (codec !== undefined) return codec as C
  }
  const codec = make()
  known.set(name, { codec: new WeakRef<MessageCodec<unknown>>(codec), parts })
  forgotten.register(codec, name)
  return codec
}
