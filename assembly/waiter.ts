// Waiter: the record of one operation that waits, in the queue of the object it waits on.
//
// Who may call: create, cancel and release by the thread that waits; complete by whoever holds the object's lock.
//
// A queue is a doubly linked list under the lock of its object. The lock is held only inside killable sections, so it is never left
// held and its lists are never torn. Who comes to settle and finds it held leaves that to the holder (LOCK_MORE).
//
//   WAITING ──complete──► DONE        outcome and value are set; the owner releases the record
//           ──cancel────► CANCELLED   nothing has happened; the owner releases the record
//
// A select is a waiter in no queue, with a waiter for each of its cases, which are in the queues of several objects, under several locks. So
// its state is decided by compare-and-swap: who wants to complete a case claims the select first, and gives it back if nothing comes of it.
//
//   WAITING ──claim──► CLAIMED ──complete──► DONE
//           ◄─unclaim─
//
// A blocking waiter is told by its thread's bell. An async one is pushed onto its thread's ready list (an exchange, then the link: no
// loop) and its event loop's bell is rung.
//
// Progress: waiting for the lock as said; all else as the allocator, or wait-free. A kill leaves the records in THREAD_WAITERS, for the reaper.

import { arena_allocate, arena_free, settled } from "./arena.ts";
import { add32, and32, cas32, enter, get32, get64, leave, load32, notify, or32, set32, set64, store32, wait32, xchg32 } from "./atomics.ts";
import { channel_settle } from "./channel.ts";
import {
  BUSY, CANCELLED, CHANNEL_LOCK, CHANNEL_PARKS, CHANNEL_RECEIVERS, CHANNEL_RECVQ, CHANNEL_SENDERS, CLAIMED, DONE, DUTY_SETTLE, HEAD_KIND, HEAD_STATE, KIND_WAITER,
  LINKED_MESSAGE, LINKED_QUEUE, LINK_PENDING, LOCK_MORE, OK, QUEUE_FIRST, QUEUE_LAST, THREAD_ASLEEP, THREAD_BELL, THREAD_LOOP_ARMED, THREAD_LOOP_BELL, THREAD_PENDING,
  THREAD_READY, THREAD_TAKEN, THREAD_WAITERS, TOKEN_BLOCKING, WAITER_BYTES, WAITER_HIT, WAITER_LINKED, WAITER_NEXT, WAITER_OBJECT, WAITER_OUTCOME,
  WAITER_OWN_NEXT, WAITER_OWN_PREV, WAITER_PREV, WAITER_QUEUE, WAITER_READY, WAITER_SELECT, WAITER_STATE, WAITER_THREAD, WAITER_TOKEN,
  WAITER_VALUE, WAITING,
} from "./layout.ts";
import { message_free, message_reclaim } from "./message.ts";
import { duty, relax, self } from "./thread.ts";

/** A waiter of the calling thread, with a cell of so many bytes, not yet in a queue; 0 if the arena is full. A select has no object. */
export function waiter_create(object: usize, queue: usize, token: u32, value: u64, cell: u32): usize {
  const w = arena_allocate(WAITER_BYTES + cell);
  if (w == 0) return 0;
  set64(w + WAITER_VALUE, value);
  set32(w + WAITER_THREAD, <u32>self);
  set32(w + WAITER_TOKEN, token);
  set32(w + WAITER_OBJECT, <u32>object);
  set32(w + WAITER_QUEUE, <u32>(object + queue));
  // In the header, which is not zeroed.
  set32(w + WAITER_SELECT, 0);
  set32(w + WAITER_LINKED, 0);
  set32(w + WAITER_HIT, 0);
  const first = <usize>get32(self + THREAD_WAITERS);
  enter();
  set32(w + WAITER_OWN_NEXT, <u32>first);
  if (first != 0) set32(first + WAITER_OWN_PREV, <u32>w);
  set32(self + THREAD_WAITERS, <u32>w);
  store32(w + HEAD_KIND, KIND_WAITER);
  settled();
  leave();
  return w;
}

/** Takes a waiter, out of all queues, off the list of its thread and frees it. `owner` is the thread's slot. */
// @ts-ignore: decorator
@inline function discard(owner: usize, w: usize): void {
  const next = <usize>get32(w + WAITER_OWN_NEXT);
  const prev = <usize>get32(w + WAITER_OWN_PREV);
  enter();
  if (next != 0) set32(next + WAITER_OWN_PREV, <u32>prev);
  if (prev != 0) set32(prev + WAITER_OWN_NEXT, <u32>next);
  else set32(owner + THREAD_WAITERS, <u32>next);
  set32(self + THREAD_PENDING, <u32>w);
  leave();
  arena_free(w);
}

/** Frees a waiter that is DONE or CANCELLED. Only its thread calls this, and only once. A message that belongs to it is in the thread's hands then. */
export function waiter_release(w: usize): void {
  message_reclaim(w);
  discard(self, w);
}

// @ts-ignore: decorator
@inline function flagOf(object: usize, queue: usize): u32 {
  return queue == object + CHANNEL_RECVQ ? CHANNEL_RECEIVERS : CHANNEL_SENDERS;
}

