// Once across tasks and threads. What becomes of it when threads die: once-kill.test.ts.

import { Arena, Once, open, StaleHandleError, SyncError, TimeoutError } from 'millrace'
import { afterEach, expect, test } from 'vitest'
import { expectPending, macrotask, rejection, sleep, smallBlocks, thrown, until } from './support/probe.js'
import { elsewhere, endThreads, type Tools } from './support/threads.js'

const arena = new Arena({ size: 2 * 2 ** 20 })

afterEach(endThreads)

/** A promise, and what keeps it. */
function gate(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((keep) => {
    resolve = keep
  })
  return { promise, resolve }
}

test('ONCE-1 ten tasks: one runs it, and each returns after its end', async () => {
  using once = new Once({ arena })
  let value = 0
  let runs = 0
  const run = async (): Promise<void> => {
    runs++
    await sleep(5)
    value = 1
  }
  const seen = await Promise.all(Array.from({ length: 10 }, () => once.do(run).then(() => value)))
  expect(seen).toEqual(Array(10).fill(1))
  expect(runs).toBe(1)
  expect(smallBlocks(arena)).toBe(0)
})

test.each([
  ['all blocking', [false, false, false, false]],
  ['all async', [true, true, true, true]],
  ['mixed', [true, false, true, false]],
])('ONCE-1 ONCE-11 main and three workers, %s: one of them runs it, and all see what it wrote', async (_, ways) => {
  const job = async ({ open }: Pick<Tools, 'open'>, handle: unknown, words: Int32Array, async: boolean) => {
    const once = open(handle)
    // Plain accesses: the end of the run comes before the return of every call.
    const begin = (): void => {
      words[0] = (words[0] as number) + 1
    }
    const end = (): void => {
      words[1] = 7
    }
    if (async) {
      await once.do(async () => {
        begin()
        await new Promise((resolve) => setTimeout(resolve, 1))
        end()
      })
    } else {
      once.doSync(() => {
        begin()
        for (const until = performance.now() + 1; performance.now() < until; );
        end()
      })
    }
    return words[1]
  }
  for (let round = 0; round < 20; round++) {
    using once = new Once({ arena })
    const words = new Int32Array(new SharedArrayBuffer(8))
    const there = ways.slice(1).map((async) => elsewhere('blocking', job, once.handle, words, async))
    const here = job({ open }, once.handle, words, ways[0] as boolean)
    expect(await Promise.all([here, ...there])).toEqual([7, 7, 7, 7])
    expect(words[0]).toBe(1)
  }
})

test('ONCE-2 only the first function counts', async () => {
  using once = new Once({ arena })
  const called: number[] = []
  for (const i of [1, 2, 3]) {
    once.doSync(() => called.push(i))
    await once.do(() => called.push(-i))
  }
  expect(called).toEqual([1])
})

test('a function that is not async has ended when do returns', () => {
  using once = new Once({ arena })
  expect(once.done).toBe(false)
  void once.do(() => 1)
  expect(once.done).toBe(true)
})

test('ONCE-3 a throw reaches the first caller, and counts as the run', async () => {
  for (const bad of [new Error('bad'), undefined, null, 0]) {
    using sync = new Once({ arena })
    let got: unknown = 'nothing'
    try {
      sync.doSync(() => {
        throw bad
      })
    } catch (error) {
      got = error
    }
    expect(got).toBe(bad)
    expect(sync.done).toBe(true)
    sync.doSync(() => expect.unreachable())

    using later = new Once({ arena })
    const first = later.do(async () => {
      await sleep(1)
      throw bad
    })
    const second = later.do(() => expect.unreachable())
    await expect(
      first.then(
        () => 'returned',
        (error) => [error],
      ),
    ).resolves.toEqual([bad])
    await second
    await later.do(() => expect.unreachable())
  }
})

