// Which values a codec takes, and what becomes of those that it does not: an error that names codec and value, never a silent change.

import {
  AtomicBool,
  AtomicI32,
  AtomicI64,
  AtomicU32,
  AtomicU64,
  bool,
  type Codec,
  channel,
  f32,
  f64,
  i32,
  i64,
  Stack,
  u32,
  u64,
  unit,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import { buffered } from './conformance/subject.js'
import { kits } from './support/kit.mjs'
import { rejection, thrown } from './support/probe.js'

const { make, arena } = buffered()

const BAD_TYPES: Record<string, unknown> = {
  'a string': '1',
  'an empty string': '',
  null: null,
  undefined: undefined,
  'an object': {},
  'an object with valueOf': { valueOf: () => 1 },
  'an array': [1],
  'a function': () => 1,
  'a symbol': Symbol('one'),
  'a date': new Date(0),
  'a boxed number': Object(1),
  true: true,
  'a number': 1,
  'a BigInt': 1n,
}

const takes: Record<string, (value: unknown) => boolean> = {
  bool: (value) => typeof value === 'boolean',
  unit: (value) => value === undefined || value === null,
  i64: (value) => typeof value === 'bigint',
  u64: (value) => typeof value === 'bigint',
}

const OUT_OF_RANGE: Record<string, unknown[]> = {
  i32: [
    2.5,
    0.1,
    2 ** 31,
    -(2 ** 31) - 1,
    2 ** 32,
    2 ** 40,
    2 ** 53,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    1e300,
  ],
  u32: [2.5, -1, 2 ** 32, 2 ** 40, -0.5, Number.NaN, Number.POSITIVE_INFINITY],
  f32: [2 ** 128, -(2 ** 128), Number.MAX_VALUE, 3.4028235677973366e38, -1e39],
  f64: [],
  bool: [],
  unit: [],
  i64: [2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n, 10n ** 30n],
  u64: [-1n, 2n ** 64n, -(2n ** 63n), 10n ** 30n],
}

describe.each(kits.map((kit) => [kit.name, kit.codec as Codec<never>, kit] as const))(
  'values of %s',
  (name, codec, kit) => {
    /** Every way to send a value, on a channel with room and on a full one. */
    async function errorsOf(value: unknown): Promise<[string, Error & { code?: string }][]> {
      const roomy = make(codec, 4)
      const full = make(codec, 1)
      full.trySend(kit.value(0) as never)
      const stack = new Stack(codec, { capacity: 2, arena })
      const v = value as never
      const errors: [string, Error & { code?: string }][] = []
      for (const [where, ch] of [
        ['roomy', roomy],
        ['full', full],
      ] as const) {
        errors.push([`trySend ${where}`, thrown(() => ch.trySend(v))])
        errors.push([`sendSync ${where}`, thrown(() => ch.sendSync(v))])
        errors.push([`sendSync with a timeout, ${where}`, thrown(() => ch.sendSync(v, { timeout: 5 }))])
        errors.push([`send ${where}`, await rejection(ch.send(v))])
        errors.push([`sender.send ${where}`, await rejection(ch.sender.send(v))])
        errors.push([`trySendMany ${where}`, thrown(() => ch.trySendMany([kit.value(0) as never, v]))])
        errors.push([`sendManySync ${where}`, thrown(() => ch.sendManySync([kit.value(0) as never, v]))])
        errors.push([`sendMany ${where}`, await rejection(ch.sendMany([kit.value(0) as never, v]))])
      }
      errors.push(['push', thrown(() => stack.push(v))])
      expect([roomy.length, full.length, stack.length]).toEqual([0, 1, 0])
      stack.dispose()
      return errors
    }

    const wrong = Object.entries(BAD_TYPES).filter(
      ([, value]) => !(takes[name] ?? ((v) => typeof v === 'number'))(value),
    )
    test.each(wrong)('%s is a TypeError', async (_what, value) => {
      for (const [call, error] of await errorsOf(value)) {
        expect(error, call).toBeInstanceOf(TypeError)
        expect(error.code, call).toBe('ERR_INVALID_ARG_TYPE')
        expect(error.message, call).toContain(name)
        if (typeof value === 'string') expect(error.message, call).toContain(JSON.stringify(value))
        if (typeof value === 'bigint') expect(error.message, call).toContain('1n')
      }
    })

    test.each((OUT_OF_RANGE[name] as unknown[]).map((value) => [value]))('%s is a RangeError', async (value) => {
      for (const [call, error] of await errorsOf(value)) {
        expect(error, call).toBeInstanceOf(RangeError)
        expect(error.code, call).toBe('ERR_OUT_OF_RANGE')
        expect(error.message, call).toContain(name)
        expect(error.message, call).toContain(String(value))
      }
    })

    test('a waiting receiver is not disturbed by a value that is refused', async () => {
      const ch = make(codec, 1)
      const receiving = ch.next()
      const [, bad] = wrong[0] as [string, unknown]
      thrown(() => ch.trySend(bad as never))
      await rejection(ch.send(bad as never))
      ch.trySend(kit.value(1) as never)
      expect(await receiving).toEqual({ value: kit.value(1), done: false })
    })
  },
)

describe('values that are taken', () => {
  const pass = <T>(codec: Codec<T>, value: T): unknown => {
    const ch = make(codec, 1)
    ch.trySend(value)
    const single = ch.tryReceive()
    ch.trySendMany([value])
    expect(ch.tryNext()).toEqual({ value: single, done: false })
    const stack = new Stack(codec, { capacity: 1, arena })
    stack.push(value)
    expect(stack.tryNext()).toEqual({ value: single, done: false })
    stack.dispose()
    ch.dispose()
    return single
  }

  test.each([0.1, 1 / 3, 1e-46, 16777217, 3.4028235e38, 3.4028235677973362e38, -1e-40])(
    'f32 rounds %d as Math.fround',
    (value) => {
      expect(pass(f32, value)).toBe(Math.fround(value))
    },
  )

  test('-0 is kept by floats, and is 0 for integers', () => {
    expect(Object.is(pass(f64, -0), -0)).toBe(true)
    expect(Object.is(pass(f32, -0), -0)).toBe(true)
    expect(Object.is(pass(i32, -0), 0)).toBe(true)
    expect(Object.is(pass(u32, -0), 0)).toBe(true)
  })

  test('unit takes undefined, null and nothing, and gives undefined', async () => {
    const ch = make(unit, 4)
    ch.trySend(undefined)
    ch.trySend(null as unknown as undefined)
    await (ch.send as () => Promise<void>)()
    ;(ch.sendSync as () => void)()
    expect(ch.length).toBe(4)
    expect([...ch.available()]).toEqual([undefined, undefined, undefined, undefined])
  })

  test('a batch of bytes holds 0 and 1 for bool, and 0 for unit', () => {
    const [flags, units] = [make(bool, 4), make(unit, 4)]
    expect(flags.trySendMany(Uint8Array.of(0, 1))).toBe(2)
    expect(units.trySendMany(Uint8Array.of(0, 0))).toBe(2)
    for (const error of [
      thrown(() => flags.trySendMany(Uint8Array.of(0, 1, 2))),
      thrown(() => units.trySendMany(Uint8Array.of(0, 1))),
    ]) {
      expect(error).toBeInstanceOf(RangeError)
      expect(error.code).toBe('ERR_OUT_OF_RANGE')
    }
    expect([flags.length, units.length]).toEqual([2, 2])
  })

  test('values that look like the signs of the inside arrive as themselves, and emptiness is still told', () => {
    const cases: [Codec<never>, unknown][] = [
      [i32 as Codec<never>, -1640531527],
      [u32 as Codec<never>, 2654435769],
      [f32 as Codec<never>, Number.NaN],
      [f64 as Codec<never>, Number.NaN],
      [i64 as Codec<never>, 0n],
      [u64 as Codec<never>, 0n],
      [bool as Codec<never>, false],
      [unit as Codec<never>, undefined],
    ]
    for (const [codec, value] of cases) {
      const ch = make(codec, 2)
      const stack = new Stack(codec, { capacity: 2, arena })
      for (let i = 0; i < 3; i++) {
        expect([ch.tryNext(), stack.tryNext()]).toEqual([undefined, undefined])
        ch.trySend(value as never)
        stack.push(value as never)
        expect([ch.tryNext(), stack.tryNext()]).toEqual(Array(2).fill({ value, done: false }))
      }
      ch.close()
      expect(ch.tryNext()).toEqual({ value: undefined, done: true })
      stack.dispose()
    }
  })
})

describe('codecs and options', () => {
  test.each([['f64'], [undefined], [null], [{}], [{ name: 'f64', id: 4 }], [Float64Array], [{ ...f64 }]])(
    '%o is not a codec',
    (codec) => {
      for (const call of [
        () => channel(codec as never, { capacity: 1, arena }),
        () => new Stack(codec as never, { capacity: 1, arena }),
      ]) {
        const error = thrown(call)
        expect(error).toBeInstanceOf(TypeError)
        expect(error.code).toBe('ERR_INVALID_ARG_TYPE')
        expect(error.message).toMatch(/i32.*u64/)
      }
    },
  )

  test.each([[5], ['x'], [null]])('options %o are refused', (options) => {
    expect(thrown(() => channel(f64, options as never))).toBeInstanceOf(TypeError)
    expect(thrown(() => new Stack(f64, options as never))).toBeInstanceOf(TypeError)
  })

  test.each([[{}], [null], ['arena'], [arena.stats()]])('%o is not an arena', (other) => {
    for (const call of [
      () => channel(f64, { capacity: 1, arena: other as never }),
      () => new Stack(f64, { capacity: 1, arena: other as never }),
      () => new AtomicI32(0, { arena: other as never }),
    ]) {
      expect(thrown(call)).toBeInstanceOf(TypeError)
    }
  })

  test.each([[0], [-1], [1.5], [Number.NaN], [2 ** 40], [Number.POSITIVE_INFINITY]])(
    'a stack of capacity %d is a RangeError',
    (capacity) => {
      const error = thrown(() => new Stack(f64, { capacity, arena }))
      expect(error).toBeInstanceOf(RangeError)
      expect(error.message).toContain(String(capacity))
    },
  )
})

describe('values of atomics', () => {
  const bytesInUse = (): number => arena.stats().bytesInUse

  test.each([[2.5], [2 ** 31], [2 ** 40], [Number.NaN], ['1'], [1n], [null], [true]])(
    'AtomicI32 refuses %s',
    (value) => {
      const used = bytesInUse()
      const v = value as number
      expect(thrown(() => new AtomicI32(v, { arena })).message).toContain('i32')
      expect(bytesInUse()).toBe(used)
      const n = new AtomicI32(7, { arena })
      const Class = typeof value === 'number' ? RangeError : TypeError
      for (const call of [
        () => n.store(v),
        () => n.swap(v),
        () => n.compareAndSwap(7, v),
        () => n.compareAndSwap(v, 1),
      ]) {
        expect(thrown(call)).toBeInstanceOf(Class)
      }
      // Deltas and masks are any 32 bits, signed or not.
      for (const call of value === 2 ** 31
        ? []
        : [() => n.add(v), () => n.sub(v), () => n.and(v), () => n.or(v), () => n.xor(v)]) {
        expect(thrown(call)).toBeInstanceOf(Class)
        expect(thrown(call).code).toMatch(/^ERR_/)
      }
      expect(n.load()).toBe(7)
      n.dispose()
    },
  )

  test.each([[-1], [2.5], [2 ** 32], [Number.NaN], ['1'], [1n]])('AtomicU32 refuses %s', (value) => {
    const n = new AtomicU32(7, { arena })
    const Class = typeof value === 'number' ? RangeError : TypeError
    for (const call of [
      () => n.store(value as number),
      () => n.swap(value as number),
      () => n.compareAndSwap(7, value as number),
    ]) {
      expect(thrown(call)).toBeInstanceOf(Class)
    }
    expect(n.load()).toBe(7)
    n.dispose()
  })

  test.each([[1], [2n ** 63n], [2n ** 64n], [-(2n ** 63n) - 1n], ['1'], [null], [0.5]])(
    'AtomicI64 refuses %s',
    (value) => {
      const n = new AtomicI64(7n, { arena })
      const Class = typeof value === 'bigint' ? RangeError : TypeError
      for (const call of [
        () => n.store(value as bigint),
        () => n.swap(value as bigint),
        () => n.compareAndSwap(7n, value as bigint),
      ]) {
        expect(thrown(call)).toBeInstanceOf(Class)
      }
      if (value !== 2n ** 63n) expect(thrown(() => n.add(value as bigint))).toBeInstanceOf(Class)
      expect(n.load()).toBe(7n)
      n.dispose()
    },
  )

  test.each([[1], [-1n], [2n ** 64n], ['1']])('AtomicU64 refuses %s', (value) => {
    const n = new AtomicU64(7n, { arena })
    for (const call of [() => n.store(value as bigint), () => n.swap(value as bigint)]) {
      expect(thrown(call)).toBeInstanceOf(typeof value === 'bigint' ? RangeError : TypeError)
    }
    expect(n.load()).toBe(7n)
    n.dispose()
  })

  test.each([[1], [0], ['true'], [null], [undefined]])('AtomicBool refuses %s', (value) => {
    const flag = new AtomicBool(true, { arena })
    for (const call of [
      () => flag.store(value as never),
      () => flag.swap(value as never),
      () => flag.compareAndSwap(true, value as never),
    ]) {
      expect(thrown(call)).toBeInstanceOf(TypeError)
    }
    expect(flag.load()).toBe(true)
    flag.dispose()
  })
})
