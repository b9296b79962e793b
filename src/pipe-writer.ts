// The writing side of a pipe.

import { ClosedError, rangeError, show, TimeoutError, typeError } from './errors.js'
import { ARENA, KNOCK, OK, PIPE_WRITER, RECORD_BYTES, STALE, WOULD_BLOCK } from './generated/layout.js'
import { type Handle, makeHandle } from './handle.js'
import { checkLength, PipeReservation, type ReservationOwner } from './pipe-reservation.js'
import { type PipeShare, PipeSide } from './pipe-side.js'
import { overdueTurn } from './turn.js'
import { mustWait, TIMED_OUT, timeoutOf, type WaitOptions } from './wait.js'

/** The half of a pipe that writes and closes. One thread at a time has it: the first one that writes, until it ends or calls `detach`. */
export class PipeWriter extends PipeSide {
  /** Bytes of records after which a batch is published, so that the reader can begin with it. */
  readonly #portion: number
  readonly #owner: ReservationOwner
  /** Address of the room that the last attempt of `#place` has found. */
  #at = 0
  /** Whether records have been placed that the reader does not see yet. */
  #unpublished = false

  /** @internal */
  constructor(share: PipeShare) {
    super(share, PIPE_WRITER)
    this.#portion = share.capacity >>> 3
    this.#owner = {
      trim: (at, length) => share.core.pipe_trim(share.at, at, length),
      commit: () => {
        this.leave()
        this.#require(this.#publish())
      },
      staged: () => {
        this.#unpublished = true
        this.leave()
      },
    }
  }

  /**
   * Writes a record if there is room. Returns whether it did; false too while asynchronous writes of this thread wait.
   *
   * @throws ClosedError (ERR_CLOSED) once closed; RangeError for a record longer than `maxRecord`; TypeError for what is no Uint8Array, or if
   * another live thread writes.
   */
  tryWrite(record: Uint8Array): boolean {
    this.#check(record)
    if (!this.ready && !this.enter()) return false
    return this.#require(this.#write(record)) === OK
  }

  /** Writes a record, waiting while there is no room. @throws as `tryWrite`; TimeoutError or the signal's reason: then it was not written. */
  write(record: Uint8Array, options?: WaitOptions): Promise<void> {
    try {
      this.#check(record)
      const timeout = timeoutOf(options)
      if (this.enterAsync() && this.#require(this.#write(record)) === OK) return overdueTurn() ?? RESOLVED
      return this.#later(() => this.#write(record), 'write', timeout, options?.signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** As `write`, blocking this thread. */
  writeSync(record: Uint8Array, options?: WaitOptions): void {
    this.#check(record)
    if (!this.ready || !this.share.arena.canBlock) this.enterSync('writeSync', 'write')
    const timeout = timeoutOf(options)
    if (this.#require(this.#write(record)) !== OK) this.#blocked(() => this.#write(record), 'write', timeout)
  }

  /** Writes the records for which there is room, in order. Returns how many. The reader sees them in portions. */
  tryWriteMany(records: Iterable<Uint8Array>): number {
    if (!this.enter()) return 0
    const batch = new PipeBatch()
    try {
      for (const record of records) {
        this.#check(record)
        if (this.#stage(record, batch) !== OK) break
      }
      this.#publishBatch(batch)
    } catch (error) {
      throw this.#broken(error, batch)
    }
    return batch.published
  }

  /**
   * Writes all records, in order, waiting as needed. Resolves with their number. The reader sees them in portions, at the latest when this waits.
   *
   * @throws as `write`; the error's `transferred` says how many were written before.
   */
  async writeMany(records: Iterable<Uint8Array>, options?: WaitOptions): Promise<number> {
    const timeout = timeoutOf(options)
    const deadline = performance.now() + timeout
    const batch = new PipeBatch()
    try {
      for (const record of records) {
        this.#check(record)
        const staged = this.enterAsync() && this.#stage(record, batch) === OK
        const turn = staged ? overdueTurn() : undefined
        if (staged && turn === undefined) continue
        this.#publishBatch(batch)
        if (turn !== undefined) {
          await turn
          continue
        }
        const left = Math.max(0, deadline - performance.now())
        await this.#later(() => this.#write(record), 'writeMany', left, options?.signal)
        batch.published++
      }
      this.#publishBatch(batch)
    } catch (error) {
      throw this.#broken(error, batch, 'writeMany', timeout)
    }
    return batch.published
  }

  /** As `writeMany`, blocking this thread. */
  writeManySync(records: Iterable<Uint8Array>, options?: WaitOptions): number {
    this.enterSync('writeManySync', 'writeMany')
    const timeout = timeoutOf(options)
    const deadline = performance.now() + timeout
    const batch = new PipeBatch()
    try {
      for (const record of records) {
        this.#check(record)
        if (this.#stage(record, batch) === OK) continue
        this.#publishBatch(batch)
        this.#blocked(() => this.#write(record), 'writeMany', Math.max(0, deadline - performance.now()))
        batch.published++
      }
      this.#publishBatch(batch)
    } catch (error) {
      throw this.#broken(error, batch, 'writeMany', timeout)
    }
    return batch.published
  }

  /**
   * Writes rows, which are records of `size` bytes one after the other in one array, as far as there is room. Returns how many. The fastest way to
   * write, if the size is a multiple of 8.
   */
  tryWriteRows(rows: Uint8Array, size: number): number {
    this.#checkRows(rows, size)
    if (!this.enter()) return 0
    let done = 0
    while (done < rows.length) {
      let n = this.#rowsAtOnce(rows.length - done, size)
      let status = this.#require(this.#writeRows(rows, size, done, n))
      while (status !== OK && n > size) {
        n = Math.floor(n / 2 / size) * size
        status = this.#require(this.#writeRows(rows, size, done, n))
      }
      if (status !== OK) break
      done += n
    }
    return done / size
  }

  /** Writes rows, as `tryWriteRows`, waiting as needed. Resolves with their number. @throws as `writeMany`. */
  async writeRows(rows: Uint8Array, size: number, options?: WaitOptions): Promise<number> {
    this.#checkRows(rows, size)
    const timeout = timeoutOf(options)
    const deadline = performance.now() + timeout
    for (let done = 0; done < rows.length; ) {
      const [from, n] = [done, this.#rowsAtOnce(rows.length - done, size)]
      const attempt = (): number => this.#writeRows(rows, size, from, n)
      try {
        if (!this.enterAsync() || this.#require(attempt()) !== OK) {
          const left = Math.max(0, deadline - performance.now())
          await this.#later(attempt, 'writeRows', left, options?.signal)
        }
      } catch (error) {
        throw transferred(error, done / size, 'writeRows', timeout)
      }
      done += n
      await overdueTurn()
    }
    return rows.length / size
  }

  /** As `writeRows`, blocking this thread. */
  writeRowsSync(rows: Uint8Array, size: number, options?: WaitOptions): number {
    this.#checkRows(rows, size)
    this.enterSync('writeRowsSync', 'writeRows')
    const timeout = timeoutOf(options)
    const deadline = timeout === Number.POSITIVE_INFINITY ? timeout : performance.now() + timeout
    for (let done = 0; done < rows.length; ) {
      const n = this.#rowsAtOnce(rows.length - done, size)
      try {
        if (this.#require(this.#writeRows(rows, size, done, n)) !== OK) {
          const from = done
          const left = timeout === Number.POSITIVE_INFINITY ? timeout : Math.max(0, deadline - performance.now())
          this.#blocked(() => this.#writeRows(rows, size, from, n), 'writeRows', left)
        }
      } catch (error) {
        throw transferred(error, done / size, 'writeRows', timeout)
      }
      done += n
    }
    return rows.length / size
  }

  /** Room for a record of `length` bytes, if there is; undefined if not. @throws as `tryWrite`. */
  tryReserve(length: number): PipeReservation | undefined {
    checkLength(length, this.maxRecord)
    if (!this.enter() || this.#require(this.#place(length)) !== OK) return undefined
    return this.#reserved(length, false)
  }

  /** Room for a record of `length` bytes, waiting while there is none; publishes what has been staged first. @throws as `write`. */
  async reserve(length: number, options?: WaitOptions): Promise<PipeReservation> {
    checkLength(length, this.maxRecord)
    const timeout = timeoutOf(options)
    if (this.enterAsync() && this.#require(this.#place(length)) === OK) return this.#reserved(length, false)
    const status = await this.wait(this.share.room, () => this.#place(length), 'reserve', timeout, options?.signal)
    this.#require(status)
    return this.#reserved(length, true)
  }

  /** As `reserve`, blocking this thread. */
  reserveSync(length: number, options?: WaitOptions): PipeReservation {
    checkLength(length, this.maxRecord)
    this.enterSync('reserveSync', 'reserve')
    const timeout = timeoutOf(options)
    if (this.#require(this.#place(length)) !== OK) this.#blocked(() => this.#place(length), 'reserve', timeout)
    return this.#reserved(length, false)
  }

  /** Shows the reader what has been staged. */
  flush(): void {
    if (this.enter()) this.#require(this.#publish())
  }

  /**
   * Ends the pipe: the reader gets what has been written, then hears of the end. Any thread may do it. What is reserved and not committed
   * is not sent.
   *
   * @throws ClosedError (`close of closed pipe`) the second time.
   */
  close(): void {
    const { core, at, open, data, room } = this.share
    if (this.#unpublished && this.enterAsync()) this.#publish()
    const status = core.pipe_close(at, open)
    if (status === STALE) throw this.share.stale()
    if (status !== OK && status !== KNOCK) throw new ClosedError('close of closed pipe')
    data.signal()
    room.signal()
  }

  /** Lets another thread write. @throws TypeError while a reservation is open or operations of this thread wait. */
  detach(): void {
    this.giveUp()
  }

  /**
   * A web stream that writes what it is given, cut into records of at most `maxRecord` bytes, and waits while there is no room. Closing or
   * aborting it closes the pipe.
   */
  toWritableStream(): WritableStream<Uint8Array> {
    const close = (): void => {
      if (!this.closed) this.close()
    }
    return new WritableStream<Uint8Array>({
      write: async (chunk, { signal }) => {
        if (!(chunk instanceof Uint8Array)) throw typeError(`the pipe carries Uint8Arrays, not ${show(chunk)}`)
        for (let from = 0; from < chunk.length; from += this.maxRecord) {
          await this.write(chunk.subarray(from, from + this.maxRecord), { signal })
        }
      },
      close,
      abort: close,
    })
  }

  /** Stands for this half in messages to other threads; see `open`. */
  get handle(): Handle<PipeWriter> {
    return makeHandle(this.share.site(), 'pipe', { name: '' }, 'send')
  }

  #check(record: Uint8Array): void {
    if (!(record instanceof Uint8Array))
      throw typeError(`a pipe carries records of bytes (Uint8Array), not ${show(record)}`)
    if (record.length > this.share.maxRecord) {
      throw rangeError(
        `a record of this pipe of ${this.capacity} bytes has at most ${this.maxRecord} bytes, not ${record.length}: make the pipe larger, or the records smaller`,
      )
    }
  }

  /** One attempt to write a record: OK, WOULD_BLOCK, CLOSED or STALE. */
  #write(record: Uint8Array): number {
    const { share } = this
    const at = share.core.pipe_reserve(share.at, share.open, record.length, 0)
    if (at < ARENA) return this.#refused(at)
    share.u8.set(record, at)
    return this.#publish()
  }

  #checkRows(rows: Uint8Array, size: number): void {
    if (!(rows instanceof Uint8Array)) throw typeError(`a pipe carries rows of bytes (Uint8Array), not ${show(rows)}`)
    checkLength(size, this.share.maxRecord)
    if (size === 0 || rows.length % size !== 0)
      throw rangeError(`rows are ${rows.length} bytes long, which is not a multiple of the size of a row, ${size}`)
  }

  /** Bytes of the rows that are written together, out of so many. */
  #rowsAtOnce(bytes: number, size: number): number {
    // Those of other sizes are not aligned, so each is a record by itself.
    const most = size % RECORD_BYTES === 0 ? Math.max(1, Math.floor(this.#portion / size)) * size : size
    return Math.min(bytes, most)
  }

  /** One attempt to write rows, as `#write`. */
  #writeRows(rows: Uint8Array, size: number, from: number, bytes: number): number {
    const { share } = this
    const at = share.core.pipe_reserve(share.at, share.open, bytes, bytes === size ? 0 : size)
    if (at < ARENA) return this.#refused(at)
    share.u8.set(bytes === rows.length ? rows : rows.subarray(from, from + bytes), at)
    return this.#publish()
  }

  /** One attempt to find room for a record, into `#at`. */
  #place(length: number): number {
    const { share } = this
    const at = share.core.pipe_reserve(share.at, share.open, length, 0)
    if (at < ARENA) return this.#refused(at)
    this.#at = at
    return OK
  }

  /** What the reader cannot see must not stand in the way of its making room. */
  #refused(status: number): number {
    if (!this.#unpublished || status !== WOULD_BLOCK) return status
    const published = this.#publish()
    return published === OK ? WOULD_BLOCK : published
  }

  #publish(): number {
    const { share } = this
    this.#unpublished = false
    const status = share.core.pipe_publish(share.at, share.open)
    if (status !== KNOCK) return status
    share.data.wake()
    return OK
  }

  /** Places a record of a batch: OK or WOULD_BLOCK. */
  #stage(record: Uint8Array, batch: PipeBatch): number {
    const { share } = this
    const at = share.core.pipe_reserve(share.at, share.open, record.length, 0)
    if (at < ARENA) return this.#require(at)
    share.u8.set(record, at)
    this.#unpublished = true
    batch.staged++
    batch.bytes += record.length
    if (batch.bytes >= this.#portion) this.#publishBatch(batch)
    return OK
  }

  #publishBatch(batch: PipeBatch): void {
    if (batch.staged === 0) return
    const status = this.#publish()
    const { staged } = batch
    batch.staged = 0
    batch.bytes = 0
    this.#require(status)
    batch.published += staged
  }

  /** The error that ends a batch. Those before it are written, if that can still be done. */
  #broken(error: unknown, batch: PipeBatch, what = '', timeout = 0): unknown {
    const { staged } = batch
    if (staged > 0 && this.#publish() === OK) batch.published += staged
    return transferred(error, batch.published, what, timeout)
  }

  #reserved(length: number, waited: boolean): PipeReservation {
    const { share } = this
    const at = this.#at
    this.hold(waited)
    return new PipeReservation(this.#owner, at, new Uint8Array(share.arena.memory.buffer, at, length))
  }

  async #later(attempt: () => number, what: string, timeout: number, signal: AbortSignal | undefined): Promise<void> {
    const status = await this.wait(this.share.room, attempt, what, timeout, signal)
    if (status === OK) this.leave()
    else this.#require(status)
  }

  #blocked(attempt: () => number, what: string, timeout: number): void {
    const status = this.share.room.waitSync(attempt, timeout, this.share.patience)
    if (status === TIMED_OUT) throw new TimeoutError(what, timeout)
    this.#require(status)
  }

  /** The status, if it is OK or WOULD_BLOCK. */
  #require(status: number): number {
    if (status === OK || mustWait(status)) return status
    throw this.share.error(status, 'write')
  }
}

class PipeBatch {
  /** Records placed and not published, and their bytes. */
  staged = 0
  bytes = 0
  published = 0
}

/** Adds to an error how many records went through before it. */
function transferred(error: unknown, count: number, what: string, timeout: number): unknown {
  // A wait knows only what was left of the time.
  const reason = error instanceof TimeoutError ? new TimeoutError(what, timeout) : error
  if (typeof reason === 'object' && reason !== null) {
    try {
      ;(reason as { transferred?: number }).transferred = count
    } catch {
      // A frozen abort reason stays as it is.
    }
  }
  return reason
}

const RESOLVED = Promise.resolve()
