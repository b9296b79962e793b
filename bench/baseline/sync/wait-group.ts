// A wait group in plain TypeScript: a count, and a gate for those that wait until it is zero.

import { enterGate, ring, sleep } from '../gate.js'
import { LINE } from '../layout.js'
import { Spinner } from '../spin.js'

const COUNT = 0
const GATE = LINE
const WORDS = 2 * LINE
const EVERYBODY = 2 ** 31 - 1

export interface WaitGroupHandle {
  readonly kind: 'wait-group'
  readonly buffer: SharedArrayBuffer
}

export class WaitGroup {
  readonly handle: WaitGroupHandle
  readonly #words: Int32Array
  readonly #spinner = new Spinner()

  constructor(handle?: WaitGroupHandle) {
    this.handle = handle ?? {
      kind: 'wait-group',
      buffer: new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT),
    }
    this.#words = new Int32Array(this.handle.buffer)
  }

  get count(): number {
    return Atomics.load(this.#words, COUNT)
  }

  add(delta = 1): void {
    const count = Atomics.add(this.#words, COUNT, delta) + delta
    if (count > 0) return
    if (count < 0) {
      Atomics.sub(this.#words, COUNT, delta)
      throw new Error('negative WaitGroup counter')
    }
    ring(this.#words, GATE, EVERYBODY)
  }

  done(): void {
    this.add(-1)
  }

  waitSync(): void {
    if (this.count === 0 || this.#spinner.until(() => this.count === 0)) return
    while (this.count !== 0) {
      const event = enterGate(this.#words, GATE)
      if (this.count !== 0) sleep(this.#words, GATE, event)
    }
  }
}
