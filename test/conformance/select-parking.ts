// SEL: a select that waits, who wakes it, and that it never meets itself.

import { type Channel, f64 } from 'millrace'
import { describe, expect, test } from 'vitest'
import type { Cases } from '../support/contract.js'
import { expectPending, macrotask, rejection, sleep } from '../support/probe.js'
import { rounds } from '../support/settings.js'
import type { SelectSubject } from './subject.js'
import { waysOf } from './ways.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function parking(subject: SelectSubject): void {
  const { name, make, recv, send, select, trySelect, never } = subject

  describe(`${name}: select, waiting`, () => {
    test('SEL-6 with nothing ready it waits until something is, and takes that', async () => {
      for (const capacity of [0, 1]) {
        const [a, b] = [make(f64, capacity), make(f64, capacity)]
        const waiting = select({ a: recv(a), b: recv(b) })
        await expectPending(waiting)
        expect(b.trySend(5)).toBe(true)
        expect(await waiting).toEqual({ case: 'b', value: 5, done: false })
        for (const ch of [a, b]) expect([ch.length, ch.tryNext()]).toEqual([0, undefined])
      }
    })

    test('SEL-6 a send case waits for room, or for a receiver', async () => {
      for (const capacity of [0, 2]) {
        const [a, b] = [make(f64, capacity), make(f64, capacity)]
        for (const ch of [a, b]) for (const i of range(capacity)) ch.trySend(i)
        const waiting = select({ a: send(a, 10), b: send(b, 20) })
        await expectPending(waiting)
        if (capacity === 0) expect(await b.receive()).toBe(20)
        else expect([b.tryReceive(), b.tryReceive(), b.tryReceive()]).toEqual([0, 1, 20])
        expect(await waiting).toEqual({ case: 'b', value: undefined, done: false })
        expect([...a.available()]).toEqual(range(capacity))
        expect(b.tryNext()).toBe(undefined)
      }
    })

    test('SEL-7 NEVER-3 an empty select waits for ever, and so does one whose cases are all off', async () => {
      const forms: Cases[] = [
        {},
        { a: null, b: undefined },
        { a: recv(null), b: send(undefined, 1) },
        { a: recv(never) },
        { a: send(never, 1) },
        { a: recv(never), b: send(never, 1) },
      ]
      const stop = new AbortController()
      const waiting = forms.map((cases) => select(cases, { signal: stop.signal }))
      await expectPending(...waiting)
      stop.abort('enough')
      for (const each of waiting) expect(await rejection(each)).toBe('enough')
    })

    test('SEL-10 close wakes a select that waits to receive, which is done then', async () => {
      for (const capacity of [0, 1]) {
        const [a, b] = [make(f64, capacity), make(f64, capacity)]
        const waiting = [select({ a: recv(a), b: recv(b) }), select({ b: recv(b), a: recv(a) })]
        await expectPending(...waiting)
        b.close()
        for (const each of waiting) expect(await each).toEqual({ case: 'b', value: undefined, done: true })
        a.close()
      }
    })

    test('SEL-11 close wakes a select that waits to send, which throws then', async () => {
      for (const capacity of [0, 1]) {
        const [a, b, c] = [make(f64, capacity), make(f64, capacity), make(f64, capacity)]
        if (capacity === 1) for (const ch of [a, b]) ch.trySend(0)
        const waiting = select({ a: send(a, 1), b: send(b, 2), c: recv(c) })
        await expectPending(waiting)
        b.close()
        expect(await rejection(waiting)).toMatchObject({ message: 'send on closed channel', code: 'ERR_CLOSED' })
        expect([...a.available()]).toEqual(capacity === 1 ? [0] : [])
        expect(a.tryNext()).toBe(undefined)
        expect(c.trySend(1)).toBe(capacity === 1)
      }
    })

    test('SEL-15 send and receive on one channel of capacity 0 never pair in one select', async () => {
      const ch = make(f64)
      const both = (value: number): Cases => ({ in: recv(ch), out: send(ch, value) })
      expect(trySelect(both(1))).toBe(undefined)
      const waiting = select(both(1))
      await expectPending(waiting)
      expect(ch.trySend(5)).toBe(true)
      expect(await waiting).toEqual({ case: 'in', value: 5, done: false })
      expect([ch.trySend(6), ch.tryNext()]).toEqual([false, undefined])
      const again = select(both(2))
      await macrotask()
      expect(ch.tryReceive()).toBe(2)
      expect(await again).toEqual({ case: 'out', value: undefined, done: false })
      expect([ch.trySend(6), ch.tryNext()]).toEqual([false, undefined])
    })

    test('SEL-15 two such selects pair with each other', async () => {
      const ch = make(f64)
      for (const round of range(200)) {
        const hits = await Promise.all([
          select({ in: recv(ch), out: send(ch, 2 * round) }),
          select({ in: recv(ch), out: send(ch, 2 * round + 1) }),
        ])
        const receiver = hits.findIndex((hit) => hit.case === 'in')
        expect(hits[1 - receiver]?.case).toBe('out')
        expect(hits[receiver]?.value).toBe(2 * round + (1 - receiver))
      }
      expect([ch.trySend(6), ch.tryNext()]).toEqual([false, undefined])
    })

    test('SEL-16 with room in the channel such a select sends, with a value in it receives', async () => {
      const ch = make(f64, 1)
      const both = (): Cases => ({ in: recv(ch), out: send(ch, 1) })
      for (const _ of range(5)) {
        expect((await select(both())).case).toBe('out')
        expect(await select(both())).toEqual({ case: 'in', value: 1, done: false })
      }
    })

    for (const capacity of [0, 10]) {
      test(`SEL-17 two tasks that each send and receive on one channel (capacity ${capacity})`, async () => {
        const ch = make(f64, capacity)
        const task = async (own: number): Promise<void> => {
          for (const _ of range(rounds(1000))) {
            const hit = await select({ in: recv(ch), out: send(ch, own) })
            if (capacity === 0 && hit.case === 'in') expect(hit.value).not.toBe(own)
          }
        }
        await Promise.all([task(0), task(1)])
        if (capacity === 0) expect(ch.tryNext()).toBe(undefined)
      })
    }

    const ways = waysOf(subject)
    for (const sender of ways) {
      for (const receiver of ways) {
        test(`SEL-29 ${sender.name} and ${receiver.name} meet, whoever comes first`, async () => {
          for (const capacity of [0, 1]) {
            for (const turns of [0, 1]) {
              const ch = make(f64, capacity)
              const receiving = receiver.next(ch)
              if (turns) await macrotask()
              await sender.send(ch, 1)
              expect(await receiving).toEqual({ value: 1, done: false })
              const sending = sender.send(ch, 2)
              if (turns) await macrotask()
              expect(await receiver.next(ch)).toEqual({ value: 2, done: false })
              await sending
              const parked = receiver.next(ch)
              expect(sender.trySend(ch, 3)).toBe(true)
              expect(await parked).toEqual({ value: 3, done: false })
              const last = sender.send(ch, 4)
              expect(receiver.tryNext(ch)).toEqual({ value: 4, done: false })
              await last
              expect([ch.length, ch.tryNext()]).toEqual([0, undefined])
            }
          }
        })
      }
    }

    test('FIFO-6 FIFO-7 selects queue up with plain operations, first come, first served', async () => {
      const ch = make(f64)
      const quiet = make(f64)
      const got: string[] = []
      const receivers = range(6).map(async (i) => {
        const value = i % 2 ? await ch.receive() : (await select({ quiet: recv(quiet), ch: recv(ch) })).value
        got.push(`${i}: ${value}`)
      })
      for (const i of range(6)) {
        expect(ch.trySend(i)).toBe(true)
        await receivers[i]
      }
      expect(got).toEqual(range(6).map((i) => `${i}: ${i}`))
      const senders = range(6).map((i) => (i % 2 ? ch.send(i) : select({ quiet: send(quiet, 9), ch: send(ch, i) })))
      for (const i of range(6)) {
        expect(ch.tryReceive()).toBe(i)
        await senders[i]
      }
      expect([quiet.trySend(1), quiet.tryNext(), ch.trySend(1), ch.tryNext()]).toEqual([
        false,
        undefined,
        false,
        undefined,
      ])
    })

    test('FIFO-18 one send wakes one of many selects', async () => {
      const ch = make(f64)
      const other = make(f64)
      const hits: unknown[] = []
      const waiting = range(5).map(() =>
        select({ ch: recv(ch), other: recv(other) }).then((hit) => hits.push(hit.value)),
      )
      for (const i of range(5)) {
        expect((i % 2 ? ch : other).trySend(i)).toBe(true)
        await waiting[i]
        for (let turn = 0; turn < 3; turn++) await macrotask()
        expect(hits).toEqual(range(i + 1))
      }
      expect([ch.trySend(0), other.trySend(0)]).toEqual([false, false])
    })

    test('SEL-45 one side takes turns in a select, the other in plain operations', async () => {
      const [there, back] = [make(f64), make(f64)]
      const peer = (async () => {
        for (const i of range(3)) {
          await there.send(i)
          await sleep(20)
          expect(await back.receive()).toBe(10 + i)
        }
      })()
      let expected = 0
      for (const i of range(6)) {
        const hit = await select({ in: recv(there), out: send(back, 10 + expected - 1) })
        expect(hit.case).toBe(i % 2 ? 'out' : 'in')
        if (hit.case === 'in') expect(hit.value).toBe(expected++)
      }
      await peer
    })

    test('SEL-42 tries on both sides of a select that waits: one pairing each, and all of them end', async () => {
      for (const _ of range(20)) {
        const [a, b, end] = [make(f64), make(f64), make(f64)]
        let log: string[] = []
        const looping = (attempt: () => string | undefined): Promise<void> =>
          (async () => {
            for (;;) {
              const done = attempt()
              if (done) {
                log.push(done)
                return
              }
              await macrotask()
            }
          })()
        const side = (ch: Channel<number>, what: string, cases: () => Cases): Promise<void> =>
          looping(() => {
            const hit = trySelect({ end: recv(end), ...cases() })
            return hit && (hit.case === 'end' ? 'end' : `${what} ${ch === a ? 'a' : 'b'}`)
          })
        const tries = [side(a, 'send', () => ({ it: send(a, 1) })), side(b, 'receive', () => ({ it: recv(b) }))]
        const hit = await select({ a: recv(a), b: send(b, 2) })
        end.close()
        await Promise.all(tries)
        expect(log.sort()).toEqual(['end', hit.case === 'a' ? 'send a' : 'receive b'])
        log = []
      }
    })
  })
}
