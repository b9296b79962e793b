import { ErrGroup } from 'millrace'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { elapsed, expectPending, isPending, macrotask, rejection, sleep, thrown } from './support/probe.js'

// A rejection that nobody handles fails the test in which it happens; so does a warning of listeners that leak.
let complaints: unknown[] = []
const note = (reason: unknown): void => {
  complaints.push(reason)
}
beforeEach(() => {
  complaints = []
  process.on('unhandledRejection', note)
  process.on('warning', note)
})
afterEach(async () => {
  await macrotask()
  await macrotask()
  process.off('unhandledRejection', note)
  process.off('warning', note)
  expect(complaints).toEqual([])
})

const [first, second] = [new Error('first'), new Error('second')]
const fail = (error: unknown) => async (): Promise<void> => {
  throw error
}
const fine = async (): Promise<void> => {}
/** How a wait ends: the error, or 'fine'. */
const ending = (group: ErrGroup): Promise<unknown> =>
  group.wait().then(
    () => 'fine',
    (error) => error,
  )

/** A task that runs until it is let go. */
function held(): { task(): Promise<void>; release(): void } {
  let release!: () => void
  const gone = new Promise<void>((resolve) => {
    release = resolve
  })
  return { task: () => gone, release }
}

describe('errors', () => {
  test.each([
    [[], []],
    [[undefined], ['fine']],
    [[first], [first]],
    [
      [first, undefined],
      [first, first],
    ],
    [
      [first, undefined, second],
      [first, first, first],
    ],
    [
      [undefined, second, first],
      ['fine', second, second],
    ],
  ])('EG-1 %j with a wait after each', async (tasks, endings) => {
    const group = new ErrGroup()
    const seen: unknown[] = []
    for (const error of tasks) {
      await group.go(error === undefined ? fine : fail(error))
      seen.push(await ending(group))
    }
    expect(seen).toEqual(endings)
  })

  test('EG-1 the first error is the one that comes first, not that of the first task', async () => {
    const group = new ErrGroup()
    void group.go(async () => {
      await sleep(20)
      throw first
    })
    void group.go(fail(second))
    expect(await ending(group)).toBe(second)
  })

  test('EG-4 wait waits for all, also after an error', async () => {
    const group = new ErrGroup()
    const { task, release } = held()
    let ended = false
    void group.go(fail(first))
    void group.go(async () => {
      await task()
      ended = true
    })
    const waiting = ending(group)
    expect(await isPending(waiting)).toBe(true)
    expect(group.active).toBe(1)
    release()
    expect(await waiting).toBe(first)
    expect([ended, group.active]).toEqual([true, 0])
  })

  test('EG-8 later errors are dropped, and none is left unhandled', async () => {
    const group = new ErrGroup()
    for (const error of [first, second, new Error('third')]) void group.go(fail(error))
    expect(await ending(group)).toBe(first)
    void group.go(fail(second))
    expect(await ending(group)).toBe(first)
    // Nobody waits for this one at all.
    void new ErrGroup().go(fail(second))
  })

  test('EG-9 what a task throws at once is its error', async () => {
    const group = new ErrGroup()
    const started = group.go(() => {
      throw first
    })
    await started
    expect(await ending(group)).toBe(first)
    expect(
      new ErrGroup().tryGo(() => {
        throw second
      }),
    ).toBe(true)
  })

  test.each([[undefined], [null], [0], ['text']])('EG-9 %s is an error too', async (thrown) => {
    const group = new ErrGroup()
    void group.go(() => Promise.reject(thrown))
    void group.go(fail(second))
    const seen = await group.wait().then(
      () => 'fine',
      (error) => [error],
    )
    expect(seen).toEqual([thrown])
    expect(group.signal.aborted).toBe(true)
  })

  test('what a task returns does not count', async () => {
    const group = new ErrGroup()
    for (const value of [first, 5, Promise.resolve(first)]) void group.go(() => value)
    expect(await ending(group)).toBe('fine')
  })
})

