// UTF-8 into and out of shared memory. A surrogate that is not one of a pair, which UTF-8 has no bytes for, takes the three bytes that its number
// would have (WTF-8), so that every string arrives as it was. Short strings go by a loop; long ones by TextEncoder and TextDecoder, which refuse
// shared memory, through private buffers.

import { rangeError } from '../errors.js'
import { copyOut } from './copy.js'
import { corrupt, refusal, unfit } from './failure.js'

/** Up to this many characters the loop is faster than the platform's encoder. */
const SHORT = 32
/** Up to this many bytes the loop is faster than the platform's decoder. */
const SHORT_BYTES = 24
/** Up to this many bytes a fresh copy is faster than the one in a buffer that stays. */
const SMALL = 64
/** Strings up to this length are coded in buffers that stay, and grow with them. */
const STAGED = 2 ** 18

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
let outbox = new Uint8Array(4096)
let inbox = new Uint8Array(4096)

function grown(buffer: Uint8Array<ArrayBuffer>, bytes: number): Uint8Array<ArrayBuffer> {
  return bytes <= buffer.length ? buffer : new Uint8Array(2 ** Math.ceil(Math.log2(bytes)))
}

/** Arrays of each short length, for `apply`. */
const units = Array.from({ length: SHORT_BYTES + 1 }, (_, n) => new Array<number>(n).fill(0))
const fromUnits = String.fromCharCode

const LONE = /\p{Surrogate}/u
const wellFormed: (value: string) => boolean =
  'isWellFormed' in String.prototype
    ? (value) => (value as string & { isWellFormed(): boolean }).isWellFormed()
    : (value) => !LONE.test(value)

/** The string that `utf8` was last asked for, and its bytes: who measures a string sends it next. */
let last: string | undefined
let lastBytes: Uint8Array = outbox

/** The bytes of a string, in private memory; good until the next call. */
export function utf8(value: string): Uint8Array {
  if (value === last) return lastBytes
  last = undefined
  if (!wellFormed(value)) lastBytes = wtf8(value)
  else if (value.length > STAGED) lastBytes = encoder.encode(value)
  else {
    outbox = grown(outbox, 3 * value.length)
    lastBytes = outbox.subarray(0, encoder.encodeInto(value, outbox).written)
  }
  last = value
  return lastBytes
}

/** Lets go of a large string once it has been sent. */
export function forget(): void {
  if (last === undefined || last.length <= STAGED) return
  last = undefined
  lastBytes = outbox
}

/** How many bytes the string will take at most: exact, unless it is so short that this does not matter. */
export function utf8Bound(value: string): number {
  return value.length <= SHORT ? 3 * value.length : utf8(value).length
}

/** Writes the string's bytes; returns where they end, or -1 if they do not fit. */
export function writeUtf8(value: string, u8: Uint8Array, at: number, limit: number): number {
  const { length } = value
  if (length <= SHORT && limit - at >= 3 * length) {
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i)
      if (unit > 127) return writeWtf8(value, i, u8, at + i)
      u8[at + i] = unit
    }
    return at + length
  }
  const bytes = utf8(value)
  if (bytes.length > limit - at) return -1
  u8.set(bytes, at)
  forget()
  return at + bytes.length
}

/** Up to eight ASCII characters, by one call with so many arguments: faster than any loop. Undefined if they are not ASCII. */
function ascii8(u8: Uint8Array, at: number, length: number): string | undefined {
  const a = u8[at] as number
  if (length === 1) return a > 127 ? undefined : fromUnits(a)
  const b = u8[at + 1] as number
  if (length === 2) return (a | b) > 127 ? undefined : fromUnits(a, b)
  const c = u8[at + 2] as number
  if (length === 3) return (a | b | c) > 127 ? undefined : fromUnits(a, b, c)
  const d = u8[at + 3] as number
  const abcd = a | b | c | d
  if (length === 4) return abcd > 127 ? undefined : fromUnits(a, b, c, d)
  const e = u8[at + 4] as number
  if (length === 5) return (abcd | e) > 127 ? undefined : fromUnits(a, b, c, d, e)
  const f = u8[at + 5] as number
  if (length === 6) return (abcd | e | f) > 127 ? undefined : fromUnits(a, b, c, d, e, f)
  const g = u8[at + 6] as number
  if (length === 7) return (abcd | e | f | g) > 127 ? undefined : fromUnits(a, b, c, d, e, f, g)
  const h = u8[at + 7] as number
  return (abcd | e | f | g | h) > 127 ? undefined : fromUnits(a, b, c, d, e, f, g, h)
}

