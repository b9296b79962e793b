// Byte strings of one length: hashes, keys, identifiers.

import { rangeError } from '../errors.js'
import { measureBytes } from './bytes.js'
import { copyIn, copyOut } from './copy.js'
import { noRoom, refusal, wrongLength } from './failure.js'
import { type FixedCodec, sealed } from './message.js'
import { count, interned } from './parts.js'

/**
 * Uint8Arrays of exactly `length` bytes.
 *
 * @throws RangeError unless the length is an integer from 1 to 2^30.
 * @example
 * const signed = struct({ key: fixedBytes(32), amount: u64 })
 */
export function fixedBytes(length: number): FixedCodec<Uint8Array> {
  const size = count(length, 'fixedBytes takes a number of bytes')
  const name = `fixedBytes(${size})`
  const measure = (value: Uint8Array): void => {
    const actual = measureBytes(name, value)
    if (actual !== size) {
      throw refusal(rangeError, `${name} carries Uint8Arrays of ${size} bytes, not of ${actual}`)
    }
  }
  return interned(name, [], () =>
    sealed<FixedCodec<Uint8Array>>({
      name,
      shape: 'message',
      schema: Object.freeze(['fixedBytes', size] as const),
      size,
      measure: () => size,
      encode(value, memory, at, limit) {
        measure(value)
        if (size > limit - at) throw noRoom(name, size, limit - at)
        copyIn(memory.u8, at, value, size)
        return at + size
      },
      decode(memory, at, end) {
        if (end - at !== size) throw wrongLength(name, size, end - at)
        return copyOut(memory.u8, at, end)
      },
    }),
  )
}
