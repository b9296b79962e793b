// WaitGroup: a counter that threads wait for to become zero.
//
// Who may call: any attached thread. `open` is the HEAD_STATE that the caller's handle expects.
//
// Algorithm: Go's (sync/waitgroup.go), but that a group may be used again at once: the word counts how often the counter has become zero (the
// epoch), and who waits keeps the epoch in which it began. So it is released though the counter has risen again since.
//
//   SYNC_STATE: count:32 | generation:24 | epoch:8         ledger: how many of the count belong to each thread (see wait_group_begin)
//
// Waiting. Dekker: who parks raises CHANNEL_RECEIVERS, then looks at the word (serve); who makes the counter zero changes the word, then looks at the
// flag. Nobody goes on before it has served those who wait, so that none of them sees 256 epochs go by.
//
// Death. What belongs to a dead thread is counted down by wait_group_mend. What was just added belongs to nobody.
//
// Progress: adding is lock-free, but for who makes the counter zero while somebody waits; the lock of the queue is held only inside killable sections.

import { cas64, enter, get32, get64, leave, load32, load64, store64 } from "./atomics.ts";
import {
  BUSY, CHANNEL_RECEIVERS, CHANNEL_RECVQ, FINE, FLAGS_MASK, HEAD_STATE, KIND_WAIT_GROUP, NOT_HELD, NO_MEMORY, OK, OVERFLOW, RETRY, UNSETTLED, STALE, SYNC_LEDGER, SYNC_STATE, THREAD_BYTES,
  TOLD, WAITER_VALUE,
} from "./layout.ts";
import { book, booked, entryOf, firstSlot, heldBy, holderIn, ledger_make, ledger_next, ledger_peek, leftBy } from "./ledger.ts";
import { firstOf, isDead, me, sync_claim, sync_made } from "./sync.ts";
import { relax, self } from "./thread.ts";
import { append, complete, ring, tryLock, unlock, waiter_create, waiter_release } from "./waiter.ts";

/** A new group, its counter 0; 0 if the arena is full. */
export function wait_group_create(): usize {
  const g = sync_claim();
  if (g == 0) return 0;
  store64(g + SYNC_STATE, load32(g + HEAD_STATE));
  sync_made(g, KIND_WAIT_GROUP);
  return g;
}

// @ts-ignore: decorator
@inline function isOf(word: u64, open: u32): bool { return (<u32>word & ~FLAGS_MASK) == open; }
// @ts-ignore: decorator
@inline function countIn(word: u64): u32 { return <u32>(word >> 32); }
// @ts-ignore: decorator
@inline function epochIn(word: u64): u32 { return <u32>word & FLAGS_MASK; }
/** The word with that count, which is another one: a new epoch begins where it is zero. */
// @ts-ignore: decorator
@inline function withCount(count: u32, word: u64): u64 {
  return <u64>count << 32 | <u64>(count == 0 ? (<u32>word & ~FLAGS_MASK) | (<u32>word + 1 & FLAGS_MASK) : <u32>word);
}

/**
 * Adds to the counter: FINE or TOLD, UNSETTLED (it is done; call wait_group_serve), STALE, NOT_HELD (the counter would be negative) or OVERFLOW.
 */
export function wait_group_add(g: usize, open: u32, delta: i32): u32 {
  while (true) {
    const word = load64(g + SYNC_STATE);
    if (!isOf(word, open)) return STALE;
    const count = <i64>countIn(word) + <i64>delta;
    if (count < 0) return NOT_HELD;
    if (count > i32.MAX_VALUE) return OVERFLOW;
    if (delta == 0) return FINE;
    if (cas64(g + SYNC_STATE, word, withCount(<u32>count, word)) == word) return count != 0 ? FINE : zeroed(g, open);
  }
  return STALE;
}

// @ts-ignore: decorator
@inline function zeroed(g: usize, open: u32): u32 { return load32(g + HEAD_STATE) == open ? <u32>FINE : served(serve(g, open)); }
// @ts-ignore: decorator
@inline function served(status: u32): u32 { return status == BUSY ? UNSETTLED : status; }

