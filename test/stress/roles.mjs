// What one thread does in a scenario. Value number i of producer p is i × producers + p: whoever receives it knows both.

import { open } from 'millrace'
import { randomFrom } from '../support/kit.mjs'

/** Checks that each producer's values come in order, and marks each in the shared histogram. */
export function checker(producers, marks) {
  const seen = new Uint8Array(marks)
  const last = new Float64Array(producers).fill(-1)
  return (value) => {
    const producer = value % producers
    if (value <= last[producer]) throw new Error(`value ${value} of producer ${producer} came after ${last[producer]}`)
    last[producer] = value
    // Atomic, since a value that arrives twice may arrive in two threads.
    Atomics.add(seen, value, 1)
  }
}

/** Values first to first + n - 1 of a producer, as a batch. */
function fill(batch, n, first, producer, producers) {
  for (let i = 0; i < n; i++) batch[i] = (first + i) * producers + producer
  return batch.subarray(0, n)
}

export const roles = {
  send({ handle, count, producer, producers }) {
    const ch = open(handle)
    for (let i = 0; i < count; i++) ch.sendSync(i * producers + producer)
    return count
  },

  async sendAsync({ handle, count, producer, producers }) {
    const ch = open(handle)
    for (let i = 0; i < count; i++) await ch.send(i * producers + producer)
    return count
  },

  sendBatches({ handle, count, producer, producers, batch, seed }) {
    const ch = open(handle)
    const rng = randomFrom(seed)
    const values = new ch.codec.batch(batch)
    for (let at = 0; at < count; ) {
      const n = Math.min(count - at, 1 + rng.below(batch))
      at += ch.sendManySync(fill(values, n, at, producer, producers))
    }
    return count
  },

  async sendBatchesAsync({ handle, count, producer, producers, batch, seed }) {
    const ch = open(handle)
    const rng = randomFrom(seed)
    const values = new ch.codec.batch(batch)
    for (let at = 0; at < count; ) {
      const n = Math.min(count - at, 1 + rng.below(batch))
      at += await ch.sendMany(fill(values, n, at, producer, producers))
    }
    return count
  },

  /** Sends with timeouts that strike now and then: what was not sent is sent again. */
  async sendImpatiently({ handle, count, producer, producers, seed }) {
    const ch = open(handle)
    const rng = randomFrom(seed)
    for (let i = 0; i < count; ) {
      try {
        const timeout = rng.below(3) * rng.next() * 0.2
        if (rng.below(2)) ch.sendSync(i * producers + producer, { timeout })
        else await ch.send(i * producers + producer, { timeout })
        i++
      } catch (error) {
        if (error.code !== 'ERR_TIMEOUT') throw error
      }
    }
    return count
  },

  /** One producer, one consumer: the exact sequence. */
  receiveSequence({ handle }) {
    let expected = 0
    for (const value of open(handle).sync())
      if (value !== expected++) throw new Error(`got ${value} instead of ${expected - 1}`)
    return expected
  },

  receive({ handle, producers, marks }) {
    const check = checker(producers, marks)
    let count = 0
    for (const value of open(handle).sync()) {
      check(value)
      count++
    }
    return count
  },

  async receiveAsync({ handle, producers, marks }) {
    const check = checker(producers, marks)
    let count = 0
    for await (const value of open(handle)) {
      check(value)
      count++
    }
    return count
  },

  receiveBatches({ handle, producers, marks, batch, seed }) {
    const ch = open(handle)
    const rng = randomFrom(seed)
    const check = checker(producers, marks)
    const into = new ch.codec.batch(batch)
    let count = 0
    for (let n = ch.receiveManySync(into); n > 0; n = ch.receiveManySync(into.subarray(0, 1 + rng.below(batch)))) {
      for (let i = 0; i < n; i++) check(into[i])
      count += n
    }
    return count
  },

  async receiveBatchesAsync({ handle, producers, marks, batch }) {
    const ch = open(handle)
    const check = checker(producers, marks)
    const into = new ch.codec.batch(batch)
    let count = 0
    for (let n = await ch.receiveMany(into); n > 0; n = await ch.receiveMany(into)) {
      for (let i = 0; i < n; i++) check(into[i])
      count += n
    }
    return count
  },

  async receiveImpatiently({ handle, producers, marks, seed }) {
    const ch = open(handle)
    const rng = randomFrom(seed)
    const check = checker(producers, marks)
    for (let count = 0; ; ) {
      try {
        const timeout = rng.below(3) * rng.next() * 0.2
        const next = rng.below(2) ? ch.nextSync({ timeout }) : await ch.next({ timeout })
        if (next.done) return count
        check(next.value)
        count++
      } catch (error) {
        if (error.code !== 'ERR_TIMEOUT') throw error
      }
    }
  },

  /** Pushes a share of the values and pops whatever is there, at random. */
  pushPop({ handle, count, producer, producers, marks, seed }) {
    const stack = open(handle)
    const rng = randomFrom(seed)
    const seen = new Uint8Array(marks)
    let popped = 0
    for (let pushed = 0; pushed < count; ) {
      if (rng.below(2)) {
        if (stack.push(pushed * producers + producer)) pushed++
      } else {
        const value = stack.pop()
        if (value !== undefined) {
          Atomics.add(seen, value, 1)
          popped++
        }
      }
    }
    return popped
  },
}
