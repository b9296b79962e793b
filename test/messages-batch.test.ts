// Batches as arrays: sendMany of whatever can be iterated over, receiveMany of up to so many, and batches({ max, wait }).

import { any, type Channel, f64, i64, type MessageCodec, string, struct, u32 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { spaces } from './support/arenas.js'
import { expectPending, macrotask, rejection, thrown } from './support/probe.js'
import { placements } from './support/threads.js'

const space = spaces()
const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)
const pair = struct({ a: u32, b: f64 })

interface Kind {
  name: string
  codec: MessageCodec<never>
  value(i: number): unknown
}

const kinds: Kind[] = [
  { name: 'f64', codec: f64 as never, value: (i) => i + 0.5 },
  { name: 'i64', codec: i64 as never, value: (i) => BigInt(i) },
  { name: 'string', codec: string as never, value: (i) => `value ${i}` },
  { name: 'struct', codec: pair as never, value: (i) => ({ a: i, b: i / 2 }) },
  { name: 'any', codec: any() as never, value: (i) => [i, { i }] },
]

describe.each(kinds.map((kind) => [kind.name, kind] as const))('%s', (_name, { codec, value }) => {
  const values = (n: number, from = 0): unknown[] => range(n, from).map(value)
  const made = (capacity: number): Channel<unknown> & { clear(): unknown[] } => {
    const ch = space().make(codec, capacity) as unknown as Channel<unknown>
    return Object.assign(ch, { clear: () => [...ch.available()] })
  }
  function* generated(n: number, from = 0): Generator<unknown> {
    for (let i = 0; i < n; i++) yield value(from + i)
  }

  test('arrays, sets and generators are sent in order, by every form', async () => {
    const ch = made(3000)
    expect(ch.trySendMany(values(5))).toBe(5)
    expect(ch.sendManySync(new Set(values(5, 5)))).toBe(5)
    expect(await ch.sendMany(generated(1200, 10))).toBe(1200)
    expect(ch.sendManySync(generated(3, 1210))).toBe(3)
    expect(ch.trySendMany(generated(2, 1213))).toBe(2)
    expect(ch.trySendMany([])).toBe(0)
    expect(await ch.sendMany(generated(0))).toBe(0)
    expect(ch.clear()).toEqual(values(1215))
  })

  test('a try sends what there is room for; receiveMany takes up to so many', async () => {
    const ch = made(4)
    expect(ch.trySendMany(values(9))).toBe(4)
    expect(ch.trySendMany(generated(9))).toBe(0)
    expect(ch.tryReceiveMany(3)).toEqual(values(3))
    expect(ch.tryReceiveMany(0)).toEqual([])
    expect(await ch.receiveMany(10)).toEqual(values(1, 3))
    expect(ch.tryReceiveMany(3)).toEqual([])
    const waiting = ch.receiveMany(10)
    await expectPending(waiting)
    ch.trySendMany(values(4))
    const first = await waiting
    expect([...first, ...ch.tryReceiveMany(10)]).toEqual(values(4))
    expect(await ch.receiveMany(0)).toEqual([])
    ch.trySendMany(values(2))
    expect(ch.receiver.receiveManySync(1)).toEqual(values(1))
    ch.close()
    expect(ch.receiveManySync(5)).toEqual(values(1, 1))
    expect([await ch.receiveMany(5), ch.receiveManySync(5), ch.tryReceiveMany(5)]).toEqual([[], [], []])
  })

  for (const { name, left, right } of placements) {
    test(`a thousand in batches, there and back (${name})`, async () => {
      for (const capacity of [0, 3, 100]) {
        const { make } = space()
        const [there, back] = [make(codec, capacity), make(codec, capacity)]
        const echoing = right(
          async ({ open, io }, there, back) => {
            const [from, to] = [open(there), open(back)]
            for (let batch = await io.receiveMany(from, 7); batch.length > 0; batch = await io.receiveMany(from, 7))
              await io.sendMany(to, batch)
            to.close()
          },
          there.handle,
          back.handle,
        )
        const sending = left(
          async ({ open, io }, there, values) => {
            const ch = open(there)
            const counts = [
              await io.sendMany(ch, values.slice(0, 150)),
              await io.sendMany(ch, new Set(values.slice(150))),
            ]
            ch.close()
            return counts
          },
          there.handle,
          values(300),
        )
        const got: unknown[] = []
        for await (const batch of back.batches({ max: 10, wait: 1 })) got.push(...(batch as unknown[]))
        expect(got).toEqual(values(300))
        expect(await sending).toEqual([150, 150])
        await echoing
      }
    })
  }

  test('a timeout, an abort, a close and a dispose in the middle tell how many went through', async () => {
    for (const source of [() => values(9), () => generated(9)]) {
      const ch = made(4)
      const start = performance.now()
      expect(await rejection(ch.sendMany(source(), { timeout: 30 }))).toMatchObject({
        ...{ code: 'ERR_TIMEOUT', transferred: 4, message: 'sendMany timed out after 30 ms' },
      })
      expect(performance.now() - start).toBeGreaterThanOrEqual(30)
      expect(ch.clear()).toEqual(values(4))
      expect(thrown(() => ch.sendManySync(source(), { timeout: 5 }))).toMatchObject({
        ...{ code: 'ERR_TIMEOUT', transferred: 4, message: 'sendMany timed out after 5 ms' },
      })
      expect(ch.tryReceiveMany(2).length).toBe(2)
      const stop = new AbortController()
      const reason = new Error('enough')
      const aborted = rejection(ch.sendMany(source(), { signal: stop.signal }))
      await macrotask()
      stop.abort(reason)
      expect(await aborted).toBe(reason)
      expect(reason).toMatchObject({ transferred: 2 })
      ch.clear()
      const closed = rejection(ch.sendMany(source()))
      await macrotask()
      ch.close()
      expect(await closed).toMatchObject({ code: 'ERR_CLOSED', transferred: 4 })
      expect(ch.clear()).toEqual(values(4))
      for (const error of [
        thrown(() => ch.trySendMany(source())),
        thrown(() => ch.sendManySync([])),
        await rejection(ch.sendMany(source())),
      ])
        expect(error).toMatchObject({ code: 'ERR_CLOSED', transferred: 0 })
      const other = made(1)
      const gone = rejection(other.sendMany(source()))
      await macrotask()
      other.dispose()
      expect(await gone).toMatchObject({ code: 'ERR_STALE_HANDLE', transferred: 1 })
    }
  })

  test('a source that throws: its error says how many went through, and those arrive', async () => {
    function* failing(): Generator<unknown> {
      yield* values(3)
      throw new Error('no more')
    }
    const ch = made(600)
    for (const send of [
      () => ch.trySendMany(failing()),
      () => ch.sendManySync(failing()),
      () => ch.sendMany(failing()),
    ]) {
      const error = await rejection((async () => send())())
      expect(error.message).toBe('no more')
      expect(ch.clear()).toEqual(values(error.transferred as number))
    }
  })

  test('what is no batch, and what is no number of values, is refused', async () => {
    const ch = made(4)
    for (const source of [5, null, undefined, {}, true, 'text', () => values(1)] as never[]) {
      for (const error of [
        thrown(() => ch.trySendMany(source)),
        thrown(() => ch.sendManySync(source)),
        await rejection(ch.sendMany(source)),
      ])
        expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
    }
    for (const [max, code] of [
      [-1, 'ERR_OUT_OF_RANGE'],
      [1.5, 'ERR_OUT_OF_RANGE'],
      [Number.NaN, 'ERR_OUT_OF_RANGE'],
      ['5', 'ERR_INVALID_ARG_TYPE'],
      [undefined, 'ERR_INVALID_ARG_TYPE'],
      [new Uint8Array(4), 'ERR_INVALID_ARG_TYPE'],
    ] as [never, string][]) {
      for (const error of [
        thrown(() => ch.tryReceiveMany(max)),
        thrown(() => ch.receiveManySync(max)),
        await rejection(ch.receiveMany(max)),
      ])
        expect(error).toMatchObject({ code })
    }
    for (const options of [
      5,
      null,
      { max: 0 },
      { max: -1 },
      { max: 1.5 },
      { max: '5' },
      { max: Number.POSITIVE_INFINITY },
      { wait: Number.NaN },
      { wait: '5' },
    ] as never[])
      expect(['ERR_OUT_OF_RANGE', 'ERR_INVALID_ARG_TYPE']).toContain(thrown(() => ch.batches(options)).code)
    expect(ch.length).toBe(0)
  })
})
