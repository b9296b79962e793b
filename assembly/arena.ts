// Arena: one shared memory, its pages, and the blocks cut from them.
//
// Who may call: any attached thread. Blocks may be freed by another thread than the one that allocated them.
//
// Algorithm: size classes of power-of-two blocks. Each thread keeps two chains of free blocks per class (`loaded` and `spare`:
// Bonwick and Adams, "Magazines and Vmem", 2001) so that the usual allocation touches no shared line. Full chains go to and come
// from the depot, one Treiber stack of chains per class whose head packs `tag:32 | chain:32` (the tag grows with every pop: no ABA).
// When the depot is empty too, the thread cuts blocks from a page of its own; pages come from ARENA_BREAK by compare-and-swap, and when there are no
// more, from free runs of pages, which are halved for that.
//
//   ┌ header ┬ page map ┬ thread table ┬ page ┬ page ┬ … ┬ never used ┐
//   0x400    0x1000                    first page         break        size
//
// Invariants: a page goes from larger blocks to smaller ones, never back. HEAD_STATE's generation grows with every free. A block is in exactly one place:
// a chain of a thread, a chain of the depot, THREAD_PENDING of a thread, or in use.
//
// Progress: lock-free. A kill leaves at most the block in THREAD_PENDING, which the reaper frees.

import { add32, cas32, cas64, enter, get32, leave, load32, load64, peek32, poke32, set32, store32, zero } from "./atomics.ts";
import {
  ARENA, ARENA_BREAK, ARENA_DEPOT, ARENA_FIRST_PAGE, ARENA_GATE, ARENA_ID_HI, ARENA_ID_LO, ARENA_LAYOUT, ARENA_MAGIC, ARENA_MAGIC_VALUE,
  ARENA_PAGE_MAP, ARENA_SIZE, ARENA_THREADS, ARENA_USED, CHANNEL_LAP, CHANNEL_SLOTS, CHANNEL_TAIL, CLASS_COUNT, CLASS_SHIFT, CUT_AGAIN, DEPOT_STRIDE, FLAGS_MASK, GENERATION,
  HEAD_BYTES, HEAD_CHAIN, HEAD_CLASS, HEAD_COUNT, HEAD_KIND, HEAD_NEXT, HEAD_STATE, KIND_CHANNEL, KIND_FREE, LAYOUT_VERSION, LINE,
  MAGAZINE_BYTES, MAGAZINE_COUNT, MAGAZINE_CUT, MAGAZINE_END, MAGAZINE_LOADED, MAGAZINE_SPARE, MAGAZINE_USED, MAX_THREADS,
  PAGE, PAGE_AGAIN, PAGE_CLASS, PAGE_SHIFT, SLOT_BYTES, SMALL_CLASS, SPARE_SHIFT, THREAD_BYTES, THREAD_MAGAZINES, THREAD_NEWS, THREAD_PENDING,
} from "./layout.ts";
import { self } from "./thread.ts";

if (ARENA_DEPOT + CLASS_COUNT * DEPOT_STRIDE > ARENA_GATE) ERROR("the depot runs into the gate");
if (ARENA_GATE + CHANNEL_SLOTS + 2 * SLOT_BYTES > ARENA_PAGE_MAP) ERROR("the gate runs into the page map");
if (ARENA_USED + CLASS_COUNT * 4 > ARENA_DEPOT) ERROR("the counters run into the depot");
if (THREAD_MAGAZINES + CLASS_COUNT * MAGAZINE_BYTES > THREAD_BYTES) ERROR("the magazines do not fit a thread slot");
if (PAGE != 1 << PAGE_SHIFT || LINE << PAGE_CLASS != PAGE) ERROR("pages and classes disagree");

// @ts-ignore: decorator
@inline function roundUp(n: usize, unit: usize): usize { return (n + unit - 1) & ~(unit - 1); }

