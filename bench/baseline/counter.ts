// A counter whose cells lie on lines of their own, one for each thread that counts, in plain TypeScript.
//
// A thread takes its cell when it opens the counter; beyond COUNTER_CELLS threads cells are shared, which stays correct.
// Cells are 32-bit words, so the total wraps at 2^32: the price of not using BigInt.

import { LINE } from './layout.js'

const COUNTER_CELLS = 16
const COUNTER_NEXT = COUNTER_CELLS * LINE

export interface CounterHandle {
  readonly kind: 'counter'
  readonly buffer: SharedArrayBuffer
}

export class Counter {
  readonly handle: CounterHandle
  readonly #words: Int32Array
  readonly #cell: number

  constructor(handle?: CounterHandle) {
    const buffer = handle?.buffer ?? new SharedArrayBuffer((COUNTER_NEXT + LINE) * Int32Array.BYTES_PER_ELEMENT)
    this.handle = handle ?? { kind: 'counter', buffer }
    this.#words = new Int32Array(buffer)
    this.#cell = (Atomics.add(this.#words, COUNTER_NEXT, 1) % COUNTER_CELLS) * LINE
  }

  add(delta = 1): void {
    Atomics.add(this.#words, this.#cell, delta)
  }

  get value(): number {
    let sum = 0
    for (let cell = 0; cell < COUNTER_CELLS; cell++) sum = (sum + Atomics.load(this.#words, cell * LINE)) | 0
    return sum
  }

  reset(): void {
    for (let cell = 0; cell < COUNTER_CELLS; cell++) Atomics.store(this.#words, cell * LINE, 0)
  }
}
