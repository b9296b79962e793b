// The subscribers of a topic, or of a hub of topics, for all threads: a map from numbers to where each one's channel is.
//
// TOPIC_VERSION changes after every change of the map. Who publishes keeps what it has read of the map, and reads it again when the version is another
// one: who has subscribed before a publish begins gets its message.
//
// In TOPIC_PUBLISHERS each thread notes that it is at it, before it looks at the version. So a channel's memory is given back when nobody can be in the
// middle of a send to it: it is out of the map, the version has changed after that, and then no live thread was noted. The note of a thread that was
// terminated names one that is no more.

import type { Arena } from '../arena.js'
import type { Channel } from '../channel.js'
import { channel, numberOf } from '../channel-codecs.js'
import { u32 } from '../codec/index.js'
import type { AnyCodec, MessageCodec } from '../codec/message.js'
import { u8 } from '../codec/scalars.js'
import { string } from '../codec/string.js'
import { tuple } from '../codec/tuple.js'
import { ClosedError, StaleHandleError, typeError } from '../errors.js'
import {
  ARENA,
  ARENA_THREADS,
  HEAD_STATE,
  LAYOUT_VERSION,
  MAX_THREADS,
  THREAD_ALIVE,
  THREAD_BYTES,
  THREAD_STATE,
  TOPIC_BYTES,
  TOPIC_CODEC,
  TOPIC_IDS,
  TOPIC_MAP,
  TOPIC_MAP_OPEN,
  TOPIC_PUBLISHERS,
  TOPIC_VERSION,
} from '../generated/layout.js'
import { type Handle, open, type Site } from '../handle.js'
import { createObject } from '../object.js'
import { ShardedMap } from '../sharded-map.js'
import { TimerEntry, timers } from '../timer-heap.js'
import type { OverflowPolicy } from './tee.js'

/** Milliseconds after which memory is tried to be given back, and between two tries at most. */
const FIRST_TRY = 10
export const LAST_TRY = 5000

const CLOSED_FLAG = 1
const CHANGE = 2

/** For how many messages one has subscribed: all; the first one; the first one of each topic. */
export const ALL = 0
export const ONCE = 1
export const ONCE_EACH = 2
export type Mode = typeof ALL | typeof ONCE | typeof ONCE_EACH

const POLICIES: readonly OverflowPolicy[] = ['block', 'drop-new', 'drop-old']

/** A subscriber in the map. The topics are a list in JSON. */
type Entry = [
  address: number,
  generation: number,
  slot: number,
  thread: number,
  policy: number,
  mode: number,
  topics: string,
]
const entryCodec = (): MessageCodec<Entry> =>
  tuple(u32, u32, u32, u32, u8, u8, string) as unknown as MessageCodec<Entry>

/** Places in an Entry. */
export const SLOT = 2
const THREAD = 3
const POLICY = 4
const MODE = 5
const TOPICS = 6

/** What a claim says: the message is not for it; it is, and more may come; it is the last one. */
export const NONE = 0
export const MORE = 1
export const LAST = 2

/** A subscriber as this thread knows it. */
export interface Member<T> {
  readonly id: number
  entry: Entry
  readonly channel: Channel<T>
}

/** Makes the block of a hub and its map. */
export function makeTopic(arena: Arena, kind: number, codec: AnyCodec<never>): Site {
  const map = new ShardedMap(u32, entryCodec(), { arena, shards: 1 })
  try {
    const site = createObject(arena, kind, TOPIC_BYTES, 'a topic')
    const word = (offset: number): number => (site.at + offset) >>> 2
    // plain: nobody else knows of it until its handle travels.
    arena.u32[word(TOPIC_CODEC)] = numberOf(codec)
    arena.u32[word(TOPIC_MAP_OPEN)] = map.open
    Atomics.store(arena.u32, word(TOPIC_MAP), map.at)
    return site
  } catch (error) {
    map.dispose()
    throw error
  }
}

