// MEM: what one side wrote to shared memory before, the other sees after. On x86-64 plain stores and loads are ordered anyway, so these
// tests say more about missing barriers on ARM; everywhere they catch hand-overs before the value is there.

import { f64, u32 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { buffered } from './conformance/subject.js'
import { rounds } from './support/settings.js'
import { elsewhere } from './support/threads.js'

const { make } = buffered()

describe.each([
  ['f64', f64],
  ['u32', u32],
] as const)('memory order of channels of %s', (_name, codec) => {
  for (const capacity of [0, 1, 16]) {
    test(`MEM-1 plain data written before a send is there after the receive (capacity ${capacity})`, async () => {
      const count = rounds(capacity === 0 ? 10_000 : 50_000)
      const ch = make(codec, capacity)
      const data = new SharedArrayBuffer(64 * count)
      const reading = elsewhere(
        'blocking',
        ({ open }, handle, data) => {
          const words = new Int32Array(data)
          let bad = 0
          for (const i of open(handle).sync()) if (words[i * 16] !== i + 1 || words[i * 16 + 15] !== -i) bad++
          return bad
        },
        ch.handle,
        data,
      )
      await elsewhere(
        'blocking',
        ({ open }, handle, data, count) => {
          const [ch, words] = [open(handle), new Int32Array(data)]
          for (let i = 0; i < count; i++) {
            words[i * 16] = i + 1
            words[i * 16 + 15] = -i
            ch.sendSync(i)
          }
          ch.close()
        },
        ch.handle,
        data,
        count,
      )
      expect(await reading).toBe(0)
    })
  }

  test('MEM-1 the same for batches', async () => {
    const count = rounds(2000)
    const ch = make(codec, 100)
    const data = new SharedArrayBuffer(4 * 64 * count)
    const reading = elsewhere(
      'blocking',
      ({ open }, handle, data) => {
        const [ch, words] = [open(handle), new Int32Array(data)]
        const into = new ch.codec.batch(64)
        let bad = 0
        for (let n = ch.receiveManySync(into); n > 0; n = ch.receiveManySync(into)) {
          for (let i = 0; i < n; i++) if (words[into[i]] !== into[i] + 1) bad++
        }
        return bad
      },
      ch.handle,
      data,
    )
    await elsewhere(
      'blocking',
      ({ open }, handle, data, count) => {
        const [ch, words] = [open(handle), new Int32Array(data)]
        const batch = new ch.codec.batch(64)
        for (let at = 0; at < 64 * count; at += 64) {
          for (let i = 0; i < 64; i++) words[at + i] = at + i + 1
          for (let i = 0; i < 64; i++) batch[i] = at + i
          ch.sendManySync(batch)
        }
        ch.close()
      },
      ch.handle,
      data,
      count,
    )
    expect(await reading).toBe(0)
  })

  test('MEM-3 plain data written before a close is there for who finds the channel closed', async () => {
    const channels = Array.from({ length: 300 }, (_, i) => make(codec, i % 2))
    const data = new SharedArrayBuffer(4 * channels.length)
    const handles = channels.map((ch) => ch.handle)
    const reading = elsewhere(
      'blocking',
      ({ open }, handles, data) => {
        const words = new Int32Array(data)
        return handles.filter((handle, i) => !open(handle).nextSync().done || words[i] !== i + 1).length
      },
      handles,
      data,
    )
    await elsewhere(
      'blocking',
      ({ open }, handles, data) => {
        const words = new Int32Array(data)
        for (const [i, handle] of handles.entries()) {
          words[i] = i + 1
          open(handle).close()
        }
      },
      handles,
      data,
    )
    expect(await reading).toBe(0)
  })

  for (const capacity of [1, 3]) {
    test(`MEM-4 a channel of capacity ${capacity} is a semaphore: that many hold it at most, and see what the last one wrote`, async () => {
      const ch = make(codec, capacity)
      const data = new SharedArrayBuffer(16)
      const count = rounds(3000)
      const bad = await Promise.all(
        Array.from({ length: 4 }, () =>
          elsewhere(
            'blocking',
            ({ open }, handle, data, count, capacity) => {
              const [ch, words] = [open(handle), new Int32Array(data)]
              let bad = 0
              for (let i = 0; i < count; i++) {
                ch.sendSync(0)
                if (Atomics.add(words, 0, 1) >= capacity) bad++
                // Plain, and exact only if one at a time is here.
                if (capacity === 1) words[1] = (words[1] as number) + 1
                Atomics.sub(words, 0, 1)
                ch.receiveSync()
              }
              return bad
            },
            ch.handle,
            data,
            count,
            capacity,
          ),
        ),
      )
      expect(bad).toEqual([0, 0, 0, 0])
      if (capacity === 1) expect(new Int32Array(data)[1]).toBe(4 * count)
    })
  }
})
