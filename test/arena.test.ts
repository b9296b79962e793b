// Arenas: sizes, what is in use, what happens when they are full, and that what is freed comes back.

import { Worker } from 'node:worker_threads'
import {
  Arena,
  ArenaFullError,
  AtomicI32,
  AtomicI64,
  type Channel,
  Counter,
  channel,
  defaultArena,
  f64,
  type MillraceError,
  open,
  Stack,
  u32,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import {
  ARENA,
  ARENA_THREADS,
  MAX_THREADS,
  THREAD_ALIVE,
  THREAD_BYTES,
  THREAD_FREE,
  THREAD_STATE,
} from '../src/generated/layout.js'
import { rejection, thrown, until } from './support/probe.js'
import { random } from './support/random.js'
import { elsewhere, endThreads, spawn } from './support/threads.js'

const MIB = 2 ** 20
const small = (): Arena => new Arena({ size: MIB })

describe('size', () => {
  test.each([[MIB], [MIB + 65536], [64 * MIB], [1024 * MIB]])('%d bytes', (size) => {
    const arena = new Arena({ size })
    expect([arena.size, arena.stats().size]).toEqual([size, size])
    const ch = channel(f64, { capacity: 10, arena })
    expect(ch.trySend(1)).toBe(true)
    expect(ch.tryReceive()).toBe(1)
  })

  test('is rounded up to whole pages of WebAssembly', () => {
    expect(new Arena({ size: MIB + 1 }).size).toBe(MIB + 65536)
  })

  test.each([[0], [-1], [MIB - 1], [1024 * MIB + 1], [2 ** 40], [MIB + 0.5], [Number.NaN], [Number.POSITIVE_INFINITY]])(
    '%d bytes is a RangeError',
    (size) => {
      const error = thrown(() => new Arena({ size }))
      expect(error).toBeInstanceOf(RangeError)
      expect(error.code).toBe('ERR_OUT_OF_RANGE')
      expect(error.message).toContain(`${MIB}`)
      expect(error.message).toContain(`${1024 * MIB}`)
    },
  )

  test.each([['1'], [null], [1n], [{}]])('%s is a TypeError', (size) => {
    const error = thrown(() => new Arena({ size: size as unknown as number }))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.code).toBe('ERR_INVALID_ARG_TYPE')
  })

  test('the default arena has 32 MiB and is one', () => {
    expect(defaultArena().size).toBe(32 * MIB)
    expect(defaultArena()).toBe(defaultArena())
    const ch = channel(f64, { capacity: 1 })
    expect(ch.arena).toBe(defaultArena())
    expect(new AtomicI32().arena).toBe(defaultArena())
    expect(new Counter().arena).toBe(defaultArena())
    expect(new Stack(f64, { capacity: 1 }).arena).toBe(defaultArena())
  })
})

