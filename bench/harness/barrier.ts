// The start line: every thread of a run arrives, the last one opens it, all go at once.
//
// Threads spin on the shared word; where there are more threads than cores they soon sleep instead, so that those that
// have not arrived yet get a core.

const ARRIVED = 0
const OPEN = 1
const SPINS = 20_000

export function barrierBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)
}

export function passBarrier(buffer: SharedArrayBuffer, threads: number): void {
  const words = new Int32Array(buffer)
  if (Atomics.add(words, ARRIVED, 1) + 1 === threads) {
    Atomics.store(words, OPEN, 1)
    Atomics.notify(words, OPEN)
    return
  }
  for (let left = SPINS; left > 0; left--) {
    if (Atomics.load(words, OPEN) === 1) return
  }
  while (Atomics.load(words, OPEN) === 0) Atomics.wait(words, OPEN, 0)
}
