// Timeouts, and options that make no sense.

import { f64, TimeoutError } from 'millrace'
import { describe, expect, test } from 'vitest'
import { buffered } from './conformance/subject.js'
import { BLOCKING, blockingCalls, pair, WAITING, waitingCalls } from './support/calls.js'
import { elapsed, expectPending, isPending, rejection, retry, thrown } from './support/probe.js'
import { elsewhere } from './support/threads.js'

const subject = buffered()
const { make } = subject

describe('options', () => {
  const bad: [string, unknown, typeof TypeError | typeof RangeError, string][] = [
    ['timeout NaN', { timeout: Number.NaN }, RangeError, 'ERR_OUT_OF_RANGE'],
    ['timeout "5"', { timeout: '5' }, TypeError, 'ERR_INVALID_ARG_TYPE'],
    ['timeout 5n', { timeout: 5n }, TypeError, 'ERR_INVALID_ARG_TYPE'],
    ['timeout null', { timeout: null }, TypeError, 'ERR_INVALID_ARG_TYPE'],
    ['signal true', { signal: true }, TypeError, 'ERR_INVALID_ARG_TYPE'],
    ['signal {}', { signal: {} }, TypeError, 'ERR_INVALID_ARG_TYPE'],
    ['options 5', 5, TypeError, 'ERR_INVALID_ARG_TYPE'],
    ['options null', null, TypeError, 'ERR_INVALID_ARG_TYPE'],
    ['options "x"', 'x', TypeError, 'ERR_INVALID_ARG_TYPE'],
  ]
  test.each(bad)(
    '%s is refused by every call that waits, even where it need not',
    async (_what, options, Class, code) => {
      const [empty, full] = pair(subject)
      const calls = { ...waitingCalls(empty, full, options as object), ...waitingCalls(full, empty, options as object) }
      for (const call of Object.values(calls)) {
        const error = await rejection(call())
        expect(error).toBeInstanceOf(Class)
        expect(error.code).toBe(code)
      }
      for (const call of Object.values(blockingCalls(full, empty, options as object)))
        expect(thrown(call)).toBeInstanceOf(Class)
      expect([empty.length, full.length]).toEqual([0, 1])
    },
  )

  test.each(WAITING)('%s: a timeout rejects with a TimeoutError, not before its time', async (name) => {
    for (const timeout of [1, 20]) {
      const [empty, full] = pair(subject)
      const start = performance.now()
      const error = await rejection((waitingCalls(empty, full, { timeout })[name] as () => Promise<unknown>)())
      expect(performance.now() - start).toBeGreaterThanOrEqual(timeout)
      expect(error).toBeInstanceOf(TimeoutError)
      expect(error).toMatchObject({ name: 'TimeoutError', code: 'ERR_TIMEOUT' })
      expect(error.message).toContain(`after ${timeout} ms`)
      expect([empty.length, full.length]).toEqual([0, 1])
    }
  })

  test.each(BLOCKING)('%s: a timeout throws a TimeoutError, not before its time', (name) => {
    for (const timeout of [0.5, 20]) {
      const [empty, full] = pair(subject)
      const start = performance.now()
      const error = thrown(blockingCalls(empty, full, { timeout })[name] as () => unknown)
      expect(performance.now() - start).toBeGreaterThanOrEqual(timeout)
      expect(error).toBeInstanceOf(TimeoutError)
      expect([empty.length, full.length]).toEqual([0, 1])
    }
  })

  test('a timeout ends soon after its time', async () => {
    await retry(async () => {
      const ch = make(f64, 1)
      expect(await elapsed(() => rejection(ch.receive({ timeout: 20 })))).toBeLessThan(500)
      expect(await elapsed(() => thrown(() => ch.receiveSync({ timeout: 20 })))).toBeLessThan(500)
    })
  })

  test.each([[Number.POSITIVE_INFINITY], [2 ** 31], [2 ** 32 + 5], [Number.MAX_VALUE]])(
    'a timeout of %d ms does not fire at once',
    async (timeout) => {
      const ch = make(f64, 1)
      const receiving = ch.receive({ timeout })
      await expectPending(receiving)
      ch.trySend(1)
      expect(await receiving).toBe(1)
      const other = elsewhere(
        'blocking',
        ({ open }, handle, timeout) => open(handle).receiveSync({ timeout }),
        ch.handle,
        timeout,
      )
      expect(await isPending(other)).toBe(true)
      ch.trySend(2)
      expect(await other).toBe(2)
    },
  )
})
