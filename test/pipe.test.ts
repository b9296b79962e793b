// The byte pipe in one thread: records of any length, in place and copied, batches, closing, misuse.

import { Arena, ArenaFullError, ClosedError, open, type Pipe, pipe, StaleHandleError, TimeoutError } from 'millrace'
import { afterAll, describe, expect, test } from 'vitest'
import { expectPending, macrotask, rejection, sleep, thrown } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { elsewhere } from './support/threads.js'

const arena = new Arena({ size: 8 * 2 ** 20 })
const make = (capacity?: number): Pipe => pipe({ capacity, arena })
const bytes = (...list: number[]): Uint8Array => Uint8Array.from(list)
const filled = (length: number, value = 7): Uint8Array => new Uint8Array(length).fill(value)
/** As toEqual, for long records. */
const expectSame = (record: Uint8Array | undefined, expected: Uint8Array | undefined): void => {
  if (record === undefined || expected === undefined) expect(record).toBe(expected)
  else expect(Buffer.compare(record, expected)).toBe(0)
}

afterAll(() => {
  const { 4096: _scratch, ...blocks } = arena.stats().blocks
  expect(blocks).toEqual({})
})

describe('one thread', () => {
  test('records come out whole, in order, with their lengths', () => {
    using p = make(1024)
    expect([p.tryRead(), p.length, p.closed, p.capacity, p.maxRecord]).toEqual([undefined, 0, false, 1024, 504])
    const records = [bytes(), bytes(1), bytes(1, 2, 3, 4, 5, 6, 7, 8), filled(100), filled(504)]
    for (const record of records) expect(p.tryWrite(record)).toBe(true)
    expect(p.length).toBe(8 + 16 + 16 + 112 + 512)
    for (const record of records) expect(p.tryRead()).toEqual(record)
    expect([p.tryRead(), p.length]).toEqual([undefined, 0])
  })

  test('what was read is a copy', () => {
    using p = make(64)
    p.tryWrite(bytes(1, 2, 3))
    const record = p.tryRead() as Uint8Array
    expect(record.buffer).toBeInstanceOf(ArrayBuffer)
    for (let i = 0; i < 10; i++) {
      p.tryWrite(filled(24))
      p.tryRead()
    }
    expect(record).toEqual(bytes(1, 2, 3))
  })

  test('a full pipe says so, and takes again after reads', () => {
    for (const capacity of [32, 40, 64, 72, 1000]) {
      using p = make(capacity)
      const record = filled(8)
      for (let round = 0; round < 3; round++) {
        let n = 0
        while (p.tryWrite(record)) n++
        expect(n).toBe(Math.floor(capacity / 16))
        for (let i = 0; i < n; i++) expect(p.tryRead()).toEqual(record)
        expect(p.tryRead()).toBe(undefined)
      }
    }
  })

  test('the longest record fits an empty pipe wherever that stands', () => {
    using p = make(128)
    for (let i = 0; i < 200; i++) {
      expect(p.tryWrite(filled(p.maxRecord, i))).toBe(true)
      expectSame(p.tryRead(), filled(p.maxRecord, i))
      p.tryWrite(filled(i % 20))
      p.tryRead()
    }
  })

  test('many at once', () => {
    using p = make(1024)
    const records = Array.from({ length: 100 }, (_, i) => filled(8, i))
    expect(p.tryWriteMany(records)).toBe(64)
    expect(p.tryReadMany(10)).toEqual(records.slice(0, 10))
    expect(p.tryWriteMany(new Set(records.slice(64, 70)))).toBe(6)
    expect([...p.available()]).toEqual(records.slice(10, 70))
    expect([p.tryReadMany(5), p.tryReadMany(0)]).toEqual([[], []])
    expect(p.writeManySync(records.slice(0, 3))).toBe(3)
    expect(p.readManySync(2)).toEqual(records.slice(0, 2))
    const seen: number[] = []
    expect(p.tryDrain((b) => seen.push(b[0] as number))).toBe(1)
    expect(seen).toEqual([2])
  })

  test('rows: written together, read one by one or together', async () => {
    using p = make(1024)
    const rows = Uint8Array.from({ length: 24 * 20 }, (_, i) => Math.floor(i / 24))
    const all: [number, number][] = []
    const note = (b: Uint8Array, size: number): void => {
      for (let at = 0; at < b.length; at += size) all.push([b[at] as number, size])
    }
    expect(p.tryWriteRows(rows, 24)).toBe(20)
    for (let i = 0; i < 3; i++) expect(p.tryRead()).toEqual(filled(24, i))
    const view = p.tryReadView()
    expect(view?.bytes.slice()).toEqual(filled(24, 3))
    view?.release()
    expect(p.length).toBe(4 * 8 + 16 * 24)
    expect(p.tryDrainRows(note)).toBe(16)
    expect(all).toEqual(Array.from({ length: 16 }, (_, i) => [i + 4, 24]))
    // Of a size that is not aligned, and single records.
    expect([p.tryWriteRows(bytes(1, 2, 3, 4, 5, 6), 3), p.tryWrite(bytes(7)), p.tryWrite(bytes())]).toEqual([
      2,
      true,
      true,
    ])
    const parts: number[][] = []
    expect(p.tryDrainRows((b, size) => parts.push([size, ...b]))).toBe(4)
    expect(parts).toEqual([[3, 1, 2, 3], [3, 4, 5, 6], [1, 7], [0]])
    // As much as there is room for, and the rest when there is.
    const many = new Uint8Array(16 * 200)
    const done = p.tryWriteRows(many, 16)
    expect(done).toBeGreaterThan(50)
    expect(p.tryWriteRows(many, 16)).toBe(0)
    expect(thrown(() => p.writeRowsSync(many, 16, { timeout: 1 }))).toMatchObject({
      code: 'ERR_TIMEOUT',
      transferred: 0,
    })
    const rest = p.writeRows(many.subarray(16 * done), 16)
    let read = 0
    while (read < 200) read += (await p.readMany(7)).length
    expect([await rest, read, p.tryRead()]).toEqual([200 - done, 200, undefined])
    expect([p.tryWriteRows(new Uint8Array(0), 8), p.writeRowsSync(new Uint8Array(0), 8)]).toEqual([0, 0])
    for (const size of [0, 7, -8, 0.5, 512])
      expect(thrown(() => p.tryWriteRows(new Uint8Array(16), size))).toBeInstanceOf(RangeError)
    expect(thrown(() => p.tryWriteRows([] as never, 8))).toBeInstanceOf(TypeError)
    expect(await rejection(p.writeRows(new Uint8Array(16), '8' as never))).toBeInstanceOf(TypeError)
  })

  test('a record that is refused ends a batch; those before it are written', () => {
    using p = make(64)
    expect(thrown(() => p.tryWriteMany([bytes(1), 'x' as never, bytes(2)]))).toBeInstanceOf(TypeError)
    expect([p.tryRead(), p.tryRead()]).toEqual([bytes(1), undefined])
  })

  test('random sizes against an array', () => {
    const rng = random('pipe')
    for (const capacity of [32, 48, 200, 1024, 4096]) {
      using p = make(capacity)
      const model: Uint8Array[] = []
      for (let i = 0; i < rounds(2000); i++) {
        const record = Uint8Array.from({ length: rng.below(p.maxRecord + 1) }, () => rng.below(256))
        switch (rng.below(7)) {
          case 5: {
            const size = Math.min(p.maxRecord, 8 * (1 + rng.below(4)) - (rng.below(4) ? 0 : 3))
            const rows = Uint8Array.from({ length: size * rng.below(30) }, () => rng.below(256))
            const n = p.tryWriteRows(rows, size)
            for (let k = 0; k < n; k++) model.push(rows.slice(k * size, (k + 1) * size))
            break
          }
          case 6:
            p.tryDrainRows((block, size) => {
              for (let at = 0; at < block.length; at += size) expectSame(block.slice(at, at + size), model.shift())
              if (block.length === 0) expectSame(block.slice(), model.shift())
            }, rng.below(3))
            break
          case 0:
            if (p.tryWrite(record)) model.push(record)
            else expect(model.length).toBeGreaterThan(0)
            break
          case 1: {
            const r = p.tryReserve(p.maxRecord)
            if (r === undefined) break
            r.bytes.set(record)
            if (rng.below(3) === 0) r.abort()
            else {
              rng.below(2) ? r.commit(record.length) : r.stage(record.length)
              model.push(record)
            }
            p.flush()
            break
          }
          case 2: {
            const view = p.tryReadView()
            expect(view === undefined).toBe(model.length === 0)
            if (view !== undefined) expectSame(view.bytes.slice(), model.shift())
            view?.release()
            break
          }
          default:
            expectSame(p.tryRead(), model.shift())
        }
        if (model.length === 0 && p.tryRead() !== undefined) throw new Error('a record came twice')
      }
    }
  })

  test('reservations: written in place, committed, shortened, aborted, staged', () => {
    using p = make(256)
    const r = p.tryReserve(16)
    if (r === undefined) throw new Error('no room')
    r.bytes.set(bytes(1, 2, 3))
    expect(p.tryRead()).toBe(undefined)
    r.commit(3)
    expect(thrown(() => r.bytes)).toBeInstanceOf(TypeError)
    expect(thrown(() => r.commit())).toBeInstanceOf(TypeError)
    r.abort()
    expect(p.tryRead()).toEqual(bytes(1, 2, 3))
    {
      using dropped = p.reserveSync(8)
      dropped.bytes.fill(1)
    }
    for (let i = 0; i < 3; i++) {
      const staged = p.reserveSync(8)
      staged.bytes.fill(i)
      staged.stage()
    }
    expect(p.tryRead()).toBe(undefined)
    p.tryWrite(bytes(9))
    expect([...p.available()]).toEqual([filled(8, 0), filled(8, 1), filled(8, 2), bytes(9)])
    p.reserveSync(8).stage(0)
    p.close()
    expect([...p.sync()]).toEqual([bytes()])
  })

  test('what is staged does not stand in its own way', async () => {
    using p = make(64)
    for (let i = 0; i < 4; i++) p.reserveSync(8).stage()
    const waiting = p.reserve(8)
    await expectPending(waiting)
    expect((await p.readMany(9)).length).toBe(4)
    ;(await waiting).abort()
  })

  test('views: read in place, released, not twice', () => {
    using p = make(256)
    p.tryWriteMany([bytes(1), bytes(2, 2)])
    const view = p.tryReadView()
    expect(view?.bytes.slice()).toEqual(bytes(1))
    expect(p.length).toBe(32)
    view?.release()
    view?.release()
    expect(p.length).toBe(16)
    expect(thrown(() => view?.bytes)).toBeInstanceOf(TypeError)
    {
      using last = p.readViewSync()
      expect(last?.bytes.length).toBe(2)
    }
    expect([p.length, p.tryReadView()]).toEqual([0, undefined])
  })

  test('tasks of one event loop: reads are served in the order of their calls', async () => {
    using p = make(64)
    const reads = [p.read(), p.read(), p.readMany(2), p.read()]
    await macrotask()
    for (let i = 1; i <= 5; i++) await p.write(bytes(i))
    const [first, second, many, last] = await Promise.all(reads)
    expect([first, second]).toEqual([bytes(1), bytes(2)])
    expect([...(many as Uint8Array[]), last]).toEqual(
      [bytes(3), bytes(4), bytes(5)].slice(0, (many as unknown[]).length + 1),
    )
    while (p.tryRead() !== undefined) {}
    const writes = Array.from({ length: 20 }, (_, i) => p.write(filled(8, i)))
    const values: number[] = []
    while (values.length < 20) values.push(((await p.read()) as Uint8Array)[0] as number)
    expect(values).toEqual(Array.from({ length: 20 }, (_, i) => i))
    await Promise.all(writes)
  })

  test('timeouts and aborts: nothing has happened then', async () => {
    using p = make(32)
    const aborted = new AbortController()
    const waiting = [
      p.read({ timeout: 5 }),
      p.read({ signal: aborted.signal }),
      p.readView({ timeout: 5 }),
      p.readMany(3, { timeout: 5 }),
    ].map(rejection)
    const last = p.read()
    await sleep(10)
    aborted.abort('enough')
    const errors = await Promise.all(waiting)
    for (const error of [errors[0], errors[2], errors[3]]) {
      expect(error).toBeInstanceOf(TimeoutError)
      expect((error as Error).message).toMatch(/timed out after 5 ms/)
    }
    expect(errors[1]).toBe('enough')
    p.tryWrite(bytes(1))
    expect(await last).toEqual(bytes(1))
    expect(thrown(() => p.readSync({ timeout: 1 }))).toBeInstanceOf(TimeoutError)
    p.tryWriteMany([filled(8), filled(8)])
    expect(thrown(() => p.writeSync(filled(8), { timeout: 1 }))).toBeInstanceOf(TimeoutError)
    expect(await rejection(p.write(filled(8), { timeout: 0 }))).toBeInstanceOf(TimeoutError)
    expect(await rejection(p.reserve(8, { timeout: 1 }))).toBeInstanceOf(TimeoutError)
    p.tryRead()
    const many = await rejection(p.writeMany([filled(8), filled(8)], { timeout: 5 }))
    expect(many).toMatchObject({ code: 'ERR_TIMEOUT', transferred: 1 })
    expect([...p.available()].length).toBe(2)
  })
})

