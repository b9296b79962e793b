// What tests of contexts that travel must leave behind: nothing.

import { defaultArena } from 'millrace'
import { afterAll, afterEach } from 'vitest'
import { until } from './probe.js'
import { endThreads } from './threads.js'

export const inUse = (arena = defaultArena()): number => arena.stats().bytesInUse

/** Waits until what has ended is forgotten, and no more than so many bytes are in use. */
export async function settled(before: number, arena = defaultArena()): Promise<void> {
  await until(() => inUse(arena) <= before, `${before} bytes in use`)
}

/** Ends the threads after each test; after all, as much is in use as now. */
export function nothingLeft(): void {
  afterEach(endThreads)
  const atFirst = inUse()
  afterAll(() => settled(atFirst))
}
