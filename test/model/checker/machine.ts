// The virtual machine: N threads, each its own instance of one module over one shared memory, run by one JavaScript thread.
//
// The module is built with hooks before every access to shared memory and with Binaryen's asyncify. A hook announces what its thread
// is about to do and asks the explorer who goes next: if that is the same thread it simply returns (the usual case, and cheap); else
// the thread's stack is unwound, and rewound when it is chosen again. What lies between two hooks is invisible to others.
//
// Nothing is allocated per step. Time is modelled: a futex wait is two events (fall asleep, go on), a wait with a time limit may go on
// at any moment, a pause goes on when a word has changed that the thread has looked at since its last pause.

import { Events, type Explorer, type Exports, RUNNING, STACK_BYTES } from './events.js'
import { Failure } from './failure.js'
import { hooks } from './hooks.js'
import * as O from './ops.js'
import * as P from './program.js'

export class Machine extends Events {
  private programs: (() => P.Program)[] = []
  private readonly generators: P.Program[] = []
  private passed = 0
  private callResult: number | bigint = 0
  /** The instance of setup and final checks. */
  readonly main: number

  constructor(module: WebAssembly.Module, threads: number, pages: number, maxSteps = 20000) {
    super(threads, pages, maxSteps)
    const n = threads
    this.main = n
    for (let t = 0; t <= n; t++) {
      this.exports.push(
        new WebAssembly.Instance(module, hooks(this, t, this.memory.limit + t * STACK_BYTES, STACK_BYTES)).exports,
      )
      const thread = new P.Thread(t, this.memory.buffer)
      thread.onSet = (at) => {
        this.memory.dirty(at, 4)
        if (this.direct) return
        this.settle()
        this.onAccess?.(t, O.OP_SET, at, 4)
        this.memory.bumpAll(at, 4)
        this.races.plain(t, O.OP_SET, at, 4)
      }
      thread.onGet = (at) => {
        if (this.direct) return
        this.settle()
        this.onAccess?.(t, O.OP_GET, at, 4)
        this.races.plain(t, O.OP_GET, at, 4)
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
      this.stale.restore()
      this.direct = true
      this.rewinding = false
      this.open = -1
    }
  }

  private reset(): void {
    this.memory.restore()
    this.races.reset()
    this.stale.reset()
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
}
