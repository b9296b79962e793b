// Semaphores: what golang.org/x/sync/semaphore does, in one thread and across threads, and what misuse does.

import { Arena, open, Semaphore, StaleHandleError, SyncError, TimeoutError } from 'millrace'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { expectPending, parkedMeter, sleep, thrown, until } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { elsewhere, endThreads, here, type Spawned, type Style, spawnWith } from './support/threads.js'

const chance = random('semaphore')
const arena = new Arena({ size: 8 * 2 ** 20 })

afterEach(endThreads)
afterAll(async () => {
  // Ledgers are 2 KiB, waiters 128 bytes: all are given back.
  await until(() => (arena.stats().blocks[2048] ?? 0) + (arena.stats().blocks[128] ?? 0) === 0, 'no blocks left')
})

const make = (size: number): Semaphore => new Semaphore(size, { arena })
const on = { 'this thread': here, 'a worker': elsewhere }
const styles: Style[] = ['async', 'blocking']
const places = Object.keys(on).flatMap((place) => styles.map((style) => [place, style] as [keyof typeof on, Style]))

test('SEM-1 tryAcquire', () => {
  using s = make(2)
  s.tryAcquire()
  const tries = [s.tryAcquire(), s.tryAcquire()]
  s.release(2)
  tries.push(s.tryAcquire())
  s.tryAcquire()
  tries.push(s.tryAcquire())
  expect(tries).toEqual([true, false, true, false])
  s.release(2)
  expect(s.available).toBe(2)
})

test.each(places)('SEM-2 acquire with a timeout, on %s, %s', async (place, style) => {
  using s = make(2)
  const tries = await on[place](
    style,
    async ({ open }, handle, blocking) => {
      const s = open(handle)
      const tries: boolean[] = []
      const acquire = async (n: number): Promise<void> => {
        try {
          if (blocking) s.acquireSync(n, { timeout: 10 })
          else await s.acquire(n, { timeout: 10 })
          tries.push(true)
        } catch (error) {
          if ((error as { code: string }).code !== 'ERR_TIMEOUT') throw error
          tries.push(false)
        }
      }
      await acquire(2)
      await acquire(1)
      s.release(2)
      await acquire(1)
      await acquire(2)
      s.release(1)
      return tries
    },
    s.handle,
    style === 'blocking',
  )
  expect(tries).toEqual([true, false, true, false])
  expect(s.available).toBe(2)
})

test('SEM-3 a release of more than is held throws, and changes nothing', () => {
  using s = make(3)
  expect(thrown(() => s.release())).toMatchObject({ code: 'ERR_SYNC', message: 'semaphore: released more than held' })
  s.tryAcquire(2)
  expect(() => s.release(3)).toThrow(SyncError)
  expect(s.available).toBe(1)
  s.release(2)
  expect(() => s.release(2 ** 31 - 1)).toThrow('semaphore: released more than held')
  expect(s.available).toBe(3)
})

test('SEM-4 SEM-12 a large one at the head lets nobody by; a release serves as many as fit, in order', async () => {
  using s = make(4)
  s.tryAcquire(3)
  const order: string[] = []
  const note = (name: string, n: number) => s.acquire(n).then(() => order.push(name))
  const waits = [note('large', 3), note('small', 1), note('next', 2)]
  expect(s.available).toBe(1)
  expect(s.tryAcquire(1)).toBe(false)
  await expectPending(...waits)
  s.release(3)
  await Promise.all(waits.slice(0, 2))
  expect(order).toEqual(['large', 'small'])
  expect(s.available).toBe(0)
  await expectPending(waits[2] as Promise<unknown>)
  s.release(1)
  expect(s.available).toBe(1)
  s.release(3)
  await waits[2]
  expect(s.available).toBe(2)
  s.release(2)
})

test('SEM-6 to acquire more than there are is refused at once, and is in nobody’s way', async () => {
  using s = make(2)
  await expect(s.acquire(3)).rejects.toMatchObject({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })
  await expect(s.acquire(3)).rejects.toThrow('2 permits')
  expect(() => s.acquireSync(3)).toThrow(RangeError)
  expect(s.tryAcquire(3)).toBe(false)
  await Promise.all(
    Array.from({ length: 6 }, async () => {
      using _permit = await s.acquire(1)
      await sleep(1)
    }),
  )
  expect(s.available).toBe(2)
})

