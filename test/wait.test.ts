// What is left of an operation that was given up, and who may wait beside whom.

import { f64, open, StaleHandleError, u32 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { buffered } from './conformance/subject.js'
import { pair } from './support/calls.js'
import { macrotask, parkedMeter, rejection, sleep, smallBlocks, until } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { elsewhere, placements } from './support/threads.js'

const subject = buffered()
const { make, arena, gate } = subject
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

describe('an operation that was given up has not happened', () => {
  test('abort right after the hand-over: the value is received, or still in the channel', async () => {
    for (let i = 0; i < 200; i++) {
      const ch = make(f64, 1)
      const stop = new AbortController()
      const receiving = ch.receive({ signal: stop.signal }).catch((reason) => reason)
      if (i % 4 < 2) await macrotask()
      const send = (): boolean => ch.trySend(i)
      if (i % 2 === 0) {
        send()
        stop.abort('stop')
      } else {
        stop.abort('stop')
        send()
      }
      const outcome = await receiving
      expect(ch.tryReceive()).toBe(outcome === 'stop' ? i : undefined)
      expect(outcome).toBe(i % 2 === 0 ? i : 'stop')
      ch.dispose()
    }
  })

  test('abort right after a waiting sender was let in: the value is in the channel, or the send has failed', async () => {
    for (let i = 0; i < 100; i++) {
      const ch = make(f64, 1)
      ch.trySend(-1)
      const stop = new AbortController()
      const sending = ch.send(i, { signal: stop.signal }).then(
        () => 'sent',
        (reason) => reason,
      )
      if (i % 2 === 0) {
        expect(ch.tryReceive()).toBe(-1)
        stop.abort('stop')
        expect(await sending).toBe('sent')
        expect(ch.tryReceive()).toBe(i)
      } else {
        stop.abort('stop')
        expect(ch.tryReceive()).toBe(-1)
        expect(await sending).toBe('stop')
        expect(ch.tryReceive()).toBe(undefined)
      }
      ch.dispose()
    }
  })

  for (const { name, left, right } of placements) {
    test(`SEND-10 SEND-11 random timeouts on both sides: what was sent is what was received (${name})`, async () => {
      const ch = make(u32, 2)
      const rng = random(`give up ${name}`)
      const done = gate()
      const count = rounds(1500)
      const receiving = [left, right].map((run) =>
        run(
          async ({ open, io, randomFrom }, handle, seed) => {
            const [ch, rng] = [open(handle), randomFrom(seed)]
            const got: number[] = []
            for (;;) {
              try {
                const next = await io.next(ch, { timeout: rng.below(3) * rng.next() })
                if (next.done) return got
                got.push(next.value)
              } catch (error) {
                if ((error as { code: string }).code !== 'ERR_TIMEOUT') throw error
                if (rng.below(4) === 0) await new Promise((resolve) => setImmediate(resolve))
              }
            }
          },
          ch.handle,
          rng.below(2 ** 31),
        ),
      )
      const sending = [right, left].map((run, producer) =>
        run(
          async ({ open, io, randomFrom }, handle, done, producer, count, seed) => {
            const [ch, rng] = [open(handle), randomFrom(seed)]
            const sent: number[] = []
            for (let i = 0; i < count; i++) {
              try {
                await io.send(ch, producer * 2 ** 20 + i, { timeout: rng.below(3) * rng.next() })
                sent.push(producer * 2 ** 20 + i)
              } catch (error) {
                if ((error as { code: string }).code !== 'ERR_TIMEOUT') throw error
                if (rng.below(4) === 0) await new Promise((resolve) => setImmediate(resolve))
              }
            }
            if (open(done).add(1) === 2) ch.close()
            return sent
          },
          ch.handle,
          done.handle,
          producer,
          count,
          rng.below(2 ** 31),
        ),
      )
      const sent = (await Promise.all(sending)).flat()
      const got = (await Promise.all(receiving)).flat()
      expect(got.sort((a, b) => a - b)).toEqual(sent.sort((a, b) => a - b))
      expect(sent.length).toBeGreaterThan(0)
    })
  }

  test('FIFO-19 after 10,000 timed-out receives the arena is as before, and the next send goes to the next live receiver', async () => {
    const ch = make(f64, 1)
    const before = arena.stats()
    for (let round = 0; round < 10; round++) {
      const waiting = range(1000).map(() => rejection(ch.receive({ timeout: 1 })))
      for (const error of await Promise.all(waiting)) if (error.code !== 'ERR_TIMEOUT') throw error
      expect(arena.stats().bytesInUse).toBe(before.bytesInUse)
    }
    expect(arena.stats().blocks).toEqual(before.blocks)
    const [live, dead] = [ch.receive(), rejection(ch.receive({ timeout: 1 }))]
    await dead
    await ch.send(1)
    expect(await live).toBe(1)
    expect(arena.stats().blocks).toEqual(before.blocks)
  })

  test('FIFO-19 blocked receives and sends that time out leave nothing behind', async () => {
    const [empty, full] = pair(subject)
    const run = (): Promise<number> =>
      elsewhere(
        'blocking',
        ({ open }, empty, full) => {
          const [e, f] = [open(empty), open(full)]
          let timeouts = 0
          for (let i = 0; i < 200; i++) {
            try {
              if (i % 2) e.receiveSync({ timeout: 0.1 })
              else f.sendSync(1, { timeout: 0.1 })
            } catch {
              timeouts++
            }
          }
          return timeouts
        },
        empty.handle,
        full.handle,
      )
    await run()
    const before = arena.stats()
    expect(await run()).toBe(200)
    expect(arena.stats()).toEqual(before)
    expect([empty.length, full.length]).toEqual([0, 1])
  })

  test('what is reserved stays within what was in use at most', async () => {
    const ch = make(f64, 1)
    for (let i = 0; i < 100; i++) await rejection(ch.receive({ timeout: 0.01 }))
    const { bytesReserved } = arena.stats()
    for (let i = 0; i < 2000; i++) {
      const stop = new AbortController()
      const waiting = rejection(ch.receive({ signal: stop.signal }))
      stop.abort()
      await waiting
    }
    expect(arena.stats().bytesReserved).toBe(bytesReserved)
  })
})

describe('waiting side by side', () => {
  test('blocking and async operations of one thread wait on one channel', async () => {
    const ch = make(f64, 1)
    const early = ch.receive()
    const other = elsewhere(
      'blocking',
      ({ open, sleepSync }, handle) => {
        const ch = open(handle)
        sleepSync(30)
        for (let i = 0; i < 3; i++) ch.sendSync(i)
      },
      ch.handle,
    )
    // The first value is the promise's, which waited first; the blocked call gets the second.
    expect(ch.receiveSync({ timeout: 20_000 })).toBe(1)
    expect(await early).toBe(0)
    expect(await ch.receive()).toBe(2)
    await other
  })

  test('a promise that is kept while its thread is blocked elsewhere', async () => {
    const [a, b] = [make(f64, 1), make(f64, 1)]
    const waiting = a.receive()
    const other = elsewhere(
      'blocking',
      ({ open, sleepSync }, a, b) => {
        open(a).sendSync(1)
        sleepSync(30)
        open(b).sendSync(2)
      },
      a.handle,
      b.handle,
    )
    expect(b.receiveSync({ timeout: 20_000 })).toBe(2)
    expect(await waiting).toBe(1)
    await other
  })

  test('a blocking receive lets in a sender that waits in the same thread', async () => {
    const ch = make(f64, 1)
    ch.trySend(1)
    const sending = ch.send(2)
    expect(ch.receiveSync()).toBe(1)
    expect(ch.receiveSync()).toBe(2)
    await sending
    const receiving = ch.receive()
    ch.sendSync(3)
    expect(await receiving).toBe(3)
  })

  test('a hand-over within one thread takes no turn of the event loop', async () => {
    const ch = make(f64, 1)
    for (let i = 0; i < 20; i++) {
      let turned = false
      setImmediate(() => {
        turned = true
      })
      const receiving = ch.receive()
      ch.trySend(i)
      expect(await receiving).toBe(i)
      const [first, second] = [ch.send(1), ch.send(2)]
      await first
      expect(ch.tryReceive()).toBe(1)
      await second
      expect(ch.tryReceive()).toBe(2)
      expect(turned).toBe(false)
      await macrotask()
    }
  })

  test('a thousand promises pend at once and are kept in order', async () => {
    const ch = make(u32, 1)
    const receives = range(1000).map(() => ch.receive())
    await elsewhere(
      'blocking',
      ({ open }, handle) => {
        const ch = open(handle)
        for (let i = 0; i < 1000; i++) ch.sendSync(i)
      },
      ch.handle,
    )
    expect(await Promise.all(receives)).toEqual(range(1000))
    ch.trySend(0)
    const sends = range(1000).map((i) => ch.send(i + 1))
    const got = await elsewhere(
      'blocking',
      ({ open }, handle) => {
        const ch = open(handle)
        return Array.from({ length: 1001 }, () => ch.receiveSync())
      },
      ch.handle,
    )
    await Promise.all(sends)
    expect(got).toEqual(range(1001))
  })

  test('two handles of one channel in one thread wait on the same channel', async () => {
    const ch = make(f64, 1)
    const other = open(ch.handle)
    const receiving = other.receive()
    await ch.send(1)
    expect(await receiving).toBe(1)
  })
})

describe('dispose while others wait', () => {
  for (const { name, left } of placements) {
    test(`waiting receivers and senders get StaleHandleError (${name})`, async () => {
      const [empty, full] = pair(subject)
      const parked = parkedMeter(arena)
      const job = (side: 'send' | 'receive') =>
        left(
          async ({ open, io }, handle, side) => {
            try {
              await (side === 'send' ? io.send(open(handle), 1) : io.receive(open(handle)))
              return 'done'
            } catch (error) {
              return (error as { code: string }).code
            }
          },
          (side === 'send' ? full : empty).handle,
          side,
        )
      const waiting = [job('receive'), job('receive'), job('send')]
      await parked(3)
      empty.dispose()
      full.dispose()
      expect(await Promise.all(waiting)).toEqual(Array(3).fill('ERR_STALE_HANDLE'))
      await parked(0)
    })
  }

  test('the promises of the thread that disposes are rejected too', async () => {
    const [empty, full] = pair(subject)
    const waiting = [rejection(empty.receive()), rejection(empty.next({ timeout: 60_000 })), rejection(full.send(1))]
    empty.dispose()
    full.dispose()
    for (const error of await Promise.all(waiting)) expect(error).toBeInstanceOf(StaleHandleError)
    await until(() => smallBlocks(arena) === 0)
    await sleep(0)
  })
})
