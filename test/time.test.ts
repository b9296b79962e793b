// TIME: sleeping, and channels that deliver one value.

import * as time from 'millrace'
import { BlockingNotAllowedError, channel, f64, sleep, sleepSync, TimeoutError, tick } from 'millrace'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { platform } from '../dist/platform/node.js'
import { macrotask, elapsed as measure, rejection, retry, thrown } from './support/probe.js'
import { random } from './support/random.js'
import { elsewhere } from './support/threads.js'

const now = (): number => performance.now()
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

afterEach(() => {
  vi.restoreAllMocks()
  Object.assign(platform, { canBlock: true })
})

describe('sleep', () => {
  test('TIME-1 sleep resolves not before its time, sleepSync returns not before', async () => {
    for (const ms of [100, 1, 0.3, 17.5]) {
      expect(await measure(() => sleep(ms))).toBeGreaterThanOrEqual(ms)
      expect(await measure(() => sleepSync(ms))).toBeGreaterThanOrEqual(ms)
    }
    await retry(async () => {
      expect(await measure(() => sleep(20))).toBeLessThan(500)
      expect(await measure(() => sleepSync(20))).toBeLessThan(500)
    })
  })

  test('TIME-1 sleep(0) and negative sleeps return promptly, in a loop with a channel too', async () => {
    const ch = channel(f64, { capacity: 1 })
    const other = (async () => {
      for (let i = 0; i < 100; i++) {
        await sleep(0)
        await ch.send(i)
      }
    })()
    const start = now()
    for (let i = 0; i < 100; i++) {
      await sleep(i % 2 ? -5 : Number.NEGATIVE_INFINITY)
      sleepSync(-i)
      sleepSync(0)
      expect(await ch.receive()).toBe(i)
    }
    await other
    expect(now() - start).toBeLessThan(10_000)
    ch.dispose()
  })

  test('TIME-1 sleep lets the event loop have its turn', async () => {
    let turned = false
    setTimeout(() => {
      turned = true
    }, 0)
    while (!turned) await sleep(0)
  })

  test('TIME-1 in a worker, both ways', async () => {
    const took = await elsewhere('async', async ({ millrace }) => {
      const start = performance.now()
      await millrace.sleep(20)
      const middle = performance.now()
      millrace.sleepSync(20)
      return [middle - start, performance.now() - middle]
    })
    for (const ms of took) expect(ms).toBeGreaterThanOrEqual(20)
  })

  test('a sleep is ended by its signal, with its reason', async () => {
    expect(await rejection(sleep(1, { signal: AbortSignal.abort('early') }))).toBe('early')
    const stop = new AbortController()
    const sleeping = rejection(sleep(60_000, { signal: stop.signal }))
    const awake = sleep(5, { signal: stop.signal })
    await awake
    stop.abort('enough')
    expect(await sleeping).toBe('enough')
  })

  test('arguments that are no durations are refused', async () => {
    for (const ms of [Number.NaN, '5', undefined, null, 5n]) {
      expect(await rejection(sleep(ms as number))).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
      expect(thrown(() => sleepSync(ms as number))).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
      expect(thrown(() => time.after(ms as number))).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
      expect(thrown(() => tick(ms as number))).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
    }
    expect(await rejection(sleep(1, { signal: 5 as never }))).toBeInstanceOf(TypeError)
  })
})

