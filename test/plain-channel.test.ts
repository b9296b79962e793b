// The benchmark's opponent within one event loop (bench/baseline/plain-channel.ts) is only honest if it works. Tested as
// the benchmark runs it: built (npm run build:bench).

import { describe, expect, it } from 'vitest'
import { PlainChannel, PlainClosedError } from '../build/bench/baseline/plain-channel.js'

const CAPACITIES = [0, 1, 2, 3, 7, 64]
const { select } = PlainChannel

const numbers = (count: number, from = 0): number[] => Array.from({ length: count }, (_, at) => from + at)

/** Whether the promise is still open after everything that could settle it has run. */
async function pends(promise: Promise<unknown>): Promise<boolean> {
  let open = true
  const settled = () => {
    open = false
  }
  promise.then(settled, settled)
  await new Promise((resolve) => setImmediate(resolve))
  return open
}

describe('one producer, one consumer', () => {
  it.each(CAPACITIES)('takes what its capacity says, then waits: %i', async (capacity) => {
    const ch = new PlainChannel<number>(capacity)
    expect([ch.capacity, ch.length, ch.closed]).toEqual([capacity, 0, false])
    for (let value = 0; value < capacity; value++) await ch.send(value)
    expect(ch.length).toBe(capacity)
    const late = ch.send(capacity)
    expect(await pends(late)).toBe(true)
    expect(await ch.receive()).toBe(0)
    await late
    expect(ch.length).toBe(capacity)
    for (let value = 1; value <= capacity; value++) expect(await ch.receive()).toBe(value)
    expect(await pends(ch.receive())).toBe(true)
    expect(ch.length).toBe(0)
  })

  it.each(CAPACITIES)('keeps the order of senders and of receivers: %i', async (capacity) => {
    const ch = new PlainChannel<number>(capacity)
    const sent = numbers(200).map((value) => ch.send(value))
    const received = numbers(300).map(() => ch.receive())
    const more = numbers(100, 200).map((value) => ch.send(value))
    await Promise.all([...sent, ...more])
    expect(await Promise.all(received)).toEqual(numbers(300))
  })

  it('is a rendezvous without capacity: a send ends only when its value is received', async () => {
    const ch = new PlainChannel<string>()
    const sent = ch.send('a')
    expect(await pends(sent)).toBe(true)
    expect(await ch.receive()).toBe('a')
    await sent
  })

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses the capacity %d', (capacity) => {
    expect(() => new PlainChannel(capacity)).toThrow(RangeError)
  })
})

describe('several producers and consumers', () => {
  const crews = [1, 4].flatMap((producers) => [1, 3].map((consumers) => ({ producers, consumers })))
  const cases = CAPACITIES.flatMap((capacity) => crews.map((crew) => ({ capacity, ...crew })))

  it.each(cases)(
    '$producers to $consumers, capacity $capacity: every value arrives once, in its sender’s order',
    async ({ capacity, producers, consumers }) => {
      const ch = new PlainChannel<number>(capacity)
      const each = 500
      const parts = numbers(consumers).map(async () => {
        const mine: number[] = []
        for (let value = await ch.receive(); value !== undefined; value = await ch.receive()) mine.push(value)
        return mine
      })
      await Promise.all(
        numbers(producers).map(async (producer) => {
          for (const value of numbers(each, producer * each)) await ch.send(value)
        }),
      )
      ch.close()
      const all = (await Promise.all(parts)).flat()
      expect(all.sort((a, b) => a - b)).toEqual(numbers(producers * each))
      for (const part of await Promise.all(parts)) {
        for (const producer of numbers(producers)) {
          const mine = part.filter((value) => Math.floor(value / each) === producer)
          expect(mine).toEqual([...mine].sort((a, b) => a - b))
        }
      }
    },
  )
})

describe('closing', () => {
  it('delivers what is buffered, then ends; refuses to send and to close again', async () => {
    const ch = new PlainChannel<number>(2)
    await ch.send(1)
    await ch.send(2)
    ch.close()
    expect(ch.closed).toBe(true)
    await expect(ch.send(3)).rejects.toThrow('send on closed channel')
    expect(() => ch.close()).toThrow('close of closed channel')
    expect([await ch.receive(), await ch.receive(), await ch.receive()]).toEqual([1, 2, undefined])
  })

  it('serves everybody who waits', async () => {
    const empty = new PlainChannel<number>()
    const receives = numbers(3).map(() => empty.receive())
    empty.close()
    expect(await Promise.all(receives)).toEqual([undefined, undefined, undefined])
    const full = new PlainChannel<number>(1)
    await full.send(1)
    const sends = [full.send(2), full.send(3)].map((sent) => sent.catch((error: unknown) => error))
    full.close()
    for (const error of await Promise.all(sends)) expect(error).toBeInstanceOf(PlainClosedError)
    expect([await full.receive(), await full.receive()]).toEqual([1, undefined])
  })
})

