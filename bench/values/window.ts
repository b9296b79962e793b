// Back-pressure for contenders that have none: how many messages may be on their way at most, by two words of shared memory.
//
// The receiver publishes how many it has taken, half a window at a time, and wakes the sender then. That is cheaper than any
// message back could be, so that the contender is slowed down as little as possible.

const TAKEN = 0
const SENT = 32
const ASLEEP = 33
const WORDS = 64
const SPINS = 2000

export class Window {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array
  readonly #size: number
  readonly #batch: number
  #sent = 0
  #taken = 0

  constructor(size: number, buffer = new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer
    this.#words = new Int32Array(buffer)
    this.#size = size
    this.#batch = Math.max(1, size >> 1)
  }

  /** Sender, before each message: waits until there is room. */
  enter(): void {
    while (true) {
      const taken = Atomics.load(this.#words, TAKEN)
      if (this.#sent - taken < this.#size) break
      Atomics.wait(this.#words, TAKEN, taken)
    }
    this.#sent++
  }

  /** Receiver, after each message. */
  leave(): void {
    if (++this.#taken % this.#batch !== 0) return
    Atomics.store(this.#words, TAKEN, this.#taken)
    Atomics.notify(this.#words, TAKEN)
  }

  /** Sender, after each message, for a receiver that sleeps in `arrival`. */
  announce(): void {
    // Dekker pair with `arrival`: the count is stored, then the sleeper is looked for.
    Atomics.store(this.#words, SENT, this.#sent)
    if (Atomics.load(this.#words, ASLEEP) !== 0) {
      Atomics.store(this.#words, ASLEEP, 0)
      Atomics.notify(this.#words, SENT)
    }
  }

  /** Receiver: blocks until another message has been announced. */
  arrival(): void {
    for (let spins = SPINS; spins > 0; spins--) if (Atomics.load(this.#words, SENT) !== this.#taken) return
    while (true) {
      Atomics.store(this.#words, ASLEEP, 1)
      if (Atomics.load(this.#words, SENT) !== this.#taken) return
      Atomics.wait(this.#words, SENT, this.#taken)
    }
  }
}
