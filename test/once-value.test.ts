// Values that are made once for all threads.

import {
  type AnyCodec,
  Arena,
  any,
  bytes,
  f64,
  OnceValue,
  onceValue,
  open,
  StaleHandleError,
  SyncError,
  string,
  struct,
  u16,
  u32,
  unit,
} from 'millrace'
import { afterEach, expect, test } from 'vitest'
import { rejection, sleep, thrown, until } from './support/probe.js'
import { elsewhere, endThreads, spawn } from './support/threads.js'

const arena = new Arena({ size: 2 * 2 ** 20 })
const inUse = (): number => arena.stats().bytesInUse

afterEach(endThreads)

const values = [
  ['u32', u32, 0xfffffffe],
  ['f64', f64, -0.5],
  ['string', string, 'käse'.repeat(100)],
  ['an empty string', string, ''],
  ['bytes', bytes, new Uint8Array([1, 2, 255])],
  ['a struct', struct({ port: u16, load: f64 }), { port: 80, load: 0.5 }],
  ['undefined', any(), undefined],
  ['an object', any(), { list: [1, { two: 2n }], map: new Map([[1, 'one']]) }],
] as unknown as [string, AnyCodec, unknown][]

test.each(values)('ONCE-1 ONCE-5 %s: run once, the same in every thread', async (_, codec, value) => {
  using once = new OnceValue(codec, { arena })
  let runs = 0
  const make = (): unknown => {
    runs++
    return value
  }
  expect([once.done, once.peek()]).toEqual([false, undefined])
  expect(once.getSync(make)).toBe(value)
  expect(once.done).toBe(true)
  expect(once.peek()).toBe(value)
  expect(await once.get(make)).toBe(value)
  expect(runs).toBe(1)
  // Another object reads it once, and keeps its copy.
  const copy = open(once.handle)
  const first = copy.getSync(make)
  expect(first).toEqual(value)
  expect(await copy.get(make)).toBe(first)
  expect(copy.peek()).toBe(first)
  const there = await elsewhere(
    'blocking',
    async ({ open }, handle) => {
      const once = open(handle)
      const fail = (): never => {
        throw new Error('it is run twice')
      }
      return [once.getSync(fail), await once.get(fail), once.peek()]
    },
    once.handle,
  )
  expect(there).toEqual([value, value, value])
})

test('ONCE-11 many tasks in three threads: one of them runs it, and all get its value', async () => {
  for (let round = 0; round < 10; round++) {
    using once = new OnceValue(string, { arena })
    const runs = new Int32Array(new SharedArrayBuffer(4))
    const threads = [0, 1, 2].map((i) =>
      elsewhere(
        'blocking',
        async ({ open, sleep }, handle, runs, i) => {
          const once = open(handle)
          const make = async (): Promise<string> => {
            Atomics.add(runs, 0, 1)
            await sleep(2)
            return `made by ${i}`
          }
          const got = await Promise.all(Array.from({ length: 5 }, () => once.get(make)))
          return [...got, once.getSync(make)]
        },
        once.handle,
        runs,
        i,
      ),
    )
    const all = (await Promise.all(threads)).flat()
    expect(all.length).toBe(18)
    expect(new Set(all).size).toBe(1)
    expect(runs[0]).toBe(1)
  }
})

test('ONCE-6 ONCE-8 a throw is kept, and thrown in every call and every thread', async () => {
  using once = new OnceValue(u32, { arena })
  const bad = Object.assign(new RangeError('too far', { cause: new Error('why') }), { code: 'ERR_FAR' })
  let runs = 0
  const fail = (): never => {
    runs++
    throw bad
  }
  // In the object that ran it: the error itself, whose stack tells where it was made.
  expect(thrown(() => once.getSync(fail))).toBe(bad)
  expect(thrown(() => once.getSync(fail))).toBe(bad)
  expect(await rejection(once.get(fail))).toBe(bad)
  expect(bad.stack).toContain('once-value.test')
  expect([once.done, once.peek(), runs]).toEqual([true, undefined, 1])
  const there = await elsewhere(
    'blocking',
    async ({ open }, handle) => {
      const once = open(handle)
      const caught: unknown[] = []
      try {
        once.getSync(() => 1)
      } catch (error) {
        caught.push(error)
      }
      await once.get(() => 1).catch((error: unknown) => caught.push(error))
      const [error] = caught as (RangeError & { code: string })[]
      if (error === undefined || caught.length !== 2 || caught[1] !== error) return 'not the same error twice'
      const { name, message, stack, code, cause } = error
      return [error instanceof RangeError, name, message, stack, code, (cause as Error).message, once.peek()]
    },
    once.handle,
  )
  expect(there).toEqual([true, 'RangeError', 'too far', bad.stack, 'ERR_FAR', 'why', undefined])
})

