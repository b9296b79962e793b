// string and fixedString.

import { fixedString, string, struct, tuple, u32 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { decoded, encoded, places, refused, trip, unreadable } from './support/codecs.js'
import { thrown } from './support/probe.js'
import { random } from './support/random.js'

const text = (message: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(message)

/** Strings whose bytes are those of TextEncoder. */
const strings: Record<string, string> = {
  empty: '',
  ASCII: 'hello, world',
  'one character': 'x',
  'U+0000': '\0',
  'U+0000 within': 'a\0b\0',
  'U+007F and U+0080': '\x7f\x80',
  'Latin-1': 'naïve café ÿ',
  'U+07FF and U+0800': '\u07ff\u0800',
  'U+D7FF and U+E000': '\ud7ff\ue000',
  'U+FFFF': '\uffff\ufffd',
  'a byte order mark': '\ufefftext',
  'two byte order marks': '\ufeff\ufeff',
  'first and last pair': '\u{10000}\u{10ffff}',
  emoji: '👩‍👩‍👧‍👦🏳️‍🌈',
  'a line separator': 'a\u2028b',
}

/** Strings that UTF-8 has no bytes for. */
const lone: Record<string, string> = {
  'a lead surrogate': '\ud800',
  'a trail surrogate': '\udfff',
  'a lead at the end': 'abc\udbff',
  'a trail at the beginning': '\udc00abc',
  'trail before lead': '\udc00\ud800',
  'two leads and a trail': '\ud83d\ud83d\ude00',
  'a pair and a trail': '\ud83d\ude00\ude00',
  'among others': 'é\ud800€\udc00\u{1f600}\ud8ff!',
}

/** Lengths around the bounds of every way to code. */
const lengths = [0, 1, 31, 32, 33, 63, 64, 65, 95, 96, 97, 1000, 4095, 4096, 4097]

describe('string', () => {
  test.each(Object.entries(strings))('%s', (_, value) => {
    const message = encoded(string, value)
    expect(text(message)).toBe(value)
    for (const length of lengths) {
      for (const around of [value + 'x'.repeat(length), 'x'.repeat(length) + value, value.repeat(1 + length / 8)])
        trip(string, around)
    }
  })

  test.each(Object.entries(lone))('%s arrives as it is', (_, value) => {
    trip(string, value)
    for (const length of lengths) {
      trip(string, value + 'x'.repeat(length))
      trip(string, 'é'.repeat(length) + value)
    }
    trip(tuple(string, string), [value, value])
  })

  test('a lone surrogate takes the three bytes of its number', () => {
    expect([...encoded(string, '\ud800')]).toEqual([0xed, 0xa0, 0x80])
    expect([...encoded(string, 'é\udfff'.repeat(20))].slice(0, 5)).toEqual([0xc3, 0xa9, 0xed, 0xbf, 0xbf])
  })

  test('large ones', () => {
    const { below } = random('strings')
    for (const length of [70_000, 300_000, 1_000_000]) {
      for (const value of ['x', 'é', '€', '\u{1f600}', 'a\ud800']) {
        const whole = value.repeat(length / value.length)
        expect(decoded(string, encoded(string, whole)) === whole).toBe(true)
      }
    }
    for (let i = 0; i < 300; i++) {
      const units = Array.from({ length: below(80) }, () => {
        const kind = below(6)
        return kind < 3 ? below(128) : kind === 3 ? below(0x800) : kind === 4 ? 0xd800 + below(0x800) : below(0x10000)
      })
      trip(string, String.fromCharCode(...units))
    }
  })

  test('short ones that are remembered are not taken for each other', () => {
    const some = [
      'abcd',
      'abcdabcd',
      'abcdbcd',
      'abcdcd',
      'abcdd',
      'bcda',
      'abcd\0\0\0\0',
      '\0\0\0\0',
      'abcé',
      'éabc',
      'abcdé',
    ]
    const { below } = random('short strings')
    const many = Array.from({ length: 2000 }, () =>
      String.fromCharCode(...Array.from({ length: 4 + below(5) }, () => 97 + below(3))),
    )
    const [place, shared] = places(64)
    for (const value of [...some, ...some, ...many, ...many]) {
      for (const memory of [place, shared]) {
        const end = string.encode(value, memory, 8, 40)
        expect(string.decode(memory, 8, end)).toBe(value)
        expect(string.decode(memory, 8, end)).toBe(value)
      }
    }
  })

  test('what is measured is what is sent, whoever is measured in between', () => {
    const [a, b] = ['first '.repeat(20), 'second'.repeat(20)]
    const [place] = places(1024)
    const bound = string.measure(a)
    string.measure(b)
    fixedString(200).encode(b, place, 512, 712)
    string.decode(place, 512, 600)
    expect(bound).toBe(120)
    expect(string.decode(place, 8, string.encode(a, place, 8, 8 + bound))).toBe(a)
  })

  test.each([
    [5, 'string carries strings, not 5 (a number)'],
    [undefined, 'string carries strings, not undefined'],
    [Object('boxed'), 'string carries strings, not a String object'],
    [Symbol('s'), 'string carries strings, not Symbol(s)'],
    [10n, 'string carries strings, not 10n (a bigint)'],
  ])('refuses %s', (value, message) => {
    const error = refused(string, value)
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toBe(message)
  })

  test.each([
    ['a lone continuation', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an overlong of three', [0xe0, 0x80, 0xaf]],
    ['an overlong of four', [0xf0, 0x80, 0x80, 0xaf]],
    ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a cut character', [0xe2, 0x82]],
    ['a lead byte that does not exist', [0xff]],
    ['a lead byte F5', [0xf5, 0x80, 0x80, 0x80]],
    ['a pair as two characters', [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]],
  ])('bytes that are not UTF-8: %s', (_, bad) => {
    for (const padding of [0, 40, 100, 5000]) {
      const pad = new Array<number>(padding).fill(0x61)
      for (const message of [
        [...pad, ...bad],
        [...bad, ...pad],
        [...pad, ...bad, ...pad],
      ]) {
        const error = unreadable(string, message)
        expect(error).toBeInstanceOf(TypeError)
        expect(error.message).toBe('the message is not of string: it is not UTF-8')
      }
    }
  })
})

describe('fixedString', () => {
  test.each(Object.entries({ ...strings, ...lone }))('%s', (_, value) => {
    const { length } = encoded(string, value)
    if (value.endsWith('\0')) return
    for (const size of [length, length + 1, length + 70, 5000]) {
      if (size > 0) expect(trip(fixedString(size), value)).toBe(size)
    }
  })

  test.each(lengths.filter((length) => length > 0))('of %d bytes, full and empty', (size) => {
    for (const value of ['', 'x', 'x'.repeat(size), 'é'.repeat(size / 2), '€'.repeat(size / 3)])
      trip(fixedString(size), value)
  })

  test('pads with zeros', () => {
    expect([...encoded(fixedString(6), 'abc')]).toEqual([97, 98, 99, 0, 0, 0])
  })

  test('too long', () => {
    const codec = struct({ tag: fixedString(4), n: u32 })
    for (const [value, bytes] of [
      ['hello', '"hello" with at least 5'],
      ['aäö', '"aäö" with 5'],
      ['x'.repeat(100), `${JSON.stringify(`${'x'.repeat(40)}…`)} with at least 100`],
      ['\ud800\ud800', `${JSON.stringify('\ud800\ud800')} with 6`],
    ]) {
      const error = refused(codec, { tag: value, n: 1 })
      expect(error).toBeInstanceOf(RangeError)
      expect(error.code).toBe('ERR_OUT_OF_RANGE')
      expect(error.message).toBe(`$.tag: fixedString(4) carries strings of at most 4 bytes, not ${bytes}`)
    }
  })

  test('a zero at the end', () => {
    const error = refused(fixedString(4), 'ab\0')
    expect(error).toBeInstanceOf(RangeError)
    expect(error.message).toBe(
      'fixedString(4) pads with U+0000 and carries no string that ends in it, as "ab\\u0000" does',
    )
    trip(fixedString(4), '\0ab')
  })

  test('misuse', () => {
    expect(refused(fixedString(4), 5).message).toBe('fixedString(4) carries strings, not 5 (a number)')
    expect(unreadable(fixedString(4), [1, 2, 3]).message).toBe(
      'the message is not of fixedString(4): it has 3 bytes, not 4',
    )
    expect(unreadable(fixedString(4), [0xff, 0, 0, 0]).message).toBe(
      'the message is not of fixedString(4): it is not UTF-8',
    )
    expect(thrown(() => fixedString(0)).message).toBe(
      'fixedString takes a number of bytes: an integer from 1 to 1073741824, not 0',
    )
  })
})
