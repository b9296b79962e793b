// Pipe: a queue of byte records of any length, for one writer and one reader.
//
// Who may call: reserve, trim and publish: the thread that has claimed the writing side; next and release: the one that has claimed the
// reading side; the others: any attached thread. `open` is the HEAD_STATE that the caller's handle expects.
//
// Algorithm: L. Lamport's ring for one producer and one consumer ("Proving the Correctness of Multiprocess Programs", 1977), where each side
// keeps a copy of the other's index and looks again only if that is not enough, and publishes many records at once (P. Lee, T. Bu,
// G. Chandranmenon, "A Lock-Free, Cache-Efficient Shared Ring Buffer", 2009: MCRingBuffer). A record lies in one piece: where the rest of the
// ring is too small, a mark says so and it begins at the front.
//
//   ┌ header, gates, claims ┬ write, head seen ┬ tail ┬ read, tail seen ┬ head ┬ ring …
//   0                       128                256    384               512    640
//   record  `0:32 | length:32`, then its bytes, up to the next multiple of RECORD_BYTES
//   rows    `row:32 | length:32`, then records of `row` bytes, a multiple of RECORD_BYTES, without headers: many records with one header
//
// Rows are read one by one or as many as there are. If some are released and others are not, those get a header, in the last bytes of the released.
//
// Invariants: head ≤ read ≤ tail ≤ write ≤ head + capacity. A record takes at most half of the ring, so it fits an empty pipe wherever that stands.
//
// Waiting: nobody parks here. Who publishes or releases looks whether the other side waits at its gate (src/gate.ts), and then has the duty
// (DUTY_SIGNAL) to tell it.
//
// Progress: wait-free. A thread that is killed leaves what it had published and what it had not released: no half record is ever seen, and
// who claims its side after it goes on from there.

import { cas32, cas64, enter, get32, leave, load32, load64, or32, peek32, set32, set64, store32, store64 } from "./atomics.ts";
import {
  BUSY, CHANNEL_RECEIVERS, CLOSED, DUTY_SIGNAL, HEAD_STATE, KNOCK, OK, PIPE_CAPACITY, PIPE_CLOSED, PIPE_DATA_GATE, PIPE_DATA_OPEN, PIPE_HEAD, PIPE_HEAD_SEEN, PIPE_LENGTH,
  PIPE_READ, PIPE_READER, PIPE_RING, PIPE_ROOM_GATE, PIPE_ROOM_OPEN, PIPE_ROW, PIPE_ROWS, PIPE_TAIL, PIPE_TAIL_SEEN, PIPE_WRITE, PIPE_WRITER, RECORD_BYTES, RECORD_SKIP, STALE, THREAD_ALIVE, THREAD_REAPING,
  THREAD_STATE, WOULD_BLOCK,
} from "./layout.ts";
import { duty, self } from "./thread.ts";

if (PIPE_DATA_OPEN - PIPE_DATA_GATE != PIPE_ROOM_OPEN - PIPE_ROOM_GATE) ERROR("the words of both gates must lie alike");
if (PIPE_RING % RECORD_BYTES != 0) ERROR("records are aligned");

/** What a record of so many bytes takes. */
// @ts-ignore: decorator
@inline function sizeOf(bytes: u32): u32 { return RECORD_BYTES + (bytes + (RECORD_BYTES - 1) & ~(RECORD_BYTES - 1)); }
// @ts-ignore: decorator
@inline function capacityOf(p: usize): u32 { return get32(p + PIPE_CAPACITY); } // plain: constant since the pipe was made
// @ts-ignore: decorator
@inline function indexOf(position: u32, capacity: u32): u32 { return position < capacity ? position : position - capacity; }
// @ts-ignore: decorator
@inline function after(position: u32, bytes: u32, capacity: u32): u32 {
  const next = position + bytes;
  return next < 2 * capacity ? next : next - 2 * capacity;
}
// @ts-ignore: decorator
@inline function distance(from: u32, to: u32, capacity: u32): u32 { return to >= from ? to - from : to - from + 2 * capacity; }

/** Lays out a new, zeroed block. The gates are channels of capacity 0 that nobody else uses. */
export function pipe_init(p: usize, capacity: u32, data: usize, room: usize): void {
  set32(p + PIPE_CAPACITY, capacity);
  set32(p + PIPE_DATA_GATE, <u32>data);
  set32(p + PIPE_DATA_OPEN, load32(data + HEAD_STATE));
  set32(p + PIPE_ROOM_GATE, <u32>room);
  set32(p + PIPE_ROOM_OPEN, load32(room + HEAD_STATE));
}

