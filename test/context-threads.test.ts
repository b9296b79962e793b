// CTX: contexts of several threads.

import {
  Arena,
  any,
  background,
  Cancellable,
  type Context,
  channel,
  defaultArena,
  f64,
  fromSignal,
  handle,
  open,
  recv,
  type Shared,
  select,
  withCancel,
  withCancelCause,
  withoutCancel,
  withTimeout,
  withValue,
} from 'millrace'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { gc, macrotask, PROBE_MS, rejection, sleep, thrown, until } from './support/probe.js'
import { elsewhere, endThreads, spawn } from './support/threads.js'

noComplaints()
afterEach(endThreads)

const inUse = (arena = defaultArena()): number => arena.stats().bytesInUse
const atFirst = inUse()

afterAll(async () => {
  await settled(atFirst)
})

const HOUR = 3_600_000
const why = Object.assign(new RangeError('why', { cause: 'deeper' }), { code: 'ERR_WHY' })

/** What is left in use once everything that has ended is forgotten. */
async function settled(before: number, arena = defaultArena()): Promise<void> {
  await until(() => inUse(arena) <= before, `${before} bytes in use`)
}

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

describe('what is carried', () => {
  test('an argument within a message of any arrives opened, the same one twice', async () => {
    const arena = new Arena({ size: 2 ** 20 })
    const before = inUse(arena)
    const ch = channel<unknown>(any(), { capacity: 4, arena })
    const stack = channel(f64, { capacity: 1, arena })
    const { ctx, cancel } = withCancel(withValue(background(), Symbol.for('user'), { name: 'Ann' }))
    const there = elsewhere(
      'async',
      async ({ open, millrace }, handle) => {
        const { ctx, again, list, numbers } = await open(handle).receive()
        const same = [ctx === again, ctx.done === list[0].ctx.done, ctx instanceof millrace.background().constructor]
        await numbers.send(1)
        await list[0].ctx.done.receive()
        return [...same, ctx.value(Symbol.for('user')).name, list[0].ctx.value('id'), list[1], ctx.err.code]
      },
      ch.handle,
    )
    const inner = withValue(ctx, 'id', 7)
    await ch.send({ ctx, again: ctx, list: [{ ctx: inner }, new Map([[1, 'one']])], numbers: stack })
    expect(await stack.receive()).toBe(1)
    cancel()
    expect(await there).toEqual([true, true, true, 'Ann', 7, new Map([[1, 'one']]), 'ERR_CANCELED'])
    expect(ctx.handle.memory).not.toBe(stack.handle.memory)
    ch.dispose()
    stack.dispose()
    await settled(before, arena)
  })

  test('by a channel of handles, by the handle of a Cancellable, and opened where it was made', async () => {
    const { ctx, cancel } = withCancel(background())
    using ch = channel(handle<Shared<unknown>>(), { capacity: 2 })
    await ch.send(ctx as never)
    const same = (await ch.receive()) as unknown as Context
    expect(same.done).toBe(ctx.done)
    expect(open(ctx.handle).done).toBe(ctx.done)
    const made = withCancelCause(ctx)
    const opened = open(made.handle)
    expect(opened).toBeInstanceOf(Cancellable)
    opened.cancel(why)
    expect(made.ctx.cause).toBe(why)
    expect(same.err).toBe(null)
    cancel()
    expect(same.err).toBe(ctx.err)
  })

  test('values that cannot be carried stay behind, the others go', async () => {
    using numbers = channel(f64, { capacity: 1 })
    let ctx: Context = withValue(background(), 'text', 'a')
    ctx = withValue(ctx, Symbol('own'), 'b')
    ctx = withValue(ctx, 'fn', () => 1)
    ctx = withValue(ctx, {}, 'c')
    ctx = withValue(ctx, 5, [1, 2])
    ctx = withValue(ctx, 'numbers', numbers)
    ctx = withValue(ctx, 'text', 'nearer')
    using timed = withTimeout(ctx, HOUR)
    ctx = withValue(timed.ctx, 'last', null)
    const there = await elsewhere(
      'async',
      async ({ open }, handle) => {
        const ctx: Context = open(handle)
        await (ctx.value('numbers') as { send(v: number): Promise<void> }).send(4)
        return [ctx.value('text'), ctx.value('fn'), ctx.value(5), ctx.value('last'), ctx.value('none')]
      },
      ctx.handle,
    )
    expect(there).toEqual(['nearer', undefined, [1, 2], null, undefined])
    expect(await numbers.receive()).toBe(4)
  })

  test('what cannot end, and what is over, takes no memory', async () => {
    const before = inUse()
    const valued = withValue(background(), 'key', 'value')
    const over = withCancelCause(valued)
    over.cancel(why)
    const there = await elsewhere(
      'async',
      ({ open, millrace }, ...handles) =>
        handles.map((handle) => {
          const ctx: Context = open(handle)
          return [
            ctx.value('key'),
            ctx.err?.code,
            (ctx.cause as Error | null)?.message,
            ctx.done === millrace.never,
            String(ctx),
          ]
        }),
      valued.handle,
      withoutCancel(over.ctx).handle,
      over.ctx.handle,
      withTimeout(background(), 0).ctx.handle,
    )
    expect(there).toEqual([
      ['value', undefined, undefined, true, 'context.Background.WithValue(key, value)'],
      ['value', undefined, undefined, true, 'context.Background.WithValue(key, value).WithCancel.WithoutCancel'],
      ['value', 'ERR_CANCELED', 'why', false, 'context.Background.WithValue(key, value).WithCancel'],
      [undefined, 'ERR_DEADLINE_EXCEEDED', 'context deadline exceeded', false, expect.stringContaining('WithDeadline')],
    ])
    expect(inUse()).toBeLessThanOrEqual(before)
  })

  test('a cause that cannot be carried goes by its texts; what is no error as it is', async () => {
    const odd = Object.assign(new Error('odd'), { cause: () => {} })
    for (const [cause, expected] of [
      [odd, 'odd'],
      ['a text', 'a text'],
      [{ why: [1] }, { why: [1] }],
      [() => {}, expect.stringContaining('no other thread can have')],
    ] as const) {
      const { ctx, cancel } = withCancelCause(background())
      const { handle } = ctx
      cancel(cause)
      const seen = await elsewhere(
        'async',
        ({ open }, handle) => {
          const { cause } = open(handle)
          return cause instanceof Error ? cause.message : cause
        },
        handle,
      )
      expect(seen).toEqual(expected)
      expect(ctx.cause).toBe(cause)
    }
  })

  test('CTX-16 a signal ends it elsewhere, also if nobody here looks', async () => {
    const controller = new AbortController()
    const there = elsewhere(
      'async',
      async ({ open }, handle) => {
        const ctx: Context = open(handle)
        await ctx.done.receive()
        return (ctx.cause as Error).message
      },
      fromSignal(controller.signal).handle,
    )
    await sleep(PROBE_MS)
    controller.abort(why)
    expect(await there).toBe('why')
  })

  test('a message in another arena than what it carries is refused with words', async () => {
    const arena = new Arena({ size: 2 ** 20 })
    using there = channel(f64, { arena })
    using ch = channel<unknown>(any(), { capacity: 1 })
    expect(thrown(() => ch.trySend({ there }))).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
    expect((await rejection(ch.send([there, ch]))).message).toMatch(/one arena|same \{ arena \}/)
    expect(ch.length).toBe(0)
  })

  test('forged and damaged handles are refused or over', () => {
    const { ctx, cancel } = withCancel(background())
    const { handle } = ctx
    const schema = handle.schema as unknown as Record<string, unknown>
    for (const forged of [
      { ...handle, schema: undefined },
      { ...handle, schema: 'context' },
      { ...handle, schema: { ...schema, link: { done: 1 } } },
      { ...handle, schema: { ...schema, link: { done: ['a', 'b'], record: [0, 0], users: [0, 0] } } },
    ])
      expect(thrown(() => open(forged as never))).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
    const places = { done: [128, 0], record: [0.5 + 0.5, 1], users: [2 ** 31, 3] }
    const gone = open({ ...handle, schema: { ...schema, link: places } } as never) as Context
    expect(gone.err?.code).toBe('ERR_CANCELED')
    cancel()
  })
})

