import { Arena, type Guard, Mutex, open, PoisonedError, StaleHandleError, SyncError, TimeoutError } from 'millrace'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { PAGE } from '../src/generated/layout.js'
import {
  elapsed,
  expectPending,
  isPending,
  parkedMeter,
  rejection,
  retry,
  sleep,
  thrown,
  until,
} from './support/probe.js'
import { rounds } from './support/settings.js'
import { elsewhere, endThreads, here, placements, type Style, spawnWith, type Tools } from './support/threads.js'

const arena = new Arena({ size: 2 ** 22 })
afterEach(endThreads)
afterAll(async () => {
  await until(() => arena.stats().threads === 1, 'the end of all other threads')
  // The page of places for sync objects stays.
  const { 4096: _scratch, ...blocks } = arena.stats().blocks
  expect(blocks).toEqual({ [PAGE]: 1 })
})

const make = (options: object = {}): Mutex => new Mutex({ arena, ...options })

// Jobs run in other threads as their source text: each is self-contained.

/** Locks, by turns with lock and with tryLock, and adds to a plain counter each time: how often it did, and how often it was not alone. */
async function hammer({ open, io, sleep }: Tools, handle: unknown, words: SharedArrayBuffer, loops: number) {
  const m = open(handle)
  const shared = new Int32Array(words)
  let got = 0
  let crowds = 0
  for (let i = 0; i < loops; i++) {
    if (i % 3 === 2) {
      if (!m.tryLock()) continue
    } else await io.call(m, 'lock')
    if ((shared[1] as number) !== 0) crowds++
    shared[1] = 1
    const before = shared[0] as number
    if (i % 64 === 0) await sleep(0)
    shared[0] = before + 1
    shared[1] = 0
    got++
    m.unlock()
  }
  return { got, crowds }
}

async function take({ open, io }: Tools, handle: unknown, options?: object) {
  const guard = await io.call(open(handle), 'lock', options)
  return guard.poisoned
}

const unlock = ({ open }: Tools, handle: unknown): void => open(handle).unlock()

test('MUTEX-1 MUTEX-10 tryLock takes a free mutex only, and a new one is free', () => {
  const m = make()
  expect(m.locked).toBe(false)
  expect(m.owner).toBe(undefined)
  expect(m.tryLock()).toBe(true)
  expect(m.locked).toBe(true)
  expect(m.owner).toBeGreaterThan(0)
  expect(m.tryLock()).toBe(false)
  m.unlock()
  expect(m.owner).toBe(undefined)
  expect(m.tryLock()).toBe(true)
  m.unlock()
  m.dispose()
})

describe('MUTEX-2 MUTEX-14 nobody holds it together with another', () => {
  for (const style of ['blocking', 'async'] as const)
    test(`ten tasks on workers (${style})`, async () => {
      const m = make()
      const words = new SharedArrayBuffer(8)
      const loops = rounds(style === 'blocking' ? 1000 : 200)
      const threads = style === 'blocking' ? 4 : 2
      const runs = Array.from({ length: 10 }, (_, i) =>
        i < threads
          ? elsewhere(style, hammer, m.handle, words, loops)
          : here('async', hammer, m.handle, words, Math.ceil(loops / 10)),
      )
      const results = await Promise.all(runs)
      expect(results.reduce((sum, { crowds }) => sum + crowds, 0)).toBe(0)
      expect(new Int32Array(words)[0]).toBe(results.reduce((sum, { got }) => sum + got, 0))
      expect(m.locked).toBe(false)
      m.dispose()
    })
})

describe('MUTEX-3 an unlock of what is not locked is refused and changes nothing', () => {
  test.each([
    ['never locked', () => {}],
    [
      'unlocked before',
      (m: Mutex) => {
        m.tryLock()
        m.unlock()
      },
    ],
  ])('%s', (_, before) => {
    const m = make()
    before(m)
    const error = thrown(() => m.unlock())
    expect(error).toBeInstanceOf(SyncError)
    expect(error.code).toBe('ERR_SYNC')
    expect(error.message).toBe('sync: unlock of unlocked mutex')
    expect(m.locked).toBe(false)
    expect(m.tryLock()).toBe(true)
    m.unlock()
    m.dispose()
  })
})

