// ringbuf.js: one producer, one consumer, no waiting of its own, so both sides poll. `blocking` moves one number a call.

import { RingBuffer } from 'ringbuf.js'
import { type Contender, isProducer, NOTHING, type Outcome, type Part, share } from '../harness/contender.js'
import { BATCH } from '../harness/protocol.js'

interface Ring {
  push(from: Float64Array, length: number, offset?: number): number
  pop(into: Float64Array, length: number, offset?: number): number
}

/** The package's own types ask for a typed array where it takes the array's constructor. */
const Constructor = RingBuffer as unknown as {
  new (storage: SharedArrayBuffer, type: Float64ArrayConstructor): Ring
  getStorageForCapacity(capacity: number, type: Float64ArrayConstructor): SharedArrayBuffer
}

const contender: Contender = {
  prepare(job) {
    const storage = Constructor.getStorageForCapacity(job.capacity, Float64Array)
    return { gifts: [{ value: storage }, { value: storage }] }
  },

  part(job, index, gift): Part {
    const ring = new Constructor(gift as SharedArrayBuffer, Float64Array)
    const { count } = share(job, index)
    const size = job.style === 'batch' ? BATCH : 1
    return () => (isProducer(job, index) ? produce(ring, count, size) : consume(ring, count, size))
  },
}

export default contender

function produce(ring: Ring, count: number, size: number): Outcome {
  const batch = new Float64Array(size)
  for (let value = 0; value < count; value += size) {
    for (let at = 0; at < size; at++) batch[at] = value + at
    for (let done = 0; done < size; ) done += ring.push(batch, size - done, done)
  }
  return NOTHING
}

function consume(ring: Ring, count: number, size: number): Outcome {
  const batch = new Float64Array(size)
  let sum = 0
  for (let left = count; left > 0; ) {
    const received = ring.pop(batch, Math.min(size, left))
    for (let at = 0; at < received; at++) sum += batch[at]
    left -= received
  }
  return { count, sum }
}
