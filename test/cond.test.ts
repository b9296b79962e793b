import { Arena, AtomicI32, Cond, channel, handle, Mutex, open, type RLocker, RWMutex } from 'millrace'
import { afterEach, describe, expect, test } from 'vitest'
import { expectPending, isPending, rejection, sleep, thrown, until } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { elsewhere, endThreads, spawn } from './support/threads.js'

const arena = new Arena({ size: 8 * 2 ** 20 })

afterEach(endThreads)

const lockers = {
  Mutex: () => new Mutex({ arena }),
  RWMutex: () => new RWMutex({ arena }),
  'rLocker()': () => new RWMutex({ arena }).rLocker(),
}

describe.each(Object.entries(lockers))('with %s', (_, make) => {
  test('COND-1 COND-2 COND-7 COND-11 a signal wakes the oldest, who has the lock again; none is remembered', async () => {
    const lock = make()
    const cond = new Cond(lock)
    cond.signal()
    cond.broadcast()
    const woken: number[] = []
    const waiter = async (n: number): Promise<void> => {
      await lock.lock()
      await cond.wait()
      woken.push(n)
      lock.unlock()
    }
    const waiters = [0, 1, 2].map(waiter)
    await expectPending(...waiters)
    // All of them wait, so the lock is free.
    expect(lock.tryLock()).toBe(true)
    cond.signal()
    if (!('rwmutex' in lock)) await expectPending(...waiters)
    lock.unlock()
    await waiters[0]
    expect(woken).toEqual([0])
    await expectPending(...waiters.slice(1))
    cond.signal()
    cond.signal()
    cond.signal()
    await Promise.all(waiters)
    expect(woken).toEqual([0, 1, 2])
    const late = waiter(3)
    expect(await isPending(late)).toBe(true)
    cond.broadcast()
    await late
    expect(lock.tryLock()).toBe(true)
    lock.unlock()
    cond.dispose()
  })

  test('COND-10 without the lock the error is that of unlock, and nobody is left in the queue', async () => {
    const lock = make()
    const cond = new Cond(lock)
    const said = thrown(() => lock.unlock()).message
    const blocks = arena.stats().blocks[128]
    expect(await rejection(cond.wait())).toMatchObject({ code: 'ERR_SYNC', message: said })
    expect(thrown(() => cond.waitSync())).toMatchObject({ code: 'ERR_SYNC', message: said })
    expect(arena.stats().blocks[128]).toBe(blocks)
    const waiter = (async () => {
      await lock.lock()
      await cond.wait()
      lock.unlock()
    })()
    await sleep(1)
    cond.signal()
    await waiter
  })

  test('after a timeout or an abort the lock is held again', async () => {
    const lock = make()
    const cond = new Cond(lock)
    lock.lockSync()
    expect(await rejection(cond.wait({ timeout: 10 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(await rejection(cond.wait({ timeout: 0 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(thrown(() => cond.waitSync({ timeout: 10 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(thrown(() => cond.waitSync({ timeout: 0 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect((await rejection(cond.wait({ signal: AbortSignal.timeout(10) }))).name).toBe('TimeoutError')
    expect(await rejection(cond.wait({ signal: AbortSignal.abort('no') }))).toBe('no')
    lock.unlock()
    expect(thrown(() => lock.unlock())).toMatchObject({ code: 'ERR_SYNC' })
  })
})

test('COND-3 each signal wakes the oldest of a hundred', async () => {
  const mutex = new Mutex({ arena })
  const cond = new Cond(mutex)
  const woken: number[] = []
  const waiters = Array.from({ length: 100 }, async (_, n) => {
    await mutex.lock()
    await cond.wait()
    woken.push(n)
    mutex.unlock()
  })
  await sleep(1)
  for (const waiter of waiters) {
    await mutex.withLock(() => cond.signal())
    await waiter
  }
  expect(woken).toEqual(waiters.map((_, n) => n))
})

test('COND-4 a broadcast wakes all once, and nobody who comes after', async () => {
  const mutex = new Mutex({ arena })
  const cond = new Cond(mutex)
  const seen = new Int32Array(20)
  let over = false
  const waiters = Array.from(seen, async (_, n) => {
    await mutex.lock()
    for (;;) {
      await cond.wait()
      if (over) break
      ;(seen[n] as number)++
    }
    mutex.unlock()
  })
  for (let round = 1; round <= 20; round++) {
    await until(() => seen.every((n) => n === round - 1))
    await sleep(0)
    await mutex.withLock(() => cond.broadcast())
    await until(() => seen.every((n) => n === round))
  }
  over = true
  await mutex.withLock(() => cond.broadcast())
  await Promise.all(waiters)
})

test('COND-5 three threads, blocking and async, take turns', async () => {
  const mutex = new Mutex({ arena })
  const cond = new Cond(mutex)
  const x = new AtomicI32(0, { arena })
  const turns = rounds(60)
  const play = async (
    { open }: { open(handle: unknown): never },
    handle: unknown,
    xHandle: unknown,
    me: number,
    turns: number,
    blocking: boolean,
  ): Promise<void> => {
    const cond = open(handle) as Cond<Mutex>
    const x = open(xHandle) as AtomicI32
    for (let turn = 0; turn < turns; turn++) {
      const guard = blocking ? cond.locker.lockSync() : await cond.locker.lock()
      while (x.load() % 3 !== me) blocking ? cond.waitSync() : await cond.wait()
      x.add(1)
      cond.broadcast()
      guard.unlock()
    }
  }
  await Promise.all([
    play({ open: open as never }, cond.handle, x.handle, 0, turns, false),
    elsewhere('blocking', play as never, cond.handle, x.handle, 1, turns, true),
    elsewhere('async', play as never, cond.handle, x.handle, 2, turns, false),
  ])
  expect(x.load()).toBe(3 * turns)
})

test('COND-8 COND-9 a handle is the same Cond, with its lock; signals need no lock', async () => {
  const lock = new RWMutex({ arena })
  const cond = new Cond(lock.rLocker(), { name: 'full' })
  const same = open(structuredClone(cond.handle))
  await lock.rlock()
  const waiting = cond.wait()
  same.signal()
  await waiting
  expect(lock.readers).toBe(1)
  expect((await rejection(cond.wait({ timeout: 5 }))).message).toBe('wait of the Cond "full" timed out after 5 ms')
  lock.runlock()
})

test('misuse', () => {
  for (const locker of [undefined, {}, 5]) expect(() => new Cond(locker as never)).toThrow(TypeError)
  const cond = new Cond(new Mutex({ arena }))
  expect(() => new Cond(cond.locker, 5 as never)).toThrow(TypeError)
  // Without the handle of its lock, which is how it travels through the codec of handles, it finds that where it lies itself, if that is near.
  const { locker: _, ...handle } = cond.handle
  expect(open(handle).locker.handle).toEqual(cond.locker.handle)
  const other = new Arena({ size: 2 ** 20 })
  const { locker: __, ...far } = new Cond(cond.locker, { arena: other }).handle
  expect(() => open(far)).toThrow(TypeError)
  cond.locker.dispose()
  expect(thrown(() => open(handle))).toMatchObject({ code: 'ERR_STALE_HANDLE' })
})

test('each kind of lock is found with it, by a channel too', () => {
  const lock = new RWMutex({ arena })
  const ch = channel(handle<Cond>(), { capacity: 1, arena })
  for (const locker of [new Mutex({ arena }), lock, lock.rLocker()]) {
    const cond = new Cond<Mutex | RWMutex | RLocker>(locker)
    ch.trySend(cond as Cond)
    const got = ch.tryReceive() as Cond
    expect(got.locker.constructor).toBe(locker.constructor)
    expect(got.locker.handle).toEqual(locker.handle)
    cond.dispose()
  }
  ch.dispose()
})

test('disposed of while it is waited for: who waits has the lock, and is told', async () => {
  const mutex = new Mutex({ arena })
  const cond = new Cond(mutex)
  await mutex.lock()
  const waiting = rejection(cond.wait())
  cond.dispose()
  expect(await waiting).toMatchObject({ code: 'ERR_STALE_HANDLE' })
  expect(mutex.locked).toBe(true)
  mutex.unlock()
  expect(thrown(() => cond.signal())).toMatchObject({ code: 'ERR_STALE_HANDLE' })
})

test('a signal that was given to a thread that dies before it has the lock goes to the next', async () => {
  const { below } = random('kills of cond')
  for (let i = rounds(20); i > 0; i--) {
    const mutex = new Mutex({ arena })
    const cond = new Cond(mutex)
    const ready = new SharedArrayBuffer(4)
    const victim = spawn(
      ({ open }, handle, ready) => {
        const cond = open(handle)
        cond.locker.lockSync()
        Atomics.store(new Int32Array(ready), 0, 1)
        cond.waitSync()
        cond.waitSync()
      },
      cond.handle,
      ready,
    )
    victim.result.catch(() => {})
    await until(() => Atomics.load(new Int32Array(ready), 0) === 1)
    await mutex.lock()
    const next = cond.wait()
    // It has the lock now and then, until it sleeps; the signal is its own, for it came first.
    await sleep(1)
    const guard = await mutex.lock()
    cond.signal()
    await sleep(below(3))
    await victim.terminate()
    guard.unlock()
    await next
    mutex.unlock()
    cond.dispose()
    mutex.dispose()
  }
})

test('threads that die while they wait or signal keep nobody waiting', async () => {
  const { below } = random('kills of waiting threads')
  const mutex = new Mutex({ arena })
  const cond = new Cond(mutex)
  for (let i = rounds(20); i > 0; i--) {
    const begun = new SharedArrayBuffer(4)
    const victim = spawn(
      ({ open }, handle, begun) => {
        const cond = open(handle)
        for (;;) {
          cond.locker.lockSync()
          cond.broadcast()
          Atomics.add(new Int32Array(begun), 0, 1)
          cond.waitSync()
          cond.locker.unlock()
        }
      },
      cond.handle,
      begun,
    )
    victim.result.catch(() => {})
    await until(() => {
      cond.signal()
      return Atomics.load(new Int32Array(begun), 0) > 5
    })
    for (let k = below(200); k > 0; k--) cond.signal()
    await victim.terminate()
    await mutex.lock({ timeout: 10_000 })
    const waiting = cond.wait()
    cond.broadcast()
    await waiting
    mutex.unlock()
  }
})
