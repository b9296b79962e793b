// Semaphore: weighted, first come, first served.
//
// Who may call: any attached thread. `open` is the HEAD_STATE that the caller's handle expects. Releasing is for any thread.
//
// Algorithm: Go's (golang.org/x/sync/semaphore): who cannot have what it wants queues up, and whoever is first in the queue is served first, however
// much it wants; while anybody waits nobody else gets anything.
//
//   SYNC_STATE: available:32 | generation:24 | 0:8         ledger: what each thread holds
//
// Invariant, under the lock: what is available and what the ledger says is held make up the size. So the lock is taken for both to change
// together; it is the lock of the queue, held only inside killable sections.
//
// Waiting. Who parks raises CHANNEL_RECEIVERS, then looks at what is available (serve); who gives something back changes that, then looks at the
// flag: both under the lock. Who leaves the queue looks too (the bindings): it may have been in the way.
//
// Death. What a dead thread holds is given back by semaphore_mend, entry by entry, each in one section.
//
// Progress: refusing is wait-free; all else waits for the lock at most.

import { cas64, enter, get32, get64, leave, load32, load64, peek32, peek64, set32, store64 } from "./atomics.ts";
import {
  BUSY, CHANNEL_DISPOSED, CHANNEL_RECEIVERS, CHANNEL_RECVQ, FINE, FLAGS_MASK, HEAD_STATE, KIND_SEMAPHORE, NOBODY, NOT_HELD, NO_MEMORY, OK, RETRY, SEMAPHORE_SIZE, UNSETTLED, STALE,
  SYNC_STATE, THREAD_BYTES, TOLD, WAITER_THREAD, WAITER_VALUE, WOULD_BLOCK,
} from "./layout.ts";
import { book, booked, entryOf, firstSlot, heldBy, holderIn, ledger_make, ledger_next, ledger_peek, leftBy } from "./ledger.ts";
import { firstOf, isDead, me, sync_claim, sync_dispose, sync_made, waiterIdentity } from "./sync.ts";
import { relax, self } from "./thread.ts";
import { append, complete, ring, tryLock, unlock, waiter_create, waiter_release } from "./waiter.ts";

/** A new semaphore of that size, all of it available; 0 if the arena is full. */
export function semaphore_create(size: u32): usize {
  const s = sync_claim();
  if (s == 0) return 0;
  const open = load32(s + HEAD_STATE);
  set32(s + SEMAPHORE_SIZE, size);
  if (ledger_make(s, open) != OK) {
    sync_dispose(s, open);
    return 0;
  }
  store64(s + SYNC_STATE, <u64>size << 32 | <u64>open);
  sync_made(s, KIND_SEMAPHORE);
  return s;
}

// @ts-ignore: decorator
@inline function isOf(word: u64, open: u32): bool { return (<u32>word & ~FLAGS_MASK) == open; }
// @ts-ignore: decorator
@inline function availableIn(word: u64): u32 { return <u32>(word >> 32); }
// @ts-ignore: decorator
@inline function withAvailable(available: u32, open: u32): u64 { return <u64>available << 32 | <u64>open; }

/** Takes `n` if so many are available and nobody waits: FINE, WOULD_BLOCK, STALE or BUSY. */
export function semaphore_tryAcquire(s: usize, open: u32, n: u32): u32 {
  let tries: u32 = 0;
  while (true) {
    // A hint: who is refused is refused by what stands there now.
    if (availableIn(peek64(s + SYNC_STATE)) < n || peek32(s + HEAD_STATE) != open) {
      const word = load64(s + SYNC_STATE);
      if (!isOf(word, open)) return STALE;
      const head = load32(s + HEAD_STATE);
      if (availableIn(word) < n || ((head & ~(CHANNEL_RECEIVERS | CHANNEL_DISPOSED)) == open && head & CHANNEL_RECEIVERS)) return WOULD_BLOCK;
      if (head != open) {
        // It is being disposed of, but not yet for all.
        if (isOf(load64(s + SYNC_STATE), open) && relax(tries++)) return BUSY;
        continue;
      }
    }
    let done = false;
    let locked = false;
    enter();
    if (tryLock(s)) {
      locked = true;
      // Under the lock only who disposes changes it, and then the compare-and-swap fails.
      const now = peek64(s + SYNC_STATE);
      if (isOf(now, open) && availableIn(now) >= n && peek32(s + HEAD_STATE) == open) {
        const at = entryOf(s, self);
        const entry = booked(at);
        done = cas64(s + SYNC_STATE, now, withAvailable(availableIn(now) + leftBy(me(), entry) - n, open)) == now;
        if (done) book(at, me(), heldBy(me(), entry) + n);
      }
      unlock(s);
    }
    leave();
    if (done) return FINE;
    if (!locked && relax(tries++)) return BUSY;
  }
  return STALE;
}

/** Gives `n` back, whoever has acquired them: FINE or TOLD, UNSETTLED (call semaphore_serve), NOT_HELD, STALE or BUSY (nothing has happened). */
export function semaphore_release(s: usize, open: u32, n: u32): u32 {
  let tries: u32 = 0;
  while (true) {
    let result: u32 = BUSY;
    let parked = false;
    enter();
    if (tryLock(s)) {
      const word = peek64(s + SYNC_STATE);
      result = STALE;
      if (isOf(word, open)) {
        result = NOT_HELD;
        if (<u64>availableIn(word) + <u64>n <= <u64>get32(s + SEMAPHORE_SIZE)) {
          const at = entryOf(s, self);
          const entry = booked(at);
          result = RETRY;
          if (<u32>entry >= n) {
            // What a dead thread has left in our entry goes back as a whole: ours is in it.
            const mine = holderIn(entry) == me();
            result = STALE;
            if (cas64(s + SYNC_STATE, word, withAvailable(availableIn(word) + (mine ? n : <u32>entry), open)) == word) {
              book(at, me(), mine ? <u32>entry - n : 0);
              result = FINE;
            }
          }
        }
      }
      // Who parks after this looks at the word itself.
      parked = peek32(s + HEAD_STATE) != open;
      unlock(s);
    }
    leave();
    if (result == RETRY && gather(s, open, n)) {
      result = FINE;
      parked = true;
    }
    if (result == FINE) return parked ? served(serve(s, open)) : <u32>FINE;
    if (result != BUSY && result != RETRY) return result;
    if (result == BUSY && relax(tries++)) return BUSY;
  }
  return STALE;
}