/** Appends the waiter to its queue. The caller holds the lock, inside a section. */
// @ts-ignore: decorator
@inline export function append(w: usize): void {
  const object = <usize>get32(w + WAITER_OBJECT);
  const queue = <usize>get32(w + WAITER_QUEUE);
  const last = <usize>get32(queue + QUEUE_LAST);
  set32(w + WAITER_NEXT, 0);
  set32(w + WAITER_PREV, <u32>last);
  set32(w + WAITER_LINKED, LINKED_QUEUE);
  set32(queue + QUEUE_LAST, <u32>w);
  if (last != 0) set32(last + WAITER_NEXT, <u32>w);
  else {
    set32(queue + QUEUE_FIRST, <u32>w);
    // The Dekker pair of parking: we raise the flag, then look at the ring (channel_settle); the other side changes the ring, then
    // looks at the flag (the fast paths). One of the two sees the other.
    or32(object + HEAD_STATE, flagOf(object, queue));
  }
  add32(object + CHANNEL_PARKS, 1); // after the flag: who has been counted is seen until gone. See channel_probe
}

/** Takes the waiter out of its queue. The caller holds the lock, inside a section. */
// @ts-ignore: decorator
@inline export function unlink(w: usize): void {
  const object = <usize>get32(w + WAITER_OBJECT);
  const queue = <usize>get32(w + WAITER_QUEUE);
  const next = <usize>get32(w + WAITER_NEXT);
  const prev = <usize>get32(w + WAITER_PREV);
  if (next != 0) set32(next + WAITER_PREV, <u32>prev);
  else set32(queue + QUEUE_LAST, <u32>prev);
  if (prev != 0) set32(prev + WAITER_NEXT, <u32>next);
  else set32(queue + QUEUE_FIRST, <u32>next);
  if (next == 0 && prev == 0) and32(object + HEAD_STATE, ~flagOf(object, queue));
  set32(w + WAITER_LINKED, get32(w + WAITER_LINKED) & LINKED_MESSAGE);
}

export const GOT: u32 = 0;
export const GONE: u32 = 1; // done or cancelled: to be taken out of the queue
export const HELD: u32 = 2; // another thread is at it, inside its section

/** Claims a select, so that one of its cases can be completed. `select` is WAITER_SELECT: 0 needs no claim, the object's lock is enough. */
// @ts-ignore: decorator
@inline export function claim(select: usize): u32 {
  if (select == 0) return GOT;
  const state = cas32(select + WAITER_STATE, WAITING, CLAIMED);
  return state == WAITING ? GOT : state == CLAIMED ? HELD : GONE;
}

/** Gives a claimed select back: nothing came of it. In the section of the claim. */
// @ts-ignore: decorator
@inline export function unclaim(select: usize): void {
  if (select != 0) store32(select + WAITER_STATE, WAITING);
}

/**
 * Unlinks the waiter, whose select has been claimed, and marks it DONE; returns the bell to ring once the lock is free, or 0. The caller holds the
 * lock, inside a section. After this the waiter belongs to its thread again, but for the link of the ready list. The loop of the calling
 * thread is not rung: the bindings look at the ready list after every call that may come here, whatever it returns.
 */
// @ts-ignore: decorator
@inline export function complete(w: usize, outcome: u32): usize {
  unlink(w);
  const select = <usize>get32(w + WAITER_SELECT);
  const told = select != 0 ? select : w;
  set32(told + WAITER_OUTCOME, outcome);
  set32(told + WAITER_HIT, <u32>w);
  const thread = <usize>get32(told + WAITER_THREAD);
  if (get32(told + WAITER_TOKEN) == TOKEN_BLOCKING) {
    // Publishes outcome and value; pairs with the loads in waiter_wait. The record may be reused from here on.
    store32(told + WAITER_STATE, DONE);
    return thread + THREAD_BELL;
  }
  store32(told + WAITER_READY, LINK_PENDING);
  store32(told + WAITER_STATE, DONE);
  // Publishes the waiter; pairs with the exchange in thread_nextReady, which waits until the link below is there.
  store32(told + WAITER_READY, xchg32(thread + THREAD_READY, <u32>told));
  return thread == self ? 0 : thread + THREAD_LOOP_BELL;
}

/** Rings a bell returned by `complete`. Straight-line, so that it can end the section: a waiter completed is a waiter told. */
// @ts-ignore: decorator
@inline export function ring(bell: usize): void {
  if (bell != 0) {
    // The word after a bell says whether its thread sleeps. Dekker: we set the waiter's state and the bell, then look whether the
    // thread sleeps; it says that it sleeps, then looks at the state and the bell.
    add32(bell, 1);
    if (load32(bell + (THREAD_ASLEEP - THREAD_BELL)) != 0) notify(bell, 1);
  }
}

if (THREAD_LOOP_ARMED - THREAD_LOOP_BELL != THREAD_ASLEEP - THREAD_BELL) ERROR("both bells must have their sleep word at the same distance");

