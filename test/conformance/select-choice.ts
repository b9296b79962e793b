// SEL: which case is taken, how many, and what select tells of it.

import { type Channel, f64 } from 'millrace'
import { describe, expect, test } from 'vitest'
import type { Cases } from '../support/contract.js'
import { rejection, thrown } from '../support/probe.js'
import { random } from '../support/random.js'
import { rounds } from '../support/settings.js'
import type { SelectSubject } from './subject.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function choice({ name, make, recv, send, select, trySelect, never }: SelectSubject): void {
  /** A channel with those values in it. */
  const filled = (...values: number[]): Channel<number> => {
    const ch = make(f64, Math.max(1, values.length))
    for (const v of values) ch.trySend(v)
    return ch
  }

  describe(`${name}: select, the choice`, () => {
    test('SEL-35 the hit has key, value and done of a receive', async () => {
      const ch = filled(7, 8)
      expect(await select({ it: recv(ch) })).toEqual({ case: 'it', value: 7, done: false })
      expect(trySelect({ it: recv(ch) })).toEqual({ case: 'it', value: 8, done: false })
      ch.close()
      expect(await select({ it: recv(ch) })).toEqual({ case: 'it', value: undefined, done: true })
      expect(trySelect({ it: recv(ch) })).toEqual({ case: 'it', value: undefined, done: true })
    })

    test('SEL-35 the hit of a send has its key, no value and is not done', async () => {
      const ch = make(f64, 2)
      const expected = { case: 'out', value: undefined, done: false }
      expect(await select({ out: send(ch, 1) })).toEqual(expected)
      expect(trySelect({ out: send(ch, 2) })).toEqual(expected)
      expect([...ch.available()]).toEqual([1, 2])
      const parked = select({ out: send(make(f64), 0), other: send(filled(1), 5), there: recv(ch) })
      ch.trySend(3)
      expect(await parked).toEqual({ case: 'there', value: 3, done: false })
    })

    test('SEL-4 SEL-5 with one case ready that one is taken, with none trySelect gives undefined', () => {
      const [empty, full, ready, room] = [make(f64, 1), filled(0), filled(1), make(f64, 1)]
      const idle = (): Cases => ({ a: recv(empty), b: send(full, 1), c: recv(make(f64)), d: send(make(f64), 1) })
      expect(trySelect(idle())).toBe(undefined)
      expect(trySelect({ ...idle(), it: recv(ready) })).toEqual({ case: 'it', value: 1, done: false })
      expect(trySelect({ it: send(room, 4), ...idle() })?.case).toBe('it')
      expect(trySelect({ it: recv(room), ...idle() })?.value).toBe(4)
      expect(trySelect(idle())).toBe(undefined)
      expect([empty.length, full.length, ready.length, room.length]).toEqual([0, 1, 0, 0])
    })

    test('SEL-4 select does not wait for a case that is ready', async () => {
      const quiet = make(f64)
      for (const _ of range(20)) {
        expect(await select({ quiet: recv(quiet), it: recv(filled(3)) }, { timeout: 0 })).toMatchObject({ value: 3 })
        expect((await select({ it: send(make(f64, 1), 3), quiet: send(quiet, 1) }, { timeout: 0 })).case).toBe('it')
      }
    })

    test('SEL-5 NEVER-2 an empty select, and one of cases that are off, is never ready', () => {
      for (const cases of [
        {},
        { a: null, b: undefined },
        { a: recv(null), b: send(undefined, 1) },
        { a: recv(never), b: send(never, 1) },
      ])
        expect(trySelect(cases as Cases)).toBe(undefined)
    })

    test('SEL-4 SEL-5 capacity 0: who waits on the other side makes a case ready, nobody else', async () => {
      const [a, b] = [make(f64), make(f64)]
      const cases = (): Cases => ({ in: recv(a), out: send(b, 2) })
      expect(trySelect(cases())).toBe(undefined)
      const sending = a.send(1)
      expect(trySelect(cases())).toEqual({ case: 'in', value: 1, done: false })
      await sending
      expect(trySelect(cases())).toBe(undefined)
      const receiving = b.receive()
      expect(trySelect(cases())?.case).toBe('out')
      expect(await receiving).toBe(2)
      expect(trySelect(cases())).toBe(undefined)
    })

    test('SEL-31 SEL-32 nothing happens in the cases that are not taken', async () => {
      const rng = random('losing cases')
      for (const _ of range(rounds(300))) {
        const channels = range(5).map(() => filled(...range(rng.below(3))))
        const before = channels.map((ch) => ch.length)
        const sends = channels.map(() => rng.below(2) === 1)
        const entries = channels.map((ch, i) => [`case ${i}`, sends[i] ? send(ch, 9) : recv(ch)] as const)
        const hit = rng.below(2)
          ? trySelect(Object.fromEntries(entries))
          : await select(Object.fromEntries(entries), { timeout: 0 }).catch(() => undefined)
        const after = channels.map((ch) => ch.length)
        const taken = entries.findIndex(([key]) => key === hit?.case)
        if (taken >= 0) (before[taken] as number) += sends[taken] ? 1 : -1
        else expect(channels.some((ch, i) => (sends[i] ? ch.length < ch.capacity : ch.length > 0))).toBe(false)
        expect(after).toEqual(before)
      }
    })

    // The default's place in the list cannot matter where trySelect is the default; the other cases' places must not either.
    for (const extra of ['none', 'dead send', 'dead receive', 'never send', 'never receive', 'null'] as const) {
      for (const first of [true, false]) {
        test(`SEL-32 send and receive, ready or not, with ${extra} ${first ? 'before' : 'after'} them`, async () => {
          const more: Cases =
            extra === 'none'
              ? {}
              : {
                  extra: {
                    'dead send': send(make(f64), 1),
                    'dead receive': recv(make(f64)),
                    'never send': send(never, 1),
                    'never receive': recv(never),
                    null: null,
                  }[extra],
                }
          const mix = (cases: Cases): Cases => (first ? { ...more, ...cases } : { ...cases, ...more })
          const ch = make(f64, 1)
          expect(trySelect(mix({ in: recv(ch) }))).toBe(undefined)
          expect(trySelect(mix({ out: send(ch, 5) }))?.case).toBe('out')
          expect(trySelect(mix({ out: send(ch, 6) }))).toBe(undefined)
          expect(trySelect(mix({ in: recv(ch) }))).toEqual({ case: 'in', value: 5, done: false })
          expect((await select(mix({ out: send(ch, 7), in: recv(ch) }))).case).toBe('out')
          expect(await select(mix({ out: send(ch, 8), in: recv(ch) }))).toMatchObject({ case: 'in', value: 7 })
        })
      }
    }

    test('SEL-8 SEL-9 a closed channel is ready: a receive is done, a send throws, also in trySelect', async () => {
      const closed = make(f64)
      closed.close()
      const quiet = make(f64)
      expect(trySelect({ quiet: recv(quiet), it: recv(closed) })).toEqual({ case: 'it', value: undefined, done: true })
      const message = 'send on closed channel'
      expect(thrown(() => trySelect({ quiet: recv(quiet), it: send(closed, 1) }))).toMatchObject({ message })
      expect(await rejection(select({ it: send(closed, 1) }))).toMatchObject({ message, code: 'ERR_CLOSED' })
      expect(await rejection(select({ it: send(closed, 1), quiet: recv(quiet) }, { timeout: 0 }))).toMatchObject({
        message,
      })
    })

    test('SEL-9 a send on a closed channel throws only if it is chosen', async () => {
      const closed = make(f64)
      closed.close()
      const outcomes = { thrown: 0, received: 0 }
      const count = 200
      for (const _ of range(count)) {
        const ready = filled(1)
        try {
          await select({ bad: send(closed, 1), good: recv(ready) })
          expect(ready.length).toBe(0)
          outcomes.received++
        } catch {
          expect(ready.length).toBe(1)
          outcomes.thrown++
        }
      }
      expect(outcomes.thrown).toBeGreaterThan(count / 5)
      expect(outcomes.received).toBeGreaterThan(count / 5)
    })

    test('SEL-24 biased takes the first ready case in the order of writing', async () => {
      const count = 1000
      const [a, b, c] = [filled(...range(count)), filled(...range(count)), filled(...range(count))]
      const tallies: number[][] = []
      for (const _ of range(2)) {
        const tally = { a: 0, b: 0, c: 0 }
        for (const i of range(count)) {
          const cases = { a: recv(a), b: recv(b), c: recv(c) }
          const hit = i % 2 ? trySelect(cases, { biased: true }) : await select(cases, { biased: true, timeout: 1000 })
          if (hit) tally[hit.case]++
        }
        tallies.push(Object.values(tally))
      }
      expect(tallies).toEqual([
        [count, 0, 0],
        [0, count, 0],
      ])
      // Also among those that are ready later, and for sends.
      expect(trySelect({ no: recv(a), x: send(b, 1), y: send(a, 1), c: recv(c) }, { biased: true })?.case).toBe('x')
      expect(trySelect({ no: recv(make(f64)) }, { biased: true })).toBe(undefined)
    })

    test('SEL-46 a value that waits, a value and then the end, the end', async () => {
      const [one, both, end] = [filled(1), filled(2), make(f64, 1)]
      both.close()
      end.close()
      const seen = async (ch: Channel<number>): Promise<unknown> =>
        (await select({ it: recv(ch), quiet: recv(make(f64)) })) as unknown
      expect(await seen(one)).toEqual({ case: 'it', value: 1, done: false })
      expect(await seen(both)).toEqual({ case: 'it', value: 2, done: false })
      for (const ch of [both, end]) expect(await seen(ch)).toEqual({ case: 'it', value: undefined, done: true })
      expect(trySelect({ it: recv(one) })).toBe(undefined)
    })

    for (const size of [1, 2, 3, 4, 16, 64, 65, 200, 1000]) {
      test(`SEL-48 a select of ${size} cases finds the ready one and waits on all`, async () => {
        const channels = range(size).map(() => make(f64, 1))
        const cases = (): Cases => Object.fromEntries(channels.map((ch, i) => [`case ${i}`, recv(ch)]))
        expect(trySelect(cases())).toBe(undefined)
        for (const i of new Set([0, size >> 1, size - 1])) {
          const ch = channels[i] as Channel<number>
          ch.trySend(i)
          expect(trySelect(cases())).toEqual({ case: `case ${i}`, value: i, done: false })
          const parked = select(cases())
          ch.trySend(i)
          expect(await parked).toEqual({ case: `case ${i}`, value: i, done: false })
        }
        // None of them has left anything behind: every channel takes its value as if nobody had been there.
        for (const [i, ch] of channels.entries()) {
          expect(ch.trySend(i)).toBe(true)
          expect(ch.tryReceive()).toBe(i)
        }
      })
    }

    test('SEL-1 a sender that selects among four channels sends each value once', async () => {
      const channels = range(4).map(() => make(f64))
      const out = make(f64, 8)
      const muxes = channels.map(async (ch) => {
        for await (const v of ch) await out.send(v)
      })
      const count = rounds(4000)
      const sending = (async () => {
        for (let i = 0; i < count; i++)
          await select(Object.fromEntries(channels.map((ch, k) => [`case ${k}`, send(ch, i)])))
        for (const ch of channels) ch.close()
        await Promise.all(muxes)
        out.close()
      })()
      const got: number[] = []
      for await (const v of out) got.push(v)
      await sending
      expect(got.sort((a, b) => a - b)).toEqual(range(count))
    })
  })
}
