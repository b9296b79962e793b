import { Arena, any, f64, mapConcurrent, open, PubSub, recv, type Subscription, select, string, Topic } from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { expectPending, isPending, macrotask, rejection, sleep, thrown, until } from './support/probe.js'
import { elsewhere, spawn } from './support/threads.js'

noComplaints()

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
/** What lies ready. */
const ready = <T>(subscription: Subscription<T>): T[] => [...subscription.channel.available()]

describe('Topic', () => {
  test('PS-1 all who have subscribed get a message, and nobody else', async () => {
    const topic = new Topic(string)
    const [a, b] = [topic.subscribe(), topic.subscribe()]
    expect(await topic.publish('hi')).toBe(2)
    const late = topic.subscribe()
    expect(await topic.publish('ho')).toBe(3)
    expect([ready(a), ready(b), ready(late), topic.subscribers]).toEqual([['hi', 'ho'], ['hi', 'ho'], ['ho'], 3])
    expect(await new Topic(string).publish('elsewhere')).toBe(0)
    expect(ready(a)).toEqual([])
    topic.dispose()
  })

  test('PS-10 what nobody has subscribed to is lost', async () => {
    const topic = new Topic(f64)
    expect([await topic.publish(1), topic.tryPublish(2), topic.publishSync(3)]).toEqual([0, 0, 0])
    expect(ready(topic.subscribe())).toEqual([])
    expect((await rejection(topic.publish('1' as never))).code).toBe('ERR_INVALID_ARG_TYPE')
    topic.dispose()
  })

  for (const buffer of [0, 1, 3]) {
    test(`PS-9 publish waits for a full subscriber, tryPublish drops for that one only (buffer ${buffer})`, async () => {
      const topic = new Topic(f64)
      const [full, free] = [topic.subscribe({ buffer }), topic.subscribe({ buffer: 10 })]
      for (const i of range(buffer)) expect(await topic.publish(i)).toBe(2)
      expect(topic.tryPublish(10)).toBe(1)
      const waiting = topic.publish(11)
      await expectPending(waiting)
      expect(await rejection(topic.publish(12, { timeout: 5 }))).toMatchObject({
        code: 'ERR_TIMEOUT',
        transferred: 1,
        message: 'publish timed out after 5 ms',
      })
      expect(await rejection(topic.publish(13, { signal: AbortSignal.timeout(5) }))).toMatchObject({
        name: 'TimeoutError',
      })
      expect(ready(free)).toEqual([...range(buffer), 10, 11, 12, 13])
      for (const i of range(buffer)) expect(await full.receive()).toBe(i)
      expect(await full.receive()).toBe(11)
      expect(await waiting).toBe(2)
      expect(ready(full)).toEqual([])
      topic.dispose()
    })
  }

  test('PS-9 who would rather lose messages says which', async () => {
    const topic = new Topic(f64)
    const [newest, oldest] = [
      topic.subscribe({ buffer: 3, policy: 'drop-old' }),
      topic.subscribe({ buffer: 3, policy: 'drop-new' }),
    ]
    for (const i of range(10)) expect(await topic.publish(i)).toBe(i < 3 ? 2 : 1)
    expect([ready(newest), ready(oldest)]).toEqual([
      [7, 8, 9],
      [0, 1, 2],
    ])
    topic.dispose()
  })

  test('PS-11 who unsubscribes while a publish waits for it lets the publisher go on', async () => {
    const topic = new Topic(f64)
    const [a, b] = [topic.subscribe({ buffer: 1 }), topic.subscribe({ buffer: 1 })]
    await topic.publish(1)
    const waiting = [topic.publish(2), topic.publish(3)]
    await expectPending(...waiting)
    a.unsubscribe()
    expect(await isPending(waiting[0] as Promise<number>)).toBe(true)
    b.dispose()
    expect(await Promise.all(waiting)).toEqual([0, 0])
    expect([await a.receive(), await a.receive(), a.closed, topic.subscribers]).toEqual([1, undefined, true, 0])
    a.unsubscribe()
    topic.dispose()
  })

  test('PS-8 shutdown delivers what is being published, and closes', async () => {
    const topic = new Topic(f64)
    const subscription = topic.subscribe({ buffer: 1 })
    const publishing = range(3).map((i) => topic.publish(i))
    const over = topic.shutdown()
    expect(await rejection(topic.publish(9))).toMatchObject({ code: 'ERR_CLOSED', message: 'send on closed channel' })
    expect(thrown(() => topic.tryPublish(9)).code).toBe('ERR_CLOSED')
    expect(thrown(() => topic.subscribe()).code).toBe('ERR_CLOSED')
    const got: number[] = []
    for await (const i of subscription) got.push(i)
    await over
    expect([got, await Promise.all(publishing), topic.closed]).toEqual([range(3), [1, 1, 1], true])
    await topic.shutdown()
    topic.close()
    topic.dispose()
    const slow = new Topic(f64)
    const full = slow.subscribe({ buffer: 0 })
    const cut = slow.publish(1)
    expect((await rejection(slow.shutdown({ timeout: 5 }))).message).toBe('shutdown timed out after 5 ms')
    expect([await cut, full.closed]).toEqual([0, true])
  })

  test('its messages in select and in other patterns; what is disposed of is free', async () => {
    const arena = new Arena({ size: 2 ** 20 })
    const topic = new Topic(f64, { arena })
    const before = arena.stats().bytesInUse
    for (const _ of range(200)) {
      const subscription = topic.subscribe({ buffer: 64 })
      await topic.publish(5)
      const hit = await select({ message: recv(subscription.channel) })
      expect(hit.value).toBe(5)
      subscription.dispose()
      subscription.dispose()
    }
    await macrotask()
    expect(arena.stats().bytesInUse).toBeLessThanOrEqual(before + 1024)
    const last = topic.subscribe()
    const doubled = mapConcurrent(last, (x) => 2 * x)
    await topic.publish(4)
    expect((await doubled.next()).value).toBe(8)
    await doubled.return()
    topic.close()
    last.dispose()
    topic.dispose()
    topic.dispose()
    expect(thrown(() => topic.handle).code).toBe('ERR_STALE_HANDLE')
    expect((await rejection(topic.publish(1))).code).toBe('ERR_STALE_HANDLE')
  })

  test('what makes no sense', () => {
    const topic = new Topic(f64)
    expect(thrown(() => new Topic(5 as never))).toBeInstanceOf(TypeError)
    expect(thrown(() => topic.subscribe({ buffer: -1 })).message).toBe(
      'the buffer of a subscriber is an integer from 0, not -1',
    )
    expect(thrown(() => topic.subscribe({ buffer: 0, policy: 'drop-old' })).message).toBe(
      "with the policy 'drop-old' the buffer of a subscriber is at least 1",
    )
    expect(thrown(() => topic.subscribe({ policy: 5 as never }))).toBeInstanceOf(RangeError)
    topic.dispose()
  })
})

