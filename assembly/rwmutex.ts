// RWMutex: any number of readers, or one writer.
//
// Who may call: any attached thread. `open` is the HEAD_STATE that the caller's handle expects. Unlocking is for any thread, as in Go; `cell` is the
// calling thread's own (rwmutex_cell).
//
// Algorithm: Go's (sync/rwmutex.go) in what it promises: a writer that waits keeps new readers out, and when it has gone, all who were parked get in
// before the next writer. But readers count in cells of their own thread, on lines of their own, as in Linux' per-CPU locks (Corbet, "Big reader
// locks"), and a writer looks at all of them.
//
//   SYNC_STATE: owner:32 | generation:24 | flags:8
//
//   free ──claim──► DRAINING ──no reader is left──► LOCKED ──unlock──► free                    nobody is parked
//                      ▲  └──giveUp──►┐                └──unlock──► between two owners
//                      │              ▼
//                      │         LOCKED by 0 ──readers are parked──► ADMITTING ──they are in──► free, if no writer is parked
//                      └──the first writer that is parked──┴──────────────────────────────────┘
//
// Readers: add to the cell, then look at the word; if it is not free, take it back (a reader that is *entering*). Writers: take the word, then look at
// the cells. That is a Dekker pair: one of the two sees the other.
//
// Why all cells are never seen empty, one after the other, while a reader is in: while the word is DRAINING no cell gets a count that stays; so what
// has been seen empty holds no more than a thread that is entering, and will take it back. What another thread unlocks (Go allows that) is taken
// from a cell only where that cannot be the count of one who is entering. Readers that are let in are booked only while the word is ADMITTING.
//
// A writer that drains is parked before all others, with WAITER_VALUE 1, under a new RW_TURN: who finds the cells empty hands it the lock if the turn is
// still the same, so what it has seen is about this writer's time.
//
// Late calls. A cell is written by its own thread, and by others under the lock while the RWMutex lives. It says which life it counts for, and its
// block stays with the place. So whoever is late for a disposed RWMutex changes a cell that nobody looks at.
//
// Waiting. Dekker: who parks raises the flag of the queue, then looks at the word (settle); who changes the word looks at the flags after it.
//
// Death. rwmutex_mend passes on the word of a dead writer, with RW_POISONED if it was in, and empties the cells of the dead.
//
// Progress: readers are wait-free, but for the wake-up of a writer; the lock of the queues is held only inside killable sections.

import { arena_allocate, settled } from "./arena.ts";
import { add64, cas64, enter, get32, get64, leave, load32, load64, peek32, poke32, set32, set64, store32, store64 } from "./atomics.ts";
import {
  ARENA, ARENA_THREADS, BUSY, CHANNEL_RECEIVERS, CHANNEL_RECVQ, CHANNEL_SENDERS, CHANNEL_SENDQ, CLAIMED_WORD, FINE, FLAGS_MASK, HEAD_KIND, HEAD_STATE, KIND_RWMUTEX,
  KIND_RW_CELLS, LINE, MAX_THREADS, NOT_HELD, NO_MEMORY, OK, POISONED, RW_ADMITTING, RW_CELLS_BYTES, RW_CELL_BYTES, RW_CELL_COUNT, RW_CELL_LIFE, RW_CELL_OWNER,
  RW_DRAINING, RW_ENTERING, RW_LOCKED, RW_OWN, RW_PHASE, RW_POISONED, RW_SPAN, RW_STRICT, RW_TURN, STALE, SYNC_CELLS, SYNC_KIND, SYNC_STATE, THREAD_BYTES, TOLD,
  WAITER_THREAD, WAITER_VALUE, WOULD_BLOCK,
} from "./layout.ts";
import { firstOf, isDead, me, prepend, sync_claim, sync_made, waiterIdentity } from "./sync.ts";
import { relax, self } from "./thread.ts";
import { append, complete, ring, tryLock, unlock, waiter_create, waiter_release } from "./waiter.ts";

