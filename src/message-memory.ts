// Messages in the arena: from a value to its bytes in a block, or in a chain of blocks, and back. See assembly/message.ts.

import type { Arena } from './arena.js'
import { encoding } from './codec/encoding.js'
import type { Memory, MessageCodec } from './codec/message.js'
import { type ArenaFullError, rangeError } from './errors.js'
import {
  ARENA,
  ARENA_COLLECTOR,
  CLASS_SHIFT,
  HEAD_CLASS,
  LINE,
  MESSAGE_CHAIN,
  MESSAGE_LARGE,
  MESSAGE_SMALL,
  PAGE_CLASS,
  SMALL_CLASS,
} from './generated/layout.js'
import { nap } from './wait.js'

/** Part of the arena that one message may take: senders who wait for memory wait for no more than that. */
const LARGEST_PART = 4
const COLLECTOR = (ARENA + ARENA_COLLECTOR) >>> 2
/** Milliseconds: more than it takes to collect the largest message from the smallest pieces. */
const COLLECTING = 100
/** Pieces of a chain are not smaller than what fits the smallest block. */
const SMALLEST_PIECE = 2 * LINE - MESSAGE_SMALL
/** What fits the blocks that pages are cut into, without those that any small message finds by itself. Larger runs can be split. */
const LARGER = Array.from(
  { length: PAGE_CLASS - SMALL_CLASS - 1 },
  (_, k) => (LINE << (SMALL_CLASS + 1 + k)) - MESSAGE_LARGE,
)

export class MessageMemory {
  readonly arena: Arena
  /** The arena's memory, as codecs see it. */
  readonly memory: Memory
  /** The most bytes that a message can have. */
  readonly limit: number
  /** Bytes of the message that `encode` or `place` has made. */
  length = 0
  readonly #u8: Uint8Array
  readonly #u32: Uint32Array

  constructor(arena: Arena) {
    this.arena = arena
    this.#u8 = new Uint8Array(arena.memory.buffer)
    this.#u32 = arena.u32
    this.memory = { u8: this.#u8, view: new DataView(arena.memory.buffer), arena }
    this.limit = Math.floor(arena.size / LARGEST_PART)
  }

  /** Throws for a message of too many bytes. */
  checkLength(bytes: number, what: string): void {
    if (bytes > this.limit) {
      throw rangeError(
        `a message has at most ${this.limit} bytes (a quarter of the arena), not ${bytes} (${what}): send it in parts, or use a larger arena`,
      )
    }
  }

  /** Leaves the value's bytes in a block: its payload's address, and `length`; 0 if there is no block large enough. */
  encode<T>(codec: MessageCodec<T>, value: T): number {
    const most = this.measure(codec, value)
    if (most > this.limit) this.checkLength(most, codec.name)
    const payload = this.arena.core.message_take(most)
    if (payload === 0) return 0
    this.arena.touch()
    let end: number
    try {
      end = codec.encode(value, this.memory, payload, payload + most)
    } catch (error) {
      this.arena.core.message_free(payload)
      throw error
    }
    this.length = end - payload
    return payload
  }

  /** How many bytes the value needs, for a message in this arena. */
  measure<T>(codec: MessageCodec<T>, value: T): number {
    const before = encoding.arena
    encoding.arena = this.arena
    try {
      return codec.measure(value)
    } finally {
      encoding.arena = before
    }
  }

  /** The value's bytes, outside the arena. */
  pack<T>(codec: MessageCodec<T>, value: T): Uint8Array {
    const most = this.measure(codec, value)
    const memory = this.#apart(most)
    return memory.u8.subarray(0, codec.encode(value, memory, 0, most))
  }

  /** Leaves bytes in a block, or in a chain of smaller ones: the payload's address, and `length`; 0 if memory is short. */
  place(bytes: Uint8Array): number {
    this.length = bytes.length
    const payload = this.take(bytes.length)
    if (payload !== 0) this.scatter(bytes, payload)
    return payload
  }

  /** Room for so many bytes, in a block or in a chain of smaller ones: its payload's address; 0 if memory is short. */
  take(bytes: number): number {
    const whole = this.arena.core.message_take(bytes)
    if (whole !== 0) return whole
    // One thread at a time: what another one has only tried to collect would be missing here. It may have been terminated over it, and be
    // reaped by none but this thread: then we do not wait for that.
    const { i32, slot } = this.arena
    const deadline = performance.now() + COLLECTING
    let free = Atomics.compareExchange(i32, COLLECTOR, 0, slot) === 0
    while (!free && performance.now() < deadline) {
      nap(this.arena)
      free = Atomics.compareExchange(i32, COLLECTOR, 0, slot) === 0
    }
    const first = this.#collect(bytes)
    if (free) Atomics.store(i32, COLLECTOR, 0)
    return first
  }

  #collect(bytes: number): number {
    const { core } = this.arena
    // What this thread has put by is of sizes that need not be those of the pieces.
    core.arena_share()
    const pieces: number[] = []
    let piece = Math.max(SMALLEST_PIECE, bytes >>> 1)
    for (let done = 0; done < bytes || pieces.length === 0; ) {
      let payload = core.message_take(Math.min(piece, bytes - done))
      // Pages never change the size of their blocks: what is free may all be much larger than what is left to place.
      for (let k = 0; payload === 0 && piece === SMALLEST_PIECE && k < LARGER.length; k++)
        payload = core.message_take(LARGER[k] as number)
      if (payload !== 0) {
        pieces.push(payload)
        done += this.#room(payload)
      } else if (piece > SMALLEST_PIECE) piece = Math.max(SMALLEST_PIECE, piece >>> 1)
      else {
        for (const taken of pieces) core.message_free(taken)
        core.arena_share()
        return 0
      }
    }
    const first = pieces[0] as number
    // Each goes directly after the first, so the last one comes first.
    for (let k = pieces.length - 1; k > 0; k--) core.message_append(first, pieces[k] as number)
    return first
  }

