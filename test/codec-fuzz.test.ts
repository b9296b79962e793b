// Every decoder against a million messages that nobody has sent: each gives a value or one of the errors it may give, reads nothing outside the
// message, and allocates nothing that the message has no bytes for.

import { isDeepStrictEqual } from 'node:util'
import {
  Arena,
  array,
  bool,
  bytes,
  Counter,
  channel,
  defineCodec,
  enumOf,
  f32,
  f64,
  fixedBytes,
  fixedString,
  handle,
  i16,
  i64,
  type MessageCodec,
  optional,
  Stack,
  StaleHandleError,
  string,
  struct,
  tuple,
  u8,
  u16,
  u32,
} from 'millrace'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encoded, places } from './support/codecs.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'

/** Messages for each codec: a million in all. */
const MESSAGES = rounds(55_000)
const AT = 64
const ROOM = 1024

const arena = new Arena({ size: 2 ** 20 })
const objects = [
  channel(f64, { capacity: 2, arena }),
  new Counter({ arena }),
  new Stack(u32, { capacity: 4, arena }),
  channel(u32, { arena }).sender,
]
const text = (n: number): string => 'añ€\u{1f600}\ud800\0z'.repeat(n)
const point = struct({ x: f64, y: f32 })

const user = defineCodec<number[]>({
  name: 'fuzz/list',
  measure: (list) => 4 + 8 * list.length,
  encode(list, bytes, view) {
    view.setUint32(0, list.length)
    for (const [i, n] of list.entries()) view.setFloat64(4 + 8 * i, n)
    return bytes.length
  },
  decode(_, view) {
    const list: number[] = []
    for (let i = 0; i < view.getUint32(0); i++) list.push(view.getFloat64(4 + 8 * i))
    return list
  },
})

const cases: [codec: MessageCodec<never>, values: unknown[]][] = [
  [i16, [0, -1]],
  [bytes, [new Uint8Array(0), new Uint8Array(7), new Uint8Array(100)]],
  [fixedBytes(9), [new Uint8Array(9)]],
  [string, ['', 'short', text(1), text(4), 'x'.repeat(200)]],
  [fixedString(12), ['', 'tag', 'é€\ud800']],
  [fixedString(80), [text(5), 'x'.repeat(80)]],
  [enumOf('a', 'b', 'c'), ['a', 'c']],
  [enumOf(...(Array.from({ length: 300 }, (_, i) => `v${i}`) as [string])), ['v0', 'v299']],
  [point, [{ x: 1, y: Number.NaN }]],
  [struct({ flag: bool, at: optional(point), tag: fixedString(4) }), [{ flag: true, tag: 'ab' }]],
  [array(struct({ id: i64, pair: array(bool, 2) }), 2), [new Array(2).fill({ id: -1n, pair: [true, false] })]],
  [array(string, 3), [['', 'a', text(2)]]],
  [
    tuple(u8, string, u32, optional(bytes)),
    [
      [1, text(1), 2, undefined],
      [1, '', 2, new Uint8Array(9)],
    ],
  ],
  [
    tuple(tuple(string, tuple(bytes)), array(tuple(string), 2)),
    [
      [
        ['a', [new Uint8Array(3)]],
        [['b'], [text(1)]],
      ],
    ],
  ],
  [optional(string), [undefined, '', 'there']],
  [optional(optional(u16)), [undefined, 5]],
  [user, [[], [1, 2, 3]]],
  [tuple(u8, user), [[1, [1.5]]]],
  [handle(), objects],
  [tuple(handle(), string), [[objects[0], 'x']]],
] as [MessageCodec<never>, unknown[]][]

const { below, pick } = random('fuzz of codecs')
const words = [0, 1, 2, 7, 8, 127, 128, 255, 256, 65535, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32 - 8]

/** Writes a message into the buffer, made from good ones or from nothing. Returns its length. */
function mutate(into: Uint8Array, view: DataView, good: Uint8Array[]): number {
  const kind = below(8)
  if (kind === 0) {
    const length = below(48)
    for (let i = 0; i < length; i++) into[AT + i] = below(256)
    return length
  }
  const message = pick(good) as Uint8Array
  into.set(message, AT)
  let { length } = message
  if (kind === 1) length = below(length + 1)
  else if (kind === 2) {
    const more = below(24)
    for (let i = 0; i < more; i++) into[AT + length++] = below(3) === 0 ? below(256) : 0
  } else if (kind === 3) {
    // The tail of another one.
    const other = pick(good) as Uint8Array
    const from = below(other.length + 1)
    const cut = below(length + 1)
    into.set(other.subarray(from), AT + cut)
    length = cut + other.length - from
  } else if (kind === 4 && length >= 4) view.setUint32(AT + below(length - 3), pick(words) as number, true)
  for (let flips = kind === 7 ? 8 : kind > 4 ? 1 : 0; flips > 0 && length > 0; flips--) {
    const i = AT + below(length)
    into[i] = below(2) === 0 ? below(256) : (into[i] as number) ^ (1 << below(8))
  }
  return length
}

/** The value, or the error. Any error that is none of ours fails the test. */
function attempt(codec: MessageCodec<never>, memory: Parameters<typeof codec.decode>[0], end: number): unknown {
  try {
    return { value: codec.decode(memory, AT, end) }
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError || error instanceof StaleHandleError)) throw error
    // Errors of the platform have no code of ours: an allocation that failed, a read beyond the end.
    if ((error as { code?: string }).code?.startsWith('ERR_') !== true) throw error
    return error.message
  }
}

describe(`${MESSAGES} messages`, () => {
  const { stackTraceLimit } = Error
  beforeAll(() => {
    Error.stackTraceLimit = 0
  })
  afterAll(() => {
    Error.stackTraceLimit = stackTraceLimit
  })

  test.each(cases.map(([codec, values]) => [codec.name.slice(0, 60), codec, values] as const))(
    'of %s',
    (_, codec, values) => {
      const [, memory] = places(ROOM, arena)
      const { u8: all, view } = memory
      const good = values.map((value) => encoded(codec, value as never, arena))
      let read = 0
      for (let i = 0; i < MESSAGES; i++) {
        const length = mutate(all, view, good)
        const end = AT + length
        const result = attempt(codec, memory, end)
        if (typeof result === 'object') read++
        if ((i & 3) === 0) {
          // Whatever lies around it, the message means the same.
          all.fill(below(256), 0, AT)
          all.fill(below(256), end, end + 256)
          const again = attempt(codec, memory, end)
          const same =
            codec.name.includes('handle') && typeof result === 'object'
              ? typeof again === 'object'
              : isDeepStrictEqual(again, result)
          if (!same) expect([...all.subarray(AT, end), again]).toEqual(result)
        }
      }
      // Some were good, so the decoder has been reached at all.
      expect(read).toBeGreaterThan(MESSAGES / 1000)
    },
  )
})

test('they are a million', () => {
  expect(cases.length * 55_000).toBeGreaterThanOrEqual(1_000_000)
})
