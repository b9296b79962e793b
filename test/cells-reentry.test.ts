// Codecs run code of the program: getters of what is sent, functions of defineCodec. It may use any channel of its thread, also ones whose messages
// pass over the same stage, while a message is half written or half read.

import {
  Arena,
  array,
  type Channel,
  channel,
  defineCodec,
  type FixedCodec,
  f64,
  fixedString,
  open,
  optional,
  recv,
  Selector,
  select,
  selectSync,
  send,
  struct,
  trySelect,
  u32,
  unit,
} from 'millrace'
import { afterEach, describe, expect, test } from 'vitest'
import { rejection, thrown } from './support/probe.js'

const arena = new Arena({ size: 4 * 2 ** 20 })
const made: { dispose(): void }[] = []
function make<T>(codec: FixedCodec<T>, capacity: number): Channel<T> {
  const ch = channel(codec, { capacity, arena })
  made.push(ch)
  return ch
}

afterEach(() => {
  for (const each of made.splice(0)) each.dispose()
  const { 4096: stage, ...blocks } = arena.stats().blocks
  expect(blocks).toEqual({})
  expect(stage ?? 0).toBeLessThanOrEqual(1)
})

const body = struct({ id: u32, at: array(f64, 3) })
type Body = { id: number; at: number[] }
const note = struct({ text: fixedString(40), n: u32 })

/** A body whose middle number runs code when it is read: after others have been written, before others are. */
function tricky(id: number, run: () => void): Body {
  const at = [id + 0.25, 0, id + 0.75]
  Object.defineProperty(at, 1, {
    enumerable: true,
    get() {
      run()
      return id + 0.5
    },
  })
  return { id, at }
}

const plain = (id: number): Body => ({ id, at: [id + 0.25, id + 0.5, id + 0.75] })

/** All that another channel can do without waiting for another thread. */
const uses: [string, (other: Channel<{ text: string; n: number }>) => void][] = [
  ['trySend', (other) => void other.trySend({ text: 'x'.repeat(40), n: 1 })],
  [
    'trySend and tryReceive',
    (other) => {
      other.trySend({ text: 'y'.repeat(40), n: 2 })
      expect(other.tryReceive()).toEqual({ text: 'y'.repeat(40), n: 2 })
    },
  ],
  [
    'sendSync and receiveSync',
    (other) => {
      other.sendSync({ text: 'blocking', n: 3 })
      expect(other.receiveSync()).toEqual({ text: 'blocking', n: 3 })
    },
  ],
  ['send', (other) => void other.send({ text: 'z'.repeat(40), n: 4 }).catch(() => {})],
  ['receive', (other) => void other.receive().catch(() => {})],
  ['sendManySync', (other) => void other.sendManySync([{ text: 'a', n: 1 }, { text: 'b', n: 2 }])], // biome-ignore format: one case a line
  [
    'receiveMany',
    (other) => {
      other.trySend({ text: 'c', n: 5 })
      expect(other.tryReceiveMany(9).at(-1)).toEqual({ text: 'c', n: 5 })
    },
  ],
  [
    'select',
    (other) => {
      other.trySend({ text: 'd', n: 6 })
      expect(selectSync({ a: recv(other) })).toEqual({ case: 'a', value: { text: 'd', n: 6 }, done: false })
    },
  ],
  ['a refused value', (other) => expect(() => other.trySend({ text: 'e', n: -1 })).toThrow(RangeError)],
]

