// Workers terminated at random moments: the others go on, nothing arrives twice, at most one message is lost with each, and what a dead
// thread held comes back.

import { Arena, AtomicI32, type Channel, type Codec, Counter, channel, f64, Stack, u32 } from 'millrace'
import { afterEach, describe, expect, test } from 'vitest'
import { inBlocks, inCells } from './support/kit.mjs'
import { expectPending, parkedMeter, sleep, until } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { endThreads, type Spawned, type Style, spawnWith, type Tools } from './support/threads.js'

const arena = new Arena({ size: 64 * 2 ** 20 })
const VALUES = 2 ** 25 // also written out in the jobs
/** Kills stop when that many values were drawn, so that there is always work to be killed at. */
const ENOUGH = VALUES * 0.75

afterEach(endThreads)

/** What all threads of a test share besides millrace's own memory: tickets for values, who has taken which, and when to stop. */
interface Ledger {
  tickets: SharedArrayBuffer
  seen: SharedArrayBuffer
}

function ledger(): Ledger {
  return { tickets: new SharedArrayBuffer(8), seen: new SharedArrayBuffer(VALUES) }
}

// Jobs run in other threads as their source text: each is self-contained.

async function produce({ open, io }: Tools, handle: unknown, { tickets }: Ledger, batch: number): Promise<void> {
  const ch = open(handle)
  const words = new Int32Array(tickets)
  while (Atomics.load(words, 1) === 0) {
    // The ticket is drawn before the send: a value that was drawn and never arrives counts as lost.
    const first = Atomics.add(words, 0, batch)
    if (first + batch > 2 ** 25) return
    if (batch === 1) await io.send(ch, first)
    else
      await io.sendMany(
        ch,
        ch.codec.batch.from({ length: batch }, (_: unknown, i: number) => first + i),
      )
  }
}

async function consume({ open, io }: Tools, handle: unknown, { seen }: Ledger, batch: number): Promise<void> {
  const ch = open(handle)
  const marks = new Uint8Array(seen)
  if (batch === 1) {
    for (let next = await io.next(ch); !next.done; next = await io.next(ch)) Atomics.add(marks, next.value, 1)
  } else {
    const into = new ch.codec.batch(batch)
    for (let n = await io.receiveMany(ch, into); n > 0; n = await io.receiveMany(ch, into)) {
      for (let i = 0; i < n; i++) Atomics.add(marks, into[i], 1)
    }
  }
}

function tally({ tickets, seen }: Ledger): { drawn: number; lost: number; doubled: number } {
  const drawn = Math.min(VALUES, new Int32Array(tickets)[0] as number)
  const marks = new Uint8Array(seen)
  let lost = 0
  let doubled = 0
  for (let v = 0; v < drawn; v++) {
    if (marks[v] === 0) lost++
    else if (marks[v] !== 1) doubled++
  }
  for (let v = drawn; v < VALUES; v++) if (marks[v] !== 0) doubled++
  return { drawn, lost, doubled }
}

async function waitForThreads(count: number): Promise<void> {
  await until(() => arena.stats().threads === count, `${count} threads`).catch((error) => {
    throw new Error(`${error.message}: there are ${arena.stats().threads}`)
  })
}

