// Mutex: one thread at a time, or one task of an event loop.
//
// Who may call: any attached thread. `open` is the HEAD_STATE that the caller's handle expects. Unlocking is for any thread, as in Go.
//
// Algorithm: Go's (sync/mutex.go), in one word that names the owner, so that a death is noticed. In normal mode a mutex is free once it is unlocked, and
// one who was parked is woken to compete for it (the rival) with those who come by: they are running already, so a lock that is taken again and
// again by few threads does not wait for wake-ups. One who has lost for a millisecond makes it starve: then it is handed from owner to owner, first
// come, first served, until the next in line is one who has not waited as long. A task of the event loop that unlocks is handed it at once: that
// costs no wake-up.
//
//   SYNC_STATE: owner:32 | generation:24 | flags:8
//
//   free ──tryLock──► locked ──unlock──► free                            nobody is parked
//                        │
//                        ├──unlock──► free, WOKEN ──the rival──► locked  the first is woken and competes
//                        └──unlock──► locked by the first                it has starved, or is a task of the same event loop
//
// Invariants: whoever is parked is in the queue, in the order of its coming, but for rivals, who come back to the front. Nobody is parked while the
// mutex is free, unless a rival is on its way, or a thread is settling.
//
// Waiting. Dekker: who parks raises CHANNEL_RECEIVERS, then looks at the word (settle); who unlocks changes the word, then looks at the flag.
//
// Death. A word that names a dead owner is handed on by mutex_mend, with MUTEX_POISONED; so is the right of a dead rival.
//
// Progress: tryLock and unlock are lock-free; the lock of the queue is held only inside killable sections.

import { cas64, enter, get32, leave, load32, load64, peek32, store32, store64 } from "./atomics.ts";
import {
  BUSY, CHANNEL_RECEIVERS, CHANNEL_RECVQ, FINE, FLAGS_MASK, HEAD_STATE, KIND_MUTEX, MUTEX_LOCKED, MUTEX_POISONED, MUTEX_RIVAL, MUTEX_STARVING, MUTEX_STRICT,
  MUTEX_WOKEN, NOT_HELD, NO_MEMORY, OK, PARK_AGAIN, PARK_STARVING, POISONED, RETRY, STALE, SYNC_STATE, TOLD, UNSETTLED, WAITER_NEXT, WAITER_THREAD, WAITER_VALUE, WOULD_BLOCK,
} from "./layout.ts";
import { firstOf, isBlocking, isDead, me, prepend, sync_claim, sync_made, waiterIdentity } from "./sync.ts";
import { relax, self } from "./thread.ts";
import { append, complete, ring, tryLock, unlock, waiter_create, waiter_release } from "./waiter.ts";

/** A new mutex; 0 if the arena is full. */
export function mutex_create(strict: bool): usize {
  const m = sync_claim();
  if (m == 0) return 0;
  store64(m + SYNC_STATE, load32(m + HEAD_STATE) | (strict ? MUTEX_STRICT : 0));
  sync_made(m, KIND_MUTEX);
  return m;
}

// @ts-ignore: decorator
@inline function isOf(word: u64, open: u32): bool { return (<u32>word & ~FLAGS_MASK) == open; }
// @ts-ignore: decorator
@inline function ownerOf(word: u64): u32 { return <u32>(word >> 32); }
/** The word with that owner, locked. */
// @ts-ignore: decorator
@inline function ownedBy(owner: u32, word: u64): u64 { return <u64>owner << 32 | <u64>(<u32>word | MUTEX_LOCKED); }
/** The word, free and sound. */
// @ts-ignore: decorator
@inline function freed(word: u64): u64 { return <u64>(<u32>word & ~(MUTEX_LOCKED | MUTEX_POISONED)); }
/** Whether nobody gets it until it is healed. */
// @ts-ignore: decorator
@inline function isRefused(word: u64): bool { return (<u32>word & (MUTEX_STRICT | MUTEX_POISONED)) == (MUTEX_STRICT | MUTEX_POISONED); }

/** Locks it if it is free: FINE, POISONED (locked, unless the mutex is strict: then not), WOULD_BLOCK or STALE. */
export function mutex_tryLock(m: usize, open: u32): u32 {
  if (cas64(m + SYNC_STATE, open, ownedBy(me(), open)) == <u64>open) return FINE;
  return take(m, open, 0);
}

/** The same for who tries again and again: it only looks while the mutex is locked, so that it does not take its line from the owner. */
export function mutex_tryAgain(m: usize, open: u32): u32 { return take(m, open, 0); }

/** The same for the rival, who has been woken to compete: it is the rival no more if it gets the mutex. */
export function mutex_compete(m: usize, open: u32): u32 { return take(m, open, MUTEX_WOKEN); }

