// An arena that is full of messages while threads die, and while many send.

import type { BytesChannel } from 'millrace'
import { afterEach, describe, expect, test } from 'vitest'
import { filled, fillUp, intact, inUse, type Space, spaces } from './support/arenas.js'
import { rejection, sleep, until } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { endThreads, spawnWith } from './support/threads.js'

const space = spaces()
afterEach(endThreads)

async function threadsOf({ arena }: Space, count: number): Promise<void> {
  await until(() => arena.stats().threads === count, `${count} threads`)
}

describe('while the memory is full', () => {
  for (const style of ['blocking', 'async'] as const) {
    for (const what of ['send', 'reserve'] as const) {
      test(`a thread that dies while it waits for memory (${what}, ${style}): the others go on, nothing is left of it`, async () => {
        const made = space()
        const { arena } = made
        const [hoard, ch] = [made.bytes(8192), made.bytes(4)]
        const base = inUse(arena)
        fillUp(hoard)
        const used = inUse(arena)
        const victim = spawnWith(
          style,
          async ({ open, io }, handle, what) => {
            if (what === 'send') await io.send(open(handle), new Uint8Array(150_000))
            else
              await (io.send.toString().includes('Sync')
                ? open(handle).reserveSync(150_000)
                : open(handle).reserve(150_000))
          },
          ch.handle,
          what,
        )
        await until(() => inUse(arena) > used, 'a waiter')
        const mine = ch.send(filled(150_000))
        await victim.terminate()
        await threadsOf(made, 1)
        let freed = 0
        while (hoard.tryReceive()) {
          freed++
          await new Promise((resolve) => setImmediate(resolve))
        }
        expect(freed).toBeGreaterThan(3)
        await mine
        expect(intact(ch.tryReceive(), 150_000)).toBe(true)
        expect(ch.tryReceive()).toBe(undefined)
        await until(() => inUse(arena) === base)
      })
    }
  }

  test('a thread that dies with the memory in its hands gives it to who waits for it', async () => {
    const made = space()
    const { arena } = made
    const ch = made.bytes(4)
    const base = inUse(arena)
    for (const style of ['blocking', 'async'] as const) {
      const ready = new Int32Array(new SharedArrayBuffer(4))
      const victim = spawnWith(
        style,
        async ({ open, sleep, sleepSync, io }, handle, ready) => {
          const ch: BytesChannel = open(handle)
          const kept: unknown[] = []
          try {
            for (let n = 2 ** 18; ; ) {
              try {
                kept.push(ch.tryReserve(n))
              } catch (error) {
                if (n < 100) throw error
                n >>= 1
              }
            }
          } catch {
            Atomics.store(ready, 0, 1)
          }
          for (;;) {
            if (io.send.toString().includes('Sync')) sleepSync(1000)
            else await sleep(1000)
            if (kept.length === 0) return
          }
        },
        ch.handle,
        ready,
      )
      await until(() => Atomics.load(ready, 0) === 1)
      const sending = ch.send(filled(2 ** 18))
      const never = rejection(ch.send(filled(2 ** 18), { timeout: 30 }))
      expect((await never).code).toBe('ERR_TIMEOUT')
      await victim.terminate()
      await sending
      expect(intact(ch.tryReceive(), 2 ** 18)).toBe(true)
      await until(() => inUse(arena) === base)
    }
  })

  test('a thread that dies while it collects pieces stops nobody', async () => {
    const rng = random('collector')
    const made = space()
    const { arena } = made
    const [ch, other] = [made.bytes(4), made.bytes(4)]
    const base = inUse(arena)
    for (let kill = 0; kill < rounds(25); kill++) {
      const victim = spawnWith(
        'blocking',
        ({ open }, handle) => {
          const ch = open(handle)
          // Cut all pages into small blocks: from now on each message is collected from hundreds.
          const small: { abort(): void }[] = []
          try {
            for (;;) small.push(ch.tryReserve(90))
          } catch {
            for (const each of small) each.abort()
          }
          for (;;) {
            ch.trySend(new Uint8Array(100_000))
            ch.tryReceive()
          }
        },
        ch.handle,
      )
      await until(() => arena.stats().threads === 2)
      await sleep(20 + rng.next() * 20)
      const end = victim.terminate()
      // This thread wants to collect before it hears of the death.
      const start = performance.now()
      while (performance.now() < start + 30) {
        try {
          if (other.trySend(filled(90_000))) expect(intact(other.tryReceive(), 90_000)).toBe(true)
        } catch (error) {
          expect((error as { code?: string }).code).toBe('ERR_ARENA_FULL')
        }
      }
      await end
      for (const _ of ch.available());
    }
    await threadsOf(made, 1)
    await until(() => inUse(arena) === base, 'the memory to come back', 5000)
    other.sendSync(filled(2 ** 18), { timeout: 5000 })
    expect(intact(other.tryReceive(), 2 ** 18)).toBe(true)
  })

  test('several senders of different sizes and one slow receiver in 1 MiB: no deadlock, all arrive intact', async () => {
    const made = space()
    const { arena } = made
    const ch = made.bytes(512)
    const base = inUse(arena)
    const count = rounds(5000)
    const senders = [90, 800, 9000, 60_000].map((most, who) =>
      spawnWith(
        who % 2 ? 'async' : 'blocking',
        async ({ open, io, randomFrom }, handle, who, most, count) => {
          const [ch, rng] = [open(handle), randomFrom(who)]
          for (let i = 0; i < count; i++) {
            const message = new Uint8Array(8 + rng.below(most)).fill(i)
            const view = new DataView(message.buffer)
            view.setUint32(0, who)
            view.setUint32(4, i)
            if (who === 1 && i % 2) {
              const reserved = await ch.reserve(message.length + 50)
              reserved.bytes.set(message)
              await reserved.commit(message.length)
            } else await io.send(ch, message)
          }
        },
        ch.handle,
        who,
        most,
        count,
      ),
    )
    const next = senders.map(() => 0)
    let got = 0
    let bad = 0
    while (got < senders.length * count) {
      const bytes = (await ch.receive({ timeout: 20_000 })) as Uint8Array
      const view = new DataView(bytes.buffer)
      const [who, i] = [view.getUint32(0), view.getUint32(4)]
      if (i !== next[who] || bytes.subarray(8).some((byte) => byte !== (i & 0xff))) bad++
      next[who] = i + 1
      // Slow, so that the memory is full most of the time.
      if (++got % 1000 === 0) await sleep(5)
    }
    expect([bad, next]).toEqual([0, senders.map(() => count)])
    await Promise.all(senders.map((each) => each.ended))
    await threadsOf(made, 1)
    await until(() => inUse(arena) === base)
  }, 120_000)
})
