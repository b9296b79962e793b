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
import { cas32, enter, get32, get64, leave, load32, or32, or64, set32, set64, store32 } from "./atomics.ts";
import {
  BUSY, CELL_BYTES, CHANNEL_CAPACITY, CHANNEL_CLOSED, CHANNEL_CODEC, CHANNEL_DISPOSED, CHANNEL_HEAD, CHANNEL_LAP, CHANNEL_LOCK,
  CHANNEL_RECEIVERS, CHANNEL_RECVQ, CHANNEL_SENDERS, CHANNEL_SENDQ, CHANNEL_SLOTS, CHANNEL_TAIL, CHANNEL_WIDE, CLOSED, DUTY_DISPOSE,
  DUTY_SETTLE, FLAGS_MASK, GENERATION, HEAD_KIND, HEAD_STATE, KIND_CHANNEL, MAX_CAPACITY, MISS, NO_MEMORY, OK, QUEUE_FIRST, RETRY,
  SLOT_BYTES, STALE, THREAD_PENDING, THREAD_STATUS, WAITER_VALUE, WOULD_BLOCK,
} from "./layout.ts";
import { narrow_pop, narrow_push, narrow_seal } from "./ring.ts";
import { wide_pop, wide_push, wide_take } from "./ring-wide.ts";
import { duty, dutyDone, relax, self } from "./thread.ts";
import { append, complete, ring, waiter_create, waiter_release } from "./waiter.ts";

/** Value of the last receive of this instance. Not shared state. */
let received: u64 = 0;

const IDLE: u32 = 0;
const AGAIN: u32 = 1;

/** A new channel; 0 if the arena is full. */
export function channel_create(capacity: u32, wide: u32, codec: u32): usize {
  if (capacity == 0 || capacity > <u32>MAX_CAPACITY) return 0;
  const each: u64 = wide ? CELL_BYTES : SLOT_BYTES;
  const bytes = CHANNEL_SLOTS + <u64>capacity * each;
  if (bytes > 1 << 30) return 0;
  const ch = arena_allocate(<u32>bytes);
  if (ch == 0) return 0;
  set32(ch + CHANNEL_CAPACITY, capacity);
  set32(ch + CHANNEL_LAP, 1 << (32 - <u32>clz<u32>(capacity)));
  set32(ch + CHANNEL_WIDE, wide);
  set32(ch + CHANNEL_CODEC, codec);
  // The sequence of a free slot is its index.
  for (let i: u32 = 0; i < capacity; i++) {
    if (wide) set32(ch + CHANNEL_SLOTS + (<usize>i << 4), i);
    else set64(ch + CHANNEL_SLOTS + (<usize>i << 3), <u64>i << 32);
  }
  enter();
  store32(ch + HEAD_KIND, KIND_CHANNEL);
  settled();
  leave();
  return ch;
}

// @ts-ignore: decorator
@inline function status(s: u32): void { set32(self + THREAD_STATUS, s); }

/** One attempt to send, whichever ring. Inside a section. */
// @ts-ignore: decorator
@inline function push(ch: usize, v: u64): u32 {
  return get32(ch + CHANNEL_WIDE) ? wide_push(ch, v) : narrow_push(ch, <u32>v);
}

/** One attempt to receive, whichever ring: the status; the value stands in `received`. Inside a section. */
// @ts-ignore: decorator
@inline function pop(ch: usize): u32 {
  if (get32(ch + CHANNEL_WIDE)) {
    const cell = wide_pop(ch);
    if (cell <= <usize>BUSY) return <u32>cell;
    received = wide_take(ch, cell);
    return OK;
  }
  const r = narrow_pop(ch);
  received = r;
  return <u32>(r >> 32);
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
    let s = state & CHANNEL_DISPOSED ? CLOSED : pop(ch);
    if (s == WOULD_BLOCK && state & CHANNEL_CLOSED) s = narrow_seal(ch); // a wide ring says CLOSED itself
    if (s == OK) {
      set64(receiver + WAITER_VALUE, received);
      bell = complete(receiver, OK);
    } else if (s == CLOSED) bell = complete(receiver, ended(state));
    if (s != WOULD_BLOCK) result = AGAIN;
  }
  if (sender != 0 && result == IDLE) {
    const s = state & CHANNEL_CLOSED ? CLOSED : push(ch, get64(sender + WAITER_VALUE));
    if (s == OK) bell = complete(sender, OK);
    else if (s == CLOSED) bell = complete(sender, ended(load32(ch + HEAD_STATE)));
    if (s != WOULD_BLOCK) result = AGAIN;
  }
  store32(ch + CHANNEL_LOCK, 0);
  ring(bell);
  return result;
}

