// An arena that is full of messages: trying fails, sending and reserving wait until somebody frees, and what gives up has sent nothing.

import { ArenaFullError, channel, f64, recv, select, send } from 'millrace'
import { describe, expect, test } from 'vitest'
import { filled, fillUp, intact, inUse, MIB, spaces } from './support/arenas.js'
import { expectPending, macrotask, PROBE_MS, rejection, sleep, thrown, until } from './support/probe.js'
import { placements } from './support/threads.js'

const space = spaces()
const BIG = 150_000

/** A full arena: a channel that holds its memory, with the lengths of what is in it, and one that is empty and has room. */
function full(capacity = 4) {
  const made = space()
  const [hoard, ch] = [made.bytes(8192), made.bytes(capacity)]
  const base = inUse(made.arena)
  const lengths = fillUp(hoard)
  return { ...made, hoard, ch, base, lengths, used: inUse(made.arena) }
}

describe('trying', () => {
  test('is an ArenaFullError that says what was asked and what is left, and changes nothing', () => {
    const { arena, ch, hoard, used } = full()
    for (const call of [
      () => ch.trySend(filled(BIG)),
      () => ch.trySend(filled(0)),
      () => ch.trySendMany([filled(BIG)]),
      () => ch.tryReserve(BIG),
    ]) {
      const error = thrown(call) as ArenaFullError
      expect(error).toBeInstanceOf(ArenaFullError)
      expect(error.code).toBe('ERR_ARENA_FULL')
      expect(error.requested).toBeLessThanOrEqual(BIG)
      expect(error.message).toContain(String(MIB))
      expect(inUse(arena)).toBe(used)
    }
    expect(ch.length).toBe(0)
    // With one big message less, one of that size passes.
    hoard.tryReceive()
    expect(ch.trySend(filled(90_000))).toBe(true)
    expect(intact(ch.tryReceive(), 90_000)).toBe(true)
  })

  test('a full or closed channel is told as such, not as a full arena', () => {
    const { hoard, ch, make } = full(1)
    hoard.tryReceive()
    expect(ch.trySend(filled(1))).toBe(true)
    while (hoard.length > 0 && ch.length > 0) {
      try {
        hoard.trySend(filled(1))
      } catch {
        break
      }
    }
    expect(ch.trySend(filled(1000))).toBe(false)
    ch.close()
    expect(thrown(() => ch.trySend(filled(1000))).code).toBe('ERR_CLOSED')
    expect(thrown(() => ch.sendSync(filled(1000))).code).toBe('ERR_CLOSED')
    expect(make).toBeDefined()
  })
})

