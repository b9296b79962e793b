// Injector: an unbounded queue, first in, first out, from which deques are refilled.
//
// Who may call: any attached thread. `open` is the HEAD_STATE that the caller's handle expects. Values are 64 bits.
//
// Algorithm: a chain of segments of SEGMENT_SLOTS values, as the SegQueue and the Injector of crossbeam. A push claims the position at the tail by
// compare-and-swap, writes the value and marks it, in one section. Who claims the last slot of a segment brings the next one: the tail names it from the
// same step on, so there is always room where the tail is, and nobody writes to a segment that may be gone.
//
//   INJECTOR_HEAD, INJECTOR_TAIL: generation:16 | position:28 | segment:20
//
//   head ──► ┌ segment ─ marks 1 1 1 1 ┐ next ──► ┌ segment ─ marks 1 1 0 0 ┐ ◄── tail
//
// Invariants: a position below the tail is marked at once, or after its section. Who takes the last value of a segment has seen its mark, which comes
// after SEGMENT_NEXT, and is the only one who frees it: all others that still look at it fail at their compare-and-swap, for a position does not come
// back to the same segment before 2^28 others, nor a generation before 2^16 others.
//
// Death. A section happens wholly or not at all, so no position stays unmarked. A segment that is brought or freed stands in THREAD_PENDING.
//
// Progress: pushes are lock-free; so is stealing but for a thread that the system has stopped inside its section, of which RETRY tells.

import { arena_allocate, arena_free, arena_put, settled } from "./arena.ts";
import { cas64, enter, leave, load32, load64, peek32, peek64, poke64, set32, set64, store32, store64 } from "./atomics.ts";
import { hasRoomFor, nothing, slotOf } from "./deque.ts";
import {
  DEQUE_BOTTOM, DEQUE_CODEC, DEQUE_ORDER, DEQUE_PLACE, DEQUE_RING, FINE, FLAGS_MASK, HEAD_KIND, HEAD_STATE, INJECTOR_END, INJECTOR_HEAD, INJECTOR_TAIL, KIND_INJECTOR,
  KIND_SEGMENT, NO_MEMORY, OK, RETRY, SEGMENT_BYTES, SEGMENT_MARKS, SEGMENT_NEXT, SEGMENT_SLOTS, SEGMENT_UNIT, SEGMENT_VALUES, STALE, SYNC_BYTES, THREAD_PENDING,
  THREAD_STATUS, THREAD_VALUE, WOULD_BLOCK,
} from "./layout.ts";
import { sync_claim, sync_dispose, sync_made } from "./sync.ts";
import { relax, self } from "./thread.ts";

if (SEGMENT_MARKS + SEGMENT_SLOTS * 4 > SEGMENT_VALUES || SEGMENT_VALUES + SEGMENT_SLOTS * 8 > SEGMENT_BYTES) ERROR("the slots of a segment overlap");
if (INJECTOR_HEAD + 8 > INJECTOR_END || INJECTOR_END + 8 > SYNC_BYTES) ERROR("an injector does not fit its place");

const POSITION_SHIFT: u64 = 20;
const POSITIONS: u32 = 0xfffffff;
const GENERATION_SHIFT: u64 = 48;

// @ts-ignore: decorator
@inline function segmentOf(end: u64): usize { return <usize>(<u32>end & 0xfffff) << SEGMENT_UNIT; }
// @ts-ignore: decorator
@inline function positionOf(end: u64): u32 { return <u32>(end >> POSITION_SHIFT) & POSITIONS; }
// @ts-ignore: decorator
@inline function indexOf(end: u64): u32 { return positionOf(end) & (SEGMENT_SLOTS - 1); }
/** Whether it is an end of the injector with that HEAD_STATE. */
// @ts-ignore: decorator
@inline function isOf(end: u64, open: u32): bool { return segmentOf(end) != 0 && <u32>(end >> GENERATION_SHIFT) == (open >> 8 & 0xffff); }
// @ts-ignore: decorator
@inline function endAt(generation: u64, position: u32, segment: usize): u64 {
  return generation << GENERATION_SHIFT | <u64>(position & POSITIONS) << POSITION_SHIFT | <u64>(segment >> SEGMENT_UNIT);
}
/** The end, so many positions later, in that segment. */
// @ts-ignore: decorator
@inline function later(end: u64, n: u32, segment: usize): u64 { return endAt(end >> GENERATION_SHIFT, positionOf(end) + n, segment); }
// @ts-ignore: decorator
@inline function markAt(segment: usize, index: u32): usize { return segment + SEGMENT_MARKS + (<usize>index << 2); }
// @ts-ignore: decorator
@inline function valueAt(segment: usize, index: u32): usize { return segment + SEGMENT_VALUES + (<usize>index << 3); }

