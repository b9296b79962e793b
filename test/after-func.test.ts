// TIME: functions called later; and that nothing else holds up the clock.

import { afterFunc, channel, f64, sleep, sleepSync, Timer, tick } from 'millrace'
import { describe, expect, test } from 'vitest'
import { thrown, until } from './support/probe.js'

const now = (): number => performance.now()
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

describe('afterFunc', () => {
  test('TIME-15 a chain of ten', async () => {
    let left = 10
    const next = (): void => {
      if (--left > 0) afterFunc(0, next)
    }
    afterFunc(0, next)
    await until(() => left === 0)
  })

  test('TIME-15 a callback that takes long delays no other, and each has a turn of its own', async () => {
    const events: string[] = []
    const start = now()
    for (const i of range(3))
      afterFunc(5, async () => {
        events.push(`start ${i}`)
        await Promise.resolve()
        events.push(`micro ${i}`)
        await sleep(1000)
        events.push(`end ${i}`)
      })
    await until(() => events.length === 6)
    expect(now() - start).toBeGreaterThanOrEqual(5)
    expect(events).toEqual(range(3).flatMap((i) => [`start ${i}`, `micro ${i}`]))
    await until(() => events.length === 9)
  })

  test('TIME-9 stopped, it is not called; once called, stop says false', async () => {
    const calls: number[] = []
    const [a, b] = [afterFunc(5, () => calls.push(0)), afterFunc(5, () => calls.push(1))]
    expect([a.stop(), a.stop()]).toEqual([true, false])
    await until(() => calls.length > 0)
    await sleep(20)
    expect([calls, b.stop()]).toEqual([[1], false])
    expect(b.channel.tryReceive()).toBe(undefined)
  })

  test('TIME-9 what stop has confirmed does not happen, even if the time was up', async () => {
    const calls: number[] = []
    const timers = range(3).map((i) => afterFunc(1, () => calls.push(i)))
    sleepSync(10)
    expect(timers[1]?.stop()).toBe(true)
    // From the turn of one callback, the next one can still be stopped.
    const [first, second] = [afterFunc(1, () => expect(second?.stop()).toBe(true)), afterFunc(1, () => calls.push(9))]
    await sleep(50)
    expect(calls).toEqual([0, 2])
    expect(first.stop()).toBe(false)
  })

  test('TIME-10 reset calls it again', async () => {
    const times: number[] = []
    const timer = afterFunc(5, () => times.push(now()))
    const start = now()
    expect(timer.reset(30)).toBe(true)
    await until(() => times.length === 1)
    expect(times[0]).toBeGreaterThanOrEqual(start + 30)
    expect(timer.reset(5)).toBe(false)
    await until(() => times.length === 2)
    expect(timer.stop()).toBe(false)
  })

  test('what is no function is refused', () => {
    for (const callback of [undefined, null, 5, {}])
      expect(thrown(() => afterFunc(5, callback as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    expect(thrown(() => afterFunc('5' as never, () => {}))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
  })
})

describe('TIME-16 channels do not hold up the clock', () => {
  const exchange = async (until: () => boolean): Promise<number> => {
    const ch = channel(f64, { capacity: 1 })
    const consumer = (async () => {
      let count = 0
      for await (const _ of ch) count++
      return count
    })()
    for (let i = 0; !until() && i < 1e8; i++) await ch.send(i)
    ch.close()
    const count = await consumer
    ch.dispose()
    return count
  }

  test('two tasks that exchange values end when a function is called after 1 µs', async () => {
    let over = false
    afterFunc(0.001, () => {
      over = true
    })
    expect(await exchange(() => over)).toBeLessThan(1e8)
  })

  test('nor a sleep, nor a timer of the platform, nor a timer that somebody waits for', async () => {
    for (const start of [
      (done: () => void) => sleep(20).then(done),
      (done: () => void) => setTimeout(done, 20),
      (done: () => void) => new Timer(20).channel.receive().then(done),
    ]) {
      let over = false
      const began = now()
      start(() => {
        over = true
      })
      await exchange(() => over)
      expect(now() - began).toBeLessThan(5000)
    }
  })

  test('batches do not either', async () => {
    const ch = channel(f64, { capacity: 8 })
    const into = new Float64Array(4)
    let over = false
    afterFunc(5, () => {
      over = true
    })
    for (let i = 0; !over && i < 1e7; i++) {
      await ch.sendMany([1, 2, 3])
      await ch.receiveMany(into)
    }
    expect(over).toBe(true)
    ch.dispose()
  })

  test('and the order in which promises are kept stays', async () => {
    const ch = channel(f64, { capacity: 200_000 })
    for (let i = 0; i < 200_000; i++) ch.trySend(i)
    const got: (number | undefined)[] = []
    await Promise.all(range(200_000).map(() => ch.receive().then((value) => got.push(value))))
    expect(got.every((value, i) => value === i)).toBe(true)
    ch.dispose()
  })

  test('a ticker of the shortest period does not either', async () => {
    let over = false
    setTimeout(() => {
      over = true
    }, 20)
    for await (const _ of tick(1e-6)) if (over) break
  })

  test('many tasks over one buffered channel do not either', async () => {
    const ch = channel(f64, { capacity: 64 })
    let over = false
    afterFunc(10, () => {
      over = true
    })
    const tasks = range(8).map(async (i) => {
      while (!over)
        await (i % 2 ? ch.receive({ timeout: 1000 }).catch(() => {}) : ch.send(i, { timeout: 1000 }).catch(() => {}))
    })
    await Promise.all(tasks)
    ch.dispose()
  })
})
