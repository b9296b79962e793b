// Strings in a fixed number of bytes: tags, codes, short names in structs.

import { rangeError, show } from '../errors.js'
import { copyIn } from './copy.js'
import { noRoom, refusal, wrongLength } from './failure.js'
import { type FixedCodec, sealed } from './message.js'
import { count, interned } from './parts.js'
import { checkString, readUtf8, utf8, writeAscii } from './utf8.js'

/** Up to this many characters a loop is faster than the platform's coder. */
const SHORT = 64

/**
 * Strings of at most `bytes` bytes of UTF-8, padded with zeros. A longer one is a RangeError, and so is one that ends in U+0000, which could not be
 * told from the padding.
 *
 * @throws RangeError unless `bytes` is an integer from 1 to 2^30.
 * @example
 * const trade = struct({ symbol: fixedString(8), price: f64 })
 */
export function fixedString(bytes: number): FixedCodec<string> {
  const size = count(bytes, 'fixedString takes a number of bytes')
  const name = `fixedString(${size})`

  function encodeLong(value: string, u8: Uint8Array, at: number): void {
    // Every character takes a byte or more: what is too long by far is not encoded.
    const encoded = value.length <= size ? utf8(value) : undefined
    if (encoded === undefined || encoded.length > size) {
      const length = encoded === undefined ? `at least ${value.length}` : encoded.length
      throw refusal(rangeError, `${name} carries strings of at most ${size} bytes, not ${show(value)} with ${length}`)
    }
    copyIn(u8, at, encoded, encoded.length)
    u8.fill(0, at + encoded.length, at + size)
  }

  return interned(name, [], () =>
    sealed<FixedCodec<string>>({
      name,
      shape: 'message',
      schema: Object.freeze(['fixedString', size] as const),
      size,
      measure: () => size,
      encode(value, memory, at, limit) {
        checkString(name, value)
        if (size > limit - at) throw noRoom(name, size, limit - at)
        const { u8 } = memory
        const { length } = value
        if (length > 0 && value.charCodeAt(length - 1) === 0) {
          throw refusal(
            rangeError,
            `${name} pads with U+0000 and carries no string that ends in it, as ${show(value)} does`,
          )
        }
        let i = 0
        if (length <= SHORT && length <= size) i = writeAscii(value, memory, at)
        if (i < length || length > SHORT) encodeLong(value, u8, at)
        else if (size <= SHORT) while (i < size) u8[at + i++] = 0
        else u8.fill(0, at + length, at + size)
        return at + size
      },
      decode(memory, at, end) {
        if (end - at !== size) throw wrongLength(name, size, end - at)
        const { u8 } = memory
        let stop = end
        while (stop > at && u8[stop - 1] === 0) stop--
        return readUtf8(memory, at, stop, name)
      },
    }),
  )
}
