// Batches that end early, and batches between many threads.

import { f64, i64, open, u32 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { buffered } from './conformance/subject.js'
import { rejection, thrown } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { elsewhere } from './support/threads.js'

const { make } = buffered()
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

describe('batches that end early', () => {
  test('the timeout of sendMany is for the whole batch, not for each value', async () => {
    const ch = make(f64, 1)
    const start = performance.now()
    const sending = rejection(ch.sendMany(range(1000), { timeout: 100 }))
    let taken = 0
    let failed = false
    void sending.then(() => {
      failed = true
    })
    while (!failed) {
      if (ch.tryReceive() !== undefined) taken++
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const error = await sending
    expect(performance.now() - start).toBeGreaterThanOrEqual(100)
    taken += [...ch.available()].length
    expect(error.code).toBe('ERR_TIMEOUT')
    expect(error.transferred).toBe(taken)
    expect(taken).toBeLessThan(1000)
  })

  test('an abort in the middle of sendMany rejects with the reason, which tells how many went through', async () => {
    for (const reason of [undefined, new Error('enough'), { why: 'enough' }]) {
      const ch = make(u32, 3)
      const stop = new AbortController()
      const sending = rejection(ch.sendMany(Uint32Array.from(range(10)), { signal: stop.signal }))
      expect(ch.tryReceive()).toBe(0)
      await new Promise((resolve) => setImmediate(resolve))
      stop.abort(reason)
      const error = await sending
      expect(error).toBe(stop.signal.reason)
      expect(error.transferred).toBe(4)
      expect([...ch.available()]).toEqual([1, 2, 3])
    }
  })

  test('reasons that cannot carry a count are passed on as they are', async () => {
    for (const reason of ['text', 0, null, Object.freeze({ why: 'frozen' })]) {
      const ch = make(u32, 1)
      const stop = new AbortController()
      const sending = ch.sendMany([1, 2], { signal: stop.signal })
      stop.abort(reason)
      expect(await rejection(sending)).toBe(reason)
      expect([...ch.available()]).toEqual([1])
    }
  })

  test('an aborted signal: nothing moves', async () => {
    const ch = make(f64, 4)
    const signal = AbortSignal.abort('no')
    expect(await rejection(ch.sendMany([1, 2], { signal }))).toBe('no')
    expect(await rejection(ch.receiveMany(new Float64Array(2), { signal }))).toBe('no')
    for (const call of [
      () => ch.sendManySync([1, 2], { signal }),
      () => ch.receiveManySync(new Float64Array(2), { signal }),
    ]) {
      expect(thrown(call)).toBe('no')
    }
    expect(ch.length).toBe(0)
    ch.trySend(1)
    expect(await rejection(ch.receiveMany(new Float64Array(2), { signal }))).toBe('no')
    expect(ch.length).toBe(1)
  })

  test('a receiveMany that timed out or was aborted has taken nothing', async () => {
    const ch = make(f64, 4)
    const into = new Float64Array(4).fill(-1)
    const stop = new AbortController()
    const aborted = rejection(ch.receiveMany(into, { signal: stop.signal }))
    const late = rejection(ch.receiveMany(into, { timeout: 10 }))
    stop.abort('stop')
    expect(await aborted).toBe('stop')
    expect((await late).code).toBe('ERR_TIMEOUT')
    expect(thrown(() => ch.receiveManySync(into, { timeout: 5 })).code).toBe('ERR_TIMEOUT')
    expect(thrown(() => ch.receiveManySync(into, { timeout: 0 })).code).toBe('ERR_TIMEOUT')
    ch.trySendMany([1, 2, 3])
    expect(ch.length).toBe(3)
    expect(Array.from(into)).toEqual([-1, -1, -1, -1])
    expect(ch.receiveManySync(into, { timeout: 0 })).toBe(3)
  })

  test('dispose in the middle of a batch ends it with StaleHandleError and its progress', async () => {
    const ch = make(i64, 2)
    const sending = rejection(ch.sendMany([1n, 2n, 3n, 4n]))
    await new Promise((resolve) => setImmediate(resolve))
    ch.dispose()
    const error = await sending
    expect(error.code).toBe('ERR_STALE_HANDLE')
    expect(error.transferred).toBe(2)
    const other = make(i64, 2)
    const receiving = rejection(other.receiveMany(new BigInt64Array(2)))
    other.dispose()
    expect((await receiving).code).toBe('ERR_STALE_HANDLE')
    for (const call of [
      () => other.trySendMany([1n]),
      () => other.tryReceiveMany(new BigInt64Array(1)),
      () => other.sendManySync([1n]),
    ]) {
      expect(thrown(call).code).toBe('ERR_STALE_HANDLE')
    }
  })

  test('a batch and single sends that wait are served in turn', async () => {
    const ch = make(f64, 1)
    ch.trySend(0)
    const batch = ch.sendMany([1, 2, 3])
    const single = ch.send(10)
    const got: number[] = []
    for (let i = 0; i < 5; i++) {
      got.push((await ch.receive()) as number)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(got.filter((v) => v < 10)).toEqual([0, 1, 2, 3])
    // The single send waited behind one value of the batch, not behind all.
    expect(got.indexOf(10)).toBe(2)
    await Promise.all([batch, single])
  })
})

describe('batches between many threads', () => {
  for (const codec of [f64, u32]) {
    for (const capacity of [3, 100]) {
      test(`${codec.name}, capacity ${capacity}: batches of random lengths, single values among them, nothing lost, doubled or overtaken`, async () => {
        const ch = make(codec, capacity)
        const count = rounds(10_000)
        const rng = random('batch threads')
        const receivers = range(3).map(() =>
          elsewhere(
            'blocking',
            ({ open, randomFrom }, handle, seed) => {
              const [ch, rng] = [open(handle), randomFrom(seed)]
              const into = new ch.codec.batch(300)
              const got: number[] = []
              for (;;) {
                if (rng.below(4) === 0) {
                  const v = ch.receiveSync()
                  if (v === undefined) return got
                  got.push(v)
                } else {
                  const n = ch.receiveManySync(into.subarray(0, 1 + rng.below(300)))
                  if (n === 0) return got
                  for (let i = 0; i < n; i++) got.push(into[i])
                }
              }
            },
            ch.handle,
            rng.below(2 ** 31),
          ),
        )
        await Promise.all(
          range(3).map((producer) =>
            elsewhere(
              'blocking',
              ({ open, randomFrom }, handle, producer, count, seed) => {
                const [ch, rng] = [open(handle), randomFrom(seed)]
                for (let at = 0; at < count; ) {
                  const n = Math.min(count - at, 1 + rng.below(300))
                  const values = Array.from({ length: n }, (_, i) => producer * 2 ** 24 + at + i)
                  if (rng.below(4) === 0) for (const v of values) ch.sendSync(v)
                  else ch.sendManySync(rng.below(2) ? values : ch.codec.batch.from(values))
                  at += n
                }
              },
              ch.handle,
              producer,
              count,
              rng.below(2 ** 31),
            ),
          ),
        )
        ch.close()
        const got = await Promise.all(receivers)
        const seen = range(3).map(() => new Uint8Array(count))
        for (const each of got) {
          const last = [-1, -1, -1]
          for (const v of each) {
            const [producer, i] = [v >>> 24, v & 0xffffff]
            if (i <= (last[producer] as number)) expect({ overtaken: v }).toBe('in order')
            last[producer] = i
            const counts = seen[producer] as Uint8Array
            counts[i] = (counts[i] as number) + 1
          }
        }
        for (const counts of seen) expect(counts.every((n) => n === 1)).toBe(true)
        expect(ch.length).toBe(0)
      })
    }
  }

  test('batches that wait on both sides, there and back', async () => {
    const [there, back] = [make(f64, 2), make(f64, 2)]
    const other = elsewhere(
      'blocking',
      ({ open }, there, back) => {
        const [input, output] = [open(there), open(back)]
        const into = new Float64Array(100)
        for (let n = input.receiveManySync(into); n > 0; n = input.receiveManySync(into))
          output.sendManySync(into.subarray(0, n))
        output.close()
      },
      there.handle,
      back.handle,
    )
    const sending = there.sendMany(range(1000)).then(() => there.close())
    const got: number[] = []
    const into = new Float64Array(64)
    for (let n = await back.receiveMany(into); n > 0; n = await back.receiveMany(into)) got.push(...into.subarray(0, n))
    expect(got).toEqual(range(1000))
    await Promise.all([sending, other])
  })

  test('a view of a channel sends and receives batches too', async () => {
    const ch = make(f64, 5)
    const [sender, receiver] = [open(ch.sender.handle), open(ch.receiver.handle)]
    expect(sender.trySendMany([1, 2])).toBe(2)
    expect(await sender.sendMany([3])).toBe(1)
    expect(sender.sendManySync([4, 5])).toBe(2)
    const into = new Float64Array(2)
    expect([receiver.tryReceiveMany(into), await receiver.receiveMany(into), receiver.receiveManySync(into)]).toEqual([
      2, 2, 1,
    ])
  })
})
