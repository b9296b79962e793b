// SEL between threads: selects that wait in one thread and are woken from another, in every placement.

import { type Channel, f64 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { parkedSomething, rejection, sleep, until } from '../support/probe.js'
import { rounds } from '../support/settings.js'
import { elsewhere, placements } from '../support/threads.js'
import type { SharedSelectSubject } from './subject.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function selectThreads({ name, arena, make, recv, send, select, trySelect }: SharedSelectSubject): void {
  const expectQuiet = (...channels: Channel<number>[]): void => {
    for (const ch of channels) expect([ch.trySend(-1), ch.tryNext()]).toEqual([false, undefined])
  }

  for (const { name: where, left, right } of placements) {
    describe(`${name}: select between threads (${where})`, () => {
      const waiting = (channels: Channel<number>[], options = {}): Promise<unknown> =>
        left(
          async ({ open, io, recv, send }, handles, options) => {
            const [a, b, c] = handles.map(open)
            try {
              const { case: key, value, done } = await io.select({ a: recv(a), b: recv(b), c: send(c, 7) }, options)
              return { case: key, value, done }
            } catch (error) {
              const { code, message } = error as { code: string; message: string }
              return { code, message }
            }
          },
          channels.map((ch) => ch.handle),
          options,
        )

      test('SEL-6 whichever case becomes ready is taken, and only that', async () => {
        for (const index of range(3)) {
          const channels = range(3).map(() => make(f64))
          const parked = parkedSomething(arena)
          const selecting = waiting(channels)
          await parked()
          await right(
            async ({ open, io }, handle, index) => {
              const ch = open(handle)
              if (index === 2 ? (await io.receive(ch)) !== 7 : await io.send(ch, index)) throw new Error('wrong value')
            },
            channels[index]?.handle,
            index,
          )
          expect(await selecting).toEqual({ case: 'abc'[index], value: index === 2 ? undefined : index, done: false })
          expectQuiet(...channels)
        }
      })

      test('SEL-10 SEL-11 close wakes it: a receive is done, a send throws', async () => {
        for (const index of [1, 2]) {
          const channels = range(3).map(() => make(f64))
          const parked = parkedSomething(arena)
          const selecting = waiting(channels)
          await parked()
          await right(({ open }, handle) => open(handle).close(), channels[index]?.handle)
          expect(await selecting).toEqual(
            index === 1
              ? { case: 'b', value: undefined, done: true }
              : { code: 'ERR_CLOSED', message: 'send on closed channel' },
          )
          expectQuiet(...channels.filter((_, i) => i !== index))
        }
      })

      test('SEL-38 it times out, not before its time, and is gone then', async () => {
        const channels = range(3).map(() => make(f64))
        const start = performance.now()
        expect(await waiting(channels, { timeout: 30 })).toMatchObject({ code: 'ERR_TIMEOUT' })
        expect(performance.now() - start).toBeGreaterThanOrEqual(30)
        expectQuiet(...channels)
      })

      test('SEL-29 a select here meets a select there', async () => {
        for (const capacity of [0, 1]) {
          const [ch, dead] = [make(f64, capacity), make(f64)]
          const receiving = left(
            async ({ open, io, recv }, ch, dead) => {
              const got: unknown[] = []
              for (;;) {
                const { value, done } = await io.select({ dead: recv(open(dead)), it: recv(open(ch)) })
                if (done) return got
                got.push(value)
              }
            },
            ch.handle,
            dead.handle,
          )
          await right(
            async ({ open, io, send, recv }, ch, dead) => {
              for (let i = 0; i < 100; i++)
                await io.select({ it: send(open(ch), i), off: null, dead: recv(open(dead)) })
              open(ch).close()
            },
            ch.handle,
            dead.handle,
          )
          expect(await receiving).toEqual(range(100))
          expectQuiet(dead)
        }
      })

      test('SEL-44 a Selector in each of two threads, over the same channels', async () => {
        const channels = [make(f64), make(f64, 3), make(f64)]
        const handles = channels.map((ch) => ch.handle)
        const receivers = [left, right].map((run) =>
          run(async ({ open, io, recv, Selector }, handles) => {
            const [a, b, quit] = handles.map(open)
            const selector = new Selector({ a: recv(a), b: recv(b), quit: recv(quit), off: null })
            const got: number[] = []
            for (let round = 0; ; round++) {
              // One of the two is off now and then; senders find the other thread, or the next round.
              if (round % 3 === 0) selector.disable('b')
              if (round % 3 === 1) selector.enable('b')
              try {
                const hit = await io.round(selector, round % 3 === 1 ? {} : { timeout: 2 })
                if (hit.case === 'quit') break
                got.push(hit.value)
              } catch (error) {
                if ((error as { code: string }).code !== 'ERR_TIMEOUT') throw error
              }
            }
            selector.dispose()
            return got
          }, handles),
        )
        const count = rounds(200)
        for (let i = 0; i < count; i++) await channels[i % 2]?.send(i)
        await until(() => channels[1]?.length === 0)
        channels[2]?.close()
        expect((await Promise.all(receivers)).flat().sort((a, b) => a - b)).toEqual(range(count))
        expectQuiet(channels[0] as Channel<number>)
      })
    })
  }

  describe(`${name}: select between threads`, () => {
    test('SEL-25 losers leave no trace: {c, c, d} here, c there', async () => {
      const [c, d] = [make(f64), make(f64)]
      for (const round of range(10)) {
        let parked = parkedSomething(arena)
        const selecting = elsewhere(
          'blocking',
          ({ open, io, recv }, c, d) => {
            const { case: key, value } = io.select({ first: recv(open(c)), second: recv(open(c)), d: recv(open(d)) })
            return [key, value]
          },
          c.handle,
          d.handle,
        )
        await parked()
        parked = parkedSomething(arena)
        const receiving = elsewhere('blocking', ({ open }, c) => open(c).receiveSync(), c.handle)
        await parked()
        await d.send(round)
        expect(await selecting).toEqual(['d', round])
        await c.send(100 + round)
        expect(await receiving).toBe(100 + round)
        expectQuiet(c, d)
      }
    })

    test('SEL-27 FIFO-19 memory stays flat: selects over a busy and a quiet channel', async () => {
      const [busy, quiet] = [make(f64, 1), make(f64)]
      const batch = (count: number): Promise<unknown> =>
        Promise.all([
          elsewhere(
            'blocking',
            ({ open, io, recv, Selector }, busy, quiet, count) => {
              const [a, b] = [open(busy), open(quiet)]
              const selector = new Selector({ a: recv(a), b: recv(b) })
              for (let i = 0; i < count; i++) {
                const { value } = i % 2 ? io.select({ a: recv(a), b: recv(b) }) : io.round(selector)
                if (value !== i) throw new Error(`got ${value} for ${i}`)
              }
              selector.dispose()
            },
            ...([busy.handle, quiet.handle, count] as const),
          ),
          elsewhere(
            'blocking',
            ({ open }, busy, count) => {
              for (let i = 0; i < count; i++) open(busy).sendSync(i)
            },
            ...([busy.handle, count] as const),
          ),
        ])
      await batch(rounds(3000))
      const before = arena.stats()
      await batch(rounds(3000))
      const after = arena.stats()
      expect(after.blocks).toEqual(before.blocks)
      expect(after.bytesReserved - before.bytesReserved).toBeLessThanOrEqual(65_536)
      expectQuiet(quiet)
    })

    test('SEL-47 other handles that come and go neither wake nor close', async () => {
      const [a, b] = [make(f64), make(f64)]
      const parked = parkedSomething(arena)
      const selecting = elsewhere(
        'blocking',
        ({ open, io, recv }, a, b) => io.select({ a: recv(open(a)), b: recv(open(b)) }).value,
        ...([a.handle, b.handle] as const),
      )
      await parked()
      for (const _ of range(5)) {
        await elsewhere('blocking', ({ open, gc }, a) => void [open(a).length, open(a).receiver.length, gc()], a.handle)
      }
      let settled = false
      void selecting.then(() => {
        settled = true
      })
      await sleep(50)
      expect(settled).toBe(false)
      expect(b.trySend(3)).toBe(true)
      expect(await selecting).toBe(3)
    })

    test('SEL-51 an abort races with a value from another thread: received, or still there', async () => {
      const outcomes = { received: 0, aborted: 0 }
      for (const round of range(rounds(60))) {
        const [ch, other] = [make(f64, 1), make(f64)]
        const stop = new AbortController()
        const sending = elsewhere(
          'blocking',
          ({ open, sleepSync }, handle, ms) => {
            sleepSync(ms)
            open(handle).sendSync(5)
          },
          ...([ch.handle, (round % 7) / 3] as const),
        )
        setTimeout(() => stop.abort('enough'), round % 4)
        const got = await select({ it: recv(ch), other: recv(other) }, { signal: stop.signal }).then(
          (hit) => hit.value,
          (reason) => reason,
        )
        await sending
        outcomes[got === 5 ? 'received' : 'aborted']++
        if (got !== 5) expect(got).toBe('enough')
        expect(ch.tryReceive()).toBe(got === 5 ? undefined : 5)
        expectQuiet(other)
      }
      expect(outcomes.aborted + outcomes.received).toBe(rounds(60))
    })

    test('dispose of one of its channels wakes a select with a StaleHandleError, and the others forget it', async () => {
      for (const style of ['blocking', 'async'] as const) {
        const [doomed, other] = [make(f64), make(f64)]
        const parked = parkedSomething(arena)
        const selecting = elsewhere(
          style,
          async ({ open, io, recv, send }, doomed, other) => {
            try {
              return await io.select({ a: recv(open(other)), b: recv(open(doomed)), c: send(open(other), 1) })
            } catch (error) {
              return (error as { code: string }).code
            }
          },
          ...([doomed.handle, other.handle] as const),
        )
        await parked()
        doomed.dispose()
        expect(await selecting).toBe('ERR_STALE_HANDLE')
        expectQuiet(other)
        expect(() => trySelect({ it: recv(doomed), b: recv(other) })).toThrow()
        expect((await rejection(Promise.resolve().then(() => select({ b: send(doomed, 1) })))).message).toBeTruthy()
      }
    })
  })
}