/** Lays out a fresh, zeroed memory of `size` bytes. To be called once, before anybody else sees the memory. */
export function arena_init(size: u32, idLo: u32, idHi: u32): void {
  const threads = roundUp(<usize>ARENA + ARENA_PAGE_MAP + ((<usize>size >> PAGE_SHIFT) << 2), LINE);
  const first = roundUp(threads + MAX_THREADS * THREAD_BYTES, PAGE);
  set32(ARENA + ARENA_LAYOUT, LAYOUT_VERSION);
  set32(ARENA + ARENA_SIZE, size);
  set32(ARENA + ARENA_THREADS, <u32>threads);
  set32(ARENA + ARENA_FIRST_PAGE, <u32>first);
  set32(ARENA + ARENA_ID_LO, idLo);
  set32(ARENA + ARENA_ID_HI, idHi);
  // As channel_create makes one without capacity.
  set32(ARENA + ARENA_GATE + HEAD_KIND, KIND_CHANNEL);
  set32(ARENA + ARENA_GATE + CHANNEL_LAP, 2);
  set32(ARENA + ARENA_GATE + CHANNEL_TAIL, 1);
  store32(ARENA + ARENA_BREAK, <u32>first);
  store32(ARENA + ARENA_MAGIC, ARENA_MAGIC_VALUE);
}

// @ts-ignore: decorator
@inline function pageEntry(at: usize): usize { return <usize>ARENA + ARENA_PAGE_MAP + ((at >> PAGE_SHIFT) << 2); }
// @ts-ignore: decorator
@inline function depotOf(cls: u32): usize { return <usize>ARENA + ARENA_DEPOT + <usize>cls * DEPOT_STRIDE; }
// @ts-ignore: decorator
@inline export function magazineOf(thread: usize, cls: u32): usize { return thread + THREAD_MAGAZINES + <usize>cls * MAGAZINE_BYTES; }

/** Size class of a block with `bytes` usable bytes, header included. */
// @ts-ignore: decorator
@inline function classOf(bytes: u32): u32 {
  return bytes <= <u32>LINE ? 0 : 32 - <u32>clz<u32>(bytes - 1) - CLASS_SHIFT;
}

/** Blocks in a full chain: many for small blocks, one for those of a page and more, so that memory is not hoarded. */
// @ts-ignore: decorator
@inline function chainOf(cls: u32): u32 { return cls < 4 ? 16 : cls < <u32>PAGE_CLASS ? 4 : 1; }

/** Takes a chain off the depot of the class and loads it. */
function refill(cls: u32): bool {
  const depot = depotOf(cls);
  const magazine = magazineOf(self, cls);
  while (true) {
    const head = load64(depot);
    const chain = <u32>head;
    if (chain == 0) return false;
    // Racing: another thread may have taken and reused the chain; then the tag differs and the compare-and-swap fails.
    const next = peek32(chain + HEAD_CHAIN);
    enter();
    if (cas64(depot, head, ((head >> 32) + 1) << 32 | <u64>next) == head) {
      set32(magazine + MAGAZINE_LOADED, chain); // plain: the chain is ours now, and so is the magazine
      set32(magazine + MAGAZINE_COUNT, get32(chain + HEAD_COUNT));
      leave();
      return true;
    }
    leave();
  }
  return false;
}

/** Puts the spare chain of the magazine into the depot. */
function flush(cls: u32): void {
  const depot = depotOf(cls);
  const magazine = magazineOf(self, cls);
  const chain = get32(magazine + MAGAZINE_SPARE);
  if (chain == 0) return;
  while (true) {
    const head = load64(depot);
    poke32(chain + HEAD_CHAIN, <u32>head);
    enter();
    // Publishes the chain; pairs with the load of the depot in refill.
    if (cas64(depot, head, (head >> 32) << 32 | <u64>chain) == head) {
      set32(magazine + MAGAZINE_SPARE, 0);
      leave();
      return;
    }
    leave();
  }
}

