// array, tuple, optional, enumOf.

import {
  type AnyCodec,
  array,
  bytes,
  enumOf,
  f64,
  fixedString,
  type MessageCodec,
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

describe('array', () => {
  test('of fixed size', () => {
    const codec = array(u16, 3)
    expect([codec.name, codec.size]).toEqual(['array(u16,3)', 6])
    trip(codec, [0, 1, 65535])
    expect([...encoded(codec, [1, 2, 3])]).toEqual([1, 0, 2, 0, 3, 0])
    trip(array(array(f64, 2), 2), [
      [1, -0],
      [Number.NaN, 2],
    ])
    trip(array(u8, 10_000), new Array(10_000).fill(7))
  })

  test('of variable size: the lengths, then the values where memory is aligned', () => {
    const codec = array(string, 3)
    expect([codec.name, codec.size]).toEqual(['array(string,3)', undefined])
    for (const value of [
      ['', '', ''],
      ['a', '', 'b'],
      ['', '', 'last'],
      ['x'.repeat(100), 'é', '\ud800'],
    ]) {
      trip(codec, value)
    }
    expect([...encoded(codec, ['a', '', 'b'])]).toEqual([
      ...[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
      ...[0, 0, 0, 0, 97, 0, 0, 0, 0, 0, 0, 0, 98],
    ])
    trip(array(array(bytes, 2), 2), [
      [Uint8Array.of(1), Uint8Array.of()],
      [new Uint8Array(9), new Uint8Array(300)],
    ])
  })

  test.each([
    [array(u8, 2), [1], 'array(u8,2) carries arrays of 2 values, not of 1'],
    [array(u8, 2), [1, 2, 3], 'array(u8,2) carries arrays of 2 values, not of 3'],
    [array(string, 2), ['a'], 'array(string,2) carries arrays of 2 values, not of 1'],
    [array(u8, 2), new Uint8Array(2), 'array(u8,2) carries arrays, not a Uint8Array object'],
    [array(u8, 2), { length: 2, 0: 1, 1: 1 }, 'array(u8,2) carries arrays, not a Object object'],
    [array(u8, 2), [1, 256], '$[1]: u8 carries integers from 0 to 255, not 256'],
    [array(u8, 2), new Array(2), '$[0]: u8 carries numbers, not undefined (a undefined)'],
    [array(string, 2), ['a', 1], '$[1]: string carries strings, not 1 (a number)'],
    [array(array(string, 1), 2), [['a'], [1]], '$[1][0]: string carries strings, not 1 (a number)'],
  ] as [MessageCodec<never>, unknown, string][])('%o refuses %s', (codec, value, message) => {
    const error = refused(codec, value)
    expect(error.message).toBe(message)
    expect(error).toBeInstanceOf(/ of \d|integers/.test(message) ? RangeError : TypeError)
  })

  test('in what it is made of', () => {
    expect(thrown(() => array(u8, 0)).message).toBe('array takes a length: an integer from 1 to 1073741824, not 0')
    expect(thrown(() => array(u8, '2' as never)).message).toBe('array takes a length, not "2"')
    expect(thrown(() => array(f64, 2 ** 28)).message).toBe(
      'array(f64,268435456) would take 2147483648 bytes; a message has at most 1073741824',
    )
    expect(thrown(() => array('u8' as never, 2)).message).toMatch(/^array takes a codec \(u32, .*\), not "u8"$/)
    expect(thrown(() => array({ ...u8 }, 2))).toBeInstanceOf(TypeError)
  })
})

describe('tuple', () => {
  test('of fixed size is packed', () => {
    const codec = tuple(u8, f64, fixedString(2))
    expect([codec.name, codec.size]).toEqual(['tuple(u8,f64,fixedString(2))', 11])
    trip(codec, [1, -0, 'ab'])
    expect([...encoded(tuple(u8, u16), [1, 2])]).toEqual([1, 2, 0])
  })

  test('of variable size', () => {
    const codec = tuple(u8, string, u32, bytes, optional(string))
    expect([codec.name, codec.size]).toEqual(['tuple(u8,string,u32,bytes,optional(string))', undefined])
    for (const text of ['', 'a', 'é'.repeat(50)]) {
      for (const length of [0, 1, 8, 100]) {
        for (const last of [undefined, '', text]) trip(codec, [255, text, 7, new Uint8Array(length).fill(9), last])
      }
    }
    trip(tuple(tuple(string, u8), tuple(tuple(bytes))), [['a', 1], [[Uint8Array.of(5)]]])
  })

  test('misuse', () => {
    const codec = tuple(u8, string)
    expect(refused(codec, [1]).message).toBe('tuple(u8,string) carries arrays of 2 values, not of 1')
    expect(refused(codec, 'ab').message).toBe('tuple(u8,string) carries arrays, not "ab" (a string)')
    expect(refused(codec, [1, 2]).message).toBe('$[1]: string carries strings, not 2 (a number)')
    expect(refused(codec, ['', '']).message).toBe('$[0]: u8 carries numbers, not "" (a string)')
    expect(thrown(() => (tuple as () => unknown)()).message).toBe('tuple takes at least one codec, not undefined')
    expect(thrown(() => tuple(u8, 5 as unknown as AnyCodec)).message).toMatch(
      /^place 1 of tuple takes a codec .*, not 5$/,
    )
  })

  test.each([
    ['the message is not of tuple(u8,string,string): it has 8 bytes, not 9 or more', new Array(8).fill(0)],
    ['$[1]: the message is not of string: 1 bytes are announced, 0 are there', [0, 1, 0, 0, 0, 0, 0, 0, 0]],
    [
      '$[1]: the message is not of string: 4294967295 bytes are announced, 0 are there',
      [0, 255, 255, 255, 255, 0, 0, 0, 0],
    ],
    ['$[1]: the message is not of string: it is not UTF-8', [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200]],
    ['the message is not of tuple(u8,string,string): 1 bytes are left over', new Array(17).fill(0)],
  ])('%s', (message, bad) => {
    const error = unreadable(tuple(u8, string, string), bad)
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toBe(message)
  })
})

describe('optional', () => {
  test('of fixed size', () => {
    const codec = optional(u16)
    expect([codec.name, codec.size]).toEqual(['optional(u16)', 3])
    for (const value of [undefined, 0, 65535]) trip(codec, value)
    expect([...encoded(codec, 258), ...encoded(codec, undefined)]).toEqual([2, 1, 1, 0, 0, 0])
    trip(optional(optional(u8)), 5)
    trip(array(optional(u8), 2), [undefined, 5])
  })

  test('of variable size', () => {
    const codec = optional(string)
    expect([codec.name, codec.size]).toEqual(['optional(string)', undefined])
    for (const value of [undefined, '', 'x', 'é'.repeat(100)]) trip(codec, value)
    expect([...encoded(codec, 'ab'), ...encoded(codec, undefined)]).toEqual([97, 98, 1, 0])
  })

  test('misuse', () => {
    expect(refused(optional(u8), null).message).toBe('u8 carries numbers, not null (a null)')
    expect(refused(optional(string), null).message).toBe('string carries strings, not null')
    expect(refused(struct({ a: optional(u8) }), { a: 256 }).message).toBe(
      '$.a: u8 carries integers from 0 to 255, not 256',
    )
    expect(unreadable(optional(u8), [1, 2]).message).toBe(
      'the message is not of optional(u8): its last byte is 0 or 1, not 2',
    )
    expect(unreadable(optional(string), []).message).toBe(
      'the message is not of optional(string): it has 0 bytes, not 1',
    )
    expect(unreadable(optional(string), [97, 0]).message).toBe(
      'the message is not of optional(string): it has 2 bytes, not 1',
    )
    expect(thrown(() => optional(undefined as never))).toBeInstanceOf(TypeError)
  })
})

describe('enumOf', () => {
  test('of a few strings is one byte, of more than 256 two', () => {
    const side = enumOf('buy', 'sell', '', '€')
    expect([side.name, side.size]).toEqual(['enumOf("buy","sell","","€")', 1])
    for (const value of ['buy', 'sell', '', '€'] as const) trip(side, value)
    expect([...encoded(side, 'sell')]).toEqual([1])
    for (const [count, size] of [
      [256, 1],
      [257, 2],
      [65536, 2],
    ] as const) {
      const values = Array.from({ length: count }, (_, i) => `v${i}`)
      const many = enumOf(...(values as [string]))
      expect(many.size).toBe(size)
      for (const i of [0, 255, count - 1]) trip(many, values[i] as string)
    }
  })

  test('misuse', () => {
    const side = enumOf('buy', 'sell')
    expect(refused(side, 'hold').message).toBe('enumOf("buy","sell") has no "hold"')
    expect(refused(side, 0).message).toBe('enumOf("buy","sell") has no 0')
    expect(refused(side, 'hold')).toBeInstanceOf(TypeError)
    expect(refused(enumOf(...('abcdefghij'.split('') as [string])), 'x').message).toBe(
      'enumOf("a","b","c","d","e","f","g","h",…) has no "x"',
    )
    expect(unreadable(side, [2]).message).toBe(
      'the message is not of enumOf("buy","sell"): it has the number 2, of 2 values',
    )
    expect(thrown(() => enumOf('a', 'a')).message).toBe('enumOf takes each string once: "a" is there twice')
    expect(thrown(() => enumOf('a', 1 as never)).message).toBe('enumOf takes strings, not 1')
    expect(thrown(() => (enumOf as () => unknown)()).message).toBe('enumOf takes from 1 to 65536 strings, not 0')
    expect(thrown(() => enumOf(...(new Array(65537).fill('') as [string])))).toBeInstanceOf(RangeError)
  })
})

describe('values that change between measure and encode', () => {
  /** An array whose second value is another one each time. */
  function changing(...values: unknown[]): unknown[] {
    let asked = 0
    return Object.defineProperty(['first', ''], 1, { get: () => values[Math.min(asked++, values.length - 1)] })
  }

  test.each([
    ['string', tuple(string, string), changing('x', 'x'.repeat(200))],
    ['short string', array(string, 2), changing('', 'xy')],
    ['bytes', tuple(string, bytes), changing(new Uint8Array(1), new Uint8Array(500))],
    ['optional', tuple(string, optional(string)), changing(undefined, 'there')],
  ] as [string, MessageCodec<unknown>, unknown][])('%s: a RangeError, nothing outside touched', (_, codec, value) => {
    const [place] = places(2048)
    place.u8.fill(0xa5)
    const bound = codec.measure(value)
    // The first string may take less than what it was measured at.
    const limit = 64 + bound - 10
    const error = thrown(() => codec.encode(value, place, 64, limit))
    expect(error).toBeInstanceOf(RangeError)
    expect(error.message).toMatch(
      /^\$\[1\]: .* has room for \d+ bytes and needs \d+: did the value change while it was being sent\?$/,
    )
    expect(place.u8.subarray(0, 64).every((byte) => byte === 0xa5)).toBe(true)
    expect(place.u8.subarray(limit).every((byte) => byte === 0xa5)).toBe(true)
  })

  test('something that the codec cannot carry', () => {
    const codec = tuple(string, string)
    const [place] = places(2048)
    const value = changing('x', 5)
    const bound = codec.measure(value as [string, string])
    expect(thrown(() => codec.encode(value as [string, string], place, 64, 64 + bound)).message).toBe(
      '$[1]: string carries strings, not 5 (a number)',
    )
  })

  test('an array that shrinks', () => {
    const value = ['a', 'b']
    const codec = array(string, 2)
    const [place] = places(2048)
    const bound = codec.measure(value)
    value.pop()
    expect(thrown(() => codec.encode(value, place, 64, 64 + bound))).toBeInstanceOf(RangeError)
  })
})