// @ts-ignore: decorator
@inline function served(status: u32): u32 { return status == BUSY ? UNSETTLED : status; }

/**
 * Others have acquired what the calling thread gives back: moves it into its own entry, from one after the other, and gives it back once it is there:
 * whether it has. In the same section as the last move, so that two who do this cannot take it from each other for ever.
 */
function gather(s: usize, open: u32, n: u32): bool {
  for (let slot = ledger_next(s, firstSlot()); slot != 0; slot = ledger_next(s, slot + THREAD_BYTES)) {
    if (slot == self) continue;
    let done = false;
    let tries: u32 = 0;
    while (true) {
      let locked = false;
      enter();
      if (tryLock(s)) {
        locked = true;
        const word = peek64(s + SYNC_STATE);
        if (isOf(word, open)) {
          const from = entryOf(s, slot);
          const to = entryOf(s, self);
          const theirs = booked(from);
          const have = <u32>booked(to);
          const lacking = n > have ? n - have : 0;
          const moved = min(lacking, <u32>theirs);
          // If it has been disposed of, the word is another one, and what is written here is of no account.
          if (moved == lacking) done = cas64(s + SYNC_STATE, word, withAvailable(availableIn(word) + n, open)) == word;
          book(from, holderIn(theirs), <u32>theirs - moved);
          book(to, me(), have + moved - (done ? n : 0));
        }
        unlock(s);
      }
      leave();
      if (locked) break;
      relax(tries++);
    }
    if (done) return true;
  }
  return false;
}

/** Serves those who wait, in their order, as long as there is enough for the first: FINE or TOLD, or BUSY. */
function serve(s: usize, open: u32): u32 {
  let told = FINE;
  let tries: u32 = 0;
  while (load32(s + HEAD_STATE) & CHANNEL_RECEIVERS) {
    let bell: usize = 0;
    let more = false;
    let locked = false;
    enter();
    if (tryLock(s)) {
      locked = true;
      const word = load64(s + SYNC_STATE);
      const w = firstOf(s, CHANNEL_RECVQ);
      if (w != 0 && isOf(word, open)) {
        const identity = waiterIdentity(w);
        if (identity == NOBODY) {
          // It is dead, and its reaper about to take it out of the queue.
          bell = complete(w, RETRY);
          more = true;
        } else {
          const n = <u32>get64(w + WAITER_VALUE);
          const at = entryOf(s, <usize>get32(w + WAITER_THREAD));
          const entry = booked(at);
          const available = availableIn(word) + leftBy(identity, entry);
          if (available >= n && cas64(s + SYNC_STATE, word, withAvailable(available - n, open)) == word) {
            book(at, identity, heldBy(identity, entry) + n);
            bell = complete(w, OK);
            more = true;
          }
        }
      }
      unlock(s);
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
export function semaphore_serve(s: usize, open: u32): u32 { return serve(s, open); }

/** Queues up for `n`: the waiter, or NO_MEMORY, STALE or BUSY. Its outcome is OK (they are the waiter's) or STALE. */
export function semaphore_park(s: usize, open: u32, token: u32, n: u32): usize {
  const w = waiter_create(s, CHANNEL_RECVQ, token, n, 0);
  if (w == 0) return NO_MEMORY;
  let tries: u32 = 0;
  while (true) {
    let result: u32 = BUSY;
    enter();
    if (tryLock(s)) {
      result = STALE;
      // Not into a queue that is being emptied for good: the word is 0 then.
      if (isOf(load64(s + SYNC_STATE), open)) {
        append(w);
        result = OK;
      }
      unlock(s);
    }
    leave();
    if (result == OK) break;
    if (result == STALE || relax(tries++)) {
      waiter_release(w);
      return result;
    }
  }
  // We are in the queue, and look at what is available.
  while (serve(s, open) == BUSY) {}
  return w;
}

/** How many are available; -1 if stale. */
export function semaphore_available(s: usize, open: u32): i32 {
  const word = load64(s + SYNC_STATE);
  return isOf(word, open) ? <i32>availableIn(word) : -1;
}

/** Gives back what the dead hold, and serves who can be served. */
export function semaphore_mend(s: usize, open: u32): void {
  let tries: u32 = 0;
  let slot = ledger_next(s, firstSlot());
  while (slot != 0) {
    const entry = ledger_peek(s, slot);
    let done = <u32>entry == 0 || !isDead(holderIn(entry));
    if (!done) {
      enter();
      if (tryLock(s)) {
        const word = load64(s + SYNC_STATE);
        done = true;
        if (isOf(word, open)) {
          const at = entryOf(s, slot);
          // Some of it may have been given back since: then once more.
          done = booked(at) == entry;
          if (done && cas64(s + SYNC_STATE, word, withAvailable(availableIn(word) + <u32>entry, open)) == word) book(at, holderIn(entry), 0);
        }
        unlock(s);
      }
      leave();
    }
    if (done) slot = ledger_next(s, slot + THREAD_BYTES);
    else relax(tries++);
  }
  while (serve(s, open) == BUSY) {}
}
