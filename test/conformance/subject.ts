import { Arena, AtomicI32, type Channel, type Codec, channel } from 'millrace'
import { afterEach, expect } from 'vitest'
import type { Contract } from '../support/contract.js'
import * as face from '../support/contract.js'
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

/** What the suites about rendezvous, select and `never` test: channels of any capacity, and what waits on several of them. */
export interface SelectSubject extends Omit<Contract, 'selectSync'> {
  name: string
  make<T>(codec: Codec<T>, capacity?: number): Channel<T>
}

/** The same for the suites that need other threads, blocking calls or an arena. */
export interface SharedSelectSubject extends SelectSubject, Pick<Contract, 'selectSync'>, Omit<Subject, 'capacities'> {
  make<T>(codec: Codec<T>, capacity?: number): Channel<T>
}

/** millrace itself. */
export function selecting(): SharedSelectSubject {
  const { arena, make, gate } = buffered()
  return { ...face, name: 'millrace', arena, gate, make: (codec, capacity = 0) => make(codec, capacity) }
}
