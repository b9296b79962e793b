// Operations that a signal ends.

import { getEventListeners } from 'node:events'
import { f64, u32 } from 'millrace'
import { describe, expect, test } from 'vitest'
import { buffered } from './conformance/subject.js'
import { BLOCKING, blockingCalls, pair, WAITING, waitingCalls } from './support/calls.js'
import { macrotask, rejection, thrown } from './support/probe.js'

const subject = buffered()
const { make } = subject
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

describe('abort', () => {
  test.each(WAITING)('%s: rejects with the reason of the signal, and nothing has happened', async (name) => {
    for (const reason of [undefined, new Error('mine'), 'text', 0]) {
      const [empty, full] = pair(subject)
      const stop = new AbortController()
      const promise = (waitingCalls(empty, full, { signal: stop.signal })[name] as () => Promise<unknown>)()
      await macrotask()
      stop.abort(reason)
      expect(await rejection(promise)).toBe(stop.signal.reason)
      expect(getEventListeners(stop.signal, 'abort')).toEqual([])
      expect([empty.length, full.length]).toEqual([0, 1])
    }
  })

  test.each(WAITING)('%s: an aborted signal rejects at once, even where nothing has to wait', async (name) => {
    const [empty, full] = pair(subject)
    const signal = AbortSignal.abort('early')
    for (const calls of [waitingCalls(empty, full, { signal }), waitingCalls(full, empty, { signal })]) {
      expect(await rejection((calls[name] as () => Promise<unknown>)())).toBe('early')
    }
    expect([empty.length, full.length]).toEqual([0, 1])
  })

  test.each(BLOCKING)('%s: an aborted signal throws at once', (name) => {
    const [empty, full] = pair(subject)
    const signal = AbortSignal.abort('early')
    for (const calls of [blockingCalls(empty, full, { signal }), blockingCalls(full, empty, { signal })]) {
      expect(thrown(calls[name] as () => unknown)).toBe('early')
    }
    expect([empty.length, full.length]).toEqual([0, 1])
  })

  test('a signal that outlives its operations keeps no listeners', async () => {
    const ch = make(f64, 1)
    const { signal } = new AbortController()
    const receives = range(5).map(() => ch.receive({ signal }))
    for (let i = 0; i < 5; i++) await ch.send(i)
    expect(await Promise.all(receives)).toEqual(range(5))
    for (let i = 0; i < 5; i++) await rejection(ch.receive({ signal, timeout: 1 }))
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('a timeout and a signal together: the first decides', async () => {
    const ch = make(f64, 1)
    const stop = new AbortController()
    expect((await rejection(ch.receive({ signal: stop.signal, timeout: 5 }))).code).toBe('ERR_TIMEOUT')
    const waiting = rejection(ch.receive({ signal: stop.signal, timeout: 60_000 }))
    stop.abort('first')
    expect(await waiting).toBe('first')
    expect((await rejection(ch.receive({ signal: AbortSignal.timeout(5) }))).name).toBe('TimeoutError')
  })

  test('one signal ends many operations on many channels', async () => {
    const channels = range(20).map(() => make(u32, 1))
    const stop = new AbortController()
    const waiting = channels.map((ch) => rejection(ch.receive({ signal: stop.signal })))
    await macrotask()
    stop.abort('all')
    expect(await Promise.all(waiting)).toEqual(channels.map(() => 'all'))
    for (const ch of channels) {
      await ch.send(1)
      expect(ch.length).toBe(1)
    }
  })
})