/** The string that the bytes are. `name` is the codec's, for the error if they are none. */
export function readUtf8(u8: Uint8Array, at: number, end: number, name: string): string {
  const length = end - at
  if (length === 0) return ''
  if (length <= 8) {
    const ascii = ascii8(u8, at, length)
    if (ascii !== undefined) return ascii
  } else if (length <= SHORT_BYTES) {
    const short = units[length] as number[]
    let i = 0
    for (; i < length; i++) {
      const byte = u8[at + i] as number
      if (byte > 127) break
      short[i] = byte
    }
    if (i === length) return fromUnits.apply(null, short)
  }
  let bytes: Uint8Array
  if (length <= SMALL || length > 4 * STAGED) bytes = copyOut(u8, at, end)
  else {
    inbox = grown(inbox, length)
    inbox.set(u8.subarray(at, end))
    bytes = inbox.subarray(0, length)
  }
  try {
    return decoder.decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) return readWtf8(bytes, 0, length, name)
    throw refusal(rangeError, `${name}: a string of ${length} bytes is more than this platform's strings hold`)
  }
}

function wtf8(value: string): Uint8Array {
  const { length } = value
  let bytes = length
  for (let i = 0; i < length; i++) {
    const unit = value.charCodeAt(i)
    // A bound: the halves of a pair take two bytes each, a lone one three.
    if (unit > 127) bytes += unit < 0x800 ? 1 : 2
  }
  const whole = new Uint8Array(bytes)
  return whole.subarray(0, writeWtf8(value, 0, whole, 0))
}

/** Writes the string from its i-th unit on. There is room for three bytes a unit. */
function writeWtf8(value: string, i: number, u8: Uint8Array, at: number): number {
  const { length } = value
  while (i < length) {
    let point = value.charCodeAt(i++)
    if (point < 0x80) {
      u8[at++] = point
      continue
    }
    if (point < 0x800) u8[at++] = 0xc0 | (point >> 6)
    else {
      const next = (point & 0xfc00) === 0xd800 && i < length ? value.charCodeAt(i) : 0
      if ((next & 0xfc00) === 0xdc00) {
        i++
        point = 0x10000 + ((point & 0x3ff) << 10) + (next & 0x3ff)
        u8[at++] = 0xf0 | (point >> 18)
        u8[at++] = 0x80 | ((point >> 12) & 63)
      } else u8[at++] = 0xe0 | (point >> 12)
      u8[at++] = 0x80 | ((point >> 6) & 63)
    }
    u8[at++] = 0x80 | (point & 63)
  }
  return at
}

/** Each byte is read once: whatever happens to the memory meanwhile, the result is a string or an error. */
function readWtf8(u8: Uint8Array, at: number, end: number, name: string): string {
  let text = ''
  let pending: number[] = []
  let previous = 0
  while (at < end) {
    const lead = u8[at++] as number
    let point = lead
    if (lead > 127) {
      const more = lead < 0xc2 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : 0
      if (more === 0 || end - at < more) throw notUtf8(name)
      point = lead & (63 >> more)
      for (let left = more; left > 0; left--) {
        const byte = u8[at++] as number
        if ((byte & 0xc0) !== 0x80) throw notUtf8(name)
        point = (point << 6) | (byte & 63)
      }
      if (point > 0x10ffff || point < (more === 1 ? 0x80 : more === 2 ? 0x800 : 0x10000)) throw notUtf8(name)
    }
    if (point > 0xffff) {
      pending.push(0xd800 + ((point - 0x10000) >> 10))
      point = 0xdc00 | (point & 0x3ff)
    } else if ((point & 0xfc00) === 0xdc00 && (previous & 0xfc00) === 0xd800) {
      // Two halves of a pair, each in bytes of its own: no string is written like that.
      throw notUtf8(name)
    }
    pending.push(point)
    previous = point
    if (pending.length >= 4096) {
      text += fromUnits.apply(null, pending)
      pending = []
    }
  }
  return text + fromUnits.apply(null, pending)
}

function notUtf8(name: string): Error {
  return corrupt(name, 'it is not UTF-8')
}

/** Throws unless the value is a string. */
export function checkString(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw unfit(name, 'strings', value)
}
