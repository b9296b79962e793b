// Codecs that programs make.

import { defineCodec, type MessageCodec, optional, struct, tuple, u8, u32 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { decoded, encoded, places, refused, trip, unreadable } from './support/codecs.js'
import { thrown } from './support/probe.js'

class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}
}

const point = defineCodec({
  name: 'test/point',
  size: 16,
  encode(p: Point, _bytes, view) {
    view.setFloat64(0, p.x, true)
    view.setFloat64(8, p.y, true)
  },
  decode: (_bytes, view) => new Point(view.getFloat64(0, true), view.getFloat64(8, true)),
})

const hex = defineCodec<string>({
  name: 'test/hex',
  measure: (text) => text.length / 2,
  encode(text, bytes) {
    for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
    return bytes.length
  },
  decode: (bytes) => Buffer.from(bytes).toString('hex'),
})

const digits = defineCodec<bigint>({
  name: 'test/digits',
  maxBytes: 100,
  encode(n, bytes) {
    const text = String(n)
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
    return text.length
  },
  decode: (bytes) => BigInt(String.fromCharCode(...bytes)),
})

describe('the three kinds', () => {
  test('of one size', () => {
    expect([point.name, point.size, point.shape]).toEqual(['test/point', 16, 'message'])
    expect(trip(point, new Point(1.5, -0))).toBe(16)
    trip(struct({ id: u8, at: point, to: optional(point) }), { id: 1, at: new Point(1, 2), to: undefined })
  })

  test('that measure', () => {
    expect(hex.size).toBe(undefined)
    for (const length of [0, 1, 31, 100, 40_000, 70_000]) expect(trip(hex, 'a7'.repeat(length))).toBe(length)
    trip(tuple(hex, u8, hex), ['00ff', 1, 'beef'])
  })

  test('that have a limit: a message is as long as what was written', () => {
    for (const n of [0n, -7n, 10n ** 99n]) {
      expect(digits.measure(n)).toBe(String(n).length)
      expect(trip(digits, n)).toBe(String(n).length)
    }
    expect(refused(digits, 10n ** 100n).message).toBe(
      'encode of codec test/digits returned 101 bytes, but it was given 100',
    )
  })

  test('-0 is not 0, though both are measured', () => {
    const codec = defineCodec<number>({
      name: 'test/number',
      measure: () => 8,
      encode(n, _, view) {
        view.setFloat64(0, n)
        return 8
      },
      decode: (_, view) => view.getFloat64(0),
    })
    const [place] = places(64)
    codec.measure(0)
    codec.encode(-0, place, 0, 8)
    expect(codec.decode(place, 0, 8)).toBe(-0)
  })
})

