// What the last look at an atomic value or a map has found, in this thread, and how it is read: see assembly/cursor.ts. Between a look and the change
// that is made of it no code of the program runs.

import type { Arena } from './arena.js'
import type { AnyCodec, MessageCodec, Schema } from './codec/message.js'
import { isMessageCodec } from './codec/message.js'
import { partOf } from './codec/parts.js'
import {
  CURSOR_BYTES,
  CURSOR_GUARD,
  CURSOR_HASH,
  CURSOR_KEY,
  CURSOR_KEY_MAX,
  CURSOR_NEW,
  CURSOR_NODE,
  CURSOR_VALUE,
  CURSOR_VALUE_AT,
  CURSOR_VALUE_MAX,
  CURSOR_VERSION,
  OK,
  SCRATCH_BYTES,
} from './generated/layout.js'
import { type MapCore, mapCore } from './map-core.js'
import { type MessageMemory, messagesOf } from './message-memory.js'
import { nap } from './wait.js'

/** How the values of a codec lie in shared memory: as a word that is a number, as a word that is a BigInt, or as bytes. */
export type Form = 'number' | 'bool' | 'i64' | 'u64' | 'bytes'

const FORMS: Record<string, Form> = {
  i32: 'number',
  u32: 'number',
  f32: 'number',
  f64: 'number',
  bool: 'bool',
  i64: 'i64',
  u64: 'u64',
}

export function formOf(codec: AnyCodec<never>): Form {
  return isMessageCodec(codec) ? 'bytes' : (FORMS[codec.name] as Form)
}

/** Throws a TypeError unless it is a codec whose values have bytes. `user` names who takes it. */
export function requireStorable(codec: unknown, user: string): void {
  partOf(codec, user)
}

/** What reading gives if the value has been replaced meanwhile. */
export const MOVED = Symbol('moved')

/** Whether decoding runs no code but this package's. */
function isCalm(schema: Schema): boolean {
  const parts: readonly unknown[] = typeof schema === 'string' ? [schema] : schema
  return parts.every((part) => part !== 'user' && part !== 'handle' && (!Array.isArray(part) || isCalm(part as never)))
}
const calm = new WeakMap<object, boolean>()

/** Whether encoding runs no code but this package's, and writes every byte of the message. */
export function isDirect(codec: AnyCodec<never>): boolean {
  if (!isMessageCodec(codec)) return false
  const [kind] = typeof codec.schema === 'string' ? [codec.schema] : codec.schema
  return kind === 'string' || kind === 'bytes' || kind === 'fixedString' || kind === 'fixedBytes' || kind === 'enumOf'
}

/** A key whose bytes stand where the core looks for them: good until other code runs. */
export class StagedKey {
  length = 0
}

/** The next multiple of 8. */
export const roundUp = (bytes: number): number => (bytes + 7) & ~7

/** Milliseconds for which others go first who have asked for it. */
const NAPS = 100

export class Cursor {
  readonly core: MapCore
  readonly messages: MessageMemory
  readonly u8: Uint8Array
  readonly u32: Uint32Array
  readonly i32: Int32Array
  /** The value that was found, and the one to be stored, as what their words are. */
  readonly f64: Float64Array
  readonly i64: BigInt64Array
  readonly u64: BigUint64Array
  /** Where bytes of keys are put. */
  readonly bytes: number
  readonly staged = new StagedKey()
  readonly #arena: Arena
  /** Where values are copied to. */
  readonly #stage: number
  readonly #word: number

  constructor(arena: Arena) {
    const at = arena.made(arena.core.thread_scratch(), "a thread's cursor", SCRATCH_BYTES)
    const { buffer } = arena.memory
    this.#arena = arena
    this.core = mapCore(arena)
    this.messages = messagesOf(arena)
    this.u8 = this.messages.memory.u8
    this.u32 = arena.u32
    this.i32 = arena.i32
    this.f64 = new Float64Array(buffer)
    this.i64 = new BigInt64Array(buffer)
    this.u64 = new BigUint64Array(buffer)
    this.bytes = at + CURSOR_BYTES
    this.#stage = at + CURSOR_VALUE_AT
    this.#word = at >>> 2
  }

  #get(offset: number): number {
    return this.u32[this.#word + (offset >>> 2)] as number
  }

  get guard(): number {
    return this.#get(CURSOR_GUARD)
  }
  get version(): number {
    return this.#get(CURSOR_VERSION)
  }
  get hash(): number {
    return this.#get(CURSOR_HASH)
  }
  get node(): number {
    return this.#get(CURSOR_NODE)
  }
  get keyLength(): number {
    return this.#get(CURSOR_KEY)
  }
  /** Of a value that was found: its bytes, and of an atomic one its payload. */
  get valueLength(): number {
    return this.#get(CURSOR_VALUE)
  }
  get low(): number {
    return this.#get(CURSOR_VALUE)
  }
  get high(): number {
    return this.#get(CURSOR_VALUE + 4)
  }