test('ONCE-4 ONCE-9 a function that awaits its own once waits for ever, or until its time is up; it is never run twice', async () => {
  using once = new Once({ arena })
  let runs = 0
  const inner: unknown[] = []
  await once.do(async () => {
    runs++
    inner.push(await rejection(once.do(() => runs++, { timeout: 10 })))
    inner.push(await rejection(once.do(() => runs++, { signal: AbortSignal.timeout(10) })))
  })
  expect(runs).toBe(1)
  expect(inner[0]).toBeInstanceOf(TimeoutError)
  expect((inner[1] as Error).name).toBe('TimeoutError')

  const endless = new Once({ arena })
  const waits = endless.do(() => endless.do(() => runs++))
  await expectPending(waits)
  expect(runs).toBe(1)
  endless.dispose()
  expect(await rejection(waits)).toBeInstanceOf(StaleHandleError)
})

test('ONCE-4 blocking the thread that runs the function is refused, whoever has opened it and however long it would wait', async () => {
  using once = new Once({ arena, name: 'set-up' })
  const other = open(once.handle)
  const errors: unknown[] = []
  once.doSync(() => {
    errors.push(thrown(() => once.doSync(() => expect.unreachable())))
    errors.push(thrown(() => other.doSync(() => expect.unreachable(), { timeout: 5 })))
  })
  expect(once.done).toBe(true)
  using later = new Once({ arena })
  const run = later.do(() => sleep(5))
  errors.push(thrown(() => later.doSync(() => expect.unreachable())))
  await run
  for (const error of errors) {
    expect(error).toBeInstanceOf(SyncError)
    expect((error as SyncError).code).toBe('ERR_SYNC')
    expect((error as SyncError).message).toContain('deadlock')
  }
  expect((errors[0] as SyncError).message).toContain('"set-up"')
})