/** Gives the thread a run of pages of the class to cut blocks from. */
function extend(cls: u32, spare: bool): bool {
  const magazine = magazineOf(self, cls);
  const bytes: u32 = cls < <u32>PAGE_CLASS ? PAGE : LINE << cls;
  const size = get32(ARENA + ARENA_SIZE); // plain: constant since arena_init
  while (true) {
    const from = load32(ARENA + ARENA_BREAK);
    if (size - from < bytes + (spare ? size >> SPARE_SHIFT : 0)) return false;
    enter();
    if (cas32(ARENA + ARENA_BREAK, from, from + bytes) == from) {
      store32(pageEntry(from), cls + 1);
      set32(magazine + MAGAZINE_CUT, from);
      set32(magazine + MAGAZINE_END, from + bytes);
      leave();
      return true;
    }
    leave();
  }
  return false;
}

/**
 * Halves a free run of pages until it is one of the class, or a page to cut smaller blocks from: for when there are no pages left that were never
 * handed out. Runs are never put together again.
 */
function split(cls: u32): bool {
  const goal = max(cls, <u32>PAGE_CLASS);
  let c = goal + u32(cls == goal);
  while (true) {
    if (c >= <u32>CLASS_COUNT) return false;
    if (refill(c)) break;
    c++;
  }
  // While we have the run, others do not see what is left of it, and may go to sleep.
  set32(self + THREAD_NEWS, 1);
  // The run is the only block of our magazine of its class: those of a page and more keep none.
  while (true) {
    const from = magazineOf(self, c);
    const run = get32(from + MAGAZINE_LOADED);
    if (c == goal) {
      if (cls == goal) return true;
      const magazine = magazineOf(self, cls);
      enter();
      set32(from + MAGAZINE_LOADED, 0);
      set32(from + MAGAZINE_COUNT, 0);
      store32(pageEntry(run), cls + 1 | PAGE_AGAIN);
      // Where a channel has been, no small block comes to lie: see MESSAGE_SMALL.
      set32(magazine + MAGAZINE_CUT, run + (cls <= <u32>SMALL_CLASS ? LINE << cls : 0) | CUT_AGAIN);
      set32(magazine + MAGAZINE_END, run + PAGE);
      leave();
      return true;
    }
    c--;
    flush(c);
    const to = magazineOf(self, c);
    const half = run + (LINE << c);
    enter();
    set32(from + MAGAZINE_LOADED, 0);
    set32(from + MAGAZINE_COUNT, 0);
    set32(run + HEAD_CLASS, c);
    set32(half + HEAD_CLASS, c);
    set32(half + HEAD_NEXT, 0);
    set32(half + HEAD_COUNT, 1);
    poke32(half + HEAD_KIND, KIND_FREE);
    poke32(half + HEAD_STATE, peek32(half + HEAD_STATE) & ~FLAGS_MASK);
    store32(pageEntry(run), c + 1);
    store32(pageEntry(half), c + 1);
    set32(to + MAGAZINE_LOADED, run);
    set32(to + MAGAZINE_COUNT, 1);
    set32(to + MAGAZINE_SPARE, half);
    leave();
    flush(c);
  }
  return false;
}

/**
 * A block of at least `bytes` bytes, with whatever is in it, or one larger by at most `slack` classes; bit 0 says that it is fresh, all zero. 0 if
 * there is none. `spare` leaves the last part of the arena to others. It stands in THREAD_PENDING until the caller has linked it somewhere.
 */
