import { Arena, open, RWMutex } from 'millrace'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { expectPending, isPending, rejection, thrown, until } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { elsewhere, endThreads, spawn } from './support/threads.js'

const arena = new Arena({ size: 8 * 2 ** 20 })
let lock: RWMutex

beforeEach(() => {
  lock = new RWMutex({ arena })
})
afterEach(async () => {
  await endThreads()
  lock.dispose()
})

describe('one thread', () => {
  test('RW-3 who tries gets it as the state allows', () => {
    expect(lock.tryLock()).toBe(true)
    expect([lock.tryLock(), lock.tryRLock(), lock.locked, lock.readers]).toEqual([false, false, true, 0])
    lock.unlock()
    expect(lock.locked).toBe(false)
    expect([lock.tryRLock(), lock.tryRLock(), lock.tryLock(), lock.readers]).toEqual([true, true, false, 2])
    lock.runlock()
    expect(lock.tryLock()).toBe(false)
    lock.runlock()
    expect([lock.readers, lock.tryLock()]).toEqual([0, true])
    lock.unlock()
  })

  test('RW-4 RW-5 a writer that waits keeps new readers out, and all who wait get in before the next writer', async () => {
    const order: string[] = []
    const first = await lock.rlock()
    const writer = lock.lock().then((guard) => {
      order.push('writer')
      return guard
    })
    expect(lock.tryRLock()).toBe(false)
    const readers = [1, 2, 3].map((n) =>
      lock.rlock().then((guard) => {
        order.push(`reader ${n}`)
        return guard
      }),
    )
    const next = lock.lock().then((guard) => {
      order.push('next')
      return guard
    })
    await expectPending(writer, ...readers, next)
    first.unlock()
    const guard = await writer
    await expectPending(...readers, next)
    expect([lock.locked, lock.readers]).toEqual([true, 0])
    guard.unlock()
    const guards = await Promise.all(readers)
    expect(lock.readers).toBe(3)
    expect(order).toEqual(['writer', 'reader 1', 'reader 2', 'reader 3'])
    // The next one waits already, so who comes now does so too.
    expect(lock.tryRLock()).toBe(false)
    for (const g of guards) g.unlock()
    ;(await next).unlock()
    expect([lock.locked, lock.readers]).toEqual([false, 0])
  })

  test('RW-9 writers are served first come, first served', async () => {
    const order: number[] = []
    const held = await lock.lock()
    const writers = [0, 1, 2, 3].map((n) =>
      lock.withLock(() => {
        order.push(n)
      }),
    )
    held.unlock()
    await Promise.all(writers)
    expect(order).toEqual([0, 1, 2, 3])
  })

  test('RW-6 rLocker is the side of the readers', async () => {
    const reader = lock.rLocker()
    for (let round = 0; round < 10; round++) {
      const guards = [await reader.lock(), reader.lockSync()]
      expect(lock.readers).toBe(2)
      const writer = lock.lock()
      guards[0]?.unlock()
      expect(await Promise.race([writer, 0])).toBe(0)
      reader.unlock()
      const guard = await writer
      const blocked = reader.lock()
      expect(reader.tryLock()).toBe(false)
      guard.unlock()
      ;(await blocked).unlock()
    }
    expect(reader.withLockSync(() => lock.readers)).toBe(1)
    expect(await reader.withLock(() => lock.readers)).toBe(1)
    const same = open(reader.handle)
    expect(same.tryLock()).toBe(true)
    expect(lock.readers).toBe(1)
    lock.runlock()
  })

  test('RW-7 misuse is refused, and nothing changes', async () => {
    const write = { code: 'ERR_SYNC', message: 'sync: Unlock of unlocked RWMutex' }
    const read = { code: 'ERR_SYNC', message: 'sync: RUnlock of unlocked RWMutex' }
    expect(thrown(() => lock.unlock())).toMatchObject(write)
    expect(thrown(() => lock.runlock())).toMatchObject(read)
    lock.tryRLock()
    expect(thrown(() => lock.unlock())).toMatchObject(write)
    expect(lock.readers).toBe(1)
    // Nor while a writer waits for the reader.
    const writer = lock.lock()
    expect(thrown(() => lock.unlock())).toMatchObject(write)
    lock.runlock()
    await writer
    expect(thrown(() => lock.runlock())).toMatchObject(read)
    expect(lock.locked).toBe(true)
    lock.unlock()
    expect(thrown(() => lock.unlock())).toMatchObject(write)
    expect(thrown(() => lock.runlock())).toMatchObject(read)
    expect(lock.tryLock()).toBe(true)
    lock.unlock()
  })

  test('RW-8 a second read lock of one task waits for the writer in between', async () => {
    const first = await lock.rlock()
    const writer = lock.lock()
    const second = lock.rlock()
    await expectPending(writer, second)
    first.unlock()
    ;(await writer).unlock()
    ;(await second).unlock()
  })

  test('guards unlock once, helpers unlock also when they fail', async () => {
    const guard = await lock.rlock()
    lock.tryRLock()
    guard.unlock()
    guard.unlock()
    expect(lock.readers).toBe(1)
    lock.runlock()
    const fail = (): never => {
      throw new Error('no')
    }
    expect(thrown(() => lock.withLockSync(fail)).message).toBe('no')
    expect(thrown(() => lock.withRLockSync(fail)).message).toBe('no')
    expect((await rejection(lock.withLock(fail))).message).toBe('no')
    expect((await rejection(lock.withRLock(async () => fail()))).message).toBe('no')
    expect([lock.locked, lock.readers]).toEqual([false, 0])
  })

  test('a writer that gives up lets in who waits behind it', async () => {
    for (const options of [{ timeout: 10 }, { signal: AbortSignal.timeout(10) }]) {
      const first = await lock.rlock()
      const writer = rejection(lock.lock(options))
      const readers = [lock.rlock(), lock.rlock()]
      expect((await writer).name).toMatch(/TimeoutError/)
      for (const guard of await Promise.all(readers)) guard.unlock()
      first.unlock()
      expect(lock.tryLock()).toBe(true)
      lock.unlock()
    }
    const first = lock.rlockSync()
    expect(thrown(() => lock.lockSync({ timeout: 10 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(thrown(() => lock.lockSync({ timeout: 0 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(await rejection(lock.lock({ timeout: 0 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(lock.tryRLock()).toBe(true)
    lock.runlock()
    first.unlock()
  })

  test('readers that give up have not got it', async () => {
    const guard = await lock.lock()
    expect(await rejection(lock.rlock({ timeout: 10 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(thrown(() => lock.rlockSync({ timeout: 10 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    const stop = new AbortController()
    const waiting = rejection(lock.rlock({ signal: stop.signal }))
    stop.abort(new Error('enough'))
    expect((await waiting).message).toBe('enough')
    guard.unlock()
    expect(lock.readers).toBe(0)
  })

  test('disposed of, it is stale for who waits and for who comes', async () => {
    const old = open(lock.handle)
    await lock.lock()
    const waiting = [rejection(lock.lock()), rejection(lock.rlock())]
    lock.dispose()
    for (const error of await Promise.all(waiting)) expect(error).toMatchObject({ code: 'ERR_STALE_HANDLE' })
    const other = new RWMutex({ arena })
    other.tryRLock()
    for (const use of [
      () => old.unlock(),
      () => old.runlock(),
      () => old.tryLock(),
      () => old.tryRLock(),
      () => old.lockSync(),
      () => old.rlockSync(),
      () => old.readers,
      () => old.locked,
    ])
      expect(thrown(use)).toMatchObject({ code: 'ERR_STALE_HANDLE' })
    // The place and its cells belong to another one now, which has not noticed.
    expect([other.readers, other.locked]).toEqual([1, false])
    other.runlock()
    other.dispose()
    lock = new RWMutex({ arena })
  })

  test('places are used again', () => {
    const before = arena.stats().blocks[4096] ?? 0
    for (let i = 0; i < 200; i++) new RWMutex({ arena }).dispose()
    expect((arena.stats().blocks[4096] ?? 0) - before).toBeLessThan(3)
  })
})

describe('threads', () => {
  test('RW-1 readers are in at the same time', async () => {
    const words = new SharedArrayBuffer(4)
    const readers = [1, 2, 3].map((_, i) =>
      elsewhere(
        i === 0 ? 'async' : 'blocking',
        async ({ open }, handle, words) => {
          const inside = new Int32Array(words)
          const lock = open(handle)
          const guard = inside.length > 1 ? lock.rlockSync() : await lock.rlock()
          Atomics.add(inside, 0, 1)
          while (Atomics.load(inside, 0) < 4) {}
          guard.unlock()
        },
        lock.handle,
        words,
      ),
    )
    const guard = await lock.rlock()
    Atomics.add(new Int32Array(words), 0, 1)
    await Promise.all(readers)
    guard.unlock()
    expect(lock.readers).toBe(0)
  })

  test('RW-10 one thread locks, another unlocks', async () => {
    lock.tryRLock()
    lock.tryRLock()
    await elsewhere('blocking', ({ open }, handle) => open(handle).runlock(), lock.handle)
    expect(lock.readers).toBe(1)
    const writer = lock.lock()
    await elsewhere('blocking', ({ open }, handle) => open(handle).runlock(), lock.handle)
    await writer
    expect(lock.owner).toBe(1)
    await elsewhere('blocking', ({ open }, handle) => open(handle).unlock(), lock.handle)
    expect(lock.locked).toBe(false)
  })

  test.each(['blocking', 'async'] as const)('RW-2 RW-11 never a writer beside anybody (%s)', async (style) => {
    const words = new SharedArrayBuffer(16)
    const count = rounds(style === 'async' ? 800 : 4000)
    const hammer = async (
      { open }: { open(handle: unknown): RWMutex },
      handle: unknown,
      words: SharedArrayBuffer,
      count: number,
      style: string,
      every: number,
    ): Promise<number> => {
      const lock = open(handle)
      const activity = new Int32Array(words)
      let writes = 0
      for (let i = 0; i < count; i++) {
        if (i % every === 0) {
          const guard = style === 'async' ? await lock.lock() : lock.lockSync()
          const n = Atomics.add(activity, 0, 10_000)
          if (n !== 0) throw new Error(`a writer among ${n}`)
          ;(activity[1] as number)++
          writes++
          Atomics.sub(activity, 0, 10_000)
          guard.unlock()
        } else {
          const guard = style === 'async' ? await lock.rlock() : lock.rlockSync()
          const n = Atomics.add(activity, 0, 1)
          if (n >= 9999) throw new Error(`a reader beside ${n}`)
          Atomics.sub(activity, 0, 1)
          guard.unlock()
        }
      }
      return writes
    }
    const jobs = [10, 3, 10, 50].map((every, i) =>
      elsewhere(i === 0 ? 'async' : style, hammer, lock.handle, words, count, i === 0 ? 'async' : style, every),
    )
    const here = hammer({ open } as never, lock.handle, words, Math.min(count, 500), 'async', 10)
    const writes = (await Promise.all([...jobs, here])).reduce((sum, n) => sum + n, 0)
    expect(new Int32Array(words)[1]).toBe(writes)
    expect([lock.locked, lock.readers]).toEqual([false, 0])
  })
})

describe('deaths', () => {
  const holder = (how: 'lockSync' | 'rlockSync') =>
    spawn(
      ({ open, sleepSync }, handle, how) => {
        open(handle)[how]()
        sleepSync(60_000)
      },
      lock.handle,
      how,
    )

  test('the lock of a writer is passed on, poisoned', async () => {
    const writer = holder('lockSync')
    writer.result.catch(() => {})
    await until(() => lock.locked)
    const next = lock.lock()
    await writer.terminate()
    const guard = await next
    expect([guard.poisoned, lock.poisoned]).toEqual([true, true])
    guard.unlock()
    expect(lock.poisoned).toBe(false)
  })

  test('readers learn it too; strict: nobody gets in until it is healed', async () => {
    lock.dispose()
    lock = new RWMutex({ arena, onDeath: 'throw' })
    const writer = holder('lockSync')
    writer.result.catch(() => {})
    await until(() => lock.locked)
    const waiting = [rejection(lock.rlock()), rejection(lock.lock())]
    await writer.terminate()
    for (const error of await Promise.all(waiting)) expect(error).toMatchObject({ code: 'ERR_POISONED' })
    expect(thrown(() => lock.tryRLock())).toMatchObject({ code: 'ERR_POISONED' })
    expect(thrown(() => lock.tryLock())).toMatchObject({ code: 'ERR_POISONED' })
    lock.clearPoison()
    expect(lock.tryRLock()).toBe(true)
    lock.runlock()
  })

  test('read locks of the dead are given up', async () => {
    const reader = holder('rlockSync')
    reader.result.catch(() => {})
    await until(() => lock.readers === 1)
    const writer = lock.lock()
    expect(await isPending(writer)).toBe(true)
    await reader.terminate()
    expect((await writer).poisoned).toBe(false)
    lock.unlock()
  })

  test('a writer that dies while it waits lets the others in', async () => {
    const first = await lock.rlock()
    const writer = holder('lockSync')
    writer.result.catch(() => {})
    await until(() => {
      if (!lock.tryRLock()) return true
      lock.runlock()
      return false
    })
    const reader = lock.rlock()
    await writer.terminate()
    ;(await reader).unlock()
    first.unlock()
    expect((await lock.lock()).poisoned).toBe(false)
    lock.unlock()
  })

  test('threads that die anywhere keep nobody waiting', async () => {
    const { below } = random('kills of rwmutex')
    const kills = rounds(40)
    for (let i = 0; i < kills; i++) {
      const begun = new SharedArrayBuffer(4)
      const victim = spawn(
        ({ open }, handle, begun, every) => {
          const lock = open(handle)
          for (let i = 0; ; i++) {
            const guard = i % every === 0 ? lock.lockSync() : lock.rlockSync()
            Atomics.add(new Int32Array(begun), 0, 1)
            guard.unlock()
          }
        },
        lock.handle,
        begun,
        2 + below(8),
      )
      victim.result.catch(() => {})
      await until(() => Atomics.load(new Int32Array(begun), 0) > 20)
      // We are at it too, so that it waits for us, and we for it.
      for (let k = below(30); k > 0; k--) {
        const guard = k % 3 === 0 ? await lock.lock({ timeout: 10_000 }) : await lock.rlock({ timeout: 10_000 })
        guard.unlock()
      }
      await victim.terminate()
      ;(await lock.lock({ timeout: 10_000 })).unlock()
      ;(await lock.rlock({ timeout: 10_000 })).unlock()
      expect([lock.locked, lock.readers]).toEqual([false, 0])
    }
  })
})
