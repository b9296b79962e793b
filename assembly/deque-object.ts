// Deques of programs: those of deque.ts in places of the sync package, with an order, a codec and an end.
//
// Who may call: create, push, take and `deque_batch` into it the thread that owns the deque, which is the one that has made it; dispose the owner, or
// anybody once that is dead; the rest any attached thread. `open` is the HEAD_STATE that the caller's handle expects, and the life of the deque.
//
// Batches. What is stolen at a time comes out of the thief's deque in the order in which its owner would have taken it. From one whose owner takes the
// oldest, that is one step (takeOldest). From one whose owner takes the newest, it is one after the other, for its owner takes its values but the last one
// without asking: two ends of a batch could pass each other.
//
//   newest first ──► oldest first: stolen  1 2 3, above our bottom, where nobody sees them ──► reversed  3 2 1 ──► published
//
// Death. What has been stolen and not been published yet is told by DEQUE_STAGED, which changes in the section that steals: should the thief die over
// it, whoever finds its deque empty publishes them. What is in a dead owner's deque is there to be stolen. A kill between a ring and its deque, when that
// is made, leaves a ring of 576 bytes.
//
// Progress: the owner of a LIFO deque is wait-free, all else lock-free.

import { cas32, enter, get32, get64, leave, load32, load64, peek32, poke64, set32, set64, store32, store64 } from "./atomics.ts";
import { deque_free, deque_init, hasRoom, hasRoomFor, isEmpty, lengthOf, nothing, popNow, putNow, slotOf, stealNow, takeOldest } from "./deque.ts";
import {
  DEQUE_BOTTOM, DEQUE_BYTES, DEQUE_CODEC, DEQUE_ORDER, DEQUE_OWNER, DEQUE_PLACE, DEQUE_RING, DEQUE_SEEN, DEQUE_STAGED, DEQUE_TOP, FINE, FLAGS_MASK, HEAD_STATE, INJECTOR_HEAD,
  INJECTOR_TAIL, KIND_DEQUE, NOBODY, NOT_HELD, NO_MEMORY, OK, RETRY, STALE, SYNC_BYTES, THREAD_STATUS, THREAD_VALUE, WOULD_BLOCK,
} from "./layout.ts";
import { isDead, me, sync_claim, sync_dispose, sync_made } from "./sync.ts";
import { relax, self } from "./thread.ts";

if (DEQUE_PLACE + DEQUE_SEEN + 4 > DEQUE_STAGED || DEQUE_STAGED + 8 > INJECTOR_TAIL) ERROR("the words of a deque overlap");
if (DEQUE_PLACE + DEQUE_BYTES > INJECTOR_HEAD || INJECTOR_HEAD > SYNC_BYTES) ERROR("a deque does not fit its place");

/** A new deque of the calling thread; 0 if the arena is full. `fifo`: its owner takes the oldest value. */
export function deque_create(fifo: u32, codec: u32): usize {
  const o = sync_claim();
  if (o == 0) return 0;
  const open = load32(o + HEAD_STATE);
  set32(o + DEQUE_ORDER, fifo);
  set32(o + DEQUE_CODEC, codec);
  store32(o + DEQUE_OWNER, me());
  if (!deque_init(o + DEQUE_PLACE, open)) {
    sync_dispose(o, open);
    return 0;
  }
  sync_made(o, KIND_DEQUE);
  return o;
}

/** Leaves the outcome in THREAD_STATUS; returns FINE for OK. */
// @ts-ignore: decorator
@inline function said(status: u32): u32 {
  set32(self + THREAD_STATUS, status);
  return status == OK ? FINE : status;
}

// @ts-ignore: decorator
@inline function push(o: usize, open: u32, v: u64): u32 {
  const d = o + DEQUE_PLACE;
  if (peek32(o + HEAD_STATE) != open) return STALE;
  if (!hasRoom(d)) return NO_MEMORY;
  enter();
  putNow(d, v);
  leave();
  return OK;
}

