// Workers terminated while they wait in a select or at a rendezvous, or in the middle of one: the others go on, nothing arrives twice, at
// most one message is lost with each, and what a dead thread held comes back.

import { Arena, channel, f64, u32 } from 'millrace'
import { afterEach, describe, expect, test } from 'vitest'
import { recv, select, send } from './support/contract.js'
import { drawn, type Ledger, ledger, stop, tally, VALUES } from './support/ledger.js'
import { parkedMeter, parkedSomething, rejection, sleep, until } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { endThreads, type Spawned, type Style, spawnWith, type Tools } from './support/threads.js'

const arena = new Arena({ size: 64 * 2 ** 20 })

afterEach(endThreads)

async function waitForThreads(count: number): Promise<void> {
  await until(() => arena.stats().threads === count, `${count} threads`).catch((error) => {
    throw new Error(`${error.message}: there are ${arena.stats().threads}`)
  })
}

describe.each(['blocking', 'async'] as const)('a thread that dies while it waits (%s)', (style) => {
  test('at a rendezvous, to receive: nobody is there any more, and the next one is served', async () => {
    const { threads, blocks } = arena.stats()
    const ch = channel(f64, { capacity: 0, arena })
    const parked = parkedMeter(arena)
    const dead = spawnWith(style, ({ open, io }, handle) => io.receive(open(handle)), ch.handle)
    await parked(1)
    const live = ch.receive()
    await dead.terminate()
    await waitForThreads(threads)
    await parked(1)
    await ch.send(5)
    expect(await live).toBe(5)
    expect([ch.trySend(6), ch.tryNext()]).toEqual([false, undefined])
    ch.dispose()
    expect(arena.stats().blocks).toEqual(blocks)
  })

  test('at a rendezvous, to send: it has not sent, and the next one is served', async () => {
    const { threads, blocks } = arena.stats()
    const ch = channel(f64, { capacity: 0, arena })
    const parked = parkedMeter(arena)
    const dead = spawnWith(style, ({ open, io }, handle) => io.send(open(handle), 1), ch.handle)
    await parked(1)
    await dead.terminate()
    await waitForThreads(threads)
    expect(ch.tryNext()).toBe(undefined)
    const live = ch.send(2)
    expect(await ch.receive()).toBe(2)
    await live
    expect([ch.trySend(6), ch.tryNext()]).toEqual([false, undefined])
    ch.dispose()
    expect(arena.stats().blocks).toEqual(blocks)
  })

  for (const form of ['select', 'Selector'] as const) {
    test(`in a ${form}: it is out of every queue, and its memory comes back`, async () => {
      const { threads, blocks } = arena.stats()
      const make = (capacity: number) => channel(f64, { capacity, arena })
      const [a, b, c, full] = [make(0), make(0), make(0), make(1)]
      full.trySend(0)
      const parked = parkedSomething(arena)
      const dead = spawnWith(
        style,
        ({ open, io, recv, send, Selector }, a, b, c, full, form) => {
          const cases = {
            ...{ a: recv(open(a)), again: recv(open(a)), out: send(open(c), 1) },
            ...{ into: recv(open(b)), full: send(open(full), 2) },
          }
          return form === 'select' ? io.select(cases) : io.round(new Selector(cases))
        },
        ...([a.handle, b.handle, c.handle, full.handle, form] as const),
      )
      await parked()
      // The selector's memory is there before it waits.
      if (form === 'Selector') await sleep(100)
      const live = [select({ a: recv(a), full: send(full, 3) }), select({ b: recv(b) })]
      await dead.terminate()
      await waitForThreads(threads)
      // The two that live are first in their queues now.
      expect(full.tryReceive()).toBe(0)
      expect((await live[0])?.case).toBe('full')
      await b.send(7)
      expect((await live[1])?.value).toBe(7)
      expect([...full.available()]).toEqual([3])
      for (const ch of [a, b, c]) expect([ch.trySend(6), ch.tryNext()]).toEqual([false, undefined])
      const again = select({ a: send(a, 8) }, { timeout: 20 })
      expect((await rejection(again)).code).toBe('ERR_TIMEOUT')
      for (const ch of [a, b, c, full]) ch.dispose()
      expect(arena.stats().blocks).toEqual(blocks)
    })
  }
})

// Jobs run in other threads as their source text: each is self-contained.

async function produce({ open, io, send }: Tools, handles: unknown[], { tickets }: Ledger): Promise<void> {
  const [a, b, c] = handles.map(open)
  const words = new Int32Array(tickets)
  while (Atomics.load(words, 1) === 0) {
    // The ticket is drawn before the send: a value that was drawn and never arrives counts as lost.
    const value = Atomics.add(words, 0, 1)
    if (value >= 2 ** 22) return
    if (value % 4 === 0) await io.send(a, value)
    else await io.select({ a: send(a, value), b: send(b, value), c: send(c, value) })
  }
}

async function consume({ open, io, recv }: Tools, handles: unknown[], { seen }: Ledger): Promise<void> {
  const [a, b, c] = handles.map(open)
  const marks = new Uint8Array(seen)
  const closed = new Set<string>()
  for (;;) {
    const cases = { c: recv(c), a: recv(a), b: recv(b) }
    const hit = await io.select(Object.fromEntries(Object.entries(cases).filter(([key]) => !closed.has(key))))
    if (!hit.done) Atomics.add(marks, hit.value, 1)
    else if (closed.add(hit.case).size === 3) return
  }
}

describe('under load', () => {
  for (const capacities of [
    [0, 0, 0],
    [0, 1, 7],
  ]) {
    test(`threads that select over channels of capacities ${capacities} die and are replaced`, async () => {
      const rng = random(`kill select ${capacities}`)
      const { threads, blocks } = arena.stats()
      const channels = capacities.map((capacity) => channel(u32, { capacity, arena }))
      const handles = channels.map((ch) => ch.handle)
      const shared = ledger()
      const survivors = [
        spawnWith('blocking', produce, handles, shared),
        spawnWith('blocking', consume, handles, shared),
      ]
      let kills = 0
      for (; kills < rounds(15) && drawn(shared) < VALUES * 0.75; kills++) {
        const style: Style = rng.below(3) === 0 ? 'async' : 'blocking'
        const victim: Spawned<void> = spawnWith(style, rng.below(2) ? produce : consume, handles, shared)
        await waitForThreads(threads + 3)
        await sleep(rng.next() * 8)
        await victim.terminate()
        const at = drawn(shared)
        await until(() => drawn(shared) > at + 10, 'the survivors to go on')
      }
      await waitForThreads(threads + 2)
      stop(shared)
      await survivors[0]?.ended
      for (const ch of channels) ch.close()
      await survivors[1]?.ended
      const { lost, doubled } = tally(shared)
      expect(kills).toBeGreaterThan(2)
      expect(doubled).toBe(0)
      expect(lost).toBeLessThanOrEqual(kills)
      for (const ch of channels) {
        expect(ch.length).toBe(0)
        ch.dispose()
      }
      await waitForThreads(threads)
      expect(arena.stats().blocks).toEqual(blocks)
    })
  }
})
