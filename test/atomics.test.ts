// ATOM: atomics. MEM-7 is ATOM-10.

import { Arena, AtomicBool, AtomicI32, AtomicI64, AtomicU32, AtomicU64, open, StaleHandleError } from 'millrace'
import { afterAll, describe, expect, test } from 'vitest'
import { thrown } from './support/probe.js'
import { rounds } from './support/settings.js'
import { elsewhere } from './support/threads.js'

const arena = new Arena({ size: 2 ** 20 })
afterAll(() => {
  const { 4096: _scratch, ...blocks } = arena.stats().blocks
  expect(blocks).toEqual({})
})

type N = number & bigint // one text for both kinds of numbers

interface Kind {
  name: string
  make: (initial: never) => AtomicI32
  bits: number
  signed: boolean
  /** The value of the type with these bits. */
  of: (n: bigint) => N
}

const kinds: Kind[] = [
  {
    name: 'AtomicI32',
    make: (v) => new AtomicI32(v, { arena }),
    bits: 32,
    signed: true,
    of: (n) => Number(BigInt.asIntN(32, n)) as N,
  },
  {
    name: 'AtomicU32',
    make: (v) => new AtomicU32(v, { arena }) as AtomicI32,
    bits: 32,
    signed: false,
    of: (n) => Number(BigInt.asUintN(32, n)) as N,
  },
  {
    name: 'AtomicI64',
    make: (v) => new AtomicI64(v, { arena }) as unknown as AtomicI32,
    bits: 64,
    signed: true,
    of: (n) => BigInt.asIntN(64, n) as N,
  },
  {
    name: 'AtomicU64',
    make: (v) => new AtomicU64(v, { arena }) as unknown as AtomicI32,
    bits: 64,
    signed: false,
    of: (n) => BigInt.asUintN(64, n) as N,
  },
]

const powers = (bits: number): bigint[] => Array.from({ length: bits }, (_, i) => 1n << BigInt(i))

