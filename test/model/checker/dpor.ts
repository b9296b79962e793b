// Exhaustive exploration with dynamic partial-order reduction.
//
// Algorithm: source sets with sleep sets (P. Abdulla, S. Aronis, B. Jonsson, K. Sagonas, "Optimal dynamic partial order reduction",
// POPL 2014; J. ACM 2017). Executions that differ only in the order of events which commute are explored once (sometimes a few times,
// never not at all). After each execution its races are looked for: two events of different threads that do not commute and that
// nothing in between orders. For each, a thread is added to the choices at the state before the first, so that the second comes first.
//
// Blocked threads: where the thread that should go first cannot (it sleeps, or pauses), all threads that can are added.

import type { Events, Explorer } from './events.js'
import { Failure } from './failure.js'
import * as O from './ops.js'

export class Dpor implements Explorer {
  /** Set if the last execution was cut short because all its continuations had been explored. */
  cut = false
  /** Set once everything has been explored. */
  complete = false
  private readonly n: number
  /** Choices of the next execution that are fixed, in m.tid. */
  private prefix = 0
  private readonly enabled: Uint8Array
  private readonly backtrack: Uint8Array
  private readonly done: Uint8Array
  private readonly sleep: Uint8Array
  private readonly clock: Int32Array
  private readonly plan: Uint8Array
  // Last events by word, by futex queue and by thread, of the execution that is looked at.
  private readonly stamp: Int32Array
  private readonly lastWrite: Int32Array
  private readonly lastRead: Int32Array
  private readonly lastFutex: Int32Array
  private readonly futexStamp: Int32Array
  private epoch = 0
  private readonly lastOf: Int32Array
  private readonly lastInvoke: Int32Array
  private readonly lastRespond: Int32Array
  private readonly candidates: Int32Array
  private count = 0
  private readonly firstIn: Int32Array

  constructor(m: Events) {
    const n = m.n
    const depth = m.tid.length
    this.n = n
    this.enabled = new Uint8Array(depth)
    this.backtrack = new Uint8Array(depth)
    this.done = new Uint8Array(depth)
    this.sleep = new Uint8Array(depth + 1)
    this.plan = new Uint8Array(depth)
    this.clock = new Int32Array(depth * n)
    this.stamp = new Int32Array(m.memory.words)
    this.futexStamp = new Int32Array(m.memory.words)
    this.lastWrite = new Int32Array(m.memory.words)
    this.lastFutex = new Int32Array(m.memory.words)
    this.lastRead = new Int32Array(m.memory.words * n)
    this.lastOf = new Int32Array(n)
    this.lastInvoke = new Int32Array(n)
    this.lastRespond = new Int32Array(n)
    this.candidates = new Int32Array(8 * n + 8)
    this.firstIn = new Int32Array(n)
  }

  choose(m: Events, current: number): number {
    const d = m.depth
    if (d < this.prefix) {
      const c = this.plan[d] as number
      if (d === this.prefix - 1 && !(m.enabled() & (1 << c)))
        throw new Failure('not deterministic', `thread ${c} cannot go on at step ${d}`)
      return c
    }
    const enabled = m.enabled()
    if (enabled === 0) return -1
    const sleep = d === 0 ? 0 : this.asleepAfter(m, d - 1)
    const free = enabled & ~sleep
    if (free === 0) {
      this.cut = true
      return -1
    }
    const c = free & (1 << current) ? current : 31 - Math.clz32(free & -free)
    this.enabled[d] = enabled
    this.sleep[d] = sleep
    this.backtrack[d] = 1 << c
    this.done[d] = 0
    this.plan[d] = c
    return c
  }

  /** Threads whose next event has been explored from before event `d`, and commutes with it. */
  private asleepAfter(m: Events, d: number): number {
    let mask = ((this.sleep[d] as number) | (this.done[d] as number)) & ~(1 << (m.tid[d] as number))
    if (mask === 0) return 0
    const flags = m.flags[d] as number
    for (let rest = mask; rest !== 0; rest &= rest - 1) {
      const q = 31 - Math.clz32(rest & -rest)
      if (
        O.conflict(
          m.pFlags[q] as number,
          m.pAt[q] as number,
          m.pBytes[q] as number,
          flags,
          m.at[d] as number,
          m.bytes[d] as number,
        )
      )
        mask &= ~(1 << q)
    }
    return mask
  }

  start(): void {
    this.cut = false
  }

  /** Looks for races in the execution and plans the next one. */
  finish(m: Events): void {
    this.findRaces(m)
    for (let d = m.depth - 1; d >= 0; d--) {
      this.done[d]! |= 1 << (this.plan[d] as number)
      const open = (this.backtrack[d] as number) & ~(this.done[d] as number) & ~(this.sleep[d] as number)
      if (open) {
        this.plan[d] = 31 - Math.clz32(open & -open)
        this.prefix = d + 1
        return
      }
    }
    this.complete = true
  }

