import { Worker } from 'node:worker_threads'
import type * as Millrace from 'millrace'
import type { Cases, RecvCase, SelectOptions, SendCase, TryOptions } from './contract.js'
import { type kits, type meet, type randomFrom, type sleepSync, toolsFor } from './kit.mjs'

/** How the operations that wait are called: `await send()` or `sendSync()`. */
export type Style = 'async' | 'blocking'

// biome-ignore lint/suspicious/noExplicitAny: what crosses a thread boundary is checked by the test that sends it
type Anything = any

export interface Io {
  send(ch: Anything, value: unknown, options?: object): unknown
  receive(ch: Anything, options?: object): Anything
  next(ch: Anything, options?: object): Anything
  sendMany(ch: Anything, values: unknown, options?: object): Anything
  receiveMany(ch: Anything, into: unknown, options?: object): Anything
  values(ch: Anything): AsyncIterable<Anything>
  select(cases: Cases, options?: SelectOptions): Anything
  /** One round of a Selector. */
  round(selector: Anything, options?: SelectOptions): Anything
  // Of a pipe.
  write(p: Anything, record: Uint8Array, options?: object): Anything
  writeMany(p: Anything, records: Iterable<Uint8Array>, options?: object): Anything
  reserve(p: Anything, length: number, options?: object): Anything
  read(p: Anything, options?: object): Anything
  readMany(p: Anything, max: number, options?: object): Anything
  readView(p: Anything, options?: object): Anything
  drain(p: Anything, use: (bytes: Uint8Array) => void, options?: object): Anything
  /** A method that waits of any object. */
  call(object: Anything, method: string, ...args: unknown[]): Anything
}

/** The first argument of a function that runs in another thread. It must not refer to anything outside itself. */
export interface Tools {
  millrace: typeof Millrace
  open: (handle: Anything) => Anything
  recv: (channel: Anything) => RecvCase<Anything>
  send: (channel: Anything, value: unknown) => SendCase
  trySelect: (cases: Cases, options?: TryOptions) => Anything
  Selector: new (cases: Cases) => Anything
  io: Io
  kitOf: (name: string) => (typeof kits)[number]
  randomFrom: typeof randomFrom
  sleep: (ms: number) => Promise<void>
  sleepSync: typeof sleepSync
  meet: typeof meet
  gc: () => void
  Worker: typeof Worker
}

export type Job<A extends unknown[], R> = (tools: Tools, ...args: A) => R | Promise<R>

/** An error that a job threw in another thread. */
export class JobError extends Error {
  readonly code: string | undefined
  readonly transferred: number | undefined

  constructor(error: { name: string; message: string; code?: string; transferred?: number }) {
    super(error.message)
    this.name = error.name
    this.code = error.code
    this.transferred = error.transferred
  }
}

interface Reply {
  id: number
  result?: unknown
  error?: { name: string; message: string }
}

/** A worker thread that runs jobs one after the other. */
export class Thread {
  readonly worker: Worker
  readonly exited: Promise<number>
  live = true
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>()
  #ids = 0

  constructor() {
    this.worker = new Worker(new URL('./worker.mjs', import.meta.url))
    all.add(this)
    let failure: unknown
    this.worker.on('error', (error) => {
      failure = error
    })
    this.worker.on('message', ({ id, result, error }: Reply) => {
      const promise = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) promise?.resolve(result)
      else promise?.reject(new JobError(error))
    })
    this.exited = new Promise((resolve) => {
      this.worker.on('exit', (code) => {
        this.live = false
        all.delete(this)
        for (const { reject } of this.#waiting.values())
          reject(failure ?? new Error(`the worker ended (${code}) before its job`))
        resolve(code)
      })
    })
  }

  /** Runs a function there. `last`: the thread may end after it. */
  run<A extends unknown[], R>(style: Style, job: Job<A, R>, args: A, last = false): Promise<R> {
    const id = this.#ids++
    const result = new Promise<R>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
    })
    // A job of a thread that is terminated on purpose fails; who cares awaits the result.
    result.catch(() => {})
    this.worker.postMessage({ id, source: job.toString(), style, args, last })
    return result
  }

  async terminate(): Promise<void> {
    this.live = false
    await this.worker.terminate()
    await this.exited
  }
}

const all = new Set<Thread>()

/** Ends all threads that are still there. */
export async function endThreads(): Promise<void> {
  idle.length = 0
  await Promise.all([...all].map((thread) => thread.terminate()))
}

export interface Spawned<R> {
  result: Promise<R>
  worker: Worker
  /** The result, once the thread has ended too. */
  ended: Promise<R>
  terminate(): Promise<void>
}

/** Runs a self-contained function in a new worker thread of its own, which ends with it. */
export function spawn<A extends unknown[], R>(job: Job<A, R>, ...args: A): Spawned<R> {
  return spawnWith('blocking', job, ...args)
}

export function spawnWith<A extends unknown[], R>(style: Style, job: Job<A, R>, ...args: A): Spawned<R> {
  const thread = new Thread()
  const result = thread.run(style, job, args, true)
  const ended = result.then(async (value) => {
    await thread.exited
    return value
  })
  ended.catch(() => {})
  return { result, worker: thread.worker, ended, terminate: () => thread.terminate() }
}

const idle: Thread[] = []

/** Runs a self-contained function in a worker thread that is used again for other jobs: cheaper than `spawn`. */
export function elsewhere<A extends unknown[], R>(style: Style, job: Job<A, R>, ...args: A): Promise<R> {
  const result = runElsewhere(style, job, args)
  // A job that a failed test has left behind fails when its thread is ended: who cares awaits the result.
  result.catch(() => {})
  return result
}

async function runElsewhere<A extends unknown[], R>(style: Style, job: Job<A, R>, args: A): Promise<R> {
  const thread = idle.pop() ?? new Thread()
  try {
    return await thread.run(style, job, args)
  } finally {
    if (thread.live) idle.push(thread)
  }
}

/** Runs the function on this thread, as `elsewhere` does in another. */
export async function here<A extends unknown[], R>(style: Style, job: Job<A, R>, ...args: A): Promise<R> {
  return job(toolsFor(style) as unknown as Tools, ...args)
}

type Runner = <A extends unknown[], R>(job: Job<A, R>, ...args: A) => Promise<R>

/** Where the two sides of a test run, and how they wait. */
export interface Placement {
  name: string
  left: Runner
  right: Runner
}

const on =
  (where: typeof here, style: Style): Runner =>
  (job, ...args) =>
    where(style, job, ...args)

export const placements: Placement[] = [
  { name: 'one thread', left: on(here, 'async'), right: on(here, 'async') },
  { name: 'two workers, blocking', left: on(elsewhere, 'blocking'), right: on(elsewhere, 'blocking') },
  { name: 'two workers, async', left: on(elsewhere, 'async'), right: on(elsewhere, 'async') },
  { name: 'main async, worker blocking', left: on(here, 'async'), right: on(elsewhere, 'blocking') },
  { name: 'worker blocking, main async', left: on(elsewhere, 'blocking'), right: on(here, 'async') },
]
