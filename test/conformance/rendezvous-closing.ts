// CLOSE for a channel of capacity 0 on one event loop, by plain operations and by select (CLOSE-14); and a walk at random through all
// operations of channels of small capacities, against a model.

import { type Channel, f64, type Next } from 'millrace'
import { describe, expect, test } from 'vitest'
import { expectPending, macrotask, rejection, thrown } from '../support/probe.js'
import { random } from '../support/random.js'
import { rounds } from '../support/settings.js'
import type { SelectSubject } from './subject.js'
import { type Way, waysOf } from './ways.js'

const END = { value: undefined, done: true }
const CLOSED = { message: 'send on closed channel', code: 'ERR_CLOSED' }
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export function rendezvousClosing(subject: SelectSubject): void {
  const { name, make } = subject
  for (const way of waysOf(subject)) {
    describe(`${name}: close, by ${way.name}`, () => closing(way, make))
  }

  describe(`${name}: close of a channel of capacity 0`, () => {
    test('CLOSE-7 CLOSE-9 closing twice throws, and others go on', async () => {
      const ch = make(f64)
      ch.close()
      const errors = [thrown(() => ch.close()), thrown(() => ch.close())]
      expect(errors[0]).not.toBe(errors[1])
      for (const error of errors)
        expect(error).toMatchObject({ message: 'close of closed channel', code: 'ERR_CLOSED' })
      expect(await ch.receive()).toBe(undefined)
      expect([ch.closed, ch.length, ch.capacity]).toEqual([true, 0, 0])
    })

    test('CLOSE-20 ITER-4 ITER-7 loops end on close, and stay at their end', async () => {
      const ch = make(f64)
      const looping = (async () => {
        let sum = 0
        for await (const v of ch) sum += v
        return sum
      })()
      await ch.send(1)
      await ch.send(2)
      ch.close()
      expect(await looping).toBe(3)
      const iterator = ch[Symbol.asyncIterator]()
      for (let i = 0; i < 5; i++) expect(await iterator.next()).toEqual(END)
      expect([...ch.available()]).toEqual([])
    })

    test('SEND-13 a closed channel ends a receive whatever its timeout', async () => {
      const ch = make(f64)
      ch.close()
      for (const timeout of [0, 1, 60_000]) {
        expect(await ch.next({ timeout })).toEqual(END)
        expect((await rejection(ch.send(1, { timeout }))).code).toBe('ERR_CLOSED')
      }
    })
  })

  describe(`${name}: a walk at random`, () => {
    for (const capacity of [0, 1, 2, 5]) {
      test(`SEND FIFO CLOSE NB capacity ${capacity}: every answer is the model's`, async () => {
        for (let walk = 0; walk < rounds(8); walk++) await stroll(subject, capacity, `walk ${capacity} ${walk}`)
      })
    }
  })
}

