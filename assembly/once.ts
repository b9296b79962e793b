// Once: a function is run by one thread, whoever comes first; the others wait for its end. What it has returned or thrown may be kept for all.
//
// Who may call: any attached thread; once_end only the one that once_begin has told to run the function. `open` is the HEAD_STATE that the caller's
// handle expects. The function is run by the bindings.
//
// Algorithm: Go's (sync/once.go), without its mutex: one word says what has become of the function. A death over it poisons, as in Rust's
// std::sync::Once: nobody can know how far the function has come, so nobody runs it again.
//
//   SYNC_STATE: owner:32 | generation:24 | flags:8
//
//   nothing ──begin──► RUNNING ──end──► DONE
//                         └──mend──► POISONED
//
// Invariants: DONE and POISONED are for ever, so what has been seen once need not be looked at again. Nobody is parked after that, unless a thread is
// settling. Nobody has to be served when a waiter gives up.
//
// The value. Its block is a message in the hands of the thread that runs the function, until the section that says DONE makes it the object's. Who
// reads it looks at SYNC_STATE after: if the object has been disposed of meanwhile, what was read counts for nothing.
//
// Waiting. Dekker: who parks raises CHANNEL_RECEIVERS, then looks at the word (settle); who ends the run changes the word, then looks at the flag.
//
// Progress: once_begin and once_status are wait-free; the lock of the queue is held only inside killable sections. A kill leaves RUNNING with the
// identity of the dead, or waiters that could be told: both are for once_mend.

import { cas64, enter, leave, load32, load64, store32, store64 } from "./atomics.ts";
import {
  BUSY, CHANNEL_RECEIVERS, CHANNEL_RECVQ, FINE, FLAGS_MASK, HEAD_STATE, LINE, NOT_HELD, NO_MEMORY, OK, ONCE_DONE, ONCE_LENGTH, ONCE_PAYLOAD, ONCE_POISONED, ONCE_RUNNING,
  POISONED, STALE, SYNC_LEDGER, SYNC_STATE, TOLD, WOULD_BLOCK,
} from "./layout.ts";
import { disown, own } from "./message.ts";
import { firstOf, isDead, me, sync_claim, sync_made } from "./sync.ts";
import { relax } from "./thread.ts";
import { append, complete, ring, tryLock, unlock, waiter_create, waiter_release } from "./waiter.ts";

/** A new one, of KIND_ONCE or KIND_ONCE_VALUE; 0 if the arena is full. */
export function once_create(kind: u32): usize {
  const o = sync_claim();
  if (o == 0) return 0;
  store64(o + SYNC_STATE, load32(o + HEAD_STATE));
  sync_made(o, kind);
  return o;
}

// @ts-ignore: decorator
@inline function isOf(word: u64, open: u32): bool { return (<u32>word & ~FLAGS_MASK) == open; }
// @ts-ignore: decorator
@inline function isOver(word: u64): bool { return (<u32>word & (ONCE_DONE | ONCE_POISONED)) != 0; }
/** The word while the calling thread runs the function. */
// @ts-ignore: decorator
@inline function mine(open: u32): u64 { return <u64>me() << 32 | <u64>(open | ONCE_RUNNING); }
/** What who waits is told. The word is one that is over. */
// @ts-ignore: decorator
@inline function outcomeOf(word: u64): u32 { return <u32>word & ONCE_DONE ? <u32>OK : <u32>POISONED; }
// @ts-ignore: decorator
@inline function statusOf(word: u64, open: u32): u32 {
  return !isOf(word, open) ? <u32>STALE : isOver(word) ? outcomeOf(word) : <u32>WOULD_BLOCK;
}

/** FINE: the caller runs the function and calls once_end. Else as once_status. */
export function once_begin(o: usize, open: u32): u32 {
  const word = cas64(o + SYNC_STATE, open, mine(open));
  return word == <u64>open ? <u32>FINE : statusOf(word, open);
}

/** OK (the function has ended), POISONED, STALE, or WOULD_BLOCK: nothing has become of it so far. */
export function once_status(o: usize, open: u32): u32 { return statusOf(load64(o + SYNC_STATE), open); }

