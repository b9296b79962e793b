// A bounded channel in plain TypeScript: the benchmark's honest opponent.
//
// Who may call it: any number of senders and receivers, in any threads. A thread that awaits operations of one channel
//   must not block on the same channel at the same time.
// Algorithm: ring with tickets (D. Vyukov, "Bounded MPMC queue", 2010); waiting by event counts (gate.ts).
// Layout: layout.ts.
// Progress: a thread that is stopped between taking a ticket and publishing its cell holds up those behind it.

import { type Codec, indexShift, type NumberArray, viewOf } from './codec.js'
import { enterGate, ring, ringAll, sleep } from './gate.js'
import {
  CELL_SHIFT,
  CELL_VALUE,
  CHANNEL_CELLS,
  CHANNEL_HEAD,
  CHANNEL_RECEIVERS,
  CHANNEL_SENDERS,
  CHANNEL_TAIL,
  ceilPowerOfTwo,
  TAIL_CLOSED,
  TICKET_STEP,
} from './layout.js'
import { Pending } from './pending.js'
import { Spinner } from './spin.js'

export class ClosedError extends Error {
  readonly code = 'ERR_CLOSED'
}

export interface ChannelHandle {
  readonly kind: 'channel'
  readonly codec: Codec
  readonly capacity: number
  readonly buffer: SharedArrayBuffer
}

const DONE = Promise.resolve()

export class Channel {
  readonly handle: ChannelHandle
  readonly capacity: number
  readonly #words: Int32Array
  readonly #values: NumberArray
  readonly #shift: number
  readonly #mask: number
  /** What a receiver adds to the sequence of the cell that it empties. */
  readonly #lap: number
  /** Whether fewer values are allowed than there are cells. */
  readonly #partial: boolean
  /** Where this thread saw the indexes last: right unless another thread moved them, and one atomic load saved. */
  #tailSeen = 0
  #headSeen = 0
  readonly #spinner = new Spinner()
  readonly #canSend = (): boolean => this.#maySend()
  readonly #canReceive = (): boolean => this.#mayReceive()
  readonly #sends: Pending<void>
  readonly #receives: Pending<number | undefined>

  constructor(handle: ChannelHandle) {
    const cells = ceilPowerOfTwo(handle.capacity)
    this.handle = handle
    this.capacity = handle.capacity
    this.#words = new Int32Array(handle.buffer)
    this.#values = viewOf(handle.codec, handle.buffer)
    this.#shift = indexShift(handle.codec)
    this.#mask = cells - 1
    this.#lap = (cells * TICKET_STEP) | 0
    this.#partial = cells !== handle.capacity
    this.#tailSeen = this.#tail() & ~TAIL_CLOSED
    this.#headSeen = this.#head()
    this.#sends = new Pending(this.#words, CHANNEL_SENDERS, this.#canSend)
    this.#receives = new Pending(this.#words, CHANNEL_RECEIVERS, this.#canReceive)
  }

