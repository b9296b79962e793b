// Bounded adaptive spinning before a thread falls asleep.
//
// Between two looks a spinner idles, ever longer: whoever looks all the time takes the line away from the thread that is
// about to write it, and finds one value where it could have found many. A spin that was answered doubles the next one's
// length, one that was in vain halves it. With one core there is nothing to wait for: no spinning.

import { availableParallelism } from 'node:os'

const LOOKS_MIN = 24
const LOOKS_MAX = 96
const IDLE_MIN = 32
const IDLE_MAX = 512
const CORES = availableParallelism()

let idled = 0

/** Passes time without touching shared memory. */
function idle(rounds: number): void {
  for (let round = 0; round < rounds; round++) idled = (idled + round) | 0
}

export class Spinner {
  #looks = CORES > 1 ? LOOKS_MAX : 0

  /** Polls `ready` for a short time, some tens of microseconds at most. Says whether it came true. */
  until(ready: () => boolean): boolean {
    let rounds = IDLE_MIN
    for (let left = this.#looks; left > 0; left--) {
      if (ready()) {
        this.#looks = Math.min(this.#looks * 2, LOOKS_MAX)
        return true
      }
      idle(rounds)
      rounds = Math.min(rounds * 2, IDLE_MAX)
    }
    this.#looks = CORES > 1 ? Math.max(this.#looks >> 1, LOOKS_MIN) : 0
    return false
  }
}