describe('stats', () => {
  test('count bytes and blocks of what is in use', () => {
    const arena = small()
    expect(arena.stats()).toEqual({ size: MIB, bytesInUse: 0, bytesReserved: 0, blocks: {}, threads: 1 })
    const objects = [
      new AtomicI32(0, { arena }),
      new AtomicI64(0n, { arena }),
      channel(u32, { capacity: 64, arena }),
      channel(f64, { capacity: 1000, arena }),
    ]
    const { blocks, bytesInUse, bytesReserved } = arena.stats()
    expect(blocks).toEqual({ 128: 2, 1024: 1, 16384: 1 })
    expect(bytesInUse).toBe(2 * 128 + 1024 + 16384)
    expect(bytesReserved).toBeGreaterThanOrEqual(bytesInUse)
    for (const each of objects) each.dispose()
    expect(arena.stats()).toEqual({ size: MIB, bytesInUse: 0, bytesReserved, blocks: {}, threads: 1 })
  })

  test('a waiting operation is a block, until it ends', async () => {
    const arena = small()
    const ch = channel(f64, { capacity: 1, arena })
    const waiting = [ch.receive(), ch.receive(), ch.receive()]
    expect(arena.stats().blocks[128]).toBe(3)
    for (const v of [1, 2, 3]) await ch.send(v)
    await Promise.all(waiting)
    expect(arena.stats().blocks).toEqual({ 1024: 1 })
    ch.dispose()
  })

  test('Symbol.dispose is dispose', () => {
    const arena = small()
    const objects = [
      channel(f64, { capacity: 1, arena }),
      new Stack(u32, { capacity: 1, arena }),
      new Counter({ arena }),
      new AtomicI32(0, { arena }),
    ]
    for (const each of objects) each[Symbol.dispose]()
    expect(arena.stats().blocks).toEqual({})
  })

  test('blocks freed by another thread are free', async () => {
    const arena = small()
    const channels = Array.from({ length: 100 }, () => channel(u32, { capacity: 10, arena }))
    await elsewhere(
      'blocking',
      ({ open }, handles) => {
        for (const handle of handles) open(handle).dispose()
      },
      channels.map((ch) => ch.handle),
    )
    expect(arena.stats().blocks).toEqual({})
    for (let round = 0; round < 20; round++) {
      const again = Array.from({ length: 100 }, () => channel(u32, { capacity: 10, arena }))
      await elsewhere(
        'blocking',
        ({ open }, handles) => {
          for (const handle of handles) open(handle).dispose()
        },
        again.map((ch) => ch.handle),
      )
    }
    expect(arena.stats().blocks).toEqual({})
    expect(arena.stats().bytesReserved).toBeLessThan(MIB / 2)
  })

  test('making and disposing for ever reserves no more', () => {
    const arena = small()
    const rng = random('arena churn')
    const live: { dispose(): void }[] = []
    for (let i = 0; i < 20_000; i++) {
      if (live.length > 0 && (live.length > 20 || rng.below(2))) live.splice(rng.below(live.length), 1)[0]?.dispose()
      else if (rng.below(2)) live.push(new AtomicI32(i, { arena }))
      else live.push(channel(f64, { capacity: 1 + rng.below(200), arena }))
    }
    for (const each of live) each.dispose()
    expect(arena.stats().blocks).toEqual({})
    expect(arena.stats().bytesReserved).toBeLessThan(MIB / 2)
  })

  test('objects do not overlap, and are new when made where others were', () => {
    const arena = small()
    const rng = random('overlap')
    const live: { ch: Channel<number>; values: number[] }[] = []
    for (let i = 0; i < 3000; i++) {
      if (live.length > 0 && rng.below(5) < 2) {
        const [{ ch, values }] = live.splice(rng.below(live.length), 1) as [(typeof live)[number]]
        expect([...ch.available()]).toEqual(values)
        ch.dispose()
      } else if (live.length < 30) {
        const ch = channel(f64, { capacity: 1 + rng.below(300), arena })
        expect([ch.length, ch.closed, ch.tryReceive()]).toEqual([0, false, undefined])
        const values = Array.from({ length: rng.below(ch.capacity + 1) }, () => rng.next())
        expect(ch.trySendMany(values)).toBe(values.length)
        if (rng.below(2)) ch.close()
        live.push({ ch, values })
      }
    }
    for (const { ch, values } of live) {
      expect([...ch.available()]).toEqual(values)
      ch.dispose()
    }
  })
})

