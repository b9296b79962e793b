import { background, CanceledError, ErrGroup, recv, trySelect, withCancelCause, withValue } from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { held } from './support/held.js'
import { expectPending, isPending, macrotask, rejection, sleep, thrown } from './support/probe.js'

noComplaints()

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

describe('with a context', () => {
  const parent = (): ReturnType<typeof withCancelCause> => withCancelCause(withValue(background(), 'key', 'value'))

  test.each([
    ['no task', [], null],
    ['tasks that succeed', [undefined, undefined], null],
    ['one that fails', [first], first],
    ['one of them fails', [undefined, first, undefined], first],
    ['two fail', [second, first], second],
  ])('EG-2 EG-3 %s: over after wait, with the first error as the cause', async (_name, tasks, error) => {
    const { group, ctx } = ErrGroup.withContext(parent().ctx)
    expect(ctx.value('key')).toBe('value')
    for (const task of tasks) await group.go(task === undefined ? fine : fail(task))
    expect(await ending(group)).toBe(error ?? 'fine')
    expect(ctx.err).toBeInstanceOf(CanceledError)
    expect(ctx.cause).toBe(error ?? ctx.err)
    expect(ctx.done.closed).toBe(true)
    expect(trySelect({ done: recv(ctx.done) })?.done).toBe(true)
  })

  test('EG-2 over with the first failure, while others run on', async () => {
    const outer = parent()
    const { group, ctx } = ErrGroup.withContext(outer.ctx, { limit: 5 })
    const { task, release } = held()
    let signal: AbortSignal | undefined
    await group.go((given) => {
      signal = given
      return task()
    })
    expect(ctx.err).toBe(null)
    await group.go(fail(first))
    await ctx.done.receive()
    expect([ctx.cause, signal?.aborted, signal?.reason, group.active]).toEqual([first, true, first, 1])
    release()
    expect(await ending(group)).toBe(first)
    expect(outer.ctx.err).toBe(null)
  })

  test('EG-2 its parent ends it, and its tasks are told', async () => {
    const outer = parent()
    const { group, ctx } = ErrGroup.withContext(outer.ctx)
    const task = group.go(async (signal) => {
      await sleep(5)
      signal.throwIfAborted()
    })
    outer.cancel(second)
    expect(ctx.cause).toBe(second)
    await task
    expect(await ending(group)).toBe(second)
    expect(thrown(() => ErrGroup.withContext(null as never)).message).toBe('cannot create context from nil parent')
  })

  test('EG-3 a task that fails with nothing: canceled', async () => {
    const { group, ctx } = ErrGroup.withContext(background())
    await group.go(() => Promise.reject())
    expect(await ending(group)).toBe(undefined)
    expect(ctx.cause).toBe(ctx.err)
  })
})
