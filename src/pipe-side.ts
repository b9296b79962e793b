// What the two sides of a pipe have in common: whose side it is, and who in this thread comes next.

import type { Arena } from './arena.js'
import { ArenaFullError, ClosedError, StaleHandleError, TimeoutError, typeError } from './errors.js'
import { Gate } from './gate.js'
import {
  BUSY,
  CLOSED,
  NO_MEMORY,
  OK,
  PIPE_CAPACITY,
  PIPE_DATA_GATE,
  PIPE_DATA_OPEN,
  PIPE_ROOM_GATE,
  PIPE_ROOM_OPEN,
  PIPE_WRITER,
  RECORD_BYTES,
  STALE,
  WAITER_BYTES,
} from './generated/layout.js'
import { Line } from './line.js'
import { type PipeCore, pipeCore } from './pipe-core.js'
import { mustWait, nap, patienceFor, requireBlocking, TIMED_OUT } from './wait.js'

/** @internal A pipe as both of its sides see it. */
export interface Site {
  readonly arena: Arena
  readonly at: number
  readonly open: number
}

/** @internal Bytes of a ring for each turn of the first pause: it pays to let some records gather. */
const BYTES_PER_TURN = 64
/** How often a claim is tried while a thread is being reaped. */
const CLAIMS = 10_000

/** @internal What one thread has of a pipe. There is one of these for all objects that it has opened over the same pipe. */
export class PipeShare {
  readonly arena: Arena
  readonly core: PipeCore
  readonly at: number
  readonly capacity: number
  readonly maxRecord: number
  readonly data: Gate
  readonly room: Gate
  readonly u8: Uint8Array
  readonly patience: number
  /** HEAD_STATE of the open pipe; -1 once disposed of. */
  open: number
  /** The pipe: as long as one of its halves is in use, this thread finds it again when it opens a handle. */
  pipe: object | undefined

  constructor(site: Site) {
    const { arena, at, open } = site
    const word = (offset: number): number => arena.u32[(at + offset) >>> 2] as number
    this.arena = arena
    this.core = pipeCore(arena)
    this.at = at
    this.open = open
    this.capacity = word(PIPE_CAPACITY)
    this.maxRecord = maxRecordOf(this.capacity)
    this.data = new Gate(arena, word(PIPE_DATA_GATE), word(PIPE_DATA_OPEN) | 0)
    this.room = new Gate(arena, word(PIPE_ROOM_GATE), word(PIPE_ROOM_OPEN) | 0)
    this.u8 = new Uint8Array(arena.memory.buffer)
    this.patience = patienceFor(Math.floor(this.capacity / BYTES_PER_TURN))
  }

  /** For handles. @throws StaleHandleError once disposed of. */
  site(): Site {
    if (this.core.pipe_state(this.at, this.open) < 0) throw this.stale()
    return this
  }

  stale(): StaleHandleError {
    return new StaleHandleError('the pipe')
  }

  /** The error for an operation that ended in that status. */
  error(status: number, what: string, timeout = 0): Error {
    if (status === CLOSED) return new ClosedError('write on closed pipe')
    if (status === TIMED_OUT) return new TimeoutError(what, timeout)
    if (status === NO_MEMORY) return new ArenaFullError('a waiter', WAITER_BYTES, 0, this.arena.size)
    return this.stale()
  }
}

/** @internal The longest record of a pipe, in bytes: with its header half of the ring, so that it fits an empty one wherever that stands. */
export function maxRecordOf(capacity: number): number {
  return Math.floor(capacity / 2 / RECORD_BYTES) * RECORD_BYTES - RECORD_BYTES
}

/** One side of a pipe in one thread. */
export abstract class PipeSide {
  /** @internal */ protected readonly share: PipeShare
  /** @internal Whether an operation may go on at once: the side is ours, nobody is in line. */ protected ready = false
  readonly #side: number
  readonly #line = new Line()
  #claimed = false
  #held = false

  /** @internal */
  constructor(share: PipeShare, side: number) {
    this.share = share
    this.#side = side
  }

