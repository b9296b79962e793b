// A thread's end of a runtime: it puts tasks into its lane, and gives their results to their promises.

import type { Arena } from '../arena.js'
import { RuntimeClosedError, TooManyThreadsError, WorkerDiedError } from '../errors.js'
import type { Source } from '../event-loop.js'
import {
  DATUM_CANCELLED,
  DATUM_DIED,
  DATUM_MESSAGE,
  DATUM_NUMBER,
  LANE_FINISHED,
  MAX_PROCS,
  MAX_SPAWNERS,
  OK,
  OS_ID_NUMBER,
  RUNTIME_CLOSED,
  TASK_BLOCKED,
  TASK_INDEX,
  TASK_INLINE,
  TASK_KINDS,
  TASK_PAYLOAD,
  TASK_QUEUED,
  TASK_RUNNING,
  TASK_STATE,
  TASK_THROWN,
  TASK_VALUES,
  WOULD_BLOCK,
} from '../generated/layout.js'
import { type RuntimeCore, runtimeCore } from '../runtime-core.js'
import { type Operation, search } from '../wait.js'
import { awaitMemory } from './await-memory.js'
import { Task, type TaskOwner, type TaskState } from './task.js'
import { datum, restore, Values, valueIn } from './values.js'

/** How many tasks of one turn of the event loop remember where they were spawned: a stack costs as much as several tasks. */
const SITES_PER_TURN = 8
/** Code of the error by which a cancelled task ends without an error of its own: its promise gets the reason that it was cancelled with. */
export const CANCELED_HERE = 'ERR_TASK_CANCELED'

/** A function that users call. */
export type Method = (...args: never[]) => unknown

/** A task that waits for memory. */
interface Held {
  readonly task: Task<unknown>
  readonly name: number
  readonly kinds: number
  readonly numbers: readonly number[]
  readonly bytes: Uint8Array | undefined
  readonly to: number
}

export class Spawner implements Source, TaskOwner {
  readonly arena: Arena
  readonly core: RuntimeCore
  readonly values: Values
  /** Address of the lane. */
  readonly lane: number
  /** Tasks that have been spawned here and have not ended. */
  live = 0
  /** Why nothing can be spawned any more. */
  closed: unknown = undefined
  /** Says what is known about the end of the worker on that thread. */
  obituary: (threadId: number) => { worker: number | undefined; cause: unknown } = () => ({
    worker: undefined,
    cause: undefined,
  })
  /** Called whenever nothing is left that has been spawned here. */
  emptied: (() => void) | undefined
  /** Called before a worker queues a task on its own lane: it may be at rest, and does not ring its own bell. */
  spawning: (() => void) | undefined
  /** Of a worker's lane: called after a task that runs has been cancelled, for that may be one of its own. */
  canceling: (() => void) | undefined
  readonly #u32: Uint32Array
  readonly #i32: Int32Array
  readonly #f64: Float64Array
  /** By number of record. */
  readonly #tasks: (Task<unknown> | undefined)[] = []
  readonly #finished: number
  readonly #closedAt: number
  readonly #search: Operation
  readonly #begin: () => void
  #held: Held[] = []
  #hungry = false
  #begun = false
  #count = 0
  #sites = 0

  /** @param index Of a worker's lane; MAX_PROCS for any spawner's. */
  constructor(arena: Arena, runtime: number, index: number) {
    this.arena = arena
    this.core = runtimeCore(arena)
    this.values = new Values(arena)
    this.lane = this.core.lane_claim(runtime, index)
    if (this.lane === 0) {
      throw index < MAX_PROCS || arena.stats().bytesReserved > arena.size / 2
        ? arena.full('a lane of a runtime', 2048)
        : new TooManyThreadsError(MAX_SPAWNERS)
    }
    if (this.lane === 1) throw new Error(`the runtime has a worker ${index} already`)
    this.#u32 = arena.u32
    this.#i32 = arena.i32
    this.#f64 = new Float64Array(arena.memory.buffer)
    this.#closedAt = (runtime + RUNTIME_CLOSED) >>> 2
    this.#finished = (this.lane + LANE_FINISHED) >>> 2
    this.#search = {
      patience: 64,
      rendezvous: false,
      attempt: () => (Atomics.load(this.#i32, this.#finished) === 0 ? WOULD_BLOCK : OK),
      park: () => 0,
    }
    this.#begin = () => {
      this.#sites = 0
      if (this.live > 0) arena.loop.start()
    }
    arena.loop.attach(this)
  }

