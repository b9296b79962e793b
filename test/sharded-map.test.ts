// MAP: the map in one thread.

import {
  type AnyCodec,
  Arena,
  any,
  bool,
  bytes,
  defineCodec,
  f32,
  f64,
  handle,
  open,
  ShardedMap,
  string,
  u32,
  unit,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import { thrown } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { arenas, inUse, own, type Sort, sorts } from './support/shared-data.js'

const arena = arenas()
const sortOf = (name: string): Sort => sorts.find((sort) => sort.name === name) as Sort
const pairs: [string, Sort, Sort][] = [
  ...sorts.map((keys): [string, Sort, Sort] => [`${keys.name} to f64`, keys, sortOf('f64')]),
  ...sorts.map((values): [string, Sort, Sort] => [`u32 to ${values.name}`, sortOf('u32'), values]),
  ['string to any', sortOf('string'), sortOf('any')],
  ['i64 to string', sortOf('i64'), sortOf('string')],
  ['bytes to bytes', sortOf('bytes'), sortOf('bytes')],
]

/** Keys as text, for a Map to compare with. */
const text = (key: unknown): string =>
  JSON.stringify(key instanceof Uint8Array ? [...key] : key, (_, v) => (typeof v === 'bigint' ? `${v}n` : v))
const same = (a: unknown, b: unknown): boolean => text(a) === text(b)

describe.each(pairs)('%s', (name, { codec: keyCodec, value: key }, { codec, value }) => {
  const make = (space = arena(), shards = 4): ShardedMap<unknown, unknown> =>
    new ShardedMap(keyCodec as AnyCodec<unknown>, codec as AnyCodec<unknown>, { arena: space, shards })

  test('the operations, one by one', () => {
    using map = make()
    expect([map.get(key(1)), map.has(key(1)), map.delete(key(1)), map.getAndDelete(key(1)), map.size]).toEqual([
      undefined,
      false,
      false,
      undefined,
      0,
    ])
    expect(map.set(key(1), value(1))).toBe(map)
    expect([map.get(key(1)), map.has(key(1)), map.has(key(2)), map.size]).toEqual([value(1), true, false, 1])
    expect(map.getOrSet(key(1), value(2))).toEqual(value(1))
    expect(map.loadOrStore(key(1), value(2))).toEqual({ value: value(1), loaded: true })
    expect(map.loadOrStore(key(2), value(2))).toEqual({ value: value(2), loaded: false })
    expect(map.swap(key(2), value(3))).toEqual(value(2))
    expect(map.compareAndSwap(key(2), value(2), value(4))).toBe(false)
    expect(map.compareAndSwap(key(2), value(3), value(4))).toBe(true)
    expect(map.compareAndDelete(key(2), value(3))).toBe(false)
    expect(map.get(key(2))).toEqual(value(4))
    expect([...map.keys()].map(text).sort()).toEqual([key(1), key(2)].map(text).sort())
    expect(map.compareAndDelete(key(2), value(4))).toBe(true)
    expect([...map]).toEqual([[key(1), value(1)]])
    expect([...map.values()]).toEqual([value(1)])
    expect(map.getAndDelete(key(1))).toEqual(value(1))
    expect(map.swap(key(1), value(5))).toBe(undefined)
    map.clear()
    expect([map.size, map.get(key(1)), [...map]]).toEqual([0, undefined, []])
  })

  test('MAP-4 compare and swap of a key that is not there is false', () => {
    using map = make()
    expect(map.compareAndSwap(key(1), value(1), value(2))).toBe(false)
    expect(map.compareAndDelete(key(1), value(1))).toBe(false)
    expect(map.size).toBe(0)
  })

  test('MAP-1 random operations give what a Map gives', () => {
    const rng = random(`map ${name}`)
    const space = arena()
    using map = make(space, rng.pick([1, 4, 16]))
    const model = new Map<string, unknown>()
    for (let i = 0; i < rounds(3000); i++) {
      const [k, v, w] = [key(rng.below(60)), value(rng.below(4)), value(rng.below(4))]
      const id = text(k)
      const was = model.get(id)
      const there = model.has(id)
      switch (rng.below(11)) {
        case 0:
        case 1:
          map.set(k, v)
          model.set(id, v)
          break
        case 2:
          expect(map.get(k)).toEqual(was)
          break
        case 3:
          expect(map.has(k)).toBe(there)
          break
        case 4:
          expect(map.delete(k)).toBe(model.delete(id))
          break
        case 5:
          expect(map.getOrSet(k, v)).toEqual(there ? was : v)
          if (!there) model.set(id, v)
          break
        case 6:
          expect(map.getAndDelete(k)).toEqual(was)
          model.delete(id)
          break
        case 7:
          expect(map.swap(k, v)).toEqual(was)
          model.set(id, v)
          break
        case 8:
          expect(map.compareAndSwap(k, w, v)).toBe(there && same(was, w))
          if (there && same(was, w)) model.set(id, v)
          break
        case 9:
          expect(map.compareAndDelete(k, w)).toBe(there && same(was, w))
          if (there && same(was, w)) model.delete(id)
          break
        case 10:
          if (rng.below(40) === 0) {
            map.clear()
            model.clear()
          }
          expect(map.size).toBe(model.size)
      }
    }
    const content = [...map].map(([k, v]): [string, unknown] => [text(k), v])
    expect(new Map(content)).toEqual(model)
    expect(content.length).toBe(model.size)
  })

  test('opened by its handle, it is the same one', () => {
    using map = make()
    const other = open(map.handle)
    other.set(key(3), value(3))
    expect(map.get(key(3))).toEqual(value(3))
    expect(open(map.handle, { keyCodec, codec }).get(key(3))).toEqual(value(3))
  })
})

describe('keys', () => {
  test('of numbers are the same as in a Map', () => {
    const space = arena()
    using map = new ShardedMap(f64, f64, { arena: space })
    map.set(0, 1).set(Number.NaN, 2)
    expect([map.get(-0), map.get(Number.NaN), map.size]).toEqual([1, 2, 2])
    expect([...map.keys()].some((k) => Object.is(k, -0))).toBe(false)
    using rounded = new ShardedMap(f32, f64, { arena: space })
    rounded.set(0.1, 5)
    expect([rounded.get(0.1), rounded.get(Math.fround(0.1))]).toEqual([5, 5])
    map.set(1, Number.NaN)
    expect([map.get(1), map.has(1)]).toEqual([Number.NaN, true])
  })

  test('of bytes may be empty, or long', () => {
    const space = arena()
    using map = new ShardedMap(bytes, u32, { arena: space })
    const keys = [0, 1, 7, 8, 9, 2815, 2816, 2817, 10_000].map((n) => new Uint8Array(n).fill(7))
    for (const [i, k] of keys.entries()) map.set(k, i)
    for (const [i, k] of keys.entries()) expect(map.get(k)).toBe(i)
    expect(map.get(new Uint8Array(9).fill(8))).toBe(undefined)
    expect([...map.keys()].map((k) => k.length).sort((a, b) => a - b)).toEqual(keys.map((k) => k.length))
  })

  test('that differ in zeros at the end are different', () => {
    using map = new ShardedMap(bytes, u32, { arena: arena() })
    for (let n = 0; n < 20; n++) map.set(new Uint8Array(n), n)
    for (let n = 0; n < 20; n++) expect(map.get(new Uint8Array(n))).toBe(n)
  })
})

test('many keys: the tables grow, and shrink again', () => {
  const space = arena(2 ** 24)
  using map = new ShardedMap(u32, f64, { arena: space })
  const empty = inUse(space)
  const n = 50_000
  for (let i = 0; i < n; i++) map.set(i, i * 2)
  expect(map.size).toBe(n)
  for (let i = 0; i < n; i++) if (map.get(i) !== i * 2) throw new Error(`key ${i} has ${map.get(i)}`)
  const full = inUse(space)
  for (let i = 0; i < n; i++) expect(map.delete(i)).toBe(true)
  expect(map.size).toBe(0)
  expect(inUse(space)).toBeLessThan(full / 8)
  map.clear()
  expect(inUse(space)).toBe(empty)
})

test('capacity: there is room from the start', () => {
  const space = arena(2 ** 24)
  using map = new ShardedMap(u32, f64, { arena: space, capacity: 10_000, shards: 8 })
  const before = inUse(space)
  for (let i = 0; i < 10_000; i++) map.set(i, i)
  expect(inUse(space)).toBe(before)
})

test('MAP-5 deleted keys leave nothing behind', () => {
  const space = arena()
  using map = new ShardedMap(string, any<unknown>(), { arena: space, shards: 1 })
  const base = inUse(space)
  let most = 0
  for (let i = 0; i < 5000; i++) {
    map.set(`key ${i}`, { i })
    if (i >= 10) expect(map.delete(`key ${i - 10}`)).toBe(true)
    most = Math.max(most, inUse(space))
  }
  // Eleven nodes, and tables of up to 32 entries: an old one and a new one.
  expect(most).toBeLessThanOrEqual(base + 11 * 256 + 2048)
  for (let i = 4990; i < 5000; i++) map.delete(`key ${i}`)
  expect(map.size).toBe(0)
  expect(inUse(space)).toBeLessThanOrEqual(base + 1024)
})

test('MAP-3 a loop over the map may do anything to it', () => {
  const space = arena()
  using map = new ShardedMap(u32, u32, { arena: space })
  for (let i = 0; i < 100; i++) map.set(i, 0)
  const seen = new Set<number>()
  for (const [key] of map) {
    if (key < 100) {
      expect(seen.has(key)).toBe(false)
      seen.add(key)
    }
    map.forEach((_, inner) => {
      if (inner === key + 1000) map.delete(inner)
    })
    map.set(key + 1000, key)
    map.getOrSet(key % 100, 5)
    map.swap(key % 100, 6)
    if (map.size > 1000) throw new Error('the loop feeds itself')
  }
  expect(seen.size).toBe(100)
  for (const [key] of map) map.delete(key)
  expect(map.size).toBe(0)
  for (let i = 0; i < 100; i++) map.set(i, i)
  for (const key of map.keys()) map.clear() ?? expect(key).toBeLessThan(100)
  expect([...map]).toEqual([])
})

test('a loop that is left holds nothing up', () => {
  using map = new ShardedMap(string, u32, { arena: arena() })
  for (let i = 0; i < 50; i++) map.set(`${i}`, i)
  for (const _ of map) break
  map.set('x', 1)
  expect(map.size).toBe(51)
})

describe('misuse', () => {
  test('what is no key or no value is refused, and nothing has changed', () => {
    const space = arena()
    using map = new ShardedMap(u32, string, { arena: space })
    using plain = new ShardedMap(string, u32, { arena: space })
    map.set(1, 'a')
    plain.set('a', 1)
    const before = inUse(space)
    const [k, v] = ['x' as unknown as number, 5 as unknown as string]
    const bad = [
      () => map.get(k),
      () => map.has(k),
      () => map.delete(k),
      () => map.set(k, 'b'),
      () => map.set(1, v),
      () => map.set(2, v),
      () => map.swap(1, v),
      () => map.getOrSet(2, v),
      () => map.compareAndSwap(1, v, 'b'),
      () => map.compareAndSwap(1, 'a', v),
      () => map.compareAndDelete(1, v),
      () => plain.set(v, 1),
      () => plain.set('b', k),
      () => plain.get(v),
      () => map.forEach(1 as never),
    ]
    for (const use of bad) expect(thrown(use)).toBeInstanceOf(TypeError)
    expect(thrown(() => map.set(-1, 'a'))).toBeInstanceOf(RangeError)
    expect([...map, ...plain]).toEqual([
      [1, 'a'],
      ['a', 1],
    ])
    expect(inUse(space)).toBe(before)
    using deep = new ShardedMap(string, any<unknown>(), { arena: space })
    expect(thrown(() => deep.set('a', { list: [1, () => 1] })).message).toContain('$.list[1]')
  })

  test('undefined is no value', () => {
    using map = new ShardedMap(u32, any<unknown>(), { arena: arena() })
    for (const use of [() => map.set(1, undefined), () => map.swap(1, undefined), () => map.getOrSet(1, undefined)])
      expect(thrown(use).message).toContain('not undefined')
    map.set(1, null)
    expect([map.get(1), map.has(1), map.size]).toEqual([null, true, 1])
  })

  test('options and codecs', () => {
    const space = arena()
    expect(thrown(() => new ShardedMap(unit as never, u32)).message).toContain('the key of a ShardedMap cannot be unit')
    expect(thrown(() => new ShardedMap(u32, unit as never)).message).toContain(
      'the value of a ShardedMap cannot be unit',
    )
    expect(thrown(() => new ShardedMap({} as never, u32)).message).toContain('takes a codec')
    expect(thrown(() => new ShardedMap(u32, u32, 5 as never)).message).toContain('ShardedMap takes options')
    for (const shards of [0, 3, 2048, -1, 1.5])
      expect(thrown(() => new ShardedMap(u32, u32, { arena: space, shards }))).toBeInstanceOf(RangeError)
    for (const capacity of [-1, 0.5, 2 ** 40])
      expect(thrown(() => new ShardedMap(u32, u32, { arena: space, capacity }))).toBeInstanceOf(RangeError)
    expect(thrown(() => new ShardedMap(u32, u32, { arena: space, capacity: '1' as never }))).toBeInstanceOf(TypeError)
  })

  test('once disposed of, everything throws', () => {
    const map = new ShardedMap(string, any<unknown>(), { arena: arena() })
    for (let i = 0; i < 100; i++) map.set(`${i}`, { i })
    const other = open(map.handle)
    const { handle: stale } = map
    map.dispose()
    map.dispose()
    const uses = [
      () => other.get('1'),
      () => other.set('1', 1),
      () => other.delete('1'),
      () => other.size,
      () => [...other],
      () => other.clear(),
      () => other.handle,
      () => open(stale),
      () => map.get('1'),
      () => other.dispose(),
    ]
    for (const use of uses) expect(thrown(use).code).toBe('ERR_STALE_HANDLE')
  })

  test('a name tells errors apart', () => {
    const space = arena()
    const map = new ShardedMap(u32, u32, { arena: space, name: 'hits' })
    map.dispose()
    expect(thrown(() => map.get(1)).message).toContain('the map "hits" was disposed of')
    expect(thrown(() => new ShardedMap(u32, u32, { arena: space, name: 5 as never })).message).toContain(
      'a name is a string',
    )
  })

  test('a handle is opened with its own codecs only', () => {
    using map = new ShardedMap(own, string, { arena: arena() })
    const opened = (options: object) => thrown(() => open(map.handle, options)).message
    expect(opened({ codec: u32 })).toContain('the map carries "string"')
    expect(opened({ keyCodec: u32 })).toContain('the map\'s key carries "test/own"')
    for (const schema of [undefined, 'string', ['map'], ['map', 'u32', 'u32'], ['map', ['u32', 'u32'], ['u32', 'u32']]])
      expect(thrown(() => open({ ...map.handle, schema } as never))).toBeInstanceOf(TypeError)
  })
})

test('a full arena refuses what has no room, and nothing has changed', () => {
  const space = new Arena({ size: 2 ** 20 })
  const map = new ShardedMap(u32, bytes, { arena: space })
  let n = 0
  const full = thrown(() => {
    for (;;) map.set(n, new Uint8Array(1000)) && n++
  })
  expect(full.code).toBe('ERR_ARENA_FULL')
  expect(map.size).toBe(n)
  expect(map.has(n)).toBe(false)
  const before = inUse(space)
  expect(thrown(() => map.set(0, new Uint8Array(1001).fill(1))).code).toBe('ERR_ARENA_FULL')
  expect(thrown(() => map.getOrSet(n, new Uint8Array(1000))).code).toBe('ERR_ARENA_FULL')
  expect(map.get(0)?.[0]).toBe(0)
  expect(inUse(space)).toBe(before)
  expect(map.delete(1)).toBe(true)
  map.set(0, new Uint8Array(1001).fill(1))
  expect(map.get(0)?.[0]).toBe(1)
  map.dispose()
  expect(inUse(space)).toBe(0)
  expect(thrown(() => new ShardedMap(u32, u32, { arena: space, capacity: 300_000 })).code).toBe('ERR_ARENA_FULL')
  expect(inUse(space)).toBe(0)
})

test('maps travel through channels and maps', () => {
  const space = arena()
  using inner = new ShardedMap(string, bool, { arena: space })
  using outer = new ShardedMap(string, handle<ShardedMap<string, boolean>>(), { arena: space })
  outer.set('inner', inner)
  outer.get('inner')?.set('x', true)
  expect(inner.get('x')).toBe(true)
})

test('code of the program inside a codec may use the map', () => {
  using map = new ShardedMap(any<unknown>(), any<unknown>(), { arena: arena() })
  const tricky = (n: number) => ({
    get n() {
      map.set('inner', n)
      return map.get('inner')
    },
  })
  map.set(tricky(1), tricky(2))
  expect(map.get({ n: 1 })).toEqual({ n: 2 })
  expect(map.get('inner')).toBe(2)
  expect(map.compareAndSwap({ n: 1 }, tricky(2), tricky(3))).toBe(true)
  expect(map.getOrSet(tricky(4), tricky(5))).toBeDefined()
  expect(map.size).toBe(3)
})

test('keys of strings are safe from code that runs inside the codec of the values', () => {
  const busy = defineCodec<{ n: number }>({
    name: 'test/busy',
    size: 8,
    encode: ({ n }, _, view) => {
      map.set(`while ${n} is encoded`, { n: -1 })
      map.get('nothing')
      view.setFloat64(0, n)
    },
    decode: (_, view) => {
      other.get('another key, which is longer')
      return { n: view.getFloat64(0) }
    },
  })
  const space = arena()
  using other = new ShardedMap(string, string, { arena: space })
  using plain = new ShardedMap(string, own, { arena: space })
  using map = new ShardedMap(string, any<{ n: number }>(), { arena: space })
  using last = new ShardedMap(string, busy, { arena: space })
  last.set('a', { n: 1 })
  expect([last.get('a'), last.swap('a', { n: 2 }), last.get('a')]).toEqual([{ n: 1 }, { n: 1 }, { n: 2 }])
  expect(last.compareAndSwap('a', { n: 2 }, { n: 3 })).toBe(true)
  expect(last.loadOrStore('b', { n: 4 })).toEqual({ value: { n: 4 }, loaded: false })
  expect(last.loadOrStore('b', { n: 5 })).toEqual({ value: { n: 4 }, loaded: true })
  expect(last.getAndDelete('a')).toEqual({ n: 3 })
  expect([...last]).toEqual([['b', { n: 4 }]])
  expect(map.size).toBeGreaterThan(0)
  plain.set('x', { n: 1 })
  expect(plain.get('x')).toEqual({ n: 1 })
})
