// SEL: among several ready cases each is taken with the same probability. Bounds as in the tests of Go and crossbeam: many standard
// deviations away, so that chance does not fail them.

import { type Channel, f64 } from 'millrace'
import { describe, expect, test } from 'vitest'
import type { Cases, SelectOptions } from '../support/contract.js'
import { macrotask } from '../support/probe.js'
import type { SelectSubject } from './subject.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const COUNT = 10_000

export function fairness({ name, make, recv, send, select, trySelect, never, Selector }: SelectSubject): void {
  /** A channel of that capacity, full. */
  const full = (capacity: number): Channel<number> => {
    const ch = make(f64, capacity)
    for (let i = 0; i < capacity; i++) ch.trySend(i)
    return ch
  }

  describe(`${name}: select, fairness`, () => {
    const forms: Record<string, (cases: Cases, options?: SelectOptions) => Promise<{ case: string }>> = {
      select: async (cases) => select(cases),
      'select with a timeout': async (cases) => select(cases, { timeout: 10_000 }),
      trySelect: async (cases) => trySelect(cases) as { case: string },
      'a new Selector': async (cases) => {
        const selector = new Selector(cases)
        const { case: key } = await selector.select()
        selector.dispose?.()
        return { case: key }
      },
    }
    for (const [form, run] of Object.entries(forms)) {
      test(`SEL-2 two ready channels and two quiet ones: half and half (${form})`, async () => {
        const [a, b, quiet] = [full(COUNT + 1), full(COUNT + 1), make(f64)]
        const tally: Record<string, number> = { a: 0, b: 0 }
        for (let i = 0; i < COUNT; i++) {
          const hit = await run({ q1: recv(quiet), a: recv(a), q2: send(quiet, 1), b: recv(b) })
          tally[hit.case] = (tally[hit.case] as number) + 1
        }
        expect((tally.a as number) + (tally.b as number)).toBe(COUNT)
        expect(Math.abs((tally.a as number) - COUNT / 2)).toBeLessThanOrEqual(500)
      })
    }

    test('SEL-2 the choice is independent from round to round', () => {
      const [a, b] = [full(COUNT), full(COUNT)]
      // How often each pair of successive choices occurs: 2500 times of 10,000 with a deviation of 43.
      const pairs: Record<string, number> = {}
      let last = ''
      for (let i = 0; i < COUNT; i++) {
        const key = trySelect({ a: recv(a), b: recv(b) })?.case as string
        if (last) pairs[last + key] = (pairs[last + key] ?? 0) + 1
        last = key
      }
      expect(Object.keys(pairs).length).toBe(4)
      for (const count of Object.values(pairs)) expect(Math.abs(count - COUNT / 4)).toBeLessThanOrEqual(500)
    })

    for (const size of [3, 5, 16]) {
      test(`SEL-2 ${size} ready cases, equally often`, () => {
        const channels = range(size).map(() => full(1))
        const tally = range(size).map(() => 0)
        for (let i = 0; i < COUNT; i++) {
          const hit = trySelect(Object.fromEntries(channels.map((ch, k) => [`c${k}`, recv(ch)])))
          const index = Number(hit?.case.slice(1))
          ;(tally[index] as number)++
          channels[index]?.trySend(0)
        }
        const mean = COUNT / size
        for (const count of tally) expect(Math.abs(count - mean)).toBeLessThanOrEqual(10 * Math.sqrt(mean))
      })
    }

    test('SEL-2 a case that is off takes no share: two that are ready among many that are not, half and half', () => {
      const [a, b, quiet] = [full(COUNT), full(COUNT), make(f64)]
      const tally: Record<string, number> = { a: 0, b: 0 }
      for (let i = 0; i < COUNT; i++) {
        const off = Object.fromEntries(range(4).map((k) => [`off ${k}`, k % 2 ? recv(never) : null]))
        const dead = Object.fromEntries(range(4).map((k) => [`dead ${k}`, k % 2 ? recv(quiet) : send(quiet, 1)]))
        // Both at the end of the list: a choice that goes on from a random place would favour the first of them.
        const key = trySelect({ ...off, ...dead, a: recv(a), b: recv(b) })?.case as string
        tally[key] = (tally[key] as number) + 1
      }
      expect(Math.abs((tally.a as number) - COUNT / 2)).toBeLessThanOrEqual(500)
    })

    test('SEL-21 capacity 0: both channels are used from both sides', async () => {
      const channels = [make(f64), make(f64)]
      const tally = { sender: [0, 0], receiver: [0, 0] }
      const sending = (async () => {
        for (let i = 0; i < COUNT; i++) {
          const hit = await select({ c0: send(channels[0], 0), c1: send(channels[1], 1) })
          ;(tally.sender[hit.case === 'c0' ? 0 : 1] as number)++
        }
      })()
      for (let i = 0; i < COUNT; i++) {
        const hit = await select({ c0: recv(channels[0]), c1: recv(channels[1]) })
        expect(hit.value).toBe(hit.case === 'c0' ? 0 : 1)
        ;(tally.receiver[hit.case === 'c0' ? 0 : 1] as number)++
        if (i % 1000 === 0) await macrotask()
      }
      await sending
      expect(tally.sender).toEqual(tally.receiver)
      for (const count of tally.receiver) expect(count).toBeGreaterThanOrEqual(2500)
    })

    test('SEL-22 a full channel, one of capacity 1, one with a sender that waits and a closed one', async () => {
      const [large, small, meeting, closed] = [full(COUNT), full(1), make(f64), make(f64)]
      closed.close()
      const tally: Record<string, number> = { large: 0, small: 0, meeting: 0, closed: 0 }
      let sending = meeting.send(1)
      for (let i = 0; i < COUNT; i++) {
        const hit = trySelect({
          ...{ large: recv(large), small: recv(small), meeting: recv(meeting), closed: recv(closed) },
        })
        const key = hit?.case as string
        tally[key] = (tally[key] as number) + 1
        if (key === 'small') small.trySend(1)
        if (key === 'meeting') {
          await sending
          sending = meeting.send(1)
        }
      }
      expect(await meeting.receive()).toBe(1)
      await sending
      for (const count of Object.values(tally)) expect(count).toBeGreaterThanOrEqual(COUNT / 8)
    })

    test('SEL-23 a sender that selects among channels of capacity 0, 1 and many, all of them drained', async () => {
      const channels = [0, 1, 100].map((capacity) => make(f64, capacity))
      const tally = [0, 0, 0]
      const draining = channels.map(async (ch, i) => {
        for await (const _ of ch) (tally[i] as number)++
      })
      for (let i = 0; i < COUNT; i++) {
        await select({ c0: send(channels[0], i), c1: send(channels[1], i), c2: send(channels[2], i) })
      }
      for (const ch of channels) ch.close()
      await Promise.all(draining)
      expect(tally.reduce((sum, n) => sum + n)).toBe(COUNT)
      for (const count of tally) expect(count).toBeGreaterThanOrEqual(66)
    })
  })
}
