// CTX: contexts within one thread: their ends, and their values.

import {
  background,
  CanceledError,
  type Context,
  cause,
  fromSignal,
  never,
  recv,
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
import { expectPending, gc, macrotask, sleep, thrown } from './support/probe.js'

noComplaints()

const HOUR = 3_600_000
const why = new Error('why')
const other = new Error('other')
const LIVE = [null, null]
const isOver = (ctx: Context): boolean => ctx.err !== null && trySelect({ done: recv(ctx.done) })?.done === true

/** What a context says of its end: the class of err, and the cause. */
function end(ctx: Context): [unknown, unknown] {
  return [ctx.err?.constructor ?? null, ctx.cause === ctx.err ? ctx.cause && 'err' : ctx.cause]
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