  /**
   * Spawns a task. `name` is the number of its function, `to` the lane of the worker that it is for, or 0; the stack of the spawn begins where `below` was
   * called.
   */
  spawn(name: number, title: string, args: readonly unknown[], to: number, below: Method): Task<unknown> {
    if (this.closed !== undefined) throw new RuntimeClosedError(this.closed)
    const n = args.length
    const first = args[0]
    if (n === 1 && typeof first === 'number' && to === 0 && this.#held.length === 0) {
      const task = this.#task(title, below)
      this.spawning?.()
      const record = this.core.lane_spawn(this.lane, name, DATUM_NUMBER, first, 0, 0, 0, 0, 0)
      if (record !== 0) this.#queued(task, record)
      else this.#hold(task, name, DATUM_NUMBER, args as number[], 0, undefined, args, to)
      if (++this.live === 1) this.#start()
      return task
    }
    let kinds = 0
    let inline = n <= TASK_INLINE
    for (let i = 0; inline && i < n; i++) {
      const kind = datum(args[i])
      inline = kind !== 0
      kinds |= kind << (4 * i)
    }
    let payload = 0
    let bytes: Uint8Array | undefined
    if (!inline) {
      kinds = DATUM_MESSAGE
      // While others wait for memory it waits behind them.
      if (this.#held.length === 0) payload = this.#encode(args, title)
      if (payload === 0) bytes = this.values.pack(args)
    }
    const task = this.#task(title, below)
    let record = 0
    if (bytes === undefined && this.#held.length === 0) {
      const a = inline && n > 0 ? (args[0] as number) : 0
      const b = inline && n > 1 ? (args[1] as number) : 0
      const c = inline && n > 2 ? (args[2] as number) : 0
      if (to === 0) this.spawning?.()
      // What is no number is told by its kind: anything will do as its number.
      record = this.core.lane_spawn(this.lane, name, kinds, +a, +b, +c, payload, this.values.length, to)
    }
    if (record !== 0) this.#queued(task, record)
    else this.#hold(task, name, kinds, inline ? (args as number[]) : [], payload, bytes, args, to)
    if (++this.live === 1) this.#start()
    return task
  }

  /** A task that was cancelled before it was spawned: it never is. */
  refuse(title: string, reason: unknown): Task<unknown> {
    const task = new Task<unknown>(this, ++this.#count, title)
    task.ended = true
    task.canceled = { reason }
    task.reject(reason)
    return task
  }

  #encode(args: readonly unknown[], title: string): number {
    try {
      return this.values.encode(args)
    } catch (error) {
      throw error instanceof TypeError ? ofArgument(error, title) : error
    }
  }

  #task(title: string, below: Method): Task<unknown> {
    const task = new Task<unknown>(this, ++this.#count, title)
    if (this.#sites < SITES_PER_TURN) {
      this.#sites++
      task.site = {}
      Error.captureStackTrace?.(task.site, below)
    }
    return task
  }

  #queued(task: Task<unknown>, record: number): void {
    task.record = record
    this.#tasks[this.#u32[(record + TASK_INDEX) >>> 2] as number] = task
  }