/** Number of the codec of the topic at that address. @throws TypeError for a block that was just being made: its maker sets the map last. */
export function topicCodec(site: Site): number {
  if (Atomics.load(site.arena.u32, (site.at + TOPIC_MAP) >>> 2) === 0)
    throw typeError('the handle is not of a topic that has been made')
  return site.arena.u32[(site.at + TOPIC_CODEC) >>> 2] as number
}

/** The subscribers, and who of them gets what. */
export class Members<T> {
  readonly arena: Arena
  readonly codec: AnyCodec<T>
  readonly #what: string
  readonly #site: Site
  readonly #map: ShardedMap<number, Entry>
  #members = new Map<number, Member<T>>()
  byTopic = new Map<string, Member<T>[]>()
  /** What this thread knows is of that version. */
  #version = -1

  constructor(site: Site, codec: AnyCodec<T>, what: string) {
    const { arena, at } = site
    this.arena = arena
    this.codec = codec
    this.#what = what
    this.#site = site
    const map = { arena, at: this.#load(TOPIC_MAP), open: arena.i32[(at + TOPIC_MAP_OPEN) >>> 2] as number }
    this.#map = new ShardedMap<number, Entry>(u32, entryCodec(), undefined, map)
  }

  #word(offset: number): number {
    return (this.#site.at + offset) >>> 2
  }

  #load(offset: number): number {
    return Atomics.load(this.arena.u32, this.#word(offset))
  }

  #isStale(): boolean {
    const { arena, at, open } = this.#site
    return Atomics.load(arena.i32, (at + HEAD_STATE) >>> 2) !== open
  }

