// The timers of this thread: one heap of deadlines, and one timer of the platform for the earliest of them.
//
// A 4-ary heap, ordered by deadline, then by the order of setting; each entry knows its place, so that it is moved and removed in
// O(log n). Times are `performance.now()`, which no change of the wall clock moves.

import { platform } from './platform/index.js'
import type { Alarm } from './platform/platform.js'

/** Something that is to happen at a time. It is in one heap at most. */
export class TimerEntry {
  /** When it is due; Infinity while it is in no heap. */
  at = Number.POSITIVE_INFINITY
  /** @internal Its index in the heap; -1 while it is in none. */ place = -1
  /** @internal Decides among entries that are due at the same time. */ order = 0
  /** Called when it is due, after it was taken from the heap. Must not throw. */
  readonly fire: () => void
  /** Whether the process stays alive until then. */
  readonly keepsAlive: boolean

  constructor(fire: () => void, keepsAlive = true) {
    this.fire = fire
    this.keepsAlive = keepsAlive
  }
}

const ARITY = 4
/** The longest time that setTimeout knows, in ms: it takes longer ones for 1. */
const LONGEST = 2 ** 31 - 1

export class TimerHeap {
  readonly #entries: TimerEntry[] = []
  readonly #alarm: Alarm
  /** When the alarm rings. It may ring too early, and in vain, never too late: to remove an entry costs no timer of the platform. */
  #alarmAt = Number.POSITIVE_INFINITY
  #running = false
  #orders = 0
  #keeping = 0

  constructor(createAlarm: (ring: () => void) => Alarm) {
    this.#alarm = createAlarm(() => {
      this.#alarmAt = Number.POSITIVE_INFINITY
      this.runDue()
    })
  }

  get size(): number {
    return this.#entries.length
  }

  /** When the next entry is due; Infinity if there is none. */
  get earliest(): number {
    return this.#entries[0]?.at ?? Number.POSITIVE_INFINITY
  }

  /** Puts the entry into the heap, or moves it. `at` in the past is due now; Infinity never, so the entry is in no heap then. */
  set(entry: TimerEntry, at: number): void {
    if (at === Number.POSITIVE_INFINITY) {
      this.remove(entry)
      return
    }
    entry.at = at
    entry.order = this.#orders++
    if (entry.place < 0) {
      entry.place = this.#entries.length
      this.#entries.push(entry)
      if (entry.keepsAlive && this.#keeping++ === 0) this.#alarm.hold(true)
    }
    this.#settle(entry)
    this.#arm()
  }

  /** Takes the entry out. Returns whether it was in. */
  remove(entry: TimerEntry): boolean {
    const { place } = entry
    if (place < 0) return false
    const last = this.#entries.pop() as TimerEntry
    if (last !== entry) {
      last.place = place
      this.#settle(last)
    }
    entry.place = -1
    entry.at = Number.POSITIVE_INFINITY
    if (entry.keepsAlive && --this.#keeping === 0) this.#alarm.hold(false)
    return true
  }

  /** Fires what is due, in the order of deadlines. What is set meanwhile has to wait for the next call, so that this one ends. */
  runDue(now = performance.now()): void {
    const limit = this.#orders
    this.#running = true
    try {
      for (;;) {
        const first = this.#entries[0]
        if (first === undefined || first.at > now || first.order >= limit) return
        this.remove(first)
        first.fire()
      }
    } finally {
      this.#running = false
      this.#arm()
    }
  }

  #arm(): void {
    const { earliest } = this
    if (this.#running || earliest >= this.#alarmAt) return
    const now = performance.now()
    // Rounded up: it does not ring early, as far as the platform keeps its word; else it rings in vain and is set anew.
    const ms = Math.min(LONGEST, Math.max(0, Math.ceil(earliest - now)))
    this.#alarmAt = ms === LONGEST ? now + ms : earliest
    this.#alarm.set(ms)
  }

  /** Moves the entry, which belongs at its place or anywhere above or below it, to where it is in order. */
  #settle(entry: TimerEntry): void {
    const entries = this.#entries
    let { place } = entry
    while (place > 0) {
      const parent = entries[(place - 1) >> 2] as TimerEntry
      if (!isBefore(entry, parent)) break
      entries[place] = parent
      parent.place = place
      place = (place - 1) >> 2
    }
    for (;;) {
      const first = place * ARITY + 1
      const end = Math.min(first + ARITY, entries.length)
      let least = entry
      for (let i = first; i < end; i++) if (isBefore(entries[i] as TimerEntry, least)) least = entries[i] as TimerEntry
      if (least === entry) break
      const from = least.place
      entries[place] = least
      least.place = place
      place = from
    }
    entries[place] = entry
    entry.place = place
  }
}

function isBefore(a: TimerEntry, b: TimerEntry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** Those of this thread. A thread that blocks runs no event loop: it may call `runDue` itself. */
export const timers = new TimerHeap((ring) => platform.createAlarm(ring))

/** Calls back in `ms` milliseconds, never earlier; for Infinity never. Keeps the process alive until then. Returns what stops it. */
export function startTimer(ms: number, callback: () => void): () => void {
  if (ms === Number.POSITIVE_INFINITY) return () => {}
  const entry = new TimerEntry(callback)
  timers.set(entry, performance.now() + ms)
  return () => timers.remove(entry)
}
