// NB: operations that never wait.

import { f64 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { smallBlocks } from '../support/probe.js'
import { elsewhere, here } from '../support/threads.js'
import type { Subject } from './subject.js'

export function nonblocking({ name, capacities, arena, kits, numbers, make }: Subject): void {
  describe(`${name}: non-blocking operations`, () => {
    for (const { codec, value, name } of kits) {
      test(`NB-1 ${name}: receiving from an empty channel says so, and nobody queues up`, () => {
        for (const capacity of capacities) {
          const ch = make(codec as typeof f64, capacity)
          const blocks = arena.stats().blocks
          expect(ch.tryReceive()).toBe(undefined)
          expect(ch.tryNext()).toBe(undefined)
          expect([...ch.available()]).toEqual([])
          expect(arena.stats().blocks).toEqual(blocks)
          // Also once it has been used.
          for (let i = 0; i <= capacity; i++) {
            ch.trySend(value(0) as number)
            ch.tryReceive()
          }
          expect(ch.tryNext()).toBe(undefined)
        }
      })

      test(`NB-2 ${name}: sending on a full channel says so, and the value is not in it`, () => {
        for (const capacity of capacities) {
          const ch = make(codec as typeof f64, capacity)
          const before = smallBlocks(arena)
          for (let i = 0; i < capacity; i++) ch.trySend(value(0) as number)
          for (let i = 0; i < 3; i++) expect(ch.trySend(value(1) as number)).toBe(false)
          expect(smallBlocks(arena)).toBe(before)
          for (let i = 0; i < capacity; i++) expect(ch.tryNext()).toEqual({ value: value(0), done: false })
          expect(ch.tryNext()).toBe(undefined)
        }
      })

      test(`NB-6 ${name}: value, empty and closed are told apart`, () => {
        const ch = make(codec as typeof f64, 1)
        expect(ch.tryNext()).toBe(undefined)
        ch.trySend(value(1) as number)
        expect(ch.tryNext()).toEqual({ value: value(1), done: false })
        expect(ch.tryNext()).toBe(undefined)
        expect(ch.trySend(value(0) as number)).toBe(true)
        expect(ch.trySend(value(0) as number)).toBe(false)
        ch.close()
        expect(() => ch.trySend(value(0) as number)).toThrow('send on closed channel')
        expect(ch.tryNext()).toEqual({ value: value(0), done: false })
        expect(ch.tryNext()).toEqual({ value: undefined, done: true })
        expect(ch.tryReceive()).toBe(undefined)
      })
    }

    const pong: Parameters<typeof elsewhere>[1] = (async ({ open }, there, back, rounds) => {
      const [a, b] = [open(there), open(back)]
      for (let i = 0; i < (rounds as number); i++) {
        let n = a.tryReceive()
        for (let tries = 0; n === undefined; n = a.tryReceive())
          if (++tries % 1000 === 0) await new Promise((resolve) => setImmediate(resolve))
        while (!b.trySend(n)) {}
      }
    }) as Parameters<typeof elsewhere>[1]

    for (const codec of numbers) {
      for (const [where, run] of Object.entries({ 'one thread': here, 'two threads': elsewhere })) {
        test(`NB-7 ${codec.name}, ${where}: who knows that a value was sent finds it`, async () => {
          const [there, back] = [make(codec, 3), make(codec, 3)]
          const rounds = 100
          const other = run('async', pong, there.handle, back.handle, rounds)
          for (let i = 0; i < rounds; i++) {
            expect(there.trySend(i)).toBe(true)
            expect(await back.receive({ timeout: 10_000 })).toBe(i)
            // The value came back, so it has been taken: the channel has all its room.
            expect(there.length).toBe(0)
          }
          await other
        })
      }
    }

    test('NB-8 non-blocking operations return their results, not promises, and let nobody else run', () => {
      const ch = make(f64, 1)
      let ran = false
      void Promise.resolve().then(() => {
        ran = true
      })
      expect(ch.trySend(1)).toBe(true)
      expect(ch.trySend(2)).toBe(false)
      expect(ch.tryReceive()).toBe(1)
      expect(ch.tryReceive()).toBe(undefined)
      expect(ran).toBe(false)
    })
  })
}
