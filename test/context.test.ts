// CTX: contexts within one thread.

import {
  background,
  CanceledError,
  type Context,
  cause,
  channel,
  DeadlineExceededError,
  f64,
  fromSignal,
  merge,
  never,
  recv,
  Selector,
  select,
  selectSync,
  todo,
  trySelect,
  withCancel,
  withCancelCause,
  withDeadline,
  withoutCancel,
  withTimeout,
  withValue,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { expectPending, gc, macrotask, rejection, sleep, thrown, until } from './support/probe.js'

noComplaints()

const HOUR = 3_600_000
const why = new Error('why')
const other = new Error('other')

/** What a context says of its end: the class of err, and the cause. */
function end(ctx: Context): [unknown, unknown] {
  return [ctx.err?.constructor ?? null, ctx.cause === ctx.err ? ctx.cause && 'err' : ctx.cause]
}
const LIVE = [null, null]
const isOver = (ctx: Context): boolean => ctx.err !== null && trySelect({ done: recv(ctx.done) })?.done === true

/** Blocks this thread, so that its event loop does nothing meanwhile. */
function block(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until) {}
}

describe('what never ends', () => {
  test.each([
    ['context.Background', background],
    ['context.TODO', todo],
  ])('CTX-1 %s: no end, no deadline, no values', async (name, make) => {
    const ctx = make()
    expect(String(ctx)).toBe(name)
    expect(make()).toBe(ctx)
    expect([ctx.err, ctx.cause, cause(ctx), ctx.deadline, ctx.value('key')]).toEqual([
      null,
      null,
      null,
      undefined,
      undefined,
    ])
    expect(ctx.done).toBe(never)
    expect(ctx.signal.aborted).toBe(false)
    expect(ctx.signal).toBe(ctx.signal)
    ctx.throwIfDone()
    expect(trySelect({ done: recv(ctx.done) })).toBe(undefined)
    const stop = ctx.afterFunc(() => expect.fail('it has no end'))
    expect([stop(), stop()]).toEqual([true, false])
  })

  test('CTX-12 withoutCancel: the values of its parent, and nothing of its end', async () => {
    const { ctx: parent, cancel } = withCancelCause(withValue(background(), 'key', 'value'))
    const timed = withTimeout(parent, HOUR)
    const ctx = withoutCancel(timed.ctx)
    cancel(why)
    expect(parent.err).not.toBe(null)
    expect([ctx.err, ctx.cause, ctx.deadline, ctx.value('key')]).toEqual([null, null, undefined, 'value'])
    expect(ctx.done).toBe(never)
    const child = withCancelCause(ctx)
    expect(child.ctx.err).toBe(null)
    child.cancel(other)
    expect(end(child.ctx)).toEqual([CanceledError, other])
    expect(end(withoutCancel(parent))).toEqual(LIVE)
  })
})