  /** Back to what was found before. */
  set(guard: number, version: number): void {
    this.u32[this.#word + (CURSOR_GUARD >>> 2)] = guard
    this.u32[this.#word + (CURSOR_VERSION >>> 2)] = version
  }

  /** The word that was found. */
  word(form: Form): number | bigint {
    const k = (this.#word >>> 1) + (CURSOR_VALUE >>> 3)
    return (form === 'i64' ? this.i64[k] : form === 'u64' ? this.u64[k] : this.f64[k]) as number | bigint
  }

  /** The word to be stored: of bytes, how many. */
  setWord(form: Form, word: number | bigint): void {
    const k = (this.#word >>> 1) + (CURSOR_NEW >>> 3)
    if (form === 'i64') this.i64[k] = word as bigint
    else if (form === 'u64') this.u64[k] = word as bigint
    else if (form === 'bytes') {
      this.u32[2 * k] = word as number
      this.u32[2 * k + 1] = 0
    } else this.f64[k] = word as number
  }

  /** Whether the word that was found is that one, bit by bit. */
  sameWord(form: Form, word: number | bigint): boolean {
    return Object.is(this.word(form), word)
  }

  /** Leaves the bytes of a key of a direct codec where the core looks for them, if there is room: whether it did. */
  stage<K>(codec: MessageCodec<K>, key: K): boolean {
    const most = this.messages.measure(codec, key)
    if (most > CURSOR_KEY_MAX) return false
    const { u8, bytes } = this
    const end = codec.encode(key, this.messages.memory, bytes, bytes + most)
    this.staged.length = end - bytes
    for (let k = end; k & 7; k++) u8[k] = 0
    return true
  }

  /** Looks with that key of bytes, by `seek`, which gets where they are. */
  withKey(key: Uint8Array, seek: (at: number, length: number) => number): number {
    const room = roundUp(key.length)
    if (room <= CURSOR_KEY_MAX) {
      this.#put(key, this.bytes, room)
      return seek(this.bytes, key.length)
    }
    const payload = this.#arena.core.message_take(room)
    if (payload === 0) throw this.messages.full(room)
    this.#put(key, payload, room)
    const status = seek(payload, key.length)
    this.messages.free(payload)
    return status
  }

  #put(key: Uint8Array, at: number, room: number): void {
    const end = at + room
    for (let k = at + key.length; k < end; k++) this.u8[k] = 0
    if (key.length > 32) this.u8.set(key, at)
    else for (let k = 0; k < key.length; k++) this.u8[at + k] = key[k] as number
  }

  /** A copy of the bytes at an address that others may write to; MOVED if they are not what was found any more. */
  copy(from: number, length: number): Uint8Array<ArrayBuffer> | typeof MOVED {
    if (length <= CURSOR_VALUE_MAX) {
      if (this.core.cursor_copy(this.#stage, from, length) !== OK) return MOVED
      return this.u8.slice(this.#stage, this.#stage + length) as Uint8Array<ArrayBuffer>
    }
    const copy = this.u8.slice(from, from + length) as Uint8Array<ArrayBuffer>
    return this.core.cursor_check() === OK ? copy : MOVED
  }

  /** The value of the bytes at an address that others may write to; MOVED as above. */
  read<T>(codec: MessageCodec<T>, from: number, length: number): T | typeof MOVED {
    let quiet = calm.get(codec)
    if (quiet === undefined) calm.set(codec, (quiet = isCalm(codec.schema)))
    if (quiet && length <= CURSOR_VALUE_MAX) {
      if (this.core.cursor_copy(this.#stage, from, length) !== OK) return MOVED
      return codec.decode(this.messages.memory, this.#stage, this.#stage + length)
    }
    const bytes = this.copy(from, length)
    return bytes === MOVED ? MOVED : this.decode(codec, bytes)
  }

  /** The value of bytes of our own. */
  decode<T>(codec: MessageCodec<T>, bytes: Uint8Array): T {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return codec.decode({ u8: bytes, view, arena: this.#arena }, 0, bytes.length)
  }

  /**
   * Leaves a value's bytes in a block that is in our hands, behind those of a key: its payload, and `messages.length` is that of the value. Bytes that the
   * codec does not write are 0, so equal values are equal bytes. A staged key goes with direct codecs of values only, which leave no byte out.
   * @throws ArenaFullError.
   */
  encode<T>(key: Uint8Array | StagedKey | undefined, codec: MessageCodec<T> | undefined, value: T): number {
    const { messages, u8 } = this
    const before = key === undefined ? 0 : roundUp(key.length)
    const most = codec === undefined ? 0 : messages.measure(codec, value)
    const room = before + roundUp(most)
    if (room > messages.limit) messages.checkLength(room, codec?.name ?? 'a key')
    const payload = this.#arena.core.message_take(room)
    if (payload === 0) throw messages.full(room)
    this.#arena.touch()
    try {
      if (key instanceof StagedKey) u8.copyWithin(payload, this.bytes, this.bytes + before)
      else {
        u8.fill(0, payload, payload + room)
        if (key !== undefined) u8.set(key, payload)
      }
      const at = payload + before
      messages.length = codec === undefined ? 0 : codec.encode(value, messages.memory, at, at + most) - at
    } catch (error) {
      messages.free(payload)
      throw error
    }
    return payload
  }

  /** Waits a moment for a thread that is inside a section, or goes first. True once that has lasted too long for either. */
  wait(tries: number): boolean {
    nap(this.#arena)
    return tries >= NAPS
  }
}

/** One for each arena of this thread. */
const cursors = new WeakMap<Arena, Cursor>()

/** @throws ArenaFullError. */
export function cursorOf(arena: Arena): Cursor {
  let cursor = cursors.get(arena)
  if (cursor === undefined) {
    cursor = new Cursor(arena)
    cursors.set(arena, cursor)
  }
  return cursor
}

/** Whether two byte strings are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let k = 0; k < a.length; k++) if (a[k] !== b[k]) return false
  return true
}
