// CTX: how one learns of the end: done, signals, afterFunc.

import {
  background,
  CanceledError,
  type Context,
  channel,
  DeadlineExceededError,
  f64,
  fromSignal,
  merge,
  recv,
  Selector,
  select,
  selectSync,
  trySelect,
  withCancel,
  withCancelCause,
  withTimeout,
  withValue,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { expectPending, macrotask, rejection, thrown, until } from './support/probe.js'

noComplaints()

const HOUR = 3_600_000
const why = new Error('why')
const other = new Error('other')

/** What a context says of its end: the class of err, and the cause. */
function end(ctx: Context): [unknown, unknown] {
  return [ctx.err?.constructor ?? null, ctx.cause === ctx.err ? ctx.cause && 'err' : ctx.cause]
}

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
