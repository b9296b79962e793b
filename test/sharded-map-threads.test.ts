// MAP: the map in many threads, with workers that are terminated.

import { bytes, f64, open, ShardedMap, string, u32 } from 'millrace'
import { afterEach, describe, expect, test } from 'vitest'
import { sleep, until } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { arenas, inUse } from './support/shared-data.js'
import { elsewhere, endThreads, spawn, type Tools } from './support/threads.js'

const arena = arenas()
afterEach(endThreads)

// Jobs run in other threads as their source text.

/** Adds one to a number of keys, by compare and swap; the keys come and go. */
function count({ open, randomFrom }: Tools, handle: unknown, seed: number, n: number): void {
  const map = open(handle)
  const rng = randomFrom(seed)
  for (let i = 0; i < n; i++) {
    const key = rng.below(40)
    for (;;) {
      const { value, loaded } = map.loadOrStore(key, 1)
      if (!loaded || map.compareAndSwap(key, value, value + 1)) break
    }
    map.set(1000 + rng.below(5000), i)
    map.delete(1000 + rng.below(5000))
  }
}

/** Stores values that say which key they are of, of many lengths; reads them. How many were not as they must be. */
function churn({ open, randomFrom }: Tools, handle: unknown, seed: number, n: number): number {
  const map = open(handle)
  const rng = randomFrom(seed)
  let bad = 0
  const wrong = (k: number, v: string | undefined): boolean => {
    if (v === undefined) return false
    const [key, length, text] = v.split(':') as [string, string, string]
    return Number(key) !== k || text.length !== Number(length)
  }
  for (let i = 0; i < n; i++) {
    const k = rng.below(50)
    const length = rng.pick([0, 5, 50, 200, 1500])
    const value = `${k}:${length}:${'x'.repeat(length)}`
    const key = `key ${k}`
    const what = rng.below(8)
    if (what < 3) map.set(key, value)
    else if (what < 6 && wrong(k, map.get(key))) bad++
    else if (what === 6 && wrong(k, map.getAndDelete(key))) bad++
    else if (what === 7 && wrong(k, map.swap(key, value))) bad++
    if (i % 500 === 0) for (const [name, v] of map) if (wrong(Number(name.slice(4)), v)) bad++
    if (i % 1000 === 999 && rng.below(4) === 0) map.clear()
  }
  return bad
}

describe('threads', () => {
  test('no addition is lost, while the tables grow and shrink', async () => {
    using map = new ShardedMap(u32, f64, { arena: arena(), shards: 2 })
    const n = rounds(8000)
    await Promise.all([1, 2, 3].map((seed) => elsewhere('blocking', count, map.handle, seed, n)))
    let sum = 0
    for (const [key, value] of map) if (key < 1000) sum += value
    expect(sum).toBe(3 * n)
    await endThreads()
  }, 60_000)

  test('values are whole, and of their key', async () => {
    using map = new ShardedMap(string, string, { arena: arena(), shards: 1 })
    const results = await Promise.all(
      [1, 2, 3].map((seed) => elsewhere('blocking', churn, map.handle, seed, rounds(6000))),
    )
    expect(results).toEqual([0, 0, 0])
    await endThreads()
  }, 60_000)

  test('MAP-2 a loop over a map that others write to meets every stable key once, with values that it has had', async () => {
    using map = new ShardedMap(u32, f64, { arena: arena(), shards: 4 })
    const keys = 1024
    for (let k = 0; k < keys; k++) map.set(k, k)
    const stop = new Int32Array(new SharedArrayBuffer(4))
    const writing = [1, 2].map(() =>
      elsewhere(
        'blocking',
        ({ open }, handle, stop: Int32Array) => {
          const map = open(handle)
          for (let i = 1; Atomics.load(stop, 0) === 0; i++) {
            for (let k = 0; k < 1024; k++) map.set(k, i * 1024 + k)
            // Others come and go, and make the tables change.
            for (let k = 0; k < 500; k++) map.set(10_000 + k, 10_000 + k)
            for (let k = 0; k < 500; k++) map.delete(10_000 + k)
          }
        },
        map.handle,
        stop,
      ),
    )
    try {
      for (let round = 0; round < rounds(16); round++) {
        const seen = new Map<number, number>()
        for (const [key, value] of map) {
          expect(seen.has(key)).toBe(false)
          seen.set(key, value)
          if (key < keys ? value % 1024 !== key : value !== key) throw new Error(`key ${key} has ${value}`)
        }
        for (let k = 0; k < keys; k++) expect(seen.has(k)).toBe(true)
      }
    } finally {
      Atomics.store(stop, 0, 1)
    }
    await Promise.all(writing)
    await endThreads()
  }, 60_000)

  test('MAP-6 writers, readers and clearers: after a last clear it is empty', async () => {
    const space = arena()
    using map = new ShardedMap(u32, string, { arena: space })
    const empty = inUse(space)
    const roles = ['write', 'read', 'clear', 'write']
    const jobs = roles.map((role, i) =>
      elsewhere(
        'blocking',
        ({ open }, handle, role: string, i: number, n: number) => {
          const map = open(handle)
          for (let k = 0; k < n; k++) {
            if (role === 'write') map.set(k % 100, `${i} of ${k}`)
            else if (role === 'read') map.get(k % 100)
            else map.clear()
          }
        },
        map.handle,
        role,
        i,
        rounds(1000),
      ),
    )
    await Promise.all(jobs)
    map.clear()
    expect([map.size, [...map]]).toEqual([0, []])
    await endThreads()
    expect(inUse(space)).toBe(empty)
  }, 60_000)

  test('a program may wait in a loop over the map in many threads at once', async () => {
    using map = new ShardedMap(string, u32, { arena: arena() })
    for (let i = 0; i < 100; i++) map.set(`${i}`, i)
    const loops = [1, 2].map(() =>
      elsewhere(
        'async',
        async ({ open, sleep }, handle) => {
          let n = 0
          for (const _ of open(handle)) if (n++ % 20 === 0) await sleep(1)
          return n
        },
        map.handle,
      ),
    )
    expect(await Promise.all(loops)).toEqual([100, 100])
    await endThreads()
  })
})

