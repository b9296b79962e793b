// What messages take of the arena is given back: received, closed and drained, disposed of, timed out, aborted, lost in a select.

import { any, recv, Selector, select, selectSync, send, string, trySelect } from 'millrace'
import { describe, expect, test } from 'vitest'
import { fill, filled, fillUp, intact, inUse, MIB, spaces } from './support/arenas.js'
import { macrotask, rejection, thrown, until } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { elsewhere } from './support/threads.js'

const space = spaces()

describe('given back', () => {
  test('by receiving, whatever the form, and whether whole or chained', async () => {
    const { arena, bytes } = space()
    const ch = bytes(100)
    const base = inUse(arena)
    for (const length of [0, 50, 1000, 40_000]) {
      for (let i = 0; i < 8; i++) ch.trySend(filled(length, i))
      expect(inUse(arena)).toBeGreaterThanOrEqual(base + 8 * length)
      expect(intact(await ch.receive(), length, 0)).toBe(true)
      expect(intact(ch.receiveSync(), length, 1)).toBe(true)
      expect(intact((await ch.next()).value, length, 2)).toBe(true)
      expect(intact(ch.nextSync().value, length, 3)).toBe(true)
      expect(intact(ch.tryNext()?.value, length, 4)).toBe(true)
      expect((await ch.receiveMany(1)).length).toBe(1)
      expect([...ch.available()].length).toBe(2)
      expect(inUse(arena)).toBe(base)
    }
  })

  test('by draining a closed channel, with what parked senders had to send', async () => {
    const { arena, bytes } = space()
    const ch = bytes(3)
    const base = inUse(arena)
    for (let i = 0; i < 3; i++) ch.trySend(filled(1000, i))
    const senders = [1000, 20_000, 0].map((length) => rejection(ch.send(filled(length))))
    await macrotask()
    ch.close()
    for (const error of await Promise.all(senders)) expect(error.code).toBe('ERR_CLOSED')
    let i = 0
    for await (const each of ch) expect(intact(each, 1000, i++)).toBe(true)
    expect(i).toBe(3)
    expect(inUse(arena)).toBe(base)
  })

  for (const capacity of [0, 3]) {
    test(`by disposing of the channel, with what is in it and what senders in this and other threads had to send (capacity ${capacity})`, async () => {
      const { arena, bytes } = space()
      const base = inUse(arena)
      const ch = bytes(capacity)
      const empty = inUse(arena)
      for (let i = 0; i < capacity; i++) ch.trySend(filled(3000, i))
      const senders = [500, 0, 60_000].map((length) => rejection(ch.send(filled(length))))
      const others = (['blocking', 'async'] as const).map((style) =>
        elsewhere(
          style,
          async ({ open, io }, handle) => {
            try {
              await io.send(open(handle), new Uint8Array(7000))
            } catch (error) {
              return (error as { code: string }).code
            }
          },
          ch.handle,
        ),
      )
      await until(() => (arena.stats().blocks[8192] ?? 0) >= 2, 'two other senders')
      expect(inUse(arena)).toBeGreaterThan(empty)
      ch.dispose()
      for (const error of await Promise.all(senders)) expect(error.code).toBe('ERR_STALE_HANDLE')
      expect(await Promise.all(others)).toEqual(['ERR_STALE_HANDLE', 'ERR_STALE_HANDLE'])
      expect(inUse(arena)).toBe(base)
    })
  }

  test('by a send that timed out or was aborted, and nothing was sent', async () => {
    const { arena, bytes } = space()
    for (const capacity of [0, 1]) {
      const ch = bytes(capacity)
      for (let i = 0; i < capacity; i++) ch.trySend(filled(10))
      const base = inUse(arena)
      for (const timeout of [0, 15]) {
        const start = performance.now()
        const error = await rejection(ch.send(filled(5000), { timeout }))
        expect(error).toMatchObject({ code: 'ERR_TIMEOUT', message: `send timed out after ${timeout} ms` })
        expect(performance.now() - start).toBeGreaterThanOrEqual(timeout)
        expect(inUse(arena)).toBe(base)
        expect(thrown(() => ch.sendSync(filled(5000), { timeout })).code).toBe('ERR_TIMEOUT')
        expect(inUse(arena)).toBe(base)
      }
      const stop = new AbortController()
      const aborted = rejection(ch.send(filled(5000), { signal: stop.signal }))
      await macrotask()
      expect(inUse(arena)).toBeGreaterThan(base)
      stop.abort('enough')
      expect(await aborted).toBe('enough')
      expect(await rejection(ch.send(filled(5000), { signal: AbortSignal.abort('early') }))).toBe('early')
      expect(inUse(arena)).toBe(base)
      expect(ch.length).toBe(capacity)
      expect([...ch.available()].length).toBe(capacity)
    }
  })

  test('by a try that found the channel full or closed', () => {
    const { arena, bytes } = space()
    const ch = bytes(1)
    ch.trySend(filled(10))
    const base = inUse(arena)
    for (let i = 0; i < 10; i++) expect(ch.trySend(filled(5000))).toBe(false)
    expect(inUse(arena)).toBe(base)
    ch.close()
    expect(thrown(() => ch.trySend(filled(5000))).code).toBe('ERR_CLOSED')
    expect(inUse(arena)).toBe(base)
  })
})

