// DEQ: the work-stealing deque, within one thread.

import { Arena, Deque, f64, open, Stack, type Stealer, u32, unit } from 'millrace'
import { afterAll, describe, expect, test } from 'vitest'
import { DEQUE_BOTTOM, DEQUE_PLACE, DEQUE_SEEN, DEQUE_TOP } from '../src/generated/layout.js'
import { kits } from './support/kit.mjs'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'

const MIB = 2 ** 20
const arena = new Arena({ size: 16 * MIB })
const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)

afterAll(() => {
  // The pages of places stay: see assembly/sync.ts.
  const { 16384: _places, ...blocks } = arena.stats().blocks
  expect(blocks).toEqual({})
})

type Order = 'lifo' | 'fifo'
const orders: Order[] = ['lifo', 'fifo']
const make = (order: Order, values: number[] = []): Deque<number> => {
  const deque = new Deque(u32, { order, arena })
  for (const v of values) deque.push(v)
  return deque
}
const success = <T>(value: T): { status: 'success'; value: T } => ({ status: 'success', value })
const EMPTY = { status: 'empty' }

describe('order', () => {
  test('DEQ-1 the owner of a LIFO deque takes the newest, a thief the oldest', () => {
    using deque = make('lifo', [6, 7, 8, 9])
    const thief = deque.stealer
    expect(deque.pop()).toBe(9)
    expect(thief.steal()).toEqual(success(6))
    expect([deque.pop(), deque.pop(), deque.pop()]).toEqual([8, 7, undefined])
    expect(thief.steal()).toEqual(EMPTY)
  })

  test('DEQ-1 the owner of a FIFO deque takes the oldest, and so does a thief', () => {
    using deque = make('fifo', [6, 7, 8, 9])
    const thief = deque.stealer
    expect(deque.pop()).toBe(6)
    expect(thief.steal()).toEqual(success(7))
    expect([deque.pop(), deque.pop(), deque.pop()]).toEqual([8, 9, undefined])
    expect(thief.steal()).toEqual(EMPTY)
  })

  test('DEQ-1 LIFO is the default; an order of another name is refused', () => {
    using deque = new Deque(u32, { arena })
    expect([deque.order, deque.stealer.order, open(deque.handle).order]).toEqual(['lifo', 'lifo', 'lifo'])
    using other = make('fifo')
    expect([other.order, other.stealer.order]).toEqual(['fifo', 'fifo'])
    expect(() => new Deque(u32, { order: 'LIFO' as 'lifo', arena })).toThrow("order is 'lifo' or 'fifo', not \"LIFO\"")
  })

  test.each(orders)('DEQ-2 of a %s deque steal takes the oldest; empty is told', (order) => {
    using deque = make(order)
    const thief = open(deque.handle)
    expect([deque.pop(), deque.tryNext(), thief.steal()]).toEqual([undefined, undefined, EMPTY])
    for (const v of [3, 4, 5]) deque.push(v)
    expect([thief.steal(), thief.steal(), thief.steal()]).toEqual([success(3), success(4), success(5)])
    expect([thief.steal(), deque.pop()]).toEqual([EMPTY, undefined])
  })

  test.each(orders)('DEQ-3 isEmpty and length of a %s deque from both ends, after each operation', (order) => {
    using deque = make(order)
    const thief = open(deque.handle)
    const expectLength = (n: number): void => {
      expect([deque.length, thief.length, deque.isEmpty, thief.isEmpty]).toEqual([n, n, n === 0, n === 0])
    }
    expectLength(0)
    deque.push(1)
    expectLength(1)
    deque.push(2)
    expectLength(2)
    thief.steal()
    expectLength(1)
    deque.pop()
    expectLength(0)
    deque.pop()
    thief.steal()
    expectLength(0)
  })
})