describe('memory', () => {
  test('100,000 contexts, each passed to another thread and cancelled, in one arena', async () => {
    const arena = new Arena()
    const calls = channel(any<{ ctx: Context } | null>(), { capacity: 256, arena })
    const answers = channel(f64, { capacity: 256, arena })
    const before = inUse(arena)
    const there = spawn(
      async ({ open }, calls, answers) => {
        const [from, to] = [open(calls), open(answers)]
        let n = 0
        for (;;) {
          const call = await from.receive()
          if (call === null) return n
          if (call.ctx.err === null && call.ctx.value('id') === n) n++
          await to.send(n)
        }
      },
      calls.handle,
      answers.handle,
    )
    const root = withCancel(background())
    const count = 100_000
    const window: (() => void)[] = []
    let high = 0
    for (let i = 0; i < count; i++) {
      const { ctx, cancel } = withTimeout(withValue(root.ctx, 'id', i), HOUR)
      await calls.send({ ctx })
      window.push(cancel)
      if (window.length === 100) {
        for (let k = 0; k < 100; k++) await answers.receive()
        for (const each of window.splice(0)) each()
        if (i % 10_000 === 9_999) high = Math.max(high, inUse(arena))
      }
    }
    await calls.send(null)
    expect(await there.ended).toBe(count)
    expect(high - before).toBeLessThan(4 * 2 ** 20)
    await settled(before, arena)
    root.cancel()
    calls.dispose()
    answers.dispose()
  }, 120_000)

  test('a full arena: the error says so, nothing is left, and a cancellation needs no room', async () => {
    const arena = new Arena({ size: 2 ** 20 })
    const before = inUse(arena)
    const ch = channel<unknown>(any(), { capacity: 1, arena })
    const made: ReturnType<typeof withCancelCause>[] = []
    const error = thrown(() => {
      for (;;) {
        const each = withCancelCause(background())
        made.push(each)
        ch.trySend(each)
        ch.tryReceive()
      }
    })
    expect(error.code).toBe('ERR_ARENA_FULL')
    expect(made.length).toBeGreaterThan(100)
    for (const each of made) each.cancel(new Error('x'.repeat(5000)))
    expect(made.every(({ ctx }) => ctx.err !== null)).toBe(true)
    ch.dispose()
    await settled(before, arena)
  })

  test('what another thread opens and forgets it gives back', async () => {
    const { ctx, cancel } = withCancel(background())
    const { handle } = ctx
    const before = inUse()
    await elsewhere(
      'async',
      async ({ open, gc, sleep }, handle) => {
        for (let i = 0; i < 5; i++) {
          open(handle)
          await sleep(1)
          gc()
          await sleep(1)
        }
      },
      handle,
    )
    await until(() => inUse() <= before + 4096)
    cancel()
    await macrotask()
    gc()
    expect(ctx.err?.code).toBe('ERR_CANCELED')
  })

  test('opened when it has long been over: canceled, or the deadline', async () => {
    const [one, two] = [withCancelCause(background()), withTimeout(background(), 10, { cause: why })]
    const handles = [one.ctx.handle, two.ctx.handle]
    one.cancel(why)
    await sleep(10)
    const before = inUse()
    await until(() => inUse() < before, 'the end of both')
    await sleep(300)
    const there = await elsewhere(
      'async',
      ({ open }, ...handles) => handles.map((each) => [open(each).err.code, open(each).cause.message]),
      ...handles,
    )
    expect(there).toEqual([
      ['ERR_CANCELED', 'context canceled'],
      ['ERR_DEADLINE_EXCEEDED', 'why'],
    ])
  })
})