/** A new injector; 0 if the arena is full. */
export function injector_create(codec: u32): usize {
  const o = sync_claim();
  if (o == 0) return 0;
  const open = load32(o + HEAD_STATE);
  const segment = arena_allocate(SEGMENT_BYTES);
  if (segment == 0) {
    sync_dispose(o, open);
    return 0;
  }
  const end = endAt(<u64>(open >> 8 & 0xffff), 0, segment);
  set32(o + DEQUE_CODEC, codec);
  enter();
  store32(segment + HEAD_KIND, KIND_SEGMENT);
  store64(o + INJECTOR_HEAD, end);
  store64(o + INJECTOR_TAIL, end);
  settled();
  leave();
  sync_made(o, KIND_INJECTOR);
  return o;
}

/** Leaves the outcome in THREAD_STATUS; returns FINE for OK. */
// @ts-ignore: decorator
@inline function said(status: u32): u32 {
  set32(self + THREAD_STATUS, status);
  return status == OK ? FINE : status;
}

function push(o: usize, open: u32, v: u64): u32 {
  let spare: usize = 0;
  let status: u32 = OK;
  while (true) {
    const tail = load64(o + INJECTOR_TAIL);
    if (!isOf(tail, open)) {
      status = STALE;
      break;
    }
    const segment = segmentOf(tail);
    const index = indexOf(tail);
    const last = index == SEGMENT_SLOTS - 1;
    if (last && spare == 0) {
      spare = arena_allocate(SEGMENT_BYTES);
      if (spare == 0) {
        status = NO_MEMORY;
        break;
      }
    }
    const next = last ? spare : segment;
    enter();
    const done = cas64(o + INJECTOR_TAIL, tail, later(tail, 1, next)) == tail;
    if (done) {
      if (last) {
        store32(spare + HEAD_KIND, KIND_SEGMENT);
        store32(segment + SEGMENT_NEXT, <u32>spare);
        settled();
        spare = 0;
      }
      poke64(valueAt(segment, index), v); // racing with those that are too late
      store32(markAt(segment, index), 1); // publishes the value, and the next segment; pairs with the look in take
    }
    leave();
    if (done) break;
  }
  if (spare != 0) arena_put(spare); // another thread has been faster
  return status;
}

// Pushes: OK, NO_MEMORY or STALE, in THREAD_STATUS; the result is FINE for OK.
export function injector_push32(o: usize, open: u32, v: i32): u32 { return said(push(o, open, <u32>v)); }
export function injector_pushF32(o: usize, open: u32, v: f32): u32 { return said(push(o, open, reinterpret<u32>(v))); }
export function injector_pushF64(o: usize, open: u32, v: f64): u32 { return said(push(o, open, reinterpret<u64>(v))); }
export function injector_push64(o: usize, open: u32, v: i64): u32 { return said(push(o, open, v)); }

/** Takes the oldest value: OK (it is in THREAD_VALUE), WOULD_BLOCK (empty), RETRY (another thread was faster) or STALE, in THREAD_STATUS; FINE for OK. */
export function injector_steal(o: usize, open: u32): u32 {
  return take(o, open, 0, 1, 1) != 0 ? said(OK) : load32(self + THREAD_STATUS);
}

/** As `deque_batch`: to a deque of the calling thread, about half, up to `most`, and not beyond the end of a segment. */
export function injector_batch(o: usize, open: u32, to: usize, most: u32, one: u32): u32 { return take(o, open, to, most, one); }

