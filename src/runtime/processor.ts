// A worker's side of a runtime: takes tasks, runs them, gives their results back. Go's P, with the worker's event loop as its M.

import type { Arena } from '../arena.js'
import type { Source } from '../event-loop.js'
import {
  DATUM_CANCELLED,
  DATUM_MESSAGE,
  DATUM_NUMBER,
  DATUM_UNDEFINED,
  LANE_CANCELS,
  LANE_FINISHED,
  OK,
  RUNTIME_CLOSED,
  RUNTIME_DRAINING,
  RUNTIME_PROCS,
  TASK_CANCEL,
  TASK_FUNCTION,
  TASK_KINDS,
  TASK_LANE,
  TASK_THROWN,
  TASK_VALUES,
  WOULD_BLOCK,
} from '../generated/layout.js'
import { platform } from '../platform/index.js'
import type { RuntimeCore } from '../runtime-core.js'
import { hunt, type Operation } from '../wait.js'
import { awaitMemory } from './await-memory.js'
import { CurrentTask, isGoexit } from './current.js'
import { CANCELED_HERE, type Spawner } from './spawner.js'
import { datum, describe, describeRoughly, type Values } from './values.js'

/** Milliseconds for which tasks may keep the event loop from timers and I/O. */
const TURN = 4
/** After so many tasks, results and the clock are looked at. A power of two. */
const LOOK_EVERY = 8

const promiseThen: unknown = Promise.prototype.then

// Node's queueMicrotask costs several times as much.
const RESOLVED = Promise.resolve()

type TaskFunction = (...args: unknown[]) => unknown

/** The task that is in its synchronous part on this thread. */
let running: { processor: Processor; record: number; name: string } | undefined

/** @internal What `currentTask` is about. */
export function currentRecord(): CurrentTask | undefined {
  return running?.processor.contextOf(running.record, running.name)
}

export class Processor implements Source {
  readonly index: number
  readonly spawner: Spawner
  readonly #arena: Arena
  readonly #runtime: number
  readonly #core: RuntimeCore
  readonly #lane: number
  readonly #values: Values
  readonly #u32: Uint32Array
  readonly #f64: Float64Array
  readonly #names: readonly string[]
  readonly #functions: readonly TaskFunction[]
  readonly #hunt: Operation
  readonly #finished: number
  readonly #report: (event: 'retired' | 'drained') => void
  /** Contexts of running tasks that have asked for one, by record. */
  readonly #contexts = new Map<number, CurrentTask>()
  readonly #at: { processor: Processor; record: number; name: string }
  /** Tasks whose functions have returned a promise that is pending. */
  #awaiting = 0
  /** Whether promises of this thread have been kept that nobody has been given the time to hear of. */
  #concluded = false
  #cancels = 0
  #next = 0
  #turning = false
  #until = 0
  #retired = false

  constructor(
    arena: Arena,
    runtime: number,
    index: number,
    spawner: Spawner,
    module: ReadonlyMap<string, TaskFunction>,
    report: (event: 'retired' | 'drained') => void,
  ) {
    this.#arena = arena
    this.#runtime = runtime
    this.index = index
    this.spawner = spawner
    this.#core = spawner.core
    this.#lane = spawner.lane
    this.#values = spawner.values
    this.#u32 = arena.u32
    this.#f64 = new Float64Array(arena.memory.buffer)
    this.#names = [...module.keys()]
    this.#functions = [...module.values()]
    this.#report = report
    this.#at = { processor: this, record: 0, name: '' }
    this.#finished = (this.#lane + LANE_FINISHED) >>> 2
    this.#hunt = {
      patience: 64,
      rendezvous: false,
      attempt: () => {
        this.#next = this.#core.lane_next(this.#lane)
        return this.#next !== 0 || Atomics.load(this.#u32, this.#finished) !== 0 ? OK : WOULD_BLOCK
      },
      park: () => 0,
    }
    spawner.spawning = this.#stir
    spawner.canceling = () => this.#heedCancels()
    spawner.emptied = () => {
      if (!this.#turning && this.#awaiting === 0) this.#resting()
    }
    arena.loop.attach(this)
    // The worker is there for as long as its runtime.
    arena.loop.begin()
    arena.loop.start()
  }