describe.each(kinds.map((kind) => [kind.name, kind] as const))('%s', (_name, { make, bits, signed, of }) => {
  const big = (v: number): bigint => BigInt(v)

  test('ATOM-1 add and sub give the new value, swap, and, or, xor the old one, compareAndSwap whether it did', () => {
    const n = make(of(0n) as never)
    let model = 0n
    for (const power of [...powers(bits), ...powers(bits).reverse()]) {
      const v = of(power)
      model += power
      expect(n.add(v)).toBe(of(model))
      expect(n.load()).toBe(of(model))
      model -= 3n * power
      expect(n.sub(of(3n * power))).toBe(of(model))
      expect(n.swap(v)).toBe(of(model))
      model = power
      expect(n.or(of(power >> 1n))).toBe(of(model))
      model |= power >> 1n
      expect(n.xor(of(power | 1n))).toBe(of(model))
      model ^= power | 1n
      expect(n.and(of(power - 1n))).toBe(of(model))
      model &= power - 1n
      expect(n.load()).toBe(of(model))
      expect(n.compareAndSwap(of(model), v)).toBe(true)
      expect(n.compareAndSwap(of(model === power ? model + 1n : model), of(7n))).toBe(false)
      model = power
      expect(n.load()).toBe(of(model))
    }
    n.dispose()
  })

  test('ATOM-2 operations touch their own word and nothing else', () => {
    const cells = [make(of(0x5a5a5a5an) as never), make(of(0n) as never), make(of(0x5a5a5a5an) as never)]
    const n = cells[1] as AtomicI32
    const { memory } = n.handle
    const before = new Uint8Array(memory.buffer).slice()
    const all = of(-1n)
    n.store(all)
    const own = new Uint8Array(memory.buffer).map((byte, i) => (byte === before[i] ? 0 : 1))
    const places = [...own.keys()].filter((i) => own[i] === 1)
    expect(places.length).toBe(bits / 8)
    expect((places.at(-1) as number) - (places[0] as number)).toBe(bits / 8 - 1)
    expect((places[0] as number) % (bits / 8)).toBe(0)
    n.add(all)
    n.swap(of(1n))
    n.and(all)
    n.or(all)
    n.xor(all)
    n.compareAndSwap(of(0n), of(5n))
    n.store(of(0n))
    expect(Buffer.compare(new Uint8Array(memory.buffer), before)).toBe(0)
    for (const cell of cells) cell.dispose()
  })

  test('ATOM-3 overflow wraps around, and signs stay what they are', () => {
    const low = signed ? -(1n << BigInt(bits - 1)) : 0n
    const high = low + (1n << BigInt(bits)) - 1n
    const n = make(of(high) as never)
    expect(n.add(of(1n))).toBe(of(low))
    expect(n.load()).toBe(of(low))
    expect(n.sub(of(1n))).toBe(of(high))
    expect(n.add(of(high))).toBe(of(2n * high))
    n.store(of(low))
    expect(n.add(of(-1n))).toBe(of(high))
    expect(n.swap(of(0n))).toBe(of(high))
    n.dispose()
  })

  test('ATOM-4 what is stored is loaded, for all powers of two, from other handles too', () => {
    const n = make(of(0n) as never)
    const other = open(n.handle)
    for (const power of powers(bits)) {
      n.store(of(power))
      expect([n.load(), other.load()]).toEqual([of(power), of(power)])
      other.store(of(power - 1n))
      expect(n.load()).toBe(of(power - 1n))
    }
    n.dispose()
  })

  test('ATOM-5 compareAndSwap stores if equal, and leaves the value if not', () => {
    const n = make(of(0n) as never)
    for (const power of powers(bits)) {
      n.store(of(power))
      expect(n.compareAndSwap(of(power + 1n), of(3n))).toBe(false)
      expect(n.load()).toBe(of(power))
      expect(n.compareAndSwap(of(power), of(power + 1n))).toBe(true)
      expect(n.load()).toBe(of(power + 1n))
    }
    n.dispose()
  })

  test('initial values', () => {
    for (const value of [0n, 1n, -1n, 1n << BigInt(bits - 1)]) {
      const n = make(of(value) as never)
      expect(n.load()).toBe(of(value))
      n.dispose()
    }
    const zero = make(undefined as never)
    expect(big(zero.load())).toBe(0n)
    zero.dispose()
  })

  test('ATOM-13 a disposed atomic throws on every use', () => {
    const n = make(of(5n) as never)
    const other = open(n.handle)
    n.dispose()
    const neighbour = make(of(6n) as never)
    for (const each of [n, other]) {
      const v = of(1n)
      for (const call of [
        () => each.load(),
        () => each.store(v),
        () => each.add(v),
        () => each.sub(v),
        () => each.swap(v),
        () => each.and(v),
        () => each.or(v),
        () => each.xor(v),
        () => each.compareAndSwap(v, v),
      ]) {
        expect(thrown(call)).toBeInstanceOf(StaleHandleError)
      }
    }
    expect(neighbour.load()).toBe(of(6n))
    neighbour.dispose()
  })

  test('ATOM-7 four threads add, and count by compare-and-swap: nothing is lost', async () => {
    const [added, swapped] = [make(of(0n) as never), make(of(0n) as never)]
    const count = rounds(20_000)
    await Promise.all(
      Array.from({ length: 4 }, () =>
        elsewhere(
          'blocking',
          ({ open }, a, b, count, wide) => {
            const [added, swapped] = [open(a), open(b)]
            const one = wide ? 1n : 1
            for (let i = 0; i < count; i++) {
              added.add(one)
              for (let old = swapped.load(); !swapped.compareAndSwap(old, old + one); old = swapped.load()) {}
            }
          },
          added.handle,
          swapped.handle,
          count,
          bits === 64,
        ),
      ),
    )
    expect([added.load(), swapped.load()]).toEqual([of(BigInt(4 * count)), of(BigInt(4 * count))])
    added.dispose()
    swapped.dispose()
  })

  test('ATOM-8 ATOM-9 values whose halves are equal stay so under swap, load and store by four threads', async () => {
    const n = make(of(0n) as never)
    const failures = await Promise.all(
      Array.from({ length: 4 }, (_, thread) =>
        elsewhere(
          'blocking',
          ({ open }, handle, count, wide, thread) => {
            const n = open(handle)
            const half = wide ? 32n : 16n
            const pair = (i: number): number | bigint => {
              const v = (BigInt(i) << half) | BigInt(i)
              return wide ? v : Number(v)
            }
            const equal = (v: number | bigint): boolean => BigInt(v) >> half === (BigInt(v) & ((1n << half) - 1n))
            let bad = 0
            for (let i = 0; i < count; i++) {
              const v = pair((i * 4 + thread) % 30_000)
              if (i % 2) n.store(v)
              else if (!equal(n.swap(v))) bad++
              if (!equal(n.load())) bad++
            }
            return bad
          },
          n.handle,
          rounds(10_000),
          bits === 64,
          thread,
        ),
      ),
    )
    expect(failures).toEqual([0, 0, 0, 0])
    n.dispose()
  })

  test('ATOM-10 MEM-7 of two threads that each store and then look at the other, one sees the other', async () => {
    const cells = [make(of(0n) as never), make(of(0n) as never)]
    const meeting = new AtomicI32(0, { arena })
    const count = 1000
    const seen = await Promise.all(
      [0, 1].map((me) =>
        elsewhere(
          'blocking',
          ({ open, meet }, handles, meeting, me, count, wide) => {
            const [mine, other] = [open(handles[me]), open(handles[1 - me])]
            const gate = open(meeting)
            const seen: boolean[] = []
            for (let i = 1; i <= count; i++) {
              meet(gate, 2, i)
              mine.store(wide ? BigInt(i) : i)
              seen.push(Number(other.load()) >= i)
            }
            return seen
          },
          cells.map((each) => each.handle),
          meeting.handle,
          me,
          count,
          bits === 64,
        ),
      ),
    )
    const [first, second] = seen as [boolean[], boolean[]]
    for (let i = 0; i < count; i++) expect(first[i] || second[i]).toBe(true)
    for (const each of [...cells, meeting]) each.dispose()
  })

  test('ATOM-11 plain data written before an atomic store is there after the load that finds it', async () => {
    const flag = make(of(0n) as never)
    const back = make(of(0n) as never)
    const data = new SharedArrayBuffer(1024)
    const count = 1000
    const reading = elsewhere(
      'blocking',
      ({ open, sleepSync }, handle, backHandle, data, count, wide) => {
        const [flag, back, ints, floats] = [
          open(handle),
          open(backHandle),
          new Int32Array(data),
          new Float64Array(data),
        ]
        let bad = 0
        for (let i = 1; i <= count; i++) {
          for (let tries = 0; Number(flag.load()) !== i; tries++) if (tries > 1000) sleepSync(0.05)
          if (ints[0] !== i || ints[64] !== -i || floats[64] !== i / 2) bad++
          back.store(wide ? BigInt(i) : i)
        }
        return bad
      },
      flag.handle,
      back.handle,
      data,
      count,
      bits === 64,
    )
    await elsewhere(
      'blocking',
      ({ open, sleepSync }, handle, backHandle, data, count, wide) => {
        const [flag, back, ints, floats] = [
          open(handle),
          open(backHandle),
          new Int32Array(data),
          new Float64Array(data),
        ]
        for (let i = 1; i <= count; i++) {
          ints[0] = i
          ints[64] = -i
          floats[64] = i / 2
          flag.store(wide ? BigInt(i) : i)
          for (let tries = 0; Number(back.load()) !== i; tries++) if (tries > 1000) sleepSync(0.05)
        }
      },
      flag.handle,
      back.handle,
      data,
      count,
      bits === 64,
    )
    expect(await reading).toBe(0)
    flag.dispose()
    back.dispose()
  })
})