describe('channels', () => {
  const settings: [Codec<number>, number, number][] = [
    [u32, 1, 1],
    [f64, 1, 1],
    [u32, 64, 1],
    [f64, 64, 1],
    [u32, 7, 50],
    [f64, 100, 50],
    [inCells as never, 0, 1],
    [inCells as never, 7, 1],
    [inCells as never, 64, 1],
    [inBlocks as never, 7, 1],
  ]
  for (const [codec, capacity, batch] of settings) {
    test(`${codec.name}, capacity ${capacity}, ${batch === 1 ? 'single values' : `batches of ${batch}`}: senders and receivers die under load`, async () => {
      const rng = random(`kill ${codec.name} ${capacity} ${batch}`)
      const { threads } = arena.stats()
      const before = arena.stats().blocks
      const ch = channel(codec, { capacity, arena })
      const shared = ledger()
      const survivors = [
        spawnWith('blocking', produce, ch.handle, shared, batch),
        spawnWith('blocking', consume, ch.handle, shared, batch),
      ]
      const drawn = (): number => Atomics.load(new Int32Array(shared.tickets), 0)
      let kills = 0
      for (; kills < rounds(10) && drawn() < ENOUGH; kills++) {
        const style: Style = rng.below(3) === 0 ? 'async' : 'blocking'
        const victim: Spawned<void> = spawnWith(style, rng.below(2) ? produce : consume, ch.handle, shared, batch)
        await waitForThreads(threads + 3)
        await sleep(rng.next() * 8)
        await victim.terminate()
        // Others go on.
        const at = drawn()
        await until(() => drawn() > at + 10, 'the survivors to go on')
      }
      await waitForThreads(threads + 2)
      Atomics.store(new Int32Array(shared.tickets), 1, 1)
      await survivors[0]?.ended
      ch.close()
      await survivors[1]?.ended
      const { lost, doubled } = tally(shared)
      expect(kills).toBeGreaterThan(2)
      expect(doubled).toBe(0)
      expect(lost).toBeLessThanOrEqual(kills * batch)
      expect(ch.length).toBe(0)
      ch.dispose()
      await waitForThreads(threads)
      // This thread has a block for what it passes through channels with cells, for good.
      expect({ ...arena.stats().blocks, 4096: 1 }).toEqual({ ...before, 4096: 1 })
    })
  }

  for (const style of ['blocking', 'async'] as const) {
    test(`a receiver that dies while it waits is out of the queue (${style})`, async () => {
      const { threads } = arena.stats()
      const ch = channel(f64, { capacity: 1, arena })
      const parked = parkedMeter(arena)
      const dead = spawnWith(style, ({ open, io }, handle) => io.receive(open(handle)), ch.handle)
      await parked(1)
      const live = ch.receive()
      await parked(2)
      await dead.terminate()
      await waitForThreads(threads)
      await parked(1)
      await ch.send(5)
      expect(await live).toBe(5)
      expect(ch.length).toBe(0)
      await parked(0)
      ch.dispose()
    })

    test(`a sender that dies while it waits has not sent (${style})`, async () => {
      const { threads } = arena.stats()
      const ch = channel(f64, { capacity: 1, arena })
      ch.trySend(1)
      const parked = parkedMeter(arena)
      const dead = spawnWith(style, ({ open, io }, handle) => io.send(open(handle), 2), ch.handle)
      await parked(1)
      const live = ch.send(3)
      await dead.terminate()
      await waitForThreads(threads)
      await parked(1)
      expect(await ch.receive()).toBe(1)
      await live
      expect(await ch.receive()).toBe(3)
      expect(ch.tryReceive()).toBe(undefined)
      await parked(0)
      ch.dispose()
    })
  }

  test('a worker that ends by itself, with operations pending, leaves nothing', async () => {
    const { threads, blocks } = arena.stats()
    const ch = channel(f64, { capacity: 1, arena })
    const parked = parkedMeter(arena)
    const leaving = spawnWith(
      'async',
      ({ open }, handle) => {
        for (let i = 0; i < 10; i++) open(handle).receive()
        setTimeout(() => process.exit(0), 20)
      },
      ch.handle,
    )
    // Before the result: on a busy machine that comes together with the end.
    const exited = new Promise((resolve) => leaving.worker.once('exit', resolve))
    await leaving.result
    await exited
    await waitForThreads(threads)
    await parked(0)
    expect(ch.trySend(1)).toBe(true)
    expect(ch.length).toBe(1)
    ch.dispose()
    expect(arena.stats().blocks).toEqual(blocks)
  })

  test('a worker that another worker has started dies with it, and leaves nothing', async () => {
    const { threads } = arena.stats()
    const ch = channel(f64, { capacity: 1, arena })
    const parked = parkedMeter(arena)
    const outer = spawnWith(
      'blocking',
      async ({ open, sleepSync, Worker }, handle, url) => {
        const inner = new Worker(new URL(url))
        inner.postMessage({
          id: 0,
          source: '({ open }, handle) => open(handle).receiveSync()',
          style: 'blocking',
          args: [handle],
        })
        open(handle)
        await new Promise(() => setInterval(() => sleepSync(0), 1000))
      },
      ch.handle,
      new URL('./support/worker.mjs', import.meta.url).href,
    )
    await parked(1)
    await waitForThreads(threads + 2)
    await outer.terminate()
    await waitForThreads(threads)
    await parked(0)
    expect(ch.trySend(1)).toBe(true)
    expect(ch.length).toBe(1)
    ch.dispose()
  })

  test('who waits for a dead thread goes on waiting for the next one', async () => {
    const ch = channel(f64, { capacity: 1, arena })
    const receiving = ch.receive()
    const first = spawnWith('blocking', ({ open, sleepSync }, handle) => open(handle) && sleepSync(60_000), ch.handle)
    await sleep(100)
    await first.terminate()
    await expectPending(receiving)
    await spawnWith('blocking', ({ open }, handle) => open(handle).sendSync(4), ch.handle).ended
    expect(await receiving).toBe(4)
    ch.dispose()
  })
})