if (LINE + RW_OWN * LINE + (MAX_THREADS - RW_OWN) * RW_CELL_BYTES > RW_CELLS_BYTES) ERROR("the cells do not fit their block");

/** In RW_CELL_COUNT: one who is entering, and counts already. */
const ENTER: u64 = (1 << 32) + 1;

// ── Making ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A new RWMutex; 0 if the arena is full. */
export function rwmutex_create(strict: bool): usize {
  let o = sync_claim(true);
  if (o == 0) {
    o = sync_claim();
    if (o == 0) return 0;
    const cells = arena_allocate(RW_CELLS_BYTES);
    if (cells == 0) {
      store64(o + SYNC_KIND, 0);
      return 0;
    }
    enter();
    store32(cells + HEAD_KIND, KIND_RW_CELLS);
    store32(o + SYNC_CELLS, <u32>cells);
    settled();
    leave();
  }
  store64(o + SYNC_STATE, load32(o + HEAD_STATE) | (strict ? RW_STRICT : 0));
  sync_made(o, KIND_RWMUTEX);
  return o;
}

// @ts-ignore: decorator
@inline function cellAt(o: usize, i: u32): usize {
  const cells = <usize>load32(o + SYNC_CELLS) + LINE;
  return i < <u32>RW_OWN ? cells + <usize>i * LINE : cells + RW_OWN * LINE + <usize>(i - RW_OWN) * RW_CELL_BYTES;
}
// @ts-ignore: decorator
@inline function indexOf(slot: usize): u32 { return <u32>((slot - <usize>get32(ARENA + ARENA_THREADS)) / THREAD_BYTES); }
// @ts-ignore: decorator
@inline function isOf(word: u64, open: u32): bool { return (<u32>word & ~FLAGS_MASK) == open; }
// @ts-ignore: decorator
@inline function ownerOf(word: u64): u32 { return <u32>(word >> 32); }
/** The word once that writer has it. */
// @ts-ignore: decorator
@inline function ownedBy(owner: u32, word: u64): u64 { return <u64>owner << 32 | <u64>(<u32>word & ~RW_ADMITTING | RW_LOCKED); }
/** The word between two owners. */
// @ts-ignore: decorator
@inline function between(word: u64): u64 { return <u64>(<u32>word & ~(RW_DRAINING | RW_ADMITTING) | RW_LOCKED); }
/** The word, free. */
// @ts-ignore: decorator
@inline function freed(word: u64): u64 { return <u64>(<u32>word & ~(RW_LOCKED | RW_DRAINING | RW_ADMITTING)); }
// @ts-ignore: decorator
@inline function refuses(word: u64): bool { return (<u32>word & (RW_STRICT | RW_POISONED)) == (RW_STRICT | RW_POISONED); }
// @ts-ignore: decorator
@inline function draining(word: u64): bool { return (<u32>word & RW_DRAINING) != 0; }
/** What one who gets the lock is told. */
// @ts-ignore: decorator
@inline function outcomeOf(word: u64): u32 { return <u32>word & RW_POISONED ? <u32>POISONED : <u32>OK; }
/** Whether the first writer that is parked is the one that has the word. Plain: under the lock. */
// @ts-ignore: decorator
@inline function isDrainer(w: usize): bool { return w != 0 && get64(w + WAITER_VALUE) != 0; }

/**
 * The calling thread's cell, made ready; or STALE or BUSY. To be called when a thread opens the RWMutex: before that it has no cell to be booked in.
 */
export function rwmutex_cell(o: usize, open: u32): usize {
  const index = indexOf(self);
  const cell = cellAt(o, index);
  // Only we write this, and who had our slot before.
  if (load32(cell + RW_CELL_LIFE) == open && load32(cell + RW_CELL_OWNER) == me()) return cell;
  let tries: u32 = 0;
  while (true) {
    let locked = false;
    let done = false;
    enter();
    if (tryLock(o)) {
      locked = true;
      done = isOf(load64(o + SYNC_STATE), open);
      if (done) {
        // What is left there is of another life, or of a thread that is no more.
        store64(cell + RW_CELL_COUNT, 0);
        store32(cell + RW_CELL_OWNER, me());
        store32(cell + RW_CELL_LIFE, open);
        if (load32(o + RW_SPAN) <= index) store32(o + RW_SPAN, index + 1);
      }
      unlock(o);
    }
    leave();
    if (locked) {
      if (!done) return STALE;
      settle(o, open);
      return cell;
    }
    if (relax(tries++)) return BUSY;
  }
  return STALE;
}

