// How many workers there are: at the start, and later.

import { AtomicI32, type Runtime, runtime } from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { gc, rejection, sleep, until } from './support/probe.js'
import { random } from './support/random.js'
import { arenaOf, expectEmpty, moduleOf, outcome, runtimes, TASKS, type Tasks } from './support/runtimes.js'
import { rounds } from './support/settings.js'

noComplaints()
const start = runtimes()

/** Each worker takes tasks, and no other is there. */
async function expectWorkers(rt: Runtime<Tasks>, procs: number): Promise<void> {
  expect(rt.procs).toBe(procs)
  const all = await Promise.all(Array.from({ length: procs }, (_, i) => rt.on(i).go('worker')))
  expect(all).toEqual(Array.from({ length: procs }, (_, i) => i))
  // Besides this thread.
  await until(() => rt.arena.stats().threads === procs + 1, `${procs} workers`)
}

describe('RT-23 numbers that make no sense', () => {
  const wrong: [unknown, typeof TypeError][] = [
    [0, RangeError],
    [-1, RangeError],
    [1.5, RangeError],
    [Number.NaN, RangeError],
    [65, RangeError],
    [1e9, RangeError],
    [Number.POSITIVE_INFINITY, RangeError],
    ['2', TypeError],
    [null, TypeError],
    [2n, TypeError],
    [{}, TypeError],
  ]
  for (const [procs, kind] of wrong) {
    test(`procs: ${String(procs)}`, async () => {
      const arena = arenaOf()
      const error = await rejection(runtime(TASKS, { procs: procs as number, arena }))
      expect(error).toBeInstanceOf(kind)
      await expectEmpty(arena)
    })
  }

  test('maxProcs: the same, and nothing has changed', async () => {
    const rt = await start()
    for (const [procs, kind] of wrong) {
      const error = await rejection((async () => rt.maxProcs(procs as number))())
      expect(error).toBeInstanceOf(kind)
    }
    await expectWorkers(rt, 2)
  })

  test('other options that make no sense', async () => {
    const arena = arenaOf()
    for (const options of [5, null, 'procs', { arena: 5 }, { worker: 5 }, { worker: null }, { onError: 'x' }]) {
      const error = await rejection(
        runtime(TASKS, (options !== null && typeof options === 'object' ? { arena, ...options } : options) as never),
      )
      expect(error).toBeInstanceOf(TypeError)
    }
    for (const module of ['./tasks.js', 'tasks', '', 5, undefined, null, {}]) {
      const error = await rejection(runtime(module as never, { arena }))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toContain('new URL(')
    }
    await expectEmpty(arena)
  })

  test('options that Worker refuses are refused, and no worker is left', async () => {
    const arena = arenaOf()
    const error = await rejection(runtime(TASKS, { procs: 2, arena, worker: { execArgv: ['--no-such-flag-at-all'] } }))
    expect(error).toMatchObject({ code: 'ERR_WORKER_INVALID_EXEC_ARGV' })
    await expectEmpty(arena)
  })
})

describe('modules that do not load', () => {
  const failing = {
    'throws an error': [
      "throw Object.assign(new RangeError('at load'), { code: 'ERR_MINE' })",
      { name: 'RangeError', message: 'at load', code: 'ERR_MINE' },
    ],
    'throws what cannot be cloned': [
      "throw Object.assign(new TypeError('at load'), { f() {} })",
      { name: 'TypeError', message: 'at load' },
    ],
    'has a syntax error': ['export const a = (', { name: 'SyntaxError' }],
    'imports what is not there': ["import './not-there.mjs'", {}],
    'ends its thread': ['process.exit(9)', { message: expect.stringContaining('exit code 9') }],
    'rejects after a while': [
      "await new Promise((_, no) => setTimeout(no, 20, new Error('late')))",
      { message: 'late' },
    ],
    'waits for ever': ['await new Promise(() => {})', { message: expect.stringContaining('exit code 13') }],
  } as const
  for (const [what, [text, expected]] of Object.entries(failing)) {
    for (const procs of [1, 3]) {
      test(`${what}: start rejects with its error, and no worker is left (${procs})`, async () => {
        const arena = arenaOf()
        const error = await rejection(runtime(moduleOf(text), { procs, arena }))
        expect(error).toBeInstanceOf(Error)
        expect(error).toMatchObject(expected)
        await expectEmpty(arena)
      })
    }
  }

  test('throws what is no error', async () => {
    for (const thing of ["'text'", 'undefined', 'null', '{ a: 1 }']) {
      const end = await outcome(
        runtime(moduleOf(`throw ${thing === '{ a: 1 }' ? '({ a: 1 })' : thing}`), { procs: 1, arena: arenaOf() }),
      )
      expect(end).toEqual({
        error: thing === "'text'" ? 'text' : thing === 'undefined' ? undefined : thing === 'null' ? null : { a: 1 },
      })
    }
  })

  test('is missing', async () => {
    const arena = arenaOf()
    const error = await rejection(runtime(new URL('./no-such-file.mjs', import.meta.url), { procs: 2, arena }))
    expect(error).toMatchObject({ code: 'ERR_MODULE_NOT_FOUND', message: expect.stringContaining('no-such-file.mjs') })
    await expectEmpty(arena)
  })

  test('exports nothing: it starts, and every name is unknown', async () => {
    const rt = await start({ module: moduleOf('export {}'), procs: 1 })
    expect(() => rt.go('add', 1, 2)).toThrow(/it has none at all/)
  })
})

