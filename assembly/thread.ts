// Thread table: one slot for every agent (main thread or worker) that touches the arena.
//
// Who may call: thread_attach by the agent itself, once per arena; thread_reap by any attached thread, after the agent has ended. Several
// may reap the same thread, while others attach.
//
// A slot holds the thread's bells (see waiter.ts), the list of its completed async waiters, and words that only the owner writes: its
// block chains, its waiters, and its *duty*: what somebody else must finish if the thread is terminated between two killable sections.
//
//   FREE ──attach──► ALIVE ──reap──► REAPING ──► FREE
//
// THREAD_STATE holds the state together with whom it is about: the thread while ALIVE, its reaper while REAPING. Every transition compares
// the whole word, so a reaper that comes late cannot take the slot from the thread that has got it since. The platform gives no number
// twice (within 2^24 threads), and the dead do not attach: a word that names the dead is theirs, whenever it was read.
//
// Progress: attach is lock-free. Reaping is done by one thread; if the reaper dies, its own reaper goes on: every step below either
// has happened or can be done again.

import { arena_allocate, arena_free, arena_inherit, settled } from "./arena.ts";
import { add32, cas32, cas64, enter, get32, leave, load32, load64, set32, spinning, store32, store64 } from "./atomics.ts";
import { channel_finishDispose, channel_settle, channel_trySend32 } from "./channel.ts";
import {
  ARENA, ARENA_COLLECTOR, ARENA_LIVE, ARENA_THREADS, BUSY, DUTY_DISPOSE, DUTY_NONE, DUTY_SETTLE, DUTY_SIGNAL, DUTY_STACK_FREE, HEAD_KIND, KIND_SCRATCH, MAX_THREADS, OS_ID_NUMBER,
  RETRY, SCRATCH_BYTES, THREAD_ALIVE, THREAD_ASLEEP, THREAD_BYTES, THREAD_DUTY, THREAD_DUTY_ARG, THREAD_DUTY_OBJECT, THREAD_FREE,
  THREAD_LOOP_ARMED, THREAD_PAUSE, THREAD_PENDING, THREAD_READY, THREAD_REAPING, THREAD_SCRATCH, THREAD_STATE,
  THREAD_TAKEN, THREAD_WAITERS,
} from "./layout.ts";
import { message_inherit } from "./message.ts";
import { stack_putBack } from "./stack.ts";
import { waiter_drop } from "./waiter.ts";

/** Slot of the calling thread: an address, constant once attached. Per instance, hence not shared state. */
export let self: usize = 0;

/**
 * Takes a slot for the calling agent and returns its address; 0 if the table is full. An agent that has a slot already (its bindings were
 * garbage-collected and made anew) keeps it.
 */
export function thread_attach(osId: u32, parent: u32): usize {
  const mine = <u64>osId << 32 | <u64>(parent << 8 | THREAD_ALIVE);
  let slot = <usize>get32(ARENA + ARENA_THREADS); // plain: constant since arena_init
  for (let i = 0; i < MAX_THREADS; i++) {
    if (load64(slot + THREAD_STATE) == mine) {
      self = slot;
      return slot;
    }
    slot += THREAD_BYTES;
  }
  slot = <usize>get32(ARENA + ARENA_THREADS);
  for (let i = 0; i < MAX_THREADS; i++) {
    enter();
    if (cas64(slot + THREAD_STATE, THREAD_FREE, mine) == THREAD_FREE) {
      add32(ARENA + ARENA_LIVE, 1);
      leave();
      self = slot;
      return slot;
    }
    leave();
    slot += THREAD_BYTES;
  }
  return 0;
}

/** For the other modules over the same memory, each of which has its own instance in every thread: the slot that the core has taken. */
// @ts-ignore: decorator
@inline export function thread_is(slot: usize): void { self = slot; }

/** Notes what the reaper must finish should this thread die before `dutyDone`. In a section, or in straight-line code before one. */
// @ts-ignore: decorator
@inline export function duty(kind: u32, object: usize, arg: u32): void {
  set32(self + THREAD_DUTY_OBJECT, <u32>object);
  set32(self + THREAD_DUTY_ARG, arg);
  set32(self + THREAD_DUTY, kind);
}
// @ts-ignore: decorator
@inline export function dutyDone(): void { set32(self + THREAD_DUTY, DUTY_NONE); }

/** THREAD_STATE of a slot that the thread with that slot reaps. */
// @ts-ignore: decorator
@inline function reapedBy(reaper: usize): u64 { return <u64>reaper << 32 | THREAD_REAPING; }
// @ts-ignore: decorator
@inline function numberOf(state: u64): u32 { return <u32>(state >> 32) & OS_ID_NUMBER; }
// @ts-ignore: decorator
@inline function parentOf(state: u64): u32 { return <u32>state >> 8; }

