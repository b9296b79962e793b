// The loop over batches, and batches in an arena that is full.

import { type Channel, channel, string, u32, unit } from 'millrace'
import { describe, expect, test } from 'vitest'
import { filled, fillUp, inUse, spaces } from './support/arenas.js'
import { expectPending, macrotask, rejection, sleep, thrown, until } from './support/probe.js'
import { elsewhere } from './support/threads.js'

const space = spaces()
const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)

describe('batches', () => {
  const numbers = (capacity = 100): Channel<string> => space().make(string, capacity)

  test('each has what is there, up to max', async () => {
    const ch = numbers()
    ch.trySendMany(range(10).map(String))
    ch.close()
    const sizes: number[] = []
    for await (const batch of ch.batches({ max: 4 })) sizes.push(batch.length)
    expect(sizes).toEqual([4, 4, 2])
    for await (const batch of ch.batches()) expect(batch).toBe('nothing')
  })

  test('by default it does not wait for more than the first, and has up to 64', async () => {
    const ch = numbers(200)
    const batches = ch.batches()
    const first = batches.next()
    await expectPending(first)
    ch.trySend('a')
    expect((await first).value).toEqual(['a'])
    ch.trySendMany(range(100).map(String))
    expect((await batches.next()).value).toHaveLength(64)
    expect((await batches.next()).value).toHaveLength(36)
  })

  test('with wait it fills up, as long as that, from its first value on', async () => {
    const ch = numbers()
    const batches = ch.batches({ max: 3, wait: 60 })
    const first = batches.next()
    ch.trySend('a')
    const start = performance.now()
    await sleep(20)
    ch.trySend('b')
    expect((await first).value).toEqual(['a', 'b'])
    expect(performance.now() - start).toBeGreaterThanOrEqual(58)
    const full = batches.next()
    for (const each of ['c', 'd', 'e', 'f']) ch.trySend(each)
    expect((await full).value).toEqual(['c', 'd', 'e'])
    const last = batches.next()
    await macrotask()
    ch.close()
    // The end does not wait for the time.
    expect((await last).value).toEqual(['f'])
    expect((await batches.next()).done).toBe(true)
  })

  test('leaving the loop neither closes nor loses', async () => {
    const ch = numbers()
    ch.trySendMany(range(10).map(String))
    for (const source of [ch, ch.receiver]) {
      for await (const batch of source.batches({ max: 3, wait: 5 })) {
        expect(batch).toHaveLength(3)
        break
      }
    }
    expect(ch.closed).toBe(false)
    expect(ch.tryReceiveMany(10)).toEqual(['6', '7', '8', '9'])
  })

  test('an iterator that is returned while it waits takes nothing', async () => {
    const ch = numbers()
    const waiting = ch.batches({ max: 3, wait: 20_000 })
    const first = waiting.next()
    ch.trySend('a')
    ch.close()
    expect((await first).value).toEqual(['a'])
    await waiting.return()
    expect((await waiting.next()).done).toBe(true)
  })

  test('dispose while a batch is being filled: what it has goes out, then the error', async () => {
    const ch = numbers()
    const batches = ch.batches({ max: 3, wait: 20_000 })
    const first = batches.next()
    ch.trySend('a')
    await sleep(10)
    ch.dispose()
    expect((await first).value).toEqual(['a'])
    expect((await rejection(batches.next())).code).toBe('ERR_STALE_HANDLE')
  })

  test('for scalars too, also those without information', async () => {
    const { arena } = space()
    using units = channel(unit, { capacity: 10, arena })
    using words = channel(u32, { capacity: 2000, arena })
    expect(units.trySendMany([undefined, undefined])).toBe(2)
    expect(words.trySendMany(new Uint32Array(1500).fill(7))).toBe(1500)
    for (const ch of [units, words]) ch.close()
    const got: unknown[][] = []
    for await (const batch of units.batches()) got.push(batch)
    for await (const batch of words.batches({ max: 1000 })) got.push([batch.length, batch[999]])
    expect(got).toEqual([
      [undefined, undefined],
      [1000, 7],
      [500, undefined],
    ])
  })
})

describe('batches and memory', () => {
  test('sendMany waits for memory as send does; trySendMany says how many went through before', async () => {
    const made = space()
    const [hoard, ch] = [made.bytes(8192), made.bytes(8)]
    fillUp(hoard)
    hoard.tryReceive()
    const error = thrown(() => ch.trySendMany([filled(1000), filled(2000), filled(150_000), filled(10)]))
    expect(error).toMatchObject({ code: 'ERR_ARENA_FULL', transferred: 2 })
    expect([...ch.available()].length).toBe(2)
    const sending = ch.sendMany([filled(1000), filled(150_000), filled(150_000)])
    await expectPending(sending)
    expect(ch.length).toBe(1)
    while (hoard.tryReceive()) await macrotask()
    expect(await sending).toBe(3)
    const there = elsewhere(
      'blocking',
      ({ open }, handle) =>
        open(handle).sendManySync(Array.from({ length: 40 }, (_, i) => new Uint8Array(100_000 + i))),
      ch.handle,
    )
    await until(() => ch.length === 8 || inUse(made.arena) > 500_000)
    const got: number[] = []
    while (got.length < 43) for (const each of await ch.receiveMany(3)) got.push(each.length)
    expect(await there).toBe(40)
    expect(got).toEqual([1000, 150_000, 150_000, ...range(40, 100_000)])
  })
})
