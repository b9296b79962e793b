// What all objects of the sync package have in common: a place to lie in, a queue of waiters, an end, and help when a thread dies.
//
// Who may call: any attached thread. `open` is the HEAD_STATE that the caller's handle expects: its generation and no flag.
//
// Places. The objects lie in pages of their own, which are never given back, and a place is used for nothing else. So whoever is late for an object
// that has been disposed of still finds a lock where it takes one, and a generation that tells.
//
//   free ──claim──► being made ──► live ──► being disposed of ──► free
//   0               maker           kind      maker and kind, DISPOSED, SYNC_STATE 0
//
// Maker and kind are one word, so a claim finds out about both in one step: a place that has been made since it was looked at is not touched.
//
// Waiting is the business of waiter.ts: the lock and the two queues lie where a channel's do, so cancelling, releasing and the drop of a dead thread's
// waiters are the core's. What differs is who is served when: each kind of object says so in its `settle`.
//
// Death. Nobody notes what it holds elsewhere than in the object itself, by its identity, so nothing is to be noted on a fast path. After a thread
// has been reaped, its reaper looks at all objects (sync_mend) for identities of threads that are no more, and settles them all.
//
// Progress: making and disposing are lock-free but for the lock of the queues, which is held only inside killable sections.

import { arena_allocate, arena_free, settled } from "./arena.ts";
import { cas32, cas64, enter, get32, leave, load32, load64, or32, set32, store32, store64, zero } from "./atomics.ts";
import {
  ARENA, ARENA_BREAK, ARENA_FIRST_PAGE, ARENA_PAGE_MAP, ARENA_SYNC, ARENA_THREADS, BUSY, CHANNEL_DISPOSED, CHANNEL_RECEIVERS, CHANNEL_RECVQ, CHANNEL_SENDQ, FLAGS_MASK,
  GENERATION, HEAD_KIND, HEAD_STATE, KIND_BARRIER, KIND_COND, KIND_MUTEX, KIND_ONCE, KIND_ONCE_VALUE, KIND_RWMUTEX, KIND_SEMAPHORE, KIND_SYNC_PAGE, KIND_WAIT_GROUP, LINKED_QUEUE, MAX_THREADS, NOBODY, NO_MEMORY, OK, PAGE, PAGE_CLASS, PAGE_SHIFT, QUEUE_FIRST, QUEUE_LAST, STALE,
  SYNC_BYTES, SYNC_CELLS, SYNC_KIND, SYNC_LEDGER, SYNC_NEXT, SYNC_STATE, THREAD_ALIVE, THREAD_BYTES, THREAD_PENDING, THREAD_STATE, TOKEN_BLOCKING, WAITER_LINKED, WAITER_NEXT,
  WAITER_OBJECT, WAITER_PREV, WAITER_QUEUE, WAITER_THREAD, WAITER_TOKEN,
} from "./layout.ts";
import { barrier_mend } from "./barrier.ts";
import { cond_mend } from "./cond.ts";
import { mutex_mend } from "./mutex.ts";
import { once_mend } from "./once.ts";
import { rwmutex_mend } from "./rwmutex.ts";
import { semaphore_mend } from "./semaphore.ts";
import { relax, self } from "./thread.ts";
import { wait_group_mend } from "./wait-group.ts";
import { append, complete, ring, tryLock, unlock } from "./waiter.ts";

if (SYNC_STATE < CHANNEL_SENDQ + 8) ERROR("the object's own words run into the queues");

// ── Threads ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Identity of the calling thread. */
// @ts-ignore: decorator
@inline export function me(): u32 { return get32(self + THREAD_STATE + 4); } // plain: constant since we have attached

/** Identity of the thread with that slot; NOBODY if it is being reaped. */
// @ts-ignore: decorator
@inline export function identityOf(slot: usize): u32 {
  const state = load64(slot + THREAD_STATE);
  return <u8>state == THREAD_ALIVE ? <u32>(state >> 32) : NOBODY;
}

/** Whether the thread with that identity is no more. */
export function isDead(identity: u32): bool {
  if (identity == 0 || identity == NOBODY) return identity != 0;
  let slot = <usize>get32(ARENA + ARENA_THREADS); // plain: constant since arena_init
  for (let i = 0; i < MAX_THREADS; i++) {
    if (identityOf(slot) == identity) return false;
    slot += THREAD_BYTES;
  }
  return true;
}

// ── Waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Who has waited longest in that queue, or 0. Plain: under the lock. */
// @ts-ignore: decorator
@inline export function firstOf(o: usize, queue: usize): usize { return <usize>get32(o + queue + QUEUE_FIRST); }
// @ts-ignore: decorator
@inline export function isBlocking(w: usize): bool { return get32(w + WAITER_TOKEN) == TOKEN_BLOCKING; }
/** Identity of the thread that waits. It is alive, or its reaper looks at the object later. */
// @ts-ignore: decorator
@inline export function waiterIdentity(w: usize): u32 { return identityOf(<usize>get32(w + WAITER_THREAD)); }

/** As `append` of waiter.ts, but before all others. The caller holds the lock, inside a section. */
// @ts-ignore: decorator
@inline export function prepend(w: usize): void {
  const queue = <usize>get32(w + WAITER_QUEUE);
  const first = <usize>get32(queue + QUEUE_FIRST);
  if (first == 0) append(w);
  else {
    set32(w + WAITER_NEXT, <u32>first);
    set32(w + WAITER_PREV, 0);
    set32(w + WAITER_LINKED, LINKED_QUEUE);
    set32(first + WAITER_PREV, <u32>w);
    set32(queue + QUEUE_FIRST, <u32>w);
  }
}

// ── Places ───────────────────────────────────────────────────────────────────────────────────────────────────────────

// @ts-ignore: decorator
@inline function pageEntry(at: usize): usize { return <usize>ARENA + ARENA_PAGE_MAP + ((at >> PAGE_SHIFT) << 2); }

/** True if a live object of that kind and generation lies at the address. Touches nothing outside the arena, whatever is passed. */
export function sync_check(at: u32, kind: u32, open: u32): bool {
  if (at < get32(ARENA + ARENA_FIRST_PAGE) || at >= load32(ARENA + ARENA_BREAK) || at & (SYNC_BYTES - 1)) return false;
  const page = at & ~(PAGE - 1);
  if (page == at || <u8>load32(pageEntry(page)) != PAGE_CLASS + 1 || load32(page + HEAD_KIND) != KIND_SYNC_PAGE) return false;
  return load64(at + SYNC_KIND) == <u64>kind && (load32(at + HEAD_STATE) & ~FLAGS_MASK) == open;
}

/** SYNC_KIND of a place at which that thread is. */
// @ts-ignore: decorator
@inline function madeBy(maker: u32, kind: u32): u64 { return <u64>maker << 32 | <u64>kind; }

/**
 * A place that is claimed by the calling thread, its own words all zero; 0 if the arena is full. With `cells`: one that RWMutexes have been in, which
 * is for nothing else any more, or 0 if there is none.
 */
export function sync_claim(cells: bool = false): usize {
  while (true) {
    for (let page = <usize>load32(ARENA + ARENA_SYNC); page != 0; page = <usize>get32(page + SYNC_NEXT)) {
      for (let at = page + SYNC_BYTES; at < page + PAGE; at += SYNC_BYTES) {
        if (load64(at + SYNC_KIND) != 0 || (load32(at + SYNC_CELLS) != 0) != cells || cas64(at + SYNC_KIND, 0, madeBy(me(), 0)) != 0) continue;
        if ((load32(at + SYNC_CELLS) != 0) != cells) {
          store64(at + SYNC_KIND, 0); // it has become one of the others since
          continue;
        }
        set32(at + SYNC_LEDGER, 0);
        zero(at + SYNC_STATE + 8, SYNC_BYTES - SYNC_STATE - 8);
        // No generation is 0: SYNC_STATE is, where nothing lives.
        if (load32(at + HEAD_STATE) == 0) store32(at + HEAD_STATE, GENERATION);
        return at;
      }
    }
    if (cells) return 0;
    const page = arena_allocate(PAGE);
    if (page == 0) return 0;
    while (true) {
      const first = load32(ARENA + ARENA_SYNC);
      set32(page + SYNC_NEXT, first);
      enter();
      store32(page + HEAD_KIND, KIND_SYNC_PAGE);
      const done = cas32(ARENA + ARENA_SYNC, first, <u32>page) == first;
      if (done) settled();
      leave();
      if (done) break;
    }
  }
  return 0;
}