test.each([[undefined], [null], [0], ['text'], [{ reason: 1 }]])('ONCE-7 %o thrown is a throw', async (bad) => {
  for (const way of ['sync', 'async']) {
    using once = new OnceValue(u32, { arena })
    const caught: unknown[] = []
    const note = (error: unknown): unknown => caught.push([error])
    const fail = (): never => {
      throw bad
    }
    if (way === 'async') await once.get(async () => fail()).then(() => expect.unreachable(), note)
    else
      await Promise.resolve()
        .then(() => once.getSync(fail))
        .then(() => expect.unreachable(), note)
    await once.get(() => 1).then(() => expect.unreachable(), note)
    await open(once.handle)
      .get(() => 1)
      .then(() => expect.unreachable(), note)
    expect(caught).toEqual([[bad], [bad], [bad]])
    expect(once.done).toBe(true)
  }
})

test('what no other thread can have is thrown there as what can be said of it', async () => {
  using odd = new OnceValue(u32, { arena })
  const inner = Object.assign(new Error('outside', { cause: () => 1 }), { code: 5 })
  expect(
    thrown(() =>
      odd.getSync(() => {
        throw inner
      }),
    ),
  ).toBe(inner)
  const copy = thrown(() => open(odd.handle).getSync(() => 1))
  expect(copy).toMatchObject({ name: 'Error', message: 'outside', code: 5, stack: inner.stack })
  expect(copy.cause).toBe(undefined)
  using symbol = new OnceValue(u32, { arena })
  await symbol
    .get(() => {
      throw Symbol('sign')
    })
    .catch(() => {})
  expect(thrown(() => open(symbol.handle).getSync(() => 1)).message).toBe(
    'the function threw Symbol(sign), which no other thread can have',
  )
})

test('a value that the codec refuses is an error of the function', async () => {
  using once = new OnceValue(u16, { arena })
  const error = thrown(() => once.getSync(() => 65536))
  expect(error).toBeInstanceOf(RangeError)
  expect(once.done).toBe(true)
  const copy = open(once.handle)
  expect((await rejection(copy.get(() => 1))).message).toBe(error.message)
  expect(await rejection(once.get(() => 1))).toBe(error)
})

test('a value that finds no room is an error of the function, here and elsewhere', async () => {
  const small = new Arena({ size: 2 ** 20 })
  using once = new OnceValue(bytes, { arena: small })
  // More than a quarter of the arena.
  expect(thrown(() => once.getSync(() => new Uint8Array(2 ** 19)))).toBeInstanceOf(RangeError)
  using other = new OnceValue(string, { arena: small })
  const filled: OnceValue<Uint8Array>[] = []
  for (const size of [2 ** 17, 2 ** 13, 2 ** 10, 2 ** 7, 1]) {
    for (let full = false; !full; ) {
      const one = new OnceValue(bytes, { arena: small })
      filled.push(one)
      try {
        one.getSync(() => new Uint8Array(size))
      } catch (error) {
        expect((error as { code: string }).code).toBe('ERR_ARENA_FULL')
        full = true
      }
    }
  }
  // There was no room for the error either.
  const last = filled.at(-1) as OnceValue<Uint8Array>
  expect(last.done).toBe(true)
  expect(thrown(() => open(last.handle).getSync(() => new Uint8Array(1)))).toMatchObject({ code: 'ERR_ARENA_FULL' })
  for (const one of filled) one.dispose()
  expect(other.getSync(() => 'room')).toBe('room')
})

test('ONCE-4 blocking the thread that runs the function is refused; awaiting it there ends with its time', async () => {
  using once = new OnceValue(u32, { arena })
  let inner: unknown
  expect(
    once.getSync(() => {
      inner = thrown(() => once.getSync(() => 2))
      return 1
    }),
  ).toBe(1)
  expect(inner).toBeInstanceOf(SyncError)
  using later = new OnceValue(u32, { arena })
  expect(
    await later.get(async () => {
      inner = await rejection(later.get(() => 2, { timeout: 10 }))
      return 1
    }),
  ).toBe(1)
  expect(inner).toMatchObject({ code: 'ERR_TIMEOUT' })
})

test('timeouts and aborts end the wait of their caller; the value comes all the same', async () => {
  using once = new OnceValue(u32, { arena })
  const slow = async (): Promise<number> => {
    await sleep(30)
    return 5
  }
  const controller = new AbortController()
  const calls = [
    once.get(slow, { timeout: 5 }),
    once.get(slow, { timeout: 5 }),
    once.get(slow, { signal: controller.signal }),
  ].map((call) => rejection(call))
  controller.abort(new Error('enough'))
  expect((await Promise.all(calls)).map((error) => error.code ?? error.message)).toEqual([
    'ERR_TIMEOUT',
    'ERR_TIMEOUT',
    'enough',
  ])
  expect(once.peek()).toBe(undefined)
  expect(await once.get(() => 6)).toBe(5)
})

test('an async function is refused by getSync; what it comes to is the value', async () => {
  using once = new OnceValue(u32, { arena })
  const error = thrown(() => once.getSync((async () => 3) as never))
  expect(error).toBeInstanceOf(TypeError)
  expect(error.message).toContain('await get(fn)')
  expect(await once.get(() => 4)).toBe(3)
})

