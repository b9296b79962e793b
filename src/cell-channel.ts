// Channels of codecs whose values all take the same few bytes: their messages lie in the channel itself, in a cell for each place of the ring. So
// nothing is allocated for a message, and memory is read and written in order.

import type { Memory, MessageCodec } from './codec/message.js'
import {
  CELL_MAX,
  CHANNEL_RECVQ,
  CHANNEL_SENDQ,
  FINE,
  SCRATCH_BYTES,
  SCRATCH_VALUES,
  WAITER_CELL,
  WAITER_VALUE,
} from './generated/layout.js'
import type { Site } from './handle.js'
import { memoryOf } from './message-memory.js'
import { ValueChannel } from './value-channel.js'
import type { WaitOptions } from './wait.js'

/** Bytes of a cell for the codec's values; 0 if they do not lie in cells. */
export function cellFor({ size }: MessageCodec<never>): number {
  return size === undefined || size > CELL_MAX ? 0 : Math.max(8, (size + 7) & ~7)
}

export class CellChannel<T> extends ValueChannel<T> {
  readonly #cell: number
  readonly #size: number
  readonly #memory: Memory
  /** Where this thread leaves what goes into a cell, and finds what has come out of one. */
  readonly #stage: number

  /** @internal */
  constructor(site: Site, codec: MessageCodec<T>) {
    super(site, codec)
    const { arena } = site
    this.#cell = cellFor(codec as MessageCodec<never>)
    this.#size = codec.size as number
    this.#memory = memoryOf(arena)
    this.#stage = arena.made(this.core.thread_scratch(), "a thread's messages", SCRATCH_BYTES) + SCRATCH_VALUES
  }

  /** @internal */
  override get cell(): number {
    return this.#cell
  }

  override check(value: T): void {
    this.#put(value, this.#stage)
  }

  trySend(value: T): boolean {
    this.#put(value, this.#stage)
    return this.core.channel_trySendF64(this.at, this.open, 0) === FINE || this.refused(value)
  }

  /** @internal */
  sendAtOnce(value: T): boolean {
    return this.trySend(value)
  }

  sendSync(value: T, options?: WaitOptions): void {
    if (!this.blocks || options !== undefined) {
      this.sendSyncWith(value, options)
      return
    }
    this.#put(value, this.#stage)
    if (this.core.channel_trySendF64(this.at, this.open, 0) !== FINE) this.sendSlow(value)
  }

  tryReceive(): T | undefined {
    const v = this.core.channel_take64(this.at, this.open)
    return v === v ? this.#get(this.#stage) : this.missed()
  }

  receiveSync(options?: WaitOptions): T | undefined {
    if (!this.blocks || options !== undefined) return this.receiveSyncWith(options)
    const v = this.core.channel_take64(this.at, this.open)
    return v === v ? this.#get(this.#stage) : this.receiveSlow()
  }

  attemptSend(value: T): number {
    this.#put(value, this.#stage)
    this.core.channel_trySendF64(this.at, this.open, 0)
    return this.told()
  }

  attemptReceive(): number {
    this.core.channel_take64(this.at, this.open)
    return this.attempted()
  }

  parkSend(token: number, value: T): number {
    this.#put(value, this.#stage)
    return this.core.channel_parkCell(this.at, this.open, CHANNEL_SENDQ, token, this.#cell)
  }

  override parkReceive(token: number): number {
    return this.core.channel_parkCell(this.at, this.open, CHANNEL_RECVQ, token, this.#cell)
  }

  write(at: number, value: T): void {
    this.#put(value, at + (WAITER_CELL - WAITER_VALUE))
  }

  read(at: number): T {
    return this.#get(at === this.arena.valueAt ? this.#stage : at + (WAITER_CELL - WAITER_VALUE))
  }

  #put(value: T, at: number): void {
    this.codec.encode(value, this.#memory, at, at + this.#size)
  }

  #get(at: number): T {
    return this.codec.decode(this.#memory, at, at + this.#size)
  }
}
