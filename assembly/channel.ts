// Channel: a bounded queue with a closed state and two queues of parked waiters.
//
// Who may call: any attached thread. `open` is the HEAD_STATE that the caller's handle expects: its generation and no flag.
//
// Algorithm: the fast paths work on the ring alone. They read HEAD_STATE before (open, not stale, nobody waits) and after (nobody has
// come to wait meanwhile): one word, one comparison. Where the word differs, the slow path calls channel_settle, which under the lock
// matches what is in the ring with who waits: it hands the oldest value to the oldest parked receiver, moves the value of the oldest
// parked sender into the ring, and tells everybody when the channel is closed. Any thread can do it for any other.
//
//   ┌ header: kind, state, capacity … ┬ tail ┬ head ┬ lock, queues ┬ slots …
//   0                                 128    256    384            512
//
// Invariants: who is in a queue is WAITING. After channel_settle returns, no receiver is parked that could have had a value which
// was in the ring when it was called, and no sender that could have had room.
//
// Progress: fast paths as their ring. The lock is held only inside killable sections. A thread killed between its change of the ring
// and channel_settle has noted DUTY_SETTLE, and any later operation on the channel settles too.

import { arena_allocate, arena_free, settled } from "./arena.ts";
import {
  add32, cas32, enter, get32, get64, leave, load32, load64, or32, or64, peek32, set32, set64, store32, store64,
} from "./atomics.ts";
import {
  ARENA, ARENA_EPOCH, BUSY, CHANNEL_CAPACITY, CHANNEL_CLOSED, CHANNEL_CODEC, CHANNEL_DISPOSED, CHANNEL_HEAD, CHANNEL_LAP, CHANNEL_LIMIT, CHANNEL_LOCK, CHANNEL_MARKS,
  CHANNEL_RECEIVERS, CHANNEL_RECVQ, CHANNEL_SENDERS, CHANNEL_SENDQ, CHANNEL_SLOTS, CHANNEL_TAIL, CHANNEL_WIDE, CLOSED, DUTY_DISPOSE,
  DUTY_SETTLE, FINE, FLAGS_MASK, GENERATION, HEAD_KIND, HEAD_STATE, KIND_CHANNEL, MARK_BYTES, MAX_CAPACITY, NO_MEMORY, OK, QUEUE_FIRST, RETRY,
  SLOT_BYTES, SLOT_SEALED, STALE, THREAD_PENDING, THREAD_STATUS, THREAD_VALUE, TOLD, VALUE_BYTES, WAITER_VALUE, WOULD_BLOCK,
} from "./layout.ts";
import { narrow_pop, narrow_push, narrow_seal } from "./ring.ts";
import { wide_pop, wide_push } from "./ring-wide.ts";
import { duty, dutyDone, relax, self } from "./thread.ts";
import { append, complete, ring, waiter_create, waiter_release } from "./waiter.ts";

const IDLE: u32 = 0;
const AGAIN: u32 = 1;
const HELD: u32 = 2; // another thread is inside its section

/** A new channel; 0 if the arena is full. */
export function channel_create(capacity: u32, wide: u32, codec: u32): usize {
  if (capacity == 0 || capacity > <u32>MAX_CAPACITY) return 0;
  // A power of two: above the capacity in a narrow ring; in a wide one not below it, and at least 4 for the two bits of its marks.
  const lap = wide ? max(4, 1 << (32 - <u32>clz<u32>(capacity - 1))) : 1 << (32 - <u32>clz<u32>(capacity));
  const bytes: u64 = CHANNEL_SLOTS + (wide ? <u64>lap * (VALUE_BYTES + MARK_BYTES) : <u64>capacity * SLOT_BYTES);
  if (bytes > 1 << 30) return 0;
  const ch = arena_allocate(<u32>bytes);
  if (ch == 0) return 0;
  set32(ch + CHANNEL_CAPACITY, capacity);
  set32(ch + CHANNEL_LAP, lap);
  set32(ch + CHANNEL_WIDE, wide);
  set32(ch + CHANNEL_CODEC, codec);
  // Positions start somewhere else each time, so that an operation still in flight on a channel that was in this block before finds
  // no sequence that it expects, and fails (as surely as the lap's bits are many).
  const start = (add32(ARENA + ARENA_EPOCH, 1) + 1) * 0x9e3779b1 & ~(lap - 1);
  if (wide) {
    store64(ch + CHANNEL_TAIL, start);
    store32(ch + CHANNEL_LIMIT, start + capacity);
    set32(ch + CHANNEL_MARKS, <u32>ch + CHANNEL_SLOTS + lap * VALUE_BYTES);
    store64(ch + CHANNEL_HEAD, <u64>start << 32 | <u64>start);
  } else {
    // The sequence of a free slot is its position.
    for (let i: u32 = 0; i < capacity; i++) set64(ch + CHANNEL_SLOTS + (<usize>i << 3), <u64>(start + i) << 32);
    store32(ch + CHANNEL_TAIL, start);
    store32(ch + CHANNEL_HEAD, start);
  }
  enter();
  store32(ch + HEAD_KIND, KIND_CHANNEL);
  settled();
  leave();
  return ch;
}