describe('a getter uses another channel', () => {
  for (const [name, use] of uses) {
    test(`${name}, while its value is sent in each way`, async () => {
      const ch = make(body, 1)
      const run = (): void => use(make(note, 4))
      const got = async (id: number): Promise<void> => expect(await ch.receive()).toEqual(plain(id))
      expect(ch.trySend(tricky(1, run))).toBe(true)
      // Full: refused, and then it waits.
      expect(ch.trySend(tricky(2, run))).toBe(false)
      const waiting = ch.send(tricky(3, run))
      await got(1)
      await waiting
      await got(3)
      ch.sendSync(tricky(4, run))
      await got(4)
      await ch.send(tricky(5, run))
      const timed = ch.send(tricky(6, run), { timeout: 5 })
      expect((await rejection(timed)).code).toBe('ERR_TIMEOUT')
      expect(thrown(() => ch.sendSync(tricky(7, run), { timeout: 5 })).code).toBe('ERR_TIMEOUT')
      await got(5)
      expect(await ch.sendMany([tricky(8, run)])).toBe(1)
      await got(8)
      expect(trySelect({ a: send(ch, tricky(9, run)) })).toEqual({ case: 'a', value: undefined, done: false })
      const selected = select({ a: send(ch, tricky(10, run)) })
      await got(9)
      await selected
      await got(10)
      expect(ch.length).toBe(0)
    })

    test(`${name}, over capacity 0`, async () => {
      const ch = make(body, 0)
      const run = (): void => use(make(note, 4))
      const sending = ch.send(tricky(1, run))
      expect(ch.tryReceive()).toEqual(plain(1))
      await sending
      const receiving = ch.receive()
      expect(ch.trySend(tricky(2, run))).toBe(true)
      expect(await receiving).toEqual(plain(2))
      const selected = select({ a: send(ch, tricky(3, run)) })
      expect(ch.tryReceive()).toEqual(plain(3))
      await selected
    })
  }

  test('which has values with getters, and so on', () => {
    const ch = make(body, 20)
    const nested = (depth: number): Body => tricky(depth, () => void (depth < 8 && ch.trySend(nested(depth + 1))))
    ch.trySend(nested(0))
    expect([...ch.available()]).toEqual(Array.from({ length: 9 }, (_, k) => plain(8 - k)))
  })

  test('the same channel, from which it receives', () => {
    const ch = make(body, 3)
    ch.trySend(plain(1))
    ch.trySend(tricky(2, () => expect(ch.tryReceive()).toEqual(plain(1))))
    expect([ch.tryReceive(), ch.length]).toEqual([plain(2), 0])
  })

  test('and throws: nothing is sent, and what comes next is right', async () => {
    const [ch, other] = [make(body, 4), make(note, 4)]
    const failing = (): Body =>
      tricky(1, () => {
        other.trySend({ text: 'before', n: 1 })
        throw new Error('no')
      })
    expect(() => ch.trySend(failing())).toThrow('no')
    expect(() => ch.sendSync(failing())).toThrow('no')
    expect((await rejection(ch.send(failing()))).message).toContain('no')
    expect([ch.length, other.length]).toEqual([0, 3])
    expect(ch.trySend(plain(2))).toBe(true)
    expect([ch.tryReceive(), other.tryReceive()]).toEqual([plain(2), { text: 'before', n: 1 }])
  })

  test('a Selector that is at work says so', () => {
    const ch = make(body, 1)
    const codes: (string | undefined)[] = []
    const selector = new Selector({ a: send(ch, plain(0)) })
    made.push(selector)
    let ready = false
    const again = (): void => void (ready && codes.push(thrown(() => selector.selectSync()).code))
    selector.set('a', tricky(1, again))
    ready = true
    selector.selectSync()
    expect(codes).toEqual(['ERR_BUSY'])
    expect(ch.tryReceive()).toEqual(plain(1))
  })
})

describe('a codec of the program uses another channel', () => {
  test('while it reads, in a struct', async () => {
    const other = make(note, 4)
    const chatty = defineCodec<number>({
      name: 'chatty',
      size: 8,
      encode: (n, _, view) => view.setFloat64(0, n),
      decode(_, view) {
        const n = view.getFloat64(0)
        other.trySend({ text: 'w'.repeat(40), n })
        expect(other.tryReceive()).toEqual({ text: 'w'.repeat(40), n })
        return n
      },
    }) as FixedCodec<number>
    const ch = make(struct({ a: chatty, b: chatty, c: f64, d: chatty }), 2)
    const value = (n: number) => ({ a: n, b: n + 1, c: n + 2, d: n + 3 })
    for (const n of [1, 2]) ch.trySend(value(n))
    const waiting = ch.send(value(3))
    expect(ch.tryReceive()).toEqual(value(1))
    expect(await ch.receive()).toEqual(value(2))
    await waiting
    expect(ch.receiveSync()).toEqual(value(3))
    const receiving = ch.receive()
    ch.trySend(value(4))
    expect(await receiving).toEqual(value(4))
    ch.trySend(value(5))
    expect(trySelect({ a: recv(ch) })?.value).toEqual(value(5))
    ch.trySend(value(6))
    expect(ch.tryReceiveMany(5)).toEqual([value(6)])
  })
})

test('a codec of another size, under the same name, is refused', () => {
  const sized = (size: number) =>
    defineCodec<number>({ name: 'of-two-sizes', size, encode: (n, _, view) => view.setFloat64(0, n), decode: (_, view) => view.getFloat64(0) }) // biome-ignore format: one line
  const ch = make(sized(24) as FixedCodec<number>, 2)
  expect(open(ch.handle).equals(ch)).toBe(true)
  for (const size of [8, 32, 200]) {
    const other = sized(size)
    expect(thrown(() => open(ch.handle)).message).toContain('of-two-sizes')
    expect(thrown(() => open(ch.handle, { codec: other as never })).message).toContain('another size')
  }
  expect(thrown(() => open(ch.handle)).name).toBe('TypeError')
})

describe('undefined as a value', () => {
  test.each([unit, optional(u32), optional(fixedString(200))])(
    'select receives it after it has found nothing: %o',
    async (codec) => {
      const ch = channel(codec as FixedCodec<undefined>, { capacity: 2, arena })
      made.push(ch)
      expect(trySelect({ a: recv(ch) })).toBe(undefined)
      ch.trySend(undefined)
      expect(trySelect({ a: recv(ch) })).toEqual({ case: 'a', value: undefined, done: false })
      expect(trySelect({ a: recv(ch) })).toBe(undefined)
      ch.trySend(undefined)
      expect(await select({ a: recv(ch) })).toEqual({ case: 'a', value: undefined, done: false })
      expect(ch.length).toBe(0)
    },
  )
})
