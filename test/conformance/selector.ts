// SEL-44: a select that is built once and used many times.

import { type Channel, f64 } from 'millrace'
import { describe, expect, test } from 'vitest'
import type { Cases } from '../support/contract.js'
import { expectPending, macrotask, rejection, thrown } from '../support/probe.js'
import { rounds } from '../support/settings.js'
import type { SelectSubject } from './subject.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function selectors({ name, make, recv, send, Selector, never }: SelectSubject): void {
  describe(`${name}: Selector`, () => {
    test('SEL-44 one selector, many rounds, waiting and not', async () => {
      const [a, b] = [make(f64), make(f64, 1)]
      const selector = new Selector({ a: recv(a), b: recv(b) })
      for (let i = 0; i < rounds(3000); i++) {
        const ch = i % 3 === 0 ? a : b
        if (ch === b && i % 2) ch.trySend(i)
        const waiting = selector.select()
        if (ch === a || i % 2 === 0) expect(ch.trySend(i)).toBe(true)
        const hit = await waiting
        if (hit.value !== i || hit.case !== (ch === a ? 'a' : 'b') || hit.done) expect(hit).toBe(i)
      }
      expect(selector.trySelect()).toBe(undefined)
      expect([a.trySend(0), b.length]).toEqual([false, 0])
      selector.dispose?.()
    })

    test('SEL-44 the hit is one object, overwritten by the next round', async () => {
      const ch = make(f64, 1)
      const selector = new Selector({ out: send(ch, 5), in: recv(ch) })
      const first = await selector.select()
      expect({ ...first }).toEqual({ case: 'out', value: undefined, done: false })
      const second = selector.trySelect()
      expect(second).toBe(first)
      expect({ ...second }).toEqual({ case: 'in', value: 5, done: false })
      ch.close()
      selector.disable('out')
      expect({ ...(await selector.select()) }).toEqual({ case: 'in', value: undefined, done: true })
      expect(first.done).toBe(true)
      selector.dispose?.()
    })

    test('SEL-44 set gives the value that a send case sends next', async () => {
      const ch = make(f64, 10)
      const selector = new Selector({ quiet: recv(make(f64)), out: send(ch, 0) })
      await selector.select()
      for (const i of range(3)) {
        selector.set('out', i + 1)
        expect((await selector.select()).case).toBe('out')
      }
      await selector.select()
      expect([...ch.available()]).toEqual([0, 1, 2, 3, 3])
      expect(thrown(() => selector.set('quiet' as 'out', 1))).toBeInstanceOf(TypeError)
      expect(thrown(() => selector.set('other' as 'out', 1))).toBeInstanceOf(Error)
      selector.dispose?.()
    })

    test('SEL-44 NEVER-4 enable and disable switch cases on and off', async () => {
      const [a, b] = [make(f64, 1), make(f64, 1)]
      const selector = new Selector({ a: recv(a), b: recv(b) })
      for (const ch of [a, b]) ch.trySend(1)
      selector.disable('a')
      for (const _ of range(5)) {
        expect(selector.trySelect()?.case).toBe('b')
        expect(selector.trySelect()).toBe(undefined)
        b.trySend(1)
      }
      selector.disable('a')
      selector.disable('b')
      expect(selector.trySelect()).toBe(undefined)
      const stop = new AbortController()
      const waiting = selector.select({ signal: stop.signal })
      await expectPending(waiting)
      stop.abort('enough')
      expect(await rejection(waiting)).toBe('enough')
      selector.enable('a')
      expect((await selector.select()).case).toBe('a')
      selector.enable('b')
      expect((await selector.select()).case).toBe('b')
      selector.dispose?.()
    })

    test('SEL-44 a case that is disabled while nothing is pending is not waited on', async () => {
      const [a, b] = [make(f64), make(f64)]
      const selector = new Selector({ a: recv(a), b: recv(b), off: null, never: recv(never) })
      selector.disable('a')
      const waiting = selector.select()
      await macrotask()
      expect([a.trySend(1), b.trySend(2)]).toEqual([false, true])
      expect((await waiting).value).toBe(2)
      selector.dispose?.()
    })

    test('SEL-44 a case that was off from the start stays so', async () => {
      const ch = make(f64, 1)
      ch.trySend(1)
      const selector = new Selector({ off: null, never: recv(never), gone: send(undefined, 1), it: recv(ch) } as Cases)
      for (const key of ['off', 'never', 'gone']) selector.enable(key)
      expect(selector.trySelect()?.case).toBe('it')
      expect(selector.trySelect()).toBe(undefined)
      selector.dispose?.()
    })

    test('SEL-44 a timeout, an abort or a closed channel ends a round, not the selector', async () => {
      const [a, b] = [make(f64), make(f64)]
      const selector = new Selector({ a: recv(a), b: send(b, 7) })
      for (const _ of range(3)) {
        expect((await rejection(selector.select({ timeout: 2 }))).code).toBe('ERR_TIMEOUT')
        expect((await rejection(selector.select({ timeout: 0 }))).code).toBe('ERR_TIMEOUT')
        const stop = new AbortController()
        const waiting = selector.select({ signal: stop.signal })
        await macrotask()
        stop.abort('enough')
        expect(await rejection(waiting)).toBe('enough')
        expect([a.trySend(1), b.tryNext()]).toEqual([false, undefined])
        const served = selector.select()
        expect(b.tryReceive()).toBe(7)
        expect((await served).case).toBe('b')
      }
      const failing = selector.select()
      b.close()
      expect((await rejection(failing)).message).toBe('send on closed channel')
      expect(thrown(() => selector.trySelect()).message).toBe('send on closed channel')
      selector.disable('b')
      const last = selector.select()
      await a.send(3)
      expect((await last).value).toBe(3)
      selector.dispose?.()
    })

    test('SEL-44 using it while one of its selects is pending is an error that says so, and disturbs nothing', async () => {
      const [a, b] = [make(f64), make(f64)]
      const selector = new Selector({ a: recv(a), b: send(b, 1) })
      const waiting = selector.select()
      await macrotask()
      const errors = [
        await rejection(Promise.resolve().then(() => selector.select())),
        thrown(() => selector.trySelect()),
        thrown(() => selector.set('b', 2)),
        thrown(() => selector.enable('a')),
        thrown(() => selector.disable('b')),
      ]
      for (const error of errors) {
        expect(error).toBeInstanceOf(Error)
        expect(error.message).toContain('pending')
      }
      expect(b.tryReceive()).toBe(1)
      expect({ ...(await waiting) }).toEqual({ case: 'b', value: undefined, done: false })
      expect(selector.trySelect()).toBe(undefined)
      expect(a.trySend(1)).toBe(false)
      selector.dispose?.()
    })

    test('SEL-24 SEL-44 biased is said for each round', async () => {
      const count = 300
      const [a, b] = [make(f64, count * 2), make(f64, count * 2)]
      for (const ch of [a, b]) for (const i of range(count * 2)) ch.trySend(i)
      const selector = new Selector({ a: recv(a), b: recv(b) })
      const tally = { a: 0, b: 0 }
      for (const _ of range(count)) {
        expect(selector.trySelect({ biased: true })?.case).toBe('a')
        tally[(selector.trySelect() as { case: 'a' | 'b' }).case]++
      }
      expect(tally.a).toBeGreaterThan(count / 5)
      expect(tally.b).toBeGreaterThan(count / 5)
      selector.dispose?.()
    })

    test('SEL-44 twenty tasks, each with its own selector over the same channels', async () => {
      const channels: Channel<number>[] = [make(f64), make(f64, 1)]
      const got: number[] = []
      const tasks = range(20).map(async () => {
        const selector = new Selector({ a: recv(channels[0]), b: recv(channels[1]) })
        for (;;) {
          const { value, done } = await selector.select()
          if (done) return selector.dispose?.()
          got.push(value)
        }
      })
      const count = rounds(500)
      const out = new Selector({ a: send(channels[0], -1), b: send(channels[1], -1) })
      for (let i = 0; i < count; i++) {
        for (const key of ['a', 'b'] as const) out.set(key, i)
        await out.select()
      }
      while (channels.some((ch) => ch.length > 0)) await macrotask()
      for (const ch of channels) ch.close()
      await Promise.all(tasks)
      expect(got.sort((a, b) => a - b)).toEqual(range(count))
      out.dispose?.()
    })
  })
}
