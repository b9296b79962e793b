// CTX: deadlines, and what comes first.

import {
  background,
  CanceledError,
  type Context,
  cause,
  DeadlineExceededError,
  fromSignal,
  todo,
  withCancel,
  withCancelCause,
  withDeadline,
  withoutCancel,
  withTimeout,
  withValue,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { sleep, thrown } from './support/probe.js'

noComplaints()

const HOUR = 3_600_000
const why = new Error('why')
const other = new Error('other')

/** What a context says of its end: the class of err, and the cause. */
function end(ctx: Context): [unknown, unknown] {
  return [ctx.err?.constructor ?? null, ctx.cause === ctx.err ? ctx.cause && 'err' : ctx.cause]
}

/** Blocks this thread, so that its event loop does nothing meanwhile. */
function block(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until) {}
}

describe('deadlines', () => {
  test.each([
    ['withTimeout', (ms: number) => withTimeout(background(), ms)],
    ['withDeadline, a Date', (ms: number) => withDeadline(background(), new Date(Date.now() + ms))],
    ['withDeadline, a number', (ms: number) => withDeadline(background(), Date.now() + ms)],
    ['in a value', (ms: number) => ({ ctx: withValue(withTimeout(background(), ms).ctx, 'key', 1) })],
    ['of the parent', (ms: number) => withTimeout(withTimeout(background(), ms).ctx, HOUR)],
    ['earlier than the parent', (ms: number) => withTimeout(withTimeout(background(), HOUR).ctx, ms)],
    ['of a grandparent', (ms: number) => withCancel(withCancel(withTimeout(background(), ms).ctx).ctx)],
  ])('CTX-7 CTX-14 %s', async (_name, make) => {
    const begun = performance.now()
    const { ctx } = make(50)
    expect(ctx.err).toBe(null)
    expect(ctx.deadline).toBeInstanceOf(Date)
    expect((ctx.deadline as Date).getTime() - Date.now()).toBeLessThanOrEqual(50)
    expect(await ctx.done.receive()).toBe(undefined)
    expect(performance.now() - begun).toBeGreaterThanOrEqual(48)
    expect(ctx.err).toBeInstanceOf(DeadlineExceededError)
    expect(ctx.err).toMatchObject({ message: 'context deadline exceeded', code: 'ERR_DEADLINE_EXCEEDED' })
    expect((ctx.err as DeadlineExceededError).timeout()).toBe(true)
    expect(ctx.cause).toBe(ctx.err)
    expect(ctx.signal.reason).toBe(ctx.err)
    expect(make(0).ctx.err).toBeInstanceOf(DeadlineExceededError)
    expect(make(-1000).ctx.err).toBeInstanceOf(DeadlineExceededError)
  })

  test('CTX-7 the deadline that is told is the earlier one', () => {
    const [soon, late] = [new Date(Date.now() + HOUR), new Date(Date.now() + 2 * HOUR)]
    expect(withDeadline(background(), soon).ctx.deadline).toEqual(soon)
    expect(withDeadline(withDeadline(background(), soon).ctx, late).ctx.deadline).toEqual(soon)
    expect(withDeadline(withDeadline(background(), late).ctx, soon).ctx.deadline).toEqual(soon)
    expect(withCancel(withDeadline(background(), late).ctx).ctx.deadline).toEqual(late)
    expect(withTimeout(background(), Number.POSITIVE_INFINITY).ctx.deadline).toBe(undefined)
    // Beyond what the platform's timers know.
    expect(withTimeout(background(), 2 ** 40).ctx.err).toBe(null)
  })

  test('CTX-8 cancelled before its time: canceled, and nothing comes of the deadline', async () => {
    const { ctx, cancel } = withTimeout(background(), 20, { cause: why })
    cancel()
    await sleep(40)
    expect(end(ctx)).toEqual([CanceledError, 'err'])
  })

  test('CTX-7 err follows the clock, also where the event loop stands still', async () => {
    const { ctx } = withTimeout(withValue(background(), 'key', 1), 20, { cause: why })
    const child = withCancelCause(ctx)
    const told: unknown[] = []
    child.ctx.signal.addEventListener('abort', () => told.push(child.ctx.signal.reason))
    let polls = 0
    while (child.ctx.err === null) polls++
    expect(polls).toBeGreaterThan(0)
    expect(end(child.ctx)).toEqual([DeadlineExceededError, why])
    // Who listens is told in a turn of its own.
    expect(told).toEqual([])
    await null
    expect(told).toEqual([why])
  })

  test('CTX-11 what came first counts, also what nobody has noticed', () => {
    const parent = withCancelCause(background())
    const child = withTimeout(parent.ctx, 5, { cause: why })
    block(10)
    parent.cancel(other)
    expect(end(parent.ctx)).toEqual([CanceledError, other])
    expect(end(child.ctx)).toEqual([DeadlineExceededError, why])
    const late = withTimeout(background(), 5, { cause: why })
    block(10)
    late.cancel()
    expect(end(late.ctx)).toEqual([DeadlineExceededError, why])
  })

  test.each([
    ['a text', () => withTimeout(background(), '5' as never)],
    ['NaN', () => withTimeout(background(), Number.NaN)],
    ['no date', () => withDeadline(background(), new Date(Number.NaN))],
    ['nothing', () => withDeadline(background(), undefined as never)],
    ['options', () => withTimeout(background(), 5, why.message as never)],
  ])('%s is refused', (_name, call) => {
    expect(thrown(call)).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
  })
})

