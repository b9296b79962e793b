// What can happen in the virtual machine: the state of the threads, and what each kind of event does to it.

import { Failure } from './failure.js'
import { Memory } from './memory.js'
import * as O from './ops.js'
import { ReadSets } from './pauses.js'
import * as P from './program.js'
import { Races } from './races.js'
import { Stale } from './stale.js'
import { Trace } from './trace.js'

export const RUNNING = 0
export const ASLEEP = 1
export const PAUSED = 2
export const AWAITS_DEATH = 3
export const FINISHED = 4
export const DEAD = 5

export const STACK_BYTES = 8192

export interface Explorer {
  /** Who goes next, given that `current` could be asked to go on without cost; -1 ends the execution. */
  choose(m: Events, current: number): number
}

export interface Limits {
  /** Events in one execution. */
  steps: number
  /** Events of one operation while all others stand still. */
  solo: number
}

// biome-ignore lint/suspicious/noExplicitAny: exports of a module that is known at run time only
export type Exports = Record<string, any>

export class Events extends Trace {
  readonly n: number
  readonly memory: Memory
  readonly races: Races
  readonly stale: Stale
  readonly threads: P.Thread[] = []
  readonly exports: Exports[] = []
  limits: Limits = { steps: 4000, solo: 600 }
  realtime = true
  lockFree = false
  /** Plain accesses are events of their own: for programs that race. Where a race check proves that they do not, they need not be. */
  racy = false
  recording = false
  /** Whether any thread has ever peeked. */
  peeked = false
  /** Called after every event, if a scenario has a step invariant. */
  onStep: (() => void) | undefined
  /** Called before every access to memory except peeks, if a scenario keeps a shadow state. */
  onAccess: ((t: number, op: number, at: number, bytes: number) => void) | undefined
  /** How often each site of the source was executed. */
  readonly reached = new Uint32Array(65536)

  history: P.Operation[] = []
  /** Who may be killed at which of its kill points; -1 for nobody. */
  victim = -1
  killAt = -1
  killed = false
  killPoints = 0

  /** @internal */ explorer!: Explorer
  protected readonly command: (P.Command | undefined)[] = []
  protected readonly inWasm: Uint8Array
  /** @internal */ readonly reads: ReadSets
  /** @internal */ counted = false
  protected readonly current: Int32Array
  /** @internal */ readonly answer: (number | bigint)[] = []
  protected readonly outcome: P.Value[] = []
  protected readonly responding: Uint8Array
  /** @internal */ readonly expected: Int32Array
  /** @internal */ readonly timed: Uint8Array
  protected readonly woken: Int32Array
  protected readonly asleepSince: Int32Array
  protected readonly lastEvent: Int32Array
  /** @internal */ next = -1
  protected open = -1
  protected beforeLo = 0
  protected beforeHi = 0
  /** @internal */ rewinding = false
  /** @internal */ unwound = false
  /** @internal */ direct = true
  protected soloThread = -1
  protected solo = 0
  protected sleepers = 0

  constructor(threads: number, pages: number, maxSteps: number) {
    super(threads, maxSteps)
    const n = threads
    this.n = n
    this.memory = new Memory(pages, (n + 1) * STACK_BYTES)
    this.races = new Races(n, this.memory.words)
    this.stale = new Stale(this.memory, this.races, n)
    const bytes = (k: number) => new Uint8Array(k)
    const ints = (k: number) => new Int32Array(k)
    this.inWasm = bytes(n)
    this.current = ints(n)
    this.responding = bytes(n)
    this.expected = ints(n)
    this.timed = bytes(n)
    this.woken = ints(n)
    this.asleepSince = ints(n)
    this.lastEvent = ints(n)
    this.reads = new ReadSets(this.memory, n)
  }

  /** @internal */ pend(t: number, op: number, flags: number, at: number, bytes: number, site: number): void {
    this.pOp[t] = op
    this.pFlags[t] = flags
    this.pAt[t] = at
    this.pBytes[t] = bytes
    this.pSite[t] = site
    if (op === O.OP_PAUSE) this.state[t] = PAUSED
  }

  protected pendBoundary(t: number): void {
    const c = this.command[t]
    let flags = 0
    if (this.realtime) {
      if (this.responding[t]) flags |= O.RESPONDS
      if (c && (c.kind === P.OPERATION || c.kind === P.BEGIN)) flags |= O.INVOKES
    }
    this.pend(t, O.OP_BOUNDARY, flags, 0, 0, 0)
    if (c && c.kind === P.DEATH) this.state[t] = AWAITS_DEATH
  }

  protected pendCommand(t: number, c: P.Command): void {
    const op =
      c.kind === P.WAIT
        ? O.OP_WAIT
        : c.kind === P.NOTIFY
          ? O.OP_NOTIFY
          : c.kind === P.LOAD
            ? O.OP_LOAD
            : c.kind === P.STORE
              ? O.OP_STORE
              : O.OP_RMW
    this.expected[t] = Number(c.args[1] ?? 0)
    this.timed[t] = c.kind === P.WAIT && (c.args[2] as number) >= 0 ? 1 : 0
    this.pend(t, op, O.FLAGS[op] as number, c.args[0] as number, 4, 0)
    if (t === this.victim && this.dies(t)) this.die(t)
  }