/** Whether the calling thread runs the function: it can't wait for its end without going on itself. */
export function once_isMine(o: usize, open: u32): bool { return load64(o + SYNC_STATE) == mine(open); }

/**
 * The function has ended: FINE or TOLD; BUSY, and nothing has happened; STALE or NOT_HELD, and the message stays the caller's. `payload`: a message of one
 * block in the caller's hands, which becomes the object's, or 0; `thrown` is ONCE_THROWN if it is what the function has thrown, else 0.
 */
export function once_end(o: usize, open: u32, payload: usize, length: u32, thrown: u32): u32 {
  const running = mine(open);
  const over = <u64>(open | ONCE_DONE | thrown);
  let tries: u32 = 0;
  while (true) {
    const word = load64(o + SYNC_STATE);
    if (!isOf(word, open)) return STALE;
    if (word != running) return NOT_HELD;
    let done = false;
    let locked = false;
    enter();
    if (tryLock(o)) {
      locked = true;
      // Who disposes of it clears the word, then takes the lock, then frees the block: while we have seen ours under the lock, the place is ours to write to.
      if (load64(o + SYNC_STATE) == running) {
        if (payload != 0) {
          disown(payload);
          store32(o + SYNC_LEDGER, <u32>payload & ~(LINE - 1));
          store32(o + ONCE_PAYLOAD, <u32>payload);
          store32(o + ONCE_LENGTH, length);
        }
        // Publishes the value; pairs with the load of the fast path.
        done = cas64(o + SYNC_STATE, running, over) == running;
        if (!done && payload != 0) {
          store32(o + SYNC_LEDGER, 0);
          own(payload);
        }
      }
      unlock(o);
    }
    leave();
    if (done) return settle(o, open);
    if (!locked && relax(tries++)) return BUSY;
  }
  return STALE;
}

/** Tells all who wait, once it is over: FINE or TOLD. */
function settle(o: usize, open: u32): u32 {
  let told = FINE;
  let tries: u32 = 0;
  while (true) {
    const word = load64(o + SYNC_STATE);
    if (!isOf(word, open) || !isOver(word) || !(load32(o + HEAD_STATE) & CHANNEL_RECEIVERS)) return told;
    let bell: usize = 0;
    let locked = false;
    enter();
    if (tryLock(o)) {
      locked = true;
      const w = firstOf(o, CHANNEL_RECVQ);
      // Again, under the lock: another object may lie here by now, with waiters of its own.
      if (w != 0 && load64(o + SYNC_STATE) == word) {
        bell = complete(w, outcomeOf(word));
        told = TOLD;
      }
      unlock(o);
      ring(bell);
    }
    leave();
    if (!locked) relax(tries++);
  }
  return told;
}

/** Queues up for the end: the waiter, whose outcome is OK, POISONED or STALE; or NO_MEMORY, STALE or BUSY. */
export function once_park(o: usize, open: u32, token: u32): usize {
  const w = waiter_create(o, CHANNEL_RECVQ, token, 0, 0);
  if (w == 0) return NO_MEMORY;
  let tries: u32 = 0;
  while (true) {
    let parked = false;
    let locked = false;
    enter();
    if (tryLock(o)) {
      locked = true;
      // Not into a queue that is being emptied for good: the word is 0 before the lock is taken for that.
      parked = isOf(load64(o + SYNC_STATE), open);
      if (parked) append(w);
      unlock(o);
    }
    leave();
    if (parked) break;
    if (locked) {
      waiter_release(w);
      return STALE;
    }
    if (relax(tries++)) {
      waiter_release(w);
      return BUSY;
    }
  }
  // Dekker: we are in the queue, and look at the word.
  settle(o, open);
  return w;
}

/** Poisons it if a thread has died over the function, and tells who waits. */
export function once_mend(o: usize, open: u32): void {
  const word = load64(o + SYNC_STATE);
  if (isOf(word, open) && <u32>word & ONCE_RUNNING && isDead(<u32>(word >> 32))) cas64(o + SYNC_STATE, word, open | ONCE_POISONED);
  settle(o, open);
}