function take(m: usize, open: u32, woken: u32): u32 {
  while (true) {
    const word = load64(m + SYNC_STATE);
    if (!isOf(word, open)) return STALE;
    const flags = <u32>word & FLAGS_MASK;
    if (isRefused(word)) return POISONED;
    if (flags & MUTEX_LOCKED || (flags & MUTEX_STARVING && !woken)) return WOULD_BLOCK;
    if (cas64(m + SYNC_STATE, word, ownedBy(me(), word) & ~<u64>woken) == word) return flags & MUTEX_POISONED ? <u32>POISONED : <u32>FINE;
  }
  return STALE;
}

/** Unlocks it, whoever has locked it: FINE, TOLD, UNSETTLED, NOT_HELD, STALE or BUSY (nothing has happened). */
export function mutex_unlock(m: usize, open: u32): u32 {
  const held = ownedBy(me(), open);
  // A hint, for who waits may be handed the mutex only while it is locked.
  if (peek32(m + HEAD_STATE) == open && cas64(m + SYNC_STATE, held, open) == held) {
    // Dekker with mutex_park: we have unlocked, and look who is parked.
    return load32(m + HEAD_STATE) == open ? <u32>FINE : settle(m, open);
  }
  return release(m, open, 0);
}

/**
 * Unlocks by the rules: FINE, TOLD, NOT_HELD, STALE, or BUSY, and nothing has happened. `dead` is 0, or who has died holding it: then it is unlocked only if
 * that one has it still, for others may have helped already, and it is poisoned.
 */
function release(m: usize, open: u32, dead: u32): u32 {
  let tries: u32 = 0;
  while (true) {
    const word = load64(m + SYNC_STATE);
    if (!isOf(word, open)) return STALE;
    if (!(<u32>word & MUTEX_LOCKED) || (dead != 0 && ownerOf(word) != dead)) return NOT_HELD;
    const next = freed(word) | <u64>(dead != 0 ? MUTEX_POISONED : 0);
    const parked = load32(m + HEAD_STATE) & CHANNEL_RECEIVERS;
    if (!parked || (<u32>word & (MUTEX_WOKEN | MUTEX_STARVING)) == MUTEX_WOKEN || isRefused(next)) {
      // Nobody to serve (the starving one may have given up), or somebody is on the way, or nobody may have it.
      if (cas64(m + SYNC_STATE, word, next & ~<u64>MUTEX_STARVING) == word) return load32(m + HEAD_STATE) == open ? <u32>FINE : settle(m, open);
      continue;
    }
    let bell: usize = 0;
    let done = false;
    let locked = false;
    enter();
    if (tryLock(m)) {
      locked = true;
      const w = firstOf(m, CHANNEL_RECVQ);
      if (w != 0) {
        if ((isBlocking(w) || get32(w + WAITER_THREAD) != <u32>self) && !(<u32>word & MUTEX_STARVING)) {
          done = cas64(m + SYNC_STATE, word, next | MUTEX_WOKEN) == word;
          if (done) bell = wake(m, w);
        } else {
          done = cas64(m + SYNC_STATE, word, handedTo(w, next)) == word;
          if (done) bell = complete(w, outcomeOf(next));
        }
      }
      unlock(m);
      ring(bell);
    }
    leave();
    if (done) return TOLD;
    if (!locked && relax(tries++)) return BUSY;
  }
  return STALE;
}

/** What the one who is handed the mutex is told. */
// @ts-ignore: decorator
@inline function outcomeOf(word: u64): u32 { return <u32>word & MUTEX_POISONED ? <u32>POISONED : <u32>OK; }

/** Wakes one to compete: the bell to ring. MUTEX_WOKEN has been set; under the lock. */
// @ts-ignore: decorator
@inline function wake(m: usize, w: usize): usize {
  store32(m + MUTEX_RIVAL, waiterIdentity(w));
  return complete(w, RETRY);
}

/** The word once the first who waits has got the mutex. It starves no longer if the next has not waited long. Under the lock. */
// @ts-ignore: decorator
@inline function handedTo(w: usize, word: u64): u64 {
  const next = <usize>get32(w + WAITER_NEXT);
  const starving = next != 0 && get32(next + WAITER_VALUE) != 0;
  return ownedBy(waiterIdentity(w), word & ~<u64>(starving ? 0 : MUTEX_STARVING));
}

/** Serves who is parked though the mutex is free: FINE or TOLD, or UNSETTLED. */
function settle(m: usize, open: u32): u32 {
  let told = FINE;
  let tries: u32 = 0;
  while (true) {
    const word = load64(m + SYNC_STATE);
    if (!isOf(word, open)) return told;
    if (!(load32(m + HEAD_STATE) & CHANNEL_RECEIVERS)) {
      // The starving one has died before it could settle.
      if ((<u32>word & (MUTEX_LOCKED | MUTEX_STARVING)) != MUTEX_STARVING) return told;
      cas64(m + SYNC_STATE, word, word & ~<u64>MUTEX_STARVING);
      continue;
    }
    const refused = isRefused(word);
    if (!refused && <u32>word & (MUTEX_LOCKED | MUTEX_WOKEN)) return told;
    let bell: usize = 0;
    let locked = false;
    enter();
    if (tryLock(m)) {
      locked = true;
      const w = firstOf(m, CHANNEL_RECVQ);
      if (w != 0) {
        if (refused) {
          // Again, under the lock: another mutex may lie here by now, with waiters of its own.
          if (load64(m + SYNC_STATE) == word) {
            bell = complete(w, POISONED);
            told = TOLD;
          }
        } else if (cas64(m + SYNC_STATE, word, handedTo(w, word)) == word) {
          bell = complete(w, outcomeOf(word));
          told = TOLD;
        }
      }
      unlock(m);
      ring(bell);
    }
    leave();
    if (!locked && relax(tries++)) return UNSETTLED;
  }
  return told;
}

