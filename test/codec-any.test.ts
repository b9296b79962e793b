// The codec `any`: what structured clone carries comes back as from structured clone; the rest is refused with its path; and damaged messages
// are TypeErrors, whatever is in them.

import { execFileSync } from 'node:child_process'
import { runInNewContext } from 'node:vm'
import { any, type Memory } from 'millrace'
import { describe, expect, test } from 'vitest'

import { cycle, rows, shapes, values } from './support/data.js'
import { random } from './support/random.js'
import { difference } from './support/same.js'
import { rounds } from './support/settings.js'

const codec = any<unknown>()

function memory(size: number): Memory {
  const shared = new SharedArrayBuffer(size)
  return { u8: new Uint8Array(shared), view: new DataView(shared) }
}

const arena = memory(2 ** 21)
const AT = 64

/** Through the memory and back, between guard bytes. */
function pass<T>(value: T): T {
  const size = codec.measure(value)
  const { u8 } = size < 2 ** 21 - 128 ? arena : memory(size + 128)
  const view = new DataView(u8.buffer)
  u8.fill(0xa5, AT - 64, AT)
  u8.fill(0xa5, AT + size, AT + size + 64)
  const end = codec.encode(value, { u8, view }, AT, AT + size)
  expect(end).toBeLessThanOrEqual(AT + size)
  for (let i = 1; i <= 64; i++) if (u8[AT - i] !== 0xa5 || u8[AT + size + i - 1] !== 0xa5) throw new Error('guard byte')
  const back = codec.decode({ u8, view }, AT, end) as T
  u8.fill(0xff, AT, end) // what it gave must not lie there
  return back
}

/** A value up to that depth, with references to what was made before. */
function randomValue(below: (n: number) => number, pick: <T>(list: T[]) => T, made: unknown[], depth: number): unknown {
  const keys = ['id', 'name', 'a b', '7', '1', '__proto__', 'ключ', 'constructor', '\udead', 'x'.repeat(40)]
  const inner = (): unknown => randomValue(below, pick, made, depth - 1)
  const items = (n: number): unknown[] => Array.from({ length: below(n) }, inner)
  const keep = <T>(value: T): T => {
    made.push(value)
    return value
  }
  if (made.length > 0 && below(8) === 0) return pick(made)
  switch (below(depth > 0 ? 24 : 12)) {
    case 0:
      return below(300) - 100
    case 1:
      return pick([-1, 1]) * below(2 ** 32) * pick([1, 0.5, 2 ** 20])
    case 2:
      return pick([-0, NaN, Infinity, undefined, null, true, false])
    case 3:
      return pick([-1n, 1n]) * BigInt(below(2 ** 32)) ** BigInt(1 + below(9))
    case 4:
    case 5:
      return pick(['a', 'é', '語', '😀', '\ud800', ' ']).repeat(below(pick([5, 40, 400])))
    case 6:
      return keep(new Date(below(2 ** 32) * 1000))
    case 7:
      return keep(pick([/a+/g, Object(1), Object('s')]))
    case 8: {
      const view = keep(new (pick([Uint8Array, Int16Array, Float64Array] as (typeof Uint8Array)[]))(below(20)))
      if (below(2)) made.push(view.buffer)
      return view
    }
    case 9:
      return keep(new DataView(new ArrayBuffer(below(20))))
    case 10:
      return keep(new RangeError('r'))
    case 11:
      return { x: below(200), y: `${below(5)}` }
    case 12:
    case 13:
    case 14: {
      const array = keep([] as unknown[])
      array.push(...items(20))
      if (below(4) === 0) delete array[below(20)]
      if (below(4) === 0) array.length += below(2000)
      return array
    }
    case 15: {
      const map = keep(new Map())
      for (const item of items(6)) map.set(item, inner())
      return map
    }
    case 16: {
      const set = keep(new Set())
      for (const item of items(6)) set.add(item)
      return set
    }
    default: {
      const object = keep({})
      for (let n = below(8); n > 0; n--) {
        Object.defineProperty(object, pick(keys), {
          value: inner(),
          enumerable: true,
          configurable: true,
          writable: true,
        })
      }
      return object
    }
  }
}

