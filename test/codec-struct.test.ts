// struct: layout, misuse, values that change meanwhile, and places where no code may be generated.

import { execFileSync } from 'node:child_process'
import {
  type AnyFixed,
  array,
  bool,
  bytes,
  enumOf,
  f32,
  f64,
  fixedBytes,
  fixedString,
  i8,
  i64,
  optional,
  string,
  struct,
  tuple,
  u8,
  u16,
  u32,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import { encoded, places, refused, trip, unreadable } from './support/codecs.js'
import { thrown } from './support/probe.js'

const trade = struct({ id: u32, price: f64, side: u8, tag: fixedString(8) })
const good = { id: 7, price: 99.5, side: 1, tag: 'ACME' }

describe('layout', () => {
  test('fields in order, packed', () => {
    expect(trade.name).toBe('struct{id:u32,price:f64,side:u8,tag:fixedString(8)}')
    expect(trade.size).toBe(21)
    expect([...encoded(trade, good)]).toEqual([
      ...[7, 0, 0, 0],
      ...[0, 0, 0, 0, 0, 224, 88, 64],
      1,
      ...[65, 67, 77, 69, 0, 0, 0, 0],
    ])
  })

  test('round trips', () => {
    for (const id of [0, 1, 2 ** 32 - 1]) {
      for (const price of [0, -0, Number.NaN, Number.NEGATIVE_INFINITY, 1e-300]) {
        for (const tag of ['', '€', '\ud800', 'x'.repeat(8)]) trip(trade, { id, price, side: 255, tag })
      }
    }
  })

  test('of everything that has a fixed size', () => {
    const codec = struct({
      flag: bool,
      single: f32,
      big: i64,
      small: i8,
      side: enumOf('buy', 'sell'),
      key: fixedBytes(3),
      maybe: optional(u16),
      list: array(u16, 3),
      pair: tuple(u8, f64),
      inner: struct({ x: f64, deeper: struct({ y: optional(struct({ z: u8 })) }) }),
    })
    trip(codec, {
      flag: true,
      single: 0.5,
      big: -(2n ** 63n),
      small: -128,
      side: 'sell',
      key: Uint8Array.of(1, 2, 3),
      maybe: undefined,
      list: [1, 2, 65535],
      pair: [255, Number.NaN],
      inner: { x: -0, deeper: { y: { z: 3 } } },
    })
  })

  test('names that are no identifiers', () => {
    const codec = struct({
      'a b': u8,
      '': u8,
      '"': u8,
      é: u8,
      constructor: u8,
      1: u8,
      toString: u8,
      '\u2028': u8,
      "');x": u8,
    })
    expect(codec.name).toBe(
      'struct{"1":u8,"a b":u8,"":u8,"\\"":u8,"é":u8,constructor:u8,toString:u8,"\u2028":u8,"\');x":u8}',
    )
    trip(codec, { 1: 0, 'a b': 1, '': 2, '"': 3, é: 4, constructor: 5, toString: 6, '\u2028': 7, "');x": 8 })
    expect(refused(codec, { 1: 0, 'a b': 256 }).message).toBe('$["a b"]: u8 carries integers from 0 to 255, not 256')
  })

  test('made twice it is the same codec', () => {
    expect(struct({ id: u32, price: f64, side: u8, tag: fixedString(8) })).toBe(trade)
    expect(Object.isFrozen(trade)).toBe(true)
  })
})

describe('values', () => {
  class Trade {
    id = 1
    side = 2
    tag = 'x'
    get price(): number {
      return this.id + 0.5
    }
    cancel(): void {}
  }

  test('objects of classes, without a prototype, with inherited properties', () => {
    const plain = { id: 1, price: 1.5, side: 2, tag: 'x' }
    for (const value of [
      new Trade(),
      Object.assign(Object.create(null), plain),
      Object.create(plain),
      Object.freeze({ ...plain }),
    ]) {
      trip(trade, value, { arrives: plain })
    }
  })

  test('order of the properties does not matter, symbols neither', () => {
    trip(trade, { tag: 'ACME', side: 1, price: 99.5, id: 7, [Symbol('s')]: 1 } as never, { arrives: good })
  })

  test('what may be undefined may be left out', () => {
    const codec = struct({ id: u32, note: optional(fixedString(4)), limit: optional(f64) })
    const none = { id: 1, note: undefined, limit: undefined }
    trip(codec, { id: 1 }, { arrives: none })
    trip(codec, none)
    trip(codec, { id: 1, limit: 0.5 }, { arrives: { ...none, limit: 0.5 } })
    trip(codec, { limit: 0.5, id: 1, note: 'x' })
    // As many properties as fields, and yet not the same ones.
    expect(refused(codec, { id: 1, note: 'x', limits: 1 }).message).toBe(
      '$.limits: struct{id:u32,note:optional(fixedString(4)),limit:optional(f64)} has no such field',
    )
  })
})

describe('misuse', () => {
  const name = trade.name
  test.each([
    ['$.id: u32 carries integers from 0 to 4294967295, not -1', { ...good, id: -1 }],
    ['$.price: f64 carries numbers, not "1" (a string)', { ...good, price: '1' }],
    ['$.tag: fixedString(8) carries strings, not 5 (a number)', { ...good, tag: 5 }],
    [`$.price: ${name} needs it, and it is missing`, { id: 1, side: 1, tag: '' }],
    [`$.tag: ${name} needs it, and it is missing`, { id: 1, price: 1, side: 1 }],
    ['$.price: f64 carries numbers, not undefined (a undefined)', { ...good, price: undefined }],
    [`$.more: ${name} has no such field`, { ...good, more: 1 }],
    [`$["more of it"]: ${name} has no such field`, { ...good, 'more of it': undefined }],
    [`$.prize: ${name} has no such field`, { id: 1, prize: 1, side: 1, tag: '' }],
    [`${name} carries objects, not null`, null],
    [`${name} carries objects, not undefined`, undefined],
    [`${name} carries objects, not 5 (a number)`, 5],
    [`${name} carries objects, not function f`, function f() {}],
    [`$.id: ${name} needs it, and it is missing`, []],
  ])('%s', (message, value) => {
    const error = refused(trade, value)
    expect(error.message).toBe(message)
    expect(error).toBeInstanceOf(message.includes('integers') ? RangeError : TypeError)
    expect(error.code).toBe(message.includes('integers') ? 'ERR_OUT_OF_RANGE' : 'ERR_INVALID_ARG_TYPE')
  })

  test('the path goes through all levels', () => {
    const codec = struct({ items: array(struct({ fn: tuple(u8, f64) }), 2) })
    const items = [{ fn: [1, 1] }, { fn: [1, () => 1] }]
    const error = refused(codec, { items })
    expect(error.message).toBe('$.items[1].fn[1]: f64 carries numbers, not function (anonymous) (a function)')
    expect(error.stack).toContain(error.message)
    expect(refused(codec, { items: [{ fn: [1, 1] }, {}] }).message).toBe(
      '$.items[1].fn: struct{fn:tuple(u8,f64)} needs it, and it is missing',
    )
  })

  test('names of large structs are cut', () => {
    const wide = struct(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`field${i}`, u8])))
    expect(refused(wide, 5).message).toMatch(/^struct\{field0:u8.{63}… carries objects, not 5 \(a number\)$/)
  })

  test('in what it is made of', () => {
    const make = struct as (fields: unknown) => unknown
    expect(thrown(() => make({ a: string })).message).toBe(
      'struct field a: string has no fixed size; use fixedString(n) there, or any() or a tuple for the whole value',
    )
    expect(thrown(() => make({ 'a b': bytes })).message).toContain(
      'struct field "a b": bytes has no fixed size; use fixedBytes(n)',
    )
    expect(thrown(() => make({ a: optional(bytes) })).message).toContain(
      'optional(bytes) has no fixed size; use a codec of fixed size',
    )
    expect(thrown(() => make({ a: 'u32' })).message).toBe(
      'struct field a takes a codec (u32, f64, string, … or what struct, tuple, array, defineCodec and their like have made), not "u32"',
    )
    expect(thrown(() => make({})).message).toBe('struct takes at least one field')
    expect(thrown(() => make({ ['__proto__']: u8 })).message).toBe(
      'struct cannot have a field __proto__: objects have a prototype there',
    )
    for (const bad of [undefined, null, 5, [u8], 'x', { a: { ...u8 } }, { a: { name: 'u8' } }]) {
      expect(thrown(() => make(bad))).toBeInstanceOf(TypeError)
    }
    const huge = array(fixedBytes(2 ** 29), 2) as AnyFixed
    expect(thrown(() => struct({ a: huge, b: u8 }))).toBeInstanceOf(RangeError)
  })

  test('messages of another length, or with parts that are none', () => {
    expect(unreadable(trade, new Uint8Array(20)).message).toBe(`the message is not of ${name}: it has 20 bytes, not 21`)
    const codec = struct({ a: u8, b: struct({ flag: bool, side: enumOf('x') }) })
    expect(unreadable(codec, [1, 2, 0]).message).toBe(
      '$.b.flag: the message is not of bool: a boolean is 0 or 1, not 2',
    )
    expect(unreadable(codec, [1, 0, 1]).message).toBe(
      '$.b.side: the message is not of enumOf("x"): it has the number 1, of 1 values',
    )
  })
})