  /** Makes the pending event of `t` happen, except for the access itself where the module does that on return from the hook. */
  /** @internal */ perform(t: number): void {
    const d = this.depth
    if (d >= this.limits.steps) throw new Failure('endless', `no end after ${d} steps`)
    const op = this.pOp[t] as number
    const flags = this.pFlags[t] as number
    const at = this.pAt[t] as number
    const bytes = this.pBytes[t] as number
    this.tid[d] = t
    this.op[d] = op
    this.flags[d] = flags
    this.at[d] = at
    this.bytes[d] = bytes
    this.site[d] = this.pSite[t] as number
    this.link[d] = -1
    this.reached[this.pSite[t] as number]!++
    this.depth = d + 1
    if (this.soloThread === t) {
      if (++this.solo > this.limits.solo)
        throw new Failure('livelock', `thread ${t}: no end after ${this.solo} steps alone`)
    } else {
      this.soloThread = t
      this.solo = 1
    }
    if (op <= O.OP_POKE || op === O.OP_LOOK) {
      const w = at >> 2
      const i32 = this.memory.i32
      const plain = op >= O.OP_GET && op !== O.OP_LOOK
      if ((!plain && at & (bytes - 1)) || at + bytes > this.memory.limit || at < 0)
        throw new Failure('trap', `thread ${t}: bad address 0x${at.toString(16)}`)
      if (this.onAccess && op !== O.OP_PEEK && op !== O.OP_LOOK) this.onAccess(t, op, at, bytes)
      if (flags & O.READS) {
        for (let k = 0; k < bytes >> 2; k++) this.reads.add(t, w + k)
      }
      if (op === O.OP_PEEK) {
        this.peeked = true
        // Word by word: what is copied may be torn.
        if (this.stale.seed !== 0) for (let k = 0; k < bytes >> 2; k++) this.stale.serve(t, w + k)
      }
      if (op === O.OP_LOOK && this.stale.seed !== 0 && this.races.strays(t, w)) this.stale.serveAny(t, w)
      if (!plain || op === O.OP_PEEK || bytes <= 8) this.open = d
      else if (flags & O.WRITES) {
        this.memory.bumpAll(at, bytes)
        if (this.stale.seed !== 0) this.stale.changeAll(t, at, bytes)
        this.races.poke(t, at, bytes)
      }
      this.beforeLo = i32[w] as number
      this.beforeHi = bytes === 8 ? (i32[w + 1] as number) : 0
      if (flags & O.WRITES) {
        this.memory.dirty(at, bytes)
        if (t === this.victim) this.counted = false
      }
      if (this.recording) {
        this.values[d * 4] = this.beforeLo
        this.values[d * 4 + 1] = this.beforeHi
      }
      if (!this.inWasm[t] && this.pSite[t] === 0) this.performHere(t, op, w)
    } else this.performOther(t, op, at, d)
    this.lastEvent[t] = d
  }

  /** An atomic of the program itself, not of the module. */
  protected performHere(t: number, op: number, w: number): void {
    const c = this.command[t]
    if (!c || c.kind < P.LOAD) return
    const i32 = this.memory.i32
    this.answer[t] = i32[w] as number
    if (c.kind === P.ADD) i32[w] = (this.answer[t] as number) + (this.expected[t] as number)
    else if (op !== O.OP_LOAD) i32[w] = this.expected[t] as number
    this.settle()
  }

  protected performOther(t: number, op: number, at: number, d: number): void {
    switch (op) {
      case O.OP_WAIT: {
        this.reads.add(t, at >> 2)
        this.races.atomic(t, O.OP_LOAD, at, 4, false)
        const word = this.memory.i32[at >> 2] as number
        if (this.recording) this.values[d * 4] = this.values[d * 4 + 2] = word
        if (word !== (this.expected[t] as number)) this.answer[t] = 1
        else {
          this.state[t] = ASLEEP
          this.woken[t] = -1
          this.asleepSince[t] = this.sleepers++
          this.pend(t, O.OP_RESUME, this.timed[t] ? O.FUTEX : 0, at, 4, this.pSite[t] as number)
        }
        if (t === this.victim) {
          this.counted = false
          if (this.state[t] === ASLEEP && this.dies(t)) this.die(t)
        }
        break
      }
      case O.OP_RESUME:
        this.state[t] = RUNNING
        this.answer[t] = (this.woken[t] as number) >= 0 ? 0 : 2
        this.link[d] = this.woken[t] as number
        break
      case O.OP_NOTIFY: {
        let left = (this.expected[t] as number) >>> 0
        let woken = 0
        while (left-- > 0) {
          let first = -1
          for (let q = 0; q < this.n; q++) {
            if (this.state[q] !== ASLEEP || this.woken[q] !== -1 || this.pAt[q] !== at) continue
            if (first < 0 || (this.asleepSince[q] as number) < (this.asleepSince[first] as number)) first = q
          }
          if (first < 0) break
          this.woken[first] = d
          this.races.join(first, t)
          woken++
        }
        this.answer[t] = woken
        if (t === this.victim) this.counted = false
        break
      }
      case O.OP_PAUSE:
        this.state[t] = RUNNING
        this.reads.clear(t)
        break
      default:
        this.boundary(t, d)
    }
  }

