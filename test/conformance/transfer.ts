// SEND: sending and receiving that waits.

import { f64, type TimeoutError } from 'millrace'
import { describe, expect, test } from 'vitest'
import { elapsed, expectPending, parkedMeter, rejection, retry, same, sleep, thrown } from '../support/probe.js'
import { rounds } from '../support/settings.js'
import { here, placements } from '../support/threads.js'
import type { Subject } from './subject.js'

export function transfer({ name, capacities, arena, kits, make, gate }: Subject): void {
  describe(`${name}: send and receive`, () => {
    for (const { codec, value, name } of kits) {
      test(`SEND-1 ${name}: receiving from an empty channel waits for a value`, async () => {
        const channels = capacities.map((capacity) => make(codec as typeof f64, capacity))
        const receives = channels.map((ch) => ch.receive())
        const nexts = channels.map((ch) => ch.next())
        await expectPending(...receives, ...nexts)
        for (const ch of channels) {
          await ch.send(value(1) as number)
          await ch.send(value(0) as number)
        }
        expect(await Promise.all(receives)).toEqual(channels.map(() => value(1)))
        expect(await Promise.all(nexts)).toEqual(channels.map(() => ({ value: value(0), done: false })))
      })

      test(`SEND-3 ${name}: sending on a full channel waits for a receive`, async () => {
        const channels = capacities.map((capacity) => make(codec as typeof f64, capacity))
        const sends: Promise<void>[] = []
        for (const ch of channels) {
          for (let i = 0; i < ch.capacity; i++) await ch.send(value(0) as number)
          sends.push(ch.send(value(1) as number))
        }
        await expectPending(...sends)
        for (const [i, ch] of channels.entries()) {
          expect(ch.length).toBe(ch.capacity)
          // At capacity 0 the sender that waits is the only one that there is.
          expect(ch.tryNext()).toEqual({ value: value(ch.capacity === 0 ? 1 : 0), done: false })
          await sends[i]
          expect(ch.length).toBe(ch.capacity)
        }
        for (const ch of channels) if (ch.capacity > 0) expect([...ch.available()].at(-1)).toEqual(value(1))
      })
    }

    for (const { name, left, right } of placements) {
      test(`SEND-1 SEND-3 who waits is woken by the other side (${name})`, async () => {
        const ch = make(f64, 2)
        const parked = parkedMeter(arena)
        const receiving = left(({ open, io }, handle) => io.receive(open(handle)), ch.handle)
        await parked(1)
        await right(({ open, io }, handle) => io.send(open(handle), 7), ch.handle)
        expect(await receiving).toBe(7)
        ch.trySend(1)
        ch.trySend(2)
        const sending = left(({ open, io }, handle) => io.send(open(handle), 3), ch.handle)
        await parked(1)
        expect(await right(({ open, io }, handle) => io.receive(open(handle)), ch.handle)).toBe(1)
        await sending
        expect([ch.tryReceive(), ch.tryReceive(), ch.tryReceive()]).toEqual([2, 3, undefined])
      })

      test(`SEND-2 two waiting receivers get one of two values each (${name})`, async () => {
        const ch = make(f64, 1)
        const parked = parkedMeter(arena)
        const receivers = [left, right].map((run) => run(({ open, io }, handle) => io.receive(open(handle)), ch.handle))
        await parked(2)
        await ch.send(1)
        await ch.send(2)
        expect((await Promise.all(receivers)).sort()).toEqual([1, 2])
        expect(ch.length).toBe(0)
      })

      test(`SEND-4 sending with room needs no receiver (${name})`, async () => {
        for (const capacity of capacities) {
          const ch = make(f64, capacity)
          await left(
            async ({ open, io }, handle, capacity) => {
              for (let i = 0; i < capacity; i++) await io.send(open(handle), i)
            },
            ch.handle,
            capacity,
          )
          expect(ch.length).toBe(capacity)
          expect([...ch.available()]).toEqual(Array.from({ length: capacity }, (_, i) => i))
        }
      })
    }

    for (const { codec, edges, name: codecName } of kits) {
      for (const { name, left, right } of placements.filter((each) => each.name !== 'two workers, async')) {
        test(`SEND-7 SEND-8 ${codecName}: values arrive unchanged, falsy ones too (${name})`, async () => {
          for (const capacity of [1, 3]) {
            const ch = make(codec as typeof f64, capacity)
            const receiving = right(async ({ open, io }, handle) => {
              const ch = open(handle)
              const got: unknown[] = []
              for (let next = await io.next(ch); !next.done; next = await io.next(ch)) got.push(next.value)
              return got
            }, ch.handle)
            await left(
              async ({ open, io }, handle, values) => {
                const ch = open(handle)
                for (const value of values) await io.send(ch, value)
                for (const value of values) if (!ch.trySend(value)) await io.send(ch, value)
                ch.close()
              },
              ch.handle,
              edges as unknown[],
            )
            const got = await receiving
            expect(got).toEqual([...edges, ...edges])
            for (const [i, value] of got.entries()) expect(same(edges[i % edges.length], value)).toBe(true)
          }
        })
      }

      test(`SEND-7 ${codecName}: values pass unchanged through every pair of forms`, async () => {
        const forms = ['send', 'sendSync', 'trySend'] as const
        const takes = ['receive', 'receiveSync', 'tryReceive'] as const
        const nexts = ['next', 'nextSync', 'tryNext'] as const
        const ch = make(codec as typeof f64, 2)
        for (const value of edges as number[]) {
          for (const send of forms) {
            for (const take of takes) {
              await ch[send](value)
              expect(same(await ch[take](), value)).toBe(true)
            }
            for (const next of nexts) {
              await ch[send](value)
              const got = await ch[next]()
              expect(got?.done).toBe(false)
              expect(same(got?.value, value)).toBe(true)
            }
            // To a receiver that already waits.
            const waiting = ch.next()
            await ch[send](value)
            expect(same((await waiting).value, value)).toBe(true)
            // From a sender that waits.
            ch.trySend(value)
            ch.trySend(value)
            const parked = ch.send(value)
            ch.tryReceive()
            ch.tryReceive()
            await parked
            expect(same(ch.tryNext()?.value, value)).toBe(true)
          }
        }
      })
    }

    for (const { name, left } of placements) {
      test(`SEND-10 a receive that timed out has not happened (${name})`, async () => {
        const ch = make(f64, 1)
        const outcome = await left(async ({ open, io }, handle) => {
          const start = performance.now()
          try {
            await io.receive(open(handle), { timeout: 30 })
            return 'received'
          } catch (error) {
            const { name, code, message } = error as TimeoutError
            return { name, code, message, late: performance.now() - start >= 30 }
          }
        }, ch.handle)
        expect(outcome).toEqual({
          name: 'TimeoutError',
          code: 'ERR_TIMEOUT',
          message: expect.stringContaining('30 ms'),
          late: true,
        })
        await ch.send(5)
        expect(ch.length).toBe(1)
        expect(await ch.receive()).toBe(5)
      })

      test(`SEND-11 a send that timed out has not happened (${name})`, async () => {
        const ch = make(f64, 2)
        ch.trySend(1)
        ch.trySend(2)
        const outcome = await left(async ({ open, io }, handle) => {
          const start = performance.now()
          try {
            await io.send(open(handle), 3, { timeout: 30 })
            return 'sent'
          } catch (error) {
            return { code: (error as TimeoutError).code, late: performance.now() - start >= 30 }
          }
        }, ch.handle)
        expect(outcome).toEqual({ code: 'ERR_TIMEOUT', late: true })
        expect([ch.tryReceive(), ch.tryReceive(), ch.tryReceive()]).toEqual([1, 2, undefined])
        expect(ch.trySend(4)).toBe(true)
        expect(ch.tryReceive()).toBe(4)
      })
    }

    test.each([[0], [-1], [Number.NEGATIVE_INFINITY], [-0]])(
      'SEND-12 a timeout of %d still tries once',
      async (timeout) => {
        const ch = make(f64, 1)
        for (const call of [() => ch.receiveSync({ timeout }), () => ch.nextSync({ timeout })])
          expect(thrown(call).code).toBe('ERR_TIMEOUT')
        expect((await rejection(ch.receive({ timeout }))).code).toBe('ERR_TIMEOUT')
        expect((await rejection(ch.next({ timeout }))).code).toBe('ERR_TIMEOUT')
        await ch.send(1, { timeout })
        expect((await rejection(ch.send(2, { timeout }))).code).toBe('ERR_TIMEOUT')
        expect(thrown(() => ch.sendSync(2, { timeout })).code).toBe('ERR_TIMEOUT')
        expect(await ch.receive({ timeout })).toBe(1)
        ch.sendSync(3, { timeout })
        expect(ch.receiveSync({ timeout })).toBe(3)
        expect(ch.length).toBe(0)
      },
    )

    for (const { name, left } of placements) {
      test(`SEND-13 a closed, drained channel ends a receive at once, whatever its timeout (${name})`, async () => {
        const ch = make(f64, 1)
        ch.close()
        for (const timeout of [0, 1, 60_000]) {
          const took = await elapsed(async () => {
            expect(
              await left(({ open, io }, handle, timeout) => io.next(open(handle), { timeout }), ch.handle, timeout),
            ).toEqual({
              value: undefined,
              done: true,
            })
          })
          expect(took).toBeLessThan(20_000)
        }
      })

      test(`SEND-14 a slow receiver gets all that was sent before the close (${name})`, async () => {
        const ch = make(f64, 100)
        const parked = parkedMeter(arena)
        const receiving = left(async ({ open, io, sleep }, handle) => {
          const ch = open(handle)
          const got: unknown[] = []
          for (let i = 0; i < 4; i++) {
            got.push(await io.receive(ch))
            await sleep(20)
          }
          return got
        }, ch.handle)
        await parked(1)
        for (const v of [7, 8, 9]) ch.sendSync(v)
        ch.close()
        expect(await receiving).toEqual([7, 8, 9, undefined])
      })

      test(`SEND-18 value, timeout, value on one receiver (${name})`, async () => {
        const ch = make(f64, 1)
        const ready = gate()
        const receiving = left(
          async ({ open, io, sleep }, handle, gate) => {
            const [ch, ready] = [open(handle), open(gate)]
            const first = await io.receive(ch, { timeout: 10_000 })
            const start = performance.now()
            let timeouts = 0
            try {
              await io.receive(ch, { timeout: 1 })
            } catch {
              timeouts++
            }
            const late = performance.now() - start >= 1
            ready.store(1)
            await sleep(0)
            return [first, timeouts, late, await io.receive(ch, { timeout: 10_000 })]
          },
          ch.handle,
          ready.handle,
        )
        await ch.send(1)
        while (ready.load() === 0) await sleep(1)
        await ch.send(2)
        expect(await receiving).toEqual([1, 1, true, 2])
      })
    }

    for (const { name, left, right } of placements) {
      test(`SEND-15 timeouts that race with hand-offs lose and double nothing (${name})`, async () => {
        const ch = make(f64, 2)
        const count = rounds(60)
        const receiving = right(
          async ({ open, io, sleep, sleepSync }, handle, count) => {
            const ch = open(handle)
            const got: number[] = []
            for (let i = 0; i < count; i++) {
              if (i % 8 === 0) await sleep(8)
              for (;;) {
                try {
                  got.push(await io.receive(ch, { timeout: 1 + (i % 3) }))
                  break
                } catch (error) {
                  if ((error as { code: string }).code !== 'ERR_TIMEOUT') throw error
                }
              }
            }
            sleepSync(0)
            return got
          },
          ch.handle,
          count,
        )
        await left(
          async ({ open, io, sleep }, handle, count) => {
            const ch = open(handle)
            for (let i = 0; i < count; i++) {
              if (i % 8 === 4) await sleep(8)
              for (;;) {
                try {
                  await io.send(ch, i, { timeout: 1 + (i % 3) })
                  break
                } catch (error) {
                  if ((error as { code: string }).code !== 'ERR_TIMEOUT') throw error
                }
              }
            }
          },
          ch.handle,
          count,
        )
        expect(await receiving).toEqual(Array.from({ length: count }, (_, i) => i))
        expect(ch.length).toBe(0)
      })
    }

    for (const { name, left, right } of placements.filter((each) => each.name !== 'one thread')) {
      test(`SEND-16 a receiver with a timeout of 1 ms gets every message (${name})`, async () => {
        const ch = make(f64, 1)
        const count = rounds(5000)
        const receiving = right(async ({ open, io }, handle) => {
          const ch = open(handle)
          let expected = 0
          for (;;) {
            try {
              const next = await io.next(ch, { timeout: 1 })
              if (next.done) return expected
              if (next.value !== expected) return `got ${next.value} for ${expected}`
              expected++
            } catch (error) {
              if ((error as { code: string }).code !== 'ERR_TIMEOUT') throw error
            }
          }
        }, ch.handle)
        await left(
          async ({ open, io, sleep }, handle, count) => {
            const ch = open(handle)
            for (let i = 0; i < count; i++) {
              await io.send(ch, i)
              if (i % 1000 === 500) await sleep(5)
            }
            ch.close()
          },
          ch.handle,
          count,
        )
        expect(await receiving).toBe(count)
      })
    }

    test('SEND-1 a blocked main thread is woken by a worker', async () => {
      const ch = make(f64, 1)
      await retry(async () => {
        const { spawn } = await import('../support/threads.js')
        const worker = spawn(({ open, sleepSync }, handle) => {
          sleepSync(50)
          open(handle).sendSync(4)
        }, ch.handle)
        // The worker starts without this thread's help once it has its message.
        await sleep(0)
        expect(
          await here('blocking', ({ open, io }, handle) => io.receive(open(handle), { timeout: 20_000 }), ch.handle),
        ).toBe(4)
        await worker.ended
      })
    })
  })
}