describe('across threads', () => {
  test('a handle opens the same topic; its codec must be the same', async () => {
    const topic = new Topic(any())
    const same = open(topic.handle)
    const subscription = same.subscribe()
    await topic.publish({ a: [1] })
    expect(await subscription.receive()).toEqual({ a: [1] })
    expect(thrown(() => open(topic.handle, { codec: f64 as never }))).toBeInstanceOf(TypeError)
    topic.dispose()
    expect(thrown(() => open(subscription.channel.handle as never) && same.handle).code).toBe('ERR_STALE_HANDLE')
  })

  for (const style of ['blocking', 'async'] as const) {
    test(`PS-12 publishers in three threads: each in its order for every subscriber, in two threads (${style})`, async () => {
      const topic = new Topic(f64)
      const count = 500
      const mine = topic.subscribe({ buffer: 4 })
      const subscribing = range(2).map(() =>
        spawn(
          async ({ open }, handle, total) => {
            const subscription = open(handle).subscribe({ buffer: 1 })
            const got: number[] = []
            while (got.length < total) got.push(subscription.receiveSync())
            subscription.dispose()
            return got
          },
          topic.handle as unknown as object,
          3 * count,
        ),
      )
      await until(() => topic.subscribers === 3)
      const publish = (from: number): Promise<void> =>
        elsewhere(
          style,
          async ({ open, io }, handle, from, n) => {
            const opened = open(handle)
            for (let i = 0; i < n; i++) {
              const told = await io.call(opened, 'publish', from * 10_000 + i)
              if (told !== 3) throw new Error(`told ${told}`)
            }
          },
          topic.handle as unknown as object,
          from,
          count,
        )
      const publishing = [1, 2].map(publish)
      const own = (async () => {
        for (const i of range(count)) await topic.publish(30_000 + i)
      })()
      const received: number[] = []
      while (received.length < 3 * count) received.push((await mine.receive()) as number)
      await Promise.all([...publishing, own])
      for (const got of [received, ...(await Promise.all(subscribing.map(({ result }) => result)))]) {
        for (const from of [1, 2, 3]) {
          const theirs = got.filter((v) => Math.floor(v / 10_000) === from)
          expect(theirs).toEqual(range(count).map((i) => from * 10_000 + i))
        }
      }
      await Promise.all(subscribing.map(({ ended }) => ended))
      topic.dispose()
    })
  }

  test('PS-11 another thread unsubscribes while a publish waits for it', async () => {
    const topic = new Topic(f64)
    const worker = spawn(
      ({ open, sleepSync }, handle) => {
        const subscription = open(handle).subscribe({ buffer: 0 })
        sleepSync(100)
        subscription.unsubscribe()
        return subscription.receiveSync()
      },
      topic.handle as unknown as object,
    )
    await until(() => topic.subscribers === 1)
    expect(await topic.publish(1)).toBe(0)
    expect(await worker.result).toBe(undefined)
    topic.dispose()
  })

  for (const style of ['blocking', 'async'] as const) {
    test(`a subscriber that is terminated does not hold up publishers for ever (${style})`, async () => {
      const topic = new Topic(f64)
      const survivor = topic.subscribe({ buffer: 10 })
      const worker = spawn(
        ({ open, sleepSync }, handle) => {
          open(handle).subscribe({ buffer: 1 })
          sleepSync(60_000)
        },
        topic.handle as unknown as object,
      )
      await until(() => topic.subscribers === 2)
      const publisher = elsewhere(
        style,
        async ({ open, io }, handle) => {
          const opened = open(handle)
          const told: number[] = []
          for (const i of [0, 1, 2]) told.push(await io.call(opened, 'publish', i))
          return told
        },
        topic.handle as unknown as object,
      )
      expect(await isPending(publisher)).toBe(true)
      await worker.terminate()
      expect(await publisher).toEqual([2, 1, 1])
      expect([ready(survivor), topic.subscribers]).toEqual([range(3), 1])
      topic.dispose()
    })
  }

  test('a publisher that is terminated while it waits is out of the way, and memory is given back all the same', async () => {
    const arena = new Arena({ size: 2 ** 20 })
    const topic = new Topic(f64, { arena })
    const subscription = topic.subscribe({ buffer: 1 })
    const worker = spawn(
      ({ open }, handle) => {
        for (let i = 0; ; i++) open(handle).publishSync(i)
      },
      topic.handle as unknown as object,
    )
    await until(() => subscription.length === 1)
    await sleep(20)
    await worker.terminate()
    await until(() => arena.stats().threads === 1)
    const before = arena.stats().bytesInUse
    const publishing = topic.publish(100)
    expect([await subscription.receive(), await subscription.receive(), await publishing]).toEqual([0, 100, 1])
    for (const _ of range(50)) {
      const another = topic.subscribe({ buffer: 64 })
      another.dispose()
    }
    expect(arena.stats().bytesInUse).toBeLessThanOrEqual(before + 1024)
    topic.dispose()
  })

  test('subscribers come and go in threads that are terminated while others publish', async () => {
    const topic = new Topic(f64)
    let [running, published] = [true, 0]
    const publishing = (async () => {
      while (running) {
        await topic.publish(published++)
        if (published % 64 === 0) await sleep(0)
      }
    })()
    for (const ms of [5, 11, 17, 23]) {
      const worker = spawn(
        ({ open }, handle) => {
          const opened = open(handle)
          for (;;) {
            const subscription = opened.subscribe({ buffer: 2 })
            for (let i = 0; i < 5; i++) subscription.receiveSync()
            subscription.dispose()
          }
        },
        topic.handle as unknown as object,
      )
      await until(() => topic.subscribers === 1)
      await sleep(ms)
      const before = published
      await until(() => published > before)
      await worker.terminate()
      const then = published
      await until(() => published > then + 100)
    }
    running = false
    await publishing
    const subscription = topic.subscribe()
    expect(await topic.publish(-1)).toBeGreaterThanOrEqual(1)
    expect(await subscription.receive()).toBe(-1)
    topic.dispose()
  })
})

