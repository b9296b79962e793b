// Pools that several threads share.

import { Arena, Pool, u32 } from 'millrace'
import { afterEach, expect, test } from 'vitest'
import { sleep, until } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { elsewhere, endThreads, spawn } from './support/threads.js'

const arena = new Arena({ size: 4 * 2 ** 20 })
const ITEMS = 24

afterEach(endThreads)

/** A pool in which each place has room for all items, so that no put is in vain. */
function filled(): Pool<number> {
  const pool = new Pool({ codec: u32, capacity: 8 * ITEMS, shards: 8, arena })
  for (let i = 0; i < ITEMS; i++) pool.put(i)
  return pool
}

function drained(pool: Pool<number>): number[] {
  const items: number[] = []
  for (let item = pool.get(); item !== undefined; item = pool.get()) items.push(item)
  return items.sort((a, b) => a - b)
}

const all = Array.from({ length: ITEMS }, (_, i) => i)

test('POOL-8 what one thread puts another gets', async () => {
  using pool = new Pool({ codec: u32, arena })
  await elsewhere(
    'blocking',
    ({ open }, handle) => {
      const pool = open(handle)
      for (let i = 0; i < 10; i++) pool.put(i)
    },
    pool.handle,
  )
  expect(pool.length).toBe(10)
  expect(drained(pool)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  pool.put(77)
  expect(await elsewhere('blocking', ({ open }, handle) => open(handle).get(), pool.handle)).toBe(77)
  expect(pool.length).toBe(0)
})

test('POOL-4 POOL-8 an item is in the hands of one thread at a time, and what its holder wrote the next one sees', async () => {
  using pool = filled()
  // For each item: who holds it, and a count that its holders add to without atomics.
  const words = new SharedArrayBuffer(8 * ITEMS)
  const count = rounds(30_000)
  const gets = await Promise.all(
    [1, 2, 3, 4].map((me) =>
      elsewhere(
        'blocking',
        ({ open }, handle, words, count, me) => {
          const pool = open(handle)
          const held = new Int32Array(words)
          let gets = 0
          for (let i = 0; i < count; i++) {
            const item = pool.get()
            if (item === undefined) continue
            gets++
            if (Atomics.compareExchange(held, 2 * item, 0, me) !== 0) throw new Error(`${item} was given out twice`)
            ;(held[2 * item + 1] as number)++
            Atomics.store(held, 2 * item, 0)
            if (!pool.put(item)) throw new Error(`there was no room for ${item}`)
          }
          return gets
        },
        pool.handle,
        words,
        count,
        me,
      ),
    ),
  )
  expect(drained(pool)).toEqual(all)
  const counted = new Int32Array(words).reduce((sum, n, i) => (i % 2 ? sum + n : sum), 0)
  expect(counted).toBe(gets.reduce((sum, n) => sum + n, 0))
  expect(counted).toBeGreaterThan(count)
})

test('a thread that is terminated takes with it what it held, and nothing else', async () => {
  using pool = filled()
  const { below } = random('kills of pools')
  let lost = 0
  const kills = rounds(12)
  for (let i = 0; i < kills; i++) {
    const begun = new SharedArrayBuffer(4)
    const victim = spawn(
      ({ open }, handle, begun) => {
        const pool = open(handle)
        for (;;) {
          const item = pool.get()
          Atomics.add(new Int32Array(begun), 0, 1)
          if (item !== undefined) pool.put(item)
        }
      },
      pool.handle,
      begun,
    )
    victim.result.catch(() => {})
    await until(() => Atomics.load(new Int32Array(begun), 0) > 100)
    await sleep(below(4))
    await victim.terminate()
    const left = drained(pool)
    expect(new Set(left).size).toBe(left.length)
    // The one that it held.
    expect(left.length).toBeGreaterThanOrEqual(ITEMS - 1)
    for (const item of all) if (!left.includes(item)) lost++
    for (const item of all) expect(pool.put(item)).toBe(true)
  }
  expect(lost).toBeLessThanOrEqual(kills)
})

test('disposed of in one thread, it is stale in all', async () => {
  const pool = filled()
  const { handle } = pool
  const said = new SharedArrayBuffer(4)
  const other = elsewhere(
    'blocking',
    ({ open }, handle, said) => {
      const pool = open(handle)
      Atomics.store(new Int32Array(said), 0, 1)
      try {
        for (;;) pool.put(pool.get())
      } catch (error) {
        return `${(error as { code: string }).code} ${(error as Error).message.slice(0, 8)}`
      }
    },
    handle,
    said,
  )
  await until(() => Atomics.load(new Int32Array(said), 0) === 1)
  pool.dispose()
  expect(await other).toBe('ERR_STALE_HANDLE the pool')
})