describe('other objects', () => {
  test('a stack: nothing arrives twice, one value is lost with each kill at most, and no place', async () => {
    const rng = random('kill stack')
    const { threads } = arena.stats()
    const capacity = 50
    const stack = new Stack(u32, { capacity, arena })
    const shared = ledger()
    const work = async (
      { open, randomFrom }: Tools,
      handle: unknown,
      { tickets, seen }: Ledger,
      seed: number,
    ): Promise<void> => {
      const [stack, words, marks, rng] = [open(handle), new Int32Array(tickets), new Uint8Array(seen), randomFrom(seed)]
      let mine = -1
      while (Atomics.load(words, 1) === 0) {
        if (rng.below(2)) {
          if (mine < 0) mine = Atomics.add(words, 0, 1)
          if (mine >= 2 ** 25) return
          if (stack.push(mine)) mine = -1
        } else {
          const v = stack.pop()
          if (v !== undefined) Atomics.add(marks, v, 1)
        }
      }
      // What was drawn and did not go in is not lost.
      if (mine >= 0) Atomics.add(marks, mine, 1)
    }
    const survivors = [1, 2].map((seed) => spawnWith('blocking', work, stack.handle, shared, seed))
    let kills = 0
    for (; kills < rounds(12) && Atomics.load(new Int32Array(shared.tickets), 0) < ENOUGH; kills++) {
      const victim = spawnWith('blocking', work, stack.handle, shared, 100 + kills)
      await waitForThreads(threads + 3)
      await sleep(rng.next() * 6)
      await victim.terminate()
    }
    Atomics.store(new Int32Array(shared.tickets), 1, 1)
    await Promise.all(survivors.map((each) => each.ended))
    await waitForThreads(threads)
    const marks = new Uint8Array(shared.seen)
    for (const v of stack.drain()) Atomics.add(marks, v, 1)
    const { lost, doubled } = tally(shared)
    expect(kills).toBeGreaterThan(2)
    expect(doubled).toBe(0)
    // One that was popped and not noted, or drawn and not pushed, with each.
    expect(lost).toBeLessThanOrEqual(kills)
    for (let i = 0; i < capacity; i++) expect(stack.push(i)).toBe(true)
    expect(stack.push(0)).toBe(false)
    expect([...stack.drain()].length).toBe(capacity)
    stack.dispose()
  })

  test('an arena: what dead threads had put by comes back, all but the object that each was just making', async () => {
    const rng = random('kill arena')
    const { threads, bytesInUse } = arena.stats()
    const anchor = new AtomicI32(0, { arena })
    const count = (): number => Object.values(arena.stats().blocks).reduce((sum, n) => sum + n, 0)
    const before = count()
    const kills = rounds(12)
    for (let kill = 0; kill < kills; kill++) {
      const victim = spawnWith(
        'blocking',
        ({ open, millrace, randomFrom }, handle, seed) => {
          const [anchor, rng] = [open(handle), randomFrom(seed)]
          const { arena } = anchor
          for (;;) {
            const objects = Array.from({ length: 1 + rng.below(3) }, () => {
              if (rng.below(2)) return new millrace.AtomicI32(1, { arena })
              return millrace.channel(millrace.u32, { capacity: 1 + rng.below(5000), arena })
            })
            anchor.add(1)
            for (const object of objects) object.dispose()
          }
        },
        anchor.handle,
        kill,
      )
      const at = anchor.load()
      await until(() => anchor.load() > at + 10)
      await sleep(rng.next() * 6)
      await victim.terminate()
    }
    await waitForThreads(threads)
    // Up to three objects were alive in each thread when it died: nobody can know that they are not wanted any more.
    expect(count() - before).toBeLessThanOrEqual(3 * kills)
    expect(arena.stats().bytesReserved).toBeLessThan(16 * 2 ** 20)
    // What is free is sound: it can be allocated, is zeroed and is nobody else's.
    const fresh = Array.from({ length: 2000 }, (_, i) => new AtomicI32(i, { arena }))
    for (const [i, each] of fresh.entries()) expect(each.load()).toBe(i)
    for (const each of fresh) each.dispose()
    anchor.dispose()
    expect(arena.stats().bytesInUse - bytesInUse).toBeLessThan(kills * 3 * 65536)
  })

  test('a counter keeps what dead threads added', async () => {
    const { threads } = arena.stats()
    const counter = new Counter({ arena })
    const noted = new SharedArrayBuffer(4)
    const kills = rounds(8)
    for (let kill = 0; kill < kills; kill++) {
      const victim = spawnWith(
        'blocking',
        ({ open }, handle, noted) => {
          const [counter, words] = [open(handle), new Int32Array(noted)]
          for (;;) {
            counter.add()
            Atomics.add(words, 0, 1)
          }
        },
        counter.handle,
        noted,
      )
      await until(() => arena.stats().threads === threads + 1)
      await sleep(3)
      await victim.terminate()
    }
    const sum = Atomics.load(new Int32Array(noted), 0)
    expect(counter.value).toBeGreaterThanOrEqual(sum)
    expect(counter.value).toBeLessThanOrEqual(sum + kills)
    counter.dispose()
    await waitForThreads(threads)
  })

  test('the thread table does not fill up with the dead', async () => {
    const { threads } = arena.stats()
    const ch: Channel<number> = channel(u32, { capacity: 1, arena })
    for (let wave = 0; wave < rounds(4); wave++) {
      const workers = Array.from({ length: 8 }, (_, i) =>
        spawnWith(i % 2 ? 'async' : 'blocking', ({ open, io }, handle) => io.receive(open(handle)), ch.handle),
      )
      await waitForThreads(threads + 8)
      await Promise.all(workers.map((each) => each.terminate()))
      await waitForThreads(threads)
    }
    expect(ch.trySend(1)).toBe(true)
    expect(ch.length).toBe(1)
    ch.dispose()
  })
})