describe('a full arena', () => {
  const makers: Record<string, (arena: Arena) => { dispose(): void }> = {
    'channel of 64 bits': (arena) => channel(f64, { capacity: 1000, arena }),
    'channel of 32 bits': (arena) => channel(u32, { capacity: 100, arena }),
    stack: (arena) => new Stack(u32, { capacity: 100, arena }),
    counter: (arena) => new Counter({ arena }),
    atomic: (arena) => new AtomicI32(0, { arena }),
  }

  test.each(Object.entries(makers))(
    '%s: ArenaFullError says what was asked and what is left; nothing half made remains',
    (_name, make) => {
      const arena = small()
      const live: { dispose(): void }[] = []
      let error: Error | undefined
      while (error === undefined) {
        try {
          live.push(make(arena))
        } catch (thrown) {
          error = thrown as Error
        }
      }
      const { blocks } = arena.stats()
      expect(error).toBeInstanceOf(ArenaFullError)
      expect(error).toMatchObject({
        name: 'ArenaFullError',
        code: 'ERR_ARENA_FULL',
        requested: expect.any(Number),
        available: expect.any(Number),
      })
      const { requested, available } = error as ArenaFullError
      expect(requested).toBeGreaterThan(0)
      expect(available).toBeGreaterThanOrEqual(0)
      expect(error.message).toContain(`${requested}`)
      expect(error.message).toContain(`${available}`)
      for (let i = 0; i < 5; i++) expect(thrown(() => make(arena))).toBeInstanceOf(ArenaFullError)
      expect(arena.stats().blocks).toEqual(blocks)
      expect(live.length).toBeGreaterThan(10)
      // Room again after a dispose.
      live.pop()?.dispose()
      live.push(make(arena))
      for (const each of live) each.dispose()
      expect(arena.stats().blocks).toEqual({})
      make(arena).dispose()
    },
  )

  /** Fills the arena to the last small block. */
  function fill(arena: Arena): { dispose(): void }[] {
    const live: { dispose(): void }[] = []
    for (const make of [makers['channel of 64 bits'], makers['channel of 32 bits'], makers.atomic] as ((
      arena: Arena,
    ) => { dispose(): void })[]) {
      try {
        for (;;) live.push(make(arena))
      } catch (error) {
        if ((error as MillraceError).code !== 'ERR_ARENA_FULL') throw error
      }
    }
    return live
  }

  test('operations that need not wait go on; those that would have to wait fail, and have not happened', async () => {
    const arena = small()
    const ch = channel(f64, { capacity: 2, arena })
    const live = fill(arena)
    ch.trySend(1)
    await ch.send(2)
    for (const call of [() => ch.sendSync(3, { timeout: 1000 }), () => ch.sendSync(3)])
      expect(thrown(call).code).toBe('ERR_ARENA_FULL')
    expect((await rejection(ch.send(3))).code).toBe('ERR_ARENA_FULL')
    expect([ch.tryReceive(), ch.receiveSync()]).toEqual([1, 2])
    for (const promise of [ch.receive(), ch.next(), ch.receive({ timeout: 1000 })])
      expect((await rejection(promise)).code).toBe('ERR_ARENA_FULL')
    expect(thrown(() => ch.receiveSync()).code).toBe('ERR_ARENA_FULL')
    live.pop()?.dispose()
    const waiting = ch.receive()
    ch.trySend(4)
    expect(await waiting).toBe(4)
    for (const each of live) each.dispose()
    ch.dispose()
    expect(arena.stats().blocks).toEqual({})
  })

  test('a batch needs a block of its own per thread: without it, it fails and nothing has moved', () => {
    const arena = small()
    const ch = channel(f64, { capacity: 2, arena })
    const live = fill(arena)
    expect(thrown(() => ch.trySendMany([1, 2])).code).toBe('ERR_ARENA_FULL')
    expect(thrown(() => ch.tryReceiveMany(new Float64Array(2))).code).toBe('ERR_ARENA_FULL')
    expect(ch.length).toBe(0)
    for (const each of live) each.dispose()
    expect(ch.trySendMany([1, 2])).toBe(2)
    ch.dispose()
  })

  test('more than the arena could ever hold is a RangeError, more than it can hold now an ArenaFullError', () => {
    const arena = small()
    expect(thrown(() => channel(f64, { capacity: MIB, arena }))).toBeInstanceOf(RangeError)
    expect(thrown(() => new Stack(f64, { capacity: MIB, arena }))).toBeInstanceOf(RangeError)
    expect(thrown(() => channel(f64, { capacity: 60_000, arena }))).toBeInstanceOf(ArenaFullError)
    expect(arena.stats().blocks).toEqual({})
  })
})

