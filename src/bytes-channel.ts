import { rangeError, show, typeError } from './errors.js'
import type { Handle } from './handle.js'
import { MessageChannel } from './message-channel.js'
import { MessageView, Reservation } from './message-views.js'
import { requireBlocking, timeoutOf, type WaitOptions } from './wait.js'

/** A channel of the codec `bytes`: its messages can be written and read in place, without a copy. */
export class BytesChannel extends MessageChannel<Uint8Array> {
  #views: ViewChannel | undefined

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
  receiveView(options?: WaitOptions): Promise<MessageView | undefined> {
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
