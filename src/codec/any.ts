// The codec of any value that is data: what structured clone carries, without transfer. How it is made, and what it costs: docs/any.md.

import type { Arena } from '../arena.js'
import { rangeError, typeError } from '../errors.js'
import { forget, read } from './any-read.js'
import { Writer } from './any-write.js'
import { encoding } from './encoding.js'
import { type MessageCodec, sealed } from './message.js'

const FIRST_SIZE = 8192
const LARGEST_KEPT = 4 * 2 ** 20

// All is made on first use: importing millrace should not pay for it.
let shared: Writer | undefined
// What was measured and waits for `encode`: writing tells the size, so the bytes are there by then.
let measured: unknown
let length = -1
// Messages are read from here: the library must not see memory that other threads write.
let mirror: Uint8Array | undefined

function write(value: unknown): Writer {
  // A getter that sends a message of its own finds the writer at work.
  const writer = shared === undefined || shared.busy ? new Writer() : shared
  shared = writer
  length = -1
  const written = writer.write(value)
  shared = writer
  measured = value
  length = written
  return writer
}

function writeFor(arena: Arena | undefined, value: unknown): Writer {
  const before = encoding.arena
  encoding.arena = arena
  try {
    return write(value)
  } finally {
    encoding.arena = before
  }
}

const codec: MessageCodec<unknown> = sealed<MessageCodec<unknown>>({
  name: 'any',
  shape: 'message',
  schema: 'any',
  size: undefined,

  measure(value) {
    write(value)
    return length
  },

  encode(value, memory, at, limit) {
    const writer = length >= 0 && Object.is(value, measured) ? (shared as Writer) : writeFor(memory.arena, value)
    const size = length
    length = -1
    measured = undefined
    if (size > limit - at) {
      throw rangeError(
        `any needs ${size} bytes for this value, and ${limit - at} were set aside: it has changed meanwhile`,
      )
    }
    if (writer.memory !== undefined && writer.memory !== memory.arena?.memory) {
      throw typeError(
        'any carries millrace objects of the arena of the channel that they travel through, and one is in another: make both with the same { arena }',
      )
    }
    memory.u8.set(writer.bytes.subarray(0, size), at)
    writer.shrink()
    return at + size
  },

  decode(memory, at, end) {
    const size = end - at
    if (size > LARGEST_KEPT) {
      try {
        return read(memory.u8.slice(at, end), size, memory.arena)
      } finally {
        forget()
      }
    }
    if (mirror === undefined || size > mirror.length) {
      mirror = new Uint8Array(Math.max(FIRST_SIZE, 2 ** Math.ceil(Math.log2(size))))
    }
    mirror.set(memory.u8.subarray(at, end))
    return read(mirror, size, memory.arena)
  },
})

/**
 * Any value that is data, as structured clone carries it: objects, arrays, strings, numbers, BigInts, Dates, Maps, Sets, typed arrays and buffers,
 * regular expressions, errors with their causes, cycles and shared references within one message. The receiver gets a copy. What has a `handle`
 * arrives opened: channels, contexts and all the others, of the arena of the channel that they travel through. Functions, symbols and instances of
 * classes are refused: a TypeError with the path to them.
 *
 * A value takes about as many bytes as its JSON, and at most 1000 levels of nesting. The type parameter is what the sender promises; nothing
 * checks it.
 *
 * @example
 * const jobs = channel(any<{ id: number; tags: string[] }>(), { capacity: 64 })
 * jobs.sendSync({ id: 1, tags: ['new'] })
 */
export function any<T = unknown>(): MessageCodec<T> {
  return codec as MessageCodec<T>
}
