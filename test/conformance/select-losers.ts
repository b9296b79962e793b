// SEL: the cases that were not taken leave no trace, whatever ended the select.

import { type Channel, f64 } from 'millrace'
import { describe, expect, test } from 'vitest'
import type { Cases } from '../support/contract.js'
import { macrotask, rejection } from '../support/probe.js'
import { random } from '../support/random.js'
import { rounds } from '../support/settings.js'
import type { SelectSubject } from './subject.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function losers({ name, make, recv, send, select, trySelect }: SelectSubject): void {
  /** That nobody waits on a channel of capacity 0. */
  const expectQuiet = (...channels: Channel<number>[]): void => {
    for (const ch of channels) expect([ch.trySend(-1), ch.tryNext()]).toEqual([false, undefined])
  }

  describe(`${name}: select, the cases that lose`, () => {
    test('SEL-25 a select that has ended elsewhere takes no value from the next receiver', async () => {
      const [c, d] = [make(f64), make(f64)]
      const selecting = select({ first: recv(c), second: recv(c), d: recv(d) })
      await macrotask()
      const receiving = c.receive()
      await macrotask()
      await d.send(1)
      expect(await selecting).toEqual({ case: 'd', value: 1, done: false })
      await c.send(2)
      expect(await receiving).toBe(2)
      expectQuiet(c, d)
    })

    test('SEL-25 the same for senders', async () => {
      const [c, d] = [make(f64), make(f64)]
      const selecting = select({ first: send(c, 10), d: send(d, 1), second: send(c, 11) })
      const sending = c.send(2)
      await macrotask()
      expect(await d.receive()).toBe(1)
      expect((await selecting).case).toBe('d')
      expect(await c.receive()).toBe(2)
      await sending
      expectQuiet(c, d)
    })

    test('SEL-26 a loser at the end of a queue is out of it', async () => {
      const [c1, c2] = [make(f64), make(f64)]
      const first = c1.receive()
      const selecting = select({ c1: recv(c1), c2: recv(c2) })
      await c2.send(5)
      expect((await selecting).value).toBe(5)
      const again = select({ c1: recv(c1) })
      await c1.send(1)
      await c1.send(2)
      expect(await first).toBe(1)
      expect((await again).value).toBe(2)
      expectQuiet(c1, c2)
    })

    for (const position of [0, 1, 2]) {
      test(`SEL-26 a loser at place ${position} of 3 leaves the others in their order`, async () => {
        const [c, d] = [make(f64), make(f64)]
        const waiting = range(3).map((i) => (i === position ? select({ d: recv(d), c: recv(c) }) : c.receive()))
        await macrotask()
        expect(d.trySend(9)).toBe(true)
        expect(await waiting[position]).toEqual({ case: 'd', value: 9, done: false })
        const rest = range(3).filter((i) => i !== position)
        for (const i of rest) expect(c.trySend(i)).toBe(true)
        expectQuiet(c, d)
        for (const i of rest) expect(await waiting[i]).toBe(i)
      })
    }

    test('SEL-37 one, two and three cases with a sender that is always ready', async () => {
      const ch = make(f64)
      const quiet = [make(f64), make(f64)] as [Channel<number>, Channel<number>]
      const extras: Cases[] = [{}, { a: recv(quiet[0]) }, { a: recv(quiet[0]), b: send(quiet[1], 1) }]
      const sending = (async () => {
        for (const i of range(30)) await ch.send(i)
      })()
      const take = async (i: number): Promise<unknown> => {
        // Leaves by return out of the middle of a switch, as handlers do.
        const hit = await select({ it: recv(ch), ...extras[i % 3] })
        switch (hit.case) {
          case 'it':
            return hit.value
          default:
            throw new Error(`took ${hit.case}`)
        }
      }
      for (const i of range(30)) expect(await take(i)).toBe(i)
      await sending
      expectQuiet(ch, ...quiet)
    })

    test('SEL-51 an abort ends a select, and no value that comes later is lost', async () => {
      const channels = range(3).map(() => make(f64))
      const cases = (): Cases => ({ a: recv(channels[0]), b: recv(channels[1]), c: send(channels[2], 7) })
      for (const reason of ['enough', new Error('mine'), undefined]) {
        const stop = new AbortController()
        const selecting = select(cases(), { signal: stop.signal })
        await macrotask()
        stop.abort(reason)
        expect(await rejection(selecting)).toBe(stop.signal.reason)
        expectQuiet(...channels)
        const receiving = channels[0]?.receive()
        await channels[0]?.send(3)
        expect(await receiving).toBe(3)
      }
      expect(await rejection(select(cases(), { signal: AbortSignal.abort('early') }))).toBe('early')
      expectQuiet(...channels)
    })

    test('SEL-51 an aborted signal wins over a case that is ready, and nothing moves', async () => {
      const ch = make(f64, 2)
      ch.trySend(1)
      const signal = AbortSignal.abort('early')
      expect(await rejection(select({ it: recv(ch) }, { signal }))).toBe('early')
      expect(await rejection(select({ it: send(ch, 2) }, { signal }))).toBe('early')
      expect([ch.length, ch.tryReceive()]).toEqual([1, 1])
    })

    test('SEL-51 an abort in the turn in which a value comes: either, but not both', async () => {
      for (const i of range(rounds(100))) {
        const [ch, other] = [make(f64), make(f64)]
        const stop = new AbortController()
        const selecting = select({ it: recv(ch), other: recv(other) }, { signal: stop.signal }).then(
          (hit) => hit.value,
          () => 'aborted',
        )
        let sent = false
        if (i % 2) stop.abort()
        sent = ch.trySend(i)
        stop.abort()
        expect(await selecting).toBe(sent ? i : 'aborted')
        expectQuiet(ch, other)
      }
    })

    test('SEL-27 100,000 selects over a busy and a quiet channel leave the quiet one as it was', async () => {
      const [busy, quiet] = [make(f64), make(f64)]
      const count = rounds(5000)
      const sending = (async () => {
        for (let i = 0; i < count; i++) await busy.send(i)
      })()
      for (let i = 0; i < count; i++) {
        const hit = await select({ busy: recv(busy), quiet: recv(quiet) })
        if (hit.value !== i) expect(hit).toBe(i)
      }
      await sending
      const receiving = quiet.receive()
      await quiet.send(1)
      expect(await receiving).toBe(1)
      expectQuiet(busy, quiet)
    })

    test('SEL-1 SEL-25 many selects over the same few channels: each value goes to one of them', async () => {
      const rng = random('many selects')
      for (const capacity of [0, 1, 3]) {
        const channels = range(3).map(() => make(f64, capacity))
        const count = rounds(400)
        const got: number[] = []
        const keys = range(channels.length).map((i) => `case ${i}`)
        const tasks = range(5).map(async () => {
          for (;;) {
            const open = keys.map((key, i) => [key, recv(channels[i])] as const)
            const hit = await select(Object.fromEntries(rng.below(2) ? open : open.reverse()))
            if (hit.done) return
            got.push(hit.value as number)
          }
        })
        const senders = range(3).map(async (sender) => {
          for (let i = 0; i < count; i++) {
            const value = i * 3 + sender
            const [x, y] = [rng.below(3), rng.below(3)]
            if (rng.below(2)) await channels[x]?.send(value)
            else await select({ x: send(channels[x], value), y: send(channels[y], value) })
          }
        })
        await Promise.all(senders)
        while (channels.some((ch) => ch.length > 0)) await macrotask()
        for (const ch of channels) ch.close()
        await Promise.all(tasks)
        expect(got.sort((a, b) => a - b)).toEqual(range(3 * count))
      }
    })

    test('SEL-33 what throws while the cases are written leaves nothing behind', async () => {
      const [a, b] = [make(f64), make(f64)]
      const fail = (): number => {
        throw new Error('no value')
      }
      const attempts = [
        () => select({ a: recv(a), b: send(b, fail()) }),
        () => trySelect({ a: send(a, fail()), b: recv(b) }) as never,
        () => select({ a: send(a, 1), b: recv([b][fail()]) }),
      ]
      for (const attempt of attempts) expect(attempt).toThrow('no value')
      expectQuiet(a, b)
    })
  })
}
