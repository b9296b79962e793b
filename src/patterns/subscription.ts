// What a subscriber holds.

import type { Channel, Next } from '../channel.js'
import type { ReceiveChannel } from '../ends.js'
import type { WaitOptions } from '../wait.js'
import { checkCount, checkOptions } from './options.js'
import type { Subscribers } from './subscribers.js'
import { checkPolicy, type OverflowPolicy } from './tee.js'

export interface SubscribeOptions {
  /** How many messages may lie ready. Default 16; 0: each is handed over. */
  buffer?: number | undefined
  /** What happens to a message when so many lie ready. Default 'block': its publisher waits. */
  policy?: OverflowPolicy | undefined
}

/** @internal The options with their defaults. */
export function checkSubscribe(
  what: string,
  options: SubscribeOptions,
): Required<{ buffer: number; policy: OverflowPolicy }> {
  checkOptions(what, 'buffer, policy', options)
  const { buffer = 16, policy = 'block' } = options
  checkCount('the buffer of a subscriber', buffer, 0)
  checkPolicy('a subscriber', policy, buffer)
  return { buffer, policy }
}

/**
 * What a subscriber holds: a channel with the messages that were published after it has subscribed. The channel is closed by `unsubscribe`, and when
 * its last topic is closed; what was delivered before can still be received. `dispose` (or `using`) unsubscribes and frees its memory.
 */
export class Subscription<T> {
  /** Gives the messages: for `select`, for another thread (its handle), or for what this has no method for. */
  readonly channel: ReceiveChannel<T>
  readonly #subscribers: Subscribers<T>
  readonly #own: Channel<T>
  /** @internal */ readonly id: number
  #disposed = false

  /** @internal */
  constructor(subscribers: Subscribers<T>, id: number, channel: Channel<T>) {
    this.channel = channel.receiver
    this.#subscribers = subscribers
    this.#own = channel
    this.id = id
  }

  /** The names of its topics; none once it is unsubscribed. That of a {@link Topic} is ''. */
  get topics(): string[] {
    return this.#subscribers.topicsOf(this.id)
  }

  /** How many messages lie ready. */
  get length(): number {
    return this.channel.length
  }

  /** Whether no more messages come; some may lie ready. */
  get closed(): boolean {
    return this.channel.closed
  }

  /** The next message; `undefined` once it is unsubscribed and all are received. See {@link Channel.receive}. */
  receive(options?: WaitOptions): Promise<T | undefined> {
    return this.channel.receive(options)
  }

  receiveSync(options?: WaitOptions): T | undefined {
    return this.channel.receiveSync(options)
  }

  tryReceive(): T | undefined {
    return this.channel.tryReceive()
  }

  next(options?: WaitOptions): Promise<Next<T>> {
    return this.channel.next(options)
  }

  nextSync(options?: WaitOptions): Next<T> {
    return this.channel.nextSync(options)
  }

  tryNext(): Next<T> | undefined {
    return this.channel.tryNext()
  }

  /** Messages until it is unsubscribed. Leaving the loop does not unsubscribe, and loses no message. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    return this.channel[Symbol.asyncIterator]()
  }

  /** The same, blocking this thread. */
  sync(): Generator<T, void, undefined> {
    return this.channel.sync()
  }

  /**
   * Wants no more messages, or none of these topics. Without a topic left the channel is closed, and a publisher who waits for room in it goes on.
   * Does nothing the second time.
   */
  unsubscribe(...topics: string[]): void {
    this.#subscribers.remove(this.id, this.#own, topics.length === 0 ? undefined : topics)
  }

  /** Unsubscribes, and frees the channel's memory with what lies in it, as soon as nobody can be sending to it. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.unsubscribe()
    this.#subscribers.bury(this.#own)
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
