// Deque: a queue with an owner, from whose other end everybody else steals.
//
// Who may call: push and pop the owner alone; steal everybody. Values are 64 bits.
//
// Algorithm: Chase and Lev, "Dynamic Circular Work-Stealing Deque" (2005). The owner works at the bottom, thieves take the oldest value by moving the
// top with a compare-and-swap; only for the last value does the owner have to do that, too. A full ring is replaced by one of twice the
// size. Rings that were replaced stay until the deque goes, at most as much memory again: a thief that is late reads one of them.
//
//   DEQUE_TOP: life:32 | position:32     position p lies in slot p mod slots
//
//      top ──────────► bottom            thieves and first-in-first-out owners take here ──► top, the owner pushes and pops at the bottom
//       │ 5 │ 6 │ 7 │
//
// Invariants: what lies between top and bottom has been pushed and not been taken. A slot is written again only after the top has passed it, so
// a thief that read it too late fails. `life` is the HEAD_STATE of the place, so that a thief that comes too late for the whole deque fails as well.
//
// Death. Each step that takes a value is one killable section together with what becomes of the value, so none is ever on its way. Whoever inherits
// a dead owner's deque finds it whole.
//
// Progress: wait-free for the owner; lock-free for thieves, who are told RETRY if another one was faster.

import { arena_allocate, arena_free, settled } from "./arena.ts";
import { cas64, enter, get32, leave, load32, load64, peek64, poke64, set32, set64, store32, store64 } from "./atomics.ts";
import {
  DEQUE_BOTTOM, DEQUE_RING, DEQUE_SEEN, DEQUE_TOP, HEAD_KIND, KIND_DEQUE_RING, LINE, NO_MEMORY, OK, RETRY, RING_FIRST, RING_OLD, RING_SLOTS, STALE, THREAD_PENDING,
  THREAD_STATUS, THREAD_VALUE, WOULD_BLOCK,
} from "./layout.ts";
import { self } from "./thread.ts";

// @ts-ignore: decorator
@inline function slotsOf(ring: u32): u32 { return 1 << (ring & (LINE - 1)); }
// @ts-ignore: decorator
@inline function blockOf(ring: u32): usize { return <usize>(ring & ~(LINE - 1)); }
// @ts-ignore: decorator
@inline export function slotOf(ring: u32, position: u32): usize {
  return blockOf(ring) + RING_SLOTS + (<usize>(position & (slotsOf(ring) - 1)) << 3);
}
/** DEQUE_TOP, so many positions later. */
// @ts-ignore: decorator
@inline function later(top: u64, n: u32): u64 { return (top & 0xffffffff00000000) | <u64>(<u32>top + n); }

/** Makes an empty deque of zeroed memory: whether there was room for its ring. */
export function deque_init(d: usize, life: u32): bool {
  store64(d + DEQUE_TOP, <u64>life << 32);
  return grow(d);
}

/** Gives the deque a ring of twice the size. Called by the owner. */
function grow(d: usize): bool {
  const old = get32(d + DEQUE_RING); // plain: only the owner writes it
  const log = old == 0 ? <u32>RING_FIRST : (old & (LINE - 1)) + 1;
  const block = arena_allocate(RING_SLOTS + (8 << log));
  if (block == 0) return false;
  const ring = <u32>block | log;
  if (old != 0) {
    const bottom = get32(d + DEQUE_BOTTOM);
    // Thieves may take some meanwhile: what is copied too much is below the top.
    for (let p = <u32>load64(d + DEQUE_TOP); p != bottom; p++) set64(slotOf(ring, p), peek64(slotOf(old, p)));
  }
  set32(block + RING_OLD, old);
  enter();
  store32(block + HEAD_KIND, KIND_DEQUE_RING);
  store32(d + DEQUE_RING, ring); // publishes the copies; pairs with the load in stealNow
  settled();
  leave();
  return true;
}

/** Sees to it that one more value has room. Called by the owner, before the section with `putNow`. */
// @ts-ignore: decorator
@inline export function hasRoom(d: usize): bool {
  return get32(d + DEQUE_BOTTOM) - get32(d + DEQUE_SEEN) < slotsOf(get32(d + DEQUE_RING)) || makeRoom(d);
}

/** The same for `n` values. */
export function hasRoomFor(d: usize, n: u32): bool {
  set32(d + DEQUE_SEEN, <u32>load64(d + DEQUE_TOP));
  while (get32(d + DEQUE_BOTTOM) - get32(d + DEQUE_SEEN) + n > slotsOf(get32(d + DEQUE_RING))) if (!grow(d)) return false;
  return true;
}

function makeRoom(d: usize): bool {
  set32(d + DEQUE_SEEN, <u32>load64(d + DEQUE_TOP));
  return get32(d + DEQUE_BOTTOM) - get32(d + DEQUE_SEEN) < slotsOf(get32(d + DEQUE_RING)) || grow(d);
}

/** Pushes a value for which there is room. Straight-line. Called by the owner. */
// @ts-ignore: decorator
@inline export function putNow(d: usize, value: u64): void {
  const bottom = get32(d + DEQUE_BOTTOM);
  poke64(slotOf(get32(d + DEQUE_RING), bottom), value); // racing with thieves that are too late
  store32(d + DEQUE_BOTTOM, bottom + 1); // publishes the value; pairs with the load in stealNow
}

