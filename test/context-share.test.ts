// CTX: the memory of contexts that several threads have, and what becomes of them when a thread dies.

import {
  Arena,
  any,
  background,
  type Cancellable,
  type Context,
  channel,
  f64,
  recv,
  select,
  withCancel,
  withCancelCause,
  withTimeout,
  withValue,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { inUse, nothingLeft, settled } from './support/context-memory.js'
import { gc, macrotask, PROBE_MS, sleep, thrown, until } from './support/probe.js'
import { elsewhere, spawn } from './support/threads.js'

noComplaints()
nothingLeft()

const HOUR = 3_600_000
const why = Object.assign(new RangeError('why', { cause: 'deeper' }), { code: 'ERR_WHY' })

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