describe.each(placements)('MUTEX-4 a lock waits until the other side unlocks: $name', ({ left, right }) => {
  test('and is had then', async () => {
    const m = make()
    await left(take, m.handle)
    const second = right(take, m.handle)
    await expectPending(second)
    m.unlock()
    expect(await second).toBe(false)
    expect(m.locked).toBe(true)
    m.unlock()
    m.dispose()
  })

  test('MUTEX-5 whoever unlocks', async () => {
    const m = make()
    await left(take, m.handle)
    await right(unlock, m.handle)
    expect(await left(take, m.handle)).toBe(false)
    await right(unlock, m.handle)
    expect(m.locked).toBe(false)
    m.dispose()
  })

  test('MUTEX-11 one who has given up is passed over', async () => {
    const m = make()
    await left(take, m.handle)
    const tired = right(take, m.handle, { timeout: 30 })
    const error = await rejection(tired)
    expect(error.code).toBe('ERR_TIMEOUT')
    const next = right(take, m.handle)
    await expectPending(next)
    m.unlock()
    expect(await next).toBe(false)
    m.unlock()
    expect(m.locked).toBe(false)
    m.dispose()
  })
})

test('MUTEX-6 it is not re-entrant', async () => {
  const m = make()
  using _guard = await m.lock()
  const again = m.lock({ timeout: 30 })
  expect(await isPending(again.catch(() => sleep(200)))).toBe(true)
  expect((await rejection(again)).code).toBe('ERR_TIMEOUT')
  expect(thrown(() => m.lockSync({ timeout: 20 }))).toBeInstanceOf(TimeoutError)
})

describe('MUTEX-7 nobody starves', () => {
  for (const style of ['blocking', 'async'] as const)
    test(`beside one who locks again and again (${style})`, async () => {
      const m = make()
      const stop = new SharedArrayBuffer(4)
      const hog = spawnWith(
        'blocking',
        ({ open }, handle, stop) => {
          const m = open(handle)
          const words = new Int32Array(stop)
          let loops = 0
          while (Atomics.load(words, 0) === 0) {
            m.lockSync()
            const until = performance.now() + 0.1
            while (performance.now() < until);
            m.unlock()
            loops++
          }
          return loops
        },
        m.handle,
        stop,
      )
      await until(() => m.locked)
      const ms = await elapsed(async () => {
        for (let i = 0; i < 10; i++) {
          await sleep(0)
          const guard = style === 'async' ? await m.lock({ timeout: 10_000 }) : m.lockSync({ timeout: 10_000 })
          guard.unlock()
        }
      })
      Atomics.store(new Int32Array(stop), 0, 1)
      expect(await hog.result).toBeGreaterThan(9)
      expect(ms).toBeLessThan(10_000)
      m.dispose()
    })
})

test('MUTEX-8 a task that waits is handed the mutex: nobody comes between', async () => {
  const m = make()
  const first = await m.lock()
  const second = m.lock()
  first.unlock()
  expect(m.locked).toBe(true)
  expect(m.tryLock()).toBe(false)
  ;(await second).unlock()
  m.dispose()
})

test('tasks are served first come, first served', async () => {
  const m = make()
  const guard = await m.lock()
  const order: number[] = []
  const tasks = Array.from({ length: 100 }, async (_, i) => {
    const mine = await m.lock()
    order.push(i)
    mine.unlock()
  })
  guard.unlock()
  await Promise.all(tasks)
  expect(order).toEqual(order.map((_, i) => i))
  m.dispose()
})

