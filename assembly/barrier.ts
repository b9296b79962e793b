// Barrier: threads that wait for each other, round after round.
//
// Who may call: any attached thread. `open` is the HEAD_STATE that the caller's handle expects.
//
// Algorithm: a central counter; the last to arrive begins the next round (the round takes the place of the sense of a sense-reversing barrier:
// D. Hensgen, R. Finkel, U. Manber, "Two algorithms for barrier synchronization", 1988). Who waits keeps its round.
//
//   SYNC_STATE: arrived:32 | generation:24 | 0:8           ledger: identity:32 | round:16 | how many of the thread have arrived in it:16
//
// Invariant, under the lock: `arrived` is how many wait in this round, and fewer than the parties, but for those of dead threads that have been
// taken out of the queue and not yet been counted down.
//
// Leaving. Who gives up does so under the lock, in the section in which it leaves the queue (barrier_cancel): it is counted, and then all have
// arrived, or it has never been there.
//
// Death. Who dies waiting leaves when it has been reaped (barrier_mend). A round that is complete before that counts it.
//
// Progress: the lock of the queue is held only inside killable sections; nobody waits for it but those.

import { cas64, enter, get32, get64, leave, load32, load64, set32, set64, store32, store64 } from "./atomics.ts";
import {
  BARRIER_PARTIES, BARRIER_ROUND, BUSY, CANCELLED, CHANNEL_RECEIVERS, CHANNEL_RECVQ, DONE, FINE, FLAGS_MASK, HEAD_STATE, KIND_BARRIER, LINKED_QUEUE, NO_MEMORY, OK, RETRY, UNSETTLED,
  STALE, SYNC_STATE, THREAD_BYTES, TOLD, WAITER_LINKED, WAITER_STATE, WAITER_THREAD, WAITER_VALUE, WOULD_BLOCK,
} from "./layout.ts";
import { book, booked, entryOf, firstSlot, heldBy, holderIn, ledger_make, ledger_next, ledger_peek, leftBy } from "./ledger.ts";
import { firstOf, isDead, me, sync_claim, sync_dispose, sync_made, waiterIdentity } from "./sync.ts";
import { relax, self } from "./thread.ts";
import { append, complete, ring, tryLock, unlink, unlock, waiter_create, waiter_release } from "./waiter.ts";

/** A new barrier; 0 if the arena is full. */
export function barrier_create(parties: u32): usize {
  const b = sync_claim();
  if (b == 0) return 0;
  const open = load32(b + HEAD_STATE);
  set32(b + BARRIER_PARTIES, parties);
  if (ledger_make(b, open) != OK) {
    sync_dispose(b, open);
    return 0;
  }
  store64(b + SYNC_STATE, open);
  sync_made(b, KIND_BARRIER);
  return b;
}

// @ts-ignore: decorator
@inline function isOf(word: u64, open: u32): bool { return (<u32>word & ~FLAGS_MASK) == open; }
// @ts-ignore: decorator
@inline function arrivedIn(word: u64): u32 { return <u32>(word >> 32); }
// @ts-ignore: decorator
@inline function withArrived(arrived: u32, open: u32): u64 { return <u64>arrived << 32 | <u64>open; }
/** What an entry says of that round. */
// @ts-ignore: decorator
@inline function inRound(round: u32, held: u32): u32 { return held >> 16 == round ? held & 0xffff : 0; }
// @ts-ignore: decorator
@inline function entryFor(round: u32, count: u32): u32 { return count == 0 ? 0 : round << 16 | count; }

/** If all others have arrived: arrives, as the last one. FINE or TOLD, UNSETTLED (it is done; call barrier_serve), WOULD_BLOCK, STALE or BUSY. */
export function barrier_arrive(b: usize, open: u32): u32 {
  let tries: u32 = 0;
  while (true) {
    let result: u32 = BUSY;
    enter();
    if (tryLock(b)) {
      const word = load64(b + SYNC_STATE);
      result = STALE;
      if (isOf(word, open)) {
        result = WOULD_BLOCK;
        // What a dead thread has left in our entry does not count: it is for who mends, or who parks.
        if (arrivedIn(word) + 1 == get32(b + BARRIER_PARTIES) && inRound(get32(b + BARRIER_ROUND), leftBy(me(), booked(entryOf(b, self)))) == 0) {
          result = STALE;
          if (cas64(b + SYNC_STATE, word, withArrived(0, open)) == word) {
            set32(b + BARRIER_ROUND, get32(b + BARRIER_ROUND) + 1 & 0xffff);
            result = FINE;
          }
        }
      }
      unlock(b);
    }
    leave();
    if (result == FINE) return served(serve(b, open));
    if (result != BUSY) return result;
    if (relax(tries++)) return BUSY;
  }
  return STALE;
}

// @ts-ignore: decorator
@inline function served(status: u32): u32 { return status == BUSY ? UNSETTLED : status; }

/** Completes a waiter whose round is over: the bell to ring. Under the lock. */
// @ts-ignore: decorator
@inline function letGo(b: usize, w: usize): usize {
  const round = <u32>get64(w + WAITER_VALUE);
  const at = entryOf(b, <usize>get32(w + WAITER_THREAD));
  const held = heldBy(waiterIdentity(w), booked(at));
  // Nothing stays there that could be taken for something of a round with the same number.
  if (inRound(round, held) != 0) book(at, waiterIdentity(w), entryFor(round, inRound(round, held) - 1));
  return complete(w, OK);
}

