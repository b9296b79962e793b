// Behaviours of messages, and of memory order with locks, that the list names and no suite has by name.

import {
  Arena,
  bytes,
  type Channel,
  channel,
  type Handle,
  handle,
  Mutex,
  Once,
  open,
  RWMutex,
  Semaphore,
  u32,
  WaitGroup,
} from 'millrace'
import { afterEach, describe, expect, test } from 'vitest'
import { rounds } from './support/settings.js'
import { elsewhere, endThreads, placements, type Tools } from './support/threads.js'

afterEach(endThreads)
const arena = new Arena({ size: 2 ** 22 })

describe.each(placements)('$name', ({ left, right }) => {
  test('CHAN-13 a channel travels through a channel, and is used on arrival', async () => {
    const inner = channel(u32, { capacity: 2, arena })
    const outer = channel(handle<Channel<number>>(), { arena })
    const sent = left(
      ({ open, io }: Tools, outer, inner) => io.send(open(outer), open(inner)),
      outer.handle,
      inner.handle,
    )
    const used = right(async ({ open, io }: Tools, outer) => {
      const got = await io.receive(open(outer))
      await io.send(got, 41)
      return got.capacity
    }, outer.handle)
    await sent
    expect(await used).toBe(2)
    expect(inner.tryReceive()).toBe(41)
    // CLOSE-19: the outer one's end is not the inner one's.
    outer.close()
    expect(inner.closed).toBe(false)
    expect(inner.trySend(1)).toBe(true)
    outer.dispose()
    inner.dispose()
  })

  test('SEND-9 a large value arrives whole', async () => {
    const ch = channel(bytes, { capacity: 1, arena })
    const sent = left(
      ({ open, io }: Tools, ch) =>
        io.send(
          open(ch),
          Uint8Array.from({ length: 32_768 }, (_, i) => i * 7),
        ),
      ch.handle,
    )
    const whole = right(async ({ open, io }: Tools, ch) => {
      const got: Uint8Array = await io.receive(open(ch))
      return got.length === 32_768 && got.every((byte, i) => byte === ((i * 7) & 255))
    }, ch.handle)
    await sent
    expect(await whole).toBe(true)
    ch.dispose()
  })
})

test('CLOSE-19 closing a channel of channels leaves those in it open', () => {
  const inner = channel(u32, { capacity: 1, arena })
  const outer = channel(handle<Channel<number>>(), { capacity: 1, arena })
  outer.trySend(inner)
  outer.close()
  expect(outer.tryReceive()?.closed).toBe(false)
  expect(inner.trySend(5)).toBe(true)
  outer.dispose()
  inner.dispose()
})

describe('MEM-5 what was written before is seen after', () => {
  test('unlock before the next lock, runlock before the next lock, release before the next acquire', async () => {
    const locks = [new Mutex({ arena }), new RWMutex({ arena }), new Semaphore(1, { arena })]
    for (const lock of locks) {
      const words = new SharedArrayBuffer(8 * 64)
      const job = ({ open, io }: Tools, handle: unknown, words: SharedArrayBuffer, loops: number) => {
        const lock = open(handle)
        const shared = new Float64Array(words)
        const semaphore = 'acquire' in lock
        for (let i = 0; i < loops; i++) {
          if (semaphore) io.call(lock, 'acquire')
          else io.call(lock, 'lock')
          // Plain words that only the holder touches: all of them say the same.
          for (let k = 1; k < shared.length; k++) if (shared[k] !== shared[0]) return `word ${k} is behind`
          for (let k = 0; k < shared.length; k++) shared[k] = (shared[k] as number) + 1
          if (semaphore) lock.release()
          else lock.unlock()
        }
        return 'good'
      }
      const loops = rounds(3000)
      const runs = [0, 1].map(() => elsewhere('blocking', job, lock.handle, words, loops))
      expect(await Promise.all(runs)).toEqual(['good', 'good'])
      expect(new Float64Array(words)[63]).toBe(2 * loops)
      lock.dispose()
    }
  })

  test('done before wait returns, the run of a Once before any do returns', async () => {
    for (let i = 0; i < rounds(30); i++) {
      const group = new WaitGroup({ arena })
      const once = new Once({ arena })
      const words = new SharedArrayBuffer(16)
      group.add(2)
      const jobs = [0, 1].map((k) =>
        elsewhere(
          'blocking',
          ({ open }: Tools, group, once, words, k) => {
            const shared = new Int32Array(words)
            open(once).doSync(() => {
              shared[2] = 7
            })
            const seen = shared[2]
            shared[k] = 1
            open(group).done()
            return seen
          },
          group.handle,
          once.handle,
          words,
          k,
        ),
      )
      await group.wait()
      expect([...new Int32Array(words)].slice(0, 2)).toEqual([1, 1])
      expect(await Promise.all(jobs)).toEqual([7, 7])
      group.dispose()
      once.dispose()
    }
  })
})

test('handles of all of them open', () => {
  for (const made of [new Mutex({ arena }), new RWMutex({ arena }), new WaitGroup({ arena }), new Once({ arena })]) {
    expect(open(made.handle as Handle<unknown>)).toBeInstanceOf(made.constructor)
    made.dispose()
  }
})
