// Seeded random exploration: for scenarios too large to be explored to the end.
//
// `walk` chooses evenly among the threads that can go on. `pct` gives each thread a priority and lowers that of the running one at a few
// random moments (S. Burckhardt et al., "A randomized scheduler with probabilistic guarantees of finding bugs", ASPLOS 2010): a bug
// that needs k ordering constraints is found with probability at least 1 / (threads · steps^(k-1)) in each execution. `lockstep` is a walk that
// from some moment on lets all threads take one step after the other, each: who gives way to each other for ever is found so.

import type { Events, Explorer } from './events.js'
import { OP_PAUSE } from './ops.js'

/** Mulberry32: small, seeded, good enough for scheduling. */
export class Random {
  private state: number
  constructor(seed: number) {
    this.state = seed >>> 0
  }
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let z = this.state
    z = Math.imul(z ^ (z >>> 15), z | 1)
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61)
    return (z ^ (z >>> 14)) >>> 0
  }
  below(n: number): number {
    return this.next() % n
  }
}

export class RandomWalk implements Explorer {
  private random = new Random(0)
  private readonly priorities: Int32Array
  private readonly changes: Int32Array
  private pct = false
  private readonly mayLockstep: boolean
  /** From this step on in lockstep. */
  private lockstep = Infinity
  private low = 0
  /** Longest execution so far: where the changes of priority may fall. */
  private length = 64

  constructor(threads: number, lockstep = true, changes = 3) {
    this.mayLockstep = lockstep
    this.priorities = new Int32Array(threads)
    this.changes = new Int32Array(changes)
  }

  /** Every execution has its own seed, from which it can be run again. Odd ones are random walks. */
  start(seed: number): void {
    this.random = new Random(seed)
    this.pct = seed % 2 === 0
    this.lockstep = this.mayLockstep && seed % 8 === 7 ? this.random.below(this.length) : Infinity
    for (let t = 0; t < this.priorities.length; t++) this.priorities[t] = 1000 + this.random.below(1 << 20)
    for (let k = 0; k < this.changes.length; k++) this.changes[k] = this.random.below(this.length)
    this.low = 1000
  }

  finish(m: Events): void {
    if (m.depth > this.length) this.length = m.depth
  }

  choose(m: Events, current: number): number {
    const enabled = m.enabled()
    if (enabled === 0) return -1
    if (m.depth >= this.lockstep) {
      for (let k = 1; k <= m.n; k++) if (enabled & (1 << ((current + k) % m.n))) return (current + k) % m.n
    }
    if (!this.pct) {
      // Half the time go on: runs of steps find more than constant switching does.
      if (enabled & (1 << current) && this.random.next() & 1) return current
      let k = this.random.below(bits(enabled))
      let rest = enabled
      while (k-- > 0) rest &= rest - 1
      return 31 - Math.clz32(rest & -rest)
    }
    // Who waits for another lets the others pass: else two waiting threads could keep each other busy and starve the third.
    if (m.pOp[current] === OP_PAUSE) this.priorities[current] = this.low--
    for (let k = 0; k < this.changes.length; k++) if (this.changes[k] === m.depth) this.priorities[current] = this.low--
    let best = -1
    for (let rest = enabled; rest !== 0; rest &= rest - 1) {
      const q = 31 - Math.clz32(rest & -rest)
      if (best < 0 || (this.priorities[q] as number) > (this.priorities[best] as number)) best = q
    }
    return best
  }
}

function bits(mask: number): number {
  let k = 0
  for (let rest = mask; rest !== 0; rest &= rest - 1) k++
  return k
}