describe('MUTEX-12 MUTEX-13 withLock unlocks however the function ends, and a throw poisons nothing', () => {
  test('it returns, throws, is rejected', async () => {
    const m = make()
    expect(await m.withLock(() => (m.locked ? 7 : 0))).toBe(7)
    expect(m.locked).toBe(false)
    const boom = new Error('boom')
    expect(await rejection(m.withLock(() => Promise.reject(boom)))).toBe(boom)
    expect(m.locked).toBe(false)
    const thrower = (): never => {
      throw boom
    }
    expect(await rejection(m.withLock(thrower))).toBe(boom)
    expect(thrown(() => m.withLockSync(thrower))).toBe(boom)
    expect(m.withLockSync((guard) => guard.poisoned)).toBe(false)
    expect(m.poisoned).toBe(false)
    expect(m.tryLock()).toBe(true)
    m.unlock()
    m.dispose()
  })

  test('an async function holds it to its end', async () => {
    const m = make()
    const held = m.withLock(() => sleep(50))
    await sleep(10)
    expect(m.tryLock()).toBe(false)
    await held
    expect(m.tryLock()).toBe(true)
    m.unlock()
    m.dispose()
  })
})

describe('guards', () => {
  test('unlock once', async () => {
    const m = make()
    const first = m.lockSync()
    first.unlock()
    const second = await m.lock()
    first.unlock()
    first[Symbol.dispose]()
    expect(m.locked).toBe(true)
    second[Symbol.dispose]()
    expect(m.locked).toBe(false)
    second.unlock()
    m.dispose()
  })

  test('using unlocks at the end of the block, also of one that throws', async () => {
    const m = make()
    const use = async (): Promise<void> => {
      using _guard = await m.lock()
      throw new Error('out')
    }
    await rejection(use())
    expect(m.locked).toBe(false)
    m.dispose()
  })
})

describe('timeouts and aborts', () => {
  test('nothing is held after, nobody is parked', async () => {
    const m = make()
    const parked = parkedMeter(arena)
    const guard = await m.lock()
    const controller = new AbortController()
    const reason = new Error('enough')
    const aborted = m.lock({ signal: controller.signal })
    const late = m.lock({ timeout: 20 })
    await parked(2)
    controller.abort(reason)
    expect(await rejection(aborted)).toBe(reason)
    expect(await rejection(late)).toBeInstanceOf(TimeoutError)
    await parked(0)
    guard.unlock()
    expect(m.locked).toBe(false)
    expect(await rejection(m.lock({ signal: controller.signal }))).toBe(reason)
    expect(thrown(() => m.lockSync({ signal: controller.signal }))).toBe(reason)
    expect(m.locked).toBe(false)
    expect((await m.lock({ timeout: 0 })).unlock()).toBe(undefined)
    m.dispose()
  })

  test('the error names the mutex', async () => {
    const m = make({ name: 'accounts' })
    using _guard = m.lockSync()
    const error = await rejection(m.lock({ timeout: 5 }))
    expect(error.message).toMatch('lock of the mutex "accounts" timed out after 5 ms')
    expect((open(m.handle) as Mutex).name).toBe('accounts')
  })

  test('a race of abort and unlock leaves it with one of them', async () => {
    const m = make()
    for (let i = 0; i < rounds(200); i++) {
      const guard = await m.lock()
      const controller = new AbortController()
      const other = m.lock({ signal: controller.signal })
      if (i % 2) controller.abort()
      guard.unlock()
      if (i % 2 === 0) controller.abort()
      const got = await other.catch(() => undefined)
      got?.unlock()
      expect(m.locked).toBe(false)
    }
    m.dispose()
  })
})

