// Counter: a sum spread over cells, so that threads which add at the same time do not meet.
//
// Who may call: any attached thread.
//
// Algorithm: as Java's LongAdder, but the cells have owners. The thread in slot i < COUNTER_OWNED is the only one who writes cell i, so it
// needs no atomic at all: the bindings (src/counter.ts) read, add and write a float that is exact up to 2^53. Threads in later slots share
// one cell, and add to it here. The value is the sum of the cells, each read once: with adds going on it is a sum that each cell had at
// some moment during the call.
//
// Progress: wait-free. A kill leaves an add done or not done.

import { add64, peek32 } from "./atomics.ts";
import { COUNTER_SHARED, HEAD_STATE, OK, STALE } from "./layout.ts";

/** Adds a safe integer to the shared cell: OK or STALE. */
export function counter_addShared(c: usize, open: u32, n: f64): u32 {
  if (peek32(c + HEAD_STATE) != open) return STALE;
  add64(c + COUNTER_SHARED, <u64><i64>n);
  return OK;
}
