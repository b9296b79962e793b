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
  add32, cas32, copy, enter, get32, get64, leave, load32, load64, or32, or64, peek32, set32, set64, store32, store64,
} from "./atomics.ts";
import {
  ARENA, ARENA_EPOCH, BUSY, CHANNEL_CAPACITY, CHANNEL_CLOSED, CHANNEL_CODEC, CHANNEL_DISPOSED, CHANNEL_HEAD, CHANNEL_LAP, CHANNEL_LIMIT, CHANNEL_LOCK, CHANNEL_PARKS,
  CHANNEL_RECEIVERS, CHANNEL_RECVQ, CHANNEL_SENDERS, CHANNEL_SENDQ, CHANNEL_SLOTS, CHANNEL_TAIL, CHANNEL_WIDE, CLOSED, DUTY_DISPOSE,
  DUTY_SETTLE, FINE, FLAGS_MASK, GENERATION, HEAD_KIND, HEAD_STATE, KIND_CHANNEL, LINKED_MESSAGE, LINKED_QUEUE, LOCK_MORE, MARK_BYTES, MAX_CAPACITY, NO_MEMORY, OK, QUEUE_FIRST, RETRY,
  SLOT_BYTES, SLOT_SEALED, STALE, THREAD_PENDING, THREAD_STATUS, THREAD_VALUE, TOLD, VALUE_BYTES, WAITER_CELL, WAITER_LINKED, WAITER_NEXT, WAITER_OBJECT, WAITER_QUEUE, WAITER_SELECT, WAITER_VALUE,
  WIDE_CELL_SHIFT, WOULD_BLOCK,
} from "./layout.ts";
import { carriesMessages, cellBytes, disown, message_free, own, stage } from "./message.ts";
import { narrow_pop, narrow_push, narrow_seal } from "./ring.ts";
import { wide_claim, wide_head, wide_next, wide_push, wide_value, wide_whyNone } from "./ring-wide.ts";
import { duty, dutyDone, relax, self } from "./thread.ts";
import {
  append, claim, complete, GONE, GOT, HELD, ring, tryLock, unclaim, unlink, unlock, waiter_create, waiter_release,
} from "./waiter.ts";

const IDLE: u32 = 0;
const AGAIN: u32 = 1;
const STUCK: u32 = 2; // another thread is inside its section
const OPEN: u32 = 0xff; // no outcome yet
const SHORT: u32 = 5; // for relax: 32 turns

