// PubSub: topics by name, across threads.

import { codecHere } from '../channel-codecs.js'
import type { AnyCodec } from '../codec/message.js'
import { rangeError, show, typeError } from '../errors.js'
import { KIND_PUB_SUB } from '../generated/layout.js'
import { type Handle, makeHandle, registerKind, type Site } from '../handle.js'
import { SharedObject } from '../object.js'
import { requireBlocking, type WaitOptions } from '../wait.js'
import { ALL, type Mode, ONCE, ONCE_EACH, topicCodec } from './members.js'
import { Subscribers } from './subscribers.js'
import { checkSubscribe, type SubscribeOptions, Subscription } from './subscription.js'
import { hubSite, type TopicOptions } from './topic.js'

/** The name of a topic, or several. */
export type Topics = string | readonly string[]

/**
 * Topics by name, in one place for all threads: a subscriber may have several of them and gets their messages by one channel, in the order in which
 * each publisher has published them. A topic is there while somebody subscribes to it. For publishers and threads that end, see {@link Topic}.
 *
 * After `github.com/cskr/pubsub`.
 *
 * @example
 * const hub = new PubSub(any())
 * using mine = hub.subscribe(['weather', 'traffic'])
 * await hub.publish('weather', { rain: true }) // 1
 * await mine.receive() // { rain: true }
 */
export class PubSub<T> extends SharedObject {
  readonly what = 'the hub'
  readonly codec: AnyCodec<T>
  readonly #subscribers: Subscribers<T>

  /** @throws TypeError (ERR_INVALID_ARG_TYPE) unless it is a codec; ArenaFullError if the arena has no room. */
  constructor(codec: AnyCodec<T>, options?: TopicOptions)
  /** @internal */
  constructor(codec: AnyCodec<T>, options: TopicOptions | undefined, site: Site)
  constructor(codec: AnyCodec<T>, options: TopicOptions = {}, site?: Site) {
    super(hubSite('PubSub', KIND_PUB_SUB, codec as AnyCodec<never>, options, site))
    this.codec = codec
    this.#subscribers = new Subscribers({ arena: this.arena, at: this.at, open: this.open }, codec, this.what)
  }

  /** The topics that somebody subscribes to. */
  get topics(): string[] {
    return this.#subscribers.topics()
  }

  /** How many subscribers a topic has. */
  subscribers(topic: string): number {
    return this.#subscribers.count(...namesOf(topic))
  }

  /** Whether it is shut down. */
  get closed(): boolean {
    return this.#subscribers.closed
  }

  /** Subscribes to what is published from now on in any of the topics. @throws ClosedError once shut down; ArenaFullError; TypeError, RangeError. */
  subscribe(topics: Topics, options: SubscribeOptions = {}): Subscription<T> {
    return this.#subscribe(topics, options, ALL)
  }

  /** Subscribes to one message: the first in any of the topics. Then the channel is closed. @throws as `subscribe`. */
  subOnce(topics: Topics, options: SubscribeOptions = {}): Subscription<T> {
    return this.#subscribe(topics, options, ONCE)
  }

  /** Subscribes to one message of each topic: the first. After the last the channel is closed. @throws as `subscribe`. */
  subOnceEach(topics: Topics, options: SubscribeOptions = {}): Subscription<T> {
    return this.#subscribe(topics, options, ONCE_EACH)
  }

  /** Adds topics to a subscription: later messages come by its channel. False if it is unsubscribed already. @throws as `subscribe`. */
  addSub(subscription: Subscription<T>, topics: Topics): boolean {
    return this.#subscribers.extend(subscription.id, namesOf(topics))
  }

  /**
   * Takes topics from a subscription; without names, all. With its last topic its channel is closed, and a publisher who waits for room in it goes on.
   * What it does not have it does not lose.
   */
  unsubscribe(subscription: Subscription<T>, topics?: Topics): void {
    subscription.unsubscribe(...(topics === undefined ? [] : namesOf(topics)))
  }

  /**
   * Gives the value to all subscribers of the topics, once for each. Those who have room get it at once; waits for the others. Resolves with how many it
   * was given to.
   *
   * @throws ClosedError (ERR_CLOSED, `send on closed channel`) once shut down; TimeoutError (ERR_TIMEOUT; `transferred` says how many have got it) or
   * the signal's reason: who has got it by then has got it; TypeError, RangeError for a value that is not the codec's.
   */
  publish(topics: Topics, value: T, options?: WaitOptions): Promise<number> {
    try {
      return this.#subscribers.publish(namesOf(topics), value, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** As `publish`, blocking this thread. @throws as `publish`; BlockingNotAllowedError (ERR_BLOCKING_NOT_ALLOWED). */
  publishSync(topics: Topics, value: T, options?: WaitOptions): number {
    requireBlocking(this.arena, 'publishSync', 'publish')
    return this.#subscribers.publishSync(namesOf(topics), value, options)
  }

  /** Gives the value to those who have room; for the others it is dropped. Returns how many have got it. Never waits. @throws as `publish`. */
  tryPublish(topics: Topics, value: T): number {
    return this.#subscribers.tryPublish(namesOf(topics), value)
  }

  /** Takes the topics from all who have them: who has no other, its channel is closed. Whoever subscribes after that begins anew. */
  closeTopic(...topics: string[]): void {
    this.#subscribers.closeTopics(namesOf(topics))
  }

  /**
   * Ends it: nothing more is published, in any thread. Waits for what this thread is publishing, then closes the channels of all subscribers, who can
   * still receive what they have got.
   *
   * @throws TimeoutError (ERR_TIMEOUT) or the signal's reason: it is shut down all the same.
   */
  shutdown(options?: WaitOptions): Promise<void> {
    return this.#subscribers.shutdown(options)
  }

  /** Stands for this hub in messages to other threads; see `open`. */
  get handle(): Handle<PubSub<T>> {
    this.#subscribers.live()
    return makeHandle({ arena: this.arena, at: this.at, open: this.open }, 'pub-sub', this.codec, 'both')
  }

  /** Ends it at once and frees its memory; that of the channels is their subscribers' to free. Not to be called while other threads use it. */
  override dispose(): void {
    if (this.at === 0) return
    this.#subscribers.close()
    super.dispose()
    this.#subscribers.dispose()
  }

  #subscribe(topics: Topics, options: SubscribeOptions, mode: Mode): Subscription<T> {
    const names = namesOf(topics)
    const { buffer, policy } = checkSubscribe('subscribe', options)
    // One message, or one of each: they have room.
    const room = mode === ALL ? buffer : Math.max(buffer, mode === ONCE ? 1 : names.length)
    const { id, channel } = this.#subscribers.add([...new Set(names)], room, policy, mode)
    return new Subscription(this.#subscribers, id, channel)
  }
}

function namesOf(topics: Topics): readonly string[] {
  const names = Array.isArray(topics) ? (topics as readonly string[]) : [topics as string]
  for (const name of names)
    if (typeof name !== 'string') throw typeError(`a topic has a string as its name, not ${show(name)}`)
  if (names.length === 0) throw rangeError('there is at least one topic, not none')
  return names
}

registerKind('pub-sub', KIND_PUB_SUB, (site, handle, options) => {
  const codec = codecHere(topicCodec(site), handle.codec, handle.schema, options.codec, 'the hub')
  return new PubSub(codec as AnyCodec<unknown>, undefined, site)
})
