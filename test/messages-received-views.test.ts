// Messages of bytes that are read in place.

import { type BytesChannel, ReleasedError, string, u32 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { fill, filled, intact, inUse, MIB, spaces } from './support/arenas.js'
import { rejection, thrown, until } from './support/probe.js'
import { elsewhere, spawnWith } from './support/threads.js'

const space = spaces()

const views: Record<string, (ch: BytesChannel) => Promise<ReturnType<BytesChannel['tryReceiveView']>>> = {
  receiveView: (ch) => ch.receiveView(),
  receiveViewSync: async (ch) => ch.receiveViewSync(),
  tryReceiveView: async (ch) => ch.tryReceiveView(),
}

describe('views', () => {
  test.each(Object.entries(views))('%s: the message in place, until it is released', async (_name, receive) => {
    const { arena, ...made } = space()
    const ch = made.bytes(4)
    const base = inUse(arena)
    for (const n of [0, 1, 200, 20_000]) {
      ch.trySend(filled(n))
      const view = await receive(ch)
      expect(intact(view?.bytes, n)).toBe(true)
      expect(inUse(arena)).toBeGreaterThan(base)
      // Others come and go meanwhile.
      for (let i = 0; i < 10; i++) {
        ch.trySend(filled(n, i))
        expect(intact(ch.tryReceive(), n, i)).toBe(true)
      }
      expect(intact(view?.bytes, n)).toBe(true)
      view?.release()
      view?.release()
      view?.[Symbol.dispose]()
      const error = thrown(() => view?.bytes)
      expect(error).toBeInstanceOf(ReleasedError)
      expect(error.code).toBe('ERR_RELEASED')
      expect(inUse(arena)).toBe(base)
    }
    ch.close()
    expect(await receive(ch)).toBe(undefined)
  })

  test('of a chained message it has all bytes', async () => {
    const { arena, ...made } = space()
    const [ch, hoard] = [made.bytes(1), made.bytes(8192)]
    const base = inUse(arena)
    const small = fill(hoard, 900)
    for (let i = 0; i < small; i++) hoard.tryReceive()
    ch.sendSync(filled(100_000))
    using view = ch.tryReceiveView()
    expect(intact(view?.bytes, 100_000)).toBe(true)
    view?.release()
    expect(thrown(() => view?.bytes).code).toBe('ERR_RELEASED')
    expect(inUse(arena)).toBe(base)
  })

  test('waiting for one can time out, be aborted, and ends with the channel; views outlive it', async () => {
    const { arena, ...made } = space()
    const ch = made.bytes(2)
    for (const timeout of [0, 15]) {
      const start = performance.now()
      expect((await rejection(ch.receiveView({ timeout }))).code).toBe('ERR_TIMEOUT')
      expect(thrown(() => ch.receiveViewSync({ timeout })).code).toBe('ERR_TIMEOUT')
      expect(performance.now() - start).toBeGreaterThanOrEqual(2 * timeout)
    }
    const stop = new AbortController()
    const aborted = rejection(ch.receiveView({ signal: stop.signal }))
    stop.abort('enough')
    expect(await aborted).toBe('enough')
    ch.trySend(filled(300))
    const waiting = ch.receiveView()
    const view = await waiting
    const next = ch.receiveView()
    ch.close()
    expect(await next).toBe(undefined)
    ch.dispose()
    expect(intact(view?.bytes, 300)).toBe(true)
    expect((await rejection(ch.receiveView())).code).toBe('ERR_STALE_HANDLE')
    expect(thrown(() => ch.tryReceiveView()).code).toBe('ERR_STALE_HANDLE')
    view?.release()
    expect(inUse(arena)).toBe(0)
  })

  test('other codecs have none', () => {
    const { make } = space()
    const ch = make(string, 1) as unknown as Record<string, unknown>
    expect([ch.reserve, ch.receiveView]).toEqual([undefined, undefined])
    expect(u32.name).toBe('u32')
  })

  test('ten thousand messages reserved here and viewed there', async () => {
    const { arena, ...made } = space()
    const ch = made.bytes(16)
    const base = inUse(arena)
    const reading = elsewhere(
      'blocking',
      ({ open }, handle) => {
        const ch = open(handle)
        let [n, bad] = [0, 0]
        for (;;) {
          const view = ch.receiveViewSync()
          if (view === undefined) return [n, bad]
          const { bytes } = view
          if (bytes.length !== (n * 13) % 2000 || bytes.some((byte: number) => byte !== (n & 0xff))) bad++
          n++
          view.release()
        }
      },
      ch.handle,
    )
    for (let n = 0; n < 10_000; n++) {
      using message = await ch.reserve(2000)
      message.bytes.fill(n)
      await message.commit((n * 13) % 2000)
    }
    ch.close()
    expect(await reading).toEqual([10_000, 0])
    expect(inUse(arena)).toBe(base)
  })
})

test('a worker that dies with views and reservations in hand gives them back', async () => {
  const { arena, ...made } = space()
  const ch = made.bytes(64)
  const base = inUse(arena)
  for (const style of ['blocking', 'async'] as const) {
    for (let i = 0; i < 20; i++) ch.sendSync(filled(i * 500, i))
    const ready = new Int32Array(new SharedArrayBuffer(4))
    const worker = spawnWith(
      style,
      async ({ open, sleepSync }, handle, words) => {
        const ch = open(handle)
        const kept: unknown[] = []
        for (let i = 0; i < 15; i++) kept.push(ch.tryReceiveView(), ch.tryReserve(i * 1000))
        Atomics.store(words, 0, 1)
        for (;;) {
          sleepSync(5)
          await new Promise((resolve) => setImmediate(resolve))
          if (kept.length === 0) return
        }
      },
      ch.handle,
      ready,
    )
    await until(() => Atomics.load(ready, 0) === 1)
    expect(inUse(arena)).toBeGreaterThan(base + 15 * 7000)
    await worker.terminate()
    for (let i = 15; i < 20; i++) expect(intact(ch.tryReceive(), i * 500, i)).toBe(true)
    await until(() => inUse(arena) === base, 'the memory to come back')
  }
  expect(arena.size).toBe(MIB)
})
