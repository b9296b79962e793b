// LFS: the lock-free stack.

import { Arena, open, Stack, u32 } from 'millrace'
import { afterAll, describe, expect, test } from 'vitest'
import { STACK_FREE, STACK_TOP } from '../src/generated/layout.js'
import { kits } from './support/kit.mjs'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { elsewhere } from './support/threads.js'

const arena = new Arena({ size: 16 * 2 ** 20 })
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

afterAll(() => {
  const { 4096: _scratch, ...blocks } = arena.stats().blocks
  expect(blocks).toEqual({})
})

describe.each(kits.map((kit) => [kit.name, kit] as const))('stack of %s', (_name, { codec, value, edges }) => {
  const make = (capacity: number): Stack<number> => new Stack(codec as typeof u32, { capacity, arena })

  test('LFS-1 last in, first out; empty before and after', () => {
    const stack = make(8)
    expect([stack.pop(), stack.tryNext(), stack.length, stack.capacity]).toEqual([undefined, undefined, 0, 8])
    stack.push(value(42) as number)
    stack.push(value(43) as number)
    expect(stack.length).toBe(2)
    expect(stack.pop()).toEqual(value(43))
    expect(stack.tryNext()).toEqual({ value: value(42), done: false })
    expect([stack.pop(), stack.tryNext(), stack.length]).toEqual([undefined, undefined, 0])
    stack.dispose()
  })

  test('LFS-1 values come back unchanged', () => {
    const stack = make(edges.length)
    for (const edge of edges as number[]) expect(stack.push(edge)).toBe(true)
    const back = [...stack.drain()].reverse()
    for (const [i, edge] of edges.entries()) expect(Object.is(back[i], edge)).toBe(true)
    stack.dispose()
  })

  test('LFS-4 a full stack says so, and takes again after pops', () => {
    for (const capacity of [1, 2, 3, 31, 100]) {
      const stack = make(capacity)
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < capacity; i++) expect(stack.push(value(i) as number)).toBe(true)
        expect(stack.push(value(0) as number)).toBe(false)
        expect(stack.length).toBe(capacity)
        for (let i = capacity - 1; i >= 0; i--) expect(stack.tryNext()).toEqual({ value: value(i), done: false })
        expect(stack.tryNext()).toBe(undefined)
      }
      stack.dispose()
    }
  })

  test('LFS-6 10,000 values, newest first; drain empties', () => {
    const stack = make(10_000)
    for (let i = 0; i < 10_000; i++) stack.push(value(i) as number)
    expect(stack.length).toBe(10_000)
    const back = [...stack.drain()]
    expect(back).toEqual(range(10_000).map((i) => value(9999 - i)))
    expect(stack.length).toBe(0)
    stack.push(value(1) as number)
    stack.push(value(0) as number)
    for (const v of stack.drain()) {
      expect(v).toEqual(value(0))
      break
    }
    expect(stack.length).toBe(1)
    stack.dispose()
  })

  test('random pushes and pops against an array', () => {
    const rng = random(`stack ${codec.name}`)
    const stack = make(20)
    const other = open(stack.handle)
    const model: unknown[] = []
    for (let i = 0; i < 3000; i++) {
      const on = rng.below(2) ? stack : other
      if (rng.below(2)) {
        const pushed = on.push(value(i) as number)
        expect(pushed).toBe(model.length < 20)
        if (pushed) model.push(value(i))
      } else {
        const next = on.tryNext()
        expect(next).toEqual(model.length === 0 ? undefined : { value: model.pop(), done: false })
      }
      expect(on.length).toBe(model.length)
    }
    stack.dispose()
  })
})

