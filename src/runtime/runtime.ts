// Runtime: goroutines on worker threads.

import type { Arena } from '../arena.js'
import { RuntimeClosedError, rangeError, StaleHandleError, show, typeError } from '../errors.js'
import {
  KIND_RUNTIME,
  LANE_LIVE,
  LANE_MAIL,
  LANE_MAIL_TURNING,
  LANE_OWNER,
  LANE_PAGES,
  LANE_PINNED,
  LANE_THREAD,
  MAX_PROCS,
  MAX_SPAWNERS,
  OK,
  RUNTIME_CLOSED,
  RUNTIME_DRAINING,
  RUNTIME_LANES,
  RUNTIME_PROCS,
  TASK_BLOCKED,
  TASK_BYTES,
  TASK_QUEUED,
  TASK_RUNNING,
  TASK_STATE,
  TASKS_BYTES,
  TASKS_FIRST,
  TASKS_NEXT,
} from '../generated/layout.js'
import { type Handle, makeHandle, registerKind, type Site } from '../handle.js'
import { brief, INSPECT, type Inspect } from '../inspect.js'
import type { MapOptions } from '../patterns/map.js'
import type { ParallelForOptions } from '../patterns/parallel-for.js'
import type { Results } from '../patterns/results.js'
import type { Source } from '../patterns/source-of.js'
import { runtimeCore } from '../runtime-core.js'
import type { Crew } from './crew.js'
import { cancelledBy, mapTasks, tasksFor } from './many.js'
import { type Method, Spawner } from './spawner.js'
import type { Task } from './task.js'
import type { AnyModule, RestArguments, TaskArguments, TaskName, TaskResult } from './types.js'

/** Spawns tasks that one worker alone runs. */
export interface Pinned<M> {
  go<K extends TaskName<M>>(name: K, ...args: TaskArguments<M, K>): Task<TaskResult<M, K>>
}

/** The runtime that this thread works for, if it is a worker of one. */
let own: Runtime<AnyModule> | undefined
/** Runtimes that this thread has made or opened. */
const opened = new Set<Runtime<AnyModule>>()

/**
 * Goroutines on worker threads that share the work: each worker runs the tasks of its own queue, takes from those who spawn, and steals from the others.
 *
 * @see runtime, which makes one.
 */
export class Runtime<M = AnyModule> implements AsyncDisposable {
  readonly arena: Arena
  readonly #site: Site
  readonly #names: readonly string[]
  #schema: readonly [string, ...string[]] | undefined
  readonly #numbers = new Map<string, number>()
  readonly #spawner: Spawner
  readonly #crew: Crew | undefined
  readonly #waiting: (() => void)[] = []
  #closing: Promise<void> | undefined
  /** Workers that there are about to be. */
  #coming = 0
  #lastProcs = 0
  #resizing: Promise<unknown> = Promise.resolve()

  /** @internal */
  constructor(site: Site, names: readonly string[], spawner: Spawner, crew: Crew | undefined) {
    this.arena = site.arena
    this.#site = site
    this.#names = names
    this.#spawner = spawner
    this.#crew = crew
    names.forEach((name, number) => {
      this.#numbers.set(name, number)
    })
    if (crew !== undefined) {
      spawner.obituary = (threadId) => crew.obituary(threadId)
      spawner.emptied = () => this.#checkDrained()
    }
    opened.add(this as Runtime<never>)
  }

  /**
   * Spawns a task: runs the module's function of that name on one of the workers, with copies of the arguments (channels, mutexes, contexts and all else
   * that has a handle arrive opened). Returns at once. From inside a task it goes to the worker's own queue, from which others steal.
   *
   * @throws TypeError if the module has no such function, or an argument cannot be carried (with the path to it); RuntimeClosedError (ERR_RUNTIME_CLOSED).
   * What the function throws, the task rejects with; WorkerDiedError (ERR_WORKER_DIED) if its worker ended meanwhile.
   * @example
   * const [a, b] = await Promise.all([rt.go('fib', 30), rt.go('fib', 31)])
   */
  go<K extends TaskName<M>>(name: K, ...args: TaskArguments<M, K>): Task<TaskResult<M, K>> {
    return this.#spawner.spawn(this.#number(name), name, args as unknown[], 0, this.go) as Task<TaskResult<M, K>>
  }

  /** @internal As `go`, for who has the arguments in an array. */
  spawn(name: string, args: readonly unknown[], below: Method): Task<unknown> {
    return this.#spawner.spawn(this.#number(name), name, args, 0, below)
  }

