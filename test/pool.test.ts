// Pools: what both kinds do, then objects of one thread and their end by garbage collection, then what options and misuse do.

import { Arena, type Channel, channel, f64, fixedBytes, handle, open, Pool, StaleHandleError, u32 } from 'millrace'
import { afterAll, describe, expect, test } from 'vitest'
import { gc, macrotask, retry, thrown, until } from './support/probe.js'
import { rounds } from './support/settings.js'

const arena = new Arena({ size: 2 ** 20 })
afterAll(() => {
  const { 4096: _scratch, ...blocks } = arena.stats().blocks
  expect(blocks).toEqual({})
})

/** A pool of numbers of each kind. */
const kinds = [
  ['without a codec', (options = {}) => new Pool<number>(options)],
  ['with a codec', (options = {}) => new Pool<number>({ ...options, codec: u32, arena })],
] as const

describe.each(kinds)('a pool %s', (_kind, make) => {
  test('POOL-1 what is put comes out, the first first; an empty pool gives undefined', () => {
    using pool = make()
    expect(pool.get()).toBe(undefined)
    expect(pool.put(1)).toBe(true)
    expect(pool.put(2)).toBe(true)
    expect(pool.length).toBe(2)
    expect([pool.get(), pool.get(), pool.get()]).toEqual([1, 2, undefined])
    expect(pool.length).toBe(0)
  })

  test('POOL-2 makes what it lacks', () => {
    let made = 0
    using pool = make({ create: () => ++made })
    expect([pool.get(), pool.get()]).toEqual([1, 2])
    pool.put(42)
    expect([pool.get(), pool.get()]).toEqual([42, 3])
  })

  test('POOL-3 undefined and null are ignored', () => {
    const destroyed: unknown[] = []
    using pool = make({ destroy: (item: number) => destroyed.push(item) })
    expect(pool.put(undefined)).toBe(false)
    expect(pool.put(null)).toBe(false)
    expect([pool.length, pool.get()]).toEqual([0, undefined])
    expect(destroyed).toEqual([])
    pool.put(0)
    expect(pool.get()).toBe(0)
  })

  test('POOL-4 ten tasks only ever see what was put', async () => {
    using pool = make()
    const count = rounds(10_000)
    let wrong = 0
    const task = async (): Promise<void> => {
      for (let i = 0; i < count; i++) {
        pool.put(7)
        const item = pool.get()
        if (item !== undefined && item !== 7) wrong++
        if (i % 1000 === 0) await macrotask()
      }
    }
    await Promise.all(Array.from({ length: 10 }, task))
    expect(wrong).toBe(0)
    expect(pool.length).toBe(0)
  })

  test('POOL-4 each item is in one hand at a time', async () => {
    using pool = make({ capacity: 64 })
    const inHand = new Set<number>()
    for (let i = 0; i < 5; i++) pool.put(i)
    const task = async (): Promise<void> => {
      for (let i = 0; i < 300; i++) {
        const item = pool.get()
        await macrotask()
        if (item === undefined) continue
        if (inHand.has(item)) throw new Error(`${item} was given out twice`)
        inHand.add(item)
        await null
        inHand.delete(item)
        expect(pool.put(item)).toBe(true)
      }
    }
    await Promise.all(Array.from({ length: 10 }, task))
    expect(Array.from({ length: 6 }, () => pool.get()).sort()).toEqual([0, 1, 2, 3, 4, undefined])
  })

  test('POOL-5 trim empties it, and destroy gets what it held', () => {
    const destroyed: number[] = []
    using pool = make({ destroy: (item: number) => destroyed.push(item) })
    for (let i = 0; i < 20; i++) pool.put(i)
    expect(pool.trim()).toBe(20)
    expect([pool.get(), pool.length, pool.trim()]).toEqual([undefined, 0, 0])
    expect(destroyed.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i))
    pool.put(5)
    expect(pool.get()).toBe(5)
  })

  test('a full pool drops what is put', () => {
    const destroyed: number[] = []
    using pool = make({ capacity: 3, destroy: (item: number) => destroyed.push(item) })
    expect([1, 2, 3, 4, 5].map((item) => pool.put(item))).toEqual([true, true, true, false, false])
    expect(destroyed).toEqual([4, 5])
    expect([pool.length, pool.capacity]).toEqual([3, 3])
    expect([pool.get(), pool.get(), pool.get(), pool.get()].sort()).toEqual([1, 2, 3, undefined])
  })

  test('an error of create is that of get', () => {
    using pool = make({
      create: () => {
        throw new Error('none to be had')
      },
    })
    expect(() => pool.get()).toThrow('none to be had')
    pool.put(1)
    expect(pool.get()).toBe(1)
  })

  test('an error of destroy leaves the others in the pool', () => {
    using pool = make({
      destroy: (item: number) => {
        if (item === 1) throw new Error('stuck')
      },
    })
    for (const item of [0, 1, 2]) pool.put(item)
    expect(() => {
      for (;;) pool.trim()
    }).toThrow('stuck')
    expect(pool.length).toBeLessThan(3)
    expect(pool.trim()).toBeLessThan(3)
    expect(pool.length).toBe(0)
  })

  test('after dispose every use throws', () => {
    const destroyed: number[] = []
    const pool = make({ destroy: (item: number) => destroyed.push(item) })
    pool.put(1)
    pool[Symbol.dispose]()
    pool.dispose() // once more does nothing
    expect(destroyed).toEqual([1])
    for (const use of [() => pool.get(), () => pool.put(1), () => pool.trim(), () => pool.length, () => pool.handle])
      expect(thrown(use)).toMatchObject({ name: 'StaleHandleError', code: 'ERR_STALE_HANDLE' })
  })

  test('is a Pool', () => {
    using pool = make()
    expect(pool).toBeInstanceOf(Pool)
    expect(pool.constructor.name).toBe('Pool')
  })
})

