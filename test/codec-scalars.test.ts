// Numbers and booleans in messages: u8, i8, u16, i16, and the scalar codecs as parts of others.

import {
  type AnyFixed,
  array,
  bool,
  type Codec,
  f32,
  f64,
  i8,
  i16,
  i32,
  i64,
  tuple,
  u8,
  u16,
  u32,
  u64,
  unit,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import { decoded, encoded, refused, trip, unreadable } from './support/codecs.js'
import { thrown } from './support/probe.js'

interface Row {
  codec: AnyFixed
  size: number
  values: unknown[]
  /** What is refused, with the text of the error. */
  bad: [value: unknown, message: string][]
}

const integers = (codec: AnyFixed<number>, size: number, low: number, high: number): Row => ({
  codec,
  size,
  values: [0, 1, low, high, high - 1, low + 1, Math.floor(high / 3)],
  bad: [
    ...[low - 1, high + 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53].map((value): [number, string] => [
      value,
      `${codec.name} carries integers from ${low} to ${high}, not ${value}`,
    ]),
    ['1', `${codec.name} carries numbers, not "1" (a string)`],
    [1n, `${codec.name} carries numbers, not 1n (a bigint)`],
    [undefined, `${codec.name} carries numbers, not undefined (a undefined)`],
    [null, `${codec.name} carries numbers, not null (a null)`],
    [Symbol('s'), `${codec.name} carries numbers, not Symbol(s) (a symbol)`],
    [{ valueOf: () => 1 }, `${codec.name} carries numbers, not a Object object (a object)`],
  ],
})

const bigints = (codec: AnyFixed<bigint>, low: bigint, high: bigint): Row => ({
  codec,
  size: 8,
  values: [0n, 1n, low, high, high - 1n, low + 1n],
  bad: [
    ...[low - 1n, high + 1n, 2n ** 70n].map((value): [bigint, string] => [
      value,
      `${codec.name} carries BigInts from ${low} to ${high}, not ${value}n`,
    ]),
    [1, `${codec.name} carries BigInts, not 1 (a number)`],
    [undefined, `${codec.name} carries BigInts, not undefined (a undefined)`],
  ],
})

const rows: Row[] = [
  integers(u8, 1, 0, 255),
  integers(i8, 1, -128, 127),
  integers(u16, 2, 0, 65535),
  integers(i16, 2, -32768, 32767),
  integers(u32, 4, 0, 2 ** 32 - 1),
  integers(i32, 4, -(2 ** 31), 2 ** 31 - 1),
  bigints(u64, 0n, 2n ** 64n - 1n),
  bigints(i64, -(2n ** 63n), 2n ** 63n - 1n),
  {
    codec: f32,
    size: 4,
    values: [0, -0, 1.5, Number.NaN, Number.NEGATIVE_INFINITY, 3.4028234663852886e38, 2 ** -149],
    bad: [
      [3.5e38, 'f32 carries numbers up to 3.4028234663852886e38, not 3.5e+38'],
      ['1', 'f32 carries numbers, not "1" (a string)'],
    ],
  },
  {
    codec: f64,
    size: 8,
    values: [0, -0, 0.1, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_VALUE, Number.MIN_VALUE],
    bad: [[1n, 'f64 carries numbers, not 1n (a bigint)']],
  },
  { codec: bool, size: 1, values: [true, false], bad: [[1, 'bool carries booleans, not 1 (a number)']] },
]

describe.each(rows.map((row) => [row.codec.name, row] as const))('%s', (name, { codec, size, values, bad }) => {
  test('in a tuple', () => {
    const part = tuple(codec)
    expect(part.name).toBe(`tuple(${name})`)
    expect(part.size).toBe(size)
    for (const value of values) trip(part, [value])
    trip(array(codec, values.length), values)
    trip(tuple(u8, codec, bool), [1, values[1], true])
  })

  test('refuses what it cannot carry, with the path to it', () => {
    for (const [value, message] of bad) {
      const error = refused(tuple(codec), [value])
      expect(error).toBeInstanceOf(message.includes(' from ') || message.includes(' up to ') ? RangeError : TypeError)
      expect(error.message).toBe(`$[0]: ${message}`)
    }
  })

  test('does not read less or more', () => {
    for (const length of [0, size - 1, size + 1]) {
      expect(unreadable(tuple(codec), new Uint8Array(length)).message).toBe(
        `the message is not of tuple(${name}): it has ${length} bytes, not ${size}`,
      )
    }
  })
})

describe.each([u8, i8, u16, i16].map((codec) => [codec.name, codec] as const))('%s by itself', (name, codec) => {
  const { values, bad, size } = rows.find((row) => row.codec === codec) as Row

  test('is a message', () => {
    expect(codec.shape).toBe('message')
    for (const value of values as number[]) expect(trip(codec, value)).toBe(size)
    for (const [value, message] of bad) expect(refused(codec, value).message).toBe(message)
    expect(unreadable(codec, [1, 2, 3]).message).toBe(`the message is not of ${name}: it has 3 bytes, not ${size}`)
  })
})

test('numbers lie there little-endian, -0 is 0 to integers', () => {
  expect([...encoded(tuple(u16, i32, u64), [0x0102, -2, 3n])]).toEqual([
    2, 1, 254, 255, 255, 255, 3, 0, 0, 0, 0, 0, 0, 0,
  ])
  for (const codec of [u8, i8, u16, i16, u32, i32]) trip(tuple(codec), [-0], { arrives: [0] })
})

test('a boolean is 0 or 1', () => {
  expect(decoded(tuple(bool), [1])).toEqual([true])
  expect(unreadable(tuple(u8, bool), [0, 2]).message).toBe(
    '$[1]: the message is not of bool: a boolean is 0 or 1, not 2',
  )
})

test('unit has no bytes', () => {
  for (const make of [() => tuple(unit), () => array(unit as Codec<undefined>, 3)]) {
    expect(thrown(make)).toBeInstanceOf(TypeError)
  }
  expect(thrown(() => tuple(u8, unit)).message).toBe('place 1 of tuple cannot be unit: it has no bytes; leave it out')
})
