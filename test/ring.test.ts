// The rings of channels where their positions wrap around 2^32, which takes billions of messages to reach in earnest: the tests set the
// positions of an empty channel by hand.

import { Arena, type Channel, channel, f64, u32 } from 'millrace'
import { describe, expect, test } from 'vitest'
import {
  CHANNEL_HEAD,
  CHANNEL_LAP,
  CHANNEL_LIMIT,
  CHANNEL_SLOTS,
  CHANNEL_TAIL,
  SLOT_BYTES,
} from '../src/generated/layout.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { elsewhere } from './support/threads.js'

const arena = new Arena({ size: 4 * 2 ** 20 })

/** Puts an empty channel into the round that is so many rounds before the last. */
function advance(ch: Channel<number>, roundsLeft: number): void {
  const { address, memory } = ch.handle
  const words = new Uint32Array(memory.buffer)
  const lap = words[(address + CHANNEL_LAP) >>> 2] as number
  const wide = ch.codec.name === 'f64'
  const position = (2 ** 32 - roundsLeft * (wide ? ch.capacity : lap)) >>> 0
  words[(address + CHANNEL_HEAD) >>> 2] = position
  words[(address + CHANNEL_TAIL) >>> 2] = position
  if (wide) {
    words[(address + CHANNEL_HEAD + 4) >>> 2] = position
    words[(address + CHANNEL_LIMIT) >>> 2] = position + ch.capacity
  } else {
    for (let i = 0; i < ch.capacity; i++) {
      words[(address + CHANNEL_SLOTS + i * SLOT_BYTES + 4) >>> 2] = position + i
    }
  }
}

/** The round in which the channel stands. */
function position(ch: Channel<number>): number {
  return new Uint32Array(ch.handle.memory.buffer)[(ch.handle.address + CHANNEL_HEAD) >>> 2] as number
}

describe.each([
  ['f64', f64],
  ['u32', u32],
] as const)('positions of a ring of %s wrap around', (_name, codec) => {
  test.each([[1], [2], [3], [7], [64], [100], [129]])('capacity %d, one thread', (capacity) => {
    const ch = channel(codec, { capacity, arena })
    advance(ch, 5)
    const rng = random(`wrap ${capacity}`)
    const model: number[] = []
    const into = new codec.batch(capacity + 1)
    let next = 0
    for (let sent = 0; sent < 12 * capacity + 12; ) {
      const n = rng.below(capacity + 2)
      if (rng.below(2)) {
        const values = Array.from({ length: n }, () => next++)
        const taken = rng.below(2) ? ch.trySendMany(values) : values.findIndex((v) => !ch.trySend(v))
        const count = taken < 0 ? n : taken
        expect(count).toBe(Math.min(n, capacity - model.length))
        model.push(...values.slice(0, count))
        sent += count
      } else {
        const count = ch.tryReceiveMany(into.subarray(0, n))
        expect(count).toBe(Math.min(n, model.length))
        expect(Array.from(into.subarray(0, count))).toEqual(model.splice(0, count))
      }
      expect(ch.length).toBe(model.length)
    }
    expect(position(ch)).toBeLessThan(2 ** 31)
    ch.close()
    expect([...ch.available()]).toEqual(model)
    expect(ch.tryNext()).toEqual({ value: undefined, done: true })
    ch.dispose()
  })

  test.each([[1], [3], [64]])('capacity %d, two threads, full and empty by turns', async (capacity) => {
    for (let round = 0; round < 5; round++) {
      const ch = channel(codec, { capacity, arena })
      advance(ch, 20)
      const count = rounds(60 * capacity)
      const receiving = elsewhere(
        'blocking',
        ({ open, randomFrom }, handle, seed) => {
          const [ch, rng] = [open(handle), randomFrom(seed)]
          const got: number[] = []
          const into = new ch.codec.batch(ch.capacity)
          for (;;) {
            const n = ch.receiveManySync(into.subarray(0, 1 + rng.below(ch.capacity)))
            if (n === 0) return got
            for (let i = 0; i < n; i++) got.push(into[i])
            const v = ch.tryReceive()
            if (v !== undefined) got.push(v)
          }
        },
        ch.handle,
        round,
      )
      await elsewhere(
        'blocking',
        ({ open, randomFrom }, handle, count, seed) => {
          const [ch, rng] = [open(handle), randomFrom(seed)]
          for (let at = 0; at < count; ) {
            if (rng.below(2)) ch.sendSync(at++)
            else {
              const n = Math.min(count - at, 1 + rng.below(2 * ch.capacity))
              const first = at
              at += ch.sendManySync(Array.from({ length: n }, (_, i) => first + i))
            }
          }
          ch.close()
        },
        ch.handle,
        count,
        round + 100,
      )
      expect(await receiving).toEqual(Array.from({ length: count }, (_, i) => i))
      expect(position(ch)).toBeLessThan(2 ** 31)
      ch.dispose()
    }
  })
})