describe('closing', () => {
  test('what was written is read, then the end', async () => {
    using p = make(64)
    p.tryWriteMany([bytes(1), bytes(2)])
    p.close()
    expect(p.closed).toBe(true)
    expect(thrown(() => p.tryWrite(bytes(3)))).toMatchObject({ code: 'ERR_CLOSED', message: 'write on closed pipe' })
    expect(await rejection(p.write(bytes(3)))).toBeInstanceOf(ClosedError)
    expect(await rejection(p.writeMany([bytes(3)]))).toBeInstanceOf(ClosedError)
    expect(thrown(() => p.tryReserve(3))).toBeInstanceOf(ClosedError)
    expect(thrown(() => p.close())).toMatchObject({ code: 'ERR_CLOSED', message: 'close of closed pipe' })
    expect([await p.read(), p.tryRead(), p.tryRead()]).toEqual([bytes(1), bytes(2), undefined])
    expect([p.tryNext(), await p.next(), p.nextSync()]).toEqual(Array(3).fill({ value: undefined, done: true }))
    expect([await p.read(), p.readSync(), await p.readView(), await p.readMany(3)]).toEqual([
      undefined,
      undefined,
      undefined,
      [],
    ])
    expect([await p.drain(() => {}), p.drainSync(() => {}), [...p.views()]]).toEqual([0, 0, []])
  })

  test('wakes who waits, also in line', async () => {
    const p = make(32)
    const reads = [p.read(), p.read(), p.next(), p.readMany(2)]
    await macrotask()
    p.close()
    expect(await Promise.all(reads)).toEqual([undefined, undefined, { value: undefined, done: true }, []])
    p.dispose()
    const q = make(32)
    q.tryWriteMany([filled(8), filled(8)])
    const writes = [q.write(filled(8)), q.write(filled(8)), q.reserve(8)].map(rejection)
    await macrotask()
    q.close()
    for (const error of await Promise.all(writes)) expect(error).toBeInstanceOf(ClosedError)
    q.dispose()
  })

  test('a reservation that is committed after the close is not sent', () => {
    using p = make(64)
    const r = p.reserveSync(8)
    p.close()
    expect(thrown(() => r.commit())).toBeInstanceOf(ClosedError)
    expect(p.readSync()).toBe(undefined)
  })

  test('for await ends; leaving it loses nothing', async () => {
    using p = make(1024)
    p.tryWriteMany([1, 2, 3, 4].map((v) => bytes(v)))
    const seen: number[] = []
    for await (const record of p) {
      seen.push(record[0] as number)
      if (seen.length === 2) break
    }
    for (const record of p.views()) {
      seen.push(record[0] as number)
      break
    }
    setTimeout(() => p.close(), 5)
    for await (const record of p) seen.push(record[0] as number)
    expect(seen).toEqual([1, 2, 3, 4])
  })

  test('dispose tells who waits, and everybody after', async () => {
    const p = make(32)
    const reads = [p.read(), p.read()].map(rejection)
    const other = open(p.writer.handle)
    await macrotask()
    p.dispose()
    p.dispose()
    for (const error of await Promise.all(reads)) expect(error).toBeInstanceOf(StaleHandleError)
    for (const use of [
      () => other.tryWrite(bytes(1)),
      () => p.tryRead(),
      () => p.length,
      () => p.closed,
      () => p.close(),
      () => p.handle,
      () => p.flush(),
      () => p.tryReserve(1),
    ])
      expect(thrown(use)).toBeInstanceOf(StaleHandleError)
  })
})

