// The event loop's side of waiting: what is pending on this thread, who wakes it, and how long the process must stay alive.

import type { Core } from './core.js'
import {
  ARENA,
  ARENA_LIVE,
  THREAD_LOOP_ARMED,
  THREAD_LOOP_BELL,
  THREAD_READY,
  THREAD_TAKEN,
  WAITER_OUTCOME,
  WAITER_TOKEN,
} from './generated/layout.js'
import { platform } from './platform/index.js'
import type { Hold } from './platform/platform.js'

/** An operation of this thread that waits in shared memory. */
export interface Pending {
  /** Called once with the outcome (a status code) and the waiter, which is freed after the call. Must not throw. */
  complete(outcome: number, waiter: number): void
  /** Whether the waiter stays with the operation and is not freed. */
  readonly keeps?: boolean
}

/** What can happen to a thread beside the end of operations that wait. */
export interface Source {
  /** Does what is to be done; called when the loop has been woken, and before it sleeps. True: it is not to sleep, `start` will be called. */
  look(): boolean
}

/** `Atomics.waitAsync`, which TypeScript's es2022 library does not know yet. */
interface AsyncWait {
  waitAsync(
    words: Int32Array,
    index: number,
    value: number,
  ): { async: false; value: string } | { async: true; value: Promise<string> }
}

/** One for all loops of this thread, and how many of them hold it. */
let hold: Hold | undefined
let holders = 0

/** The pending async operations of one thread on one arena. At most one `Atomics.waitAsync` is outstanding, on the loop's bell. */
export class EventLoop {
  /** How many operations are pending: while it is 0, no call has to look for completed ones. */
  pending = 0
  /** How many of them keep no process alive. Who counts his operation here takes it off when it ends, then calls `keepAlive`. */
  background = 0
  /** Above 0, `poll` completes nothing: who is parking must not be completed before it knows its waiter. It polls after that. */
  paused = 0
  readonly #core: Core
  readonly #i32: Int32Array
  readonly #bell: number
  readonly #armed: number
  readonly #ready: number
  readonly #taken: number
  readonly #table: (Pending | undefined)[] = []
  readonly #free: number[] = []
  readonly #beforeSleep: () => void
  readonly #sources: Source[] = []
  #holding = false
  #waiting = false
  #looking = false

  constructor(core: Core, i32: Int32Array, slot: number, beforeSleep: () => void) {
    this.#core = core
    this.#i32 = i32
    this.#beforeSleep = beforeSleep
    this.#bell = (slot + THREAD_LOOP_BELL) >>> 2
    this.#armed = (slot + THREAD_LOOP_ARMED) >>> 2
    this.#ready = (slot + THREAD_READY) >>> 2
    this.#taken = (slot + THREAD_TAKEN) >>> 2
  }

  /** The token under which the operation's waiter is to be parked. */
  add(pending: Pending): number {
    const token = this.#free.pop() ?? this.#table.length
    this.#table[token] = pending
    this.pending++
    return token
  }

  /** Forgets an operation that will not be completed: it was cancelled, or never parked. */
  remove(token: number): void {
    this.#table[token] = undefined
    this.#free.push(token)
    if (--this.pending <= this.background) this.#keep(false)
  }

  /** From now on the loop looks at the source, whenever it looks. */
  attach(source: Source): void {
    this.#sources.push(source)
  }

  detach(source: Source): void {
    const place = this.#sources.indexOf(source)
    if (place >= 0) this.#sources.splice(place, 1)
  }

  /** Something is pending that a source will notice: `start` is to be called, and `end` once. */
  begin(): void {
    this.pending++
  }

  end(): void {
    if (--this.pending <= this.background) this.#keep(false)
  }

  /** To be called once an operation is parked: sees to it that its completion is noticed. */
  start(): void {
    this.poll()
    if (this.pending === 0) return
    this.keepAlive()
    if (!this.#waiting && !this.#looking) this.#arm()
  }

  /** Holds the event loop exactly while something is pending that another thread could complete. */
  keepAlive(): void {
    this.#keep(this.pending > this.background && Atomics.load(this.#i32, (ARENA + ARENA_LIVE) >>> 2) > 1)
  }

  #keep(holding: boolean): void {
    if (this.#holding === holding) return
    this.#holding = holding
    hold ??= platform.createHold()
    holders += holding ? 1 : -1
    if (holders === 0) hold.release()
    else if (holding && holders === 1) hold.hold()
  }

  /** Completes what is ready. To be called after all that may make something of this thread ready: it does not ring its own bell. */
  poll(): void {
    if (this.pending === 0 || this.paused > 0 || Atomics.load(this.#i32, this.#ready) === 0) return
    do {
      const waiter = this.#core.thread_nextReady()
      if (waiter === 0) return
      const token = this.#i32[(waiter + WAITER_TOKEN) >>> 2] as number
      const pending = this.#table[token] as Pending
      this.remove(token)
      pending.complete(this.#i32[(waiter + WAITER_OUTCOME) >>> 2] as number, waiter)
      if (!pending.keeps) this.#core.waiter_release(waiter)
    } while (this.#i32[this.#taken] !== 0 || Atomics.load(this.#i32, this.#ready) !== 0)
  }

  #arm(): void {
    for (;;) {
      const bell = Atomics.load(this.#i32, this.#bell)
      // Dekker with ring in waiter.ts: we say that we sleep, then look at what is ready; it changes that, then looks whether we sleep.
      // With the bell, so that of many who ring only the first one since then need notify (tell in task.ts).
      Atomics.store(this.#i32, this.#armed, (bell << 1) | 1)
      // After the load of the bell: who begins to wait for memory rings it, and this sees either the ring or who waits.
      this.#beforeSleep()
      this.poll()
      if (this.look() || this.pending === 0) break
      const wait = (Atomics as unknown as AsyncWait).waitAsync(this.#i32, this.#bell, bell)
      if (!wait.async) continue
      this.#waiting = true
      wait.value.then(this.#woken)
      return
    }
    Atomics.store(this.#i32, this.#armed, 0)
  }

  /** Looks at all sources: whether one of them keeps the loop awake. */
  look(): boolean {
    if (this.#sources.length === 0 || this.#looking) return false
    this.#looking = true
    let awake = false
    for (const source of this.#sources.slice()) if (source.look()) awake = true
    this.#looking = false
    return awake
  }

  readonly #woken = (): void => {
    this.#waiting = false
    Atomics.store(this.#i32, this.#armed, 0)
    this.poll()
    if (this.look()) return
    if (this.pending > 0) this.#arm()
    else this.#beforeSleep()
  }
}
