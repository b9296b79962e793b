// SharedArray: typed arrays that threads and tasks share.

import {
  Arena,
  ArenaFullError,
  AtomicI32,
  any,
  bool,
  channel,
  type ElementCodec,
  f32,
  f64,
  handle,
  i8,
  i16,
  i32,
  i64,
  type NumericArray,
  open,
  type Runtime,
  runtime,
  SharedArray,
  StaleHandleError,
  string,
  struct,
  u8,
  u16,
  u32,
  u64,
  unit,
} from 'millrace'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { SHARED_ARRAY_CODEC, SHARED_ARRAY_DATA } from '../src/generated/layout.js'
import { type AnyHandle, handleOf, openAny } from './support/objects.js'
import { rejection, thrown } from './support/probe.js'
import { rounds } from './support/settings.js'
import { elsewhere } from './support/threads.js'

const MIB = 2 ** 20
const arena = new Arena({ size: 8 * MIB })

afterEach(() => {
  const { 4096: _scratch, ...blocks } = arena.stats().blocks
  expect(blocks).toEqual({})
})

interface Kind {
  codec: ElementCodec<NumericArray>
  Class: new (values: Iterable<never>) => NumericArray
  edges: readonly (number | bigint)[]
}

const kind = (codec: unknown, Class: unknown, edges: readonly (number | bigint)[]): Kind => ({
  codec: codec as Kind['codec'],
  Class: Class as Kind['Class'],
  edges,
})

const kinds = [
  kind(i8, Int8Array, [-128, -1, 0, 127]),
  kind(u8, Uint8Array, [0, 1, 255]),
  kind(i16, Int16Array, [-(2 ** 15), 0, 2 ** 15 - 1]),
  kind(u16, Uint16Array, [0, 2 ** 16 - 1]),
  kind(i32, Int32Array, [-(2 ** 31), -1, 2 ** 31 - 1]),
  kind(u32, Uint32Array, [0, 2 ** 31, 2 ** 32 - 1]),
  kind(i64, BigInt64Array, [-(2n ** 63n), -1n, 2n ** 63n - 1n]),
  kind(u64, BigUint64Array, [0n, 2n ** 63n, 2n ** 64n - 1n]),
  kind(f32, Float32Array, [-0, 1.5, Number.NaN, Number.NEGATIVE_INFINITY, 2 ** -149]),
  kind(f64, Float64Array, [-0, 0.1, Number.NaN, Number.POSITIVE_INFINITY, Number.MIN_VALUE]),
]

describe.each(kinds.map((each) => [each.codec.name, each] as const))('of %s', (name, { codec, Class, edges }) => {
  const zero = name.endsWith('64') && !name.startsWith('f') ? 0n : 0

  test('is a typed array of zeros, for all threads the same', async () => {
    using shared = new SharedArray(codec, 1000, { arena })
    const { array } = shared
    expect(array).toBeInstanceOf(Class)
    expect([shared.length, array.length]).toEqual([1000, 1000])
    expect(array.byteOffset % array.BYTES_PER_ELEMENT).toBe(0)
    expect([...array].every((each) => each === zero)).toBe(true)
    for (const [i, edge] of edges.entries()) array[i] = edge
    const last = edges[0] as number
    const seen = await elsewhere(
      'blocking',
      ({ open }, handle, last) => {
        const { array, length } = open(handle)
        array[length - 1] = last
        return array.slice()
      },
      shared.handle,
      last,
    )
    expect(seen).toBeInstanceOf(Class)
    for (const [i, edge] of edges.entries()) {
      expect(Object.is(seen[i], edge)).toBe(true)
      expect(Object.is([...shared][i], edge)).toBe(true)
    }
    expect(Object.is(array[999], last)).toBe(true)
  })

  test('the other end of its handle, and of any, has elements of the same type', () => {
    using shared = new SharedArray(codec, 3, { arena })
    using carrier = channel(any<SharedArray[]>(), { capacity: 1, arena })
    shared.array.set([...edges].slice(0, 2) as never)
    carrier.trySend([shared])
    for (const other of [open(shared.handle), ...(carrier.tryReceive() ?? [])]) {
      expect(other).toBeInstanceOf(SharedArray)
      expect(other === shared).toBe(false)
      expect([...other]).toEqual([...shared])
      other.array[2] = edges[1] as number
      expect(shared.array[2]).toBe(edges[1])
      shared.array[2] = zero as number
    }
    expect(shared.handle).toMatchObject({ kind: 'shared-array', codec: name })
  })

  test('is zero again in memory that has been used', () => {
    for (let i = 0; i < 3; i++) {
      using shared = new SharedArray(codec, 500, { arena })
      expect([...shared].every((each) => each === zero)).toBe(true)
      shared.array.fill(edges.at(-1) as never)
    }
  })

  test('has room for no element, for one, and for as many as a block has', () => {
    const most =
      (512 - SHARED_ARRAY_DATA) / new (Class as unknown as new (n: number) => NumericArray)(0).BYTES_PER_ELEMENT
    for (const length of [0, 1, most, most + 1]) {
      using shared = new SharedArray(codec, length, { arena })
      expect([shared.length, shared.array.length, [...shared].length]).toEqual([length, length, length])
      const bytes = SHARED_ARRAY_DATA + shared.array.byteLength
      expect(arena.stats().blocks).toMatchObject({ [2 ** Math.ceil(Math.log2(bytes))]: 1 })
    }
  })
})

