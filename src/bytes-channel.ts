import { ReceiveEnd, SendEnd } from './ends.js'
import { rangeError, show, typeError } from './errors.js'
import type { Handle } from './handle.js'
import { MessageChannel } from './message-channel.js'
import { MessageView, Reservation } from './message-views.js'
import { requireBlocking, timeoutOf, type WaitOptions } from './wait.js'

/** A channel of the codec `bytes`: its messages can be written and read in place, without a copy. */
export class BytesChannel extends MessageChannel<Uint8Array> {
  #views: ViewChannel | undefined
  #sendEnd: BytesSendEnd | undefined
  #receiveEnd: BytesReceiveEnd | undefined

  override get handle(): Handle<BytesChannel> {
    return super.handle as Handle<BytesChannel>
  }

  /**
   * Room for a message of up to so many bytes, to be written in place; waits while the arena has none.
   *
   * @throws RangeError beyond a quarter of the arena; TimeoutError, the signal's reason, ClosedError.
   */
  async reserve(bytes: number, options?: WaitOptions): Promise<Reservation> {
    const timeout = timeoutOf(options)
    this.#check(bytes, 'reserve')
    return this.#reserved(
      await this.awaitMemory(() => this.messages.take(bytes), 'reserve', timeout, options?.signal),
      bytes,
    )
  }

  /** As `reserve`, blocking this thread. */
  reserveSync(bytes: number, options?: WaitOptions): Reservation {
    requireBlocking(this.arena, 'reserveSync', 'reserve')
    const timeout = timeoutOf(options)
    this.#check(bytes, 'reserveSync')
    return this.#reserved(
      this.awaitMemorySync(() => this.messages.take(bytes), 'reserve', timeout),
      bytes,
    )
  }

  /** As `reserve`, without waiting. @throws ArenaFullError if the arena has no room. */
  tryReserve(bytes: number): Reservation {
    this.#check(bytes, 'tryReserve')
    const payload = this.messages.take(bytes)
    if (payload === 0) throw this.messages.full(bytes)
    return this.#reserved(payload, bytes)
  }

  /** The oldest message, to be read in place; waits while there is none. `undefined` once closed and drained. @throws as `receive`. */
  async receiveView(options?: WaitOptions): Promise<MessageView | undefined> {
    return this.#viewing.receive(options)
  }

  /** As `receiveView`, blocking this thread. */
  receiveViewSync(options?: WaitOptions): MessageView | undefined {
    return this.#viewing.receiveSync(options)
  }

  /** The oldest message, to be read in place; `undefined` if there is none. */
  tryReceiveView(): MessageView | undefined {
    return this.#viewing.tryReceive()
  }

  /** Views until the channel is closed and drained: each is released when the loop asks for the next one, or is left. */
  async *views(): AsyncGenerator<MessageView, void, undefined> {
    for (let view = await this.receiveView(); view !== undefined; view = await this.receiveView()) {
      try {
        yield view
      } finally {
        view.release()
      }
    }
  }

  /** As `views`, blocking this thread. */
  *viewsSync(): Generator<MessageView, void, undefined> {
    for (let view = this.receiveViewSync(); view !== undefined; view = this.receiveViewSync()) {
      try {
        yield view
      } finally {
        view.release()
      }
    }
  }

  override get sender(): BytesSendEnd {
    this.#sendEnd ??= new BytesSendEnd(this)
    return this.#sendEnd
  }

  override get receiver(): BytesReceiveEnd {
    this.#receiveEnd ??= new BytesReceiveEnd(this)
    return this.#receiveEnd
  }

  get #viewing(): ViewChannel {
    this.#views ??= new ViewChannel(this.site(), this.codec as never)
    return this.#views
  }

  #reserved(payload: number, bytes: number): Reservation {
    // What is in pieces is written apart, and copied when it is sent.
    const whole = this.messages.contiguous(payload)
    const view = whole ? new Uint8Array(this.arena.memory.buffer, payload, bytes) : new Uint8Array(bytes)
    return new Reservation(this, payload, view, !whole)
  }

  #check(bytes: number, what: string): void {
    if (typeof bytes !== 'number') throw typeError(`${what} takes a number of bytes, not ${show(bytes)}`)
    if (!Number.isInteger(bytes) || bytes < 0)
      throw rangeError(`${what} takes a number of bytes, an integer from 0 on, not ${show(bytes)}`)
    this.messages.checkLength(bytes, what)
    this.requireOpen()
  }
}

/** The sending half of a channel of bytes. See {@link BytesChannel} for each method. */
export class BytesSendEnd extends SendEnd<Uint8Array> {
  declare readonly channel: BytesChannel

  override get handle(): Handle<BytesSendEnd> {
    return super.handle as Handle<BytesSendEnd>
  }

  reserve(bytes: number, options?: WaitOptions): Promise<Reservation> {
    return this.channel.reserve(bytes, options)
  }

  reserveSync(bytes: number, options?: WaitOptions): Reservation {
    return this.channel.reserveSync(bytes, options)
  }

  tryReserve(bytes: number): Reservation {
    return this.channel.tryReserve(bytes)
  }
}

/** The receiving half of a channel of bytes. See {@link BytesChannel} for each method. */
export class BytesReceiveEnd extends ReceiveEnd<Uint8Array> {
  declare readonly channel: BytesChannel

  override get handle(): Handle<BytesReceiveEnd> {
    return super.handle as Handle<BytesReceiveEnd>
  }

  receiveView(options?: WaitOptions): Promise<MessageView | undefined> {
    return this.channel.receiveView(options)
  }

  receiveViewSync(options?: WaitOptions): MessageView | undefined {
    return this.channel.receiveViewSync(options)
  }

  tryReceiveView(): MessageView | undefined {
    return this.channel.tryReceiveView()
  }

  views(): AsyncGenerator<MessageView, void, undefined> {
    return this.channel.views()
  }

  viewsSync(): Generator<MessageView, void, undefined> {
    return this.channel.viewsSync()
  }
}

/** The same channel, where what is received are views. */
class ViewChannel extends MessageChannel<MessageView> {
  override made(payload: number, length: number): MessageView {
    const { messages } = this
    if (messages.contiguous(payload)) {
      return new MessageView(new Uint8Array(this.arena.memory.buffer, payload, length), () => messages.free(payload))
    }
    const bytes = new Uint8Array(length)
    messages.gather(payload, bytes)
    messages.free(payload)
    return new MessageView(bytes)
  }
}
