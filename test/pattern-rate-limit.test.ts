import { batch, channel, f64, pipeline, rateLimit, tick } from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { elapsed, macrotask, rejection, retry, sleep, thrown } from './support/probe.js'

noComplaints()

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

describe('rateLimit', () => {
  test('a burst at once, then one after the other', async () => {
    const limiter = rateLimit({ rate: 100, burst: 3 })
    const ms = await elapsed(async () => {
      expect(range(5).map(() => limiter.tryTake())).toEqual([true, true, true, false, false])
      for (const _ of range(6)) await limiter.wait()
    })
    expect(ms).toBeGreaterThan(59)
    expect(limiter.tokens).toBeLessThan(1)
  })

  test('first come, first served', async () => {
    const limiter = rateLimit({ rate: 1, per: 2, burst: 5 })
    const order: number[] = []
    await Promise.all([5, 1, 3, 2, 1].map((n, i) => limiter.wait(n).then(() => order.push(i))))
    expect(order).toEqual(range(5))
  })

  test('the bucket fills up to the burst and no further', async () => {
    const limiter = rateLimit({ rate: 1, per: 1, burst: 2 })
    await sleep(20)
    expect(limiter.tokens).toBe(2)
    expect(limiter.tryTake(3)).toBe(false)
    expect(limiter.tryTake(2)).toBe(true)
  })

  test('an aborted wait gives its tokens back; a timeout that is too short fails at once', async () => {
    const limiter = rateLimit({ rate: 1, per: 60_000, burst: 2 })
    await limiter.wait(2)
    const stop = new AbortController()
    const waiting = rejection(limiter.wait(2, { signal: stop.signal }))
    await macrotask()
    expect(limiter.tokens).toBeLessThan(-1.9)
    stop.abort('enough')
    expect(await waiting).toBe('enough')
    expect(limiter.tokens).toBeGreaterThanOrEqual(0)
    expect(await rejection(limiter.wait(1, { timeout: 1000 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(limiter.tokens).toBeGreaterThanOrEqual(0)
    expect(await rejection(limiter.wait(3))).toMatchObject({
      code: 'ERR_OUT_OF_RANGE',
      message: "rate: Wait(n=3) exceeds limiter's burst 2",
    })
  })

  test('reserve says when, and takes it back', () => {
    const limiter = rateLimit({ rate: 10, burst: 2 })
    const [a, b, c] = range(3).map(() => limiter.reserve()) as [
      ReturnType<typeof limiter.reserve>,
      ReturnType<typeof limiter.reserve>,
      ReturnType<typeof limiter.reserve>,
    ]
    expect([a.delay, b.delay]).toEqual([0, 0])
    expect(c.delay).toBeGreaterThan(50)
    expect(c.delay).toBeLessThanOrEqual(100)
    c.cancel()
    c.cancel()
    expect(limiter.tokens).toBeGreaterThanOrEqual(0)
    expect(limiter.reserve(3)).toMatchObject({ ok: false, delay: Number.POSITIVE_INFINITY })
  })

  test('no limit, no rate, other rates', async () => {
    const free = rateLimit({ rate: Number.POSITIVE_INFINITY, burst: 0 })
    await free.wait(1000)
    expect([free.tryTake(1000), free.reserve(5).ok]).toEqual([true, true])
    const none = rateLimit({ rate: 0, burst: 1 })
    await none.wait()
    expect((await rejection(none.wait())).message).toBe('rate: Wait(n=1) would never end: the rate is 0')
    expect([none.tryTake(), none.reserve().ok]).toEqual([false, false])
    none.setRate(1000)
    none.setBurst(5)
    await none.wait(5)
    expect([none.rate, none.burst]).toEqual([1000, 5])
  })

  test('paces a source, as a loop and as a stage', async () => {
    const limiter = rateLimit({ rate: 1, per: 5 })
    const ms = await elapsed(async () => {
      expect(await pipeline(limiter.pace(range(6)), (i) => i + 1).toArray()).toEqual([1, 2, 3, 4, 5, 6])
    })
    expect(ms).toBeGreaterThan(24)
    const paced = pipeline(range(6), {
      through: async function* (input, signal) {
        yield* limiter.pace(input, { signal })
      },
    })
    for await (const i of paced) if (i === 2) break
  })

  test('on average no faster than its rate', async () => {
    await retry(async () => {
      const limiter = rateLimit({ rate: 1000, burst: 10 })
      let count = 0
      const ms = await elapsed(async () => {
        while (count < 100) {
          await limiter.wait()
          count++
        }
      })
      expect(ms).toBeGreaterThanOrEqual(89)
    })
  })

  test.each([
    ['rateLimit takes options { rate, per, burst }, not 5', () => rateLimit(5 as never)],
    ['rate is a number of events, not undefined', () => rateLimit({} as never)],
    ['rate is a number of events from 0, not -1', () => rateLimit({ rate: -1 })],
    ['per is a number of milliseconds above 0, not 0', () => rateLimit({ rate: 1, per: 0 })],
    ['burst is an integer from 0, not 1.5', () => rateLimit({ rate: 1, burst: 1.5 })],
    ['a number of tokens is an integer from 0, not -1', () => rateLimit({ rate: 1 }).tryTake(-1)],
  ] as const)('%s', (message, call) => {
    expect(thrown(call).message).toBe(message)
  })
})

describe('batch', () => {
  const all = async <T>(from: AsyncIterable<T[]>): Promise<T[][]> => {
    const got: T[][] = []
    for await (const values of from) got.push(values)
    return got
  }

  test('full batches, and what is left at the end', async () => {
    expect(await all(batch(range(7), { size: 3 }))).toEqual([[0, 1, 2], [3, 4, 5], [6]])
    expect(await all(batch([]))).toEqual([])
    const ch = channel(f64, { capacity: 8 })
    ch.trySendMany(range(5))
    ch.close()
    expect(await all(batch(ch, { size: 2 }))).toEqual([[0, 1], [2, 3], [4]])
    expect((await all(batch(range(100)))).map(({ length }) => length)).toEqual([64, 36])
  })

  test('one that is not full goes out in time', async () => {
    const slow = (async function* () {
      yield* [1, 2]
      await sleep(60)
      yield 3
    })()
    expect(await all(batch(slow, { size: 10, wait: 10 }))).toEqual([[1, 2], [3]])
    const ch = channel(f64, { capacity: 8 })
    ch.trySend(1)
    const batches = batch(ch, { size: 3, wait: 5 })
    expect((await batches.next()).value).toEqual([1])
    ch.trySendMany([2, 3, 4, 5])
    expect((await batches.next()).value).toEqual([2, 3, 4])
    await batches.return()
    expect(ch.tryReceive()).toBe(5)
  })

  test('an error comes after what came before it; leaving ends the source', async () => {
    let ended = false
    const bad = (async function* () {
      try {
        yield* [1, 2, 3]
        throw new Error('source')
      } finally {
        ended = true
      }
    })()
    const got: number[][] = []
    const failure = await rejection(
      (async () => {
        for await (const values of batch(bad, { size: 2 })) got.push(values)
      })(),
    )
    expect([got, failure.message, ended]).toEqual([[[1, 2], [3]], 'source', true])
    ended = false
    const endless = (async function* () {
      try {
        for (;;) yield await sleep(1)
      } finally {
        ended = true
      }
    })()
    for await (const _ of batch(endless, { size: 2, wait: 1 })) break
    await sleep(10)
    expect(ended).toBe(true)
  })

  test('an abort ends it', async () => {
    const stop = new AbortController()
    const silent = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }
    for (const source of [silent, channel(f64), tick(60_000)]) {
      const controller = new AbortController()
      const waiting = rejection(batch<unknown>(source, { signal: controller.signal }).next())
      await macrotask()
      controller.abort('enough')
      expect(await waiting).toBe('enough')
    }
    stop.abort('no')
    expect(await rejection(batch([1], { signal: stop.signal }).next())).toBe('no')
  })

  test('a batch stage of a pipeline', async () => {
    const sums = pipeline(
      range(10),
      {
        through: async function* (input, signal) {
          yield* batch(input, { size: 4, signal })
        },
      },
      (values) => values.reduce((sum, n) => sum + n, 0),
    )
    expect(await sums.toArray()).toEqual([6, 22, 17])
  })

  test.each([
    ['the size of a batch is an integer from 1, not 0', () => batch([], { size: 0 })],
    ['wait is a number of milliseconds, not NaN', () => batch([], { wait: Number.NaN })],
    ['batch reads a channel, or what can be iterated over, not 5', () => batch(5 as never)],
  ] as const)('%s', (message, call) => {
    expect(thrown(call).message).toBe(message)
  })
})
