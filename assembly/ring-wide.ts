// Wide ring: a bounded queue of 64-bit values, many producers, many consumers, one or many values at a time.
//
// Algorithm: tickets in a ring as in D. Vyukov's bounded queue. Three things differ. Positions just count; the ring has room for a lap of them, a
// power of two, and the limit keeps what is in it to the capacity. A receiver reads the value first and claims it after, by one compare-and-swap on the head, as thieves do in
// Chase and Lev's deque; so it gives no cell back: senders see from the head what is free. And a mark says whether it stands for one value
// or for a batch, of which nothing but the first mark and the values are written.
//
//   ┌ tail, limit ┬ head ┬ … ┬ values: u64 × lap ┬ marks: u32 × lap ┬ cells × lap
//   tail    `closed:1 | 0:31 | position:32`
//   limit   u32, up to where the tail may go without a look at the head: some earlier head plus the capacity
//   head    `published:32 | position:32`: the positions from head to published hold values whose marks nobody needs to read
//   mark    `round | MARK_ONE` or `round | MARK_BATCH` once the value of that round is there; round: its position but for the index in the ring
//
// Messages of a fixed size of up to CELL_MAX bytes lie in cells, one for each place of the ring; their values say nothing. Bytes are copied into the
// cell where a value would be written, and out of it where it would be read: before the claim, so they count only if it succeeds.
//
// The mark after that of a batch holds the batch's length, the others of a batch are zeroed: no mark ever says the same twice.
//
// Invariants: head ≤ published ≤ tail ≤ head + capacity. Limit ≤ head + capacity. While head = published, the mark at the head is current.
//
// Progress: claim, write and publish are one killable section, so no kill leaves a cell claimed. Senders are lock-free; receivers wait (BUSY) for
// a sender that the system has stopped inside its section: 32-bit values have the strictly lock-free ring.ts.

import {
  cas32, cas64, copy, copyRacingFrom, get32, load32, load64, peek32, peek64, poke32, set64, store32, zeroRacing,
} from "./atomics.ts";
import {
  BUSY, CHANNEL_CAPACITY, CHANNEL_HEAD, CHANNEL_LAP, CHANNEL_LIMIT, CHANNEL_SLOTS, CHANNEL_TAIL, CHANNEL_WIDE, CLOSED, MARK_BATCH, MARK_BYTES, MARK_COUNT_SHIFT,
  MARK_ONE, OK, RETRY, VALUE_BYTES, WIDE_CELL_SHIFT, WIDE_MESSAGES, WOULD_BLOCK,
} from "./layout.ts";
import { cellBytes, disown, stage } from "./message.ts";

if (VALUE_BYTES != 8 || MARK_BYTES != 4) ERROR("values are shifted by 3, marks by 2");

// @ts-ignore: decorator
@inline function valueAt(ch: usize, index: u32): usize { return ch + (<usize>index << 3) + CHANNEL_SLOTS; }
// @ts-ignore: decorator
@inline function markAt(ch: usize, lap: u32, index: u32): usize { return ch + (<usize>(lap << 1) + <usize>index << 2) + CHANNEL_SLOTS; }

/** Moves the limit if the head has moved: how far the tail can go now. */
// @ts-ignore: decorator
@inline function newLimit(ch: usize, old: u32): u32 {
  const limit = <u32>load64(ch + CHANNEL_HEAD) + get32(ch + CHANNEL_CAPACITY); // pairs with wide_claim: what was read before may be overwritten
  cas32(ch + CHANNEL_LIMIT, old, limit); // not a store: one that comes late must not bring an old limit back
  return limit;
}

/** The cell of that index: behind all marks. */
// @ts-ignore: decorator
@inline function cellAt(ch: usize, lap: u32, index: u32, bytes: u32): usize { return markAt(ch, lap, lap) + <usize>(index * bytes); }

/**
 * One attempt to append a value: OK, WOULD_BLOCK (full), CLOSED or RETRY. `ours`: a message is in the hands of the calling thread. `from` is where
 * the bytes of a cell are; 0: on the stage. No loop, no call; inside a section.
 */
