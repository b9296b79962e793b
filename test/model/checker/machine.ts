// The virtual machine: N threads, each its own instance of one module over one shared memory, run by one JavaScript thread.
//
// The module is built with hooks before every access to shared memory and with Binaryen's asyncify. A hook announces what its thread
// is about to do and asks the explorer who goes next: if that is the same thread it simply returns (the usual case, and cheap); else
// the thread's stack is unwound, and rewound when it is chosen again. What lies between two hooks is invisible to others.
//
// Nothing is allocated per step. Time is modelled: a futex wait is two events (fall asleep, go on), a wait with a time limit may go on
// at any moment, a pause goes on when a word has changed that the thread has looked at since its last pause.

import { Failure } from './failure.js'
import { hooks } from './hooks.js'
import { Memory } from './memory.js'
import * as O from './ops.js'
import { ReadSets } from './pauses.js'
import * as P from './program.js'
import { Races } from './races.js'
import { Trace } from './trace.js'

export const RUNNING = 0
export const ASLEEP = 1
export const PAUSED = 2
export const AWAITS_DEATH = 3
export const FINISHED = 4
export const DEAD = 5

const STACK_BYTES = 8192

export interface Explorer {
  /** Who goes next, given that `current` could be asked to go on without cost; -1 ends the execution. */
  choose(m: Machine, current: number): number
}

export interface Limits {
  /** Events in one execution. */
  steps: number
  /** Events of one operation while all others stand still. */
  solo: number
}

// biome-ignore lint/suspicious/noExplicitAny: exports of a module that is known at run time only
type Exports = Record<string, any>

export class Machine extends Trace {
  readonly n: number
  readonly memory: Memory
  readonly races: Races
  readonly threads: P.Thread[] = []
  readonly exports: Exports[] = []
  /** The instance of setup and final checks. */
  readonly main: number
  limits: Limits = { steps: 4000, solo: 600 }
  realtime = true
  lockFree = false
  /** Plain accesses are events of their own: for programs that race. Where a race check proves that they do not, they need not be. */
  racy = false
  recording = false
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
  private programs: (() => P.Program)[] = []
  private readonly generators: P.Program[] = []
  private readonly command: (P.Command | undefined)[] = []
  private readonly inWasm: Uint8Array
  /** @internal */ readonly reads: ReadSets
  /** @internal */ counted = false
  private readonly current: Int32Array
  /** @internal */ readonly answer: (number | bigint)[] = []
  private readonly outcome: P.Value[] = []
  private readonly responding: Uint8Array
  /** @internal */ readonly expected: Int32Array
  /** @internal */ readonly timed: Uint8Array
  private readonly woken: Int32Array
  private readonly asleepSince: Int32Array
  private readonly lastEvent: Int32Array
  /** @internal */ next = -1
  private open = -1
  private beforeLo = 0
  private beforeHi = 0
  /** @internal */ rewinding = false
  /** @internal */ unwound = false
  /** @internal */ direct = true
  private passed = 0
  private soloThread = -1
  private solo = 0
  private sleepers = 0
  private callResult: number | bigint = 0

  constructor(module: WebAssembly.Module, threads: number, pages: number, maxSteps = 20000) {
    super(threads, maxSteps)
    const n = threads
    this.n = n
    this.main = n
    this.memory = new Memory(pages, (n + 1) * STACK_BYTES)
    this.races = new Races(n, this.memory.words)
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
    for (let t = 0; t <= n; t++) {
      this.exports.push(
        new WebAssembly.Instance(module, hooks(this, t, this.memory.limit + t * STACK_BYTES, STACK_BYTES)).exports,
      )
      const thread = new P.Thread(t, this.memory.buffer)
      thread.onSet = (at) => {
        this.memory.dirty(at, 4)
        if (this.direct) return
        this.settle()
        this.memory.bumpAll(at, 4)
        this.races.plain(t, O.OP_SET, at, 4)
      }
      this.threads.push(thread)
    }
  }

