// What people do who use a runtime for the first time, and what it then says.

import { execFileSync } from 'node:child_process'
import { SharedArray, u8 } from 'millrace'
import { expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { rejection, thrown } from './support/probe.js'
import { moduleOf, runtimes } from './support/runtimes.js'

noComplaints()
const start = runtimes()
const module = new URL('runtime/first-steps.mjs', import.meta.url)
const library = JSON.stringify(import.meta.resolve('millrace'))

test('a module that starts a runtime of itself is told, and breeds no workers', async () => {
  const url = moduleOf(`import { runtime } from ${library}
    export const add = (a, b) => a + b
    await runtime(import.meta.url)`)
  expect(await rejection(start({ module: url, procs: 1 }))).toMatchObject({
    name: 'TypeError',
    message: expect.stringMatching(/is loading data:.*isMainThread/s),
  })
})

test('so is one that does not await it', async () => {
  const url = moduleOf(`import { runtime } from ${library}
    export const why = runtime(import.meta.url).catch((error) => error.message)
    export const tell = () => why`)
  const rt = (await start({ module: url, procs: 1 })) as unknown as { go(name: string): Promise<string> }
  expect(await rt.go('tell')).toContain('isMainThread')
})

test.each([1, 2])('a task cancels another one that it has spawned, with %i workers', async (procs) => {
  const rt = (await start({ module, procs })) as unknown as { go(name: string): Promise<string> }
  const begin = performance.now()
  expect(await rt.go('parent')).toBe('stop')
  expect(performance.now() - begin).toBeLessThan(9000)
})

test('what a task has printed is there after close', () => {
  const text = `import { runtime } from ${library}
    const rt = await runtime(${JSON.stringify(module.href)}, { procs: 1 })
    await rt.go('lines', 500)
    await rt.close()`
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', text], { encoding: 'utf8' })
  expect(printed.trimEnd().split('\n')).toHaveLength(500)
})

test('an argument that cannot be carried is told by its number', async () => {
  const rt = await start()
  expect(thrown(() => rt.go('add', 1, (() => {}) as never))).toMatchObject({
    message: expect.stringMatching(/function.*\(at \$\[1\]\): argument 2 of task "add"$/),
  })
})

test('parallelFor without its options', async () => {
  const rt = await start()
  const array = new SharedArray(u8, 8, { arena: rt.arena })
  expect(await rejection(rt.parallelFor('add' as never, 8, array as never))).toMatchObject({
    message: expect.stringContaining('options { chunk, concurrency, signal }'),
  })
  array.dispose()
})
