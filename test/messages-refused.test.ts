// Values that a codec cannot carry, and codecs that fail: nothing is sent, nothing is left behind, and the next message arrives.

import {
  any,
  bytes,
  defineCodec,
  enumOf,
  handle,
  type MessageCodec,
  send,
  string,
  struct,
  trySelect,
  tuple,
  u8,
  u32,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import { inUse, spaces } from './support/arenas.js'
import { macrotask, rejection, thrown, until } from './support/probe.js'

const space = spaces()

const order = struct({ id: u32, side: enumOf('buy', 'sell') })
const fn = (): void => {}
const refused: [string, MessageCodec<never>, unknown, unknown, string][] = [
  ['bytes', bytes as MessageCodec<never>, new Uint8Array(5), [1, 2], 'bytes'],
  ['string', string as MessageCodec<never>, 'text', 5, 'string'],
  ['struct, a field', order as MessageCodec<never>, { id: 1, side: 'buy' }, { id: 1, side: 'hold' }, '$.side'],
  ['struct, a number', order as MessageCodec<never>, { id: 1, side: 'buy' }, { id: -1, side: 'buy' }, '$.id'],
  ['tuple', tuple(u8, string) as MessageCodec<never>, [1, ''], [1, 2], '$[1]'],
  ['any, deep', any() as MessageCodec<never>, {}, { items: [1, { fn }] }, '$.items[1].fn'],
  ['any, a symbol', any() as MessageCodec<never>, [], [Symbol('s')], '$[0]'],
  ['handle', handle() as MessageCodec<never>, undefined, {}, 'handle'],
]

describe.each(refused)('%s', (_name, codec, good, bad, told) => {
  test('a value that it cannot carry is refused by every form, with the path', async () => {
    const { make, arena } = space()
    const ch = make(codec as MessageCodec<unknown>, 3)
    const base = inUse(arena)
    for (const error of [
      thrown(() => ch.trySend(bad)),
      thrown(() => ch.sendSync(bad)),
      thrown(() => ch.sendSync(bad, { timeout: 5 })),
      thrown(() => ch.sender.trySend(bad)),
      thrown(() => ch.trySendMany([bad])),
      thrown(() => ch.sendManySync([bad])),
      thrown(() => trySelect({ it: send(ch, bad) })),
      await rejection(ch.send(bad)),
      await rejection(ch.sendMany([bad])),
    ]) {
      expect(error.message).toContain(told)
      expect(['ERR_INVALID_ARG_TYPE', 'ERR_OUT_OF_RANGE']).toContain(error.code)
      expect(error instanceof TypeError || error instanceof RangeError).toBe(true)
    }
    expect(ch.length).toBe(0)
    expect(inUse(arena)).toBe(base)
    if (good === undefined) return
    expect(thrown(() => ch.trySendMany([good, good, bad, good])).transferred).toBe(2)
    expect([...ch.available()]).toEqual([good, good])
    // To one who waits, too.
    const receiving = ch.next()
    expect(thrown(() => ch.trySend(bad)).message).toContain(told)
    expect(ch.trySend(good)).toBe(true)
    expect(await receiving).toEqual({ value: good, done: false })
    expect(inUse(arena)).toBe(base)
  })
})

/** Its functions fail for some numbers: 13 cannot be encoded, 666 is measured and then cannot, 7 cannot be decoded. */
function picky(name: string): MessageCodec<number> {
  return defineCodec<number>({
    name,
    measure: (n) => {
      if (n === 13) throw new Error('unlucky')
      return 8
    },
    encode: (n, _, view) => {
      if (n === 666) throw new Error('beastly')
      view.setFloat64(0, n)
      return 8
    },
    decode: (_, view) => {
      const n = view.getFloat64(0)
      if (n === 7) throw new Error('seven')
      return n
    },
  })
}

describe('codecs that fail', () => {
  test('what encode throws is the cause of a TypeError; nothing is sent, nothing is left', async () => {
    const { make, arena } = space()
    const ch = make(picky('picky/encode'), 2)
    const base = inUse(arena)
    for (const [n, why] of [
      [13, 'unlucky'],
      [666, 'beastly'],
    ] as const) {
      for (const error of [
        thrown(() => ch.trySend(n)),
        thrown(() => ch.sendSync(n)),
        await rejection(ch.send(n)),
        await rejection(ch.sendMany([n])),
        thrown(() => send(ch, n)),
      ]) {
        expect(error).toBeInstanceOf(TypeError)
        expect((error.cause as Error).message).toBe(why)
      }
    }
    expect(ch.length).toBe(0)
    expect(inUse(arena)).toBe(base)
    await ch.send(1)
    expect(await ch.receive()).toBe(1)
  })

  test('what decode throws rejects the receive; the message is gone, the next one arrives', async () => {
    const { make, arena } = space()
    const ch = make(picky('picky/decode'), 3)
    const base = inUse(arena)
    for (const take of ['receive', 'receiveSync', 'tryReceive', 'next', 'nextSync', 'tryNext'] as const) {
      for (const n of [7, 8]) ch.trySend(n)
      const error = await rejection((async () => ch[take]())())
      expect(error).toBeInstanceOf(TypeError)
      expect((error.cause as Error).message).toBe('seven')
      expect(ch.length).toBe(1)
      expect(ch.tryReceive()).toBe(8)
      expect(inUse(arena)).toBe(base)
    }
    // Where the receiver waits first, and at a rendezvous.
    const meeting = make(picky('picky/decode'))
    const bare = inUse(arena)
    for (const each of [ch, meeting]) {
      const waiting = rejection(each.receive())
      const next = each.receive()
      expect([each.trySend(7), each.trySend(8)]).toEqual([true, true])
      expect(((await waiting).cause as Error).message).toBe('seven')
      expect(await next).toBe(8)
    }
    expect(inUse(arena)).toBe(bare)
  })

  for (const take of ['receive', 'receiveSync', 'tryReceive', 'next', 'tryNext'] as const) {
    test(`a sender of the same event loop goes on when what made room for it cannot be decoded (${take})`, async () => {
      const { make } = space()
      for (const capacity of [0, 1]) {
        const ch = make(picky('picky/room'), capacity)
        if (capacity > 0) ch.trySend(7)
        let sent = 0
        const sending = [ch.send(capacity > 0 ? 1 : 7), ch.send(2)].map((each) => each.then(() => sent++))
        await macrotask()
        expect((await rejection((async () => ch[take]())())).cause).toBeInstanceOf(Error)
        await until(() => sent >= 1, 'the first sender', 5000)
        while (sent < 2 || ch.length > 0) {
          ch.tryReceive()
          await macrotask()
        }
        await Promise.all(sending)
      }
    })
  }

  test('in a batch: what came before the message that cannot be decoded is not lost', async () => {
    const { make } = space()
    const ch = make(picky('picky/batch'), 10)
    const put = (): void => {
      for (const n of [1, 2, 7, 3, 4]) ch.trySend(n)
    }
    for (const take of [() => ch.tryReceiveMany(10), () => ch.receiveManySync(10), () => ch.receiveMany(10)] as (() =>
      | number[]
      | Promise<number[]>)[]) {
      put()
      const error = (await rejection((async () => take())())) as Error & { received?: number[] }
      expect((error.cause as Error).message).toBe('seven')
      expect(error.received).toEqual([1, 2])
      expect(await take()).toEqual([3, 4])
    }
    put()
    ch.close()
    const got: number[][] = []
    const failed = await rejection(
      (async () => {
        for await (const batch of ch.batches({ max: 10 })) got.push(batch)
      })(),
    )
    expect((failed.cause as Error).message).toBe('seven')
    expect(got).toEqual([[1, 2]])
    for await (const batch of ch.batches({ max: 10 })) got.push(batch)
    expect(got).toEqual([
      [1, 2],
      [3, 4],
    ])
  })

  test('a value that grows between two looks at it writes nothing beyond its message', () => {
    const { make, arena } = space()
    const ch = make(any<unknown>(), 4)
    const base = inUse(arena)
    let looks = 0
    const growing = {
      get text() {
        return 'x'.repeat(looks++ * 5000)
      },
    }
    for (let i = 0; i < 3; i++) {
      try {
        ch.trySend(growing)
      } catch (error) {
        expect(error instanceof RangeError || error instanceof TypeError).toBe(true)
      }
    }
    for (const each of ch.available()) expect((each as { text: string }).text).toMatch(/^x*$/)
    expect(inUse(arena)).toBe(base)
  })
})