describe('batches', () => {
  const pops = (deque: Deque<number>): number[] => [...deque.drain()]

  test.each([
    ['fifo', 'fifo', [1, 2]],
    ['lifo', 'lifo', [2, 1]],
    ['fifo', 'lifo', [1, 2]],
    ['lifo', 'fifo', [2, 1]],
  ] as const)('DEQ-5 stealBatch moves half: %s to %s', (from, to, expected) => {
    using source = make(from, [1, 2, 3, 4])
    using dest = make(to)
    expect(source.stealer.stealBatch(dest)).toEqual(success(2))
    expect(pops(dest)).toEqual(expected)
    expect(pops(source)).toEqual(from === 'fifo' ? [3, 4] : [4, 3])
    expect(source.stealer.stealBatch(dest)).toEqual(EMPTY)
  })

  test.each([
    ['fifo', 'fifo', 1, [2, 3]],
    ['lifo', 'lifo', 3, [2, 1]],
    ['fifo', 'lifo', 1, [2, 3]],
    ['lifo', 'fifo', 3, [2, 1]],
  ] as const)('DEQ-6 stealBatchAndPop moves half, and gives the first of it: %s to %s', (from, to, first, rest) => {
    using source = make(from, [1, 2, 3, 4, 5, 6])
    using dest = make(to)
    expect(source.stealer.stealBatchAndPop(dest)).toEqual(success(first))
    expect(pops(dest)).toEqual(rest)
    expect(source.length).toBe(3)
    pops(source)
    expect(source.stealer.stealBatchAndPop(dest)).toEqual(EMPTY)
    source.push(9)
    expect(source.stealer.stealBatchAndPop(dest)).toEqual(success(9))
    expect([source.length, dest.length]).toEqual([0, 0])
  })

  test.each(orders.flatMap((from) => orders.map((to) => [from, to] as const)))(
    'DEQ-5 DEQ-6 of any length, into what already holds some, with a limit: %s to %s',
    (from, to) => {
      for (const length of [1, 2, 3, 5, 7, 8, 63, 64, 65, 200]) {
        for (const limit of [1, 2, 3, 100]) {
          for (const andPop of [false, true]) {
            using source = make(from, range(length))
            using dest = make(to, [1000, 1001])
            const n = Math.min(limit, Math.ceil(length / 2))
            // As the owner of the source would have taken them.
            const stolen = from === 'fifo' ? range(n) : range(n).reverse()
            const got = andPop
              ? source.stealer.stealBatchAndPop(dest, { limit })
              : source.stealer.stealBatch(dest, { limit })
            expect(got).toEqual(success(andPop ? stolen.shift() : n))
            expect(pops(dest)).toEqual(to === 'fifo' ? [1000, 1001, ...stolen] : [...stolen, 1001, 1000])
            expect(pops(source).sort((a, b) => a - b)).toEqual(range(length - n, n))
          }
        }
      }
    },
  )

  test('DEQ-5 at most 256 at a time unless told otherwise', () => {
    using source = make('lifo', range(2000))
    using dest = make('lifo')
    expect(source.stealer.stealBatch(dest)).toEqual(success(256))
    expect(source.stealer.stealBatch(dest, { limit: 1e6 })).toEqual(success(872))
    expect(source.length).toBe(872)
  })

  test('DEQ-5 DEQ-6 into the deque itself nothing moves', () => {
    using deque = make('lifo')
    expect([deque.stealer.stealBatch(deque), deque.stealer.stealBatchAndPop(deque)]).toEqual([EMPTY, EMPTY])
    deque.push(1)
    deque.push(2)
    expect([deque.stealer.stealBatch(deque), deque.length]).toEqual([success(0), 2])
    expect([deque.stealer.stealBatchAndPop(deque), deque.length]).toEqual([success(2), 1])
  })

  test('misuse throws, and moves nothing', () => {
    using source = make('lifo', [1, 2])
    using dest = make('lifo')
    using floats = new Deque(f64, { arena })
    const other = new Arena({ size: MIB })
    using far = new Deque(u32, { arena: other })
    const thief = source.stealer
    for (const batch of ['stealBatch', 'stealBatchAndPop'] as const) {
      expect(() => thief[batch](thief as unknown as Deque<number>)).toThrow(
        'a batch is stolen into a Deque of this thread, not into a Stealer object',
      )
      expect(() => thief[batch](floats)).toThrow('the deque carries u32, and the deque to steal into f64')
      expect(() => thief[batch](far)).toThrow('are in different arenas')
      for (const limit of [0, -1, 1.5, Number.NaN, 2 ** 31])
        expect(() => thief[batch](dest, { limit })).toThrow('limit is an integer from 1 to 2147483647')
      expect(() => thief[batch](dest, { limit: '3' as unknown as number })).toThrow(TypeError)
      expect(() => thief[batch](dest, 3 as unknown as object)).toThrow('takes options { limit }, not 3')
      const gone = make('lifo')
      gone.dispose()
      expect(() => thief[batch](gone)).toThrow(expect.objectContaining({ code: 'ERR_STALE_HANDLE' }))
    }
    expect([source.length, dest.length, floats.length]).toEqual([2, 0, 0])
  })
})

