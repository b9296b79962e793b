import { channel, f64, mapConcurrent, parallelFor, tick } from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { held } from './support/held.js'
import { expectPending, isPending, macrotask, rejection, sleep, thrown } from './support/probe.js'

noComplaints()

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** Items one by one, which notes how far it was read and whether it was told to end. */
function source(n: number): { items: AsyncGenerator<number>; read(): number; ended(): boolean } {
  let read = 0
  let ended = false
  async function* items(): AsyncGenerator<number> {
    try {
      for (; read < n; ) yield read++
    } finally {
      ended = true
    }
  }
  return { items: items(), read: () => read, ended: () => ended }
}

describe('mapConcurrent', () => {
  const shuffled = async (i: number): Promise<number> => {
    await sleep((i * 7) % 5)
    return i * 2
  }

  test('results in the order of items', async () => {
    expect(await mapConcurrent(range(50), shuffled, { concurrency: 8 }).toArray()).toEqual(range(50).map((i) => i * 2))
  })

  test('results as they are ready', async () => {
    const ms = [40, 1, 20]
    const results = mapConcurrent(ms, (n) => sleep(n).then(() => n), { concurrency: 3, ordered: false })
    expect(await results.toArray()).toEqual([1, 20, 40])
    const all = await mapConcurrent(range(50), shuffled, { concurrency: 8, ordered: false }).toArray()
    expect(all.sort((a, b) => a - b)).toEqual(range(50).map((i) => i * 2))
  })

  for (const ordered of [true, false]) {
    test(`at most so many at a time, and no item read ahead of room (ordered: ${ordered})`, async () => {
      let active = 0
      let most = 0
      const { items, read, ended } = source(1000)
      const results = mapConcurrent(
        items,
        async (i) => {
          most = Math.max(most, ++active)
          await sleep(1)
          active--
          return i
        },
        { concurrency: 3, ordered, buffer: 2 },
      )
      expect(read()).toBe(0)
      for (const i of range(10)) {
        const next = await results.next()
        expect(next.done).toBe(false)
        expect(read()).toBeLessThanOrEqual(i + 1 + 5)
      }
      await sleep(30)
      expect([read(), most, active]).toEqual([15, 3, 0])
      await results.return()
      expect(ended()).toBe(true)
      expect(await results.next()).toEqual({ value: undefined, done: true })
    })
  }

  test('the first error ends it: the source, the calls under way, and what is to come', async () => {
    const { items, ended } = source(100)
    const told: unknown[] = []
    const error = new Error('five')
    const results = mapConcurrent(
      items,
      async (i, signal) => {
        if (i === 5) throw error
        if (i < 5) return i
        signal.addEventListener('abort', () => told.push(signal.reason))
        await sleep(5)
        throw new Error('later')
      },
      { concurrency: 4 },
    )
    const got: number[] = []
    const failure = await rejection(
      (async () => {
        for await (const result of results) got.push(result)
      })(),
    )
    expect(failure).toBe(error)
    expect(got.length).toBeLessThanOrEqual(5)
    expect(ended()).toBe(true)
    expect(told.every((reason) => reason === error)).toBe(true)
    expect(await results.next()).toEqual({ value: undefined, done: true })
    await sleep(20)
  })

  test.each([undefined, null, 0])('%s is an error too', async (error) => {
    expect(
      await mapConcurrent([1], () => Promise.reject(error))
        .toArray()
        .then(
          () => 'fine',
          (e) => [e],
        ),
    ).toEqual([error])
  })

  test('an error of the source comes out', async () => {
    const bad = (function* () {
      yield 1
      throw new Error('source')
    })()
    expect((await rejection(mapConcurrent(bad, (x) => x).toArray())).message).toBe('source')
    const rejecting = { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('next')) }) }
    expect((await rejection(mapConcurrent(rejecting, (x) => x).drain())).message).toBe('next')
  })

  test('an abort ends it at once, also when calls do not listen', async () => {
    const stop = new AbortController()
    const { task, release } = held()
    const results = mapConcurrent(range(10), () => task(), { concurrency: 2, signal: stop.signal })
    const waiting = [results.next(), results.next()].map((next) =>
      next.then(
        (r) => r,
        (e) => e,
      ),
    )
    await expectPending(...waiting)
    stop.abort('enough')
    expect(await Promise.all(waiting)).toEqual(['enough', { value: undefined, done: true }])
    release()
    expect(await rejection(mapConcurrent([1], (x) => x, { signal: stop.signal }).toArray())).toBe('enough')
  })

  test('leaving the loop ends the source and tells the calls', async () => {
    const { items, ended } = source(100)
    const signals = new Set<AbortSignal>()
    const noting = mapConcurrent(
      items,
      (i, signal) => {
        signals.add(signal)
        return i
      },
      { concurrency: 2 },
    )
    for await (const result of noting) {
      if (result === 3) break
    }
    expect(ended()).toBe(true)
    expect([...signals].map((signal) => signal.aborted)).toEqual([true])
  })

  test('a channel as the source: what waits for a value has received nothing when it ends', async () => {
    const ch = channel(f64, { capacity: 4 })
    const results = mapConcurrent(ch, (x) => x * 2, { concurrency: 2, buffer: 0 })
    ch.trySend(1)
    expect(await results.next()).toEqual({ value: 2, done: false })
    await macrotask()
    await results.return()
    ch.trySend(7)
    await macrotask()
    expect(ch.tryReceive()).toBe(7)
    let ticks = 0
    for await (const _ of mapConcurrent(tick(1), (x) => x, { concurrency: 1 })) if (++ticks === 3) break
    const filled = channel(f64, { capacity: 4 })
    filled.trySendMany([1, 2, 3])
    filled.close()
    expect(await mapConcurrent(filled.receiver, (x) => x).toArray()).toEqual([1, 2, 3])
  })

  test('several may ask at the same time', async () => {
    const results = mapConcurrent(range(3), shuffled, { concurrency: 1 })
    const all = await Promise.all(range(5).map(() => results.next()))
    expect(all.map(({ value }) => value)).toEqual([0, 2, 4, undefined, undefined])
  })

  test('drain counts; nothing is nothing', async () => {
    expect(await mapConcurrent(range(100), (x) => x).drain()).toBe(100)
    expect(await mapConcurrent([], (x) => x).toArray()).toEqual([])
    expect(await mapConcurrent('abc', (c) => c.toUpperCase()).toArray()).toEqual(['A', 'B', 'C'])
  })

  test('work that has nothing to wait for does not hold up timers', async () => {
    let fired = 0
    const timer = setInterval(() => fired++, 1)
    const endless = (function* () {
      for (let i = 0; ; i++) yield i
    })()
    for await (const _ of mapConcurrent(endless, (x) => x)) if (fired > 2) break
    clearInterval(timer)
    expect(fired).toBe(3)
  })

  test('20,000 items take little more memory than those under way', async () => {
    expect(await mapConcurrent(source(20_000).items, async (x) => x, { concurrency: 50 }).drain()).toBe(20_000)
  })

  test.each([
    [
      'mapConcurrent reads a channel, or what can be iterated over, not 5',
      () => mapConcurrent(5 as never, (x) => x),
      TypeError,
    ],
    ['mapConcurrent takes a function, not undefined', () => mapConcurrent([], undefined as never), TypeError],
    ['concurrency is an integer from 1, not 0', () => mapConcurrent([], (x) => x, { concurrency: 0 }), RangeError],
    ['buffer is an integer from 0, not -1', () => mapConcurrent([], (x) => x, { buffer: -1 }), RangeError],
    ['signal is an AbortSignal, not 5', () => mapConcurrent([], (x) => x, { signal: 5 as never }), TypeError],
    [
      'mapConcurrent takes options { concurrency, ordered, buffer, signal }, not null',
      () => mapConcurrent([], (x) => x, null as never),
      TypeError,
    ],
  ] as const)('%s', (message, call, Class) => {
    const error = thrown(call)
    expect(error).toBeInstanceOf(Class)
    expect(error.message).toBe(message)
    expect(error.code).toMatch(/^ERR_/)
  })
})

