// Runtimes in threads that have not made them: open(rt.handle).

import { Worker } from 'node:worker_threads'
import { AtomicI32, open } from 'millrace'
import { expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { rejection, thrown, until } from './support/probe.js'
import { arenaOf, expectEmpty, outcome, runtimes, TASKS } from './support/runtimes.js'
import { spawn } from './support/threads.js'

noComplaints()
const start = runtimes()

test('another thread spawns tasks, and gets their results and errors', async () => {
  const rt = await start()
  const there = spawn(async ({ open }, handle) => {
    const rt = open(handle)
    const sums = await Promise.all(Array.from({ length: 500 }, (_, i) => rt.go('add', i, 1)))
    const text = await rt.go('echo', 'a', { b: [1] })
    const pinned = await rt.on(1).go('worker')
    const error = await rt.go('fails', 'there').catch((error: Error) => error)
    const died = await rt.go('exit', 1).catch((error: { code: string }) => error.code)
    let unknown = ''
    try {
      rt.go('nope')
    } catch (error) {
      unknown = (error as Error).message
    }
    const left = rt.numGoroutine()
    await rt.close()
    return { sums, text, pinned, message: error.message, stack: error.stack, died, unknown, left, procs: rt.procs }
  }, rt.handle)
  const said = await there.ended
  expect(said.sums).toEqual(Array.from({ length: 500 }, (_, i) => i + 1))
  expect(said).toMatchObject({ text: ['a', { b: [1] }], pinned: 1, message: 'there', died: 'ERR_WORKER_DIED', left: 0 })
  expect(said.stack).toContain('at task "fails", spawned')
  expect(said.unknown).toMatch(/exports no function "nope": it has .*"add"/)
  // It has left; the runtime goes on.
  expect(await rt.go('add', 1, 2)).toBe(3)
})

test('there, what is for the maker alone is refused', async () => {
  const rt = await start()
  const said = await spawn(async ({ open }, handle) => {
    const rt = open(handle)
    const names = []
    for (const call of [() => rt.drain(), () => rt.maxProcs(3)]) {
      names.push(
        await Promise.resolve()
          .then(call)
          .catch((error: Error) => error.name),
      )
    }
    await rt.close()
    const after = await Promise.resolve()
      .then(() => rt.go('add', 1, 2))
      .catch((error: Error) => error.name)
    return [...names, after]
  }, rt.handle).ended
  expect(said).toEqual(['TypeError', 'TypeError', 'RuntimeClosedError'])
})

test('in the same thread it is the runtime itself; of one that is closed, the handle is stale', async () => {
  const rt = await start()
  const { handle } = rt
  expect(open(handle)).toBe(rt)
  expect(open({ ...handle })).toBe(rt)
  await rt.close()
  expect(thrown(() => open(handle))).toMatchObject({ code: 'ERR_STALE_HANDLE' })
  expect(thrown(() => open({ ...handle, schema: ['other'] as never }))).toMatchObject({ code: expect.any(String) })
})

test('the maker closes it: what other threads have spawned rejects there', async () => {
  const rt = await start()
  const cell = new AtomicI32(0, { arena: rt.arena })
  const there = spawn(
    async ({ open }, handle, cellHandle) => {
      const [rt, cell] = [open(handle), open(cellHandle)]
      const ends = [rt.go('forever'), rt.go('spin'), rt.on(0).go('add', 1, 2)].map((task: Promise<unknown>) =>
        task.then(
          () => 'fulfilled',
          (error: { code: string }) => error.code,
        ),
      )
      cell.store(1)
      const codes = await Promise.all(ends)
      const late = await Promise.resolve()
        .then(() => rt.go('add', 1, 2))
        .catch((error: { code: string }) => error.code)
      return { codes, late, procs: rt.procs, n: rt.numGoroutine() }
    },
    rt.handle,
    cell.handle,
  )
  await until(() => cell.load() === 1, 'the other thread')
  await new Promise((resolve) => setTimeout(resolve, 100))
  await rt.close()
  const { codes, late, procs, n } = await there.ended
  expect(codes.slice(0, 2)).toEqual(['ERR_RUNTIME_CLOSED', 'ERR_RUNTIME_CLOSED'])
  expect(['ERR_RUNTIME_CLOSED', 'fulfilled']).toContain(codes[2])
  expect([late, procs, n]).toEqual(['ERR_RUNTIME_CLOSED', 2, 0])
  cell.dispose()
})

test('a thread dies with tasks that it has spawned: they run, and nobody hears of it', async () => {
  const rt = await start()
  const cell = new AtomicI32(0, { arena: rt.arena })
  const there = spawn(
    async ({ open }, handle, cellHandle) => {
      const [rt, cell] = [open(handle), open(cellHandle)]
      for (let i = 0; i < 200; i++) rt.go('addLater', cell, 300).catch(() => {})
      await new Promise(() => setInterval(() => {}, 1000))
    },
    rt.handle,
    cell.handle,
  )
  await until(() => rt.numGoroutine() + cell.load() >= 200, 'its tasks')
  await there.terminate()
  await rt.drain()
  expect(cell.load()).toBe(200)
  expect(rt.numGoroutine()).toBe(0)
  cell.dispose()
})

test('its maker dies: the workers are gone with it, and who has opened it is told', async () => {
  const arena = arenaOf()
  const box = new AtomicI32(0, { arena })
  const text = `const { parentPort, workerData } = require('node:worker_threads')
    import('millrace').then(async ({ open, runtime }) => {
      const rt = await runtime(workerData.url, { procs: 2, arena: open(workerData.box).arena })
      parentPort.postMessage(rt.handle)
      setInterval(() => {}, 1000)
    })`
  const maker = new Worker(text, { eval: true, workerData: { url: TASKS.href, box: box.handle } })
  const handle = await new Promise<never>((resolve, reject) => {
    maker.once('message', (message) => resolve(message as never))
    maker.once('error', reject)
  })
  const rt = open(handle) as Awaited<ReturnType<typeof start>>
  expect(await rt.go('add', 1, 2)).toBe(3)
  const pending = [rt.go('forever'), rt.go('spin')].map((task) => outcome(task))
  await new Promise((resolve) => setTimeout(resolve, 50))
  await maker.terminate()
  for (const end of await Promise.all(pending)) {
    expect(end).toMatchObject({ error: { code: expect.stringMatching(/^ERR_(RUNTIME_CLOSED|WORKER_DIED)$/) } })
  }
  expect(await rejection((async () => rt.go('add', 1, 2))())).toMatchObject({ code: 'ERR_RUNTIME_CLOSED' })
  await rt.close()
  box.dispose()
  await expectEmpty(arena)
})