describe('values that change meanwhile', () => {
  test('a getter that throws: its error, nothing outside touched', () => {
    const [place] = places(256)
    place.u8.fill(0xa5)
    const mine = new Error('mine')
    const value = {
      ...good,
      get tag(): string {
        throw mine
      },
    }
    expect(thrown(() => trade.encode(value, place, 64, 85))).toBe(mine)
    expect([...place.u8.subarray(0, 64), ...place.u8.subarray(85)].every((byte) => byte === 0xa5)).toBe(true)
  })

  test('a getter that gives another value each time is asked once', () => {
    let asked = 0
    const value = {
      ...good,
      get id(): number {
        return asked++
      },
    }
    expect(encoded(trade, value)[0]).toBe(0)
    expect(asked).toBe(1)
  })

  test('less room than the struct takes', () => {
    const [place] = places(256)
    const error = thrown(() => trade.encode(good, place, 64, 84))
    expect(error).toBeInstanceOf(RangeError)
    expect(error.message).toBe(
      `${trade.name} has room for 20 bytes and needs 21: did the value change while it was being sent?`,
    )
  })
})

test('without generated code everything is the same', () => {
  const program = `
    import { struct, u32, f64, bool, fixedString, optional, enumOf, f32 } from 'millrace'
    let generates = true
    try { new Function('') } catch { generates = false }
    const codec = struct({ id: u32, flag: bool, single: f32, tag: fixedString(4), note: optional(f64), in: struct({ side: enumOf('a', 'b') }) })
    const buffer = new ArrayBuffer(64)
    const memory = { u8: new Uint8Array(buffer), view: new DataView(buffer) }
    const lines = []
    const attempt = (value) => {
      try {
        const end = codec.encode(value, memory, 8, 8 + codec.size)
        lines.push(Buffer.from(memory.u8.subarray(8, end)).toString('hex'), Object.entries(codec.decode(memory, 8, end)).join())
      } catch (error) { lines.push(error.name + error.message) }
    }
    const good = { id: 1, flag: true, single: NaN, tag: 'é', note: -0, in: { side: 'b' } }
    attempt(good)
    for (const key of Object.keys(good)) { const { [key]: _, ...rest } = good; attempt(rest); attempt({ ...good, [key]: Symbol.iterator }) }
    for (const bad of [5, null, undefined, [], { ...good, more: 1 }, { ...good, single: 1e39 }, { ...good, in: { side: 'c' } }]) attempt(bad)
    for (let i = 0; i < codec.size; i++) {
      codec.encode(good, memory, 8, 64)
      memory.u8[8 + i] = 0xfe
      try { lines.push(Object.entries(codec.decode(memory, 8, 8 + codec.size)).join()) } catch (error) { lines.push(error.message) }
    }
    try { codec.decode(memory, 8, 10) } catch (error) { lines.push(error.message) }
    try { codec.encode(good, memory, 8, 10) } catch (error) { lines.push(error.message) }
    console.log(JSON.stringify({ generates, lines }))`
  const run = (...flags: string[]): { generates: boolean; lines: string[] } =>
    JSON.parse(execFileSync(process.execPath, [...flags, '--input-type=module', '-e', program], { encoding: 'utf8' }))
  const usual = run()
  const strict = run('--disallow-code-generation-from-strings')
  expect([usual.generates, strict.generates]).toEqual([true, false])
  expect(strict.lines).toEqual(usual.lines)
  expect(usual.lines.length).toBeGreaterThan(35)
})
