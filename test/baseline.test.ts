// The benchmark's opponent is only honest if it works: the pure TypeScript channel, stack, counter and atomics in
// bench/baseline, as the benchmark runs it: built (npm run build:bench).

import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import {
  AtomicI32,
  Channel,
  ClosedError,
  Counter,
  channel,
  f64,
  i32,
  open,
  Stack,
} from '../build/bench/baseline/index.js'
import { CHANNEL_CELLS, CHANNEL_HEAD, CHANNEL_TAIL, ceilPowerOfTwo } from '../build/bench/baseline/layout.js'

const BUILT = new URL('../build/bench/baseline/index.js', import.meta.url)
const CAPACITIES = [1, 2, 3, 7, 64, 100]

/** Runs a self-contained function in a worker of its own. */
function inWorker<A extends unknown[], R>(
  job: (baseline: typeof import('../build/bench/baseline/index.js'), ...args: A) => R | Promise<R>,
  ...args: A
): Promise<R> {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(workerData.url).then((baseline) => (${job.toString()})(baseline, ...workerData.args))
      .then((value) => parentPort.postMessage(value))`
  return new Promise((resolve, reject) => {
    const worker = new Worker(source, { eval: true, workerData: { url: BUILT.href, args } })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

const numbers = (count: number, from = 0): number[] => Array.from({ length: count }, (_, at) => from + at)
const sorted = (values: number[]): number[] => values.sort((a, b) => a - b)

describe.each([f64, i32])('channel of $name, one thread', (codec) => {
  it.each(CAPACITIES)('holds exactly its capacity: %i', (capacity) => {
    const ch = channel(codec, { capacity })
    expect(ch.capacity).toBe(capacity)
    expect(ch.tryReceive()).toBeUndefined()
    for (let value = 0; value < capacity; value++) expect(ch.trySend(value)).toBe(true)
    expect(ch.length).toBe(capacity)
    expect(ch.trySend(-1)).toBe(false)
    for (let value = 0; value < capacity; value++) expect(ch.tryReceive()).toBe(value)
    expect(ch.tryReceive()).toBeUndefined()
    expect(ch.length).toBe(0)
  })

  it.each(CAPACITIES)('keeps the order over many laps: capacity %i', (capacity) => {
    const ch = channel(codec, { capacity })
    const received: number[] = []
    let next = 0
    for (let round = 0; received.length < 1000; round++) {
      for (let burst = round % (capacity + 1); burst >= 0; burst--) if (ch.trySend(next)) next++
      for (let burst = (round * 3) % (capacity + 1); burst >= 0; burst--) {
        const value = ch.tryReceive()
        if (value !== undefined) received.push(value)
      }
    }
    expect(received).toEqual(numbers(received.length))
  })

  it.each(CAPACITIES)('moves batches as far as there is room: capacity %i', (capacity) => {
    const ch = channel(codec, { capacity })
    const out = numbers(capacity + 5)
    const into = codec === f64 ? new Float64Array(capacity + 5) : new Int32Array(capacity + 5)
    for (let lap = 0; lap < 5; lap++) {
      expect(ch.trySendMany(out)).toBe(capacity)
      expect(ch.trySendMany(out)).toBe(0)
      expect(ch.tryReceiveMany(into)).toBe(capacity)
      expect([...into.subarray(0, capacity)]).toEqual(numbers(capacity))
      expect(ch.tryReceiveMany(into)).toBe(0)
    }
  })

  it.each(CAPACITIES)('survives the wrap of its tickets: capacity %i', (capacity) => {
    const { handle } = channel(codec, { capacity })
    const words = new Int32Array(handle.buffer)
    const cells = ceilPowerOfTwo(capacity)
    const start = -2 * cells
    words[CHANNEL_TAIL] = start
    words[CHANNEL_HEAD] = start
    for (let cell = 0; cell < cells; cell++) words[CHANNEL_CELLS + 4 * cell] = start + 2 * cell
    const ch = new Channel(handle)
    const stale = new Channel(handle)
    for (let value = 0; value < 5 * cells; value++) {
      expect(ch.trySend(value)).toBe(true)
      expect(ch.length).toBe(1)
      expect(ch.tryReceive()).toBe(value)
    }
    expect(stale.trySend(1)).toBe(true)
    expect(stale.tryReceive()).toBe(1)
  })

  it('is not fooled by an index that it saw long ago', () => {
    const ch = channel(codec, { capacity: 4 })
    const idle = new Channel(ch.handle)
    for (let value = 0; value < 1001; value++) {
      ch.trySend(value)
      ch.tryReceive()
    }
    expect(idle.tryReceive()).toBeUndefined()
    expect(idle.trySend(7)).toBe(true)
    expect(idle.tryReceive()).toBe(7)
  })
})

describe('closing', () => {
  it('refuses to send and to close again, delivers what is buffered, then ends', async () => {
    const ch = channel(f64, { capacity: 4 })
    ch.trySend(1)
    ch.trySend(2)
    ch.close()
    expect(ch.closed).toBe(true)
    expect(() => ch.trySend(3)).toThrow(ClosedError)
    expect(() => ch.sendSync(3)).toThrow('send on closed channel')
    expect(() => ch.close()).toThrow('close of closed channel')
    await expect(ch.send(3)).rejects.toThrow(ClosedError)
    expect(ch.receiveSync()).toBe(1)
    expect(await ch.receive()).toBe(2)
    expect(ch.receiveSync()).toBeUndefined()
    expect(await ch.receive()).toBeUndefined()
    expect(ch.receiveManySync(new Float64Array(3))).toBe(0)
  })

  it('refuses to send even when the channel is full', () => {
    const ch = channel(f64, { capacity: 1 })
    ch.trySend(1)
    ch.close()
    expect(() => ch.trySend(2)).toThrow(ClosedError)
  })

  it('settles everything that waits on this event loop', async () => {
    const empty = channel(f64, { capacity: 1 })
    const receives = [empty.receive(), empty.receive(), empty.receive()]
    const full = channel(f64, { capacity: 1 })
    full.trySend(1)
    const sends = [full.send(2), full.send(3)].map((send) => send.catch((error) => error.code))
    empty.close()
    full.close()
    expect(await Promise.all(receives)).toEqual([undefined, undefined, undefined])
    expect(await Promise.all(sends)).toEqual(['ERR_CLOSED', 'ERR_CLOSED'])
    expect(full.tryReceive()).toBe(1)
  })

  it('wakes blocked threads on both sides, each time all of them', async () => {
    const empty = channel(f64, { capacity: 1 })
    const full = channel(f64, { capacity: 1 })
    full.trySend(1)
    const receivers = numbers(3).map(() => inWorker(({ open }, handle) => open(handle).receiveSync(), empty.handle))
    const senders = numbers(3).map(() =>
      inWorker(({ open }, handle) => {
        try {
          open(handle).sendSync(2)
        } catch (error) {
          return (error as { code: string }).code
        }
      }, full.handle),
    )
    await new Promise((resolve) => setTimeout(resolve, 300))
    empty.close()
    full.close()
    expect(await Promise.all(receivers)).toEqual([undefined, undefined, undefined])
    expect(await Promise.all(senders)).toEqual(['ERR_CLOSED', 'ERR_CLOSED', 'ERR_CLOSED'])
  })
})

describe('waiting on one event loop', () => {
  it('serves receivers in the order in which they asked', async () => {
    const ch = channel(f64, { capacity: 2 })
    const received = numbers(6).map(() => ch.receive())
    for (let value = 0; value < 6; value++) await ch.send(value)
    expect(await Promise.all(received)).toEqual(numbers(6))
  })

  it('serves senders in the order in which they asked', async () => {
    const ch = channel(f64, { capacity: 2 })
    const sent = Promise.all(numbers(10).map((value) => ch.send(value)))
    const received: unknown[] = []
    for (let at = 0; at < 10; at++) received.push(await ch.receive())
    await sent
    expect(received).toEqual(numbers(10))
  })

  it('sends and receives batches longer than the channel', async () => {
    const ch = channel(f64, { capacity: 3 })
    const sent = ch.sendMany(numbers(20)).then((count) => {
      ch.close()
      return count
    })
    const into = new Float64Array(8)
    const received: number[] = []
    for (let count = await ch.receiveMany(into); count > 0; count = await ch.receiveMany(into)) {
      received.push(...into.subarray(0, count))
    }
    expect(await sent).toBe(20)
    expect(received).toEqual(numbers(20))
  })

  it('iterates until closed and drained', async () => {
    const ch = channel(f64, { capacity: 2 })
    const sent = ch.sendMany(numbers(9)).then(() => ch.close())
    const received: number[] = []
    for await (const value of ch) received.push(value)
    await sent
    expect(received).toEqual(numbers(9))
  })
})

describe('between threads', () => {
  const EACH = 6_000
  const styles = ['blocking', 'async', 'batch'] as const
  const crews: [producers: number, consumers: number][] = [
    [1, 1],
    [3, 1],
    [1, 3],
    [2, 2],
  ]
  const cases = styles.flatMap((style) =>
    crews.flatMap(([producers, consumers]) =>
      [1, 3, 128].map((capacity) => ({ style, producers, consumers, capacity })),
    ),
  )

  it.each(cases)(
    '$producers to $consumers, capacity $capacity, $style: every value arrives once, in its sender’s order',
    async ({ style, producers, consumers, capacity }) => {
      const ch = channel(f64, { capacity })
      // One async hand-over through one cell is a wake-up: fewer of them say as much.
      const each = style === 'async' && capacity < 10 ? EACH / 10 : EACH
      const received = numbers(consumers).map(() =>
        inWorker(
          async ({ open }, handle, how) => {
            const mine = open(handle)
            const values: number[] = []
            const into = new Float64Array(64)
            while (true) {
              if (how === 'batch') {
                const count = mine.receiveManySync(into)
                if (count === 0) return values
                values.push(...into.subarray(0, count))
              } else {
                const value = how === 'async' ? await mine.receive() : mine.receiveSync()
                if (value === undefined) return values
                values.push(value)
              }
            }
          },
          ch.handle,
          style,
        ),
      )
      const sent = numbers(producers).map((producer) =>
        inWorker(
          async ({ open }, handle, how, from, count) => {
            const mine = open(handle)
            if (how === 'batch') {
              for (let at = 0; at < count; at += 50) {
                mine.sendManySync(
                  Float64Array.from({ length: Math.min(50, count - at) }, (_, step) => from + at + step),
                )
              }
            } else {
              for (let value = from; value < from + count; value++) {
                if (how === 'async') await mine.send(value)
                else mine.sendSync(value)
              }
            }
          },
          ch.handle,
          style,
          producer * each,
          each,
        ),
      )
      await Promise.all(sent)
      ch.close()
      const parts = await Promise.all(received)
      expect(sorted(parts.flat())).toEqual(numbers(producers * each))
      for (const part of parts) {
        for (let producer = 0; producer < producers; producer++) {
          const mine = part.filter((value) => Math.floor(value / each) === producer)
          expect(mine).toEqual([...mine].sort((a, b) => a - b))
        }
      }
    },
  )

  it('a thread that blocks and one that awaits meet on one channel', async () => {
    const there = channel(f64, { capacity: 1 })
    const back = channel(f64, { capacity: 1 })
    const echo = inWorker(
      ({ open }, from, to) => {
        const [incoming, outgoing] = [open(from), open(to)]
        for (let value = incoming.receiveSync(); value !== undefined; value = incoming.receiveSync()) {
          outgoing.sendSync(value)
        }
      },
      there.handle,
      back.handle,
    )
    for (let value = 0; value < 500; value++) {
      await there.send(value)
      expect(await back.receive()).toBe(value)
    }
    there.close()
    await echo
  })
})

describe('stack', () => {
  it.each([f64, i32])('is last in, first out, and bounded: $name', (codec) => {
    const stack = new Stack(codec, { capacity: 5 })
    expect(stack.pop()).toBeUndefined()
    for (let lap = 0; lap < 3; lap++) {
      for (let value = 0; value < 5; value++) expect(stack.push(value)).toBe(true)
      expect(stack.push(5)).toBe(false)
      for (let value = 4; value >= 0; value--) expect(stack.pop()).toBe(value)
      expect(stack.pop()).toBeUndefined()
    }
  })

  it('refuses a capacity that its links cannot count', () => {
    expect(() => new Stack(f64, { capacity: 0 })).toThrow(RangeError)
    expect(() => new Stack(f64, { capacity: 65_536 })).toThrow(RangeError)
  })

  it('loses and invents nothing between threads', async () => {
    const stack = new Stack(f64, { capacity: 16 })
    const parts = await Promise.all(
      numbers(3).map((thread) =>
        inWorker(
          ({ open }, handle, from, count) => {
            const mine = open(handle)
            const popped: number[] = []
            for (let value = from; value < from + count; ) {
              if (mine.push(value)) value++
              const got = mine.pop()
              if (got !== undefined) popped.push(got)
            }
            return popped
          },
          stack.handle,
          thread * 20_000,
          20_000,
        ),
      ),
    )
    const all = parts.flat()
    for (let value = stack.pop(); value !== undefined; value = stack.pop()) all.push(value)
    expect(sorted(all)).toEqual(numbers(60_000))
  })
})

describe('numbers', () => {
  it('an atomic answers as Go’s do', () => {
    const atomic = new AtomicI32(5)
    expect(atomic.add(3)).toBe(8)
    expect(atomic.sub(10)).toBe(-2)
    expect(atomic.swap(7)).toBe(-2)
    expect(atomic.compareAndSwap(6, 1)).toBe(false)
    expect(atomic.compareAndSwap(7, 2 ** 31 - 1)).toBe(true)
    expect(atomic.add(1)).toBe(-(2 ** 31))
    expect(open(atomic.handle).load()).toBe(-(2 ** 31))
  })

  it('counters and atomics add up between threads', async () => {
    const counter = new Counter()
    const atomic = new AtomicI32()
    await Promise.all(
      numbers(3).map(() =>
        inWorker(
          ({ open }, sharded, shared) => {
            const [mine, one] = [open(sharded), open(shared)]
            for (let round = 0; round < 50_000; round++) {
              mine.add()
              one.add(1)
            }
          },
          counter.handle,
          atomic.handle,
        ),
      ),
    )
    expect(counter.value).toBe(150_000)
    expect(atomic.load()).toBe(150_000)
    counter.reset()
    expect(counter.value).toBe(0)
  })
})
