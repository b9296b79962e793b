// A gate: how threads fall asleep until something may have changed, and are woken only if they really sleep.
//
// Going to sleep:  e = load EVENT; add 1 to SLEEPERS; look again; wait(EVENT, e).
// Waking:          make the change; load SLEEPERS; if it is not 0, take up to k off it, add 1 to EVENT, notify k.
//
// Dekker pair: the sleeper adds to SLEEPERS and then looks at the data; the waker changes the data and then loads
// SLEEPERS. One of them sees the other.
//
// EVENT must be read before SLEEPERS is raised. Then whoever takes a unit off SLEEPERS moves EVENT after that read, and a
// sleeper whose unit was taken before it slept does not fall asleep any more. The other order loses wake-ups.
//
// A sleeper that finds its data when it looks again leaves its unit behind: the count may be too high, which costs one
// needless notify later, but never too low.

import { GATE_EVENT, GATE_SLEEPERS } from './layout.js'

/** Announces a sleeper. Returns the ticket for `sleep`; look at the data again between the two. */
export function enterGate(words: Int32Array, gate: number): number {
  const event = Atomics.load(words, gate + GATE_EVENT)
  Atomics.add(words, gate + GATE_SLEEPERS, 1)
  return event
}

/** Blocks this thread until the gate is rung. May return early: look again. */
export function sleep(words: Int32Array, gate: number, event: number): void {
  Atomics.wait(words, gate + GATE_EVENT, event)
}

/** A promise of the next ring, or undefined when it has rung already. */
export function sleepAsync(words: Int32Array, gate: number, event: number): Promise<unknown> | undefined {
  const wait = Atomics.waitAsync(words, gate + GATE_EVENT, event)
  return wait.async ? wait.value : undefined
}

/** Wakes up to `count` sleepers. Costs one load when nobody sleeps. */
export function ring(words: Int32Array, gate: number, count: number): void {
  if (Atomics.load(words, gate + GATE_SLEEPERS) > 0) ringSlow(words, gate, count)
}

function ringSlow(words: Int32Array, gate: number, count: number): void {
  let sleepers = Atomics.load(words, gate + GATE_SLEEPERS)
  while (sleepers > 0) {
    const woken = Math.min(sleepers, count)
    const seen = Atomics.compareExchange(words, gate + GATE_SLEEPERS, sleepers, sleepers - woken)
    if (seen === sleepers) {
      Atomics.add(words, gate + GATE_EVENT, 1)
      Atomics.notify(words, gate + GATE_EVENT, woken)
      return
    }
    sleepers = seen
  }
}

/** Wakes everybody who sleeps here, for instance because the channel was closed. */
export function ringAll(words: Int32Array, gate: number): void {
  if (Atomics.exchange(words, gate + GATE_SLEEPERS, 0) > 0) {
    Atomics.add(words, gate + GATE_EVENT, 1)
    Atomics.notify(words, gate + GATE_EVENT)
  }
}
