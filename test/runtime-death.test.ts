// Workers that die: only what they run rejects, and another one takes their place.

import type { Worker } from 'node:worker_threads'
import { AtomicI32, channel, f64, Mutex, type Runtime, runtime, WorkerDiedError } from 'millrace'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { rejection, sleep, until } from './support/probe.js'
import { arenaOf, expectEmpty, moduleOf, outcome, runtimes, type Tasks } from './support/runtimes.js'

noComplaints()
const start = runtimes()

/** Workers that have been started since the test began. */
let workers: Worker[] = []
const note = (worker: Worker): void => {
  workers.push(worker)
}
beforeEach(() => {
  workers = []
  process.on('worker', note)
})
afterEach(() => {
  process.off('worker', note)
})

/** Both workers take tasks. */
async function expectComplete(rt: Runtime<Tasks>, procs = rt.procs): Promise<void> {
  const all = await Promise.all(Array.from({ length: procs }, (_, i) => rt.on(i).go('worker')))
  expect(all).toEqual(Array.from({ length: procs }, (_, i) => i))
}

describe('process.exit in a task', () => {
  test('rejects with WorkerDiedError, which names the worker and why; another worker comes', async () => {
    const rt = await start()
    for (const name of ['exit', 'exitLater'] as const) {
      const error = (await rejection(rt.on(1).go(name, 3))) as WorkerDiedError
      expect(error).toBeInstanceOf(WorkerDiedError)
      expect(error).toMatchObject({ name: 'WorkerDiedError', code: 'ERR_WORKER_DIED', worker: 1 })
      expect(error.cause).toMatchObject({ message: 'exit code 3' })
      expect(error.message).toBe(`worker 1 ended (exit code 3) while it ran task "${name}"`)
      await expectComplete(rt)
    }
    expect(rt.numGoroutine()).toBe(0)
  })

  test('only what it ran rejects: what awaited there does, what was queued is run', async () => {
    const rt = await start({ procs: 1 })
    const sleeping = [rt.go('sleep', 5000), rt.go('forever')]
    await until(() => sleeping.every(({ state }) => state === 'blocked'), 'blocked tasks')
    const exit = rt.go('exit', 0)
    const queued = Array.from({ length: 200 }, (_, i) =>
      i % 3 === 0 ? rt.on(0).go('add', i, 0) : rt.go('echo', `${i}`),
    )
    for (const task of [...sleeping, exit]) expect(await rejection(task)).toMatchObject({ code: 'ERR_WORKER_DIED' })
    expect(await Promise.all(queued)).toEqual(Array.from({ length: 200 }, (_, i) => (i % 3 === 0 ? i : [`${i}`])))
  })

  test('what tasks there have spawned is run all the same', async () => {
    const rt = await start()
    const cell = new AtomicI32(0, { arena: rt.arena })
    for (let round = 1; round <= 3; round++) {
      expect(await rejection(rt.on(0).go('spawnAndExit', cell, 40))).toMatchObject({ code: 'ERR_WORKER_DIED' })
      await rt.drain()
      expect(cell.load()).toBe(40 * round)
    }
    await expectComplete(rt)
    cell.dispose()
  })

  test('an heir gets the results of its predecessor: it goes on as if they were none', async () => {
    const rt = await start()
    const cell = new AtomicI32(0, { arena: rt.arena })
    for (let round = 1; round <= 3; round++) {
      const dies = rt.on(0).go('spawnOnOtherAndExit', 1, cell, 30, 400)
      expect(await rejection(dies)).toMatchObject({ code: 'ERR_WORKER_DIED' })
      // The heir is there before they end.
      expect(await rt.on(0).go('worker')).toBe(0)
      await until(() => cell.load() === 30 * round, 'the tasks of the dead')
      await sleep(50)
      for (let i = 0; i < 20; i++) expect(await rt.on(0).go('add', i, 1)).toBe(i + 1)
    }
    await rt.drain()
    expect(rt.numGoroutine()).toBe(0)
    cell.dispose()
  })

  test('hundreds of times', async () => {
    const rt = await start()
    for (let i = 0; i < 40; i++) {
      const ends = await Promise.all(
        [rt.go('exit', i), ...Array.from({ length: 20 }, (_, k) => rt.go('add', k, 1))].map(outcome),
      )
      expect(ends[0]).toMatchObject({ error: { code: 'ERR_WORKER_DIED' } })
      // Those that awaited nothing have ended, or are run by another worker.
      expect(ends.slice(1)).toEqual(Array.from({ length: 20 }, (_, k) => ({ value: k + 1 })))
    }
    await expectComplete(rt)
  })
})

