// CTX: contexts of several threads.

import {
  Arena,
  background,
  type Cancellable,
  type Context,
  channel,
  f64,
  withCancel,
  withCancelCause,
  withTimeout,
  withValue,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { inUse, nothingLeft, settled } from './support/context-memory.js'
import { PROBE_MS, sleep, until } from './support/probe.js'
import { elsewhere } from './support/threads.js'

noComplaints()
nothingLeft()

const HOUR = 3_600_000
const why = Object.assign(new RangeError('why', { cause: 'deeper' }), { code: 'ERR_WHY' })

describe('in another thread', () => {
  test.each(['blocking', 'async'] as const)('CTX-2 CTX-4 a cancellation is seen, %s', async (style) => {
    const before = inUse()
    const { ctx, cancel } = withCancelCause(withValue(background(), 'user', 'Ann'))
    const flag = new Int32Array(new SharedArrayBuffer(4))
    const there = elsewhere(
      style,
      async ({ open, millrace, io, recv }, handle, flag) => {
        const ctx: Context = open(handle)
        const child = millrace.withTimeout(millrace.withValue(ctx, 'more', 1), 3_600_000)
        const before = [ctx.err, child.ctx.err, ctx.value('user'), child.ctx.value('user'), String(ctx)]
        Atomics.store(flag, 0, 1)
        const hit = await io.select({ done: recv(child.ctx.done) })
        const { message, code, cause } = child.ctx.cause as Error & { code: string }
        return [...before, hit.case, hit.done, ctx.err?.code, ctx.err === child.ctx.err, message, code, cause]
      },
      ctx.handle,
      flag,
    )
    await until(() => flag[0] === 1)
    await sleep(20)
    cancel(why)
    expect(await there).toEqual([
      null,
      null,
      'Ann',
      'Ann',
      'context.Background.WithValue(user, Ann).WithCancel',
      'done',
      true,
      'ERR_CANCELED',
      true,
      'why',
      'ERR_WHY',
      'deeper',
    ])
    await settled(before)
  })

  test('CTX-4 a loop that only polls err sees it, and the deadline', async () => {
    const { ctx, cancel } = withCancel(background())
    const flag = new Int32Array(new SharedArrayBuffer(4))
    const there = elsewhere(
      'blocking',
      ({ open }, handle, flag) => {
        const ctx: Context = open(handle)
        let polls = 0
        while (ctx.err === null) if (polls++ === 0) Atomics.store(flag, 0, 1)
        return [polls > 0, ctx.err.code]
      },
      ctx.handle,
      flag,
    )
    await until(() => flag[0] === 1)
    cancel()
    expect(await there).toEqual([true, 'ERR_CANCELED'])
    const timed = withTimeout(background(), 60, { cause: why })
    expect(
      await elsewhere(
        'blocking',
        ({ open }, handle) => {
          const ctx: Context = open(handle)
          while (ctx.err === null) {}
          return [ctx.err.code, (ctx.cause as Error).message, Date.now() >= (ctx.deadline as Date).getTime() - 2]
        },
        timed.ctx.handle,
      ),
    ).toEqual(['ERR_DEADLINE_EXCEEDED', 'why', true])
    expect(timed.ctx.err?.code).toBe('ERR_DEADLINE_EXCEEDED')
    expect(timed.ctx.cause).toMatchObject({ message: 'why' })
  })

  test('MEM-5 what was written before cancel is seen after done', async () => {
    const data = new Int32Array(new SharedArrayBuffer(40))
    for (let round = 1; round <= 20; round++) {
      const { ctx, cancel } = withCancel(background())
      const there = elsewhere(
        'blocking',
        ({ open }, handle, data) => {
          const ctx: Context = open(handle)
          while (ctx.err === null) {}
          return [...data]
        },
        ctx.handle,
        data,
      )
      if (round % 2) await sleep(1)
      data.fill(round)
      cancel()
      expect(await there).toEqual(Array(10).fill(round))
    }
  })

  test('CTX-24 blocked in a select of a channel and a context, in receiveSync, and in a Selector', async () => {
    using ch = channel(f64)
    const { ctx, cancel } = withCancel(background())
    const flag = new Int32Array(new SharedArrayBuffer(4))
    const jobs = [0, 1, 2].map((how) =>
      elsewhere(
        'blocking',
        ({ open, millrace }, handle, channel, flag, how) => {
          const { recv, Selector } = millrace
          const ctx: Context = open(handle)
          const child = millrace.withCancel(ctx)
          const cases = { value: recv(open(channel)), done: recv(child.ctx.done) }
          Atomics.add(flag, 0, 1)
          if (how === 0) return millrace.selectSync(cases).case
          if (how === 1) return child.ctx.done.receiveSync() ?? 'done'
          const selector = new Selector(cases)
          const hit = selector.selectSync()
          selector.dispose()
          return hit.case
        },
        ctx.handle,
        ch.handle,
        flag,
        how,
      ),
    )
    await until(() => flag[0] === 3)
    await sleep(PROBE_MS)
    cancel()
    expect(await Promise.all(jobs)).toEqual(['done', 'done', 'done'])
  })

  test('a select over channels of another arena is woken too', async () => {
    const arena = new Arena({ size: 2 ** 20 })
    using ch = channel(f64, { arena })
    const flag = new Int32Array(new SharedArrayBuffer(4))
    const { ctx, cancel } = withCancel(background())
    const there = elsewhere(
      'blocking',
      ({ open, millrace }, handle, channel, flag) => {
        const { recv } = millrace
        const cases = { value: recv(open(channel)), done: recv(open(handle).done) }
        Atomics.store(flag, 0, 1)
        return millrace.selectSync(cases).case
      },
      ctx.handle,
      ch.handle,
      flag,
    )
    await until(() => flag[0] === 1)
    await sleep(PROBE_MS)
    cancel()
    expect(await there).toBe('done')
  })

  test('its signal ends what waits there', async () => {
    const { ctx, cancel } = withCancelCause(background())
    const there = elsewhere(
      'async',
      async ({ open, millrace }, handle) => {
        const ctx: Context = open(handle)
        const ch = millrace.channel(millrace.f64)
        try {
          await ch.receive({ signal: millrace.withCancel(ctx).ctx.signal })
        } catch (error) {
          return [(error as Error).message, ctx.signal.aborted]
        } finally {
          ch.dispose()
        }
      },
      ctx.handle,
    )
    await sleep(PROBE_MS)
    cancel(why)
    expect(await there).toEqual(['why', true])
  })

  test('CTX-3 cancel of the handle of what can be cancelled: by any thread, for all', async () => {
    const made = withCancelCause(background())
    const watcher = elsewhere(
      'async',
      async ({ open }, handle) => {
        const ctx: Context = open(handle)
        await ctx.done.receive()
        return (ctx.cause as Error).message
      },
      made.ctx.handle,
    )
    const done = made.ctx.done.receive()
    const there = await elsewhere(
      'async',
      ({ open }, handle) => {
        const { ctx, cancel } = open(handle)
        const before = ctx.err
        cancel(new Error('from there'))
        return [before, ctx.err.code, ctx.cause.message]
      },
      made.handle,
    )
    expect(there).toEqual([null, 'ERR_CANCELED', 'from there'])
    // At once, before the event loop has turned.
    expect(made.ctx.err?.code).toBe('ERR_CANCELED')
    expect(made.ctx.cause).toMatchObject({ message: 'from there' })
    await done
    expect(await watcher).toBe('from there')
    // withCancel takes no cause there either.
    const plain = withCancel(background())
    await elsewhere('async', ({ open }, handle) => open(handle).cancel(new Error('no cause')), plain.handle)
    expect(plain.ctx.cause).toBe(plain.ctx.err)
  })

  test('CTX-3 CTX-22 three threads cancel at once: one cause, the same for all, and never an end without it', async () => {
    const before = inUse()
    const rounds = 60
    const made = Array.from({ length: rounds }, () => withCancelCause(background()))
    const go = new Int32Array(new SharedArrayBuffer(4))
    const threads = [0, 1].map((id) =>
      elsewhere(
        'blocking',
        async ({ open }, handles, go, id) => {
          const all: Cancellable<(cause: unknown) => void>[] = handles.map(open)
          Atomics.add(go, 0, 1)
          while (Atomics.load(go, 0) < 3) {}
          return all.map(({ ctx, cancel }, k) => {
            const seen: unknown[] = []
            for (let i = 0; i < ((k * 37) % 50) * 10 && ctx.cause === null; i++) {}
            if (ctx.cause !== null) seen.push((ctx.cause as Error).message)
            cancel(new Error(`by ${id}`))
            seen.push((ctx.cause as Error).message)
            return seen
          })
        },
        made.map((each) => each.handle),
        go,
        id,
      ),
    )
    await until(() => go[0] === 2)
    Atomics.add(go, 0, 1)
    const here = made.map(({ ctx, cancel }) => {
      const seen = ctx.cause === null ? [] : [(ctx.cause as Error).message]
      cancel(new Error('by main'))
      return [...seen, (ctx.cause as Error).message]
    })
    const there = await Promise.all(threads)
    for (let k = 0; k < rounds; k++) {
      const seen = [...(here[k] as string[]), ...there.flatMap((each) => each[k] as string[])]
      expect(new Set(seen).size).toBe(1)
    }
    await settled(before)
  })

  test('CTX-7 a deadline is told there, and fires there also if this thread does not run', async () => {
    const date = new Date(Date.now() + HOUR)
    using hour = withTimeout(background(), HOUR)
    expect(
      await elsewhere('async', ({ open }, handle) => open(handle).deadline.getTime() - Date.now(), hour.ctx.handle),
    ).toBeGreaterThan(HOUR - 60_000)
    expect(date.getTime()).toBeLessThan(Date.now() + HOUR + 1)
    const begun = performance.now()
    const timed = withTimeout(background(), 50)
    const there = elsewhere(
      'async',
      async ({ open }, handle) => {
        const ctx: Context = open(handle)
        await ctx.done.receive()
        return ctx.err?.message
      },
      timed.ctx.handle,
    )
    while (performance.now() < begun + 100) {}
    expect(await there).toBe('context deadline exceeded')
    expect(timed.ctx.err?.message).toBe('context deadline exceeded')
  })
})
