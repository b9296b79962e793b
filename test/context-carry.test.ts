// CTX: what a context takes with it to other threads.

import {
  Arena,
  any,
  background,
  Cancellable,
  type Context,
  channel,
  f64,
  fromSignal,
  handle,
  open,
  type Shared,
  withCancel,
  withCancelCause,
  withoutCancel,
  withTimeout,
  withValue,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { inUse, nothingLeft, settled } from './support/context-memory.js'
import { PROBE_MS, rejection, sleep, thrown } from './support/probe.js'
import { elsewhere } from './support/threads.js'

noComplaints()
nothingLeft()

const HOUR = 3_600_000
const why = Object.assign(new RangeError('why', { cause: 'deeper' }), { code: 'ERR_WHY' })

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
