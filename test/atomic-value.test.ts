// ATOM: values of any codec.

import { type AnyCodec, AtomicValue, any, bytes, f64, i64, open, string, unit } from 'millrace'
import { afterEach, describe, expect, test } from 'vitest'
import { sleep, thrown, until } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { arenas, inUse, own, sorts } from './support/shared-data.js'
import { elsewhere, endThreads, spawn } from './support/threads.js'

const arena = arenas()
afterEach(endThreads)

describe.each(sorts)('atomic value of $name', ({ codec, value }) => {
  const make = (n: number): AtomicValue<unknown> =>
    new AtomicValue(codec as AnyCodec<unknown>, value(n), { arena: arena() })

  test('ATOM-14 load, store, swap', () => {
    using v = make(1)
    expect(v.load()).toEqual(value(1))
    v.store(value(42))
    expect(v.load()).toEqual(value(42))
    expect(v.load()).toEqual(value(42))
    expect(v.swap(value(3))).toEqual(value(42))
    expect(v.load()).toEqual(value(3))
  })

  test('ATOM-6 compare and swap, update', () => {
    using v = make(1)
    expect(v.compareAndSwap(value(2), value(4))).toBe(false)
    expect(v.load()).toEqual(value(1))
    expect(v.compareAndSwap(value(1), value(4))).toBe(true)
    expect(v.load()).toEqual(value(4))
    const seen: unknown[] = []
    expect(
      v.update((old) => {
        seen.push(old)
        return value(5)
      }),
    ).toEqual(value(5))
    expect(seen).toEqual([value(4)])
    expect(v.load()).toEqual(value(5))
  })

  test('opened by its handle, it is the same one', () => {
    using v = make(1)
    const other = open(v.handle)
    expect(other).toBeInstanceOf(AtomicValue)
    other.store(value(7))
    expect(v.load()).toEqual(value(7))
    expect(open(v.handle, { codec }).load()).toEqual(value(7))
  })

  test('ATOM-13 once disposed of, everything throws', () => {
    const v = make(1)
    const other = open(v.handle)
    const { handle } = v
    v.dispose()
    v.dispose()
    const uses = [
      () => other.load(),
      () => other.store(value(1)),
      () => other.swap(value(1)),
      () => other.compareAndSwap(value(1), value(1)),
      () => other.update((x: unknown) => x),
      () => other.handle,
      () => v.load(),
      () => open(handle),
      () => other.dispose(),
    ]
    for (const use of uses) expect(thrown(use).code).toBe('ERR_STALE_HANDLE')
  })
})

test('values are compared by their bytes', () => {
  const space = arena()
  using n = new AtomicValue(f64, 0, { arena: space })
  expect(n.compareAndSwap(-0, 1)).toBe(false)
  n.store(Number.NaN)
  expect(n.load()).toBeNaN()
  expect(n.compareAndSwap(Number.NaN, 1)).toBe(true)
  using o = new AtomicValue(any(), { a: 1, b: 2 }, { arena: space })
  expect(o.compareAndSwap({ b: 2, a: 1 }, 0)).toBe(false)
  expect(o.compareAndSwap({ a: 1, b: 2 }, 0)).toBe(true)
})

test('ATOM-15 a value of another type is refused, and nothing has changed', () => {
  const space = arena()
  using v = new AtomicValue(string, 'a', { arena: space })
  const bad = 5 as unknown as string
  for (const use of [
    () => v.store(bad),
    () => v.swap(bad),
    () => v.compareAndSwap(bad, 'b'),
    () => v.compareAndSwap('a', bad),
    () => v.update(() => bad),
  ])
    expect(thrown(use)).toBeInstanceOf(TypeError)
  expect(v.load()).toBe('a')
})

test('misuse says what was expected', () => {
  const space = arena()
  expect(thrown(() => new AtomicValue({} as typeof f64, 1)).message).toContain('AtomicValue takes a codec')
  expect(thrown(() => new AtomicValue(unit, undefined)).message).toContain('AtomicValue cannot be unit')
  expect(thrown(() => new AtomicValue(f64, 'x' as never, { arena: space }))).toBeInstanceOf(TypeError)
  expect(thrown(() => new AtomicValue(string, 1 as never, { arena: space }))).toBeInstanceOf(TypeError)
  using v = new AtomicValue(any(), 1, { arena: space })
  expect(thrown(() => v.store({ deep: [() => 1] })).message).toContain('$.deep[0]')
  expect(thrown(() => v.update(1 as never)).message).toContain('update takes a function')
  const boom = new Error('boom')
  expect(
    thrown(() =>
      v.update(() => {
        throw boom
      }),
    ),
  ).toBe(boom)
  expect(v.load()).toBe(1)
})

