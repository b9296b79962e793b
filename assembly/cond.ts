// Cond: threads and tasks that wait until another one says that something has changed.
//
// Who may call: any attached thread. `open` is the HEAD_STATE that the caller's handle expects. The lock that goes with a Cond is the business of the
// bindings: they queue up here, then unlock it, sleep, and lock it again.
//
// Algorithm: Go's (sync/cond.go, notifyList): tickets. Who waits draws one; a signal is for the oldest who waits, a broadcast for all tickets drawn so
// far. Nothing is remembered where nobody waits.
//
//   SYNC_STATE: 0:32 | generation:24 | 0:8
//
// Waiting. Who waits is in the queue before the lock is free, and a signal looks at the flag of the queue: so whoever changes something under the lock,
// and then signals, sees who has waited for it.
//
// Death. A signal that was given to one waiter is noted in the ledger, in the cell of its thread, in the section that gives it; the waiter strikes it out
// when it has the lock again (cond_accept). What stands there of a thread that is no more is given to the next who waits (cond_mend). Broadcasts need
// no note: they are for everybody. The end of one that is killed half-way is COND_UPTO: whoever comes next goes on with it.
//
// Progress: the lock of the queue is held only inside killable sections.

import { arena_allocate, settled } from "./arena.ts";
import { enter, get32, get64, leave, load32, load64, set32, set64, store32, store64 } from "./atomics.ts";
import {
  ARENA, ARENA_THREADS, BUSY, CHANNEL_RECVQ, COND_CELLS, COND_LEDGER_BYTES, COND_TICKETS, COND_UPTO, FINE, FLAGS_MASK, HEAD_KIND, HEAD_STATE, KIND_COND,
  KIND_LEDGER, MAX_THREADS, NO_MEMORY, OK, STALE, SYNC_LEDGER, SYNC_KIND, SYNC_STATE, THREAD_BYTES, TOLD, WAITER_THREAD, WAITER_VALUE,
} from "./layout.ts";
import { firstOf, isDead, me, sync_claim, sync_made } from "./sync.ts";
import { relax, self } from "./thread.ts";
import { append, complete, ring, tryLock, unlock, waiter_create, waiter_release } from "./waiter.ts";

if (COND_CELLS + MAX_THREADS * 8 > COND_LEDGER_BYTES) ERROR("the notes do not fit the ledger");

/** A new Cond; 0 if the arena is full. */
export function cond_create(): usize {
  const o = sync_claim();
  if (o == 0) return 0;
  const ledger = arena_allocate(COND_LEDGER_BYTES);
  if (ledger == 0) {
    store64(o + SYNC_KIND, 0);
    return 0;
  }
  enter();
  store32(ledger + HEAD_KIND, KIND_LEDGER);
  set32(o + SYNC_LEDGER, <u32>ledger);
  settled();
  leave();
  store64(o + SYNC_STATE, load32(o + HEAD_STATE));
  sync_made(o, KIND_COND);
  return o;
}

// @ts-ignore: decorator
@inline function isOpen(o: usize, open: u32): bool { return load64(o + SYNC_STATE) == <u64>open; }
/** Where the signals of a thread are noted: `identity:32 | count:32`. Plain, as all of the ledger: under the lock, while the Cond lives. */
// @ts-ignore: decorator
@inline function noteOf(o: usize, slot: usize): usize {
  return <usize>get32(o + SYNC_LEDGER) + COND_CELLS + ((slot - <usize>get32(ARENA + ARENA_THREADS)) / THREAD_BYTES << 3);
}
/** Whether a broadcast is for it that has not got so far. Plain: under the lock. */
// @ts-ignore: decorator
@inline function isCalled(o: usize, w: usize): bool { return <i32>(get32(w + WAITER_VALUE) - get32(o + COND_UPTO)) < 0; }

