// The reading side of a pipe.

import type { Next } from './channel.js'
import { rangeError, show, TimeoutError, typeError } from './errors.js'
import {
  ARENA,
  CLOSED,
  KNOCK,
  OK,
  PIPE_LENGTH,
  PIPE_READER,
  PIPE_ROW,
  RECORD_BYTES,
  WOULD_BLOCK,
} from './generated/layout.js'
import { type Handle, makeHandle } from './handle.js'
import { values, valuesAvailable, valuesSync } from './iteration.js'
import { type PipeShare, PipeSide } from './pipe-side.js'
import { PipeView } from './pipe-view.js'
import { readableFrom } from './streams.js'
import { keep } from './turn.js'
import { mustWait, TIMED_OUT, timeoutOf, type WaitOptions } from './wait.js'

const NONE = new Uint8Array(0)
const END: Next<never> = Object.freeze({ value: undefined, done: true })

/** The half of a pipe that reads. One thread at a time has it: the first one that reads, until it ends or calls `detach`. */
export class PipeReader extends PipeSide {
  /** Bytes read after which room is given back while a batch goes on. */
  readonly #portion: number
  readonly #words: Uint32Array
  /** Where the core leaves how long that is what it has found, and each row of it. */
  readonly #lengthAt: number
  readonly #rowAt: number
  /** See `#bytes`. */
  readonly #arrays: (Uint8Array | undefined)[] = new Array(ARRAYS).fill(undefined)
  /** Address of a record that has been read by a wait, and not used yet; 0 if none. */
  #stash = 0
  /** The record of the last attempt of `#read`. */
  #record: Uint8Array = NONE

  /** @internal */
  constructor(share: PipeShare) {
    super(share, PIPE_READER)
    this.#portion = share.capacity >>> 3
    this.#words = share.arena.u32
    this.#lengthAt = (share.at + PIPE_LENGTH) >>> 2
    this.#rowAt = (share.at + PIPE_ROW) >>> 2
  }

  /**
   * A copy of the next record; undefined if there is none, or the pipe is closed and drained (`tryNext` tells which), or asynchronous reads of this
   * thread wait.
   *
   * @throws TypeError if another live thread reads.
   */
  tryRead(): Uint8Array | undefined {
    if (!this.ready && !this.enter()) return undefined
    return this.#require(this.#read()) === OK ? this.#record : undefined
  }