/**
 * Sleeps until the wait has ended, but once only, and at most `ms` milliseconds (< 0: for ever). Returns DONE or WAITING. May
 * return early: the caller loops. This is what the model checker runs; the bindings do the same in sleep (src/wait.ts).
 */
export function waiter_wait(w: usize, ms: f64): u32 {
  if (ended(load32(w + WAITER_STATE))) return DONE;
  const bell = load32(self + THREAD_BELL);
  store32(self + THREAD_ASLEEP, 1);
  if (!ended(load32(w + WAITER_STATE))) {
    wait32(self + THREAD_BELL, bell, ms < 0 ? -1 : <i64>(min(ms, 1e12) * 1e6));
  }
  store32(self + THREAD_ASLEEP, 0);
  return ended(load32(w + WAITER_STATE)) ? DONE : WAITING;
}

// @ts-ignore: decorator
@inline function ended(state: u32): bool { return state != WAITING && state != CLAIMED; }

/**
 * Ends the wait, unless it has ended already. Returns CANCELLED (nothing happened and nothing will), DONE, or BUSY: the lock is held by a
 * thread that the system has stopped, try again later.
 */
export function waiter_cancel(w: usize): u32 {
  const object = <usize>get32(w + WAITER_OBJECT);
  let tries: u32 = 0;
  while (true) {
    enter();
    if (tryLock(object)) {
      let state: u32 = DONE;
      if (get32(w + WAITER_LINKED) & LINKED_QUEUE) {
        unlink(w);
        store32(w + WAITER_STATE, CANCELLED);
        state = CANCELLED;
      }
      const more = unlock(object);
      leave();
      if (more) channel_settle(object);
      return state;
    }
    leave();
    if (relax(tries++)) return BUSY;
  }
  return DONE;
}

/** A select without cases, whose wait has ended; 0 if the arena is full. */
export function select_create(): usize {
  const select = waiter_create(0, 0, 0, 0, 0);
  if (select != 0) set32(select + WAITER_STATE, CANCELLED);
  return select;
}

/** Begins the next wait of a select, none of whose cases is in a queue. */
export function select_rearm(select: usize, token: u32): void {
  set32(select + WAITER_TOKEN, token);
  store32(select + WAITER_STATE, WAITING);
}

/** Ends the wait of a select, as waiter_cancel. Its cases are still in their queues. */
export function select_cancel(select: usize): u32 {
  let tries: u32 = 0;
  while (true) {
    const state = cas32(select + WAITER_STATE, WAITING, CANCELLED);
    if (state == WAITING) return CANCELLED;
    if (state != CLAIMED) return state;
    if (relax(tries++)) return BUSY;
  }
  return DONE;
}

/** Takes a case of a select that has ended out of its queue, if it is still there: OK or BUSY. A message that it did not send is in the thread's hands then. */
export function select_unpark(w: usize): u32 {
  if (waiter_cancel(w) == BUSY) return BUSY;
  message_reclaim(w);
  return OK;
}

/** Takes a waiter of a dead thread out of its queue and frees it, with its message. A value that was handed to it is lost with its operation. */
export function waiter_drop(owner: usize, w: usize): void {
  // The cases of a select are newer than the select, so they come first: it must not be completed any more.
  const select = <usize>get32(w + WAITER_SELECT);
  if (select != 0) while (select_cancel(select) == BUSY) {}
  if (get32(w + WAITER_OBJECT) != 0) while (waiter_cancel(w) == BUSY) {}
  if (get32(w + WAITER_LINKED) & LINKED_MESSAGE) {
    message_reclaim(w);
    message_free(<usize><u32>get64(w + WAITER_VALUE));
  }
  discard(owner, w);
}

/** Takes the object's lock if it is free. Inside a section, which must unlock. */
// @ts-ignore: decorator
@inline export function tryLock(object: usize): bool {
  return cas32(object + CHANNEL_LOCK, 0, <u32>self) == 0;
}

/** Frees the lock. True if somebody relies on the caller to settle, which is then noted as its duty. */
// @ts-ignore: decorator
@inline export function unlock(object: usize): bool {
  if (!(xchg32(object + CHANNEL_LOCK, 0) & LOCK_MORE)) return false;
  duty(DUTY_SETTLE, object, 0);
  return true;
}

/** The next completed async waiter of the calling thread, in the order of completion; 0 if there is none. */
export function thread_nextReady(): usize {
  let taken = <usize>get32(self + THREAD_TAKEN);
  if (taken == 0) {
    if (load32(self + THREAD_READY) == 0) return 0;
    let w = <usize>xchg32(self + THREAD_READY, 0);
    // The list is newest first: turn it round.
    while (w != 0) {
      let next = load32(w + WAITER_READY);
      let tries: u32 = 0;
      while (next == LINK_PENDING) {
        // The thread that completed it is between the exchange and the link.
        relax(tries++);
        next = load32(w + WAITER_READY);
      }
      store32(w + WAITER_READY, <u32>taken);
      taken = w;
      w = next;
    }
  }
  set32(self + THREAD_TAKEN, load32(taken + WAITER_READY));
  return taken;
}
