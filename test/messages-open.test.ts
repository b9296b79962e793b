// Channels of messages in other threads: opened by a handle, which says how their codec is made, and sent through other channels.

import {
  any,
  array,
  bytes,
  type Channel,
  codecFromSchema,
  defineCodec,
  enumOf,
  f64,
  fixedString,
  handle,
  type MessageCodec,
  open,
  optional,
  type SendChannel,
  string,
  struct,
  tuple,
  u32,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import { filled, intact, inUse, spaces } from './support/arenas.js'
import { rejection, thrown } from './support/probe.js'
import { elsewhere } from './support/threads.js'

const space = spaces()
const quote = struct({ id: u32, price: f64, side: enumOf('buy', 'sell'), tag: fixedString(8), old: optional(f64) })

describe('open', () => {
  test('another thread makes the codec from the handle, and sends and receives with it', async () => {
    const { make } = space()
    const value = { id: 7, price: 1.5, side: 'sell' as const, tag: 'ab', old: undefined }
    const sets: [MessageCodec<never>, unknown][] = [
      [quote as MessageCodec<never>, value],
      [array(quote, 2) as MessageCodec<never>, [value, value]],
      [tuple(string, bytes, any()) as MessageCodec<never>, ['t', filled(5), { x: [1] }]],
      [string as MessageCodec<never>, 'text'],
      [any() as MessageCodec<never>, { deep: [new Map([[1, 2]])] }],
    ]
    for (const [codec, sent] of sets) {
      const [there, back] = [make(codec, 2), make(codec, 2)] as unknown as [Channel<unknown>, Channel<unknown>]
      there.trySend(sent)
      const names = await elsewhere(
        'blocking',
        ({ open }, there, back) => {
          const [from, to] = [open(there), open(back)]
          to.sendSync(from.receiveSync())
          return [from.codec.name, to.codec.name]
        },
        there.handle,
        back.handle,
      )
      expect(names).toEqual([there.codec.name, there.codec.name])
      expect(back.tryReceive()).toEqual(sent)
    }
  })

  test('with a codec: the same bytes are right, whoever made it; all others are a TypeError with both names', async () => {
    const { make, bytes: makeBytes } = space()
    const ch = make(quote, 1)
    const twin = struct({ id: u32, price: f64, side: enumOf('buy', 'sell'), tag: fixedString(8), old: optional(f64) })
    for (const codec of [quote, twin, codecFromSchema(quote.schema)]) {
      const same = open(ch.handle, { codec: codec as never })
      expect(same.codec).toBe(codec)
      expect(same.equals(ch)).toBe(true)
    }
    const other = struct({ id: u32, cost: f64, side: enumOf('buy', 'sell'), tag: fixedString(8), old: optional(f64) })
    for (const codec of [other, string, any(), f64, u32, enumOf('buy', 'sell')]) {
      const error = thrown(() => open(ch.handle, { codec: codec as never }))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.code).toBe('ERR_INVALID_ARG_TYPE')
      expect(error.message).toContain(JSON.stringify(codec.name.slice(0, 40)).slice(0, -1))
    }
    for (const codec of [5, null, {}, 'string', { name: quote.name }])
      expect(thrown(() => open(ch.handle, { codec: codec as never }))).toBeInstanceOf(TypeError)
    const message = await elsewhere(
      'blocking',
      ({ millrace }, handle) => {
        try {
          return millrace.open(handle, { codec: millrace.string as never }).codec.name
        } catch (error) {
          return (error as Error).message
        }
      },
      ch.handle,
    )
    expect(message).toContain('"string"')
    // A handle that says something else than the channel carries.
    const lying = { ...makeBytes(1).handle, codec: 'string', schema: 'string' as const }
    expect(thrown(() => open(lying))).toBeInstanceOf(TypeError)
    expect(ch.length).toBe(0)
  })

  test('a list of handles opens by map, though that passes an index', () => {
    const { make } = space()
    const handles = [make(string, 1), make(string, 1)].map((ch) => ch.handle)
    expect(handles.map(open as (handle: (typeof handles)[number]) => Channel<string>)).toHaveLength(2)
  })

  test('a user-made codec is one that the thread has made, or is given; or else an error that says so', async () => {
    const { make } = space()
    const codec = defineCodec<number>({
      name: 'test/open',
      size: 8,
      encode: (n, _, view) => view.setFloat64(0, n),
      decode: (_, view) => view.getFloat64(0),
    })
    const ch = make(codec, 4)
    const unknown = await elsewhere(
      'blocking',
      ({ open }, handle) => {
        try {
          return open(handle).codec.name
        } catch (error) {
          return [(error as Error).name, (error as Error).message]
        }
      },
      ch.handle,
    )
    expect(unknown).toEqual([
      'TypeError',
      expect.stringMatching(/does not know the codec "test\/open".*defineCodec.*codec/s),
    ])
    const got = await elsewhere(
      'blocking',
      ({ millrace, open }, handle) => {
        const wrongSize = millrace.defineCodec<number>({ name: 'test/open', size: 4, encode: () => 4, decode: () => 0 })
        let refused = ''
        try {
          millrace.open(handle)
        } catch (error) {
          refused = (error as Error).message
        }
        const codec = millrace.defineCodec<number>({
          name: 'test/open',
          size: 8,
          encode: (n, _, view) => view.setFloat64(0, n),
          decode: (_, view) => view.getFloat64(0),
        })
        open(handle).sendSync(1.5)
        millrace.open(handle, { codec: codec as never }).sendSync(2.5)
        return [refused, wrongSize.size]
      },
      ch.handle,
    )
    expect(got).toEqual([expect.stringMatching(/8 bytes.*4/s), 4])
    expect([...ch.available()]).toEqual([1.5, 2.5])
  })

  test('halves of channels, and channels of bytes, are opened as what they are', async () => {
    const ch = space().bytes(2)
    const opened = open(ch.handle)
    using view = opened.tryReserve(3)
    view.bytes.set([1, 2, 3])
    view.commitSync()
    expect(open(ch.receiver.handle).tryReceive()).toEqual(Uint8Array.of(1, 2, 3))
    expect(open(ch.sender.handle).trySend(filled(4))).toBe(true)
    expect('receive' in open(ch.sender.handle)).toBe(false)
    const kinds = await elsewhere(
      'blocking',
      ({ open }, h) => [typeof open(h).reserve, typeof open(h).receiveView],
      ch.handle,
    )
    expect(kinds).toEqual(['function', 'function'])
  })
})