describe('PubSub', () => {
  const hub = (): PubSub<string> => new PubSub(string)

  test('PS-2 one subscriber on several topics gets all, in the order of publishing', async () => {
    const h = hub()
    const both = h.subscribe(['a', 'b'])
    const [a, b] = [h.subscribe('a'), h.subscribe('b')]
    await h.publish('a', '1')
    await h.publish('b', '2')
    await h.publish('a', '3')
    expect(await h.publish(['b', 'a'], '4')).toBe(4)
    expect([ready(both), ready(a), ready(b)]).toEqual([
      ['1', '2', '3', '4', '4'],
      ['1', '3', '4'],
      ['2', '4'],
    ])
    expect([h.topics.sort(), h.subscribers('a'), h.subscribers('c'), both.topics]).toEqual([
      ['a', 'b'],
      2,
      0,
      ['a', 'b'],
    ])
    h.dispose()
  })

  test('PS-3 subOnce: the first message of any topic, then closed', async () => {
    const h = hub()
    const once = h.subOnce(['a', 'b'])
    expect(await h.publish('b', 'x')).toBe(1)
    expect([await h.publish('a', 'y'), await h.publish('b', 'z')]).toEqual([0, 0])
    expect([ready(once), once.closed, once.topics, h.topics]).toEqual([['x'], true, [], []])
    const handed = h.subOnce('a', { buffer: 0 })
    expect(h.tryPublish('a', 'now')).toBe(1)
    expect([await handed.receive(), await handed.receive()]).toEqual(['now', undefined])
    h.dispose()
  })

  test('PS-3 subOnceEach: at most one message of each topic', async () => {
    const h = hub()
    const each = h.subOnceEach(['a', 'b', 'c'], { buffer: 1 })
    await h.publish('b', '1')
    await h.publish('b', '2')
    await h.publish('a', '3')
    expect([each.closed, each.topics]).toEqual([false, ['c']])
    await h.publish('c', '4')
    expect([ready(each), each.closed]).toEqual([['1', '3', '4'], true])
    h.dispose()
  })

  test('PS-3 once is once with several publishers', async () => {
    const h = new PubSub(f64)
    for (const round of range(20)) {
      const [once, each] = [h.subOnce('t'), h.subOnceEach(['t', 'u'])]
      const told = await Promise.all(
        [1, 2].map((from) =>
          elsewhere(
            'blocking',
            ({ open }, handle, value) => open(handle).publishSync(['t', 'u'], value),
            h.handle as unknown as object,
            from * 100 + round,
          ),
        ),
      )
      expect(told.reduce((sum, n) => sum + n, 0)).toBe(3)
      expect([ready(once).length, ready(each).length, once.closed, each.closed]).toEqual([1, 2, true, true])
      once.dispose()
      each.dispose()
    }
    h.dispose()
  })

  test('PS-4 topics that are added give later messages only', async () => {
    const h = hub()
    const subscription = h.subscribe('a')
    await h.publish(['a', 'b'], '1')
    expect(h.addSub(subscription, ['b', 'c'])).toBe(true)
    await h.publish(['b', 'c'], '2')
    expect([ready(subscription), subscription.topics]).toEqual([
      ['1', '2', '2'],
      ['a', 'b', 'c'],
    ])
    h.unsubscribe(subscription)
    expect(h.addSub(subscription, 'a')).toBe(false)
    h.dispose()
  })

  test('PS-5 unsubscribe from one topic keeps the others; from the last closes; what was delivered stays', async () => {
    const h = hub()
    const [some, all] = [h.subscribe(['a', 'b', 'c']), h.subscribe(['a', 'b'])]
    await h.publish('a', '1')
    h.unsubscribe(some, 'a')
    h.unsubscribe(all)
    expect(await h.publish(['a', 'b'], '2')).toBe(1)
    expect([some.closed, all.closed]).toEqual([false, true])
    some.unsubscribe('b', 'c')
    expect(some.closed).toBe(true)
    expect([ready(some), ready(all)]).toEqual([['1', '2'], ['1']])
    expect([await some.receive(), await all.next()]).toEqual([undefined, { value: undefined, done: true }])
    h.dispose()
  })

  test('PS-6 PS-7 closeTopic closes channels that have no other topic; unsubscribing later does nothing', async () => {
    const h = hub()
    const [a, ab, c] = [h.subscribe('a'), h.subscribe(['a', 'b']), h.subscribe('c')]
    await h.publish('a', '1')
    h.closeTopic('a')
    expect([a, ab, c].map(({ closed }) => closed)).toEqual([true, false, false])
    expect(await h.publish('a', '2')).toBe(0)
    h.unsubscribe(a)
    h.unsubscribe(a, 'a')
    h.closeTopic('a', 'nobody')
    h.closeTopic('b', 'c')
    expect([a, ab, c].map(({ closed }) => closed)).toEqual([true, true, true])
    expect([ready(a), ready(ab)]).toEqual([['1'], ['1']])
    const anew = h.subscribe('a')
    expect(await h.publish('a', '3')).toBe(1)
    expect(ready(anew)).toEqual(['3'])
    h.dispose()
  })

  test('PS-8 shutdown closes all after delivering; then nothing is published', async () => {
    const h = hub()
    const subscriptions = [h.subscribe('a', { buffer: 0 }), h.subscribe(['a', 'b']), h.subOnce('c')]
    const publishing = h.publish('a', 'last')
    const over = h.shutdown()
    expect(await rejection(h.publish('b', 'late'))).toMatchObject({
      code: 'ERR_CLOSED',
      message: 'send on closed channel',
    })
    const [first] = subscriptions as [Subscription<string>]
    expect(await first.receive()).toBe('last')
    expect(await publishing).toBe(2)
    await over
    expect(subscriptions.map(({ closed }) => closed)).toEqual([true, true, true])
    expect([h.closed, h.topics]).toEqual([true, []])
    for (const subscription of subscriptions) subscription.dispose()
    h.dispose()
  })

  test('PS-9 a subscriber that is full holds up publish and loses what tryPublish gives', async () => {
    const h = hub()
    const [full, free] = [h.subscribe('a', { buffer: 1 }), h.subscribe('a')]
    expect([h.tryPublish('a', '1'), h.tryPublish('a', '2')]).toEqual([2, 1])
    const waiting = h.publish('a', '3')
    await expectPending(waiting)
    expect(await full.receive()).toBe('1')
    expect(await waiting).toBe(2)
    expect([ready(full), ready(free)]).toEqual([['3'], ['1', '2', '3']])
    h.dispose()
  })

  test('what makes no sense', async () => {
    const h = hub()
    expect(thrown(() => h.subscribe(5 as never)).message).toBe('a topic has a string as its name, not 5')
    expect(thrown(() => h.subscribe([])).message).toBe('there is at least one topic, not none')
    expect((await rejection(h.publish([], 'x'))).code).toBe('ERR_OUT_OF_RANGE')
    expect((await rejection(h.publish('a', 5 as never))).code).toBe('ERR_INVALID_ARG_TYPE')
    h.dispose()
  })
})