describe('what structured clone carries', () => {
  test.each(values)('%s', (_name, value) => {
    const expected = structuredClone(value)
    expect(difference(pass(value), expected)).toBeUndefined()
    // As part of something, behind other objects, and twice.
    const around = { before: [{}, new Map()], value, again: [value], after: 'end' }
    expect(difference(pass(around), structuredClone(around))).toBeUndefined()
  })

  test('random values', () => {
    const { below, pick } = random('any values')
    for (let round = 0; round < rounds(3000); round++) {
      const value = randomValue(below, pick, [], below(5))
      const found = difference(pass(value), structuredClone(value))
      if (found !== undefined) throw new Error(`round ${round}: ${found}`)
    }
  })

  test.runIf('Float16Array' in globalThis)('Float16Array', () => {
    const type = (globalThis as unknown as { Float16Array: typeof Float32Array }).Float16Array
    expect(pass([new type([1.5, -0])])).toEqual([new type([1.5, -0])])
  })

  test('objects of another realm', () => {
    const value = runInNewContext(
      '({ a: [1, new Map([[1, new Date(5)]])], e: new TypeError("x"), r: /x/, b: new Uint8Array(2) })',
    )
    const back = pass(value)
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
    expect([back.a[1] instanceof Map, back.a[1].get(1).getTime(), back.e instanceof TypeError, back.r.source]).toEqual([
      true,
      5,
      true,
      'x',
    ])
  })

  test('a getter is read once', () => {
    let reads = 0
    const value = { get a() { return ++reads }, list: [{ get b() { return ++reads } }, { get b() { return ++reads } }] } // biome-ignore format: one line
    expect(pass(value)).toEqual({ a: 1, list: [{ b: 2 }, { b: 3 }] })
  })

  test('a getter may send a message of its own', () => {
    const inner = { x: [1, 2, 3] }
    const value = { a: 'before', get b() { return JSON.stringify(pass(inner)) }, c: inner, d: inner } // biome-ignore format: one line
    expect(pass(value)).toEqual({ a: 'before', b: '{"x":[1,2,3]}', c: inner, d: inner })
  })

  test('a Map that grows and an array that shrinks while they are read', () => {
    const map = new Map<unknown, unknown>([['a', { get x() { map.set('b', 1); return 1 } }]]) // biome-ignore format: one line
    expect(pass(map)).toEqual(new Map([['a', { x: 1 }]]))
    const list: unknown[] = [{ get x() { list.length = 1; return 1 } }, 2, 3] // biome-ignore format: one line
    expect(pass(list)).toHaveLength(3)
  })
})

describe('beyond structured clone', () => {
  test('errors keep a name of their own, AggregateErrors what they hold', () => {
    class AppError extends TypeError {}
    const back = pass(Object.assign(new AppError('x'), { name: 'AppError' }))
    expect([back instanceof TypeError, back.name, back.message]).toEqual([true, 'AppError', 'x'])
    const some = pass(new AggregateError([new RangeError('one'), 2], 'some'))
    expect([
      some instanceof AggregateError,
      some.message,
      some.errors[0] instanceof RangeError,
      some.errors[1],
    ]).toEqual([true, 'some', true, 2])
    const abort = pass(new DOMException('stop', 'AbortError'))
    expect([abort instanceof Error, abort.name, abort.message]).toEqual([true, 'AbortError', 'stop'])
  })

  test('an error that is its own cause', () => {
    const error = new Error('x')
    error.cause = { error }
    const [one, two] = pass([error, error])
    expect([one === two, (one as { cause: { error: Error } }).cause.error === one]).toEqual([true, true])
  })

  test('a Buffer brings its own bytes, not the pool it lies in', () => {
    const back = pass({ a: Buffer.from('abc'), b: Buffer.from('def') })
    expect([back.a.constructor, back.a.buffer.byteLength, [...back.b]]).toEqual([Uint8Array, 3, [100, 101, 102]])
    expect(pass(new Uint8Array(1000).subarray(3, 5)).buffer.byteLength).toBe(2)
  })

  test('nothing of the receiver lies in shared memory, or in that of another value', () => {
    const one = pass({ a: Uint8Array.of(1, 2), b: Float64Array.of(1) })
    const two = pass({ a: Uint8Array.of(3, 4), b: Float64Array.of(2) })
    expect(one).toEqual({ a: Uint8Array.of(1, 2), b: Float64Array.of(1) })
    const buffers = [one.a.buffer, one.b.buffer, two.a.buffer, two.b.buffer]
    expect(new Set(buffers).size).toBe(4)
    for (const each of buffers) expect(each).toBeInstanceOf(ArrayBuffer)
    expect(one.a.buffer.byteLength).toBe(2)
  })
})