describe('workers that are terminated', () => {
  test.each([
    ['leave numbers as they were, and no memory', 'count'],
    ['leave values whole, and no memory', 'churn'],
  ])(
    '%s',
    async (_, kind) => {
      const rng = random(`kill map ${kind}`)
      const space = arena(2 ** 23)
      using map =
        kind === 'count'
          ? new ShardedMap(u32, f64, { arena: space, shards: 1 })
          : new ShardedMap(string, string, { arena: space, shards: 1 })
      const empty = inUse(space)
      for (let k = 0; k < rounds(15); k++) {
        const victim = spawn((kind === 'count' ? count : churn) as typeof count, map.handle, k, 2 ** 30)
        await until(() => space.stats().threads === 2)
        await sleep(rng.next() * 12)
        await victim.terminate()
        await until(() => space.stats().threads === 1)
        // The map is as good as before.
        const there = [...map] as [unknown, unknown][]
        expect(map.size).toBe(there.length)
        for (const [key, value] of there) {
          expect((map as ShardedMap<unknown, unknown>).get(key)).toEqual(value)
          if (kind === 'churn')
            expect((value as string).split(':')[2]?.length).toBe(Number((value as string).split(':')[1]))
        }
        map.clear()
        expect(inUse(space)).toBe(empty)
      }
    },
    60_000,
  )

  test('others go on meanwhile', async () => {
    const rng = random('kill map, others')
    const space = arena(2 ** 23)
    using map = new ShardedMap(u32, bytes, { arena: space, shards: 1 })
    const empty = inUse(space)
    const job = ({ open, randomFrom }: Tools, handle: unknown, seed: number, done: Int32Array): void => {
      const map = open(handle)
      const rng = randomFrom(seed)
      while (Atomics.load(done, 0) === 0) {
        map.set(rng.below(300), new Uint8Array(rng.below(600)))
        map.delete(rng.below(300))
        Atomics.add(done, 1, 1)
      }
    }
    const done = new Int32Array(new SharedArrayBuffer(8))
    const staying = elsewhere('blocking', job, map.handle, 0, done)
    await until(() => space.stats().threads === 2)
    for (let k = 1; k <= rounds(10); k++) {
      const victim = spawn(job, map.handle, k, done)
      await until(() => space.stats().threads === 3)
      await sleep(rng.next() * 10)
      await victim.terminate()
      const at = Atomics.load(done, 1)
      await until(() => Atomics.load(done, 1) > at + 20, 'the other one to go on')
    }
    Atomics.store(done, 0, 1)
    await staying
    map.clear()
    await endThreads()
    expect(open(map.handle).size).toBe(0)
    expect(inUse(space)).toBe(empty)
  }, 60_000)
})