/** Read locks that are held, each cell as it is when it is looked at. */
export function rwmutex_readers(o: usize, open: u32): u32 {
  let sum: u32 = 0;
  const span = load32(o + RW_SPAN);
  for (let i: u32 = 0; i < span; i++) {
    const cell = cellAt(o, i);
    if (load32(cell + RW_CELL_LIFE) == open) sum += <u32>load64(cell + RW_CELL_COUNT);
  }
  return sum;
}

// ── Readers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Read-locks it unless there is a writer, or one waits: FINE, POISONED (locked, unless it is strict: then not), WOULD_BLOCK or STALE. */
export function rwmutex_tryRLock(o: usize, open: u32, cell: usize): u32 {
  let word = load64(o + SYNC_STATE);
  // A look before, so that who comes in vain leaves no trace.
  if (word != <u64>open) {
    if (!isOf(word, open)) return STALE;
    if (refuses(word)) return POISONED;
    if (<u32>word & RW_LOCKED) return WOULD_BLOCK;
  }
  enter();
  add64(cell + RW_CELL_COUNT, ENTER);
  // Dekker with rwmutex_drain: we have counted, and look whether a writer has come; it has taken the word, and looks at the cells.
  word = load64(o + SYNC_STATE);
  if (word == <u64>open) {
    poke32(cell + RW_ENTERING, 0); // who takes our count for another's compares this
    leave();
    return FINE;
  }
  if (isOf(word, open) && !refuses(word) && !(<u32>word & RW_LOCKED)) {
    poke32(cell + RW_ENTERING, 0);
    leave();
    return <u32>word & RW_POISONED ? <u32>POISONED : <u32>FINE;
  }
  add64(cell + RW_CELL_COUNT, 0 - ENTER);
  leave();
  if (!isOf(word, open)) return STALE;
  // Dekker with rwmutex_park: a writer may have parked because it has seen our count.
  word = load64(o + SYNC_STATE);
  if (isOf(word, open) && draining(word)) settle(o, open);
  return refuses(word) ? POISONED : WOULD_BLOCK;
}

/** Gives up a read lock: FINE, TOLD, NOT_HELD, STALE or BUSY. */
export function rwmutex_runlock(o: usize, open: u32, cell: usize): u32 {
  while (isOf(load64(o + SYNC_STATE), open)) {
    const v = load64(cell + RW_CELL_COUNT);
    if (<u32>v == 0) break;
    if (cas64(cell + RW_CELL_COUNT, v, v - 1) == v) return left(o, open);
  }
  return runlockOther(o, open);
}

/** After a reader has gone. Dekker with rwmutex_park: a writer may have parked because it has seen that reader. */
// @ts-ignore: decorator
@inline function left(o: usize, open: u32): u32 {
  const word = load64(o + SYNC_STATE);
  return word != <u64>open && isOf(word, open) && draining(word) ? settle(o, open) : <u32>FINE;
}