describe('garbage', () => {
  const COUNT = 100

  /** Fills a pool with objects. Returns how many of them have been collected. */
  function fill(pool: Pool<object>): () => number {
    let gone = 0
    const registry = new FinalizationRegistry(() => gone++)
    for (let i = 0; i < COUNT; i++) {
      const item = { i }
      registry.register(item, i)
      pool.put(item)
    }
    return () => (registry ? gone : -1)
  }

  async function collect(times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      gc()
      await macrotask()
      await macrotask()
    }
  }

  test('POOL-6 what lies in a pool goes within five garbage collections', async () => {
    const pool = new Pool<object>()
    const gone = fill(pool)
    await collect(5)
    await until(() => gone() >= COUNT - 1)
    expect(pool.length).toBe(0)
  })

  test('POOL-6 what was got and dropped goes too', async () => {
    const pool = new Pool<object>()
    const gone = fill(pool)
    while (pool.get() !== undefined) {}
    await collect(5)
    await until(() => gone() >= COUNT - 1)
  })

  // Repeated if it fails: the collector may come by itself in between.
  test('POOL-5 one collection leaves what is there, and what is used again stays', () =>
    retry(async () => {
      const pool = new Pool<{ n: number }>()
      const [first, second] = [{ n: 1 }, { n: 2 }]
      pool.put(first)
      pool.put(second)
      await collect(1)
      expect(pool.length).toBe(2)
      for (let i = 0; i < 6; i++) {
        const item = pool.get() as { n: number }
        expect([first, second]).toContain(item)
        pool.put(item)
        // The item in use is always young; the other one goes.
        await collect(1)
      }
      expect(pool.length).toBe(1)
    }))

  test('destroy gets what is given up', async () => {
    const destroyed: number[] = []
    const pool = new Pool<number>({ destroy: (item) => destroyed.push(item) })
    pool.put(1)
    pool.put(2)
    await collect(2)
    await until(() => destroyed.length === 2)
    expect(destroyed.sort()).toEqual([1, 2])
    expect(pool.get()).toBe(undefined)
  })

  test('a pool that nobody refers to goes, with its items', async () => {
    let gone = 0
    const registry = new FinalizationRegistry(() => gone++)
    ;(() => {
      const pool = new Pool<object>()
      const item = {}
      registry.register(pool, 0)
      registry.register(item, 0)
      pool.put(item)
    })()
    await collect(2)
    await until(() => gone === 2)
  })

  test('a disposed pool holds nothing', () => {
    const pool = new Pool<object>()
    pool.put({})
    pool.dispose()
    expect(thrown(() => pool.get())).toBeInstanceOf(StaleHandleError)
  })
})

