// Messages of bytes without a copy: written where they will be read, read where they were written.
//
// Memory that is shared cannot be taken away from a Uint8Array: what throws after the end is the view's `bytes`. Whoever keeps the Uint8Array
// itself beyond that reads, or overwrites, somebody else's message.

import type { BytesChannel } from './bytes-channel.js'
import { ReleasedError, rangeError, show, typeError } from './errors.js'
import { requireBlocking, timeoutOf, type WaitOptions } from './wait.js'

/**
 * A message that is being written, made by `reserve`: nobody else sees it before it is committed. Its memory stays reserved until it is
 * committed or aborted: `using` sees to that.
 *
 * @example
 * using message = await ch.reserve(1024)
 * const length = fill(message.bytes)
 * await message.commit(length)
 */
export class Reservation {
  readonly #channel: BytesChannel
  readonly #payload: number
  /** Whether the bytes are written in memory of their own, because the arena had room in several pieces only. */
  readonly #apart: boolean
  #bytes: Uint8Array | undefined
  #length: number

  /** @internal */
  constructor(channel: BytesChannel, payload: number, bytes: Uint8Array, apart: boolean) {
    this.#channel = channel
    this.#payload = payload
    this.#apart = apart
    this.#bytes = bytes
    this.#length = bytes.length
  }

  /** Where to write; what it holds before is arbitrary. In shared memory, if the arena had room in one piece. @throws ReleasedError (ERR_RELEASED) once committed or aborted. */
  get bytes(): Uint8Array {
    if (this.#bytes === undefined) throw new ReleasedError('the reservation', 'committed or aborted')
    return this.#bytes
  }

  /**
   * Sends the first `length` bytes, by default all, waiting while the channel is full. Whatever comes of it, the reservation has ended.
   *
   * @throws as `send`, and then the memory has been given back; RangeError for more bytes than were reserved, and then nothing has changed.
   */
  async commit(length?: number, options?: WaitOptions): Promise<void> {
    const timeout = timeoutOf(options)
    this.#end(length)
    await this.#channel.sendPayload(this.#payload, this.#length, timeout, options?.signal)
  }

  /** As `commit`, blocking this thread. */
  commitSync(length?: number, options?: WaitOptions): void {
    requireBlocking(this.#channel.arena, 'commitSync', 'commit')
    const timeout = timeoutOf(options)
    this.#end(length)
    this.#channel.sendPayloadSync(this.#payload, this.#length, timeout)
  }

  /** As `commit`, if the channel has room. Returns whether it did; if not, the reservation stays. */
  tryCommit(length?: number): boolean {
    const { bytes } = this
    this.#end(length)
    if (this.#channel.trySendPayload(this.#payload, this.#length, true)) return true
    this.#bytes = bytes
    return false
  }

  /** Gives the memory back; nothing is sent. A second call does nothing, nor one after a commit. */
  abort(): void {
    if (this.#bytes === undefined) return
    this.#bytes = undefined
    this.#channel.messages.free(this.#payload)
  }

  [Symbol.dispose](): void {
    this.abort()
  }

  #end(length: number | undefined): void {
    const { bytes } = this
    if (length !== undefined) {
      if (typeof length !== 'number') throw typeError(`the length to commit is a number of bytes, not ${show(length)}`)
      if (!Number.isInteger(length) || length < 0 || length > bytes.length)
        throw rangeError(
          `the length to commit is an integer from 0 to the ${bytes.length} bytes reserved, not ${length}`,
        )
    }
    this.#length = length ?? bytes.length
    this.#bytes = undefined
    if (this.#apart) this.#channel.messages.scatter(bytes.subarray(0, this.#length), this.#payload)
  }
}

/**
 * A message that has been received and is read in place, made by `receiveView`. Its memory is given back by `release`: `using` sees to that.
 *
 * @example
 * using message = await ch.receiveView()
 * if (message) parse(message.bytes)
 */
export class MessageView {
  readonly #free: (() => void) | undefined
  #bytes: Uint8Array | undefined

  /** @internal */
  constructor(bytes: Uint8Array, free?: () => void) {
    this.#bytes = bytes
    this.#free = free
  }

  /** The message, in shared memory. @throws ReleasedError (ERR_RELEASED) once released. */
  get bytes(): Uint8Array {
    if (this.#bytes === undefined) throw new ReleasedError('the message', 'released')
    return this.#bytes
  }

  /** Gives the memory back. A second call does nothing. */
  release(): void {
    if (this.#bytes === undefined) return
    this.#bytes = undefined
    this.#free?.()
  }

  [Symbol.dispose](): void {
    this.release()
  }
}
