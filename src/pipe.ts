// Pipes: records of bytes from one thread to another.

import type { Arena } from './arena.js'
import type { Next } from './channel.js'
import { arenaOption, checkCapacity } from './channel-codecs.js'
import { show, typeError } from './errors.js'
import { Gate } from './gate.js'
import { KIND_PIPE, PIPE_RING, PIPE_ROOM_GATE, RECORD_BYTES, STALE } from './generated/layout.js'
import { type Handle, makeHandle, registerKind, type Site } from './handle.js'
import { createObject } from './object.js'
import { pipeCore } from './pipe-core.js'
import { PipeReader } from './pipe-reader.js'
import type { PipeReservation } from './pipe-reservation.js'
import { PipeShare } from './pipe-side.js'
import type { PipeView } from './pipe-view.js'
import { PipeWriter } from './pipe-writer.js'
import type { WaitOptions } from './wait.js'

export interface PipeOptions {
  /**
   * Bytes of the ring that holds the records, from 32 on, rounded up to a multiple of 8. A record takes 8 more than its length, rounded up likewise;
   * the longest takes half of the ring. Default: 64,896, which with the pipe's own 640 bytes makes a block of 64 KiB.
   */
  capacity?: number
  /** Where it is made. Default: `defaultArena()`. */
  arena?: Arena
}

const DEFAULT_CAPACITY = 64 * 1024 - PIPE_RING
const MIN_CAPACITY = 32

/**
 * A queue of records of bytes of any length, from one writer to one reader: threads, or tasks of one event loop. Neither ever waits for the other
 * inside an operation, and a thread that is terminated leaves no half record.
 *
 * The thread that writes first is the writer, the one that reads first the reader, until it ends or calls `detach`. A write synchronizes with the
 * read of its record, and the read (or the release of its view) with the write that uses its room again.
 *
 * `verb` returns a promise, `verbSync` blocks the thread, `tryVerb` never waits. `writer` and `reader` are its halves, with what only they can do.
 *
 * Made by {@link pipe}; opened in another thread by `open(p.handle)`.
 */
export class Pipe {
  readonly arena: Arena
  /** The half that writes and closes. */
  readonly writer: PipeWriter
  /** The half that reads. */
  readonly reader: PipeReader
  readonly #share: PipeShare

