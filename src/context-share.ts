// The part of a context that several threads see. It is made of three channels that nobody else knows of, so what a killed thread leaves behind is the
// business of channels and of their waiters.
//
//   record  capacity 1, never received from: the first message in it says how the context has ended
//   done    capacity 0, never sent to: its close is the end, and wakes who waits
//   users   capacity 0, never sent to: each thread that has the context open is a parked receiver
//
// To end it: send the record, whether or not another thread was faster, then close `done`, whether or not another thread was faster. So whoever sees
// `done` closed finds the record, and it is the same for all. A thread that is killed between the two has decided how the context will end, and has
// not ended it: the next one does.
//
// The last thread to leave frees it: the one that finds nobody parked at `users` any more. A thread that dies is taken out of there by its reaper; the
// maker, which stays on for a while, looks again if it was not the last one.

import type { Arena } from './arena.js'
import type { Channel } from './channel.js'
import { numberOf } from './channel-codecs.js'
import { any } from './codec/any.js'
import { unit } from './codec/index.js'
import type { MessageCodec } from './codec/message.js'
import { leftTo, linger, retrying } from './context-linger.js'
import { CANCELED, CancelNode, DEADLINE, Outcome, type Remote } from './context-node.js'
import { ArenaFullError, ClosedError } from './errors.js'
import type { Pending } from './event-loop.js'
import {
  ARENA,
  BUSY,
  CHANNEL_CLOSED,
  CHANNEL_HEAD,
  CHANNEL_LAP,
  CHANNEL_RECEIVERS,
  CHANNEL_SLOTS,
  CHANNEL_TAIL,
  FLAGS_MASK,
  HEAD_STATE,
  KIND_CHANNEL,
  MARK_BYTES,
  MARK_ONE,
  NO_MEMORY,
  STALE,
  TOKEN_BLOCKING,
  VALUE_BYTES,
  WAITER_BYTES,
  WIDE_MESSAGES,
} from './generated/layout.js'
import { makeHandle, open } from './handle.js'
import { MessageChannel } from './message-channel.js'
import { messagesOf } from './message-memory.js'
import { type Carried, carried, restored } from './once-thrown.js'
import { cancel, nap } from './wait.js'

/** A channel: its address and HEAD_STATE. */
export type Place = readonly [at: number, open: number]

/** Where a context lies. */
export interface Places {
  readonly done: Place
  readonly record: Place
  readonly users: Place
}

/** As it lies in the record, and in handles. */
type Ended = readonly [kind: number, cause?: Carried]

/** @internal An outcome as `any` carries it. */
export function packed({ kind, given }: Outcome): Ended {
  return given === undefined || given === null ? [kind] : [kind, carried(given)]
}

/** @internal */
export function unpacked([kind, cause]: Ended): Outcome {
  return new Outcome(kind === DEADLINE ? DEADLINE : CANCELED, cause === undefined ? undefined : restored(cause))
}

/** Those that are open in this thread, by the address of `done`. */
const known = new WeakMap<Arena, Map<number, Share>>()

function sharesOf(arena: Arena): Map<number, Share> {
  let shares = known.get(arena)
  if (shares === undefined) known.set(arena, (shares = new Map()))
  return shares
}

/** Those that nobody of this thread refers to any more. */
const forgotten = new FinalizationRegistry<Share>((share) => share.abandon())

/** Waits for the close of `done`, as a pending operation of the event loop that keeps nothing alive, unless it is to. */
class Watch implements Pending {
  waiter = 0
  token = 0
  keeps = false as const
  alive = false
  readonly #share: Share

  constructor(share: Share) {
    this.#share = share
  }

  complete(): void {
    this.waiter = 0
    this.#share.told()
  }
}

export class Share implements Remote {
  readonly arena: Arena
  readonly places: Places
  /** Whether this thread has made it: then it goes on with it until its end, whoever refers to it. */
  readonly #maker: boolean
  /** The node while it must stay; of an opened one that nobody waits for, only the weak reference. */
  #node: CancelNode | undefined
  readonly #weak: WeakRef<CancelNode>
  #channel: Channel<undefined> | undefined
  #outcome: Outcome | undefined
  /** Its place at `users`. */
  #user: number
  readonly #watch = new Watch(this)

  private constructor(arena: Arena, places: Places, node: CancelNode, maker: boolean, user: number) {
    this.arena = arena
    this.places = places
    this.#maker = maker
    this.#node = maker ? node : undefined
    this.#weak = new WeakRef(node)
    this.#user = user
    sharesOf(arena).set(places.done[0], this)
  }