  /** Before the event loop sleeps: whether there is something to do. */
  look(): boolean {
    if (this.#turning) return true
    if (Atomics.load(this.#u32, (this.#runtime + RUNTIME_CLOSED) >>> 2) !== 0) {
      platform.parent?.leave()
      return false
    }
    this.#heedCancels()
    const surplus = this.#surplus()
    if (!surplus) this.#retired = false
    else if (this.#retired) {
      // It may be ended at any moment: what has come for it meanwhile is for its heir.
      this.#report('retired')
      return false
    }
    this.#next = this.#core.lane_next(this.#lane)
    if (this.#next === 0 && surplus) {
      // It takes nothing from others: who has rung it for a task is to have another one come for that.
      this.#core.lane_stir(this.#lane)
      this.#resting()
      return false
    }
    if (this.#next === 0) {
      this.#core.lane_rest(this.#lane)
      // Dekker with who adds a task: we say that we rest, then look once more; it adds the task, then looks who rests.
      this.#next = this.#core.lane_next(this.#lane)
    }
    if (this.#next === 0) {
      this.#resting()
      return false
    }
    // We may have been meant to come for another one.
    this.#core.lane_stir(this.#lane)
    this.#turning = true
    this.#until = performance.now() + TURN
    RESOLVED.then(this.#turn)
    return true
  }

  /** This thread is about to queue a task here: a worker at rest runs it in a turn of its own, and does not count as one that can be woken. */
  readonly #stir = (): void => {
    if (this.#turning) return
    this.#core.lane_stir(this.#lane)
    this.#turning = true
    this.#until = performance.now() + TURN
    RESOLVED.then(this.#turn)
  }

  #resting(): void {
    if (Atomics.load(this.#u32, (this.#runtime + RUNTIME_DRAINING) >>> 2) !== 0) this.#report('drained')
    if (!this.#surplus() || this.#awaiting > 0 || this.spawner.live > 0 || this.#retired) return
    this.#retired = true
    this.#report('retired')
  }

  /** Whether fewer workers are wanted than there were: this one ends what it has begun, and takes no more. */
  #surplus(): boolean {
    return this.index >= Atomics.load(this.#u32, (this.#runtime + RUNTIME_PROCS) >>> 2)
  }

  readonly #turn = (): void => {
    const core = this.#core
    const lane = this.#lane
    for (let n = 1; ; n++) {
      let task = this.#next
      this.#next = 0
      if (task === 0) task = core.lane_next(lane)
      if (task === 0) {
        if (this.#collect()) {
          this.#yield()
          return
        }
        // Promises of this thread that are to be kept would have to wait for this.
        if (this.#awaiting > 0 || !this.#hunts()) break
        continue
      }
      const awaited = this.#awaiting
      this.#run(task)
      if (this.#awaiting !== awaited) {
        this.#yield()
        return
      }
      if ((n & (LOOK_EVERY - 1)) === 0) {
        if (this.#collect()) {
          this.#yield()
          return
        }
        this.#arena.loop.poll()
        if (performance.now() >= this.#until) {
          this.#yield()
          return
        }
      }
    }
    this.#turning = false
    // If this turn was begun by a spawn of this thread, the loop may sleep already: then it does not look, and nobody would know that we rest.
    if (!this.look()) this.#arena.loop.start()
  }

  /** Looks for tasks for a while, unless enough others do: whether there is one, or a result. */
  #hunts(): boolean {
    if (this.#core.lane_hunt(this.#lane) === 0) return false
    const found = hunt(this.#arena, this.#hunt)
    this.#core.lane_found(this.#lane, found ? 1 : 0)
    return found
  }

  /** Lets promises be kept, and from time to time the event loop have its turn. */
  #yield(): void {
    this.#arena.loop.poll()
    if (performance.now() < this.#until) RESOLVED.then(this.#turn)
    else {
      platform.nextTurn(() => {
        this.#until = performance.now() + TURN
        this.#heedCancels()
        this.#turn()
      })
    }
  }

  #run(record: number): void {
    const u32 = this.#u32
    if (Atomics.load(u32, (record + TASK_CANCEL) >>> 2) !== 0) {
      const payload = this.#core.task_accept(record)
      if (payload !== 0) this.#values.free(payload)
      this.#core.task_finish(record, DATUM_CANCELLED, 0, 0, 0)
      return
    }
    const number = u32[(record + TASK_FUNCTION) >>> 2] as number
    const run = this.#functions[number] as TaskFunction
    const at = this.#at
    at.record = record
    at.name = this.#names[number] as string
    running = at
    let result: unknown
    try {
      result =
        u32[(record + TASK_KINDS) >>> 2] === DATUM_NUMBER
          ? run(this.#f64[(record + TASK_VALUES) >>> 3])
          : run(...this.#values.arguments(record))
    } catch (thrown) {
      running = undefined
      this.#fail(record, thrown)
      return
    }
    running = undefined
    if (typeof result === 'number') {
      if (this.#contexts.size > 0) this.#forget(record)
      if (u32[(record + TASK_LANE) >>> 2] === this.#lane) {
        this.#concluded = true
        this.spawner.conclude(record, DATUM_NUMBER, result)
      } else this.#core.task_finish(record, DATUM_NUMBER, result, 0, 0)
    } else this.#settle(record, result)
  }

  #settle(record: number, result: unknown): void {
    let promise: Promise<unknown> | undefined
    try {
      promise = promiseOf(result)
    } catch (thrown) {
      this.#fail(record, thrown)
      return
    }
    if (promise === undefined) this.#finish(record, result)
    else this.#await(record, promise)
  }

  #await(record: number, result: Promise<unknown>): void {
    this.#core.task_block(record)
    this.#awaiting++
    result.then(
      (value) => {
        this.#awaiting--
        this.#finish(record, value)
        this.#after()
      },
      (thrown) => {
        this.#awaiting--
        this.#fail(record, thrown)
        this.#after()
      },
    )
  }

  /** Something has ended outside of a turn: nobody looks after that by itself. */
  #after(): void {
    this.#collect()
    if (this.#awaiting === 0 && !this.#turning) this.#resting()
  }

  /** Whether tasks have ended that this thread has spawned: it is not rung for those that end here. */
  #collect(): boolean {
    const concluded = this.#concluded
    this.#concluded = false
    return (this.#u32[this.#finished] !== 0 && this.spawner.collect() > 0) || concluded
  }

  #finish(record: number, value: unknown): void {
    const kind = datum(value)
    if (kind !== 0) this.#end(record, kind, kind === DATUM_NUMBER ? (value as number) : 0, 0, 0)
    else this.#send(record, value, DATUM_MESSAGE, (refused) => this.#fail(record, refused))
  }

  #fail(record: number, thrown: unknown): void {
    if (isGoexit(thrown)) {
      this.#end(record, DATUM_UNDEFINED, 0, 0, 0)
      return
    }
    const roughly = (): void =>
      this.#send(record, describeRoughly(thrown), DATUM_MESSAGE | TASK_THROWN, () => {
        this.#end(record, DATUM_UNDEFINED | TASK_THROWN, 0, 0, 0)
      })
    let described: unknown
    try {
      const context = this.#contexts.get(record)
      described =
        context?.signal.aborted && thrown === context.signal.reason
          ? [new Error('canceled'), { code: CANCELED_HERE }]
          : describe(thrown)
    } catch {
      roughly()
      return
    }
    this.#send(record, described, DATUM_MESSAGE | TASK_THROWN, roughly)
  }

  /** Ends the task with a message. */
  #send(record: number, value: unknown, kind: number, refused: (error: unknown) => void): void {
    let payload: number
    let bytes: Uint8Array | undefined
    try {
      payload = this.#values.encode(value)
      if (payload === 0) bytes = this.#values.pack(value)
    } catch (error) {
      refused(error)
      return
    }
    if (bytes === undefined) {
      this.#end(record, kind, 0, payload, this.#values.length)
      return
    }
    const packed = bytes
    this.#awaiting++
    // By the time that this is told of, other values have been placed.
    let length = 0
    const look = (): boolean => {
      payload = this.#values.place(packed)
      length = this.#values.length
      return payload !== 0
    }
    awaitMemory(this.#arena, look, 'the result of a task').then(
      () => {
        this.#awaiting--
        this.#end(record, kind, 0, payload, length)
        this.#after()
      },
      (error) => {
        this.#awaiting--
        refused(error)
        this.#after()
      },
    )
  }

  #end(record: number, kind: number, value: number, payload: number, length: number): void {
    if (this.#contexts.size > 0) this.#forget(record)
    if (kind < DATUM_MESSAGE && this.#u32[(record + TASK_LANE) >>> 2] === this.#lane) {
      this.#concluded = true
      this.spawner.conclude(record, kind, value)
    } else this.#core.task_finish(record, kind, value, payload, length)
  }

  /** @internal */
  contextOf(record: number, name: string): CurrentTask {
    let context = this.#contexts.get(record)
    if (context === undefined) {
      context = new CurrentTask(name, this.index, this.#u32, (record + TASK_CANCEL) >>> 2)
      this.#contexts.set(record, context)
    }
    return context
  }

  /** The record is about to be another task's. */
  #forget(record: number): void {
    this.#contexts.get(record)?.end()
    this.#contexts.delete(record)
  }

  #heedCancels(): void {
    const cancels = Atomics.load(this.#u32, (this.#lane + LANE_CANCELS) >>> 2)
    if (cancels === this.#cancels) return
    this.#cancels = cancels
    for (const context of this.#contexts.values()) context.look()
  }
}

/** What is to be awaited; undefined if the value is a result. As `await` asks: for `then`, once; and what that says a second time is not heard. */
function promiseOf(value: unknown): Promise<unknown> | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
  const { then } = value as { then?: unknown }
  if (typeof then !== 'function') return undefined
  if (then === promiseThen && value instanceof Promise) return value
  return new Promise((resolve, reject) => Reflect.apply(then, value, [resolve, reject]))
}
