// SEL: what is evaluated when, and selects inside of selects.

import { type Channel, f64 } from 'millrace'
import { describe, expect, test } from 'vitest'
import type { Cases } from '../support/contract.js'
import type { SelectSubject } from './subject.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function evaluation({ name, make, recv, send, select, trySelect, never }: SelectSubject): void {
  describe(`${name}: select, evaluation`, () => {
    test('SEL-30 channels and values are evaluated once each, in the order of writing, taken or not', async () => {
      const log: string[] = []
      const say = <T>(what: string, value: T): T => {
        log.push(what)
        return value
      }
      const ch = make(f64, 1)
      const cases = (): Cases => ({
        a: send(say('channel a', ch), say('value a', 1)),
        b: recv(say('channel b', never)),
        c: send(say('channel c', never), say('value c', 2)),
        d: recv(say('channel d', null)),
        e: send(say('channel e', make(f64)), say('value e', 3)),
      })
      const order = ['channel a', 'value a', 'channel b', 'channel c', 'value c', 'channel d', 'channel e', 'value e']
      expect((await select(cases())).case).toBe('a')
      expect(log).toEqual(order)
      log.length = 0
      expect(trySelect(cases())).toBe(undefined)
      expect(log).toEqual(order)
    })

    test('SEL-30 NEVER-4 values for channels that are off are evaluated too', async () => {
      let calls = 0
      const value = (): number => ++calls
      const fill = async (channels: (Channel<number> | null)[]): Promise<void> => {
        const [a, b] = channels
        let [left, other] = [a ?? null, b ?? null]
        while (left || other) {
          const hit = await select({ left: send(left, value()), other: send(other, value()) })
          if (hit.case === 'left') left = null
          else other = null
        }
      }
      await fill([make(f64, 1), make(f64, 1)])
      expect(calls).toBe(4)
      await fill([make(f64, 1), null])
      expect(calls).toBe(6)
    })

    test('SEL-34 the value of a send case may come from the same channel: it is received first', async () => {
      const ch = make(f64, 2)
      ch.trySend(1)
      expect((await select({ out: send(ch, ((await ch.receive()) as number) + 10) })).case).toBe('out')
      expect(ch.tryReceive()).toBe(11)
      // As in Go, and unlike lazy forms: also before a try that would have failed.
      const full = make(f64, 1)
      full.trySend(1)
      expect(trySelect({ out: send(full, (full.tryReceive() as number) + 10) })?.case).toBe('out')
      expect(full.tryReceive()).toBe(11)
      const other = make(f64, 1)
      const blocked = make(f64)
      other.trySend(1)
      expect(trySelect({ out: send(blocked, other.tryReceive() as number) })).toBe(undefined)
      expect(other.length).toBe(0)
    })

    test('SEL-35 keys may be any strings', async () => {
      const ch = make(f64, 1)
      for (const key of ['0', '10', '', 'constructor', '__proto__ ', 'hasOwnProperty', 'then', 'ключ', '🐹', 'a b']) {
        ch.trySend(1)
        expect(await select({ [key]: recv(ch) })).toEqual({ case: key, value: 1, done: false })
        expect((await select({ quiet: recv(never), [key]: send(ch, 2) })).case).toBe(key)
        expect(trySelect({ [key]: recv(ch) })?.value).toBe(2)
      }
      const bare: Cases = Object.create(null)
      bare.it = send(ch, 3)
      expect((await select(bare)).case).toBe('it')
    })

    test('SEL-35 cases can be kept and used again', async () => {
      const ch = make(f64, 4)
      const [out, into] = [send(ch, 5), recv(ch)]
      for (const _ of range(10)) {
        expect((await select({ out })).case).toBe('out')
        expect(trySelect({ into })?.value).toBe(5)
      }
      const cases = { a: into, b: into, c: out }
      expect((await select(cases)).case).toBe('c')
      const hits = await Promise.all(
        range(3)
          .map(() => select({ into }))
          .concat(range(2).map(() => select({ into: out })) as never),
      )
      expect(hits.filter((hit) => (hit as { value: unknown }).value === 5).length).toBe(3)
    })

    test('SEL-36 selects nest, four deep, over the same channels', async () => {
      const [a, b] = [make(f64, 4), make(f64)]
      const deep = async (level: number): Promise<number[]> => {
        const hit = await select({ out: send(a, level), quiet: recv(b) })
        expect(hit.case).toBe('out')
        const inner = level < 3 ? await deep(level + 1) : []
        const back = await select({ in: recv(a), quiet: recv(b) })
        return [back.value as number, ...inner]
      }
      // The innermost takes first, and the channel is first in, first out.
      expect(await deep(0)).toEqual([3, 2, 1, 0])
      expect(a.length).toBe(0)
    })

    test('SEL-36 a hit that decides the next select, with both parked on the same channels', async () => {
      const [a, b] = [make(f64), make(f64)]
      const task = (async () => {
        const first = await select({ a: recv(a), b: recv(b) })
        const second = await (first.case === 'a'
          ? select({ b: recv(b), again: send(a, first.value as number) })
          : select({ a: recv(a), again: send(b, first.value as number) }))
        return [first.case, second.case, second.value]
      })()
      expect(a.trySend(7)).toBe(true)
      expect(await a.receive()).toBe(7)
      expect(await task).toEqual(['a', 'again', undefined])
    })

    test('NEVER-4 cases that are switched off when they have had their share', async () => {
      const channels = range(3).map(() => make(f64))
      const share = 20
      const left = channels.map(() => share)
      const sending = channels.map(async (ch, i) => {
        for (const _ of range(share)) await ch.send(i)
      })
      while (left.some((n) => n > 0)) {
        const cases = channels.map((ch, i) => [`c${i}`, recv((left[i] as number) > 0 ? ch : never)] as const)
        const hit = await select(Object.fromEntries(cases))
        ;(left[hit.value as number] as number)--
      }
      expect(left).toEqual([0, 0, 0])
      await Promise.all(sending)
    })
  })
}
