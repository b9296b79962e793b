// Calls of a deque alone: in the core each of them is a part of a larger section.

import { arena_allocate, arena_free, settled } from "../../../assembly/arena.ts";
import { enter, get64, leave, store32 } from "../../../assembly/atomics.ts";
import { deque_free, deque_init, hasRoom, popNow, putNow, stealNow } from "../../../assembly/deque.ts";
import { DEQUE_BYTES, HEAD_KIND, KIND_SCRATCH, LINE, OK, THREAD_VALUE } from "../../../assembly/layout.ts";
import { self } from "../../../assembly/thread.ts";

/** An empty deque, on the second line of a block of its own. */
export function deque_make(life: u32): usize {
  const block = arena_allocate(LINE + DEQUE_BYTES);
  store32(block + HEAD_KIND, KIND_SCRATCH);
  settled();
  return deque_init(block + LINE, life) ? block + LINE : 0;
}

export function deque_unmake(d: usize): void {
  deque_free(d);
  arena_free(d - LINE);
}

/** Values count from LINE, so that they differ from a status. */
export function deque_push(d: usize, value: u32): bool {
  if (!hasRoom(d)) return false;
  enter();
  putNow(d, value);
  leave();
  return true;
}

/** The value, or 0. */
export function deque_pop(d: usize): u32 {
  enter();
  const got = popNow(d);
  leave();
  return got ? <u32>get64(self + THREAD_VALUE) : 0;
}

/** The value, or a status. */
export function deque_steal(d: usize, life: u32): u32 {
  enter();
  const status = stealNow(d, life);
  leave();
  return status == OK ? <u32>get64(self + THREAD_VALUE) : status;
}