describe('after', () => {
  const receives = {
    receive: (ch: ReturnType<typeof time.after>) => ch.receive(),
    next: async (ch: ReturnType<typeof time.after>) => (await ch.next()).value,
    receiveSync: (ch: ReturnType<typeof time.after>) => ch.receiveSync(),
    nextSync: (ch: ReturnType<typeof time.after>) => ch.nextSync().value,
    'for await': async (ch: ReturnType<typeof time.after>) => {
      for await (const time of ch) return time
    },
    'for of sync': (ch: ReturnType<typeof time.after>) => {
      for (const time of ch.sync()) return time
    },
    tryReceive: async (ch: ReturnType<typeof time.after>) => {
      for (let time: number | undefined; ; await macrotask()) if ((time = ch.tryReceive()) !== undefined) return time
    },
    tryNext: async (ch: ReturnType<typeof time.after>) => {
      for (;;) {
        const next = ch.tryNext()
        if (next !== undefined) return next.value
        await macrotask()
      }
    },
  }

  test.each(Object.keys(receives) as (keyof typeof receives)[])(
    'TIME-2 TIME-3 %s: one value, not before its time, then nothing for ever, not closed',
    async (how) => {
      for (const ms of [20, 0.5, 0, -3]) {
        const start = now()
        const ch = time.after(ms)
        const stamp = (await receives[how](ch)) as number
        expect(now()).toBeGreaterThanOrEqual(stamp)
        expect(stamp).toBeGreaterThanOrEqual(start + Math.max(0, ms))
        expect([ch.tryReceive(), ch.tryNext(), ch.closed]).toEqual([undefined, undefined, false])
        expect(await rejection(ch.receive({ timeout: 30 }))).toBeInstanceOf(TimeoutError)
        expect(thrown(() => ch.nextSync({ timeout: 1 }))).toBeInstanceOf(TimeoutError)
      }
    },
  )

  test('TIME-4 the value is the time of firing, not of reading', async () => {
    await retry(async () => {
      for (const make of [time.after, tick]) {
        const start = now()
        const [parked, read, blocked] = [make(10), make(10), make(10)]
        const early = parked.receive()
        await sleep(500)
        for (const stamp of [read.tryReceive(), await early, blocked.receiveSync()]) {
          expect(stamp).toBeGreaterThanOrEqual(start + 10)
          expect(stamp).toBeLessThan(start + 400)
        }
      }
    })
  })

  test.each(['async', 'blocking'])('TIME-5 ten in a row take ten times as long (%s)', async (style) => {
    await retry(async () => {
      const ms = 10
      const start = now()
      for (let i = 0; i < 10; i++) style === 'async' ? await time.after(ms).receive() : time.after(ms).receiveSync()
      expect(now() - start).toBeGreaterThanOrEqual(10 * ms)
      expect(now() - start).toBeLessThan(3 * 10 * ms)
    })
  })

  test('TIME-6 many fire in the order of their deadlines', async () => {
    const slots = [5, 3, 6, 6, 6, 1, 1, 2, 7, 9, 4, 8, 0]
    let delta = 10
    await retry(async () => {
      delta *= 2
      const start = now()
      const order: number[] = []
      await Promise.all(
        slots.map(async (slot) => {
          const stamp = (await time.after(slot * delta).receive()) as number
          order.push(slot)
          expect(stamp - start).toBeGreaterThanOrEqual(slot * delta)
          expect(now() - start).toBeLessThan((slot + 10) * delta)
        }),
      )
      expect(order).toEqual(slots.toSorted((a, b) => a - b))
    })
  })

  test('TIME-17 huge durations do not wrap, negative ones are over at once', async () => {
    const huge = [2 ** 31, 2 ** 32 + 5, 2 ** 53, Number.MAX_VALUE, Number.POSITIVE_INFINITY]
    const stop = new AbortController()
    const fired: number[] = []
    const waiting = huge.flatMap((ms) => [
      time.after(ms).receive({ signal: stop.signal }),
      tick(ms).receive({ signal: stop.signal }),
      sleep(ms, stop),
    ])
    for (const each of waiting)
      each.then(
        () => fired.push(0),
        () => {},
      )
    for (const ms of huge) expect(thrown(() => time.after(ms).receiveSync({ timeout: 5 }))).toBeInstanceOf(TimeoutError)
    await time.after(25).receive()
    await sleep(60)
    expect(fired).toEqual([])
    stop.abort('done')
    expect(await Promise.all(waiting.map(rejection))).toEqual(waiting.map(() => 'done'))
    for (const ms of [-1, -(2 ** 63), Number.NEGATIVE_INFINITY])
      expect(time.after(ms).tryReceive()).toBeTypeOf('number')
  })

  test('TIME-22 length and capacity are 0 always, as with Go since 1.23', async () => {
    const ch = time.after(5)
    expect([ch.length, ch.capacity, ch.closed]).toEqual([0, 0, false])
    await sleep(20)
    expect([ch.length, ch.capacity, ch.closed]).toEqual([0, 0, false])
    expect(ch.tryReceive()).toBeTypeOf('number')
    expect([ch.length, ch.capacity, ch.closed]).toEqual([0, 0, false])
  })

  test('TIME-35 the wall clock has no part in it', async () => {
    vi.spyOn(Date, 'now').mockImplementation(() => 0)
    const start = now()
    const [a, b] = [time.after(30).receive(), sleep(30)]
    vi.mocked(Date.now).mockImplementation(() => 2 ** 45)
    expect(await a).toBeLessThan(start + 20_000)
    await b
    expect(now() - start).toBeGreaterThanOrEqual(30)
  })
})

