// Schemas: every codec is made again from its schema; what is no schema is a TypeError.

import {
  type AnyCodec,
  type AnyFixed,
  array,
  bool,
  bytes,
  codecFromSchema,
  defineCodec,
  enumOf,
  f32,
  f64,
  fixedBytes,
  fixedString,
  handle,
  i8,
  i16,
  i32,
  i64,
  type MessageCodec,
  optional,
  string,
  struct,
  tuple,
  u8,
  u16,
  u32,
  u64,
  unit,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import { encoded } from './support/codecs.js'
import { thrown } from './support/probe.js'
import { random } from './support/random.js'

const mine = defineCodec<number>({
  name: '@test/mine-1.0',
  size: 1,
  encode: (n, bytes) => void (bytes[0] = n),
  decode: (bytes) => bytes[0] as number,
})

/** One of each, and some of several. */
const codecs: AnyCodec[] = [
  ...[i32, u32, f32, f64, bool, unit, i64, u64],
  ...[u8, i8, u16, i16, bytes, string, handle(), mine],
  fixedString(8),
  fixedBytes(3),
  optional(string),
  optional(u8),
  array(f64, 7),
  array(bytes, 7),
  tuple(u8, string, mine),
  enumOf('buy', 'sell', 'a"b', ''),
  struct({
    id: u32,
    'odd name': u8,
    7: bool,
    at: struct({ x: f64, tag: optional(fixedString(3)) }),
    side: enumOf('x'),
  }),
  array(tuple(optional(array(struct({ mine }), 2)), bytes), 3),
]

describe.each(codecs.map((codec) => [codec.name, codec] as const))('%s', (name, codec) => {
  const schema = 'schema' in codec ? (codec as MessageCodec<unknown>).schema : codec.name

  test('comes back the same, by JSON and by structured clone', () => {
    for (const copy of [JSON.parse(JSON.stringify(schema)), structuredClone(schema)]) {
      expect(copy).toEqual(schema)
      const again = codecFromSchema(copy)
      expect(again.name).toBe(name)
      expect(again).toBe(codec)
    }
  })

  test('its schema cannot be changed', () => {
    if (typeof schema !== 'string') expect(Object.isFrozen(schema)).toBe(true)
  })
})

test('names tell codecs apart', () => {
  const names = [
    ...codecs.map((codec) => codec.name),
    struct({ a: u8, b: u8 }).name,
    struct({ b: u8, a: u8 }).name,
    struct({ 'a:u8,b': u8 }).name,
    struct({ a: struct({ b: u8 }) }).name,
    tuple(u8, u8).name,
    tuple(tuple(u8, u8)).name,
    enumOf('a', 'b').name,
    enumOf('a,b').name,
    enumOf('a","b').name,
  ]
  expect(new Set(names).size).toBe(names.length)
})

describe('codecs of yours', () => {
  test('are found by name, the last one made with it', () => {
    const make = (add: number) =>
      defineCodec<number>({
        name: 'test/again',
        maxBytes: 4,
        encode: (n, bytes) => bytes.fill(n + add, 0, 1).length - 3,
        decode: (bytes) => (bytes[0] as number) - add,
      })
    const first = make(0)
    const whole = tuple(first)
    expect(codecFromSchema(first.schema)).toBe(first)
    const second = make(1)
    expect(codecFromSchema(first.schema)).toBe(second)
    const again = codecFromSchema(whole.schema) as MessageCodec<[number]>
    expect([...encoded(again, [5])].at(-1)).toBe(6)
    expect([...encoded(whole, [5])].at(-1)).toBe(5)
    expect(tuple(second)).toBe(again)
  })

  test('that this thread has not made', () => {
    const error = thrown(() => codecFromSchema(['array', ['user', 'test/unknown', 4], 2]))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toBe(
      'this thread does not know the codec "test/unknown": make it here too, by defineCodec, before the handle is opened, or pass it: open(handle, { codec })',
    )
  })

  test('of another size there', () => {
    expect(thrown(() => codecFromSchema(['user', '@test/mine-1.0', 2])).message).toBe(
      'the codec "@test/mine-1.0" is another one in the thread that sent the handle: its values have 2 bytes there, 1 bytes here',
    )
    expect(thrown(() => codecFromSchema(['user', '@test/mine-1.0', null])).message).toContain(
      'any number of bytes there',
    )
  })
})

describe('what is no schema', () => {
  const deep = (depth: number): unknown => (depth === 0 ? 'u8' : ['optional', deep(depth - 1)])
  const cyclic: unknown[] = ['optional']
  cyclic.push(cyclic)
  let dag: unknown = 'u8'
  for (let i = 0; i < 30; i++) dag = ['tuple', dag, dag]
  const sparse: unknown[] = ['tuple']
  sparse.length = 2 ** 32 - 1

  test.each([
    ['a schema is a name or an array, not undefined', undefined],
    ['a schema is a name or an array, not null', null],
    ['a schema is a name or an array, not 5', 5],
    ['a schema is a name or an array, not a Object object', { length: 1, 0: 'tuple' }],
    ['millrace has no codec "u33": is the handle from another version of the package?', 'u33'],
    ['millrace has no codec "": is the handle from another version of the package?', ''],
    ['millrace has no codec "struct"', 'struct'],
    [
      'a schema begins with one of fixedString, fixedBytes, optional, array, tuple, enumOf, struct, user, not undefined',
      [],
    ],
    ['not "__proto__"', ['__proto__', 'u8']],
    ['not "u8"', ['u8']],
    ['fixedString in a schema has 1 parts, not 0', ['fixedString']],
    ['fixedString takes a number of bytes, not "8"', ['fixedString', '8']],
    [
      'this is no schema of a codec: fixedString takes a number of bytes: an integer from 1 to 1073741824, not -8',
      ['fixedString', -8],
    ],
    ['array in a schema has 2 parts, not 1', ['array', 'u8']],
    ['array would', ['array', 'u8', 2 ** 31]],
    ['array in a schema', ['array', 'u8', 2, 3]],
    ['place 1 of tuple cannot be unit', ['tuple', 'u8', 'unit']],
    ['a field in a schema is a pair, not "id"', ['struct', 'id', 'u8']],
    ['a field in a schema has 2 parts, not 1', ['struct', ['id']]],
    ['a name in a schema is a string, not 5', ['struct', [5, 'u8']]],
    ['struct field a: string has no fixed size', ['struct', ['a', 'string']]],
    ['struct cannot have a field __proto__', ['struct', ['__proto__', 'u8']]],
    ['the fields of a struct in a schema are not in the order of an object', ['struct', ['a', 'u8'], ['1', 'u8']]],
    [
      'the fields of a struct in a schema are not in the order of an object',
      ['struct', ['a', 'u8'], ['a', 'u8'], ['b', 'u8']],
    ],
    [
      'the fields of a struct in a schema are not in the order of an object',
      ['struct', ['a', 'u8'], ['b', 'u8'], ['a', 'u8']],
    ],
    ['enumOf takes each string once', ['enumOf', 'a', 'a']],
    ['a name in a schema is a string, not 1', ['enumOf', 1]],
    ['a codec of yours in a schema has 2 parts, not 1', ['user', 'x']],
    ['a name in a schema is a string', ['user', {}, null]],
    ['a schema has at most 32 levels', deep(33)],
    ['a schema has at most 32 levels', cyclic],
    ['a schema has at most 4096 parts', dag],
    ['a schema has at most 65537 places, not 4294967295', sparse],
    ['the names in a schema have at most 1048576 characters', ['enumOf', 'x'.repeat(2 ** 20 + 1)]],
    ['would take 1152921504606847000 bytes', ['array', ['array', 'u8', 2 ** 30], 2 ** 30]],
  ])('%s', (message, schema) => {
    const error = thrown(() => codecFromSchema(schema))
    expect(error).toBeInstanceOf(TypeError)
    expect((error as { code?: string }).code).toBe('ERR_INVALID_ARG_TYPE')
    expect(error.message).toContain(
      message === 'array would' ? 'this is no schema of a codec: array takes a length' : message,
    )
  })

  test('deep and wide ones within bounds are fine', () => {
    expect(codecFromSchema(deep(32)).name).toMatch(/^(optional\(){32}u8/)
    const fields = Array.from({ length: 4000 }, (_, i) => [`f${i}`, 'u8'])
    expect((codecFromSchema(['struct', ...fields]) as AnyFixed & { size: number }).size).toBe(4000)
  })

  test('no mutation of a schema does anything but give a codec or a TypeError', () => {
    const { below, pick } = random('schemas')
    const whole = JSON.stringify(codecs.map((codec) => ('schema' in codec ? codec.schema : codec.name)))
    const junk = [
      '',
      -1,
      0,
      1.5,
      2 ** 31,
      1e300,
      null,
      true,
      {},
      [],
      'u8',
      'tuple',
      ['u8'],
      ['array', 'u8', 3],
      '__proto__',
    ]
    let made = 0
    for (let i = 0; i < 20_000; i++) {
      const all = JSON.parse(whole) as unknown[]
      let node = pick(all) as unknown[]
      if (!Array.isArray(node)) continue
      for (let depth = below(4); depth > 0; depth--) {
        const next = pick(node)
        if (Array.isArray(next) && next.length > 0) node = next
      }
      const where = below(node.length + 1)
      const other = structuredClone(below(2) === 0 ? pick(junk) : pick(all))
      if (below(3) === 0) node.splice(where, below(2), other)
      else if (below(2) === 0) node.splice(where, 1)
      else node[where] = other
      for (const schema of all) {
        if (typeof schema === 'string') continue
        try {
          expect(typeof codecFromSchema(schema).name).toBe('string')
          made++
        } catch (error) {
          if (!(error instanceof TypeError)) throw error
        }
        if (below(4) > 0) break
      }
    }
    expect(made).toBeGreaterThan(1000)
  })
})

test('code in names stays a name', () => {
  const names = [
    '"];globalThis.hacked=1;["',
    "'+globalThis.hacked+'",
    '$'.concat('{globalThis.hacked=1}'),
    '*/globalThis.hacked=1/*',
    '\n};globalThis.hacked=1;//',
    '\u2029globalThis.hacked=1',
  ]
  const codec = codecFromSchema(['struct', ...names.map((name) => [name, 'u8'])]) as MessageCodec<
    Record<string, number>
  >
  const value = Object.fromEntries(names.map((name, i) => [name, i]))
  expect([...encoded(codec, value)]).toEqual([0, 1, 2, 3, 4, 5])
  expect('hacked' in globalThis).toBe(false)
})