function take(o: usize, open: u32, to: usize, most: u32, one: u32): u32 {
  const head = load64(o + INJECTOR_HEAD);
  const tail = load64(o + INJECTOR_TAIL); // after the head: if they are the same, it was empty just then
  if (!isOf(head, open) || !isOf(tail, open)) return nothing(STALE);
  const length = (positionOf(tail) - positionOf(head)) & POSITIONS;
  if (length == 0) return nothing(WOULD_BLOCK);
  const segment = segmentOf(head);
  const index = indexOf(head);
  const limit = min(min(most, (length + 1) >> 1), SEGMENT_SLOTS - index);
  let n: u32 = 0;
  while (n < limit && load32(markAt(segment, index + n)) != 0) n++; // maybe too late: then the compare-and-swap fails
  if (n == 0) return nothing(RETRY); // a push is in its section
  const more = n - one;
  let bottom: usize = 0;
  let end: u32 = 0;
  if (more != 0) {
    const d = to + DEQUE_PLACE;
    if (!hasRoomFor(d, more)) return nothing(NO_MEMORY);
    bottom = d + DEQUE_BOTTOM;
    end = load32(bottom);
    const ring = load32(d + DEQUE_RING);
    const reversed = load32(to + DEQUE_ORDER) == 0;
    // Nobody sees what lies above our bottom.
    for (let i: u32 = 0; i < more; i++) poke64(slotOf(ring, end + (reversed ? more - 1 - i : i)), peek64(valueAt(segment, index + one + i)));
  }
  const value = peek64(valueAt(segment, index));
  const last = index + n == SEGMENT_SLOTS;
  const next = last ? <usize>peek32(segment + SEGMENT_NEXT) : segment;
  enter();
  const done = cas64(o + INJECTOR_HEAD, head, later(head, n, next)) == head;
  if (done) {
    if (more != 0) store32(bottom, end + more);
    if (one) set64(self + THREAD_VALUE, value);
    if (last) set32(self + THREAD_PENDING, <u32>segment); // all of it has been written and taken
  }
  leave();
  if (!done) return nothing(RETRY);
  if (last) arena_free(segment);
  set32(self + THREAD_STATUS, OK);
  return n;
}

/** How many values there were at one moment; -1 if stale. */
export function injector_length(o: usize, open: u32): i32 {
  while (true) {
    const tail = load64(o + INJECTOR_TAIL);
    const head = load64(o + INJECTOR_HEAD);
    if (!isOf(head, open) || !isOf(tail, open)) return -1;
    if (load64(o + INJECTOR_TAIL) == tail) return <i32>((positionOf(tail) - positionOf(head)) & POSITIONS);
  }
  return -1;
}

/** Ends the injector, with what is in it: OK, or STALE (somebody has begun to, whom this helps: it may have died over it). */
export function injector_dispose(o: usize, open: u32): u32 {
  if ((load32(o + HEAD_STATE) & ~FLAGS_MASK) != open) return STALE;
  let mine = false;
  while (!mine) {
    const tail = load64(o + INJECTOR_TAIL);
    if (!isOf(tail, open)) break;
    enter();
    mine = cas64(o + INJECTOR_TAIL, tail, 0) == tail;
    if (mine) store64(o + INJECTOR_END, tail); // nobody pushes after this
    leave();
  }
  let tries: u32 = 0;
  while (true) {
    const head = load64(o + INJECTOR_HEAD);
    if (!isOf(head, open)) break;
    const end = load64(o + INJECTOR_END);
    const segment = segmentOf(head);
    const index = indexOf(head);
    const over = positionOf(head) == positionOf(end);
    // Whose push is still in its section writes to its segment.
    if (!isOf(end, open) || (!over && load32(markAt(segment, index)) == 0)) {
      relax(tries++);
      continue;
    }
    const last = over || index == SEGMENT_SLOTS - 1;
    const next: usize = last ? <usize>peek32(segment + SEGMENT_NEXT) : segment;
    enter();
    const done = cas64(o + INJECTOR_HEAD, head, over ? 0 : later(head, 1, next)) == head;
    if (done && last) set32(self + THREAD_PENDING, <u32>segment);
    leave();
    if (done && last) arena_free(segment);
  }
  sync_dispose(o, open);
  return mine ? OK : STALE;
}