test('timeout and abort end the wait of their caller, and nothing else', async () => {
  using once = new Once({ arena })
  const { promise, resolve } = gate()
  const first = once.do(() => promise)
  const began = performance.now()
  expect(await rejection(once.do(() => expect.unreachable(), { timeout: 10 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
  expect(performance.now() - began).toBeGreaterThan(9)
  expect(await rejection(once.do(() => expect.unreachable(), { timeout: 0 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
  const controller = new AbortController()
  const aborted = once.do(() => expect.unreachable(), { signal: controller.signal })
  controller.abort('enough')
  expect(
    await aborted.then(
      () => 'returned',
      (reason) => reason,
    ),
  ).toBe('enough')
  expect(smallBlocks(arena)).toBe(0)
  const last = once.do(() => expect.unreachable())
  resolve()
  await Promise.all([first, last])
})

test('timeout and abort of the caller whose function it is: the run goes on', async () => {
  using once = new Once({ arena })
  let ended = false
  const error = await rejection(
    once.do(
      async () => {
        await sleep(20)
        ended = true
        throw new Error('that nobody hears of')
      },
      { timeout: 5 },
    ),
  )
  expect(error).toMatchObject({ code: 'ERR_TIMEOUT' })
  expect([ended, once.done]).toEqual([false, false])
  await once.do(() => expect.unreachable())
  expect([ended, once.done]).toEqual([true, true])
  // An aborted signal: nothing has been begun.
  using fresh = new Once({ arena })
  expect(await fresh.do(() => expect.unreachable(), { signal: AbortSignal.abort('no') }).catch((e) => e)).toBe('no')
  expect(() => fresh.doSync(() => expect.unreachable(), { signal: AbortSignal.abort(new Error('no')) })).toThrow('no')
  expect(fresh.done).toBe(false)
})

test('a blocking wait times out, and goes on when the run has ended', async () => {
  using once = new Once({ arena })
  const { promise, resolve } = gate()
  const run = once.do(() => promise)
  const wait = ({ open }: Pick<Tools, 'open'>, handle: unknown, timeout: number): string => {
    const began = performance.now()
    try {
      open(handle).doSync(
        () => {
          throw new Error('it is run twice')
        },
        { timeout },
      )
      return 'returned'
    } catch (error) {
      return performance.now() - began > timeout - 1 ? (error as SyncError).code : 'too early'
    }
  }
  expect(await elsewhere('blocking', wait, once.handle, 10)).toBe('ERR_TIMEOUT')
  const waits = elsewhere('blocking', wait, once.handle, 60_000)
  await until(() => smallBlocks(arena) === 1)
  resolve()
  await run
  expect(await waits).toBe('returned')
})

test('an async function is refused by doSync, and counts as run at its end', async () => {
  using once = new Once({ arena })
  let ended = false
  const error = thrown(() =>
    once.doSync(async () => {
      await sleep(5)
      ended = true
    }),
  )
  expect(error).toBeInstanceOf(TypeError)
  expect(error.message).toContain('await do(fn)')
  expect(once.done).toBe(false)
  await once.do(() => expect.unreachable())
  expect(ended).toBe(true)
})

test('misuse changes nothing', async () => {
  using once = new Once({ arena })
  for (const bad of [undefined, null, 1, {}, 'fn'] as unknown[]) {
    expect(thrown(() => once.doSync(bad as () => void))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    expect(await rejection(once.do(bad as () => void))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
  }
  expect(thrown(() => once.doSync(() => 1, { timeout: Number.NaN }))).toBeInstanceOf(RangeError)
  expect(await rejection(once.do(() => 1, 5 as never))).toBeInstanceOf(TypeError)
  expect(once.done).toBe(false)
  for (const options of [1, 'once', null, { name: 1 }, { arena: 1 }])
    expect(thrown(() => new Once(options as object))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
})

test('dispose tells who waits; the end of the run comes too late and does no harm', async () => {
  const once = new Once({ arena, name: 'gone' })
  const copy = open(once.handle)
  expect(copy.name).toBe('gone')
  const { promise, resolve } = gate()
  const run = once.do(() => promise)
  const waits = rejection(once.do(() => 1))
  const there = elsewhere('blocking', ({ open }, handle) => open(handle).doSync(() => 1), once.handle).then(
    () => 'returned',
    (e) => e.code,
  )
  await until(() => smallBlocks(arena) === 2)
  const { handle } = once
  once.dispose()
  once.dispose()
  expect(await waits).toBeInstanceOf(StaleHandleError)
  expect(await there).toBe('ERR_STALE_HANDLE')
  // What lies in its place now.
  using next = new Once({ arena })
  resolve()
  await run
  expect(next.done).toBe(false)
  for (const use of [
    () => copy.doSync(() => 1),
    () => copy.done,
    () => copy.poisoned,
    () => copy.handle,
    () => open(handle),
    () => copy.dispose(),
  ])
    expect(thrown(use)).toBeInstanceOf(StaleHandleError)
  expect(await rejection(once.do(() => 1))).toBeInstanceOf(StaleHandleError)
  expect(() => once.doSync(() => expect.unreachable())).toThrow(StaleHandleError)
  expect(next.done).toBe(false)
})

test('forged handles are refused', () => {
  using once = new Once({ arena })
  const { handle } = once
  for (const change of [
    { generation: 0 },
    { generation: handle.generation + 1 },
    { address: handle.address + 256 },
    { address: handle.address + 8 },
    { address: 0 },
    { kind: 'mutex' },
    { kind: 'onceValue' },
  ])
    expect(
      thrown(() => open({ ...handle, ...change })),
      JSON.stringify(change),
    ).toBeInstanceOf(StaleHandleError)
  expect(once.done).toBe(false)
})

test('tasks of one thread, woken in the order of their coming', async () => {
  using once = new Once({ arena })
  const { promise, resolve } = gate()
  const order: number[] = []
  const all = [
    once.do(() => promise).then(() => order.push(0)),
    ...[1, 2, 3].map((i) => once.do(() => 1).then(() => order.push(i))),
  ]
  await macrotask()
  resolve()
  await Promise.all(all)
  expect(order.slice().sort()).toEqual([0, 1, 2, 3])
  expect(order.filter((i) => i > 0)).toEqual([1, 2, 3])
})

test('threads that wait blocked and tasks that await are all told', async () => {
  using once = new Once({ arena })
  const { promise, resolve } = gate()
  const run = once.do(() => promise)
  const job = async ({ open }: Pick<Tools, 'open'>, handle: unknown, async: boolean) => {
    const fail = (): void => {
      throw new Error('it is run twice')
    }
    if (async) await open(handle).do(fail)
    else open(handle).doSync(fail)
  }
  const threads = [false, false, true].map((async) => elsewhere('blocking', job, once.handle, async))
  await until(() => smallBlocks(arena) === 3)
  resolve()
  await Promise.all([run, ...threads])
  expect(smallBlocks(arena)).toBe(0)
})