describe('misuse', () => {
  test('making one', () => {
    for (const capacity of [0, 31, -1, 1.5, Number.NaN, 2 ** 40])
      expect(thrown(() => pipe({ capacity, arena }))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    for (const wrong of ['64', null, {}])
      expect(thrown(() => pipe({ capacity: wrong as never, arena }))).toBeInstanceOf(TypeError)
    expect(thrown(() => pipe(null as never))).toBeInstanceOf(TypeError)
    const before = arena.stats().blocks
    expect(thrown(() => pipe({ capacity: 7 * 2 ** 20, arena }))).toBeInstanceOf(ArenaFullError)
    expect(arena.stats().blocks).toEqual(before)
    using odd = make(33)
    expect([odd.capacity, pipe.length]).toEqual([40, 0])
  })

  test('records', async () => {
    using p = make(64)
    for (const wrong of [
      'x',
      [1],
      null,
      undefined,
      new Uint16Array(2),
      new ArrayBuffer(2),
      new DataView(new ArrayBuffer(2)),
    ])
      expect(thrown(() => p.tryWrite(wrong as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    const error = thrown(() => p.tryWrite(filled(25)))
    expect(error).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    expect(error.message).toContain('at most 24 bytes')
    expect(await rejection(p.write(filled(25)))).toBeInstanceOf(RangeError)
    for (const wrong of [-1, 0.5, 25, Number.NaN]) expect(thrown(() => p.tryReserve(wrong))).toBeInstanceOf(RangeError)
    expect(thrown(() => p.tryReserve('1' as never))).toBeInstanceOf(TypeError)
    expect(thrown(() => p.tryReadMany(-1))).toBeInstanceOf(RangeError)
    expect(thrown(() => p.tryReadMany('1' as never))).toBeInstanceOf(TypeError)
    expect(thrown(() => p.tryDrain(1 as never))).toBeInstanceOf(TypeError)
    const r = p.reserveSync(8)
    for (const wrong of [-2, 9, 0.5]) expect(thrown(() => r.commit(wrong))).toBeInstanceOf(RangeError)
    r.commit(0)
    expect(p.readSync()).toEqual(bytes())
  })

  test('one reservation, one view at a time: tries throw, awaited operations wait in line', async () => {
    using p = make(256)
    const r = p.reserveSync(8)
    expect(thrown(() => p.tryWrite(bytes(1)))).toBeInstanceOf(TypeError)
    expect(thrown(() => p.writeSync(bytes(1)))).toBeInstanceOf(TypeError)
    expect(thrown(() => p.detach())).toBeInstanceOf(TypeError)
    const later = p.write(bytes(2))
    await expectPending(later)
    r.bytes.fill(1)
    r.commit(1)
    expect(p.tryWrite(bytes(3))).toBe(false)
    await later
    const view = p.tryReadView()
    expect(thrown(() => p.tryRead())).toBeInstanceOf(TypeError)
    const next = p.read()
    await expectPending(next)
    view?.release()
    expect(await next).toEqual(bytes(2))
    const waiting = p.read()
    await macrotask()
    expect(thrown(() => p.readSync())).toBeInstanceOf(TypeError)
    expect(p.tryRead()).toBe(undefined)
    p.close()
    expect(await waiting).toBe(undefined)
  })

  test('a callback that throws ends the draining after its record', async () => {
    using p = make(256)
    p.tryWriteMany([bytes(1), bytes(2)])
    expect(
      thrown(() =>
        p.tryDrain(() => {
          throw new Error('mine')
        }),
      ).message,
    ).toBe('mine')
    expect(p.tryRead()).toEqual(bytes(2))
  })

  test('a second writer or reader that lives is refused; after detach it is not', async () => {
    using p = make(256)
    p.tryWrite(bytes(1))
    p.tryRead()
    const both = (): Promise<string[]> =>
      elsewhere(
        'blocking',
        ({ open }, handle) => {
          const q = open(handle)
          return [() => q.tryWrite(Uint8Array.of(9)), () => q.tryRead()].map((use) => {
            try {
              use()
              return 'ok'
            } catch (error) {
              return `${(error as Error).name}: ${(error as Error).message}`
            }
          })
        },
        p.handle,
      )
    for (const message of await both()) expect(message).toMatch(/^TypeError: another thread.* has not called detach/)
    p.detach()
    expect(await both()).toEqual(['ok', 'ok'])
  })

  test('handles open as what they are; forged ones do not', () => {
    using p = make(64)
    expect(open(p.handle)).toBe(p)
    expect(open(p.writer.handle)).toBe(p.writer)
    expect(open(p.reader.handle)).toBe(p.reader)
    expect('tryRead' in open(p.writer.handle)).toBe(false)
    expect('tryWrite' in open(p.reader.handle)).toBe(false)
    expect(thrown(() => open({ ...p.handle, view: 'none' as never }))).toBeInstanceOf(TypeError)
    expect(thrown(() => open({ ...p.handle, kind: 'channel' }))).toBeInstanceOf(StaleHandleError)
    expect(thrown(() => open({ ...p.handle, generation: p.handle.generation + 1 }))).toBeInstanceOf(StaleHandleError)
  })
})
