// The parts of a message as MessagePack, in a buffer that grows.

import { BIGINT, fitsUtf8, UTF16 } from './any-kinds.js'

const FIRST_SIZE = 8192
const LARGEST_KEPT = 4 * 2 ** 20
/** Room that there is wherever a header or a number is written: they need not look. */
export const SLACK = 32
/** Up to this length a string is written without a call into the engine. */
const SHORT = 24

const intBound = 2n ** 63n

export class Output {
  /** The last message, from 0 on. */
  bytes = new Uint8Array(FIRST_SIZE)
  protected pos = 0
  /** Up to here there is SLACK. */
  protected safe = FIRST_SIZE - SLACK
  protected view = new DataView(this.bytes.buffer)
  private readonly encoder = new TextEncoder()

  /** Forgets a large message. */
  shrink(): void {
    if (this.bytes.length > LARGEST_KEPT) this.allocate(FIRST_SIZE)
  }

  private allocate(size: number): void {
    this.bytes = new Uint8Array(size)
    this.view = new DataView(this.bytes.buffer)
    this.safe = size - SLACK
  }

  /** Makes room for that many bytes and SLACK. */
  protected reserve(need: number): void {
    if (this.pos + need <= this.safe) return
    const old = this.bytes
    this.allocate(Math.max(old.length * 2, this.pos + need + SLACK))
    this.bytes.set(old.subarray(0, this.pos))
  }

  protected blob(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes[this.pos] = 0xc6
    this.view.setUint32(this.pos + 1, bytes.length)
    this.bytes.set(bytes, this.pos + 5)
    this.pos += 5 + bytes.length
  }

  protected tag(type: number): void {
    const { bytes, pos } = this
    bytes[pos] = 0xd4
    bytes[pos + 1] = type
    bytes[pos + 2] = 0
    this.pos = pos + 3
  }

  /** Of an array (0x90, 0xdc) or an object (0x80, 0xde). */
  protected header(n: number, few: number, many: number): void {
    if (n < 16) this.bytes[this.pos++] = few + n
    else if (n < 0x10000) {
      this.bytes[this.pos] = many
      this.view.setUint16(this.pos + 1, n)
      this.pos += 3
    } else {
      this.bytes[this.pos] = many + 1
      this.view.setUint32(this.pos + 1, n)
      this.pos += 5
    }
  }

  protected number(value: number): void {
    const { bytes, pos } = this
    if (value >>> 0 === value && (value !== 0 || 1 / value > 0)) {
      if (value < 0x40) {
        bytes[pos] = value // from 0x40 on, msgpackr takes such a byte for a record
        this.pos = pos + 1
      } else if (value < 0x100) {
        bytes[pos] = 0xcc
        bytes[pos + 1] = value
        this.pos = pos + 2
      } else if (value < 0x10000) {
        bytes[pos] = 0xcd
        bytes[pos + 1] = value >> 8
        bytes[pos + 2] = value
        this.pos = pos + 3
      } else {
        bytes[pos] = 0xce
        this.view.setUint32(pos + 1, value)
        this.pos = pos + 5
      }
    } else if (value >> 0 === value && value !== 0) {
      if (value >= -0x20) {
        bytes[pos] = value
        this.pos = pos + 1
      } else {
        bytes[pos] = 0xd2
        this.view.setInt32(pos + 1, value)
        this.pos = pos + 5
      }
    } else {
      bytes[pos] = 0xcb
      this.view.setFloat64(pos + 1, value)
      this.pos = pos + 9
    }
  }

  protected bigint(value: bigint): void {
    if (value >= -intBound && value < intBound) {
      this.bytes[this.pos] = 0xd3
      this.view.setBigInt64(this.pos + 1, value)
      this.pos += 9
    } else {
      this.tag(BIGINT)
      this.string(value.toString(16))
    }
  }

  protected string(text: string): void {
    const n = text.length
    if (n <= SHORT) {
      if (this.pos > this.safe) this.reserve(0)
      const { bytes, pos } = this
      let at = pos + 1
      for (let i = 0; i < n; i++) {
        const code = text.charCodeAt(i)
        if (code > 0x7f) {
          this.encode(text)
          return
        }
        bytes[at++] = code
      }
      bytes[pos] = 0xa0 + n
      this.pos = at
      return
    }
    this.encode(text)
  }

  /** A string that is long or not ASCII. */
  private encode(text: string): void {
    if (!fitsUtf8(text)) {
      this.utf16(text)
      return
    }
    const n = text.length
    const head = n < 86 ? 2 : n < 21846 ? 3 : 5
    // Most strings are ASCII. Those that are not and do not fit are continued in a larger buffer.
    this.reserve(head + (n < 1024 ? 3 * n : n))
    const start = this.pos
    this.pos += head
    for (let rest = text; ; ) {
      const { read, written } = this.encoder.encodeInto(rest, this.bytes.subarray(this.pos))
      this.pos += written
      if (read === rest.length) break
      rest = rest.slice(read)
      this.reserve(3 * rest.length)
    }
    const length = this.pos - start - head
    if (head === 2) {
      this.bytes[start] = 0xd9
      this.bytes[start + 1] = length
    } else if (head === 3) {
      this.bytes[start] = 0xda
      this.view.setUint16(start + 1, length)
    } else {
      this.bytes[start] = 0xdb
      this.view.setUint32(start + 1, length)
    }
    if (this.pos > this.safe) this.reserve(0)
  }

  private utf16(text: string): void {
    const bytes = new Uint8Array(2 * text.length)
    for (let i = 0; i < text.length; i++) {
      bytes[2 * i] = text.charCodeAt(i)
      bytes[2 * i + 1] = text.charCodeAt(i) >> 8
    }
    this.reserve(SLACK)
    this.tag(UTF16)
    this.blob(bytes)
  }
}
