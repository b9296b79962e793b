// A scenario: which threads do what on which state, what must hold, and how far to explore.

import type { Recipe } from './build.js'
import { Failure, type FailureKind } from './failure.js'
import type { Spec } from './linear.js'
import type { Machine } from './machine.js'
import type { Operation, Program, Thread, Value } from './program.js'

// biome-ignore lint/suspicious/noExplicitAny: what setup returns is the scenario's own business
export type Env = any

export interface Scenario {
  readonly name: string
  /** What is tried, in a sentence. */
  readonly about: string
  readonly recipe: Recipe
  /** Prepares the state that every execution starts from; what it returns is passed to the programs. */
  readonly setup?: (b: Bench) => Env
  readonly threads: readonly ((t: Thread, env: Env) => Program)[]
  /** Threads that may be killed, at any of their steps, one in an execution. `reaper` then runs as one more thread. */
  readonly victims?: readonly number[]
  readonly reaper?: (t: Thread, env: Env) => Program
  /** The history must be linearizable with respect to it. */
  readonly spec?: (env: Env) => Spec<unknown>
  /** Rewrites the history before it is judged: a batch into its single operations. */
  readonly expand?: (history: readonly Operation[]) => Operation[]
  /** Before every access to shared memory except peeks: the shadow state of an allocator. */
  readonly access?: (b: Bench, env: Env) => (t: number, op: number, at: number, bytes: number) => void
  /** After every event. */
  readonly step?: (b: Bench, env: Env) => void
  /** At the end of every execution; may call exports, and add operations to the history. */
  readonly final?: (b: Bench, env: Env) => void
  /** Exactly these outcomes (see `outcome`) are possible: checked when the exploration is complete. */
  readonly outcomes?: readonly string[]
  readonly outcome?: (b: Bench, env: Env) => string
  /** The scenario is wrong on purpose: this must be found. */
  readonly expect?: FailureKind
  /** Known to fail, and why: what the documentation forbids. Such a scenario shows the limit; it does not fail the run. */
  readonly limit?: string
  /** Threads may be asleep at the end (with a specification: where it agrees that they must wait). */
  readonly maySleep?: boolean
  /** Nobody may ever wait for another thread. */
  readonly lockFree?: boolean
  /** False: threads that go in step may give way to each other for ever. */
  readonly lockstep?: boolean
  /** Data races are not looked for: a misuse that must stay harmless all the same. */
  readonly racy?: boolean
  /** Atomics of different sizes on one word are meant. */
  readonly mixed?: boolean
  /** Real-time order between operations is explored in full unless this is false. */
  readonly realtime?: boolean
  readonly explore?: Exploration
  /** Exploration of the CI run, where the full one takes too long. */
  readonly ci?: Exploration
  readonly steps?: number
  readonly solo?: number
  /** Wasm pages of shared memory; 16 is the least that an arena takes. */
  readonly pages?: number
}

export interface Exploration {
  /** Executions of the exhaustive search per variant (no kill; each kill point) before it is given up. */
  readonly executions?: number
  /** Only executions with at most so many preemptions, without partial-order reduction. */
  readonly preemptions?: number
  /** Random executions per variant, after (or without) the exhaustive search. */
  readonly random?: number
  /** Random executions in which racing plain reads see stale values (see stale.ts). */
  readonly stale?: number
}

/** The single-threaded view of the machine that setup and final checks have. */
export class Bench {
  readonly m: Machine
  readonly layout: Readonly<Record<string, number>>
  readonly u32: Uint32Array
  readonly i32: Int32Array
  readonly u64: BigUint64Array
  /** Names for addresses, for readable failures. */
  readonly names: [at: number, name: string, kind: string][] = []

  constructor(m: Machine, layout: Readonly<Record<string, number>>) {
    this.m = m
    this.layout = layout
    this.u32 = new Uint32Array(m.memory.buffer)
    this.i32 = m.memory.i32
    this.u64 = new BigUint64Array(m.memory.buffer)
  }

  /** Calls an export on the instance of setup and final checks. */
  call(name: string, ...args: (number | bigint)[]): number {
    return Number(this.m.call(this.m.main, name, ...args))
  }
  /** Calls an export on the instance of thread `t`. */
  as(t: number, name: string, ...args: (number | bigint)[]): number {
    return Number(this.m.call(t, name, ...args))
  }
  read(at: number): number {
    return this.u32[at >> 2] as number
  }
  /** Calls an address by a name; `kind` is the prefix of its fields in layout.ts (also when the block has been freed). */
  name(at: number, name: string, kind = ''): number {
    this.names.push([at, name, kind])
    return at
  }
  get history(): Operation[] {
    return this.m.history
  }
  /** Adds an operation that happened after all others. */
  record(op: string, arg: Value, result: Value): void {
    const known = (1 << this.m.history.length) - 1
    const time = 2 * this.m.depth + 2 + this.m.history.length
    this.m.history.push({ thread: this.m.main, op, arg, result, invoked: time, responded: time, dead: false, known })
  }
  get killed(): number {
    return this.m.killed ? this.m.victim : -1
  }
  fail(kind: FailureKind, text: string): never {
    throw new Failure(kind, text)
  }
  check(condition: boolean, text: string): void {
    if (!condition) throw new Failure('invariant', text)
  }
}
