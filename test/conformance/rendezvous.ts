// Capacity 0 among the tasks of one event loop: CHAN and SEND for a channel that holds nothing. Order, loops and trying are in
// rendezvous-order.ts, closing in rendezvous-closing.ts, threads in rendezvous-threads.ts.

import { f64, unit } from 'millrace'
import { describe, expect, test } from 'vitest'
import { expectPending, macrotask, rejection, same, sleep } from '../support/probe.js'
import { rounds } from '../support/settings.js'
import type { SelectSubject } from './subject.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function rendezvous({ name, kits, make }: SelectSubject): void {
  describe(`${name}: capacity 0 on one event loop`, () => {
    test('CHAN-2 length and capacity are 0: new, with a sender that waits, after a hand-off', async () => {
      const ch = make(f64)
      const numbers = (): number[] => [ch.length, ch.capacity]
      expect(numbers()).toEqual([0, 0])
      const sending = ch.send(1)
      const another = ch.send(2)
      expect(numbers()).toEqual([0, 0])
      expect(await ch.receive()).toBe(1)
      await sending
      expect(numbers()).toEqual([0, 0])
      const receiving = [ch.receive(), ch.receive()]
      expect(numbers()).toEqual([0, 0])
      await another
      await ch.send(3)
      expect(await Promise.all(receiving)).toEqual([2, 3])
      expect(numbers()).toEqual([0, 0])
    })

    test('CHAN-5 messages without information wait, wake and arrive', async () => {
      const ch = make(unit)
      expect(ch.trySend(undefined)).toBe(false)
      const next = ch.next()
      expect(ch.trySend(undefined)).toBe(true)
      expect(ch.trySend(undefined)).toBe(false)
      expect(await next).toEqual({ value: undefined, done: false })
      const sending = ch.send(undefined)
      await expectPending(sending)
      expect(ch.tryNext()).toEqual({ value: undefined, done: false })
      await sending
      expect(ch.tryNext()).toBe(undefined)
      const end = ch.next()
      ch.close()
      expect(await end).toEqual({ value: undefined, done: true })
    })

    test('CHAN-7 NB-3 an idle channel is empty and full at once', async () => {
      const ch = make(f64)
      const empty = (): unknown[] => [ch.trySend(1), ch.tryNext(), ch.tryReceive(), ...ch.available()]
      expect(empty()).toEqual([false, undefined, undefined])
      const sending = ch.send(1)
      await ch.receive()
      await sending
      expect(empty()).toEqual([false, undefined, undefined])
    })

    test('SEND-1 SEND-3 receiving waits for a sender, sending for a receiver', async () => {
      const [a, b] = [make(f64), make(f64)]
      const waiting = [a.receive(), a.next(), b.send(1), b.send(2)]
      await expectPending(...waiting)
      await a.send(3)
      await a.send(4)
      expect([b.tryReceive(), await b.receive()]).toEqual([1, 2])
      expect(await Promise.all(waiting)).toEqual([3, { value: 4, done: false }, undefined, undefined])
    })

    test('SEND-2 FIFO-18 each send serves one receiver', async () => {
      const ch = make(f64)
      const got: unknown[] = []
      const receiving = range(3).map(() => ch.receive().then((v) => got.push(v)))
      await ch.send(1)
      await macrotask()
      expect(got).toEqual([1])
      await ch.send(2)
      await ch.send(3)
      await Promise.all(receiving)
      expect(got).toEqual([1, 2, 3])
    })

    test('SEND-5 a send completes only when its value has been received', async () => {
      const ch = make(f64)
      for (let round = 0; round < 20; round++) {
        const log: string[] = []
        const sending = ch.send(round).then(() => log.push('sent'))
        for (let turn = 0; turn < 3; turn++) await macrotask()
        log.push('receive')
        expect(await ch.receive()).toBe(round)
        await sending
        expect(log).toEqual(['receive', 'sent'])
      }
    })

    test('SEND-6 whoever comes first waits for the other', async () => {
      const ch = make(f64)
      const receiving = ch.receive()
      await macrotask()
      await ch.send(1)
      expect(await receiving).toBe(1)
      const sending = ch.send(2)
      await macrotask()
      expect(await ch.receive()).toBe(2)
      await sending
      expect(await Promise.all([ch.send(3), ch.receive(), ch.receive(), ch.send(4)])).toEqual([
        undefined,
        3,
        4,
        undefined,
      ])
    })

    for (const { codec, edges, name } of kits) {
      test(`SEND-7 SEND-8 ${name}: values pass unchanged through every pair of forms, falsy ones too`, async () => {
        const ch = make(codec as typeof f64)
        for (const value of edges as number[]) {
          for (const take of ['receive', 'tryReceive'] as const) {
            const sending = ch.send(value)
            expect(same(await ch[take](), value)).toBe(true)
            await sending
          }
          for (const take of ['next', 'tryNext'] as const) {
            const sending = ch.send(value)
            const next = await ch[take]()
            expect([next?.done, same(next?.value, value)]).toEqual([false, true])
            await sending
          }
          for (const form of ['send', 'trySend'] as const) {
            const [receiving, next] = [ch.receive(), ch.next()]
            for (let i = 0; i < 2; i++) expect(await ch[form](value)).toBe(form === 'send' ? undefined : true)
            expect(same(await receiving, value)).toBe(true)
            expect(same((await next).value, value)).toBe(true)
          }
        }
      })
    }

    test('SEND-10 SEND-12 SEND-18 a receive that timed out takes nothing, and the receiver can go on', async () => {
      const ch = make(f64)
      for (const timeout of [0, 1, 20]) {
        const start = performance.now()
        expect((await rejection(ch.receive({ timeout }))).code).toBe('ERR_TIMEOUT')
        expect(performance.now() - start).toBeGreaterThanOrEqual(timeout)
        expect(ch.trySend(1)).toBe(false)
        const receiving = ch.receive({ timeout: 20_000 })
        await ch.send(timeout)
        expect(await receiving).toBe(timeout)
      }
      const sending = ch.send(5)
      expect(await ch.receive({ timeout: 0 })).toBe(5)
      await sending
    })

    test('SEND-11 a send that timed out sends nothing', async () => {
      const ch = make(f64)
      for (const timeout of [0, 1, 20]) {
        const start = performance.now()
        expect((await rejection(ch.send(1, { timeout }))).code).toBe('ERR_TIMEOUT')
        expect(performance.now() - start).toBeGreaterThanOrEqual(timeout)
        expect(ch.tryNext()).toBe(undefined)
      }
      const receiving = ch.receive()
      await ch.send(2, { timeout: 0 })
      expect(await receiving).toBe(2)
    })

    test('SEND-15 timeouts that race with hand-offs lose and double nothing', async () => {
      const ch = make(f64)
      const count = rounds(60)
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
          if (i % 8 === 4) await sleep(5)
          await again(() => ch.send(i, { timeout: 1 + (i % 3) }))
        }
      })()
      const got: unknown[] = []
      for (let i = 0; i < count; i++) {
        if (i % 8 === 0) await sleep(5)
        got.push(await again(() => ch.receive({ timeout: 1 + (i % 2) })))
      }
      await sending
      expect(got).toEqual(range(count))
    })
  })
}