export function grab(bytes: u32, slack: u32, spare: bool): usize {
  let cls = classOf(bytes);
  // What is not a channel's class stays away from those: see MESSAGE_SMALL.
  const most = cls <= <u32>SMALL_CLASS ? <u32>SMALL_CLASS : min(cls + slack, CLASS_COUNT - 1);
  while (true) {
    const magazine = magazineOf(self, cls);
    const block = <usize>get32(magazine + MAGAZINE_LOADED);
    if (block != 0) {
      enter();
      set32(magazine + MAGAZINE_LOADED, get32(block + HEAD_NEXT));
      set32(magazine + MAGAZINE_COUNT, get32(magazine + MAGAZINE_COUNT) - 1);
      set32(magazine + MAGAZINE_USED, get32(magazine + MAGAZINE_USED) + 1);
      set32(self + THREAD_PENDING, <u32>block);
      leave();
      return block;
    }
    const full = get32(magazine + MAGAZINE_SPARE);
    if (full != 0) {
      enter();
      set32(magazine + MAGAZINE_LOADED, full);
      set32(magazine + MAGAZINE_COUNT, get32(full + HEAD_COUNT));
      set32(magazine + MAGAZINE_SPARE, 0);
      leave();
      continue;
    }
    const cut = get32(magazine + MAGAZINE_CUT);
    if (cut < get32(magazine + MAGAZINE_END)) {
      const fresh = cut & ~CUT_AGAIN;
      enter();
      set32(magazine + MAGAZINE_CUT, cut + (LINE << cls));
      set32(magazine + MAGAZINE_USED, get32(magazine + MAGAZINE_USED) + 1);
      // In a page that is used again anything may stand here; and other threads may look, for a forged handle.
      poke32(fresh + HEAD_KIND, KIND_FREE);
      poke32(fresh + HEAD_STATE, peek32(fresh + HEAD_STATE) & ~FLAGS_MASK);
      set32(fresh + HEAD_CLASS, cls);
      set32(self + THREAD_PENDING, fresh);
      leave();
      return cut ^ CUT_AGAIN;
    }
    if (refill(cls) || extend(cls, spare) || split(cls)) continue;
    // Nothing left of this size: a larger free block will do. It keeps its class, so it goes back where it came from.
    if (++cls > most) return 0;
  }
  return 0;
}

/**
 * A block of at least `bytes` bytes, all zero but for its header; 0 if the arena is full. Its kind is KIND_FREE until the caller sets
 * it, and it stands in THREAD_PENDING until the caller has linked it somewhere and calls `settled`.
 */
export function arena_allocate(bytes: u32): usize {
  if (bytes > 1 << 30) return 0;
  const block = grab(bytes, 4, false);
  // Fresh memory needs no clearing, and large blocks no touching.
  if (block & 1) return block ^ 1;
  if (block != 0) zero(block + HEAD_BYTES, (LINE << get32(block + HEAD_CLASS)) - HEAD_BYTES);
  return block;
}

/** The block in THREAD_PENDING has found its place: kind set, linked, or handed to the bindings. */
// @ts-ignore: decorator
@inline export function settled(): void { set32(self + THREAD_PENDING, 0); }

/** Gives a block back. The caller must be the only one who still uses it. */
export function arena_free(block: usize): void {
  store32(block + HEAD_KIND, KIND_FREE);
  // The new generation makes every handle of the old object stale.
  store32(block + HEAD_STATE, (load32(block + HEAD_STATE) & ~FLAGS_MASK) + GENERATION);
  arena_put(block);
}