/** A new channel; 0 if the arena is full. */
export function channel_create(capacity: u32, wide: u32, codec: u32): usize {
  if (capacity > <u32>MAX_CAPACITY) return 0;
  // A power of two: above the capacity in a narrow ring; in a wide one not below it, and at least 4 for the two bits of its marks.
  const lap = wide ? max(4, 1 << (32 - <u32>clz<u32>(capacity - 1))) : max(2, 1 << (32 - <u32>clz<u32>(capacity)));
  const bytes: u64 = CHANNEL_SLOTS + (wide ? <u64>lap * (VALUE_BYTES + MARK_BYTES + (wide >> WIDE_CELL_SHIFT)) : <u64>max(2, capacity) * SLOT_BYTES);
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
    store64(ch + CHANNEL_HEAD, <u64>start << 32 | <u64>start);
  } else {
    // The sequence of a free slot is its position.
    for (let i: u32 = 0; i < capacity; i++) set64(ch + CHANNEL_SLOTS + (<usize>i << 3), <u64>(start + i) << 32);
    // Without capacity the head's slot is always free, and the tail's always holds a value of the round before.
    if (capacity == 0) {
      set64(ch + CHANNEL_SLOTS, <u64>start << 32);
      set64(ch + CHANNEL_SLOTS + SLOT_BYTES, <u64>start << 32);
    }
    store32(ch + CHANNEL_TAIL, start + u32(capacity == 0));
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

/** One attempt to send what a waiter wants to send, whichever ring. Inside a section. */
// @ts-ignore: decorator
@inline function push(ch: usize, v: u64, from: usize): u32 {
  return get32(ch + CHANNEL_WIDE) ? wide_push(ch, v, false, from) : narrow_push(ch, <u32>v);
}

/** What a slot that is freed in that state holds. */
// @ts-ignore: decorator
@inline export function sealOf(state: u32): u32 { return state & CHANNEL_CLOSED ? SLOT_SEALED : 0; }

/** One attempt to receive, whichever ring: the status; the value stands in THREAD_VALUE. Inside a section. */
// @ts-ignore: decorator
@inline function pop(ch: usize, state: u32, to: usize): u32 {
  if (get32(ch + CHANNEL_WIDE)) {
    const head = wide_head(ch);
    const next = wide_next(ch, head);
    if (next == head) return wide_whyNone(ch, head);
    const v = wide_value(ch, head, to);
    if (!wide_claim(ch, head, next)) return RETRY;
    set64(self + THREAD_VALUE, v);
    return OK;
  }
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

// @ts-ignore: decorator
@inline function selectOf(w: usize): usize { return <usize>get32(w + WAITER_SELECT); }

/** One match under the lock, which the caller has just taken, and the release of the lock. No loop, no call; inside a section. */
// @ts-ignore: decorator
@inline function matchOne(ch: usize): u32 {
  const state = load32(ch + HEAD_STATE);
  const handed: u32 = carriesMessages(ch) ? LINKED_QUEUE | LINKED_MESSAGE : LINKED_QUEUE; // of a receiver that has got a value
  let receiver = <usize>get32(ch + CHANNEL_RECVQ + QUEUE_FIRST); // plain: under the lock
  let sender = <usize>get32(ch + CHANNEL_SENDQ + QUEUE_FIRST);
  let result = IDLE;
  let gone: usize = 0; // a case of a select that has ended
  let received = OPEN; // outcome for the receiver
  let sent = OPEN;
  if (receiver != 0 && sender != 0 && get32(ch + CHANNEL_CAPACITY) == 0 && !(state & CHANNEL_CLOSED)) {
    // A rendezvous. A select has at most one case on each side of a channel, and must not meet itself.
    if (selectOf(receiver) != 0 && selectOf(receiver) == selectOf(sender)) {
      const next = <usize>get32(receiver + WAITER_NEXT);
      if (next != 0) receiver = next;
      else sender = <usize>get32(sender + WAITER_NEXT);
    }
    if (sender != 0) {
      // Both are claimed, in the order of their addresses: whoever fights over the same two begins with the same one.
      const swap = selectOf(receiver) > selectOf(sender);
      const first = swap ? sender : receiver;
      const second = swap ? receiver : sender;
      let c = claim(selectOf(first));
      gone = first;
      if (c == GOT) {
        c = claim(selectOf(second));
        gone = second;
        if (c == GOT) {
          set64(receiver + WAITER_VALUE, get64(sender + WAITER_VALUE));
          if (cellBytes(ch) != 0) copy(receiver + WAITER_CELL, sender + WAITER_CELL, cellBytes(ch));
          set32(receiver + WAITER_LINKED, handed);
          set32(sender + WAITER_LINKED, LINKED_QUEUE);
          received = OK;
          sent = OK;
        } else unclaim(selectOf(first));
      }
      if (c != GONE) gone = 0;
      result = c == HELD ? STUCK : AGAIN;
    }
  } else {
    if (receiver != 0) {
      const select = selectOf(receiver);
      const c = claim(select);
      if (c == GOT) {
        let s = state & CHANNEL_DISPOSED ? CLOSED : pop(ch, state, receiver + WAITER_CELL);
        if (s == WOULD_BLOCK && state & CHANNEL_CLOSED) s = sealEmpty(ch);
        if (s == OK) {
          set64(receiver + WAITER_VALUE, get64(self + THREAD_VALUE));
          set32(receiver + WAITER_LINKED, handed);
          received = OK;
        } else if (s == CLOSED) received = ended(state);
        else unclaim(select);
        // BUSY: the sender inside its section will settle after it, unless it has seen the channel open.
        if (s != WOULD_BLOCK && (s != BUSY || state & CHANNEL_CLOSED)) result = s == BUSY ? STUCK : AGAIN;
      } else {
        if (c == GONE) gone = receiver;
        result = c == GONE ? AGAIN : STUCK;
      }
    }
    if (sender != 0 && result == IDLE) {
      const select = selectOf(sender);
      const c = claim(select);
      if (c == GOT) {
        const s = state & CHANNEL_CLOSED ? CLOSED : push(ch, get64(sender + WAITER_VALUE), sender + WAITER_CELL);
        if (s == OK) {
          set32(sender + WAITER_LINKED, LINKED_QUEUE);
          sent = OK;
        } else if (s == CLOSED) sent = ended(load32(ch + HEAD_STATE));
        else unclaim(select);
        if (s != WOULD_BLOCK) result = AGAIN;
      } else {
        if (c == GONE) gone = sender;
        result = c == GONE ? AGAIN : STUCK;
      }
    }
  }
  const bell = received != OPEN ? complete(receiver, received) : 0;
  const bell2 = sent != OPEN ? complete(sender, sent) : 0;
  if (gone != 0) unlink(gone);
  if (unlock(ch) && result == IDLE) result = AGAIN;
  ring(bell);
  ring(bell2);
  return result;
}

/**
 * Matches the ring and the waiters with each other, until nothing is left to match. `kind` is the duty that this fulfils. False if it could not
 * have the lock: with `insist`, the thread that holds it has been stopped by the system; else the holder will do it.
 */
function match(ch: usize, kind: u32, insist: bool): bool {
  duty(kind, ch, 0);
  let tries: u32 = 0;
  let owed = false;
  while (true) {
    enter();
    const holder = cas32(ch + CHANNEL_LOCK, 0, <u32>self);
    if (holder != 0) {
      if (!insist && (holder & LOCK_MORE || cas32(ch + CHANNEL_LOCK, holder, holder | LOCK_MORE) == holder)) {
        dutyDone();
        leave();
        return false;
      }
      leave();
      if (relax(tries++) && insist && kind == DUTY_SETTLE) {
        // Unless others have left something to us meanwhile: then that goes to the holder.
        if (!owed) {
          dutyDone();
          return false;
        }
        insist = false;
      }
      continue;
    }
    const result = matchOne(ch);
    if (result == IDLE) break;
    duty(kind, ch, 0);
    leave();
    owed = true;
    if (result == STUCK) relax(tries++);
  }
  // In the section of the last look: from one duty to the next.
  if (kind == DUTY_DISPOSE) set32(self + THREAD_PENDING, <u32>ch);
  dutyDone();
  leave();
  return true;
}

/** Matches the ring and the waiters with each other, until nothing is left to match; or leaves that to the thread that is doing it. */
export function channel_settle(ch: usize): void {
  match(ch, DUTY_SETTLE, false);
}

/** The same, but done when it returns true; false if the lock's holder has been stopped by the system. */
// @ts-ignore: decorator
@inline export function settleNow(ch: usize): bool { return match(ch, DUTY_SETTLE, true); }

/** Passes a value to, or takes it from, the first who waits on the other side of a channel without capacity: OK, WOULD_BLOCK, RETRY (closed) or BUSY. */
export function exchange(ch: usize, queue: usize): u32 {
  let tries: u32 = 0;
  while (true) {
    let c: u32 = HELD;
    let result: u32 = WOULD_BLOCK;
    enter();
    if (tryLock(ch)) {
      const w = <usize>get32(ch + queue + QUEUE_FIRST);
      let bell: usize = 0;
      c = GOT;
      // Closed, or disposed of: the caller finds out.
      if (load32(ch + HEAD_STATE) & CHANNEL_CLOSED) result = RETRY;
      else if (w != 0) {
        c = claim(selectOf(w));
        if (c == GOT) {
          const v = get64(queue == CHANNEL_RECVQ ? self + THREAD_VALUE : w + WAITER_VALUE);
          set64(queue == CHANNEL_RECVQ ? w + WAITER_VALUE : self + THREAD_VALUE, v);
          const cell = cellBytes(ch);
          if (cell != 0) copy(queue == CHANNEL_RECVQ ? w + WAITER_CELL : stage(), queue == CHANNEL_RECVQ ? stage() : w + WAITER_CELL, cell);
          if (carriesMessages(ch)) {
            if (queue == CHANNEL_RECVQ) disown(v);
            else own(v);
            set32(w + WAITER_LINKED, queue == CHANNEL_RECVQ ? LINKED_QUEUE | LINKED_MESSAGE : LINKED_QUEUE);
          }
          bell = complete(w, OK);
          result = OK;
        } else if (c == GONE) unlink(w);
      }
      const more = unlock(ch);
      ring(bell);
      leave();
      if (more) {
        const v = get64(self + THREAD_VALUE);
        channel_settle(ch);
        set64(self + THREAD_VALUE, v);
      }
      if (c == GOT) return result;
    } else leave();
    if (c == HELD && relax(tries++)) return BUSY;
  }
  return BUSY;
}

// ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** After a change of the ring, inside the section that made it: true if somebody waits, and then settling is noted as our duty. */
// @ts-ignore: decorator
@inline export function mustSettle(ch: usize, open: u32): bool {
  // Dekker with append in waiter.ts: we have changed the ring and look for waiters.
  if ((load32(ch + HEAD_STATE) & ~CHANNEL_CLOSED) == open) return false;
  duty(DUTY_SETTLE, ch, 0);
  return true;
}

/** Settles after a successful operation. */
function told(ch: usize): u32 {
  channel_settle(ch);
  return TOLD;
}

/**
 * What stands before a send on a channel that is closed or stale, or where others wait: RETRY (nothing, try the ring), TOLD (sent to one who
 * waits), WOULD_BLOCK, CLOSED, STALE or BUSY: a thread that the system has stopped is in the way, try again later.
 */
function sendGate(ch: usize, open: u32, v: u64): u32 {
  while (true) {
    const state = load32(ch + HEAD_STATE);
    if ((state & ~FLAGS_MASK) != open) return STALE;
    if (state & CHANNEL_CLOSED) return CLOSED;
    if (!(state & (CHANNEL_SENDERS | CHANNEL_RECEIVERS))) return RETRY;
    // Only where nobody waits on our own side we may be served at once.
    if ((state & CHANNEL_SENDERS || get32(ch + CHANNEL_CAPACITY) != 0) && !settleNow(ch)) return BUSY;
    const now = load32(ch + HEAD_STATE);
    if ((now & ~(CHANNEL_SENDERS | CHANNEL_RECEIVERS)) != open) continue;
    if (!(now & CHANNEL_RECEIVERS) || get32(ch + CHANNEL_CAPACITY) != 0) {
      // Others were here before us, and had no room a moment ago: the channel is full.
      return now & CHANNEL_SENDERS ? <u32>WOULD_BLOCK : <u32>RETRY;
    }
    set64(self + THREAD_VALUE, v);
    const s = exchange(ch, CHANNEL_RECVQ);
    if (s != RETRY) return s == OK ? <u32>TOLD : s;
  }
  return BUSY;
}

// Sending without waiting: OK or TOLD, WOULD_BLOCK, CLOSED, STALE, RETRY or BUSY, in THREAD_STATUS; the result is FINE for OK. RETRY: another thread
// was faster, call again. The bindings do that, for a loop here would cost every call; in the model it is here.

export function channel_trySend32(ch: usize, open: u32, v: i32): u32 {
  let gate: u32;
  let quiet = true; // nobody was told at the gate
  do {
    // A hint: what matters is checked by the ring (closed), by mustSettle (waiters) or by the gate (stale).
    gate = RETRY;
    if (peek32(ch + HEAD_STATE) != open) {
      quiet = false;
      gate = sendGate(ch, open, <u32>v);
    }
    if (gate == RETRY) {
      enter();
      const s = narrow_push(ch, v);
      if (s == OK) {
        const settle = mustSettle(ch, open);
        leave();
        return said(settle ? told(ch) : quiet ? OK : TOLD);
      }
      leave();
      // CLOSED is for the state to say, or STALE; and full is an answer only while the channel is open and nobody waits.
      if (s == WOULD_BLOCK && load32(ch + HEAD_STATE) == open) gate = s;
    }
  } while (isDefined(MODEL) && gate == RETRY);
  return said(gate);
}

export function channel_trySendF64(ch: usize, open: u32, v: f64): u32 {
  let gate: u32;
  let quiet = true; // nobody was told at the gate
  do {
    gate = RETRY;
    if (peek32(ch + HEAD_STATE) != open) {
      quiet = false;
      gate = sendGate(ch, open, reinterpret<u64>(v));
    }
    if (gate == RETRY) {
      enter();
      const s = wide_push(ch, reinterpret<u64>(v), true, 0);
      if (s == OK) {
        const settle = mustSettle(ch, open);
        leave();
        return said(settle ? told(ch) : quiet ? OK : TOLD);
      }
      leave();
      if (s == WOULD_BLOCK && load32(ch + HEAD_STATE) == open) gate = s;
    }
  } while (isDefined(MODEL) && gate == RETRY);
  return said(gate);
}

export function channel_trySendF32(ch: usize, open: u32, v: f32): u32 { return channel_trySend32(ch, open, reinterpret<i32>(v)); }
export function channel_trySendMessage(ch: usize, open: u32, payload: u32, length: u32): u32 { return channel_trySendF64(ch, open, reinterpret<f64>(<u64>length << 32 | <u64>payload)); }
export function channel_trySend64(ch: usize, open: u32, v: i64): u32 { return channel_trySendF64(ch, open, reinterpret<f64>(v)); }

// ── Receiving ────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * What stands before a receive on a channel that is closed or stale, or where others wait, or after the ring has said `s`: RETRY (nothing, try
 * the ring), OK (received from one who waited: the value is in THREAD_VALUE), WOULD_BLOCK, CLOSED, STALE or BUSY, as in sendGate.
 */
function receiveGate(ch: usize, open: u32, s: u32): u32 {
  // Read after the ring: it may have been closed and drained since.
  let state = load32(ch + HEAD_STATE);
  if ((state & ~FLAGS_MASK) != open) return STALE;
  if (s == WOULD_BLOCK) {
    // Empty is an answer only while the channel is open and nobody waits.
    if (state == open) return WOULD_BLOCK;
    if (state & CHANNEL_CLOSED) s = sealEmpty(ch);
  }
  if (s == CLOSED) return CLOSED;
  if (s == BUSY) {
    relax(SHORT);
    return BUSY;
  }
  if (state & (CHANNEL_SENDERS | CHANNEL_RECEIVERS)) {
    if ((state & CHANNEL_RECEIVERS || get32(ch + CHANNEL_CAPACITY) != 0) && !settleNow(ch)) return BUSY;
    state = load32(ch + HEAD_STATE);
    if (state & CHANNEL_SENDERS && get32(ch + CHANNEL_CAPACITY) == 0) return exchange(ch, CHANNEL_SENDQ);
    // Others were here before us, and found nothing a moment ago: the channel is empty.
    if ((state & (CHANNEL_RECEIVERS | CHANNEL_CLOSED)) == CHANNEL_RECEIVERS) return WOULD_BLOCK;
  }
  return RETRY;
}

/** Settles after a receive, and then notes the value, whose place the settling uses too. */
function toldValue(ch: usize, v: u64): void {
  channel_settle(ch);
  set64(self + THREAD_VALUE, v);
  status(OK);
}

// Receiving without waiting: the value itself, as a number; or NaN, and THREAD_STATUS says why: OK (waiters have been told, or the value looks like
// NaN: it is in THREAD_VALUE), WOULD_BLOCK, CLOSED (and empty), STALE, RETRY or BUSY: as above, call again.

/** From a ring of 32-bit values: their bits as u32. */
export function channel_take32(ch: usize, open: u32): f64 {
  let gate: u32;
  let quiet = true; // nobody was told at the gate
  do {
    gate = RETRY;
    if (peek32(ch + HEAD_STATE) != open) {
      quiet = false;
      gate = receiveGate(ch, open, RETRY);
    }
    if (gate == RETRY) {
      const closed = peek32(ch + HEAD_STATE) & CHANNEL_CLOSED;
      enter();
      const r = narrow_pop(ch, sealOf(closed));
      if (r >> 32 == OK) {
        const settle = mustSettle(ch, open);
        leave();
        if (settle) {
          toldValue(ch, r);
          return NaN;
        }
        set64(self + THREAD_VALUE, r);
        status(OK);
        return quiet ? <f64><u32>r : NaN;
      }
      leave();
      gate = receiveGate(ch, open, <u32>(r >> 32));
    }
  } while (isDefined(MODEL) && gate >= <u32>RETRY);
  status(gate);
  return NaN;
}

/** From a ring of 64-bit values: their bits as f64. */
export function channel_take64(ch: usize, open: u32): f64 {
  let gate: u32;
  let quiet = true; // nobody was told at the gate
  do {
    gate = RETRY;
    if (peek32(ch + HEAD_STATE) != open) {
      quiet = false;
      gate = receiveGate(ch, open, RETRY);
    }
    if (gate == RETRY) {
      enter();
      const head = wide_head(ch);
      const next = wide_next(ch, head);
      if (next != head) {
        const v = wide_value(ch, head, 0);
        if (wide_claim(ch, head, next)) {
          if (carriesMessages(ch)) own(v);
          const settle = mustSettle(ch, open);
          leave();
          if (settle) {
            toldValue(ch, v);
            return NaN;
          }
          set64(self + THREAD_VALUE, v);
          status(OK);
          return quiet ? reinterpret<f64>(v) : NaN;
        }
        gate = RETRY;
      } else gate = wide_whyNone(ch, head);
      leave();
      gate = receiveGate(ch, open, gate);
    }
  } while (isDefined(MODEL) && gate >= <u32>RETRY);
  status(gate);
  return NaN;
}

// ── Waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Puts a waiter into its queue: OK (it may be DONE already), STALE, or BUSY as in sendGate. */
function enqueue(ch: usize, open: u32, w: usize): u32 {
  let tries: u32 = 0;
  while (true) {
    enter();
    if (tryLock(ch)) break;
    leave();
    if (relax(tries++)) return BUSY;
  }
  const state = load32(ch + HEAD_STATE);
  const stale = (state & ~FLAGS_MASK) != open;
  let settle = false;
  if (!stale) {
    append(w);
    // A message that is to be sent belongs to the waiter from here on.
    if (carriesMessages(ch) && get32(w + WAITER_QUEUE) == <u32>ch + CHANNEL_SENDQ) {
      disown(get64(w + WAITER_VALUE));
      set32(w + WAITER_LINKED, LINKED_QUEUE | LINKED_MESSAGE);
    }
    // The second half of the Dekker pair in append: now look at the ring. Without a ring, at who waits on the other side.
    const others = get32(w + WAITER_QUEUE) == <u32>ch + CHANNEL_RECVQ ? CHANNEL_SENDERS : CHANNEL_RECEIVERS;
    settle = get32(ch + CHANNEL_CAPACITY) != 0 || (state & (CHANNEL_CLOSED | others)) != 0;
    if (settle) duty(DUTY_SETTLE, ch, 0);
  }
  if (unlock(ch)) settle = true;
  leave();
  if (settle) channel_settle(ch);
  return stale ? STALE : OK;
}

function park(ch: usize, open: u32, queue: usize, token: u32, v: u64): usize {
  const w = waiter_create(ch, queue, token, v, 0);
  return w != 0 ? queued(ch, open, w) : NO_MEMORY;
}

function queued(ch: usize, open: u32, w: usize): usize {
  const s = enqueue(ch, open, w);
  if (s == OK) return w;
  waiter_release(w);
  return s;
}

/** A case of a select on one side of the channel, in no queue yet: its address, or NO_MEMORY. */
export function channel_case(ch: usize, queue: u32, select: usize, cell: u32): usize {
  const w = waiter_create(ch, queue, 0, 0, cell);
  if (w == 0) return NO_MEMORY;
  set32(w + WAITER_SELECT, <u32>select);
  return w;
}

/** Puts a case into its queue: OK, STALE, or BUSY as in sendGate. */
export function channel_parkCase(w: usize, open: u32): u32 {
  return enqueue(<usize>get32(w + WAITER_OBJECT), open, w);
}

// Queues up to send or receive: the address of the waiter, which may be DONE already, or NO_MEMORY, STALE or BUSY. `token` is TOKEN_BLOCKING
// (then the thread sleeps on its bell), or any other number (then thread_nextReady returns the waiter).
export function channel_parkReceive(ch: usize, open: u32, token: u32): usize { return park(ch, open, CHANNEL_RECVQ, token, 0); }
export function channel_parkSend32(ch: usize, open: u32, token: u32, v: i32): usize { return park(ch, open, CHANNEL_SENDQ, token, <u32>v); }
export function channel_parkSendF32(ch: usize, open: u32, token: u32, v: f32): usize { return park(ch, open, CHANNEL_SENDQ, token, reinterpret<u32>(v)); }
export function channel_parkSendF64(ch: usize, open: u32, token: u32, v: f64): usize { return park(ch, open, CHANNEL_SENDQ, token, reinterpret<u64>(v)); }
export function channel_parkSend64(ch: usize, open: u32, token: u32, v: i64): usize { return park(ch, open, CHANNEL_SENDQ, token, v); }
/** As the others, on a channel with cells of so many bytes; what is to be sent is on the stage. */
export function channel_parkCell(ch: usize, open: u32, queue: u32, token: u32, cell: u32): usize {
  const w = waiter_create(ch, queue, token, 0, cell);
  if (w == 0) return NO_MEMORY;
  if (queue == CHANNEL_SENDQ) copy(w + WAITER_CELL, stage(), cell);
  return queued(ch, open, w);
}
export function channel_parkMessage(ch: usize, open: u32, token: u32, payload: u32, length: u32): usize { return park(ch, open, CHANNEL_SENDQ, token, <u64>length << 32 | <u64>payload); }

// ── Closing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Raises the flags under the lock, with `bump` a new generation too: OK, or CLOSED or STALE if that has been done before. */
// @ts-ignore: decorator
@inline function end(ch: usize, open: u32, flags: u32, kind: u32): u32 {
  let tries: u32 = 0;
  while (true) {
    enter();
    if (tryLock(ch)) break;
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
  }
  const more = unlock(ch);
  if (result == OK) duty(kind, ch, 0);
  leave();
  if (more && result != OK) channel_settle(ch);
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

/** Frees the messages in a ring that has been closed. */
function drain(ch: usize): void {
  while (true) {
    enter();
    const head = wide_head(ch);
    const next = wide_next(ch, head);
    if (next == head) {
      leave();
      const s = wide_whyNone(ch, head);
      if (s == CLOSED) return;
      if (s == BUSY) relax(SHORT);
      continue;
    }
    const v = wide_value(ch, head, 0);
    const got = wide_claim(ch, head, next);
    if (got) own(v);
    leave();
    if (got) message_free(<usize><u32>v);
  }
}

/** The rest of channel_dispose, which a reaper may have to do. */
export function channel_finishDispose(ch: usize): void {
  if (carriesMessages(ch)) drain(ch);
  match(ch, DUTY_DISPOSE, true);
  arena_free(ch);
}

// ── Looking ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Messages in the ring, at one moment during the call; -1 if stale. */
export function channel_length(ch: usize, open: u32): i32 {
  if ((load32(ch + HEAD_STATE) & ~FLAGS_MASK) != open) return -1;
  if (get32(ch + CHANNEL_CAPACITY) == 0) return 0;
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

/**
 * A number that says how long a receive (or send) would have had to wait by now; 0 if it would not, or that is not certain. While it would,
 * the number stays the same, so two looks with the same result mean that it would have had to wait all the time between them.
 */
export function channel_probe(ch: usize, open: u32, send: bool): u32 {
  const capacity = get32(ch + CHANNEL_CAPACITY);
  const lap = get32(ch + CHANNEL_LAP);
  // Either the ring's other end must move, or somebody must queue up on the other side.
  let version = load32(ch + CHANNEL_PARKS);
  let waits = true;
  if (get32(ch + CHANNEL_WIDE)) {
    const near = <u32>load64(ch + (send ? CHANNEL_HEAD : CHANNEL_TAIL));
    const far = <u32>load64(ch + (send ? CHANNEL_TAIL : CHANNEL_HEAD));
    if (capacity != 0) {
      version = near;
      waits = send ? far - near == capacity : far == near;
    }
  } else if (capacity != 0) {
    version = load32(ch + (send ? CHANNEL_TAIL : CHANNEL_HEAD));
    const ahead = <i32>(<u32>(load64(ch + CHANNEL_SLOTS + (<usize>(version & (lap - 1)) << 3)) >> 32) - version);
    waits = send ? ahead < 0 : ahead == 0;
  }
  const state = load32(ch + HEAD_STATE);
  if ((state & ~(CHANNEL_SENDERS | CHANNEL_RECEIVERS)) != open) return 0;
  // Somebody waits on the other side: the ring has not been settled yet.
  if (state & (send ? CHANNEL_RECEIVERS : CHANNEL_SENDERS)) return 0;
  return waits ? version << 1 | 1 : 0;
}

/** HEAD_STATE's flags; -1 if stale. */
export function channel_flags(ch: usize, open: u32): i32 {
  const state = load32(ch + HEAD_STATE);
  return (state & ~FLAGS_MASK) == open ? <i32>(state & FLAGS_MASK) : -1;
}
