// Arenas of a test's own. After it everything that was made in them is disposed of, and then nothing is in use: what was sent, reserved, viewed
// or waited with has been given back.

import { Arena, type BytesChannel, bytes, type Channel, channel, type MessageCodec } from 'millrace'
import { afterEach, expect } from 'vitest'
import { until } from './probe.js'

export const MIB = 2 ** 20

/** Bytes in use but for the blocks that threads keep for their batches. */
export function inUse(arena: Arena): number {
  const { bytesInUse, blocks } = arena.stats()
  return bytesInUse - 4096 * (blocks[4096] ?? 0)
}

export interface Space {
  arena: Arena
  make<T>(codec: MessageCodec<T>, capacity?: number): Channel<T>
  bytes(capacity?: number): BytesChannel
}

/** Makes such arenas: `space()` of 1 MiB if no size is given. */
export function spaces(): (size?: number) => Space {
  const made: { dispose(): void }[] = []
  const arenas: Arena[] = []
  afterEach(async ({ task }) => {
    for (const each of made.splice(0)) each.dispose()
    for (const arena of arenas.splice(0)) {
      if (task.result?.state === 'fail') continue
      // Of threads that have died over it something may be left for a moment.
      await until(() => inUse(arena) === 0, 'an empty arena', 3000).catch(() => {
        expect(arena.stats().blocks, 'blocks left in the arena').toEqual({})
      })
    }
  })
  return (size = MIB) => {
    const arena = new Arena({ size })
    arenas.push(arena)
    const keep = <D extends { dispose(): void }>(object: D): D => {
      made.push(object)
      return object
    }
    return {
      arena,
      make: (codec, capacity = 0) => keep(channel(codec, { capacity, arena })),
      bytes: (capacity = 0) => keep(channel(bytes, { capacity, arena })),
    }
  }
}

/** A byte string of that length that says which one it is; `intact` knows it again. */
export function filled(length: number, n = length): Uint8Array {
  const made = new Uint8Array(length)
  for (let i = 0; i < length; i++) made[i] = n + i * 7
  return made
}

/** Whether the bytes are what `filled` made. */
export function intact(got: Uint8Array | undefined, length: number, n = length): boolean {
  return got?.length === length && got.every((byte, i) => byte === ((n + i * 7) & 0xff))
}

/** Sends messages of that length until there is no memory. Returns how many. */
export function fill(ch: Channel<Uint8Array>, length: number): number {
  for (let n = 0; ; n++) {
    try {
      if (!ch.trySend(filled(length, n))) throw new Error('the channel is full, not the memory')
    } catch (error) {
      if ((error as { code?: string }).code === 'ERR_ARENA_FULL') return n
      throw error
    }
  }
}

/** Sends ever smaller messages until there is no memory for the smallest. Returns their lengths. */
export function fillUp(ch: Channel<Uint8Array>, lengths = [100_000, 10_000, 1000, 50]): number[] {
  return lengths.flatMap((length) => Array.from({ length: fill(ch, length) }, () => length))
}