describe('death of a thread', () => {
  test('of the maker: the deadline fires elsewhere, whoever can cancel can, and what its parent does is seen', async () => {
    const before = inUse()
    const root = withCancelCause(background())
    const flag = new Int32Array(new SharedArrayBuffer(4))
    using out = channel(any<Record<string, never>>(), { capacity: 1 })
    const maker = spawn(
      async ({ open, millrace }, handle, out, flag) => {
        const parent: Context = open(handle)
        const timed = millrace.withTimeout(millrace.background(), 300)
        const made = millrace.withCancelCause(millrace.background())
        const child = millrace.withCancel(parent)
        await open(out).send({ timed: timed.ctx, made, child: child.ctx })
        Atomics.store(flag, 0, 1)
        for (;;) {}
      },
      root.ctx.handle,
      out.handle,
      flag,
    )
    const { timed, made, child } = (await out.receive()) as unknown as {
      timed: Context
      made: { ctx: Context; cancel(cause: unknown): void }
      child: Context
    }
    await until(() => flag[0] === 1)
    await maker.terminate()
    expect([timed.err, made.ctx.err, child.err]).toEqual([null, null, null])
    const deadline = timed.done.receive()
    made.cancel(why)
    expect(made.ctx.cause).toBe(why)
    root.cancel(why)
    expect(child.cause).toBe(why)
    await child.done.receive()
    await deadline
    expect(timed.err?.code).toBe('ERR_DEADLINE_EXCEEDED')
    out.dispose()
    await settled(before)
  })

  test('of who has it open: it is given back', async () => {
    const before = inUse()
    for (let round = 0; round < 3; round++) {
      const { ctx, cancel } = withCancel(background())
      const flag = new Int32Array(new SharedArrayBuffer(4))
      const user = spawn(
        ({ open }, handle, flag) => {
          const ctx: Context = open(handle)
          Atomics.store(flag, 0, 1)
          for (;;) if (flag[0] === 5 && ctx.err) return
        },
        ctx.handle,
        flag,
      )
      await until(() => flag[0] === 1)
      if (round === 0) cancel()
      await user.terminate()
      cancel()
    }
    await settled(before)
  })

  test('in the middle of cancelling, many times: nobody hangs, and all see one end', async () => {
    const before = inUse()
    for (let round = 0; round < 15; round++) {
      const made = Array.from({ length: 50 }, () => withCancelCause(background()))
      const flag = new Int32Array(new SharedArrayBuffer(4))
      const victim = spawn(
        ({ open }, handles, flag) => {
          const all: Cancellable<(cause: unknown) => void>[] = handles.map(open)
          Atomics.store(flag, 0, 1)
          for (const { cancel } of all) cancel(new Error('by the victim'))
          for (;;) {}
        },
        made.map(({ handle }) => handle),
        flag,
      )
      const watcher = elsewhere(
        'async',
        async ({ open }, handles) => {
          const all: Context[] = handles.map(open)
          await Promise.all(all.map(({ done }) => done.receive()))
          return all.map(({ cause }) => (cause as Error).message)
        },
        made.map(({ ctx }) => ctx.handle),
      )
      await until(() => flag[0] === 1)
      for (let i = 0; i < round * 2000; i++) Math.sqrt(i)
      await victim.terminate()
      for (const { cancel } of made) cancel(new Error('by main'))
      const here = made.map(({ ctx }) => (ctx.cause as Error).message)
      expect(await watcher).toEqual(here)
      expect(here.every((message) => message === 'by main' || message === 'by the victim')).toBe(true)
    }
    await settled(before)
  })

  test('select in this thread goes on when the thread that can cancel dies', async () => {
    const { ctx, cancel, handle } = withCancel(background())
    const other = spawn(({ open }, handle) => {
      open(handle)
      for (;;) {}
    }, handle)
    const hit = select({ done: recv(ctx.done) })
    await sleep(PROBE_MS)
    await other.terminate()
    cancel()
    expect((await hit).case).toBe('done')
  })
})
