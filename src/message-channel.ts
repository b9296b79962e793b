// Channels of codecs whose values travel as messages. A message is encoded once, whatever it then has to wait for; until it is with the channel it
// is in this thread's hands, and a send that does not come about gives its memory back.

import type { MessageCodec } from './codec/message.js'
import { ArenaFullError, TimeoutError } from './errors.js'
import { CHANNEL_HEAD, CHANNEL_TAIL, FINE, HEAD_STATE, OK, WAITER_VALUE, WOULD_BLOCK } from './generated/layout.js'
import type { Site } from './handle.js'
import { type MessageMemory, messagesOf } from './message-memory.js'
import { overdueTurn } from './turn.js'
import { ValueChannel } from './value-channel.js'
import {
  left,
  type Operation,
  outcomeOf,
  release,
  requireBlocking,
  timeoutOf,
  type WaitOptions,
  waitAsync,
  waitSync,
} from './wait.js'

const RESOLVED = Promise.resolve()

export class MessageChannel<T> extends ValueChannel<T> {
  /** @internal */ readonly messages: MessageMemory
  readonly #valueWord: number

  /** @internal */
  constructor(site: Site, codec: MessageCodec<T>) {
    super(site, codec)
    this.messages = messagesOf(site.arena)
    this.#valueWord = site.arena.valueAt >>> 2
  }

  override get takesMemory(): boolean {
    return true
  }

  override check(value: T): void {
    // What has a fixed size is looked at when it is encoded.
    if (this.codec.size === undefined) this.messages.measure(this.codec, value)
    else this.messages.pack(this.codec, value)
  }

  // ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────