// @ts-ignore: decorator
@inline function status(s: u32): void { set32(self + THREAD_STATUS, s); }

/** Leaves a status in THREAD_STATUS; returns FINE for OK. */
// @ts-ignore: decorator
@inline function said(s: u32): u32 {
  status(s);
  return s == OK ? FINE : s;
}

/** One attempt to send, whichever ring. Inside a section. */
// @ts-ignore: decorator
@inline function push(ch: usize, v: u64): u32 {
  return get32(ch + CHANNEL_WIDE) ? wide_push(ch, v) : narrow_push(ch, <u32>v);
}

/** What a slot that is freed in that state holds. */
// @ts-ignore: decorator
@inline export function sealOf(state: u32): u32 { return state & CHANNEL_CLOSED ? SLOT_SEALED : 0; }

/** One attempt to receive, whichever ring: the status; the value stands in THREAD_VALUE. Inside a section. */
// @ts-ignore: decorator
@inline function pop(ch: usize, state: u32): u32 {
  if (get32(ch + CHANNEL_WIDE)) return wide_pop(ch);
  const r = narrow_pop(ch, sealOf(state));
  set64(self + THREAD_VALUE, r);
  return <u32>(r >> 32);
}

/** What to make of an empty ring when the channel is closed: CLOSED, or RETRY or BUSY. No loop, no call. */
// @ts-ignore: decorator
@inline export function sealEmpty(ch: usize): u32 {
  // A wide ring is sealed by the closed bit of its tail and says CLOSED by itself, as soon as the closer has set the bit.
  return get32(ch + CHANNEL_WIDE) ? BUSY : narrow_seal(ch);
}

/** Outcome for waiters of a channel in that state. */
// @ts-ignore: decorator
@inline function ended(state: u32): u32 { return state & CHANNEL_DISPOSED ? STALE : CLOSED; }

/** One match under the lock, which the caller has just taken, and the release of the lock. No loop, no call; inside a section. */
// @ts-ignore: decorator
@inline function matchOne(ch: usize): u32 {
  const state = load32(ch + HEAD_STATE);
  const receiver = <usize>get32(ch + CHANNEL_RECVQ + QUEUE_FIRST); // plain: under the lock
  const sender = <usize>get32(ch + CHANNEL_SENDQ + QUEUE_FIRST);
  let bell: usize = 0;
  let result = IDLE;
  if (receiver != 0) {
    let s = state & CHANNEL_DISPOSED ? CLOSED : pop(ch, state);
    if (s == WOULD_BLOCK && state & CHANNEL_CLOSED) s = sealEmpty(ch);
    if (s == OK) {
      set64(receiver + WAITER_VALUE, get64(self + THREAD_VALUE));
      bell = complete(receiver, OK);
    } else if (s == CLOSED) bell = complete(receiver, ended(state));
    if (s != WOULD_BLOCK) result = s == BUSY ? HELD : AGAIN;
  }
  if (sender != 0 && result == IDLE) {
    const s = state & CHANNEL_CLOSED ? CLOSED : push(ch, get64(sender + WAITER_VALUE));
    if (s == OK) bell = complete(sender, OK);
    else if (s == CLOSED) bell = complete(sender, ended(load32(ch + HEAD_STATE)));
    if (s != WOULD_BLOCK) result = s == BUSY ? HELD : AGAIN;
  }
  store32(ch + CHANNEL_LOCK, 0);
  ring(bell);
  return result;
}