/** Matches the ring with those who wait, until nothing is left to match. */
export function channel_settle(ch: usize): void {
  duty(DUTY_SETTLE, ch, 0);
  let tries: u32 = 0;
  while (true) {
    enter();
    if (cas32(ch + CHANNEL_LOCK, 0, <u32>self) != 0) {
      leave();
      relax(tries++);
      continue;
    }
    if (matchOne(ch) == IDLE) break;
    leave();
  }
  dutyDone();
  leave();
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
      if (settle) channel_settle(ch);
      return OK;
    }
    leave();
    if (s < <u32>RETRY) return s;
    if (s == BUSY) relax(tries++);
  }
  return OK;
}

// @ts-ignore: decorator
@inline function sendNarrow(ch: usize, open: u32, v: u32): u32 {
  if (load32(ch + HEAD_STATE) != open) return sendSlow(ch, open, v);
  while (true) {
    enter();
    const s = narrow_push(ch, v);
    if (s == OK) {
      const settle = mustSettle(ch, open);
      leave();
      if (settle) channel_settle(ch);
      return OK;
    }
    leave();
    if (s != RETRY) return s;
  }
  return OK;
}

// @ts-ignore: decorator
@inline function sendWide(ch: usize, open: u32, v: u64): u32 {
  if (load32(ch + HEAD_STATE) != open) return sendSlow(ch, open, v);
  let tries: u32 = 0;
  while (true) {
    enter();
    const s = wide_push(ch, v);
    if (s == OK) {
      const settle = mustSettle(ch, open);
      leave();
      if (settle) channel_settle(ch);
      return OK;
    }
    leave();
    if (s < <u32>RETRY) return s;
    if (s == BUSY) relax(tries++);
  }
  return OK;
}

/** Sends without waiting: OK, WOULD_BLOCK, CLOSED or STALE. */
export function channel_trySend32(ch: usize, open: u32, v: i32): u32 { return sendNarrow(ch, open, v); }
export function channel_trySendF32(ch: usize, open: u32, v: f32): u32 { return sendNarrow(ch, open, reinterpret<u32>(v)); }
export function channel_trySendF64(ch: usize, open: u32, v: f64): u32 { return sendWide(ch, open, reinterpret<u64>(v)); }
export function channel_trySend64(ch: usize, open: u32, v: i64): u32 { return sendWide(ch, open, v); }

// ── Receiving ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Receives when the channel is closed or stale, or others wait. The value stands in `received`. */
function receiveSlow(ch: usize, open: u32): u32 {
  let tries: u32 = 0;
  while (true) {
    let state = load32(ch + HEAD_STATE);
    if ((state & ~FLAGS_MASK) != open) return STALE;
    if (state & (CHANNEL_SENDERS | CHANNEL_RECEIVERS)) {
      channel_settle(ch);
      state = load32(ch + HEAD_STATE);
      // Others were here before us, and found nothing a moment ago: the channel is empty.
      if (state & CHANNEL_RECEIVERS) return WOULD_BLOCK;
    }
    enter();
    let s = pop(ch);
    if (s == OK) {
      const settle = mustSettle(ch, open | (state & CHANNEL_CLOSED));
      leave();
      if (settle) {
        const v = received;
        channel_settle(ch);
        received = v;
      }
      return OK;
    }
    leave();
    if (s == WOULD_BLOCK && state & CHANNEL_CLOSED) s = narrow_seal(ch);
    if (s < <u32>RETRY) return s;
    if (s == BUSY) relax(tries++);
  }
  return OK;
}

// @ts-ignore: decorator
@inline function receiveNarrow(ch: usize, open: u32): u32 {
  if (load32(ch + HEAD_STATE) != open) return receiveSlow(ch, open);
  while (true) {
    enter();
    const r = narrow_pop(ch);
    const s = <u32>(r >> 32);
    if (s == OK) {
      const settle = mustSettle(ch, open);
      leave();
      if (settle) channel_settle(ch);
      received = r;
      return OK;
    }
    leave();
    if (s != RETRY) return s;
  }
  return OK;
}

