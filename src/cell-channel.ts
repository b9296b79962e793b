// Channels of codecs whose values all take the same few bytes: their messages lie in the channel itself, in a cell for each place of the ring. So
// nothing is allocated for a message, and memory is read and written in order.
//
// Between the codec and the core a message is on the stage. From there on until the core has it no code of the program runs; whatever has to be
// tried again, or waits, is kept in a private buffer or in a waiter.

import type { Memory, MessageCodec, Schema } from './codec/message.js'
import { CELL_MAX, CHANNEL_RECVQ, CHANNEL_SENDQ, FINE, WAITER_CELL, WAITER_VALUE } from './generated/layout.js'
import type { Site } from './handle.js'
import { type MessageMemory, messagesOf } from './message-memory.js'
import { type Stage, stageOf } from './stage.js'
import { ValueChannel } from './value-channel.js'
import { meetAsync, type Operation, type WaitOptions } from './wait.js'

/** Bytes of a cell for the codec's values; 0 if they do not lie in cells. */
export function cellFor({ size }: MessageCodec<never>): number {
  return size === undefined || size > CELL_MAX ? 0 : Math.max(8, (size + 7) & ~7)
}

/**
 * Whether no code of the program runs once the codec has begun to write or read: such as of a struct, which gets all properties first, of numbers
 * and strings. With others the stage has to be guarded, which costs some nanoseconds.
 */
function isCalm(schema: Schema, inside = false): boolean {
  if (typeof schema === 'string') return true
  const [kind, ...parts] = schema
  if (kind === 'struct') return !inside && parts.every((part) => isCalm((part as [string, Schema])[1], true))
  return kind === 'fixedString' || kind === 'enumOf'
}

/** From the value of a waiter to its cell. */
const TO_CELL = WAITER_CELL - WAITER_VALUE

export class CellChannel<T> extends ValueChannel<T> {
  readonly #cell: number
  readonly #size: number
  readonly #calm: boolean
  readonly #stage: Stage
  readonly #messages: MessageMemory
  readonly #memory: Memory
  /** Address of the stage. */
  readonly #from: number

  /** @internal */
  constructor(site: Site, codec: MessageCodec<T>) {
    super(site, codec)
    this.#cell = cellFor(codec as MessageCodec<never>)
    this.#size = codec.size as number
    this.#calm = isCalm(codec.schema)
    this.#stage = stageOf(site.arena)
    this.#messages = messagesOf(site.arena)
    this.#memory = this.#messages.memory
    this.#from = this.#stage.at
  }

  /** @internal */
  override get cell(): number {
    return this.#cell
  }

  override check(value: T): void {
    this.#messages.pack(this.codec, value)
  }

  // ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────

  trySend(value: T): boolean {
    if (this.#stage.busy) return this.#stage.aside(() => this.trySend(value))
    this.#put(value)
    return this.core.channel_trySendF64(this.at, this.open, 0) === FINE || this.refused(value)
  }

  /** @internal */
  sendAtOnce(value: T): boolean {
    return this.trySend(value)
  }

  sendSync(value: T, options?: WaitOptions): void {
    if (!this.blocks || options !== undefined || this.#stage.busy) {
      this.sendSyncWith(value, options)
      return
    }
    this.#put(value)
    if (this.core.channel_trySendF64(this.at, this.open, 0) !== FINE) this.sendSlow(value)
  }

  attemptSend(value: T): number {
    if (this.#stage.busy) return this.#stage.aside(() => this.attemptSend(value))
    this.#put(value)
    this.core.channel_trySendF64(this.at, this.open, 0)
    return this.told()
  }

  /** @internal */
  override sending(value: T): Operation {
    const message = this.#messages.pack(this.codec, value)
    const attempt = (): number => {
      this.#memory.u8.set(message, this.#from)
      this.core.channel_trySendF64(this.at, this.open, 0)
      return this.told()
    }
    const park = (token: number): number => {
      this.#memory.u8.set(message, this.#from)
      return this.#parkSend(token)
    }
    const stage = this.#stage
    return {
      patience: this.patience,
      rendezvous: this.capacity === 0,
      attempt: () => (stage.busy ? stage.aside(attempt) : attempt()),
      park: (token) => (stage.busy ? stage.aside(() => park(token)) : park(token)),
    }
  }

  /** @internal */
  override meeting(value: T): Promise<void> {
    if (this.#stage.busy) return meetAsync(this.arena, this.sending(value).park, this.whenSent)
    this.#put(value)
    return meetAsync(this.arena, this.#parkSend, this.whenSent)
  }

  /** Queues up to send what is on the stage. */
  readonly #parkSend = (token: number): number =>
    this.core.channel_parkCell(this.at, this.open, CHANNEL_SENDQ, token, this.#cell)

  parkSend(): number {
    throw new Error('unreachable')
  }

  // ── Receiving ────────────────────────────────────────────────────────────────────────────────────────────────────

  tryReceive(): T | undefined {
    if (this.#stage.busy) return this.#stage.aside(() => this.tryReceive())
    const v = this.core.channel_take64(this.at, this.open)
    return v === v ? this.#get() : this.missed()
  }

  receiveSync(options?: WaitOptions): T | undefined {
    if (!this.blocks || options !== undefined || this.#stage.busy) return this.receiveSyncWith(options)
    const v = this.core.channel_take64(this.at, this.open)
    return v === v ? this.#get() : this.receiveSlow()
  }

  attemptReceive(): number {
    if (this.#stage.busy) return this.#stage.aside(() => this.attemptReceive())
    this.core.channel_take64(this.at, this.open)
    return this.attempted()
  }

  override parkReceive(token: number): number {
    return this.core.channel_parkCell(this.at, this.open, CHANNEL_RECVQ, token, this.#cell)
  }

  // ── In a waiter ──────────────────────────────────────────────────────────────────────────────────────────────────

  write(at: number, value: T): void {
    const cell = at + TO_CELL
    this.codec.encode(value, this.#memory, cell, cell + this.#size)
  }

  read(at: number): T {
    if (at === this.arena.valueAt) return this.#get()
    const cell = at + TO_CELL
    return this.codec.decode(this.#memory, cell, cell + this.#size)
  }

  // ── The codec ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Leaves a message on the stage. */
  #put(value: T): void {
    if (this.#calm) this.codec.encode(value, this.#memory, this.#from, this.#from + this.#size)
    else this.#guarded(() => this.codec.encode(value, this.#memory, this.#from, this.#from + this.#size))
  }

  /** The message that is on the stage. */
  #get(): T {
    if (this.#calm) return this.codec.decode(this.#memory, this.#from, this.#from + this.#size)
    return this.#guarded(() => this.codec.decode(this.#memory, this.#from, this.#from + this.#size))
  }

  #guarded<R>(run: () => R): R {
    const stage = this.#stage
    stage.busy = true
    try {
      return run()
    } finally {
      stage.busy = false
    }
  }
}