/** Matches the ring with those who wait, until nothing is left to match. `kind` is the duty that this fulfils. */
function match(ch: usize, kind: u32): void {
  duty(kind, ch, 0);
  let tries: u32 = 0;
  while (true) {
    enter();
    if (cas32(ch + CHANNEL_LOCK, 0, <u32>self) != 0) {
      leave();
      relax(tries++);
      continue;
    }
    const result = matchOne(ch);
    if (result == IDLE) break;
    leave();
    if (result == HELD) relax(tries++);
  }
  // In the section of the last look: from one duty to the next.
  if (kind == DUTY_DISPOSE) set32(self + THREAD_PENDING, <u32>ch);
  dutyDone();
  leave();
}

/** Matches the ring with those who wait, until nothing is left to match. */
export function channel_settle(ch: usize): void {
  match(ch, DUTY_SETTLE);
}

// ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** After a change of the ring, inside the section that made it: true if somebody waits, and then settling is noted as our duty. */
// @ts-ignore: decorator
@inline export function mustSettle(ch: usize, open: u32): bool {
  // Dekker with append in waiter.ts: we have changed the ring and look for waiters.
  if (load32(ch + HEAD_STATE) == open) return false;
  duty(DUTY_SETTLE, ch, 0);
  return true;
}

/** Settles after a successful operation. */
function told(ch: usize): u32 {
  channel_settle(ch);
  return TOLD;
}

/** Sends when the channel is closed or stale, or others wait. */
function sendSlow(ch: usize, open: u32, v: u64): u32 {
  let tries: u32 = 0;
  while (true) {
    let state = load32(ch + HEAD_STATE);
    if ((state & ~FLAGS_MASK) != open) return STALE;
    if (state & CHANNEL_CLOSED) return CLOSED;
    if (state & (CHANNEL_SENDERS | CHANNEL_RECEIVERS)) channel_settle(ch);
    // Others were here before us, and had no room a moment ago: the channel is full.
    if (load32(ch + HEAD_STATE) & CHANNEL_SENDERS) return WOULD_BLOCK;
    enter();
    const s = push(ch, v);
    if (s == OK) {
      const settle = mustSettle(ch, open);
      leave();
      return settle ? told(ch) : OK;
    }
    leave();
    if (s == WOULD_BLOCK) return s; // CLOSED is for the state to say, or STALE
    if (s == BUSY) relax(tries++);
  }
  return OK;
}

// Sending without waiting: OK or TOLD, WOULD_BLOCK, CLOSED or STALE, in THREAD_STATUS; the result is FINE for OK. One attempt here; who meets others
// goes to sendSlow.

export function channel_trySend32(ch: usize, open: u32, v: i32): u32 {
  // A hint: what matters is checked by the ring (closed), by mustSettle (waiters) or by sendSlow (stale).
  if (peek32(ch + HEAD_STATE) == open) {
    enter();
    const s = narrow_push(ch, v);
    if (s == OK) {
      const settle = mustSettle(ch, open);
      leave();
      return said(settle ? told(ch) : OK);
    }
    leave();
    if (s == WOULD_BLOCK) return said(s);
  }
  return said(sendSlow(ch, open, <u32>v));
}

export function channel_trySendF64(ch: usize, open: u32, v: f64): u32 {
  if (peek32(ch + HEAD_STATE) == open) {
    enter();
    const s = wide_push(ch, reinterpret<u64>(v));
    if (s == OK) {
      const settle = mustSettle(ch, open);
      leave();
      return said(settle ? told(ch) : OK);
    }
    leave();
    if (s == WOULD_BLOCK) return said(s);
  }
  return said(sendSlow(ch, open, reinterpret<u64>(v)));
}

export function channel_trySendF32(ch: usize, open: u32, v: f32): u32 { return channel_trySend32(ch, open, reinterpret<i32>(v)); }
export function channel_trySend64(ch: usize, open: u32, v: i64): u32 { return channel_trySendF64(ch, open, reinterpret<f64>(v)); }

