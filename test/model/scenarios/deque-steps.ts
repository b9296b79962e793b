// What the scenarios of deques and injectors in places share.

import type { Thread, Value } from '../checker/program.js'
import type { Bench } from '../checker/scenario.js'
import { coreRecipe, type World } from './core.js'

/** Segments of two values; rings begin with two slots. */
export const placeRecipe = {
  ...coreRecipe,
  core: ['arena', 'thread'],
  modules: ['sync', 'deque-object', 'injector'],
  constants: { ...coreRecipe.constants, SYNC_BYTES: 512, SEGMENT_SLOTS: 2, RING_FIRST: 1 },
}

/** What the caller has got: a value; 'empty', 'retry' (another thread was faster), 'stale', 'no room'. */
export function gotten(read: (at: number) => number, slot: number, L: World['L']): Value {
  const status = read(slot + L.THREAD_STATUS!)
  if (status === L.OK) return read(slot + L.THREAD_VALUE!)
  return status === L.WOULD_BLOCK
    ? 'empty'
    : status === L.RETRY
      ? 'retry'
      : status === L.STALE
        ? 'stale'
        : status === L.NO_MEMORY
          ? 'no room'
          : `status ${status}`
}

export const got = (t: Thread, w: World): Value => gotten((at) => t.peek(at), w.slots[t.id] as number, w.L)

/** The same for setup and final checks. */
export const gotHere = (b: Bench, w: World): Value => gotten((at) => b.read(at), w.slots[b.m.main] as number, w.L)
