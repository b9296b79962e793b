// Wide ring: a bounded queue of 64-bit values, many producers, many consumers, one or many values at a time.
//
// Algorithm: D. Vyukov's bounded queue with a sequence per cell, its positions encoded as in crossbeam's array flavour (`lap | index`, see
// ring.ts) so that any capacity works and a closed bit beside the tail stops all senders at once.
//
//   cell      `sequence:32 | unused:32 | value:64`
//   tail      `closed:1 | 0:31 | position:32`
//   sequence  p        free, for position p
//             p + 1    holds the value of position p
//             p + lap  free for the next round
//
// A batch claims k positions at once. Of its cells it writes all but the first with plain copies and publishes the first one last:
// nobody looks at a later cell of the batch before he has seen the first.
//
// Progress: claim, copy and publish are one killable section, so no kill leaves a cell claimed. A thread that the system stops inside
// makes those behind it wait (BUSY): 32-bit values have the strictly lock-free ring.ts.

import { cas32, cas64, copyRacing, get32, get64, load32, load64, peek32, peek64, set32, set64, store32 } from "./atomics.ts";
import {
  BUSY, CELL_BYTES, CELL_VALUE, CHANNEL_CAPACITY, CHANNEL_HEAD, CHANNEL_LAP, CHANNEL_SLOTS, CHANNEL_TAIL, CLOSED, OK, RETRY, WOULD_BLOCK,
} from "./layout.ts";
import { after } from "./ring.ts";

if (CELL_BYTES != 16) ERROR("cells are shifted by 4");

// @ts-ignore: decorator
@inline function cellOf(ch: usize, p: u32, lap: u32): usize { return ch + CHANNEL_SLOTS + (<usize>(p & (lap - 1)) << 4); }

/** Why the cell of `tail` with that sequence cannot be claimed. */
// @ts-ignore: decorator
@inline function pushRefused(ch: usize, tail: u32, sequence: u32, lap: u32): u32 {
  if (<i32>(sequence - tail) > 0) return RETRY; // the tail has moved on
  // The cell holds a value of the round before. Unclaimed, the ring was full when the cell was loaded; else its reader is inside.
  return load32(ch + CHANNEL_HEAD) + lap == tail ? WOULD_BLOCK : BUSY;
}

/** Why the cell of `head` with that sequence cannot be claimed. */
// @ts-ignore: decorator
@inline function popRefused(ch: usize, head: u32, sequence: u32): u32 {
  if (<i32>(sequence - head) > 0) return RETRY; // the value has come, or the head has moved on
  const tail = load64(ch + CHANNEL_TAIL);
  // Nothing claimed beyond the head: empty at this moment. Else the writer of the cell is inside, or even its reader of the round before.
  if (<u32>tail == head) return tail >> 32 ? CLOSED : WOULD_BLOCK;
  return BUSY;
}

/** One attempt to append a value: OK, WOULD_BLOCK (full), CLOSED, RETRY or BUSY. No loop, no call; inside a section. */
// @ts-ignore: decorator
@inline export function wide_push(ch: usize, v: u64): u32 {
  const tail64 = peek64(ch + CHANNEL_TAIL); // validated by the claim
  if (tail64 >> 32) return CLOSED;
  const tail = <u32>tail64;
  const lap = get32(ch + CHANNEL_LAP); // plain: constant since the channel was made
  const cell = cellOf(ch, tail, lap);
  const sequence = load32(cell);
  if (sequence != tail) return pushRefused(ch, tail, sequence, lap);
  if (cas64(ch + CHANNEL_TAIL, tail64, <u64>after(tail, get32(ch + CHANNEL_CAPACITY), lap)) != tail64) return RETRY;
  set64(cell + CELL_VALUE, v); // plain: ours from the claim until the publish
  store32(cell, tail + 1); // publishes the value; pairs with the load of the sequence in wide_pop
  return OK;
}

/**
 * One attempt to claim the oldest value: the address of its cell, or WOULD_BLOCK (empty), CLOSED (and empty), RETRY or BUSY. No loop, no
 * call; inside a section, which wide_take must end.
 */
// @ts-ignore: decorator
@inline export function wide_pop(ch: usize): usize {
  const head = peek32(ch + CHANNEL_HEAD); // validated by the claim
  const lap = get32(ch + CHANNEL_LAP);
  const cell = cellOf(ch, head, lap);
  const sequence = load32(cell);
  if (sequence != head + 1) return popRefused(ch, head, sequence);
  if (cas32(ch + CHANNEL_HEAD, head, after(head, get32(ch + CHANNEL_CAPACITY), lap)) != head) return RETRY;
  return cell;
}

/** The value of a cell claimed by wide_pop, which is free after. */
// @ts-ignore: decorator
@inline export function wide_take(ch: usize, cell: usize): u64 {
  const v = get64(cell + CELL_VALUE); // plain: ours from the claim until the release
  store32(cell, get32(cell) - 1 + get32(ch + CHANNEL_LAP)); // frees the cell; pairs with the load of the sequence in wide_push
  return v;
}

