// Objects that need no more than a block: made, and freed under the check of their generation.
//
// Who may call: any attached thread. Progress: as the allocator's.

import { arena_allocate, arena_free, settled } from "./arena.ts";
import { cas32, enter, leave, set32, store32 } from "./atomics.ts";
import { GENERATION, HEAD_KIND, HEAD_STATE, OK, STALE, THREAD_PENDING } from "./layout.ts";
import { self } from "./thread.ts";

/** A zeroed object; 0 if the arena is full. */
export function object_create(kind: u32, bytes: u32): usize {
  const o = arena_allocate(bytes);
  if (o == 0) return 0;
  enter();
  store32(o + HEAD_KIND, kind);
  settled();
  leave();
  return o;
}

/** Makes all handles stale and frees the memory: OK, or STALE (it was done before). */
export function object_dispose(o: usize, open: u32): u32 {
  enter();
  if (cas32(o + HEAD_STATE, open, open + GENERATION) != open) {
    leave();
    return STALE;
  }
  set32(self + THREAD_PENDING, <u32>o);
  leave();
  arena_free(o);
  return OK;
}
