// Strings of any length: the message is their UTF-8.

import { noRoom } from './failure.js'
import { type MessageCodec, sealed } from './message.js'
import { checkString, readUtf8, utf8Bound, writeUtf8 } from './utf8.js'

/**
 * Strings of any length, as UTF-8. Every string arrives as it was: a lone surrogate takes the three bytes of its number (WTF-8).
 *
 * @example
 * const codec = tuple(u32, string)
 */
export const string: MessageCodec<string> = sealed<MessageCodec<string>>({
  name: 'string',
  shape: 'message',
  schema: 'string',
  size: undefined,
  measure(value) {
    checkString('string', value)
    return utf8Bound(value)
  },
  encode(value, memory, at, limit) {
    checkString('string', value)
    const end = writeUtf8(value, memory, at, limit)
    if (end < 0) throw noRoom('string', utf8Bound(value), limit - at)
    return end
  },
  decode: (memory, at, end) => readUtf8(memory, at, end, 'string'),
})
