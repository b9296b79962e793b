import { Arena, Counter, open, StaleHandleError } from 'millrace'
import { afterAll, expect, test } from 'vitest'
import { thrown } from './support/probe.js'
import { rounds } from './support/settings.js'
import { elsewhere } from './support/threads.js'

const arena = new Arena({ size: 2 ** 20 })
afterAll(() => {
  const { 4096: _scratch, ...blocks } = arena.stats().blocks
  expect(blocks).toEqual({})
})

test('counts by one, by more, backwards, and resets', () => {
  const counter = new Counter({ arena })
  expect(counter.value).toBe(0)
  counter.add()
  counter.add(41)
  expect(counter.value).toBe(42)
  counter.add(-50)
  expect(counter.value).toBe(-8)
  counter.add(0)
  counter.add(undefined)
  expect(counter.value).toBe(-7)
  counter.reset()
  expect(counter.value).toBe(0)
  counter.dispose()
})

test('takes all safe integers', () => {
  const counter = new Counter({ arena })
  for (const n of [
    2 ** 31,
    -(2 ** 31),
    2 ** 32,
    2 ** 40,
    -(2 ** 40),
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
  ]) {
    counter.reset()
    counter.add(n)
    expect(counter.value).toBe(n)
    counter.add(-n)
    expect(counter.value).toBe(0)
  }
  counter.dispose()
})

test.each([
  [0.5, RangeError],
  [Number.NaN, RangeError],
  [Number.POSITIVE_INFINITY, RangeError],
  [2 ** 53, RangeError],
  ['1', TypeError],
  [null, TypeError],
  [1n, TypeError],
  [{}, TypeError],
])('add(%s) is refused', (n, Class) => {
  const counter = new Counter({ arena })
  const error = thrown(() => counter.add(n as number))
  expect(error).toBeInstanceOf(Class)
  expect(error.code).toMatch(/^ERR_/)
  expect(counter.value).toBe(0)
  counter.dispose()
})

test('adds of many threads and handles are all in the sum', async () => {
  const counter = new Counter({ arena })
  const count = rounds(50_000)
  await Promise.all(
    Array.from({ length: 4 }, (_, thread) =>
      elsewhere(
        'blocking',
        ({ open }, handle, count, thread) => {
          const counter = open(handle)
          for (let i = 0; i < count; i++) counter.add(thread % 2 ? 3 : -1)
        },
        counter.handle,
        count,
        thread,
      ),
    ),
  )
  expect(open(counter.handle).value).toBe(4 * count)
  counter.reset()
  expect(counter.value).toBe(0)
  counter.dispose()
})

test('a sum read while one thread counts up never goes back', async () => {
  const counter = new Counter({ arena })
  const counting = elsewhere(
    'blocking',
    ({ open }, handle, count) => {
      const counter = open(handle)
      for (let i = 0; i < count; i++) counter.add()
    },
    counter.handle,
    rounds(300_000),
  )
  let last = 0
  let done = false
  void counting.then(() => {
    done = true
  })
  while (!done) {
    for (let i = 0; i < 1000; i++) {
      const { value } = counter
      if (value < last) expect(value).toBeGreaterThanOrEqual(last)
      last = value
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(counter.value).toBe(rounds(300_000))
  counter.dispose()
})

test('a disposed counter throws', () => {
  const counter = new Counter({ arena })
  const other = open(counter.handle)
  counter[Symbol.dispose]()
  for (const each of [counter, other]) {
    for (const call of [() => each.add(), () => each.add(2 ** 40), () => each.value, () => each.reset()]) {
      expect(thrown(call)).toBeInstanceOf(StaleHandleError)
    }
  }
})
