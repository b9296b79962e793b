// UTF-8 into and out of shared memory. A surrogate that is not one of a pair, which UTF-8 has no bytes for, takes the three bytes that its number
// would have (WTF-8), so that every string arrives as it was. Short strings go by a loop; others by TextEncoder, and by the platform's way to read
// text or TextDecoder. Those refuse shared memory, or read it twice, so they get private buffers.

import { rangeError } from '../errors.js'
import { platform } from '../platform/index.js'
import { copyIn, copyOut, copyTo } from './copy.js'
import { corrupt, refusal, unfit } from './failure.js'
import type { Memory } from './message.js'

/** Up to this many characters the loop is faster than the platform's encoder. */
const SHORT = 32
/** Up to this many bytes a loop over words is faster than a copy by the engine. */
const WORDS = 64
const { native } = platform
/** Up to this many bytes the loop is faster than the platform's decoder. */
const SHORT_BYTES = native === undefined ? 24 : 12
/** Up to this many bytes a look at each word, for ASCII, costs less than a private copy. */
const SCANNED = 128
/** Up to this many bytes a fresh copy is faster than the one in a buffer that stays. */
const SMALL = 64
/** Strings up to this length are coded in buffers that stay, and grow with them. */
const STAGED = 2 ** 18

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
let outbox = new Uint8Array(4096)
let outView = new DataView(outbox.buffer)
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

/** The string that was encoded last, and where its bytes lie: who measures a string sends it next. */
let last: string | undefined
let lastBytes: Uint8Array = outbox
let lastLength = 0

/** Encodes a string to private memory: how many bytes it has there, from the beginning of `lastBytes` on. */
function encoded(value: string): number {
  if (value === last) return lastLength
  last = undefined
  const { length } = value
  if (length > STAGED) {
    lastBytes = wellFormed(value) ? encoder.encode(value) : wtf8(value)
    lastLength = lastBytes.length
  } else {
    if (3 * length > outbox.length) {
      outbox = grown(outbox, 3 * length)
      outView = new DataView(outbox.buffer)
    }
    lastBytes = outbox
    lastLength = encoder.encodeInto(value, outbox).written
    // As many bytes as characters: it is ASCII, and not to be looked at again.
    if (lastLength !== length && !wellFormed(value)) {
      lastBytes = wtf8(value)
      lastLength = lastBytes.length
    }
  }
  last = value
  return lastLength
}

/** The bytes of a string, in private memory; good until the next call. */
export function utf8(value: string): Uint8Array {
  const length = encoded(value)
  return lastBytes.subarray(0, length)
}

/** Lets go of a large string once it has been sent. */
function forget(): void {
  if (last === undefined || last.length <= STAGED) return
  last = undefined
  lastBytes = outbox
}

/** How many bytes the string will take at most: exact, unless it is so short that this does not matter. */
export function utf8Bound(value: string): number {
  return value.length <= SHORT ? 3 * value.length : encoded(value)
}

/** Writes the string's characters up to the first that is not ASCII, if not a few less: how many. There is room for all. */
export function writeAscii(value: string, { u8, view }: Memory, at: number): number {
  const { length } = value
  let i = 0
  for (; i < length - 3; i += 4) {
    const a = value.charCodeAt(i)
    const b = value.charCodeAt(i + 1)
    const c = value.charCodeAt(i + 2)
    const d = value.charCodeAt(i + 3)
    if ((a | b | c | d) > 127) return i
    view.setInt32(at + i, a | (b << 8) | (c << 16) | (d << 24), true)
  }
  for (; i < length; i++) {
    const unit = value.charCodeAt(i)
    if (unit > 127) break
    u8[at + i] = unit
  }
  return i
}