  /** Throws once it has been disposed of. */
  live(): void {
    if (this.#isStale()) throw new StaleHandleError(this.#what)
  }

  get closed(): boolean {
    this.live()
    return (this.#load(TOPIC_VERSION) & CLOSED_FLAG) !== 0
  }

  /** How many there are, of a topic or of all. */
  count(topic?: string): number {
    this.live()
    if (topic === undefined) return this.#map.size
    return this.noted(() => this.byTopic.get(topic)?.length ?? 0)
  }

  /** The names of the topics that somebody has subscribed to. */
  topics(): string[] {
    this.live()
    return this.noted(() => [...this.byTopic.keys()])
  }

  // ── Subscribing ──────────────────────────────────────────────────────────────────────────────────────────────────

  add(
    topics: readonly string[],
    buffer: number,
    policy: OverflowPolicy,
    mode: Mode,
  ): { id: number; channel: Channel<T> } {
    this.requireOpen()
    const { arena } = this
    const ch = channel(this.codec, { capacity: buffer, arena })
    const id = Atomics.add(arena.u32, this.#word(TOPIC_IDS), 1) + 1
    const { address, generation } = ch.handle
    const thread = arena.u32[((arena.slot + THREAD_STATE) >>> 2) + 1] as number
    try {
      this.#map.set(id, [address, generation, arena.slot, thread, POLICIES.indexOf(policy), mode, namesOf(topics)])
    } catch (error) {
      ch.dispose()
      throw error
    }
    // Whoever closes it marks it as closed first and looks at the map then.
    if ((this.#changed() & CLOSED_FLAG) !== 0) {
      this.#map.delete(id)
      closeQuietly(ch)
      throw new ClosedError('send on closed channel')
    }
    return { id, channel: ch }
  }

  /** The topics of a subscriber; empty once it is none. */
  topicsOf(id: number): string[] {
    this.live()
    return listOf(this.#map.get(id))
  }

  /** More topics: whether it is still a subscriber. */
  extend(id: number, topics: readonly string[]): boolean {
    this.requireOpen()
    return this.#replace(id, (list) => [...list, ...topics]) !== undefined
  }

  /** Fewer topics, or none: then the channel is closed. Whether this call has changed anything. */
  remove(id: number, ch: Channel<T>, topics?: readonly string[]): boolean {
    // With the topic it has been closed.
    if (this.#isStale()) return false
    const list = this.#replace(id, (old) =>
      topics === undefined ? [] : old.filter((topic) => !topics.includes(topic)),
    )
    if (list === undefined) return false
    if (list.length === 0) closeQuietly(ch)
    return true
  }

  /** Gives the memory of a channel back that is out of the map, once nobody can be sending to it. */
  bury(ch: Channel<T>): void {
    let delay = FIRST_TRY
    const bury = (): void => {
      try {
        // Pairs with the note in noted: who notes itself after this sees that the channel is gone.
        if (this.#isStale() || !this.#isPublishing()) ch.dispose()
        else {
          timers.set(entry, performance.now() + delay)
          delay = Math.min(2 * delay, LAST_TRY)
        }
      } catch {
        // It has been disposed of, with all that belongs to it.
      }
    }
    const entry = new TimerEntry(bury, false)
    bury()
  }

  /** Notes that the map has changed: the version before. */
  #changed(): number {
    return Atomics.add(this.arena.u32, this.#word(TOPIC_VERSION), CHANGE)
  }

  /** Changes the topics of a subscriber: the new ones; undefined if it is none. With none left it is out of the map. */
  #replace(id: number, change: (topics: string[]) => string[]): string[] | undefined {
    for (;;) {
      const entry = this.#map.get(id)
      if (entry === undefined) return undefined
      const list = [...new Set(change(listOf(entry)))]
      const next = entry.with(TOPICS, namesOf(list)) as Entry
      const done = list.length === 0 ? this.#map.compareAndDelete(id, entry) : this.#map.compareAndSwap(id, entry, next)
      if (!done) continue
      this.#changed()
      return list
    }
  }

  // ── Closing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  closeTopics(topics: readonly string[]): void {
    this.live()
    for (const [id, entry] of this.#map.entries()) {
      if (!listOf(entry).some((topic) => topics.includes(topic))) continue
      const ch = this.#open(entry)
      if (ch !== undefined) this.remove(id, ch, topics)
    }
  }

  /** From now on nothing is published and nobody subscribes. */
  mark(): void {
    this.live()
    Atomics.or(this.arena.u32, this.#word(TOPIC_VERSION), CLOSED_FLAG)
    this.#changed()
  }

  close(): void {
    this.mark()
    for (const [id, entry] of this.#map.entries()) {
      const ch = this.#open(entry)
      if (ch === undefined) this.#map.delete(id)
      else this.remove(id, ch)
    }
  }

  /** Frees the memory of the map. The block itself is the caller's. */
  dispose(): void {
    this.#map.dispose()
  }
  requireOpen(): void {
    if (this.closed) throw new ClosedError('send on closed channel')
  }

  /** Runs what looks at the subscribers, as they are now or later. */
  noted<R>(run: () => R): R {
    const { u32: words, slot, slotIndex } = this.arena
    const note = this.#word(TOPIC_PUBLISHERS) + slotIndex
    // A codec may run code that publishes.
    const before = words[note] as number
    Atomics.store(words, note, words[((slot + THREAD_STATE) >>> 2) + 1] as number)
    try {
      this.#refresh()
      return run()
    } finally {
      Atomics.store(words, note, before)
    }
  }

  /** Whether any live thread is noted. */
  #isPublishing(): boolean {
    const { u32: words } = this.arena
    const notes = this.#word(TOPIC_PUBLISHERS)
    const table = words[(ARENA + ARENA_THREADS) >>> 2] as number
    for (let k = 0; k < MAX_THREADS; k++) {
      const thread = Atomics.load(words, notes + k)
      if (thread !== 0 && this.#isAlive(table + k * THREAD_BYTES, thread)) return true
    }
    return false
  }

  #isAlive(slot: number, thread: number): boolean {
    const { u32: words } = this.arena
    const state = (slot + THREAD_STATE) >>> 2
    return ((words[state] as number) & 0xff) === THREAD_ALIVE && words[state + 1] === thread
  }

  #refresh(): void {
    const version = this.#load(TOPIC_VERSION)
    if (version === this.#version) return
    const members = new Map<number, Member<T>>()
    const byTopic = new Map<string, Member<T>[]>()
    for (const [id, entry] of this.#map.entries()) {
      const ch = this.#members.get(id)?.channel ?? this.#open(entry)
      if (ch === undefined) continue
      const member = { id, entry, channel: ch }
      members.set(id, member)
      for (const topic of listOf(entry)) {
        const list = byTopic.get(topic)
        if (list === undefined) byTopic.set(topic, [member])
        else list.push(member)
      }
    }
    this.#members = members
    this.byTopic = byTopic
    this.#version = version
  }

  #open([address, generation]: Entry): Channel<T> | undefined {
    const { memory, module } = this.arena
    const { name, schema } = this.codec as { name: string; schema?: never }
    const handle = {
      ...{ millrace: LAYOUT_VERSION, kind: 'channel', view: 'both', codec: name, schema },
      ...{ address, generation, memory, module },
    } as unknown as Handle<Channel<T>>
    try {
      return open(handle, { codec: this.codec as AnyCodec<never> })
    } catch (error) {
      if (error instanceof StaleHandleError) return undefined
      throw error
    }
  }

  /** Of those who want one message: whether this is it. */
  claim(member: Member<T>, topic: string): number {
    const mode = member.entry[MODE]
    if (mode === ALL) return MORE
    const change = (list: string[]): string[] =>
      mode === ONCE || !list.includes(topic) ? [] : list.filter((t) => t !== topic)
    for (;;) {
      const entry = this.#map.get(member.id)
      if (entry === undefined || !listOf(entry).includes(topic)) return NONE
      const rest = change(listOf(entry))
      const done =
        rest.length === 0
          ? this.#map.compareAndDelete(member.id, entry)
          : this.#map.compareAndSwap(member.id, entry, entry.with(TOPICS, namesOf(rest)) as Entry)
      if (!done) continue
      this.#changed()
      return rest.length === 0 ? LAST : MORE
    }
  }

  /** Whether the thread of a subscriber is alive, and it has not unsubscribed (and died before it has closed its channel). */
  isThere({ id, entry }: Member<T>): boolean {
    return this.#isAlive(entry[SLOT], entry[THREAD]) && (entry[MODE] !== ALL || this.#map.has(id))
  }

  /** Takes one out whose thread has ended. What lies in its channel nobody will receive. */
  reap({ id, channel: ch }: Member<T>): void {
    if (!this.#map.delete(id)) return
    this.#changed()
    closeQuietly(ch)
    try {
      while (ch.tryNext()?.done === false) {}
    } catch {
      // A message that is no value of the codec: it is out.
    }
    this.bury(ch)
  }
}

export function policyOf<T>({ entry }: Member<T>): OverflowPolicy {
  return POLICIES[entry[POLICY]] as OverflowPolicy
}

function namesOf(topics: readonly string[]): string {
  return JSON.stringify(topics)
}

/** Parsed once for each text. */
const lists = new WeakMap<Entry, string[]>()
function listOf(entry: Entry | undefined): string[] {
  if (entry === undefined) return []
  let list = lists.get(entry)
  if (list === undefined) lists.set(entry, (list = JSON.parse(entry[TOPICS]) as string[]))
  return list
}

export function check<T>(codec: AnyCodec<T>, value: T): void {
  if ('check' in codec) codec.check(value)
  else codec.measure(value)
}

export function isGone(error: unknown): boolean {
  return error instanceof ClosedError || error instanceof StaleHandleError
}

export function closeQuietly<T>(ch: Channel<T>): void {
  try {
    ch.close()
  } catch (error) {
    if (!isGone(error)) throw error
  }
}
