// Tasks in a small arena: they wait for memory, and leave none behind.

import { AtomicI32 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { rejection, until } from './support/probe.js'
import { arenaOf, expectEmpty, outcome, runtimes } from './support/runtimes.js'
import { rounds } from './support/settings.js'

noComplaints()
const start = runtimes()
const MIB = 2 ** 20

describe('an arena of 1 MiB', () => {
  test('a hundred thousand tasks at once, each with a message: all end, most wait for memory first', async () => {
    const arena = arenaOf(MIB)
    const rt = await start({ arena })
    const n = 100_000
    const tasks = Array.from({ length: n }, (_, i) => rt.go('lengthOf', 'x'.repeat(i % 1000)))
    expect(tasks[0]!.state).not.toBe('created')
    expect(tasks.filter(({ state }) => state === 'created').length).toBeGreaterThan(n / 2)
    const results = await Promise.all(tasks)
    expect(results.every((result, i) => result === i % 1000)).toBe(true)
    expect(rt.numGoroutine()).toBe(0)
    await rt.close()
    await expectEmpty(arena)
  }, 120_000)

  test('with numbers alone, and messages, and pinned ones, in between: in every order', async () => {
    const rt = await start({ arena: arenaOf(MIB) })
    const tasks = Array.from({ length: rounds(30_000) }, (_, i) =>
      i % 3 === 0 ? rt.go('add', i, 0) : i % 3 === 1 ? rt.on(i % 2).go('identity', i) : rt.go('identity', `${i}`),
    )
    const results = await Promise.all<unknown>(tasks)
    expect(results.every((result, i) => (i % 3 === 2 ? result === `${i}` : result === i))).toBe(true)
  }, 60_000)

  test('results that wait for memory', async () => {
    const rt = await start({ arena: arenaOf(MIB) })
    const lengths = Array.from({ length: 200 }, (_, i) => 10_000 + i * 700)
    const results = await Promise.all(lengths.map((length) => rt.go('bytesOf', length)))
    expect(results.map(({ length }) => length)).toEqual(lengths)
  })

  test('tasks of tasks that wait for memory', async () => {
    const rt = await start({ arena: arenaOf(MIB) })
    const counts = await Promise.all(Array.from({ length: 8 }, () => rt.go('spawnMessages', 500, 3000)))
    expect(counts).toEqual(Array.from({ length: 8 }, () => 500 * 3000))
  }, 60_000)

  test('errors that wait for memory', async () => {
    const rt = await start({ arena: arenaOf(MIB) })
    const ends = await Promise.all(
      Array.from({ length: 3000 }, (_, i) => outcome(rt.go('fails', `${i}`.padEnd(2000, '.')))),
    )
    expect(ends.every((end, i) => 'error' in end && (end.error as Error).message.startsWith(`${i}.`))).toBe(true)
  }, 60_000)

  test('closed meanwhile: what waits rejects, and nothing is left', async () => {
    for (const ms of [0, 3, 30]) {
      const arena = arenaOf(MIB)
      const rt = await start({ arena })
      const ends = Array.from({ length: 5000 }, () => outcome(rt.go('identity', 'x'.repeat(2000))))
      await new Promise((resolve) => setTimeout(resolve, ms))
      await rt.close()
      for (const end of await Promise.all(ends)) {
        if ('error' in end) expect(end.error).toMatchObject({ code: 'ERR_RUNTIME_CLOSED' })
      }
      await expectEmpty(arena)
    }
  })

  test('its workers die meanwhile: all the same, each task ends', async () => {
    const arena = arenaOf(MIB)
    const rt = await start({ arena })
    const tasks = Array.from({ length: 3000 }, (_, i) =>
      outcome(i % 100 === 50 ? rt.go('exit', 1) : rt.go('identity', 'x'.repeat(3000))),
    )
    const ends = await Promise.all(tasks)
    const died = ends.filter((end) => 'error' in end)
    for (const end of died) expect(end).toMatchObject({ error: { code: 'ERR_WORKER_DIED' } })
    // And what was with it: others there may have had results that waited for memory.
    expect(died.length).toBeGreaterThanOrEqual(30)
    expect(died.length).toBeLessThan(2000)
    await rt.close()
    await expectEmpty(arena)
  }, 120_000)
})

describe('nothing is left', () => {
  test('after work of all kinds, again and again, memory is used anew', async () => {
    const arena = arenaOf(4 * MIB)
    let reserved = 0
    for (let round = 0; round < 6; round++) {
      const rt = await start({ arena, procs: 2 })
      const cell = new AtomicI32(0, { arena })
      await Promise.all([
        rt.go('fib', 10),
        rt.go('echo', new Uint8Array(100_000), { a: ['x'.repeat(5000)] }),
        outcome(rt.go('raise', 'own')),
        ...Array.from({ length: 500 }, (_, i) => rt.go('echo', i, `${i}`, cell)),
      ])
      expect(await rejection(rt.go('exit', 1))).toMatchObject({ code: 'ERR_WORKER_DIED' })
      await rt.close()
      cell.dispose()
      await expectEmpty(arena)
      if (round === 1) reserved = arena.stats().bytesReserved
    }
    expect(arena.stats().bytesReserved).toBeLessThanOrEqual(reserved + 2 ** 18)
  })

  test('of tasks that are queued, running or ended when the runtime is closed', async () => {
    const arena = arenaOf(4 * MIB)
    const rt = await start({ arena })
    const ends = Array.from({ length: 3000 }, (_, i) =>
      outcome(rt.go(i % 50 === 0 ? 'sleep' : 'identity', (i % 50 === 0 ? 1 : 'y'.repeat(i % 800)) as never)),
    )
    await until(() => rt.numGoroutine() < 2900, 'the first')
    await rt.close()
    await Promise.all(ends)
    await expectEmpty(arena)
  })
})