// @ts-ignore: decorator
@inline export function wide_push(ch: usize, v: u64, ours: bool, from: usize): u32 {
  const tail64 = peek64(ch + CHANNEL_TAIL); // validated by the claim
  if (tail64 >> 32) return CLOSED;
  const tail = <u32>tail64;
  const limit = load32(ch + CHANNEL_LIMIT);
  // At the moment of the head's load `capacity` values stood in the ring: the tail cannot have passed its limit.
  if (<i32>(limit - tail) <= 0 && <i32>(newLimit(ch, limit) - tail) <= 0) return WOULD_BLOCK;
  if (cas64(ch + CHANNEL_TAIL, tail64, <u64>(tail + 1)) != tail64) return RETRY;
  const lap = get32(ch + CHANNEL_LAP); // plain: constant since the channel was made
  const index = tail & (lap - 1);
  // plain: ours from the claim until the publish; who still reads here will not get its claim
  const wide = get32(ch + CHANNEL_WIDE);
  if (wide <= <u32>WIDE_MESSAGES) {
    set64(valueAt(ch, index), v);
    if (wide == WIDE_MESSAGES && ours) disown(v); // before others find it: its links are theirs then
  } else copy(cellAt(ch, lap, index, wide >> WIDE_CELL_SHIFT), from != 0 ? from : stage(), wide >> WIDE_CELL_SHIFT);
  store32(markAt(ch, lap, index), tail - index | MARK_ONE); // publishes the value; pairs with the load of the mark in wide_next
  return OK;
}

// A receive, in four steps: the head, as a hint; what the head will be, if there is a value; the value; the claim, which confirms the others. All
// but the first without loop and call, inside a section. Written so, and not as one function, for the value to stay in a register.

// @ts-ignore: decorator
@inline export function wide_head(ch: usize): u64 { return peek64(ch + CHANNEL_HEAD); }

/** The head after a receive; the same head if there is no value: see wide_whyNone. */
// @ts-ignore: decorator
@inline export function wide_next(ch: usize, head64: u64): u64 {
  const head = <u32>head64;
  let published = <u32>(head64 >> 32);
  if (published == head) {
    const lap = get32(ch + CHANNEL_LAP);
    const index = head & (lap - 1);
    const seen = load32(markAt(ch, lap, index));
    if (seen == (head - index | MARK_ONE)) published++;
    else if (seen == (head - index | MARK_BATCH)) published += batchLength(ch, lap, head);
    else return head64;
  } else if (load64(ch + CHANNEL_HEAD) != head64) return head64; // acquires what the claim that moved `published` had seen
  return <u64>published << 32 | <u64>(head + 1);
}

/** The value at the head; where it lies in a cell, 0, and what is in the cell at `to` (0: on the stage). Racing: counts only if the claim succeeds. */
// @ts-ignore: decorator
@inline export function wide_value(ch: usize, head64: u64, to: usize): u64 {
  const lap = get32(ch + CHANNEL_LAP);
  const index = <u32>head64 & (lap - 1);
  const bytes = cellBytes(ch);
  if (bytes == 0) return peek64(valueAt(ch, index));
  copyRacingFrom(to != 0 ? to : stage(), cellAt(ch, lap, index, bytes), bytes);
  return 0;
}

// @ts-ignore: decorator
@inline export function wide_claim(ch: usize, head64: u64, next: u64): bool {
  return cas64(ch + CHANNEL_HEAD, head64, next) == head64;
}

/** Length of the batch that begins at `p`: it stands in the mark after its first. Racing, as the value. */
// @ts-ignore: decorator
@inline function batchLength(ch: usize, lap: u32, p: u32): u32 {
  return peek32(markAt(ch, lap, p + 1 & (lap - 1))) >> MARK_COUNT_SHIFT;
}

// Batches, in two steps: look how many there are (maybe a loop, before the section), then claim and copy (inside the section).

