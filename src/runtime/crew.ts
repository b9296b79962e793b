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
  /** It has loaded the module. */
  ready: boolean
  /** It is to end: nobody is to take its place. */
  leaving: boolean
  error: unknown
}

/** So many workers in a row that end before they are ready end the runtime. */
const MOST_FAILURES = 3

export interface CrewEvents {
  drained(): void
  /** The runtime cannot go on. */
  failed(error: unknown): void
  /** A worker has ended on an error of its own, with which no task has anything to do. */
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
  /** How threads have ended, by their number. */
  readonly #ends = new Map<number, { worker: number; cause: unknown }>()
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
    for (let index = from; index < to; index++) if (!this.#members.has(index)) started.push(this.#launch(index))
    const results = await Promise.allSettled(started)
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  #launch(index: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const data: Assignment = { millraceRuntime: { ...this.#assignment, index } }
      const worker = platform.startWorker!(new URL('./worker.js', import.meta.url), data, this.#options, {
        message: (report) => {
          const { event } = report as Report
          if (event === 'ready') {
            this.names = (report as { names: string[] }).names
            member.ready = true
            if (!this.#busy) worker.unref()
            this.#failures = 0
            resolve()
          } else if (event === 'failed') {
            member.error = (report as { error: unknown }).error
            void worker.terminate()
          } else if (event === 'drained') this.#events.drained()
          else if (event === 'retired') {
            member.leaving = true
            void worker.terminate()
          }
        },
        error: (error) => {
          member.error ??= error
        },
        exit: (code) => this.#ended(member, code, reject),
      })
      const member: Member = {
        index,
        worker,
        threadId: worker.threadId,
        ready: false,
        leaving: false,
        error: undefined,
      }
      // Until it is ready somebody waits for it, so it keeps the process alive.
      this.#members.set(index, member)
    })
  }

  #ended(member: Member, code: number, reject: (error: unknown) => void): void {
    const { index, threadId, error } = member
    this.#members.delete(index)
    const cause = error ?? new Error(`exit code ${code}`)
    this.#ends.set(threadId, { worker: index, cause })
    reject(cause)
    reap(this.#arena, threadId + 1)
    if (this.#closing || member.leaving) return
    if (member.ready && error !== undefined) this.#events.uncaught(error, index)
    if (!member.ready && ++this.#failures >= MOST_FAILURES) {
      this.#events.failed(cause)
      return
    }
    // A worker that was never ready has told whoever started it.
    if (member.ready || this.#failures > 1) this.#launch(index).catch(() => {})
  }

  /** What is known of the end of a thread. */
  obituary(threadId: number): { worker: number | undefined; cause: unknown } {
    return this.#ends.get(threadId) ?? { worker: undefined, cause: undefined }
  }

  /** Whether the workers keep the process alive. */
  hold(busy: boolean): void {
    this.#busy = busy
    for (const { worker } of this.#members.values()) busy ? worker.ref() : worker.unref()
  }

  /** Ends all workers, wherever they are. */
  async end(): Promise<void> {
    this.#closing = true
    await Promise.all([...this.#members.values()].map(({ worker }) => worker.terminate()))
  }

  /** How many workers are ready. */
  get ready(): number {
    let n = 0
    for (const member of this.#members.values()) if (member.ready) n++
    return n
  }
}
