// Workers terminated at random moments while they send, receive, reserve, view and wait for memory: each message that is left arrives intact and once,
// at most one is lost with each, and when all is done nothing is in use.

import type { BytesChannel } from 'millrace'
import { afterEach, describe, expect, test } from 'vitest'
import { filled, fillUp, intact, inUse, MIB, type Space, spaces } from './support/arenas.js'
import { rejection, sleep, until } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { endThreads, type Spawned, spawnWith, type Tools } from './support/threads.js'

const space = spaces()
afterEach(endThreads)

/** Tickets for messages, with how many of them: word 0 counts, word 1 says stop. And who has seen which. */
interface Ledger {
  words: Int32Array
  seen: Uint8Array
}

const MESSAGES = 2 ** 22 // also written out in the jobs

function ledger(): Ledger {
  return { words: new Int32Array(new SharedArrayBuffer(8)), seen: new Uint8Array(new SharedArrayBuffer(MESSAGES)) }
}

// Jobs run in other threads as their source text: each is self-contained. A message is its number and then bytes that follow from it; the length does too.

async function produce(
  { open, io, randomFrom }: Tools,
  handle: unknown,
  { words }: Ledger,
  seed: number,
  most: number,
): Promise<void> {
  const [ch, rng] = [open(handle), randomFrom(seed)]
  while (Atomics.load(words, 1) === 0) {
    const n = Atomics.add(words, 0, 1)
    if (n >= 2 ** 22) return
    const length = 4 + (((n * 2654435761) >>> 8) % (n % 7 === 0 ? most : 300))
    const how = rng.below(4)
    if (how === 0) {
      const message = io.send === undefined ? undefined : ch.tryReserve
      try {
        const reserved = message.call(ch, length + 10)
        reserved.bytes.fill(n, 4, length)
        new DataView(reserved.bytes.buffer, reserved.bytes.byteOffset).setUint32(0, n)
        // Now and then it is left behind first, for a while.
        for (let i = rng.below(3) * 100; i > 0; i--) Atomics.load(words, 1)
        await (rng.below(2) ? reserved.commit(length) : reserved.commitSync(length))
        continue
      } catch (error) {
        if ((error as { code: string }).code !== 'ERR_ARENA_FULL') throw error
      }
    }
    const message = new Uint8Array(length).fill(n)
    new DataView(message.buffer).setUint32(0, n)
    await io.send(ch, message)
  }
}

async function consume(
  { open, io, randomFrom }: Tools,
  handle: unknown,
  { words, seen }: Ledger,
  seed: number,
  most: number,
): Promise<number> {
  const [ch, rng] = [open(handle), randomFrom(seed)]
  let bad = 0
  const check = (bytes: Uint8Array): void => {
    const n = bytes.length < 4 ? -1 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
    const length = 4 + (((n * 2654435761) >>> 8) % (n % 7 === 0 ? most : 300))
    if (n < 0 || n >= Atomics.load(words, 0) || bytes.length !== length) bad++
    else {
      for (let i = 4; i < length; i++) if (bytes[i] !== (n & 0xff)) return void bad++
      Atomics.add(seen, n, 1)
    }
  }
  for (;;) {
    const how = rng.below(3)
    if (how === 0) {
      const view = await (rng.below(2) ? ch.receiveViewSync() : ch.receiveView())
      if (view === undefined) return bad
      check(view.bytes)
      view.release()
    } else if (how === 1) {
      const next = await io.next(ch)
      if (next.done) return bad
      check(next.value)
    } else {
      const batch = await io.receiveMany(ch, 1 + rng.below(2))
      if (batch.length === 0) return bad
      for (const each of batch) check(each)
    }
  }
}

function tally({ words, seen }: Ledger): { drawn: number; lost: number; doubled: number } {
  const drawn = Math.min(MESSAGES, words[0] as number)
  let [lost, doubled] = [0, 0]
  for (let n = 0; n < drawn; n++) {
    if (seen[n] === 0) lost++
    else if (seen[n] !== 1) doubled++
  }
  return { drawn, lost, doubled }
}

async function threadsOf({ arena }: Space, count: number): Promise<void> {
  await until(() => arena.stats().threads === count, `${count} threads`)
}

describe('under load', () => {
  for (const [capacity, mib, most, kills] of [
    [0, 4, 3000, 30],
    [4, 4, 50_000, 50],
    [64, 4, 3000, 50],
    // More than the memory holds: who sends waits for memory most of the time.
    [256, 1, 60_000, 70],
  ] as const) {
    test(`capacity ${capacity}, ${mib} MiB, messages of up to ${most} bytes: senders and receivers die`, async () => {
      const rng = random(`kill messages ${capacity} ${most}`)
      const made = space(mib * MIB)
      const { arena } = made
      const ch = made.bytes(capacity)
      const base = inUse(arena)
      const shared = ledger()
      const drawn = (): number => Atomics.load(shared.words, 0)
      const sender = spawnWith('blocking', produce, ch.handle, shared, 1, most)
      const receiver = spawnWith('blocking', consume, ch.handle, shared, 2, most)
      let killed = 0
      for (; killed < rounds(kills) && drawn() < MESSAGES * 0.75; killed++) {
        const style = rng.below(3) === 0 ? 'async' : 'blocking'
        const victim: Spawned<number | void> = spawnWith(
          style,
          rng.below(2) ? produce : (consume as typeof produce),
          ch.handle,
          shared,
          killed + 3,
          most,
        )
        await threadsOf(made, 4)
        await sleep(rng.next() * 6)
        await victim.terminate()
        const at = drawn()
        await until(() => drawn() > at + 10, `the others to go on after kill ${killed}`)
      }
      await threadsOf(made, 3)
      Atomics.store(shared.words, 1, 1)
      await sender.ended
      ch.close()
      expect(await receiver.ended, 'broken messages').toBe(0)
      const { lost, doubled } = tally(shared)
      expect(killed).toBeGreaterThan(5)
      expect(doubled).toBe(0)
      // A batch of two that has been received and not noted is two.
      expect(lost).toBeLessThanOrEqual(2 * killed)
      expect(ch.length).toBe(0)
      await threadsOf(made, 1)
      await until(() => inUse(arena) === base, 'the memory to come back', 5000).catch(() => {
        expect(arena.stats().blocks).toEqual({})
      })
    }, 120_000)
  }
})

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
      const victim = spawnWith(
        style,
        async ({ open, sleep, sleepSync, io }, handle) => {
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
            ch.arena.share()
          }
          for (;;) {
            if (io.send.toString().includes('Sync')) sleepSync(1000)
            else await sleep(1000)
            if (kept.length === 0) return
          }
        },
        ch.handle,
      )
      await until(() => arena.stats().threads === 2)
      await until(() => {
        const message = (() => {
          try {
            return ch.tryReserve(50)
          } catch {
            return undefined
          }
        })()
        message?.abort()
        return message === undefined
      }, 'a full arena')
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
