// The byte pipe between threads, in any mix of blocking and async; death; streams.

import { Arena, ClosedError, type Pipe, pipe } from 'millrace'
import { afterAll, describe, expect, test } from 'vitest'
import { expectPending, macrotask, rejection, sleep, until } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { elsewhere, placements, spawn } from './support/threads.js'

const arena = new Arena({ size: 8 * 2 ** 20 })
const make = (capacity?: number): Pipe => pipe({ capacity, arena })
const bytes = (...list: number[]): Uint8Array => Uint8Array.from(list)
const filled = (length: number, value = 7): Uint8Array => new Uint8Array(length).fill(value)

afterAll(() => {
  const { 4096: _scratch, ...blocks } = arena.stats().blocks
  expect(blocks).toEqual({})
})

describe.each(placements)('$name', ({ left, right }) => {
  /** Records whose lengths and bytes follow from a seed: the reader makes the same ones and compares. */
  test.each([
    [64, 400],
    [1024, 2000],
    [65_536, 3000],
  ])(
    'capacity %i: records of random lengths arrive whole, in order, by all ways of writing and reading',
    async (capacity, n) => {
      using p = make(capacity)
      const count = rounds(n)
      const seed = random(`pipe ${capacity}`).below(2 ** 30)
      const writing = left(
        async ({ open, io, randomFrom }, handle, seed, count) => {
          const p = open(handle)
          const [rng, how] = [randomFrom(seed), randomFrom(seed + 1)]
          const next = () => Uint8Array.from({ length: rng.below(p.maxRecord + 1) & 1023 }, () => rng.below(256))
          for (let i = 0; i < count; ) {
            const way = how.below(4)
            if (way === 0) {
              const batch = Array.from({ length: Math.min(1 + how.below(20), count - i) }, next)
              i += batch.length
              await io.writeMany(p, batch)
            } else {
              const record = next()
              i++
              if (way === 1) {
                const r = await io.reserve(p, record.length)
                r.bytes.set(record)
                if (how.below(2)) r.commit()
                else r.stage()
              } else await io.write(p, record)
            }
          }
          p.close()
        },
        p.handle,
        seed,
        count,
      )
      const reading = right(
        async ({ open, io, randomFrom }, handle, seed) => {
          const p = open(handle)
          const [rng, how] = [randomFrom(seed), randomFrom(seed + 2)]
          let n = 0
          const check = (record: Uint8Array) => {
            const length = rng.below(p.maxRecord + 1) & 1023
            if (record.length !== length) throw new Error(`record ${n} has ${record.length} bytes, not ${length}`)
            for (let k = 0; k < length; k++)
              if (record[k] !== rng.below(256)) throw new Error(`record ${n} differs at ${k}`)
            n++
          }
          for (;;) {
            const way = how.below(4)
            if (way === 0) {
              const batch = await io.readMany(p, 1 + how.below(20))
              if (batch.length === 0) return n
              batch.forEach(check)
            } else if (way === 1) {
              const view = await io.readView(p)
              if (view === undefined) return n
              check(view.bytes)
              view.release()
            } else if (way === 2) p.tryDrain(check, how.below(10))
            else {
              const record = await io.read(p)
              if (record === undefined) return n
              check(record)
            }
          }
        },
        p.handle,
        seed,
      )
      await writing
      expect(await reading).toBe(count)
    },
  )
})

