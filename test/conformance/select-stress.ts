// SEL under load: many threads, many selects, and whether each value arrived once and everybody came to an end.

import { type Channel, f64 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { rounds } from '../support/settings.js'
import { elsewhere, here, placements } from '../support/threads.js'
import type { SharedSelectSubject } from './subject.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const sorted = (values: number[]): number[] => [...values].sort((a, b) => a - b)
const handlesOf = (channels: Channel<number>[]): Channel<number>['handle'][] => channels.map((ch) => ch.handle)

export function selectStress({ name, make }: SharedSelectSubject): void {
  describe(`${name}: select under load`, () => {
    for (const capacity of [0, 2]) {
      test(`SEL-1 a select sends each value on one of four channels (capacity ${capacity})`, async () => {
        const channels = range(4).map(() => make(f64, capacity))
        const count = rounds(4000)
        // Two threads of two tasks each, of which one blocks, so that all four channels are wanted at all times.
        const muxes = range(4).map((i) =>
          (i === 3 ? here : elsewhere)(
            i === 3 ? 'async' : 'blocking',
            async ({ open, io }, handle) => {
              const got: number[] = []
              for await (const v of io.values(open(handle))) got.push(v)
              return got
            },
            channels[i]?.handle,
          ),
        )
        await elsewhere(
          'blocking',
          ({ open, io, send }, handles, count) => {
            const [a, b, c, d] = handles.map(open)
            for (let i = 0; i < count; i++) io.select({ a: send(a, i), b: send(b, i), c: send(c, i), d: send(d, i) })
            for (const ch of [a, b, c, d]) ch.close()
          },
          handlesOf(channels),
          count,
        )
        const got = await Promise.all(muxes)
        for (const each of got) expect(each).toEqual(sorted(each))
        expect(sorted(got.flat())).toEqual(range(count))
      })
    }

    for (const capacity of [0, 10]) {
      for (const { name, left, right } of placements) {
        test(`SEL-17 both sides send and receive on one channel of capacity ${capacity} (${name})`, async () => {
          const ch = make(f64, capacity)
          const own = await Promise.all(
            [left, right].map((run, me) =>
              run(
                async ({ open, io, recv, send }, handle, me, count) => {
                  const ch = open(handle)
                  let own = 0
                  for (let i = 0; i < count; i++) {
                    const hit = await io.select({ in: recv(ch), out: send(ch, me) }, { timeout: 20_000 })
                    if (hit.case === 'in' && hit.value === me) own++
                  }
                  return own
                },
                ch.handle,
                me,
                rounds(500),
              ),
            ),
          )
          if (capacity === 0) expect(own).toEqual([0, 0])
        })
      }
    }

    test('SEL-50 {a, b} here and {b, a} there, in four threads: nobody is stuck', async () => {
      const [a, b] = [make(f64), make(f64)]
      const count = rounds(1500)
      const tallies = await Promise.all(
        range(4).map((who) =>
          elsewhere(
            'blocking',
            ({ open, io, recv, send }, a, b, who, count) => {
              const [x, y] = [open(a), open(b)]
              const tally = { sent: 0, received: 0, sum: 0 }
              for (let i = 0; i < count; i++) {
                const value = who * 1000 + (i % 7)
                // Two of one kind and two of the other: each pairs with the other kind only, so all come to an end.
                const cases =
                  who % 2 ? { out: send(x, value), in: recv(y) } : { out: send(y, value), in: recv(x), off: null }
                const hit = io.select(cases, { timeout: 20_000 })
                if (hit.case === 'out') {
                  tally.sent++
                  tally.sum += value
                } else {
                  tally.received++
                  tally.sum -= hit.value
                  if (Math.floor(hit.value / 1000) % 2 === who % 2) throw new Error(`got ${hit.value}`)
                }
              }
              return tally
            },
            ...([a.handle, b.handle, who, count] as const),
          ),
        ),
      )
      const total = (key: 'sent' | 'received' | 'sum'): number => tallies.reduce((sum, each) => sum + each[key], 0)
      expect([total('sent'), total('received'), total('sum')]).toEqual([2 * count, 2 * count, 0])
    })

    test('SEL-50 selects over many channels in random orders, senders and receivers in six threads', async () => {
      const channels = range(5).map((i) => make(f64, i % 3))
      const count = rounds(500)
      const receivers = range(3).map((seed) =>
        elsewhere(
          'blocking',
          ({ open, io, recv, randomFrom }, handles, seed) => {
            const [list, rng] = [handles.map(open), randomFrom(seed)]
            const closed = new Set<string>()
            const got: number[] = []
            while (closed.size < list.length) {
              const order = list.map((ch, i) => [`c${i}`, recv(ch)] as const).sort(() => rng.next() - 0.5)
              const hit = io.select(Object.fromEntries(order.filter(([key]) => !closed.has(key))))
              if (hit.done) closed.add(hit.case)
              else got.push(hit.value)
            }
            return got
          },
          handlesOf(channels),
          seed,
        ),
      )
      await Promise.all(
        range(3).map((seed) =>
          elsewhere(
            'blocking',
            ({ open, io, send, randomFrom }, handles, seed, count) => {
              const [list, rng] = [handles.map(open), randomFrom(seed + 10)]
              for (let i = 0; i < count; i++) {
                const some = list.filter(() => rng.below(2))
                if (some.length === 0) some.push(list[0])
                io.select(Object.fromEntries(some.map((ch, k) => [`c${k}`, send(ch, 3 * i + seed)])))
              }
            },
            handlesOf(channels),
            seed,
            count,
          ),
        ),
      )
      for (const ch of channels) ch.close()
      expect(sorted((await Promise.all(receivers)).flat())).toEqual(range(3 * count))
    })

    for (const form of ['receives', 'sends', 'both'] as const) {
      test(`SEL-43 round by round, each value once on each channel (${form})`, async () => {
        const channels = form === 'receives' ? [make(f64, 100), make(f64, 5)] : [make(f64), make(f64)]
        const ack = make(f64, 1)
        const count = rounds(500)
        const partners = channels.map((ch, i) =>
          elsewhere(
            'blocking',
            ({ open }, handle, count, sends) => {
              const ch = open(handle)
              let bad = 0
              for (let i = 0; i < count; i++) {
                if (sends) ch.sendSync(i)
                else if (ch.receiveSync() !== i) bad++
              }
              return bad
            },
            ...([ch.handle, count, form === 'receives' || (form === 'both' && i === 0)] as const),
          ),
        )
        const bad = await elsewhere(
          'blocking',
          ({ open, io, recv, send }, handles, ack, form, count) => {
            const [a, b] = handles.map(open)
            const done = open(ack)
            let bad = 0
            for (let i = 0; i < count; i++) {
              const left = new Set(['a', 'b'])
              while (left.size > 0) {
                const hit = io.select({
                  a: left.has('a') ? (form === 'sends' ? send(a, i) : recv(a)) : null,
                  b: left.has('b') ? (form === 'receives' ? recv(b) : send(b, i)) : null,
                })
                if (hit.value !== undefined && hit.value !== i) bad++
                left.delete(hit.case)
              }
              done.sendSync(i)
              if (done.receiveSync() !== i) bad++
            }
            return bad
          },
          ...([handlesOf(channels), ack.handle, form, count] as const),
        )
        expect([bad, ...(await Promise.all(partners))]).toEqual([0, 0, 0])
      })
    }

    for (const { name, left, right } of placements.filter((each) => each.name !== 'one thread')) {
      test(`SEL-41 timeouts that race with hand-offs in select lose and double nothing (${name})`, async () => {
        for (const capacity of [0, 2]) {
          const [ch, quiet] = [make(f64, capacity), make(f64)]
          const count = rounds(150)
          const receiving = right(
            async ({ open, io, recv }, handle, quiet) => {
              const [ch, other] = [open(handle), open(quiet)]
              const got: number[] = []
              for (let round = 0; ; round++) {
                try {
                  const hit = await io.select({ other: recv(other), it: recv(ch) }, { timeout: 1 + (round % 2) })
                  if (hit.done) return got
                  got.push(hit.value)
                } catch (error) {
                  if ((error as { code: string }).code !== 'ERR_TIMEOUT') throw error
                }
              }
            },
            ...([ch.handle, quiet.handle] as const),
          )
          await left(
            async ({ open, io, recv, send, sleep }, handle, quiet, count) => {
              const [ch, other] = [open(handle), open(quiet)]
              for (let i = 0; i < count; ) {
                try {
                  await io.select({ it: send(ch, i), other: recv(other) }, { timeout: 1 + (i % 3) })
                  if (++i % 20 === 10) await sleep(4)
                } catch (error) {
                  if ((error as { code: string }).code !== 'ERR_TIMEOUT') throw error
                }
              }
              ch.close()
            },
            ...([ch.handle, quiet.handle, count] as const),
          )
          expect(await receiving).toEqual(range(count))
          expect([quiet.trySend(1), quiet.tryNext()]).toEqual([false, undefined])
        }
      })
    }
  })
}