describe('several receivers', () => {
  test('first come, first served, by promises', async () => {
    const ch = tick(5)
    const order: number[] = []
    await Promise.all(range(5).map((i) => ch.receive().then(() => order.push(i))))
    expect(order).toEqual(range(5))
  })

  test('who waits comes before who asks, though the event loop had no time yet', async () => {
    const ch = time.after(5)
    const waiting = ch.receive()
    sleepSync(20)
    expect(ch.tryReceive()).toBe(undefined)
    expect(thrown(() => ch.receiveSync({ timeout: 1 }))).toBeInstanceOf(TimeoutError)
    expect(await waiting).toBeTypeOf('number')
  })

  test('TIME-34 receivers that come and go while it fires: exactly one gets the value', async () => {
    const rng = random('time 34')
    for (let round = 0; round < 20; round++) {
      const ch = time.after(1 + rng.next())
      const results = await Promise.all(
        range(10).map(async (i) => {
          for (let tries = 0; tries < 50; tries++) {
            const got = await ch.receive({ timeout: (i % 3) * rng.next() }).catch(() => undefined)
            if (got !== undefined) return got
            if (rng.below(3) === 0) await macrotask()
          }
          return undefined
        }),
      )
      const got = results.filter((value) => value !== undefined)
      const rest = await ch.receive({ timeout: 20 }).catch(() => undefined)
      expect(got.length + (rest === undefined ? 0 : 1)).toBe(1)
    }
  })

  test('a timeout or an abort takes nothing away', async () => {
    const ch = time.after(40)
    expect(await rejection(ch.receive({ timeout: 0 }))).toBeInstanceOf(TimeoutError)
    expect(await rejection(ch.receive({ timeout: 5 }))).toMatchObject({ code: 'ERR_TIMEOUT', transferred: 0 })
    expect(thrown(() => ch.receiveSync({ timeout: 5 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(await rejection(ch.next({ signal: AbortSignal.abort('early') }))).toBe('early')
    const stop = new AbortController()
    const waiting = rejection(ch.receive({ signal: stop.signal, timeout: 60_000 }))
    stop.abort('late')
    expect(await waiting).toBe('late')
    expect(await rejection(ch.receive({ timeout: Number.NaN }))).toBeInstanceOf(RangeError)
    expect(await ch.receive({ timeout: 20_000 })).toBeTypeOf('number')
  })

  test('with the same deadline the value wins', async () => {
    for (let i = 0; i < 20; i++) expect(await time.after(2).receive({ timeout: 2.5 })).toBeTypeOf('number')
    expect(await time.after(0).receive({ timeout: 0 })).toBeTypeOf('number')
    expect(time.after(0).receiveSync({ timeout: 0 })).toBeTypeOf('number')
  })

  test('equals tells which channel it is', () => {
    const [a, b] = [time.after(1000), time.after(1000)]
    expect([a.equals(a), a.equals(b), a.equals(undefined), a.equals({})]).toEqual([true, false, false, false])
  })

  test('a thread that must not block is told the async twin', async () => {
    Object.assign(platform, { canBlock: false })
    const calls: [string, () => unknown][] = [
      ['`await sleep()`', () => sleepSync(0)],
      ['`await receive()`', () => time.after(0).receiveSync()],
      ['`await next()`', () => time.after(0).nextSync()],
      ['`await next()`', () => [...time.after(0).sync()]],
    ]
    for (const [twin, call] of calls) {
      expect(thrown(call)).toBeInstanceOf(BlockingNotAllowedError)
      expect(thrown(call).message).toContain(twin)
    }
    expect(await time.after(1).receive()).toBeTypeOf('number')
  })
})