describe('what the functions see', () => {
  test('bytes that are all theirs', () => {
    const seen: [number, number, number][] = []
    const codec = defineCodec<Uint8Array>({
      name: 'test/seen',
      measure: (value) => value.length,
      encode(value, bytes, view) {
        seen.push([bytes.length, view.byteOffset, view.byteLength])
        // Whatever it does to all that it can reach, the arena is not there.
        new Uint8Array(bytes.buffer).fill(0xee)
        bytes.set(value)
        return bytes.length
      },
      decode(bytes, view) {
        seen.push([bytes.length, view.byteOffset, view.byteLength])
        expect([...bytes]).toEqual([...new Uint8Array(view.buffer, view.byteOffset, view.byteLength)])
        return bytes
      },
    })
    for (const length of [5, 3, 64, 65, 1000, 0]) {
      seen.length = 0
      trip(codec, new Uint8Array(length).fill(1))
      expect(seen.length).toBeGreaterThan(3)
      for (const lengths of seen) expect(lengths).toEqual([length, 0, length])
    }
  })

  test('a decoded value may keep its bytes', () => {
    const codec = defineCodec<Uint8Array>({
      name: 'test/keep',
      size: 4,
      encode: (value, bytes) => bytes.set(value),
      decode: (bytes, _view) => bytes,
    })
    const [first, second] = [decoded(codec, [1, 2, 3, 4]), decoded(codec, [5, 6, 7, 8])]
    expect([...first, ...second]).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('bytes of a fixed size are zero at first', () => {
    const codec = defineCodec<number>({
      name: 'test/zero',
      size: 4,
      encode(n, bytes) {
        bytes[n] = 1
      },
      decode: (bytes) => bytes.indexOf(1),
    })
    expect([...encoded(codec, 0), ...encoded(codec, 3)]).toEqual([1, 0, 0, 0, 0, 0, 0, 1])
  })

  test('their definition is `this`; changing it later changes nothing', () => {
    const definition = {
      name: 'test/this',
      size: 1,
      add: 1,
      encode(n: number, bytes: Uint8Array): void {
        bytes[0] = n + this.add
      },
      decode(bytes: Uint8Array): number {
        return (bytes[0] as number) - this.add
      },
    }
    const codec = defineCodec<number>(definition)
    definition.encode = () => {}
    definition.size = 5
    trip(codec, 7)
    expect([...encoded(codec, 7)]).toEqual([8])
    expect(Object.isFrozen(codec)).toBe(true)
  })

  test('an encode that encodes, a decode that decodes', () => {
    interface Tree {
      n: number
      child?: Tree
    }
    const tree: ReturnType<typeof defineCodec<Tree>> = defineCodec<Tree>({
      name: 'test/tree',
      measure: (value) => 1 + (value.child === undefined ? 0 : tree.measure(value.child)),
      encode(value, bytes, view) {
        bytes[0] = value.n
        if (value.child !== undefined) {
          const inner = encoded(tree, value.child)
          bytes.set(inner, 1)
        }
        view.setUint8(0, value.n)
        return bytes.length
      },
      decode(bytes, view) {
        if (bytes.length === 1) return { n: view.getUint8(0) }
        const [place] = places(bytes.length)
        place.u8.set(bytes)
        return { child: tree.decode(place, 1, bytes.length), n: view.getUint8(0) }
      },
    })
    trip(tree, { n: 1, child: { n: 2, child: { n: 3, child: { n: 4 } } } })
  })

  test('buffers that they transfer away', () => {
    const codec = defineCodec<number>({
      name: 'test/transfer',
      size: 4,
      encode(n, bytes) {
        if (n > 0) structuredClone(0, { transfer: [bytes.buffer as ArrayBuffer] })
      },
      decode(bytes, view) {
        structuredClone(0, { transfer: [bytes.buffer as ArrayBuffer, view.buffer as ArrayBuffer] })
        return 0
      },
    })
    for (let i = 0; i < 3; i++) {
      expect(refused(codec, 1).message).toBe('encode of codec test/transfer has transferred its bytes away')
      expect(encoded(codec, 0).length).toBe(4)
      expect(decoded(codec, [0, 0, 0, 0])).toBe(0)
    }
  })
})

describe('functions that do not keep their word', () => {
  const faulty = (encode: (value: never, bytes: Uint8Array, view: DataView) => unknown, rest: object = { size: 4 }) =>
    defineCodec<number>({ name: 'test/faulty', encode, decode: () => 0, ...rest } as never)

  const text = 'encode of codec test/faulty'
  test.each([
    [`${text} returned 5 bytes, but a value has 4 bytes`, faulty(() => 5), RangeError],
    [`${text} returned 3 bytes, but a value has 4 bytes`, faulty(() => 3), RangeError],
    [`${text} returned -1, not the number of bytes that it wrote`, faulty(() => -1), TypeError],
    [`${text} returned 1.5, not the number of bytes that it wrote`, faulty(() => 1.5), TypeError],
    [`${text} returned NaN, not the number of bytes that it wrote`, faulty(() => Number.NaN), TypeError],
    [`${text} returned "4", not the number of bytes that it wrote`, faulty(() => '4'), TypeError],
    [`${text} returned a Promise object, not the number of bytes that it wrote`, faulty(async () => 4), TypeError],
    [`${text} returned undefined, not the number of bytes that it wrote`, faulty(() => {}, { maxBytes: 8 }), TypeError],
    [`${text} returned 9 bytes, but it was given 8`, faulty(() => 9, { maxBytes: 8 }), RangeError],
    [`${text} returned 3 bytes, but it was given 2`, faulty(() => 3, { measure: () => 2 }), RangeError],
    [
      `${text} threw RangeError: Offset is outside the bounds of the DataView`,
      faulty((_, __, view) => view.setFloat64(0, 1)),
      TypeError,
    ],
    [`${text} threw RangeError: offset is out of bounds`, faulty((_, bytes) => bytes.set([1], 4)), TypeError],
    [
      'measure of codec test/faulty returned -1, not an integer from 0 to 1073741824',
      faulty(() => 0, { measure: () => -1 }),
      RangeError,
    ],
    [
      'measure of codec test/faulty returned 1099511627776, not an integer from 0 to 1073741824',
      faulty(() => 0, { measure: () => 2 ** 40 }),
      RangeError,
    ],
    [
      'measure of codec test/faulty returned undefined, not an integer from 0 to 1073741824',
      faulty(() => 0, { measure: () => {} }),
      TypeError,
    ],
  ])('%s', (message, codec, kind) => {
    const [place] = places(256)
    place.u8.fill(0xa5)
    const ways = [
      [message, codec, 1],
      [`$[0]: ${message}`, tuple(codec), [1]],
    ] as [string, MessageCodec<unknown>, unknown][]
    for (const [expected, whole, value] of ways) {
      const error = thrown(() => whole.encode(value, place, 64, 64 + whole.measure(value)))
      expect(error.message).toBe(expected)
      expect(error).toBeInstanceOf(kind)
    }
    expect(place.u8.subarray(0, 64).every((byte) => byte === 0xa5)).toBe(true)
    expect(place.u8.subarray(96).every((byte) => byte === 0xa5)).toBe(true)
  })

  test('what they throw is the cause', () => {
    const mine = new Error('odd')
    const codec = defineCodec<number>({
      name: 'test/throws',
      size: 1,
      encode() {
        throw mine
      },
      decode() {
        throw mine
      },
    })
    const sent = refused(struct({ a: u8, b: codec }), { a: 1, b: 1 })
    expect(sent.message).toBe('$.b: encode of codec test/throws threw Error: odd')
    expect(sent.cause).toBe(mine)
    const received = unreadable(struct({ a: u8, b: codec }), [1, 1])
    expect(received).toBeInstanceOf(TypeError)
    expect(received.message).toBe('$.b: the message is not of test/throws: its decode threw Error: odd')
    expect(received.cause).toBe(mine)
    const odd = defineCodec<number>({
      name: 'test/throws',
      measure() {
        throw 5
      },
      encode: () => 0,
      decode: () => 0,
    })
    expect(refused(odd, 1).message).toBe('measure of codec test/throws threw 5')
  })

  test('values that grow between measure and encode', () => {
    let length = 1
    const codec = defineCodec<object>({
      name: 'test/grows',
      measure: () => length,
      encode: (_, bytes) => bytes.length,
      decode: () => ({}),
    })
    const [place] = places(256)
    place.u8.fill(0xa5)
    const bound = codec.measure({})
    length = 100
    const error = thrown(() => codec.encode({}, place, 64, 64 + bound))
    expect(error).toBeInstanceOf(RangeError)
    expect(error.message).toContain('test/grows has room for 1 bytes and needs 100')
    expect(place.u8.every((byte) => byte === 0xa5)).toBe(true)
  })
})

describe('definitions', () => {
  const whole = { name: 'test/whole', size: 4, encode: () => {}, decode: () => 0 }
  test.each([
    ['defineCodec takes { name, size | maxBytes | measure, encode, decode }, not undefined', undefined],
    ['the name of a codec has letters, digits and _ . / @ - only, not undefined', { ...whole, name: undefined }],
    ['the name of a codec has letters, digits and _ . / @ - only, not ""', { ...whole, name: '' }],
    ['the name of a codec has letters, digits and _ . / @ - only, not "a{b"', { ...whole, name: 'a{b' }],
    ['millrace has a codec u32 already: give yours another name', { ...whole, name: 'u32' }],
    ['millrace has a codec struct already: give yours another name', { ...whole, name: 'struct' }],
    ['codec test/whole: encode is a function, not undefined', { ...whole, encode: undefined }],
    ['codec test/whole: decode is a function, not 1', { ...whole, decode: 1 }],
    ['codec test/whole needs one of size, maxBytes and measure', { ...whole, size: undefined }],
    ['codec test/whole needs one of size, maxBytes and measure', { ...whole, maxBytes: 4 }],
    ['codec test/whole: size is a number of bytes, not "4"', { ...whole, size: '4' }],
    ['codec test/whole: size is an integer from 1 to 1073741824, not 0', { ...whole, size: 0 }],
    [
      'codec test/whole: maxBytes is an integer from 1 to 1073741824, not 1.5',
      { ...whole, size: undefined, maxBytes: 1.5 },
    ],
    ['codec test/whole: measure is a function, not 4', { ...whole, size: undefined, measure: 4 }],
  ])('%s', (message, definition) => {
    const error = thrown(() => defineCodec(definition as never))
    expect(error.message).toBe(message)
    expect(error).toBeInstanceOf(message.includes('integer') ? RangeError : TypeError)
  })

  test('messages of another length', () => {
    expect(unreadable(point, new Uint8Array(15)).message).toBe(
      'the message is not of test/point: it has 15 bytes, not 16',
    )
    expect(unreadable(tuple(u32, point), new Uint8Array(19)).message).toContain('it has 19 bytes, not 20')
  })
})