describe('between threads', () => {
  test('a blocking reader by drain, rows, views and records reads a million bytes', async () => {
    for (const how of ['drain', 'rows', 'views', 'records']) {
      using p = make(4096)
      const sum = elsewhere(
        'blocking',
        ({ open, io }, handle, how) => {
          const p = open(handle)
          let sum = 0
          const add = (record: Uint8Array) => {
            for (const byte of record) sum += byte
          }
          if (how === 'drain') io.drain(p, add)
          else if (how === 'rows') p.drainRowsSync(add)
          else for (const record of how === 'views' ? p.views() : p.sync()) add(record)
          return sum
        },
        p.handle,
        how,
      )
      let expected = 0
      for (let i = 0; i < 2500; i++) {
        const record = filled(400, i & 255)
        expected += 400 * (i & 255)
        if (how === 'rows') await p.writeRows(record, 40)
        else await p.write(record)
      }
      p.close()
      expect(await sum).toBe(expected)
    }
  })

  test('drain on the event loop lets timers go on', async () => {
    using p = make(4096)
    const writing = elsewhere(
      'blocking',
      async ({ open, io }, handle) => {
        const p = open(handle)
        const records = Array.from({ length: 50 }, () => new Uint8Array(8))
        const end = Date.now() + 100
        let n = 0
        while (Date.now() < end) n += io.writeMany(p, records)
        p.close()
        return n
      },
      p.handle,
    )
    let ticks = 0
    const timer = setInterval(() => ticks++, 1)
    const n = await p.drain(() => {})
    clearInterval(timer)
    expect(n).toBe(await writing)
    expect(ticks).toBeGreaterThan(5)
  })

  test('an idle pipe keeps nobody busy, and a waiting read keeps the process alive until it is told', async () => {
    using p = make(64)
    setTimeout(() => p.tryWrite(bytes(5)), 300)
    const { cpu, record } = await elsewhere(
      'blocking',
      ({ open }, handle, writer) => {
        const p = open(handle)
        open(writer)
        const before = process.cpuUsage()
        const record = p.readSync()
        const { user, system } = process.cpuUsage(before)
        return { cpu: (user + system) / 1000, record }
      },
      p.reader.handle,
      p.writer.handle,
    )
    expect(record).toEqual(bytes(5))
    expect(cpu).toBeLessThan(250)
  })

  const sideOf = (side: 'writer' | 'reader') =>
    spawn(
      async ({ open, sleep }, handle, side, shared) => {
        const p = open(handle)
        const words = new Int32Array(shared)
        const record = new Uint8Array(12)
        const values = new Int32Array(record.buffer)
        for (;;) {
          if (side === 'writer') {
            // Which record comes next is noted after it has been written: the heir may write one again, and skips none.
            const next = Atomics.load(words, 0)
            values.fill(next)
            if (next % 4 === 0) p.writeManySync([record])
            else if (next % 4 === 1) await p.write(record)
            else if (next % 4 === 2) {
              // Rows of 16 bytes: the same record, twice.
              const rows = new Int32Array(8).fill(next)
              p.writeRowsSync(new Uint8Array(rows.buffer), 16)
            } else {
              const r = p.reserveSync(20)
              r.bytes.set(record)
              r.commit(12)
            }
            Atomics.store(words, 0, next + 1)
          } else {
            const view = p.readViewSync()
            if (view === undefined) break
            const copy = new Int32Array(view.bytes.slice().buffer)
            if (copy.length !== 3 + Number((copy[0] as number) % 4 === 2) || copy.some((v) => v !== copy[0]))
              Atomics.add(words, 2, 1)
            // Seen before (an heir), or the next one.
            const last = Atomics.load(words, 1)
            if ((copy[0] as number) > last + 1) Atomics.add(words, 3, 1)
            Atomics.store(words, 1, Math.max(last, copy[0] as number))
            view.release()
          }
          if (Math.random() < 0.001) await sleep(1)
        }
      },
      ...([side === 'writer' ? p0.writer.handle : p0.reader.handle, side, shared0] as const),
    )
  let p0: Pipe
  let shared0: SharedArrayBuffer

  test.each(['writer', 'reader', 'both'] as const)(
    '%s terminated again and again: no record is torn or skipped',
    async (who) => {
      p0 = make(512)
      shared0 = new SharedArrayBuffer(16)
      const words = new Int32Array(shared0)
      words[1] = -1
      const live = { writer: sideOf('writer'), reader: sideOf('reader') }
      for (let kills = 0; kills < rounds(8); kills++) {
        const before = Atomics.load(words, 1)
        await until(() => Atomics.load(words, 1) > before + 50, 'the heirs to go on')
        await sleep(Math.random() * 5)
        const side = who === 'both' ? (kills % 2 ? 'writer' : 'reader') : who
        await live[side].terminate()
        live[side] = sideOf(side)
      }
      const before = Atomics.load(words, 1)
      await until(() => Atomics.load(words, 1) > before + 50, 'the heirs to go on')
      await live.writer.terminate()
      p0.close()
      await live.reader.ended
      expect([words[2], words[3]]).toEqual([0, 0])
      p0.dispose()
    },
    60_000,
  )

  test('a writer that waits is told when the reader dies and another one reads', async () => {
    using p = make(32)
    p.tryWriteMany([filled(8, 1), filled(8, 2)])
    const writing = p.write(filled(8, 3))
    const reader = spawn(async ({ open, sleep }, handle) => {
      const p = open(handle)
      p.readViewSync()
      await sleep(1e6)
    }, p.reader.handle)
    await until(() => p.length === 32 && arena.stats().threads > 1)
    await sleep(100)
    await reader.terminate()
    await expectPending(writing)
    expect(p.readSync()).toEqual(filled(8, 1))
    await writing
    expect([p.readSync(), p.readSync()]).toEqual([filled(8, 2), filled(8, 3)])
  })
})

