// Atomic numbers in plain TypeScript: one word of a SharedArrayBuffer, `add` returns the new value as in Go.

export interface AtomicHandle {
  readonly kind: 'atomic-i32'
  readonly buffer: SharedArrayBuffer
}

export class AtomicI32 {
  readonly handle: AtomicHandle
  readonly #word: Int32Array

  constructor(initial: number | AtomicHandle = 0) {
    this.handle =
      typeof initial === 'number'
        ? { kind: 'atomic-i32', buffer: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT) }
        : initial
    this.#word = new Int32Array(this.handle.buffer)
    if (typeof initial === 'number') this.store(initial)
  }

  load(): number {
    return Atomics.load(this.#word, 0)
  }

  store(value: number): void {
    Atomics.store(this.#word, 0, value)
  }

  add(delta: number): number {
    return (Atomics.add(this.#word, 0, delta) + delta) | 0
  }

  sub(delta: number): number {
    return (Atomics.sub(this.#word, 0, delta) - delta) | 0
  }

  swap(value: number): number {
    return Atomics.exchange(this.#word, 0, value)
  }

  compareAndSwap(old: number, value: number): boolean {
    return Atomics.compareExchange(this.#word, 0, old, value) === old
  }
}
