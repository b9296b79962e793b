// The workers of a runtime, as the thread that made it sees them: started, replaced when they die, ended.

import { type Arena, reap } from '../arena.js'
import { platform } from '../platform/index.js'
import type { StartedWorker } from '../platform/platform.js'

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
  error: unknown
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

export interface CrewEvents {
  drained(): void
  /** The worker with that number has nothing to do any more: whether it is to end. */
  retires(worker: number): boolean
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
    if (!this.#members.has(index)) await this.#launch(index, false)
  }

  #launch(index: number, replaces: boolean): Promise<void> {
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
          member.error ??= error
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
        error: undefined,
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
      member.error = report.error
      void member.worker.terminate()
    } else if (report.event === 'drained') this.#events.drained()
    else if (this.#events.retires(member.index)) {
      member.leaving = true
      void member.worker.terminate()
    }
  }

  #ended(member: Member, code: number, reject: (error: unknown) => void): void {
    const { index, threadId, error } = member
    this.#members.delete(index)
    const cause = error ?? new Error(`exit code ${code}`)
    const end: End = { worker: index, cause, told: false }
    this.#ends.set(threadId, end)
    reject(cause)
    reap(this.#arena, threadId + 1)
    if (this.#closing || member.leaving) return
    if (member.ready) {
      const { code: why } = (error ?? {}) as { code?: unknown }
      if (error !== undefined && !end.told && why !== 'ERR_WORKER_OUT_OF_MEMORY') this.#events.uncaught(error, index)
    } else {
      // Who has started it has been told.
      if (!member.replaces) return
      if (++this.#failures >= MOST_FAILURES) {
        this.#events.failed(cause)
        return
      }
    }
    this.#launch(index, true).catch(() => {})
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

  /** Ends all workers, wherever they are. */
  async end(): Promise<void> {
    this.#closing = true
    await Promise.all([...this.#members.values()].map(({ worker }) => worker.terminate()))
  }
}
