// The workers of a runtime, as the thread that made it sees them: started, replaced when they die, ended.

import { type Arena, reap } from '../arena.js'
import { platform } from '../platform/index.js'
import type { StartedWorker } from '../platform/platform.js'
import { restore } from './values.js'

/** What a worker is given to begin with. */
export interface Assignment {
  readonly millraceRuntime: {
    readonly memory: WebAssembly.Memory
    readonly core: WebAssembly.Module
    readonly runtime: number
    readonly open: number
    readonly index: number
    readonly module: string
  }
}

/** What a worker says. */
export type Report =
  | { readonly event: 'ready'; readonly names: string[] }
  | { readonly event: 'failed'; readonly error: unknown }
  | { readonly event: 'retired' | 'drained' }

interface Member {
  readonly index: number
  readonly worker: StartedWorker
  readonly threadId: number
  /** Takes the place of one that has died: nobody waits for it. */
  readonly replaces: boolean
  /** It has loaded the module. */
  ready: boolean
  /** It is to end: nobody is to take its place. */
  leaving: boolean
  /** What it ends of, if that is an error. */
  failure: { readonly error: unknown } | undefined
  /** Resolves when it has ended. */
  readonly gone: Promise<void>
}

/** How a thread has ended. */
interface End {
  readonly worker: number
  readonly cause: unknown
  /** Whether a task has been told. */
  told: boolean
}

/** So many workers in a row that end before they are ready end the runtime. */
const MOST_FAILURES = 3
/** Milliseconds for workers to end by themselves, so that what they have written gets out; those that compute all the time are ended after that. */
const PARTING = 100
/** Tasks hear of the end of their worker right away: so many of the last ones are kept. */
const MOST_ENDS = 256

export interface CrewEvents {
  drained(): void
  /** The worker with that number has nothing to do any more: whether it is to end. */
  retires(worker: number): boolean
  /** Such a worker has ended: whether there is something to do for it after all. */
  returns(worker: number): boolean
  /** The runtime cannot go on. */
  failed(error: unknown): void
  /** A worker has ended on an error of its own, of which no task could tell. */
  uncaught(error: unknown, worker: number): void
}

export class Crew {
  /** Names of the module's functions, once a worker is ready. */
  names: string[] = []
  readonly #arena: Arena
  readonly #assignment: Omit<Assignment['millraceRuntime'], 'index'>
  readonly #options: object
  readonly #events: CrewEvents
  readonly #members = new Map<number, Member>()
  /** When they are ready. */
  readonly #starts = new Map<number, Promise<void>>()
  /** By number of thread. */
  readonly #ends = new Map<number, End>()
  #failures = 0
  #closing = false
  #busy = false

  constructor(
    arena: Arena,
    assignment: Omit<Assignment['millraceRuntime'], 'index'>,
    options: object,
    events: CrewEvents,
  ) {
    this.#arena = arena
    this.#assignment = assignment
    this.#options = options
    this.#events = events
  }

  /** Starts the workers with these numbers. Resolves when all are ready. @throws what the module's loading throws. */
  async start(from: number, to: number): Promise<void> {
    const started: Promise<void>[] = []
    for (let index = from; index < to; index++) started.push(this.#join(index))
    const results = await Promise.allSettled(started)
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  async #join(index: number): Promise<void> {
    const before = this.#members.get(index)
    if (before?.leaving) await before.gone
    await (this.#members.has(index) ? this.#starts.get(index) : this.#launch(index, false))
  }

  #launch(index: number, replaces: boolean): Promise<void> {
    const start = this.#begin(index, replaces)
    this.#starts.set(index, start)
    // Of one that takes the place of another nobody need hear.
    start.catch(() => {})
    return start
  }

  #begin(index: number, replaces: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const data: Assignment = { millraceRuntime: { ...this.#assignment, index } }
      let ended = (): void => {}
      const gone = new Promise<void>((resolveGone) => {
        ended = resolveGone
      })
      const worker = platform.startWorker!(new URL('./worker.js', import.meta.url), data, this.#options, {
        message: (report) => {
          if ((report as Report).event === 'ready') resolve()
          this.#hear(member, report as Report)
        },
        error: (error) => {
          member.failure ??= { error }
        },
        exit: (code) => {
          this.#ended(member, code, reject)
          ended()
        },
      })
      const member: Member = {
        index,
        worker,
        threadId: worker.threadId,
        replaces,
        ready: false,
        leaving: false,
        failure: undefined,
        gone,
      }
      // Until it is ready somebody waits for it, so it keeps the process alive.
      this.#members.set(index, member)
    })
  }

  #hear(member: Member, report: Report): void {
    if (report.event === 'ready') {
      this.names = report.names
      member.ready = true
      this.#failures = 0
      if (!this.#busy) member.worker.unref()
    } else if (report.event === 'failed') {
      member.failure = {
        error: restore(report.error, `    while worker ${member.index} loaded ${this.#assignment.module}`),
      }
      void member.worker.terminate()
    } else if (report.event === 'drained') this.#events.drained()
    else if (this.#events.retires(member.index)) {
      member.leaving = true
      void member.worker.terminate()
    }
  }

  #ended(member: Member, code: number, reject: (error: unknown) => void): void {
    const { index, threadId, failure } = member
    this.#members.delete(index)
    const cause =
      failure === undefined
        ? new Error(
            member.ready
              ? `exit code ${code}`
              : `worker ${index} ended before it had loaded ${this.#assignment.module} (exit code ${code})`,
          )
        : failure.error
    const end: End = { worker: index, cause, told: false }
    this.#ends.set(threadId, end)
    if (this.#ends.size > MOST_ENDS) this.#ends.delete(this.#ends.keys().next().value as number)
    reject(cause)
    reap(this.#arena, threadId + 1)
    if (this.#closing || (member.leaving && !this.#events.returns(index))) return
    if (!member.ready) {
      // Who has started it has been told.
      if (!member.replaces) return
      if (++this.#failures >= MOST_FAILURES) {
        this.#events.failed(cause)
        return
      }
    }
    this.#launch(index, true)
    if (member.ready && failure !== undefined && !end.told && !isOutOfMemory(cause)) this.#events.uncaught(cause, index)
  }

  /** What is known of the end of a thread that ran a task. */
  obituary(threadId: number): { worker: number | undefined; cause: unknown } {
    const end = this.#ends.get(threadId)
    if (end === undefined) return { worker: undefined, cause: undefined }
    end.told = true
    return end
  }

  /** Whether the workers keep the process alive. */
  hold(busy: boolean): void {
    this.#busy = busy
    for (const { worker, ready } of this.#members.values()) {
      if (busy || !ready) worker.ref()
      else worker.unref()
    }
  }

  /** Ends all workers, wherever they are. The runtime is closed already. */
  async end(): Promise<void> {
    this.#closing = true
    const members = [...this.#members.values()]
    let end = (): void => {}
    const late = new Promise<void>((resolve) => {
      end = resolve
    })
    const timer = platform.createAlarm(end)
    timer.set(PARTING)
    timer.hold(true)
    const ready = members.filter((member) => member.ready)
    if (ready.length === members.length) await Promise.race([Promise.all(ready.map(({ gone }) => gone)), late])
    timer.hold(false)
    await Promise.all(members.map(({ worker }) => worker.terminate()))
  }
}

/** That is for the tasks to tell, if there were any. */
function isOutOfMemory(error: unknown): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY'
}
