// Wait groups: what Go's sync.WaitGroup does, in one thread and across threads, what belongs to a thread that dies, and what misuse does.

import { Arena, AtomicI32, open, StaleHandleError, SyncError, WaitGroup } from 'millrace'
import { afterAll, afterEach, expect, test } from 'vitest'
import { expectPending, parkedMeter, sleep, thrown, until } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { elsewhere, endThreads, here, type Spawned, type Style, spawnWith } from './support/threads.js'

const chance = random('wait group')
const arena = new Arena({ size: 8 * 2 ** 20 })

afterEach(endThreads)
afterAll(async () => {
  await until(() => (arena.stats().blocks[2048] ?? 0) === 0, 'no ledgers left')
})

const make = (): WaitGroup => new WaitGroup({ arena })
const styles: Style[] = ['async', 'blocking']
const places = [here, elsewhere].flatMap((run) =>
  styles.map((style) => [run === here ? 'this thread' : 'a worker', style, run] as const),
)

test.each(places)('WG-1 wait returns at once when the counter is 0, on %s, %s', async (_place, style, run) => {
  using group = make()
  await run(
    style,
    async ({ open }, handle, blocking) => {
      const group = open(handle)
      if (blocking) group.waitSync({ timeout: 0 })
      else await group.wait({ timeout: 0 })
    },
    group.handle,
    style === 'blocking',
  )
  expect([group.tryWait(), group.count]).toEqual([true, 0])
})

test('WG-2 two groups as a barrier, used again and again', async () => {
  using one = make()
  using two = make()
  for (let round = 0; round < 8; round++) {
    one.add(16)
    two.add(16)
    let reports = 0
    const tasks = Array.from({ length: 16 }, async () => {
      one.done()
      await two.wait()
      reports++
    })
    await one.wait()
    for (let i = 0; i < 16; i++) {
      expect(reports).toBe(0)
      two.done()
    }
    await Promise.all(tasks)
    expect(reports).toBe(16)
  }
})

test.each(styles)('WG-2 the same across threads, %s', async (style) => {
  using one = make()
  using two = make()
  using reports = new AtomicI32(0, { arena })
  using begun = new AtomicI32(0, { arena })
  const count = rounds(50)
  const workers = [1, 2, 3].map(() =>
    elsewhere(
      style,
      async ({ open, sleepSync }, first, second, counter, gate, count, blocking) => {
        const [one, two, reports, begun] = [open(first), open(second), open(counter), open(gate)]
        for (let round = 1; round <= count; round++) {
          while (begun.load() < round) sleepSync(0.05)
          one.done()
          if (blocking) two.waitSync()
          else await two.wait()
          reports.add(1)
        }
      },
      one.handle,
      two.handle,
      reports.handle,
      begun.handle,
      count,
      style === 'blocking',
    ),
  )
  for (let round = 1; round <= count; round++) {
    two.add(3)
    one.add(3)
    begun.store(round)
    await one.wait()
    expect(reports.load()).toBe(3 * (round - 1))
    two.add(-3)
    await until(() => reports.load() === 3 * round, 'all reports')
  }
  await Promise.all(workers)
})

test('WG-3 a counter below zero throws, and changes nothing', () => {
  using group = make()
  group.add()
  group.done()
  expect(thrown(() => group.done())).toMatchObject({ code: 'ERR_SYNC', message: 'sync: negative WaitGroup counter' })
  group.add(3)
  expect(() => group.add(-4)).toThrow(SyncError)
  expect(group.count).toBe(3)
  group.add(-3)
  expect(group.tryWait()).toBe(true)
})

test('WG-4 wait never returns early', async () => {
  using group = make()
  using sum = new AtomicI32(0, { arena })
  using go = new AtomicI32(0, { arena })
  const count = rounds(1000)
  const workers = [1, 2].map(() =>
    elsewhere(
      'blocking',
      ({ open }, handle, counter, gate, count) => {
        const [group, sum, go] = [open(handle), open(counter), open(gate)]
        for (let i = 1; i <= count; i++) {
          while (go.load() < i) {}
          sum.add(1)
          group.done()
        }
      },
      group.handle,
      sum.handle,
      go.handle,
      count,
    ),
  )
  for (let i = 1; i <= count; i++) {
    group.add(2)
    go.store(i)
    if (i % 2) await group.wait()
    else group.waitSync()
    expect(sum.load()).toBe(2 * i)
  }
  await Promise.all(workers)
})

test('WG-5 WG-10 all who wait are released together, also if the group is used again at once', async () => {
  using group = make()
  for (let round = 0; round < 3; round++) {
    group.add()
    const parked = parkedMeter(arena)
    const waits = Array.from({ length: 5 }, () => group.wait())
    const blocked = [1, 2].map(() => elsewhere('blocking', ({ open }, handle) => open(handle).waitSync(), group.handle))
    await parked(7)
    group.done()
    group.add()
    await Promise.all([...waits, ...blocked])
    const next = group.wait()
    await expectPending(next)
    group.done()
    await next
  }
})

