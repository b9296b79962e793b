// What has ended, and is not freed yet: a maker keeps it for a while, for those who have been sent its handle and have not opened it; and after that it
// looks from time to time whether the others have left, for the last of them may have died.

import type { Arena } from './arena.js'
import { ArenaFullError } from './errors.js'
import { TimerEntry, timers } from './timer-heap.js'

/** A share that has ended. */
export interface Ended {
  readonly arena: Arena
  /** Leaves it for good. */
  release(): void
  /** Frees it if nobody uses it: whether it is no more. */
  free(): boolean
}

/** Milliseconds for which a maker keeps what has ended, for those who have been sent its handle and have not opened it yet. */
const LINGER = 250
/** So many of them at most; and at most one for so many bytes of the arena. */
const MOST_LINGERING = 256
const LINGERING_BYTES = 1 << 16
const LONGEST_PAUSE = 60_000

/** What this thread has made and has ended, the oldest first. */
let lingering: { share: Ended; since: number }[] = []
/** What it has left to other threads. */
let left: Ended[] = []
/** How many of those there may be before it looks through them. */
let patience = 64
/** Milliseconds to the next look at them by the clock. */
let pause = LINGER
const timer = new TimerEntry(whenOver, false)

export function linger(share: Ended): void {
  lingering.push({ share, since: performance.now() })
  const most = Math.min(MOST_LINGERING, Math.floor(share.arena.size / LINGERING_BYTES))
  if (lingering.length > most) lingering.shift()?.share.release()
  if (timer.place < 0) timers.set(timer, performance.now() + LINGER)
}

export function leftTo(share: Ended): void {
  left.push(share)
  if (left.length >= patience) {
    sweep()
    patience = Math.max(64, 2 * left.length)
  }
  pause = LINGER
  if (timer.place < 0) timers.set(timer, performance.now() + pause)
}

function sweep(): void {
  left = left.filter((share) => !share.free())
}

function whenOver(): void {
  const due = performance.now() - LINGER
  const over = lingering.filter(({ since }) => since <= due)
  lingering = lingering.filter(({ since }) => since > due)
  for (const { share } of over) share.release()
  sweep()
  // What threads keep that do not look is looked for more and more seldom.
  pause = lingering.length > 0 ? LINGER : Math.min(2 * pause, LONGEST_PAUSE)
  if (lingering.length > 0 || left.length > 0) timers.set(timer, performance.now() + pause)
}

/** Tries once more without what has ended, where the arena is full. */
export function retrying<R>(arena: Arena, act: () => R): R {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof ArenaFullError)) throw error
    const over = lingering.filter(({ share }) => share.arena === arena)
    lingering = lingering.filter(({ share }) => share.arena !== arena)
    for (const { share } of over) share.release()
    sweep()
    return act()
  }
}