describe('select', () => {
  it('takes what is ready, and says which case it was', async () => {
    const [a, b] = [new PlainChannel<number>(1), new PlainChannel<number>(1)]
    await b.send(7)
    expect(await select([{ receive: a }, { receive: b }])).toEqual({ index: 1, value: 7, done: false })
    expect(await select([{ receive: b }, { send: a, value: 5 }])).toEqual({ index: 1, value: undefined, done: false })
    expect(await a.receive()).toBe(5)
  })

  it('waits, does one case only, and leaves nothing of the others', async () => {
    const [a, b, c] = [new PlainChannel<number>(), new PlainChannel<number>(), new PlainChannel<number>()]
    const chosen = select([{ receive: a }, { send: b, value: 8 }, { receive: a }])
    expect(await pends(chosen)).toBe(true)
    expect(await b.receive()).toBe(8)
    expect(await chosen).toEqual({ index: 1, value: undefined, done: false })
    const sent = a.send(1)
    expect(await pends(sent)).toBe(true)
    expect(await a.receive()).toBe(1)
    await sent
    const other = select([{ receive: c }, { receive: a }])
    await a.send(2)
    expect(await other).toEqual({ index: 1, value: 2, done: false })
    expect(await pends(c.send(3))).toBe(true)
  })

  it('leaves its queues from the front, the middle and the end', async () => {
    for (const place of numbers(3)) {
      const [ch, way] = [new PlainChannel<string>(), new PlainChannel<string>()]
      const receives: Promise<unknown>[] = []
      for (const at of numbers(3)) {
        if (at === place) void select([{ receive: ch }, { receive: way }])
        else receives.push(ch.receive())
      }
      await way.send('out')
      await ch.send('first')
      await ch.send('second')
      expect(await Promise.all(receives)).toEqual(['first', 'second'])
      const last = ch.receive()
      await ch.send('third')
      expect(await last).toBe('third')
    }
  })

  it('never meets itself', async () => {
    const ch = new PlainChannel<number>()
    const alone = select([{ send: ch, value: 1 }, { receive: ch }])
    expect(await pends(alone)).toBe(true)
    const other = select([{ receive: ch }, { send: ch, value: 2 }])
    const hits = await Promise.all([alone, other])
    expect(hits.map(({ value }) => value).filter((value) => value !== undefined)).toHaveLength(1)
  })

  it('sees a close, before and while it waits', async () => {
    const [a, b] = [new PlainChannel<number>(), new PlainChannel<number>()]
    const receiving = select([{ receive: a }, { receive: b }])
    a.close()
    expect(await receiving).toEqual({ index: 0, value: undefined, done: true })
    expect(await select([{ receive: b }, { receive: a }])).toEqual({ index: 1, value: undefined, done: true })
    await expect(select([{ send: a, value: 1 }])).rejects.toThrow(PlainClosedError)
    const sending = select([{ receive: new PlainChannel<number>() }, { send: b, value: 1 }])
    b.close()
    await expect(sending).rejects.toThrow(PlainClosedError)
  })

  it('waits for ever without a case', async () => {
    expect(await pends(select([]))).toBe(true)
  })

  it('chooses among the ready ones with the same chance', async () => {
    const channels = numbers(3).map(() => new PlainChannel<number>(1))
    const quiet = new PlainChannel<number>()
    const counts = [0, 0, 0]
    for (const ch of channels) await ch.send(1)
    const rounds = 6000
    for (let round = 0; round < rounds; round++) {
      const { index } = await select([{ receive: quiet }, ...channels.map((ch) => ({ receive: ch }))])
      counts[index - 1]!++
      await channels[index - 1]!.send(1)
    }
    // Ten standard deviations of a fair choice.
    const most = 10 * Math.sqrt(rounds * (1 / 3) * (2 / 3))
    for (const count of counts) expect(Math.abs(count - rounds / 3)).toBeLessThan(most)
  })

  it.each([0, 1, 5])('loses and doubles nothing between selects on both sides: capacity %i', async (capacity) => {
    const channels = numbers(3).map(() => new PlainChannel<number>(capacity))
    const [tasks, each] = [4, 400]
    const parts = numbers(tasks).map(async () => {
      const mine: number[] = []
      while (mine.length < each) {
        mine.push((await select(channels.map((ch) => ({ receive: ch })))).value as number)
      }
      return mine
    })
    const sending = numbers(tasks).map(async (task) => {
      for (const value of numbers(each, task * each)) await select(channels.map((ch) => ({ send: ch, value })))
    })
    await Promise.all(sending)
    expect((await Promise.all(parts)).flat().sort((a, b) => a - b)).toEqual(numbers(tasks * each))
    for (const ch of channels) expect(ch.length).toBe(0)
  })
})