/** The read lock was taken by another thread: it is in that one's cell. */
function runlockOther(o: usize, open: u32): u32 {
  let tries: u32 = 0;
  let looks = 0;
  while (true) {
    if (!isOf(load64(o + SYNC_STATE), open)) return STALE;
    const span = load32(o + RW_SPAN);
    let unsure = false;
    for (let i: u32 = 0; i < span; i++) {
      const cell = cellAt(o, i);
      if (load32(cell + RW_CELL_LIFE) != open) continue;
      const v = load64(cell + RW_CELL_COUNT);
      const count = <u32>v;
      if (count == 0) continue;
      unsure = true;
      // The only count may be that of one who is entering, in its section, and about to take it back.
      if (count == 1 && v >> 32 != 0) continue;
      let done = false;
      enter();
      if (tryLock(o)) {
        done = isOf(load64(o + SYNC_STATE), open) && cas64(cell + RW_CELL_COUNT, v, v - 1) == v;
        unlock(o);
      }
      leave();
      if (done) return left(o, open);
    }
    // Counts that others take and give meanwhile may hide one.
    if (!unsure && ++looks == 3) return NOT_HELD;
    if (unsure && relax(tries++)) return BUSY;
  }
  return STALE;
}

/** A reader queues up: the waiter, or NO_MEMORY, STALE or BUSY. Its outcome is OK or POISONED (it has a read lock, in its thread's cell), or STALE. */
export function rwmutex_parkReader(o: usize, open: u32, token: u32): usize {
  const w = waiter_create(o, CHANNEL_SENDQ, token, 0, 0);
  return w == 0 ? <usize>NO_MEMORY : park(o, open, w, false, false);
}

// ── Writers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Locks it, or takes the word at least, so that no more readers come in: FINE, POISONED (locked, unless it is strict: then nothing has happened),
 * CLAIMED_WORD (go on with rwmutex_drain, rwmutex_park or rwmutex_giveUp), WOULD_BLOCK or STALE.
 */
export function rwmutex_claim(o: usize, open: u32): u32 {
  while (true) {
    const word = load64(o + SYNC_STATE);
    if (!isOf(word, open)) return STALE;
    if (refuses(word)) return POISONED;
    if (<u32>word & RW_LOCKED) return WOULD_BLOCK;
    if (cas64(o + SYNC_STATE, word, ownedBy(me(), word) | RW_DRAINING) == word) return rwmutex_drain(o, open);
  }
  return STALE;
}

/** The caller has the word, and is not parked: FINE or POISONED if no reader is left, else CLAIMED_WORD; or STALE. */
export function rwmutex_drain(o: usize, open: u32): u32 {
  // Dekker with rwmutex_tryRLock.
  if (rwmutex_readers(o, open) != 0) return CLAIMED_WORD;
  while (true) {
    const word = load64(o + SYNC_STATE);
    if (!isOf(word, open)) return STALE;
    if (cas64(o + SYNC_STATE, word, word & ~<u64>RW_DRAINING) == word) return <u32>word & RW_POISONED ? <u32>POISONED : <u32>FINE;
  }
  return STALE;
}

/** Locks it if nobody is in: FINE, POISONED, WOULD_BLOCK or STALE. Readers and writers that try at the same moment may all be turned away. */
export function rwmutex_tryLock(o: usize, open: u32): u32 {
  if (rwmutex_readers(o, open) != 0) {
    const word = load64(o + SYNC_STATE);
    return isOf(word, open) ? refuses(word) ? <u32>POISONED : <u32>WOULD_BLOCK : <u32>STALE;
  }
  const status = rwmutex_claim(o, open);
  if (status != CLAIMED_WORD) return status;
  rwmutex_giveUp(o, open);
  return WOULD_BLOCK;
}

/** Gives the word on that the calling thread has claimed, unless one of its waiters is parked with it: FINE or TOLD. */
export function rwmutex_giveUp(o: usize, open: u32): u32 {
  let tries: u32 = 0;
  while (true) {
    const word = load64(o + SYNC_STATE);
    if (!isOf(word, open) || !draining(word) || ownerOf(word) != me()) return FINE;
    let locked = false;
    let done = false;
    let parked = false;
    enter();
    if (tryLock(o)) {
      locked = true;
      parked = isDrainer(firstOf(o, CHANNEL_RECVQ));
      done = !parked && cas64(o + SYNC_STATE, word, between(word)) == word;
      unlock(o);
    }
    leave();
    if (parked) return FINE;
    if (done) return settle(o, open);
    if (!locked) relax(tries++);
  }
  return FINE;
}