  /** Bytes of the ring. A record takes 8 more than its length, rounded up to a multiple of 8. */
  get capacity(): number {
    return this.share.capacity
  }

  /** The longest record, in bytes. */
  get maxRecord(): number {
    return this.share.maxRecord
  }

  /** Bytes that the records in the pipe take, their headers among them, at one moment during the call; 0 if there is none. */
  get length(): number {
    return this.#state() >> 1
  }

  /** Whether the pipe is closed; records may still be in it. */
  get closed(): boolean {
    return (this.#state() & 1) !== 0
  }

  #state(): number {
    const { core, at, open } = this.share
    const state = core.pipe_state(at, open)
    if (state < 0) throw this.share.stale()
    return state
  }

  /** @internal Claims the side if need be. Whether an operation may go on at once; false if others of this thread are waiting. */
  protected enter(): boolean {
    if (this.ready) return true
    if (this.#held) throw typeError(`${this.#holding()}: end that first`)
    this.#claim()
    this.#refresh()
    return this.ready
  }

  /** @internal As enter, for an operation that may block. */
  protected enterSync(method: string, twin: string): void {
    requireBlocking(this.share.arena, method, twin)
    if (!this.enter())
      throw typeError(`${method} would wait for an asynchronous ${twin} of this thread, which it keeps from going on`)
  }

  /** @internal As enter, for an operation that may wait in line: whether it may try at once. */
  protected enterAsync(): boolean {
    if (!this.ready) {
      this.#claim()
      this.#refresh()
    }
    return this.ready
  }

  /**
   * @internal Waits in line and at the gate until the attempt says something else than WOULD_BLOCK: that. After OK, `leave` is to be called once the
   * operation is over.
   */
  protected async wait(
    gate: Gate,
    attempt: () => number,
    what: string,
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    let left = timeout
    const others = this.#line.length > 0
    const turn = this.#line.enter(what, timeout, signal)
    this.ready = false
    if (others) {
      const since = performance.now()
      await turn
      left = Math.max(0, timeout - (performance.now() - since))
    }
    try {
      let status = attempt()
      if (mustWait(status)) status = await gate.waitAsync(attempt, what, left, signal, this.share.patience)
      if (status !== OK) this.leave()
      return status
    } catch (error) {
      this.leave()
      throw error
    }
  }

  /** @internal The operation that has waited is over, or what it has given out has been given back. */
  protected leave(): void {
    this.#held = false
    this.#line.leave()
    this.#refresh()
  }

  /** @internal Others wait in line until `leave`. `waited`: in the place that `wait` has taken. */
  protected hold(waited: boolean): void {
    this.#held = true
    if (!waited) void this.#line.enter('', Number.POSITIVE_INFINITY, undefined)
    this.ready = false
  }

  /** @internal Gives the side up. */
  protected giveUp(): void {
    if (!this.#claimed) return
    if (this.#held) throw typeError(`${this.#holding()}: end that first`)
    if (this.#line.length > 0) throw typeError('operations of this thread are waiting on the pipe')
    const { core, at, open } = this.share
    core.pipe_unclaim(at, open, this.#side)
    this.#claimed = false
    this.ready = false
  }

  #refresh(): void {
    this.ready = this.#claimed && !this.#held && this.#line.length === 0
  }

  #holding(): string {
    return this.#side === PIPE_WRITER ? 'a reservation of the pipe is open' : 'a view of a record of the pipe is open'
  }

  #claim(): void {
    if (this.#claimed) return
    const { arena, core, at, open } = this.share
    let status: number = BUSY
    for (let tries = 0; status === BUSY && tries < CLAIMS; tries++) {
      if (tries > 0) nap(arena)
      status = core.pipe_claim(at, open, this.#side)
    }
    if (status === STALE) throw this.share.stale()
    if (status !== OK) {
      const [does, one] = this.#side === PIPE_WRITER ? ['writes to', 'writer'] : ['reads from', 'reader']
      throw typeError(
        `another thread, which is alive, ${does} the pipe: a pipe has one ${one} at a time, and that one has not called detach()`,
      )
    }
    this.#claimed = true
  }
}
