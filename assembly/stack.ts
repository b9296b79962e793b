// Stack: a bounded LIFO of 64-bit values.
//
// Who may call: any attached thread.
//
// Algorithm: R. K. Treiber, "Systems programming: coping with parallelism" (1986), over nodes of its own, with a tag in the head that grows
// with every pop, so that a head read before cannot be mistaken for the same node come back (ABA). Unused nodes are a second such
// stack; nodes never used yet are handed out by number.
//
//   head   `tag:32 | node:32`      node  `next:32 | depth:32 | value:64`, numbered from 1
//
// Progress: lock-free. A thread killed with a node in hand has noted DUTY_STACK_FREE: its reaper puts the node back.

import { arena_allocate, settled } from "./arena.ts";
import { cas32, cas64, enter, get32, get64, leave, load32, load64, peek32, peek64, poke32, set32, set64, store32 } from "./atomics.ts";
import {
  DUTY_STACK_FREE, FINE, HEAD_KIND, HEAD_STATE, KIND_STACK, MAX_CAPACITY, NODE_BYTES, NODE_DEPTH, NODE_NEXT, NODE_VALUE, OK,
  STACK_CAPACITY, STACK_CODEC, STACK_FREE, STACK_FRESH, STACK_NODES, STACK_TOP, STALE, THREAD_STATUS, THREAD_VALUE, WOULD_BLOCK,
} from "./layout.ts";
import { duty, dutyDone, self } from "./thread.ts";

if (NODE_BYTES != 16) ERROR("nodes are shifted by 4");

/** A new stack; 0 if the arena is full. */
export function stack_create(capacity: u32, codec: u32): usize {
  if (capacity == 0 || capacity > <u32>MAX_CAPACITY) return 0;
  const bytes = STACK_NODES + <u64>capacity * NODE_BYTES;
  if (bytes > 1 << 30) return 0;
  const s = arena_allocate(<u32>bytes);
  if (s == 0) return 0;
  set32(s + STACK_CAPACITY, capacity);
  set32(s + STACK_CODEC, codec);
  enter();
  store32(s + HEAD_KIND, KIND_STACK);
  settled();
  leave();
  return s;
}

// @ts-ignore: decorator
@inline function nodeAt(s: usize, node: u32): usize { return s + (STACK_NODES - NODE_BYTES) + (<usize>node << 4); }

/** One attempt to put a node in our hands on top. Inside a section. */
// @ts-ignore: decorator
@inline function putTop(s: usize, node: u32): bool {
  const top = peek64(s + STACK_TOP); // validated by the compare-and-swap below, here and everywhere in this file
  const below = <u32>top;
  const at = nodeAt(s, node);
  poke32(at + NODE_NEXT, below);
  // Racing if another thread pops `below` meanwhile; then the compare-and-swap fails.
  poke32(at + NODE_DEPTH, below == 0 ? 1 : peek32(nodeAt(s, below) + NODE_DEPTH) + 1);
  // Publishes next, depth and value; pairs with the load of the top in pop.
  return cas64(s + STACK_TOP, top, (top >> 32) << 32 | <u64>node) == top;
}

/** One attempt to put a node in our hands back on the free list. Inside a section. */
// @ts-ignore: decorator
@inline function putFree(s: usize, node: u32): bool {
  const free = peek64(s + STACK_FREE);
  poke32(nodeAt(s, node) + NODE_NEXT, <u32>free);
  return cas64(s + STACK_FREE, free, (free >> 32) << 32 | <u64>node) == free;
}

/** Puts a node back for which DUTY_STACK_FREE is noted. */
export function stack_putBack(s: usize, node: u32): void {
  while (true) {
    enter();
    if (putFree(s, node)) break;
    leave();
  }
  dutyDone();
  leave();
}

function push(s: usize, open: u32, v: u64): u32 {
  if (peek32(s + HEAD_STATE) != open) return STALE;
  let node: u32 = 0;
  while (true) {
    const free = load64(s + STACK_FREE);
    node = <u32>free;
    if (node != 0) {
      const next = peek32(nodeAt(s, node) + NODE_NEXT);
      enter();
      if (cas64(s + STACK_FREE, free, ((free >> 32) + 1) << 32 | <u64>next) == free) break;
      leave();
    } else {
      const fresh = load32(s + STACK_FRESH);
      if (fresh < get32(s + STACK_CAPACITY)) {
        enter();
        if (cas32(s + STACK_FRESH, fresh, fresh + 1) == fresh) {
          node = fresh + 1;
          break;
        }
        leave();
      } else if (load64(s + STACK_FREE) == free) return WOULD_BLOCK; // all nodes were in use, or in hands, at this load
    }
  }
  // In the section that took the node.
  set64(nodeAt(s, node) + NODE_VALUE, v); // plain: ours until the push
  if (putTop(s, node)) {
    leave();
    return OK;
  }
  duty(DUTY_STACK_FREE, s, node);
  leave();
  while (true) {
    enter();
    if (putTop(s, node)) break;
    leave();
  }
  dutyDone();
  leave();
  return OK;
}

/** Pops into THREAD_VALUE. */
function pop(s: usize, open: u32): u32 {
  if (peek32(s + HEAD_STATE) != open) return STALE;
  while (true) {
    const top = load64(s + STACK_TOP);
    const node = <u32>top;
    if (node == 0) return WOULD_BLOCK;
    const next = peek32(nodeAt(s, node) + NODE_NEXT);
    enter();
    if (cas64(s + STACK_TOP, top, ((top >> 32) + 1) << 32 | <u64>next) == top) {
      set64(self + THREAD_VALUE, get64(nodeAt(s, node) + NODE_VALUE)); // plain: ours since the pop
      if (putFree(s, node)) {
        leave();
        return OK;
      }
      duty(DUTY_STACK_FREE, s, node);
      leave();
      stack_putBack(s, node);
      return OK;
    }
    leave();
  }
  return WOULD_BLOCK;
}

/** Leaves the outcome in THREAD_STATUS; returns FINE for OK. */
// @ts-ignore: decorator
@inline function said(r: u32): u32 {
  set32(self + THREAD_STATUS, r);
  return r == OK ? FINE : r;
}

// Pushes: OK, WOULD_BLOCK (full) or STALE, in THREAD_STATUS; the result is FINE for OK.
export function stack_push32(s: usize, open: u32, v: i32): u32 { return said(push(s, open, <u32>v)); }
export function stack_pushF32(s: usize, open: u32, v: f32): u32 { return said(push(s, open, reinterpret<u32>(v))); }
export function stack_pushF64(s: usize, open: u32, v: f64): u32 { return said(push(s, open, reinterpret<u64>(v))); }
export function stack_push64(s: usize, open: u32, v: i64): u32 { return said(push(s, open, v)); }

/** Pops, of either width: OK (the value is in THREAD_VALUE), WOULD_BLOCK (empty) or STALE, in THREAD_STATUS; the result is FINE for OK. */
export function stack_take(s: usize, open: u32): u32 { return said(pop(s, open)); }

/** Values on the stack at one moment during the call; -1 if stale. */
export function stack_length(s: usize, open: u32): i32 {
  while (true) {
    if (load32(s + HEAD_STATE) != open) return -1;
    const top = load64(s + STACK_TOP);
    if (<u32>top == 0) return 0;
    const depth = peek32(nodeAt(s, <u32>top) + NODE_DEPTH);
    // While the top has not changed, nobody has written its depth.
    if (load64(s + STACK_TOP) == top) return <i32>depth;
  }
  return 0;
}