/** The object is made: others may open it. */
export function sync_made(o: usize, kind: u32): void {
  store64(o + SYNC_KIND, kind);
}

/** Makes all handles stale, tells all who wait, gives the place back: OK, or STALE (it was done before). */
export function sync_dispose(o: usize, open: u32): u32 {
  while (true) {
    const s = load32(o + HEAD_STATE);
    if ((s & ~FLAGS_MASK) != open || s & CHANNEL_DISPOSED) return STALE;
    enter();
    const done = cas32(o + HEAD_STATE, s, s | CHANNEL_DISPOSED) == s;
    if (done) {
      store64(o + SYNC_KIND, madeBy(me(), <u32>load64(o + SYNC_KIND)));
      store64(o + SYNC_STATE, 0);
    }
    leave();
    if (done) break;
  }
  unmake(o);
  return OK;
}

/** The rest of disposing, which another thread may have to do. The caller is the maker. */
function unmake(o: usize): void {
  let tries: u32 = 0;
  let left = true;
  while (left) {
    let bell: usize = 0;
    let locked = false;
    enter();
    if (tryLock(o)) {
      locked = true;
      // Nobody can join a queue any more: who parks looks at the state under the lock.
      const receiver = <usize>get32(o + CHANNEL_RECVQ + QUEUE_FIRST);
      const w = receiver != 0 ? receiver : <usize>get32(o + CHANNEL_SENDQ + QUEUE_FIRST);
      if (w != 0) bell = complete(w, STALE);
      else left = false;
      unlock(o);
      ring(bell);
    }
    leave();
    if (!locked) relax(tries++);
  }
  const ledger = <usize>get32(o + SYNC_LEDGER);
  if (ledger != 0) {
    enter();
    set32(self + THREAD_PENDING, <u32>ledger);
    set32(o + SYNC_LEDGER, 0);
    leave();
    arena_free(ledger);
  }
  enter();
  store64(o + SYNC_STATE, 0); // it was never made
  store32(o + HEAD_STATE, (load32(o + HEAD_STATE) & ~FLAGS_MASK) + GENERATION);
  store64(o + SYNC_KIND, 0); // last: who claims it finds the rest done
  leave();
}

/** Helps with what a dead thread has left of an object that is being made or disposed of. True if nothing else is to be done about it. */
// @ts-ignore: decorator
@inline function clear(o: usize): bool {
  const word = load64(o + SYNC_KIND);
  const maker = <u32>(word >> 32);
  // Never made, or half disposed of: nobody else writes a maker.
  if (maker != 0 && isDead(maker) && cas64(o + SYNC_KIND, word, madeBy(me(), <u32>word)) == word) unmake(o);
  return word != <u64><u32>word || word == 0 || (load32(o + HEAD_STATE) & CHANNEL_DISPOSED) != 0;
}

/** To be called after threads have been reaped: gives on what they held, and serves who can be served. Any thread may, at any time. */
export function sync_mend(): void {
  for (let page = <usize>load32(ARENA + ARENA_SYNC); page != 0; page = <usize>get32(page + SYNC_NEXT)) {
    for (let o = page + SYNC_BYTES; o < page + PAGE; o += SYNC_BYTES) {
      if (clear(o)) continue;
      const kind = <u32>load64(o + SYNC_KIND);
      const open = load32(o + HEAD_STATE) & ~FLAGS_MASK;
      if (kind == KIND_MUTEX) mutex_mend(o, open);
      else if (kind == KIND_ONCE || kind == KIND_ONCE_VALUE) once_mend(o, open);
      else if (kind == KIND_RWMUTEX) rwmutex_mend(o, open);
      else if (kind == KIND_COND) cond_mend(o, open);
      else if (kind == KIND_SEMAPHORE) semaphore_mend(o, open);
      else if (kind == KIND_WAIT_GROUP) wait_group_mend(o, open);
      else if (kind == KIND_BARRIER) barrier_mend(o, open);
    }
  }
}
