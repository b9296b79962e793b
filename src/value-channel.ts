// What channels of message codecs have in common, in blocks or in cells: batches go value by value.

import { type BatchSource, withProgress } from './batch.js'
import { Channel } from './channel.js'
import type { MessageCodec } from './codec/message.js'
import { ClosedError, show, TimeoutError, typeError } from './errors.js'
import { CHANNEL_CLOSED } from './generated/layout.js'
import { overdueTurn } from './turn.js'
import { left, requireBlocking, timeoutOf, type WaitOptions } from './wait.js'

/** What is sent one by one. A string is no batch of characters. */
function iterable<T>(values: BatchSource<T>, codec: MessageCodec<T>): Iterable<T> {
  if (typeof values === 'object' && typeof (values as Iterable<T> | null)?.[Symbol.iterator] === 'function')
    return values as Iterable<T>
  throw typeError(`a batch for ${codec.name} is an array or another iterable of its values, not ${show(values)}`)
}

export abstract class ValueChannel<T> extends Channel<T> {
  declare readonly codec: MessageCodec<T>

  /** @internal As trySend, but false also where anything else has to be waited for. */
  abstract sendAtOnce(value: T): boolean

  override async sendMany(values: BatchSource<T>, options?: WaitOptions): Promise<number> {
    const timeout = timeoutOf(options)
    const since = performance.now()
    let sent = 0
    try {
      for (const value of iterable(values, this.codec)) {
        if (!this.sendAtOnce(value)) {
          await this.send(value, { timeout: left(timeout, since), signal: options?.signal })
        }
        sent++
      }
    } catch (error) {
      throw withProgress(error instanceof TimeoutError ? new TimeoutError('sendMany', timeout) : error, sent)
    }
    if (sent === 0) this.requireOpen()
    const turn = overdueTurn()
    if (turn !== undefined) await turn
    return sent
  }

  override sendManySync(values: BatchSource<T>, options?: WaitOptions): number {
    requireBlocking(this.arena, 'sendManySync', 'sendMany')
    const timeout = timeoutOf(options)
    const since = performance.now()
    let sent = 0
    try {
      for (const value of iterable(values, this.codec)) {
        this.sendSync(value, timeout === Number.POSITIVE_INFINITY ? undefined : { timeout: left(timeout, since) })
        sent++
      }
    } catch (error) {
      throw withProgress(error instanceof TimeoutError ? new TimeoutError('sendMany', timeout) : error, sent)
    }
    if (sent === 0) this.requireOpen()
    return sent
  }

  override trySendMany(values: BatchSource<T>): number {
    let sent = 0
    try {
      for (const value of iterable(values, this.codec)) {
        if (!this.trySend(value)) return sent
        sent++
      }
    } catch (error) {
      throw withProgress(error, sent)
    }
    if (sent === 0) this.requireOpen()
    return sent
  }

  /** @internal Whether nothing can be sent any more: closed, or disposed of. */
  ended(): boolean {
    const flags = this.at === 0 ? -1 : this.core.channel_flags(this.at, this.open)
    return flags < 0 || (flags & CHANNEL_CLOSED) !== 0
  }

  /** @internal Throws what a send throws on a channel that has ended. */
  requireOpen(): 0 {
    if (!this.ended()) return 0
    if (this.at !== 0 && this.core.channel_flags(this.at, this.open) >= 0)
      throw new ClosedError('send on closed channel')
    throw this.stale()
  }
}