  private findRaces(m: Events): void {
    const { n, clock, lastOf } = this
    this.epoch++
    lastOf.fill(-1)
    this.lastInvoke.fill(-1)
    this.lastRespond.fill(-1)
    const fresh = this.prefix - 1
    for (let d = 0; d < m.depth; d++) {
      const t = m.tid[d] as number
      if (d >= fresh) {
        this.collect(m, d, t)
        const mine = d * n
        const before = lastOf[t] as number
        for (let q = 0; q < n; q++) clock[mine + q] = before < 0 ? 0 : (clock[before * n + q] as number)
        // The event that made this one possible comes first, whatever else: no race with it.
        const link = m.link[d] as number
        if (link >= 0) this.joinInto(mine, link)
        for (let k = 0; k < this.count; k++) {
          const e = this.candidates[k] as number
          if ((clock[mine + (m.tid[e] as number)] as number) <= e) {
            this.race(m, e, d, t)
            this.joinInto(mine, e)
          }
        }
        clock[mine + t] = d + 1
      }
      this.record(m, d, t)
      lastOf[t] = d
    }
  }

  private joinInto(mine: number, e: number): void {
    const { n, clock } = this
    for (let q = 0; q < n; q++) {
      const v = clock[e * n + q] as number
      if (v > (clock[mine + q] as number)) clock[mine + q] = v
    }
  }

  /** Events of other threads that do not commute with event `d`, latest first. */
  private collect(m: Events, d: number, t: number): void {
    const { n } = this
    this.count = 0
    const flags = m.flags[d] as number
    const first = (m.at[d] as number) >> 2
    if (flags & (O.READS | O.WRITES)) {
      const last = first + ((m.bytes[d] as number) >> 2)
      for (let w = first; w < last; w++) {
        if (this.stamp[w] !== this.epoch) continue
        this.add(m, this.lastWrite[w] as number, t)
        if (flags & O.WRITES) for (let q = 0; q < n; q++) this.add(m, this.lastRead[w * n + q] as number, t)
      }
    }
    if (flags & O.FUTEX && this.futexStamp[first] === this.epoch) this.add(m, this.lastFutex[first] as number, t)
    if (flags & O.INVOKES) for (let q = 0; q < n; q++) this.add(m, this.lastRespond[q] as number, t)
    if (flags & O.RESPONDS) for (let q = 0; q < n; q++) this.add(m, this.lastInvoke[q] as number, t)
  }

  private add(m: Events, e: number, t: number): void {
    if (e < 0 || m.tid[e] === t) return
    const c = this.candidates
    let k = this.count++
    while (k > 0 && (c[k - 1] as number) < e) {
      c[k] = c[k - 1] as number
      k--
    }
    c[k] = e
  }

  private record(m: Events, d: number, t: number): void {
    const { n } = this
    const flags = m.flags[d] as number
    const first = (m.at[d] as number) >> 2
    if (flags & (O.READS | O.WRITES)) {
      const last = first + ((m.bytes[d] as number) >> 2)
      for (let w = first; w < last; w++) {
        if (this.stamp[w] !== this.epoch) {
          this.stamp[w] = this.epoch
          this.lastWrite[w] = -1
          this.lastRead.fill(-1, w * n, w * n + n)
        }
        if (flags & O.WRITES) this.lastWrite[w] = d
        else this.lastRead[w * n + t] = d
      }
    }
    if (flags & O.FUTEX) {
      this.futexStamp[first] = this.epoch
      this.lastFutex[first] = d
    }
    if (flags & O.INVOKES) this.lastInvoke[t] = d
    if (flags & O.RESPONDS) this.lastRespond[t] = d
  }

  /** Event `j` of thread `t` could have come before event `i`: makes sure that an execution with that is explored. */
  private race(m: Events, i: number, j: number, t: number): void {
    const { n, clock, firstIn } = this
    const mover = m.tid[i] as number
    firstIn.fill(-1)
    let initials = 0
    // v: what lies between and does not depend on `i`, then `j`. Its initials: threads whose first event in v depends on nothing in v.
    for (let k = i + 1; k <= j; k++) {
      const q = m.tid[k] as number
      if (k < j && (clock[k * n + mover] as number) > i) continue
      if ((firstIn[q] as number) >= 0) continue
      let initial = true
      for (let r = 0; r < n; r++) {
        const f = firstIn[r] as number
        if (f >= 0 && (clock[k * n + r] as number) > f) {
          initial = false
          break
        }
      }
      firstIn[q] = k
      if (initial) initials |= 1 << q
    }
    if ((this.backtrack[i] as number) & initials) return
    const able = initials & (this.enabled[i] as number)
    if (able === 0) this.backtrack[i]! |= this.enabled[i] as number
    else if (able & (1 << t)) this.backtrack[i]! |= 1 << t
    else this.backtrack[i]! |= able & -able
  }
}