  /** A copy of the next record, waiting while there is none; undefined once closed and drained. @throws TimeoutError or the signal's reason: then none was read. */
  read(options?: WaitOptions): Promise<Uint8Array | undefined> {
    return this.#later(
      options,
      'read',
      () => this.#read(),
      () => this.#record,
      undefined,
    )
  }

  /** As `read`, blocking this thread. */
  readSync(options?: WaitOptions): Uint8Array | undefined {
    return this.#blocked('readSync', 'read', options, () => this.#read()) ? this.#record : undefined
  }

  /** As `read`, in the form of an iterator's result: `{ value, done: false }`, or `{ done: true }` once closed and drained. */
  next(options?: WaitOptions): Promise<Next<Uint8Array>> {
    return this.#later(
      options,
      'read',
      () => this.#read(),
      (): Next<Uint8Array> => this.#wrap(),
      END,
    )
  }

  /** As `next`, blocking this thread. */
  nextSync(options?: WaitOptions): Next<Uint8Array> {
    return this.#blocked('nextSync', 'next', options, () => this.#read()) ? this.#wrap() : END
  }

  /** `{ value, done: false }`, or `{ done: true }` if closed and drained, or undefined if there is no record now. */
  tryNext(): Next<Uint8Array> | undefined {
    if (!this.ready && !this.enter()) return undefined
    const status = this.#require(this.#read())
    return status === OK ? this.#wrap() : status === CLOSED ? END : undefined
  }

  /** Copies of the next records: waits for one, then takes what is there, up to `max`. An empty array once closed and drained. */
  readMany(max: number, options?: WaitOptions): Promise<Uint8Array[]> {
    const records: Uint8Array[] = []
    return this.#later(
      options,
      'readMany',
      () => this.#readMany(records, max),
      () => records,
      records,
    )
  }

  /** As `readMany`, blocking this thread. */
  readManySync(max: number, options?: WaitOptions): Uint8Array[] {
    const records: Uint8Array[] = []
    this.#blocked('readManySync', 'readMany', options, () => this.#readMany(records, max))
    return records
  }

  /** Copies of the records that are there, up to `max`. */
  tryReadMany(max: number): Uint8Array[] {
    const records: Uint8Array[] = []
    if (this.enter()) this.#require(this.#readMany(records, max))
    return records
  }

  /** The next record without a copy, if there is one. @throws as `tryRead`. */
  tryReadView(): PipeView | undefined {
    if (!this.enter() || this.#require(this.#look(ONE)) !== OK) return undefined
    return this.#view(false)
  }

  /** The next record without a copy, waiting while there is none; undefined once closed and drained. */
  async readView(options?: WaitOptions): Promise<PipeView | undefined> {
    const timeout = timeoutOf(options)
    if (this.enterAsync()) {
      const status = this.#require(this.#look(ONE))
      if (status !== WOULD_BLOCK) return status === OK ? this.#view(false) : undefined
    }
    const status = await this.wait(this.share.data, () => this.#look(ONE), 'readView', timeout, options?.signal)
    return this.#require(status) === OK ? this.#view(true) : undefined
  }

  /** As `readView`, blocking this thread. */
  readViewSync(options?: WaitOptions): PipeView | undefined {
    return this.#blocked('readViewSync', 'readView', options, () => this.#look(ONE)) ? this.#view(false) : undefined
  }

  /**
   * Calls back with each record that is there, without a copy, up to `max` of them: the bytes are good during the call. What the callback throws ends
   * it, after that record. Returns how many.
   */
  tryDrain(use: (bytes: Uint8Array) => void, max = Number.POSITIVE_INFINITY): number {
    return this.#drainNow(use, max, ONE, 'tryDrain')
  }

  /** As `tryDrain`, waiting for more until the pipe is closed and drained. Resolves with the number of records. `timeout` is that of each wait. */
  drain(use: (bytes: Uint8Array) => void, options?: WaitOptions): Promise<number> {
    return this.#drainAll(use, options, ONE, 'drain')
  }

  /** As `drain`, blocking this thread. */
  drainSync(use: (bytes: Uint8Array) => void, options?: WaitOptions): number {
    return this.#drainSync(use, options, ONE, 'drainSync', 'drain')
  }

  /**
   * As `tryDrain`, but calls back with as many records of one size as lie together: those that `writeRows` has written at once, or a single one.
   * `bytes` are one or more records of `size` bytes each. The fastest way to read. Returns how many records it was; `max` counts the calls.
   */
  tryDrainRows(use: (bytes: Uint8Array, size: number) => void, max = Number.POSITIVE_INFINITY): number {
    return this.#drainNow(use, max, ALL, 'tryDrainRows')
  }

  /** As `drain`, for rows as in `tryDrainRows`. */
  drainRows(use: (bytes: Uint8Array, size: number) => void, options?: WaitOptions): Promise<number> {
    return this.#drainAll(use, options, ALL, 'drainRows')
  }

  /** As `drainRows`, blocking this thread. */
  drainRowsSync(use: (bytes: Uint8Array, size: number) => void, options?: WaitOptions): number {
    return this.#drainSync(use, options, ALL, 'drainRowsSync', 'drainRows')
  }

  /** The records, without copies, blocking this thread until the pipe is closed and drained: each is good until the next is asked for. */
  *views(): Generator<Uint8Array, void, undefined> {
    this.enterSync('views', 'drain')
    this.hold(false)
    let held = 0
    try {
      for (;;) {
        const at = this.#next(ONE)
        if (at >= ARENA) {
          const length = this.#length()
          yield this.#bytes(at, length)
          held += length + RECORD_BYTES
          if (held < this.#portion) continue
        }
        this.#release()
        held = 0
        if (at >= ARENA) continue
        if (this.#require(at) === CLOSED || !this.#await(Number.POSITIVE_INFINITY, 'views', () => this.#look(ONE)))
          return
      }
    } finally {
      this.#release()
      this.leave()
    }
  }

  /** Copies of the records, until the pipe is closed and drained. Leaving the loop neither closes the pipe nor loses a record. */
  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    return values(this)
  }

  /** The same, blocking this thread: `for (const record of p.sync())`. */
  sync(): Generator<Uint8Array, void, undefined> {
    return valuesSync(this)
  }

  /** Copies of the records that are there, without waiting for more. */
  available(): Generator<Uint8Array, void, undefined> {
    return valuesAvailable(this)
  }

  /**
   * A web stream of the records, until the pipe is closed and drained. A record is read when the stream's reader asks for one; cancelling the
   * stream neither closes the pipe nor loses a record.
   */
  toReadableStream(): ReadableStream<Uint8Array> {
    return readableFrom(this)
  }

  /** Lets another thread read. @throws TypeError while a view is open or operations of this thread wait. */
  detach(): void {
    this.giveUp()
  }

  /** Stands for this half in messages to other threads; see `open`. */
  get handle(): Handle<PipeReader> {
    return makeHandle(this.share.site(), 'pipe', { name: '' }, 'receive')
  }

  /** Records that have been drained. */
  #drained = 0

  #next(whole: number): number {
    const { share } = this
    const stash = this.#stash
    if (stash === 0) return share.core.pipe_next(share.at, share.open, whole)
    this.#stash = 0
    return stash
  }

  /** Bytes of what was found last. */
  #length(): number {
    return this.#words[this.#lengthAt] as number
  }

  /** The bytes of a record, as an array that may have served for one before: to make one costs more than to move a short record. */
  #bytes(at: number, length: number): Uint8Array {
    const place = (at / RECORD_BYTES) & (ARRAYS - 1)
    const known = this.#arrays[place]
    if (known !== undefined && known.length === length && known.byteOffset === at) return known
    const made = new Uint8Array(this.#words.buffer, at, length)
    this.#arrays[place] = made
    return made
  }

  /** One attempt to copy a record into `#record`: OK, WOULD_BLOCK, CLOSED or STALE. */
  #read(): number {
    const at = this.#next(ONE)
    if (at < ARENA) return at
    this.#record = this.share.u8.slice(at, at + this.#length())
    this.#release()
    return OK
  }

  /** One attempt to copy records into the array. */
  #readMany(records: Uint8Array[], max: number): number {
    checkMax(max)
    let at = max > 0 ? this.#next(ONE) : CLOSED
    if (at < ARENA) return at
    do records.push(this.share.u8.slice(at, at + this.#length()))
    while (records.length < max && (at = this.#next(ONE)) >= ARENA)
    this.#release()
    return OK
  }

  /** One attempt to find a record, into `#stash`. */
  #look(whole: number): number {
    const at = this.#next(whole)
    if (at < ARENA) return at
    this.#stash = at
    return OK
  }

  #drainNow(use: Use, max: number, whole: number, method: string): number {
    checkCallback(use, method)
    checkMax(max)
    if (!this.enter()) return 0
    const from = this.#drained
    this.hold(false)
    try {
      this.#require(this.#drain(use, max, whole))
    } finally {
      this.leave()
    }
    return this.#drained - from
  }

  async #drainAll(use: Use, options: WaitOptions | undefined, whole: number, method: string): Promise<number> {
    checkCallback(use, method)
    const timeout = timeoutOf(options)
    const from = this.#drained
    for (;;) {
      const status = await this.wait(this.share.data, () => this.#look(whole), method, timeout, options?.signal)
      if (this.#require(status) === CLOSED) return this.#drained - from
      try {
        // In portions, for the event loop to get its turn.
        this.#require(this.#drain(use, PORTION, whole))
      } finally {
        this.leave()
      }
      await keep(undefined)
    }
  }

  #drainSync(use: Use, options: WaitOptions | undefined, whole: number, method: string, twin: string): number {
    checkCallback(use, method)
    this.enterSync(method, twin)
    const timeout = timeoutOf(options)
    const from = this.#drained
    this.hold(false)
    try {
      for (;;) {
        const status = this.#require(this.#drain(use, Number.POSITIVE_INFINITY, whole))
        if (status === CLOSED || !this.#await(timeout, twin, () => this.#look(whole))) return this.#drained - from
      }
    } finally {
      this.leave()
    }
  }

  /** Calls back up to `max` times: why it has ended. */
  #drain(use: Use, max: number, whole: number): number {
    let held = 0
    let left = max
    try {
      while (left > 0) {
        const at = this.#next(whole)
        if (at < ARENA) return at
        const length = this.#length()
        left--
        held += length + RECORD_BYTES
        const bytes = this.#bytes(at, length)
        if (whole === ONE) {
          this.#drained++
          use(bytes, length)
        } else {
          const row = this.#words[this.#rowAt] as number
          this.#drained += row === length ? 1 : length / row
          use(bytes, row)
        }
        if (held >= this.#portion) {
          this.#release()
          held = 0
        }
      }
      return OK
    } finally {
      if (held > 0) this.#release()
    }
  }

  #release(): void {
    const { share } = this
    if (share.core.pipe_release(share.at, share.open) === KNOCK) share.room.wake()
  }

  #view(waited: boolean): PipeView {
    const at = this.#next(ONE)
    this.hold(waited)
    return new PipeView(this.#bytes(at, this.#length()), () => {
      this.#release()
      this.leave()
    })
  }

  #wrap(): Next<Uint8Array> {
    return { value: this.#record, done: false }
  }

  /** Awaits an operation: `result` if there was something to read, `end` if there will be nothing. */
  #later<R>(
    options: WaitOptions | undefined,
    what: string,
    attempt: () => number,
    result: () => R,
    end: R,
  ): Promise<R> {
    try {
      const timeout = timeoutOf(options)
      if (this.enterAsync()) {
        const status = this.#require(attempt())
        if (status !== WOULD_BLOCK) return keep(status === OK ? result() : end)
      }
      return this.#awaited(attempt, what, timeout, options?.signal, result, end)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #awaited<R>(
    attempt: () => number,
    what: string,
    timeout: number,
    signal: AbortSignal | undefined,
    result: () => R,
    end: R,
  ): Promise<R> {
    let read = end
    // The result is taken at once: before the promise goes on, others may read.
    const taking = (): number => {
      const status = attempt()
      if (status === OK) read = result()
      return status
    }
    if (this.#require(await this.wait(this.share.data, taking, what, timeout, signal)) === OK) this.leave()
    return read
  }

  /** Blocks for an operation: whether there was something to read. */
  #blocked(method: string, twin: string, options: WaitOptions | undefined, attempt: () => number): boolean {
    if (!this.ready || !this.share.arena.canBlock) this.enterSync(method, twin)
    const timeout = timeoutOf(options)
    const status = this.#require(attempt())
    return status === WOULD_BLOCK ? this.#await(timeout, twin, attempt) : status === OK
  }

  #await(timeout: number, what: string, attempt: () => number): boolean {
    const status = this.share.data.waitSync(attempt, timeout, this.share.patience)
    if (status === TIMED_OUT) throw new TimeoutError(what, timeout)
    return this.#require(status) === OK
  }

  /** The status, if it is one that a read may end with. */
  #require(status: number): number {
    if (status === OK || status === CLOSED || mustWait(status)) return status
    throw this.share.error(status, 'read')
  }
}

/** A power of two. */
const ARRAYS = 1024
/** What `#next` is to find: a record, or all rows that lie together. */
const ONE = 0
const ALL = 1
type Use = (bytes: Uint8Array, size: number) => void
/** Callbacks between two looks at the event loop. */
const PORTION = 256

function checkMax(max: number): void {
  if (typeof max !== 'number') throw typeError(`the number of records is a number, not ${show(max)}`)
  if (!(max >= 0)) throw rangeError(`the number of records is 0 or more, not ${show(max)}`)
}

function checkCallback(use: unknown, method: string): void {
  if (typeof use !== 'function') throw typeError(`${method} takes a function of a record's bytes, not ${show(use)}`)
}