describe('maxProcs', () => {
  test('tells how many there were; more come, and those that are too many go', async () => {
    const rt = await start({ procs: 1 })
    expect(await rt.maxProcs()).toBe(1)
    expect(await rt.maxProcs(4)).toBe(1)
    await expectWorkers(rt, 4)
    expect(await rt.maxProcs(4)).toBe(4)
    expect(await rt.maxProcs(2)).toBe(4)
    await expectWorkers(rt, 2)
    expect(() => rt.on(2)).toThrow(RangeError)
    expect(await rt.maxProcs(3)).toBe(2)
    await expectWorkers(rt, 3)
  })

  test('several calls at once: one after the other', async () => {
    const rt = await start({ procs: 1 })
    expect(await Promise.all([rt.maxProcs(3), rt.maxProcs(1), rt.maxProcs(2), rt.maxProcs()])).toEqual([1, 3, 1, 2])
    await expectWorkers(rt, 2)
  })

  test('what a worker has begun that is too many ends as it would have; what is queued is run by others', async () => {
    const rt = await start({ procs: 3 })
    const begun = [rt.on(2).go('sleep', 500), rt.on(1).go('sleep', 400)]
    await until(() => begun.every(({ state }) => state === 'blocked'), 'blocked tasks')
    const queued = Array.from({ length: 300 }, (_, i) => rt.go('add', i, 0))
    const pinned = Array.from({ length: 60 }, (_, i) => rt.on(i % 3).go('worker'))
    await rt.maxProcs(1)
    expect(await Promise.all(queued)).toEqual(Array.from({ length: 300 }, (_, i) => i))
    expect(await Promise.all(pinned)).toEqual(Array.from({ length: 60 }, (_, i) => i % 3))
    expect(await Promise.all(begun)).toEqual([2, 1])
    await expectWorkers(rt, 1)
  })

  test('a worker that is too many but busy takes no call that is for others', async () => {
    const rt = await start({ procs: 2 })
    const busy = rt.on(1).go('sleep', 1500)
    await until(() => busy.state === 'blocked', 'a blocked task')
    await rt.maxProcs(1)
    for (let i = 0; i < 100; i++) {
      expect(await rt.go('worker')).toBe(0)
      if (i % 10 === 0) await sleep(2)
    }
    expect(busy.state).toBe('blocked')
    expect(await busy).toBe(1)
    await expectWorkers(rt, 1)
  })

  test('who has kept a worker that is gone is told; tasks pinned just before are run', async () => {
    const rt = await start({ procs: 2 })
    for (let round = 0; round < 10; round++) {
      const late = rt.on(1)
      const shrinks = rt.maxProcs(1)
      const pinned: Promise<number>[] = []
      try {
        for (let i = 0; i < 400; i++) {
          pinned.push(late.go('worker'))
          await Promise.resolve()
          if (i % 50 === 0) await sleep(0)
        }
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
      }
      await shrinks
      expect(await Promise.all(pinned)).toEqual(pinned.map(() => 1))
      expect(() => late.go('worker')).toThrow(RangeError)
      await rt.maxProcs(2)
      expect(await late.go('worker')).toBe(1)
    }
  })

  test('a module that does not load any more: it rejects, and all is as before', async () => {
    const { setEnvironmentData } = await import('node:worker_threads')
    const left = new Int32Array(new SharedArrayBuffer(4)).fill(2)
    setEnvironmentData('loads', left.buffer as unknown as string)
    const module = moduleOf(`import { getEnvironmentData } from 'node:worker_threads'
      if (Atomics.sub(new Int32Array(getEnvironmentData('loads')), 0, 1) <= 0) throw new Error('no more')
      import { currentTask } from ${JSON.stringify(import.meta.resolve('millrace'))}
      export const worker = () => currentTask().worker`)
    const rt = await start({ module })
    expect((await rejection(rt.maxProcs(4))).message).toBe('no more')
    await expectWorkers(rt, 2)
    left.fill(1)
    expect((await rejection(rt.maxProcs(4))).message).toBe('no more')
    await expectWorkers(rt, 2)
    left.fill(10)
    expect(await rt.maxProcs(4)).toBe(2)
    await expectWorkers(rt, 4)
  })

  test('close in the middle of it', async () => {
    for (const ms of [0, 5, 20, 60]) {
      const arena = arenaOf()
      const rt = await start({ procs: 1, arena })
      const more = outcome(rt.maxProcs(4))
      const less = outcome(rt.maxProcs(1))
      await sleep(ms)
      await rt.close()
      for (const end of await Promise.all([more, less])) {
        if ('error' in end) expect(end.error).toMatchObject({ code: 'ERR_RUNTIME_CLOSED' })
      }
      await expectEmpty(arena)
    }
  })
})

test('RT-22 workers come and go under tasks that spawn the next, while garbage is collected', async () => {
  const { below, pick } = random('churn')
  const rt = await start({ procs: 2 })
  const stop = new AtomicI32(0, { arena: rt.arena })
  const count = new AtomicI32(0, { arena: rt.arena })
  for (let i = 0; i < 4; i++) void rt.go('perpetual', stop, count)
  const all: Promise<unknown>[] = []
  for (let i = 0; i < rounds(40); i++) {
    const before = count.load()
    all.push(rt.go('collectGarbage'), rt.go('sleep', below(20)), rt.on(below(rt.procs)).go('worker'))
    gc()
    const change = rt.maxProcs(1 + below(4))
    if (pick([true, false])) await change
    else all.push(change, sleep(below(10)))
    await until(() => count.load() > before, 'progress')
  }
  await Promise.all(all)
  stop.store(1)
  await rt.drain()
  await expectWorkers(rt, rt.procs)
  expect(rt.numGoroutine()).toBe(0)
  stop.dispose()
  count.dispose()
}, 120_000)