describe('what lies in shared memory', () => {
  test('opens as the same pool', () => {
    using pool = new Pool({ codec: f64, capacity: 4, arena })
    const other = open(pool.handle)
    other.put(0.5)
    expect(pool.get()).toBe(0.5)
    expect([other.capacity, other.arena, other.handle.address]).toEqual([4, arena, pool.handle.address])
    expect(other.get()).toBe(undefined)
  })

  test('blocks of bytes are copied', () => {
    using pool = new Pool({ codec: fixedBytes(4), arena })
    const block = new Uint8Array([1, 2, 3, 4])
    pool.put(block)
    block.fill(9)
    expect(open(pool.handle, { codec: fixedBytes(4) as never }).get()).toEqual(new Uint8Array([1, 2, 3, 4]))
  })

  test('channels for replies are used again; what was disposed of meanwhile is passed over', () => {
    using pool = new Pool<Channel<number>>({
      codec: handle(),
      arena,
      create: () => channel(f64, { arena }),
      destroy: (item) => item.dispose(),
    })
    const [first, second] = [pool.get(), pool.get()] as [Channel<number>, Channel<number>]
    pool.put(first)
    pool.put(second)
    first.dispose()
    const got = pool.get() as Channel<number>
    expect(got.equals(second)).toBe(true)
    expect(pool.length).toBe(0)
    pool.put(got)
    expect(() => pool.put(first)).toThrow(StaleHandleError)
    expect(pool.length).toBe(1) // dispose disposes of it
  })

  test('a pool travels itself', () => {
    using pool = new Pool({ codec: u32, arena })
    using ch = channel(handle<Pool<number>>(), { capacity: 1, arena })
    ch.trySend(pool)
    ch.tryReceive()?.put(5)
    expect(pool.get()).toBe(5)
  })

  test('an arena that is full of messages: what is put is dropped', () => {
    const small = new Arena({ size: 2 ** 20 })
    using pool = new Pool({ codec: fixedBytes(4096), capacity: 400, arena: small })
    let kept = 0
    while (pool.put(new Uint8Array(4096))) kept++
    expect(kept).toBeGreaterThan(5)
    expect(kept).toBeLessThan(400)
    expect(pool.length).toBe(kept)
    expect(pool.trim()).toBe(kept)
    expect(pool.put(new Uint8Array(4096))).toBe(true)
  })

  test('an arena without room for the pool: nothing half-made remains', () => {
    const small = new Arena({ size: 2 ** 20 })
    channel(fixedBytes(64), { arena: small }).dispose() // so that this thread has what it needs for such channels
    const before = small.stats().blocks
    const error = thrown(() => new Pool({ codec: fixedBytes(64), capacity: 20_000, shards: 100, arena: small }))
    expect(error.code).toBe('ERR_ARENA_FULL')
    expect(small.stats().blocks).toEqual(before)
  })

  test('the capacity is divided among the places, and all of it can be used from one thread', () => {
    for (const [capacity, shards] of [
      [1, 1],
      [1, 8],
      [10, 8],
      [10, 3],
      [100, 128],
    ] as const) {
      using pool = new Pool({ codec: u32, capacity, shards, arena })
      expect(pool.capacity).toBe(capacity)
      for (let i = 0; i < capacity; i++) expect(pool.put(i)).toBe(true)
      expect(pool.put(0)).toBe(false)
      expect(new Set(Array.from({ length: capacity }, () => pool.get())).size).toBe(capacity)
      expect(pool.get()).toBe(undefined)
    }
  })

  test('values that are not of the codec are refused', () => {
    const destroyed: unknown[] = []
    using pool = new Pool<number>({ codec: u32, arena, destroy: (item) => destroyed.push(item) })
    expect(thrown(() => pool.put(-1))).toBeInstanceOf(RangeError)
    expect(thrown(() => pool.put('1' as never))).toBeInstanceOf(TypeError)
    expect([pool.length, destroyed]).toEqual([0, []])
  })
})

describe('misuse', () => {
  test.each([
    ['Pool takes options { create, destroy, codec, capacity, shards, arena }, not 5', 5, TypeError],
    ['Pool takes options { create, destroy, codec, capacity, shards, arena }, not null', null, TypeError],
    ['create of a pool is a function, not 5', { create: 5 }, TypeError],
    ['destroy of a pool is a function, not null', { destroy: null }, TypeError],
    ['the capacity of a pool is a number, not "1"', { capacity: '1' }, TypeError],
    ['the capacity of a pool is an integer, 1 or more, not 0', { capacity: 0 }, RangeError],
    ['the capacity of a pool is an integer, 1 or more, not NaN', { capacity: Number.NaN }, RangeError],
    ['the capacity of a pool is an integer, 1 or more, not 1.5', { capacity: 1.5 }, RangeError],
    ['a pool without a codec holds objects of its thread: arena is for pools with a codec', { arena }, TypeError],
    ['a pool without a codec holds objects of its thread: shards is for pools with a codec', { shards: 2 }, TypeError],
    ['the capacity of a pool is an integer from 1 to 65536', { codec: u32, arena, capacity: 0 }, RangeError],
    ['the capacity of a pool is a number, not 1n', { codec: u32, arena, capacity: 1n }, TypeError],
    ['the shards of a pool are an integer from 1 to 128, not 0', { codec: u32, arena, shards: 0 }, RangeError],
    ['the shards of a pool are an integer from 1 to 128, not 129', { codec: u32, arena, shards: 129 }, RangeError],
    ['the shards of a pool are a number, not "2"', { codec: u32, arena, shards: '2' }, TypeError],
    ['arena is an Arena, not 5', { codec: u32, arena: 5 }, TypeError],
    ['codec', { codec: 'u32' }, TypeError],
  ])('%s', (message, options, Class) => {
    const error = thrown(() => new Pool(options as never))
    expect(error).toBeInstanceOf(Class)
    expect(error.message).toContain(message)
    expect(error.code).toMatch(/^ERR_/)
  })

  test('a pool of objects has no handle', () => {
    expect(thrown(() => new Pool().handle)).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
      message: 'the pool holds objects of its thread and has no handle: make it with a codec to share it',
    })
  })

  test('a pool is opened with its codec only', () => {
    using pool = new Pool({ codec: u32, arena })
    expect(thrown(() => open(pool.handle, { codec: f64 }))).toBeInstanceOf(TypeError)
  })
})