describe('SEM-7 when the one at the head gives up, those behind it that fit are served', () => {
  test('by an abort', async () => {
    using s = make(10)
    s.tryAcquire(1)
    const abort = new AbortController()
    const first = s.acquire(10, { signal: abort.signal })
    const second = s.acquire(1)
    first.catch(() => {})
    await expectPending(first, second)
    abort.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    const permit = await second
    expect(s.available).toBe(8)
    permit.release()
    s.release(1)
  })

  test('by a timeout, in another thread', async () => {
    using s = make(10)
    s.tryAcquire(1)
    const meter = parkedMeter(arena)
    const first = elsewhere(
      'blocking',
      ({ open }, handle) => {
        try {
          open(handle).acquireSync(10, { timeout: 300 })
        } catch (error) {
          return (error as { code: string }).code
        }
        return 'acquired'
      },
      s.handle,
    )
    await meter(1)
    const second = s.acquire(1)
    expect(await first).toBe('ERR_TIMEOUT')
    ;(await second).release()
    s.release(1)
    expect(s.available).toBe(10)
  })
})

test('SEM-8 SEM-9 an abort before, or at the same time as a release, leaves nothing taken', async () => {
  using s = make(2)
  await expect(s.acquire(1, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before')
  expect(() => s.acquireSync(1, { signal: AbortSignal.abort(new Error('before')) })).toThrow('before')
  expect(s.available).toBe(2)
  for (let i = 0; i < 200; i++) {
    s.tryAcquire(2)
    const abort = new AbortController()
    const wait = s.acquire(2, { signal: abort.signal })
    if (i % 2) {
      abort.abort(new Error('late'))
      s.release(2)
    } else {
      s.release(2)
      abort.abort(new Error('late'))
    }
    await wait.then(
      (permit) => permit.release(),
      () => {},
    )
    expect(s.tryAcquire(2)).toBe(true)
    s.release(2)
  }
})

test('SEM-9 a timeout against releases of another thread', async () => {
  using s = make(2)
  const other = elsewhere(
    'blocking',
    ({ open, sleepSync }, handle, count) => {
      const s = open(handle)
      for (let i = 0; i < count; i++) {
        s.acquireSync(2)
        sleepSync(0.2)
        s.release(2)
      }
    },
    s.handle,
    rounds(300),
  )
  for (let i = 0; i < rounds(300); i++)
    await s.acquire(1 + (i % 2), { timeout: 0.3 }).then(
      (permit) => permit.release(),
      (error) => expect(error).toBeInstanceOf(TimeoutError),
    )
  await other
  expect(s.tryAcquire(2)).toBe(true)
  s.release(2)
})

test.each(styles)('SEM-10 weights of all sizes, %s', async (style) => {
  const workers = 4
  using s = make(workers)
  const used = new Int32Array(new SharedArrayBuffer(4))
  await Promise.all(
    Array.from({ length: workers }, (_, i) =>
      elsewhere(
        style,
        async ({ open, randomFrom, sleepSync }, handle, n, size, used, count, blocking) => {
          const s = open(handle)
          const random = randomFrom(n)
          for (let i = 0; i < count; i++) {
            const permit = blocking ? s.acquireSync(n) : await s.acquire(n)
            if (Atomics.add(used, 0, n) + n > size) throw new Error('more than there are')
            sleepSync(random.next())
            Atomics.sub(used, 0, n)
            permit.release()
          }
        },
        s.handle,
        i + 1,
        workers,
        used,
        rounds(100) / (i + 1),
        style === 'blocking',
      ),
    ),
  )
  expect(s.available).toBe(workers)
})

test('SEM-11 as the limit of a pool', async () => {
  using s = make(3)
  let running = 0
  let most = 0
  const steps = (n: number): number => (n === 1 ? 0 : 1 + steps(n % 2 ? 3 * n + 1 : n / 2))
  const out: number[] = []
  for (let i = 1; i <= 32; i++) {
    const permit = await s.acquire()
    void (async () => {
      using _permit = permit
      most = Math.max(most, ++running)
      await sleep(1)
      out[i - 1] = steps(i)
      running--
    })()
  }
  const all = await s.acquire(3)
  expect(most).toBe(3)
  expect(out).toEqual([
    0, 1, 7, 2, 5, 8, 16, 3, 19, 6, 14, 9, 9, 17, 17, 4, 12, 20, 20, 7, 7, 15, 15, 10, 23, 10, 111, 18, 18, 18, 106, 5,
  ])
  all.release()
})

test('a permit is released once, and says how many it stands for', async () => {
  using s = make(5)
  {
    using permit = await s.acquire(2)
    expect([permit.n, s.available]).toEqual([2, 3])
    permit.release()
    permit.release()
    expect(s.available).toBe(5)
  }
  expect(s.available).toBe(5)
  using none = s.acquireSync(0)
  expect([none.n, s.available, s.tryAcquire(0)]).toEqual([0, 5, true])
  s.release(0)
})

test('acquire of nothing waits its turn too, as in Go', async () => {
  using s = make(1)
  s.tryAcquire()
  const [one, none] = [s.acquire(1), s.acquire(0)]
  await expectPending(none)
  s.release()
  await Promise.all([one, none])
  s.release()
})

test('sizes and numbers that make no sense', () => {
  for (const size of [-1, 0.5, 2 ** 31, Number.NaN]) expect(() => make(size)).toThrow(RangeError)
  for (const size of ['2', undefined, null, 2n]) expect(() => make(size as never)).toThrow(TypeError)
  using s = make(2 ** 31 - 1)
  for (const n of [-1, 0.5, Number.NaN]) {
    expect(() => s.tryAcquire(n)).toThrow(RangeError)
    expect(() => s.acquireSync(n)).toThrow(RangeError)
    expect(() => s.release(n)).toThrow(RangeError)
  }
  for (const n of ['1', null, 1n]) expect(() => s.tryAcquire(n as never)).toThrow(TypeError)
  expect(s.available).toBe(2 ** 31 - 1)
  expect(s.tryAcquire(2 ** 31 - 1)).toBe(true)
  expect(s.tryAcquire(2 ** 32)).toBe(false)
  s.release(2 ** 31 - 1)
  using empty = make(0)
  expect([empty.size, empty.tryAcquire(1), empty.tryAcquire(0)]).toEqual([0, false, true])
})

test('handles: the same semaphore, with its name; stale once it is disposed of', async () => {
  const s = new Semaphore(3, { arena, name: 'slots' })
  const same = open(s.handle)
  same.tryAcquire(3)
  expect([same.size, s.available, same.name]).toEqual([3, 0, 'slots'])
  await expect(s.acquire(1, { timeout: 1 })).rejects.toThrow('"slots"')
  const { handle } = s
  const wait = same.acquire(2)
  const blocked = elsewhere('blocking', ({ open }, handle) => void open(handle).acquireSync(1), handle)
  await until(() => (arena.stats().blocks[128] ?? 0) >= 2, 'two who wait')
  s.dispose()
  await expect(wait).rejects.toThrow(StaleHandleError)
  await expect(blocked).rejects.toMatchObject({ code: 'ERR_STALE_HANDLE' })
  for (const call of [() => same.tryAcquire(), () => same.release(), () => same.available, () => open(handle)])
    expect(call).toThrow(StaleHandleError)
  expect(() => open({ ...handle, generation: handle.generation + 1 })).toThrow(StaleHandleError)
  expect(() => open({ ...handle, kind: 'barrier' })).toThrow(StaleHandleError)
})

test('what one thread has acquired another releases', async () => {
  using s = make(6)
  const acquire = (n: number) =>
    spawnWith(
      'blocking',
      ({ open, sleepSync }, handle, n) => {
        open(handle).acquireSync(n)
        sleepSync(1e6)
      },
      s.handle,
      n,
    )
  const two = [acquire(2), acquire(3)]
  s.tryAcquire(1)
  await until(() => s.available === 0)
  s.release(6)
  expect(s.available).toBe(6)
  expect(() => s.release(1)).toThrow('semaphore: released more than held')
  // Nothing is theirs any more.
  await Promise.all(two.map((each) => each.terminate()))
  expect(s.available).toBe(6)
})

test('what a dead thread held comes back', async () => {
  using s = make(4)
  s.tryAcquire(1)
  const holder = spawnWith(
    'blocking',
    ({ open, sleepSync }, handle) => {
      open(handle).acquireSync(3)
      sleepSync(1e6)
    },
    s.handle,
  )
  await until(() => s.available === 0)
  const wait = s.acquire(3)
  await expectPending(wait)
  await holder.terminate()
  await wait
  expect(s.available).toBe(0)
  s.release(4)
})

test.each(styles)('workers killed anywhere, %s: nobody hangs, nothing is lost', async (style) => {
  const size = 3
  using s = make(size)
  const start = (seed: number): Spawned<void> =>
    spawnWith(
      style,
      async ({ open, randomFrom }, handle, seed, blocking) => {
        const s = open(handle)
        const random = randomFrom(seed)
        for (;;) {
          const n = 1 + random.below(3)
          const timeout = random.below(4) === 0 ? { timeout: 0.05 } : {}
          try {
            const permit = blocking ? s.acquireSync(n, timeout) : await s.acquire(n, timeout)
            permit.release()
          } catch (error) {
            if ((error as { code: string }).code !== 'ERR_TIMEOUT') throw error
          }
        }
      },
      s.handle,
      seed,
      style === 'blocking',
    )
  const live = [start(1), start(2)]
  for (let k = 0; k < rounds(25); k++) {
    await sleep(chance.next() * 20 + 5)
    const [victim] = live.splice(chance.below(2), 1) as [Spawned<void>]
    await victim.terminate()
    live.push(start(k + 3))
    ;(await s.acquire(1 + (k % size), { timeout: 15_000 })).release()
  }
  await Promise.all(live.map((each) => each.terminate()))
  await until(() => s.available === size, 'all permits')
})