describe('between threads', () => {
  /** Pushes and pops at random until `count` values were pushed; returns what was pushed and popped. */
  const churn = (
    stack: Stack<number>,
    threads: number,
    count: number,
  ): Promise<{ pushed: number[]; popped: number[] }[]> =>
    Promise.all(
      range(threads).map((thread) =>
        elsewhere(
          'blocking',
          ({ open, randomFrom }, handle, thread, count) => {
            const [stack, rng] = [open(handle), randomFrom(thread)]
            const pushed: number[] = []
            const popped: number[] = []
            for (let i = 0; i < count; i++) {
              const v = thread * 2 ** 24 + pushed.length
              if (rng.below(2)) {
                if (stack.push(v)) pushed.push(v)
              } else {
                const got = stack.pop()
                if (got !== undefined) popped.push(got)
              }
              if (stack.length < 0 || stack.length > stack.capacity) throw new Error('length out of bounds')
            }
            return { pushed, popped }
          },
          stack.handle,
          thread,
          count,
        ),
      ),
    )

  const expectSound = (stack: Stack<number>, results: { pushed: number[]; popped: number[] }[]): void => {
    const popped = [...results.flatMap((each) => each.popped), ...stack.drain()].sort((a, b) => a - b)
    expect(popped).toEqual(results.flatMap((each) => each.pushed).sort((a, b) => a - b))
    // No place has been lost.
    for (let i = 0; i < stack.capacity; i++) expect(stack.push(i)).toBe(true)
    expect(stack.push(0)).toBe(false)
  }

  for (const capacity of [1, 2, 4]) {
    test(`LFS-3 ${capacity} nodes are used again and again by three threads without being mixed up`, async () => {
      const stack = new Stack(u32, { capacity, arena })
      expectSound(stack, await churn(stack, 3, rounds(100_000)))
      stack.dispose()
    })
  }

  test('LFS-5 four threads push, then four threads pop: each value once', async () => {
    const count = rounds(25_000)
    const stack = new Stack(u32, { capacity: 4 * count, arena })
    await Promise.all(
      range(4).map((thread) =>
        elsewhere(
          'blocking',
          ({ open }, handle, thread, count) => {
            const stack = open(handle)
            for (let i = 0; i < count; i++) if (!stack.push(thread * count + i)) throw new Error('full')
          },
          stack.handle,
          thread,
          count,
        ),
      ),
    )
    expect([stack.length, stack.push(0)]).toEqual([4 * count, false])
    const got = await Promise.all(
      range(4).map(() =>
        elsewhere(
          'blocking',
          ({ open }, handle) => Uint32Array.from(open(handle).drain() as Iterable<number>),
          stack.handle,
        ),
      ),
    )
    const seen = new Uint8Array(4 * count)
    for (const each of got) for (const v of each) seen[v] = (seen[v] as number) + 1
    expect(seen.every((n) => n === 1)).toBe(true)
    // Who pops alone pops newer values of one producer before older ones.
    for (const each of got) {
      const last = [
        Number.POSITIVE_INFINITY,
        Number.POSITIVE_INFINITY,
        Number.POSITIVE_INFINITY,
        Number.POSITIVE_INFINITY,
      ]
      for (const v of each) {
        const producer = Math.floor(v / count)
        expect(v < (last[producer] as number)).toBe(true)
        last[producer] = v
      }
    }
    stack.dispose()
  })

  test('LFS-7 the tag wraps around', async () => {
    const stack = new Stack(u32, { capacity: 3, arena })
    const words = new Uint32Array(stack.handle.memory.buffer)
    const tag = (offset: number): number => (stack.handle.address + offset + 4) >>> 2
    for (const offset of [STACK_TOP, STACK_FREE]) words[tag(offset)] = 2 ** 32 - 500
    for (let i = 0; i < 400; i++) {
      expect(stack.push(i)).toBe(true)
      expect(stack.pop()).toBe(i)
    }
    expect(words[tag(STACK_TOP)]).toBe(2 ** 32 - 100)
    expectSound(stack, await churn(stack, 3, rounds(20_000)))
    expect(words[tag(STACK_TOP)]).toBeLessThan(2 ** 31)
    stack.dispose()
  })

  test('a push is seen by whoever pops it, with what was written before', async () => {
    const stack = new Stack(u32, { capacity: 100, arena })
    const data = new SharedArrayBuffer(4 * 100_000)
    const count = rounds(20_000)
    const reading = elsewhere(
      'blocking',
      ({ open }, handle, data, count) => {
        const [stack, words] = [open(handle), new Int32Array(data)]
        let bad = 0
        for (let n = 0; n < count; ) {
          const v = stack.pop()
          if (v === undefined) continue
          if (words[v] !== v + 1) bad++
          n++
        }
        return bad
      },
      stack.handle,
      data,
      count,
    )
    await elsewhere(
      'blocking',
      ({ open }, handle, data, count) => {
        const [stack, words] = [open(handle), new Int32Array(data)]
        for (let i = 0; i < count; i++) {
          words[i] = i + 1
          while (!stack.push(i)) {}
        }
      },
      stack.handle,
      data,
      count,
    )
    expect(await reading).toBe(0)
    stack.dispose()
  })
})