describe('waiting', () => {
  test('a send waits until a receive of the same event loop has freed enough', async () => {
    const { hoard, ch, lengths } = full()
    const sending = ch.send(filled(BIG))
    await expectPending(sending)
    // What was sent to hoard afterwards is small: one big message is not enough, two are.
    expect(hoard.tryReceive()?.length).toBe(lengths[0])
    expect(hoard.tryReceive()?.length).toBe(lengths[1])
    await sending
    expect(intact(ch.tryReceive(), BIG)).toBe(true)
  })

  for (const { name, left, right } of placements) {
    for (const what of ['send', 'reserve'] as const) {
      test(`${what} waits until another frees (${name})`, async () => {
        const { hoard, ch, arena } = full()
        const started = new Int32Array(new SharedArrayBuffer(4))
        const sending = left(
          async ({ open, io }, handle, length, what, words, own) => {
            const ch = open(handle)
            const value = new Uint8Array(length).fill(5)
            Atomics.store(words, 0, 1)
            if (what === 'send') await io.send(ch, value)
            else {
              const message = own ? await ch.reserve(length) : ch.reserveSync(length)
              message.bytes.set(value)
              if (own) await message.commit()
              else message.commitSync()
            }
            return performance.timeOrigin + performance.now()
          },
          ch.handle,
          BIG,
          what,
          started,
          !/^(two workers, blocking|worker blocking)/.test(name),
        )
        await until(() => Atomics.load(started, 0) === 1)
        await sleep(PROBE_MS)
        expect(ch.length).toBe(0)
        const before = performance.timeOrigin + performance.now()
        const freed = await right(({ open }, handle) => {
          let n = 0
          for (const each of open(handle).available()) n += each.length
          return n
        }, hoard.handle)
        expect(freed).toBeGreaterThan(MIB / 2)
        expect(await sending).toBeGreaterThanOrEqual(before - 1)
        expect(ch.tryReceive()?.every((byte) => byte === 5)).toBe(true)
        expect(arena.stats().threads).toBeGreaterThanOrEqual(1)
      })
    }
  }

  test('a timeout ends it: nothing was sent, nothing is left, and the error says which', async () => {
    const { arena, ch, used } = full()
    for (const timeout of [0, 1, 40]) {
      for (const [what, call] of [
        ['send', () => ch.send(filled(BIG), { timeout })],
        ['send', async () => ch.sendSync(filled(BIG), { timeout })],
        ['sendMany', () => ch.sendMany([filled(BIG)], { timeout })],
        ['sendMany', async () => ch.sendManySync([filled(BIG)], { timeout })],
        ['reserve', () => ch.reserve(BIG, { timeout })],
        ['reserve', async () => ch.reserveSync(BIG, { timeout })],
      ] as [string, () => Promise<unknown>][]) {
        const start = performance.now()
        const error = await rejection(call())
        expect(performance.now() - start).toBeGreaterThanOrEqual(timeout)
        expect(error).toMatchObject({ code: 'ERR_TIMEOUT', message: `${what} timed out after ${timeout} ms` })
        expect(inUse(arena)).toBe(used)
      }
    }
    expect(ch.length).toBe(0)
  })

  test('an abort ends it, also in the turn in which memory comes free', async () => {
    const { arena, hoard, ch, used } = full(1)
    for (const call of [
      (signal: AbortSignal) => ch.send(filled(BIG), { signal }),
      (signal: AbortSignal) => ch.reserve(BIG, { signal }),
      (signal: AbortSignal) => ch.sendMany([filled(BIG)], { signal }),
    ]) {
      const stop = new AbortController()
      const waiting = rejection(call(stop.signal) as Promise<unknown>)
      await macrotask()
      stop.abort('enough')
      expect(await waiting).toBe('enough')
      expect(inUse(arena)).toBe(used)
    }
    // Memory comes, the channel has no room, and the signal is aborted: one after the other within one turn.
    hoard.tryReceive()
    ch.trySend(filled(10))
    fillUp(hoard)
    const stop = new AbortController()
    const waiting = ch.send(filled(90_000), { signal: stop.signal }).then(
      () => 'sent',
      (reason) => reason,
    )
    await macrotask()
    hoard.tryReceive()
    hoard.tryReceive()
    stop.abort('late')
    expect(await Promise.race([waiting, sleep(5000).then(() => 'hangs')])).toBe('late')
    expect(ch.length).toBe(1)
  })

  test('several that wait are all served, small ones need not wait for big ones', async () => {
    const { hoard, ch } = full(10)
    const lengths = [100_000, 500, 100_000, 20, 30_000]
    const sending = Promise.all(lengths.map((length) => ch.send(filled(length))))
    await expectPending(sending)
    while (hoard.tryReceive()) await macrotask()
    await sending
    const got = [...ch.available()].map((each) => each.length)
    expect(got.sort((a, b) => a - b)).toEqual([...lengths].sort((a, b) => a - b))
  })

  for (const how of ['close', 'dispose'] as const) {
    for (const { name, left } of placements.slice(0, 3)) {
      test(`${how} ends it (${name})`, async () => {
        const { hoard, ch, arena, used } = full()
        const codes = (['send', 'reserve'] as const).map((what) =>
          left(
            async ({ open, io }, handle, length, what) => {
              const ch = open(handle)
              try {
                if (what === 'send') await io.send(ch, new Uint8Array(length))
                else await ch.reserve(length)
                return 'went through'
              } catch (error) {
                return (error as { code: string }).code
              }
            },
            ch.handle,
            BIG,
            what,
          ),
        )
        // The gate on which they wait has two more waiters.
        await until(() => inUse(arena) - used >= 256)
        ch[how]()
        const expected = how === 'close' ? 'ERR_CLOSED' : 'ERR_STALE_HANDLE'
        expect(await Promise.all(codes)).toEqual([expected, expected])
        expect(hoard.length).toBeGreaterThan(0)
      })
    }
  }

  test('a full arena stops neither numbers nor receivers', async () => {
    const { arena, hoard, ch } = full()
    using numbers = channel(f64, { capacity: 0, arena })
    const receiving = numbers.receive()
    await numbers.send(5)
    expect(await receiving).toBe(5)
    const selecting = select({ bytes: recv(ch), numbers: recv(numbers) })
    await numbers.send(6)
    expect((await selecting).value).toBe(6)
    hoard.tryReceive()
    hoard.tryReceive()
    expect(await select({ out: send(ch, filled(90_000)) })).toMatchObject({ case: 'out' })
  })
})
