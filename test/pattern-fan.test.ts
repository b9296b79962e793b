import { channel, f64, fanIn, fanOut, fromReadable, merge, never, type Outlet, recv, select, tee } from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { expectPending, isPending, macrotask, rejection, sleep, thrown, until } from './support/probe.js'

noComplaints()

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

async function all<T>(from: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = []
  for await (const value of from) got.push(value)
  return got
}

/** Numbers for ever, which notes that it was told to end. */
function endless(): { items: AsyncGenerator<number>; ended(): boolean } {
  let ended = false
  async function* items(): AsyncGenerator<number> {
    try {
      for (let i = 0; ; i++) yield i
    } finally {
      ended = true
    }
  }
  return { items: items(), ended: () => ended }
}

describe('fanIn', () => {
  for (const buffer of [0, 5]) {
    test(`FAN-1 all values of all sources, each in its order; closed after the last one (buffer ${buffer})`, async () => {
      const channels = range(3).map(() => channel(f64, { capacity: 1 }))
      const sending = channels.map(async (ch, source) => {
        for (const i of range(50)) {
          await ch.send(source * 1000 + i)
          if (i % 10 === source) await sleep(1)
        }
        ch.close()
      })
      const merged = fanIn([...channels, range(50).map((i) => 3000 + i)], { buffer })
      const got = await all(merged)
      await Promise.all(sending)
      expect(got.length).toBe(200)
      for (const source of range(4)) {
        expect(got.filter((v) => Math.floor(v / 1000) === source)).toEqual(range(50).map((i) => source * 1000 + i))
      }
      expect([merged.closed, await merged.receive()]).toEqual([true, undefined])
    })
  }

  test('FAN-1 it is closed only after all are', async () => {
    const [a, b] = [channel(f64), channel(f64)]
    const merged = fanIn([a, b])
    a.close()
    const waiting = merged.next()
    await expectPending(waiting)
    expect(merged.closed).toBe(false)
    b.close()
    expect(await waiting).toEqual({ value: undefined, done: true })
  })

  test('FAN-2 of nothing it is closed; of what is closed too; never keeps it open', async () => {
    expect(await all(fanIn([]))).toEqual([])
    const closed = channel(f64)
    closed.close()
    expect(await all(fanIn([closed, closed]))).toEqual([])
    const merged = fanIn<number>([closed, never as never, [5]])
    expect(await merged.receive()).toBe(5)
    const waiting = merged.receive()
    expect(await isPending(waiting)).toBe(true)
    merged.cancel()
    expect(await waiting).toBe(undefined)
  })

  test('FAN-4 sources that always have something get at least half of their share', async () => {
    const sources = range(4).map((source) =>
      (function* () {
        for (;;) yield source
      })(),
    )
    const tally = [0, 0, 0, 0]
    const merged = fanIn(sources)
    for (let i = 0; i < 10_000; i++) (tally[(await merged.receive()) as number] as number)++
    merged.cancel()
    for (const n of tally) expect(n).toBeGreaterThanOrEqual(10_000 / 4 / 2)
  })

  for (const [how, stop] of [
    ['cancelled', (merged, _) => merged.cancel()],
    ['disposed of', (merged, _) => merged[Symbol.dispose]()],
    ['aborted', (_, controller) => controller.abort('enough')],
  ] as [string, (merged: { cancel(): void; [Symbol.dispose](): void }, stop: AbortController) => void][]) {
    test(`FAN-6 who leaves early releases all sources: ${how}`, async () => {
      const controller = new AbortController()
      const sources = [endless(), endless()]
      const ch = channel(f64, { capacity: 1 })
      const merged = fanIn([...sources.map(({ items }) => items), ch], { signal: controller.signal })
      for await (const value of merged) if (value === 10) break
      expect(sources.map(({ ended }) => ended())).toEqual([false, false])
      stop(merged, controller)
      await until(() => sources.every(({ ended }) => ended()))
      // Nobody receives from the channel any more.
      await macrotask()
      ch.trySend(7)
      await macrotask()
      expect(ch.tryReceive()).toBe(7)
      expect(merged.closed).toBe(true)
    })
  }

  test('an error of a source ends the others, and comes out after what lay ready', async () => {
    const error = new Error('source')
    const other = endless()
    const bad = (function* () {
      yield 1
      throw error
    })()
    const merged = fanIn([bad], { buffer: 3 })
    await macrotask()
    expect(merged.length).toBe(1)
    expect(await merged.receive()).toBe(1)
    expect(await rejection(merged.receive())).toBe(error)
    expect(await rejection(merged.next())).toBe(error)
    expect(thrown(() => merged.tryReceive())).toBe(error)
    expect(await rejection(select({ v: recv(merged) }))).toBe(error)
    const both = fanIn([other.items, { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) }])
    expect(await rejection(all(both))).toBe(error)
    await until(other.ended)
    const waiting = fanIn(
      [sleep(5).then(() => Promise.reject(error))].map(async function* (p) {
        yield await p
      }),
    )
    expect(await rejection(select({ v: recv(waiting) }))).toBe(error)
  })

  test('an outlet in select and in merge', async () => {
    const [slow, quick] = [
      fanIn([
        (async function* () {
          await sleep(20)
          yield 1
        })(),
      ]),
      fanIn([[2, 3]]),
    ]
    const ch = channel(f64, { capacity: 1 })
    ch.trySend(4)
    ch.close()
    expect((await all(merge<number>(slow, quick, ch))).sort()).toEqual([1, 2, 3, 4])
    expect(await select({ slow: recv(slow) })).toEqual({ case: 'slow', value: undefined, done: true })
  })

  test('into a channel for other threads', async () => {
    const [a, out] = [channel(f64, { capacity: 8 }), channel(f64, { capacity: 8 })]
    a.trySendMany([1, 2])
    a.close()
    expect(await fromReadable(fanIn([a, [3]]), out)).toBe(3)
    expect((await all(out)).sort()).toEqual([1, 2, 3])
  })

  test('a receive that times out or is aborted has received nothing', async () => {
    const source = channel(f64)
    const merged = fanIn([source])
    expect((await rejection(merged.receive({ timeout: 5 }))).code).toBe('ERR_TIMEOUT')
    expect(await rejection(merged.receive({ signal: AbortSignal.abort('no') }))).toBe('no')
    await source.send(1)
    expect(await merged.receive({ timeout: 5000 })).toBe(1)
    expect(merged.tryNext()).toBe(undefined)
    merged.cancel()
    merged.cancel()
  })
})

