// The channel classes, one per codec. Their hot methods are written out for each, so that every codec has inline caches of its own: shared
// ones would turn megamorphic in a program that uses several codecs.

import { type Arena, Arena as ArenaClass, defaultArena } from './arena.js'
import { BytesChannel } from './bytes-channel.js'
import { CellChannel, cellFor } from './cell-channel.js'
import { Channel, channelCodec } from './channel.js'
import type { bytes } from './codec/bytes.js'
import { bool, type Codec, codecById, f32, f64, i32, i64, requireCodec, u32, u64, unit } from './codec/index.js'
import { type AnyCodec, isMessageCodec, type MessageCodec } from './codec/message.js'
import { codecFromSchema } from './codec/schema.js'
import { rangeError, show, typeError } from './errors.js'
import {
  CHANNEL_SLOTS,
  CHANNEL_WIDE,
  CODEC_MESSAGE,
  FINE,
  KIND_CHANNEL,
  MARK_BYTES,
  MAX_CAPACITY,
  SLOT_BYTES,
  VALUE_BYTES,
  WIDE_CELL_SHIFT,
  WIDE_MESSAGES,
  WIDE_VALUES,
} from './generated/layout.js'
import { type Handle, registerKind, type Site } from './handle.js'
import { MessageChannel } from './message-channel.js'
import { stageOf } from './stage.js'
import type { WaitOptions } from './wait.js'

class I32Channel extends Channel<number> {
  readonly #values = new Int32Array(this.arena.memory.buffer)

  trySend(value: number): boolean {
    if (typeof value !== 'number' || (value | 0) !== value) i32.check(value)
    return this.core.channel_trySend32(this.at, this.open, value) === FINE || this.refused(value)
  }

  sendSync(value: number, options?: WaitOptions): void {
    if (!this.blocks || options !== undefined) {
      this.sendSyncWith(value, options)
      return
    }
    if (typeof value !== 'number' || (value | 0) !== value) i32.check(value)
    if (this.core.channel_trySend32(this.at, this.open, value) !== FINE) this.sendSlow(value)
  }

  tryReceive(): number | undefined {
    const v = this.core.channel_take32(this.at, this.open)
    return v === v ? v | 0 : this.missed()
  }

  receiveSync(options?: WaitOptions): number | undefined {
    if (!this.blocks || options !== undefined) return this.receiveSyncWith(options)
    const v = this.core.channel_take32(this.at, this.open)
    return v === v ? v | 0 : this.receiveSlow()
  }

  attemptSend(value: number): number {
    i32.check(value)
    this.core.channel_trySend32(this.at, this.open, value)
    return this.told()
  }

  attemptReceive(): number {
    this.core.channel_take32(this.at, this.open)
    return this.attempted()
  }

  parkSend(token: number, value: number): number {
    return this.core.channel_parkSend32(this.at, this.open, token, value)
  }

  write(at: number, value: number): void {
    this.#values[at >>> 2] = value
  }

  read(at: number): number {
    return this.#values[at >>> 2] as number
  }
}

class U32Channel extends Channel<number> {
  readonly #values = new Uint32Array(this.arena.memory.buffer)

  trySend(value: number): boolean {
    if (typeof value !== 'number' || value >>> 0 !== value) u32.check(value)
    return this.core.channel_trySend32(this.at, this.open, value) === FINE || this.refused(value)
  }

  sendSync(value: number, options?: WaitOptions): void {
    if (!this.blocks || options !== undefined) {
      this.sendSyncWith(value, options)
      return
    }
    if (typeof value !== 'number' || value >>> 0 !== value) u32.check(value)
    if (this.core.channel_trySend32(this.at, this.open, value) !== FINE) this.sendSlow(value)
  }

  tryReceive(): number | undefined {
    const v = this.core.channel_take32(this.at, this.open)
    return v === v ? v : this.missed()
  }

  receiveSync(options?: WaitOptions): number | undefined {
    if (!this.blocks || options !== undefined) return this.receiveSyncWith(options)
    const v = this.core.channel_take32(this.at, this.open)
    return v === v ? v : this.receiveSlow()
  }

  attemptSend(value: number): number {
    u32.check(value)
    this.core.channel_trySend32(this.at, this.open, value)
    return this.told()
  }

  attemptReceive(): number {
    this.core.channel_take32(this.at, this.open)
    return this.attempted()
  }