describe('what it refuses', () => {
  class Account {}
  const deep = { items: [1, 2, 3, { fn() {} }] }
  const shared = new Uint8Array(new SharedArrayBuffer(4))
  const refused: [unknown, string][] = [
    [() => {}, 'any carries plain data, not function (anonymous) (at $)'],
    [deep, 'any carries plain data, not function fn (at $.items[3].fn)'],
    [Symbol('s'), 'any carries plain data, not Symbol(s) (at $)'],
    [{ a: { 'b c': Symbol.iterator } }, 'any carries plain data, not Symbol(Symbol.iterator) (at $.a["b c"])'],
    [{ account: new Account() }, 'any carries plain data, not a Account object (at $.account)'],
    [[Promise.resolve()], 'any carries plain data, not a Promise object (at $[0])'],
    [new WeakMap(), 'any carries plain data, not a WeakMap object (at $)'],
    [Object.create(Map.prototype), 'any carries plain data, not a Map object (at $)'],
    [Object(Symbol('s')), 'any carries plain data, not a Symbol object (at $)'],
    [
      new Map([['k', new Map([[1, [Account]]])]]),
      'any carries plain data, not function Account (at $.get("k").values()[0][0])',
    ],
    [new Map([[{ f() {} }, 1]]), 'any carries plain data, not function f (at $.keys()[0].f)'],
    [new Set([1, deep.items]), 'any carries plain data, not function fn (at $.values()[1][3].fn)'],
    [new Error('x', { cause: { fn: Account } }), 'any carries plain data, not function Account (at $.cause.fn)'],
    [new AggregateError([Account]), 'any carries plain data, not function Account (at $.errors[0])'],
    [Object.assign(new Array(3), { 5: { fn: Account } }), 'any carries plain data, not function Account (at $[5].fn)'],
    [[{ a: 1 }, { a: 2 }, { a: Account }], 'any carries plain data, not function Account (at $[2].a)'],
    [{ shared }, 'any carries copies, and the memory of a Uint8Array object at $.shared is shared: copy it'],
    [shared.buffer, 'any carries plain data, not a SharedArrayBuffer object (at $)'],
  ]

  test.each(refused)('%#', (value, message) => {
    expect(() => codec.measure(value)).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message }),
    )
    expect(pass({ a: [1] })).toEqual({ a: [1] }) // and is ready for the next
  })

  test('values nested too deeply; what is not is read on a small stack', () => {
    const nest = (depth: number, around: (inner: unknown) => unknown) => {
      let value: unknown = 1
      for (let i = 0; i < depth; i++) value = around(value)
      return value
    }
    const arounds = [
      (n: unknown) => ({ n }),
      (n: unknown) => [n],
      (n: unknown) => new Map([[1, n]]),
      (n: unknown) => new Error('', { cause: n }),
    ]
    for (const around of arounds) {
      expect(() => codec.measure(nest(1001, around))).toThrow(
        /^any carries values nested up to 1000 levels deep, not \$.*…$/,
      )
      const value = nest(1000, around)
      expect(codec.measure(pass(value))).toBe(codec.measure(value))
    }
    const script = `import { any } from 'millrace'; let v = 1; for (let i = 0; i < 999; i++) v = new Map([[i, v]]); const s = {}; v = [s, v, s]
      const c = any(), n = c.measure(v), u8 = new Uint8Array(new SharedArrayBuffer(n)); c.encode(v, { u8 }, 0, n); c.decode({ u8 }, 0, n)`
    execFileSync(process.execPath, ['--stack-size=850', '--input-type=module', '-e', script])
  })

  test('what a getter throws comes through', () => {
    const boo = new Error('boo')
    expect(() => codec.measure({ get a() { throw boo } })).toThrow(boo) // biome-ignore format: one line
    expect(pass([1])).toEqual([1])
  })
})

