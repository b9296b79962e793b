// What the threads of a row share besides the lock: plain words that only its owner may touch, so that a lock that does not exclude
// shows as a lost addition or a torn pair.

import type { Outcome } from '../harness/contender.js'

/** 32-bit words, as far apart that no two threads write one line without the lock. */
const LINE = 32
const TOTAL = 0
const PAIR = 1
const READS = LINE
const WORDS = 4 * LINE

/** In the row of readers, every so manyth operation of a thread is a write. */
export const WRITE_EVERY = 100

export function dataBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT)
}

export class Data {
  readonly #words: Int32Array

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer)
  }

  /** plain, as all up to `read`: the caller has the lock. */
  get total(): number {
    return this.#words[TOTAL]
  }

  increment(): void {
    this.#words[TOTAL]++
  }

  /** Needs the lock for writing. */
  write(): void {
    this.#words[TOTAL]++
    this.#words[PAIR]++
  }

  /** Needs the lock for reading. */
  read(): void {
    if (this.#words[TOTAL] !== this.#words[PAIR]) throw new Error('read in the middle of a write')
  }

  /** A thread's reads, when it has done them all. */
  addReads(count: number): void {
    Atomics.add(this.#words, READS, count)
  }

  /** After the run, when all threads have ended: writes and reads. */
  outcome(): Partial<Outcome> {
    return { sum: this.#words[TOTAL] + this.#words[READS] }
  }
}