// @ts-ignore: decorator
@inline function receiveWide(ch: usize, open: u32): u32 {
  if (load32(ch + HEAD_STATE) != open) return receiveSlow(ch, open);
  let tries: u32 = 0;
  while (true) {
    enter();
    const cell = wide_pop(ch);
    if (cell > <usize>BUSY) {
      const v = wide_take(ch, cell);
      const settle = mustSettle(ch, open);
      leave();
      if (settle) channel_settle(ch);
      received = v;
      return OK;
    }
    leave();
    if (cell < <usize>RETRY) return <u32>cell;
    if (cell == BUSY) relax(tries++);
  }
  return OK;
}

// Receives without waiting. The result is the value; MISS or NaN says that THREAD_STATUS tells: OK (the value happens to look like that),
// WOULD_BLOCK, CLOSED (and empty) or STALE. The 64-bit form always sets THREAD_STATUS.

export function channel_tryReceive32(ch: usize, open: u32): i32 {
  const s = receiveNarrow(ch, open);
  if (s != OK) {
    status(s);
    return MISS;
  }
  const v = <i32>received;
  if (v == MISS) status(OK);
  return v;
}

export function channel_tryReceiveF32(ch: usize, open: u32): f32 {
  const s = receiveNarrow(ch, open);
  if (s != OK) {
    status(s);
    return f32.NaN;
  }
  const v = reinterpret<f32>(<u32>received);
  if (v != v) status(OK);
  return v;
}

export function channel_tryReceiveF64(ch: usize, open: u32): f64 {
  const s = receiveWide(ch, open);
  if (s != OK) {
    status(s);
    return NaN;
  }
  const v = reinterpret<f64>(received);
  if (v != v) status(OK);
  return v;
}

export function channel_tryReceive64(ch: usize, open: u32): i64 {
  const s = receiveWide(ch, open);
  status(s);
  return s == OK ? <i64>received : 0;
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
    if (get32(ch + CHANNEL_WIDE)) or64(ch + CHANNEL_TAIL, 1 << 63);
    if (flags & CHANNEL_DISPOSED) store32(ch + HEAD_STATE, (state | flags) + GENERATION);
    else or32(ch + HEAD_STATE, flags);
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
  let tries: u32 = 0;
  duty(DUTY_DISPOSE, ch, 0);
  while (true) {
    enter();
    if (cas32(ch + CHANNEL_LOCK, 0, <u32>self) != 0) {
      leave();
      relax(tries++);
      continue;
    }
    if (matchOne(ch) == IDLE) break;
    leave();
  }
  // From one duty to the next in one section: the block is pending now.
  set32(self + THREAD_PENDING, <u32>ch);
  dutyDone();
  leave();
  arena_free(ch);
}

// ── Looking ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Messages in the ring, at one moment during the call; -1 if stale. */
export function channel_length(ch: usize, open: u32): i32 {
  if ((load32(ch + HEAD_STATE) & ~FLAGS_MASK) != open) return -1;
  const lap = get32(ch + CHANNEL_LAP);
  const capacity = get32(ch + CHANNEL_CAPACITY);
  while (true) {
    const head = load32(ch + CHANNEL_HEAD);
    const tail = load32(ch + CHANNEL_TAIL); // the position is the low half of a wide ring's tail
    if (load32(ch + CHANNEL_HEAD) != head) continue;
    const laps = <i32>((tail & ~(lap - 1)) - (head & ~(lap - 1))) >> (31 - <i32>clz<u32>(lap));
    const length = laps * <i32>capacity + <i32>(tail & (lap - 1)) - <i32>(head & (lap - 1));
    // A narrow ring's indexes may lag behind its slots, by others' unfinished operations.
    return max(0, min(length, <i32>capacity));
  }
  return 0;
}

/** HEAD_STATE's flags; -1 if stale. */
export function channel_flags(ch: usize, open: u32): i32 {
  const state = load32(ch + HEAD_STATE);
  return (state & ~FLAGS_MASK) == open ? <i32>(state & FLAGS_MASK) : -1;
}
