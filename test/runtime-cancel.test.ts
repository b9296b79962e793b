// Task.cancel: before a task begins, while it runs, after its end.

import { AtomicI32, channel, f64, RuntimeClosedError } from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { rejection, until } from './support/probe.js'
import { arenaOf, outcome, runtimes } from './support/runtimes.js'

noComplaints()
const start = runtimes()
const reason = { why: 'an object of my own' }

describe('before it begins', () => {
  test('it never does: rejects at once, with the reason itself', async () => {
    const rt = await start({ procs: 1 })
    const cell = new AtomicI32(0, { arena: rt.arena })
    const first = rt.go('block', 200)
    await until(() => first.state === 'running', 'the first')
    const tasks = [rt.go('touch', cell), rt.on(0).go('touch', cell), rt.go('untilCancelled', cell)]
    expect(tasks.map(({ state }) => state)).toEqual(['runnable', 'runnable', 'runnable'])
    const reasons = [reason, undefined, null]
    tasks.forEach((task, i) => {
      task.cancel(reasons[i])
      expect(task.state).toBe('terminated')
      // Once.
      task.cancel(new Error('another reason'))
    })
    expect(first.state).toBe('running')
    expect(await rejection(tasks[0]!)).toBe(reason)
    expect(await rejection(tasks[1]!)).toMatchObject({ name: 'AbortError' })
    expect(await rejection(tasks[2]!)).toBe(null)
    await first
    await rt.drain()
    expect(cell.load()).toBe(0)
    cell.dispose()
  })

  test('thousands, with those beside them that are not', async () => {
    const rt = await start()
    const cell = new AtomicI32(0, { arena: rt.arena })
    const tasks = Array.from({ length: 4000 }, () => rt.go('touch', cell))
    tasks.forEach((task, i) => {
      if (i % 2 === 1) task.cancel(i)
    })
    const ends = await Promise.all(tasks.map(outcome))
    let ran = 0
    ends.forEach((end, i) => {
      if ('value' in end) ran++
      else expect([i % 2, end.error]).toEqual([1, i])
    })
    expect(ran).toBeGreaterThanOrEqual(2000)
    await rt.drain()
    // Each that says that it was not run was not run.
    expect(cell.load()).toBe(ran)
    cell.dispose()
  })

  test('while it waits for memory', async () => {
    const rt = await start({ procs: 1, arena: arenaOf(2 ** 20) })
    const blocks = rt.go('block', 300)
    const tasks = Array.from({ length: 400 }, (_, i) => rt.go('lengthOf', 'x'.repeat(10_000 + i)))
    const created = tasks.filter(({ state }) => state === 'created')
    expect(created.length).toBeGreaterThan(100)
    created.forEach((task, i) => {
      if (i % 2 === 0) task.cancel(reason)
    })
    const ends = await Promise.all(tasks.map(outcome))
    ends.forEach((end, i) => {
      const k = created.indexOf(tasks[i]!)
      expect(end).toEqual(k >= 0 && k % 2 === 0 ? { error: reason } : { value: 10_000 + i })
    })
    await blocks
    expect(rt.numGoroutine()).toBe(0)
  })
})