  // ── Running ────────────────────────────────────────────────────────────────────────────────────────────────────────

  setPrograms(programs: (() => P.Program)[]): void {
    this.programs = programs
  }

  /** Calls an export of instance `t` at once, all hooks passing through: for setup and final checks. */
  call(t: number, name: string, ...args: (number | bigint)[]): number | bigint {
    const f = this.exports[t]![name]
    if (!f) throw new Error(`the module has no export '${name}'`)
    this.passed = 0
    return f(...args)
  }

  /** @internal */ pass(at: number, bytes: number): void {
    if (++this.passed > 1_000_000) throw new Failure('livelock', 'a call of setup or of the final check does not end')
    this.memory.dirty(at, bytes)
  }

  /** One execution from the snapshot. Throws a Failure if something is wrong; else tells whether all threads came to an end. */
  run(explorer: Explorer): void {
    this.reset()
    this.explorer = explorer
    this.direct = false
    try {
      for (let t = 0; t < this.n; t++) this.begin(t)
      this.next = explorer.choose(this, 0)
      while (this.next >= 0) this.go(this.next)
      this.settle()
    } catch (error) {
      if (error instanceof Failure) throw error
      throw new Failure('trap', `thread ${this.soloThread}: ${(error as Error).stack ?? error}`)
    } finally {
      this.direct = true
      this.rewinding = false
      this.open = -1
    }
  }

  private reset(): void {
    this.memory.restore()
    this.races.reset()
    this.depth = 0
    this.history = []
    this.killed = false
    this.killPoints = 0
    this.counted = false
    this.soloThread = -1
    this.solo = 0
    this.sleepers = 0
    this.open = -1
    this.unwound = false
    this.inWasm.fill(0)
    this.responding.fill(0)
    this.current.fill(-1)
    this.lastEvent.fill(-1)
    this.reads.clearAll()
    for (let t = 0; t < this.n; t++) this.memory.resetGlobals(t, this.exports[t]!)
  }

  private begin(t: number): void {
    const generator = this.programs[t]!()
    this.generators[t] = generator
    const { done, value } = generator.next()
    this.command[t] = done ? undefined : value
    this.state[t] = RUNNING
    this.pendBoundary(t)
  }

  private go(t: number): void {
    for (;;) {
      this.perform(t)
      const state = this.state[t] as number
      if (state === RUNNING && !this.proceed(t)) return
      const next = this.explorer.choose(this, t)
      if (next !== t) {
        this.next = next
        return
      }
    }
  }

  /** Runs the thread from the event just performed to its next one. False if the hook has already asked who goes next. */
  private proceed(t: number): boolean {
    let value: number | bigint | undefined
    if (this.inWasm[t]) {
      if (!this.enter(t, true)) return false
      value = this.callResult
    } else if (this.pOp[t] === O.OP_BOUNDARY) {
      const c = this.command[t] as P.Command
      if (c.kind === P.CALL || c.kind === P.OPERATION) {
        if (!this.enter(t, false)) return false
        value = this.callResult
      } else if (c.kind === P.DEATH) value = this.victim
      else if (c.kind !== P.BEGIN) {
        this.pendCommand(t, c)
        return true
      }
    } else value = this.answer[t]
    return this.advance(t, value)
  }

  private advance(t: number, last: number | bigint | undefined): boolean {
    let value = last
    for (;;) {
      const { done, value: c } = this.generators[t]!.next(value as never)
      this.command[t] = done ? undefined : (c as P.Command)
      if (!done && (c as P.Command).kind === P.END) {
        this.outcome[t] = (c as P.Command).value
        this.responding[t] = 1
        value = undefined
        continue
      }
      if (
        done ||
        this.responding[t] ||
        (c as P.Command).kind === P.OPERATION ||
        (c as P.Command).kind === P.BEGIN ||
        (c as P.Command).kind === P.DEATH
      ) {
        this.settle()
        this.pendBoundary(t)
        return true
      }
      if ((c as P.Command).kind !== P.CALL) {
        this.settle()
        this.pendCommand(t, c as P.Command)
        return true
      }
      if (!this.enter(t, false)) return false
      value = this.callResult
    }
  }

