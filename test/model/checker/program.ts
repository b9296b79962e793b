// What a virtual thread runs: a generator of commands. `const r = yield t.call('export', …)` calls the thread's own instance of the
// module; operations that are to be judged by a specification stand between `begin` and `end`, or are one `op`.

export const CALL = 0
export const OPERATION = 1
export const BEGIN = 2
export const END = 3
export const WAIT = 4
export const NOTIFY = 5
export const LOAD = 6
export const STORE = 7
export const RMW = 8
/** Waits for the death of the victim: the first command of a reaper. */
export const DEATH = 9
export const ADD = 10

export interface Command {
  readonly kind: number
  /** Export to call, or name of the operation. */
  readonly name: string
  readonly args: readonly (number | bigint)[]
  /** Name and argument of the operation in the history. */
  readonly op: string
  readonly arg: Value
  /** Result of the operation, from the raw result of the call. */
  readonly result: ((raw: number | bigint) => Value) | undefined
  readonly value: Value
}

export type Value = number | bigint | string | boolean | undefined
// biome-ignore lint/suspicious/noExplicitAny: what a yield returns depends on the command
export type Program = Generator<Command, void, any>

const none: readonly number[] = []
const identity = undefined

function command(
  kind: number,
  name: string,
  args: readonly (number | bigint)[],
  op = '',
  arg?: Value,
  result?: Command['result'],
  value?: Value,
): Command {
  return { kind, name, args, op, arg, result, value }
}

/** The commands, and what a program may look at between them. */
export class Thread {
  readonly id: number
  readonly u32: Uint32Array
  readonly i32: Int32Array
  /** Id of the thread that was killed, for reapers. */
  victim = -1
  /** How the machine learns of plain writes by the program. */
  onSet: (at: number) => void = () => {}
  /** And of plain reads. */
  onGet: (at: number) => void = () => {}

  constructor(id: number, buffer: SharedArrayBuffer) {
    this.id = id
    this.u32 = new Uint32Array(buffer)
    this.i32 = new Int32Array(buffer)
  }

  /** Calls an export; not part of the history. */
  call(name: string, ...args: (number | bigint)[]): Command {
    return command(CALL, name, args)
  }
  /** Calls an export as one operation of the history; `result` turns what it returned into what the specification knows. */
  op(op: string, arg: Value, result: Command['result'], name: string, ...args: (number | bigint)[]): Command {
    return command(OPERATION, name, args, op, arg, result)
  }
  /** Begins an operation that takes several calls. */
  begin(op: string, arg?: Value): Command {
    return command(BEGIN, '', none, op, arg)
  }
  /** Ends it with its result. */
  end(value?: Value): Command {
    return command(END, '', none, '', undefined, identity, value)
  }
  /** Futex wait done by JavaScript (Atomics.wait, or waitAsync of an event loop): 'ok', 'not-equal', 'timed-out' as 0, 1, 2. */
  wait(at: number, expected: number, timeout = -1): Command {
    return command(WAIT, '', [at, expected, timeout])
  }
  notify(at: number, count = 0xffffffff): Command {
    return command(NOTIFY, '', [at, count])
  }
  load(at: number): Command {
    return command(LOAD, '', [at])
  }
  store(at: number, value: number): Command {
    return command(STORE, '', [at, value])
  }
  /** Atomics.exchange. */
  exchange(at: number, value: number): Command {
    return command(RMW, '', [at, value])
  }
  /** Atomics.add. */
  add(at: number, value: number): Command {
    return command(ADD, '', [at, value])
  }
  /** For reapers: goes on when another thread has been killed; `victim` says which. */
  death(): Command {
    return command(DEATH, '', none)
  }
  /** A plain word, the thread's own: no step. */
  peek(at: number): number {
    return this.i32[at >> 2] as number
  }
  /** A plain word that another thread has written before: nobody may be writing it now. */
  get(at: number): number {
    this.onGet(at)
    return this.i32[at >> 2] as number
  }
  /** Writes such a word. */
  set(at: number, value: number): void {
    this.onSet(at)
    this.i32[at >> 2] = value
  }
}

/** One operation in a history; times are positions in the execution. */
export interface Operation {
  thread: number
  op: string
  arg: Value
  result: Value
  invoked: number
  /** Infinity while pending. */
  responded: number
  /** Pending for good: its thread was killed. */
  dead: boolean
  /** Operations (a bit mask) that happen before its invocation: what another thread can know of them, whatever the clock on the wall says. */
  known?: number
  /** Its thread's clock at the response. */
  mark?: number
  /** Must come after that operation of the history, besides what real time says. */
  after?: number
}
