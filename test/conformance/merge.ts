// FAN: several channels received from as one.

import { type Channel, f64 } from 'millrace'
import { describe, expect, test } from 'vitest'
import type { Receiving } from '../support/contract.js'
import { expectPending, macrotask, rejection, thrown } from '../support/probe.js'
import { elsewhere } from '../support/threads.js'
import type { SharedSelectSubject } from './subject.js'

const END = { value: undefined, done: true }
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function merging({ name, make, recv, select, trySelect, never, merge }: SharedSelectSubject): void {
  const filled = (...values: number[]): Channel<number> => {
    const ch = make(f64, Math.max(1, values.length))
    for (const v of values) ch.trySend(v)
    return ch
  }
  const all = async (merged: Receiving<number>): Promise<number[]> => {
    const got: number[] = []
    for await (const v of merged) got.push(v)
    return got
  }

  describe(`${name}: merge`, () => {
    for (const capacity of [0, 1, 10]) {
      test(`FAN-1 every value of every source, each source in its order (capacity ${capacity})`, async () => {
        const sources = range(4).map(() => make(f64, capacity))
        const sending = sources.map(async (ch, source) => {
          for (const i of range(100)) await ch.send(source * 1000 + i)
          ch.close()
        })
        const got = await all(merge(...sources))
        await Promise.all(sending)
        for (const source of range(4)) {
          const from = got.filter((v) => Math.floor(v / 1000) === source)
          expect(from).toEqual(range(100).map((i) => source * 1000 + i))
        }
        expect(got.length).toBe(400)
      })
    }

    test('FAN-1 it ends only when the last source is closed and drained', async () => {
      const [a, b] = [make(f64), filled(1, 2)]
      const merged = merge(a, b.receiver)
      b.close()
      expect(await merged.next()).toEqual({ value: 1, done: false })
      expect(merged.tryNext()).toEqual({ value: 2, done: false })
      expect(merged.tryNext()).toBe(undefined)
      const waiting = merged.next()
      await expectPending(waiting)
      a.close()
      expect(await waiting).toEqual(END)
      for (const _ of range(3))
        expect([await merged.next(), merged.tryNext(), merged.nextSync()]).toEqual([END, END, END])
    })

    test('FAN-2 of nothing, it is closed from the start', async () => {
      const merged = merge<number>()
      expect([await merged.next(), merged.tryNext(), merged.nextSync()]).toEqual([END, END, END])
      expect([await merged.receive(), merged.tryReceive(), merged.receiveSync()]).toEqual([
        undefined,
        undefined,
        undefined,
      ])
      expect([await all(merged), [...merged.sync()], [...merged.available()]]).toEqual([[], [], []])
    })

    test('FAN-2 closed sources are skipped, one that never is ready keeps it open', async () => {
      const closed = make(f64)
      closed.close()
      expect(await all(merge(closed, closed))).toEqual([])
      const merged = merge<number>(closed, never, filled(5))
      expect(await merged.receive()).toBe(5)
      expect(merged.tryNext()).toBe(undefined)
      expect((await rejection(merged.next({ timeout: 20 }))).code).toBe('ERR_TIMEOUT')
    })

    test('FAN-1 the same source twice is one source', async () => {
      const ch = filled(1, 2, 3)
      ch.close()
      expect(await all(merge(ch, ch))).toEqual([1, 2, 3])
    })

    test('FAN-4 sources that are always ready each get at least half of their share', () => {
      const count = 10_000
      const sources = range(4).map((source) => {
        const ch = make(f64, count)
        for (let i = 0; i < count; i++) ch.trySend(source)
        return ch
      })
      const tally = [0, 0, 0, 0]
      const merged = merge(...sources)
      for (const _ of range(count)) (tally[merged.tryReceive() as number] as number)++
      for (const n of tally) expect(n).toBeGreaterThan(count / 8)
    })

    test('ITER-2 FAN-6 leaving a loop loses no value and leaves nobody behind', async () => {
      const [a, b] = [filled(...range(5)), make(f64)]
      const merged = merge(a, b)
      for await (const v of merged) {
        expect(v).toBe(0)
        break
      }
      for (const v of merged.sync()) {
        expect(v).toBe(1)
        break
      }
      await macrotask()
      expect([a.length, b.trySend(9)]).toEqual([3, false])
      expect([...merged.available()]).toEqual([2, 3, 4])
      const stop = new AbortController()
      const waiting = rejection(merged.receive({ signal: stop.signal }))
      await macrotask()
      stop.abort('enough')
      expect(await waiting).toBe('enough')
      expect(b.trySend(9)).toBe(false)
      expect(a.trySend(6)).toBe(true)
      expect(await merged.receive({ timeout: 0 })).toBe(6)
    })

    test('SEL-4 SEL-6 it is a case of select like any other', async () => {
      const [a, b, c] = [make(f64), make(f64), make(f64)]
      const merged = merge(a, b)
      expect(trySelect({ merged: recv(merged), c: recv(c) })).toBe(undefined)
      for (const ch of [a, b]) {
        const waiting = select({ merged: recv(merged), c: recv(c) })
        await macrotask()
        expect(ch.trySend(4)).toBe(true)
        expect(await waiting).toEqual({ case: 'merged', value: 4, done: false })
      }
      a.close()
      const waiting = select({ merged: recv(merged), c: recv(c) })
      await expectPending(waiting)
      b.close()
      expect(await waiting).toEqual({ case: 'merged', value: undefined, done: true })
      expect(c.trySend(1)).toBe(false)
    })

    test('merged channels can be merged', async () => {
      const sources = range(3).map((i) => filled(i))
      for (const ch of sources) ch.close()
      const [a, b, c] = sources as [Channel<number>, Channel<number>, Channel<number>]
      expect((await all(merge(merge(a, b), c))).sort()).toEqual([0, 1, 2])
    })

    test('FAN-3 several readers of one merged channel: each value goes to one', async () => {
      const sources = range(3).map(() => make(f64))
      const merged = merge(...sources)
      const readers = range(4).map(() => all(merged))
      await Promise.all(
        sources.map(async (ch, source) => {
          for (const i of range(50)) await ch.send(3 * i + source)
          ch.close()
        }),
      )
      expect((await Promise.all(readers)).flat().sort((a, b) => a - b)).toEqual(range(150))
    })

    test('FAN-7 sources in other threads, received here and by a blocking thread', async () => {
      const [there, here] = [range(3).map(() => make(f64)), range(3).map(() => make(f64, 4))]
      const handles = (channels: Channel<number>[]): object[] => channels.map((ch) => ch.handle)
      const count = 300
      const sending = elsewhere(
        'blocking',
        ({ open }, there, here, count) => {
          const [a, b] = [there.map(open), here.map(open)]
          for (let i = 0; i < count; i++) {
            a[i % a.length].sendSync(i)
            b[i % b.length].sendSync(i)
          }
          for (const ch of [...a, ...b]) ch.close()
        },
        ...([handles(there), handles(here), count] as const),
      )
      const receiving = elsewhere(
        'blocking',
        ({ open, millrace }, handles) => {
          const { merge } = millrace as unknown as { merge(...channels: object[]): { sync(): Iterable<number> } }
          return [...merge(...handles.map(open)).sync()]
        },
        handles(there),
      )
      const sorted = (values: number[]): number[] => values.sort((a, b) => a - b)
      expect(sorted(await all(merge(...here)))).toEqual(range(count))
      expect(sorted(await receiving)).toEqual(range(count))
      await sending
    })

    test.each([[1], ['ch'], [{}], [() => 1]])('merge(%o) is a TypeError', (what) => {
      expect(thrown(() => merge(what as never))).toBeInstanceOf(TypeError)
    })
  })
}