describe('parallelFor', () => {
  test.each([
    [0, {}],
    [1, {}],
    [1000, { concurrency: 4 }],
    [1000, { concurrency: 3, chunk: 7 }],
    [10, { chunk: 100 }],
    [5, { concurrency: 100 }],
  ])('%i numbers, %j: each in one chunk', async (n, options) => {
    const counts = new Array(n).fill(0)
    const sizes: number[] = []
    await parallelFor(
      n,
      async (from, to) => {
        sizes.push(to - from)
        await macrotask()
        for (let i = from; i < to; i++) counts[i]++
      },
      options,
    )
    expect(counts.every((count) => count === 1)).toBe(true)
    if ('chunk' in options) expect(Math.max(...sizes)).toBeLessThanOrEqual(options.chunk as number)
    else for (const [i, size] of sizes.slice(1).entries()) expect(size).toBeLessThanOrEqual(sizes[i] as number)
  })

  test('the first error ends it; an abort too', async () => {
    const begun: number[] = []
    const run = (from: number): void => {
      begun.push(from)
      if (from === 2) throw new Error('two')
    }
    expect((await rejection(parallelFor(100, run, { chunk: 1, concurrency: 1 }))).message).toBe('two')
    expect(begun).toEqual([0, 1, 2])
    const stop = new AbortController()
    const { task, release } = held()
    const all = parallelFor(100, () => task(), { signal: stop.signal })
    expect(await isPending(all)).toBe(true)
    stop.abort('enough')
    expect(await rejection(all)).toBe('enough')
    release()
  })

  test('arguments that make no sense', async () => {
    expect((await rejection(parallelFor(-1, () => {}))).message).toBe('parallelFor takes an integer from 0, not -1')
    expect((await rejection(parallelFor(1, () => {}, { chunk: 0 }))).message).toBe(
      'the chunk of parallelFor is an integer from 1, not 0',
    )
  })
})
