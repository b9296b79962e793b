// Workers terminated at random moments while they send, receive, reserve, view and wait for memory: each message that is left arrives intact and once,
// at most one is lost with each, and when all is done nothing is in use.

import { afterEach, describe, expect, test } from 'vitest'
import { inUse, MIB, type Space, spaces } from './support/arenas.js'
import { sleep, until } from './support/probe.js'
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
    [0, 4, 3000, 15],
    [4, 4, 50_000, 25],
    [64, 4, 3000, 25],
    // More than the memory holds: who sends waits for memory most of the time.
    [256, 1, 60_000, 40],
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
        const victim: Spawned<unknown> = spawnWith(
          style,
          rng.below(2) ? produce : (consume as unknown as typeof produce),
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