// ── Receiving ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Receives when the channel is closed or stale, or others wait: the outcome to THREAD_STATUS, a value to THREAD_VALUE. */
function receiveSlow(ch: usize, open: u32): void {
  let tries: u32 = 0;
  while (true) {
    let state = load32(ch + HEAD_STATE);
    if ((state & ~FLAGS_MASK) != open) return status(STALE);
    if (state & (CHANNEL_SENDERS | CHANNEL_RECEIVERS)) {
      channel_settle(ch);
      state = load32(ch + HEAD_STATE);
      // Others were here before us, and found nothing a moment ago: the channel is empty.
      if ((state & (CHANNEL_RECEIVERS | CHANNEL_CLOSED)) == CHANNEL_RECEIVERS) return status(WOULD_BLOCK);
    }
    enter();
    let s = pop(ch, state);
    if (s == OK) {
      const settle = mustSettle(ch, open | (state & CHANNEL_CLOSED));
      leave();
      if (settle) toldValue(ch, get64(self + THREAD_VALUE));
      return status(OK);
    }
    leave();
    // Read again: the ring may have been closed and drained since.
    state = load32(ch + HEAD_STATE);
    if ((state & ~FLAGS_MASK) != open) return status(STALE);
    if (s == WOULD_BLOCK && state & CHANNEL_CLOSED) s = sealEmpty(ch);
    if (s < <u32>RETRY) return status(s);
    if (s == BUSY) relax(tries++);
  }
}

/** Settles after a receive, and then notes the value, whose place the settling uses too. */
function toldValue(ch: usize, v: u64): void {
  channel_settle(ch);
  set64(self + THREAD_VALUE, v);
  status(OK);
}

// Receiving without waiting: the value itself, as a number; or NaN, and THREAD_STATUS says why: OK (waiters have been told, or the value looks like
// NaN: it is in THREAD_VALUE), WOULD_BLOCK, CLOSED (and empty) or STALE. One attempt here; who meets others goes to receiveSlow.

/** From a ring of 32-bit values: their bits as u32. */
export function channel_take32(ch: usize, open: u32): f64 {
  if (peek32(ch + HEAD_STATE) == open) {
    enter();
    const r = narrow_pop(ch, 0);
    if (r >> 32 == OK) {
      const settle = mustSettle(ch, open);
      leave();
      if (settle) {
        toldValue(ch, r);
        return NaN;
      }
      set64(self + THREAD_VALUE, r);
      status(OK);
      return <f64><u32>r;
    }
    leave();
    // Empty is an answer only while the channel is open and nobody waits.
    if (r >> 32 == WOULD_BLOCK && load32(ch + HEAD_STATE) == open) {
      status(WOULD_BLOCK);
      return NaN;
    }
  }
  receiveSlow(ch, open);
  return NaN;
}

/** From a ring of 64-bit values: their bits as f64. */
export function channel_take64(ch: usize, open: u32): f64 {
  if (peek32(ch + HEAD_STATE) == open) {
    enter();
    const s = wide_pop(ch);
    const v = get64(self + THREAD_VALUE);
    if (s == OK) {
      const settle = mustSettle(ch, open);
      leave();
      if (settle) {
        toldValue(ch, v);
        return NaN;
      }
      status(OK);
      return reinterpret<f64>(v);
    }
    leave();
    if (s == WOULD_BLOCK && load32(ch + HEAD_STATE) == open) {
      status(WOULD_BLOCK);
      return NaN;
    }
  }
  receiveSlow(ch, open);
  return NaN;
}

// ── Waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function park(ch: usize, open: u32, queue: usize, token: u32, v: u64): usize {
  const w = waiter_create(ch, queue, token, v);
  if (w == 0) return NO_MEMORY;
  let tries: u32 = 0;
  while (true) {
    enter();
    if (cas32(ch + CHANNEL_LOCK, 0, <u32>self) == 0) break;
    leave();
    relax(tries++);
  }
  if ((load32(ch + HEAD_STATE) & ~FLAGS_MASK) != open) {
    store32(ch + CHANNEL_LOCK, 0);
    leave();
    waiter_release(w);
    return STALE;
  }
  append(w);
  duty(DUTY_SETTLE, ch, 0);
  store32(ch + CHANNEL_LOCK, 0);
  leave();
  // The second half of the Dekker pair in append: now look at the ring.
  channel_settle(ch);
  return w;
}

