// NEVER: a channel nobody is ever on.

import { f64 } from 'millrace'
import { describe, expect, test } from 'vitest'
import type { Cases } from '../support/contract.js'
import { expectPending, rejection, thrown } from '../support/probe.js'
import type { SelectSubject } from './subject.js'

export function nothing({ name, make, recv, send, select, trySelect, never }: SelectSubject): void {
  describe(`${name}: never`, () => {
    test('NEVER-1 sending and receiving wait for ever, and do not meet each other', async () => {
      const stop = new AbortController()
      const options = { signal: stop.signal }
      const waiting = [never.send(1, options), never.receive(options), never.next(options)]
      await expectPending(...waiting, never.send(2), never.receive(), never.next())
      stop.abort('enough')
      for (const each of waiting) expect(await rejection(each)).toBe('enough')
    })

    test('NEVER-2 NEVER-3 its cases are never taken', async () => {
      const ch = make(f64, 1)
      const cases = (): Cases => ({ a: recv(never), b: send(never, 1) })
      expect(trySelect(cases())).toBe(undefined)
      for (let i = 0; i < 20; i++) {
        expect((await select({ ...cases(), it: send(ch, i) })).case).toBe('it')
        expect(trySelect({ ...cases(), it: recv(ch) })).toEqual({ case: 'it', value: i, done: false })
      }
      const waiting = [
        select(cases(), { timeout: 150 }),
        select({ a: recv(never) }, { timeout: 150 }),
        select({ b: send(never, 1) }, { timeout: 150 }),
      ].map(rejection)
      await expectPending(...waiting)
      for (const each of waiting) expect((await each).code).toBe('ERR_TIMEOUT')
    })

    test('NEVER-5 CLOSE-8 closing it throws', async () => {
      for (let i = 0; i < 2; i++) expect(thrown(() => never.close())).toMatchObject({ message: 'close of nil channel' })
      expect(never.closed).toBe(false)
      expect(thrown(() => never.close())).not.toBe(thrown(() => never.close()))
    })

    test('NEVER-6 length and capacity are 0; it is empty and full', () => {
      expect([never.length, never.capacity, never.closed]).toEqual([0, 0, false])
      for (let i = 0; i < 3; i++)
        expect([never.trySend(1), never.tryReceive(), never.tryNext()]).toEqual([false, undefined, undefined])
      expect([...never.available()]).toEqual([])
    })

    test('NEVER-7 a receive and a send time out, again and again', async () => {
      for (const timeout of [0, 1, 100, 100]) {
        for (const wait of [
          () => never.receive({ timeout }),
          () => never.next({ timeout }),
          () => never.send(1, { timeout }),
        ]) {
          const start = performance.now()
          expect(await rejection(wait())).toMatchObject({ name: 'TimeoutError', code: 'ERR_TIMEOUT' })
          expect(performance.now() - start).toBeGreaterThanOrEqual(timeout)
        }
      }
      expect(await rejection(never.receive({ signal: AbortSignal.abort('early') }))).toBe('early')
    })

    test('ITER-5 a loop over it never begins', async () => {
      const stepping = never[Symbol.asyncIterator]().next()
      await expectPending(stepping)
    })
  })
}
