// Two tasks of one event loop at the two ends of small pipes: they complete each other from within their own calls. Timeouts and aborts at any
// moment; every record once, in order.

import { Arena, type Pipe, pipe } from 'millrace'
import { afterAll, expect, test } from 'vitest'
import { macrotask } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'

const arena = new Arena({ size: 2 ** 20 })
const RECORDS = 200
type Random = ReturnType<typeof random>

afterAll(() => {
  expect(arena.stats().blocks).toEqual({})
})

function record(p: Pipe, value: number): Uint8Array {
  return new Uint8Array(Math.min(p.maxRecord, 1 + (value % 9))).fill(value)
}

function limits(rng: Random): { timeout?: number; signal?: AbortSignal } | undefined {
  if (rng.below(4) === 0) return { timeout: rng.below(3) }
  return rng.below(6) === 0 ? { signal: AbortSignal.timeout(rng.below(3)) } : undefined
}

const pause = (rng: Random): Promise<void> => (rng.below(2) ? macrotask() : Promise.resolve())

/** How many records an operation has moved that was ended by its limits: `transferred`, if it says. */
function moved(error: unknown): number {
  if ((error as Error).name !== 'TimeoutError') throw error
  return (error as { transferred?: number }).transferred ?? 0
}

async function write(p: Pipe, rng: Random): Promise<void> {
  for (let next = 0; next < RECORDS; ) {
    try {
      switch (rng.below(5)) {
        case 0:
          await p.write(record(p, next), limits(rng))
          next++
          break
        case 1: {
          const room = await p.reserve(p.maxRecord, limits(rng))
          const bytes = record(p, next)
          room.bytes.set(bytes)
          if (rng.below(3) === 0) await macrotask()
          if (rng.below(4) === 0) room.abort()
          else {
            if (rng.below(2)) room.commit(bytes.length)
            else room.stage(bytes.length)
            next++
          }
          break
        }
        case 2: {
          const count = Math.min(RECORDS - next, 1 + rng.below(9))
          next += await p.writeMany(
            Array.from({ length: count }, (_, i) => record(p, next + i)),
            limits(rng),
          )
          break
        }
        case 3:
          if (p.tryWrite(record(p, next))) next++
          break
        default:
          await pause(rng)
      }
    } catch (error) {
      next += moved(error)
    }
  }
  p.close()
}

async function read(p: Pipe, rng: Random): Promise<number> {
  let expected = 0
  const check = (bytes: Uint8Array): void => {
    if (Buffer.compare(bytes, record(p, expected)) !== 0) throw new Error(`${bytes[0]} instead of record ${expected}`)
    expected++
  }
  for (;;) {
    try {
      switch (rng.below(5)) {
        case 0: {
          const bytes = await p.read(limits(rng))
          if (bytes === undefined) return expected
          check(bytes)
          break
        }
        case 1: {
          const view = await p.readView(limits(rng))
          if (view === undefined) return expected
          check(view.bytes)
          if (rng.below(3) === 0) await macrotask()
          view.release()
          break
        }
        case 2: {
          const batch = await p.readMany(1 + rng.below(6), limits(rng))
          if (batch.length === 0) return expected
          batch.forEach(check)
          break
        }
        case 3:
          p.tryDrain(check, rng.below(4))
          break
        default:
          await pause(rng)
      }
    } catch (error) {
      moved(error)
    }
  }
}

test('every record once, in order, whatever is given up on the way', async () => {
  const rng = random('pipe loop')
  for (let round = 0; round < rounds(300); round++) {
    const p = pipe({ capacity: 32 + 8 * rng.below(20), arena })
    const [, count] = await Promise.all([write(p, random(`w${round}`)), read(p, random(`r${round}`))])
    expect(count).toBe(RECORDS)
    p.dispose()
  }
})
