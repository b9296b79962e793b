// TIME: timers.

import { afterFunc, sleep, Ticker, Timer } from 'millrace'
import { describe, expect, test } from 'vitest'
import { expectPending, retry, thrown, until } from './support/probe.js'
import { random } from './support/random.js'

const now = (): number => performance.now()
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

describe('Timer', () => {
  test('TIME-9 stopped before it fires, nothing is ever delivered; only the first stop says true', async () => {
    const [timer, fired] = [new Timer(30), new Timer(5)]
    expect(await fired.channel.receive()).toBeTypeOf('number')
    expect([timer.stop(), timer.stop(), fired.stop(), fired.stop()]).toEqual([true, false, false, false])
    await sleep(60)
    expect([timer.channel.tryNext(), timer.stop()]).toEqual([undefined, false])
  })

  test('TIME-9 stop says whether this call has kept the value from being received, as in Go since 1.23', async () => {
    const timer = new Timer(5)
    await sleep(20)
    expect(timer.stop()).toBe(true)
    expect(timer.channel.tryReceive()).toBe(undefined)
    expect(new Timer(Number.POSITIVE_INFINITY).stop()).toBe(true)
    expect(new Timer(0).stop()).toBe(true)
  })

  test('TIME-10 reset moves the deadline of one that has not fired, and re-arms one that has', async () => {
    await retry(async () => {
      const timer = new Timer(100)
      await sleep(50)
      const moved = now()
      expect(timer.reset(150)).toBe(true)
      await sleep(80)
      expect(now() - moved).toBeLessThan(150)
      expect(timer.channel.tryReceive()).toBe(undefined)
      const stamp = (await timer.channel.receive()) as number
      expect(stamp).toBeGreaterThanOrEqual(moved + 150)
      const again = now()
      expect(timer.reset(20)).toBe(false)
      expect(await timer.channel.receive()).toBeGreaterThanOrEqual(again + 20)
      expect(timer.stop()).toBe(false)
      expect(timer.reset(10)).toBe(false)
      expect(timer.reset(5)).toBe(true)
    })
  })

  test('TIME-11 no value from before is received after a stop or a reset', async () => {
    for (const read of [
      (timer: Timer) => timer.channel.tryReceive(),
      (timer: Timer) => timer.channel.receive({ timeout: 10 }).catch(() => undefined),
    ]) {
      const timer = new Timer(1)
      await sleep(10)
      timer.reset(10_000)
      expect(await read(timer)).toBe(undefined)
      timer.reset(0)
      timer.stop()
      expect(await read(timer)).toBe(undefined)
      const start = now()
      timer.reset(1)
      await sleep(10)
      timer.reset(2)
      expect(await timer.channel.receive()).toBeGreaterThan(start + 10)
      expect(await read(timer)).toBe(undefined)
    }
  })

  test('TIME-11 the same for a ticker', async () => {
    const ticker = new Ticker(1)
    await sleep(10)
    ticker.reset(10_000)
    expect(ticker.channel.tryReceive()).toBe(undefined)
    ticker.reset(1)
    await sleep(10)
    ticker.stop()
    expect(ticker.channel.tryReceive()).toBe(undefined)
    const start = now()
    ticker.reset(5)
    expect(await ticker.channel.receive()).toBeGreaterThanOrEqual(start + 5)
    ticker.stop()
  })

  test('TIME-18 what is no timer says so', () => {
    for (const thing of [{}, Object.create(Timer.prototype), Object.create(Ticker.prototype)]) {
      expect(thrown(() => Timer.prototype.stop.call(thing))).toMatchObject({ name: 'TypeError' })
      expect(thrown(() => Timer.prototype.stop.call(thing)).message).toBe('called on uninitialized Timer')
      expect(thrown(() => Timer.prototype.reset.call(thing, 5)).message).toBe('called on uninitialized Timer')
    }
    for (const ms of ['5', Number.NaN, undefined]) {
      expect(thrown(() => new Timer(ms as number))).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
      const timer = new Timer(1000)
      expect(thrown(() => timer.reset(ms as number))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
      expect(timer.stop()).toBe(true)
    }
  })

  test('TIME-20 stop and reset while others wait: they wait on, and a reset to soon wakes exactly one', async () => {
    const timer = new Timer(30)
    const stop = new AbortController()
    let woken = 0
    const waiting = [0, 1].map(() =>
      timer.channel.receive({ signal: stop.signal }).then(
        () => ++woken,
        () => 'aborted',
      ),
    )
    expect(timer.stop()).toBe(true)
    await expectPending(...waiting)
    expect(timer.reset(10_000)).toBe(false)
    await expectPending(...waiting)
    expect(timer.reset(1)).toBe(true)
    await until(() => woken === 1)
    await sleep(50)
    expect(woken).toBe(1)
    expect(timer.reset(1)).toBe(false)
    expect(await Promise.all(waiting)).toEqual([1, 2])
    stop.abort()
  })

  test('TIME-27 100 timers stopped in time: none fires', async () => {
    const fired: number[] = []
    const timers = range(100).map((i) => (i % 2 ? new Timer(400) : afterFunc(400, () => fired.push(i))))
    const waiting = timers.map((timer) => timer.channel.receive({ timeout: 800 }).catch(() => undefined))
    await sleep(200)
    expect(timers.map((timer) => timer.stop())).toEqual(timers.map(() => true))
    expect(await Promise.all(waiting)).toEqual(timers.map(() => undefined))
    expect(fired).toEqual([])
  })

  test('TIME-28 10,000 timers of no duration all fire', async () => {
    const start = now()
    let called = 0
    const received: Promise<unknown>[] = []
    for (let i = 0; i < 10_000; i++) {
      const timer = new Timer(0)
      if (i % 2) afterFunc(0, () => called++)
      else received.push(timer.channel.receive(), new Timer(1e-3).channel.receive())
    }
    await Promise.all(received)
    await until(() => called === 5000)
    expect(now() - start).toBeLessThan(10_000)
  })

  test('TIME-29 moved from far away to the past, it fires promptly', async () => {
    for (let i = 0; i < 1000; i++) {
      const timer = new Timer(3_600_000)
      const waiting = i % 10 === 0 ? timer.channel.receive() : undefined
      for (let j = 0; j < 10; j++) {
        timer.stop()
        timer.reset(-j)
      }
      const start = now()
      expect(waiting === undefined ? timer.channel.tryReceive() : await waiting).toBeTypeOf('number')
      expect(now() - start).toBeLessThan(5000)
    }
  })

  test('TIME-30 timers taken through random states end as the last one says', async () => {
    const rng = random('time 30')
    const results = range(100).map(async () => {
      const timer = new Timer(60_000 * (1 + 2 * rng.next()))
      const waiting = timer.channel.receive()
      for (let i = 0; i < 10; i++) {
        await sleep(rng.below(3))
        if (rng.below(2) === 0) timer.stop()
        else timer.reset(60_000 * (1 + 2 * rng.next()))
      }
      const start = now()
      timer.reset(0)
      await waiting
      return now() - start
    })
    for (const took of await Promise.all(results)) expect(took).toBeLessThan(5000)
  })
})