describe('channels through channels', () => {
  test('a reply channel comes in the message, to another thread', async () => {
    const { make, arena } = space()
    const requests = make(tuple(string, handle<SendChannel<string>>()), 2)
    const base = inUse(arena)
    const serving = elsewhere(
      'blocking',
      ({ open }, handle) => {
        let served = 0
        for (const [text, reply] of open(handle).sync()) {
          reply.sendSync(`${text}!`)
          served++
        }
        return served
      },
      requests.handle,
    )
    for (let round = 0; round < 50; round++) {
      const reply = make(string, round % 2)
      await requests.send([`request ${round}`, reply.sender])
      expect(await reply.receive({ timeout: 20_000 })).toBe(`request ${round}!`)
      reply.dispose()
    }
    requests.close()
    expect(await serving).toBe(50)
    expect(inUse(arena)).toBe(base)
  })

  test('ping-pong: the channel to answer on is in the channel’s own messages, there and back', async () => {
    const { make } = space()
    const ping = make(handle<Channel<never>>(), 1) as unknown as Channel<Channel<unknown>>
    const other = elsewhere(
      'async',
      async ({ open }, handle) => {
        const mine = open(handle)
        for (;;) {
          const next = await mine.next()
          if (next.done) return
          await next.value.send(mine)
        }
      },
      ping.handle,
    )
    const pong = make(handle<Channel<never>>()) as unknown as Channel<Channel<unknown>>
    for (let round = 0; round < 20; round++) {
      await ping.send(pong)
      expect((await pong.receive({ timeout: 20_000 }))?.equals(ping)).toBe(true)
    }
    ping.close()
    await other
  })

  test('what has been disposed of by the time it arrives is a StaleHandleError for that message only', async () => {
    const { make, arena } = space()
    const ch = make(handle<Channel<string>>(), 4)
    const base = inUse(arena)
    const [kept, gone] = [make(string, 1), make(string, 1)]
    ch.trySend(kept)
    ch.trySend(gone)
    ch.trySend(kept)
    gone.dispose()
    expect(thrown(() => ch.trySend(gone)).code).toBe('ERR_STALE_HANDLE')
    const error = await rejection(ch.receiveMany(4))
    expect(error.code).toBe('ERR_STALE_HANDLE')
    expect((error as unknown as { received: Channel<string>[] }).received[0]?.equals(kept)).toBe(true)
    expect(ch.tryReceive()?.equals(kept)).toBe(true)
    kept.dispose()
    expect(inUse(arena)).toBe(base)
  })

  test('objects of another arena, and handles instead of objects, are refused', () => {
    const ch = space().make(handle(), 2)
    const other = space().make(string, 1)
    expect(thrown(() => ch.trySend(other)).message).toContain('arena')
    expect(thrown(() => ch.trySend(ch.handle as never)).message).toContain('.handle')
    expect(ch.length).toBe(0)
  })
})

test('the bytes of a message that arrived in another thread are its own', async () => {
  const ch = space().bytes(4)
  for (let i = 0; i < 3; i++) ch.trySend(filled(1000, i))
  const kinds = await elsewhere(
    'blocking',
    ({ open }, handle) => {
      const got = [...open(handle).available()]
      return got.map((each) => [each.buffer.constructor.name, each.byteLength, each])
    },
    ch.handle,
  )
  for (const [i, [name, length, each]] of (kinds as [string, number, Uint8Array][]).entries()) {
    expect([name, length]).toEqual(['ArrayBuffer', 1000])
    expect(intact(each, 1000, i)).toBe(true)
  }
})