  private enter(t: number, again: boolean): boolean {
    const e = this.exports[t] as Exports
    const c = this.command[t] as P.Command
    const f = e[c.name]
    if (!f) throw new Error(`the module has no export '${c.name}'`)
    if (again) {
      this.rewinding = true
      e.asyncify_start_rewind(this.memory.limit + t * STACK_BYTES)
    }
    const r = f.apply(undefined, c.args)
    if (this.unwound) {
      this.unwound = false
      e.asyncify_stop_unwind()
      this.inWasm[t] = 1
      return false
    }
    this.settle()
    this.inWasm[t] = 0
    this.callResult = r
    if (c.kind === P.OPERATION) {
      this.outcome[t] = c.result ? c.result(r) : r
      this.responding[t] = 1
    }
    return true
  }

  // ── Events ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @internal */ pend(t: number, op: number, flags: number, at: number, bytes: number, site: number): void {
    this.pOp[t] = op
    this.pFlags[t] = flags
    this.pAt[t] = at
    this.pBytes[t] = bytes
    this.pSite[t] = site
    if (op === O.OP_PAUSE) this.state[t] = PAUSED
  }

  private pendBoundary(t: number): void {
    const c = this.command[t]
    let flags = 0
    if (this.realtime) {
      if (this.responding[t]) flags |= O.RESPONDS
      if (c && (c.kind === P.OPERATION || c.kind === P.BEGIN)) flags |= O.INVOKES
    }
    this.pend(t, O.OP_BOUNDARY, flags, 0, 0, 0)
    if (c && c.kind === P.DEATH) this.state[t] = AWAITS_DEATH
  }

  private pendCommand(t: number, c: P.Command): void {
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
    if (op <= O.OP_POKE) {
      const w = at >> 2
      const i32 = this.memory.i32
      const plain = op >= O.OP_GET
      if ((!plain && at & (bytes - 1)) || at + bytes > this.memory.limit || at < 0)
        throw new Failure('trap', `thread ${t}: bad address 0x${at.toString(16)}`)
      if (this.onAccess && op !== O.OP_PEEK) this.onAccess(t, op, at, bytes)
      if (flags & O.READS) {
        this.reads.add(t, w)
        if (bytes === 8) this.reads.add(t, w + 1)
      }
      if (!plain || bytes <= 8) this.open = d
      else if (flags & O.WRITES) {
        this.memory.bumpAll(at, bytes)
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
  private performHere(t: number, op: number, w: number): void {
    const c = this.command[t]
    if (!c || c.kind < P.LOAD) return
    const i32 = this.memory.i32
    this.answer[t] = i32[w] as number
    if (op !== O.OP_LOAD) i32[w] = this.expected[t] as number
    this.settle()
  }

  private performOther(t: number, op: number, at: number, d: number): void {
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

  private boundary(t: number, d: number): void {
    const c = this.command[t]
    this.solo = 0
    this.reads.clear(t)
    this.state[t] = RUNNING
    if (this.responding[t]) {
      const o = this.history[this.current[t] as number] as P.Operation
      o.result = this.outcome[t]
      o.responded = 2 * d
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
      this.history.push({
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
        if (this.memory.changed(w, this.beforeLo)) this.reads.own(t, at, 4)
        if (wide && this.memory.changed(w + 1, this.beforeHi)) this.reads.own(t, at + 4, 4)
      } else if (this.op[d] === O.OP_CAS) this.flags[d] = flags & ~O.WRITES
    }
    if (this.recording) {
      this.values[d * 4 + 2] = i32[w] as number
      this.values[d * 4 + 3] = wide ? (i32[w + 1] as number) : 0
    }
    if (flags & O.PLAIN) {
      if (flags & O.WRITES) this.races.poke(t, at, this.bytes[d] as number)
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
