// Capacity 0: races of two threads over many small channels, memory order, and the end of a channel that others wait on.

import { type Channel, type Codec, channel, f64 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { parkedMeter, rejection } from '../support/probe.js'
import { rounds } from '../support/settings.js'
import { elsewhere, placements } from '../support/threads.js'
import type { SharedSelectSubject } from './subject.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function rendezvousRaces({ name, numbers, arena, make, gate }: SharedSelectSubject): void {
  const many = (count: number, codec: Codec<number>): Channel<number>[] =>
    range(count).map(() => channel(codec, { capacity: 0, arena }))

  describe(`${name}: races over capacity 0`, () => {
    for (const codec of numbers) {
      test(`FIFO-12 SEND-6 ${codec.name}: whoever is first by a hair, each pair meets`, async () => {
        for (let round = 0; round < rounds(3); round++) {
          const channels = many(400, codec)
          const [meeting, handles] = [gate(), channels.map((ch) => ch.handle)]
          const receiving = elsewhere(
            'blocking',
            ({ open, meet, randomFrom }, handles, meeting, seed) => {
              const [list, gate, rng] = [handles.map(open), open(meeting), randomFrom(seed)]
              return list.map((ch, i) => {
                meet(gate, 2, i + 1)
                for (let n = rng.below(2) * rng.below(2000); n > 0; n--) gate.load()
                return ch.receiveSync({ timeout: 10_000 })
              })
            },
            handles,
            meeting.handle,
            round,
          )
          await elsewhere(
            'blocking',
            ({ open, meet, randomFrom }, handles, meeting, seed) => {
              const [list, gate, rng] = [handles.map(open), open(meeting), randomFrom(seed)]
              for (const [i, ch] of list.entries()) {
                meet(gate, 2, i + 1)
                for (let n = rng.below(2) * rng.below(2000); n > 0; n--) gate.load()
                ch.sendSync(i, { timeout: 10_000 })
              }
            },
            handles,
            meeting.handle,
            round + 1000,
          )
          expect(await receiving).toEqual(range(channels.length))
          for (const ch of channels) ch.dispose()
        }
      })

      for (const side of ['receive', 'send'] as const) {
        test(`CLOSE-15 CLOSE-16 ${codec.name}: who is about to wait to ${side} while another closes is woken`, async () => {
          for (let round = 0; round < rounds(2); round++) {
            const channels = many(400, codec)
            const [meeting, handles] = [gate(), channels.map((ch) => ch.handle)]
            const waiting = elsewhere(
              'blocking',
              ({ open, meet }, handles, meeting, side) => {
                const [list, gate] = [handles.map(open), open(meeting)]
                return list.map((ch, i) => {
                  meet(gate, 2, i + 1)
                  try {
                    if (side === 'send') ch.sendSync(i, { timeout: 10_000 })
                    else return ch.nextSync({ timeout: 10_000 }).done
                    return 'sent'
                  } catch (error) {
                    return (error as Error).message
                  }
                })
              },
              handles,
              meeting.handle,
              side,
            )
            await elsewhere(
              'blocking',
              ({ open, meet, randomFrom }, handles, meeting, seed) => {
                const [list, gate, rng] = [handles.map(open), open(meeting), randomFrom(seed)]
                for (const [i, ch] of list.entries()) {
                  meet(gate, 2, i + 1)
                  for (let n = rng.below(2) * rng.below(20_000); n > 0; n--) gate.load()
                  ch.close()
                }
              },
              handles,
              meeting.handle,
              round,
            )
            expect(await waiting).toEqual(range(400).map(() => (side === 'send' ? 'send on closed channel' : true)))
            for (const ch of channels) ch.dispose()
          }
        })
      }

      test(`SEND-10 SEND-11 ${codec.name}: a timeout that races with the other side: both agree whether they have met`, async () => {
        const channels = many(300, codec)
        const [meeting, handles] = [gate(), channels.map((ch) => ch.handle)]
        const [sent, received] = await Promise.all(
          (['send', 'receive'] as const).map((side, seed) =>
            elsewhere(
              'blocking',
              ({ open, meet, randomFrom }, handles, meeting, side, seed) => {
                const [list, gate, rng] = [handles.map(open), open(meeting), randomFrom(seed)]
                return list.map((ch, i) => {
                  meet(gate, 2, i + 1)
                  const timeout = rng.below(8) / 20
                  try {
                    if (side === 'receive') return ch.receiveSync({ timeout }) === i
                    ch.sendSync(i, { timeout })
                    return true
                  } catch (error) {
                    if ((error as { code: string }).code !== 'ERR_TIMEOUT') throw error
                    return false
                  }
                })
              },
              handles,
              meeting.handle,
              side,
              seed,
            ),
          ),
        )
        expect(sent).toEqual(received)
        for (const ch of channels) ch.dispose()
      })

      test(`MEM-2 ${codec.name}: what a receiver wrote before it received is there when the send returns`, async () => {
        const ch = make(codec)
        const count = rounds(8000)
        const data = new SharedArrayBuffer(64 * count)
        const receiving = elsewhere(
          'blocking',
          ({ open }, handle, data, count) => {
            const [ch, words] = [open(handle), new Int32Array(data)]
            for (let i = 0; i < count; i++) {
              words[i * 16] = i + 1
              words[i * 16 + 15] = -i
              if (ch.receiveSync() !== i) return 'wrong value'
            }
            return 'all'
          },
          ch.handle,
          data,
          count,
        )
        const bad = await elsewhere(
          'blocking',
          ({ open }, handle, data, count) => {
            const [ch, words] = [open(handle), new Int32Array(data)]
            let bad = 0
            for (let i = 0; i < count; i++) {
              ch.sendSync(i)
              if (words[i * 16] !== i + 1 || words[i * 16 + 15] !== -i) bad++
            }
            return bad
          },
          ch.handle,
          data,
          count,
        )
        expect([bad, await receiving]).toEqual([0, 'all'])
      })
    }

    for (const { name, left, right } of placements) {
      test(`dispose wakes those who wait on it with a StaleHandleError (${name})`, async () => {
        for (const form of ['send', 'receive'] as const) {
          const ch = channel(f64, { capacity: 0, arena })
          const parked = parkedMeter(arena)
          const waiting = [left, right].map((run) =>
            run(
              async ({ open, io }, handle, form) => {
                try {
                  await (form === 'send' ? io.send(open(handle), 1) : io.receive(open(handle)))
                  return 'done'
                } catch (error) {
                  return (error as { code: string }).code
                }
              },
              ch.handle,
              form,
            ),
          )
          await parked(2)
          ch.dispose()
          expect(await Promise.all(waiting)).toEqual(['ERR_STALE_HANDLE', 'ERR_STALE_HANDLE'])
          expect((await rejection(ch.send(1))).code).toBe('ERR_STALE_HANDLE')
        }
      })
    }
  })
}