describe('other ways to die', () => {
  test('out of memory', async () => {
    const rt = await start({
      procs: 1,
      worker: { resourceLimits: { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 } },
    })
    const error = (await rejection(rt.go('exhaust'))) as WorkerDiedError
    expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', worker: 0, cause: { code: 'ERR_WORKER_OUT_OF_MEMORY' } })
    expect(await rt.go('add', 1, 2)).toBe(3)
  })

  test('an error in a timer, and a rejection that nobody handles: the tasks there reject with it as cause', async () => {
    const seen: unknown[] = []
    const rt = await start({ procs: 1, onError: (error, worker) => seen.push([error, worker]) })
    for (const name of ['throwInTimer', 'rejectUnhandled'] as const) {
      expect(await rejection(rt.go(name, 'stray'))).toMatchObject({
        code: 'ERR_WORKER_DIED',
        cause: { message: 'stray' },
      })
      expect(await rt.go('add', 1, 2)).toBe(3)
    }
    // The tasks have told of it.
    expect(seen).toEqual([])
  })

  test('if no task is there to tell of it, onError is, with the number of the worker', async () => {
    for (const [thrown, expected] of [
      ["new Error('stray')", expect.objectContaining({ message: 'stray' })],
      ['undefined', undefined],
      ["'text'", 'text'],
    ] as const) {
      const seen: unknown[] = []
      const module = moduleOf(
        `export const late = () => { setTimeout(() => { throw ${thrown} }, 20) }; export const add = (a, b) => a + b`,
      )
      const rt = await start({ module, procs: 2, onError: (error, worker) => seen.push([error, worker]) })
      await rt.on(1).go('late' as never)
      await until(() => seen.length > 0, 'onError')
      expect(seen).toEqual([[expected, 1]])
      expect(await rt.on(1).go('add', 1, 2)).toBe(3)
    }
  })

  test('terminated from outside, at random moments', async () => {
    const rt = await start()
    for (let round = 0; round < 12; round++) {
      const tasks = Array.from({ length: 300 }, (_, i) =>
        i % 5 === 0 ? rt.go('sleep', i % 20) : i % 5 === 1 ? rt.on(i % 2).go('add', i, 0) : rt.go('echo', i, 'x'),
      )
      await sleep(Math.random() * 20)
      await workers.filter(({ threadId }) => threadId > 0)[round % 2]?.terminate()
      for (const end of await Promise.all(tasks.map(outcome))) {
        if ('error' in end) expect(end.error).toMatchObject({ code: 'ERR_WORKER_DIED' })
      }
      expect(rt.numGoroutine()).toBe(0)
    }
    await expectComplete(rt)
  })

  test('in Atomics.wait, and in an endless loop', async () => {
    const rt = await start()
    const ch = channel(f64, { arena: rt.arena })
    const tasks = [rt.on(0).go('receiveSync', ch), rt.on(1).go('spin')]
    await until(() => tasks.every(({ state }) => state === 'running'), 'running tasks')
    const ends = tasks.map((task) => rejection(task))
    for (const worker of workers) void worker.terminate()
    for (const end of ends) expect(await end).toMatchObject({ code: 'ERR_WORKER_DIED' })
    await expectComplete(rt)
    ch.dispose()
  })
})