describe('fanOut', () => {
  test('FAN-3 every item goes to one consumer; one that is blocked does not stop the others', async () => {
    const outlets = fanOut(range(100), 4)
    const got: number[][] = [[], [], [], []]
    let free!: () => void
    const blocked = new Promise<void>((resolve) => {
      free = resolve
    })
    const consumers = outlets.map(async (mine, i) => {
      for await (const item of mine) {
        got[i]?.push(item)
        if (i === 0) await blocked
      }
    })
    await Promise.all(consumers.slice(1))
    expect(got[0]?.length).toBe(1)
    free()
    await consumers[0]
    expect(got.flat().sort((a, b) => a - b)).toEqual(range(100))
    for (const mine of got.slice(1)) expect(mine).toEqual([...mine].sort((a, b) => a - b))
  })

  test('the source is read one ahead, and ends with the signal or a cancel', async () => {
    for (const how of ['signal', 'cancel']) {
      const stop = new AbortController()
      const { items, ended } = endless()
      const [a, b] = fanOut(items, 2, { signal: stop.signal }) as [Outlet<number>, Outlet<number>]
      expect([await a.receive(), await b.receive()]).toEqual([0, 1])
      if (how === 'signal') stop.abort('enough')
      else b.cancel()
      await until(ended)
      expect(await a.receive().catch((error) => error)).toBe(how === 'signal' ? 'enough' : undefined)
    }
  })

  test('FAN-7 4 sources, one channel, 4 consumers', async () => {
    const total = 271_828
    const share = total / 4
    const sources = range(4).map((k) =>
      (function* () {
        for (let i = k * share; i < (k + 1) * share; i++) yield i
      })(),
    )
    const sums = await Promise.all(
      fanOut(fanIn<number>(sources, { buffer: 16 }), 4, { buffer: 16 }).map(async (mine) => {
        let [count, sum] = [0, 0]
        for await (const v of mine) {
          count++
          sum += v
        }
        return [count, sum] as const
      }),
    )
    expect(sums.reduce((n, [count]) => n + count, 0)).toBe(total)
    expect(sums.reduce((n, [, sum]) => n + sum, 0)).toBe((total * (total - 1)) / 2)
  })
})

describe('tee', () => {
  test('FAN-5 every consumer gets every item in order; the slowest sets the pace', async () => {
    const { items } = endless()
    let made = -1
    const source = (async function* () {
      for await (const i of items) {
        made = i
        yield i
      }
    })()
    const [fast, slow] = tee(source, 2, { buffer: 2 }) as [Outlet<number>, Outlet<number>]
    const got: number[] = []
    const consumer = (async () => {
      for await (const i of fast) if (got.push(i) === 50) return
    })()
    await sleep(10)
    expect([got, made]).toEqual([[0, 1, 2], 2])
    for (const i of range(60)) {
      expect(await slow.receive()).toBe(i)
      if (i > 45) break
    }
    slow.cancel()
    await consumer
    expect(got).toEqual(range(50))
    fast.cancel()
  })

  test('FAN-5 what a slow consumer cannot take may be dropped for it', async () => {
    for (const [policy, expected] of [
      ['drop-new', [0, 1, 2]],
      ['drop-old', [7, 8, 9]],
    ] as const) {
      const [a] = tee(range(10), 1, { buffer: 3, policy }) as [Outlet<number>]
      await macrotask()
      expect(await all(a)).toEqual(expected)
    }
  })

  test('the last one that is cancelled ends the source; an error comes out of each', async () => {
    const { items, ended } = endless()
    const outlets = tee(items, 3)
    const waiting = Promise.all(outlets.map((outlet) => outlet.receive()))
    expect(await waiting).toEqual([0, 0, 0])
    for (const outlet of outlets) {
      await macrotask()
      expect(ended()).toBe(false)
      outlet.cancel()
    }
    await until(ended)
    const error = new Error('source')
    const failing = tee(
      (function* () {
        yield 1
        throw error
      })(),
      2,
      { buffer: 1 },
    )
    for (const outlet of failing) {
      expect(await outlet.receive()).toBe(1)
      expect(await rejection(outlet.receive())).toBe(error)
    }
  })
})

test.each([
  ['fanIn reads a channel, or what can be iterated over, not 5', () => fanIn([5 as never])],
  ['the number of outlets of fanOut is an integer from 1, not 0', () => fanOut([], 0)],
  ['the buffer of tee is an integer from 0, not -1', () => tee([], 1, { buffer: -1 })],
  [
    "the policy of tee is 'block', 'drop-new' or 'drop-old', not \"drop\"",
    () => tee([], 1, { policy: 'drop' as never }),
  ],
  ["with the policy 'drop-old' the buffer of tee is at least 1", () => tee([], 1, { policy: 'drop-old' })],
  ['signal is an AbortSignal, not 5', () => fanIn([], { signal: 5 as never })],
] as const)('%s', (message, call) => {
  expect(thrown(call).message).toBe(message)
  expect(thrown(call).code).toMatch(/^ERR_/)
})