/** For how many of `n` values there is room from `tail` on. */
// @ts-ignore: decorator
@inline export function wide_room(ch: usize, tail: u32, n: u32): u32 {
  let limit = load32(ch + CHANNEL_LIMIT);
  if (<i32>(limit - tail) < <i32>n) limit = newLimit(ch, limit);
  return <u32>max(0, min(<i32>n, <i32>(limit - tail)));
}

/** Sends `k` values, for which there is room, if the tail still stands at `tail64`. No loop, no call; inside a section. */
// @ts-ignore: decorator
@inline export function wide_pushMany(ch: usize, tail64: u64, values: usize, k: u32): bool {
  const tail = <u32>tail64;
  if (cas64(ch + CHANNEL_TAIL, tail64, <u64>(tail + k)) != tail64) return false;
  const lap = get32(ch + CHANNEL_LAP);
  const index = tail & (lap - 1);
  const first = min(k, lap - index); // so many before the end of the ring, the rest at its beginning
  copy(valueAt(ch, index), values, first << 3); // plain: ours from the claim until the publish
  copy(valueAt(ch, 0), values + (<usize>first << 3), (k - first) << 3);
  let kind: u32 = MARK_ONE;
  if (k > 1) {
    kind = MARK_BATCH;
    // Racing with late looks at these marks, by receivers whose claims will fail.
    zeroRacing(markAt(ch, lap, index + 1), (first - 1) << 2);
    zeroRacing(markAt(ch, lap, 0), (k - first) << 2);
    poke32(markAt(ch, lap, tail + 1 & (lap - 1)), k << MARK_COUNT_SHIFT);
  }
  store32(markAt(ch, lap, index), tail - index | kind); // publishes the batch
  return true;
}

/** How many values are published from the head on, at most `n` or a batch more. */
// @ts-ignore: decorator
@inline export function wide_published(ch: usize, head64: u64, n: u32): u32 {
  const lap = get32(ch + CHANNEL_LAP);
  const head = <u32>head64;
  let p = <u32>(head64 >> 32);
  // Racing from the first mark on: counts only if the claim succeeds, which finds the head where it was.
  while (p - head < n) {
    const index = p & (lap - 1);
    const seen = load32(markAt(ch, lap, index));
    if (seen == (p - index | MARK_ONE)) p++;
    else if (seen == (p - index | MARK_BATCH)) p += max(batchLength(ch, lap, p), 1);
    else break;
  }
  return p - head;
}

/** Copies the `k` values at the head to `values`; they count only if wide_popMany succeeds. */
// @ts-ignore: decorator
@inline export function wide_peekMany(ch: usize, head: u32, values: usize, k: u32): void {
  const lap = get32(ch + CHANNEL_LAP);
  const index = head & (lap - 1);
  const first = min(k, lap - index);
  copyRacingFrom(values, valueAt(ch, index), first << 3);
  copyRacingFrom(values + (<usize>first << 3), valueAt(ch, 0), (k - first) << 3);
}

/** Takes the `k` values that have been copied if the head still stands at `head64`. No loop, no call; inside a section. */
// @ts-ignore: decorator
@inline export function wide_popMany(ch: usize, head64: u64, published: u32, k: u32): bool {
  const head = <u32>head64;
  return cas64(ch + CHANNEL_HEAD, head64, <u64>(head + published) << 32 | <u64>(head + k)) == head64;
}

/** Why nothing stands at the head: WOULD_BLOCK (empty), CLOSED (and empty), RETRY or BUSY. */
// @ts-ignore: decorator
@inline export function wide_whyNone(ch: usize, head64: u64): u32 {
  const lap = get32(ch + CHANNEL_LAP);
  const mark = markAt(ch, lap, <u32>head64 & (lap - 1));
  const seen = load32(mark);
  if (load64(ch + CHANNEL_HEAD) != head64) return RETRY;
  const tail = load64(ch + CHANNEL_TAIL);
  // Nothing claimed beyond the head: empty at this moment. Else a sender is inside, or has just been.
  if (<u32>tail == <u32>head64) return tail >> 32 ? CLOSED : WOULD_BLOCK;
  return load32(mark) == seen ? BUSY : RETRY;
}
