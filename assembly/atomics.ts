// The seam: the only file that names atomic builtins. Everything else of the core reads and writes shared memory through it.
//
// With the define MODEL, every function first tells the model checker (test/model/) what it is about to do:
//   model.step(op, address, bytes)  an atomic: a point where another thread may go on, or this one may be killed
//   model.note(op, address, bytes)  a plain access: no other thread may touch these bytes without being ordered with this one
//   model.wait / model.notify       stand in for the futex
// The release build has none of this.
//
// Names: loadN storeN casN … are atomic and sequentially consistent, as all atomics of WebAssembly; getN setN are plain; peekN pokeN
// are plain too, but may race: what peek reads is a hint, or is validated by a later compare-and-swap. Engines check the bounds and the
// alignment of every atomic access, so a peek costs half of a load. look32 is a load whose word may be another one's by now.
//
// Killable sections. Engines stop a thread only at function entries and loop back-edges, so what lies between enter() and leave()
// is done wholly or not at all, provided that it holds no loop and no call. scripts/check-core.mjs proves this on the text of the
// release build, for which the global stays there: it costs one register-to-memory move.

export const OP_LOAD = 0;
export const OP_STORE = 1;
export const OP_RMW = 2;
export const OP_CAS = 3;
export const OP_GET = 4;
export const OP_SET = 5;
export const OP_PEEK = 6;
export const OP_POKE = 7;
export const OP_LOOK = 13;

// @ts-ignore: decorator
@external("model", "step") declare function step(op: i32, at: usize, bytes: i32): void;
// @ts-ignore: decorator
@external("model", "note") declare function note(op: i32, at: usize, bytes: i32): void;
// @ts-ignore: decorator
@external("model", "wait") declare function modelWait(at: usize, expected: u32, timeout: i64): i32;
// @ts-ignore: decorator
@external("model", "notify") declare function modelNotify(at: usize, count: u32): u32;
// @ts-ignore: decorator
@external("model", "pause") declare function modelPause(): void;

/** 1 while this instance is inside a killable section. Per instance, hence not shared state. */
export let section: i32 = 0;

// @ts-ignore: decorator
@inline export function enter(): void { section = 1; }
// @ts-ignore: decorator
@inline export function leave(): void { section = 0; }

// @ts-ignore: decorator
@inline export function load32(at: usize): u32 { if (isDefined(MODEL)) step(OP_LOAD, at, 4); return atomic.load<u32>(at); }
// @ts-ignore: decorator
@inline export function load64(at: usize): u64 { if (isDefined(MODEL)) step(OP_LOAD, at, 8); return atomic.load<u64>(at); }
/**
 * As load32, of a word whose block may have been given back meanwhile and be used, plainly too, for something else: it synchronizes like load32 where it
 * has not; where it has, what it reads counts for nothing: a compare-and-swap after it fails.
 */
// @ts-ignore: decorator
@inline export function look32(at: usize): u32 { if (isDefined(MODEL)) step(OP_LOOK, at, 4); return atomic.load<u32>(at); }
// @ts-ignore: decorator
@inline export function store32(at: usize, v: u32): void { if (isDefined(MODEL)) step(OP_STORE, at, 4); atomic.store<u32>(at, v); }
// @ts-ignore: decorator
@inline export function store64(at: usize, v: u64): void { if (isDefined(MODEL)) step(OP_STORE, at, 8); atomic.store<u64>(at, v); }
// @ts-ignore: decorator
@inline export function cas32(at: usize, expected: u32, v: u32): u32 { if (isDefined(MODEL)) step(OP_CAS, at, 4); return atomic.cmpxchg<u32>(at, expected, v); }
// @ts-ignore: decorator
@inline export function cas64(at: usize, expected: u64, v: u64): u64 { if (isDefined(MODEL)) step(OP_CAS, at, 8); return atomic.cmpxchg<u64>(at, expected, v); }
// @ts-ignore: decorator
@inline export function add32(at: usize, v: u32): u32 { if (isDefined(MODEL)) step(OP_RMW, at, 4); return atomic.add<u32>(at, v); }
// @ts-ignore: decorator
@inline export function add64(at: usize, v: u64): u64 { if (isDefined(MODEL)) step(OP_RMW, at, 8); return atomic.add<u64>(at, v); }
// @ts-ignore: decorator
@inline export function and32(at: usize, v: u32): u32 { if (isDefined(MODEL)) step(OP_RMW, at, 4); return atomic.and<u32>(at, v); }
// @ts-ignore: decorator
@inline export function and64(at: usize, v: u64): u64 { if (isDefined(MODEL)) step(OP_RMW, at, 8); return atomic.and<u64>(at, v); }
// @ts-ignore: decorator
@inline export function or32(at: usize, v: u32): u32 { if (isDefined(MODEL)) step(OP_RMW, at, 4); return atomic.or<u32>(at, v); }
// @ts-ignore: decorator
@inline export function or64(at: usize, v: u64): u64 { if (isDefined(MODEL)) step(OP_RMW, at, 8); return atomic.or<u64>(at, v); }
// @ts-ignore: decorator
@inline export function xchg32(at: usize, v: u32): u32 { if (isDefined(MODEL)) step(OP_RMW, at, 4); return atomic.xchg<u32>(at, v); }
// @ts-ignore: decorator
@inline export function xchg64(at: usize, v: u64): u64 { if (isDefined(MODEL)) step(OP_RMW, at, 8); return atomic.xchg<u64>(at, v); }

