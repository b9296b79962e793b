// What a runtime does to its process: what keeps it alive, and what ends it.

import { describe, expect, test } from 'vitest'
import { child, type Outcome } from './support/child.js'
import { TASKS } from './support/runtimes.js'

const tasks = JSON.stringify(TASKS.href)

/** Runs a program with a runtime `rt` of two workers. */
const withRuntime = (text: string, options = '{ procs: 2 }'): Promise<Outcome> =>
  child(`const rt = await millrace.runtime(${tasks}, ${options})\n${text}`)

describe('RT-24 what keeps the process alive', () => {
  for (const [what, text, out] of [
    ['nothing pending: it ends by itself, although nobody has closed the runtime', 'console.log(1)', '1\n'],
    ['idle after work: likewise', "console.log(await rt.go('add', 1, 2))", '3\n'],
    ['a pending task', "rt.go('later', 'late', 300).then(console.log)", 'late\n'],
    ['a pinned one', "rt.on(1).go('later', 'late', 300).then(console.log)", 'late\n'],
    ['tasks of tasks', "rt.go('fib', 10).then(console.log)", '55\n'],
    [
      'drain, for what tasks have spawned',
      "const cell = new millrace.AtomicI32(0); rt.go('spawnAndLeave', 5, cell, 200); await null; await rt.drain(); console.log(cell.load())",
      '5\n',
    ],
    [
      'drain, for tasks that this thread does not await',
      "void rt.go('later', 1, 300); await rt.drain(); console.log('drained')",
      'drained\n',
    ],
    ['a change of the number of workers', 'await rt.maxProcs(4); console.log(rt.procs)', '4\n'],
    [
      'close',
      "rt.go('forever').catch(({ code }) => console.log(code)); await rt.close(); console.log('closed')",
      'ERR_RUNTIME_CLOSED\nclosed\n',
    ],
    [
      'a task that waits for the heir of its worker',
      "rt.on(0).go('exit', 1).catch(() => console.log('died')); rt.on(0).go('add', 1, 2).then(console.log)",
      'died\n3\n',
    ],
    [
      'the same if that was the only one',
      "await rt.maxProcs(1); rt.go('exit', 1).catch(() => console.log('died')); rt.go('add', 1, 2).then(console.log)",
      'died\n3\n',
    ],
    [
      'a task that waits for memory',
      "const all = Array.from({ length: 300 }, (_, i) => rt.go('lengthOf', 'x'.repeat(10_000))); await Promise.all(all); console.log(all.length)",
      '300\n',
    ],
  ] as const) {
    test(what, async () => {
      const options = what.includes('memory') ? '{ procs: 2, arena: new millrace.Arena({ size: 2 ** 20 }) }' : undefined
      expect(await withRuntime(text, options)).toMatchObject({ code: 0, out, err: '' })
    })
  }

  test('a cancelled task does not', async () => {
    const { code, ms } = await withRuntime(
      "const t = rt.go('forever'); t.catch(() => {}); await sleep(100); t.cancel(); await rt.close()",
    )
    expect(code).toBe(0)
    expect(ms).toBeLessThan(15_000)
  })

  test('process.exit ends it, whatever the workers are at', async () => {
    expect(await withRuntime("rt.go('spin'); rt.go('forever'); await sleep(50); process.exit(3)")).toMatchObject({
      code: 3,
    })
  })

  test('a runtime whose module does not load leaves nothing behind', async () => {
    for (const module of [
      'data:text/javascript,throw new Error("no")',
      'data:text/javascript,export const a = (',
      'file:///no/such/file.mjs',
      'data:text/javascript,process.exit(3)',
    ]) {
      const result = await child(
        `await millrace.runtime(${JSON.stringify(module)}, { procs: 2 }).catch((error) => console.log(error instanceof Error))`,
      )
      expect(result).toMatchObject({ code: 0, out: 'true\n', err: '' })
    }
  })

  test('many runtimes, forgotten', async () => {
    const text = `for (let i = 0; i < 5; i++) { const each = await millrace.runtime(${tasks}, { procs: 1 }); console.log(await each.go('add', i, 1)) }`
    expect(await child(text)).toMatchObject({ code: 0, out: '1\n2\n3\n4\n5\n', err: '' })
  })
})

describe('RT-8 what nobody handles ends the process', () => {
  test('a task that throws: with its stack, and that of the spawn', async () => {
    const { code, err } = await withRuntime("rt.go('fails', 'unheard'); await sleep(5000)")
    expect(code).not.toBe(0)
    expect(err).toContain('unheard')
    expect(err).toContain('failingPart')
    expect(err).toContain('at task "fails", spawned')
  })

  test('a goroutine of this thread that throws', async () => {
    const { code, err } = await child("millrace.go(async () => { throw new Error('unheard') }); await sleep(5000)")
    expect(code).not.toBe(0)
    expect(err).toContain('unheard')
  })

  test('a task whose worker dies', async () => {
    const { code, err } = await withRuntime("rt.go('exit', 3); await sleep(5000)")
    expect(code).not.toBe(0)
    expect(err).toContain('ERR_WORKER_DIED')
  })

  test('one that is handled does not, nor one that is handled later in the same turn', async () => {
    const text = `rt.go('fails', 'a').catch(() => console.log('a'))
      const late = rt.go('fails', 'b')
      await Promise.allSettled([late])
      console.log('b')`
    expect(await withRuntime(text)).toMatchObject({ code: 0, out: 'a\nb\n', err: '' })
  })

  test('tasks that are pending when the runtime is closed do not', async () => {
    expect(
      await withRuntime("rt.go('forever'); rt.go('spin'); await sleep(50); await rt.close(); console.log(1)"),
    ).toMatchObject({
      code: 0,
      out: '1\n',
      err: '',
    })
  })

  test('what a worker throws outside of all tasks does, if there is no onError', async () => {
    const module = JSON.stringify(
      `data:text/javascript,export const f = () => { setTimeout(() => { throw new Error('stray') }, 20) }`,
    )
    const text = (options: string) =>
      `const rt = await millrace.runtime(${module}, { procs: 1${options} }); await rt.go('f'); await sleep(1000); console.log(await rt.go('f'))`
    const { code, err } = await child(text(''))
    expect(code).not.toBe(0)
    expect(err).toContain('stray')
    const heard = await child(text(', onError: (error, worker) => console.log(error.message, worker)'))
    expect(heard).toMatchObject({ code: 0, out: 'stray 0\nundefined\n', err: '' })
  })

  test('what an onError throws does, too; the worker has been replaced', async () => {
    const module = JSON.stringify(
      `data:text/javascript,export const f = () => { setTimeout(() => { throw new Error('stray') }, 20) }; export const add = (a, b) => a + b`,
    )
    const text = `process.on('uncaughtException', (error) => console.log('uncaught', error.message))
      const rt = await millrace.runtime(${module}, { procs: 1, onError() { throw new Error('from onError') } })
      await rt.go('f'); await sleep(300); console.log(await rt.go('add', 1, 2))`
    expect(await child(text)).toMatchObject({ code: 0, out: 'uncaught from onError\n3\n' })
  })
})

describe('an idle runtime costs nothing', () => {
  test('no turns of the event loop, and hardly any time of any thread', async () => {
    const text = `await rt.go('fib', 10)
      await sleep(300)
      const before = process.cpuUsage()
      await sleep(1000)
      const { user, system } = process.cpuUsage(before)
      console.log(user + system)`
    const { out } = await withRuntime(text)
    // Microseconds of the whole process, of the second.
    expect(Number(out)).toBeLessThan(200_000)
  })
})
