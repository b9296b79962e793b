// Capacity 0 between threads, and by blocking calls.

import { f64, open, u32 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { expectPending, parkedMeter, same, sleep, thrown } from '../support/probe.js'
import { rounds } from '../support/settings.js'
import { elsewhere, here, placements } from '../support/threads.js'
import type { SharedSelectSubject } from './subject.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function rendezvousThreads({ name, kits, numbers, arena, make, gate }: SharedSelectSubject): void {
  describe(`${name}: capacity 0 between threads`, () => {
    test('CHAN-2 CHAN-8 CHAN-12 views and other handles say the same', async () => {
      const ch = make(f64)
      const all = [ch, ch.sender, ch.receiver, open(ch.handle)]
      const numbers = (): number[][] => all.map((each) => [each.length, each.capacity])
      expect(numbers()).toEqual(all.map(() => [0, 0]))
      const parked = parkedMeter(arena)
      const sending = elsewhere('blocking', ({ open }, handle) => open(handle).sendSync(1), ch.handle)
      await parked(1)
      expect(numbers()).toEqual(all.map(() => [0, 0]))
      for (const each of all) expect(each.equals(ch)).toBe(true)
      expect(ch.receiveSync()).toBe(1)
      await sending
      expect(make(f64).equals(ch)).toBe(false)
    })

    for (const codec of numbers) {
      test(`CHAN-10 FIFO-10 ${codec.name}: messages in order, and nobody ever sees a length but 0`, async () => {
        const ch = make(codec)
        const count = rounds(10_000)
        const receiving = elsewhere(
          'blocking',
          ({ open }, handle) => {
            const ch = open(handle)
            let [bad, next] = [0, 0]
            for (const v of ch.sync()) if (v !== next++ || ch.length !== 0) bad++
            return [bad, next]
          },
          ch.handle,
        )
        const sent = await elsewhere(
          'blocking',
          ({ open }, handle, count) => {
            const ch = open(handle)
            let bad = 0
            for (let i = 0; i < count; i++) {
              ch.sendSync(i)
              if (ch.length !== 0) bad++
            }
            ch.close()
            return bad
          },
          ch.handle,
          count,
        )
        expect(sent).toBe(0)
        expect(await receiving).toEqual([0, count])
      })
    }

    for (const { name, left, right } of placements) {
      test(`SEND-5 a send completes only when its value has been received (${name})`, async () => {
        const ch = make(f64)
        const done = gate()
        const parked = parkedMeter(arena)
        const sending = left(
          async ({ open, io }, handle, gate) => {
            await io.send(open(handle), 7)
            open(gate).store(1)
          },
          ch.handle,
          done.handle,
        )
        await parked(1)
        await expectPending(sending)
        expect(done.load()).toBe(0)
        expect(await right(({ open, io }, handle) => io.receive(open(handle)), ch.handle)).toBe(7)
        await sending
        expect(done.load()).toBe(1)
      })

      test(`SEND-6 the receiver may come first (${name})`, async () => {
        const ch = make(f64)
        const parked = parkedMeter(arena)
        const receiving = left(({ open, io }, handle) => io.next(open(handle)), ch.handle)
        await parked(1)
        await right(({ open, io }, handle) => io.send(open(handle), 7), ch.handle)
        expect(await receiving).toEqual({ value: 7, done: false })
      })

      test(`SEND-10 SEND-11 who timed out is gone (${name})`, async () => {
        const ch = make(f64)
        const outcome = await left(async ({ open, io }, handle) => {
          const ch = open(handle)
          const said: unknown[] = []
          for (const wait of [() => io.receive(ch, { timeout: 20 }), () => io.send(ch, 1, { timeout: 20 })]) {
            const start = performance.now()
            try {
              await wait()
            } catch (error) {
              said.push((error as { code: string }).code, performance.now() - start >= 20)
            }
          }
          return said
        }, ch.handle)
        expect(outcome).toEqual(['ERR_TIMEOUT', true, 'ERR_TIMEOUT', true])
        expect([ch.trySend(1), ch.tryNext()]).toEqual([false, undefined])
      })

      test(`NB-4 tries to send succeed once a receiver waits, and it gets that value (${name})`, async () => {
        const ch = make(f64)
        expect(ch.trySend(-1)).toBe(false)
        const receiving = left(({ open, io }, handle) => io.receive(open(handle)), ch.handle)
        const tries = await right(async ({ open, sleep }, handle) => {
          const ch = open(handle)
          for (let tries = 1; ; tries++) {
            if (ch.trySend(tries)) return tries
            await sleep(1)
          }
        }, ch.handle)
        expect(await receiving).toBe(tries)
        expect(ch.trySend(-1)).toBe(false)
      })

      test(`NB-5 tries to receive succeed once a sender waits, and it goes on then (${name})`, async () => {
        const ch = make(f64)
        const sending = left(({ open, io }, handle) => io.send(open(handle), 5), ch.handle)
        const got = await right(async ({ open, sleep }, handle) => {
          for (;;) {
            const next = open(handle).tryNext()
            if (next) return next
            await sleep(1)
          }
        }, ch.handle)
        expect(got).toEqual({ value: 5, done: false })
        await sending
        expect(ch.tryNext()).toBe(undefined)
      })
    }

    for (const { codec, edges, name: codecName } of kits) {
      test(`SEND-7 SEND-8 ${codecName}: values arrive unchanged in another thread, falsy ones too`, async () => {
        const [there, back] = [make(codec as typeof f64), make(codec as typeof f64)]
        const echoing = elsewhere(
          'blocking',
          ({ open }, there, back) => {
            const [into, out] = [open(there), open(back)]
            for (;;) {
              const next = into.nextSync()
              if (next.done) return out.close()
              out.sendSync(next.value)
            }
          },
          there.handle,
          back.handle,
        )
        for (const value of edges as number[]) {
          await there.send(value)
          const next = await back.next({ timeout: 20_000 })
          expect([next.done, same(next.value, value)]).toEqual([false, true])
        }
        there.close()
        expect((await back.next()).done).toBe(true)
        await echoing
      })
    }

    test('SEND-3 SEND-12 blocking calls on one thread: what nobody answers times out, what somebody offered is taken', async () => {
      const ch = make(f64)
      for (const timeout of [0, -1, 5]) {
        expect(thrown(() => ch.sendSync(1, { timeout })).code).toBe('ERR_TIMEOUT')
        expect(thrown(() => ch.receiveSync({ timeout })).code).toBe('ERR_TIMEOUT')
        expect(thrown(() => ch.nextSync({ timeout })).code).toBe('ERR_TIMEOUT')
      }
      const sending = [ch.send(1), ch.send(2)]
      expect([ch.receiveSync(), ch.nextSync({ timeout: 0 })]).toEqual([1, { value: 2, done: false }])
      await Promise.all(sending)
      const receiving = ch.receive()
      ch.sendSync(3, { timeout: 0 })
      expect(await receiving).toBe(3)
    })

    for (const [where, run] of Object.entries({ 'tasks of one thread': here, workers: elsewhere })) {
      const style = run === here ? 'async' : 'blocking'
      test(`FIFO-7 senders that wait are served as they came, and complete in that order (${where})`, async () => {
        const ch = make(f64)
        const parked = parkedMeter(arena)
        const order: number[] = []
        const senders: Promise<unknown>[] = []
        for (const i of range(3)) {
          const sending = run(style, ({ open, io }, handle, i) => io.send(open(handle), i), ch.handle, i)
          senders.push(sending.then(() => order.push(i)))
          await parked(i + 1)
        }
        for (const i of range(3)) {
          expect(ch.tryReceive()).toBe(i)
          await senders[i]
        }
        expect(order).toEqual([0, 1, 2])
      })

      test(`FIFO-2 receivers that each wait for the one before (${where})`, async () => {
        const ch = make(u32)
        const turn = gate()
        const receivers = range(4).map((i) =>
          run(
            style,
            async ({ open, io, sleep }, handle, turn, i) => {
              const [ch, gate] = [open(handle), open(turn)]
              while (gate.load() !== i) await sleep(1)
              const value = await io.receive(ch)
              gate.add(1)
              return value
            },
            ch.handle,
            turn.handle,
            i,
          ),
        )
        for (const i of range(4)) await ch.send(i)
        expect(await Promise.all(receivers)).toEqual(range(4))
      })
    }

    for (const { name, left, right } of placements.filter((each) => each.name !== 'one thread')) {
      test(`SEND-15 SEND-16 timeouts that race with hand-offs lose and double nothing (${name})`, async () => {
        const ch = make(f64)
        const count = rounds(500)
        const receiving = right(async ({ open, io }, handle) => {
          const ch = open(handle)
          let [expected, timeouts] = [0, 0]
          for (;;) {
            try {
              const next = await io.next(ch, { timeout: (timeouts % 3) / 2 })
              if (next.done) return [expected, timeouts > 0]
              if (next.value !== expected++) return `got ${next.value} for ${expected - 1}`
            } catch (error) {
              if ((error as { code: string }).code !== 'ERR_TIMEOUT') throw error
              // A try that does not wait gives way, or an event loop would never turn.
              if (++timeouts % 3 === 1) await new Promise((resolve) => setImmediate(resolve))
            }
          }
        }, ch.handle)
        await left(
          async ({ open, io, sleep }, handle, count) => {
            const ch = open(handle)
            for (let i = 0; i < count; ) {
              try {
                await io.send(ch, i, { timeout: 1 + (i % 3) })
                if (++i % 100 === 50) await sleep(5)
              } catch (error) {
                if ((error as { code: string }).code !== 'ERR_TIMEOUT') throw error
              }
            }
            ch.close()
          },
          ch.handle,
          count,
        )
        expect(await receiving).toEqual([count, true])
      })
    }

    test('FIFO-13 request and response, requests by trying', async () => {
      const [requests, responses] = [make(u32), make(u32, 1)]
      const count = rounds(500)
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
        while (!requests.trySend(i)) {
          for (const v of responses.available()) expect(v).toBe(next++)
          await sleep(0)
        }
      }
      requests.close()
      for await (const v of responses) expect(v).toBe(next++)
      expect(next - 1).toBe(count)
      await serving
    })
  })
}
