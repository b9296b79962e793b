// Messages of a small fixed size, which lie in cells of the ring: sizes at the edges, the ring wrapped round, many threads, and codecs that use
// channels themselves while a message is half written or half read.

import {
  Arena,
  type Channel,
  channel,
  defineCodec,
  type FixedCodec,
  f64,
  fixedBytes,
  recv,
  select,
  send,
  struct,
  u32,
} from 'millrace'
import { afterEach, describe, expect, test } from 'vitest'
import { rejection, thrown } from './support/probe.js'
import { rounds } from './support/settings.js'
import { elsewhere, endThreads } from './support/threads.js'

const arena = new Arena({ size: 16 * 2 ** 20 })
const made: { dispose(): void }[] = []
const make = <T>(codec: FixedCodec<T>, capacity: number): Channel<T> => {
  const ch = channel(codec, { capacity, arena })
  made.push(ch)
  return ch
}

afterEach(async () => {
  await endThreads()
  for (const each of made.splice(0)) each.dispose()
  const { 4096: scratch = 0, ...blocks } = arena.stats().blocks
  expect(blocks).toEqual({})
  expect(scratch).toBeLessThanOrEqual(arena.stats().threads)
})

/** Bytes that tell message and place. */
const content = (size: number, i: number): Uint8Array => Uint8Array.from({ length: size }, (_, k) => i * 31 + k * 7)

describe('sizes', () => {
  test.each([1, 7, 8, 9, 127, 128, 129, 500])(
    '%i bytes, through rings of several capacities, many times round',
    async (size) => {
      for (const capacity of [1, 3, 8]) {
        const ch = make(fixedBytes(size), capacity)
        for (let i = 0; i < 40; ) {
          const first = i
          while (ch.trySend(content(size, i))) i++
          expect(i - first).toBe(capacity)
          for (let k = first; k < i; k++) expect(ch.tryReceive()).toEqual(content(size, k))
          expect(ch.tryReceive()).toBe(undefined)
        }
      }
      const ch = make(fixedBytes(size), 0)
      const receiving = ch.receive()
      await ch.send(content(size, 5))
      expect(await receiving).toEqual(content(size, 5))
      const sending = ch.send(content(size, 6))
      expect(ch.tryReceive()).toEqual(content(size, 6))
      await sending
    },
  )
})

const pair = struct({ a: u32, b: f64 })

test('what is refused leaves the channel as it was; what timed out was not sent', async () => {
  const ch = make(pair, 1)
  expect(thrown(() => ch.trySend({ a: -1, b: 1 }))).toBeInstanceOf(RangeError)
  expect(ch.length).toBe(0)
  ch.trySend({ a: 1, b: 1 })
  expect((await rejection(ch.send({ a: 2, b: 2 }, { timeout: 5 }))).code).toBe('ERR_TIMEOUT')
  expect([ch.tryReceive(), ch.tryReceive()]).toEqual([{ a: 1, b: 1 }, undefined])
})

test('a send that waits sends what the value was at the call', async () => {
  const ch = make(pair, 1)
  ch.trySend({ a: 1, b: 1 })
  const value = { a: 2, b: 2 }
  const sending = ch.send(value)
  value.a = 3
  expect([await ch.receive(), await ch.receive()]).toEqual([
    { a: 1, b: 1 },
    { a: 2, b: 2 },
  ])
  await sending
})

test('select sends and receives them', async () => {
  const [from, to] = [make(pair, 0), make(pair, 0)]
  const receiving = select({ in: recv(from), out: send(to, { a: 7, b: 8 }) })
  expect(to.tryReceive()).toEqual({ a: 7, b: 8 })
  expect((await receiving).case).toBe('out')
  const again = select({ in: recv(from), out: send(to, { a: 7, b: 8 }) })
  expect(from.trySend({ a: 1, b: 2 })).toBe(true)
  expect(await again).toEqual({ case: 'in', value: { a: 1, b: 2 }, done: false })
  expect(to.tryReceive()).toBe(undefined)
})

test('a codec that uses channels with cells itself, while writing and while reading', async () => {
  const other = make(pair, 4)
  let inside = 0
  const meddling = defineCodec<number>({
    name: 'meddling',
    size: 16,
    encode(n, _, view) {
      view.setFloat64(0, n)
      inside++
      other.trySend({ a: inside, b: 0.5 })
      expect(other.tryReceive()).toEqual({ a: inside, b: 0.5 })
      view.setFloat64(8, -n)
    },
    decode(_, view) {
      const n = view.getFloat64(0)
      other.trySend({ a: 9, b: 9 })
      expect(other.tryReceive()).toEqual({ a: 9, b: 9 })
      return n === -view.getFloat64(8) ? n : Number.NaN
    },
  }) as FixedCodec<number>
  const ch = make(meddling, 2)
  expect([ch.trySend(1), ch.trySend(2), ch.trySend(3)]).toEqual([true, true, false])
  const waiting = ch.send(3)
  expect([ch.tryReceive(), await ch.receive(), await ch.receive()]).toEqual([1, 2, 3])
  await waiting
  expect(inside).toBeGreaterThan(2)
})

test('batches of numbers in between leave them alone', async () => {
  const [ch, numbers] = [make(pair, 4), channel(f64, { capacity: 8, arena })]
  made.push(numbers)
  await numbers.sendMany([1, 2, 3])
  ch.trySend({ a: 4, b: 5 })
  await numbers.sendMany([4, 5, 6])
  expect(ch.tryReceive()).toEqual({ a: 4, b: 5 })
  expect(await numbers.receiveMany(8)).toEqual([1, 2, 3, 4, 5, 6])
})

test.each([0, 1, 3, 64])('4 + 4 threads, capacity %i: every message whole, and once', async (capacity) => {
  const ch = make(fixedBytes(40), capacity)
  const count = rounds(2000)
  const senders = Array.from({ length: 4 }, (_, t) =>
    elsewhere(
      t % 2 ? 'async' : 'blocking',
      async ({ open, io }, handle, t, count) => {
        const ch = open(handle)
        const bytes = new Uint8Array(40)
        for (let i = 0; i < count; i++) {
          bytes.fill((t * 61 + i) & 255)
          new DataView(bytes.buffer).setUint32(0, t * count + i)
          await io.send(ch, bytes)
        }
      },
      ch.handle,
      t,
      count,
    ),
  )
  const receivers = Array.from({ length: 4 }, (_, t) =>
    elsewhere(
      t < 2 ? 'async' : 'blocking',
      async ({ open, io }, handle, count) => {
        const ch = open(handle)
        const seen: number[] = []
        let torn = 0
        for (let next = await io.next(ch); !next.done; next = await io.next(ch)) {
          const n = new DataView(next.value.buffer, next.value.byteOffset).getUint32(0)
          const mark = (Math.floor(n / count) * 61 + (n % count)) & 255
          if (next.value.subarray(4).some((byte: number) => byte !== mark)) torn++
          seen.push(n)
        }
        return { seen, torn }
      },
      ch.handle,
      count,
    ),
  )
  await Promise.all(senders)
  ch.close()
  const results = await Promise.all(receivers)
  expect(results.map(({ torn }) => torn)).toEqual([0, 0, 0, 0])
  const all = results.flatMap(({ seen }) => seen).sort((a, b) => a - b)
  expect(all).toEqual(Array.from({ length: 4 * count }, (_, i) => i))
})
