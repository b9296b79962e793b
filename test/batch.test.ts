// sendMany, receiveMany and their kin: what one call moves, in which order, and what is left when it cannot go on.

import { type Batch, ClosedError, type f64 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { buffered } from './conformance/subject.js'
import { kits } from './support/kit.mjs'
import { expectPending, parkedMeter, rejection, thrown, until } from './support/probe.js'
import { random } from './support/random.js'
import { placements } from './support/threads.js'

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
        true,
        null,
        undefined,
        {},
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
