// A bounded channel of records in plain TypeScript: what values are held against that a number cannot carry.
//
// Each cell has room for the largest record, so nothing is ever allocated. That is the best case of a ring in shared memory; the price is that
// memory is taken for the largest one, capacity times.
//
// Who may call it: any number of blocking senders and receivers, in any threads.
// Algorithm, layout and waiting: as in channel.ts, without closing, so that a ticket is a plain number. A cell is
//
//   sequence:32 | length:32 | record
//
// Progress: a thread that is stopped between taking a ticket and publishing its cell holds up those behind it.

import { enterGate, ring, sleep } from './gate.js'
import { CHANNEL_CELLS, CHANNEL_HEAD, CHANNEL_RECEIVERS, CHANNEL_SENDERS, CHANNEL_TAIL, TICKET_STEP } from './layout.js'
import { type RecordCodec, type RecordMemory, recordCodec } from './record-codecs.js'
import { Spinner } from './spin.js'

const CELL_LENGTH = 1
const CELL_RECORD = 2
const WORD = Int32Array.BYTES_PER_ELEMENT
/** Cells start at lines of their own: 16 words. */
const CELL_ALIGN = 16

export interface RecordsHandle {
  readonly kind: 'records'
  /** As for `recordCodec`. */
  readonly codec: string
  readonly capacity: number
  readonly buffer: SharedArrayBuffer
}

function strideOf({ bytes }: RecordCodec<unknown>): number {
  return Math.ceil((CELL_RECORD + bytes / WORD) / CELL_ALIGN) * CELL_ALIGN
}

export class Records<T> {
  readonly handle: RecordsHandle
  readonly #codec: RecordCodec<T>
  readonly #words: Int32Array
  readonly #memory: RecordMemory
  readonly #stride: number
  readonly #mask: number
  /** What a receiver adds to the sequence of the cell that it empties. */
  readonly #lap: number
  #tailSeen = 0
  #headSeen = 0
  readonly #spinner = new Spinner()
  readonly #canSend = (): boolean => {
    const tail = Atomics.load(this.#words, CHANNEL_TAIL)
    return ((Atomics.load(this.#words, this.#cell(tail)) - tail) | 0) >= 0
  }
  readonly #canReceive = (): boolean => {
    const head = Atomics.load(this.#words, CHANNEL_HEAD)
    return ((Atomics.load(this.#words, this.#cell(head)) - head - 1) | 0) >= 0
  }

  constructor(handle: RecordsHandle) {
    const { buffer, capacity } = handle
    this.handle = handle
    this.#codec = recordCodec(handle.codec) as RecordCodec<T>
    this.#words = new Int32Array(buffer)
    this.#memory = {
      buffer: Buffer.from(buffer),
      bytes: new Uint8Array(buffer),
      u32: new Uint32Array(buffer),
      f64: new Float64Array(buffer),
    }
    this.#stride = strideOf(this.#codec)
    this.#mask = capacity - 1
    this.#lap = (capacity * TICKET_STEP) | 0
    this.#tailSeen = Atomics.load(this.#words, CHANNEL_TAIL)
    this.#headSeen = Atomics.load(this.#words, CHANNEL_HEAD)
  }

  sendSync(value: T): void {
    while (!this.#trySend(value)) {
      if (this.#spinner.until(this.#canSend)) continue
      const event = enterGate(this.#words, CHANNEL_SENDERS)
      if (!this.#canSend()) sleep(this.#words, CHANNEL_SENDERS, event)
    }
  }

  receiveSync(): T {
    while (true) {
      const cell = this.#claimFull()
      if (cell >= 0) return this.#take(cell)
      if (this.#spinner.until(this.#canReceive)) continue
      const event = enterGate(this.#words, CHANNEL_RECEIVERS)
      if (!this.#canReceive()) sleep(this.#words, CHANNEL_RECEIVERS, event)
    }
  }

  #cell(ticket: number): number {
    return CHANNEL_CELLS + ((ticket >>> 1) & this.#mask) * this.#stride
  }

  #trySend(value: T): boolean {
    const words = this.#words
    let tail = this.#tailSeen
    while (true) {
      const cell = this.#cell(tail)
      const turn = (Atomics.load(words, cell) - tail) | 0
      if (turn === 0) {
        const seen = Atomics.compareExchange(words, CHANNEL_TAIL, tail, (tail + TICKET_STEP) | 0)
        if (seen === tail) {
          // plain: ours from the ticket until the publish
          words[cell + CELL_LENGTH] = this.#codec.write(value, this.#memory, (cell + CELL_RECORD) * WORD)
          Atomics.store(words, cell, (tail + 1) | 0) // publishes the cell; pairs with the load in #claimFull
          this.#tailSeen = (tail + TICKET_STEP) | 0
          ring(words, CHANNEL_RECEIVERS, 1)
          return true
        }
        tail = seen
        continue
      }
      const now = Atomics.load(words, CHANNEL_TAIL)
      if (turn < 0 && now === tail) {
        this.#tailSeen = tail
        return false
      }
      tail = now
    }
  }

  /** The first full cell, now ours, or -1. */
  #claimFull(): number {
    const words = this.#words
    let head = this.#headSeen
    while (true) {
      const cell = this.#cell(head)
      const turn = (Atomics.load(words, cell) - head - 1) | 0
      if (turn === 0) {
        const seen = Atomics.compareExchange(words, CHANNEL_HEAD, head, (head + TICKET_STEP) | 0)
        if (seen === head) {
          this.#headSeen = (head + TICKET_STEP) | 0
          return cell
        }
        head = seen
        continue
      }
      const now = Atomics.load(words, CHANNEL_HEAD)
      if (turn < 0 && now === head) {
        this.#headSeen = head
        return -1
      }
      head = now
    }
  }

  #take(cell: number): T {
    const words = this.#words
    // plain: ours until the cell is freed
    const value = this.#codec.read(this.#memory, (cell + CELL_RECORD) * WORD, words[cell + CELL_LENGTH])
    Atomics.store(words, cell, (words[cell] - 1 + this.#lap) | 0) // frees the cell; pairs with the load in #trySend
    ring(words, CHANNEL_SENDERS, 1)
    return value
  }
}

/** A new channel for `capacity` records: a power of two. */
export function records<T>(codec: string, { capacity }: { capacity: number }): Records<T> {
  if (capacity < 1 || (capacity & (capacity - 1)) !== 0)
    throw new RangeError(`capacity ${capacity}: not a power of two`)
  const stride = strideOf(recordCodec(codec))
  const buffer = new SharedArrayBuffer((CHANNEL_CELLS + capacity * stride) * WORD)
  const words = new Int32Array(buffer)
  for (let at = 0; at < capacity; at++) words[CHANNEL_CELLS + at * stride] = at * TICKET_STEP // plain: nobody else has it yet
  return new Records({ kind: 'records', codec, capacity, buffer })
}
