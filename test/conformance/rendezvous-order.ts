// Capacity 0 among the tasks of one event loop: FIFO, ITER and NB.

import { f64, u32 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { rejection } from '../support/probe.js'
import type { SelectSubject } from './subject.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function rendezvousOrder({ name, make }: SelectSubject): void {
  describe(`${name}: order, loops and tries over capacity 0`, () => {
    test('FIFO-2 FIFO-6 receivers in a row are served in that order', async () => {
      const ch = make(u32)
      let previous: Promise<unknown> = Promise.resolve()
      const chain = range(10).map((i) => {
        previous = previous.then(async () => expect(await ch.receive()).toBe(i))
        return previous
      })
      for (const i of range(10)) await ch.send(i)
      await Promise.all(chain)
      const parked = range(10).map(() => ch.receive())
      for (const i of range(10)) expect(ch.trySend(i)).toBe(true)
      expect(await Promise.all(parked)).toEqual(range(10))
    })

    test('FIFO-7 senders that wait are served in the order of their coming', async () => {
      const ch = make(f64)
      const order: number[] = []
      const senders = range(5).map((i) => ch.send(i).then(() => order.push(i)))
      for (const i of range(5)) {
        expect(await (i % 2 ? ch.receive() : ch.tryReceive())).toBe(i)
        await senders[i]
      }
      expect(order).toEqual(range(5))
    })

    test('FIFO-4 FIFO-9 four producers, four consumers: nothing lost, doubled or overtaken', async () => {
      const ch = make(f64)
      const count = 500
      const senders = range(4).map(async (producer) => {
        for (let i = 0; i < count; i++) await ch.send(producer * 1000 + i)
      })
      const receivers = range(4).map(async () => {
        const got: number[] = []
        for (let i = 0; i < count; i++) got.push((await ch.receive()) as number)
        return got
      })
      await Promise.all(senders)
      const got = await Promise.all(receivers)
      for (const each of got) {
        for (const producer of range(4)) {
          const from = each.filter((v) => Math.floor(v / 1000) === producer)
          expect(from).toEqual([...from].sort((a, b) => a - b))
        }
      }
      const all = range(4).flatMap((producer) => range(count).map((i) => producer * 1000 + i))
      expect(got.flat().sort((a, b) => a - b)).toEqual(all)
    })

    test('FIFO-19 who gave up is out of the queue: the next value goes to the next one that waits', async () => {
      const ch = make(f64)
      const stop = new AbortController()
      const options = (i: number): object => (i % 2 === 0 ? { timeout: 5 } : { signal: stop.signal })
      const receives = range(10).map((i) => rejection(ch.receive(options(i))))
      const live = ch.receive()
      stop.abort('enough')
      for (const reason of await Promise.all(receives))
        expect(['enough', 'ERR_TIMEOUT']).toContain(reason.code ?? reason)
      expect(ch.trySend(6)).toBe(true)
      expect(ch.trySend(7)).toBe(false)
      expect(await live).toBe(6)
      const again = new AbortController()
      const sends = range(10).map((i) => rejection(ch.send(i, i % 2 === 0 ? { timeout: 5 } : { signal: again.signal })))
      const last = ch.send(99)
      again.abort('enough')
      await Promise.all(sends)
      expect(await ch.receive()).toBe(99)
      await last
      expect(ch.tryNext()).toBe(undefined)
    })

    test('ITER-1 ITER-2 a loop gets every value, may be left and taken up again, and ends', async () => {
      const ch = make(f64)
      const sending = (async () => {
        for (const i of range(20)) await ch.send(i)
        ch.close()
      })()
      const got: number[] = []
      for await (const v of ch) {
        got.push(v)
        if (v === 5) break
      }
      // Whoever prefetched would have 6 in hand now.
      expect(await ch.receive()).toBe(6)
      for await (const v of ch) got.push(v)
      expect(got).toEqual(range(20).filter((i) => i !== 6))
      await sending
    })

    test('ITER-3 each value goes to one of several loops', async () => {
      const ch = make(f64)
      const loops = range(3).map(async () => {
        const got: number[] = []
        for await (const v of ch) got.push(v)
        return got
      })
      for (const i of range(300)) await ch.send(i)
      ch.close()
      expect((await Promise.all(loops)).flat().sort((a, b) => a - b)).toEqual(range(300))
    })

    test('ITER-6 available() takes from the senders that wait now, and ends', async () => {
      const ch = make(f64)
      expect([...ch.available()]).toEqual([])
      const senders = range(3).map((i) => ch.send(i))
      expect([...ch.available()]).toEqual([0, 1, 2])
      await Promise.all(senders)
      expect([...ch.available()]).toEqual([])
    })

    test('NB-1 NB-2 NB-4 trySend succeeds just when a receiver waits', async () => {
      const ch = make(f64)
      for (const round of range(50)) {
        expect([ch.trySend(round), ch.trySend(round)]).toEqual([false, false])
        expect(ch.tryReceive()).toBe(undefined)
        const receiving = ch.receive()
        expect([ch.trySend(round), ch.trySend(-1)]).toEqual([true, false])
        expect(await receiving).toBe(round)
      }
    })

    test('NB-5 NB-6 tryReceive and tryNext succeed just when a sender waits', async () => {
      const ch = make(f64)
      for (const round of range(50)) {
        expect([ch.tryReceive(), ch.tryNext()]).toEqual([undefined, undefined])
        const sending = ch.send(round)
        expect([ch.tryNext(), ch.tryNext()]).toEqual([{ value: round, done: false }, undefined])
        await sending
      }
      ch.close()
      expect([ch.tryReceive(), ch.tryNext()]).toEqual([undefined, { value: undefined, done: true }])
    })

    test('NB-8 a hand-off by trySend and tryReceive lets nobody else run', async () => {
      const ch = make(f64)
      const receiving = ch.receive()
      const sendingBack = ch.receive()
      let ran = false
      void Promise.resolve().then(() => {
        ran = true
      })
      expect(ch.trySend(1)).toBe(true)
      expect(ch.trySend(2)).toBe(true)
      expect(ran).toBe(false)
      expect([await receiving, await sendingBack]).toEqual([1, 2])
      expect(ran).toBe(true)
    })
  })
}
