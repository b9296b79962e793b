// What tasks throw, and promises that break their word.

import type { Runtime } from 'millrace'
import { runtime } from 'millrace'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { rejection, same } from './support/probe.js'
import { arenaOf, expectEmpty, outcome, TASKS, type Tasks } from './support/runtimes.js'

noComplaints()

let rt: Runtime<Tasks>
beforeAll(async () => {
  rt = await runtime<Tasks>(TASKS, { procs: 2, arena: arenaOf() })
})
afterAll(async () => {
  await rt.close()
  await expectEmpty(rt.arena)
})

/** Both ways to throw it: at once, and after an await. */
const both = (what: string): Promise<unknown[]> =>
  Promise.all(
    (['raise', 'raiseLater'] as const).map(async (name) => {
      const end = await outcome(rt.go(name, what))
      if ('value' in end) throw new Error('it was fulfilled')
      return end.error
    }),
  )

describe('RT-8 what a task throws, its promise rejects with', () => {
  test('errors of the language, with class, message, cause and errors', async () => {
    for (const error of await both('error')) {
      expect(error).toBeInstanceOf(Error)
      expect(error).toMatchObject({ name: 'Error', message: 'plain' })
    }
    for (const error of await both('typeError')) expect(error).toBeInstanceOf(TypeError)
    for (const error of await both('withCause')) {
      expect((error as Error).cause).toBeInstanceOf(RangeError)
      expect(error).toMatchObject({ message: 'outer', cause: { message: 'inner' } })
    }
    for (const error of await both('aggregate')) {
      expect(error).toBeInstanceOf(AggregateError)
      expect(error).toMatchObject({ errors: [{ message: 'one' }, { name: 'TypeError', message: 'two' }] })
    }
    for (const error of await both('domException'))
      expect(error).toMatchObject({ name: 'AbortError', message: 'aborted' })
  })

  test('errors of its own, with name, code and other properties', async () => {
    for (const error of await both('own')) {
      expect(error).toBeInstanceOf(Error)
      expect(error).toMatchObject({ name: 'OwnError', message: 'own', code: 'ERR_OWN', detail: { n: 1, list: [1n] } })
    }
    for (const error of await both('frozen')) expect(error).toMatchObject({ message: 'frozen', code: 'ERR_FROZEN' })
  })

  test('anything else, as it is', async () => {
    const things = {
      string: 'a string',
      undefined,
      null: null,
      number: 42,
      bigint: 42n,
      object: { a: 1, nested: { b: [2] } },
    }
    for (const [what, expected] of Object.entries(things)) {
      for (const thrown of await both(what)) expect(same(thrown, expected)).toBe(true)
    }
  })

  test('an error whose cause leads back to it', async () => {
    for (const error of (await both('cyclic')) as Error[]) {
      expect((error.cause as Error).message).toBe('its cause')
      expect((error.cause as Error).cause).toBe(error)
    }
  })

  test('of one with a property that cannot be carried: the rest', async () => {
    for (const error of await both('withFunction')) {
      expect(error).toBeInstanceOf(TypeError)
      expect(error).toMatchObject({ message: 'with a function', code: 'ERR_F', n: 5 })
      expect(error).not.toHaveProperty('retry')
    }
    for (const error of await both('ownGetter')) {
      expect(error).toMatchObject({ message: 'with a getter' })
      expect(error).not.toHaveProperty('more')
    }
  })

  test('RT-21 of what cannot be carried at all, or throws when it is looked at: an error that says so', async () => {
    for (const what of ['symbol', 'function', 'getter', 'revoked', 'hostile']) {
      for (const error of await both(what)) {
        expect(error).toBeInstanceOf(Error)
        expect((error as Error).message).toMatch(/^a task threw .*cannot be/)
      }
    }
    expect(await rt.go('add', 1, 2)).toBe(3)
  })

  test('its stack is that of the worker, then that of the spawn', async () => {
    const spawnsHere = (): Promise<unknown> => rt.go('fails', 'deep')
    const error = await rejection(spawnsHere())
    const stack = error.stack as string
    expect(stack).toMatch(/^Error: deep\n/)
    const order = ['failingPart', 'tasks.mjs', 'at task "fails", spawned', 'spawnsHere', 'runtime-errors.test.ts']
    const places = order.map((part) => stack.indexOf(part))
    expect(places).toEqual([...places].sort((a, b) => a - b))
    expect(places.every((place) => place > 0)).toBe(true)
  })

  test('through several tasks: each with its spawn', async () => {
    const { stack } = await rejection(rt.go('nestedFailure'))
    const places = ['failingPart', 'at task "fails"', 'nestedFailure (', 'at task "nestedFailure"'].map((part) =>
      stack!.indexOf(part),
    )
    expect(places).toEqual([...places].sort((a, b) => a - b))
    expect(places[0]).toBeGreaterThan(0)
  })

  test('an error that a task has thrown twice, or rethrown, stays one', async () => {
    const [a, b] = await Promise.all([rejection(rt.go('raise', 'error')), rejection(rt.go('raise', 'error'))])
    expect(a).not.toBe(b)
  })

  test('thousands of them', async () => {
    const ends = await Promise.allSettled(Array.from({ length: 3000 }, (_, i) => rt.go('fails', `${i}`)))
    expect(ends.every((end, i) => end.status === 'rejected' && end.reason.message === `${i}`)).toBe(true)
  })
})

describe('RT-19 RT-20 goexit', () => {
  test('ends the task without an error; finally blocks run', async () => {
    expect(await outcome(rt.go('leave', 'at once'))).toEqual({ value: undefined })
    expect(await outcome(rt.go('leave', 'finally'))).toEqual({ value: undefined })
  })

  test('a throw in the cleanup surfaces', async () => {
    expect((await rejection(rt.go('leaveAndThrow'))).message).toBe('from the cleanup')
  })
})

describe('what has a then is awaited as await does it', () => {
  for (const what of [
    'good',
    'late',
    'twice',
    'twiceLate',
    'resolvesAndThrows',
    'nested',
    'callable',
    'promise',
    'subclass',
  ]) {
    test(what, async () => {
      expect(await outcome(rt.go('thenable', what))).toEqual({ value: 5 })
    })
  }

  for (const what of ['throws', 'getter']) {
    test(`${what}: that is what it rejects with`, async () => {
      expect((await rejection(rt.go('thenable', what))).message).toMatch(/^then/)
    })
  }

  test('all at once, many times: each task ends once', async () => {
    const kinds = ['twice', 'twiceLate', 'resolvesAndThrows', 'throws', 'getter', 'late']
    const ends = await Promise.all(Array.from({ length: 600 }, (_, i) => outcome(rt.go('thenable', kinds[i % 6]!))))
    expect(ends.filter((end) => 'value' in end && end.value === 5).length).toBe(400)
    expect(rt.numGoroutine()).toBe(0)
    expect(await Promise.all(Array.from({ length: 600 }, (_, i) => rt.go('identity', i)))).toEqual(
      Array.from({ length: 600 }, (_, i) => i),
    )
  })
})
