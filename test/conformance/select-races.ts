// SEL: races. That a try sees one moment (SEL-12, SEL-13), that who is about to wait is woken, that a timeout is exact. Two threads go
// through a list of small channels side by side and meet before each.

import { type Channel, channel, f64 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { random } from '../support/random.js'
import { rounds } from '../support/settings.js'
import { elsewhere, type Tools } from '../support/threads.js'
import type { SharedSelectSubject } from './subject.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const PER_ROUND = 400

/** What one side does at each pair of channels. Runs in another thread as its text. */
type Step = (tools: Tools, a: Channel<number>, b: Channel<number>, i: number, spin: (most: number) => void) => unknown

const trying: Step = ({ trySelect, recv }, a, b) => trySelect({ a: recv(a), b: recv(b) })?.case ?? 'nothing'

export function selectRaces({ name, arena, gate }: SharedSelectSubject): void {
  const many = (capacity: number): Channel<number>[] => range(PER_ROUND).map(() => channel(f64, { capacity, arena }))

  /** Runs both sides over many pairs of channels. `prepare` sees each pair before. */
  async function race(
    who: string,
    capacities: [number, number],
    prepare: (a: Channel<number>, b: Channel<number>) => void,
    sides: Step[],
  ): Promise<unknown[][]> {
    const [as, bs] = [many(capacities[0]), many(capacities[1])]
    for (const i of range(PER_ROUND)) prepare(as[i] as Channel<number>, bs[i] as Channel<number>)
    const meeting = gate()
    const handles = [as, bs].map((list) => list.map((ch) => ch.handle))
    const results = await Promise.all(
      sides.map((step) =>
        elsewhere(
          'blocking',
          (tools, handles, meeting, source, seed, parties) => {
            const { open, meet, randomFrom } = tools
            const [as, bs] = handles.map((list) => list.map(open)) as [Channel<number>[], Channel<number>[]]
            const [gate, rng] = [open(meeting), randomFrom(seed)]
            const step: Step = new Function(`return (${source})`)()
            const spin = (most: number): void => {
              for (let n = rng.below(2) * rng.below(most); n > 0; n--) gate.load()
            }
            return as.map((a, i) => {
              meet(gate, parties, i + 1)
              return step(tools, a, bs[i] as Channel<number>, i, spin)
            })
          },
          handles,
          meeting.handle,
          step.toString(),
          random(who + step.toString()).below(2 ** 31),
          sides.length,
        ),
      ),
    )
    for (const ch of [...as, ...bs]) ch.dispose()
    return results as unknown[][]
  }

  describe(`${name}: select, races`, () => {
    for (const capacity of [0, 1]) {
      test(`SEL-12 a try never fails while always one of two is ready (second by ${capacity ? 'a send' : 'a sender'})`, async () => {
        for (let round = 0; round < rounds(3); round++) {
          const sides: Step[] = [
            trying,
            capacity === 1
              ? (_, a, b, i, spin) => {
                  spin(200)
                  b.trySend(i)
                  return a.tryNext() ? 'drained' : 'empty'
                }
              : (_, a, b, i, spin) => {
                  spin(200)
                  // Ready from the time when it waits: that is before anybody can have received.
                  try {
                    b.sendSync(i, { timeout: 0.5 })
                    return 'sent'
                  } catch {
                    return a.tryNext() ? 'drained' : 'empty'
                  }
                },
          ]
          const [tried, other] = await race(`sel12 ${round}`, [1, capacity], (a) => a.trySend(1), sides)
          if (capacity === 1) expect(tried).not.toContain('nothing')
          // A sender that waited in vain has left before it drained the first one: then a try in between may find nothing ready.
          else for (const [i, what] of (other as string[]).entries()) if (what === 'sent') expect(tried?.[i]).toBe('b')
        }
      })
    }

    test('SEL-12 the same where a send becomes ready before the receive ceases to be', async () => {
      for (let round = 0; round < rounds(3); round++) {
        const sides: Step[] = [
          ({ trySelect, recv, send }, a, b) => trySelect({ a: recv(a), b: send(b, 5) })?.case ?? 'nothing',
          (_, a, b, _i, spin) => {
            spin(200)
            b.tryReceive()
            a.tryReceive()
          },
        ]
        const [tried] = await race(
          `send ${round}`,
          [1, 1],
          (a, b) => {
            a.trySend(1)
            b.trySend(1)
          },
          sides,
        )
        expect(tried).not.toContain('nothing')
      }
    })

    test('SEL-13 the same where the second becomes ready by close, with capacity 0', async () => {
      for (let round = 0; round < rounds(3); round++) {
        const closing: Step = (_, a, b, _i, spin) => {
          spin(200)
          b.close()
          a.tryNext()
        }
        const [tried] = await race(`sel13 ${round}`, [1, 0], (a) => a.trySend(1), [trying, closing])
        expect(tried).not.toContain('nothing')
      }
    })

    test('SEL-12 SEL-39 a select with timeout 0 takes the same snapshot', async () => {
      const sides: Step[] = [
        ({ io, recv }, a, b) => {
          try {
            return io.select({ a: recv(a), b: recv(b) }, { timeout: 0 }).case
          } catch (error) {
            return (error as { code: string }).code
          }
        },
        (_, a, b, i, spin) => {
          spin(200)
          b.trySend(i)
          a.tryNext()
        },
      ]
      for (let round = 0; round < rounds(2); round++) {
        const [tried] = await race(`timeout 0 ${round}`, [1, 1], (a) => a.trySend(1), sides)
        expect(tried).not.toContain('ERR_TIMEOUT')
      }
    })

    const comers: Record<string, Step> = {
      send: (_, a, b, i, spin) => {
        spin(20_000)
        ;(i % 2 ? a : b).sendSync(i, { timeout: 10_000 })
        return i % 2 ? 'a' : 'b'
      },
      close: (_, _a, b, _i, spin) => {
        spin(20_000)
        b.close()
        return 'b'
      },
      receive: (_, a, _b, i, spin) => {
        spin(20_000)
        return a.receiveSync({ timeout: 10_000 }) === 100 + i ? 'out' : 'wrong'
      },
    }
    for (const [how, comer] of Object.entries(comers)) {
      test(`SEL-6 SEL-10 who is about to wait in a select while the other side comes is woken (${how})`, async () => {
        const selecting: Step = ({ io, recv, send }, a, b, i) =>
          io.select({ a: recv(a), b: recv(b), out: send(a, 100 + i) }, { timeout: 10_000 }).case
        for (let round = 0; round < rounds(2); round++) {
          const [selected, other] = await race(`${how} ${round}`, [0, 0], () => {}, [selecting, comer])
          expect(selected).toEqual(other)
        }
      })
    }

    test('SEL-41 a timeout that races with the other side: both agree whether they have met', async () => {
      const sides: Step[] = [
        ({ io, recv, send }, a, b, i, spin) => {
          spin(3000)
          try {
            return io.select({ quiet: recv(b), it: send(a, i) }, { timeout: (i % 8) / 20 }).case
          } catch (error) {
            return (error as { code: string }).code
          }
        },
        ({ io, recv }, a, b, i, spin) => {
          spin(3000)
          try {
            const hit = io.select({ it: recv(a), quiet: recv(b) }, { timeout: (i % 7) / 20 })
            return hit.value === i ? hit.case : hit.value
          } catch (error) {
            return (error as { code: string }).code
          }
        },
      ]
      for (let round = 0; round < rounds(2); round++) {
        const [sent, received] = await race(`meet ${round}`, [0, 0], () => {}, sides)
        for (const outcome of sent as string[]) expect(['it', 'ERR_TIMEOUT']).toContain(outcome)
        expect(sent).toEqual(received)
      }
    })

    test('SEL-15 SEL-17 SEL-50 two selects that send and receive over two channels, in opposite orders', async () => {
      const sides: Step[] = [
        ({ io, recv, send }, a, b, i, spin) => {
          spin(2000)
          const hit = io.select({ in: recv(a), out: send(b, i) }, { timeout: 10_000 })
          return hit.case === 'out' || hit.value === i ? hit.case : hit.value
        },
        ({ io, recv, send }, a, b, i, spin) => {
          spin(2000)
          const hit = io.select({ in: recv(b), out: send(a, i) }, { timeout: 10_000 })
          return hit.case === 'out' || hit.value === i ? hit.case : hit.value
        },
      ]
      for (let round = 0; round < rounds(2); round++) {
        const [x, y] = await race(`opposite ${round}`, [0, 0], () => {}, sides)
        for (const i of range(PER_ROUND)) expect([x?.[i], y?.[i]].sort()).toEqual(['in', 'out'])
      }
    })
  })
}
