// Handles that are not what they say: nothing is opened, and nothing in memory changes.

import { Arena, type Channel, channel, f64, i32, type MillraceError, StaleHandleError, u32 } from 'millrace'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GENERATION, LAYOUT_VERSION, POOL_ENTRY, POOL_SHARDS, POOL_TABLE } from '../src/generated/layout.js'
import { type AnyHandle, arena, changed, handleOf, makers, openAny, probe, snapshot } from './support/objects.js'
import { thrown } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'

let targets: { handle: unknown; dispose(): void }[] = []

beforeAll(() => {
  targets = Object.values(makers).map((make) => make())
})
afterAll(() => {
  for (const target of targets) target.dispose()
  probe.dispose()
  expect(arena.stats().blocks[128]).toBe(undefined)
})

describe('wrong handles', () => {
  test.each([[undefined], [null], [1], ['handle'], [true], [{}], [[]], [() => 1], [Symbol('handle')], [new Map()]])(
    '%s is not a handle',
    (bad) => {
      const error = thrown(() => openAny(bad))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.code).toBe('ERR_INVALID_ARG_TYPE')
      expect(error.message).toContain('handle')
    },
  )

  test('an object of millrace is not its handle', () => {
    expect(thrown(() => openAny(targets[0]))).toBeInstanceOf(TypeError)
  })

  test.each([[0], [LAYOUT_VERSION + 1], [-1], [1.5], ['1'], [null], [undefined], [Number.NaN]])(
    'version %s',
    (millrace) => {
      const handle = { ...handleOf(targets[0] as (typeof targets)[number]), millrace }
      const error = thrown(() => openAny(handle))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toContain('another version of millrace')
    },
  )

  test.each([['lock'], [''], ['Channel'], ['__proto__'], ['constructor'], [undefined], [1], [null]])(
    'kind %s',
    (kind) => {
      const error = thrown(() => openAny({ ...handleOf(targets[0] as (typeof targets)[number]), kind }))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toContain('kind')
    },
  )

  test('the kind of another object', () => {
    for (const target of targets) {
      const handle = handleOf(target)
      for (const kind of ['channel', 'stack', 'counter', 'atomic']) {
        if (kind !== handle.kind) expect(thrown(() => openAny({ ...handle, kind }))).toBeInstanceOf(StaleHandleError)
      }
    }
  })

  test.each([['sender'], [''], [undefined], [1], [null]])('view %s of a channel', (view) => {
    expect(thrown(() => openAny({ ...handleOf(targets[0] as (typeof targets)[number]), view }))).toBeInstanceOf(
      TypeError,
    )
  })

  test('the codec that counts is that of the channel, whatever the handle says', () => {
    const ch = channel(f64, { capacity: 2, arena })
    const forged = openAny({ ...handleOf(ch), codec: 'i32' }) as Channel<number>
    expect(forged.codec).toBe(f64)
    forged.trySend(0.5)
    expect(ch.tryReceive()).toBe(0.5)
    ch.dispose()
  })

  test.each([
    ['none', undefined],
    ['an object', {}],
    ['a plain buffer', new SharedArrayBuffer(2 ** 20)],
    ['a memory that is not shared', new WebAssembly.Memory({ initial: 16, maximum: 16 })],
    ['a shared memory of zeros', new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true })],
    ['a small memory', new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })],
    ['an empty memory', new WebAssembly.Memory({ initial: 0, maximum: 1, shared: true })],
  ])('memory: %s', (_what, memory) => {
    const error = thrown(() => openAny({ ...handleOf(probe), memory }))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.code).toBe('ERR_INVALID_ARG_TYPE')
    if (memory instanceof WebAssembly.Memory)
      expect(new Uint8Array(memory.buffer).every((byte) => byte === 0)).toBe(true)
  })

  test('memory of another layout', () => {
    const memory = new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true })
    new Uint8Array(memory.buffer).set(snapshot())
    const words = new Uint32Array(memory.buffer)
    const magic = words.indexOf(0x6d726163)
    expect(magic).toBeGreaterThan(0)
    for (const version of [0, LAYOUT_VERSION + 1, 0xffffffff]) {
      words[magic + 1] = version
      const before = new Uint8Array(memory.buffer).slice()
      const error = thrown(() => openAny({ ...handleOf(probe), memory }))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toContain('another version of millrace')
      expect(Buffer.compare(new Uint8Array(memory.buffer), before)).toBe(0)
    }
  })

  test('a handle of another arena does not open an object of this one', () => {
    const other = new Arena({ size: 2 ** 20 })
    const foreign = channel(u32, { capacity: 3, arena: other })
    const mine = channel(u32, { capacity: 3, arena })
    const used = other.stats().blocks
    // The same place in the other memory: either something lives there, and it is that arena's, or nothing does.
    for (const target of targets) {
      const handle = { ...handleOf(target), memory: handleOf(foreign).memory }
      try {
        expect((openAny(handle) as { arena: Arena }).arena).toBe(other)
      } catch (error) {
        expect(error).toBeInstanceOf(StaleHandleError)
      }
    }
    expect(foreign.equals(mine)).toBe(false)
    expect(other.stats().blocks).toEqual(used)
    mine.dispose()
    foreign.dispose()
  })

  test('ATOM-12 addresses beside the right one open nothing', () => {
    const before = snapshot()
    for (const target of targets) {
      const handle = handleOf(target)
      for (const offset of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, -4, -8, -64, -128, -1024]) {
        let opened: AnyHandle | undefined
        try {
          opened = handleOf(openAny({ ...handle, address: handle.address + offset }) as { handle: unknown })
        } catch (error) {
          expect(error).toBeInstanceOf(StaleHandleError)
        }
        // Another object of the kind and generation may be the neighbour: then it is that one.
        if (opened !== undefined)
          expect([...targets, probe].map((each) => handleOf(each).address)).toContain(opened.address)
      }
    }
    expect(changed(before)).toEqual([])
  })

  test('values in a channel that look like an object do not make one', () => {
    const ch = channel(i32, { capacity: 8000, arena })
    const { generation, address } = handleOf(probe)
    for (let i = 0; i < 8000; i++) ch.trySend(i % 2 ? 4 : generation * 256)
    const before = snapshot()
    for (let at = handleOf(ch).address; at < handleOf(ch).address + 65536; at += 4) {
      const forged = { ...handleOf(probe), address: at }
      if (at !== address) expect(thrown(() => openAny(forged))).toBeInstanceOf(StaleHandleError)
    }
    expect(changed(before)).toEqual([])
    ch.dispose()
  })

  test('random forgeries either are one of the real handles or throw a clear error; memory stays as it was', () => {
    const rng = random('forge')
    const before = snapshot()
    const real = new Set(
      targets
        .concat(probe)
        .map((target) => `${handleOf(target).kind} ${handleOf(target).address} ${handleOf(target).generation}`),
    )
    // A pool consists of channels, which are as real as any.
    const words = new Uint32Array(before.buffer)
    const pool = handleOf(targets.find((target) => handleOf(target).kind === 'pool') as (typeof targets)[number])
    for (let k = 0; k < (words[(pool.address + POOL_SHARDS) >>> 2] as number); k++) {
      const entry = (pool.address + POOL_TABLE + k * POOL_ENTRY) >>> 2
      real.add(`channel ${words[entry]} ${(words[entry + 1] as number) / GENERATION}`)
    }
    const junk: unknown[] = [
      undefined,
      null,
      true,
      '',
      'x',
      -1,
      0.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      2 ** 53,
      2n,
      {},
      [],
      () => 1,
      Symbol('s'),
    ]
    const junkOr = (make: () => unknown): unknown => (rng.below(4) === 0 ? rng.pick(junk) : make())
    let opened = 0
    for (let i = 0; i < rounds(20_000); i++) {
      const handle = { ...handleOf(rng.pick(targets)) } as Record<string, unknown>
      for (let changes = 1 + rng.below(2); changes > 0; changes--) {
        switch (rng.below(7)) {
          case 0:
            handle.address = junkOr(() =>
              rng.pick([rng.below(2 ** 32), rng.below(2 ** 20), 128 * rng.below(2 ** 13), 1024 * rng.below(2 ** 10)]),
            )
            break
          case 1:
            handle.generation = junkOr(() =>
              rng.pick([rng.below(2 ** 32), rng.below(2 ** 24), rng.below(8), 2 ** 24 + rng.below(8)]),
            )
            break
          case 2:
            handle.kind = junkOr(() => rng.pick(['channel', 'stack', 'counter', 'atomic', 'waiter', 'scratch', 'free']))
            break
          case 3:
            handle.view = junkOr(() => rng.pick(['both', 'send', 'receive', 'none']))
            break
          case 4:
            handle.millrace = junkOr(() => rng.below(4))
            break
          case 5:
            handle.memory = rng.pick(junk)
            break
          default:
            delete handle[rng.pick(Object.keys(handle).concat('none')) as string]
        }
      }
      try {
        const object = openAny(handle) as { handle: unknown; channel?: unknown }
        const { kind, address, generation } = handleOf(object)
        expect(real).toContain(`${kind} ${address} ${generation}`)
        opened++
      } catch (error) {
        const { code, message } = error as MillraceError
        if (!(error instanceof TypeError) && !(error instanceof StaleHandleError)) throw error
        expect(['ERR_INVALID_ARG_TYPE', 'ERR_STALE_HANDLE']).toContain(code)
        expect(message).toMatch(/handle|millrace/)
      }
    }
    expect(opened).toBeGreaterThan(0)
    expect(changed(before)).toEqual([])
  })
})
