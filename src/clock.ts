// What timers and tickers deliver, decided by the clock alone: whoever asks compares the time. Only while somebody waits is there an entry
// in the timer heap, so what nobody waits for costs nothing, keeps nothing alive and is garbage once nobody refers to it. It works the same
// in a thread that blocks and runs no event loop.

import type { Next } from './channel.js'
import type { LocalSource } from './source.js'
import { TimerEntry, timers } from './timer-heap.js'

/** Nothing ever comes, as from Go's nil channel. */
export const silence: LocalSource<never> = {
  readyAt: () => Number.POSITIVE_INFINITY,
  take: () => undefined,
  subscribe: () => () => {},
}

/** The shortest period, in ms: Go's nanosecond. Shorter ones would be lost in the rounding of the times. */
const SHORTEST_PERIOD = 1e-6

interface Subscriber {
  offer(): boolean
}

export class Clock implements LocalSource<number> {
  /** When the value that comes next, or lies ready, came or will come. It is the value too: the time of firing, not of reading. */
  #due = Number.POSITIVE_INFINITY
  /** Whether something is still to come, be it at Infinity. */
  #active = false
  /** From where ticks are counted, so that their times do not drift. */
  #origin = 0
  /** Milliseconds; 0 for a single value. */
  #period = 0
  /** Sets keep the order of insertion. */
  #subscribers: Set<Subscriber> | undefined
  #entry: TimerEntry | undefined
  #offering = false

  /** Starts anew: one value in `ms` milliseconds, or one every `ms` milliseconds. Returns whether it stopped a value from coming. */
  start(ms: number, repeat = false): boolean {
    const wasActive = this.#active
    this.#active = true
    this.#origin = performance.now()
    this.#period = repeat ? Math.max(ms, SHORTEST_PERIOD) : 0
    this.#due = this.#origin + Math.max(ms, this.#period)
    this.#arm()
    return wasActive
  }

  /** Nothing comes any more, not even what lies ready. Returns whether anything would have. */
  stop(): boolean {
    const wasActive = this.#active
    this.#active = false
    this.#due = Number.POSITIVE_INFINITY
    this.#arm()
    return wasActive
  }

  readyAt(): number {
    return this.#due
  }

  take(): Next<number> | undefined {
    if (performance.now() < this.#due) return undefined
    // Who waits comes first, also if the event loop had no time yet to serve it.
    if (!this.#offering) this.#offer()
    const now = performance.now()
    if (now < this.#due) return undefined
    const value = this.#due
    this.#active = this.#period > 0
    this.#due = this.#active ? this.#tickAfter(now) : Number.POSITIVE_INFINITY
    this.#arm()
    return { value, done: false }
  }

  subscribe(offer: () => boolean): () => void {
    const subscriber = { offer }
    this.#subscribers ??= new Set()
    this.#subscribers.add(subscriber)
    this.#arm()
    return () => {
      this.#subscribers?.delete(subscriber)
      if (this.#subscribers?.size === 0) this.#arm()
    }
  }

  /** The first tick later than that: those before it, which nobody came for, are left out. */
  #tickAfter(now: number): number {
    const passed = Math.floor((now - this.#origin) / this.#period)
    const next = this.#origin + (passed + 1) * this.#period
    // The division may have rounded down to a whole number just below.
    return next > now ? next : this.#origin + (passed + 2) * this.#period
  }

  /** Has an entry in the heap exactly while somebody waits for something that will come. */
  #arm(): void {
    if (this.#subscribers === undefined || this.#subscribers.size === 0) {
      if (this.#entry !== undefined) timers.remove(this.#entry)
      return
    }
    this.#entry ??= new TimerEntry(() => this.#fire())
    if (this.#entry.at !== this.#due) timers.set(this.#entry, this.#due)
  }

  #fire(): void {
    if (performance.now() >= this.#due) this.#offer()
    else this.#arm()
  }

  /**
   * Offers what is ready to who waits. If nobody wants it, it stays, and is offered again when another one waits: those who refused it are
   * about to leave.
   */
  #offer(): void {
    if (this.#subscribers === undefined) return
    this.#offering = true
    try {
      for (const subscriber of this.#subscribers) if (subscriber.offer()) return
    } finally {
      this.#offering = false
    }
  }
}
