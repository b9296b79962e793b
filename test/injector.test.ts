// DEQ: the injector, within one thread and between threads.

import { Arena, AtomicI32, Deque, f64, Injector, open, u32 } from 'millrace'
import { afterAll, describe, expect, test } from 'vitest'
import { INJECTOR_HEAD, INJECTOR_TAIL } from '../src/generated/layout.js'
import { kits } from './support/kit.mjs'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { elsewhere, spawn } from './support/threads.js'

const MIB = 2 ** 20
const arena = new Arena({ size: 64 * MIB })
const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)
const success = <T>(value: T): { status: 'success'; value: T } => ({ status: 'success', value })
const EMPTY = { status: 'empty' }

const expectNothingLeft = (): void => {
  // The pages of places stay: see assembly/sync.ts; so does what threads keep.
  const { 16384: _places, ...blocks } = arena.stats().blocks
  expect(blocks).toEqual({})
}
afterAll(expectNothingLeft)

describe('order', () => {
  test('DEQ-4 first in, first out, whoever steals; isEmpty and length', () => {
    using injector = new Injector(u32, { arena })
    const [a, b] = [open(injector.handle), open(injector.handle)]
    expect([injector.isEmpty, injector.length, injector.steal()]).toEqual([true, 0, EMPTY])
    injector.push(1)
    expect([a.isEmpty, b.length]).toEqual([false, 1])
    b.push(2)
    a.push(3)
    expect([a.steal(), b.steal(), injector.steal(), a.steal()]).toEqual([success(1), success(2), success(3), EMPTY])
    expect([injector.isEmpty, a.isEmpty]).toEqual([true, true])
  })

  test('DEQ-4 a push that has returned comes before one that another thread begins then', async () => {
    using injector = new Injector(u32, { arena })
    for (let i = 0; i < 300; i++) {
      if (i % 3 === 0) injector.push(i)
      else await elsewhere('blocking', ({ open }, handle, i) => open(handle).push(i), injector.handle, i)
    }
    expect([...injector.drain()]).toEqual(range(300))
  })

  test('DEQ-4 over many segments, which are given back', () => {
    using injector = new Injector(u32, { arena })
    const before = arena.stats().bytesInUse
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 10_000; i++) injector.push(i)
      expect(injector.length).toBe(10_000)
      expect([...injector.drain()]).toEqual(range(10_000))
      expect(arena.stats().bytesInUse).toBe(before)
    }
  })

  test.each(['lifo', 'fifo'] as const)('DEQ-5 DEQ-6 a batch into a %s deque comes out oldest first', (order) => {
    using injector = new Injector(u32, { arena })
    using dest = new Deque(u32, { order, arena })
    for (const v of [1, 2, 3, 4]) injector.push(v)
    expect(injector.stealBatch(dest)).toEqual(success(2))
    expect([...dest.drain()]).toEqual([1, 2])
    expect([...injector.drain()]).toEqual([3, 4])
    expect([injector.stealBatch(dest), injector.stealBatchAndPop(dest)]).toEqual([EMPTY, EMPTY])
    for (const v of [1, 2, 3, 4, 5, 6]) injector.push(v)
    expect(injector.stealBatchAndPop(dest)).toEqual(success(1))
    expect([...dest.drain()]).toEqual([2, 3])
    expect(injector.stealBatchAndPop(dest, { limit: 1 })).toEqual(success(4))
    expect(dest.length).toBe(0)
    expect(injector.stealBatch(dest, { limit: 1 })).toEqual(success(1))
    expect([...dest.drain()]).toEqual([5])
    expect(injector.stealBatchAndPop(dest)).toEqual(success(6))
  })

  test('DEQ-5 batches over many segments move everything, in order', () => {
    using injector = new Injector(u32, { arena })
    using dest = new Deque(u32, { order: 'fifo', arena })
    for (let i = 0; i < 5000; i++) injector.push(i)
    const got: number[] = []
    for (let k = 0; ; k++) {
      const { status, value } =
        k % 2 ? injector.stealBatch(dest, { limit: 1 + (k % 200) }) : injector.stealBatchAndPop(dest)
      if (status === 'empty') break
      if (k % 2 === 0) got.push(value as number)
      got.push(...dest.drain())
    }
    expect(got).toEqual(range(5000))
  })

  test('positions wrap around at 2^28', () => {
    using injector = new Injector(u32, { arena })
    using dest = new Deque(u32, { order: 'fifo', arena })
    const words = new BigUint64Array(injector.handle.memory.buffer)
    for (const offset of [INJECTOR_HEAD, INJECTOR_TAIL]) {
      const at = (injector.handle.address + offset) / 8
      words[at] = (words[at] as bigint) | ((2n ** 28n - 256n) << 20n)
    }
    const got: number[] = []
    for (let i = 0; i < 2000; i++) {
      injector.push(i)
      expect(injector.length).toBe(i + 1 - got.length)
      if (i % 3 === 0) got.push(injector.steal().value as number)
      if (i % 300 === 0 && injector.stealBatch(dest).status === 'success') got.push(...dest.drain())
    }
    expect([...got, ...injector.drain()]).toEqual(range(2000))
  })
})

