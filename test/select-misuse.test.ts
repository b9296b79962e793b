// Cases, options and selectors that make no sense: refused by every form of select, and nothing has moved.

import { Arena, channel, f64, i64, u32 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { selecting } from './conformance/subject.js'
import type { Cases } from './support/contract.js'
import { thrown } from './support/probe.js'

const { make, recv, send, select, selectSync, trySelect, never, Selector } = selecting()

/** What the call throws or its promise is rejected with. */
async function failure(call: () => unknown): Promise<Error & { code?: string }> {
  try {
    await call()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was refused')
}

const forms: Record<string, (cases: Cases, options?: object) => unknown> = {
  select: (cases, options) => select(cases, options),
  selectSync: (cases, options) => selectSync(cases, options),
  trySelect: (cases) => trySelect(cases),
  'Selector.select': async (cases, options) => {
    using selector = new Selector(cases)
    await selector.select(options)
  },
  'Selector.selectSync': (cases, options) => {
    using selector = new Selector(cases)
    selector.selectSync(options)
  },
  'Selector.trySelect': (cases) => {
    using selector = new Selector(cases)
    selector.trySelect()
  },
}
const waiting = Object.entries(forms).filter(([name]) => !/try/i.test(name))

describe('cases', () => {
  test.each([[1], ['ch'], [true], [{}], [[]], [() => 1], [Symbol('ch')]])('recv(%s) is a TypeError', (what) => {
    expect(thrown(() => recv(what as never))).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
    expect(thrown(() => send(what as never, 1 as never))).toMatchObject({
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
    })
  })

  test('DIR-4 a receive case of a sender and a send case of a receiver are TypeErrors', () => {
    const ch = make(f64, 1)
    expect(thrown(() => recv(ch.sender as never))).toBeInstanceOf(TypeError)
    expect(thrown(() => send(ch.receiver as never, 1 as never))).toBeInstanceOf(TypeError)
    expect(trySelect({ out: send(ch.sender, 1) })?.case).toBe('out')
    expect(trySelect({ in: recv(ch.receiver) })?.value).toBe(1)
  })

  for (const [form, run] of Object.entries(forms)) {
    test(`${form}: a value that is not the codec's is refused, and nothing moves`, async () => {
      const [numbers, words, big, ready] = [make(f64, 1), make(u32, 1), make(i64, 1), make(f64, 1)]
      ready.trySend(1)
      for (const [ch, value, Class] of [
        [numbers, '1', TypeError],
        [numbers, 1n, TypeError],
        [numbers, undefined, TypeError],
        [words, 1.5, RangeError],
        [words, -1, RangeError],
        [big, 1, TypeError],
      ] as const)
        expect(await failure(() => run({ it: send(ch as typeof numbers, value as never) }))).toBeInstanceOf(Class)
      expect([numbers.length, words.length, big.length, ready.length]).toEqual([0, 0, 0, 1])
    })

    test(`${form}: what is no object of cases is refused`, async () => {
      const ch = make(f64, 1)
      ch.trySend(1)
      for (const cases of [null, undefined, 1, 'cases', { a: ch }, { a: 1 }, { a: recv(ch), b: {} }, { a: () => ch }])
        expect(await failure(() => run(cases as never))).toBeInstanceOf(TypeError)
      expect(ch.length).toBe(1)
    })

    test(`${form}: channels of different arenas are refused`, async () => {
      const arena = new Arena({ size: 2 ** 20 })
      const [ch, other] = [make(f64, 1), channel(f64, { capacity: 1, arena })]
      for (const each of [ch, other]) each.trySend(1)
      const before = arena.stats().blocks
      expect((await failure(() => run({ a: recv(ch), b: recv(other) }))).message).toMatch(/arena/i)
      expect((await failure(() => run({ a: recv(ch), b: recv(never), c: send(other, 2) }))).message).toMatch(/arena/i)
      expect([ch.length, other.length]).toEqual([1, 1])
      expect(arena.stats().blocks).toEqual(before)
      other.dispose()
    })

    test(`${form}: a channel that was disposed of is stale`, async () => {
      const [ch, gone] = [make(f64), make(f64, 1)]
      const cases = { a: recv(ch), b: recv(gone) }
      gone.dispose()
      expect(await failure(() => run(cases))).toMatchObject({ code: 'ERR_STALE_HANDLE' })
      expect(await failure(() => run({ b: send(gone, 1) }))).toMatchObject({ code: 'ERR_STALE_HANDLE' })
      expect([ch.trySend(1), ch.tryNext()]).toEqual([false, undefined])
    })
  }
})

describe('options', () => {
  const bad: [string, unknown, typeof TypeError | typeof RangeError, string][] = [
    ['timeout NaN', { timeout: Number.NaN }, RangeError, 'ERR_OUT_OF_RANGE'],
    ['timeout "5"', { timeout: '5' }, TypeError, 'ERR_INVALID_ARG_TYPE'],
    ['timeout null', { timeout: null }, TypeError, 'ERR_INVALID_ARG_TYPE'],
    ['signal {}', { signal: {} }, TypeError, 'ERR_INVALID_ARG_TYPE'],
    ['options 5', 5, TypeError, 'ERR_INVALID_ARG_TYPE'],
    ['options null', null, TypeError, 'ERR_INVALID_ARG_TYPE'],
  ]
  test.each(bad)('%s is refused, even where nothing has to wait', async (_what, options, Class, code) => {
    const [ready, quiet] = [make(f64, 1), make(f64)]
    ready.trySend(1)
    for (const [form, run] of waiting) {
      for (const cases of [{ it: recv(ready) }, { it: recv(quiet) }, {}]) {
        const error = await failure(() => run(cases, options as object))
        expect(error, form).toBeInstanceOf(Class)
        expect(error.code).toBe(code)
      }
    }
    expect([ready.length, quiet.trySend(1)]).toEqual([1, false])
  })

  test('an aborted signal ends blocking forms too, and nothing has moved', async () => {
    const ready = make(f64, 1)
    ready.trySend(1)
    const signal = AbortSignal.abort('early')
    for (const [, run] of waiting) expect(await failure(() => run({ it: recv(ready) }, { signal }))).toBe('early')
    expect(ready.length).toBe(1)
  })
})

describe('blocking', () => {
  test('SEL-4 SEL-38 SEL-40 selectSync: ready, closed, timed out, empty', () => {
    const [ch, quiet] = [make(f64, 1), make(f64)]
    expect(selectSync({ quiet: recv(quiet), out: send(ch, 4) })).toEqual({ case: 'out', value: undefined, done: false })
    expect(selectSync({ in: recv(ch), quiet: recv(quiet) }, { timeout: 0 })).toEqual({
      ...{ case: 'in', value: 4, done: false },
    })
    for (const cases of [{ in: recv(ch), quiet: send(quiet, 1) }, {}, { off: null, never: recv(never) }]) {
      for (const timeout of [0, 15]) {
        const start = performance.now()
        expect(thrown(() => selectSync(cases as Cases, { timeout }))).toMatchObject({ code: 'ERR_TIMEOUT' })
        expect(performance.now() - start).toBeGreaterThanOrEqual(timeout)
      }
    }
    expect(quiet.tryNext()).toBe(undefined)
    ch.close()
    expect(selectSync({ in: recv(ch), quiet: recv(quiet) })).toEqual({ case: 'in', value: undefined, done: true })
    expect(thrown(() => selectSync({ out: send(ch, 1), quiet: recv(quiet) })).message).toBe('send on closed channel')
  })

  test('SEL-24 selectSync with biased takes the first, without it each some time', () => {
    const [a, b] = [make(f64, 400), make(f64, 400)]
    for (const ch of [a, b]) for (let i = 0; i < 400; i++) ch.trySend(i)
    const tally = { a: 0, b: 0 }
    for (let i = 0; i < 100; i++) expect(selectSync({ b: recv(b), a: recv(a) }, { biased: true }).case).toBe('b')
    for (let i = 0; i < 200; i++) tally[selectSync({ a: recv(a), b: recv(b) }).case]++
    expect(Math.min(tally.a, tally.b)).toBeGreaterThan(40)
  })
})

describe('Selector', () => {
  test('keys that it does not have are refused', () => {
    const ch = make(f64, 1)
    using selector = new Selector({ a: recv(ch), b: send(ch, 1) })
    for (const call of [
      () => selector.enable('c' as 'a'),
      () => selector.disable('c' as 'a'),
      () => selector.set('c' as 'b', 1),
      () => selector.set('a' as 'b', 1),
      () => selector.enable('toString' as 'a'),
    ])
      expect(thrown(call)).toBeInstanceOf(Error)
    expect(selector.trySelect()?.case).toBe('b')
  })

  test('a value that is not the codec’s is refused, and the one before stays', async () => {
    const ch = make(f64, 2)
    using selector = new Selector({ b: send(ch, 1) })
    expect(
      await failure(() => {
        selector.set('b', 'x')
        selector.trySelect()
      }),
    ).toBeInstanceOf(TypeError)
    expect(ch.length).toBe(0)
    selector.set('b', 2)
    selector.selectSync()
    expect(ch.tryReceive()).toBe(2)
  })

  test('after dispose every use is an error, but for another dispose', async () => {
    const ch = make(f64, 1)
    ch.trySend(1)
    const selector = new Selector({ a: recv(ch), b: send(ch, 1) })
    selector.dispose()
    selector.dispose()
    selector[Symbol.dispose]()
    for (const call of [
      () => selector.trySelect(),
      () => selector.selectSync(),
      () => selector.select(),
      () => selector.selectSync({ timeout: 0 }),
    ])
      expect(await failure(call)).toBeInstanceOf(Error)
    expect(ch.length).toBe(1)
  })
})