/** After a change, in its section: KNOCK if somebody waits at that gate, whom to tell is our duty then; else OK. */
// @ts-ignore: decorator
@inline function knock(p: usize, gate: usize): u32 {
  const g = <usize>get32(p + gate);
  // Dekker with Gate.park in src/gate.ts: we have changed the pipe and look who waits; who waits has raised the flag and looks at the pipe.
  if (!(load32(g + HEAD_STATE) & CHANNEL_RECEIVERS)) return OK;
  duty(DUTY_SIGNAL, g, get32(p + gate + (PIPE_DATA_OPEN - PIPE_DATA_GATE)));
  return KNOCK;
}

// ── Sides ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Makes the calling thread the one that writes (`side` is PIPE_WRITER) or reads (PIPE_READER): OK (also if it was), WOULD_BLOCK (another
 * live thread is), BUSY (a thread is being reaped just now, maybe that one: try again) or STALE.
 */
export function pipe_claim(p: usize, open: u32, side: u32): u32 {
  const mine = load64(self + THREAD_STATE) >> 32 << 32 | <u64>self;
  while (true) {
    if (load32(p + HEAD_STATE) != open) return STALE;
    const holder = load64(p + side);
    if (holder == mine) return OK;
    if (holder != 0) {
      const state = load64(<usize><u32>holder + THREAD_STATE);
      // Until it has been reaped its waiter may stand in a gate's queue, before ours, and be told in our place.
      if (<u8>state == THREAD_REAPING) return BUSY;
      if (<u8>state == THREAD_ALIVE && state >> 32 == holder >> 32) return WOULD_BLOCK;
    }
    enter();
    if (cas64(p + side, holder, mine) == holder) {
      const head = load32(p + PIPE_HEAD);
      if (side == PIPE_WRITER) {
        set32(p + PIPE_WRITE, load32(p + PIPE_TAIL) & ~PIPE_CLOSED);
        set32(p + PIPE_HEAD_SEEN, head);
      } else {
        set32(p + PIPE_READ, head);
        set32(p + PIPE_TAIL_SEEN, head);
        set32(p + PIPE_ROWS, 0);
      }
      leave();
      return OK;
    }
    leave();
  }
  return OK;
}

/** Gives a side up that the calling thread has claimed. */
export function pipe_unclaim(p: usize, open: u32, side: u32): void {
  if (load32(p + HEAD_STATE) == open) store64(p + side, 0);
}

// ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Places a record (`row` is 0), or rows, behind those placed so far: the address of the bytes, or WOULD_BLOCK (no room), CLOSED or STALE. Nobody
 * sees it yet.
 */
export function pipe_reserve(p: usize, open: u32, bytes: u32, row: u32): usize {
  if (peek32(p + HEAD_STATE) != open) return STALE;
  if (peek32(p + PIPE_TAIL) & PIPE_CLOSED) return CLOSED; // a hint: pipe_publish decides
  const capacity = capacityOf(p);
  let write = get32(p + PIPE_WRITE);
  let index = indexOf(write, capacity);
  const size = sizeOf(bytes);
  const skip = capacity - index < size ? capacity - index : 0;
  if (capacity - distance(get32(p + PIPE_HEAD_SEEN), write, capacity) < skip + size) {
    const head = load32(p + PIPE_HEAD); // pairs with pipe_release: what was read before may be overwritten
    set32(p + PIPE_HEAD_SEEN, head);
    // Not the hint from above: who waits for room must see the close that it has not been told of.
    if (capacity - distance(head, write, capacity) < skip + size) return load32(p + PIPE_TAIL) & PIPE_CLOSED ? CLOSED : WOULD_BLOCK;
  }
  // Plain from here: between tail and head the ring is the writer's.
  if (skip != 0) {
    set32(p + PIPE_RING + index, RECORD_SKIP);
    write = after(write, skip, capacity);
    index = 0;
  }
  set64(p + PIPE_RING + index, <u64>row << 32 | <u64>bytes);
  set32(p + PIPE_WRITE, after(write, size, capacity));
  return p + PIPE_RING + index + RECORD_BYTES;
}

/** Shortens the record that was placed last, which has not been published; -1 takes it back. */
export function pipe_trim(p: usize, at: usize, bytes: i32): void {
  const capacity = capacityOf(p);
  const record = at - RECORD_BYTES;
  const start = after(get32(p + PIPE_WRITE), 2 * capacity - sizeOf(get32(record)), capacity);
  if (bytes >= 0) set32(record, bytes);
  set32(p + PIPE_WRITE, bytes < 0 ? start : after(start, sizeOf(bytes), capacity));
}