/** Gives back a block that stands in THREAD_PENDING and has had no handle. */
export function arena_put(block: usize): void {
  const cls = get32(block + HEAD_CLASS);
  const magazine = magazineOf(self, cls);
  const full = get32(magazine + MAGAZINE_COUNT) >= chainOf(cls);
  if (full) flush(cls);
  enter();
  if (full) {
    set32(magazine + MAGAZINE_SPARE, get32(magazine + MAGAZINE_LOADED));
    set32(magazine + MAGAZINE_LOADED, 0);
    set32(magazine + MAGAZINE_COUNT, 0);
  }
  const count = get32(magazine + MAGAZINE_COUNT) + 1;
  set32(block + HEAD_NEXT, get32(magazine + MAGAZINE_LOADED));
  set32(block + HEAD_COUNT, count); // the head of a chain knows its length
  set32(magazine + MAGAZINE_LOADED, <u32>block);
  set32(magazine + MAGAZINE_COUNT, count);
  set32(magazine + MAGAZINE_USED, get32(magazine + MAGAZINE_USED) - 1);
  set32(self + THREAD_PENDING, 0);
  leave();
  if (cls >= <u32>PAGE_CLASS) {
    // Blocks of a page and more go to the depot at once, where every thread finds them.
    enter();
    set32(magazine + MAGAZINE_SPARE, get32(magazine + MAGAZINE_LOADED));
    set32(magazine + MAGAZINE_LOADED, 0);
    set32(magazine + MAGAZINE_COUNT, 0);
    leave();
    flush(cls);
  }
}

/** True if a live object of that kind and generation starts at the address. Touches nothing outside the arena, whatever is passed. */
export function arena_check(at: u32, kind: u32, open: u32): bool {
  if (at < get32(ARENA + ARENA_FIRST_PAGE) || at >= load32(ARENA + ARENA_BREAK)) return false;
  const entry = <u8>load32(pageEntry(at));
  if (entry == 0) return false;
  const cls = <u32>entry - 1;
  if (at & (cls < <u32>PAGE_CLASS ? (LINE << cls) - 1 : PAGE - 1)) return false;
  return load32(at + HEAD_KIND) == kind && (load32(at + HEAD_STATE) & ~FLAGS_MASK) == open;
}

/**
 * Puts what a thread has put by where every thread finds it: its chains, the rest of its pages, its count of blocks. The caller is its reaper, or
 * that thread. Returns whether there was anything.
 */
export function arena_inherit(from: usize): bool {
  let found = false;
  for (let cls: u32 = 0; cls < <u32>CLASS_COUNT; cls++) {
    const theirs = magazineOf(from, cls);
    while (get32(theirs + MAGAZINE_CUT) < get32(theirs + MAGAZINE_END)) {
      const next = get32(theirs + MAGAZINE_CUT);
      const cut = next & ~CUT_AGAIN;
      enter();
      set32(theirs + MAGAZINE_CUT, next + (LINE << cls));
      set32(cut + HEAD_CLASS, cls);
      set32(self + THREAD_PENDING, cut);
      set32(magazineOf(self, cls) + MAGAZINE_USED, get32(magazineOf(self, cls) + MAGAZINE_USED) + 1);
      leave();
      arena_free(cut);
    }
    if (get32(theirs + MAGAZINE_LOADED) | get32(theirs + MAGAZINE_SPARE)) found = true;
    adopt(theirs, MAGAZINE_LOADED, cls);
    adopt(theirs, MAGAZINE_SPARE, cls);
    enter();
    add32(<usize>ARENA + ARENA_USED + (<usize>cls << 2), get32(theirs + MAGAZINE_USED));
    set32(theirs + MAGAZINE_USED, 0);
    leave();
  }
  return found;
}

/** Moves one chain of a thread to the depot, by way of our own spare place. */
function adopt(theirs: usize, which: usize, cls: u32): void {
  const chain = get32(theirs + which);
  if (chain == 0) return;
  flush(cls);
  const magazine = magazineOf(self, cls);
  enter();
  set32(magazine + MAGAZINE_SPARE, chain);
  set32(theirs + which, 0);
  if (which == MAGAZINE_LOADED) set32(theirs + MAGAZINE_COUNT, 0);
  leave();
  flush(cls);
}

/** Puts what we have put by where every thread finds it, for who waits for memory: whether there was anything, now or since the last call. */
export function arena_share(): bool {
  const news = get32(self + THREAD_NEWS) != 0;
  set32(self + THREAD_NEWS, 0);
  return arena_inherit(self) || news;
}