  protected boundary(t: number, d: number): void {
    const c = this.command[t]
    this.solo = 0
    this.reads.clear(t)
    this.state[t] = RUNNING
    if (this.responding[t]) {
      const o = this.history[this.current[t] as number] as P.Operation
      o.result = this.outcome[t]
      o.responded = 2 * d
      o.mark = this.races.clock[t * this.n + t] as number
      this.responding[t] = 0
      this.current[t] = -1
    }
    if (t === this.victim) {
      this.counted = false
      if (this.dies(t)) {
        this.lastEvent[t] = d
        this.die(t)
        return
      }
    }
    if (!c) {
      this.state[t] = FINISHED
      return
    }
    if (c.kind === P.OPERATION || c.kind === P.BEGIN) {
      this.current[t] = this.history.length
      let known = 0
      for (let k = 0; k < this.history.length && this.stale.seed !== 0; k++) {
        const p = this.history[k] as P.Operation
        if (p.responded !== Infinity && (p.mark as number) <= (this.races.clock[t * this.n + p.thread] as number))
          known |= 1 << k
      }
      this.history.push({
        known,
        thread: t,
        op: c.op,
        arg: c.arg,
        result: undefined,
        invoked: 2 * d + 1,
        responded: Infinity,
        dead: false,
      })
    } else if (c.kind === P.DEATH) {
      this.threads[t]!.victim = this.victim
      this.link[d] = this.lastEvent[this.victim] as number
      this.races.join(t, this.victim)
    }
  }

  /** Looks at what the last access has done, now that it has been done. */
  /** @internal */ settle(): void {
    const d = this.open
    if (d < 0) return
    this.open = -1
    const t = this.tid[d] as number
    const at = this.at[d] as number
    const w = at >> 2
    const i32 = this.memory.i32
    const flags = this.flags[d] as number
    const wide = this.bytes[d] === 8
    if (flags & O.WRITES) {
      const changed = i32[w] !== this.beforeLo || (wide && i32[w + 1] !== this.beforeHi)
      if (changed) {
        if (this.stale.seed !== 0) {
          if (i32[w] !== this.beforeLo) this.stale.change(t, w, this.beforeLo)
          if (wide && i32[w + 1] !== this.beforeHi) this.stale.change(t, w + 1, this.beforeHi)
        }
        if (this.memory.changed(w, this.beforeLo)) this.reads.own(t, at, 4)
        if (wide && this.memory.changed(w + 1, this.beforeHi)) this.reads.own(t, at + 4, 4)
      } else if (this.op[d] === O.OP_CAS) this.flags[d] = flags & ~O.WRITES
    }
    if (this.recording) {
      this.values[d * 4 + 2] = i32[w] as number
      this.values[d * 4 + 3] = wide ? (i32[w + 1] as number) : 0
    }
    if (flags & O.PLAIN) {
      this.stale.restore()
      if (flags & O.WRITES) this.races.poke(t, at, this.bytes[d] as number)
    } else if (this.op[d] === O.OP_LOOK) {
      this.stale.restore()
      this.races.look(t, w)
    } else
      this.races.atomic(
        t,
        this.op[d] as number,
        at,
        this.bytes[d] as number,
        ((this.flags[d] as number) & O.WRITES) !== 0,
      )
    if (this.onStep) this.onStep()
  }

  /** Bit mask of the threads that can do their next event now. */
  enabled(): number {
    let mask = 0
    for (let t = 0; t < this.n; t++) {
      switch (this.state[t]) {
        case RUNNING:
          mask |= 1 << t
          break
        case ASLEEP:
          if (this.timed[t] || (this.woken[t] as number) >= 0) mask |= 1 << t
          break
        case PAUSED:
          if (this.reads.changed(t)) mask |= 1 << t
          break
        case AWAITS_DEATH:
          if (this.killed) mask |= 1 << t
          break
      }
    }
    return mask
  }

  // ── Kills ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  // A thread that dies is known to others by what it has written. So one kill point is enough between two of its writes: the first
  // place there where it can die at all.
  /** @internal */ dies(t: number): boolean {
    if (this.killed || this.counted) return false
    const section = this.exports[t]!.section as WebAssembly.Global | undefined
    if (section?.value) return false
    this.counted = true
    return this.killPoints++ === this.killAt
  }

  /** @internal */ die(t: number): void {
    this.state[t] = DEAD
    this.killed = true
    const o = this.history[this.current[t] as number]
    if (o && o.responded === Infinity) o.dead = true
  }
}