  /** @internal */
  constructor(site: Site) {
    this.arena = site.arena
    this.#share = new PipeShare(site)
    this.#share.pipe = this
    this.writer = new PipeWriter(this.#share)
    this.reader = new PipeReader(this.#share)
  }

  /** Bytes of the ring. */
  get capacity(): number {
    return this.#share.capacity
  }

  /** The longest record, in bytes. */
  get maxRecord(): number {
    return this.#share.maxRecord
  }

  /** Bytes that the records in the pipe take, their headers among them; 0 if there is none. */
  get length(): number {
    return this.reader.length
  }

  /** Whether the pipe is closed; records may still be in it. */
  get closed(): boolean {
    return this.reader.closed
  }

  /** See {@link PipeWriter.tryWrite}. */
  tryWrite(record: Uint8Array): boolean {
    return this.writer.tryWrite(record)
  }
  /** See {@link PipeWriter.write}. */
  write(record: Uint8Array, options?: WaitOptions): Promise<void> {
    return this.writer.write(record, options)
  }
  /** See {@link PipeWriter.writeSync}. */
  writeSync(record: Uint8Array, options?: WaitOptions): void {
    this.writer.writeSync(record, options)
  }
  /** See {@link PipeWriter.tryWriteMany}. */
  tryWriteMany(records: Iterable<Uint8Array>): number {
    return this.writer.tryWriteMany(records)
  }
  /** See {@link PipeWriter.writeMany}. */
  writeMany(records: Iterable<Uint8Array>, options?: WaitOptions): Promise<number> {
    return this.writer.writeMany(records, options)
  }
  /** See {@link PipeWriter.writeManySync}. */
  writeManySync(records: Iterable<Uint8Array>, options?: WaitOptions): number {
    return this.writer.writeManySync(records, options)
  }
  /** See {@link PipeWriter.tryWriteRows}. */
  tryWriteRows(rows: Uint8Array, size: number): number {
    return this.writer.tryWriteRows(rows, size)
  }
  /** See {@link PipeWriter.writeRows}. */
  writeRows(rows: Uint8Array, size: number, options?: WaitOptions): Promise<number> {
    return this.writer.writeRows(rows, size, options)
  }
  /** See {@link PipeWriter.writeRowsSync}. */
  writeRowsSync(rows: Uint8Array, size: number, options?: WaitOptions): number {
    return this.writer.writeRowsSync(rows, size, options)
  }
  /** See {@link PipeWriter.tryReserve}. */
  tryReserve(length: number): PipeReservation | undefined {
    return this.writer.tryReserve(length)
  }
  /** See {@link PipeWriter.reserve}. */
  reserve(length: number, options?: WaitOptions): Promise<PipeReservation> {
    return this.writer.reserve(length, options)
  }
  /** See {@link PipeWriter.reserveSync}. */
  reserveSync(length: number, options?: WaitOptions): PipeReservation {
    return this.writer.reserveSync(length, options)
  }
  /** See {@link PipeWriter.flush}. */
  flush(): void {
    this.writer.flush()
  }
  /** See {@link PipeWriter.close}. */
  close(): void {
    this.writer.close()
  }
  /** See {@link PipeWriter.toWritableStream}. */
  toWritableStream(): WritableStream<Uint8Array> {
    return this.writer.toWritableStream()
  }

  /** See {@link PipeReader.tryRead}. */
  tryRead(): Uint8Array | undefined {
    return this.reader.tryRead()
  }
  /** See {@link PipeReader.read}. */
  read(options?: WaitOptions): Promise<Uint8Array | undefined> {
    return this.reader.read(options)
  }
  /** See {@link PipeReader.readSync}. */
  readSync(options?: WaitOptions): Uint8Array | undefined {
    return this.reader.readSync(options)
  }
  /** See {@link PipeReader.next}. */
  next(options?: WaitOptions): Promise<Next<Uint8Array>> {
    return this.reader.next(options)
  }
  /** See {@link PipeReader.nextSync}. */
  nextSync(options?: WaitOptions): Next<Uint8Array> {
    return this.reader.nextSync(options)
  }
  /** See {@link PipeReader.tryNext}. */
  tryNext(): Next<Uint8Array> | undefined {
    return this.reader.tryNext()
  }
  /** See {@link PipeReader.readMany}. */
  readMany(max: number, options?: WaitOptions): Promise<Uint8Array[]> {
    return this.reader.readMany(max, options)
  }
  /** See {@link PipeReader.readManySync}. */
  readManySync(max: number, options?: WaitOptions): Uint8Array[] {
    return this.reader.readManySync(max, options)
  }
  /** See {@link PipeReader.tryReadMany}. */
  tryReadMany(max: number): Uint8Array[] {
    return this.reader.tryReadMany(max)
  }
  /** See {@link PipeReader.tryReadView}. */
  tryReadView(): PipeView | undefined {
    return this.reader.tryReadView()
  }
  /** See {@link PipeReader.readView}. */
  readView(options?: WaitOptions): Promise<PipeView | undefined> {
    return this.reader.readView(options)
  }
  /** See {@link PipeReader.readViewSync}. */
  readViewSync(options?: WaitOptions): PipeView | undefined {
    return this.reader.readViewSync(options)
  }
  /** See {@link PipeReader.tryDrain}. */
  tryDrain(use: (bytes: Uint8Array) => void, max?: number): number {
    return this.reader.tryDrain(use, max)
  }
  /** See {@link PipeReader.drain}. */
  drain(use: (bytes: Uint8Array) => void, options?: WaitOptions): Promise<number> {
    return this.reader.drain(use, options)
  }
  /** See {@link PipeReader.drainSync}. */
  drainSync(use: (bytes: Uint8Array) => void, options?: WaitOptions): number {
    return this.reader.drainSync(use, options)
  }
  /** See {@link PipeReader.tryDrainRows}. */
  tryDrainRows(use: (bytes: Uint8Array, size: number) => void, max?: number): number {
    return this.reader.tryDrainRows(use, max)
  }
  /** See {@link PipeReader.drainRows}. */
  drainRows(use: (bytes: Uint8Array, size: number) => void, options?: WaitOptions): Promise<number> {
    return this.reader.drainRows(use, options)
  }
  /** See {@link PipeReader.drainRowsSync}. */
  drainRowsSync(use: (bytes: Uint8Array, size: number) => void, options?: WaitOptions): number {
    return this.reader.drainRowsSync(use, options)
  }
  /** See {@link PipeReader.views}. */
  views(): Generator<Uint8Array, void, undefined> {
    return this.reader.views()
  }
  /** Copies of the records, until the pipe is closed and drained. */
  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    return this.reader[Symbol.asyncIterator]()
  }
  /** See {@link PipeReader.sync}. */
  sync(): Generator<Uint8Array, void, undefined> {
    return this.reader.sync()
  }
  /** See {@link PipeReader.available}. */
  available(): Generator<Uint8Array, void, undefined> {
    return this.reader.available()
  }
  /** See {@link PipeReader.toReadableStream}. */
  toReadableStream(): ReadableStream<Uint8Array> {
    return this.reader.toReadableStream()
  }

  /** Lets other threads write and read. @throws TypeError while a reservation or view is open, or operations of this thread wait. */
  detach(): void {
    this.writer.detach()
    this.reader.detach()
  }

  /** Stands for this pipe in messages to other threads; see `open`. */
  get handle(): Handle<Pipe> {
    return makeHandle(this.#share.site(), 'pipe', { name: '' }, 'both')
  }

  /**
   * Frees the pipe's memory. Who waits on it, and every later use in any thread, gets StaleHandleError. Like closing a file: not to be called while
   * other threads are in the middle of operations, or hold reservations or views.
   */
  dispose(): void {
    const share = this.#share
    const { open } = share
    if (open === NO_STATE) return
    share.open = NO_STATE
    // First who waits: they are told that it is over.
    share.data.dispose()
    share.room.dispose()
    if (this.arena.core.object_dispose(share.at, open) === STALE) throw share.stale()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** No object is ever in this state: its flags do not exist. */
const NO_STATE = -1

/**
 * Makes a pipe: a queue of records of bytes from one writer to one reader.
 *
 * It takes `capacity` + 640 bytes, rounded up to a power of two, and 2 KiB for those who wait, until it is disposed of.
 *
 * @throws RangeError for a capacity that is not an integer, less than 32, or more than the arena could ever hold; ArenaFullError if the arena
 * has no room now.
 * @example
 * const p = pipe({ capacity: 65_536 })
 * p.tryWrite(new Uint8Array([1, 2, 3]))
 * p.tryRead() // Uint8Array [1, 2, 3]
 */
export function pipe(options: PipeOptions = {}): Pipe {
  if (typeof options !== 'object' || options === null)
    throw typeError(`pipe takes options { capacity, arena }, not ${show(options)}`)
  const { capacity = DEFAULT_CAPACITY } = options
  const arena = arenaOption(options.arena)
  checkCapacity('a pipe', capacity, MIN_CAPACITY, arena.size - PIPE_RING, arena)
  const bytes = Math.ceil(capacity / RECORD_BYTES) * RECORD_BYTES
  const what = `a pipe of capacity ${capacity}`
  const gates: Gate[] = []
  try {
    gates.push(Gate.create(arena, what))
    gates.push(Gate.create(arena, what))
    const site = createObject(arena, KIND_PIPE, PIPE_RING + bytes, what)
    const [data, room] = gates as [Gate, Gate]
    pipeCore(arena).pipe_init(site.at, bytes, data.at, room.at)
    return pipeAt(site)
  } catch (error) {
    for (const gate of gates) gate.dispose()
    throw error
  }
}

/** The pipes of this thread: what it opens twice is one object, so that its two users know of each other. */
const pipes = new WeakMap<Arena, Map<number, { open: number; pipe: WeakRef<Pipe> }>>()

function pipeAt(site: Site): Pipe {
  const { arena, at, open } = site
  let here = pipes.get(arena)
  if (here === undefined) {
    here = new Map()
    pipes.set(arena, here)
  }
  const known = here.get(at)
  const there = known?.open === open ? known.pipe.deref() : undefined
  if (there !== undefined) return there
  const made = new Pipe(site)
  here.set(at, { open, pipe: new WeakRef(made) })
  return made
}

registerKind('pipe', KIND_PIPE, (site, handle: Handle<unknown>) => {
  // A block of this kind that was just being made, or is none: its maker sets this last.
  if (site.arena.u32[(site.at + PIPE_ROOM_GATE) >>> 2] === 0)
    throw typeError('the handle is not of a pipe that has been made')
  const p = pipeAt(site)
  if (handle.view === 'send') return p.writer
  if (handle.view === 'receive') return p.reader
  if (handle.view === 'both') return p
  throw typeError(`the view of a pipe's handle is both, send or receive, not ${show(handle.view)}`)
})

export type { PipeReader, PipeReservation, PipeView, PipeWriter }