describe('cancellation', () => {
  test('CTX-2 CTX-4 cancel is seen at once in the context, what wraps it and all that was made of it', async () => {
    const { ctx, cancel } = withCancel(background())
    const wrapped = withValue(ctx, 'key', 1)
    const child = withCancel(wrapped)
    const timed = withTimeout(child.ctx, HOUR)
    const valued = withValue(timed.ctx, 'other', 2)
    const all = [ctx, wrapped, child.ctx, timed.ctx, valued]
    expect(all.map((each) => each.err)).toEqual([null, null, null, null, null])
    const waits = all.map((each) => each.done.receive())
    await expectPending(...waits)
    expect(cancel()).toBe(undefined)
    for (const each of all) {
      expect(each.err).toBeInstanceOf(CanceledError)
      expect(each.err).toMatchObject({ message: 'context canceled', code: 'ERR_CANCELED', name: 'CanceledError' })
      expect(each.err).toBe(ctx.err)
      expect(cause(each)).toBe(ctx.err)
      expect(each.done.closed).toBe(true)
      expect(isOver(each)).toBe(true)
      expect(thrown(() => each.throwIfDone())).toBe(ctx.err)
    }
    expect(await Promise.all(waits)).toEqual([undefined, undefined, undefined, undefined, undefined])
  })

  test('CTX-2 who is told of one end finds the whole tree ended', () => {
    const { ctx, cancel } = withCancel(background())
    const children = Array.from({ length: 3 }, () => withCancel(ctx).ctx)
    const seen: unknown[] = []
    for (const each of [ctx, ...children])
      each.signal.addEventListener('abort', () => seen.push(...[ctx, ...children].map(({ err }) => err?.code)))
    cancel()
    expect(seen).toEqual(Array(16).fill('ERR_CANCELED'))
  })

  test('CTX-3 cancel does nothing the second time, from wherever', async () => {
    const { ctx, cancel } = withCancelCause(background())
    await Promise.all(Array.from({ length: 10 }, async (_, i) => cancel(i === 0 ? why : other)))
    const { err } = ctx
    cancel()
    expect(ctx.err).toBe(err)
    expect(ctx.cause).toBe(why)
    // Also from within the cancellation.
    const again = withCancel(background())
    again.ctx.signal.addEventListener('abort', () => again.cancel())
    again.cancel()
    expect(again.ctx.signal.aborted).toBe(true)
  })

  test('CTX-3 many contexts, cancelled at once by many', async () => {
    const root = withCancel(background())
    const made = Array.from({ length: 100 }, () => withCancel(root.ctx))
    const ends = Promise.all(made.map(({ ctx }) => ctx.done.receive()))
    await Promise.all(made.map(async ({ cancel }, i) => (i % 10 === 0 ? root.cancel() : cancel())))
    await ends
    expect(made.every(({ ctx }) => ctx.err !== null)).toBe(true)
  })

  test('CTX-5 the end of a child says nothing to its parent, which lets go of it', async () => {
    const parent = withCancel(background())
    const refs = await (async () => {
      const gone: WeakRef<object>[] = []
      for (let i = 0; i < 10; i++) {
        const child = withCancel(withValue(parent.ctx, 'i', i))
        const grandchild = withTimeout(child.ctx, HOUR)
        void grandchild.ctx.signal
        child.cancel()
        expect(grandchild.ctx.err).not.toBe(null)
        gone.push(new WeakRef(child.ctx), new WeakRef(grandchild.ctx))
      }
      const over = withTimeout(parent.ctx, 5)
      gone.push(new WeakRef(over.ctx))
      return gone
    })()
    await sleep(20)
    for (let tries = 0; tries < 50 && refs.some((ref) => ref.deref() !== undefined); tries++) {
      gc()
      await macrotask()
    }
    // Of 21 the engine itself may hold one.
    expect(refs.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(2)
    expect(parent.ctx.err).toBe(null)
    parent.cancel()
  })

  test('CTX-6 what is made of a context that is over is over, with the same err and cause', () => {
    const parent = withCancelCause(background())
    const before = withCancel(parent.ctx)
    parent.cancel(why)
    const made = [
      withCancel(parent.ctx).ctx,
      withCancelCause(before.ctx).ctx,
      withTimeout(parent.ctx, HOUR).ctx,
      withTimeout(parent.ctx, -1, { cause: other }).ctx,
      withDeadline(parent.ctx, new Date(0)).ctx,
      withValue(parent.ctx, 'key', 1),
      fromSignal(AbortSignal.abort(other), parent.ctx),
    ]
    for (const ctx of made) {
      expect(ctx.err).toBe(parent.ctx.err)
      expect(ctx.cause).toBe(why)
      expect(isOver(ctx)).toBe(true)
      expect(ctx.signal.reason).toBe(why)
    }
  })

  test('using: cancelled at the end of the block', () => {
    let ctx: Context
    {
      using request = withTimeout(background(), HOUR)
      ctx = request.ctx
      expect(ctx.err).toBe(null)
    }
    expect(ctx.err).toBeInstanceOf(CanceledError)
  })

  test('a long chain and a broad tree end without running out of stack', () => {
    const root = withCancel(background())
    let { ctx } = root
    for (let i = 0; i < 20_000; i++) ctx = i % 2 ? withCancel(ctx).ctx : withValue(ctx, `key${i}`, i)
    expect(ctx.value('key0')).toBe(0)
    expect(String(ctx)).toContain('.WithCancel')
    root.cancel()
    expect(ctx.err).toBe(root.ctx.err)
  })

  test('CTX-20 a parent that is cancelled while children are made: each ends with its cause', async () => {
    for (let round = 0; round < 100; round++) {
      const parent = withCancelCause(background())
      const children: Context[] = []
      const making = (async () => {
        for (let i = 0; i < 20; i++) {
          children.push(withCancel(parent.ctx).ctx)
          if (i % 3 === 0) await null
        }
      })()
      for (let i = 0; i < round % 7; i++) await null
      parent.cancel(why)
      await making
      expect(children.length).toBe(20)
      expect(children.every((ctx) => ctx.cause === why && ctx.err === parent.ctx.err)).toBe(true)
    }
  })

  test('CTX-21 a task that waits for its parent and cancels its child while the parent is cancelled', async () => {
    const parent = withCancel(background())
    const child = withCancel(parent.ctx)
    const task = parent.ctx.done.receive().then(() => child.cancel())
    queueMicrotask(() => parent.cancel())
    await child.ctx.done.receive()
    await task
    expect(child.ctx.err).toBe(parent.ctx.err)
  })
})

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

describe('values', () => {
  test('CTX-9 the nearest one counts, and what lies between does not', () => {
    const [a, b] = [Symbol('key'), Symbol('key')]
    const key = { key: 1 }
    const first = withValue(background(), a, 'first')
    const second = withTimeout(withCancel(withValue(first, b, 'second')).ctx, HOUR).ctx
    const third = withValue(second, a, null)
    const all = withValue(withValue(withValue(third, key, 3), 1, 'number'), '1', 'text')
    expect([a, b, key, 1, '1', Symbol('key'), { key: 1 }, 'none'].map((each) => all.value(each))).toEqual([
      null,
      'second',
      3,
      'number',
      'text',
      undefined,
      undefined,
      undefined,
    ])
    expect([second.value(a), first.value(b)]).toEqual(['first', undefined])
    expect(withCancel(all).ctx.value(key)).toBe(3)
    expect(withoutCancel(all).value(key)).toBe(3)
  })

  test.each([
    ['no key', () => withValue(background(), null, 1), 'nil key'],
    ['undefined as key', () => withValue(background(), undefined, 1), 'nil key'],
    ['a key that equals nothing', () => withValue(background(), Number.NaN, 1), 'key is not comparable'],
    ['no parent', () => withCancel(null as never), 'cannot create context from nil parent'],
    ['no parent', () => withCancelCause(undefined as never), 'cannot create context from nil parent'],
    ['no parent', () => withTimeout(null as never, 1), 'cannot create context from nil parent'],
    ['no parent', () => withDeadline(null as never, 1), 'cannot create context from nil parent'],
    ['no parent', () => withValue(null as never, 'key', 1), 'cannot create context from nil parent'],
    ['no parent', () => withoutCancel(null as never), 'cannot create context from nil parent'],
    ['no parent', () => fromSignal(AbortSignal.abort(), null as never), 'cannot create context from nil parent'],
    [
      'a signal as parent',
      () => withCancel(AbortSignal.abort() as never),
      'a context is made of a context: fromSignal(signal) makes one of an AbortSignal',
    ],
    [
      'an object as parent',
      () => withCancel({} as never),
      'a context is made of a context, such as background(), not a Object object',
    ],
    ['no signal', () => fromSignal({} as never), 'fromSignal takes an AbortSignal, not a Object object'],
    ['no context', () => cause(null as never), 'cause takes a context, not null'],
    ['no function', () => background().afterFunc(1 as never), 'afterFunc calls a function, not 1'],
  ])('CTX-10 %s is refused', (_name, call, message) => {
    expect(thrown(call)).toMatchObject({ name: 'TypeError', message, code: 'ERR_INVALID_ARG_TYPE' })
  })

  test('CTX-23 the text tells how it was made', () => {
    class Key {}
    const ctx = withCancelCause(background()).ctx
    expect(String(withCancel(background()).ctx)).toBe('context.Background.WithCancel')
    expect(String(withValue(withValue(ctx, 'user', 'Ann'), new Key(), 5))).toBe(
      'context.Background.WithCancel.WithValue(user, Ann).WithValue(Key, number)',
    )
    expect(String(withValue(todo(), Symbol('secret'), null))).toBe('context.TODO.WithValue(secret, <nil>)')
    expect(String(withoutCancel(ctx))).toBe('context.Background.WithCancel.WithoutCancel')
    expect(String(fromSignal(AbortSignal.abort()))).toBe('context.Background.FromSignal')
    const timed = withDeadline(background(), new Date('2999-01-01T00:00:00Z')).ctx
    expect(String(timed)).toMatch(/^context\.Background\.WithDeadline\(2999-01-01T00:00:00\.000Z \[\d+ms\]\)$/)
    // The earlier one of the parent counts, as in Go.
    expect(String(withTimeout(withTimeout(background(), 1000).ctx, HOUR).ctx)).toMatch(/\)\.WithCancel$/)
    expect(`${Object.prototype.toString.call(ctx)}`).toBe('[object Context]')
  })
})