describe('causes', () => {
  const rows: [string, () => Context, unknown, unknown][] = [
    ['Background', background, null, null],
    ['TODO', todo, null, null],
    [
      'withCancel',
      () => {
        const { ctx, cancel } = withCancel(background())
        cancel()
        return ctx
      },
      CanceledError,
      'err',
    ],
    [
      'withCancel says no cause, whatever it is called with',
      () => {
        const { ctx, cancel } = withCancel(background())
        ;(cancel as (cause: unknown) => void)(why)
        return ctx
      },
      CanceledError,
      'err',
    ],
    [
      'withCancelCause',
      () => {
        const { ctx, cancel } = withCancelCause(background())
        cancel(why)
        return ctx
      },
      CanceledError,
      why,
    ],
    [
      'withCancelCause, null',
      () => {
        const { ctx, cancel } = withCancelCause(background())
        cancel(null)
        return ctx
      },
      CanceledError,
      'err',
    ],
    [
      'the parent before the child',
      () => {
        const parent = withCancelCause(background())
        const child = withCancelCause(parent.ctx)
        parent.cancel(why)
        child.cancel(other)
        return child.ctx
      },
      CanceledError,
      why,
    ],
    [
      'the parent after the child',
      () => {
        const parent = withCancelCause(background())
        const child = withCancelCause(parent.ctx)
        child.cancel(other)
        parent.cancel(why)
        return child.ctx
      },
      CanceledError,
      other,
    ],
    [
      'the parent before a child without a cause',
      () => {
        const parent = withCancelCause(background())
        const child = withCancelCause(parent.ctx)
        parent.cancel(why)
        child.cancel()
        return child.ctx
      },
      CanceledError,
      why,
    ],
    [
      'the parent after a child without a cause',
      () => {
        const parent = withCancelCause(background())
        const child = withCancelCause(parent.ctx)
        child.cancel(null)
        parent.cancel(why)
        return child.ctx
      },
      CanceledError,
      'err',
    ],
    [
      'the child after a timeout',
      () => {
        const parent = withTimeout(background(), 0)
        const child = withCancelCause(parent.ctx)
        child.cancel(other)
        return child.ctx
      },
      DeadlineExceededError,
      'err',
    ],
    ['a timeout', () => withTimeout(background(), 0).ctx, DeadlineExceededError, 'err'],
    [
      'a timeout, cancelled',
      () => {
        const { ctx, cancel } = withTimeout(background(), HOUR)
        cancel()
        return ctx
      },
      CanceledError,
      'err',
    ],
    ['a timeout with a cause', () => withTimeout(background(), 0, { cause: why }).ctx, DeadlineExceededError, why],
    [
      'a timeout with a cause, cancelled',
      () => {
        const { ctx, cancel } = withTimeout(background(), HOUR, { cause: why })
        cancel()
        return ctx
      },
      CanceledError,
      'err',
    ],
    [
      'a timeout in a timeout, the outer one first',
      () => withTimeout(withTimeout(background(), 0, { cause: why }).ctx, HOUR, { cause: other }).ctx,
      DeadlineExceededError,
      why,
    ],
    [
      'a timeout in a timeout, the outer one cancelled',
      () => {
        const outer = withCancelCause(withTimeout(background(), HOUR, { cause: other }).ctx)
        const inner = withTimeout(outer.ctx, HOUR / 2, { cause: other })
        outer.cancel(why)
        return inner.ctx
      },
      CanceledError,
      why,
    ],
    [
      'a deadline with a cause',
      () => withDeadline(background(), new Date(0), { cause: why }).ctx,
      DeadlineExceededError,
      why,
    ],
    [
      'withoutCancel of what is cancelled',
      () => {
        const { ctx, cancel } = withCancelCause(background())
        cancel(why)
        return withoutCancel(ctx)
      },
      null,
      null,
    ],
    ['withoutCancel of a timeout', () => withoutCancel(withTimeout(background(), 0, { cause: why }).ctx), null, null],
    [
      'a value over a cause',
      () => {
        const { ctx, cancel } = withCancelCause(background())
        cancel(why)
        return withValue(ctx, 'key', 1)
      },
      CanceledError,
      why,
    ],
    ['what is no error', () => fromSignal(AbortSignal.abort('a text')), CanceledError, 'a text'],
  ]

  test.each(rows)('CTX-11 %s', (_name, make, err, given) => {
    expect(end(make())).toEqual([err, given])
    expect(cause(make())).toEqual(make().cause)
  })

  test('CTX-22 at each moment the cause is null or the final one', () => {
    const { ctx, cancel } = withCancelCause(background())
    const seen = new Set<unknown>()
    const look = (): void => {
      seen.add(ctx.cause)
    }
    ctx.signal.addEventListener('abort', look)
    look()
    cancel(why)
    look()
    expect([...seen]).toEqual([null, why])
  })
})
