// A reader/writer lock after Go's sync.RWMutex, in plain TypeScript.
//
// A writer takes the writers' lock, then makes the count of readers negative: readers that come later wait, and those that are inside
// tell the writer when the last one has left. Readers that waited enter together, before the next writer.

import { LINE } from '../layout.js'
import { Spinner } from '../spin.js'
import { lockWord, unlockWord } from './mutex.js'

const READERS = 0
const DEPARTING = 1
const WRITERS_LOCK = LINE
const WRITER_PERMITS = 2 * LINE
const READER_PERMITS = 3 * LINE
const WORDS = 4 * LINE

const MAX_READERS = 2 ** 30

export interface RWMutexHandle {
  readonly kind: 'rwmutex'
  readonly buffer: SharedArrayBuffer
}

export class RWMutex {
  readonly handle: RWMutexHandle
  readonly #words: Int32Array
  readonly #writing = new Spinner()
  readonly #waiting = new Spinner()

  constructor(handle?: RWMutexHandle) {
    this.handle = handle ?? {
      kind: 'rwmutex',
      buffer: new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT),
    }
    this.#words = new Int32Array(this.handle.buffer)
  }

  rlockSync(): void {
    if (Atomics.add(this.#words, READERS, 1) + 1 < 0) take(this.#words, READER_PERMITS, this.#waiting)
  }

  runlock(): void {
    const readers = Atomics.sub(this.#words, READERS, 1) - 1
    if (readers < 0) this.#runlockSlow(readers)
  }

  #runlockSlow(readers: number): void {
    if (readers === -1 || readers === -MAX_READERS - 1) {
      Atomics.add(this.#words, READERS, 1)
      throw new Error('runlock of unlocked RWMutex')
    }
    if (Atomics.sub(this.#words, DEPARTING, 1) === 1) give(this.#words, WRITER_PERMITS, 1)
  }

  lockSync(): void {
    const words = this.#words
    lockWord(words, WRITERS_LOCK, this.#writing)
    const readers = Atomics.sub(words, READERS, MAX_READERS)
    // Some of them may have left already: then DEPARTING is below zero, and the last one to leave need not tell.
    if (readers !== 0 && Atomics.add(words, DEPARTING, readers) + readers !== 0) {
      take(words, WRITER_PERMITS, this.#waiting)
    }
  }

  unlock(): void {
    const words = this.#words
    const readers = Atomics.add(words, READERS, MAX_READERS) + MAX_READERS
    if (readers >= MAX_READERS) {
      Atomics.sub(words, READERS, MAX_READERS)
      throw new Error('unlock of unlocked RWMutex')
    }
    if (readers > 0) give(words, READER_PERMITS, readers)
    unlockWord(words, WRITERS_LOCK)
  }
}

/** Waits for a permit and takes it. */
function take(words: Int32Array, at: number, spinner: Spinner): void {
  spinner.until(() => Atomics.load(words, at) > 0)
  while (true) {
    const permits = Atomics.load(words, at)
    if (permits === 0) Atomics.wait(words, at, 0)
    else if (Atomics.compareExchange(words, at, permits, permits - 1) === permits) return
  }
}

function give(words: Int32Array, at: number, permits: number): void {
  Atomics.add(words, at, permits)
  Atomics.notify(words, at, permits)
}
