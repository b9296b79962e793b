// FIFO: order, delivery to exactly one, and who is served first.

import { type Channel, channel, f64, u32 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { expectPending, parkedMeter, rejection, smallBlocks } from '../support/probe.js'
import { rounds } from '../support/settings.js'
import { elsewhere, here, placements } from '../support/threads.js'
import type { Subject } from './subject.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function ordering({ name, capacities, arena, kits, numbers, make }: Subject): void {
  describe(`${name}: order and delivery`, () => {
    for (const { codec, value, name } of kits) {
      test(`FIFO-1 ${name}: first in, first out`, async () => {
        const ch = make(codec as typeof f64, 10)
        for (let i = 0; i < 10; i++) await ch.send(value(i) as number)
        for (let i = 0; i < 10; i++) expect(await ch.receive()).toEqual(value(i))
        // Round the ring a few times, with some left in it.
        for (let i = 0; i < 7; i++) ch.trySend(value(i) as number)
        for (let i = 7; i < 100; i++) {
          expect(ch.tryNext()).toEqual({ value: value(i - 7), done: false })
          ch.trySend(value(i) as number)
        }
      })
    }

    for (const codec of numbers) {
      for (const { name, left, right } of placements) {
        test(`FIFO-3 ${codec.name}: one producer, one consumer, all in order (${name})`, async () => {
          for (const capacity of capacities) {
            const ch = make(codec, capacity)
            const sending = left(async ({ open, io }, handle) => {
              const ch = open(handle)
              for (let i = 0; i < 200; i++) await io.send(ch, i)
            }, ch.handle)
            const got = await right(async ({ open, io }, handle) => {
              const ch = open(handle)
              const got: unknown[] = []
              for (let i = 0; i < 100; i++) got.push(await io.receive(ch))
              for (let i = 0; i < 100; i++) {
                const next = await io.next(ch)
                got.push(next.done ? 'done' : next.value)
              }
              return got
            }, ch.handle)
            expect(got).toEqual(range(200))
            await sending
          }
        })
      }
    }

    for (const codec of numbers) {
      for (const { name, left, right } of placements) {
        test(`FIFO-4 FIFO-9 ${codec.name}: four producers, four consumers: nothing lost, doubled or overtaken (${name})`, async () => {
          for (const capacity of capacities) {
            const ch = make(codec, capacity)
            const count = name === 'one thread' ? 100 : 300
            const senders = range(4).map((producer) =>
              left(
                async ({ open, io }, handle, producer, count) => {
                  const ch = open(handle)
                  for (let i = 0; i < count; i++) await io.send(ch, producer * 2 ** 20 + i)
                },
                ch.handle,
                producer,
                count,
              ),
            )
            const receivers = range(4).map(() =>
              right(
                async ({ open, io }, handle, count) => {
                  const ch = open(handle)
                  const got: number[] = []
                  for (let i = 0; i < count; i++) got.push(await io.receive(ch))
                  return got
                },
                ch.handle,
                count,
              ),
            )
            const got = await Promise.all(receivers)
            await Promise.all(senders)
            // Each consumer sees each producer's values in the order of sending.
            for (const each of got) {
              const last = [-1, -1, -1, -1]
              for (const v of each) {
                const producer = v >>> 20
                expect(v & 0xfffff).toBeGreaterThan(last[producer] as number)
                last[producer] = v & 0xfffff
              }
            }
            const histogram = new Map<number, number>()
            for (const v of got.flat()) histogram.set(v & 0xfffff, (histogram.get(v & 0xfffff) ?? 0) + 1)
            expect([...histogram.entries()].sort((a, b) => a[0] - b[0])).toEqual(range(count).map((i) => [i, 4]))
            expect(ch.length).toBe(0)
          }
        })
      }
    }

    for (const capacity of [1, 3]) {
      for (const [where, run] of Object.entries({ 'tasks of one thread': here, workers: elsewhere })) {
        const style = run === here ? 'async' : 'blocking'
        test(`FIFO-5 FIFO-7 capacity ${capacity}: what is in the buffer first, then waiting senders as they came (${where})`, async () => {
          const ch = make(f64, capacity)
          for (let i = 0; i < capacity; i++) ch.trySend(i)
          const parked = parkedMeter(arena)
          const order: number[] = []
          const senders: Promise<unknown>[] = []
          for (let i = 0; i < 3; i++) {
            const value = capacity + i
            const sending = run(style, ({ open, io }, handle, value) => io.send(open(handle), value), ch.handle, value)
            senders.push(sending.then(() => order.push(value)))
            await parked(i + 1)
          }
          expect(ch.length).toBe(capacity)
          for (let i = 0; i < 3; i++) {
            expect(ch.tryReceive()).toBe(i)
            // The oldest sender's value has taken the free place, and that sender wakes.
            expect(ch.length).toBe(capacity)
            await senders[i]
          }
          expect(order).toEqual([capacity, capacity + 1, capacity + 2])
          expect([...ch.available()]).toEqual(range(capacity).map((i) => i + 3))
        })
      }
    }

    for (const [where, run] of Object.entries({ 'tasks of one thread': here, workers: elsewhere })) {
      const style = run === here ? 'async' : 'blocking'
      test(`FIFO-6 waiting receivers are served as they came (${where})`, async () => {
        for (const capacity of [0, 3]) {
          const ch = make(f64, capacity)
          const parked = parkedMeter(arena)
          const receivers: Promise<unknown>[] = []
          for (let i = 0; i < 3; i++) {
            receivers.push(run(style, ({ open, io }, handle) => io.receive(open(handle)), ch.handle))
            await parked(i + 1)
          }
          for (let i = 1; i <= 3; i++) expect(ch.trySend(i)).toBe(true)
          expect(await Promise.all(receivers)).toEqual([1, 2, 3])
        }
      })

      test(`FIFO-8 nobody takes a value from the receiver that waited for it (${where})`, async () => {
        const channels = [make(f64, 0), make(f64, 3)]
        for (let round = 0; round < 40; round++) {
          const ch = channels[round % 2] as Channel<number>
          const parked = parkedMeter(arena)
          const receiving = run(style, ({ open, io }, handle) => io.receive(open(handle)), ch.handle)
          await parked(1)
          expect(ch.trySend(round)).toBe(true)
          expect(ch.tryReceive()).toBe(undefined)
          expect(ch.length).toBe(0)
          expect(await receiving).toBe(round)
        }
      })

      test(`FIFO-18 one send wakes one of many receivers (${where})`, async () => {
        const ch = make(f64, 4)
        const parked = parkedMeter(arena)
        const before = smallBlocks(arena)
        const receivers = range(4).map(() => run(style, ({ open, io }, handle) => io.receive(open(handle)), ch.handle))
        await parked(4)
        await ch.send(1)
        expect(await Promise.race(receivers)).toBe(1)
        await parked(3)
        const settled: unknown[] = []
        for (const each of receivers) void each.then((v) => settled.push(v))
        await expectPending(new Promise(() => {}))
        expect(settled).toEqual([1])
        expect(smallBlocks(arena) - before).toBe(3)
        for (const v of [2, 3, 4]) await ch.send(v)
        expect((await Promise.all(receivers)).sort()).toEqual([1, 2, 3, 4])
      })
    }

    for (const [codec, capacity] of numbers.flatMap((codec) =>
      [0, 3, 1000].map((capacity) => [codec, capacity] as const),
    )) {
      const count = rounds(capacity === 0 ? 20_000 : 100_000)
      test(`FIFO-10 ${codec.name}, capacity ${capacity}: ${count} messages between two threads arrive in order`, async () => {
        const ch = make(codec, capacity)
        const receiving = elsewhere(
          'blocking',
          ({ open }, handle) => {
            let expected = 0
            for (const v of open(handle).sync()) if (v !== expected++) return `got ${v} for ${expected - 1}`
            return expected
          },
          ch.handle,
        )
        await elsewhere(
          'blocking',
          ({ open }, handle, count) => {
            const ch = open(handle)
            for (let i = 0; i < count; i++) ch.sendSync(i)
            ch.close()
          },
          ch.handle,
          count,
        )
        expect(await receiving).toBe(count)
      })
    }

    for (const [codec, capacity] of numbers.flatMap((codec) => [0, 3].map((capacity) => [codec, capacity] as const))) {
      const count = rounds(capacity === 0 ? 3000 : 25_000)
      test(`FIFO-11 ${codec.name}: 4 + 4 threads × ${count} messages through capacity ${capacity}: each value four times`, async () => {
        const ch = make(codec, capacity)
        const receivers = range(4).map(() =>
          elsewhere(
            'blocking',
            ({ open }, handle, count) => {
              const seen = new Uint8Array(count)
              for (const v of open(handle).sync()) seen[v] = (seen[v] as number) + 1
              return seen
            },
            ch.handle,
            count,
          ),
        )
        await Promise.all(
          range(4).map(() =>
            elsewhere(
              'blocking',
              ({ open }, handle, count) => {
                const ch = open(handle)
                for (let i = 0; i < count; i++) ch.sendSync(i)
              },
              ch.handle,
              count,
            ),
          ),
        )
        ch.close()
        const seen = await Promise.all(receivers)
        for (let i = 0; i < count; i++) {
          const times = seen.reduce((sum, each) => sum + (each[i] as number), 0)
          if (times !== 4) expect({ value: i, times }).toEqual({ value: i, times: 4 })
        }
      })
    }

    test('FIFO-12 10,000 channels of one message each, between two threads', async () => {
      const pipe = make(u32, 1)
      const per = 500
      for (let round = 0; round < rounds(20); round++) {
        const channels: Channel<number>[] = range(per).map(() => channel(f64, { capacity: round % 2, arena }))
        const receiving = elsewhere(
          'blocking',
          ({ open }, handles, pipe) => {
            let sum = 0
            const go = open(pipe)
            for (const handle of handles) {
              go.receiveSync()
              sum += open(handle).receiveSync()
            }
            return sum
          },
          channels.map((ch) => ch.handle),
          pipe.handle,
        )
        for (const [i, ch] of channels.entries()) {
          await pipe.send(0)
          await ch.send(i)
        }
        expect(await receiving).toBe((per * (per - 1)) / 2)
        for (const ch of channels) ch.dispose()
      }
    })

    test('FIFO-13 request and response, with responses taken as they come', async () => {
      const [requests, responses] = [make(u32, 1), make(u32, 1)]
      const count = rounds(20_000)
      const serving = elsewhere(
        'blocking',
        ({ open }, requests, responses) => {
          const out = open(responses)
          for (const v of open(requests).sync()) out.sendSync(v + 1)
          out.close()
        },
        requests.handle,
        responses.handle,
      )
      let next = 1
      for (let i = 0; i < count; i++) {
        for (const v of responses.available()) expect(v).toBe(next++)
        if (requests.trySend(i)) continue
        await requests.send(i)
      }
      requests.close()
      for await (const v of responses) if (v !== next++) expect(v).toBe(next - 1)
      expect(next - 1).toBe(count)
      await serving
    })

    for (const codec of numbers) {
      test(`FIFO-14 ${codec.name}: who has just sent never finds the channel empty`, async () => {
        const ch = make(codec, 4)
        const failures = await Promise.all(
          range(4).map(() =>
            elsewhere(
              'blocking',
              ({ open }, handle, count) => {
                const ch = open(handle)
                let failures = 0
                for (let i = 0; i < count; i++) {
                  ch.sendSync(0)
                  if (ch.tryReceive() === undefined) failures++
                }
                return failures
              },
              ch.handle,
              rounds(25_000),
            ),
          ),
        )
        expect(failures).toEqual([0, 0, 0, 0])
        expect(ch.length).toBe(0)
      })
    }

    test('FIFO-19 abandoned receivers are out of the queue: the next value goes to the next live one', async () => {
      const ch = make(f64, 1)
      const stop = new AbortController()
      const abandoned = range(10).map((i) =>
        rejection(ch.receive(i % 2 === 0 ? { timeout: 5 } : { signal: stop.signal })),
      )
      const live = ch.receive()
      stop.abort()
      for (const error of await Promise.all(abandoned)) expect(['TimeoutError', 'AbortError']).toContain(error.name)
      await ch.send(6)
      expect(await live).toBe(6)
      expect(ch.length).toBe(0)
    })
  })
}