describe('select', () => {
  test('a send that loses gives its message back; one that wins sends it once', async () => {
    const { arena, bytes, make } = space()
    const [out, text] = [bytes(), make(string)]
    const base = inUse(arena)
    for (let round = 0; round < 20; round++) {
      const selecting = select({ out: send(out, filled(5000, round)), text: recv(text) })
      await macrotask()
      if (round % 2) expect(text.trySend('hit')).toBe(true)
      else expect(intact(out.tryReceive(), 5000, round)).toBe(true)
      expect(await selecting).toEqual(
        round % 2 ? { case: 'text', value: 'hit', done: false } : { case: 'out', value: undefined, done: false },
      )
      expect([out.tryReceive(), text.trySend('')]).toEqual([undefined, false])
      expect(inUse(arena)).toBe(base)
    }
  })

  test('neither a timeout, an abort, a close, a dispose nor a try leaves a message', async () => {
    const { arena, bytes } = space()
    const [a, b] = [bytes(), bytes(1)]
    b.trySend(filled(1))
    const base = inUse(arena)
    const cases = () => ({ a: send(a, filled(3000)), b: send(b, filled(30_000)) })
    expect(trySelect(cases())).toBe(undefined)
    expect(inUse(arena)).toBe(base)
    expect(thrown(() => selectSync(cases(), { timeout: 10 })).code).toBe('ERR_TIMEOUT')
    expect((await rejection(select(cases(), { timeout: 10 }))).code).toBe('ERR_TIMEOUT')
    const stop = new AbortController()
    const aborted = rejection(select(cases(), { signal: stop.signal }))
    await macrotask()
    stop.abort('enough')
    expect(await aborted).toBe('enough')
    expect(inUse(arena)).toBe(base)
    const selector = new Selector(cases())
    for (let i = 0; i < 3; i++) expect((await rejection(selector.select({ timeout: 2 }))).code).toBe('ERR_TIMEOUT')
    selector.set('a', filled(100))
    expect(thrown(() => selector.selectSync({ timeout: 2 })).code).toBe('ERR_TIMEOUT')
    selector.dispose()
    expect(inUse(arena)).toBe(base)
    const closed = rejection(select(cases()))
    await macrotask()
    a.close()
    expect((await closed).code).toBe('ERR_CLOSED')
    expect(inUse(arena)).toBe(base)
    const gone = rejection(select({ b: send(b, filled(30_000)) }))
    await macrotask()
    b.dispose()
    expect((await gone).code).toBe('ERR_STALE_HANDLE')
    a.dispose()
    expect(inUse(arena)).toBe(0)
  })
})