/** Unlocks it, whoever has locked it for writing: FINE, TOLD, NOT_HELD or STALE. */
export function rwmutex_unlock(o: usize, open: u32): u32 {
  const held = ownedBy(me(), open);
  // A hint: who comes just now may be late.
  if (peek32(o + HEAD_STATE) == open && cas64(o + SYNC_STATE, held, open) == held) {
    // Dekker with park: we have unlocked, and look who is parked.
    return load32(o + HEAD_STATE) == open ? <u32>FINE : settle(o, open);
  }
  while (true) {
    const word = load64(o + SYNC_STATE);
    if (!isOf(word, open)) return STALE;
    if (ownerOf(word) == 0 || draining(word)) return NOT_HELD;
    // While somebody is parked nobody else gets it.
    const sound = word & ~<u64>RW_POISONED;
    const next = load32(o + HEAD_STATE) == open ? freed(sound) : between(sound);
    if (cas64(o + SYNC_STATE, word, next) == word) return settle(o, open);
  }
  return STALE;
}

/**
 * A writer queues up: the waiter, or NO_MEMORY, STALE or BUSY. Its outcome is OK or POISONED (the lock is the waiter's), or STALE. `claimed`: the
 * caller has the word, and goes to the front.
 */
export function rwmutex_park(o: usize, open: u32, token: u32, claimed: bool): usize {
  const w = waiter_create(o, CHANNEL_RECVQ, token, 0, 0);
  return w == 0 ? <usize>NO_MEMORY : park(o, open, w, true, claimed);
}

function park(o: usize, open: u32, w: usize, writer: bool, claimed: bool): usize {
  let tries: u32 = 0;
  while (true) {
    let done = false;
    let locked = false;
    enter();
    if (tryLock(o)) {
      locked = true;
      // Not into a queue that is being emptied for good: the word is 0 then.
      done = isOf(load64(o + SYNC_STATE), open);
      if (done) {
        if (claimed) {
          set64(w + WAITER_VALUE, 1);
          store32(o + RW_TURN, load32(o + RW_TURN) + 1);
          prepend(w);
        } else {
          if (!writer) set64(w + WAITER_VALUE, load32(o + RW_PHASE));
          append(w);
        }
      }
      unlock(o);
    }
    leave();
    if (done) break;
    if (locked) {
      waiter_release(w);
      return STALE;
    }
    if (relax(tries++)) {
      waiter_release(w);
      return BUSY;
    }
  }
  // Dekker: we are in the queue, and look at the word, and at the cells.
  settle(o, open);
  return w;
}

// ── Who is next ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Serves who can be served: FINE or TOLD. */
function settle(o: usize, open: u32): u32 {
  let told = FINE;
  let tries: u32 = 0;
  while (true) {
    const word = load64(o + SYNC_STATE);
    if (!isOf(word, open)) return told;
    const turn = load32(o + RW_TURN);
    if (draining(word)) {
      // Who takes the last count away settles.
      if (rwmutex_readers(o, open) != 0) return told;
    } else if (<u32>word & RW_LOCKED) {
      if (ownerOf(word) != 0) return told;
    } else if (!(load32(o + HEAD_STATE) & (CHANNEL_RECEIVERS | CHANNEL_SENDERS))) return told;
    let bell: usize = 0;
    let locked = false;
    let idle = false;
    enter();
    if (tryLock(o)) {
      locked = true;
      const reader = firstOf(o, CHANNEL_SENDQ);
      const writer = firstOf(o, CHANNEL_RECVQ);
      if (draining(word)) {
        if (isDrainer(writer)) {
          if (load32(o + RW_TURN) == turn && cas64(o + SYNC_STATE, word, word & ~<u64>RW_DRAINING) == word) {
            bell = complete(writer, outcomeOf(word));
            told = TOLD;
          }
        } else idle = true; // it looks for itself, or gives up
      } else if (refuses(word)) {
        if (<u32>word & RW_LOCKED) cas64(o + SYNC_STATE, word, freed(word));
        else if (reader != 0 || writer != 0) {
          bell = complete(reader != 0 ? reader : writer, POISONED);
          told = TOLD;
        }
      } else if (<u32>word & RW_ADMITTING && reader != 0 && get64(reader + WAITER_VALUE) != <u64>load32(o + RW_PHASE)) {
        if (load64(o + SYNC_STATE) == word) {
          add64(cellAt(o, indexOf(<usize>get32(reader + WAITER_THREAD))) + RW_CELL_COUNT, 1);
          bell = complete(reader, outcomeOf(word));
          told = TOLD;
        }
      } else if (reader != 0 && (writer == 0 || !(<u32>word & RW_ADMITTING))) {
        // All who are parked now, and nobody who comes later.
        if (cas64(o + SYNC_STATE, word, between(word) | RW_ADMITTING) == word) store32(o + RW_PHASE, load32(o + RW_PHASE) + 1);
      } else if (writer != 0) {
        if (cas64(o + SYNC_STATE, word, ownedBy(waiterIdentity(writer), word) | RW_DRAINING) == word) {
          set64(writer + WAITER_VALUE, 1);
          store32(o + RW_TURN, turn + 1);
        }
      } else cas64(o + SYNC_STATE, word, freed(word));
      unlock(o);
      ring(bell);
    }
    leave();
    if (idle) return told;
    if (!locked) relax(tries++);
  }
  return told;
}