describe.each(kits.map((kit) => [kit.name, kit] as const))('injector of %s', (_name, { codec, value, edges }) => {
  test('values come back unchanged; what is not of the codec is refused', () => {
    using injector = new Injector(codec as typeof u32, { arena })
    for (const edge of edges as number[]) injector.push(edge)
    for (const edge of edges) expect(Object.is(injector.steal().value, edge)).toBe(true)
    expect(() => injector.push('x' as unknown as number)).toThrow(TypeError)
    expect([injector.length, injector.steal()]).toEqual([0, EMPTY])
  })

  test('random operations against an array', () => {
    const rng = random(`injector ${codec.name}`)
    using injector = new Injector(codec as typeof u32, { arena })
    const model: unknown[] = []
    for (let i = 0; i < 3000; i++) {
      if (rng.below(5) < 2 + Number(i < 1000)) {
        injector.push(value(i) as number)
        model.push(value(i))
      } else expect(injector.steal()).toEqual(model.length === 0 ? EMPTY : success(model.shift()))
      expect(injector.length).toBe(model.length)
    }
  })
})

describe('between threads', () => {
  /** Threads that push so many values each. */
  const pushers = (injector: Injector<number>, threads: number, count: number): Promise<void>[] =>
    range(threads).map((thread) =>
      elsewhere(
        'blocking',
        ({ open }, handle, thread, count) => {
          const injector = open(handle)
          for (let i = 0; i < count; i++) injector.push(thread * count + i)
        },
        injector.handle,
        thread,
        count,
      ),
    )

  test('DEQ-9 one pushes 100,000, one steals them, in order; then empty', async () => {
    const count = rounds(100_000)
    using injector = new Injector(u32, { arena })
    const stealing = elsewhere(
      'blocking',
      ({ open }, handle, count) => {
        const injector = open(handle)
        for (let next = 0; next < count; ) {
          const { status, value } = injector.steal()
          if (status !== 'success') continue
          if (value !== next) return `${value} instead of ${next}`
          next++
        }
        return injector.steal().status
      },
      injector.handle,
      count,
    )
    await Promise.all(pushers(injector, 1, count))
    expect(await stealing).toBe('empty')
  })

  test('DEQ-7 DEQ-14 four threads push 25,000 each, four steal: each value once, each pusher in order', async () => {
    const [threads, count] = [4, rounds(25_000)]
    using injector = new Injector(u32, { arena })
    using left = new AtomicI32(threads * count, { arena })
    const thieves = range(threads).map((thief) =>
      elsewhere(
        'blocking',
        ({ open, millrace }, handle, leftHandle, thief) => {
          const [injector, left] = [open(handle), open(leftHandle)]
          const dest = new millrace.Deque(millrace.u32, { order: 'fifo', arena: injector.arena })
          const got: number[] = []
          while (left.load() > 0) {
            const before = got.length
            if (thief % 2) {
              const { status, value } = injector.steal()
              if (status === 'success') got.push(value)
            } else {
              const { status, value } = injector.stealBatchAndPop(dest)
              if (status === 'success') got.push(value, ...dest.drain())
            }
            if (got.length > before) left.sub(got.length - before)
          }
          dest.dispose()
          return got
        },
        injector.handle,
        left.handle,
        thief,
      ),
    )
    await Promise.all(pushers(injector, threads, count))
    const got = await Promise.all(thieves)
    expect(got.flat().sort((a, b) => a - b)).toEqual(range(threads * count))
    for (const each of got) {
      const last = new Array(threads).fill(-1)
      for (const v of each) {
        const pusher = Math.floor(v / count)
        expect(v > last[pusher]).toBe(true)
        last[pusher] = v
      }
    }
    expect([injector.steal(), left.load()]).toEqual([EMPTY, 0])
  })

  test('DEQ-10 DEQ-12 50,000 there, eight threads steal: each value once, each thread ever later ones, nobody starves', async () => {
    const count = rounds(50_000)
    using injector = new Injector(u32, { arena })
    for (let i = 0; i < count; i++) injector.push(i)
    using gate = new AtomicI32(0, { arena })
    const got = await Promise.all(
      range(8).map(() =>
        elsewhere(
          'blocking',
          ({ open, meet }, handle, gateHandle) => {
            const injector = open(handle)
            const got: number[] = []
            meet(open(gateHandle), 8)
            for (const v of injector.drain()) got.push(v)
            return got
          },
          injector.handle,
          gate.handle,
        ),
      ),
    )
    expect(got.flat().sort((a, b) => a - b)).toEqual(range(count))
    for (const each of got) expect(each.every((v, i) => i === 0 || v > (each[i - 1] as number))).toBe(true)
  })

  test('DEQ-13 what is left is counted, and disposed of with the injector', async () => {
    const count = rounds(50_000)
    const injector = new Injector(u32, { arena })
    for (let i = 0; i < count; i++) injector.push(i)
    const got = await Promise.all(
      range(8).map(() =>
        elsewhere(
          'blocking',
          ({ open }, handle) => {
            const injector = open(handle)
            const got: number[] = []
            while (got.length < 1000) {
              const { status, value } = injector.steal()
              if (status === 'success') got.push(value)
            }
            return got
          },
          injector.handle,
        ),
      ),
    )
    expect(injector.length).toBe(count - 8000)
    expect(got.flat().sort((a, b) => a - b)).toEqual(range(8000))
    expect(injector.steal()).toEqual(success(8000))
    injector.dispose()
    expectNothingLeft()
  })

  test('workers are terminated while they push and steal: what came out came out once, and in order of the pusher', async () => {
    const arena = new Arena({ size: 16 * MIB }) // the deques of the dead stay in it
    for (let round = 0; round < rounds(6); round++) {
      using injector = new Injector(u32, { arena })
      using pushed = new AtomicI32(0, { arena })
      const pusher = spawn(
        ({ open }, handle, pushedHandle) => {
          const [injector, pushed] = [open(handle), open(pushedHandle)]
          for (let i = 0; i < 1_000_000; i++) {
            injector.push(i)
            pushed.store(i + 1)
          }
        },
        injector.handle,
        pushed.handle,
      )
      const thief = spawn(({ open, millrace }, handle) => {
        const injector = open(handle)
        const dest = new millrace.Deque(millrace.u32, { arena: injector.arena })
        for (;;) {
          injector.steal()
          injector.stealBatchAndPop(dest)
          dest.pop()
        }
      }, injector.handle)
      pusher.result.catch(() => {})
      thief.result.catch(() => {})
      const got: number[] = []
      while (got.length < 100 + 300 * round) {
        const { status, value } = injector.steal()
        if (status === 'success') got.push(value)
      }
      const [first, second] = round % 2 ? [pusher, thief] : [thief, pusher]
      await first.terminate()
      await second.terminate()
      const done = pushed.load()
      for (const v of injector.drain()) got.push(v)
      expect(got.every((v, i) => i === 0 || v > (got[i - 1] as number))).toBe(true)
      // All that is there of what was pushed has come; at most one push had not returned yet.
      const last = got.at(-1) as number
      expect(last).toBeLessThanOrEqual(done)
      for (const v of range(300)) injector.push(v)
      expect([...injector.drain()]).toEqual(range(300))
    }
  })

  test('disposed of while others push and steal: they hear of it, and nothing is left', async () => {
    for (let round = 0; round < rounds(5); round++) {
      const injector = new Injector(u32, { arena })
      using gate = new AtomicI32(0, { arena })
      const jobs = range(3).map((thread) =>
        elsewhere(
          'blocking',
          ({ open }, handle, thread, gateHandle) => {
            const injector = open(handle)
            open(gateHandle).add(1)
            try {
              for (let i = 0; ; i++) {
                if (thread < 2) injector.push(i)
                if (thread > 0) injector.steal()
                if (i > 2_000_000) return 'never'
              }
            } catch (error) {
              return (error as { code: string }).code
            }
          },
          injector.handle,
          thread,
          gate.handle,
        ),
      )
      while (gate.load() < 3) await new Promise((resolve) => setTimeout(resolve, 1))
      injector.dispose()
      expect(await Promise.all(jobs)).toEqual(['ERR_STALE_HANDLE', 'ERR_STALE_HANDLE', 'ERR_STALE_HANDLE'])
    }
    expectNothingLeft()
  })
})