// Pushes: OK, NO_MEMORY or STALE, in THREAD_STATUS; the result is FINE for OK.
export function deque_push32(o: usize, open: u32, v: i32): u32 { return said(push(o, open, <u32>v)); }
export function deque_pushF32(o: usize, open: u32, v: f32): u32 { return said(push(o, open, reinterpret<u32>(v))); }
export function deque_pushF64(o: usize, open: u32, v: f64): u32 { return said(push(o, open, reinterpret<u64>(v))); }
export function deque_push64(o: usize, open: u32, v: i64): u32 { return said(push(o, open, v)); }

/** Takes the owner's next value: OK (it is in THREAD_VALUE), WOULD_BLOCK (empty) or STALE, in THREAD_STATUS; the result is FINE for OK. */
export function deque_take(o: usize, open: u32): u32 {
  const d = o + DEQUE_PLACE;
  if (peek32(o + HEAD_STATE) != open) return said(STALE);
  if (get32(o + DEQUE_ORDER)) {
    while (true) {
      if (isEmpty(d)) return said(WOULD_BLOCK);
      enter();
      const status = stealNow(d, open);
      leave();
      if (status != RETRY) return said(status);
    }
  }
  if (isEmpty(d)) return said(WOULD_BLOCK);
  enter();
  const got = popNow(d);
  leave();
  return said(got ? OK : WOULD_BLOCK);
}

/** Steals the oldest value: OK (it is in THREAD_VALUE), WOULD_BLOCK (empty), RETRY (another thread was faster) or STALE, in THREAD_STATUS; FINE for OK. */
export function deque_steal(o: usize, open: u32): u32 {
  while (true) {
    enter();
    const status = stealNow(o + DEQUE_PLACE, open);
    leave();
    if (status != WOULD_BLOCK || !publishDead(o)) return said(status);
  }
  return STALE;
}

/** Publishes what a thread had stolen for its deque when it died: whether there was any. */
function publishDead(o: usize): bool {
  const staged = load64(o + DEQUE_STAGED);
  if (staged == 0) return false;
  const owner = load32(o + DEQUE_OWNER);
  if (owner == NOBODY || !isDead(owner)) return false;
  let done = false;
  enter();
  // Nobody owns it meanwhile: nobody else does this, or disposes of it. No identity comes twice.
  if (cas32(o + DEQUE_OWNER, owner, NOBODY) == owner) {
    if (load64(o + DEQUE_STAGED) == staged) {
      store32(o + DEQUE_PLACE + DEQUE_BOTTOM, <u32>staged);
      store64(o + DEQUE_STAGED, 0);
    }
    store32(o + DEQUE_OWNER, owner);
    done = true;
  }
  leave();
  return done;
}

/**
 * Moves about half of what is there, up to `most`, to a deque of the calling thread: how many; 0, and why in THREAD_STATUS: WOULD_BLOCK, RETRY, STALE or
 * NO_MEMORY. With `one`, the first of them in the order of the source goes to THREAD_VALUE instead, and counts. The two deques differ.
 */
export function deque_batch(o: usize, open: u32, to: usize, most: u32, one: u32): u32 {
  const from = o + DEQUE_PLACE;
  const fifo = peek32(o + DEQUE_ORDER) != 0; // constant while the life is that one; if it is no more, no steal succeeds
  let length = lengthOf(from);
  if (length == 0 && publishDead(o)) length = lengthOf(from);
  if (<u32>(load64(from + DEQUE_TOP) >> 32) != open) return nothing(STALE);
  const n = min(most, (length + 1) >> 1);
  if (n == 0) return nothing(WOULD_BLOCK);
  if (n == 1 && one) return deque_steal(o, open) == FINE ? 1 : 0;
  const toFifo = get32(to + DEQUE_ORDER) != 0;
  if (fifo) return takeOldest(from, open, to + DEQUE_PLACE, n, !toFifo, one != 0);
  if (!hasRoomFor(to + DEQUE_PLACE, n)) return nothing(NO_MEMORY);
  return toFifo ? stageSingly(from, open, to, n, one) : takeSingly(from, open, to + DEQUE_PLACE, n, one);
}

