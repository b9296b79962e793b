// A mutex in one word, in plain TypeScript: mutex 2 of Drepper's "Futexes Are Tricky".
//
//   FREE → LOCKED       taken, nobody sleeps: unlocking makes no futex call
//   … → CONTENDED       taken, and somebody may sleep: unlocking wakes one
//
// Whoever has slept takes the lock as CONTENDED, since it can't know whether others still sleep. Newcomers may overtake.

import { Spinner } from '../spin.js'
import { keepAlive } from './keep-alive.js'

const FREE = 0
const LOCKED = 1
const CONTENDED = 2

export interface MutexHandle {
  readonly kind: 'mutex'
  readonly buffer: SharedArrayBuffer
}

export function lockWord(words: Int32Array, at: number, spinner: Spinner): void {
  if (Atomics.compareExchange(words, at, FREE, LOCKED) !== FREE) lockSlow(words, at, spinner)
}

function lockSlow(words: Int32Array, at: number, spinner: Spinner): void {
  const free = (): boolean => Atomics.load(words, at) === FREE
  if (spinner.until(free) && Atomics.compareExchange(words, at, FREE, LOCKED) === FREE) return
  while (Atomics.exchange(words, at, CONTENDED) !== FREE) Atomics.wait(words, at, CONTENDED)
}

async function lockSlowAsync(words: Int32Array, at: number): Promise<void> {
  while (Atomics.exchange(words, at, CONTENDED) !== FREE) {
    const wait = Atomics.waitAsync(words, at, CONTENDED)
    if (wait.async) await wait.value
  }
}

export function unlockWord(words: Int32Array, at: number): void {
  const before = Atomics.exchange(words, at, FREE)
  if (before === LOCKED) return
  if (before === FREE) throw new Error('unlock of unlocked mutex')
  Atomics.notify(words, at, 1)
}

export class Mutex {
  readonly handle: MutexHandle
  readonly #words: Int32Array
  readonly #spinner = new Spinner()

  constructor(handle?: MutexHandle) {
    this.handle = handle ?? { kind: 'mutex', buffer: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT) }
    this.#words = new Int32Array(this.handle.buffer)
  }

  get locked(): boolean {
    return Atomics.load(this.#words, 0) !== FREE
  }

  tryLock(): boolean {
    return Atomics.compareExchange(this.#words, 0, FREE, LOCKED) === FREE
  }

  lockSync(): void {
    lockWord(this.#words, 0, this.#spinner)
  }

  /** What it resolves to is the mutex itself: who has it unlocks it. */
  lock(): Promise<this> {
    if (this.tryLock()) return Promise.resolve(this)
    return keepAlive(lockSlowAsync(this.#words, 0)).then(() => this)
  }

  unlock(): void {
    unlockWord(this.#words, 0)
  }
}