/**
 * Frees the slots of the thread with that platform number, which has ended for good, and of all that have ended with it: finishes what they
 * had begun, takes their waiters out of their queues, gives their blocks back. Returns how many slots. One that another thread is reaping is
 * left to it.
 */
export function thread_reap(number: u32): u32 {
  let reaped: u32 = 0;
  // Those that have ended with it come first: while it has a slot, they are found through it, should we die over this.
  let slot = <usize>get32(ARENA + ARENA_THREADS);
  for (let i = 0; i < MAX_THREADS; i++) {
    const state = load64(slot + THREAD_STATE);
    if (<u8>state == THREAD_ALIVE && parentOf(state) == number && slot != self) reaped += thread_reap(numberOf(state));
    slot += THREAD_BYTES;
  }
  slot = <usize>get32(ARENA + ARENA_THREADS);
  for (let i = 0; i < MAX_THREADS; i++) {
    const state = load64(slot + THREAD_STATE);
    if (<u8>state == THREAD_ALIVE && numberOf(state) == number && slot != self) {
      if (cas64(slot + THREAD_STATE, state, reapedBy(self)) == state) {
        reap(slot);
        reaped++;
      }
    }
    slot += THREAD_BYTES;
  }
  return reaped;
}

function reap(slot: usize): void {
  // Waiters first: a queue that is settled below must not hand values to the dead.
  while (true) {
    const waiter = <usize>get32(slot + THREAD_WAITERS);
    if (waiter == 0) break;
    waiter_drop(slot, waiter);
  }
  // Its duty becomes ours in one section: it is done once, even if we die over it.
  const kind = get32(slot + THREAD_DUTY);
  const object = <usize>get32(slot + THREAD_DUTY_OBJECT);
  const arg = get32(slot + THREAD_DUTY_ARG);
  enter();
  duty(kind, object, arg);
  set32(slot + THREAD_DUTY, DUTY_NONE);
  leave();
  if (kind == DUTY_SETTLE) channel_settle(object);
  else if (kind == DUTY_DISPOSE) channel_finishDispose(object);
  else if (kind == DUTY_STACK_FREE) stack_putBack(object, arg);
  else if (kind == DUTY_SIGNAL) {
    // Stays noted until the next duty: to be told twice only makes somebody look twice.
    let s: u32;
    do s = channel_trySend32(object, arg, 0); while (s == BUSY || s == RETRY);
  }
  free(slot, THREAD_PENDING);
  free(slot, THREAD_SCRATCH);
  message_inherit(slot);
  cas32(ARENA + ARENA_COLLECTOR, <u32>slot, 0);
  arena_inherit(slot);
  // Whom it was reaping when it died.
  let other = <usize>get32(ARENA + ARENA_THREADS);
  for (let i = 0; i < MAX_THREADS; i++) {
    if (load64(other + THREAD_STATE) == reapedBy(slot)) {
      store64(other + THREAD_STATE, reapedBy(self)); // it is ours to take: the slot of its reaper is
      reap(other);
    }
    other += THREAD_BYTES;
  }
  enter();
  set32(slot + THREAD_TAKEN, 0);
  store32(slot + THREAD_READY, 0);
  store32(slot + THREAD_ASLEEP, 0);
  store32(slot + THREAD_LOOP_ARMED, 0);
  add32(ARENA + ARENA_LIVE, -1);
  store64(slot + THREAD_STATE, THREAD_FREE);
  leave();
}

/** Frees the block that a word of the dead thread names. */
function free(slot: usize, word: usize): void {
  const block = <usize>get32(slot + word);
  if (block == 0) return;
  enter();
  set32(self + THREAD_PENDING, <u32>block);
  set32(slot + word, 0);
  leave();
  arena_free(block);
}

/** The calling thread's scratch block for batches, made on first use; 0 if the arena is full. */
export function thread_scratch(): usize {
  const have = get32(self + THREAD_SCRATCH);
  if (have != 0) return have;
  const block = arena_allocate(SCRATCH_BYTES);
  if (block == 0) return 0;
  enter();
  store32(block + HEAD_KIND, KIND_SCRATCH);
  set32(self + THREAD_SCRATCH, <u32>block);
  settled();
  leave();
  return block;
}

/**
 * Waits a moment for a thread that is inside a section: a few dozen instructions, unless the system has taken its processor away. So it
 * spins, twice as long each time, and says true when that has lasted longer than any section: then the caller's caller can sleep a while (BUSY).
 */
export function relax(tries: u32): bool {
  if (isDefined(MODEL)) {
    spinning();
    return false;
  }
  // No futex here: see sleep in src/wait.ts.
  pause(1 << min(tries, 12));
  return tries > 8;
}

/** Spends about `turns` ns without touching shared lines. */
export function pause(turns: u32): void {
  for (let i: u32 = 0; i < turns; i++) load32(self + THREAD_PAUSE);
}
