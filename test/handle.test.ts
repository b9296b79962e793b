// Handles: what travels, what opens, and that nothing wrong is ever opened or changes memory.

import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'
import {
  Arena,
  AtomicBool,
  AtomicI32,
  AtomicI64,
  AtomicU32,
  AtomicU64,
  type Channel,
  Counter,
  channel,
  f64,
  i32,
  type MillraceError,
  open,
  Stack,
  StaleHandleError,
  u32,
} from 'millrace'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kits } from './support/kit.mjs'
import { rejection, thrown } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { elsewhere } from './support/threads.js'

const arena = new Arena({ size: 2 ** 20 })

interface AnyHandle {
  millrace: number
  kind: string
  codec: string
  view: string
  address: number
  generation: number
  memory: WebAssembly.Memory
  module: WebAssembly.Module
}

/** One of each kind of object. */
const makers: Record<string, () => { handle: unknown; dispose(): void }> = {
  ...Object.fromEntries(
    kits.map((kit) => [`channel of ${kit.name}`, () => channel(kit.codec as typeof f64, { capacity: 3, arena })]),
  ),
  ...Object.fromEntries(
    kits.map((kit) => [`stack of ${kit.name}`, () => new Stack(kit.codec as typeof f64, { capacity: 3, arena })]),
  ),
  counter: () => new Counter({ arena }),
  AtomicI32: () => new AtomicI32(1, { arena }),
  AtomicU32: () => new AtomicU32(1, { arena }),
  AtomicI64: () => new AtomicI64(1n, { arena }),
  AtomicU64: () => new AtomicU64(1n, { arena }),
  AtomicBool: () => new AtomicBool(true, { arena }),
}

const handleOf = (object: { handle: unknown }): AnyHandle => object.handle as AnyHandle
const openAny = (handle: unknown): unknown => open(handle as Parameters<typeof open>[0])

describe.each(Object.entries(makers))('handle of a %s', (name, make) => {
  test('is a plain object that messages carry, and opens as an object of the same class', () => {
    const object = make()
    const { handle } = object
    expect(Object.getPrototypeOf(handle)).toBe(Object.prototype)
    const { port1, port2 } = new MessageChannel()
    port1.postMessage({ deep: [handle] })
    const arrived = receiveMessageOnPort(port2)?.message.deep[0]
    port1.close()
    const other = openAny(arrived) as { handle: unknown; constructor: unknown; arena: Arena }
    expect(other.constructor).toBe(object.constructor)
    expect(other.arena).toBe(arena)
    expect({ ...handleOf(other), memory: 0, module: 0 }).toEqual({ ...(handle as AnyHandle), memory: 0, module: 0 })
    object.dispose()
  })

  test('opens in a worker, from workerData and from a message, without another arena', async () => {
    const object = make()
    const { threads } = arena.stats()
    const worker = new Worker(
      `import('millrace').then(({ open }) => {
        const { parentPort, workerData } = require('node:worker_threads')
        const first = open(workerData)
        parentPort.once('message', (handle) => {
          const second = open(handle)
          parentPort.postMessage([first.constructor === second.constructor, first.arena === second.arena, second.arena.stats().threads])
        })
        parentPort.postMessage('ready')
      })`,
      { eval: true, workerData: object.handle },
    )
    const answer = await new Promise((resolve, reject) => {
      worker.on('error', reject)
      worker.on('message', (message) => (message === 'ready' ? worker.postMessage(object.handle) : resolve(message)))
    })
    expect(answer).toEqual([true, true, threads + 1])
    await worker.terminate()
    object.dispose()
  })

  test('ATOM-13 is stale after dispose: it opens nowhere, and every use of the object throws', async () => {
    const object = make()
    const { handle } = object
    const other = openAny(handle) as Record<string, unknown>
    object.dispose()
    object.dispose() // once more does nothing
    for (const stale of [handle, structuredClone({ ...(handle as object), memory: 0, module: 0 })]) {
      const fixed = {
        ...(stale as AnyHandle),
        memory: handleOf({ handle }).memory,
        module: handleOf({ handle }).module,
      }
      const error = thrown(() => openAny(fixed))
      expect(error).toBeInstanceOf(StaleHandleError)
      expect(error.code).toBe('ERR_STALE_HANDLE')
    }
    expect(
      await elsewhere(
        'blocking',
        ({ open }, handle) => {
          try {
            return open(handle) && 'opened'
          } catch (error) {
            return (error as { code: string }).code
          }
        },
        handle,
      ),
    ).toBe('ERR_STALE_HANDLE')
    expect(thrown(() => (object as { handle: unknown }).handle)).toBeInstanceOf(StaleHandleError)
    expect(thrown(() => other.handle)).toBeInstanceOf(StaleHandleError)
    for (const error of await useAll(name, other)) expect(error).toBeInstanceOf(StaleHandleError)
    for (const error of await useAll(name, object as never)) expect(error).toBeInstanceOf(StaleHandleError)
    expect(thrown(() => (other as unknown as { dispose(): void }).dispose())).toBeInstanceOf(StaleHandleError)
  })

  test('is stale even when an equal object lives in the same place', async () => {
    const first = make()
    const { handle } = first
    const other = openAny(handle) as Record<string, unknown>
    first.dispose()
    const second = make()
    expect(handleOf(second).address).toBe((handle as AnyHandle).address)
    expect(thrown(() => openAny(handle))).toBeInstanceOf(StaleHandleError)
    const before = snapshot()
    for (const error of await useAll(name, other)) expect(error).toBeInstanceOf(StaleHandleError)
    expect(changed(before)).toEqual([])
    second.dispose()
  })
})