/** Whether the owner finds nothing: certain, for only the owner adds to it. */
// @ts-ignore: decorator
@inline export function isEmpty(d: usize): bool { return get32(d + DEQUE_BOTTOM) == <u32>load64(d + DEQUE_TOP); }

/** Takes the newest value, which goes to THREAD_VALUE: whether there was one. Inside a section. Called by the owner. */
// @ts-ignore: decorator
@inline export function popNow(d: usize): bool {
  const bottom = get32(d + DEQUE_BOTTOM) - 1;
  // Dekker with stealNow: we lower the bottom, then look at the top; a thief reads the top, then the bottom. Not both can take the last value unseen.
  store32(d + DEQUE_BOTTOM, bottom);
  const top = load64(d + DEQUE_TOP);
  const left = <i32>(bottom - <u32>top);
  let got = left >= 0;
  if (got) set64(self + THREAD_VALUE, peek64(slotOf(get32(d + DEQUE_RING), bottom)));
  if (left <= 0) {
    if (left == 0) got = cas64(d + DEQUE_TOP, top, later(top, 1)) == top;
    store32(d + DEQUE_BOTTOM, bottom + 1);
  }
  return got;
}

/** Takes the oldest value, which goes to THREAD_VALUE: OK, WOULD_BLOCK (it was empty), RETRY (another thread was faster) or STALE. Inside a section. */
// @ts-ignore: decorator
@inline export function stealNow(d: usize, life: u32): u32 {
  const top = load64(d + DEQUE_TOP);
  const bottom = load32(d + DEQUE_BOTTOM); // after the top: see popNow
  let status: u32 = WOULD_BLOCK;
  if (<u32>(top >> 32) != life) status = STALE;
  else if (<i32>(bottom - <u32>top) > 0) {
    const value = peek64(slotOf(load32(d + DEQUE_RING), <u32>top));
    status = RETRY;
    if (cas64(d + DEQUE_TOP, top, later(top, 1)) == top) {
      set64(self + THREAD_VALUE, value); // plain: ours
      status = OK;
    }
  }
  return status;
}

/** How many values there were at some moment, at most a few wrong while others are at it. */
// @ts-ignore: decorator
@inline export function lengthOf(d: usize): u32 {
  const top = <u32>load64(d + DEQUE_TOP);
  return <u32>max(0, <i32>(load32(d + DEQUE_BOTTOM) - top));
}

/**
 * Moves up to `n` of the oldest values from a deque at whose bottom nobody pops to the bottom of another one, whose owner the caller is: the oldest
 * of them becomes the newest there. How many: 0 if it was empty, or another thread was faster.
 */
export function moveOldest(from: usize, to: usize, n: u32): u32 { return takeOldest(from, 0, to, n, true, false); }

/**
 * The same for a deque with that life; `reversed` or not; with `one`, the oldest of them goes to THREAD_VALUE instead. THREAD_STATUS says OK, WOULD_BLOCK,
 * RETRY, STALE or NO_MEMORY.
 */
export function takeOldest(from: usize, life: u32, to: usize, n: u32, reversed: bool, one: bool): u32 {
  const top = load64(from + DEQUE_TOP);
  const bottom = load32(from + DEQUE_BOTTOM); // after the top, as in stealNow
  if (<u32>(top >> 32) != life) return nothing(STALE);
  if (<i32>(bottom - <u32>top) <= 0) return nothing(WOULD_BLOCK);
  const some = min(n, bottom - <u32>top);
  const more = some - u32(one);
  if (more != 0 && !hasRoomFor(to, more)) return nothing(NO_MEMORY);
  const ring = load32(from + DEQUE_RING);
  const mine = get32(to + DEQUE_RING);
  const end = get32(to + DEQUE_BOTTOM);
  const first = <u32>top + u32(one);
  // Nobody sees what lies above our bottom.
  for (let i: u32 = 0; i < more; i++) poke64(slotOf(mine, end + (reversed ? more - 1 - i : i)), peek64(slotOf(ring, first + i)));
  const value = peek64(slotOf(ring, <u32>top));
  enter();
  const done = cas64(from + DEQUE_TOP, top, later(top, some)) == top;
  if (done) {
    store32(to + DEQUE_BOTTOM, end + more);
    if (one) set64(self + THREAD_VALUE, value);
    set32(self + THREAD_STATUS, OK);
  }
  leave();
  return done ? some : nothing(RETRY);
}

/** Why nothing has been moved goes to THREAD_STATUS. */
export function nothing(status: u32): u32 {
  set32(self + THREAD_STATUS, status);
  return 0;
}

/** Frees the rings of a deque that nobody uses any more. */
export function deque_free(d: usize): void {
  while (true) {
    const ring = get32(d + DEQUE_RING);
    if (ring == 0) return;
    const block = blockOf(ring);
    enter();
    set32(self + THREAD_PENDING, <u32>block);
    store32(d + DEQUE_RING, get32(block + RING_OLD));
    leave();
    arena_free(block);
  }
}
