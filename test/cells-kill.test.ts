// Workers terminated at random moments while they send and receive messages that lie in cells: what arrives is whole and arrives once, at most one
// message is lost with each, and the others go on.

import { Arena, channel, fixedBytes } from 'millrace'
import { afterEach, expect, test } from 'vitest'
import { sleep, until } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { endThreads, type Spawned, spawnWith, type Tools } from './support/threads.js'

afterEach(endThreads)

const MESSAGES = 2 ** 22 // also written out in the jobs

/** Word 0 counts the messages, word 1 says stop; and who has seen which. */
interface Ledger {
  words: Int32Array
  seen: Uint8Array
}

// Jobs run in other threads as their source text. A message is its number and words that follow from it.

async function produce({ open, io }: Tools, handle: unknown, { words }: Ledger): Promise<void> {
  const ch = open(handle)
  while (Atomics.load(words, 1) === 0) {
    const n = Atomics.add(words, 0, 1)
    if (n >= 2 ** 22) return
    const message = new Int32Array(ch.codec.size / 4)
    for (let k = 0; k < message.length; k++) message[k] = k === 0 ? n : Math.imul(n + k, 0x9e3779b1)
    await io.send(ch, new Uint8Array(message.buffer))
  }
}

async function consume({ open, io }: Tools, handle: unknown, { seen }: Ledger): Promise<number> {
  const ch = open(handle)
  let torn = 0
  for (let next = await io.next(ch); !next.done; next = await io.next(ch)) {
    const message = new Int32Array(next.value.buffer, next.value.byteOffset, ch.codec.size / 4)
    const n = message[0] as number
    for (let k = 1; k < message.length; k++) if (message[k] !== Math.imul(n + k, 0x9e3779b1)) torn++
    // A message that is torn, or another one's, must not go unnoticed if its receiver is terminated now.
    Atomics.add(seen, n & (2 ** 22 - 1), torn > 0 ? 2 : 1)
  }
  return torn
}

for (const [capacity, size, kills] of [
  [0, 128, 15],
  [3, 32, 20],
  [64, 128, 20],
] as const) {
  test(`capacity ${capacity}, cells of ${size} bytes: senders and receivers die`, async () => {
    const rng = random(`kill cells ${capacity}`)
    const arena = new Arena({ size: 4 * 2 ** 20 })
    const ch = channel(fixedBytes(size), { capacity, arena })
    const base = arena.stats().bytesInUse
    const shared: Ledger = {
      words: new Int32Array(new SharedArrayBuffer(8)),
      seen: new Uint8Array(new SharedArrayBuffer(MESSAGES)),
    }
    const drawn = (): number => Atomics.load(shared.words, 0)
    const threads = (count: number): Promise<void> => until(() => arena.stats().threads === count, `${count} threads`)
    const sender = spawnWith('blocking', produce, ch.handle, shared)
    const receiver = spawnWith('blocking', consume, ch.handle, shared)
    let killed = 0
    for (; killed < rounds(kills) && drawn() < MESSAGES * 0.75; killed++) {
      const job = rng.below(2) ? produce : (consume as unknown as typeof produce)
      const victim: Spawned<unknown> = spawnWith(rng.below(3) === 0 ? 'async' : 'blocking', job, ch.handle, shared)
      await threads(4)
      await sleep(rng.next() * 6)
      await victim.terminate()
      const at = drawn()
      await until(() => drawn() > at + 10, `the others to go on after kill ${killed}`)
    }
    await threads(3)
    Atomics.store(shared.words, 1, 1)
    await sender.ended
    ch.close()
    expect(await receiver.ended, 'torn messages').toBe(0)
    let [lost, doubled] = [0, 0]
    for (let n = 0; n < drawn(); n++) {
      if (shared.seen[n] === 0) lost++
      else if (shared.seen[n] !== 1) doubled++
    }
    for (let n = drawn(); n < MESSAGES; n++) if (shared.seen[n] !== 0) doubled++
    expect(killed).toBeGreaterThan(5)
    expect(doubled).toBe(0)
    expect(lost).toBeLessThanOrEqual(killed)
    await threads(1)
    expect(arena.stats().bytesInUse).toBe(base)
  }, 120_000)
}
