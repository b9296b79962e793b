// TIME and SEL: many timers, many selects. Part of select-time.ts.

import * as time from 'millrace'
import { sleep, tick } from 'millrace'
import { describe, expect, test } from 'vitest'
import { child } from '../support/child.js'
import { retry } from '../support/probe.js'
import { rounds } from '../support/settings.js'
import type { Anything, SelectHit, SelectSubject } from './select-subject.js'

const now = (): number => performance.now()
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function selectTimeMany({ name, select, selectSync, trySelect, recv, send, channel }: SelectSubject): void {
  /** Counts which cases are hit. */
  async function tally(
    count: number,
    run: (i: number) => SelectHit | Promise<SelectHit>,
  ): Promise<Record<string, number>> {
    const hits: Record<string, number> = {}
    for (let i = 0; i < count; i++) {
      const hit = await run(i)
      hits[hit.case] = (hits[hit.case] ?? 0) + 1
    }
    return hits
  }

  describe(`${name}: select and much time`, () => {
    test('TIME-24 SEL-48 1000 timers, four tasks that select over all of them: 1000 hits', async () => {
      const timers = Object.fromEntries(range(1000).map((i) => [`t${i}`, time.after(i % 5)]))
      const cases = (): Record<string, Anything> =>
        Object.fromEntries(Object.entries(timers).map(([key, timer]) => [key, recv(timer)]))
      const hits = await Promise.all(
        range(4).map(async () => {
          const mine: string[] = []
          for (;;) {
            const hit = await select({ ...cases(), idle: recv(time.after(100)) })
            if (hit.case === 'idle') return mine
            mine.push(hit.case)
          }
        }),
      )
      expect(hits.flat().sort()).toEqual(Object.keys(timers).sort())
    })

    test('TIME-25 four tasks share two tickers: eight ticks', async () => {
      await retry(async () => {
        const [a, b, end] = [tick(200), tick(300), now() + 1100]
        const counts = await Promise.all(
          range(4).map(async () => {
            for (let count = 0; ; count++) {
              const hit = await select({ a: recv(a), b: recv(b), end: recv(time.after(end - now())) })
              if (hit.case === 'end') return count
            }
          }),
        )
        expect(counts.reduce((sum, count) => sum + count)).toBe(8)
      })
    })

    test('TIME-31 many rounds through a queue, each select with a timer, while many sleep', async () => {
      const stop = new AbortController()
      const sleepers = range(5000).map((i) => sleep(60_000 + i, { signal: stop.signal }).catch(() => {}))
      const [ch, count] = [channel(20), rounds(2000)]
      const start = now()
      const receiver = (async () => {
        let sum = 0
        for (let i = 0; i < count; i++) {
          const hit = await select({ ch: recv(ch), late: recv(time.after(5000)) })
          if (hit.case === 'late') throw new Error('late')
          sum += hit.value
        }
        return sum
      })()
      for (let i = 0; i < count; i++) await select({ ch: send(ch, i), late: recv(time.after(5000)) })
      expect(await receiver).toBe((count * (count - 1)) / 2)
      expect(now() - start).toBeLessThan(60_000)
      stop.abort()
      await Promise.all(sleepers)
      ch.dispose()
    })

    test.each([2, 5])('TIME-32 of several that are due one is chosen at random (%d)', async (count) => {
      const N = 1000
      for (const ms of [0, 1]) {
        const hits = await tally(N, () => {
          const cases = Object.fromEntries(range(count).map((i) => [`t${i}`, recv(time.after(ms))]))
          const start = now()
          while (now() - start <= ms);
          return trySelect(cases) as SelectHit
        })
        for (const i of range(count)) expect(hits[`t${i}`]).toBeGreaterThan(N / count / 2)
      }
      const [timer, ticks] = [() => time.after(0), tick(1e-6)]
      const hits = await tally(N, () => selectSync({ timer: recv(timer()), a: recv(ticks), b: recv(ticks) }))
      for (const key of ['timer', 'a', 'b']) expect(hits[key]).toBeGreaterThan(N / 3 / 2)
    })

    test('TIME-32 the same timer in several cases: one of them at random', async () => {
      const hits = await tally(1000, () => {
        const timer = time.after(0)
        return selectSync(Object.fromEntries(range(5).map((i) => [`t${i}`, recv(timer)])))
      })
      for (const i of range(5)) expect(hits[`t${i}`]).toBeGreaterThan(100)
    })

    test('SEL-22 channels and timers are chosen alike', async () => {
      const N = 2000
      const [full, empty] = [channel(N), channel(N)]
      for (let i = 0; i < N; i++) full.trySend(i)
      const ticks = tick(1e-6)
      const hits = await tally(N, () =>
        selectSync({ full: recv(full), out: send(empty, 1), timer: recv(time.after(0)), ticks: recv(ticks) }),
      )
      for (const key of ['full', 'out', 'timer', 'ticks']) expect(hits[key]).toBeGreaterThan(N / 8)
      for (const ch of [full, empty]) ch.dispose()
    })

    test('SEL-52 timers of losing cases are released, and the process ends', async () => {
      const result = await child(
        `const { after, recv, select, selectSync } = millrace
         const { runInNewContext } = await import('node:vm')
         const { setFlagsFromString } = await import('node:v8')
         setFlagsFromString('--expose-gc')
         const gc = runInNewContext('gc')
         const [a, b] = [channel(f64, { capacity: 1 }), channel(f64, { capacity: 1 })]
         const round = async () => {
           for (let i = 0; i < 10_000; i++) {
             const parked = select({ a: recv(a), timer: recv(after(3_600_000)) })
             a.trySend(i)
             await parked
             b.trySend(i)
             selectSync({ b: recv(b), timer: recv(after(3_600_000)) })
           }
           await sleep(5)
           gc()
           return process.memoryUsage().heapUsed
         }
         await round()
         const before = await round()
         await round()
         const grown = (await round()) - before
         console.log(grown < 300_000 ? 'flat' : grown)`,
      )
      expect(result).toMatchObject({ code: 0, out: 'flat\n', err: '' })
      expect(result.ms).toBeLessThan(20_000)
    })
  })
}
