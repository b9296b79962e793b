import { Arena, AtomicI32, type Channel, type Codec, channel } from 'millrace'
import { afterEach, expect } from 'vitest'
import { capacities } from '../support/settings.js'

/** What the suites test: something that makes channels. */
export interface Subject {
  name: string
  capacities: number[]
  arena: Arena
  /** A channel, disposed of after the test. */
  make<T>(codec: Codec<T>, capacity: number): Channel<T>
  /** A shared number from 0, disposed of after the test. */
  gate(): AtomicI32
}

/**
 * The buffered channel, in an arena of its own. After each test it checks that the arena is as empty as before: no waiter and no block
 * may outlive its use.
 */
export function buffered(): Subject {
  const arena = new Arena({ size: 64 * 2 ** 20 })
  const made: { dispose(): void }[] = []
  afterEach(({ task }) => {
    for (const each of made.splice(0)) each.dispose()
    if (task.result?.state === 'fail') return
    const { 4096: scratch = 0, ...blocks } = arena.stats().blocks
    expect(blocks, 'blocks left in the arena').toEqual({})
    expect(scratch).toBeLessThanOrEqual(arena.stats().threads)
  })
  const keep = <D extends { dispose(): void }>(object: D): D => {
    made.push(object)
    return object
  }
  return {
    name: 'buffered',
    capacities,
    arena,
    make: (codec, capacity) => keep(channel(codec, { capacity, arena })),
    gate: () => keep(new AtomicI32(0, { arena })),
  }
}