describe('a thread that dies', () => {
  for (const style of ['blocking', 'async'] as const) {
    test(`holding it: the next one learns it, once (${style})`, async () => {
      const m = make()
      const holder = spawnWith(
        'blocking',
        ({ open }, handle) => {
          open(handle).lockSync()
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
        },
        m.handle,
      )
      await until(() => m.locked)
      const next = elsewhere(style, take, m.handle)
      await expectPending(next)
      await holder.terminate()
      expect(await next).toBe(true)
      expect(m.poisoned).toBe(true)
      m.unlock()
      expect(m.poisoned).toBe(false)
      using guard = await m.lock()
      expect(guard.poisoned).toBe(false)
    })

    test(`while it waits: the others go on (${style})`, async () => {
      const m = make()
      const parked = parkedMeter(arena)
      const guard = m.lockSync()
      const dead = spawnWith(style, take, m.handle)
      await parked(1)
      const live = m.lock()
      await parked(2)
      await dead.terminate()
      await parked(1)
      guard.unlock()
      ;(await live).unlock()
      expect(m.locked).toBe(false)
      m.dispose()
    })
  }

  test('holding it, with nobody waiting: whoever comes next learns it', async () => {
    for (const take of [
      (m: Mutex) => m.lockSync().poisoned,
      async (m: Mutex) => (await m.lock()).poisoned,
      (m: Mutex) => m.tryLock() && m.poisoned,
    ]) {
      const m = make()
      const holder = spawnWith(
        'blocking',
        ({ open }, handle) => {
          open(handle).lockSync()
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
        },
        m.handle,
      )
      await until(() => m.locked)
      await holder.terminate()
      await until(() => m.poisoned)
      expect(await take(m)).toBe(true)
      expect(m.locked).toBe(true)
      m.unlock()
      expect(m.poisoned).toBe(false)
      m.dispose()
    }
  })

  test("onDeath 'throw': nobody gets it until it is put right", async () => {
    const m = make({ onDeath: 'throw', name: 'book' })
    const holder = spawnWith(
      'async',
      async ({ open }, handle) => {
        await open(handle).lock()
        await new Promise(() => setInterval(() => {}, 1000))
      },
      m.handle,
    )
    await until(() => m.locked)
    const waiting = m.lock()
    const blocked = elsewhere('blocking', take, m.handle)
    await expectPending(waiting, blocked)
    await holder.terminate()
    const error = await rejection(waiting)
    expect(error).toBeInstanceOf(PoisonedError)
    expect(error.code).toBe('ERR_POISONED')
    expect(error.message).toMatch('the mutex "book"')
    expect((await rejection(blocked)).code).toBe('ERR_POISONED')
    expect(thrown(() => m.tryLock()).code).toBe('ERR_POISONED')
    expect(thrown(() => m.lockSync()).code).toBe('ERR_POISONED')
    expect([m.locked, m.poisoned]).toEqual([false, true])
    m.clearPoison()
    expect(m.poisoned).toBe(false)
    m.lockSync().unlock()
    m.dispose()
  })

  test('at any step: nobody hangs, and what it guards is entered by one at a time', async () => {
    const m = make()
    const words = new SharedArrayBuffer(12)
    const shared = new Int32Array(words)
    const visitor = ({ open }: Tools, handle: unknown, words: SharedArrayBuffer) => {
      const m = open(handle)
      const shared = new Int32Array(words)
      const visit = (poisoned: boolean): void => {
        // Whoever died in here has left it occupied; it must have been said then.
        if (shared[0] !== 0 && !poisoned) Atomics.add(shared, 1, 1)
        shared[0] = 1
        Atomics.add(shared, 2, 1)
        shared[0] = 0
        m.unlock()
      }
      for (;;) visit(m.lockSync().poisoned)
    }
    const steady = Array.from({ length: 2 }, () => spawnWith('blocking', visitor, m.handle, words))
    for (let i = 0; i < rounds(30); i++) {
      const victim = spawnWith('blocking', visitor, m.handle, words)
      await sleep(20 + (i % 7) * 3)
      await victim.terminate()
      const visits = Atomics.load(shared, 2)
      await until(() => Atomics.load(shared, 2) > visits + 10, 'others going on')
    }
    for (const { terminate } of steady) await terminate()
    await until(() => arena.stats().threads === 1, 'the end of all other threads')
    expect(shared[1]).toBe(0)
    const guard = await m.lock({ timeout: 10_000 })
    guard.unlock()
    m.dispose()
  }, 120_000)
})

