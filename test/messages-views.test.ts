// Messages of bytes that are written in place.

import { type BytesChannel, ReleasedError } from 'millrace'
import { describe, expect, test } from 'vitest'
import { fill, filled, intact, inUse, spaces } from './support/arenas.js'
import { expectPending, macrotask, rejection, thrown } from './support/probe.js'
import { elsewhere } from './support/threads.js'

const space = spaces()

/** All ways to reserve, each awaited. */
const reserves: Record<string, (ch: BytesChannel, n: number) => Promise<ReturnType<BytesChannel['tryReserve']>>> = {
  reserve: (ch, n) => ch.reserve(n),
  reserveSync: async (ch, n) => ch.reserveSync(n),
  tryReserve: async (ch, n) => ch.tryReserve(n),
}
describe('reservations', () => {
  test.each(Object.entries(reserves))(
    '%s: what is written and committed arrives, in all or in part',
    async (_name, reserve) => {
      const { arena, ...made } = space()
      const ch = made.bytes(8)
      const base = inUse(arena)
      for (const n of [0, 1, 96, 97, 5000, 2 ** 18]) {
        for (const length of [undefined, n, 0, n >> 1]) {
          for (const commit of ['commit', 'commitSync', 'tryCommit'] as const) {
            const message = await reserve(ch, n)
            expect(message.bytes).toBeInstanceOf(Uint8Array)
            expect(message.bytes.length).toBe(n)
            message.bytes.set(filled(n))
            expect(ch.length).toBe(0)
            expect(await message[commit](length)).toBe(commit === 'tryCommit' ? true : undefined)
            expect(intact(ch.tryReceive(), length ?? n, n)).toBe(true)
          }
        }
      }
      expect(inUse(arena)).toBe(base)
    },
  )

  test('once it has ended, its bytes are gone, and every further use says so', async () => {
    const { arena, ...made } = space()
    const ch = made.bytes(8)
    const base = inUse(arena)
    for (const end of ['commit', 'commitSync', 'tryCommit', 'abort'] as const) {
      const message = ch.tryReserve(10)
      await message[end]()
      for (const error of [
        thrown(() => message.bytes),
        thrown(() => message.commitSync()),
        thrown(() => message.tryCommit()),
        await rejection(message.commit()),
      ]) {
        expect(error).toBeInstanceOf(ReleasedError)
        expect(error.code).toBe('ERR_RELEASED')
      }
      message.abort()
      message.abort()
      message[Symbol.dispose]()
    }
    expect([...ch.available()].length).toBe(3)
    expect(inUse(arena)).toBe(base)
    {
      using message = await ch.reserve(100)
      message.bytes[0] = 1
    }
    expect(ch.length).toBe(0)
    expect(inUse(arena)).toBe(base)
  })

  test('a length that was not reserved is refused, and the reservation stays', async () => {
    const ch = space().bytes(2)
    const message = ch.tryReserve(10)
    message.bytes.set(filled(10))
    for (const length of [11, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      for (const error of [
        thrown(() => message.commitSync(length)),
        thrown(() => message.tryCommit(length)),
        await rejection(message.commit(length)),
      ])
        expect(error).toBeInstanceOf(RangeError)
    for (const length of ['5', null, {}]) {
      expect(thrown(() => message.commitSync(length as never))).toBeInstanceOf(TypeError)
      expect(await rejection(message.commit(length as never))).toBeInstanceOf(TypeError)
    }
    expect(await rejection(message.commit(5, { timeout: 'x' as never }))).toBeInstanceOf(TypeError)
    expect(message.tryCommit(9)).toBe(true)
    expect(ch.tryReceive()).toEqual(filled(10).subarray(0, 9))
    for (const n of [-1, 1.5, Number.NaN]) expect(thrown(() => ch.tryReserve(n))).toBeInstanceOf(RangeError)
    for (const n of ['5', null, undefined]) expect(thrown(() => ch.tryReserve(n as never))).toBeInstanceOf(TypeError)
  })

  test('tryCommit on a full channel says so and the reservation stays, also in pieces', () => {
    const { arena, ...made } = space()
    const [ch, hoard] = [made.bytes(1), made.bytes(8192)]
    const base = inUse(arena)
    // Only small pieces are left.
    const small = fill(hoard, 400)
    for (let i = 0; i < small; i++) hoard.tryReceive()
    for (const n of [50, 120_000]) {
      ch.trySend(filled(3))
      const message = ch.tryReserve(n)
      message.bytes.set(filled(n))
      for (let i = 0; i < 3; i++) expect(message.tryCommit(n - i)).toBe(false)
      message.bytes[n - 1] = 99
      expect(intact(ch.tryReceive(), 3)).toBe(true)
      expect(message.tryCommit()).toBe(true)
      const expected = filled(n)
      expected[n - 1] = 99
      expect(ch.tryReceive()).toEqual(expected)
    }
    expect(inUse(arena)).toBe(base)
  })

  test('a commit waits for room; a timeout, an abort, a close or a dispose ends it and gives the memory back', async () => {
    const { arena, ...made } = space()
    const ch = made.bytes(1)
    const base = inUse(arena)
    ch.trySend(filled(1))
    const waiting = ch.tryReserve(3000)
    waiting.bytes.set(filled(3000))
    const committing = waiting.commit()
    await expectPending(committing)
    expect(thrown(() => waiting.bytes).code).toBe('ERR_RELEASED')
    ch.tryReceive()
    await committing
    expect(intact(ch.tryReceive(), 3000)).toBe(true)
    ch.trySend(filled(1))
    const one = inUse(arena)
    const start = performance.now()
    expect((await rejection(ch.tryReserve(3000).commit(10, { timeout: 20 }))).message).toBe(
      'send timed out after 20 ms',
    )
    expect(performance.now() - start).toBeGreaterThanOrEqual(20)
    expect(thrown(() => ch.tryReserve(3000).commitSync(10, { timeout: 5 })).code).toBe('ERR_TIMEOUT')
    const stop = new AbortController()
    const aborted = rejection(ch.tryReserve(3000).commit(10, { signal: stop.signal }))
    await macrotask()
    stop.abort('enough')
    expect(await aborted).toBe('enough')
    expect(inUse(arena)).toBe(one)
    const closed = rejection(ch.tryReserve(3000).commit())
    const open = ch.tryReserve(2000)
    await macrotask()
    ch.close()
    expect((await closed).code).toBe('ERR_CLOSED')
    // Written on while the channel was closed: it cannot be sent any more.
    open.bytes.set(filled(2000))
    expect(thrown(() => open.tryCommit()).code).toBe('ERR_CLOSED')
    expect(thrown(() => open.bytes).code).toBe('ERR_RELEASED')
    for (const call of [() => ch.tryReserve(1), () => ch.reserveSync(1)]) expect(thrown(call).code).toBe('ERR_CLOSED')
    ch.tryReceive()
    expect(inUse(arena)).toBe(base)
    const other = made.bytes(2)
    const [a, b] = [other.tryReserve(500), other.tryReserve(50_000)]
    other.dispose()
    a.bytes.set(filled(500))
    expect((await rejection(a.commit())).code).toBe('ERR_STALE_HANDLE')
    b.abort()
    expect(thrown(() => other.tryReserve(1)).code).toBe('ERR_STALE_HANDLE')
    expect(inUse(arena)).toBe(base)
  })

  test('reservations are messages like others: they meet receivers in other threads, views or not, and at a rendezvous', async () => {
    const ch = space().bytes()
    const other = elsewhere(
      'blocking',
      ({ open }, handle) => {
        const ch = open(handle)
        const seen: number[][] = []
        for (;;) {
          const view = ch.receiveViewSync()
          if (view === undefined) return seen
          seen.push([...view.bytes])
          view.release()
          const next = ch.receiveSync()
          if (next === undefined) return seen
          seen.push([...next])
        }
      },
      ch.handle,
    )
    for (let i = 0; i < 10; i++) {
      const message = await ch.reserve(4)
      message.bytes.fill(i)
      await message.commit(3)
    }
    ch.close()
    expect(await other).toEqual(Array.from({ length: 10 }, (_, i) => [i, i, i]))
  })
})
