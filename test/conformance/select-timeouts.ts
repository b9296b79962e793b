// SEL: select with a timeout.

import { f64 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { elapsed, expectPending, macrotask, rejection, retry, sleep } from '../support/probe.js'
import { rounds } from '../support/settings.js'
import type { SelectSubject } from './subject.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const TIMEOUT = { name: 'TimeoutError', code: 'ERR_TIMEOUT' }

export function timeouts({ name, make, recv, send, select, trySelect, never }: SelectSubject): void {
  describe(`${name}: select, timeouts`, () => {
    for (const timeout of [1, 20, 60]) {
      test(`SEL-38 with nothing ready it rejects after ${timeout} ms, not before, and a later value is still there`, async () => {
        const [a, b, full] = [make(f64), make(f64, 1), make(f64, 1)]
        full.trySend(0)
        const start = performance.now()
        const error = await rejection(select({ a: recv(a), b: recv(b), full: send(full, 1) }, { timeout }))
        expect(performance.now() - start).toBeGreaterThanOrEqual(timeout)
        expect(error).toMatchObject(TIMEOUT)
        expect(error.message).toContain(`${timeout} ms`)
        expect([a.trySend(1), b.trySend(2), full.length]).toEqual([false, true, 1])
        expect(await select({ a: recv(a), b: recv(b) }, { timeout: 20_000 })).toEqual({
          case: 'b',
          value: 2,
          done: false,
        })
        expect(full.tryReceive()).toBe(0)
        expect(full.tryNext()).toBe(undefined)
      })
    }

    test('SEL-38 it ends soon after its time', async () => {
      await retry(async () => {
        const ch = make(f64)
        expect(await elapsed(() => rejection(select({ it: recv(ch) }, { timeout: 20 })))).toBeLessThan(500)
      })
    })

    test('SEL-39 a case that is ready is taken, also with timeout 0', async () => {
      const ch = make(f64, 1)
      const closed = make(f64)
      closed.close()
      for (const timeout of [0, -1, Number.NEGATIVE_INFINITY]) {
        expect((await select({ it: send(ch, 4) }, { timeout })).case).toBe('it')
        expect(await rejection(select({ it: send(ch, 5) }, { timeout }))).toMatchObject(TIMEOUT)
        expect((await select({ it: recv(ch) }, { timeout })).value).toBe(4)
        expect(await rejection(select({ it: recv(ch) }, { timeout }))).toMatchObject(TIMEOUT)
        expect((await select({ it: recv(closed) }, { timeout })).done).toBe(true)
      }
    })

    test('SEL-40 an empty select with a timeout rejects, and so does one whose cases are off', async () => {
      for (const cases of [{}, { a: null }, { a: recv(never), b: send(never, 1) }]) {
        const start = performance.now()
        expect(await rejection(select(cases, { timeout: 15 }))).toMatchObject(TIMEOUT)
        expect(performance.now() - start).toBeGreaterThanOrEqual(15)
      }
    })

    test.each([[Number.POSITIVE_INFINITY], [2 ** 31], [2 ** 32 + 5], [Number.MAX_VALUE], [undefined]])(
      'SEL-38 a timeout of %s ms does not fire at once',
      async (timeout) => {
        const ch = make(f64)
        const waiting = select({ it: recv(ch) }, timeout === undefined ? {} : { timeout })
        await expectPending(waiting)
        await ch.send(1)
        expect((await waiting).value).toBe(1)
      },
    )

    test('SEL-38 SEL-51 a timeout and a signal together: the first decides', async () => {
      const ch = make(f64)
      const stop = new AbortController()
      expect(await rejection(select({ it: recv(ch) }, { signal: stop.signal, timeout: 5 }))).toMatchObject(TIMEOUT)
      const waiting = rejection(select({ it: recv(ch) }, { signal: stop.signal, timeout: 60_000 }))
      await macrotask()
      stop.abort('first')
      expect(await waiting).toBe('first')
      expect(ch.trySend(1)).toBe(false)
    })

    test('SEL-25 SEL-38 selects that timed out are in nobody’s way', async () => {
      const [a, b] = [make(f64), make(f64)]
      const gone = range(20).map((i) =>
        rejection(
          i % 2 ? select({ a: recv(a), b: recv(b) }, { timeout: 5 }) : select({ a: send(a, 1) }, { timeout: 5 }),
        ),
      )
      // Receives and sends on `a` above pair among themselves; what is left times out.
      const outcomes = await Promise.allSettled(gone)
      const timedOut = outcomes.filter(({ status }) => status === 'fulfilled').length
      expect(timedOut % 2).toBe(0)
      for (const ch of [a, b]) expect([ch.trySend(1), ch.tryNext()]).toEqual([false, undefined])
      const live = select({ a: recv(a), b: recv(b) })
      await a.send(5)
      expect((await live).value).toBe(5)
    })

    for (const capacity of [0, 2]) {
      test(`SEL-41 timeouts that race with hand-offs lose and double nothing (capacity ${capacity})`, async () => {
        const ch = make(f64, capacity)
        const quiet = make(f64)
        const count = rounds(80)
        const again = async <R>(attempt: () => Promise<R>): Promise<R> => {
          for (;;) {
            try {
              return await attempt()
            } catch (error) {
              if ((error as { code?: string }).code !== 'ERR_TIMEOUT') throw error
            }
          }
        }
        const sending = (async () => {
          for (let i = 0; i < count; i++) {
            if (i % 8 === 4) await sleep(6)
            await again(() => select({ quiet: recv(quiet), it: send(ch, i) }, { timeout: 1 + (i % 3) }))
          }
          await again(() => select({ it: send(ch, -1) }, { timeout: 1 }))
        })()
        const got: unknown[] = []
        for (let i = 0; i < count; i++) {
          if (i % 8 === 0) await sleep(6)
          const hit = await again(() => select({ it: recv(ch), quiet: recv(quiet) }, { timeout: 1 + (i % 2) }))
          got.push(hit.value)
        }
        expect(got).toEqual(range(count))
        expect(await ch.receive()).toBe(-1)
        await sending
        expect([quiet.trySend(1), ch.tryNext()]).toEqual([false, undefined])
      })
    }

    test('SEL-52 selects that were ready or woken leave no timers behind', async () => {
      const timers = (): number => process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length
      const before = timers()
      const [ready, ch] = [make(f64, 1), make(f64)]
      for (let i = 0; i < rounds(3000); i++) {
        await select({ out: send(ready, i), in: recv(ready) }, { timeout: 3_600_000 })
        if (i % 10 > 0) continue
        const waiting = select({ it: recv(ch), quiet: send(never, 1) }, { timeout: 3_600_000 })
        ch.trySend(i)
        await waiting
      }
      // One that serves all waits of a thread may stay for a while.
      expect(timers() - before).toBeLessThanOrEqual(1)
    })

    test('SEL-38 trySelect beside a select that waits with a timeout', async () => {
      const ch = make(f64)
      const waiting = select({ it: recv(ch) }, { timeout: 20_000 })
      expect(trySelect({ it: recv(ch) })).toBe(undefined)
      expect(trySelect({ it: send(ch, 3) })?.case).toBe('it')
      expect((await waiting).value).toBe(3)
    })
  })
}
