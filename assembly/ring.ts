// Narrow ring: a bounded queue of 32-bit values, many producers, many consumers.
//
// Algorithm: one compare-and-swap on a slot publishes value and sequence together (as in Tsigas and Zhang, "A simple, fast and scalable
// non-blocking concurrent FIFO queue", SPAA 2001, with Vyukov's per-slot sequence in place of their null values); then the index is
// advanced by compare-and-swap, and whoever finds an index lagging advances it, whatever the distance.
//
//   slot      `sequence:32 | payload:32`
//   position  `lap | index`, lap a multiple of CHANNEL_LAP (a power of two above the capacity), so that any capacity works
//   sequence  p         free, for the value of position p (payload 0), or sealed: no value will ever come (payload SLOT_SEALED)
//             p + 1     holds the value of position p
//             p + lap   free for the next round
//
// Invariants: the value of position p is in its slot before that of the position after p is in its own. Tail and head lag behind
// the slots, never lead.
//
// Progress: lock-free: a failed attempt (RETRY) means that another thread has moved. A kill leaves an index lagging, no more.

import { cas32, cas64, get32, load32, load64, peek32 } from "./atomics.ts";
import {
  CHANNEL_CAPACITY, CHANNEL_HEAD, CHANNEL_LAP, CHANNEL_SLOTS, CHANNEL_TAIL, CLOSED, OK, RETRY, SLOT_SEALED, WOULD_BLOCK,
} from "./layout.ts";

/** The position after `p`. */
// @ts-ignore: decorator
@inline export function after(p: u32, capacity: u32, lap: u32): u32 {
  const index = p & (lap - 1);
  return index + 1 < capacity ? p + 1 : p - index + lap;
}

/** One attempt to append a value: OK, WOULD_BLOCK (full), CLOSED (sealed) or RETRY. No loop, no call. */
// @ts-ignore: decorator
@inline export function narrow_push(ch: usize, v: u32): u32 {
  const lap = get32(ch + CHANNEL_LAP); // plain: constant since the channel was made
  const tail = peek32(ch + CHANNEL_TAIL); // validated by its slot: a stale tail leads to an older slot, found full or used
  const slot = ch + CHANNEL_SLOTS + (<usize>(tail & (lap - 1)) << 3);
  const seen = load64(slot);
  if (seen == <u64>tail << 32) {
    // Publishes the value; pairs with the load of the slot in narrow_pop.
    if (cas64(slot, seen, <u64>(tail + 1) << 32 | <u64>v) != seen) return RETRY;
    cas32(ch + CHANNEL_TAIL, tail, after(tail, get32(ch + CHANNEL_CAPACITY), lap));
    return OK;
  }
  const ahead = <i32>(<u32>(seen >> 32) - tail);
  // The slot holds the value of the round before: at the moment of its load, `capacity` values stood in the ring.
  if (ahead < 0) return WOULD_BLOCK;
  if (ahead == 0) return CLOSED;
  cas32(ch + CHANNEL_TAIL, tail, after(tail, get32(ch + CHANNEL_CAPACITY), lap));
  return RETRY;
}

/**
 * One attempt to take a value: the value, or `status:32 | 0:32` with WOULD_BLOCK (empty), CLOSED (sealed) or RETRY. The slot becomes free, or
 * sealed if `seal` is SLOT_SEALED: in a closed channel no room comes free for a sender that has not yet noticed. No loop, no call.
 */
// @ts-ignore: decorator
@inline export function narrow_pop(ch: usize, seal: u32): u64 {
  const lap = get32(ch + CHANNEL_LAP);
  const head = peek32(ch + CHANNEL_HEAD); // validated by its slot, as the tail
  const slot = ch + CHANNEL_SLOTS + (<usize>(head & (lap - 1)) << 3);
  const seen = load64(slot);
  const ahead = <u32>(seen >> 32) - head;
  if (ahead == 1) {
    // Frees the slot; pairs with the load of the slot in narrow_push.
    if (cas64(slot, seen, <u64>(head + lap) << 32 | <u64>seal) != seen) return <u64>RETRY << 32;
    cas32(ch + CHANNEL_HEAD, head, after(head, get32(ch + CHANNEL_CAPACITY), lap));
    return seen & 0xffffffff;
  }
  // Free for a value that has not come: at the moment of its load the ring was empty.
  if (ahead == 0) return <u64>(<u32>seen == SLOT_SEALED ? CLOSED : WOULD_BLOCK) << 32;
  cas32(ch + CHANNEL_HEAD, head, after(head, get32(ch + CHANNEL_CAPACITY), lap));
  return <u64>RETRY << 32;
}

/**
 * One attempt to seal an empty ring, so that a sender that has not yet seen the channel closed cannot succeed any more: CLOSED, or
 * RETRY if a value came first. No loop, no call.
 */
// @ts-ignore: decorator
@inline export function narrow_seal(ch: usize): u32 {
  const lap = get32(ch + CHANNEL_LAP);
  const head = load32(ch + CHANNEL_HEAD);
  const slot = ch + CHANNEL_SLOTS + (<usize>(head & (lap - 1)) << 3);
  const free = <u64>head << 32;
  const seen = cas64(slot, free, free | SLOT_SEALED);
  return seen == free || seen == (free | SLOT_SEALED) ? CLOSED : RETRY;
}