/** Identity of the thread that has it locked for writing, or 0. */
export function rwmutex_owner(o: usize, open: u32): u32 {
  const word = load64(o + SYNC_STATE);
  return isOf(word, open) && !draining(word) ? ownerOf(word) : 0;
}

/** RW_* as they are now; -1 if stale. */
export function rwmutex_flags(o: usize, open: u32): i32 {
  const word = load64(o + SYNC_STATE);
  return isOf(word, open) ? <i32>(<u32>word & FLAGS_MASK) : -1;
}

/** It is sound again, whatever its dead owner has left: FINE, TOLD or STALE. */
export function rwmutex_heal(o: usize, open: u32): u32 {
  while (true) {
    const word = load64(o + SYNC_STATE);
    if (!isOf(word, open)) return STALE;
    if (cas64(o + SYNC_STATE, word, word & ~<u64>RW_POISONED) == word) return settle(o, open);
  }
  return STALE;
}

/** Passes on what the dead have left of it, and serves who can be served. */
export function rwmutex_mend(o: usize, open: u32): void {
  let tries: u32 = 0;
  while (true) {
    const word = load64(o + SYNC_STATE);
    if (!isOf(word, open) || ownerOf(word) == 0 || !isDead(ownerOf(word))) break;
    let locked = false;
    enter();
    if (tryLock(o)) {
      locked = true;
      const w = firstOf(o, CHANNEL_RECVQ);
      // Who only had the word was never in.
      const next = between(word) | (draining(word) ? 0 : <u64>RW_POISONED);
      // If its waiter is still there, it is one like the others.
      if (cas64(o + SYNC_STATE, word, next) == word && draining(word) && w != 0) set64(w + WAITER_VALUE, 0);
      unlock(o);
    }
    leave();
    if (!locked) relax(tries++);
  }
  const span = load32(o + RW_SPAN);
  for (let i: u32 = 0; i < span; i++) {
    const cell = cellAt(o, i);
    if (load32(cell + RW_CELL_LIFE) != open || <u32>load64(cell + RW_CELL_COUNT) == 0) continue;
    const owner = load32(cell + RW_CELL_OWNER);
    if (!isDead(owner)) continue;
    let locked = false;
    while (!locked) {
      enter();
      if (tryLock(o)) {
        locked = true;
        if (isOf(load64(o + SYNC_STATE), open) && load32(cell + RW_CELL_OWNER) == owner) store64(cell + RW_CELL_COUNT, 0);
        unlock(o);
      }
      leave();
      if (!locked) relax(tries++);
    }
  }
  settle(o, open);
}