describe('the signal', () => {
  test('EG-2 is aborted when the first task fails', async () => {
    const group = new ErrGroup()
    const { signal } = group
    let told: AbortSignal | undefined
    const { task, release } = held()
    void group.go((mine) => {
      told = mine
      return task()
    })
    expect(told).toBe(signal)
    expect(signal.aborted).toBe(false)
    void group.go(fail(first))
    await macrotask()
    expect([signal.aborted, signal.reason]).toEqual([true, first])
    release()
    expect(await ending(group)).toBe(first)
  })

  test('EG-2 is aborted when wait is over, whichever tasks there were', async () => {
    for (const tasks of [[], [fine], [fine, fine], [fail(first)], [fine, fail(first), fail(second)]]) {
      const group = new ErrGroup()
      const { signal } = group
      for (const task of tasks) void group.go(task)
      expect(signal.aborted).toBe(false)
      await ending(group)
      expect(signal.aborted).toBe(true)
      expect(group.signal).toBe(signal)
    }
  })

  test('EG-3 its reason is the first error, or an AbortError if there was none', async () => {
    const failed = new ErrGroup()
    void failed.go(fail(second))
    void failed.go(fail(first))
    await ending(failed)
    expect(failed.signal.reason).toBe(second)
    const good = new ErrGroup()
    void good.go(fine)
    await good.wait()
    expect(good.signal.reason).toMatchObject({ name: 'AbortError', message: 'the group has been waited for' })
  })

  test('ends tasks that listen to it', async () => {
    const group = new ErrGroup()
    void group.go(
      (signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
        ),
    )
    void group.go(fail(first))
    expect(await ending(group)).toBe(first)
  })

  test('the outer signal aborts it, with its reason; wait still waits', async () => {
    const outer = new AbortController()
    const group = new ErrGroup({ signal: outer.signal })
    const { task, release } = held()
    void group.go(task)
    const reason = new Error('from outside')
    outer.abort(reason)
    expect(group.signal.reason).toBe(reason)
    const waiting = ending(group)
    expect(await isPending(waiting)).toBe(true)
    release()
    expect(await waiting).toBe('fine')
    expect(group.signal.reason).toBe(reason)
    const late = new ErrGroup({ signal: outer.signal })
    expect(late.signal.reason).toBe(reason)
    let ran = false
    await late.go(() => {
      ran = true
    })
    await late.wait()
    expect(ran).toBe(true)
  })

  test('EG-11 a group aborts nothing outside of it', async () => {
    const outer = new AbortController()
    const group = new ErrGroup({ signal: outer.signal })
    void group.go(fail(first))
    expect(await ending(group)).toBe(first)
    expect(outer.signal.aborted).toBe(false)
  })

  test('many groups on one signal leave no listener behind, and many tasks on one group none of their warnings', async () => {
    const { signal } = new AbortController()
    let listeners = 0
    const [add, remove] = [signal.addEventListener, signal.removeEventListener]
    signal.addEventListener = (...args: unknown[]) => {
      listeners++
      add.apply(signal, args as never)
    }
    signal.removeEventListener = (...args: unknown[]) => {
      listeners--
      remove.apply(signal, args as never)
    }
    const groups = Array.from({ length: 20 }, () => new ErrGroup({ signal }))
    expect(listeners).toBe(20)
    for (const [i, group] of groups.entries()) {
      for (let k = 0; k < 20; k++) void group.go((mine) => mine.addEventListener('abort', () => {}))
      if (i % 2) void group.go(fail(first))
      await ending(group)
      void group.go(fine)
      await ending(group)
    }
    expect(listeners).toBe(0)
  })

  test('a group that is used again has a new one, unless it has failed', async () => {
    const group = new ErrGroup()
    await group.wait()
    const { signal } = group
    let again: AbortSignal | undefined
    await group.go((mine) => {
      again = mine
    })
    expect(again).not.toBe(signal)
    expect(again?.aborted).toBe(false)
    expect(group.signal).toBe(again)
    void group.go(fail(first))
    await ending(group)
    await group.go((mine) => {
      again = mine
    })
    expect(again?.reason).toBe(first)
  })

  test('go from a listener of the signal', async () => {
    const group = new ErrGroup({ limit: 1 })
    let ran = 0
    group.signal.addEventListener('abort', () => void group.go(() => ran++))
    void group.go(fine)
    await group.wait()
    expect(ran).toBe(1)
    await group.wait()
    expect(group.active).toBe(0)
  })
})