describe('misuse', () => {
  test.each([
    ['no codec', undefined],
    ['null', null],
    ['a name', 'f64'],
    ['a typed array', Float64Array],
    ['bool', bool],
    ['unit', unit],
    ['string', string],
    ['a struct', struct({ a: f64 })],
    ['what looks like one', { ...f64 }],
  ])('%s is no codec of elements', (_what, codec) => {
    const error = thrown(() => new SharedArray(codec as typeof f64, 1, { arena }))
    expect(error).toBeInstanceOf(TypeError)
    expect(error).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
      message: expect.stringContaining('i8, u8, i16, u16, i32, u32, i64, u64, f32, f64'),
    })
  })

  test.each([
    [-1, RangeError],
    [1.5, RangeError],
    [Number.NaN, RangeError],
    [Number.POSITIVE_INFINITY, RangeError],
    [MIB, RangeError],
    [2 ** 53, RangeError],
    ['3', TypeError],
    [undefined, TypeError],
    [null, TypeError],
    [3n, TypeError],
    [[1, 2], TypeError],
  ])('%s is no length', (length, Class) => {
    const error = thrown(() => new SharedArray(f64, length as number, { arena }))
    expect(error).toBeInstanceOf(Class)
    expect(error.message).toContain('the length of a shared array')
    if (Class === RangeError)
      expect(error.message).toContain('from 0 to 1048560 (what an arena of 8388608 bytes can hold)')
  })

  test.each([[null], [5], [{ arena: {} }], [{ arena: null }]])('options %s', (options) => {
    expect(thrown(() => new SharedArray(f64, 1, options as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
  })

  test('a full arena says what it needs, and nothing is left behind', () => {
    const small = new Arena({ size: MIB })
    const error = thrown(() => new SharedArray(f64, 100_000, { arena: small })) as ArenaFullError
    expect(error).toBeInstanceOf(ArenaFullError)
    // With its header, rounded up to a power of two.
    expect([error.code, error.requested]).toEqual(['ERR_ARENA_FULL', MIB])
    expect(error.message).toContain('no room for a shared array of 100000 elements of f64')
    const made: SharedArray[] = []
    expect(() => {
      for (;;) made.push(new SharedArray(u8, 10_000, { arena: small }))
    }).toThrow(ArenaFullError)
    expect(made.length).toBeGreaterThan(20)
    for (const each of made) each.dispose()
    expect(small.stats().bytesInUse).toBe(0)
    new SharedArray(u8, 10_000, { arena: small }).dispose()
  })
})

describe('its end', () => {
  test('whatever asks for its elements then throws, in every thread; its length it still knows', async () => {
    const shared = new SharedArray(f64, 10, { arena })
    const other = open(shared.handle)
    const { handle } = shared
    using gone = new AtomicI32(0, { arena })
    const there = elsewhere(
      'blocking',
      ({ open }, handle, flag) => {
        const [shared, gone] = [open(handle), open(flag)]
        shared.array[0] = 1
        gone.store(1)
        while (gone.load() === 1);
        const tries = [() => shared.array, () => [...shared], () => shared.handle, () => shared.dispose()]
        return tries.map((each) => {
          try {
            return each()
          } catch (error) {
            return (error as { code: string }).code
          }
        })
      },
      handle,
      gone.handle,
    )
    while (gone.load() === 0) await new Promise((resolve) => setImmediate(resolve))
    shared[Symbol.dispose]()
    shared.dispose()
    gone.store(2)
    expect(await there).toEqual(Array(4).fill('ERR_STALE_HANDLE'))
    for (const each of [shared, other]) {
      expect(thrown(() => each.array)).toBeInstanceOf(StaleHandleError)
      expect(thrown(() => each[Symbol.iterator]())).toBeInstanceOf(StaleHandleError)
      expect(thrown(() => each.handle)).toBeInstanceOf(StaleHandleError)
      expect(each.length).toBe(10)
    }
    expect(thrown(() => other.dispose())).toBeInstanceOf(StaleHandleError)
    expect(thrown(() => open(handle))).toBeInstanceOf(StaleHandleError)
  })

  test('a new array in its place is another one', () => {
    const shared = new SharedArray(f64, 10, { arena })
    const { handle } = shared
    shared.dispose()
    using next = new SharedArray(f64, 10, { arena })
    expect(handleOf(next).address).toBe(handle.address)
    expect(thrown(() => open(handle))).toBeInstanceOf(StaleHandleError)
    expect(thrown(() => shared.array)).toBeInstanceOf(StaleHandleError)
  })

  test('any refuses one that has been disposed of, and what has been by the time it arrives is stale', () => {
    using carrier = channel(any<unknown>(), { capacity: 2, arena })
    const shared = new SharedArray(u8, 10, { arena })
    carrier.trySend({ deep: shared })
    shared.dispose()
    expect(thrown(() => carrier.tryReceive())).toBeInstanceOf(StaleHandleError)
    expect(thrown(() => carrier.trySend(shared))).toBeInstanceOf(StaleHandleError)
    carrier.trySend(1)
    expect(carrier.tryReceive()).toBe(1)
  })

  test('any refuses one of another arena, and the view of one', () => {
    using carrier = channel(any<unknown>(), { capacity: 2, arena })
    const elsewhere = new SharedArray(u8, 10, { arena: new Arena({ size: MIB }) })
    expect(thrown(() => carrier.trySend(elsewhere)).message).toContain('make both with the same { arena }')
    expect(thrown(() => carrier.trySend(elsewhere.array)).message).toContain('is shared')
    expect(carrier.trySend(elsewhere.array.slice())).toBe(true)
    expect(carrier.tryReceive()).toEqual(new Uint8Array(10))
  })
})

describe('handles that are not what they say', () => {
  const forged = (shared: SharedArray, change: Partial<AnyHandle>): unknown =>
    openAny({ ...handleOf(shared), ...change })

  test('what counts is what the array is, whatever the handle says', () => {
    using shared = new SharedArray(u16, 5, { arena })
    const other = forged(shared, { codec: 'f64' }) as SharedArray
    expect(other.array).toBeInstanceOf(Uint16Array)
    expect(other.length).toBe(5)
  })

  test('another address, generation or kind', () => {
    using shared = new SharedArray(f64, 500, { arena })
    const { address, generation } = handleOf(shared)
    // What lies inside may say anything.
    shared.array.set(new Float64Array(shared.array.buffer, address, 4), 16)
    for (const change of [
      { address: address + 8 },
      { address: address + SHARED_ARRAY_DATA },
      { address: address + 256 },
      { address: 0 },
      { address: 2 ** 32 - 128 },
      { generation: generation + 1 },
      { kind: 'counter' },
      { kind: 'channel' },
    ]) {
      expect(thrown(() => forged(shared, change))).toBeInstanceOf(StaleHandleError)
    }
  })

  test('elements of a type that is not known here', () => {
    using shared = new SharedArray(f64, 5, { arena })
    const { address, memory } = handleOf(shared)
    new Uint32Array(memory.buffer)[(address + SHARED_ARRAY_CODEC) >>> 2] = 5
    const error = thrown(() => open(shared.handle))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toContain('a type that this version of millrace does not know')
  })
})

test('travels through channels of handles', () => {
  using carrier = channel(handle<SharedArray<Int32Array>>(), { capacity: 1, arena })
  using shared = new SharedArray(i32, 5, { arena })
  carrier.trySend(shared)
  const other = carrier.tryReceive() as SharedArray<Int32Array>
  Atomics.add(other.array, 4, 42)
  expect([...shared]).toEqual([0, 0, 0, 0, 42])
})

test('a loop over it sees what has changed meanwhile', () => {
  using shared = new SharedArray(i8, 3, { arena })
  const seen: number[] = []
  for (const each of shared) {
    seen.push(each)
    shared.array[2] = 7
  }
  expect(seen).toEqual([0, 0, 7])
})

test('threads with elements of their own do not disturb each other', async () => {
  using shared = new SharedArray(u8, 4 * 1001, { arena })
  await Promise.all(
    Array.from({ length: 4 }, (_, thread) =>
      elsewhere(
        'blocking',
        ({ open }, handle, thread, count) => {
          const { array } = open(handle)
          for (let round = 0; round < count; round++)
            for (let i = thread; i < array.length; i += 4) array[i] = (array[i] as number) + thread + 1
        },
        shared.handle,
        thread,
        rounds(50),
      ),
    ),
  )
  const ended = shared.array.every((each, i) => each === (((i % 4) + 1) * rounds(50)) % 256)
  expect(ended).toBe(true)
})

test('a message orders what was written before it', async () => {
  using shared = new SharedArray(u32, 100_000, { arena })
  using written = channel(u32, { arena })
  const reading = elsewhere(
    'blocking',
    ({ open }, handle, source) => {
      const [{ array }, written] = [open(handle), open(source)]
      let bad = 0
      for (const i of written.sync()) if (array[i] !== i + 1) bad++
      return bad
    },
    shared.handle,
    written.handle,
  )
  for (let i = 0; i < rounds(2000); i++) {
    shared.array[i] = i + 1
    await written.send(i)
  }
  written.close()
  expect(await reading).toBe(0)
})

describe('tasks', () => {
  interface Tasks {
    square(from: number, to: number, squares: SharedArray<Float64Array>): void
    squareSlowly(from: number, to: number, squares: SharedArray<Float64Array>): Promise<void>
    count(from: number, to: number, counts: SharedArray<Int32Array>): void
    failBeside(from: number, to: number, notes: SharedArray<Int32Array>): void
    sum(numbers: SharedArray<Float64Array>): number
    doubleAll(numbers: SharedArray<Float64Array>, each: number): boolean
    make(length: number): SharedArray<Float64Array>
    describe(made: SharedArray): unknown[]
    useLater(made: SharedArray, flag: AtomicI32): number
  }
  let rt: Runtime<Tasks>
  const own = new Arena({ size: 16 * MIB })
  beforeAll(async () => {
    const tasks = new URL('support/shared-array-tasks.mjs', import.meta.url)
    rt = await runtime<Tasks>(tasks, { procs: 2, arena: own })
  })
  afterAll(() => rt.close())

  test.each(['square', 'squareSlowly'] as const)(
    'parallelFor writes its results where they belong: %s',
    async (task) => {
      using squares = new SharedArray(f64, 100_001, { arena: own })
      await rt.parallelFor(task, squares.length, { chunk: 777 }, squares)
      expect(squares.array.every((each, i) => each === i * i)).toBe(true)
    },
  )

  test('after parallelFor has rejected, drain is what tells that nobody writes any more', async () => {
    using notes = new SharedArray(i32, 3, { arena: own })
    expect(await rejection(rt.parallelFor('failBeside', 2, { chunk: 1 }, notes))).toMatchObject({ message: 'failed' })
    expect([...notes]).toEqual([1, 0, 0])
    Atomics.store(notes.array, 1, 1)
    await rt.drain()
    expect([...notes]).toEqual([1, 1, 1])
  })

  test('chunks count with Atomics', async () => {
    using counts = new SharedArray(i32, 10, { arena: own })
    await rt.parallelFor('count', 100_000, {}, counts)
    expect([...counts]).toEqual(Array(10).fill(10_000))
  })

  test('MEM-6 what was written before go is seen by the task, what that has written by who awaits it', async () => {
    using numbers = new SharedArray(f64, 1024, { arena: own })
    const { array } = numbers
    for (let round = 1; round <= rounds(300); round++) {
      array.fill(round)
      expect(await rt.go('doubleAll', numbers, round)).toBe(true)
      if (!array.every((each) => each === 2 * round)) expect([...array]).toEqual(Array(1024).fill(2 * round))
    }
  })

  test('is an argument, and a result', async () => {
    using made = await rt.go('make', 1000)
    expect(made).toBeInstanceOf(SharedArray)
    expect(made.array[999]).toBe(999)
    made.array[0] = 500
    expect(await rt.go('sum', made)).toBe(500_000)
    expect(await rt.map('sum', [made, made]).toArray()).toEqual([500_000, 500_000])
  })

  test.each(kinds.map((each) => [each.codec.name, each] as const))('arrives as what it is: %s', async (_name, each) => {
    using made = new SharedArray(each.codec, 2, { arena: own })
    made.array[1] = each.edges[0] as number
    const values = [...made].map(String)
    expect(await rt.go('describe', made)).toEqual(['SharedArray', each.Class.name, 2, values])
  })

  test('one that has been disposed of is refused at once, and noticed by a task that has it', async () => {
    const made = new SharedArray(f64, 10, { arena: own })
    using flag = new AtomicI32(0, { arena: own })
    const task = rt.go('useLater', made, flag)
    while (task.state !== 'running') await new Promise((resolve) => setImmediate(resolve))
    made.dispose()
    flag.store(1)
    expect(await rejection(task)).toMatchObject({ code: 'ERR_STALE_HANDLE' })
    expect(thrown(() => rt.go('sum', made))).toBeInstanceOf(StaleHandleError)
  })
})
