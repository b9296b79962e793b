// Counter: a sum spread over cells, so that threads which add at the same time do not meet.
//
// Who may call: any attached thread.
//
// Algorithm: one padded 64-bit cell per thread slot (modulo COUNTER_SHARDS), as Java's LongAdder without its resizing. The value is
// the sum of the cells, each read once: with adds going on it is a sum that each cell had at some moment during the call.
//
// Progress: add is wait-free (one atomic add).

import { add64, load32, load64, store64 } from "./atomics.ts";
import { COUNTER_CELLS, COUNTER_SHARDS, HEAD_STATE, LINE, OK, STALE, THREAD_BYTES } from "./layout.ts";
import { self } from "./thread.ts";

// @ts-ignore: decorator
@inline function cell(c: usize): usize { return c + COUNTER_CELLS + (self / THREAD_BYTES & (COUNTER_SHARDS - 1)) * LINE; }

/** Adds a 32-bit number: OK or STALE. */
export function counter_add(c: usize, open: u32, n: i32): u32 {
  if (load32(c + HEAD_STATE) != open) return STALE;
  add64(cell(c), <u64><i64>n);
  return OK;
}

/** Adds a safe integer: OK or STALE. */
export function counter_addF64(c: usize, open: u32, n: f64): u32 {
  if (load32(c + HEAD_STATE) != open) return STALE;
  add64(cell(c), <u64><i64>n);
  return OK;
}

/** The sum; NaN if stale. */
export function counter_sum(c: usize, open: u32): f64 {
  let sum: i64 = 0;
  for (let i = 0; i < COUNTER_SHARDS; i++) sum += <i64>load64(c + COUNTER_CELLS + <usize>i * LINE);
  return load32(c + HEAD_STATE) == open ? <f64>sum : NaN;
}

/** Sets all cells to zero: OK or STALE. Adds that happen meanwhile may or may not count. */
export function counter_reset(c: usize, open: u32): u32 {
  if (load32(c + HEAD_STATE) != open) return STALE;
  for (let i = 0; i < COUNTER_SHARDS; i++) store64(c + COUNTER_CELLS + <usize>i * LINE, 0);
  return OK;
}
