// Atomic value: one value of any codec that threads load, store, swap, and compare and swap.
//
// Who may call: any attached thread.
//
// Algorithm: a value of up to 64 bits is one word. Any other is a message in a block that hangs on the object, and is replaced as a whole, at a
// version: see cursor.ts. A message is never written to once it is there, so a load is a copy of it that nobody has freed meanwhile.
//
//   ┌ header, next block ┬ codec ┬ version ┬ value, or length and payload ┐
//   0                    36      64        72
//
// Invariant: the message of VALUE_WORD hangs on MESSAGE_CHAIN, alone.
//
// Progress: values of one word are wait-free. See cursor.ts for the others. A kill leaves the message that was not stored, or the one that was
// replaced, in the hands of the dead.

import { cas32, cas64, enter, get32, leave, load32, load64, peek32, set32, set64, store32, store64, xchg64 } from "./atomics.ts";
import { blockAt, cursor, unhang, hang } from "./cursor.ts";
import {
  BUSY, CURSOR_GUARD, CURSOR_VALUE, CURSOR_VERSION, FINE, GENERATION, HEAD_STATE, MESSAGE_CHAIN, OK, RETRY, STALE, THREAD_STATUS, VALUE_CODEC, VALUE_VERSION, VALUE_WORD,
  WOULD_BLOCK,
} from "./layout.ts";
import { disown, own } from "./message.ts";
import { relax, self } from "./thread.ts";

/** All NaNs are one. */
// @ts-ignore: decorator
@inline export function bitsOf(v: f64): u64 { return v == v ? reinterpret<u64>(v) : 0x7ff8000000000000; }

// @ts-ignore: decorator
@inline function said(status: u32): u32 {
  set32(self + THREAD_STATUS, status);
  return status == OK ? FINE : status;
}

/** Prepares an object of KIND_ATOMIC_VALUE that nobody else has seen. The codec comes last: it says that all is there. */
export function value_init(o: usize, codec: u32): void {
  set32(o + MESSAGE_CHAIN, 0);
  store32(o + VALUE_CODEC, codec);
}

// ── Values of one word ───────────────────────────────────────────────────────────────────────────────────────────────

/** The number; NaN says: look at THREAD_STATUS. */
export function value_load(o: usize, open: u32): f64 {
  const word = load64(o + VALUE_WORD);
  const v = reinterpret<f64>(word);
  if (peek32(o + HEAD_STATE) == open) {
    if (v != v) set32(self + THREAD_STATUS, OK);
    return v;
  }
  set32(self + THREAD_STATUS, STALE);
  return NaN;
}

export function value_store(o: usize, open: u32, v: f64): u32 {
  if (peek32(o + HEAD_STATE) != open) return STALE;
  store64(o + VALUE_WORD, bitsOf(v));
  return OK;
}

/** The number that was there; NaN says: look at THREAD_STATUS. */
export function value_swap(o: usize, open: u32, v: f64): f64 {
  if (peek32(o + HEAD_STATE) != open) {
    set32(self + THREAD_STATUS, STALE);
    return NaN;
  }
  set32(self + THREAD_STATUS, OK);
  return reinterpret<f64>(xchg64(o + VALUE_WORD, bitsOf(v)));
}

/** OK, WOULD_BLOCK (it is another one) or STALE. */
export function value_cas(o: usize, open: u32, expected: f64, v: f64): u32 {
  if (peek32(o + HEAD_STATE) != open) return STALE;
  const bits = bitsOf(expected);
  return cas64(o + VALUE_WORD, bits, bitsOf(v)) == bits ? OK : WOULD_BLOCK;
}

// ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Sets the cursor to the message that is there: OK, BUSY or STALE. */
export function value_seek(o: usize, open: u32): u32 {
  const c = cursor();
  let tries: u32 = 0;
  while (true) {
    if (load32(o + HEAD_STATE) != open) return STALE;
    const version = load32(o + VALUE_VERSION);
    if (version & 1) {
      if (relax(tries++)) return BUSY;
      continue;
    }
    // One word: length and payload are of one message.
    set64(c + CURSOR_VALUE, load64(o + VALUE_WORD));
    set32(c + CURSOR_GUARD, <u32>(o + VALUE_VERSION));
    set32(c + CURSOR_VERSION, version);
    if (load32(o + VALUE_VERSION) == version) return OK;
  }
  return BUSY;
}

/** Puts a message of ours in the place of what is there, at the cursor's version: OK (the old one is in our hands), RETRY or STALE. */
export function value_put(o: usize, open: u32, payload: usize, length: u32): u32 {
  if (load32(o + HEAD_STATE) != open) return STALE;
  const version = get32(cursor() + CURSOR_VERSION);
  enter();
  if (cas32(o + VALUE_VERSION, version, version + 1) != version) {
    leave();
    return RETRY;
  }
  const old = blockAt(<usize><u32>load64(o + VALUE_WORD));
  disown(payload);
  if (old != 0) {
    unhang(old);
    own(old);
  }
  hang(o, blockAt(payload));
  store64(o + VALUE_WORD, <u64>length << 32 | <u64>payload);
  store32(o + VALUE_VERSION, version + 2);
  leave();
  return OK;
}

/** Makes all handles stale, and takes the object with all that hangs on it into our hands: OK, BUSY or STALE (it was done before). */
export function value_dispose(o: usize, open: u32): u32 {
  // What was stored last is ours to free: pairs with the store of the version.
  if (load32(o + VALUE_VERSION) & 1) return BUSY;
  return discard(o, open);
}

// @ts-ignore: decorator
@inline export function discard(o: usize, open: u32): u32 {
  enter();
  if (cas32(o + HEAD_STATE, open, open + GENERATION) != open) {
    leave();
    return STALE;
  }
  own(o);
  leave();
  return OK;
}
