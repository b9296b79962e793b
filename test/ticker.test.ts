// TIME: tickers.

import { sleep, sleepSync, Ticker, TimeoutError, tick } from 'millrace'
import { describe, expect, test } from 'vitest'
import { gc, rejection, retry, thrown } from './support/probe.js'
import { rounds } from './support/settings.js'

const now = (): number => performance.now()
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

describe('Ticker', () => {
  test('TIME-12 five ticks, five after a reset, none after a stop', async () => {
    let delta = 10
    await retry(async () => {
      delta *= 2
      const ticker = new Ticker(delta)
      const start = now()
      for (let i = 0; i < 5; i++) await ticker.channel.receive()
      expect(now() - start).toBeGreaterThanOrEqual(5 * delta)
      const reset = now()
      ticker.reset(2 * delta)
      for (let i = 0; i < 5; i++) await ticker.channel.receive()
      ticker.stop()
      expect(now() - reset).toBeGreaterThanOrEqual(10 * delta)
      expect(now() - start).toBeLessThan(15 * delta * 1.3)
      expect(await rejection(ticker.channel.receive({ timeout: 4 * delta }))).toBeInstanceOf(TimeoutError)
    })
  })

  test.each(['async', 'blocking'])(
    'TIME-13 a slow reader finds one old tick, then the grid again (%s)',
    async (style) => {
      const read = (ch: Ticker['channel']) => (style === 'async' ? ch.receive() : ch.receiveSync())
      const rest = (ms: number) => (style === 'async' ? sleep(ms) : sleepSync(ms))
      await retry(async () => {
        const start = now()
        const { channel } = new Ticker(50)
        const made = now()
        const between = (stamp: number | undefined, low: number): void => {
          expect(stamp).toBeGreaterThanOrEqual(start + low)
          expect(stamp).toBeLessThanOrEqual(made + low)
        }
        between(await read(channel), 50)
        await rest(300)
        between(channel.tryReceive(), 100)
        const late = now() - start
        if (late >= 395) throw new Error('the machine was too slow')
        expect(channel.tryReceive()).toBe(undefined)
        const next = (await read(channel)) as number
        expect(next).toBeGreaterThan(start + late)
        between(next, 50 * (Math.floor(late / 50) + 1))
      })
    },
  )

  test('TIME-13 the times stay on the grid, however small or odd the period', () => {
    for (const ms of [0.1, 1 / 3, Math.PI, 0.001]) {
      const start = now()
      const { channel } = new Ticker(ms)
      const made = now()
      let last = 0
      for (let i = 0; i < 200; i++) {
        const stamp = channel.receiveSync() as number
        expect(stamp).toBeGreaterThan(last)
        expect(now()).toBeGreaterThanOrEqual(stamp)
        last = stamp
        if (ms < 0.1) continue
        const count = Math.round((stamp - start) / ms)
        expect(stamp).toBeGreaterThanOrEqual(start + count * ms - 1e-6 - (made - start))
        expect(stamp).toBeLessThanOrEqual(made + count * ms + 1e-6)
      }
    }
  })

  test('TIME-14 periods that are not positive', async () => {
    for (const ms of [0, -1, Number.NEGATIVE_INFINITY]) {
      const error = thrown(() => new Ticker(ms))
      expect(error).toMatchObject({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })
      expect(error.message).toBe('non-positive interval for NewTicker')
      const ticker = new Ticker(5)
      expect(thrown(() => ticker.reset(ms))).toBeInstanceOf(RangeError)
      expect(thrown(() => ticker.reset(ms)).message).toBe('non-positive interval for Ticker.reset')
      expect(await ticker.channel.receive()).toBeTypeOf('number')
      const never = tick(ms)
      expect([never.tryReceive(), never.tryNext(), never.length, never.capacity]).toEqual([undefined, undefined, 0, 0])
      expect(await rejection(never.receive({ timeout: 20 }))).toBeInstanceOf(TimeoutError)
      expect(thrown(() => never.receiveSync({ timeout: 1 }))).toBeInstanceOf(TimeoutError)
    }
    expect(thrown(() => new Ticker(Number.NaN))).toBeInstanceOf(TypeError)
  })

  test('TIME-19 stopping what was never started does nothing', () => {
    const ticker = Object.create(Ticker.prototype) as Ticker
    expect(ticker.stop()).toBe(undefined)
    expect(thrown(() => ticker.reset(5)).message).toBe('called on uninitialized Ticker')
    const stopped = new Ticker(1000)
    stopped.stop()
    stopped.stop()
  })

  test('TIME-21 made, read once and stopped, also after an exception', async () => {
    for (let i = 0; i < 3; i++) {
      const ticker = new Ticker(5)
      await ticker.channel.receive()
      ticker.stop()
    }
    const ticker = new Ticker(5)
    const failing = (async () => {
      try {
        await ticker.channel.receive()
        throw new Error('on purpose')
      } finally {
        ticker.stop()
      }
    })()
    expect((await rejection(failing)).message).toBe('on purpose')
    await sleep(20)
    expect(ticker.channel.tryReceive()).toBe(undefined)
  })

  test('TIME-26 many reads of the shortest period, while garbage is collected', async () => {
    const ch = tick(1e-6)
    let collecting = true
    const collector = (async () => {
      while (collecting) {
        gc()
        await sleep(1)
      }
    })()
    const reads = range(10).map(async () => {
      for (let i = 0; i < rounds(100); i++) expect(await ch.receive()).toBeTypeOf('number')
    })
    await Promise.all(reads)
    collecting = false
    await collector
    let last = 0
    for (let i = 0; i < 100; i++) {
      const stamp = ch.receiveSync() as number
      expect(stamp).toBeGreaterThan(last)
      last = stamp
    }
  })
})