describe('afterFunc', () => {
  test('CTX-13 it is called once, after the end, and not within cancel', async () => {
    const { ctx, cancel } = withCancel(background())
    let calls = 0
    const stop = ctx.afterFunc(() => calls++)
    await macrotask()
    expect(calls).toBe(0)
    cancel()
    expect(calls).toBe(0)
    await macrotask()
    expect(calls).toBe(1)
    cancel()
    await macrotask()
    expect([calls, stop()]).toEqual([1, false])
  })

  test('CTX-13 of what is over it is called soon', async () => {
    const { ctx } = withTimeout(background(), 0)
    let calls = 0
    const stop = ctx.afterFunc(() => calls++)
    expect([calls, stop()]).toEqual([0, false])
    await macrotask()
    expect(calls).toBe(1)
  })

  test('CTX-13 stop prevents it, once', async () => {
    const { ctx, cancel } = withCancel(background())
    const stop = withValue(ctx, 'key', 1).afterFunc(() => expect.fail('it was stopped'))
    expect([stop(), stop()]).toEqual([true, false])
    // Once it is over, the function is under way.
    let called = false
    const late = ctx.afterFunc(() => {
      called = true
    })
    cancel()
    expect([called, late()]).toEqual([false, false])
    await macrotask()
    expect(called).toBe(true)
  })

  test('CTX-13 by a deadline, and of many', async () => {
    const { ctx } = withTimeout(background(), 20)
    const order: number[] = []
    for (let i = 0; i < 5; i++) ctx.afterFunc(() => order.push(i))
    await until(() => order.length === 5)
    expect(order).toEqual([0, 1, 2, 3, 4])
  })
})

