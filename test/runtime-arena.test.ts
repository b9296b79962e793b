// Objects that tasks make are those of their runtime: they go to other tasks, and back to who has spawned them.

import { Arena, type Channel, type Runtime, runtime } from 'millrace'
import { afterEach, expect, test } from 'vitest'

interface Tasks {
  generate(): unknown
  made(): Channel<number>
  arenaSize(): number
  sumOf(n: number): number
  [name: string]: (...args: never[]) => unknown
}

let rt: Runtime<Tasks> | undefined
afterEach(() => rt?.close())

async function start(arena?: Arena): Promise<Runtime<Tasks>> {
  const options = { procs: 2, ...(arena === undefined ? {} : { arena }) }
  rt = await runtime<Tasks>(new URL('support/arena-tasks.mjs', import.meta.url), options)
  return rt
}

test('a task talks to those that it has spawned over a channel that it has made', async () => {
  const rt = await start()
  expect(await rt.go('sumOf', 20)).toBe(210)
})

test('a task returns a channel; one made while the module was loaded, too', async () => {
  const rt = await start()
  const made = await rt.go('made')
  expect(await made.receive({ timeout: 20_000 })).toBe(7)
})

test('the arena of the runtime is the default arena of its workers', async () => {
  const size = 2 * 2 ** 20
  const rt = await start(new Arena({ size }))
  expect(await rt.go('arenaSize')).toBe(size)
  expect(await rt.go('sumOf', 5)).toBe(15)
})

test('a closed runtime says so, whatever is asked of it', async () => {
  const rt = await start()
  await rt.close()
  const closed = expect.objectContaining({ code: 'ERR_RUNTIME_CLOSED' })
  expect(() => rt.go('made')).toThrow(closed)
  expect(() => rt.on(0)).toThrow(closed)
  expect(() => rt.map('sumOf', [1])).toThrow(closed)
  expect(() => rt.parallelFor('sumOf', 1)).toThrow(closed)
})

test('a function instead of its name is refused', async () => {
  const rt = await start()
  expect(() => rt.go((() => {}) as never)).toThrow(
    "tasks are told by the name of a function that the runtime's module exports, as a string, not by function (anonymous)",
  )
})

test('a generator as a result is refused by what it is', async () => {
  const rt = await start()
  await expect(rt.go('generate')).rejects.toThrow('any carries plain data, not a Generator object (at $)')
})