  /** There is no memory: the task waits in this thread's own. */
  #hold(
    task: Task<unknown>,
    name: number,
    kinds: number,
    numbers: readonly number[],
    payload: number,
    bytes: Uint8Array | undefined,
    args: readonly unknown[],
    to: number,
  ): void {
    if (payload !== 0) this.values.takeBack(payload)
    const packed = kinds === DATUM_MESSAGE ? (bytes ?? this.values.pack(args)) : undefined
    this.#held.push({ task, name, kinds, numbers: numbers.slice(), bytes: packed, to })
    if (!this.#hungry) this.#awaitMemory()
  }

  #awaitMemory(): void {
    this.#hungry = true
    awaitMemory(this.arena, () => this.#submitHeld(), 'go').then(
      () => {
        this.#hungry = false
        if (this.#held.length > 0) this.#awaitMemory()
      },
      (error) => this.#failHeld(error),
    )
  }

  #failHeld(error: unknown): void {
    this.#hungry = false
    for (const { task } of this.#held.splice(0)) this.#settle(task, () => task.reject(error))
  }

  /** Queues what has room by now: whether all has, or nothing waits. */
  #submitHeld(): boolean {
    // Records of tasks that have ended are used again.
    this.collect()
    let done = 0
    for (const held of this.#held) {
      if (!held.task.ended) {
        let payload = 0
        if (held.bytes !== undefined) {
          payload = this.values.place(held.bytes)
          if (payload === 0) break
        }
        const [a = 0, b = 0, c = 0] = held.numbers
        const record = this.core.lane_spawn(
          this.lane,
          held.name,
          held.kinds,
          +a,
          +b,
          +c,
          payload,
          this.values.length,
          held.to,
        )
        if (record === 0) {
          // Told of that we would only look again, for ever.
          if (payload !== 0) this.values.takeBack(payload)
          break
        }
        this.#queued(held.task, record)
      }
      done++
    }
    this.#held.splice(0, done)
    return this.#held.length === 0
  }

  #start(): void {
    this.arena.loop.begin()
    if (this.#begun) return
    this.#begun = true
    queueMicrotask(() => {
      this.#begun = false
      this.#begin()
    })
  }

  /** Gives the results that have arrived to their promises. */
  look(): boolean {
    this.#sites = 0
    if (this.live === 0) return false
    if (this.collect() === 0 && search(this.arena, this.#search)) this.collect()
    return false
  }

  /** As `look`, without waiting for any: how many. */
  collect(): number {
    const { core, lane } = this
    const before = this.live
    let n = 0
    for (let record = core.task_collect(lane); record !== 0; record = core.task_collect(lane)) {
      const index = this.#u32[(record + TASK_INDEX) >>> 2] as number
      const kind = this.#u32[(record + TASK_KINDS) >>> 2] as number
      const task = this.#tasks[index]
      this.#tasks[index] = undefined
      if (kind === DATUM_NUMBER && task !== undefined && !task.ended) {
        // Free already: see task_collect.
        const value = this.#f64[(record + TASK_VALUES) >>> 3] as number
        task.record = 0
        task.ended = true
        this.live--
        task.resolve(value)
      } else this.#end(task, record, kind)
      n++
    }
    // Not for what the thread that had this lane before has spawned.
    if (before > 0 && this.live === 0) this.#emptied()
    return n
  }

  #end(task: Task<unknown> | undefined, record: number, kind: number): void {
    let value: unknown
    let unreadable: unknown
    const payload = this.#u32[(record + TASK_PAYLOAD) >>> 2]
    try {
      value = this.values.result(record)
    } catch (error) {
      unreadable = error
    }
    if (payload !== 0) this.core.task_release(this.lane, record)
    // Spawned by the thread that had this lane before.
    if (task === undefined) return
    task.record = 0
    this.live--
    if (task.ended) return
    task.ended = true
    const what = kind & 15
    if (unreadable !== undefined) task.reject(unreadable)
    else if (what === DATUM_CANCELLED) task.reject(task.canceled?.reason)
    else if (what === DATUM_DIED && Atomics.load(this.#u32, this.#closedAt) !== 0) {
      // Its worker was ended with the runtime, which this thread is about to hear of.
      task.reject(new RuntimeClosedError(this.closed))
    } else if (what === DATUM_DIED) {
      const { worker, cause } = this.obituary(((this.#f64[(record + TASK_VALUES) >>> 3] as number) & OS_ID_NUMBER) - 1)
      task.reject(new WorkerDiedError(task.name, worker, cause))
    } else if ((kind & TASK_THROWN) === 0) task.resolve(value)
    else {
      const thrown = restore(value, siteOf(task))
      const own = task.canceled !== undefined && (thrown as { code?: unknown } | null)?.code === CANCELED_HERE
      task.reject(own ? task.canceled?.reason : thrown)
    }
  }

  /** Ends a task that this thread has spawned and has run itself, without a message: nobody else has to know. */
  conclude(record: number, kind: number, value: number): void {
    const index = this.#u32[(record + TASK_INDEX) >>> 2] as number
    const task = this.#tasks[index]
    this.#tasks[index] = undefined
    this.core.task_conclude(this.lane, record)
    // Spawned by the thread that had this lane before.
    if (task === undefined) return
    task.record = 0
    if (!task.ended) {
      task.ended = true
      task.resolve(kind === DATUM_NUMBER ? value : valueIn(kind, value))
    }
    if (--this.live === 0) this.#emptied()
  }

  #settle(task: Task<unknown>, how: () => void): void {
    task.ended = true
    this.live--
    how()
    if (this.live === 0) this.#emptied()
  }

  #emptied(): void {
    this.arena.loop.end()
    this.emptied?.()
  }

  /** Rejects all that has been spawned here: the runtime is no more. */
  abandon(cause: unknown): void {
    this.closed = cause
    this.collect()
    const left = [...this.#held.splice(0).map(({ task }) => task), ...this.#tasks].filter((task) => task !== undefined)
    this.#tasks.length = 0
    for (const task of left) {
      task.record = 0
      if (task.ended) {
        this.live--
        continue
      }
      // Who awaits it hears of it; who has let it go need not.
      task.catch(() => {})
      task.ended = true
      this.live--
      task.reject(new RuntimeClosedError(cause))
    }
    this.live = 0
    if (left.length > 0) this.#emptied()
    this.arena.loop.detach(this)
  }

  /** @internal */
  stateOf(task: Task<unknown>): TaskState {
    const state = Atomics.load(this.#i32, (task.record + TASK_STATE) >>> 2)
    return state === TASK_RUNNING ? 'running' : state === TASK_BLOCKED ? 'blocked' : 'runnable'
  }

  /** @internal */
  cancel(task: Task<unknown>): void {
    const reason = task.canceled?.reason
    if (task.record === 0) this.#settle(task, () => task.reject(reason))
    else if (this.core.task_cancel(task.record) === TASK_QUEUED) {
      // Whoever takes it finds that out; until then its record is in use.
      task.ended = true
      task.reject(reason)
    } else this.canceling?.()
  }
}

/** The codec speaks of a path in all arguments: says which one it is. */
function ofArgument(error: TypeError, title: string): TypeError {
  const [, index] = /\$\[(\d+)\]/.exec(error.message) ?? []
  if (index !== undefined) error.message += `: argument ${Number(index) + 1} of task ${JSON.stringify(title)}`
  return error
}

function siteOf(task: Task<unknown>): string {
  const head = `    at task ${JSON.stringify(task.name)}, spawned`
  const stack = task.site?.stack
  if (stack === undefined)
    return `${head} among many in one turn of the event loop, of which the first ${SITES_PER_TURN} remember where`
  return `${head}\n${stack.slice(stack.indexOf('\n') + 1)}`
}