/** One value after the other to the bottom of a deque whose owner takes the newest. */
function takeSingly(from: usize, life: u32, to: usize, n: u32, one: u32): u32 {
  const moved = n - one;
  let got: u32 = 0;
  let status: u32 = OK;
  while (got < n) {
    enter();
    status = stealNow(from, life);
    if (status == OK && got < moved) putNow(to, get64(self + THREAD_VALUE));
    leave();
    if (status != OK) break;
    got++;
  }
  if (got == 0) return nothing(status);
  if (one && got < n) {
    // There were fewer: the newest of them is the one, unless it has been stolen from us since.
    if (isEmpty(to)) return nothing(RETRY);
    enter();
    const popped = popNow(to);
    leave();
    if (!popped) return nothing(RETRY);
  }
  set32(self + THREAD_STATUS, OK);
  return got;
}

/** The same for a deque whose owner takes the oldest: the newest of them is to come first. */
function stageSingly(from: usize, life: u32, to: usize, n: u32, one: u32): u32 {
  const bottom = to + DEQUE_PLACE + DEQUE_BOTTOM;
  const ring = get32(to + DEQUE_PLACE + DEQUE_RING);
  const end = get32(bottom);
  let got: u32 = 0;
  let status: u32 = OK;
  while (got < n) {
    enter();
    status = stealNow(from, life);
    if (status == OK) {
      poke64(slotOf(ring, end + got), get64(self + THREAD_VALUE)); // racing with thieves that are too late
      store64(to + DEQUE_STAGED, 1 << 32 | <u64>(end + got + 1));
    }
    leave();
    if (status != OK) break;
    got++;
  }
  if (got == 0) return nothing(status);
  const more = got - one;
  if (one) {
    enter();
    set64(self + THREAD_VALUE, get64(slotOf(ring, end + more)));
    store64(to + DEQUE_STAGED, more == 0 ? 0 : 1 << 32 | <u64>(end + more));
    leave();
  }
  for (let i: u32 = 0; i < more >> 1; i++) {
    const a = slotOf(ring, end + i);
    const b = slotOf(ring, end + more - 1 - i);
    enter();
    const value = get64(a);
    poke64(a, get64(b));
    poke64(b, value);
    leave();
  }
  enter();
  store32(bottom, end + more); // publishes them; pairs with the load in stealNow
  store64(to + DEQUE_STAGED, 0);
  set32(self + THREAD_STATUS, OK);
  leave();
  return got;
}

/** How many values there were at some moment, at most a few wrong while others are at it; -1 if stale. */
export function deque_length(o: usize, open: u32): i32 {
  const d = o + DEQUE_PLACE;
  if (load64(o + DEQUE_STAGED) != 0) publishDead(o);
  const length = lengthOf(d);
  return <u32>(load64(d + DEQUE_TOP) >> 32) == open ? <i32>length : -1;
}

/** Ends the deque, with what is in it: OK, NOT_HELD (its owner is another thread, and alive) or STALE. */
export function deque_dispose(o: usize, open: u32): u32 {
  let tries: u32 = 0;
  while (true) {
    const owner = load32(o + DEQUE_OWNER);
    if ((load32(o + HEAD_STATE) & ~FLAGS_MASK) != open) return STALE;
    if (owner == me()) break;
    if (owner == NOBODY) relax(tries++); // see publishDead
    else if (isDead(owner)) {
      if (cas32(o + DEQUE_OWNER, owner, me()) == owner) break;
    } else if (load32(o + DEQUE_OWNER) == owner) return NOT_HELD;
  }
  store64(o + DEQUE_PLACE + DEQUE_TOP, 0); // from here on thieves are too late
  deque_free(o + DEQUE_PLACE);
  return sync_dispose(o, open);
}