describe('while it runs', () => {
  test('its signal is aborted; one that throws that rejects with the reason itself', async () => {
    const rt = await start()
    const started = new AtomicI32(0, { arena: rt.arena })
    for (const each of [reason, new Error('mine'), 'text', 5, null]) {
      const task = rt.go('untilCancelled', started)
      await until(() => task.state === 'blocked', 'a blocked task')
      task.cancel(each)
      expect(await rejection(task)).toBe(each)
    }
    const task = rt.go('untilCancelled', started)
    await until(() => task.state === 'blocked', 'a blocked task')
    task.cancel()
    expect(await rejection(task)).toBeInstanceOf(DOMException)
    started.dispose()
  })

  test('every operation that waits ends by it', async () => {
    const rt = await start()
    const started = new AtomicI32(0, { arena: rt.arena })
    const ch = channel(f64, { arena: rt.arena })
    const tasks = Array.from({ length: 20 }, () => rt.go('receiveUntilCancelled', ch, started))
    await until(() => started.load() === 20, 'receivers')
    const ends = tasks.map((task) => rejection(task))
    for (const task of tasks) task.cancel(reason)
    for (const end of ends) expect(await end).toBe(reason)
    // None of them has taken anything.
    const receives = rt.go('receiveUntilCancelled', ch, started)
    await ch.send(7)
    expect(await receives).toBe(7)
    ch.dispose()
    started.dispose()
  })

  test('one that takes no notice ends as it would have; one with words of its own, with those', async () => {
    const rt = await start()
    const started = new AtomicI32(0, { arena: rt.arena })
    const deaf = rt.go('deafToCancel', started, 100)
    const own = rt.go('ownErrorOnCancel', started)
    const ownEnd = rejection(own)
    await until(() => started.load() === 2, 'both')
    deaf.cancel(reason)
    own.cancel(reason)
    expect(deaf.state).not.toBe('terminated')
    expect(await deaf).toBe('all the same')
    expect((await ownEnd).message).toBe('cancelled, but in my own words')
    started.dispose()
  })

  test('one that looks late finds its signal aborted', async () => {
    const rt = await start({ procs: 1 })
    const started = new AtomicI32(0, { arena: rt.arena })
    const task = rt.go('isCancelledAfter', started, 300)
    await until(() => started.load() === 1, 'the task')
    task.cancel(reason)
    expect(await task).toBe(true)
    expect(await rt.go('isCancelled')).toBe(false)
    started.dispose()
  })

  test('of tasks side by side only the one that is meant', async () => {
    const rt = await start()
    const started = new AtomicI32(0, { arena: rt.arena })
    const tasks = Array.from({ length: 40 }, () => rt.go('untilCancelled', started))
    await until(() => started.load() === 40, 'all of them')
    for (let i = 0; i < 40; i++) {
      tasks[i]!.cancel(i)
      expect(await rejection(tasks[i]!)).toBe(i)
      expect(tasks.filter(({ state }) => state === 'terminated').length).toBe(i + 1)
    }
    started.dispose()
  })

  test('a pinned one, and one that another worker has stolen', async () => {
    const rt = await start()
    const started = new AtomicI32(0, { arena: rt.arena })
    const pinned = rt.on(1).go('untilCancelled', started)
    await until(() => started.load() === 1, 'the pinned one')
    pinned.cancel(reason)
    expect(await rejection(pinned)).toBe(reason)
    expect(await rejection(rt.on(0).go('spawnsAndCancels', started, 'a reason'))).toBe('a reason')
    started.dispose()
  })
})

describe('after its end', () => {
  test('nothing happens, nor to whoever has its record now', async () => {
    const rt = await start({ procs: 1 })
    const started = new AtomicI32(0, { arena: rt.arena })
    const old = Array.from({ length: 50 }, (_, i) => rt.go('identity', i))
    await Promise.all(old)
    const tasks = Array.from({ length: 50 }, (_, i) => rt.go('later', i, 50))
    for (const task of old) task.cancel(reason)
    expect(await Promise.all(old)).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(await Promise.all(tasks)).toEqual(Array.from({ length: 50 }, (_, i) => i))
    started.dispose()
  })

  test('nor after the runtime is closed', async () => {
    const rt = await start()
    const task = rt.go('forever')
    await rt.close()
    task.cancel(reason)
    expect(await rejection(task)).toBeInstanceOf(RuntimeClosedError)
  })
})

describe('rt.task', () => {
  test('a function that spawns it, and cancels it when its signal is aborted', async () => {
    const rt = await start()
    const started = new AtomicI32(0, { arena: rt.arena })
    const add = rt.task('add', 1, 2)
    expect([await add(), await add(new AbortController().signal)]).toEqual([3, 3])
    const controller = new AbortController()
    const task = rt.task('untilCancelled', started)(controller.signal)
    await until(() => task.state === 'blocked', 'the task')
    controller.abort(reason)
    expect(await rejection(task)).toBe(reason)
    expect(await rejection(rt.task('add', 1, 2)(AbortSignal.abort(reason)))).toBe(reason)
    started.dispose()
  })
})
