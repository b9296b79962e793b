import { Arena, AtomicI32, type Channel, type Codec, channel, f64, u32 } from 'millrace'
import { afterEach, expect } from 'vitest'
import type { Contract } from '../support/contract.js'
import * as face from '../support/contract.js'
import { inBlocks, inCells, kits, messageKits } from '../support/kit.mjs'
import { capacities } from '../support/settings.js'

/** A codec with values made from numbers; see kit.mjs. */
export type Kit = (typeof kits)[number]

/** What the suites test: something that makes channels. */
export interface Subject {
  name: string
  capacities: number[]
  arena: Arena
  /** Codecs with values that are made from numbers. */
  kits: readonly Kit[]
  /** The codecs for whatever is said once for each kind of ring. They carry numbers. */
  numbers: readonly Codec<number>[]
  /** A channel, disposed of after the test. Where the suite says f64, or u32, any codec that carries numbers will do. */
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
    kits,
    numbers: [f64, u32],
    make: (codec, capacity) => keep(channel(codec, { capacity, arena })),
    gate: () => keep(new AtomicI32(0, { arena })),
  }
}

/** The same, where the values are messages: those that carry numbers lie in blocks, or in cells of the ring. */
export function messages(where: 'blocks' | 'cells'): Subject {
  const subject = buffered()
  const number = (where === 'blocks' ? inBlocks : inCells) as never
  return {
    ...subject,
    name: `messages in ${where}`,
    capacities: capacities.filter((capacity) => capacity < 10),
    kits: messageKits as unknown as readonly Kit[],
    numbers: [inBlocks, inCells] as unknown as readonly Codec<number>[],
    make: (codec, capacity) =>
      subject.make((codec as unknown) === f64 || (codec as unknown) === u32 ? number : codec, capacity),
  }
}

/** What the suites about rendezvous, select and `never` test: channels of any capacity, and what waits on several of them. */
export interface SelectSubject extends Omit<Contract, 'selectSync'> {
  name: string
  kits: readonly Kit[]
  make<T>(codec: Codec<T>, capacity?: number): Channel<T>
}

/** The same for the suites that need other threads, blocking calls or an arena. */
export interface SharedSelectSubject extends SelectSubject, Pick<Contract, 'selectSync'>, Omit<Subject, 'capacities'> {
  make<T>(codec: Codec<T>, capacity?: number): Channel<T>
}

/** millrace itself. */
export function selecting(subject = buffered()): SharedSelectSubject {
  const { arena, make, gate, kits, numbers } = subject
  const name = subject.name === 'buffered' ? 'millrace' : subject.name
  return { ...face, name, arena, gate, kits, numbers, make: (codec, capacity = 0) => make(codec, capacity) }
}