  /** Makes a node of this thread known to others. @throws ArenaFullError */
  static make(arena: Arena, node: CancelNode): Share {
    const made = retrying(arena, () => create(arena))
    const share = new Share(arena, made.places, node, true, made.user)
    node.share(share)
    try {
      retrying(arena, () => share.#start())
    } catch (error) {
      node.unshare(share)
      share.#release()
      throw error
    }
    node.publish()
    return share
  }

  /**
   * The node for a context of another thread, which `make` makes if there is none here; undefined if it is no more.
   *
   * @throws ArenaFullError
   */
  static open(arena: Arena, places: Places, make: () => CancelNode): CancelNode | undefined {
    const there = sharesOf(arena).get(places.done[0])
    if (there !== undefined && there.places.done[1] === places.done[1]) {
      const { node } = there
      if (node !== undefined) return node
    }
    for (const [at, state] of [places.done, places.record, places.users])
      if (arena.core.arena_check(at, KIND_CHANNEL, state) === 0) return undefined
    const user = retrying(arena, () => join(arena, places.users))
    if (user === STALE) return undefined
    const node = make()
    const share = new Share(arena, places, node, false, user)
    if (node.ended !== undefined) {
      share.#release()
      return node
    }
    node.share(share)
    try {
      retrying(arena, () => share.#start())
    } catch (error) {
      node.unshare(share)
      share.#release()
      throw error
    }
    forgotten.register(node, share, share)
    node.look()
    return node
  }

  /** The share of a node in that arena. */
  static of(node: CancelNode, arena: Arena): Share | undefined {
    return (node.remotes as readonly Share[]).find((remote) => remote.arena === arena)
  }

  /** The node, unless nobody refers to it any more. */
  get node(): CancelNode | undefined {
    return this.#node ?? this.#weak.deref()
  }

  get channel(): Channel<undefined> {
    const { arena } = this
    const [at, state] = this.places.done
    this.#channel ??= open(makeHandle<Channel<undefined>>({ arena, at, open: state }, 'channel', unit, 'both'))
    return this.#channel
  }

  get over(): boolean {
    const [at, state] = this.places.done
    const now = Atomics.load(this.arena.i32, (at + HEAD_STATE) >>> 2)
    return (now & CHANNEL_CLOSED) !== 0 || (now & ~FLAGS_MASK) !== state
  }

  outcome(): Outcome {
    this.#outcome ??= this.#read() ?? new Outcome(CANCELED)
    return this.#outcome
  }

  decide(outcome: Outcome): Outcome {
    const { arena } = this
    if (this.#outcome === undefined) {
      const won = this.#send(outcome)
      arena.core.channel_close(...this.places.done)
      this.#outcome = won ? outcome : this.outcome()
      arena.loop.poll()
    }
    return this.#outcome
  }

  watch(on: boolean): void {
    if (!this.#maker) this.#node = on ? this.#weak.deref() : undefined
  }

  hold(on: boolean): void {
    const { loop } = this.arena
    const watch = this.#watch
    if (watch.waiter === 0 || watch.alive === on) return
    watch.alive = on
    loop.background += on ? -1 : 1
    loop.keepAlive()
  }

  /** `done` has been closed, and this event loop knows. */
  told(): void {
    this.#ended()
    // Not at once: this may be anywhere within a call that looks at what is ready.
    queueMicrotask(() => this.node?.settle())
  }

  leave(): void {
    forgotten.unregister(this)
    this.#stop()
    if (this.#maker) linger(this)
    else this.#release()
  }

  /** Nobody of this thread refers to its node any more. */
  abandon(): void {
    CancelNode.forget()
    this.#stop()
    this.#release()
  }

  /** Leaves it for good. */
  release(): void {
    this.#release()
  }

  /** Frees it if nobody uses it: whether it is no more. */
  free(): boolean {
    const { arena, places } = this
    const [at, state] = places.users
    const now = Atomics.load(arena.i32, (at + HEAD_STATE) >>> 2)
    if ((now & ~FLAGS_MASK) !== state) return true
    if (now & CHANNEL_RECEIVERS) return false
    for (const place of [places.record, places.done, places.users]) arena.core.channel_dispose(...place)
    arena.loop.poll()
    arena.relieve()
    return true
  }

  #start(): void {
    const { arena } = this
    const { loop } = arena
    const watch = this.#watch
    watch.token = loop.add(watch)
    loop.background++
    const waiter = park(arena, this.places.done, watch.token)
    if (waiter >= ARENA) {
      watch.waiter = waiter
      loop.start()
      return
    }
    loop.remove(watch.token)
    this.#ended()
    if (waiter === NO_MEMORY) throw arena.full('a waiter', WAITER_BYTES)
  }

  #stop(): void {
    const { arena } = this
    const watch = this.#watch
    if (watch.waiter === 0) return
    if (cancel(arena, watch.waiter)) {
      arena.core.waiter_release(watch.waiter)
      watch.waiter = 0
      arena.loop.remove(watch.token)
      this.#ended()
    } else arena.loop.poll()
  }

  /** The watch is no operation of the event loop any more. */
  #ended(): void {
    const { loop } = this.arena
    if (!this.#watch.alive) loop.background--
    this.#watch.alive = false
    loop.keepAlive()
  }

  #release(): void {
    const { arena } = this
    if (this.#user === 0) return
    cancel(arena, this.#user)
    arena.core.waiter_release(this.#user)
    this.#user = 0
    const shares = sharesOf(arena)
    if (shares.get(this.places.done[0]) === this) shares.delete(this.places.done[0])
    if (!this.free() && this.#maker) leftTo(this)
  }

  /** Sends the record: whether it is ours that counts. Where there is no room for it there is none, and that counts. */
  #send(outcome: Outcome): boolean {
    const { arena } = this
    const [at, state] = this.places.record
    const record = new MessageChannel<Ended>({ arena, at, open: state }, any() as MessageCodec<Ended>)
    try {
      return record.trySend(packed(outcome))
    } catch (error) {
      if (error instanceof ArenaFullError) arena.core.channel_close(at, state)
      else if (!(error instanceof ClosedError)) throw error
      return false
    }
  }

  /** What the record says; undefined if there is none. */
  #read(): Outcome | undefined {
    const { arena } = this
    const [at, state] = this.places.record
    const { u32 } = arena
    const head = u32[(at + CHANNEL_HEAD) >>> 2] as number
    const lap = u32[(at + CHANNEL_LAP) >>> 2] as number
    const index = head & (lap - 1)
    // Either nobody has claimed the place and nobody can any more, or a thread has, and is in its section still: no kill strikes there.
    if (Atomics.load(u32, (at + CHANNEL_TAIL) >>> 2) === head) return undefined
    const mark = (at + CHANNEL_SLOTS + lap * VALUE_BYTES + index * MARK_BYTES) >>> 2
    while (arena.openState(at) === state && Atomics.load(u32, mark) !== ((head - index) | MARK_ONE) >>> 0) nap(arena)
    const payload = u32[(at + CHANNEL_SLOTS + index * VALUE_BYTES) >>> 2] as number
    const length = u32[(at + CHANNEL_SLOTS + index * VALUE_BYTES + 4) >>> 2] as number
    // It is there as long as this thread is among the users.
    if (arena.openState(at) !== state) return undefined
    const u8 = new Uint8Array(length)
    messagesOf(arena).gather(payload, u8)
    return unpacked(any<Ended>().decode({ u8, view: new DataView(u8.buffer), arena }, 0, length))
  }
}

/** Queues up at a channel that nobody sends to: the waiter, or NO_MEMORY or STALE. */
function park(arena: Arena, [at, state]: Place, token: number): number {
  for (;;) {
    const waiter = arena.core.channel_parkReceive(at, state, token)
    if (waiter !== BUSY) return waiter
    nap(arena)
  }
}

/** Makes this thread a user: its waiter, or STALE. @throws ArenaFullError */
function join(arena: Arena, users: Place): number {
  // Nobody ever sleeps on it: it is there to be counted.
  const user = park(arena, users, TOKEN_BLOCKING)
  if (user === NO_MEMORY) throw arena.full('a context', WAITER_BYTES)
  return user
}

function create(arena: Arena): { places: Places; user: number } {
  const { core } = arena
  const made: Place[] = []
  const channel = (capacity: number, wide: number, codec: number): Place => {
    const at = arena.made(core.channel_create(capacity, wide, codec), 'a context', CHANNEL_SLOTS)
    const place: Place = [at, arena.openState(at)]
    made.push(place)
    return place
  }
  try {
    const done = channel(0, 0, unit.id)
    const users = channel(0, 0, unit.id)
    const record = channel(1, WIDE_MESSAGES, numberOf(any() as MessageCodec<never>))
    return { places: { done, record, users }, user: join(arena, users) }
  } catch (error) {
    for (const place of made) core.channel_dispose(...place)
    throw error
  }
}
