// SEL: the same channel in several cases of one select.

import { f64 } from 'millrace'
import { describe, expect, test } from 'vitest'
import type { Cases } from '../support/contract.js'
import { macrotask, rejection } from '../support/probe.js'
import type { SelectSubject } from './subject.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function duplicates({ name, make, recv, send, select, trySelect }: SelectSubject): void {
  describe(`${name}: select, one channel in several cases`, () => {
    for (const capacity of [0, 1, 2]) {
      test(`SEL-19 each of two receives and two sends is taken some time (capacity ${capacity})`, async () => {
        const ch = make(f64, capacity)
        const seen = new Set<string>()
        const cases = (): Cases => ({ in1: recv(ch), in2: recv(ch), out1: send(ch, 1), out2: send(ch, 2) })
        for (let tries = 0; seen.size < 4; tries++) {
          expect(tries).toBeLessThan(10_000)
          const partner = capacity > 0 ? undefined : tries % 2 ? ch.send(5) : ch.receive()
          const hit = await select(cases())
          seen.add(hit.case)
          if (capacity === 0) {
            const got = await partner
            if (hit.case.startsWith('in')) expect(hit.value).toBe(5)
            else expect(got).toBe(hit.case === 'out1' ? 1 : 2)
          } else if (hit.case.startsWith('in')) expect([1, 2]).toContain(hit.value)
        }
        expect([...seen].sort()).toEqual(['in1', 'in2', 'out1', 'out2'])
      })

      test(`SEL-19 a select that waits on one channel several times gets one value (capacity ${capacity})`, async () => {
        const ch = make(f64, capacity)
        for (const round of range(20)) {
          const waiting = select({ a: recv(ch), b: recv(ch), c: recv(ch) })
          expect(ch.trySend(round)).toBe(true)
          expect((await waiting).value).toBe(round)
          expect([ch.length, ch.tryNext()]).toEqual([0, undefined])
        }
        expect(ch.trySend(1)).toBe(capacity > 0)
      })

      test(`SEL-19 a select that waits to send several values sends one of them (capacity ${capacity})`, async () => {
        const ch = make(f64, capacity)
        for (const _ of range(20)) {
          for (const i of range(capacity)) ch.trySend(i)
          const waiting = select({ a: send(ch, 10), b: send(ch, 11), c: send(ch, 12) })
          await macrotask()
          const got = [...ch.available()]
          const { case: key } = await waiting
          expect(got).toEqual([...range(capacity), 10 + ['a', 'b', 'c'].indexOf(key)])
          expect(ch.tryNext()).toBe(undefined)
        }
      })

      test(`SEL-10 SEL-11 SEL-19 close wakes it once (capacity ${capacity})`, async () => {
        const ch = make(f64, capacity)
        const waiting = select({ a: recv(ch), b: recv(ch) })
        const also = select({ a: recv(ch), b: recv(ch), c: recv(ch) })
        await macrotask()
        ch.close()
        for (const hit of await Promise.all([waiting, also])) expect([hit.value, hit.done]).toEqual([undefined, true])
        const full = make(f64, capacity)
        for (const i of range(capacity)) full.trySend(i)
        const sending = select({ a: send(full, 10), b: send(full, 11) })
        full.close()
        expect((await rejection(sending)).message).toBe('send on closed channel')
        expect([...full.available()]).toEqual(range(capacity))
      })
    }

    for (const capacity of [0, 100]) {
      test(`SEL-3 of two sends on one channel now one, now the other is taken (capacity ${capacity})`, async () => {
        const ch = make(f64, capacity)
        const tally = [0, 0]
        const note = (value: number | undefined): void => {
          ;(tally[value as number] as number)++
        }
        for (const _ of range(100)) {
          const receiving = capacity === 0 ? ch.receive() : undefined
          await select({ one: send(ch, 1), zero: send(ch, 0) })
          if (receiving) note(await receiving)
        }
        for (const v of ch.available()) note(v)
        expect((tally[0] as number) + (tally[1] as number)).toBe(100)
        for (const count of tally) expect(count).toBeGreaterThan(10)
      })
    }

    // Means of 2000 of 10,000; the bound is the one that others use, and about 28 standard deviations wide.
    for (const capacity of [1, 10_000]) {
      test(`SEL-20 five identical receives are taken equally often (capacity ${capacity})`, () => {
        const ch = make(f64, capacity)
        const tally = [0, 0, 0, 0, 0]
        for (const _ of range(10_000)) {
          ch.trySend(1)
          const hit = trySelect(Object.fromEntries(tally.map((_, i) => [`c${i}`, recv(ch)])))
          ;(tally[Number(hit?.case.slice(1))] as number)++
        }
        for (const count of tally) expect(count).toBeGreaterThan(1000)
      })

      test(`SEL-20 five identical sends are taken equally often (capacity ${capacity})`, () => {
        const ch = make(f64, capacity)
        const tally = [0, 0, 0, 0, 0]
        for (const _ of range(10_000)) {
          const hit = trySelect(Object.fromEntries(tally.map((_, i) => [`c${i}`, send(ch, i)])))
          const value = ch.tryReceive() as number
          expect(hit?.case).toBe(`c${value}`)
          ;(tally[value] as number)++
        }
        for (const count of tally) expect(count).toBeGreaterThan(1000)
      })
    }

    for (const side of ['receive', 'send'] as const) {
      test(`SEL-20 capacity 0: five identical cases that find a partner are taken equally often (${side})`, async () => {
        const ch = make(f64)
        const tally = [0, 0, 0, 0, 0]
        for (const _ of range(10_000)) {
          const partner = side === 'receive' ? ch.send(1) : ch.receive()
          const cases = tally.map((_, i) => [`c${i}`, side === 'receive' ? recv(ch) : send(ch, i)] as const)
          const hit = trySelect(Object.fromEntries(cases))
          const index = Number(hit?.case.slice(1))
          const got = await partner
          if (side === 'send') expect(got).toBe(index)
          ;(tally[index] as number)++
        }
        for (const count of tally) expect(count).toBeGreaterThan(1000)
      })
    }
  })
}