  #number(name: string): number {
    const number = this.#numbers.get(name)
    if (number !== undefined) return number
    this.#requireOpen()
    if (typeof name !== 'string') {
      throw typeError(
        `tasks are told by the name of a function that the runtime's module exports, as a string, not by ${show(name)}`,
      )
    }
    throw typeError(
      `the runtime's module exports no function ${show(name)}: it has ${this.#names.map((each) => show(each)).join(', ') || 'none at all'}`,
    )
  }

  /**
   * Spawns on one worker alone, by its number from 0: tasks that share state in the worker's module, or a resource that it holds.
   *
   * @throws RangeError if there is no such worker, or, when it comes to `go`, no longer.
   */
  on(worker: number): Pinned<M> {
    this.#laneOf(worker)
    const pinned: Pinned<M> = {
      go: (name, ...args) =>
        this.#spawner.spawn(this.#number(name), name, args as unknown[], this.#laneOf(worker), pinned.go) as Task<
          TaskResult<M, typeof name>
        >,
    }
    return pinned
  }

  #laneOf(worker: number): number {
    this.#requireOpen()
    const { procs } = this
    if (!Number.isInteger(worker) || worker < 0 || worker >= procs) {
      throw rangeError(`a worker's number is an integer from 0 to ${procs - 1}, not ${show(worker)}`)
    }
    return this.#lane(worker)
  }

  /**
   * A function that spawns the task, and cancels it when the signal that it is called with is aborted: for an ErrGroup, a WorkerPool, or whatever else calls
   * functions with a signal.
   *
   * @example
   * const group = new ErrGroup()
   * for (const url of urls) await group.go(rt.task('crawl', url))
   * await group.wait()
   */
  task<K extends TaskName<M>>(name: K, ...args: TaskArguments<M, K>): (signal?: AbortSignal) => Task<TaskResult<M, K>> {
    this.#number(name)
    return (signal) =>
      signal?.aborted
        ? (this.#spawner.refuse(name, signal.reason) as Task<TaskResult<M, K>>)
        : cancelledBy(this.go(name, ...args), signal)
  }

  /**
   * Runs the task of that name for each item and gives the results: in the order of the items, or with `ordered: false` as they are ready. Items are
   * read when there is room for one, so they may be a channel or a generator without end. At most `concurrency` tasks (default: four for each worker) are
   * under way. The first error, or the abort of `signal`, cancels them, and no more are begun.
   *
   * @example
   * for await (const thumbnail of rt.map('shrink', images, { ordered: false })) await save(thumbnail)
   */
  map<K extends TaskName<M>>(
    name: K,
    items: Source<TaskArguments<M, K>[0]>,
    options: MapOptions = {},
  ): Results<TaskResult<M, K>> {
    this.#requireOpen()
    const number = this.#number(name)
    const go = (args: readonly unknown[]): Task<unknown> => this.#spawner.spawn(number, name, args, 0, this.map)
    return mapTasks(go, this.procs, items, options) as Results<TaskResult<M, K>>
  }

  /**
   * Runs the task of that name, as `task(from, to, ...args)`, for chunks that together are the numbers from 0 to below `n`. Resolves when all are done;
   * the first error cancels the others. By default chunks get smaller towards the end, so that no worker is left waiting. Results go to a SharedArray: what the
   * tasks have written there is seen once they have ended.
   *
   * @example
   * const pixels = new SharedArray(u8, 3 * width * height)
   * await rt.parallelFor('renderRows', height, { chunk: 16 }, pixels, width) // renderRows(from, to, { array }, width) writes rows to `array`
   */
  parallelFor<K extends TaskName<M>>(
    name: K,
    n: number,
    options: ParallelForOptions = {},
    ...args: RestArguments<M, K>
  ): Promise<void> {
    this.#requireOpen()
    const number = this.#number(name)
    const go = (each: readonly unknown[]): Task<unknown> => this.#spawner.spawn(number, name, each, 0, this.parallelFor)
    return tasksFor(go, this.procs, n, options, args)
  }

  /** How many workers take tasks; after `close`, how many did. */
  get procs(): number {
    return this.#closing === undefined ? this.#word(RUNTIME_PROCS) : this.#lastProcs
  }

  /**
   * Sets how many workers take tasks, from 1 to 64, and resolves once those that are new are ready, with how many there were before. Those that are too
   * many end when what they have begun has ended; what waits in their queues is run by others. Without an argument: just asks.
   */
  maxProcs(procs?: number): Promise<number> {
    if (procs !== undefined) checkProcs(procs)
    const crew = this.#crew
    if (procs !== undefined && crew === undefined)
      return Promise.reject(typeError('maxProcs is for the thread that made the runtime'))
    const change = this.#resizing.then(async () => {
      this.#requireOpen()
      const before = this.procs
      if (procs === undefined || crew === undefined || procs === before) return before
      // Workers first: with the number, `on` begins to offer them.
      this.#coming = procs
      try {
        await crew.start(before, procs)
        this.#requireOpen()
        runtimeCore(this.arena).runtime_setProcs(this.#site.at, procs)
      } catch (error) {
        // Those that have come all the same go again.
        if (this.#closing === undefined) runtimeCore(this.arena).runtime_setProcs(this.#site.at, before)
        throw this.#closing === undefined ? error : new RuntimeClosedError(this.#spawner.closed)
      } finally {
        this.#coming = 0
      }
      return before
    })
    this.#resizing = change.catch(() => {})
    return change
  }

  /** Tasks that have been spawned, by whatever thread, and whose end has not been noticed there yet. */
  numGoroutine(): number {
    if (this.#closing !== undefined) return 0
    let n = 0
    for (let i = 0; i < MAX_PROCS + MAX_SPAWNERS; i++) {
      const lane = this.#lane(i)
      if (lane !== 0 && Atomics.load(this.arena.u32, (lane + LANE_OWNER) >>> 2) !== 0) {
        n += Atomics.load(this.arena.u32, (lane + LANE_LIVE) >>> 2)
      }
    }
    return n
  }

  /** Resolves once all tasks have ended, with those that they have spawned meanwhile. New ones may come in all the time. */
  async drain(): Promise<void> {
    this.#requireOpen()
    if (this.#crew === undefined) throw typeError('drain is for the thread that made the runtime')
    while (!this.#isDrained()) {
      Atomics.store(this.arena.u32, (this.#site.at + RUNTIME_DRAINING) >>> 2, 1)
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
        this.#crew?.hold(true)
        this.#checkDrained()
        runtimeCore(this.arena).runtime_setProcs(this.#site.at, this.procs)
      })
    }
    this.#crew?.hold(false)
  }

  /** Whether no task is left that has not ended, whoever has spawned it, be that thread alive or dead, or too busy to look at the result. */
  #isDrained(): boolean {
    if (this.#closing !== undefined) return true
    if (this.#spawner.live > 0) return false
    const { u32 } = this.arena
    for (let i = 0; i < MAX_PROCS + MAX_SPAWNERS; i++) {
      const lane = this.#lane(i)
      if (lane === 0) continue
      const owned = Atomics.load(u32, (lane + LANE_OWNER) >>> 2) !== 0
      if (owned && Atomics.load(u32, (lane + LANE_LIVE) >>> 2) === 0) continue
      // A worker looks at what its tasks' tasks have come to before it rests. Other threads may be too busy for that, and the dead do not count.
      if (owned && i < MAX_PROCS) return false
      for (
        let block = Atomics.load(u32, (lane + LANE_PAGES) >>> 2);
        block !== 0;
        block = u32[(block + TASKS_NEXT) >>> 2] as number
      ) {
        for (let task = block + TASKS_FIRST; task < block + TASKS_BYTES; task += TASK_BYTES) {
          const state = Atomics.load(u32, (task + TASK_STATE) >>> 2)
          if (state === TASK_QUEUED || state === TASK_RUNNING || state === TASK_BLOCKED) return false
        }
      }
    }
    return true
  }

  #checkDrained(): void {
    if (this.#waiting.length === 0 || !this.#isDrained()) return
    Atomics.store(this.arena.u32, (this.#site.at + RUNTIME_DRAINING) >>> 2, 0)
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /**
   * Ends the workers, whatever they are at. What has not ended rejects with RuntimeClosedError; so does what is spawned after. For a graceful end,
   * `await rt.drain()` first. In a thread that has opened a handle: leaves the runtime, which goes on.
   */
  close(): Promise<void> {
    if ((this as Runtime<never>) === own) {
      return Promise.reject(typeError('close is not for tasks: the thread that made the runtime closes it'))
    }
    this.#closing ??= this.#close(undefined)
    return this.#closing
  }

  async #close(cause: unknown): Promise<void> {
    const { at } = this.#site
    const core = runtimeCore(this.arena)
    this.#lastProcs = this.procs
    opened.delete(this as Runtime<never>)
    this.arena.loop.detach(this)
    if (this.#crew !== undefined) {
      core.runtime_close(at)
      const ending = this.#crew.end()
      this.#spawner.abandon(cause ?? 'closed')
      await ending
      this.#checkDrained()
    } else this.#spawner.abandon('closed')
    core.lane_leave(this.#spawner.lane)
    core.runtime_leave(at)
    this.arena.relieve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @internal It cannot go on. */
  fail(error: unknown): void {
    this.#closing ??= this.#close(error)
  }

  /** @internal */
  drained(): void {
    this.#checkDrained()
  }

  /** @internal For whom the runtime was closed by its maker. */
  look(): boolean {
    if (this.#crew === undefined && this.#closing === undefined && this.#word(RUNTIME_CLOSED) !== 0) void this.close()
    return false
  }

  /** For other threads, which may spawn too: `open(handle)`. */
  get handle(): Handle<Runtime<M>> {
    this.#requireOpen()
    // In the place of a codec's schema: it goes wherever a handle goes.
    this.#schema ??= ['tasks', ...this.#names]
    return makeHandle<Runtime<M>>(this.#site, 'runtime', { name: '', schema: this.#schema }, 'both')
  }

  /** @internal */
  [INSPECT](depth: number, options: object, inspect: Inspect): string {
    return brief('Runtime', { procs: this.procs, tasks: this.numGoroutine() }, depth, options, inspect)
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw new RuntimeClosedError(this.#spawner.closed)
  }

  #word(offset: number): number {
    return this.#closing === undefined ? Atomics.load(this.arena.u32, (this.#site.at + offset) >>> 2) : 0
  }

  #lane(index: number): number {
    return this.#word(RUNTIME_LANES + 4 * index)
  }

  /** @internal How many workers there are to be. */
  get wanted(): number {
    return Math.max(this.procs, this.#coming)
  }

  /** @internal Whether tasks wait for that worker alone. */
  hasMail(worker: number): boolean {
    const lane = this.#lane(worker)
    const { u32 } = this.arena
    return (
      lane !== 0 &&
      [LANE_MAIL, LANE_MAIL_TURNING, LANE_PINNED].some((list) => Atomics.load(u32, (lane + list) >>> 2) !== 0)
    )
  }

  /** @internal Slot of the thread that a worker is. */
  threadOf(worker: number): number {
    return Atomics.load(this.arena.u32, (this.#lane(worker) + LANE_THREAD) >>> 2)
  }
}

/** @internal */
export function checkProcs(procs: unknown): void {
  if (typeof procs !== 'number') throw typeError(`procs is a number of workers, not ${show(procs)}`)
  if (!Number.isInteger(procs) || procs < 1 || procs > MAX_PROCS) {
    throw rangeError(`procs is an integer from 1 to ${MAX_PROCS}, not ${show(procs)}`)
  }
}

/** @internal The calling thread is a worker of that runtime. */
export function joinAsWorker(arena: Arena, at: number, open: number, names: readonly string[], spawner: Spawner): void {
  own = new Runtime({ arena, at, open }, names, spawner, undefined)
}

/**
 * The runtime that this thread is a worker of: what tasks spawn on.
 *
 * @throws TypeError if the thread is not a worker of a runtime.
 */
export function currentRuntime<M = AnyModule>(): Runtime<M> {
  if (own === undefined) throw typeError('this thread is not a worker of a runtime: only tasks have a current runtime')
  return own as Runtime<never> as Runtime<M>
}

/** @internal Spawns on the runtime that this thread is a worker of. */
export function spawnHere(name: string, args: readonly unknown[], below: Method): Task<unknown> {
  return (own ?? currentRuntime()).spawn(name, args, below)
}

/** @internal Tasks of all runtimes that this thread has made or opened. */
export function countTasks(): number {
  let n = 0
  for (const each of opened) n += each.numGoroutine()
  return n
}

registerKind('runtime', KIND_RUNTIME, (site, handle) => {
  const { schema } = handle
  const names = Array.isArray(schema) && schema[0] === 'tasks' ? (schema.slice(1) as string[]) : [undefined]
  if (names.some((name) => typeof name !== 'string')) {
    throw typeError('the handle of a runtime carries the names of its tasks, and this one does not')
  }
  for (const each of opened) if (each.arena === site.arena && each.handle.address === site.at) return each
  const core = runtimeCore(site.arena)
  if (core.runtime_join(site.at, site.open) !== OK) throw new StaleHandleError('the runtime of the handle')
  let spawner: Spawner
  try {
    spawner = new Spawner(site.arena, site.at, MAX_PROCS)
  } catch (error) {
    core.runtime_leave(site.at)
    throw error
  }
  const joined = new Runtime(site, names as string[], spawner, undefined)
  site.arena.loop.attach(joined)
  return joined
})