/** Tells those for whom the counter has been zero: FINE or TOLD, or BUSY. */
function serve(g: usize, open: u32): u32 {
  let told = FINE;
  let tries: u32 = 0;
  while (load32(g + HEAD_STATE) & CHANNEL_RECEIVERS) {
    let bell: usize = 0;
    let more = false;
    let locked = false;
    enter();
    if (tryLock(g)) {
      locked = true;
      const word = load64(g + SYNC_STATE);
      const w = firstOf(g, CHANNEL_RECVQ);
      // Who has come later began in the same epoch, or in a later one.
      if (w != 0 && isOf(word, open) && (countIn(word) == 0 || <u32>get64(w + WAITER_VALUE) != epochIn(word))) {
        bell = complete(w, OK);
        more = true;
      }
      unlock(g);
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
export function wait_group_serve(g: usize, open: u32): u32 { return serve(g, open); }

/** The counter; -1 if stale. */
export function wait_group_count(g: usize, open: u32): i32 {
  const word = load64(g + SYNC_STATE);
  return isOf(word, open) ? <i32>countIn(word) : -1;
}

/** 0 if the counter is zero, else the epoch + 1; -1 if stale. */
export function wait_group_look(g: usize, open: u32): i32 {
  const word = load64(g + SYNC_STATE);
  return isOf(word, open) ? (countIn(word) == 0 ? 0 : <i32>epochIn(word) + 1) : -1;
}

/**
 * Queues up, for who has looked: the waiter; or OK if the counter is zero or has been since that look, or NO_MEMORY, STALE or BUSY. The waiter's
 * outcome is OK or STALE.
 */
export function wait_group_park(g: usize, open: u32, token: u32, look: u32): usize {
  const w = waiter_create(g, CHANNEL_RECVQ, token, look - 1, 0);
  if (w == 0) return NO_MEMORY;
  let tries: u32 = 0;
  while (true) {
    let result: u32 = BUSY;
    enter();
    if (tryLock(g)) {
      const word = load64(g + SYNC_STATE);
      result = STALE;
      if (isOf(word, open)) {
        result = OK;
        if (countIn(word) != 0 && epochIn(word) == look - 1) {
          append(w);
          result = RETRY;
        }
      }
      unlock(g);
    }
    leave();
    if (result == RETRY) break;
    if (result != BUSY || relax(tries++)) {
      waiter_release(w);
      return result;
    }
  }
  // Dekker: we are in the queue, and look at the word.
  while (serve(g, open) == BUSY) {}
  return w;
}

/**
 * Makes one of the count the calling thread's, and adds it before if `more` is 1: FINE, STALE, NO_MEMORY, BUSY, NOT_HELD (the counter is zero) or
 * OVERFLOW. If the thread dies before wait_group_end, its reaper counts it down.
 */
export function wait_group_begin(g: usize, open: u32, more: u32): u32 {
  let tries: u32 = 0;
  while (true) {
    let result: u32 = BUSY;
    enter();
    if (tryLock(g)) {
      const word = load64(g + SYNC_STATE);
      const count = countIn(word) + more;
      result = STALE;
      if (isOf(word, open)) {
        if (count == 0) result = NOT_HELD;
        else if (count > <u32>i32.MAX_VALUE) result = OVERFLOW;
        else if (get32(g + SYNC_LEDGER) == 0) result = NO_MEMORY;
        else {
          const at = entryOf(g, self);
          const entry = booked(at);
          result = RETRY;
          if (leftBy(me(), entry) == 0 && cas64(g + SYNC_STATE, word, more != 0 ? withCount(count, word) : word) == word) {
            book(at, me(), heldBy(me(), entry) + 1);
            result = FINE;
          }
        }
      }
      unlock(g);
    }
    leave();
    if (result == NO_MEMORY) {
      result = ledger_make(g, open);
      if (result == NO_MEMORY) return result;
      // It is being disposed of, but not yet for all.
      if (result == STALE && isOf(load64(g + SYNC_STATE), open)) relax(tries++);
    } else if (result == RETRY) takeBack(g, open);
    else if (result != BUSY) return result;
    else if (relax(tries++)) return BUSY;
  }
  return STALE;
}

/** The end of what wait_group_begin began, in the same thread: FINE or TOLD, UNSETTLED (as wait_group_add), STALE, BUSY, or NOT_HELD (others have counted it down). */
export function wait_group_end(g: usize, open: u32): u32 {
  let tries: u32 = 0;
  while (true) {
    let result: u32 = BUSY;
    let zero = false;
    enter();
    if (tryLock(g)) {
      const word = load64(g + SYNC_STATE);
      result = STALE;
      if (isOf(word, open)) {
        const at = entryOf(g, self);
        const held = heldBy(me(), booked(at));
        const count = countIn(word);
        result = NOT_HELD;
        if (held != 0) {
          if (count == 0) book(at, me(), held - 1);
          else {
            result = RETRY;
            if (cas64(g + SYNC_STATE, word, withCount(count - 1, word)) == word) {
              book(at, me(), held - 1);
              zero = count == 1;
              result = FINE;
            }
          }
        }
      }
      unlock(g);
    }
    leave();
    if (result == FINE) return zero ? zeroed(g, open) : <u32>FINE;
    if (result == BUSY) {
      if (relax(tries++)) return BUSY;
    } else if (result != RETRY) return result;
  }
  return STALE;
}

/** Counts down what belongs to the dead. */
function takeBack(g: usize, open: u32): void {
  let tries: u32 = 0;
  let slot = ledger_next(g, firstSlot());
  while (slot != 0) {
    const entry = ledger_peek(g, slot);
    let done = <u32>entry == 0 || !isDead(holderIn(entry));
    if (!done) {
      enter();
      if (tryLock(g)) {
        const word = load64(g + SYNC_STATE);
        done = true;
        if (isOf(word, open)) {
          const at = entryOf(g, slot);
          const fewer = min(countIn(word), <u32>entry);
          done = booked(at) == entry && (fewer == 0 || cas64(g + SYNC_STATE, word, withCount(countIn(word) - fewer, word)) == word);
          if (done) book(at, holderIn(entry), 0);
        }
        unlock(g);
      }
      leave();
    }
    if (done) slot = ledger_next(g, slot + THREAD_BYTES);
    else relax(tries++);
  }
}

/** Counts down what belongs to the dead, and tells who waits. */
export function wait_group_mend(g: usize, open: u32): void {
  takeBack(g, open);
  while (serve(g, open) == BUSY) {}
}