describe('encode', () => {
  test('never writes beyond its limit', () => {
    const { u8 } = arena
    u8.fill(0x11, 0, 256)
    let text = 'a'
    const value = { get text() { return text } } // biome-ignore format: one line
    const size = codec.measure(value)
    codec.measure('another in between')
    text = 'b'.repeat(100)
    expect(() => codec.encode(value, arena, AT, AT + size)).toThrow(
      expect.objectContaining({
        name: 'RangeError',
        message: `any needs 109 bytes for this value, and ${size} were set aside: it has changed meanwhile`,
      }),
    )
    expect(u8.subarray(0, 256).every((byte) => byte === 0x11)).toBe(true)
  })

  test('needs no measure before it', () => {
    const end = codec.encode([1, 2], arena, AT, AT + 100)
    expect([end, codec.decode(arena, AT, end)]).toEqual([AT + 3, [1, 2]])
  })
})

/** The bytes of a message. */
function bytesOf(value: unknown): Uint8Array {
  const end = codec.encode(value, arena, 0, 2 ** 21)
  return arena.u8.slice(0, end)
}

function decode(bytes: Uint8Array | number[]): unknown {
  arena.u8.set(bytes, AT)
  return codec.decode(arena, AT, AT + bytes.length)
}

describe('messages stand alone', () => {
  test('a large message leaves nothing behind', () => {
    const big = 'x'.repeat(6_000_000)
    expect(pass(big) === big && pass([1])).toEqual([1])
  })

  test('equal values give equal bytes, whatever came before', () => {
    const first = bytesOf(rows)
    bytesOf(shapes)
    decode(bytesOf(shapes))
    expect(bytesOf(rows)).toEqual(first)
  })

  test('a record defined in one message is not known in the next', () => {
    const [a, b] = [bytesOf([{ k: 1 }, { k: 2 }, { k: 3 }]), bytesOf({ x: 1 })]
    for (let i = 0; i < 50; i++) expect(decode(a)).toEqual([{ k: 1 }, { k: 2 }, { k: 3 }])
    expect(decode([0x91, 0x40])).toEqual([0x40])
    expect(decode(b)).toEqual({ x: 1 })
  })
})