  /** Copies bytes to a message in our hands, which may be a chain and has room for them. */
  scatter(bytes: Uint8Array, payload: number): void {
    let at = payload
    for (let done = 0; ; ) {
      const part = bytes.subarray(done, done + this.#room(at))
      this.#u8.set(part, at)
      done += part.length
      if (done === bytes.length) return
      at = this.#payloadOf(this.#chain(at))
    }
  }

  /** The value of a message in our hands, which is freed. */
  decode<T>(codec: MessageCodec<T>, payload: number, length: number): T {
    try {
      if (this.#chain(payload) === 0) return codec.decode(this.memory, payload, payload + length)
      const memory = this.#apart(length)
      this.gather(payload, memory.u8)
      return codec.decode(memory, 0, length)
    } finally {
      this.free(payload)
    }
  }

  /** Whether the message's bytes lie one after the other. */
  contiguous(payload: number): boolean {
    return this.#chain(payload) === 0
  }

  /** Copies the bytes of a message, which may be a chain. */
  gather(payload: number, into: Uint8Array): void {
    let at = payload
    for (let done = 0; ; ) {
      const part = Math.min(this.#room(at), into.length - done)
      into.set(this.#u8.subarray(at, at + part), done)
      done += part
      if (done === into.length) return
      at = this.#payloadOf(this.#chain(at))
    }
  }

  free(payload: number): void {
    this.arena.core.message_free(payload)
    this.arena.touch()
    this.arena.relieve()
  }

  /** As `free`, of what has just been placed, and was of no use: there is no more memory than before, so nobody is told. */
  takeBack(payload: number): void {
    this.arena.core.message_free(payload)
  }

  /** What to throw where there is no memory and no waiting. */
  full(bytes: number): ArenaFullError {
    return this.arena.full(`a message of ${bytes} bytes`, bytes)
  }

  /** Block of the rest of the message whose first bytes are at `payload`; 0 if that is all. */
  #chain(payload: number): number {
    return this.#u32[((payload & -LINE) + MESSAGE_CHAIN) >>> 2] as number
  }

  #class(payload: number): number {
    return this.#u32[((payload & -LINE) + HEAD_CLASS) >>> 2] as number
  }

  #payloadOf(block: number): number {
    return block + (this.#class(block) > SMALL_CLASS ? MESSAGE_LARGE : MESSAGE_SMALL)
  }

  /** How many bytes fit the block. */
  #room(payload: number): number {
    return (1 << (this.#class(payload) + CLASS_SHIFT)) - (payload & (LINE - 1))
  }

  /** So many bytes of private memory, for a message that travels through the arena. */
  #apart(bytes: number): Memory {
    const u8 = new Uint8Array(bytes)
    return { u8, view: new DataView(u8.buffer), arena: this.arena }
  }
}

/** One for each arena of this thread. */
const memories = new WeakMap<Arena, MessageMemory>()

/** Where the messages of an arena are made and read. */
export function messagesOf(arena: Arena): MessageMemory {
  let messages = memories.get(arena)
  if (messages === undefined) {
    messages = new MessageMemory(arena)
    memories.set(arena, messages)
  }
  return messages
}
