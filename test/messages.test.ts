// Values as messages: what arrives is what was sent, whatever the codec, the threads and the capacity, and belongs to who has received it.

import {
  type AnyCodec,
  any,
  array,
  bool,
  bytes,
  defineCodec,
  enumOf,
  f64,
  fixedBytes,
  fixedString,
  type MessageCodec,
  optional,
  string,
  struct,
  tuple,
  u8,
  u32,
  u64,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import { filled, intact, inUse, spaces } from './support/arenas.js'
import { rejection, same, thrown } from './support/probe.js'
import { elsewhere } from './support/threads.js'

const space = spaces()

/** The same definition stands in the job of the other thread. */
const pair = defineCodec<[string, number]>({
  name: 'test/pair',
  measure: ([text]) => 8 + 3 * text.length,
  encode: ([text, n], into, view) => {
    view.setFloat64(0, n)
    return 8 + new TextEncoder().encodeInto(text, into.subarray(8)).written
  },
  decode: (from, view) => [new TextDecoder().decode(from.subarray(8)), view.getFloat64(0)],
})

// Around the sizes of blocks, with both kinds of headers.
const LENGTHS = [0, 1, 7, 95, 96, 97, 224, 225, 480, 481, 960, 961, 16_319, 16_320, 16_321, 100_000]
const cyclic: Record<string, unknown> = { name: 'cyclic' }
cyclic.self = cyclic

const codecs: [string, AnyCodec<never>, unknown[]][] = [
  ['bytes', bytes as MessageCodec<never>, LENGTHS.map((n) => filled(n))],
  [
    'string',
    string as MessageCodec<never>,
    ['', 'a', 'ü€😀', '\ud800', 'a\udc00b', '\0', ...LENGTHS.map((n) => 'x'.repeat(n))],
  ],
  ['fixedBytes', fixedBytes(3) as MessageCodec<never>, [filled(3), new Uint8Array(3)]],
  ['fixedString', fixedString(8) as MessageCodec<never>, ['', '12345678', 'üüüü']],
  [
    'struct',
    struct({ id: u32, price: f64, ok: bool, side: u8, big: u64, tag: fixedString(5) }) as MessageCodec<never>,
    [
      { id: 2 ** 32 - 1, price: Number.NaN, ok: true, side: 255, big: 2n ** 64n - 1n, tag: 'ab' },
      { id: 0, price: -0, ok: false, side: 0, big: 0n, tag: '' },
    ],
  ],
  [
    'array',
    array(optional(u32), 3) as MessageCodec<never>,
    [
      [1, undefined, 3],
      [undefined, undefined, undefined],
    ],
  ],
  [
    'tuple',
    tuple(string, u32, bytes) as MessageCodec<never>,
    [
      ['', 0, filled(0)],
      ['text', 7, filled(500)],
    ],
  ],
  ['optional', optional(string) as MessageCodec<never>, [undefined, '', 'text']],
  ['enumOf', enumOf('buy', 'sell') as MessageCodec<never>, ['buy', 'sell']],
  [
    'any',
    any() as MessageCodec<never>,
    [
      undefined,
      null,
      0,
      -0,
      Number.NaN,
      '',
      1n,
      [1, [], 3],
      new Map([[{ k: 1 }, new Set(['v'])]]),
      new Date(7),
      filled(9),
      cyclic,
    ],
  ],
  [
    'defineCodec',
    pair as MessageCodec<never>,
    [
      ['', -0],
      ['tèxt', 1.5],
      ['x'.repeat(5000), Number.NaN],
    ],
  ],
]

describe.each(codecs)('%s', (_name, codec, values) => {
  test('what is sent arrives, by every form, in one thread', async () => {
    const { make, arena } = space()
    for (const capacity of [1, 1000]) {
      const ch = make(codec as MessageCodec<unknown>, capacity)
      const base = inUse(arena)
      for (const value of values) {
        for (const take of ['receive', 'receiveSync', 'tryReceive'] as const) {
          for (const send of ['send', 'sendSync', 'trySend'] as const) {
            await ch[send](value)
            const got = await ch[take]()
            if (!same(got, value)) expect(got).toEqual(value)
          }
        }
        const waiting = ch.next()
        expect(ch.trySend(value)).toBe(true)
        const next = await waiting
        expect([next.done, same(next.value, value)]).toEqual([false, true])
        expect(inUse(arena)).toBe(base)
      }
    }
    const ch = make(codec as MessageCodec<unknown>)
    for (const value of values) {
      const sending = ch.send(value)
      expect(same((await ch.next()).value, value)).toBe(true)
      await sending
      const receiving = ch.next()
      expect(ch.trySend(value)).toBe(true)
      expect(same((await receiving).value, value)).toBe(true)
    }
  })

  for (const style of ['blocking', 'async'] as const) {
    test(`what is sent arrives, to another thread and back (${style})`, async () => {
      const { make } = space()
      for (const capacity of [0, 1, 1000]) {
        const [there, back] = [0, 1].map(() => make(codec as MessageCodec<unknown>, capacity))
        if (there === undefined || back === undefined) throw new Error()
        const echoing = elsewhere(
          style,
          async ({ millrace, open, io }, there, back) => {
            millrace.defineCodec<[string, number]>({
              name: 'test/pair',
              measure: ([text]) => 8 + 3 * text.length,
              encode: ([text, n], into, view) => {
                view.setFloat64(0, n)
                return 8 + new TextEncoder().encodeInto(text, into.subarray(8)).written
              },
              decode: (from, view) => [new TextDecoder().decode(from.subarray(8)), view.getFloat64(0)],
            })
            const [into, out] = [open(there), open(back)]
            for (let next = await io.next(into); !next.done; next = await io.next(into)) await io.send(out, next.value)
            out.close()
          },
          there.handle,
          back.handle,
        )
        for (const value of values) {
          await there.send(value)
          const next = await back.next({ timeout: 20_000 })
          expect([next.done, same(next.value, value)]).toEqual([false, true])
        }
        there.close()
        expect((await back.next({ timeout: 20_000 })).done).toBe(true)
        await echoing
      }
    })
  }
})

describe('whose memory', () => {
  test('a sender may change its value once the send has returned, also while it waits for room', async () => {
    const { bytes, make } = space()
    const ch = bytes(1)
    const value = filled(200)
    expect(ch.trySend(value)).toBe(true)
    value.fill(0)
    const second = filled(300)
    const sending = ch.send(second)
    second.fill(0)
    expect(intact(ch.tryReceive(), 200)).toBe(true)
    await sending
    expect(intact(ch.tryReceive(), 300)).toBe(true)
    const objects = make(any<{ list: number[] }>(), 2)
    const object = { list: [1, 2] }
    objects.sendSync(object)
    object.list.push(3)
    expect(objects.tryReceive()).toEqual({ list: [1, 2] })
  })

  test('what was received keeps its value, whatever is sent after it, and others do not see it change', () => {
    const ch = space().bytes(4)
    const kept: Uint8Array[] = []
    for (let round = 0; round < 50; round++) {
      ch.trySend(filled(100, round))
      kept.push(ch.tryReceive() as Uint8Array)
    }
    for (const [round, each] of kept.entries()) {
      expect(intact(each, 100, round)).toBe(true)
      expect(each.buffer).toBeInstanceOf(ArrayBuffer)
      expect(each.buffer.byteLength).toBe(100)
    }
    ch.trySend(filled(100))
    for (const each of kept) each.fill(0)
    expect(intact(ch.tryReceive(), 100)).toBe(true)
  })
})

describe('limits', () => {
  test.each([1, 4])('a message has at most a quarter of an arena of %i MiB, and exactly that passes', async (mib) => {
    const { bytes, make, arena } = space(mib * 2 ** 20)
    const limit = mib * 2 ** 18
    const ch = bytes(2)
    for (let round = 0; round < 3; round++) {
      ch.sendSync(filled(limit))
      expect(intact(ch.receiveSync(), limit)).toBe(true)
    }
    const base = inUse(arena)
    const text = make(string, 2)
    const tooLarge = new Uint8Array(limit + 1)
    const before = inUse(arena)
    for (const error of [
      thrown(() => ch.trySend(tooLarge)),
      thrown(() => ch.sendSync(tooLarge)),
      thrown(() => ch.trySendMany([tooLarge])),
      thrown(() => ch.tryReserve(limit + 1)),
      thrown(() => text.trySend('x'.repeat(limit + 1))),
      await rejection(ch.send(tooLarge, { timeout: 0 })),
      await rejection(ch.sendMany([tooLarge])),
      await rejection(ch.reserve(limit + 1)),
    ]) {
      expect(error).toBeInstanceOf(RangeError)
      expect(error.code).toBe('ERR_OUT_OF_RANGE')
      expect(error.message).toContain(String(limit))
      expect(error.message).toContain(String(limit + 1))
    }
    expect([ch.length, text.length]).toEqual([0, 0])
    expect(inUse(arena)).toBe(before)
    text.dispose()
    expect(inUse(arena)).toBe(base)
  })

  test('a string is measured by its bytes: as many as fit pass, of one, two, three and four bytes a character', () => {
    const { make } = space()
    const ch = make(string, 1)
    for (const char of ['x', 'é', '€', '😀']) {
      const long = char.repeat(Math.floor(2 ** 18 / Buffer.byteLength(char)))
      expect(ch.trySend(long)).toBe(true)
      expect(ch.tryReceive() === long).toBe(true)
      expect(thrown(() => ch.trySend(`${long}${char}`))).toBeInstanceOf(RangeError)
    }
  })
})