  trySend(value: T): boolean {
    if (this.#full()) return false
    const payload = this.messages.encode(this.codec, value)
    return this.trySendPayload(payload === 0 ? this.#place(value) : payload, this.messages.length)
  }

  /** @internal */
  sendAtOnce(value: T): boolean {
    if (this.#full()) return false
    const payload = this.messages.encode(this.codec, value)
    return payload !== 0 && this.trySendPayload(payload, this.messages.length)
  }

  /** @internal Sends a message that is in our hands: whether it did. If not (unless it is to `stay`), or if it throws, the message is freed. */
  trySendPayload(payload: number, length: number, stay = false): boolean {
    if (this.core.channel_trySendMessage(this.at, this.open, payload, length) === FINE) return true
    const status = this.settled(this.told(), () => this.#attempt(payload, length))
    if (status === OK) return true
    if (status === WOULD_BLOCK && stay) return false
    this.messages.free(payload)
    if (status === WOULD_BLOCK) return false
    throw this.sendError(status)
  }

  sendSync(value: T, options?: WaitOptions): void {
    requireBlocking(this.arena, 'sendSync', 'send')
    const timeout = timeoutOf(options)
    const payload = this.messages.encode(this.codec, value)
    if (payload !== 0) this.sendPayloadSync(payload, this.messages.length, timeout)
    else {
      const since = performance.now()
      this.sendPayloadSync(this.#placeSync(value, timeout), this.messages.length, left(timeout, since), timeout)
    }
  }

  /** @internal As trySendPayload, waiting for room. `stated` is the timeout for the error. */
  sendPayloadSync(payload: number, length: number, timeout: number, stated = timeout): void {
    if (this.core.channel_trySendMessage(this.at, this.open, payload, length) === FINE) return
    let status = this.settled(this.told(), () => this.#attempt(payload, length))
    if (status === WOULD_BLOCK) {
      const end = waitSync(this.arena, this.#sendingPayload(payload, length), timeout)
      status = outcomeOf(this.arena, end)
      release(this.arena, end)
    }
    if (status === OK) return
    this.messages.free(payload)
    throw this.sendError(status, stated)
  }

  override send(value: T, options?: WaitOptions): Promise<void> {
    try {
      const timeout = timeoutOf(options)
      const payload = this.messages.encode(this.codec, value)
      if (payload !== 0) return this.sendPayload(payload, this.messages.length, timeout, options?.signal)
      return this.#sendLater(value, timeout, options?.signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** @internal As sendPayloadSync, by promise. */
  sendPayload(
    payload: number,
    length: number,
    timeout: number,
    signal: AbortSignal | undefined,
    stated = timeout,
  ): Promise<void> {
    const status = this.settled(this.#attempt(payload, length), () => this.#attempt(payload, length))
    if (status === OK) return overdueTurn() ?? RESOLVED
    if (status !== WOULD_BLOCK) {
      this.messages.free(payload)
      return Promise.reject(this.sendError(status))
    }
    // Aborted since the operation began: while it waited for memory, or between the values of a batch.
    if (signal?.aborted) {
      this.messages.free(payload)
      return Promise.reject(signal.reason)
    }
    const wait = waitAsync(this.arena, this.#sendingPayload(payload, length), 'send', timeout, signal, (end) =>
      this.sent(end),
    )
    return wait.catch((error: unknown) => {
      // The waiter has given the message back.
      this.messages.free(payload)
      throw error instanceof TimeoutError ? new TimeoutError('send', stated) : error
    })
  }

  async #sendLater(value: T, timeout: number, signal: AbortSignal | undefined): Promise<void> {
    const since = performance.now()
    const bytes = this.messages.pack(this.codec, value)
    const payload = await this.awaitMemory(() => this.messages.place(bytes), 'send', timeout, signal)
    return this.sendPayload(payload, bytes.length, left(timeout, since), signal, timeout)
  }

  /** The value in memory of whatever kind there is. */
  #place(value: T): number {
    this.requireOpen()
    const bytes = this.messages.pack(this.codec, value)
    const payload = this.messages.place(bytes)
    if (payload === 0) throw this.messages.full(bytes.length)
    return payload
  }

  #placeSync(value: T, timeout: number): number {
    const bytes = this.messages.pack(this.codec, value)
    return this.awaitMemorySync(() => this.messages.place(bytes), 'send', timeout)
  }

  /** @internal Blocks until `take` gives a message. */
  awaitMemorySync(take: () => number, what: string, timeout: number): number {
    const search = this.#search(take)
    const fine = search.look() || this.arena.hungrySync(search.look, timeout)
    if (search.payload !== 0) return search.payload
    if (!fine) throw new TimeoutError(what, timeout)
    return this.requireOpen()
  }

  /** @internal Awaits that `take` gives a message. */
  async awaitMemory(
    take: () => number,
    what: string,
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const search = this.#search(take)
    if (!search.look()) await this.arena.hungry(search.look, what, timeout, signal)
    return search.payload !== 0 ? search.payload : this.requireOpen()
  }

  /** A search for memory: `look` says whether it is over, with a `payload`, or because nothing can be sent any more. */
  #search(take: () => number): { payload: number; look: () => boolean } {
    const search = {
      payload: 0,
      look: (): boolean => {
        if (search.payload === 0) search.payload = take()
        return search.payload !== 0 || this.ended()
      },
    }
    return search
  }

  /** Whether the channel is full at one moment: then nothing needs to be encoded for a try. */
  #full(): boolean {
    const { i32 } = this.arena
    const { at } = this
    // A hint, by plain loads; only what looks full is looked at in earnest.
    const room =
      this.capacity === 0
        ? i32[(at + HEAD_STATE) >>> 2] !== this.open
        : (((i32[(at + CHANNEL_TAIL) >>> 2] as number) - (i32[(at + CHANNEL_HEAD) >>> 2] as number)) | 0) <
          this.capacity
    return !room && at !== 0 && this.core.channel_probe(at, this.open, 1) !== 0
  }

  #attempt(payload: number, length: number): number {
    this.core.channel_trySendMessage(this.at, this.open, payload, length)
    return this.told()
  }

  #sendingPayload(payload: number, length: number): Operation {
    return {
      patience: this.patience,
      rendezvous: this.capacity === 0,
      attempt: () => this.#attempt(payload, length),
      park: (token) => this.core.channel_parkMessage(this.at, this.open, token, payload, length),
    }
  }

  // ── Receiving ────────────────────────────────────────────────────────────────────────────────────────────────────

  tryReceive(): T | undefined {
    const v = this.core.channel_take64(this.at, this.open)
    return v === v ? this.#taken() : this.missed()
  }

  receiveSync(options?: WaitOptions): T | undefined {
    if (!this.blocks || options !== undefined) return this.receiveSyncWith(options)
    const v = this.core.channel_take64(this.at, this.open)
    return v === v ? this.#taken() : this.receiveSlow()
  }

  attemptReceive(): number {
    this.core.channel_take64(this.at, this.open)
    return this.attempted()
  }

  /** The value that the core has just left us. */
  #taken(): T {
    const { u32 } = this.arena
    return this.made(u32[this.#valueWord] as number, u32[this.#valueWord + 1] as number)
  }

  /** @internal The value of the message at an address: where the core has left it, or in a waiter. */
  read(at: number): T {
    const { u32 } = this.arena
    const payload = u32[at >>> 2] as number
    const length = u32[(at + 4) >>> 2] as number
    if (at !== this.arena.valueAt) this.core.message_reclaim(at - WAITER_VALUE)
    return this.made(payload, length)
  }

  /** @internal The value of a message that is in our hands. */
  made(payload: number, length: number): T {
    return this.messages.decode(this.codec, payload, length)
  }

  // ── In a select ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** @internal Leaves a message in a waiter, to which it belongs once that is parked. @throws ArenaFullError. */
  write(at: number, value: T): void {
    const payload = this.messages.encode(this.codec, value) || this.#place(value)
    const { u32 } = this.arena
    u32[at >>> 2] = payload
    u32[(at + 4) >>> 2] = this.messages.length
  }

  override hasRoom(value: T): boolean {
    try {
      this.core.message_free(this.messages.encode(this.codec, value) || this.#place(value))
      return true
    } catch (error) {
      if (error instanceof ArenaFullError) return false
      throw error
    }
  }

  /** @internal The message in a waiter that was not sent. */
  override forget(at: number): void {
    this.core.message_reclaim(at - WAITER_VALUE)
    this.messages.free(this.arena.u32[at >>> 2] as number)
  }

  // Payloads are sent here, never values: see sendPayload and its like.

  attemptSend(): number {
    throw new Error('unreachable')
  }

  parkSend(): number {
    throw new Error('unreachable')
  }

  // ── The end ──────────────────────────────────────────────────────────────────────────────────────────────────────

  override close(): void {
    super.close()
    // Who waits for memory to send here need not wait any longer.
    this.arena.relieve()
  }

  override dispose(): void {
    super.dispose()
    this.arena.relieve()
  }
}