// @ts-ignore: decorator
@inline export function get32(at: usize): u32 { if (isDefined(MODEL)) note(OP_GET, at, 4); return load<u32>(at); }
// @ts-ignore: decorator
@inline export function get64(at: usize): u64 { if (isDefined(MODEL)) note(OP_GET, at, 8); return load<u64>(at); }
// @ts-ignore: decorator
@inline export function set32(at: usize, v: u32): void { if (isDefined(MODEL)) note(OP_SET, at, 4); store<u32>(at, v); }
// @ts-ignore: decorator
@inline export function set64(at: usize, v: u64): void { if (isDefined(MODEL)) note(OP_SET, at, 8); store<u64>(at, v); }
// @ts-ignore: decorator
@inline export function peek32(at: usize): u32 { if (isDefined(MODEL)) step(OP_PEEK, at, 4); return load<u32>(at); }
// @ts-ignore: decorator
@inline export function peek64(at: usize): u64 { if (isDefined(MODEL)) step(OP_PEEK, at, 8); return load<u64>(at); }
// @ts-ignore: decorator
@inline export function poke32(at: usize, v: u32): void { if (isDefined(MODEL)) step(OP_POKE, at, 4); store<u32>(at, v); }
/** As peek64, and never reordered with atomic accesses: for what counts if a version after it is the one before it. */
// @ts-ignore: decorator
@inline export function peekInOrder64(at: usize): u64 { if (isDefined(MODEL)) step(OP_PEEK, at, 8); return atomic.load<u64>(at); }
/** Its counterpart: where others may look meanwhile, never reordered with atomic accesses. */
// @ts-ignore: decorator
@inline export function pokeInOrder64(at: usize, v: u64): void { if (isDefined(MODEL)) step(OP_POKE, at, 8); atomic.store<u64>(at, v); }
// @ts-ignore: decorator
@inline export function poke64(at: usize, v: u64): void { if (isDefined(MODEL)) step(OP_POKE, at, 8); store<u64>(at, v); }
// @ts-ignore: decorator
@inline export function copy(to: usize, from: usize, bytes: u32): void {
  if (isDefined(MODEL)) { note(OP_GET, from, bytes); note(OP_SET, to, bytes); }
  memory.copy(to, from, bytes);
}
/** As copy, from a place that others may write to meanwhile: what it reads counts only if a compare-and-swap succeeds after. */
// @ts-ignore: decorator
@inline export function copyRacingFrom(to: usize, from: usize, bytes: u32): void {
  if (isDefined(MODEL)) { note(OP_SET, to, bytes); note(OP_PEEK, from, bytes); }
  memory.copy(to, from, bytes);
}
// @ts-ignore: decorator
@inline export function zero(at: usize, bytes: u32): void {
  if (isDefined(MODEL)) note(OP_SET, at, bytes);
  memory.fill(at, 0, bytes);
}

/** As zero, in a place that others may look at meanwhile. */
// @ts-ignore: decorator
@inline export function zeroRacing(at: usize, bytes: u32): void {
  if (isDefined(MODEL)) note(OP_POKE, at, bytes);
  memory.fill(at, 0, bytes);
}

/**
 * Sleeps while the word equals `expected`, `timeout` ns at most (< 0: for ever). 0 woken, 1 the word differed, 2 timed out. For the model only: the
 * release build never sleeps, see sleep in src/wait.ts.
 */
// @ts-ignore: decorator
@inline export function wait32(at: usize, expected: u32, timeout: i64): i32 {
  if (isDefined(MODEL)) return modelWait(at, expected, timeout);
  return 0;
}
// @ts-ignore: decorator
@inline export function notify(at: usize, count: u32): u32 {
  if (isDefined(MODEL)) return modelNotify(at, count);
  return atomic.notify(at, count);
}
/** Says to the model checker that this thread can only go on once another one has moved. */
// @ts-ignore: decorator
@inline export function spinning(): void { if (isDefined(MODEL)) modelPause(); }