test('WG-6 add of several, of negative numbers, and from inside of tasks', async () => {
  using group = make()
  group.add(5)
  group.add(-3)
  group.add(0)
  expect(group.count).toBe(2)
  group.add()
  group.add(-3)
  await group.wait()
  for (const n of [0.5, Number.NaN, 2 ** 31, Number.POSITIVE_INFINITY]) expect(() => group.add(n)).toThrow(RangeError)
  for (const n of ['1', null, 1n]) expect(() => group.add(n as never)).toThrow(TypeError)
  group.add(2 ** 31 - 1)
  expect(() => group.add(1)).toThrow(RangeError)
  await expect(group.go(() => {})).rejects.toThrow(RangeError)
  expect(group.count).toBe(2 ** 31 - 1)
  group.add(-(2 ** 31) + 1)
  expect(group.count).toBe(0)
})

test('WG-7 go counts, runs, and is done when the function has ended; nested too', async () => {
  using group = make()
  let out = ''
  const first = group.go(async () => {
    out += 'a'
    await sleep(5)
    void group.go(async () => {
      await sleep(5)
      out += 'b'
    })
    return 7
  })
  expect([group.count, out]).toEqual([1, ''])
  await group.wait()
  expect(out).toBe('ab')
  expect(await first).toBe(7)
  await expect(group.go(null as never)).rejects.toThrow(TypeError)
  expect(group.count).toBe(0)
})

test("WG-8 a function that throws is done too, and its error is the promise's", async () => {
  using group = make()
  const failed = [
    group.go(() => {
      throw new Error('at once')
    }),
    group.go(() => Promise.reject(new Error('later'))),
  ]
  const results = Promise.allSettled(failed)
  await group.wait()
  expect((await results).map((each) => (each as PromiseRejectedResult).reason.message)).toEqual(['at once', 'later'])
})

test('WG-9 add at the same time as wait: the wait ends with some zero', async () => {
  using group = make()
  const other = elsewhere(
    'blocking',
    ({ open }, handle, count) => {
      const group = open(handle)
      for (let i = 0; i < count; i++) {
        group.add()
        group.done()
      }
    },
    group.handle,
    rounds(100_000),
  )
  for (let i = 0; i < rounds(300); i++) {
    group.waitSync({ timeout: 15_000 })
    await group.wait({ timeout: 15_000 })
  }
  await other
  expect(group.count).toBe(0)
})

test('timeouts and aborts', async () => {
  using group = make()
  group.add()
  await expect(group.wait({ timeout: 10 })).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  expect(() => group.waitSync({ timeout: 10 })).toThrow('timed out')
  await expect(group.wait({ signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before')
  const abort = new AbortController()
  const wait = group.wait({ signal: abort.signal })
  setTimeout(() => abort.abort(new Error('enough')), 5)
  await expect(wait).rejects.toThrow('enough')
  expect(group.tryWait()).toBe(false)
  group.done()
  await group.wait()
})

test('handles; stale once it is disposed of', async () => {
  const group = new WaitGroup({ arena, name: 'jobs' })
  const same = open(group.handle)
  same.add(2)
  expect([group.count, same.name]).toEqual([2, 'jobs'])
  await expect(same.wait({ timeout: 1 })).rejects.toThrow('"jobs"')
  const wait = group.wait()
  const task = same.task()
  group.dispose()
  await expect(wait).rejects.toThrow(StaleHandleError)
  for (const call of [
    () => same.add(),
    () => same.done(),
    () => same.count,
    () => same.task(),
    () => same.tryWait(),
    () => task.done(),
  ])
    expect(call).toThrow(StaleHandleError)
})

test('a task makes one of the count its own, and ends once', () => {
  using group = make()
  expect(() => group.task()).toThrow(SyncError)
  group.add(2)
  {
    using task = group.task()
    expect(group.count).toBe(2)
    task.done()
    task.done()
    expect(group.count).toBe(1)
  }
  expect(group.count).toBe(1)
  const task = group.task()
  group.done()
  expect(() => task.done()).toThrow('sync: negative WaitGroup counter')
  expect(group.count).toBe(0)
})

test('what was the task of a dead thread is done', async () => {
  using group = make()
  group.add(2)
  const worker = spawnWith(
    'blocking',
    ({ open, sleepSync }, handle) => {
      const group = open(handle)
      group.task()
      group.go(() => {})
      group.go(() => {})
      sleepSync(1e6)
    },
    group.handle,
  )
  await until(() => group.count === 4)
  const wait = group.wait()
  group.done()
  await expectPending(wait)
  await worker.terminate()
  await wait
  expect(group.count).toBe(0)
})

test('workers killed anywhere: nobody hangs', async () => {
  using group = make()
  const start = (): Spawned<void> =>
    spawnWith(
      'blocking',
      async ({ open }, handle) => {
        const group = open(handle)
        for (;;) {
          for (let i = 0; i < 100; i++) await group.go(() => {})
          for (let i = 0; i < 100; i++) {
            void group.go(() => {})
            group.tryWait()
          }
        }
      },
      group.handle,
    )
  for (let k = 0; k < rounds(25); k++) {
    const worker = start()
    worker.result.catch(() => {})
    await sleep(chance.next() * 20 + 40)
    await worker.terminate()
    await group.wait({ timeout: 15_000 })
    expect(group.count).toBe(0)
  }
})