describe('AtomicBool', () => {
  test('ATOM-6 load, store, swap and compareAndSwap', () => {
    const flag = new AtomicBool(undefined, { arena })
    const other = open(flag.handle)
    expect(flag.load()).toBe(false)
    flag.store(true)
    expect(other.load()).toBe(true)
    expect(flag.swap(false)).toBe(true)
    expect(flag.swap(false)).toBe(false)
    expect(flag.compareAndSwap(true, false)).toBe(false)
    expect(flag.compareAndSwap(false, true)).toBe(true)
    expect(other.load()).toBe(true)
    flag.dispose()
    for (const call of [
      () => other.load(),
      () => other.store(true),
      () => other.swap(true),
      () => other.compareAndSwap(true, true),
    ]) {
      expect(thrown(call)).toBeInstanceOf(StaleHandleError)
    }
  })

  test('ATOM-6 one of many threads takes a flag', async () => {
    const flags = Array.from({ length: 200 }, () => new AtomicBool(false, { arena }))
    const taken = await Promise.all(
      Array.from({ length: 3 }, () =>
        elsewhere(
          'blocking',
          ({ open }, handles) => handles.map((handle) => open(handle).compareAndSwap(false, true)),
          flags.map((flag) => flag.handle),
        ),
      ),
    )
    for (let i = 0; i < flags.length; i++) expect(taken.filter((each) => each[i]).length).toBe(1)
    for (const flag of flags) flag.dispose()
  })
})