/** Publishes all records that have been placed: OK, KNOCK, CLOSED (none was, and none will be) or STALE. */
export function pipe_publish(p: usize, open: u32): u32 {
  if (peek32(p + HEAD_STATE) != open) return STALE;
  const tail = peek32(p + PIPE_TAIL) & ~PIPE_CLOSED; // only we and who closes write there
  enter();
  // Publishes the records; pairs with the load in pipe_next. Fails only if the pipe has been closed.
  if (cas32(p + PIPE_TAIL, tail, get32(p + PIPE_WRITE)) != tail) {
    leave();
    return CLOSED;
  }
  const told = knock(p, PIPE_DATA_GATE);
  leave();
  return told;
}

// ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The next record, or if `whole` the next rows, as many as lie together: the address of the bytes, with PIPE_LENGTH and PIPE_ROW set; or WOULD_BLOCK
 * (none), CLOSED (and no more) or STALE.
 */
export function pipe_next(p: usize, open: u32, whole: u32): usize {
  if (peek32(p + HEAD_STATE) != open) return STALE;
  const capacity = capacityOf(p);
  let read = get32(p + PIPE_READ);
  let bytes = get32(p + PIPE_ROWS);
  if (bytes == 0) {
    let tail = get32(p + PIPE_TAIL_SEEN);
    while (true) {
      if ((tail & ~PIPE_CLOSED) == read) {
        tail = load32(p + PIPE_TAIL); // pairs with pipe_publish
        set32(p + PIPE_TAIL_SEEN, tail);
        if ((tail & ~PIPE_CLOSED) == read) return tail & PIPE_CLOSED ? CLOSED : WOULD_BLOCK;
      }
      // Plain: between head and tail the ring is the reader's.
      const index = indexOf(read, capacity);
      bytes = get32(p + PIPE_RING + index);
      if (bytes != RECORD_SKIP) break;
      read = after(read, capacity - index, capacity);
      set32(p + PIPE_READ, read);
    }
    const row = get32(p + PIPE_RING + indexOf(read, capacity) + 4);
    if (row == 0) {
      set32(p + PIPE_LENGTH, bytes);
      set32(p + PIPE_ROW, bytes);
      set32(p + PIPE_READ, after(read, sizeOf(bytes), capacity));
      return p + PIPE_RING + indexOf(read, capacity) + RECORD_BYTES;
    }
    set32(p + PIPE_ROW, row);
  }
  // While rows are left, the position is RECORD_BYTES before the next one: there its header would be.
  const taken = whole ? bytes : get32(p + PIPE_ROW);
  set32(p + PIPE_LENGTH, taken);
  set32(p + PIPE_ROWS, bytes - taken);
  set32(p + PIPE_READ, after(read, taken == bytes ? taken + RECORD_BYTES : taken, capacity));
  return p + PIPE_RING + indexOf(read, capacity) + RECORD_BYTES;
}

/** Gives the writer the room of all records that have been read: OK, KNOCK or STALE. */
export function pipe_release(p: usize, open: u32): u32 {
  if (peek32(p + HEAD_STATE) != open) return STALE;
  const read = get32(p + PIPE_READ);
  const rows = get32(p + PIPE_ROWS);
  // Before the head moves: then it is always at a header, for whoever claims this side next.
  if (rows != 0) set64(p + PIPE_RING + indexOf(read, capacityOf(p)), <u64>get32(p + PIPE_ROW) << 32 | <u64>rows);
  enter();
  store32(p + PIPE_HEAD, read); // pairs with the load in pipe_reserve
  const told = knock(p, PIPE_ROOM_GATE);
  leave();
  return told;
}

// ── Any thread ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** Ends the pipe after what has been published: OK or KNOCK (both gates are to be told), CLOSED (it was) or STALE. */
export function pipe_close(p: usize, open: u32): u32 {
  if (load32(p + HEAD_STATE) != open) return STALE;
  enter();
  if (or32(p + PIPE_TAIL, PIPE_CLOSED) & PIPE_CLOSED) {
    leave();
    return CLOSED;
  }
  // A writer that waits depends on this only while the reader does not: else the reader makes room, and it finds out.
  let told = knock(p, PIPE_DATA_GATE);
  if (told == OK) told = knock(p, PIPE_ROOM_GATE);
  leave();
  return told;
}

/** `bytes << 1 | closed` of what is in the ring, published and not released, at one moment during the call; -1 if stale. */
export function pipe_state(p: usize, open: u32): i32 {
  if (load32(p + HEAD_STATE) != open) return -1;
  while (true) {
    const head = load32(p + PIPE_HEAD);
    const tail = load32(p + PIPE_TAIL);
    if (load32(p + PIPE_HEAD) == head) return distance(head, tail & ~PIPE_CLOSED, capacityOf(p)) << 1 | tail & PIPE_CLOSED;
  }
  return -1;
}
