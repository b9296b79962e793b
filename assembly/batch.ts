// Batches: many values of one channel in one call, by way of the thread's scratch block (SCRATCH_VALUES).
//
// Who may call: any attached thread that has called thread_scratch; `n` is at most BATCH_MAX.
//
// A batch is so many sends or receives one after the other. On a wide ring they are claimed together (see ring-wide.ts), on a narrow
// one each for itself.
//
// Progress: as the rings. A kill leaves a prefix of the batch done.

import { enter, get32, get64, leave, load32, load64, set32, set64 } from "./atomics.ts";
import { channel_settle, exchange, mustSettle, sealEmpty, sealOf, settleNow } from "./channel.ts";
import {
  BATCH_MAX, BUSY, CHANNEL_CAPACITY, CHANNEL_CLOSED, CHANNEL_HEAD, CHANNEL_PARKS, CHANNEL_RECEIVERS, CHANNEL_RECVQ, CHANNEL_SENDERS, CHANNEL_SENDQ, CHANNEL_TAIL,
  CHANNEL_WIDE, CLOSED, FLAGS_MASK, HEAD_STATE, OK, RETRY, SCRATCH_STAGE, SCRATCH_VALUES, STALE, THREAD_SCRATCH, THREAD_STATUS, THREAD_VALUE, WOULD_BLOCK,
} from "./layout.ts";
import { narrow_pop, narrow_push } from "./ring.ts";
import { wide_peekMany, wide_popMany, wide_published, wide_pushMany, wide_room, wide_whyNone } from "./ring-wide.ts";
import { relax, self } from "./thread.ts";

if (SCRATCH_VALUES + BATCH_MAX * 8 > SCRATCH_STAGE) ERROR("the scratch block is too small");
if (SCRATCH_VALUES < CHANNEL_PARKS + 4) ERROR("the place of a channel's lock must stay unused");

/**
 * Sends the first `n` values of the scratch block, as many as there is room for. Returns how many; THREAD_STATUS says OK (all),
 * WOULD_BLOCK, CLOSED or STALE.
 */
export function channel_trySendMany(ch: usize, open: u32, n: u32): u32 {
  const scratch = <usize>get32(self + THREAD_SCRATCH);
  const wide = get32(ch + CHANNEL_WIDE) != 0;
  let values = scratch + SCRATCH_VALUES;
  let sent: u32 = 0;
  let s: u32 = OK;
  while (sent < n) {
    const state = load32(ch + HEAD_STATE);
    if (state != open) {
      if ((state & ~FLAGS_MASK) != open) { s = STALE; break; }
      if (state & CHANNEL_CLOSED) { s = CLOSED; break; }
      if (!settleNow(ch)) { s = BUSY; break; }
      const now = load32(ch + HEAD_STATE);
      if ((now & ~(CHANNEL_SENDERS | CHANNEL_RECEIVERS)) != open) continue;
      if (now & CHANNEL_RECEIVERS && get32(ch + CHANNEL_CAPACITY) == 0) {
        set64(self + THREAD_VALUE, wide ? get64(values) : <u64>get32(values));
        s = exchange(ch, CHANNEL_RECVQ);
        if (s == BUSY) break;
        if (s == OK) { sent++; values += wide ? 8 : 4; }
        s = OK;
        continue;
      }
      if (now & CHANNEL_SENDERS) { s = WOULD_BLOCK; break; }
    }
    let k: u32 = 0;
    if (wide) {
      const tail = load64(ch + CHANNEL_TAIL);
      if (tail >> 32) continue; // closed, and HEAD_STATE says so
      k = wide_room(ch, <u32>tail, n - sent);
      if (k == 0) { s = WOULD_BLOCK; break; }
      enter();
      if (!wide_pushMany(ch, tail, values, k)) {
        leave();
        continue;
      }
      values += <usize>k << 3;
    } else {
      enter();
      s = narrow_push(ch, get32(values));
      if (s != OK) {
        leave();
        if (s == WOULD_BLOCK) break;
        s = OK;
        continue;
      }
      k = 1;
      values += 4;
    }
    const settle = mustSettle(ch, open);
    leave();
    sent += k;
    if (settle) channel_settle(ch);
  }
  set32(self + THREAD_STATUS, s);
  return sent;
}

/**
 * Receives up to `n` values into the scratch block, as many as are there. Returns how many; THREAD_STATUS says why not more: OK (all),
 * WOULD_BLOCK, CLOSED or STALE.
 */
export function channel_tryReceiveMany(ch: usize, open: u32, n: u32): u32 {
  const scratch = <usize>get32(self + THREAD_SCRATCH);
  const wide = get32(ch + CHANNEL_WIDE) != 0;
  let values = scratch + SCRATCH_VALUES;
  let taken: u32 = 0;
  let s: u32 = OK;
  let tries: u32 = 0;
  while (taken < n) {
    let state = load32(ch + HEAD_STATE);
    if (state != open) {
      if ((state & ~FLAGS_MASK) != open) { s = STALE; break; }
      if (state & (CHANNEL_SENDERS | CHANNEL_RECEIVERS)) {
        if (!settleNow(ch)) { s = BUSY; break; }
        state = load32(ch + HEAD_STATE);
        if (state & CHANNEL_SENDERS && get32(ch + CHANNEL_CAPACITY) == 0) {
          s = exchange(ch, CHANNEL_SENDQ);
          if (s == BUSY) break;
          if (s == OK) {
            if (wide) set64(values, get64(self + THREAD_VALUE));
            else set32(values, <u32>get64(self + THREAD_VALUE));
            values += wide ? 8 : 4;
            taken++;
          }
          s = OK;
          continue;
        }
        if ((state & (CHANNEL_RECEIVERS | CHANNEL_CLOSED)) == CHANNEL_RECEIVERS) { s = WOULD_BLOCK; break; }
      }
    }
    let settle = false;
    if (wide) {
      const head = load64(ch + CHANNEL_HEAD);
      const published = wide_published(ch, head, n - taken);
      const k = min(published, n - taken);
      if (k == 0) s = wide_whyNone(ch, head);
      else {
        wide_peekMany(ch, <u32>head, values, k);
        enter();
        s = RETRY;
        if (wide_popMany(ch, head, published, k)) {
          settle = mustSettle(ch, open);
          s = OK;
        }
        leave();
        if (s == OK) {
          values += <usize>k << 3;
          taken += k;
        }
      }
    } else {
      enter();
      const r = narrow_pop(ch, sealOf(state));
      s = <u32>(r >> 32);
      if (s == OK) {
        set32(values, <u32>r);
        settle = mustSettle(ch, open);
      }
      leave();
      if (s == OK) {
        values += 4;
        taken++;
      }
    }
    if (settle) channel_settle(ch);
    if (s == OK) continue;
    state = load32(ch + HEAD_STATE);
    if ((state & ~FLAGS_MASK) != open) { s = STALE; break; }
    if (s == WOULD_BLOCK && state & CHANNEL_CLOSED) s = sealEmpty(ch);
    if (s < <u32>RETRY) break;
    if (s == BUSY && relax(tries++)) break;
    s = OK;
  }
  set32(self + THREAD_STATUS, s);
  return taken;
}