// Queues up to send or receive: the address of the waiter, which may be DONE already, or NO_MEMORY or STALE. `token` is TOKEN_BLOCKING
// (then waiter_wait), or any other number (then thread_nextReady returns the waiter).
export function channel_parkReceive(ch: usize, open: u32, token: u32): usize { return park(ch, open, CHANNEL_RECVQ, token, 0); }
export function channel_parkSend32(ch: usize, open: u32, token: u32, v: i32): usize { return park(ch, open, CHANNEL_SENDQ, token, <u32>v); }
export function channel_parkSendF32(ch: usize, open: u32, token: u32, v: f32): usize { return park(ch, open, CHANNEL_SENDQ, token, reinterpret<u32>(v)); }
export function channel_parkSendF64(ch: usize, open: u32, token: u32, v: f64): usize { return park(ch, open, CHANNEL_SENDQ, token, reinterpret<u64>(v)); }
export function channel_parkSend64(ch: usize, open: u32, token: u32, v: i64): usize { return park(ch, open, CHANNEL_SENDQ, token, v); }

// ── Closing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Raises the flags under the lock, with `bump` a new generation too: OK, or CLOSED or STALE if that has been done before. */
// @ts-ignore: decorator
@inline function end(ch: usize, open: u32, flags: u32, kind: u32): u32 {
  let tries: u32 = 0;
  while (true) {
    enter();
    if (cas32(ch + CHANNEL_LOCK, 0, <u32>self) == 0) break;
    leave();
    relax(tries++);
  }
  const state = load32(ch + HEAD_STATE);
  let result: u32 = OK;
  if ((state & ~FLAGS_MASK) != open) result = STALE;
  else if (state & flags & CHANNEL_CLOSED && !(flags & CHANNEL_DISPOSED)) result = CLOSED;
  else {
    // The state first: who finds the tail closed looks there for the reason.
    if (flags & CHANNEL_DISPOSED) store32(ch + HEAD_STATE, (state | flags) + GENERATION);
    else or32(ch + HEAD_STATE, flags);
    if (get32(ch + CHANNEL_WIDE)) or64(ch + CHANNEL_TAIL, 1 << 63);
    duty(kind, ch, 0);
  }
  store32(ch + CHANNEL_LOCK, 0);
  leave();
  return result;
}

/** Closes the channel and tells all who wait: OK, CLOSED (it was) or STALE. */
export function channel_close(ch: usize, open: u32): u32 {
  const result = end(ch, open, CHANNEL_CLOSED, DUTY_SETTLE);
  if (result == OK) channel_settle(ch);
  return result;
}

/** Makes all handles stale, tells all who wait, frees the memory: OK, or STALE (it was done before). */
export function channel_dispose(ch: usize, open: u32): u32 {
  const result = end(ch, open, CHANNEL_CLOSED | CHANNEL_DISPOSED, DUTY_DISPOSE);
  if (result == OK) channel_finishDispose(ch);
  return result;
}

/** The rest of channel_dispose, which a reaper may have to do. */
export function channel_finishDispose(ch: usize): void {
  match(ch, DUTY_DISPOSE);
  arena_free(ch);
}

// ── Looking ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Messages in the ring, at one moment during the call; -1 if stale. */
export function channel_length(ch: usize, open: u32): i32 {
  if ((load32(ch + HEAD_STATE) & ~FLAGS_MASK) != open) return -1;
  if (get32(ch + CHANNEL_WIDE)) {
    while (true) {
      const head = load64(ch + CHANNEL_HEAD);
      const tail = load64(ch + CHANNEL_TAIL);
      if (load64(ch + CHANNEL_HEAD) == head) return <u32>tail - <u32>head;
    }
  }
  const lap = get32(ch + CHANNEL_LAP);
  const capacity = get32(ch + CHANNEL_CAPACITY);
  while (true) {
    const head = load32(ch + CHANNEL_HEAD);
    const tail = load32(ch + CHANNEL_TAIL);
    if (load32(ch + CHANNEL_HEAD) != head) continue;
    const laps = <i32>((tail & ~(lap - 1)) - (head & ~(lap - 1))) >> (31 - <i32>clz<u32>(lap));
    const length = laps * <i32>capacity + <i32>(tail & (lap - 1)) - <i32>(head & (lap - 1));
    // The indexes may lag behind the slots, by others' unfinished operations.
    return max(0, min(length, <i32>capacity));
  }
  return 0;
}

/** HEAD_STATE's flags; -1 if stale. */
export function channel_flags(ch: usize, open: u32): i32 {
  const state = load32(ch + HEAD_STATE);
  return (state & ~FLAGS_MASK) == open ? <i32>(state & FLAGS_MASK) : -1;
}