function closing(way: Way, make: SelectSubject['make']): void {
  for (const capacity of [0, 1, 3]) {
    test(`CLOSE-1 CLOSE-4 CLOSE-14 capacity ${capacity}: receiving from a closed channel ends at once, any number of times`, async () => {
      const ch = make(f64, capacity)
      expect(way.tryNext(ch)).toBe(undefined)
      ch.close()
      for (let i = 0; i < 10; i++) {
        expect(await way.next(ch)).toEqual(END)
        expect(way.tryNext(ch)).toEqual(END)
      }
    })

    test(`CLOSE-2 CLOSE-3 CLOSE-14 capacity ${capacity}: what was sent before arrives, in order, then the end`, async () => {
      for (const form of ['next', 'tryNext'] as const) {
        const ch = make(f64, capacity)
        for (const i of range(capacity)) expect(way.trySend(ch, i)).toBe(true)
        expect(way.trySend(ch, 99)).toBe(false)
        ch.close()
        for (const value of range(capacity)) expect(await way[form](ch)).toEqual({ value, done: false })
        expect(await way[form](ch)).toEqual(END)
      }
    })

    test(`CLOSE-5 CLOSE-6 CLOSE-14 capacity ${capacity}: sending on a closed channel throws and discards the value`, async () => {
      const ch = make(f64, capacity)
      ch.close()
      for (let i = 0; i < 3; i++) {
        expect(thrown(() => way.trySend(ch, 1))).toMatchObject(CLOSED)
        expect(await rejection(way.send(ch, 1))).toMatchObject(CLOSED)
      }
      expect(way.tryNext(ch)).toEqual(END)
    })

    test(`CLOSE-10 CLOSE-14 capacity ${capacity}: close wakes every receiver that waits`, async () => {
      for (const count of [1, 10]) {
        const ch = make(f64, capacity)
        const waiting = range(count).map(() => way.next(ch))
        await expectPending(...waiting)
        ch.close()
        expect(await Promise.all(waiting)).toEqual(range(count).map(() => END))
      }
    })

    test(`CLOSE-11 CLOSE-14 capacity ${capacity}: close fails every sender that waits, and their values are gone`, async () => {
      const ch = make(f64, capacity)
      for (const i of range(capacity)) await way.send(ch, i)
      const waiting = range(4).map((i) => rejection(way.send(ch, 100 + i)))
      await macrotask()
      ch.close()
      for (const error of await Promise.all(waiting)) expect(error).toMatchObject(CLOSED)
      for (const value of range(capacity)) expect(way.tryNext(ch)).toEqual({ value, done: false })
      expect(way.tryNext(ch)).toEqual(END)
    })
  }
}

/** One operation that waits, and what the model says of it. */
interface Waiting<R> {
  real: Promise<R>
  expected?: R
}

/** Random operations on one channel; after each, the model and the channel agree, and whoever should have been served has been. */
async function stroll({ make }: SelectSubject, capacity: number, who: string): Promise<void> {
  const rng = random(who)
  const ch: Channel<number> = make(f64, capacity)
  const buffer: number[] = []
  const senders: (Waiting<string> & { value: number })[] = []
  const receivers: Waiting<Next<number>>[] = []
  const served: Waiting<unknown>[] = []

  const outcome = (sending: Promise<void>): Promise<string> =>
    sending.then(
      () => 'sent',
      (error) => error.message,
    )
  const serve = <R>(waiting: Waiting<R>, expected: R): void => {
    waiting.expected = expected
    served.push(waiting)
  }
  /** Whether the model takes the value now. */
  const accepts = (value: number): boolean => {
    const receiver = receivers.shift()
    if (receiver) serve(receiver, { value, done: false })
    else if (buffer.length < capacity) buffer.push(value)
    else return false
    return true
  }
  /** What the model gives now. */
  const gives = (): Next<number> | undefined => {
    const sender = senders.shift()
    if (sender) {
      buffer.push(sender.value)
      serve(sender, 'sent')
    }
    return buffer.length > 0 ? { value: buffer.shift() as number, done: false } : undefined
  }

  const steps = 120
  for (let step = 0; step < steps; step++) {
    switch (rng.below(5)) {
      case 0:
        expect(ch.trySend(step)).toBe(accepts(step))
        break
      case 1:
        expect(ch.tryNext()).toEqual(gives())
        break
      case 2: {
        const sending: Waiting<string> & { value: number } = { real: outcome(ch.send(step)), value: step }
        if (accepts(step)) serve(sending, 'sent')
        else senders.push(sending)
        break
      }
      case 3: {
        const receiving: Waiting<Next<number>> = { real: ch.next() }
        const next = gives()
        if (next) serve(receiving, next)
        else receivers.push(receiving)
        break
      }
      default:
        await macrotask()
    }
    expect(ch.length).toBe(buffer.length)
    for (const { real, expected } of served.splice(0)) expect(await real).toEqual(expected)
  }
  ch.close()
  for (const { real } of senders) expect(await real).toBe('send on closed channel')
  for (const { real } of receivers) expect(await real).toEqual(END)
  for (const value of buffer) expect(ch.tryNext()).toEqual({ value, done: false })
  expect(ch.tryNext()).toEqual(END)
}
