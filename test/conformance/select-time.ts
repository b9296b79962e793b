// TIME and SEL: what takes both timers and select. Takes the functions, so that whatever selects can be put in.

import * as time from 'millrace'
import { afterFunc, sleep, sleepSync, Ticker, Timer, tick } from 'millrace'
import { describe, expect, test } from 'vitest'
import { rejection, retry, thrown } from '../support/probe.js'
import type { Anything, SelectHit, SelectOptions, SelectSubject } from './select-subject.js'
import { selectTimeMany } from './select-time-many.js'

const now = (): number => performance.now()

export function selectTime(subject: SelectSubject): void {
  const { name, select, selectSync, trySelect, recv, send, channel } = subject
  /** The three ways to select, each giving a hit sooner or later. */
  const ways: Record<string, (cases: () => Record<string, Anything>, options?: SelectOptions) => Promise<SelectHit>> = {
    select: (cases, options) => select(cases(), options),
    selectSync: async (cases, options) => selectSync(cases(), options),
    trySelect: async (cases) => {
      const made = cases()
      for (;;) {
        const hit = trySelect(made)
        if (hit !== undefined) return hit
        await sleep(0)
      }
    },
  }

  describe(`${name}: select and time`, () => {
    for (const [way, run] of Object.entries(ways)) {
      test(`TIME-2 ${way}: a timer is a case, not before its time`, async () => {
        const quiet = channel(1)
        for (const ms of [20, 0.5, 0, -1]) {
          const start = now()
          const hit = await run(() => ({ quiet: recv(quiet), timer: recv(time.after(ms)) }))
          expect(now()).toBeGreaterThanOrEqual(start + Math.max(0, ms))
          expect(hit).toMatchObject({ case: 'timer', done: false })
          expect(hit.value).toBeGreaterThanOrEqual(start + Math.max(0, ms))
          expect(hit.value).toBeLessThanOrEqual(now())
        }
        quiet.trySend(1)
        expect(quiet.tryReceive()).toBe(1)
        quiet.dispose()
      })

      test(`TIME-3 ${way}: once received, a timer is never chosen again`, async () => {
        const timer = time.after(5)
        expect((await run(() => ({ timer: recv(timer) }))).case).toBe('timer')
        expect(trySelect({ timer: recv(timer) })).toBe(undefined)
        expect((await run(() => ({ timer: recv(timer), later: recv(time.after(50)) }))).case).toBe('later')
      })

      test(`TIME-4 ${way}: the value is the time of firing, not of reading`, async () => {
        await retry(async () => {
          const start = now()
          const [timer, ticks] = [time.after(10), tick(10)]
          await sleep(300)
          for (const ch of [timer, ticks]) {
            const { value } = await run(() => ({ ch: recv(ch) }))
            expect(value).toBeGreaterThanOrEqual(start + 10)
            expect(value).toBeLessThan(start + 250)
          }
        })
      })

      test(`TIME-7 ${way}: of two timers the earlier one, in either order`, async () => {
        await retry(async () => {
          const cases: Record<string, () => Anything> = {
            soon: () => recv(time.after(50)),
            late: () => recv(time.after(100)),
          }
          for (const order of [
            ['soon', 'late'],
            ['late', 'soon'],
          ]) {
            const hit = await run(() => Object.fromEntries(order.map((key) => [key, cases[key]?.()])))
            expect(hit.case).toBe('soon')
          }
          const hit = await run(() => ({ slow: recv(tick(100)), fast: recv(tick(50)) }))
          expect(hit.case).toBe('fast')
        })
      })

      test(`TIME-17 ${way}: huge durations do not win over 25 ms, negative ones are ready at once`, async () => {
        const start = now()
        const hit = await run(() => ({
          ...Object.fromEntries(
            [2 ** 31, 2 ** 53, Number.MAX_VALUE, Number.POSITIVE_INFINITY].map((ms) => [
              `after ${ms}`,
              recv(time.after(ms)),
            ]),
          ),
          tick: recv(tick(2 ** 32)),
          never: recv(tick(0)),
          soon: recv(time.after(25)),
        }))
        expect(hit.case).toBe('soon')
        expect(now() - start).toBeGreaterThanOrEqual(25)
        expect((await run(() => ({ past: recv(time.after(-(2 ** 63))), late: recv(time.after(1000)) }))).case).toBe(
          'past',
        )
      })

      test(`TIME-13 ${way}: a ticker in a loop, beside a channel`, async () => {
        const [ch, ticker] = [channel(4), new Ticker(10)]
        const stamps: number[] = []
        while (stamps.length < 5) {
          ch.trySend(1)
          const hit = await run(() => ({ ch: recv(ch), tick: recv(ticker.channel) }))
          if (hit.case === 'tick') stamps.push(hit.value)
        }
        ticker.stop()
        const first = stamps[0] as number
        for (const stamp of stamps) expect(Math.abs(((stamp - first) / 10) % 1)).toBeLessThan(1e-6)
        ch.dispose()
      })
    }

    test('TIME-8 a timer that is due beats the default, one that is not does not', () => {
      for (let i = 0; i < 10; i++) {
        expect(trySelect({ timer: recv(time.after(0)) })?.case).toBe('timer')
        expect(trySelect({ timer: recv(time.after(100)) })).toBe(undefined)
        expect(trySelect({ timer: recv(tick(100)) })).toBe(undefined)
      }
    })

    test('SEL-39 a timer that is due beats a timeout of 0', async () => {
      expect((await select({ timer: recv(time.after(0)) }, { timeout: 0 })).case).toBe('timer')
      expect(selectSync({ timer: recv(time.after(0)) }, { timeout: 0 }).case).toBe('timer')
      expect((await rejection(select({ timer: recv(time.after(1000)) }, { timeout: 0 }))).code).toBe('ERR_TIMEOUT')
      expect(thrown(() => selectSync({ timer: recv(time.after(1000)) }, { timeout: 5 })).code).toBe('ERR_TIMEOUT')
    })

    test('SEL-38 a value that comes after a timer case has won is there for the next select', async () => {
      const ch = channel(1)
      for (const style of ['async', 'blocking']) {
        const wait = (cases: Record<string, Anything>) => (style === 'async' ? select(cases) : selectSync(cases))
        expect((await wait({ ch: recv(ch), timer: recv(time.after(20)) })).case).toBe('timer')
        ch.trySend(7)
        expect(await wait({ ch: recv(ch), timer: recv(time.after(1000)) })).toMatchObject({ case: 'ch', value: 7 })
      }
      ch.dispose()
    })

    test('TIME-16 a timer is chosen though two tasks keep exchanging values', async () => {
      const [there, back] = [channel(1), channel(1)]
      const stop = new AbortController()
      const peer = (async () => {
        for await (const value of there) await back.send(value)
      })()
      for (const make of [() => time.after(20), () => new Timer(20).channel, () => tick(20)]) {
        const [start, timer] = [now(), make()]
        there.trySend(0)
        for (;;) {
          const hit = await select({ back: recv(back), timer: recv(timer) }, { signal: stop.signal })
          if (hit.case === 'timer') break
          await there.send(1)
        }
        expect(now() - start).toBeGreaterThanOrEqual(20)
        expect(now() - start).toBeLessThan(5000)
        await select({ back: recv(back), none: recv(time.after(50)) })
      }
      there.close()
      await peer
      for (const ch of [there, back]) ch.dispose()
    })

    test('TIME-16 a loop of selects that are all ready ends when a function is called after 1 µs', async () => {
      const ch = channel(1)
      let over = false
      afterFunc(0.001, () => {
        over = true
      })
      for (let i = 0; !over && i < 1e7; i++) await select(i % 2 ? { ch: recv(ch) } : { ch: send(ch, i) })
      expect(over).toBe(true)
      ch.dispose()
    })

    test('TIME-20 stop and reset while two selects are parked: exactly one gets the value', async () => {
      const timer = new Timer(30)
      const quiet = channel(1)
      const stop = new AbortController()
      const hits: string[] = []
      const waiting = [0, 1].map(() =>
        select({ quiet: recv(quiet), timer: recv(timer.channel) }, { signal: stop.signal }).then(
          (hit) => hits.push(hit.case),
          () => hits.push('aborted'),
        ),
      )
      expect(timer.stop()).toBe(true)
      await sleep(80)
      expect(hits).toEqual([])
      timer.reset(1)
      await sleep(100)
      expect(hits).toEqual(['timer'])
      stop.abort()
      await Promise.all(waiting)
      expect(hits).toEqual(['timer', 'aborted'])
      quiet.dispose()
    })

    test('TIME-23 two readers, two timers: each gets one', async () => {
      for (let i = 0; i < 20; i++) {
        const [a, b] = [time.after(2), time.after(4)]
        const hits = await Promise.all([0, 1].map(() => select({ a: recv(a), b: recv(b) })))
        expect(hits.map((hit) => hit.case).sort()).toEqual(['a', 'b'])
      }
    })

    test('SEL-24 a biased select takes the first that is due', () => {
      for (let i = 0; i < 100; i++) {
        const cases = (): Record<string, Anything> => ({
          a: recv(time.after(1000)),
          b: recv(time.after(0)),
          c: recv(tick(1e-6)),
        })
        expect(selectSync(cases(), { biased: true }).case).toBe('b')
        expect(trySelect(cases(), { biased: true })?.case).toBe('b')
      }
    })

    test('SEL-25 a timer that was not chosen can still be received', async () => {
      const ch = channel(1)
      const timer = time.after(20)
      ch.trySend(1)
      expect((await select({ ch: recv(ch), timer: recv(timer) })).case).toBe('ch')
      const losing = select({ ch: recv(ch), timer: recv(timer) })
      ch.trySend(2)
      expect((await losing).case).toBe('ch')
      expect(await timer.receive()).toBeTypeOf('number')
      ch.dispose()
    })

    test('TIME-34 a plain receive and selects on one timer: one gets it', async () => {
      for (let i = 0; i < 50; i++) {
        const [timer, quiet] = [time.after(1), channel(1)]
        const stop = new AbortController()
        const waiting = [
          select({ quiet: recv(quiet), timer: recv(timer) }, stop),
          timer.receive(stop),
          select({ timer: recv(timer) }, stop),
        ].map((promise) => promise.then(() => 1).catch(() => 0))
        await Promise.race(waiting)
        if (i % 2) sleepSync(2)
        await sleep(2)
        stop.abort()
        const got = (await Promise.all(waiting)) as number[]
        expect(got).toEqual([1, 0, 0])
        quiet.dispose()
      }
    })
  })

  selectTimeMany(subject)
}