test('misuse changes nothing', async () => {
  for (const codec of [undefined, null, 'u32', {}, unit] as unknown[])
    expect(thrown(() => new OnceValue(codec as AnyCodec<number>, { arena }))).toBeInstanceOf(TypeError)
  using once = new OnceValue(u32, { arena, name: 'port' })
  expect(thrown(() => once.getSync(5 as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
  expect(await rejection(once.get(undefined as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
  expect(once.done).toBe(false)
  const copy = open(once.handle, { codec: u32 as never })
  expect(copy.name).toBe('port')
  expect(thrown(() => open(once.handle, { codec: f64 as never })).message).toContain(
    'it was opened with the codec "f64"',
  )
  expect(thrown(() => open({ ...once.handle, schema: 'f64' }))).toBeInstanceOf(TypeError)
  expect(thrown(() => open({ ...once.handle, kind: 'once' }))).toBeInstanceOf(StaleHandleError)
})

test('dispose frees the value, tells who waits, and what comes after is stale', async () => {
  const before = inUse()
  const once = new OnceValue(bytes, { arena })
  const place = inUse() - before
  const copy = open(once.handle)
  once.getSync(() => new Uint8Array(100_000))
  expect(inUse() - before - place).toBeGreaterThan(100_000)
  once.dispose()
  expect(inUse() - before).toBe(place)
  for (const use of [
    () => copy.getSync(() => new Uint8Array(1)),
    () => copy.peek(),
    () => copy.done,
    () => once.peek(),
  ])
    expect(thrown(use)).toBeInstanceOf(StaleHandleError)
  // While it runs: the value is given to who has made it, and kept nowhere.
  const late = new OnceValue(bytes, { arena })
  const run = late.get(async () => {
    await sleep(5)
    return new Uint8Array(100_000)
  })
  const waits = rejection(late.get(() => new Uint8Array(1)))
  late.dispose()
  expect(await waits).toBeInstanceOf(StaleHandleError)
  expect((await run).length).toBe(100_000)
  expect(inUse() - before).toBe(place)
})

test('disposed of while others read: they have the value, or learn that it is gone', async () => {
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const text = 'x'.repeat(5000)
  let current = new OnceValue(string, { arena })
  current.getSync(() => text)
  // The generation, how often there was a value, and how often it was gone.
  const words = new Int32Array(new SharedArrayBuffer(12))
  const { handle } = current
  Atomics.store(words, 0, handle.generation)
  const reader = spawn(
    ({ open }, handle, words, stop) => {
      while (Atomics.load(stop, 0) === 0) {
        try {
          const value = open({ ...handle, generation: Atomics.load(words, 0) }).peek()
          // Opened before it was made.
          if (value !== undefined && value !== 'x'.repeat(5000)) return 'a wrong value'
          if (value !== undefined) Atomics.add(words, 1, 1)
        } catch (error) {
          if ((error as { code: string }).code !== 'ERR_STALE_HANDLE') return `${error}`
          Atomics.add(words, 2, 1)
        }
      }
      return 'good'
    },
    handle,
    words,
    stop,
  )
  const deadline = performance.now() + 15_000
  const few = (): boolean => Atomics.load(words, 1) < 50 || Atomics.load(words, 2) < 5
  for (let round = 0; few() && performance.now() < deadline; round++) {
    current.dispose()
    const other = new OnceValue(bytes, { arena })
    other.getSync(() => new Uint8Array(5000).fill(round))
    other.dispose()
    current = new OnceValue(string, { arena })
    current.getSync(() => text)
    Atomics.store(words, 0, current.handle.generation)
    for (const end = performance.now() + (round % 8) * 0.02; performance.now() < end; );
    if (round % 100 === 0) await sleep(1)
  }
  expect(few()).toBe(false)
  Atomics.store(stop, 0, 1)
  current.dispose()
  expect(await reader.result).toBe('good')
  await until(() => arena.stats().threads === 1)
})

test('onceValue with an OnceValue: once across all threads', async () => {
  using shared = new OnceValue(string, { arena })
  const runs = new Int32Array(new SharedArrayBuffer(4))
  const job = async (
    { millrace, open }: { millrace: { onceValue: typeof onceValue }; open: (handle: unknown) => OnceValue<string> },
    handle: unknown,
    runs: Int32Array,
    i: number,
  ): Promise<string> => {
    const value = millrace.onceValue(() => {
      Atomics.add(runs, 0, 1)
      return `made by ${i}`
    }, open(handle))
    if (value() !== value()) throw new Error('not one promise')
    return value()
  }
  const got = await Promise.all([1, 2, 3].map((i) => elsewhere('blocking', job, shared.handle, runs, i)))
  expect(new Set([...got, await onceValue(() => 'made here', shared)()]).size).toBe(1)
  expect(runs[0]).toBe(1)
  expect(thrown(() => onceValue(() => 1, {} as OnceValue<number>)).message).toContain('OnceValue')
})
