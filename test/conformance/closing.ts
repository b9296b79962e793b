// CLOSE: what close does to values, to those who wait, and to those who come later.

import { type Channel, ClosedError, type Codec, channel, f64, MillraceError } from 'millrace'
import { describe, expect, test } from 'vitest'
import { parkedMeter, rejection, thrown } from '../support/probe.js'
import { rounds } from '../support/settings.js'
import { elsewhere, here, placements } from '../support/threads.js'
import type { Subject } from './subject.js'

const END = { value: undefined, done: true }
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function closing({ name, capacities, arena, kits, numbers, make, gate }: Subject): void {
  const many = (count: number, codec: Codec<number>): Channel<number>[] =>
    range(count).map(() => channel(codec, { capacity: 1, arena }))

  describe(`${name}: close`, () => {
    for (const { codec, value, name, batch, into, none } of kits) {
      test(`CLOSE-1 CLOSE-4 ${name}: receiving from a closed, empty channel ends at once, any number of times`, async () => {
        for (const capacity of capacities) {
          const ch = make(codec as typeof f64, capacity)
          ch.close()
          for (let i = 0; i < 10; i++) {
            expect(await ch.receive()).toBe(undefined)
            expect(ch.receiveSync()).toBe(undefined)
            expect(ch.tryReceive()).toBe(undefined)
            expect(await ch.next()).toEqual(END)
            expect(ch.nextSync()).toEqual(END)
            // "Closed", not "empty".
            expect(ch.tryNext()).toEqual(END)
            expect(await ch.receiveMany(into(1) as never)).toEqual(none)
            expect(ch.receiveManySync(into(1) as never)).toEqual(none)
            expect(ch.tryReceiveMany(into(1) as never)).toEqual(none)
          }
        }
      })

      test(`CLOSE-2 CLOSE-3 ${name}: what was sent before the close arrives, in order, by every form`, async () => {
        for (const capacity of capacities) {
          for (const form of ['receive', 'receiveSync', 'tryReceive', 'next', 'nextSync', 'tryNext'] as const) {
            const ch = make(codec as typeof f64, capacity)
            for (let i = 0; i < capacity; i++) ch.trySend(value(i) as number)
            ch.close()
            for (let i = 0; i < capacity; i++) {
              const got = await ch[form]()
              expect(got).toEqual(
                form.startsWith('next') || form === 'tryNext' ? { value: value(i), done: false } : value(i),
              )
            }
            expect(await ch.next()).toEqual(END)
            ch.dispose()
          }
        }
      })

      test(`CLOSE-5 CLOSE-6 ${name}: sending on a closed channel throws, whatever the form, and discards the value`, async () => {
        for (const filled of [false, true]) {
          const ch = make(codec as typeof f64, 2)
          if (filled) for (let i = 0; i < 2; i++) ch.trySend(value(0) as number)
          ch.close()
          const v = value(1) as number
          const typed = batch([v] as never) as never
          for (const error of [
            thrown(() => ch.trySend(v)),
            thrown(() => ch.sendSync(v)),
            thrown(() => ch.sendSync(v, { timeout: 5 })),
            thrown(() => ch.trySendMany([v])),
            thrown(() => ch.trySendMany(typed)),
            thrown(() => ch.sendManySync([v])),
            await rejection(ch.send(v)),
            await rejection(ch.send(v, { timeout: 0 })),
            await rejection(ch.sendMany([v])),
            await rejection(ch.sendMany(typed)),
            thrown(() => ch.sender.trySend(v)),
          ]) {
            expect(error).toBeInstanceOf(ClosedError)
            expect(error.message).toBe('send on closed channel')
            expect(error.code).toBe('ERR_CLOSED')
          }
          if (filled) expect([...ch.available()]).toEqual([value(0), value(0)])
          expect(ch.tryNext()).toEqual(END)
        }
      })

      test(`CLOSE-7 ${name}: closing twice throws`, () => {
        const ch = make(codec as typeof f64, 2)
        ch.trySend(value(0) as number)
        ch.close()
        for (const close of [() => ch.close(), () => ch.sender.close()]) {
          const error = thrown(close)
          expect(error).toBeInstanceOf(ClosedError)
          expect(error.message).toBe('close of closed channel')
        }
        expect(ch.length).toBe(1)
      })
    }

    test('CLOSE-9 misuse is a class of error that a caller can catch; others go on', async () => {
      const ch = make(f64, 2)
      ch.trySend(1)
      ch.close()
      const errors = [thrown(() => ch.close()), thrown(() => ch.trySend(1)), await rejection(ch.send(1))]
      for (const error of errors) {
        expect(error).toBeInstanceOf(MillraceError)
        expect(error).toBeInstanceOf(Error)
        expect(error.name).toBe('ClosedError')
        expect(error.stack).toContain('closing')
      }
      expect(new Set(errors).size).toBe(3)
      // In another thread too.
      const caught = await elsewhere(
        'blocking',
        ({ open, millrace }, handle) => {
          try {
            open(handle).close()
            return 'closed'
          } catch (error) {
            return [error instanceof millrace.ClosedError, (error as { code: string }).code]
          }
        },
        ch.handle,
      )
      expect(caught).toEqual([true, 'ERR_CLOSED'])
      expect(await ch.receive()).toBe(1)
    })

    for (const codec of numbers) {
      for (const { name, left } of placements) {
        test(`CLOSE-10 ${codec.name}: close wakes every waiting receiver (${name})`, async () => {
          for (const capacity of capacities) {
            for (const count of capacity <= 1 ? [1, 4] : [2]) {
              const ch = make(codec, capacity)
              const parked = parkedMeter(arena)
              const receivers = range(count).map(() => left(({ open, io }, handle) => io.next(open(handle)), ch.handle))
              await parked(count)
              ch.close()
              expect(await Promise.all(receivers)).toEqual(range(count).map(() => END))
            }
          }
        })

        test(`CLOSE-11 ${codec.name}: close fails every waiting sender, and what they had to send is gone (${name})`, async () => {
          for (const capacity of [0, 1, 3]) {
            const ch = make(codec, capacity)
            for (let i = 0; i < capacity; i++) ch.trySend(i)
            const parked = parkedMeter(arena)
            const senders = range(3).map((i) =>
              left(
                async ({ open, io }, handle, value) => {
                  try {
                    await io.send(open(handle), value)
                    return 'sent'
                  } catch (error) {
                    return (error as Error).message
                  }
                },
                ch.handle,
                100 + i,
              ),
            )
            await parked(3)
            ch.close()
            expect(await Promise.all(senders)).toEqual(Array(3).fill('send on closed channel'))
            expect([...ch.available()]).toEqual(range(capacity))
            expect(ch.tryNext()).toEqual(END)
          }
        })
      }
    }

    test('CLOSE-10 close wakes ten receivers of one thread', async () => {
      const ch = make(f64, 1)
      const receivers = range(10).map((i) => (i % 2 === 0 ? ch.receive() : ch.next()))
      ch.close()
      expect(await Promise.all(receivers)).toEqual(range(10).map((i) => (i % 2 === 0 ? undefined : END)))
    })

    for (const codec of numbers) {
      test(`CLOSE-12 ${codec.name}: close discards nothing while others receive`, async () => {
        for (let round = 0; round < rounds(40); round++) {
          const ch = make(codec, 64)
          for (let i = 0; i < 64; i++) ch.trySend(i)
          const receivers = range(2).map(() =>
            elsewhere(
              'blocking',
              ({ open }, handle) => {
                const got: number[] = []
                for (const v of open(handle).sync()) got.push(v)
                return got
              },
              ch.handle,
            ),
          )
          if (round % 2 === 0) await Promise.resolve()
          ch.close()
          const got = [...ch.available()]
          for (const each of await Promise.all(receivers)) got.push(...each)
          expect(got.sort((a, b) => a - b)).toEqual(range(64))
        }
      })
    }

    // Races of two threads over many small channels: both go through the list side by side, meeting before each.
    for (const codec of numbers) {
      test(`CLOSE-13 ${codec.name}: a value in the channel is found by a non-blocking receive, whatever close does`, async () => {
        for (let round = 0; round < rounds(2); round++) {
          const channels = many(500, codec)
          for (const ch of channels) ch.trySend(1)
          const meeting = gate()
          const handles = channels.map((ch) => ch.handle)
          const receiving = elsewhere(
            'blocking',
            ({ open, meet }, handles, meeting) => {
              const [list, gate] = [handles.map(open), open(meeting)]
              const taken: string[] = []
              for (const [i, ch] of list.entries()) {
                meet(gate, 2, i + 1)
                const next = ch.tryNext()
                taken.push(next === undefined ? 'empty' : next.done ? 'done' : 'value')
              }
              return taken
            },
            handles,
            meeting.handle,
          )
          const closing = elsewhere(
            'blocking',
            ({ open, meet }, handles, meeting) => {
              const [list, gate] = [handles.map(open), open(meeting)]
              const taken: string[] = []
              for (const [i, ch] of list.entries()) {
                meet(gate, 2, i + 1)
                ch.close()
                taken.push(ch.nextSync().done ? 'done' : 'value')
              }
              return taken
            },
            handles,
            meeting.handle,
          )
          const [there, here] = await Promise.all([receiving, closing])
          for (const i of range(channels.length)) expect([there[i], here[i]].sort()).toEqual(['done', 'value'])
          for (const ch of channels) ch.dispose()
        }
      })

      test(`CLOSE-15 ${codec.name}: a receiver that is about to wait while another closes is woken`, async () => {
        for (let round = 0; round < rounds(4); round++) {
          const channels = many(500, codec)
          const meeting = gate()
          const handles = channels.map((ch) => ch.handle)
          const receiving = elsewhere(
            'blocking',
            ({ open, meet }, handles, meeting) => {
              const [list, gate] = [handles.map(open), open(meeting)]
              const wrong: unknown[] = []
              for (const [i, ch] of list.entries()) {
                meet(gate, 2, i + 1)
                const next = ch.nextSync({ timeout: 10_000 })
                if (!next.done) wrong.push([i, next.value, ch.closed, ch.length])
              }
              return wrong
            },
            handles,
            meeting.handle,
          )
          await elsewhere(
            'blocking',
            ({ open, meet, randomFrom }, handles, meeting, seed) => {
              const [list, gate] = [handles.map(open), open(meeting)]
              const random = randomFrom(seed)
              for (const [i, ch] of list.entries()) {
                meet(gate, 2, i + 1)
                // From "at once" to "when the other has long gone to sleep".
                for (let n = random.below(2) * random.below(60_000); n > 0; n--) gate.load()
                ch.close()
              }
            },
            handles,
            meeting.handle,
            round,
          )
          expect(await receiving).toEqual([])
          for (const ch of channels) ch.dispose()
        }
      })

      test(`CLOSE-16 ${codec.name}: a send that races with close is either received or has thrown`, async () => {
        for (let round = 0; round < rounds(4); round++) {
          const channels = many(500, codec)
          const meeting = gate()
          const handles = channels.map((ch) => ch.handle)
          const sending = elsewhere(
            'blocking',
            ({ open, meet }, handles, meeting, blocking) => {
              const [list, gate] = [handles.map(open), open(meeting)]
              return list.map((ch, i) => {
                meet(gate, 2, i + 1)
                try {
                  if (blocking) ch.sendSync(i)
                  else if (!ch.trySend(i)) return 'full'
                  return 'sent'
                } catch (error) {
                  return (error as Error).message
                }
              })
            },
            handles,
            meeting.handle,
            round % 2 === 0,
          )
          await elsewhere(
            'blocking',
            ({ open, meet }, handles, meeting) => {
              const [list, gate] = [handles.map(open), open(meeting)]
              for (const [i, ch] of list.entries()) {
                meet(gate, 2, i + 1)
                ch.close()
              }
            },
            handles,
            meeting.handle,
          )
          for (const [i, outcome] of (await sending).entries()) {
            const ch = channels[i] as Channel<number>
            expect(['sent', 'send on closed channel']).toContain(outcome)
            expect([...ch.available()]).toEqual(outcome === 'sent' ? [i] : [])
            expect(ch.tryNext()).toEqual(END)
            ch.dispose()
          }
        }
      })
    }

    for (const { name, left, right } of placements) {
      test(`CLOSE-17 a close in one thread is seen by the next receive in another (${name})`, async () => {
        for (let round = 0; round < 5; round++) {
          const ch = make(f64, round % 2)
          await left(({ open }, handle) => open(handle).close(), ch.handle)
          expect(await right(({ open, io }, handle) => io.next(open(handle)), ch.handle)).toEqual(END)
          expect(await right(({ open }, handle) => open(handle).tryNext(), ch.handle)).toEqual(END)
          expect(await right(({ open }, handle) => open(handle).closed, ch.handle)).toBe(true)
        }
      })
    }

    test('CLOSE-18 closed is not drained', async () => {
      const ch = make(f64, 2)
      expect([ch.closed, ch.sender.closed, ch.receiver.closed]).toEqual([false, false, false])
      ch.trySend(1)
      ch.close()
      expect([ch.closed, ch.sender.closed, ch.receiver.closed]).toEqual([true, true, true])
      expect(ch.length).toBe(1)
      expect(await ch.receive()).toBe(1)
      expect(ch.closed).toBe(true)
    })

    test('CLOSE-20 a loop that waits ends when another task closes', async () => {
      const ch = make(f64, 1)
      const looping = here(
        'async',
        async ({ open }, handle) => {
          let n = 0
          for await (const _ of open(handle)) n++
          return n
        },
        ch.handle,
      )
      await ch.send(1)
      await ch.send(2)
      ch.close()
      expect(await looping).toBe(2)
    })
  })
}