describe('damaged messages', () => {
  const forged: [string, number[]][] = [
    ['nothing', []],
    ['half a number', [0xcb, 1, 2]],
    ['more behind the end', [1, 2]],
    ['array of four billion', [0xdd, 255, 255, 255, 255, 1]],
    ['object of four billion', [0xdf, 255, 255, 255, 255, 1]],
    ['string of four billion', [0xdb, 255, 255, 255, 255, 65]],
    ['bytes of four billion', [0xc6, 255, 255, 255, 255, 65]],
    ['reference to nothing', [0x91, 0xd4, 1, 0, 9]],
    ['reference as root', [0xd4, 1, 0, 0]],
    ['reference that is no number', [0x91, 0xd4, 1, 0, 0xa1, 65]],
    ['rest of four billion, then more', [0x91, 0xd4, 2, 0, 0x91, 0xce, 255, 255, 255, 255, 7]],
    ['rest in a Map', [0xd4, 5, 0, 0x92, 1, 0xd4, 2, 0, 0x91, 5]],
    ['alias beyond its buffer', [0x92, 0xd4, 12, 0, 0x92, 12, 0xc4, 1, 5, 0xd4, 13, 0, 0x94, 1, 1, 0, 9]],
    ['view of no kind', [0xd4, 12, 0, 0x92, 99, 0xc4, 1, 5]],
    ['eight-byte view on three bytes', [0xd4, 12, 0, 0x92, 8, 0xc4, 3, 1, 2, 3]],
    ['regular expression that is none', [0xd4, 9, 0, 0x92, 0xa1, 40, 0xa0]],
    ['BigInt of no digits', [0xd4, 8, 0, 0xa1, 120]],
    ['error of no kind', [0xd4, 10, 0, 0x97, 99, 0xc0, 0xc0, 0xc0, 0, 0xc0, 0xc0]],
    ["msgpackr's own types", [0xd4, 0x65, 0, 0x92, 1, 2]],
    ["msgpackr's bundles", [0xd6, 0x62, 0x80, 0, 0, 1, 1]],
    ["msgpackr's pointers", [0xd6, 0x70, 0, 0, 0, 1]],
    ['timestamp', [0xd6, 0xff, 0, 0, 0, 1]],
  ]

  test.each(forged)('%s', (_name, bytes) => {
    expect(() => decode(bytes)).toThrow(
      expect.objectContaining({
        name: 'TypeError',
        message: expect.stringMatching(/^these bytes are no message of any \(/),
      }),
    )
  })

  test('a length costs no memory', () => {
    const before = process.memoryUsage().rss
    const all: unknown[] = []
    for (let i = 0; i < 10; i++) all.push(decode([0x91, 0xd4, 2, 0, 0x91, 0xce, 1, 0xff, 0xff, 0xff]))
    expect((all[9] as unknown[]).length).toBe(0x1ffffff)
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6) // as arrays with room they take 2.7 GB
  })

  test('names of records are data, never code', () => {
    const name = '"]:(globalThis.pwned=1),["x'
    const definition = [0xd4, 0x72, 0x40, 0x91, 0xa0 + name.length, ...Buffer.from(name)]
    const bytes = [0xdc, 0, 41, ...definition, 1, ...new Array(40).fill([0x40, 2]).flat()]
    for (let i = 0; i < 20; i++) expect((decode(bytes) as object[]).length).toBe(41)
    expect('pwned' in globalThis).toBe(false)
  })

  test('no way to a prototype', () => {
    const keys = ['__proto__', 'constructor', 'prototype']
    for (const key of keys) {
      const k = [0xa0 + key.length, ...Buffer.from(key)]
      const evil = [0x81, 0xa3, 112, 119, 110, 1] // { pwn: 1 }
      decode([0x81, ...k, ...evil])
      decode([0xd4, 0x72, 0x40, 0x91, ...k, ...evil])
      decode([0x92, 0xd4, 4, 0, 0x92, ...k, ...evil, 0xd4, 1, 0, 0])
      const array = decode([0x91, 0xd4, 2, 0, 0x93, 0, ...k, ...evil])
      expect(Array.isArray(array) && Object.getPrototypeOf(array) === Array.prototype).toBe(true)
    }
    expect([({} as { pwn?: 1 }).pwn, ([] as { pwn?: 1 }).pwn, (Object as { pwn?: 1 }).pwn]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  test(
    '300,000 mutated messages give a value or a TypeError',
    () => {
      const { below: next } = random('any')
      const seeds = values.filter(([, value]) => codec.measure(value) < 400).map(([, value]) => bytesOf(value))
      const started = performance.now()
      let values_ = 0
      for (let round = 0; round < rounds(300_000); round++) {
        const seed = seeds[next(seeds.length)]!
        // A window of a message, or all of it, with some bytes changed.
        const length = next(4) === 0 ? 1 + next(seed.length) : seed.length
        const bytes = seed.slice(0, length)
        for (let n = 1 + next(4); n > 0; n--)
          bytes[next(bytes.length)] = next(3) === 0 ? TOKENS[next(TOKENS.length)]! : next(256)
        try {
          decode(bytes)
          values_++
        } catch (error) {
          if (!(error instanceof TypeError) || !error.message.startsWith('these bytes are no message of any'))
            throw error
        }
      }
      expect(values_).toBeGreaterThan(1000)
      expect(performance.now() - started).toBeLessThan(rounds(50_000))
      expect(Object.keys(Object.prototype)).toEqual([])
      expect(pass(cycle)).toBeDefined()
    },
    rounds(60_000),
  )
})

/** Bytes with a meaning: headers, extension types, records. */
const TOKENS = [0x40, 0x41, 0x80, 0x82, 0x90, 0x92, 0xa4, 0xc1, 0xc4, 0xc6, 0xc7, 0xc9, 0xd4, 0xd5, 0xd6, 0xd8, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0x72, 0x62, 0x69, 0x70, 0xff, ...Array.from({ length: 14 }, (_, i) => i)] // biome-ignore format: one list

test('works where code generation from strings is forbidden', () => {
  const script = `import { any } from 'millrace'
    const c = any(), v = Array.from({ length: 50 }, (_, i) => ({ id: i, tags: ['a'] })), n = c.measure(v), u8 = new Uint8Array(n)
    c.encode(v, { u8 }, 0, n); if (JSON.stringify(c.decode({ u8 }, 0, n)) !== JSON.stringify(v)) throw new Error('other')
    try { Function('1') } catch { console.log('forbidden') }`
  const out = execFileSync(
    process.execPath,
    ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script],
    { encoding: 'utf8' },
  )
  expect(out).toBe('forbidden\n')
})