  parkSend(token: number, value: number): number {
    return this.core.channel_parkSend32(this.at, this.open, token, value)
  }

  write(at: number, value: number): void {
    this.#values[at >>> 2] = value
  }

  read(at: number): number {
    return this.#values[at >>> 2] as number
  }
}

class F32Channel extends Channel<number> {
  readonly #values = new Float32Array(this.arena.memory.buffer)
  readonly #value = this.arena.valueAt >>> 2

  trySend(value: number): boolean {
    if (typeof value !== 'number' || Math.abs(value) > F32_MAX) f32.check(value)
    return this.core.channel_trySendF32(this.at, this.open, value) === FINE || this.refused(value)
  }

  sendSync(value: number, options?: WaitOptions): void {
    if (!this.blocks || options !== undefined) {
      this.sendSyncWith(value, options)
      return
    }
    if (typeof value !== 'number' || Math.abs(value) > F32_MAX) f32.check(value)
    if (this.core.channel_trySendF32(this.at, this.open, value) !== FINE) this.sendSlow(value)
  }

  tryReceive(): number | undefined {
    const v = this.core.channel_take32(this.at, this.open)
    return v === v ? (this.#values[this.#value] as number) : this.missed()
  }

  receiveSync(options?: WaitOptions): number | undefined {
    if (!this.blocks || options !== undefined) return this.receiveSyncWith(options)
    const v = this.core.channel_take32(this.at, this.open)
    return v === v ? (this.#values[this.#value] as number) : this.receiveSlow()
  }

  attemptSend(value: number): number {
    f32.check(value)
    this.core.channel_trySendF32(this.at, this.open, value)
    return this.told()
  }

  attemptReceive(): number {
    this.core.channel_take32(this.at, this.open)
    return this.attempted()
  }

  parkSend(token: number, value: number): number {
    return this.core.channel_parkSendF32(this.at, this.open, token, value)
  }

  write(at: number, value: number): void {
    this.#values[at >>> 2] = value
  }

  read(at: number): number {
    return this.#values[at >>> 2] as number
  }
}

class F64Channel extends Channel<number> {
  readonly #values = new Float64Array(this.arena.memory.buffer)

  trySend(value: number): boolean {
    if (typeof value !== 'number') f64.check(value)
    return this.core.channel_trySendF64(this.at, this.open, value) === FINE || this.refused(value)
  }

  sendSync(value: number, options?: WaitOptions): void {
    if (!this.blocks || options !== undefined) {
      this.sendSyncWith(value, options)
      return
    }
    if (typeof value !== 'number') f64.check(value)
    if (this.core.channel_trySendF64(this.at, this.open, value) !== FINE) this.sendSlow(value)
  }

  tryReceive(): number | undefined {
    const v = this.core.channel_take64(this.at, this.open)
    return v === v ? v : this.missed()
  }

  receiveSync(options?: WaitOptions): number | undefined {
    if (!this.blocks || options !== undefined) return this.receiveSyncWith(options)
    const v = this.core.channel_take64(this.at, this.open)
    return v === v ? v : this.receiveSlow()
  }

  attemptSend(value: number): number {
    f64.check(value)
    this.core.channel_trySendF64(this.at, this.open, value)
    return this.told()
  }

  attemptReceive(): number {
    this.core.channel_take64(this.at, this.open)
    return this.attempted()
  }

  parkSend(token: number, value: number): number {
    return this.core.channel_parkSendF64(this.at, this.open, token, value)
  }

  write(at: number, value: number): void {
    this.#values[at >>> 3] = value
  }

  read(at: number): number {
    return this.#values[at >>> 3] as number
  }
}

class BoolChannel extends Channel<boolean> {
  readonly #values = new Int32Array(this.arena.memory.buffer)

  trySend(value: boolean): boolean {
    if (typeof value !== 'boolean') bool.check(value)
    return this.core.channel_trySend32(this.at, this.open, Number(value)) === FINE || this.refused(value)
  }

  sendSync(value: boolean, options?: WaitOptions): void {
    if (!this.blocks || options !== undefined) {
      this.sendSyncWith(value, options)
      return
    }
    if (typeof value !== 'boolean') bool.check(value)
    if (this.core.channel_trySend32(this.at, this.open, Number(value)) !== FINE) this.sendSlow(value)
  }

  tryReceive(): boolean | undefined {
    const v = this.core.channel_take32(this.at, this.open)
    return v === v ? v === 1 : this.missed()
  }

  receiveSync(options?: WaitOptions): boolean | undefined {
    if (!this.blocks || options !== undefined) return this.receiveSyncWith(options)
    const v = this.core.channel_take32(this.at, this.open)
    return v === v ? v === 1 : this.receiveSlow()
  }

  attemptSend(value: boolean): number {
    bool.check(value)
    this.core.channel_trySend32(this.at, this.open, Number(value))
    return this.told()
  }

  attemptReceive(): number {
    this.core.channel_take32(this.at, this.open)
    return this.attempted()
  }

  parkSend(token: number, value: boolean): number {
    return this.core.channel_parkSend32(this.at, this.open, token, Number(value))
  }

  write(at: number, value: boolean): void {
    this.#values[at >>> 2] = Number(value)
  }

  read(at: number): boolean {
    return (this.#values[at >>> 2] as number) === 1
  }
}

class UnitChannel extends Channel<undefined> {
  trySend(value: undefined): boolean {
    if (value !== undefined) unit.check(value)
    return this.core.channel_trySend32(this.at, this.open, 0) === FINE || this.refused(value)
  }

  sendSync(value: undefined, options?: WaitOptions): void {
    if (!this.blocks || options !== undefined) {
      this.sendSyncWith(value, options)
      return
    }
    if (value !== undefined) unit.check(value)
    if (this.core.channel_trySend32(this.at, this.open, 0) !== FINE) this.sendSlow(value)
  }

  tryReceive(): undefined {
    const v = this.core.channel_take32(this.at, this.open)
    return v === v ? undefined : this.missed()
  }

  receiveSync(options?: WaitOptions): undefined {
    if (!this.blocks || options !== undefined) return this.receiveSyncWith(options)
    const v = this.core.channel_take32(this.at, this.open)
    return v === v ? undefined : this.receiveSlow()
  }

  attemptSend(value: undefined): number {
    unit.check(value)
    this.core.channel_trySend32(this.at, this.open, 0)
    return this.told()
  }

  attemptReceive(): number {
    this.core.channel_take32(this.at, this.open)
    return this.attempted()
  }

  parkSend(token: number): number {
    return this.core.channel_parkSend32(this.at, this.open, token, 0)
  }

  write(): void {}

  read(): undefined {
    return undefined
  }
}

class I64Channel extends Channel<bigint> {
  readonly #values = new BigInt64Array(this.arena.memory.buffer)
  readonly #value = this.arena.valueAt >>> 3

  trySend(value: bigint): boolean {
    if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) i64.check(value)
    return this.core.channel_trySend64(this.at, this.open, value) === FINE || this.refused(value)
  }

  sendSync(value: bigint, options?: WaitOptions): void {
    if (!this.blocks || options !== undefined) {
      this.sendSyncWith(value, options)
      return
    }
    if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) i64.check(value)
    if (this.core.channel_trySend64(this.at, this.open, value) !== FINE) this.sendSlow(value)
  }

  tryReceive(): bigint | undefined {
    const v = this.core.channel_take64(this.at, this.open)
    return v === v ? (this.#values[this.#value] as bigint) : this.missed()
  }

  receiveSync(options?: WaitOptions): bigint | undefined {
    if (!this.blocks || options !== undefined) return this.receiveSyncWith(options)
    const v = this.core.channel_take64(this.at, this.open)
    return v === v ? (this.#values[this.#value] as bigint) : this.receiveSlow()
  }

  attemptSend(value: bigint): number {
    i64.check(value)
    this.core.channel_trySend64(this.at, this.open, value)
    return this.told()
  }

  attemptReceive(): number {
    this.core.channel_take64(this.at, this.open)
    return this.attempted()
  }

  parkSend(token: number, value: bigint): number {
    return this.core.channel_parkSend64(this.at, this.open, token, value)
  }

  write(at: number, value: bigint): void {
    this.#values[at >>> 3] = value
  }

  read(at: number): bigint {
    return this.#values[at >>> 3] as bigint
  }
}

class U64Channel extends Channel<bigint> {
  readonly #values = new BigUint64Array(this.arena.memory.buffer)
  readonly #value = this.arena.valueAt >>> 3

  trySend(value: bigint): boolean {
    if (typeof value !== 'bigint' || BigInt.asUintN(64, value) !== value) u64.check(value)
    return this.core.channel_trySend64(this.at, this.open, value) === FINE || this.refused(value)
  }

  sendSync(value: bigint, options?: WaitOptions): void {
    if (!this.blocks || options !== undefined) {
      this.sendSyncWith(value, options)
      return
    }
    if (typeof value !== 'bigint' || BigInt.asUintN(64, value) !== value) u64.check(value)
    if (this.core.channel_trySend64(this.at, this.open, value) !== FINE) this.sendSlow(value)
  }

  tryReceive(): bigint | undefined {
    const v = this.core.channel_take64(this.at, this.open)
    return v === v ? (this.#values[this.#value] as bigint) : this.missed()
  }

  receiveSync(options?: WaitOptions): bigint | undefined {
    if (!this.blocks || options !== undefined) return this.receiveSyncWith(options)
    const v = this.core.channel_take64(this.at, this.open)
    return v === v ? (this.#values[this.#value] as bigint) : this.receiveSlow()
  }

  attemptSend(value: bigint): number {
    u64.check(value)
    this.core.channel_trySend64(this.at, this.open, value)
    return this.told()
  }

  attemptReceive(): number {
    this.core.channel_take64(this.at, this.open)
    return this.attempted()
  }

  parkSend(token: number, value: bigint): number {
    return this.core.channel_parkSend64(this.at, this.open, token, value)
  }

  write(at: number, value: bigint): void {
    this.#values[at >>> 3] = value
  }

  read(at: number): bigint {
    return this.#values[at >>> 3] as bigint
  }
}

/** The largest number that rounds to a finite 32-bit float is a little above this one; the codec's check decides. */
const F32_MAX = 3.4028234663852886e38

type ChannelClass = new (site: Site, codec: Codec<never>) => Channel<never>

const classes = new Map<unknown, ChannelClass>([
  [i32, I32Channel],
  [u32, U32Channel],
  [f32, F32Channel],
  [f64, F64Channel],
  [bool, BoolChannel],
  [unit, UnitChannel],
  [i64, I64Channel],
  [u64, U64Channel],
] as unknown as [unknown, ChannelClass][])

function channelAt<T>(site: Site, codec: AnyCodec<T>): Channel<T> {
  if (isMessageCodec(codec)) {
    const Kind =
      cellOf(codec as AnyCodec<never>) > 0 ? CellChannel : codec.schema === 'bytes' ? BytesChannel : MessageChannel
    return new Kind(site, codec as never) as unknown as Channel<T>
  }
  const Class = classes.get(codec) as ChannelClass
  return new Class(site, codec as Codec<never>) as unknown as Channel<T>
}

export interface ChannelOptions {
  /** How many messages the channel holds before senders wait: an integer. 0, the default: a send waits for the receive that takes its value. */
  capacity?: number
  /** Where it is made. Default: `defaultArena()`. */
  arena?: Arena
}

/**
 * Makes a channel for the values of a codec.
 *
 * It takes 512 bytes plus 8 (codecs of up to 32 bits) or 12 bytes (all others) per message of capacity, rounded up to a power of two, from the
 * arena, until it is disposed of. Messages of a fixed size of up to 128 bytes lie in the channel, which takes as much more for each. All
 * others have memory of their own, from the send to the receive.
 *
 * @throws RangeError for a capacity that is negative, not an integer, or more than the arena could ever hold;
 * ArenaFullError if the arena has no room now.
 * @example
 * const ch = channel(f64, { capacity: 1024 })
 * ch.trySend(1.5)
 * ch.tryReceive() // 1.5
 */
export function channel(codec: typeof bytes, options?: ChannelOptions): BytesChannel
export function channel<T>(codec: AnyCodec<T>, options?: ChannelOptions): Channel<T>
export function channel<T>(codec: AnyCodec<T>, options: ChannelOptions = {}): Channel<T> {
  if (!isMessageCodec(codec)) requireCodec(codec, 'channel')
  if (typeof options !== 'object' || options === null)
    throw typeError(`channel takes options { capacity, arena }, not ${show(options)}`)
  const { capacity = 0 } = options
  const arena = arenaOption(options.arena)
  const wide = codec.shape !== 'i32' && codec.shape !== 'f32'
  const cell = cellOf(codec as AnyCodec<never>)
  const each = wide ? VALUE_BYTES + MARK_BYTES + cell : SLOT_BYTES
  const room = arena.size - CHANNEL_SLOTS
  // A wide ring has room for a power of two.
  const most = wide ? 2 ** Math.floor(Math.log2(room / each)) : Math.floor(room / SLOT_BYTES)
  const limit = Math.min(MAX_CAPACITY, most)
  checkCapacity('a channel', capacity, 0, limit, arena)
  const size = CHANNEL_SLOTS + capacity * each
  if (cell > 0) stageOf(arena) // first, for it may find no memory
  const at = arena.made(
    arena.core.channel_create(capacity, ringOf(codec as AnyCodec<never>, cell), numberOf(codec as AnyCodec<never>)),
    `a channel of capacity ${capacity}`,
    size,
  )
  return channelAt({ arena, at, open: arena.openState(at) }, codec)
}

/** Bytes of the cells of a channel of that codec; 0 if it has none. */
function cellOf(codec: AnyCodec<never>): number {
  return isMessageCodec(codec) ? cellFor(codec as MessageCodec<never>) : 0
}

/** CHANNEL_WIDE of a channel of that codec. */
function ringOf(codec: AnyCodec<never>, cell: number): number {
  if (isMessageCodec(codec)) return cell > 0 ? WIDE_VALUES | (cell << WIDE_CELL_SHIFT) : WIDE_MESSAGES
  return codec.shape === 'f64' || codec.shape === 'i64' ? WIDE_VALUES : 0
}

/** @internal What stands for the codec in shared memory: its number, or for messages what its name comes to. */
export function numberOf(codec: AnyCodec<never>): number {
  if (!isMessageCodec(codec)) return (codec as Codec<never>).id
  let hash = 0x811c9dc5 // FNV-1a
  for (let i = 0; i < codec.name.length; i++) hash = Math.imul(hash ^ codec.name.charCodeAt(i), 0x01000193)
  return (hash | CODEC_MESSAGE) >>> 0
}

/** The codec of a channel that is opened: that of its number, or one made by the handle's schema, or the one that is given. */
function codecOf(site: Site, handle: Handle<unknown>, given: AnyCodec<never> | undefined): AnyCodec<never> {
  const codec = namedCodec(site, handle, given)
  // Names may mean different bytes in two threads: then they must not even touch each other's messages.
  if (ringOf(codec, cellOf(codec)) !== site.arena.u32[(site.at + CHANNEL_WIDE) >>> 2])
    throw typeError(`the codec ${show(codec.name)} of this thread is of another size than that of the channel`)
  return codec
}

function namedCodec(site: Site, handle: Handle<unknown>, given: AnyCodec<never> | undefined): AnyCodec<never> {
  const number = channelCodec(site)
  if (given !== undefined) {
    if (!isMessageCodec(given)) requireCodec(given, 'open')
    if (numberOf(given) !== number)
      throw typeError(`the channel carries ${show(handle.codec)}; it was opened with the codec ${show(given.name)}`)
    return given
  }
  const known = number < CODEC_MESSAGE ? codecById(number) : codecFromSchema(handle.schema)
  if (known === undefined || numberOf(known as AnyCodec<never>) !== number) {
    throw typeError(
      `the channel carries another codec than its handle says (${show(handle.codec)}), or one that this version of millrace does not know`,
    )
  }
  return known as AnyCodec<never>
}

/** @internal */
export function arenaOption(arena: Arena | undefined): Arena {
  if (arena === undefined) return defaultArena()
  if (!(arena instanceof ArenaClass)) throw typeError(`arena is an Arena, not ${show(arena)}`)
  return arena
}

/** @internal Throws unless the capacity is an integer from `least` to the limit. */
export function checkCapacity(what: string, capacity: number, least: number, limit: number, arena: Arena): void {
  if (typeof capacity !== 'number') throw typeError(`the capacity of ${what} is a number, not ${show(capacity)}`)
  if (!Number.isInteger(capacity) || capacity < least || capacity > limit) {
    throw rangeError(
      `the capacity of ${what} is an integer from ${least} to ${limit} (what an arena of ${arena.size} bytes can hold), not ${show(capacity)}`,
    )
  }
}

registerKind('channel', KIND_CHANNEL, (site, handle, options) => {
  const ch = channelAt(site, codecOf(site, handle, options.codec))
  if (handle.view === 'send') return ch.sender
  if (handle.view === 'receive') return ch.receiver
  if (handle.view === 'both') return ch
  throw typeError(`the view of a channel's handle is both, send or receive, not ${show(handle.view)}`)
})
