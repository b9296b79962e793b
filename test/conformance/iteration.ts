// ITER: for await, for of, and what is there now.

import { f64 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { expectPending } from '../support/probe.js'
import { placements } from '../support/threads.js'
import type { Subject } from './subject.js'

export function iteration({ name, capacities, kits, make }: Subject): void {
  describe(`${name}: iteration`, () => {
    for (const { codec, value, name } of kits) {
      test(`ITER-1 ${name}: all values in order, then the end, nothing more`, async () => {
        for (const capacity of capacities) {
          const ch = make(codec as typeof f64, capacity)
          const sending = (async () => {
            for (let i = 0; i < 20; i++) await ch.send(value(i) as number)
            ch.close()
          })()
          const got: unknown[] = []
          for await (const v of ch) got.push(v)
          expect(got).toEqual(Array.from({ length: 20 }, (_, i) => value(i)))
          await sending
        }
      })
    }

    for (const { name, left, right } of placements) {
      test(`ITER-1 ITER-8 values arrive in order and the loop ends (${name})`, async () => {
        for (const capacity of [0, 3]) {
          const ch = make(f64, capacity)
          const receiving = right(async ({ open, io }, handle) => {
            const got: number[] = []
            for await (const v of io.values(open(handle))) got.push(v)
            return got
          }, ch.handle)
          await left(async ({ open, io }, handle) => {
            const ch = open(handle)
            for (let i = 0; i < 200; i++) await io.send(ch, i)
            ch.close()
          }, ch.handle)
          expect(await receiving).toEqual(Array.from({ length: 200 }, (_, i) => i))
        }
      })
    }

    for (const how of ['break', 'return', 'throw'] as const) {
      test(`ITER-2 leaving the loop by ${how} neither closes nor loses`, async () => {
        for (const capacity of [2, 10]) {
          const ch = make(f64, capacity)
          for (let i = 0; i < capacity; i++) ch.trySend(i)
          const leave = async (): Promise<void> => {
            for await (const v of ch) {
              expect(v).toBe(0)
              if (how === 'break') break
              if (how === 'return') return
              throw new Error('left')
            }
          }
          await leave().catch((error) => expect(error.message).toBe('left'))
          expect(ch.closed).toBe(false)
          expect(ch.length).toBe(capacity - 1)
          expect(ch.tryReceive()).toBe(1)
          expect(ch.trySend(9)).toBe(true)
        }
      })

      test(`ITER-2 ITER-8 leaving the blocking loop by ${how} neither closes nor loses`, () => {
        const ch = make(f64, 10)
        for (let i = 0; i < 10; i++) ch.trySend(i)
        const leave = (): void => {
          for (const v of ch.sync()) {
            if (v < 3) continue
            if (how === 'break') break
            if (how === 'return') return
            throw new Error('left')
          }
        }
        try {
          leave()
        } catch (error) {
          expect((error as Error).message).toBe('left')
        }
        expect(ch.closed).toBe(false)
        expect(ch.receiveSync()).toBe(4)
      })
    }

    test('ITER-2 a loop can be taken up again where it was left', async () => {
      const ch = make(f64, 10)
      for (let i = 0; i < 10; i++) ch.trySend(i)
      ch.close()
      const got: number[] = []
      for (let turn = 0; turn < 12; turn++) {
        for await (const v of ch) {
          got.push(v)
          break
        }
      }
      expect(got).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    })

    for (const { name, left, right } of placements) {
      test(`ITER-3 each value goes to one of several loops (${name})`, async () => {
        const ch = make(f64, name.startsWith('two') ? 0 : 4)
        const count = 1000
        const receivers = [left, right, left, right].map((run) =>
          run(async ({ open, io }, handle) => {
            const got: number[] = []
            for await (const v of io.values(open(handle))) got.push(v)
            return got
          }, ch.handle),
        )
        for (let i = 0; i < count; i++) await ch.send(i)
        ch.close()
        const got = await Promise.all(receivers)
        for (const each of got) expect(each).toEqual([...each].sort((a, b) => a - b))
        expect(got.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i))
      })
    }

    test('ITER-4 a closed, empty channel has nothing to iterate', async () => {
      const ch = make(f64, 1)
      ch.close()
      for await (const v of ch) expect(v).toBe('nothing')
      for (const v of ch.sync()) expect(v).toBe('nothing')
      for (const v of ch.available()) expect(v).toBe('nothing')
    })

    test('ITER-6 available() yields what is there, without waiting, again and again', () => {
      const ch = make(f64, 10)
      expect([...ch.available()]).toEqual([])
      for (const batch of [[1, 2, 3], [], [4]]) {
        for (const v of batch) ch.trySend(v)
        expect([...ch.available()]).toEqual(batch)
      }
      ch.trySend(5)
      ch.trySend(6)
      for (const v of ch.available()) {
        expect(v).toBe(5)
        break
      }
      expect(ch.tryReceive()).toBe(6)
      ch.trySend(7)
      ch.close()
      expect([...ch.available()]).toEqual([7])
      expect([...ch.available()]).toEqual([])
    })

    test('ITER-7 an iterator that outlives the sender gives what was sent, then the end, for ever', async () => {
      const ch = make(f64, 4)
      const iterator = ch[Symbol.asyncIterator]()
      const blocking = ch.sync()
      ch.trySend(1)
      ch.trySend(2)
      ch.trySend(3)
      ch.close()
      expect(await iterator.next()).toEqual({ value: 1, done: false })
      expect(blocking.next()).toEqual({ value: 2, done: false })
      expect(await iterator.next()).toEqual({ value: 3, done: false })
      for (let i = 0; i < 10; i++) {
        expect(await iterator.next()).toEqual({ value: undefined, done: true })
        expect(blocking.next()).toEqual({ value: undefined, done: true })
      }
    })

    test('ITER-1 a loop over an open, empty channel waits', async () => {
      const ch = make(f64, 1)
      const next = ch[Symbol.asyncIterator]().next()
      await expectPending(next)
      ch.trySend(8)
      expect(await next).toEqual({ value: 8, done: false })
    })
  })
}
