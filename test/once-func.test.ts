// Functions that are run once, in one thread.

import { onceFunc, onceValue, onceValues, SyncError } from 'millrace'
import { describe, expect, test } from 'vitest'
import { gc, macrotask, rejection, retry, sleep, thrown } from './support/probe.js'

const makers = { onceFunc, onceValue, onceValues } as unknown as Record<string, <R>(fn: () => R) => () => R>

test('ONCE-5 onceFunc: ten calls, one run', () => {
  let runs = 0
  const run = onceFunc(() => {
    runs++
  })
  expect(runs).toBe(0)
  for (let i = 0; i < 10; i++) run()
  expect(runs).toBe(1)
})

test('ONCE-5 onceValue and onceValues: ten calls, one run, the same value', () => {
  let runs = 0
  const value = onceValue(() => ({ runs: ++runs }))
  const values = onceValues(() => [++runs, 'two'] as const)
  const first = value()
  const [one, two] = values()
  for (let i = 0; i < 10; i++) {
    expect(value()).toBe(first)
    expect(values()).toBe(values())
  }
  expect([first, one, two, runs]).toEqual([{ runs: 1 }, 2, 'two', 2])
})

describe.each(Object.entries(makers))('%s', (name, make) => {
  test.each([[new Error('bad')], [undefined], [null], [0]])(
    'ONCE-6 ONCE-7 ONCE-8 %s is thrown by every call',
    (bad) => {
      let runs = 0
      const call = make(() => {
        runs++
        throw bad
      })
      for (let i = 0; i < 3; i++) {
        let caught: unknown[] = []
        try {
          call()
        } catch (error) {
          caught = [error]
        }
        expect(caught).toEqual([bad])
        expect(caught[0]).toBe(bad)
      }
      expect(runs).toBe(1)
      if (bad instanceof Error) expect(bad.stack).toContain('once-func.test')
    },
  )

  test('ONCE-4 a function that calls itself is told so, and is run once', () => {
    let runs = 0
    const call: () => unknown = make(() => {
      runs++
      return call()
    })
    const error = thrown(call)
    expect(error).toBeInstanceOf(SyncError)
    expect(error.message).toContain('deadlock')
    expect(error.message).toContain(name)
    expect(thrown(call)).toBe(error)
    expect(runs).toBe(1)
  })

  test('ONCE-9 ONCE-11 an async function: all calls have one promise, kept or not', async () => {
    let runs = 0
    const call = make(async () => {
      runs++
      await sleep(2)
      return ['value']
    })
    const first = call()
    expect(call()).toBe(first)
    expect(await first).toEqual(['value'])
    expect(call()).toBe(first)
    const fail = make(async () => {
      runs++
      await macrotask()
      throw new Error('given up')
    })
    const failed = fail()
    expect(await rejection(failed)).toBe(await rejection(fail()))
    expect(runs).toBe(2)
  })

  test('ONCE-10 what the function holds is released once it has run', async () => {
    await retry(async () => {
      let held: object | undefined = { large: new Uint8Array(2 ** 20) }
      const seen = new WeakRef(held)
      const call = ((object: object) =>
        make(() => {
          Object.keys(object)
        }))(held)
      held = undefined
      await macrotask()
      gc()
      expect(seen.deref()).toBeDefined()
      call()
      await macrotask()
      gc()
      await macrotask()
      gc()
      expect(seen.deref()).toBe(undefined)
      call()
    })
  })

  test('takes a function', () => {
    for (const bad of [undefined, null, 1, {}])
      expect(thrown(() => make(bad as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
  })
})