/** Queues up: the waiter, or NO_MEMORY, STALE or BUSY. Its outcome is OK (a signal: to be accepted, or passed on), TOLD (a broadcast), or STALE. */
export function cond_park(o: usize, open: u32, token: u32): usize {
  const w = waiter_create(o, CHANNEL_RECVQ, token, 0, 0);
  if (w == 0) return NO_MEMORY;
  let tries: u32 = 0;
  while (true) {
    let done = false;
    let locked = false;
    let left = false;
    enter();
    if (tryLock(o)) {
      locked = true;
      if (isOpen(o, open)) {
        const note = noteOf(o, self);
        const mine = <u64>me() << 32;
        // Signals of the thread that had our slot before us: they are given on first.
        left = <u32>get64(note) != 0 && (get64(note) & ~<u64>0xffffffff) != mine;
        if (!left) {
          if (<u32>get64(note) == 0) set64(note, mine);
          const ticket = get32(o + COND_TICKETS);
          set64(w + WAITER_VALUE, ticket);
          set32(o + COND_TICKETS, ticket + 1);
          append(w);
          done = true;
        }
      }
      unlock(o);
    }
    leave();
    if (done) return w;
    if (left) cond_mend(o, open);
    else if (locked) {
      waiter_release(w);
      return STALE;
    } else if (relax(tries++)) {
      waiter_release(w);
      return BUSY;
    }
  }
  return STALE;
}

const SIGNAL: u32 = 0;
const ACCEPT: u32 = 1;
const PASS: u32 = 2;
const BROADCAST: u32 = 3;
const SETTLE: u32 = 4;

/** Wakes the one who has waited longest: FINE (nobody waits), TOLD or STALE. */
export function cond_signal(o: usize, open: u32): u32 {
  const state = load32(o + HEAD_STATE);
  if (state == open) return FINE;
  return (state & ~FLAGS_MASK) == open ? change(o, open, SIGNAL, 0, 0) : <u32>STALE;
}

/** Wakes all who wait now: FINE (nobody waits), TOLD or STALE. */
export function cond_broadcast(o: usize, open: u32): u32 {
  const state = load32(o + HEAD_STATE);
  if (state == open) return FINE;
  return (state & ~FLAGS_MASK) == open ? change(o, open, BROADCAST, 0, 0) : <u32>STALE;
}

/** The calling thread has the lock again after it was woken by a signal: FINE, TOLD or STALE. */
export function cond_accept(o: usize, open: u32): u32 { return change(o, open, ACCEPT, self, me()); }

/** It has not, and gives the signal to the next who waits: FINE, TOLD or STALE. */
export function cond_pass(o: usize, open: u32): u32 { return change(o, open, PASS, self, me()); }

/** `slot` and `identity` say whose signal is accepted or passed on. */
function change(o: usize, open: u32, what: u32, slot: usize, identity: u32): u32 {
  let told = FINE;
  let tries: u32 = 0;
  let open_ = true;
  while (true) {
    let bell: usize = 0;
    let locked = false;
    let called = false;
    enter();
    if (tryLock(o)) {
      locked = true;
      open_ = isOpen(o, open);
      if (open_) {
        if (what == BROADCAST) {
          set32(o + COND_UPTO, get32(o + COND_TICKETS));
          what = SETTLE;
        }
        const w = firstOf(o, CHANNEL_RECVQ);
        called = w != 0 && isCalled(o, w);
        if (called) {
          // Whatever else is to be done comes after the broadcast that is not at its end.
          bell = complete(w, TOLD);
          told = TOLD;
        } else if (what != SETTLE) {
          let given = what == SIGNAL;
          if (!given) {
            const note = noteOf(o, slot);
            const v = get64(note);
            given = <u32>(v >> 32) == identity && <u32>v != 0;
            if (given) set64(note, v - 1);
            given = given && what == PASS;
          }
          if (given && w != 0) {
            const note = noteOf(o, <usize>get32(w + WAITER_THREAD));
            set64(note, get64(note) + 1);
            bell = complete(w, OK);
            told = TOLD;
          }
        }
      }
      unlock(o);
      ring(bell);
    }
    leave();
    if (locked && !open_) return STALE;
    if (locked && !called) return told;
    if (!locked) relax(tries++);
  }
  return told;
}

/** Gives on the signals of the dead, and ends what they have begun. */
export function cond_mend(o: usize, open: u32): void {
  let slot = <usize>get32(ARENA + ARENA_THREADS);
  for (let i = 0; i < MAX_THREADS; i++) {
    while (true) {
      let v: u64 = 0;
      let locked = false;
      let tries: u32 = 0;
      while (!locked) {
        enter();
        if (tryLock(o)) {
          locked = true;
          if (isOpen(o, open)) v = get64(noteOf(o, slot));
          unlock(o);
        }
        leave();
        if (!locked) relax(tries++);
      }
      if (<u32>v == 0 || !isDead(<u32>(v >> 32))) break;
      change(o, open, PASS, slot, <u32>(v >> 32));
    }
    slot += THREAD_BYTES;
  }
  change(o, open, SETTLE, 0, 0);
}