/** Lets those go on whose round is over: FINE or TOLD, or BUSY. */
function serve(b: usize, open: u32): u32 {
  let told = FINE;
  let tries: u32 = 0;
  while (load32(b + HEAD_STATE) & CHANNEL_RECEIVERS) {
    let bell: usize = 0;
    let more = false;
    let locked = false;
    enter();
    if (tryLock(b)) {
      locked = true;
      const w = firstOf(b, CHANNEL_RECVQ);
      if (w != 0 && isOf(load64(b + SYNC_STATE), open) && <u32>get64(w + WAITER_VALUE) != get32(b + BARRIER_ROUND)) {
        bell = letGo(b, w);
        more = true;
      }
      unlock(b);
      ring(bell);
    }
    leave();
    if (more) told = TOLD;
    else if (locked) break;
    else if (relax(tries++)) return BUSY;
  }
  return told;
}

/** The same, for the bindings. */
export function barrier_serve(b: usize, open: u32): u32 { return serve(b, open); }

/** Arrives: the waiter, or TOLD (as the last one), NO_MEMORY, STALE or BUSY. The waiter's outcome is OK (all have arrived) or STALE. */
export function barrier_park(b: usize, open: u32, token: u32): usize {
  const w = waiter_create(b, CHANNEL_RECVQ, token, 0, 0);
  if (w == 0) return NO_MEMORY;
  let tries: u32 = 0;
  while (true) {
    let result: u32 = BUSY;
    enter();
    if (tryLock(b)) {
      const word = load64(b + SYNC_STATE);
      result = STALE;
      if (isOf(word, open)) {
        const round = get32(b + BARRIER_ROUND);
        const at = entryOf(b, self);
        const entry = booked(at);
        const others = arrivedIn(word) - inRound(round, leftBy(me(), entry));
        const mine = inRound(round, heldBy(me(), entry));
        const last = others + 1 == get32(b + BARRIER_PARTIES);
        // Not into a queue that is being emptied for good: the word is 0 then.
        if (cas64(b + SYNC_STATE, word, withArrived(last ? 0 : others + 1, open)) == word) {
          if (last) {
            set32(b + BARRIER_ROUND, round + 1 & 0xffff);
            book(at, me(), 0);
            result = TOLD;
          } else {
            book(at, me(), entryFor(round, mine + 1));
            set64(w + WAITER_VALUE, round);
            append(w);
            result = RETRY;
          }
        }
      }
      unlock(b);
    }
    leave();
    if (result == RETRY) return w;
    if (result == TOLD) while (serve(b, open) == BUSY) {}
    if (result != BUSY || relax(tries++)) {
      waiter_release(w);
      return result;
    }
  }
  return STALE;
}

/** Leaves, unless all have arrived: CANCELLED, DONE or BUSY. In place of waiter_cancel. */
export function barrier_cancel(b: usize, open: u32, w: usize): u32 {
  let tries: u32 = 0;
  while (true) {
    let result: u32 = BUSY;
    enter();
    if (tryLock(b)) {
      result = DONE;
      if (get32(w + WAITER_LINKED) & LINKED_QUEUE) {
        const word = load64(b + SYNC_STATE);
        const round = get32(b + BARRIER_ROUND);
        if (isOf(word, open) && <u32>get64(w + WAITER_VALUE) != round) ring(letGo(b, w));
        else {
          unlink(w);
          store32(w + WAITER_STATE, CANCELLED);
          result = CANCELLED;
          // If it has been disposed of, nobody counts any more.
          if (isOf(word, open) && cas64(b + SYNC_STATE, word, withArrived(arrivedIn(word) - 1, open)) == word) {
            const at = entryOf(b, <usize>get32(w + WAITER_THREAD));
            book(at, me(), entryFor(round, inRound(round, heldBy(me(), booked(at))) - 1));
          }
        }
      }
      unlock(b);
    }
    leave();
    if (result != BUSY || relax(tries++)) return result;
  }
  return DONE;
}

/** How many wait in this round; -1 if stale. */
export function barrier_waiting(b: usize, open: u32): i32 {
  const word = load64(b + SYNC_STATE);
  return isOf(word, open) ? <i32>arrivedIn(word) : -1;
}

/** Takes out of the round who has died waiting, and lets those go on whose round is over. */
export function barrier_mend(b: usize, open: u32): void {
  let tries: u32 = 0;
  let slot = ledger_next(b, firstSlot());
  while (slot != 0) {
    const entry = ledger_peek(b, slot);
    let done = <u32>entry == 0 || !isDead(holderIn(entry));
    if (!done) {
      enter();
      if (tryLock(b)) {
        const word = load64(b + SYNC_STATE);
        done = true;
        if (isOf(word, open)) {
          const at = entryOf(b, slot);
          const fewer = inRound(get32(b + BARRIER_ROUND), <u32>entry);
          if (booked(at) == entry && cas64(b + SYNC_STATE, word, withArrived(arrivedIn(word) - fewer, open)) == word) book(at, holderIn(entry), 0);
        }
        unlock(b);
      }
      leave();
    }
    if (done) slot = ledger_next(b, slot + THREAD_BYTES);
    else relax(tries++);
  }
  while (serve(b, open) == BUSY) {}
}
