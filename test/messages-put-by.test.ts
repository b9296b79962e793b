// Free memory that lies with threads that do not use it, and memory for those who wait.

import { string } from 'millrace'
import { describe, expect, test } from 'vitest'
import { filled, fillUp, intact, inUse, MIB, spaces } from './support/arenas.js'
import { macrotask, thrown, until } from './support/probe.js'
import { elsewhere, spawnWith } from './support/threads.js'

const space = spaces()

describe('memory that lies about', () => {
  for (const style of ['blocking', 'async'] as const) {
    test(`a thread that waits gives up what it has put by (${style})`, async () => {
      const { arena, bytes } = space()
      const [ch, back] = [bytes(8192), bytes(4)]
      const lengths = fillUp(ch, [900, 200, 50])
      // Its magazines fill up with blocks of small sizes, then it waits for something else.
      const other = elsewhere(
        style,
        async ({ open, io }, handle, back, count) => {
          const ch = open(handle)
          for (let i = 0; i < count; i++) ch.tryReceive()
          return (await io.receive(open(back), { timeout: 30_000 })).length
        },
        ch.handle,
        back.handle,
        lengths.length,
      )
      await until(() => ch.length === 0)
      const big = 2 ** 18
      // All but what three large messages take is in small pieces.
      const bigs = [bytes(1), bytes(1), bytes(1)]
      for (const each of bigs.slice(0, 2)) each.sendSync(filled(big), { timeout: 20_000 })
      for (const each of bigs.slice(0, 2)) expect(intact(each.tryReceive(), big)).toBe(true)
      await back.send(filled(9), { timeout: 20_000 })
      expect(await other).toBe(9)
      expect(arena.stats().bytesReserved).toBeLessThanOrEqual(MIB)
    })
  }

  test('threads that have turned to other things give up what they have put by', async () => {
    const { arena, bytes } = space()
    const ch = bytes(4096)
    const base = inUse(arena)
    const [go, done] = [0, 1].map(() => new Int32Array(new SharedArrayBuffer(4))) as [Int32Array, Int32Array]
    const idle = [1, 2, 3, 4].map(() =>
      spawnWith(
        'async',
        async ({ open, sleep }, handle, go, done) => {
          const ch = open(handle)
          while (Atomics.load(go, 0) === 0) await sleep(1)
          Atomics.store(go, 0, 0)
          for (const _ of ch.available());
          Atomics.add(done, 0, 1)
          while (Atomics.load(done, 0) >= 0) await sleep(1)
        },
        ch.handle,
        go,
        done,
      ),
    )
    for (let k = 1; k <= 4; k++) {
      for (const length of [300, 900, 1900, 4000, 8000]) {
        for (let i = 0; i < 40; i++) {
          try {
            ch.trySend(filled(length))
          } catch {
            break
          }
        }
      }
      Atomics.store(go, 0, 1)
      await until(() => Atomics.load(done, 0) === k)
    }
    expect(inUse(arena)).toBe(base)
    // The depot alone has not that much: most of it lies with the four.
    for (let i = 0; i < 2; i++) await ch.send(filled(2 ** 18), { timeout: 10_000 })
    Atomics.store(done, 0, -1)
    await Promise.all(idle.map((each) => each.ended))
    for (const each of ch.available()) expect(intact(each, 2 ** 18)).toBe(true)
  })

  test('waiters have memory, whatever messages take', async () => {
    const { make } = space()
    const ch = make(string, 8192)
    const outcomes = new Set<string>()
    for (let round = 0; round < 4; round++) {
      const code = thrown(() => {
        while (ch.trySend('small'));
      }).code
      expect(code).toBe('ERR_ARENA_FULL')
      const sending = Array.from({ length: 50 }, () => ch.send('small'))
      for (const each of sending) void each.then(() => outcomes.add('sent')).catch((error) => outcomes.add(error.code))
      for (let quiet = 0; quiet < 20; quiet++) {
        await macrotask()
        for (const _ of ch.available()) quiet = 0
      }
      await Promise.allSettled(sending)
    }
    expect([...outcomes]).toEqual(['sent'])
  })
})