/** Writes the string's bytes; returns where they end, or -1 if they do not fit. */
export function writeUtf8(value: string, memory: Memory, at: number, limit: number): number {
  const { u8 } = memory
  const { length } = value
  if (length <= SHORT && limit - at >= 3 * length) {
    const ascii = writeAscii(value, memory, at)
    return ascii === length ? at + length : writeWtf8(value, ascii, u8, at + ascii)
  }
  const bytes = encoded(value)
  if (bytes > limit - at) return -1
  if (bytes <= WORDS && lastBytes === outbox) {
    const { view } = memory
    let k = 0
    for (; k < bytes - 3; k += 4) view.setInt32(at + k, outView.getInt32(k, true), true)
    for (; k < bytes; k++) u8[at + k] = outbox[k] as number
    return at + bytes
  }
  copyIn(u8, at, lastBytes.subarray(0, bytes), bytes)
  forget()
  return at + bytes
}

/** Short strings that came last, by a hash of their bytes: tags and names come again and again, and to make one takes longer than to find it. */
const known = new Array<string>(256).fill('')
const knownHeads = new Int32Array(known.length)
const knownTails = new Int32Array(known.length)
const HASH_SHIFT = 24

/** Up to eight ASCII characters. Undefined if they are not ASCII. Each byte counts as it was read first: what is remembered must be true. */
function ascii8({ u8, view }: Memory, at: number, length: number): string | undefined {
  if (length < 4) {
    const a = u8[at] as number
    if (length === 1) return a > 127 ? undefined : fromUnits(a)
    const b = u8[at + 1] as number
    if (length === 2) return (a | b) > 127 ? undefined : fromUnits(a, b)
    const c = u8[at + 2] as number
    return (a | b | c) > 127 ? undefined : fromUnits(a, b, c)
  }
  const head = view.getInt32(at, true)
  const tail = view.getInt32(at + length - 4, true)
  const index = Math.imul(head ^ Math.imul(tail, 0x9e3779b1), 0x85ebca6b) >>> HASH_SHIFT
  const found = known[index] as string
  if (knownHeads[index] === head && knownTails[index] === tail && found.length === length) return found
  if (((head | tail) & 0x80808080) !== 0) return undefined
  const made = text8(head, tail, length)
  knownHeads[index] = head
  knownTails[index] = tail
  known[index] = made
  return made
}

/** The text of the first four and the last four of up to eight characters, by one call with so many arguments: faster than any loop. */
function text8(head: number, tail: number, length: number): string {
  const a = head & 127
  const b = (head >> 8) & 127
  const c = (head >> 16) & 127
  const d = (head >> 24) & 127
  if (length === 4) return fromUnits(a, b, c, d)
  const h = (tail >> 24) & 127
  if (length === 5) return fromUnits(a, b, c, d, h)
  const g = (tail >> 16) & 127
  if (length === 6) return fromUnits(a, b, c, d, g, h)
  const f = (tail >> 8) & 127
  if (length === 7) return fromUnits(a, b, c, d, f, g, h)
  return fromUnits(a, b, c, d, tail & 127, f, g, h)
}

/** Whether the bytes, of which there are at least four, are all ASCII. */
function isAscii({ view }: Memory, at: number, end: number): boolean {
  let all = view.getInt32(end - 4, true)
  for (let k = at; k < end - 4; k += 4) all |= view.getInt32(k, true)
  return (all & 0x80808080) === 0
}

/** The string that the bytes are. `name` is the codec's, for the error if they are none. */
export function readUtf8(memory: Memory, at: number, end: number, name: string): string {
  const { u8 } = memory
  const length = end - at
  if (length === 0) return ''
  if (length <= 8) {
    const ascii = ascii8(memory, at, length)
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
  } else if (native !== undefined && length <= SCANNED && isAscii(memory, at, end)) return native.ascii(u8, at, end)
  let bytes: Uint8Array
  if ((length <= SMALL && native === undefined) || length > 4 * STAGED) bytes = copyOut(u8, at, end)
  else {
    inbox = grown(inbox, length)
    copyTo(inbox, u8, at, end)
    if (native !== undefined) {
      const text = native.utf8(inbox, 0, length)
      // Else it was in the text, or it stands for what is not UTF-8.
      if (!text.includes('\ufffd')) return text
    }
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