describe('streams', () => {
  async function readAll(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
    const parts: Uint8Array[] = []
    for await (const part of stream as unknown as AsyncIterable<Uint8Array>) parts.push(part)
    return Buffer.concat(parts)
  }

  test('what goes into one end comes out of the other, cut as need be', async () => {
    using p = make(1024)
    const source = Buffer.from(Array.from({ length: 20_000 }, (_, i) => i % 251))
    const chunks = [source.subarray(0, 3), source.subarray(3, 3), source.subarray(3, 15_000), source.subarray(15_000)]
    const writing = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk)
        controller.close()
      },
    }).pipeTo(p.toWritableStream())
    expect(Buffer.compare(await readAll(p.toReadableStream()), source)).toBe(0)
    await writing
    expect(p.closed).toBe(true)
  })

  test('back-pressure: a write waits for room; nothing is read ahead', async () => {
    using p = make(64)
    const writer = p.toWritableStream().getWriter()
    const writes = [1, 2, 3, 4].map((v) => writer.write(filled(24, v)))
    await expectPending(writes[2] as Promise<void>)
    expect(p.length).toBe(64)
    const reader = p.toReadableStream().getReader()
    await macrotask()
    expect(p.length).toBe(64)
    for (const v of [1, 2, 3, 4]) expect(await reader.read()).toEqual({ value: filled(24, v), done: false })
    await Promise.all(writes)
    await writer.close()
    expect(await reader.read()).toEqual({ value: undefined, done: true })
  })

  test('cancel loses nothing; abort closes; a closed pipe is an error for the writer; wrong chunks too', async () => {
    using p = make(64)
    const reader = p.toReadableStream().getReader()
    const waiting = reader.read()
    await expectPending(waiting)
    await reader.cancel()
    expect(await waiting).toEqual({ value: undefined, done: true })
    const stream = p.toWritableStream()
    const writer = stream.getWriter()
    await writer.write(bytes(1))
    await writer.abort('enough')
    expect([p.readSync(), p.readSync(), p.closed]).toEqual([bytes(1), undefined, true])
    expect(await rejection(p.toWritableStream().getWriter().write(bytes(1)))).toBeInstanceOf(ClosedError)
    using q = make(64)
    expect(
      await rejection(
        q
          .toWritableStream()
          .getWriter()
          .write('x' as never),
      ),
    ).toBeInstanceOf(TypeError)
  })
})