test('a handle is opened with its own codec only', () => {
  using v = new AtomicValue(own, { n: 1 }, { arena: arena() })
  expect(open(v.handle).load()).toEqual({ n: 1 })
  expect(thrown(() => open(v.handle, { codec: string as never })).message).toContain(
    'the atomic value carries "test/own"',
  )
  expect(thrown(() => open({ ...v.handle, schema: 'string' } as never))).toBeInstanceOf(TypeError)
})

test('code of the program inside a codec may use other values', () => {
  const space = arena()
  using inner = new AtomicValue(string, 'inner', { arena: space })
  using v = new AtomicValue(any<unknown>(), 0, { arena: space })
  const tricky = {
    get now() {
      inner.store(`${inner.load()}!`)
      return inner.load()
    },
  }
  v.store(tricky)
  expect(v.load()).toEqual({ now: inner.load() })
  expect(v.update(() => inner.load())).toBe(inner.load())
})

test('a full arena refuses a value, and keeps the old one', () => {
  const space = arena(2 ** 20)
  using v = new AtomicValue(bytes, new Uint8Array(1), { arena: space })
  expect(thrown(() => v.store(new Uint8Array(2 ** 20))).code).toBe('ERR_OUT_OF_RANGE')
  const hogs: AtomicValue<Uint8Array>[] = []
  const full = thrown(() => {
    for (;;) hogs.push(new AtomicValue(bytes, new Uint8Array(100_000), { arena: space }))
  })
  expect(full.code).toBe('ERR_ARENA_FULL')
  const before = inUse(space)
  expect(thrown(() => v.store(new Uint8Array(200_000))).code).toBe('ERR_ARENA_FULL')
  expect(thrown(() => v.update(() => new Uint8Array(200_000))).code).toBe('ERR_ARENA_FULL')
  expect(inUse(space)).toBe(before)
  expect(v.load().length).toBe(1)
  for (const hog of hogs) hog.dispose()
})

describe('threads', () => {
  test.each([
    ['f64', f64, (n: number) => n],
    ['i64', i64, (n: number) => BigInt(n)],
    ['string', string, (n: number) => `${n}`],
  ])('ATOM-7 no update of %s is lost', async (_name, codec, value) => {
    using v = new AtomicValue(codec as AnyCodec<unknown>, value(0), { arena: arena() })
    const n = rounds(3000)
    const job = ({ open }: { open: (handle: unknown) => AtomicValue<unknown> }, handle: unknown, n: number): void => {
      const v = open(handle)
      for (let i = 0; i < n; i++)
        v.update((x) => (typeof x === 'bigint' ? x + 1n : typeof x === 'number' ? x + 1 : `${Number(x) + 1}`))
    }
    await Promise.all([1, 2, 3].map(() => elsewhere('blocking', job as never, v.handle, n)))
    expect(v.load()).toEqual(value(3 * n))
    await endThreads()
  })

  test('ATOM-16, ATOM-9 what is loaded was stored, as a whole', async () => {
    const space = arena()
    using v = new AtomicValue(bytes, new Uint8Array(10), { arena: space })
    const n = rounds(4000)
    const job = (
      { open }: { open: (handle: unknown) => AtomicValue<Uint8Array> },
      handle: unknown,
      n: number,
    ): number => {
      const v = open(handle)
      let bad = 0
      for (let i = 0; i < n; i++) {
        // Of different lengths, below and above what is copied at once.
        const k = i % 4
        v.store(new Uint8Array([10, 300, 900, 5000][k] as number).fill(k))
        const got = v.load()
        const kind = [10, 300, 900, 5000].indexOf(got.length)
        if (kind < 0 || got.some((byte) => byte !== (kind === 0 ? got[0] : kind))) bad++
      }
      return bad
    }
    const results = await Promise.all([1, 2, 3].map(() => elsewhere('blocking', job as never, v.handle, n)))
    expect(results).toEqual([0, 0, 0])
    await endThreads()
  }, 60_000)

  test('workers that are terminated leave a whole value and no memory', async () => {
    const rng = random('kill atomic value')
    const space = arena()
    using v = new AtomicValue(string, '0:', { arena: space })
    const job = ({ open }: { open: (handle: unknown) => AtomicValue<string> }, handle: unknown): void => {
      const v = open(handle)
      for (let i = 0; ; i++) {
        const length = (i * 37) % 700
        v.store(`${length}:${'x'.repeat(length)}`)
        v.update((old) => old)
        v.compareAndSwap(v.load(), '3:xxx')
      }
    }
    for (let k = 0; k < rounds(15); k++) {
      const victim = spawn(job as never, v.handle)
      await until(() => space.stats().threads === 2)
      await sleep(rng.next() * 8)
      await victim.terminate()
      await until(() => space.stats().threads === 1)
      const [length, text] = v.load().split(':') as [string, string]
      expect(text.length).toBe(Number(length))
    }
    v.store('')
    // The object and its value.
    expect(inUse(space)).toBe(128 + 256)
  }, 60_000)
})