describe('ends', () => {
  test('after its end everything throws', () => {
    const injector = new Injector(u32, { arena, name: 'inbox' })
    using dest = new Deque(u32, { arena })
    const { handle } = injector
    const again = open(handle)
    expect(again.name).toBe('inbox')
    injector.push(1)
    injector.dispose()
    injector.dispose()
    using next = new Injector(u32, { arena })
    next.push(7)
    expect(next.handle.address).toBe(handle.address)
    for (const use of [
      () => injector.push(1),
      () => injector.steal(),
      () => injector.length,
      () => injector.handle,
      () => again.push(1),
      () => again.steal(),
      () => again.isEmpty,
      () => again.stealBatch(dest),
      () => again.stealBatchAndPop(dest),
      () => open(handle),
      () => again.dispose(),
    ])
      expect(use).toThrow(expect.objectContaining({ code: 'ERR_STALE_HANDLE' }))
    expect([next.length, dest.length]).toEqual([1, 0])
  })

  test('misuse throws; a full arena says so and changes nothing', () => {
    expect(() => new Injector(1 as never)).toThrow(TypeError)
    expect(() => new Injector(u32, 3 as never)).toThrow('Injector takes options { arena, name }, not 3')
    expect(() => new Injector(u32, { name: 3 as never, arena })).toThrow('name is a string, not 3')
    const small = new Arena({ size: MIB })
    const injector = new Injector(f64, { arena: small })
    const dest = new Deque(f64, { arena: small, order: 'fifo' })
    let n = 0
    expect(() => {
      for (; ; n++) injector.push(n)
    }).toThrow(expect.objectContaining({ code: 'ERR_ARENA_FULL' }))
    expect(() => injector.push(0)).toThrow(expect.objectContaining({ code: 'ERR_ARENA_FULL' }))
    expect(injector.length).toBe(n)
    expect(injector.stealBatch(dest, { limit: 40 })).toEqual(success(40))
    expect([...dest.drain(), ...injector.drain()]).toEqual(range(n))
    expect(() => injector.stealBatch(new Deque(u32, { arena: small }) as never)).toThrow('the injector carries f64')
    expect(() => injector.stealBatch(injector as never)).toThrow('a batch is stolen into a Deque of this thread')
  })
})
