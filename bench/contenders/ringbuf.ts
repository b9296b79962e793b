// ringbuf.js: one producer, one consumer, no waiting of its own, so both sides poll. `blocking` moves one number a call; `pipe` a batch of
// records as bytes.

import { RingBuffer } from 'ringbuf.js'
import { type Contender, isProducer, NOTHING, type Outcome, type Part, share } from '../harness/contender.js'
import { BATCH, PIPE_RECORD } from '../harness/protocol.js'
import { RECORD_WORDS, wordsOf } from '../scenarios/pipe.js'

interface Ring<A> {
  push(from: A, length: number, offset?: number): number
  pop(into: A, length: number, offset?: number): number
}

/** The package's own types ask for a typed array where it takes the array's constructor. */
const Constructor = RingBuffer as unknown as {
  new (storage: SharedArrayBuffer, type: Float64ArrayConstructor): Ring<Float64Array>
  new (storage: SharedArrayBuffer, type: Uint8ArrayConstructor): Ring<Uint8Array>
  getStorageForCapacity(capacity: number, type: Float64ArrayConstructor | Uint8ArrayConstructor): SharedArrayBuffer
}

const contender: Contender = {
  prepare(job) {
    const storage = Constructor.getStorageForCapacity(job.capacity, job.style === 'pipe' ? Uint8Array : Float64Array)
    return { gifts: [{ value: storage }, { value: storage }] }
  },

  part(job, index, gift): Part {
    const { count } = share(job, index)
    if (job.style === 'pipe') {
      const bytes = new Constructor(gift as SharedArrayBuffer, Uint8Array)
      return () => (isProducer(job, index) ? produceRecords(bytes, count) : consumeRecords(bytes, count))
    }
    const ring = new Constructor(gift as SharedArrayBuffer, Float64Array)
    const size = job.style === 'batch' ? BATCH : 1
    return () => (isProducer(job, index) ? produce(ring, count, size) : consume(ring, count, size))
  },
}

export default contender

function produce(ring: Ring<Float64Array>, count: number, size: number): Outcome {
  const batch = new Float64Array(size)
  for (let value = 0; value < count; value += size) {
    for (let at = 0; at < size; at++) batch[at] = value + at
    for (let done = 0; done < size; ) done += ring.push(batch, size - done, done)
  }
  return NOTHING
}

function consume(ring: Ring<Float64Array>, count: number, size: number): Outcome {
  const batch = new Float64Array(size)
  let sum = 0
  for (let left = count; left > 0; ) {
    const received = ring.pop(batch, Math.min(size, left))
    for (let at = 0; at < received; at++) sum += batch[at]
    left -= received
  }
  return { count, sum }
}

function produceRecords(ring: Ring<Uint8Array>, count: number): Outcome {
  const batch = new Uint8Array(BATCH * PIPE_RECORD)
  const words = wordsOf(batch)
  for (let value = 0; value < count; value += BATCH) {
    for (let at = 0; at < BATCH; at++) words[at * RECORD_WORDS] = value + at
    for (let done = 0; done < batch.length; ) done += ring.push(batch, batch.length - done, done)
  }
  return NOTHING
}

function consumeRecords(ring: Ring<Uint8Array>, count: number): Outcome {
  const batch = new Uint8Array(BATCH * PIPE_RECORD)
  const words = wordsOf(batch)
  let sum = 0
  for (let value = 0; value < count; value += BATCH) {
    for (let have = 0; have < batch.length; ) have += ring.pop(batch, batch.length - have, have)
    for (let at = 0; at < BATCH; at++) sum += words[at * RECORD_WORDS]
  }
  return { count, sum }
}