describe('run queues', () => {
  test.each(orders)('DEQ-15 of 0 to 255 values, each comes back, in order; empty before and after: %s', (order) => {
    using deque = make(order)
    for (let n = 0; n < 256; n++) {
      expect(deque.pop()).toBe(undefined)
      for (let i = 0; i < n; i++) deque.push(i)
      for (let i = 0; i < n; i++) expect(deque.pop()).toBe(order === 'fifo' ? i : n - 1 - i)
      expect([deque.pop(), deque.isEmpty]).toEqual([undefined, true])
    }
  })

  test('DEQ-16 a thief gets half of 0 to 255 values, each is in one of the two', () => {
    for (const from of orders) {
      for (const to of orders) {
        using source = make(from)
        using dest = make(to)
        for (let n = 0; n < 256; n++) {
          for (let i = 0; i < n; i++) source.push(i)
          source.stealer.stealBatch(dest)
          expect(dest.length).toBeGreaterThanOrEqual(Math.floor(n / 2))
          expect(dest.length).toBeLessThanOrEqual(Math.floor(n / 2) + 1)
          expect([...source.drain(), ...dest.drain()].sort((a, b) => a - b)).toEqual(range(n))
        }
      }
    }
  })

  test('DEQ-19 it grows instead of overflowing: 100,000 values, stolen in the midst of it', () => {
    using deque = make('lifo')
    using dest = make('fifo')
    const got: number[] = []
    for (let i = 0; i < 100_000; i++) {
      deque.push(i)
      if (i % 1000 === 999) {
        deque.stealer.stealBatch(dest, { limit: 50 })
        got.push(...dest.drain())
      }
    }
    got.push(...deque.drain())
    expect(got.sort((a, b) => a - b)).toEqual(range(100_000))
  })
})

describe.each(kits.map((kit) => [kit.name, kit] as const))('deque of %s', (_name, { codec, value, edges }) => {
  test('values come back unchanged, popped, stolen and moved', () => {
    using deque = new Deque(codec as typeof u32, { order: 'fifo', arena })
    using dest = new Deque(codec as typeof u32, { order: 'fifo', arena })
    const thief = open(deque.handle) as Stealer<number>
    for (const take of [
      () => deque.tryNext()?.value,
      () => thief.steal().value,
      () => {
        thief.stealBatch(dest, { limit: 1 })
        return dest.pop()
      },
      () => thief.stealBatchAndPop(dest, { limit: 1 }).value,
    ]) {
      for (const edge of edges as number[]) deque.push(edge)
      for (const edge of edges) expect(Object.is(take(), edge)).toBe(true)
      expect([deque.tryNext(), thief.steal()]).toEqual([undefined, EMPTY])
    }
  })

  test('what is not of the codec is refused, and not pushed', () => {
    using deque = new Deque(codec as typeof u32, { arena })
    expect(() => deque.push('x' as unknown as number)).toThrow(TypeError)
    expect(deque.length).toBe(0)
  })

  test('random operations against an array', () => {
    for (const order of orders) {
      const rng = random(`deque ${codec.name} ${order}`)
      using deque = new Deque(codec as typeof u32, { order, arena })
      const thief = open(deque.handle) as Stealer<number>
      const model: unknown[] = []
      for (let i = 0; i < 3000; i++) {
        const what = rng.below(5)
        if (what < 2 + Number(i < 1000)) {
          deque.push(value(i) as number)
          model.push(value(i))
        } else if (what < 4) {
          const next = deque.tryNext()
          if (model.length === 0) expect(next).toBe(undefined)
          else expect(next?.value).toEqual(order === 'fifo' ? model.shift() : model.pop())
        } else expect(thief.steal()).toEqual(model.length === 0 ? EMPTY : success(model.shift()))
        expect(thief.length).toBe(model.length)
      }
    }
  })
})