describe('threads', () => {
  test('a thread that opens a handle counts, and its place is free after it has ended', async () => {
    const arena = small()
    const n = new AtomicI32(0, { arena })
    for (let i = 0; i < 3; i++) {
      const worker = spawn(({ open }, handle) => open(handle).arena.stats().threads, n.handle)
      expect(await worker.ended).toBe(2)
      await until(() => arena.stats().threads === 1)
    }
    n.dispose()
    expect(arena.stats().blocks).toEqual({})
  })

  test('many arenas and many handles attach a thread once each', async () => {
    await endThreads()
    const arenas = [small(), small()]
    const numbers = arenas.flatMap((arena) => [new AtomicI32(1, { arena }), new AtomicI32(2, { arena })])
    const worker = spawn(
      ({ open }, handles) => handles.map((handle) => open(handle).arena.stats().threads),
      numbers.map((each) => each.handle),
    )
    expect(await worker.ended).toEqual([2, 2, 2, 2])
    await until(() => arenas.every((arena) => arena.stats().threads === 1))
  })

  test('the batch block of a thread comes back when it ends', async () => {
    const arena = small()
    const ch = channel(f64, { capacity: 10, arena })
    const worker = spawn(({ open }, handle) => open(handle).trySendMany([1, 2, 3]), ch.handle)
    expect(await worker.ended).toBe(3)
    await until(() => arena.stats().threads === 1)
    expect(arena.stats().blocks).toEqual({ 1024: 1 })
    ch.dispose()
  })

  test('a worker started before the arena is made is watched too', async () => {
    const worker = new Worker(
      `import('millrace').then(({ open }) => require('node:worker_threads').parentPort.once('message', (handle) => { open(handle); process.exit() }))`,
      { eval: true },
    )
    const exited = new Promise((resolve) => worker.once('exit', resolve))
    const arena = small()
    const n = new AtomicI32(0, { arena })
    arena.watch(worker)
    arena.watch(worker)
    worker.postMessage(n.handle)
    await exited
    await until(() => arena.stats().threads === 1)
  })

  test('watching a worker that has ended does nothing', async () => {
    const arena = small()
    const worker = new Worker('', { eval: true })
    await new Promise((resolve) => worker.once('exit', resolve))
    arena.watch(worker)
    expect(arena.stats().threads).toBe(1)
  })

  test.each([[undefined], [null], ['worker'], [{}], [1], [new EventTarget()]])('watch(%s) is a TypeError', (worker) => {
    const error = thrown(() => small().watch(worker as object))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.code).toBe('ERR_INVALID_ARG_TYPE')
  })

  test('a thread that opens a handle again and again takes one place, whatever the garbage collector does', async () => {
    const arena = small()
    const ch = channel(f64, { capacity: 1, arena })
    const threads = await spawn(async ({ open, sleep, gc }, handle) => {
      for (let i = 0; i < 10; i++) {
        open(structuredClone(handle)).trySend(i)
        await sleep(1)
        gc()
        await sleep(1)
      }
      return open(handle).arena.stats().threads
    }, ch.handle).ended
    expect(threads).toBe(2)
    await until(() => arena.stats().threads === 1)
    expect(ch.tryReceive()).toBe(0)
    ch.dispose()
  })

  test('a full thread table is a clear error in the thread that finds no place', async () => {
    const arena = small()
    const n = new AtomicI32(0, { arena })
    const words = new Uint32Array(n.handle.memory.buffer)
    const table = words[(ARENA + ARENA_THREADS) >>> 2] as number
    const states = Array.from({ length: MAX_THREADS }, (_, i) => (table + i * THREAD_BYTES + THREAD_STATE) >>> 2)
    const free = states.filter((state) => words[state] === THREAD_FREE)
    expect(free.length).toBe(MAX_THREADS - 1)
    for (const state of free) words[state] = THREAD_ALIVE
    const failing = spawn(({ open }, handle) => open(handle), n.handle)
    expect(await rejection(failing.result)).toMatchObject({ name: 'TooManyThreadsError', code: 'ERR_TOO_MANY_THREADS' })
    for (const state of free) words[state] = THREAD_FREE
    expect(await spawn(({ open }, handle) => open(handle).add(1), n.handle).ended).toBe(1)
    n.dispose()
  })

  test('places in the thread table are used again', async () => {
    const arena = small()
    const n = new AtomicI32(0, { arena })
    for (let wave = 0; wave < 3; wave++) {
      const workers = Array.from({ length: 6 }, () => spawn(({ open }, handle) => open(handle).add(1), n.handle))
      await Promise.all(workers.map((each) => each.ended))
      await until(() => arena.stats().threads === 1)
    }
    expect(open(n.handle).load()).toBe(18)
  })
})