// Batches, in three steps each: count how many positions can be claimed and prepare their cells in `stage` (a loop, before the
// section), claim and copy (inside the section), and the caller's check of the flags.

/** How many of `n` values can be sent from position `tail` on; stages their cells. */
// @ts-ignore: decorator
@inline export function wide_stagePush(ch: usize, tail: u32, stage: usize, values: usize, n: u32): u32 {
  const lap = get32(ch + CHANNEL_LAP);
  const end = ch + CHANNEL_SLOTS + (<usize>get32(ch + CHANNEL_CAPACITY) << 4);
  const stop = values + (<usize>n << 3);
  let cell = cellOf(ch, tail, lap);
  let p = tail;
  let from = values;
  while (from < stop && load32(cell) == p) {
    set32(stage, ++p);
    set64(stage + CELL_VALUE, get64(from));
    stage += CELL_BYTES;
    from += 8;
    cell += CELL_BYTES;
    if (cell == end) {
      cell = ch + CHANNEL_SLOTS;
      p = (p & ~(lap - 1)) + lap;
    }
  }
  return <u32>((from - values) >> 3);
}

/** Sends the `k` staged values if the tail still stands at `tail64`. No loop, no call; inside a section. */
// @ts-ignore: decorator
@inline export function wide_commitPush(ch: usize, tail64: u64, stage: usize, k: u32): bool {
  const tail = <u32>tail64;
  const lap = get32(ch + CHANNEL_LAP);
  const capacity = get32(ch + CHANNEL_CAPACITY);
  const index = tail & (lap - 1);
  const first = min(k, capacity - index);
  const next = index + k < capacity ? tail + k : tail - index + lap + (index + k - capacity);
  if (cas64(ch + CHANNEL_TAIL, tail64, <u64>next) != tail64) return false;
  const cell = cellOf(ch, tail, lap);
  copyRacing(cell + CELL_BYTES, stage + CELL_BYTES, (first - 1) << 4); // plain: ours from the claim until the publish
  copyRacing(ch + CHANNEL_SLOTS, stage + (<usize>first << 4), (k - first) << 4);
  set64(cell + CELL_VALUE, get64(stage + CELL_VALUE));
  store32(cell, tail + 1); // publishes the batch
  return true;
}

/** How many of `n` values can be taken from position `head` on; copies them to `values` and stages their freed cells. */
// @ts-ignore: decorator
@inline export function wide_stagePop(ch: usize, head: u32, stage: usize, values: usize, n: u32): u32 {
  const lap = get32(ch + CHANNEL_LAP);
  const end = ch + CHANNEL_SLOTS + (<usize>get32(ch + CHANNEL_CAPACITY) << 4);
  const stop = values + (<usize>n << 3);
  let cell = cellOf(ch, head, lap);
  let p = head;
  let to = values;
  while (to < stop && load32(cell) == p + 1) {
    set64(to, peek64(cell + CELL_VALUE)); // racing: counts only if the claim succeeds
    set32(stage, p + lap);
    p++;
    stage += CELL_BYTES;
    to += 8;
    cell += CELL_BYTES;
    if (cell == end) {
      cell = ch + CHANNEL_SLOTS;
      p = (p & ~(lap - 1)) + lap;
    }
  }
  return <u32>((to - values) >> 3);
}

/** Takes the `k` staged values if the head still stands at `head`. No loop, no call; inside a section. */
// @ts-ignore: decorator
@inline export function wide_commitPop(ch: usize, head: u32, stage: usize, k: u32): bool {
  const lap = get32(ch + CHANNEL_LAP);
  const capacity = get32(ch + CHANNEL_CAPACITY);
  const index = head & (lap - 1);
  const first = min(k, capacity - index);
  const next = index + k < capacity ? head + k : head - index + lap + (index + k - capacity);
  if (cas32(ch + CHANNEL_HEAD, head, next) != head) return false;
  const cell = cellOf(ch, head, lap);
  copyRacing(cell + CELL_BYTES, stage + CELL_BYTES, (first - 1) << 4);
  copyRacing(ch + CHANNEL_SLOTS, stage + (<usize>first << 4), (k - first) << 4);
  store32(cell, head + lap); // frees the batch
  return true;
}

/** Why nothing could be staged: WOULD_BLOCK, CLOSED, RETRY or BUSY. */
// @ts-ignore: decorator
@inline export function wide_whyNoPush(ch: usize, tail: u32): u32 {
  const lap = get32(ch + CHANNEL_LAP);
  return pushRefused(ch, tail, load32(cellOf(ch, tail, lap)), lap);
}
// @ts-ignore: decorator
@inline export function wide_whyNoPop(ch: usize, head: u32): u32 {
  return popRefused(ch, head, load32(cellOf(ch, head, get32(ch + CHANNEL_LAP))));
}