describe('in the long run', () => {
  test('100,000 messages of mixed sizes between two threads leave no growth', async () => {
    const { arena, make } = space(4 * MIB)
    const ch = make(any<{ n: number; pad: string }>(), 64)
    const base = inUse(arena)
    const receiving = elsewhere(
      'blocking',
      ({ open }, handle) => {
        let [n, bad] = [0, 0]
        for (const each of open(handle).sync()) {
          if (each.n !== n || each.pad.length !== (n * 7) % 300) bad++
          n++
        }
        return [n, bad]
      },
      ch.handle,
    )
    const sent = await elsewhere(
      'blocking',
      ({ open }, handle, half) => {
        const ch = open(handle)
        const text = 'x'.repeat(300)
        const reserved: number[] = []
        for (let n = 0; n < 2 * half; n++) {
          if (n % half === half - 1) reserved.push(ch.arena.stats().bytesReserved)
          ch.sendSync({ n, pad: text.slice(0, (n * 7) % 300) })
        }
        ch.close()
        return reserved
      },
      ch.handle,
      rounds(50_000),
    )
    expect(await receiving).toEqual([2 * rounds(50_000), 0])
    expect(inUse(arena)).toBe(base)
    // The second half found what the first one had left: a page or two for each thread and size at most.
    expect((sent[1] as number) - (sent[0] as number)).toBeLessThan(MIB / 4)
  })

  test.each([1, 2, 4])('big, small and big messages by turns: an arena of %i MiB recovers each time', (mib) => {
    const { arena, bytes } = space(mib * MIB)
    const ch = bytes(mib * 8192)
    const base = inUse(arena)
    const rng = random('fragmentation')
    const drain = (lengths: number[]): void => {
      for (const length of lengths) expect(ch.tryReceive()?.length).toBe(length)
      expect(ch.tryReceive()).toBe(undefined)
      expect(inUse(arena)).toBe(base)
    }
    for (let round = 0; round < rounds(4); round++) {
      const big = fill(ch, mib * (MIB / 4))
      expect(big).toBeGreaterThanOrEqual(Math.min(mib, 2))
      drain(Array(big).fill(mib * (MIB / 4)))
      const small = fill(ch, 40)
      // With its block's header and the channel's place a message takes no more than 256 bytes.
      expect(small).toBeGreaterThan((mib * MIB * 0.6) / 256)
      drain(Array(small).fill(40))
      drain(fillUp(ch, [rng.below(200_000), rng.below(20_000), rng.below(2000), 10]))
    }
    // In pieces here and there, the largest message finds room.
    const lengths = Array.from({ length: 60 }, () => rng.below(8000 * mib))
    for (const [i, length] of lengths.entries()) expect(ch.trySend(filled(length, i))).toBe(true)
    for (const [i, length] of lengths.entries()) expect(intact(ch.tryReceive(), length, i)).toBe(true)
    expect(ch.trySend(filled(mib * (MIB / 4)))).toBe(true)
    expect(intact(ch.tryReceive(), mib * (MIB / 4))).toBe(true)
    using message = ch.tryReserve(mib * (MIB / 4))
    expect(message.bytes.length).toBe(mib * (MIB / 4))
  })

  // Blocks of one size fill all pages first; afterwards they must do for messages of all other sizes, waiting and not.
  test.each([40, 200, 900, 2000, 8000, 16_000, 60_000])(
    'an arena that was full of messages of %i bytes has room for all others',
    async (first) => {
      const { arena, bytes } = space()
      const ch = bytes(8192)
      const base = inUse(arena)
      const count = fill(ch, first)
      for (let i = 0; i < count; i++) expect(intact(ch.tryReceive(), first, i)).toBe(true)
      for (const then of [0, 10, 300, 900, 5000, 70_000, 2 ** 18]) {
        for (let i = 0; i < 2; i++) ch.sendSync(filled(then, i), { timeout: 5000 })
        for (let i = 0; i < 2; i++) expect(intact(ch.tryReceive(), then, i)).toBe(true)
        expect(fill(ch, then)).toBeGreaterThanOrEqual(2)
        for (const each of ch.available()) if (each.length !== then) expect(each.length).toBe(then)
        expect(inUse(arena)).toBe(base)
      }
    },
  )
})
