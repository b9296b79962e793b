// sendMany, receiveMany and their kin: what one call moves, in which order, and what is left when it cannot go on.

import { type Batch, ClosedError, f64, i64, open, u32 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { buffered } from './conformance/subject.js'
import { kits } from './support/kit.mjs'
import { expectPending, parkedMeter, rejection, thrown, until } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { elsewhere, placements } from './support/threads.js'

const { make, arena } = buffered()
const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)

// Around the ring's wrap and around what one step inside carries at most.
const CAPACITIES = [1, 2, 3, 7, 64, 100, 127, 128, 129, 255, 1000]

describe.each(kits.map((kit) => [kit.name, kit] as const))(
  'batches of %s',
  (_name, { codec: anyCodec, value, batch, values }) => {
    const codec = anyCodec as typeof f64
    const typed = (indexes: number[]): Float64Array => batch(indexes.map(value) as never) as unknown as Float64Array
    const plain = (indexes: number[]): number[] => indexes.map(value) as number[]
    const read = (into: Batch, from: number, to: number): unknown[] => values(into.slice(from, to) as never)

    test('what is tried goes in and comes out in order, however the ring wraps', () => {
      const rng = random(`batch ${codec.name}`)
      for (const capacity of CAPACITIES) {
        const ch = make(codec, capacity)
        const model: unknown[] = []
        const into = new codec.batch(2 * capacity + 1)
        let next = 0
        for (let step = 0; step < 200; step++) {
          const n = rng.below(2 * capacity + 1)
          const indexes = range(n, next)
          switch (rng.below(5)) {
            case 0:
            case 1: {
              const sent = ch.trySendMany(rng.below(2) ? typed(indexes) : plain(indexes))
              expect(sent).toBe(Math.min(n, capacity - model.length))
              model.push(...plain(indexes.slice(0, sent)))
              next += sent
              break
            }
            case 2: {
              const want = rng.below(into.length + 1)
              const taken = ch.tryReceiveMany(into.subarray(0, want))
              expect(taken).toBe(Math.min(want, model.length))
              expect(read(into, 0, taken)).toEqual(model.splice(0, taken))
              break
            }
            case 3:
              if (ch.trySend(value(next) as number)) model.push(value(next++))
              break
            default: {
              const got = ch.tryNext()
              if (model.length === 0) expect(got).toBe(undefined)
              else expect(got).toEqual({ value: model.shift(), done: false })
            }
          }
          expect(ch.length).toBe(model.length)
        }
      }
    })

    test.each(placements.map((each) => [each.name, each] as const))(
      'a thousand values pass in batches (%s)',
      async (_where, { left, right }) => {
        for (const capacity of [1, 3, 100, 1000]) {
          const ch = make(codec, capacity)
          const receiving = right(
            async ({ open, io, kitOf }, handle, name, length) => {
              const [ch, kit] = [open(handle), kitOf(name)]
              const got: unknown[] = []
              const into = new (kit.codec.batch as typeof Float64Array)(length)
              for (let n = await io.receiveMany(ch, into); n > 0; n = await io.receiveMany(ch, into)) {
                got.push(...kit.values(into.slice(0, n) as never))
              }
              return got
            },
            ch.handle,
            codec.name,
            capacity === 3 ? 7 : 300,
          )
          const sent = await left(
            async ({ open, io, kitOf }, handle, name) => {
              const [ch, kit] = [open(handle), kitOf(name)]
              const all = Array.from({ length: 1000 }, (_, i) => kit.value(i))
              const first = await io.sendMany(ch, kit.batch(all.slice(0, 700) as never))
              const second = await io.sendMany(ch, all.slice(700))
              ch.close()
              return [first, second]
            },
            ch.handle,
            codec.name,
          )
          expect(sent).toEqual([700, 300])
          expect(await receiving).toEqual(plain(range(1000)))
        }
      },
    )

    test('receiveMany waits for one value, then takes what is there', async () => {
      const ch = make(codec, 10)
      const into = new codec.batch(8)
      const receiving = ch.receiveMany(into)
      await expectPending(receiving)
      await ch.send(value(1) as number)
      expect(await receiving).toBe(1)
      expect(read(into, 0, 1)).toEqual([value(1)])
      ch.trySendMany(plain(range(10)))
      expect(await ch.receiveMany(into)).toBe(8)
      expect(read(into, 0, 8)).toEqual(plain(range(8)))
      expect(ch.receiveManySync(into)).toBe(2)
      expect(read(into, 0, 2)).toEqual(plain([8, 9]))
      // What lies beyond the count is left alone.
      expect(read(into, 2, 8)).toEqual(plain(range(6, 2)))
    })

    test('views into larger and into shared buffers are sent and filled as any other', async () => {
      const ch = make(codec, 10)
      const source = typed(range(20))
      expect(ch.trySendMany(source.subarray(5, 12))).toBe(7)
      const shared = new (codec.batch as unknown as typeof Float64Array)(
        new SharedArrayBuffer(20 * source.BYTES_PER_ELEMENT),
      )
      expect(await ch.receiveMany(shared.subarray(3, 9))).toBe(6)
      expect(values(Array.from(shared.subarray(3, 9)) as never)).toEqual(plain(range(6, 5)))
      expect(values(Array.from(shared.subarray(0, 3)) as never)).toEqual(
        values(Array.from(new codec.batch(3)) as never),
      )
      expect(await ch.sendMany(shared.subarray(3, 5))).toBe(2)
      expect([...ch.available()]).toEqual(plain([11, 5, 6]))
    })

    test('an empty batch moves nothing, and is told when the channel is closed', async () => {
      const ch = make(codec, 2)
      const none = new codec.batch(0)
      for (const empty of [none, []]) {
        expect([ch.trySendMany(empty), ch.sendManySync(empty), await ch.sendMany(empty)]).toEqual([0, 0, 0])
      }
      expect([ch.tryReceiveMany(none), ch.receiveManySync(none), await ch.receiveMany(none)]).toEqual([0, 0, 0])
      ch.trySend(value(0) as number)
      expect([ch.tryReceiveMany(none), ch.receiveManySync(none), await ch.receiveMany(none)]).toEqual([0, 0, 0])
      expect(ch.length).toBe(1)
      ch.close()
      for (const empty of [none, []]) {
        for (const error of [
          thrown(() => ch.trySendMany(empty)),
          thrown(() => ch.sendManySync(empty)),
          await rejection(ch.sendMany(empty)),
        ]) {
          expect(error).toBeInstanceOf(ClosedError)
          expect(error.transferred).toBe(0)
        }
      }
    })

    test('a batch of the wrong kind is a TypeError that names codec and array, and moves nothing', async () => {
      const ch = make(codec, 4)
      const wrong = [
        codec.batch === (Float64Array as unknown) ? new Float32Array(2) : new Float64Array(2),
        new DataView(new ArrayBuffer(8)),
        'ab',
        1,
        null,
        undefined,
        {},
        new Set([1]),
      ]
      for (const source of wrong as never[]) {
        const errors = [
          thrown(() => ch.trySendMany(source)),
          thrown(() => ch.sendManySync(source)),
          await rejection(ch.sendMany(source)),
          thrown(() => ch.tryReceiveMany(source)),
          thrown(() => ch.receiveManySync(source)),
          await rejection(ch.receiveMany(source)),
        ]
        for (const error of errors) {
          expect(error).toBeInstanceOf(TypeError)
          expect(error.code).toBe('ERR_INVALID_ARG_TYPE')
          expect(error.message).toContain(codec.name)
          expect(error.message).toContain(codec.batch.name)
        }
      }
      expect(thrown(() => ch.tryReceiveMany([1, 2] as never))).toBeInstanceOf(TypeError)
      expect(ch.length).toBe(0)
    })

    test('a closed channel gives what is left, then 0', async () => {
      const ch = make(codec, 5)
      ch.trySendMany(plain(range(5)))
      ch.close()
      const into = new codec.batch(3)
      expect(await ch.receiveMany(into)).toBe(3)
      expect(ch.receiveManySync(into)).toBe(2)
      expect(read(into, 0, 2)).toEqual(plain([3, 4]))
      expect([await ch.receiveMany(into), ch.receiveManySync(into), ch.tryReceiveMany(into)]).toEqual([0, 0, 0])
    })

    for (const { name, left } of placements) {
      test(`a close in the middle of sendMany tells how many went through (${name})`, async () => {
        const ch = make(codec, 4)
        const parked = parkedMeter(arena)
        const sending = left(
          async ({ open, io, kitOf }, handle, name) => {
            const kit = kitOf(name)
            try {
              return {
                sent: await io.sendMany(
                  open(handle),
                  kit.batch(Array.from({ length: 300 }, (_, i) => kit.value(i)) as never),
                ),
              }
            } catch (error) {
              const { message, transferred } = error as ClosedError
              return { message, transferred }
            }
          },
          ch.handle,
          codec.name,
        )
        await parked(1)
        const got: unknown[] = []
        while (got.length < 10) got.push((await ch.next()).value)
        await until(() => ch.length === 4)
        ch.close()
        for (const v of ch.available()) got.push(v)
        expect(await sending).toEqual({ message: 'send on closed channel', transferred: got.length })
        expect(got).toEqual(plain(range(got.length)))
      })

      test(`a timeout in the middle of sendMany tells how many went through (${name})`, async () => {
        const ch = make(codec, 4)
        ch.trySend(value(0) as number)
        const outcome = await left(
          async ({ open, io, kitOf }, handle, name) => {
            const kit = kitOf(name)
            const start = performance.now()
            try {
              return {
                sent: await io.sendMany(
                  open(handle),
                  Array.from({ length: 300 }, (_, i) => kit.value(i + 1)),
                  { timeout: 30 },
                ),
              }
            } catch (error) {
              const { code, transferred } = error as ClosedError
              return { code, transferred, late: performance.now() - start >= 30 }
            }
          },
          ch.handle,
          codec.name,
        )
        expect(outcome).toEqual({ code: 'ERR_TIMEOUT', transferred: 3, late: true })
        expect([...ch.available()]).toEqual(plain(range(4)))
      })
    }
  },
)

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
