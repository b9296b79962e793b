// The baseline of the rows of values: the pure TypeScript channel of records in bench/baseline, as built (npm run build:bench).

import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { open, type Records, records } from '../build/bench/baseline/index.js'

const BUILT = new URL('../build/bench/baseline/index.js', import.meta.url)

describe('records', () => {
  it.each<[string, unknown[]]>([
    [
      'struct',
      [
        { id: 2 ** 32 - 1, price: -0.1, side: 255, qty: 7, tag: 'AAPL.NAS' },
        { id: 0, price: 1e300, side: 0, qty: 0, tag: 'a' },
        { id: 1, price: 2, side: 3, qty: 4, tag: '' },
      ],
    ],
    ['any', [{ id: 1, name: 'dune', tags: ['x', 'ж', '\u{1f600}'] }, null, [], 'text']],
    ['bytes-64', [new Uint8Array(64).fill(7), new Uint8Array(0), Uint8Array.of(1, 2, 3)]],
    ['string-32', ['', 'x'.repeat(32), 'ж'.repeat(32), '中'.repeat(32), '\u{1f600}!']],
  ])('%s: come out as they went in, over many laps', (codec, values) => {
    const ch = records(codec, { capacity: 8 })
    for (let round = 0; round < 10; round++) {
      for (const value of values) ch.sendSync(value)
      for (const value of values) expect(ch.receiveSync()).toEqual(value)
    }
  })

  it('hand over memory of the receiver’s own', () => {
    const ch = records<Uint8Array>('bytes-8', { capacity: 2 })
    const source = Uint8Array.of(1, 2, 3)
    ch.sendSync(source)
    source.fill(9)
    const first = ch.receiveSync()
    expect([...first]).toEqual([1, 2, 3])
    expect(first.buffer).toBeInstanceOf(ArrayBuffer)
    expect(first.buffer.byteLength).toBe(3)
  })

  it('refuse a capacity that is no power of two', () => {
    expect(() => records('struct', { capacity: 3 })).toThrow(RangeError)
    expect(() => records('nonsense', { capacity: 4 })).toThrow('no records of nonsense')
  })

  it.each([1, 2, 64])('between threads, blocking, exactly once: capacity %i', async (capacity) => {
    const [PRODUCERS, EACH] = [3, 5000]
    const ch = records<{ id: number }>('struct', { capacity })
    const source = `
      const { parentPort, workerData } = require('node:worker_threads')
      import(workerData.url).then(({ open }) => {
        const ch = open(workerData.handle)
        for (let i = 0; i < workerData.each; i++) {
          const id = workerData.first + i
          ch.sendSync({ id, price: id / 3, side: 1, qty: id, tag: 'tag' + (id & 1023) })
        }
        parentPort.postMessage('done')
      })`
    for (let p = 0; p < PRODUCERS; p++) {
      new Worker(source, {
        eval: true,
        workerData: { url: BUILT.href, handle: ch.handle, first: p * EACH, each: EACH },
      })
    }
    const mine = open(ch.handle) as Records<{ id: number; price: number; qty: number; tag: string }>
    const marks = new Uint8Array(PRODUCERS * EACH)
    for (let i = 0; i < PRODUCERS * EACH; i++) {
      const { id, price, qty, tag } = mine.receiveSync()
      if (price !== id / 3 || qty !== id || tag !== `tag${id & 1023}`)
        throw new Error(`torn: ${id} ${price} ${qty} ${tag}`)
      marks[id] = (marks[id] ?? 0) + 1
    }
    expect(marks.every((times) => times === 1)).toBe(true)
  })
})