describe('RT-25 holding a lock', () => {
  for (const how of ['exit', 'timer']) {
    test(`${how}: the next one gets it, and is told`, async () => {
      const rt = await start()
      const mutex = new Mutex({ arena: rt.arena })
      const held = new AtomicI32(0, { arena: rt.arena })
      const dies = rt.on(0).go('holdMutex', mutex, held, how)
      await until(() => held.load() === 1, 'the lock')
      const next = rt.on(1).go('lockOnce', mutex)
      expect(await rejection(dies)).toMatchObject({ code: 'ERR_WORKER_DIED' })
      expect(await next).toBe(true)
      expect(await rt.go('lockOnce', mutex)).toBe(false)
      mutex.dispose()
      held.dispose()
    })
  }

  test('parked: others wait no longer for it than for anybody', async () => {
    const rt = await start()
    const ch = channel(f64, { arena: rt.arena })
    const parked = rt.on(0).go('receiveUntilDeath', ch)
    await until(() => parked.state === 'blocked', 'a parked task')
    void workers[0]!.terminate()
    expect(await rejection(parked)).toMatchObject({ code: 'ERR_WORKER_DIED' })
    const receives = rt.on(0).go('receiveUntilDeath', ch)
    await ch.send(5)
    expect(await receives).toBe(5)
    ch.dispose()
  })
})

test('RT-26 what waits in an exit handler does not crash anything', async () => {
  const rt = await start({ procs: 1 })
  const cell = new AtomicI32(0, { arena: rt.arena })
  expect(await rejection(rt.go('finaliserWaits', cell))).toMatchObject({ code: 'ERR_WORKER_DIED' })
  expect(await rt.go('add', 1, 2)).toBe(3)
  cell.dispose()
})

describe('workers that cannot be replaced', () => {
  /** A module that loads so many times, in this process. */
  const loads = (times: number, then: string): URL =>
    moduleOf(`import { workerData, getEnvironmentData } from 'node:worker_threads'
      const left = new Int32Array(getEnvironmentData('loads'))
      if (Atomics.sub(left, 0, 1) <= 0) { ${then} }
      export const add = (a, b) => a + b
      export const exit = () => process.exit(1)
      export const forever = () => new Promise(() => setInterval(() => {}, 1000)) // ${times}`)

  for (const [what, text] of [
    ['throws', "throw new Error('not again')"],
    ['exits', 'process.exit(7)'],
    ['rejects', "await Promise.reject(new Error('not again'))"],
  ] as const) {
    for (const procs of [1, 2, 3]) {
      test(`${procs}: a module that ${what} from then on closes the runtime, which says why`, async () => {
        const { setEnvironmentData } = await import('node:worker_threads')
        const left = new Int32Array(new SharedArrayBuffer(4)).fill(procs)
        setEnvironmentData('loads', left.buffer as unknown as string)
        const arena = arenaOf()
        const rt = await start({ arena, module: loads(procs, text), procs })
        const tasks = Array.from({ length: procs }, (_, i) => rt.on(i).go('exit', 1))
        const waiting = Array.from({ length: procs }, (_, i) => rt.on(i).go('add', i, 1))
        const ends = await Promise.all([...tasks, ...waiting].map(outcome))
        for (const end of ends) {
          expect(end).toMatchObject({ error: { code: expect.stringMatching(/^ERR_(WORKER_DIED|RUNTIME_CLOSED)$/) } })
        }
        const closed = (ends.at(-1) as unknown as { error: Error }).error
        expect(closed).toMatchObject({ code: 'ERR_RUNTIME_CLOSED' })
        expect(closed.message).toMatch(what === 'exits' ? /exit code 7/ : /not again/)
        expect(() => rt.go('add', 1, 1)).toThrow(/not again|exit code 7/)
        expect(workers.length).toBeLessThanOrEqual(procs + 6)
        await expectEmpty(arena)
      })
    }
  }
})

test('the runtime can be made anew after that', async () => {
  const arena = arenaOf()
  for (let i = 0; i < 3; i++) {
    const rt = await runtime<Tasks>(moduleOf('export const add = (a, b) => a + b'), { arena, procs: 1 })
    expect(await rt.go('add', i, 1)).toBe(i + 1)
    await rt.close()
    await expectEmpty(arena)
  }
})
