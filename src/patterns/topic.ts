// Topic: publish and subscribe, across threads.

import type { Arena } from '../arena.js'
import { arenaOption, codecHere } from '../channel-codecs.js'
import { requireCodec } from '../codec/index.js'
import { type AnyCodec, isMessageCodec } from '../codec/message.js'
import { KIND_TOPIC } from '../generated/layout.js'
import { type Handle, makeHandle, registerKind, type Site } from '../handle.js'
import { SharedObject } from '../object.js'
import { requireBlocking, type WaitOptions } from '../wait.js'
import { ALL, makeTopic, topicCodec } from './members.js'
import { checkOptions } from './options.js'
import { Subscribers } from './subscribers.js'
import { checkSubscribe, type SubscribeOptions, Subscription } from './subscription.js'

export interface TopicOptions {
  /** Where it and the channels of its subscribers are made. Default: `defaultArena()`. */
  arena?: Arena | undefined
}

/** The name of the topic that a Topic is. */
const SELF: readonly string[] = ['']

/** @internal The place of a new hub, or of one that was opened. */
export function hubSite(what: string, kind: number, codec: AnyCodec<never>, options: TopicOptions, site?: Site): Site {
  if (!isMessageCodec(codec)) requireCodec(codec, what)
  checkOptions(what, 'arena', options)
  return site ?? makeTopic(arenaOption(options.arena), kind, codec)
}

/**
 * What is published goes to all who have subscribed before, each by a channel of its own, in whatever thread they are. A publisher waits while the
 * channel of a subscriber is full, unless that one has said what to drop ('drop-new', 'drop-old'); with nobody there, a message is lost. The
 * messages of one publisher come in their order to every subscriber.
 *
 * A subscriber that unsubscribes lets a publisher go on who waits for it. So does one whose thread has ended, once its end has been noticed:
 * publishers look after those that they wait for, ten times a second. A publisher that is terminated has reached all subscribers, some or none.
 *
 * What was done before `publish`, who receives the message sees. Takes 1 KiB, a map of its subscribers, and for each of them a channel.
 *
 * @example
 * const prices = new Topic(f64)
 * using mine = prices.subscribe({ buffer: 8, policy: 'drop-old' })
 * await prices.publish(99.5) // 1
 * await mine.receive() // 99.5
 */
export class Topic<T> extends SharedObject {
  readonly what = 'the topic'
  readonly codec: AnyCodec<T>
  readonly #subscribers: Subscribers<T>

  /** @throws TypeError (ERR_INVALID_ARG_TYPE) unless it is a codec; ArenaFullError if the arena has no room. */
  constructor(codec: AnyCodec<T>, options?: TopicOptions)
  /** @internal */
  constructor(codec: AnyCodec<T>, options: TopicOptions | undefined, site: Site)
  constructor(codec: AnyCodec<T>, options: TopicOptions = {}, site?: Site) {
    super(hubSite('Topic', KIND_TOPIC, codec as AnyCodec<never>, options, site))
    this.codec = codec
    this.#subscribers = new Subscribers({ arena: this.arena, at: this.at, open: this.open }, codec, this.what)
  }

  /** How many subscribers there are. */
  get subscribers(): number {
    return this.#subscribers.count()
  }

  /** Whether it is closed: nothing is published any more. */
  get closed(): boolean {
    return this.#subscribers.closed
  }

  /**
   * Subscribes to what is published from now on. The messages come by a channel of this thread's arena; give its handle to another thread, or
   * subscribe there.
   *
   * @throws ClosedError (ERR_CLOSED, `send on closed channel`) once closed; ArenaFullError; TypeError, RangeError for options that make no sense.
   */
  subscribe(options: SubscribeOptions = {}): Subscription<T> {
    const { buffer, policy } = checkSubscribe('subscribe', options)
    const { id, channel } = this.#subscribers.add(SELF, buffer, policy, ALL)
    return new Subscription(this.#subscribers, id, channel)
  }

  /**
   * Gives the value to all subscribers. Those who have room get it at once; waits for the others. Resolves with how many have got it.
   *
   * @throws ClosedError (ERR_CLOSED, `send on closed channel`) once closed; TimeoutError (ERR_TIMEOUT; `transferred` says how many have got it) or the
   * signal's reason: who has got it by then has got it; TypeError, RangeError for a value that is not the codec's.
   */
  publish(value: T, options?: WaitOptions): Promise<number> {
    return this.#subscribers.publish(SELF, value, options)
  }

  /** As `publish`, blocking this thread. @throws as `publish`; BlockingNotAllowedError (ERR_BLOCKING_NOT_ALLOWED). */
  publishSync(value: T, options?: WaitOptions): number {
    requireBlocking(this.arena, 'publishSync', 'publish')
    return this.#subscribers.publishSync(SELF, value, options)
  }

  /** Gives the value to those who have room; for the others it is dropped. Returns how many have got it. Never waits. @throws as `publish`. */
  tryPublish(value: T): number {
    return this.#subscribers.tryPublish(SELF, value)
  }

  /**
   * Closes it, and the channels of all subscribers: what they have got they can still receive. A publish that waits resolves, with fewer. Does nothing
   * the second time.
   */
  close(): void {
    this.#subscribers.close()
  }

  /** As `close`, but first waits for what this thread is publishing; from the call on, nothing more is published. @throws TimeoutError or the signal's reason: it is closed all the same. */
  shutdown(options?: WaitOptions): Promise<void> {
    return this.#subscribers.shutdown(options)
  }

  /** Stands for this topic in messages to other threads; see `open`. */
  get handle(): Handle<Topic<T>> {
    this.#subscribers.live()
    return makeHandle({ arena: this.arena, at: this.at, open: this.open }, 'topic', this.codec, 'both')
  }

  /** Closes it and frees its memory; that of the channels is their subscribers' to free. Not to be called while other threads use it. */
  override dispose(): void {
    if (this.at === 0) return
    this.close()
    super.dispose()
    this.#subscribers.dispose()
  }
}

registerKind('topic', KIND_TOPIC, (site, handle, options) => {
  const codec = codecHere(topicCodec(site), handle.codec, handle.schema, options.codec, 'the topic')
  return new Topic(codec as AnyCodec<unknown>, undefined, site)
})