describe('disposed of', () => {
  test('who waits is told, and every later use', async () => {
    const m = make()
    m.lockSync()
    const waiting = m.lock()
    const blocked = elsewhere('blocking', take, m.handle)
    const handle = m.handle
    const other = open(handle) as Mutex
    await expectPending(waiting, blocked)
    m.dispose()
    expect(await rejection(waiting)).toBeInstanceOf(StaleHandleError)
    expect((await rejection(blocked)).code).toBe('ERR_STALE_HANDLE')
    for (const use of [
      () => other.tryLock(),
      () => other.unlock(),
      () => other.lockSync(),
      () => other.locked,
      () => other.handle,
      () => other.clearPoison(),
      () => other.dispose(),
      () => m.tryLock(),
      () => open(handle),
    ])
      expect(thrown(use).code).toBe('ERR_STALE_HANDLE')
    expect((await rejection(other.lock())).code).toBe('ERR_STALE_HANDLE')
    m.dispose()
    // The place is used again, and the old handle does not open what is there now.
    const next = make()
    expect(thrown(() => open(handle)).code).toBe('ERR_STALE_HANDLE')
    expect(thrown(() => other.unlock()).code).toBe('ERR_STALE_HANDLE')
    expect(next.tryLock()).toBe(true)
    next.unlock()
    next.dispose()
  })
})

test('wrong options are refused', () => {
  expect(thrown(() => new Mutex(5 as never)).message).toMatch('Mutex takes options { arena, name }, not 5')
  expect(thrown(() => make({ name: 5 })).message).toMatch('name is a string, not 5')
  expect(thrown(() => make({ onDeath: 'ignore' })).message).toMatch("onDeath is 'report' or 'throw', not \"ignore\"")
})

test('no futex call without contention', () => {
  const m = make()
  const calls: string[] = []
  const { wait, notify } = Atomics
  try {
    Atomics.wait = ((...args: Parameters<typeof wait>) => {
      calls.push('wait')
      return wait(...args)
    }) as typeof wait
    Atomics.notify = ((...args: Parameters<typeof notify>) => {
      calls.push('notify')
      return notify(...args)
    }) as typeof notify
    for (let i = 0; i < 1000; i++) {
      m.lockSync()
      m.unlock()
    }
  } finally {
    Object.assign(Atomics, { wait, notify })
  }
  expect(calls).toEqual([])
  m.dispose()
})

test('more mutexes than a page has places for', () => {
  const own = new Arena({ size: 2 ** 20 })
  const many = Array.from({ length: 200 }, () => new Mutex({ arena: own }))
  for (const m of many) m.lockSync()
  expect(new Set(many.map((m) => m.handle.address)).size).toBe(200)
  for (const m of many) m.unlock()
  for (const m of many) m.dispose()
  const blocks = own.stats().blocks[PAGE] as number
  const again = Array.from({ length: 200 }, () => new Mutex({ arena: own }))
  expect(own.stats().blocks[PAGE]).toBe(blocks)
  const full: Mutex[] = []
  expect(
    thrown(() => {
      for (;;) full.push(new Mutex({ arena: own }))
    }).code,
  ).toBe('ERR_ARENA_FULL')
  for (const m of [...again, ...full]) m.dispose()
  new Mutex({ arena: own }).dispose()
})

test('fairness: of two threads, one of which locks again at once, the other gets a tenth of the locks at least', () =>
  retry(async () => {
    const m = make()
    const stop = new SharedArrayBuffer(4)
    const greedy = ({ open }: Tools, handle: unknown, stop: SharedArrayBuffer, pause: number) => {
      const m = open(handle)
      const words = new Int32Array(stop)
      Atomics.add(words, 0, 1)
      while (Atomics.load(words, 0) < 2);
      let n = 0
      const end = performance.now() + 500
      while (performance.now() < end) {
        const guard: Guard = m.lockSync()
        const until = performance.now() + 0.02
        while (performance.now() < until);
        guard.unlock()
        n++
        for (const until = performance.now() + pause; performance.now() < until; );
      }
      return n
    }
    const [a, b] = await Promise.all([
      elsewhere('blocking' as Style, greedy, m.handle, stop, 0),
      elsewhere('blocking' as Style, greedy, m.handle, stop, 0.01),
    ])
    expect(Math.min(a, b)).toBeGreaterThan((a + b) / 10)
    m.dispose()
  }))