describe('done', () => {
  test('CTX-15 the same each time, closed for all, never sent to', async () => {
    const { ctx, cancel } = withCancel(background())
    const { done } = ctx
    expect(withValue(ctx, 'key', 1).done).toBe(done)
    expect([ctx.done === done, done.closed, done.length, done.capacity, done.tryNext()]).toEqual([
      true,
      false,
      0,
      0,
      undefined,
    ])
    const waits = [done.receive(), done.next(), done.next(), select({ done: recv(done) })]
    const loop = (async () => {
      for await (const _ of done) expect.fail('nothing is sent')
    })()
    await expectPending(...waits, loop)
    cancel()
    const ended = { value: undefined, done: true }
    expect(await Promise.all(waits)).toEqual([undefined, ended, ended, { case: 'done', ...ended }])
    await loop
    expect([ctx.done === done, done.closed, done.tryNext(), done.tryReceive()]).toEqual([true, true, ended, undefined])
    expect(done.nextSync()).toEqual(ended)
    expect(done.receiveSync()).toBe(undefined)
    for (const _ of done.available()) expect.fail('nothing is sent')
    expect(await done.next({ timeout: 0 })).toEqual(ended)
  })

  test('CTX-24 a case of a select', async () => {
    const ch = channel(f64, { capacity: 1 })
    const { ctx, cancel } = withCancel(background())
    const cases = { value: recv(ch), done: recv(ctx.done) }
    expect(trySelect(cases)).toBe(undefined)
    const value = select(cases)
    await ch.send(1)
    expect(await value).toEqual({ case: 'value', value: 1, done: false })
    const over = select(cases)
    cancel()
    expect(await over).toEqual({ case: 'done', value: undefined, done: true })
    expect(trySelect(cases)).toEqual({ case: 'done', value: undefined, done: true })
    expect(selectSync(cases)).toEqual({ case: 'done', value: undefined, done: true })
    expect(selectSync({ done: recv(withTimeout(background(), 20).ctx.done), value: recv(ch) }).case).toBe('done')
    ch.dispose()
  })

  test('CTX-24 a blocked thread wakes at the deadline', () => {
    const { ctx } = withTimeout(background(), 30)
    const begun = performance.now()
    expect(withCancel(ctx).ctx.done.receiveSync()).toBe(undefined)
    expect(performance.now() - begun).toBeGreaterThanOrEqual(29)
    expect(ctx.err).toBeInstanceOf(DeadlineExceededError)
  })

  test('in a Selector, switched off and on', async () => {
    const ch = channel(f64, { capacity: 1 })
    const { ctx, cancel } = withCancel(background())
    using selector = new Selector({ value: recv(ch), done: recv(ctx.done) })
    cancel()
    selector.disable('done')
    expect(selector.trySelect()).toBe(undefined)
    selector.enable('done')
    expect(selector.selectSync()).toMatchObject({ case: 'done', done: true })
    ch.dispose()
  })

  test('a merge refuses it', () => {
    const { ctx, cancel } = withCancel(background())
    expect(thrown(() => merge(ctx.done)).message).toMatch(/^merge takes/)
    cancel()
  })

  test('a timeout and an abort end the wait alone', async () => {
    const { ctx, cancel } = withCancel(background())
    expect((await rejection(ctx.done.receive({ timeout: 5 }))).code).toBe('ERR_TIMEOUT')
    expect(await rejection(ctx.done.receive({ signal: AbortSignal.abort(why) }))).toBe(why)
    expect(thrown(() => ctx.done.receiveSync({ timeout: 5 })).code).toBe('ERR_TIMEOUT')
    expect(ctx.err).toBe(null)
    cancel()
  })
})