describe('limits', () => {
  test('EG-5 with a limit of 10 never more than 10 of 1025 tasks are active', async () => {
    const group = new ErrGroup({ limit: 10 })
    let [active, most, done] = [0, 0, 0]
    for (let i = 0; i <= 1024; i++) {
      await group.go(async () => {
        most = Math.max(most, ++active)
        expect(group.active).toBeLessThanOrEqual(10)
        await (i % 3 === 0 ? macrotask() : null)
        active--
        done++
      })
    }
    await group.wait()
    expect([most, done, active]).toEqual([10, 1025, 0])
  })

  test('EG-5 go waits for its turn, first come, first served', async () => {
    const group = new ErrGroup({ limit: 1 })
    const { task, release } = held()
    await group.go(task)
    const order: number[] = []
    const queued = [1, 2, 3].map((n) => group.go(() => order.push(n)))
    await expectPending(...queued)
    expect(order).toEqual([])
    release()
    await Promise.all(queued)
    expect(order).toEqual([1, 2, 3])
    await group.wait()
  })

  test('EG-5 wait waits for queued tasks too', async () => {
    const group = new ErrGroup({ limit: 2 })
    let done = 0
    for (let i = 0; i < 9; i++) {
      void group.go(async () => {
        await macrotask()
        done++
      })
    }
    await group.wait()
    expect(done).toBe(9)
  })

  test('EG-6 tryGo at a limit of 42', async () => {
    const group = new ErrGroup()
    group.setLimit(42)
    for (let round = 0; round < 2; round++) {
      const tasks = Array.from({ length: 42 }, held)
      for (const { task } of tasks) expect(group.tryGo(task)).toBe(true)
      expect(group.tryGo(fine)).toBe(false)
      const waiting = group.wait()
      for (const { release } of tasks) release()
      await waiting
    }
    // Without limit a bit more.
    group.setLimit(-1)
    for (let i = 0; i < 100; i++) expect(group.tryGo(fine)).toBe(true)
    await group.wait()
  })

  test('EG-6 tryGo at limits of 1 and 0', async () => {
    const group = new ErrGroup()
    group.setLimit(1)
    const { task, release } = held()
    expect(group.tryGo(task)).toBe(true)
    expect(group.tryGo(fine)).toBe(false)
    release()
    await group.wait()
    expect(group.tryGo(fine)).toBe(true)
    await group.wait()
    group.setLimit(0)
    for (let i = 0; i < 1 << 10; i++) expect(group.tryGo(fine)).toBe(false)
    await group.wait()
  })

  test('EG-6 at a limit of 0 go waits until it is aborted, or the limit is raised', async () => {
    const group = new ErrGroup({ limit: 0 })
    let ran = 0
    const task = (): number => ++ran
    const reason = new Error('enough')
    const controller = new AbortController()
    const aborted = group.go(task, { signal: controller.signal })
    const timed = group.go(task, { timeout: 5 })
    const queued = group.go(task)
    expect((await rejection(timed)).code).toBe('ERR_TIMEOUT')
    await expectPending(queued)
    controller.abort(reason)
    expect(await rejection(aborted)).toBe(reason)
    expect(ran).toBe(0)
    group.setLimit(3)
    await queued
    await group.wait()
    expect(ran).toBe(1)
  })

  test('who comes later does not overtake what is queued', async () => {
    const group = new ErrGroup({ limit: 0 })
    const order: unknown[] = []
    const { task, release } = held()
    const queued = [1, 2].map((n) =>
      group.go(() => {
        order.push(n)
        if (n === 1) order.push(group.tryGo(() => order.push(3)))
        return task()
      }),
    )
    group.setLimit(2)
    await Promise.all(queued)
    expect(order).toEqual([1, false, 2])
    release()
    await group.wait()
  })

  test('EG-7 a negative limit is none', async () => {
    for (const limit of [-1, -5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const group = new ErrGroup({ limit })
      const tasks = Array.from({ length: 500 }, held)
      for (const { task } of tasks) expect(group.tryGo(task)).toBe(true)
      expect(group.active).toBe(500)
      for (const { release } of tasks) release()
      await group.wait()
    }
  })

  test('EG-7 the limit of an active group cannot be changed', async () => {
    const group = new ErrGroup({ limit: 3 })
    const tasks = [held(), held()]
    for (const { task } of tasks) void group.go(task)
    for (const limit of [5, 1, 0, -1]) {
      expect(thrown(() => group.setLimit(limit))).toMatchObject({
        name: 'MillraceError',
        code: 'ERR_BUSY',
        message: 'errgroup: modify limit while 2 goroutines in the group are still active',
      })
    }
    expect([group.tryGo(fine), group.tryGo(fine)]).toEqual([true, false])
    for (const { release } of tasks) release()
    await group.wait()
    group.setLimit(1)
    expect([group.tryGo(fine), group.tryGo(fine)]).toEqual([true, false])
    await group.wait()
  })

  test('tasks that start tasks', async () => {
    const group = new ErrGroup({ limit: 3 })
    let ran = 0
    const tree = (depth: number) => async (): Promise<void> => {
      ran++
      await null
      // Not awaited: a task that waits for room takes room.
      if (depth > 0) for (let i = 0; i < 2; i++) void group.go(tree(depth - 1))
    }
    await group.go(tree(6))
    await group.wait()
    expect(ran).toBe(127)
  })

  test('a queue of many tasks that end at once', async () => {
    const group = new ErrGroup({ limit: 1 })
    let ran = 0
    for (let i = 0; i < 50_000; i++) void group.go(() => ran++)
    await group.wait()
    expect(ran).toBe(50_000)
  })

  test('a loop that awaits go does not hold up the event loop', async () => {
    const group = new ErrGroup({ limit: 4 })
    let turned = false
    setTimeout(() => {
      turned = true
    }, 1)
    const deadline = performance.now() + 10_000
    while (!turned && performance.now() < deadline) await group.go(() => {})
    expect(turned).toBe(true)
    await group.wait()
  })

  test('a go that timed out leaves its place to those behind it', async () => {
    const group = new ErrGroup({ limit: 1 })
    const { task, release } = held()
    await group.go(task)
    const gone = group.go(fine, { timeout: 5 })
    let ran = false
    const next = group.go(() => {
      ran = true
    })
    expect(await elapsed(() => rejection(gone))).toBeGreaterThanOrEqual(3)
    expect((await rejection(group.go(fine, { timeout: 0 }))).code).toBe('ERR_TIMEOUT')
    release()
    await next
    expect(ran).toBe(true)
    await group.go(fine, { timeout: 0 })
    await group.wait()
  })
})

describe('wait', () => {
  test('many may wait', async () => {
    const group = new ErrGroup()
    const { task, release } = held()
    void group.go(task)
    const waiting = [group.wait(), group.wait(), group.wait()]
    await expectPending(...waiting)
    release()
    await Promise.all(waiting)
  })

  test('a wait that times out or is aborted leaves the tasks running', async () => {
    const group = new ErrGroup()
    const { task, release } = held()
    void group.go(task)
    const controller = new AbortController()
    const aborted = group.wait({ signal: controller.signal })
    expect((await rejection(group.wait({ timeout: 5 }))).code).toBe('ERR_TIMEOUT')
    expect((await rejection(group.wait({ timeout: 0 }))).code).toBe('ERR_TIMEOUT')
    controller.abort(first)
    expect(await rejection(aborted)).toBe(first)
    expect([group.signal.aborted, group.active]).toEqual([false, 1])
    release()
    await macrotask()
    // Nobody waits any longer, so more tasks may come under the same signal.
    expect([group.signal.aborted, group.active]).toEqual([false, 0])
    await group.wait({ timeout: 5000 })
    await group.wait({ timeout: 0 })
  })
})

test('EG-10 searches side by side, whose results are in the order of their queries', async () => {
  const search = async (kind: string, ms: number): Promise<string> => {
    await sleep(ms)
    return `${kind} result for "golang"`
  }
  const group = new ErrGroup()
  const results: string[] = []
  for (const [i, [kind, ms]] of (
    [
      ['web', 20],
      ['image', 10],
      ['video', 1],
    ] as const
  ).entries()) {
    void group.go(async () => {
      results[i] = await search(kind, ms)
    })
  }
  await group.wait()
  expect(results).toEqual(['web', 'image', 'video'].map((kind) => `${kind} result for "golang"`))
})

test.each([
  ['ErrGroup takes options { signal, limit }, not 5', () => new ErrGroup(5 as never), TypeError],
  ['signal is an AbortSignal, not 5', () => new ErrGroup({ signal: 5 as never }), TypeError],
  ['the limit of a group is a number, not "5"', () => new ErrGroup({ limit: '5' as never }), TypeError],
  ['the limit of a group is an integer, negative for none, not 1.5', () => new ErrGroup().setLimit(1.5), RangeError],
  [
    'the limit of a group is an integer, negative for none, not NaN',
    () => new ErrGroup({ limit: Number.NaN }),
    RangeError,
  ],
  ['tryGo takes a function, not undefined', () => new ErrGroup().tryGo(undefined as never), TypeError],
] as const)('%s', (message, call, Class) => {
  const error = thrown(call)
  expect(error).toBeInstanceOf(Class)
  expect(error.message).toBe(message)
  expect(error.code).toMatch(/^ERR_/)
})

test('go with what is no function is a rejection, and starts nothing', async () => {
  const group = new ErrGroup()
  expect(await rejection(group.go(5 as never))).toMatchObject({
    code: 'ERR_INVALID_ARG_TYPE',
    message: 'go takes a function, not 5',
  })
  expect(group.active).toBe(0)
})