/** What every operation of the object throws. */
async function useAll(name: string, object: Record<string, unknown>): Promise<Error[]> {
  const kit = kits.find((each) => name.endsWith(` ${each.name}`))
  const value = kit?.value(1) as never
  if (name.startsWith('channel')) {
    const ch = object as unknown as Channel<never>
    const batch = new (kit?.codec.batch as typeof Float64Array)(1)
    return [
      thrown(() => ch.trySend(value)),
      thrown(() => ch.tryReceive()),
      thrown(() => ch.tryNext()),
      thrown(() => ch.sendSync(value)),
      thrown(() => ch.sendSync(value, { timeout: 1 })),
      thrown(() => ch.receiveSync()),
      thrown(() => ch.nextSync({ timeout: 1 })),
      thrown(() => ch.trySendMany([value])),
      thrown(() => ch.tryReceiveMany(batch)),
      thrown(() => ch.receiveManySync(batch)),
      thrown(() => ch.sendManySync([value])),
      await rejection(ch.send(value)),
      await rejection(ch.receive()),
      await rejection(ch.next()),
      await rejection(ch.sendMany([value])),
      await rejection(ch.receiveMany(batch)),
      thrown(() => ch.close()),
      thrown(() => ch.length),
      thrown(() => ch.closed),
      thrown(() => [...ch.available()]),
      thrown(() => [...ch.sync()]),
      thrown(() => ch.sender.handle),
    ]
  }
  if (name.startsWith('stack')) {
    const stack = object as unknown as Stack<never>
    return [
      thrown(() => stack.push(value)),
      thrown(() => stack.pop()),
      thrown(() => stack.tryNext()),
      thrown(() => [...stack.drain()]),
      thrown(() => stack.length),
    ]
  }
  if (name === 'counter') {
    const counter = object as unknown as Counter
    return [
      thrown(() => counter.add()),
      thrown(() => counter.add(2 ** 40)),
      thrown(() => counter.value),
      thrown(() => counter.reset()),
    ]
  }
  const atomic = object as unknown as Record<string, (...args: unknown[]) => unknown>
  const one = name === 'AtomicBool' ? true : name.endsWith('64') ? 1n : 1
  return ['load', 'store', 'add', 'sub', 'swap', 'and', 'or', 'xor', 'compareAndSwap']
    .filter((method) => method in atomic)
    .map((method) => thrown(() => (atomic[method] as (...args: unknown[]) => unknown)(one, one)))
}

/** All of the arena's memory. */
function snapshot(): Uint8Array {
  return new Uint8Array(handleOf(probe).memory.buffer).slice()
}

/** Where the memory differs from the snapshot, the first few places. */
function changed(before: Uint8Array): number[] {
  const now = new Uint8Array(handleOf(probe).memory.buffer)
  const places: number[] = []
  for (let i = 0; i < before.length && places.length < 10; i++) if (before[i] !== now[i]) places.push(i)
  return places
}

const probe = new AtomicI32(0, { arena })
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

  test.each([[0], [2], [-1], [1.5], ['1'], [null], [undefined], [Number.NaN]])('version %s', (millrace) => {
    const handle = { ...handleOf(targets[0] as (typeof targets)[number]), millrace }
    const error = thrown(() => openAny(handle))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toContain('another version of millrace')
  })

  test.each([['mutex'], [''], ['Channel'], ['__proto__'], ['constructor'], [undefined], [1], [null]])(
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
    for (const version of [0, 2, 0xffffffff]) {
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
