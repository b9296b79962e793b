// CHAN: construction, length, capacity, identity.

import { channel, f64, open, u32, unit } from 'millrace'
import { describe, expect, test } from 'vitest'
import { thrown } from '../support/probe.js'
import { elsewhere } from '../support/threads.js'
import type { Subject } from './subject.js'

export function basics({ name, capacities, arena, kits, numbers, make }: Subject): void {
  describe(`${name}: construction, length, capacity, identity`, () => {
    for (const { codec, value, name } of kits) {
      test(`CHAN-1 length and capacity of ${name}`, () => {
        const ch = make(codec as typeof f64, 10)
        expect([ch.length, ch.capacity]).toEqual([0, 10])
        for (let i = 0; i < 3; i++) expect(ch.trySend(value(i) as number)).toBe(true)
        expect([ch.length, ch.capacity]).toEqual([3, 10])
        expect(ch.codec).toBe(codec)
        expect(ch.arena).toBe(arena)
      })
    }

    test('CHAN-2 without a capacity it is 0', () => {
      for (const options of [{}, { capacity: 0 }, { capacity: undefined }, { capacity: -0 }]) {
        const ch = channel(f64, { ...options, arena })
        expect([ch.length, ch.capacity, ch.trySend(1), ch.tryNext()]).toEqual([0, 0, false, undefined])
        ch.dispose()
      }
      using ch = channel(f64)
      expect([ch.length, ch.capacity]).toEqual([0, 0])
    })

    for (const { codec, value, name } of kits) {
      test(`CHAN-3 ${name}: as many sends as the capacity succeed, and no more`, () => {
        for (const capacity of capacities) {
          const ch = make(codec as typeof f64, capacity)
          for (let i = 0; i < capacity; i++) expect(ch.trySend(value(i) as number)).toBe(true)
          expect([ch.length, ch.capacity]).toEqual([capacity, capacity])
          expect(ch.trySend(value(0) as number)).toBe(false)
          expect(ch.length).toBe(capacity)
        }
      })
    }

    for (const capacity of [
      -1,
      -(2 ** 40),
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      1.5,
      0.5,
      2 ** 53,
      2 ** 31,
      2 ** 32 + 1,
    ]) {
      test(`CHAN-4 capacity ${capacity} is a RangeError`, () => {
        const before = arena.stats()
        const error = thrown(() => channel(f64, { capacity, arena }))
        expect(error).toBeInstanceOf(RangeError)
        expect(error.code).toBe('ERR_OUT_OF_RANGE')
        expect(error.message).toContain(String(capacity))
        expect(error.message).toMatch(/from 0 to \d+/)
        expect(arena.stats()).toEqual(before)
      })
    }

    test.each([['10'], [10n], [null], [true], [{}], [[10]], [() => 10], [Symbol('ten')]])(
      'CHAN-4 capacity %s is a TypeError',
      (capacity) => {
        const error = thrown(() => channel(f64, { capacity: capacity as unknown as number, arena }))
        expect(error).toBeInstanceOf(TypeError)
        expect(error.code).toBe('ERR_INVALID_ARG_TYPE')
      },
    )

    test('CHAN-4 the limit in the message is the real one for an empty arena of that size', () => {
      const error = thrown(() => channel(f64, { capacity: 2 ** 29, arena }))
      const limit = Number(/from 0 to (\d+)/.exec(error.message)?.[1])
      expect(thrown(() => channel(f64, { capacity: limit + 1, arena }))).toBeInstanceOf(RangeError)
      // Whether the limit itself fits now is the arena's matter, but it is no longer out of range.
      expect(thrown(() => channel(f64, { capacity: limit, arena })).code).toBe('ERR_ARENA_FULL')
    })

    test('CHAN-5 messages without information count, block and arrive', async () => {
      const ch = make(unit, 1)
      expect(ch.trySend(undefined)).toBe(true)
      expect([ch.length, ch.trySend(undefined)]).toEqual([1, false])
      const second = ch.send(undefined)
      expect(ch.tryNext()).toEqual({ value: undefined, done: false })
      await second
      expect(ch.length).toBe(1)
      expect(await ch.next()).toEqual({ value: undefined, done: false })
      expect(ch.tryNext()).toBe(undefined)
      const next = ch.next()
      ch.trySend(undefined)
      expect(await next).toEqual({ value: undefined, done: false })
      const end = ch.next()
      ch.close()
      expect(await end).toEqual({ value: undefined, done: true })
    })

    test('CHAN-6 length of a channel of capacity 2, step by step, from both ends and another handle', () => {
      const ch = make(f64, 2)
      const { sender, receiver } = ch
      const other = open(ch.handle)
      const lengths = (): number[] => [ch.length, sender.length, receiver.length, other.length]
      expect(lengths()).toEqual([0, 0, 0, 0])
      sender.trySend(1)
      expect(lengths()).toEqual([1, 1, 1, 1])
      other.trySend(2)
      expect(lengths()).toEqual([2, 2, 2, 2])
      expect(receiver.tryReceive()).toBe(1)
      expect(lengths()).toEqual([1, 1, 1, 1])
    })

    test('CHAN-8 both ends report the capacity', () => {
      for (let capacity = 0; capacity <= 9; capacity++) {
        const ch = make(u32, capacity)
        expect([ch.capacity, ch.sender.capacity, ch.receiver.capacity, open(ch.handle).capacity]).toEqual(
          Array(4).fill(capacity),
        )
      }
    })

    test.each([[f64], [u32]])('CHAN-9 length after each of many sends and receives (%o)', (codec) => {
      const ch = make(codec, 1000)
      for (let round = 0; round < 100; round++) {
        for (let i = 0; i < 50; i++) {
          ch.trySend(i)
          expect(ch.length).toBe(i + 1)
        }
        for (let i = 0; i < 50; i++) {
          expect(ch.tryReceive()).toBe(i)
          expect(ch.length).toBe(49 - i)
        }
      }
      for (let i = 0; i < 1000; i++) {
        ch.trySend(i)
        expect(ch.length).toBe(i + 1)
      }
      for (let i = 999; i >= 0; i--) {
        ch.tryReceive()
        expect(ch.length).toBe(i)
      }
    })

    for (const codec of numbers) {
      test(`CHAN-10 every length that anybody sees lies between 0 and the capacity (${codec.name})`, async () => {
        const ch = make(codec, 1000)
        const count = 25_000
        const sending = elsewhere(
          'blocking',
          ({ open }, handle, count) => {
            const ch = open(handle)
            let bad = 0
            for (let i = 0; i < count; i++) {
              ch.sendSync(i)
              const { length } = ch
              if (length < 0 || length > 1000) bad++
            }
            return bad
          },
          ch.handle,
          count,
        )
        const receiving = elsewhere(
          'blocking',
          ({ open }, handle, count) => {
            const ch = open(handle)
            let bad = 0
            for (let i = 0; i < count; i++) {
              if (ch.receiveSync() !== i) bad++
              const { length } = ch
              if (length < 0 || length > 1000) bad++
            }
            return bad
          },
          ch.handle,
          count,
        )
        expect(await Promise.all([sending, receiving])).toEqual([0, 0])
        expect(ch.length).toBe(0)
      })
    }

    for (const { codec, value, name } of kits) {
      test(`CHAN-11 ${name}: after close, what is left counts`, () => {
        const ch = make(codec as typeof f64, 5)
        for (let i = 0; i < 3; i++) ch.trySend(value(i) as number)
        ch.close()
        for (let left = 3; left > 0; left--) {
          expect([ch.length, ch.capacity]).toEqual([left, 5])
          expect(ch.tryNext()?.done).toBe(false)
        }
        expect([ch.length, ch.capacity]).toEqual([0, 5])
        ch.tryNext()
        expect(ch.length).toBe(0)
      })
    }

    test('CHAN-12 handles and views of one channel are the same channel, others are not', async () => {
      const ch = make(f64, 4)
      const twin = make(f64, 4)
      const again = open(ch.handle)
      for (const same of [ch, again, ch.sender, ch.receiver, open(ch.sender.handle), open(ch.receiver.handle)]) {
        expect(ch.equals(same)).toBe(true)
        expect(same.equals(ch)).toBe(true)
        expect(same.equals(ch.receiver)).toBe(true)
        expect(same.equals(twin)).toBe(false)
        expect(twin.equals(same)).toBe(false)
        expect(same.equals(twin.sender)).toBe(false)
      }
      for (const other of [undefined, null, 1, {}, 'ch']) expect(ch.equals(other as unknown as typeof ch)).toBe(false)
      // To another thread and back.
      const back = await elsewhere('blocking', ({ open }, handle) => open(handle).handle, ch.handle)
      expect(ch.equals(open(back as typeof ch.handle))).toBe(true)
    })
  })
}
