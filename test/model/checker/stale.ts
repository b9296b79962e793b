// Stale peeks: what the memory model allows a racing plain read to see.
//
// An interleaving lets a read see the last write. A plain read that races may see any older value of the word that is not overwritten by a
// write which happens before the read, each half of a 64-bit word for itself. Here such a value is chosen now and then, by seed, thread
// and count of the thread's peeks: so a schedule and a seed give the same again. Used with random schedules only.

import type { Memory } from './memory.js'
import type { Races } from './races.js'

const DEPTH = 4
/** Words of the longest racing read. */
const LONGEST = 64

export class Stale {
  /** 0: off. */
  seed = 0
  private readonly memory: Memory
  private readonly races: Races
  // The last changes of each word, as a ring: value before, who, and his clock.
  private readonly before: Int32Array
  private readonly who: Int8Array
  private readonly clock: Int32Array
  private readonly count: Int32Array
  private readonly stamp: Int32Array
  private readonly peeks: Int32Array
  private epoch = 0
  private readonly word = new Int32Array(LONGEST)
  private readonly value = new Int32Array(LONGEST)
  private served = 0

  constructor(memory: Memory, races: Races, threads: number) {
    this.memory = memory
    this.races = races
    this.before = new Int32Array(memory.words * DEPTH)
    this.who = new Int8Array(memory.words * DEPTH)
    this.clock = new Int32Array(memory.words * DEPTH)
    this.count = new Int32Array(memory.words)
    this.stamp = new Int32Array(memory.words)
    this.peeks = new Int32Array(threads)
  }

  reset(): void {
    this.epoch++
    this.served = 0
    this.peeks.fill(0)
  }

  /** Thread `t` changes the word, or is about to. */
  change(t: number, w: number, before: number): void {
    if (this.stamp[w] !== this.epoch) {
      this.stamp[w] = this.epoch
      this.count[w] = 0
    }
    const k = w * DEPTH + ((this.count[w] as number) % DEPTH)
    this.before[k] = before
    this.who[k] = t
    this.clock[k] = this.races.clock[t * this.races.threads + t] as number
    this.count[w]!++
  }

  changeAll(t: number, at: number, bytes: number): void {
    const last = (at + bytes - 1) >> 2
    for (let w = at >> 2; w <= last; w++) this.change(t, w, this.memory.i32[w] as number)
  }

  /** Puts what thread `t` is to see into the word, until `restore`. */
  serve(t: number, w: number): void {
    const nth = (this.peeks[t] as number)++
    if (this.stamp[w] !== this.epoch) return
    let h = Math.imul(this.seed ^ Math.imul(nth + 1, 0x9e3779b1) ^ Math.imul(t + 1, 0x85ebca6b), 0xc2b2ae35) >>> 0
    h = (h ^ (h >>> 15)) >>> 0
    const n = this.races.threads
    const changes = this.count[w] as number
    let back = (h & 3) as number
    let value = this.memory.i32[w] as number
    for (let j = changes - 1; back > 0 && j >= 0 && j >= changes - DEPTH; j--, back--) {
      const k = w * DEPTH + (j % DEPTH)
      const q = this.who[k] as number
      if (q === t || (this.clock[k] as number) <= (this.races.clock[t * n + q] as number)) break
      value = this.before[k] as number
    }
    if (value === this.memory.i32[w]) return
    this.word[this.served] = w
    this.value[this.served++] = this.memory.i32[w] as number
    this.memory.i32[w] = value
  }

  /** The same where nothing that is there counts: anything. */
  serveAny(t: number, w: number): void {
    const nth = (this.peeks[t] as number)++
    const h = Math.imul(this.seed ^ Math.imul(nth + 1, 0x9e3779b1) ^ Math.imul(t + 1, 0x85ebca6b), 0xc2b2ae35) >>> 0
    this.word[this.served] = w
    this.value[this.served++] = this.memory.i32[w] as number
    this.memory.i32[w] = h & 1 ? h : 0
  }

  restore(): void {
    while (this.served > 0) {
      this.served--
      this.memory.i32[this.word[this.served] as number] = this.value[this.served] as number
    }
  }
}
