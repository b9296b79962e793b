// Cursor: what an operation on an atomic value or a map has found, and at which version. It lies in the thread's scratch block.
//
// Who may call: any attached thread that has a scratch block.
//
// Algorithm: a sequence lock without a lock (C. Lameter, "Effective synchronization on Linux/NUMA systems", 2005; H. Boehm, "Can seqlocks get along with
// programming language memory models?", 2012). A writer looks without any lock, then does all of its change in one killable section that begins
// with the compare-and-swap of an even version to the next odd one, and ends with the store of the even one after. A reader takes what it has
// read if the version was even and still is the same. The arena is never unmapped, so what is read meanwhile may be garbage, but is there.
//
// Progress: writers lock-free but for a thread that the system has stopped inside its section (BUSY). A reader tries again only if a writer has
// succeeded. No kill leaves a version odd.

import { get32, load32, or32, peekInOrder64, set32, set64 } from "./atomics.ts";
import { CURSOR_BYTES, CURSOR_GUARD, CURSOR_KEY_MAX, CURSOR_NEW, CURSOR_VALUE_AT, CURSOR_VALUE_MAX, CURSOR_VERSION, LINE, MESSAGE_CHAIN, MESSAGE_OWN_PREV, OK, RETRY, SCRATCH_STAGE, THREAD_SCRATCH } from "./layout.ts";
import { self } from "./thread.ts";

if (CURSOR_NEW + 8 > CURSOR_BYTES || CURSOR_BYTES + CURSOR_KEY_MAX > CURSOR_VALUE_AT || CURSOR_VALUE_AT + CURSOR_VALUE_MAX > SCRATCH_STAGE) ERROR("the cursor does not fit the scratch block");

// @ts-ignore: decorator
@inline export function cursor(): usize { return <usize>get32(self + THREAD_SCRATCH); }

/** The block of a payload, or of itself. */
// @ts-ignore: decorator
@inline export function blockAt(at: usize): usize { return at & ~(LINE - 1); }

/** Hangs a block on another one. Inside a section, and the blocks after `after` up to the next shard are ours. */
// @ts-ignore: decorator
@inline export function hang(after: usize, block: usize): void {
  const next = <usize>get32(after + MESSAGE_CHAIN);
  set32(block + MESSAGE_CHAIN, <u32>next);
  set32(block + MESSAGE_OWN_PREV, <u32>after);
  if (next != 0) set32(next + MESSAGE_OWN_PREV, <u32>block);
  set32(after + MESSAGE_CHAIN, <u32>block);
}

/** Takes a block off. Inside a section, as `hang`. */
// @ts-ignore: decorator
@inline export function unhang(block: usize): void {
  const next = <usize>get32(block + MESSAGE_CHAIN);
  const prev = <usize>get32(block + MESSAGE_OWN_PREV);
  if (next != 0) set32(next + MESSAGE_OWN_PREV, <u32>prev);
  set32(prev + MESSAGE_CHAIN, <u32>next);
  set32(block + MESSAGE_CHAIN, 0);
}

/**
 * Whether nothing has changed since the cursor was set: OK or RETRY. What has been copied by then, by whatever accesses, counts if so: it is an update of
 * the version, not a load of it, so that who changes it next comes after all that was read before.
 */
export function cursor_check(): u32 {
  const c = cursor();
  return or32(get32(c + CURSOR_GUARD), 0) == get32(c + CURSOR_VERSION) ? OK : RETRY;
}

/** Copies bytes of what the cursor has found, rounded up to a multiple of 8, into memory of ours: OK or RETRY. */
export function cursor_copy(to: usize, from: usize, bytes: u32): u32 {
  const c = cursor();
  for (let k: u32 = 0; k < bytes; k += 8) set64(to + k, peekInOrder64(from + k));
  return load32(get32(c + CURSOR_GUARD)) == get32(c + CURSOR_VERSION) ? OK : RETRY;
}