  get length(): number {
    const length = ((this.#tail() & ~TAIL_CLOSED) - this.#head()) >> 1
    return Math.min(Math.max(length, 0), this.capacity)
  }

  get closed(): boolean {
    return (this.#tail() & TAIL_CLOSED) !== 0
  }

  trySend(value: number): boolean {
    const words = this.#words
    let tail = this.#tailSeen
    while (true) {
      if (tail & TAIL_CLOSED) throw new ClosedError('send on closed channel')
      const cell = CHANNEL_CELLS + (((tail >>> 1) & this.#mask) << CELL_SHIFT)
      const turn = (Atomics.load(words, cell) - tail) | 0
      if (turn === 0) {
        if (this.#partial && this.#room(tail) <= 0) {
          const now = Atomics.load(words, CHANNEL_TAIL)
          if (now === tail) return this.#full(tail)
          tail = now
          continue
        }
        const seen = Atomics.compareExchange(words, CHANNEL_TAIL, tail, (tail + TICKET_STEP) | 0)
        if (seen === tail) {
          this.#values[(cell + CELL_VALUE) >> this.#shift] = value // plain: ours from the ticket until the publish
          Atomics.store(words, cell, (tail + 1) | 0) // publishes the cell; pairs with the load in tryReceive
          this.#tailSeen = (tail + TICKET_STEP) | 0
          ring(words, CHANNEL_RECEIVERS, 1)
          return true
        }
        tail = seen
      } else if (turn < 0) {
        const now = Atomics.load(words, CHANNEL_TAIL)
        if (now === tail) return this.#full(tail)
        tail = now
      } else {
        tail = Atomics.load(words, CHANNEL_TAIL)
      }
    }
  }

  tryReceive(): number | undefined {
    const words = this.#words
    let head = this.#headSeen
    while (true) {
      const cell = CHANNEL_CELLS + (((head >>> 1) & this.#mask) << CELL_SHIFT)
      const turn = (Atomics.load(words, cell) - head - 1) | 0
      if (turn === 0) {
        const seen = Atomics.compareExchange(words, CHANNEL_HEAD, head, (head + TICKET_STEP) | 0)
        if (seen === head) {
          const value = this.#values[(cell + CELL_VALUE) >> this.#shift] // plain: ours until the cell is freed
          Atomics.store(words, cell, (head + this.#lap) | 0) // frees the cell; pairs with the load in trySend
          this.#headSeen = (head + TICKET_STEP) | 0
          ring(words, CHANNEL_SENDERS, 1)
          return value
        }
        head = seen
      } else if (turn < 0) {
        const now = Atomics.load(words, CHANNEL_HEAD)
        if (now === head) {
          this.#headSeen = head
          return undefined
        }
        head = now
      } else {
        head = Atomics.load(words, CHANNEL_HEAD)
      }
    }
  }

  /** Sends as much of `values[from..to)` as there is room for now. Returns how many. */
  #trySendRange(values: ArrayLike<number>, from: number, to: number): number {
    const words = this.#words
    const store = this.#values
    let tail = Atomics.load(words, CHANNEL_TAIL)
    while (true) {
      if (tail & TAIL_CLOSED) throw new ClosedError('send on closed channel')
      const most = Math.min(to - from, this.#partial ? this.#room(tail) : this.capacity)
      let count = 0
      while (count < most) {
        const ticket = (tail + count * TICKET_STEP) | 0
        if (Atomics.load(words, this.#cell(ticket)) !== ticket) break
        count++
      }
      if (count > 0) {
        const seen = Atomics.compareExchange(words, CHANNEL_TAIL, tail, (tail + count * TICKET_STEP) | 0)
        if (seen === tail) {
          // Last cell first: a receiver that polls the first one does not fetch the lines that are still being written.
          for (let at = count - 1; at >= 0; at--) {
            const ticket = (tail + at * TICKET_STEP) | 0
            const cell = this.#cell(ticket)
            store[(cell + CELL_VALUE) >> this.#shift] = values[from + at] // plain: ours from the ticket until the publish
            Atomics.store(words, cell, (ticket + 1) | 0)
          }
          ring(words, CHANNEL_RECEIVERS, count)
          return count
        }
        tail = seen
      } else {
        const now = Atomics.load(words, CHANNEL_TAIL)
        if (now === tail) return 0
        tail = now
      }
    }
  }

  /** Receives what is there now into `into[0..length)`. Returns how many. */
  tryReceiveMany(into: NumberArray): number {
    const words = this.#words
    const values = this.#values
    const most = Math.min(into.length, this.capacity)
    let head = Atomics.load(words, CHANNEL_HEAD)
    while (true) {
      let count = 0
      while (count < most) {
        const ticket = (head + count * TICKET_STEP) | 0
        if (Atomics.load(words, this.#cell(ticket)) !== ((ticket + 1) | 0)) break
        count++
      }
      if (count > 0) {
        const seen = Atomics.compareExchange(words, CHANNEL_HEAD, head, (head + count * TICKET_STEP) | 0)
        if (seen === head) {
          // Last cell first, as in #trySendRange.
          for (let at = count - 1; at >= 0; at--) {
            const ticket = (head + at * TICKET_STEP) | 0
            const cell = this.#cell(ticket)
            into[at] = values[(cell + CELL_VALUE) >> this.#shift] // plain: ours until the cell is freed
            Atomics.store(words, cell, (ticket + this.#lap) | 0)
          }
          ring(words, CHANNEL_SENDERS, count)
          return count
        }
        head = seen
      } else {
        const now = Atomics.load(words, CHANNEL_HEAD)
        if (now === head) return 0
        head = now
      }
    }
  }

  trySendMany(values: ArrayLike<number>): number {
    return this.#trySendRange(values, 0, values.length)
  }

  sendSync(value: number): void {
    while (!this.trySend(value)) {
      if (this.#spinner.until(this.#canSend)) continue
      const event = enterGate(this.#words, CHANNEL_SENDERS)
      if (!this.#maySend()) sleep(this.#words, CHANNEL_SENDERS, event)
    }
  }

  receiveSync(): number | undefined {
    while (true) {
      const value = this.tryReceive()
      if (value !== undefined) return value
      if (this.#drained()) return undefined
      this.#awaitValueSync()
    }
  }

  sendManySync(values: ArrayLike<number>): number {
    let sent = 0
    while (sent < values.length) {
      const count = this.#trySendRange(values, sent, values.length)
      sent += count
      if (count > 0 || this.#spinner.until(this.#canSend)) continue
      const event = enterGate(this.#words, CHANNEL_SENDERS)
      if (!this.#maySend()) sleep(this.#words, CHANNEL_SENDERS, event)
    }
    return sent
  }

  receiveManySync(into: NumberArray): number {
    while (into.length > 0) {
      const count = this.tryReceiveMany(into)
      if (count > 0) return count
      if (this.#drained()) return 0
      this.#awaitValueSync()
    }
    return 0
  }

  send(value: number): Promise<void> {
    try {
      if (this.#sends.idle && this.trySend(value)) return DONE
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#sends.push((settle) => {
      if (this.trySend(value)) settle()
    })
  }

  receive(): Promise<number | undefined> {
    if (this.#receives.idle) {
      const value = this.tryReceive()
      if (value !== undefined) return Promise.resolve(value)
    }
    return this.#receives.push((settle) => {
      const value = this.tryReceive()
      if (value !== undefined || this.#drained()) settle(value)
    })
  }

  async sendMany(values: ArrayLike<number>): Promise<number> {
    let sent = 0
    if (this.#sends.idle) sent = this.#trySendRange(values, 0, values.length)
    if (sent === values.length) return sent
    await this.#sends.push((settle) => {
      sent += this.#trySendRange(values, sent, values.length)
      if (sent === values.length) settle()
    })
    return sent
  }

  async receiveMany(into: NumberArray): Promise<number> {
    if (into.length === 0) return 0
    const now = this.#receives.idle ? this.tryReceiveMany(into) : 0
    if (now > 0) return now
    const count = await this.#receives.push((settle) => {
      const received = this.tryReceiveMany(into)
      if (received > 0 || this.#drained()) settle(received)
    })
    return count as number
  }

  close(): void {
    if (Atomics.or(this.#words, CHANNEL_TAIL, TAIL_CLOSED) & TAIL_CLOSED) {
      throw new ClosedError('close of closed channel')
    }
    ringAll(this.#words, CHANNEL_RECEIVERS)
    ringAll(this.#words, CHANNEL_SENDERS)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<number, void, void> {
    while (true) {
      const value = await this.receive()
      if (value === undefined) return
      yield value
    }
  }

  /** Full at the moment when the tail was read for the last time. */
  #full(tail: number): false {
    this.#tailSeen = tail
    return false
  }

  #tail(): number {
    return Atomics.load(this.#words, CHANNEL_TAIL)
  }

  #head(): number {
    return Atomics.load(this.#words, CHANNEL_HEAD)
  }

  #cell(ticket: number): number {
    return CHANNEL_CELLS + (((ticket >>> 1) & this.#mask) << CELL_SHIFT)
  }

  /** How many more values the channel may hold at least, given its tail. */
  #room(tail: number): number {
    return this.capacity - ((tail - this.#head()) >> 1)
  }

  #maySend(): boolean {
    const tail = this.#tail()
    if (tail & TAIL_CLOSED) return true
    if (((Atomics.load(this.#words, this.#cell(tail)) - tail) | 0) < 0) return false
    return !this.#partial || this.#room(tail) > 0
  }

  #mayReceive(): boolean {
    const head = this.#head()
    return ((Atomics.load(this.#words, this.#cell(head)) - head - 1) | 0) >= 0 || this.#drained()
  }

  /** Closed, and every value that was sent has been received. */
  #drained(): boolean {
    const tail = this.#tail()
    if ((tail & TAIL_CLOSED) === 0 || this.#head() !== (tail & ~TAIL_CLOSED)) return false
    // Whoever was told of the last value after the close passes the news on: one ring a value is not enough for the rest.
    ringAll(this.#words, CHANNEL_RECEIVERS)
    return true
  }

  #awaitValueSync(): void {
    if (this.#spinner.until(this.#canReceive)) return
    const event = enterGate(this.#words, CHANNEL_RECEIVERS)
    if (!this.#mayReceive()) sleep(this.#words, CHANNEL_RECEIVERS, event)
  }
}

/** A new channel for `capacity` values. */
export function channel(codec: Codec, options: { capacity: number }): Channel {
  const { capacity } = options
  const cells = ceilPowerOfTwo(capacity)
  const buffer = new SharedArrayBuffer((CHANNEL_CELLS + (cells << CELL_SHIFT)) * Int32Array.BYTES_PER_ELEMENT)
  const words = new Int32Array(buffer)
  for (let at = 0; at < cells; at++) words[CHANNEL_CELLS + (at << CELL_SHIFT)] = at * TICKET_STEP // plain: nobody else has it yet
  return new Channel({ kind: 'channel', codec, capacity, buffer })
}