describe('ends', () => {
  test('a thief neither pushes nor pops', () => {
    using deque = new Deque(u32, { arena, name: 'runs' })
    const thief = open(deque.handle) as Stealer<number> & { push(v: number): void; pop(): void }
    expect(() => thief.push(1)).toThrow('deque: push by another thread than its owner: the deque "runs" belongs to')
    expect(() => thief.pop()).toThrow(expect.objectContaining({ code: 'ERR_SYNC' }))
    expect([deque.length, thief.name]).toEqual([0, 'runs'])
  })

  test('after its end everything throws', () => {
    const deque = make('lifo', [1, 2, 3])
    using dest = make('lifo')
    const { handle, stealer } = deque
    const again = open(handle)
    deque.dispose()
    deque.dispose()
    // Its place is used again.
    using next = make('lifo', [7])
    expect(next.handle.address).toBe(handle.address)
    const stale = expect.objectContaining({ code: 'ERR_STALE_HANDLE' })
    for (const use of [
      () => deque.push(1),
      () => deque.pop(),
      () => deque.tryNext(),
      () => deque.length,
      () => deque.isEmpty,
      () => deque.handle,
      () => deque.stealer,
      () => stealer.steal(),
      () => again.steal(),
      () => again.length,
      () => again.handle,
      () => again.stealBatch(dest),
      () => again.stealBatchAndPop(dest),
      () => open(handle),
      () => again.dispose(),
    ])
      expect(use).toThrow(stale)
    expect([next.length, dest.length]).toEqual([1, 0])
  })

  test('what is made wrongly throws, and a full arena says so and changes nothing', () => {
    expect(() => new Deque(1 as never)).toThrow(TypeError)
    expect(() => new Deque(u32, 3 as never)).toThrow('Deque takes options { order, arena, name }, not 3')
    expect(() => new Deque(u32, { name: 3 as never, arena })).toThrow('name is a string, not 3')
    const small = new Arena({ size: MIB })
    const deque = new Deque(f64, { arena: small })
    using dest = new Deque(f64, { arena: small, order: 'fifo' })
    let n = 0
    const fill = (): void => {
      for (;;) {
        deque.push(n)
        n++
      }
    }
    expect(fill).toThrow(expect.objectContaining({ code: 'ERR_ARENA_FULL' }))
    expect(fill).toThrow(expect.objectContaining({ code: 'ERR_ARENA_FULL' }))
    expect(deque.length).toBe(n)
    expect(() => {
      for (;;) new Stack(u32, { capacity: 6, arena: small })
    }).toThrow(expect.objectContaining({ code: 'ERR_ARENA_FULL' }))
    expect(() => deque.stealer.stealBatch(dest, { limit: 5000 })).toThrow(
      expect.objectContaining({ code: 'ERR_ARENA_FULL' }),
    )
    expect([deque.length, dest.length]).toEqual([n, 0])
    expect(deque.pop()).toBe(n - 1)
    deque.push(5)
    deque.dispose()
    // The rings have been given back.
    for (let i = 0; i < n; i++) dest.push(i)
    expect(dest.length).toBe(n)
  })

  test('units are counted', () => {
    using deque = new Deque(unit, { arena })
    deque.push(undefined)
    expect([deque.tryNext(), deque.tryNext()]).toEqual([{ value: undefined, done: false }, undefined])
  })

  test.each(orders)('positions wrap around at 2^32: %s', (order) => {
    using deque = make(order)
    using dest = make(order)
    for (const each of [deque, dest]) {
      const words = new Uint32Array(each.handle.memory.buffer)
      for (const offset of [DEQUE_BOTTOM, DEQUE_SEEN, DEQUE_TOP])
        words[(each.handle.address + DEQUE_PLACE + offset) >>> 2] = 2 ** 32 - 100
    }
    const count = rounds(300)
    let next = 0
    let taken: number[] = []
    for (let i = 0; i < count; i++) {
      for (let k = 0; k < 5; k++) deque.push(next++)
      taken.push(deque.pop() as number, deque.stealer.steal().value as number)
      deque.stealer.stealBatch(dest)
      taken.push(...dest.drain())
    }
    taken = [...taken, ...deque.drain()].sort((a, b) => a - b)
    expect(taken).toEqual(range(next))
    expect(deque.length).toBe(0)
  })
})
