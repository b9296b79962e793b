// How many tasks of a group run at a time, and who waits for a turn.

import { ErrGroup } from 'millrace'
import { expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { held } from './support/held.js'
import { elapsed, expectPending, macrotask, rejection, thrown } from './support/probe.js'

noComplaints()

const fine = async (): Promise<void> => {}

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