/** A signal that counts its listeners. */
function counted(): { signal: AbortSignal; abort: (reason?: unknown) => void; count: () => number } {
  const controller = new AbortController()
  const { signal } = controller
  let count = 0
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
  signal.addEventListener = (...args: unknown[]) => {
    count++
    ;(add as (...args: unknown[]) => void)(...args)
  }
  signal.removeEventListener = (...args: unknown[]) => {
    count--
    ;(remove as (...args: unknown[]) => void)(...args)
  }
  return { signal, abort: (reason) => controller.abort(reason), count: () => count }
}

describe('signals', () => {
  test('CTX-24 ctx.signal is aborted with the cause', async () => {
    const { ctx, cancel } = withCancelCause(background())
    const { signal } = ctx
    expect([ctx.signal === signal, withValue(ctx, 'key', 1).signal === signal, signal.aborted]).toEqual([
      true,
      true,
      false,
    ])
    const ch = channel(f64)
    const wait = rejection(ch.receive({ signal }))
    cancel(why)
    expect([signal.aborted, signal.reason]).toEqual([true, why])
    expect(await wait).toBe(why)
    expect(await rejection(ch.receive({ signal }))).toBe(why)
    const timed = withTimeout(background(), 20).ctx
    expect(await rejection(ch.receive({ signal: timed.signal }))).toBe(timed.err)
    ch.dispose()
  })

  test('CTX-16 a signal as parent: its abort comes in, with its reason', async () => {
    const { signal, abort } = counted()
    const ctx = fromSignal(signal, withValue(background(), 'key', 'value'))
    const child = withCancel(ctx)
    const wait = child.ctx.done.receive()
    expect([ctx.err, child.ctx.err, child.ctx.value('key')]).toEqual([null, null, 'value'])
    abort(why)
    expect(end(ctx)).toEqual([CanceledError, why])
    expect(end(child.ctx)).toEqual([CanceledError, why])
    await wait
    const own = new AbortController()
    const same = fromSignal(own.signal)
    own.abort()
    expect(same.cause).toBe(own.signal.reason)
    // A deadline keeps its kind on the way through a signal.
    const timed = withTimeout(background(), 0, { cause: other })
    expect(end(fromSignal(timed.ctx.signal))).toEqual([DeadlineExceededError, other])
  })

  test('CTX-16 CTX-17 it has one listener while somebody waits, however many, and none after', async () => {
    const { signal, abort, count } = counted()
    const ctx = fromSignal(signal)
    const children = Array.from({ length: 10 }, () => withCancel(ctx))
    expect(count()).toBe(0)
    const waits = children.map(({ ctx }) => ctx.done.receive())
    void children[0]?.ctx.signal
    children[1]?.ctx.afterFunc(() => {})
    expect(count()).toBe(1)
    for (const { cancel } of children) cancel()
    expect(count()).toBe(0)
    await Promise.all(waits)
    expect([ctx.err, signal.aborted]).toEqual([null, false])
    const wait = rejection(withCancel(ctx).ctx.done.receive({ timeout: 5 }))
    expect(count()).toBe(1)
    await wait
    expect(count()).toBe(0)
    const stop = ctx.afterFunc(() => {})
    expect(count()).toBe(1)
    stop()
    expect(count()).toBe(0)
    // Nobody has listened, and who looks sees it all the same.
    const late = withCancel(ctx)
    abort(why)
    expect(end(late.ctx)).toEqual([CanceledError, why])
  })

  test('CTX-17 what is made of a context of this package needs no listener', () => {
    const { signal, count } = counted()
    const ctx = fromSignal(signal)
    const root = withCancel(background())
    const tree = [root.ctx, withCancel(root.ctx).ctx, withTimeout(root.ctx, HOUR).ctx, withValue(root.ctx, 'k', 1)]
    expect([count(), ctx.err, ...tree.map(({ err }) => err)]).toEqual([0, null, null, null, null, null])
    root.cancel()
    expect(tree.every(({ err }) => err !== null)).toBe(true)
  })

  test('CTX-16 parent and signal: whichever comes first', () => {
    const parent = withCancelCause(background())
    const controller = new AbortController()
    const ctx = fromSignal(controller.signal, parent.ctx)
    parent.cancel(why)
    controller.abort(other)
    expect(end(ctx)).toEqual([CanceledError, why])
    expect(end(fromSignal(controller.signal))).toEqual([CanceledError, other])
  })
})
