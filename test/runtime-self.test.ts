// What runtimes and tasks say about themselves: to who prints them, and to the task that asks.

import { inspect } from 'node:util'
import { Arena, AtomicI32, go, gosched, type Runtime, SharedArray, u8 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { rejection, thrown, until } from './support/probe.js'
import { runtimes } from './support/runtimes.js'

noComplaints()
const start = runtimes()
const module = new URL('support/self-tasks.mjs', import.meta.url)
const reason = { why: 'an object of my own' }

interface Self {
  computeUntilCanceled(started: AtomicI32): [boolean[], boolean[]]
  throwWhenCanceled(started: AtomicI32): never
  throwLater(started: AtomicI32): Promise<never>
  failUnheeding(started: AtomicI32, go: AtomicI32): never
  keep(): boolean
  askKept(started: AtomicI32): boolean[]
  showSelf(started: AtomicI32, go: AtomicI32): unknown[]
}

async function selves(procs = 1): Promise<{ rt: Runtime<Self>; started: AtomicI32; go: AtomicI32 }> {
  const rt = (await start({ procs, module })) as Runtime<never> as Runtime<Self>
  const [started, go] = [new AtomicI32(0, { arena: rt.arena }), new AtomicI32(0, { arena: rt.arena })]
  disposing.push(started, go)
  return { rt, started, go }
}
const disposing: AtomicI32[] = []
const dispose = (): void => {
  for (const each of disposing.splice(0)) each.dispose()
}

describe('a task that computes', () => {
  test('notices that it has been cancelled, and so does its signal by that', async () => {
    const { rt, started } = await selves()
    const task = rt.go('computeUntilCanceled', started)
    await until(() => started.load() === 1, 'its start')
    task.cancel(reason)
    expect(await task).toEqual([
      [false, false, false],
      [true, true, true],
    ])
    dispose()
  })

  test.each(['throwWhenCanceled', 'throwLater'] as const)(
    '%s: rejects with what it was cancelled with',
    async (name) => {
      const { rt, started } = await selves()
      for (const [i, each] of [reason, new Error('mine'), 'text', null].entries()) {
        const task = rt.go(name, started)
        await until(() => started.load() === i + 1, 'its start')
        task.cancel(each)
        expect(await rejection(task)).toBe(each)
      }
      dispose()
    },
  )

  test('with an error of its own rejects with that, whether or not it was cancelled', async () => {
    const { rt, started, go } = await selves()
    const task = rt.go('failUnheeding', started, go)
    await until(() => started.load() === 1, 'its start')
    task.cancel(reason)
    go.store(1)
    expect(await rejection(task)).toMatchObject({ message: 'in my own words' })
    dispose()
  })

  test('that has ended is not cancelled by the cancel of the next one', async () => {
    const { rt, started } = await selves()
    expect(await rt.go('keep')).toBe(false)
    const next = rt.go('askKept', started)
    await until(() => started.load() === 1, 'its start')
    next.cancel(reason)
    expect(await next).toEqual([false, false, false])
    dispose()
  })
})

describe('console.log', () => {
  test('of a runtime', async () => {
    const { rt, started } = await selves(2)
    expect(inspect(rt)).toBe('Runtime { procs: 2, tasks: 0 }')
    const task = rt.go('computeUntilCanceled', started)
    expect(inspect(rt)).toBe('Runtime { procs: 2, tasks: 1 }')
    expect(inspect({ a: { b: { c: rt } } })).toContain('c: [Runtime]')
    await until(() => started.load() === 1, 'its start')
    task.cancel()
    await task
    dispose()
    await rt.close()
    expect(inspect(rt)).toBe('Runtime { procs: 2, tasks: 0 }')
    expect(inspect([rt])).toBe('[ Runtime { procs: 2, tasks: 0 } ]')
  })

  test('of a task', async () => {
    const { rt, started } = await selves()
    const task = rt.go('computeUntilCanceled', started)
    await until(() => task.state === 'running', 'its start')
    expect(inspect(task)).toBe("Task { id: 1, name: 'computeUntilCanceled', state: 'running' }")
    const next = rt.go('keep')
    expect(inspect(next)).toBe("Task { id: 2, name: 'keep', state: 'runnable' }")
    await until(() => started.load() === 1, 'the task')
    task.cancel()
    await Promise.all([task, next])
    expect(inspect(task)).toBe("Task { id: 1, name: 'computeUntilCanceled', state: 'terminated' }")
    dispose()
  })

  test('of a goroutine of this event loop', async () => {
    const task = go(async function count() {
      await gosched()
    })
    expect(inspect(task)).toMatch(/^Task \{ id: \d+, name: 'count', state: 'runnable' \}$/)
    await task
    expect(inspect([[[task]]])).toContain('[Task]')
  })

  test('of the current task, which it does not disturb', async () => {
    const { rt, started, go } = await selves()
    const task = rt.go('showSelf', started, go)
    await until(() => started.load() === 1, 'its start')
    task.cancel()
    go.store(1)
    expect(await task).toEqual([
      "CurrentTask { name: 'showSelf', worker: 0, canceled: false }",
      "CurrentTask { name: 'showSelf', worker: 0, canceled: true }",
      expect.stringContaining('c: [CurrentTask]'),
      false,
    ])
    dispose()
  })

  test('of a shared array', () => {
    const shared = new SharedArray(u8, 3, { arena: new Arena({ size: 2 ** 20 }) })
    shared.array[1] = 7
    expect(inspect(shared)).toBe('SharedArray Uint8Array(3) [ 0, 7, 0 ]')
    expect(inspect([[[shared]]])).toContain('[SharedArray]')
    shared.dispose()
    expect(inspect(shared)).toBe('SharedArray (disposed of)')
  })
})

test('a closed runtime still tells how many workers it had', async () => {
  const { rt } = await selves(2)
  dispose()
  await rt.maxProcs(3)
  const closing = rt.close()
  expect(rt.procs).toBe(3)
  await closing
  expect([rt.procs, rt.numGoroutine()]).toEqual([3, 0])
  expect(thrown(() => rt.on(0))).toMatchObject({ code: 'ERR_RUNTIME_CLOSED' })
})

test.each([['x'], [5], [null], [() => 1]])('options %s of parallelFor and map are refused', async (options) => {
  const { rt } = await selves()
  const refused = { code: 'ERR_INVALID_ARG_TYPE', message: expect.stringContaining('takes options {') }
  expect(await rejection(rt.parallelFor('keep' as never, 5, options as never))).toMatchObject(refused)
  expect(thrown(() => rt.map('keep' as never, [], options as never))).toMatchObject(refused)
  dispose()
})