/** The same, for the bindings. */
export function mutex_settle(m: usize, open: u32): u32 { return settle(m, open); }

/**
 * Queues up: the waiter, or NO_MEMORY, STALE or BUSY. The caller settles after it (Dekker: it is in the queue, and looks at the word). Its outcome is OK or POISONED (the mutex is the waiter's), RETRY (it is free, or was: compete
 * by mutex_compete), or STALE. `how`: PARK_AGAIN (the caller is the rival), PARK_STARVING.
 */
export function mutex_park(m: usize, open: u32, token: u32, how: u32): usize {
  const w = waiter_create(m, CHANNEL_RECVQ, token, how & PARK_STARVING, 0);
  if (w == 0) return NO_MEMORY;
  let tries: u32 = 0;
  while (true) {
    const word = load64(m + SYNC_STATE);
    let done = false;
    let locked = false;
    enter();
    if (tryLock(m)) {
      locked = true;
      if (isOf(word, open)) {
        let next = word;
        if (how & PARK_AGAIN) next &= ~<u64>MUTEX_WOKEN;
        if (how & PARK_STARVING) next |= MUTEX_STARVING;
        // Not into a queue that is being emptied for good: the word is 0 then.
        done = cas64(m + SYNC_STATE, word, next) == word;
        if (done) {
          if (how & PARK_AGAIN) prepend(w);
          else append(w);
        }
      }
      unlock(m);
    }
    leave();
    if (done) break;
    if (locked && !isOf(word, open)) {
      waiter_release(w);
      return STALE;
    }
    if (!locked && relax(tries++)) {
      waiter_release(w);
      return BUSY;
    }
  }
  return w;
}

/** The rival competes no longer: FINE or TOLD, or UNSETTLED. */
export function mutex_yield(m: usize, open: u32): u32 {
  while (true) {
    const word = load64(m + SYNC_STATE);
    if (!isOf(word, open)) return FINE;
    if (cas64(m + SYNC_STATE, word, word & ~<u64>MUTEX_WOKEN) == word) break;
  }
  return settle(m, open);
}

/** Identity of the thread that has it locked, or 0. */
export function mutex_owner(m: usize, open: u32): u32 {
  const word = load64(m + SYNC_STATE);
  return isOf(word, open) && <u32>word & MUTEX_LOCKED ? ownerOf(word) : 0;
}

/** MUTEX_* as they are now; -1 if stale. */
export function mutex_flags(m: usize, open: u32): i32 {
  const word = load64(m + SYNC_STATE);
  return isOf(word, open) ? <i32>(<u32>word & FLAGS_MASK) : -1;
}

/** It is sound again, whatever its dead owner has left: FINE, TOLD, UNSETTLED or STALE. */
export function mutex_heal(m: usize, open: u32): u32 {
  while (true) {
    const word = load64(m + SYNC_STATE);
    if (!isOf(word, open)) return STALE;
    if (cas64(m + SYNC_STATE, word, word & ~<u64>MUTEX_POISONED) == word) break;
  }
  return settle(m, open);
}

/** Passes on what the dead have left of it, and serves who can be served. */
export function mutex_mend(m: usize, open: u32): void {
  const word = load64(m + SYNC_STATE);
  // Its owner cannot have it again, so it is unlocked once, whoever else is about to; if we die over it, our own reaper goes on.
  if (isOf(word, open) && <u32>word & MUTEX_LOCKED && isDead(ownerOf(word))) while (release(m, open, ownerOf(word)) == BUSY) {}
  const rival = load32(m + MUTEX_RIVAL);
  if (rival != 0 && isDead(rival)) {
    let tries: u32 = 0;
    while (true) {
      const word = load64(m + SYNC_STATE);
      if (!isOf(word, open) || !(<u32>word & MUTEX_WOKEN)) break;
      let done = false;
      enter();
      if (tryLock(m)) {
        // Under the lock the rival does not change.
        done = load32(m + MUTEX_RIVAL) != rival || cas64(m + SYNC_STATE, word, word & ~<u64>MUTEX_WOKEN) == word;
        unlock(m);
      }
      leave();
      if (done) break;
      relax(tries++);
    }
  }
  while (settle(m, open) == UNSETTLED) {}
}
