// Batches over a channel of capacity 0: it holds none of them, so each value waits for its receiver.

import { type Channel, f64 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { rejection, until } from '../support/probe.js'
import { placements } from '../support/threads.js'
import type { SharedSelectSubject } from './subject.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function rendezvousBatches({ name, make }: SharedSelectSubject): void {
  describe(`${name}: batches over capacity 0`, () => {
    for (const { name, left, right } of placements) {
      test(`what one side sends in batches the other gets, however it takes it (${name})`, async () => {
        for (const [sending, receiving] of [
          [true, true],
          [true, false],
          [false, true],
        ]) {
          const ch = make(f64)
          const taking = right(
            async ({ open, io }, handle, many) => {
              const ch = open(handle)
              const got: number[] = []
              if (many) {
                const into = new Float64Array(8)
                for (let n = await io.receiveMany(ch, into); n > 0; n = await io.receiveMany(ch, into))
                  got.push(...into.subarray(0, n))
              } else for await (const v of io.values(ch)) got.push(v)
              return got
            },
            ch.handle,
            receiving,
          )
          await left(
            async ({ open, io }, handle, many) => {
              const ch = open(handle)
              const values = Array.from({ length: 50 }, (_, i) => i)
              if (many) {
                if ((await io.sendMany(ch, values.slice(0, 20))) !== 20) throw new Error('not 20')
                if ((await io.sendMany(ch, new Float64Array(values.slice(20)))) !== 30) throw new Error('not 30')
              } else for (const v of values) await io.send(ch, v)
              ch.close()
            },
            ch.handle,
            sending,
          )
          expect(await taking).toEqual(range(50))
        }
      })
    }

    test('trying moves only what somebody waits for', async () => {
      const ch: Channel<number> = make(f64)
      const into = new Float64Array(4)
      expect([ch.trySendMany([1, 2]), ch.tryReceiveMany(into)]).toEqual([0, 0])
      const receiving = [ch.receive(), ch.receive()]
      expect(ch.trySendMany([1, 2, 3])).toBe(2)
      expect(await Promise.all(receiving)).toEqual([1, 2])
      const sending = [ch.send(4), ch.send(5)]
      expect(ch.tryReceiveMany(into)).toBe(2)
      expect([...into.subarray(0, 2)]).toEqual([4, 5])
      await Promise.all(sending)
      const half = rejection(ch.sendMany([6, 7, 8], { timeout: 60 }))
      expect(await ch.receive()).toBe(6)
      expect(await half).toMatchObject({ code: 'ERR_TIMEOUT', transferred: 1 })
      expect(ch.tryNext()).toBe(undefined)
      const closed = rejection(ch.sendMany([6, 7, 8]))
      expect(await ch.receive()).toBe(6)
      await until(() => ch.tryReceive() === 7)
      ch.close()
      expect(await closed).toMatchObject({ code: 'ERR_CLOSED', transferred: 2 })
    })
  })
}
