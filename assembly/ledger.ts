// Ledger: what each thread holds of an object, so that it comes back when the thread dies.
//
// Who may call: any attached thread. Entries are read and written under the lock of the object, while the object is live, in the same section in
// which the state changes: what is held and what is left never disagree.
//
//   entry of a slot: identity:32 | count:32
//
// An entry whose identity is not that of the thread with the slot is what a dead one has left. Who writes the entry gives that back, or it is
// done by the one who mends.
//
// Progress: as the allocator's; the lock is held only inside killable sections.

import { arena_allocate, arena_free, settled } from "./arena.ts";
import { enter, get32, get64, leave, load32, peek32, peek64, poke64, set32, store32 } from "./atomics.ts";
import {
  ARENA, ARENA_THREADS, CHANNEL_RECEIVERS, CHANNEL_SENDERS, HEAD_BYTES, HEAD_KIND, HEAD_STATE, KIND_LEDGER, LEDGER_ENTRIES, LEDGER_ENTRY, MAX_THREADS, NO_MEMORY, OK, STALE,
  SYNC_LEDGER, THREAD_BYTES,
} from "./layout.ts";
import { relax } from "./thread.ts";
import { tryLock, unlock } from "./waiter.ts";

if (LEDGER_ENTRIES < HEAD_BYTES) ERROR("the entries run into the header");

/** Gives the object a ledger unless it has one: OK, STALE or NO_MEMORY. */
export function ledger_make(o: usize, open: u32): u32 {
  const ledger = arena_allocate(LEDGER_ENTRIES + LEDGER_ENTRY * MAX_THREADS);
  if (ledger == 0) return NO_MEMORY;
  let tries: u32 = 0;
  let linked = false;
  let stale = false;
  while (true) {
    let locked = false;
    enter();
    if (tryLock(o)) {
      locked = true;
      // Who disposes raises a flag, then frees the ledger under the lock: it sees ours, or we see the flag.
      stale = (load32(o + HEAD_STATE) & ~(CHANNEL_RECEIVERS | CHANNEL_SENDERS)) != open;
      if (!stale && get32(o + SYNC_LEDGER) == 0) {
        store32(ledger + HEAD_KIND, KIND_LEDGER);
        set32(o + SYNC_LEDGER, <u32>ledger);
        settled();
        linked = true;
      }
      unlock(o);
    }
    leave();
    if (locked) break;
    relax(tries++);
  }
  if (!linked) arena_free(ledger);
  return stale ? <u32>STALE : <u32>OK;
}

/** Address of a slot's entry. The caller holds the lock, and the object is live. */
// @ts-ignore: decorator
@inline export function entryOf(o: usize, slot: usize): usize { return entryIn(<usize>get32(o + SYNC_LEDGER), slot); }

// @ts-ignore: decorator
@inline function entryIn(ledger: usize, slot: usize): usize {
  return ledger + LEDGER_ENTRIES + (slot - <usize>get32(ARENA + ARENA_THREADS)) / (THREAD_BYTES / LEDGER_ENTRY);
}

/** Identity of the thread that an entry is about. */
// @ts-ignore: decorator
@inline export function holderIn(entry: u64): u32 { return <u32>(entry >> 32); }
/** How much the thread with that identity holds, by an entry. */
// @ts-ignore: decorator
@inline export function heldBy(identity: u32, entry: u64): u32 { return holderIn(entry) == identity ? <u32>entry : 0; }
/** How much is held, by an entry, by another one, who is dead. */
// @ts-ignore: decorator
@inline export function leftBy(identity: u32, entry: u64): u32 { return holderIn(entry) == identity ? 0 : <u32>entry; }
/** Writes an entry. Others may be looking for what the dead have left, without the lock. */
// @ts-ignore: decorator
@inline export function book(at: usize, identity: u32, count: u32): void { poke64(at, <u64>identity << 32 | <u64>count); }
/** Reads an entry. */
// @ts-ignore: decorator
@inline export function booked(at: usize): u64 { return get64(at); }

/** The slot, from that one on, whose entry says that somebody holds something; 0 if there is none. A hint: without the lock. */
export function ledger_next(o: usize, slot: usize): usize {
  const ledger = <usize>peek32(o + SYNC_LEDGER);
  if (ledger == 0) return 0;
  const end = <usize>get32(ARENA + ARENA_THREADS) + MAX_THREADS * THREAD_BYTES;
  for (; slot < end; slot += THREAD_BYTES) if (<u32>peek64(entryIn(ledger, slot)) != 0) return slot;
  return 0;
}

/** That entry. A hint too. */
// @ts-ignore: decorator
@inline export function ledger_peek(o: usize, slot: usize): u64 { return peek64(entryIn(<usize>peek32(o + SYNC_LEDGER), slot)); }

/** The first slot of the thread table. */
// @ts-ignore: decorator
@inline export function firstSlot(): usize { return <usize>get32(ARENA + ARENA_THREADS); }
