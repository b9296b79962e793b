// Byte strings of any length: the message is the bytes.

import { typeError } from '../errors.js'
import { byteLength, copyIn, copyOut, isBytes, isDetached } from './copy.js'
import { noRoom, refusal, unfit } from './failure.js'
import { type MessageCodec, sealed } from './message.js'

/** Throws unless the value is a Uint8Array that has a buffer. Returns its length in bytes. */
export function measureBytes(name: string, value: Uint8Array): number {
  if (!isBytes(value)) {
    throw unfit(name, 'Uint8Arrays', value)
  }
  const length = byteLength(value)
  if (length === 0 && isDetached(value)) {
    throw refusal(typeError, `${name} carries Uint8Arrays, not one whose buffer has been transferred`)
  }
  return length
}

/**
 * Uint8Arrays of any length, `Buffer`s too. The bytes are copied when they are sent, and arrive as a plain Uint8Array with an ArrayBuffer of its own.
 *
 * @example
 * const codec = tuple(u32, bytes)
 */
export const bytes: MessageCodec<Uint8Array> = sealed<MessageCodec<Uint8Array>>({
  name: 'bytes',
  shape: 'message',
  schema: 'bytes',
  size: undefined,
  measure: (value) => measureBytes('bytes', value),
  encode(value, memory, at, limit) {
    const length = measureBytes('bytes', value)
    if (length > limit - at) throw noRoom('bytes', length, limit - at)
    copyIn(memory.u8, at, value, length)
    return at + length
  },
  decode: (memory, at, end) => copyOut(memory.u8, at, end),
})
