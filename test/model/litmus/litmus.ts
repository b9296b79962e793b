// Small programs whose possible outcomes are known: they test the model checker, not the core. Each function is one thread's part. Words
// lie 128 bytes apart: X, Y, Z, …

import {
  add32, cas32, enter, get32, leave, load32, load64, look32, notify, peek32, poke32, set32, spinning, store32, store64, wait32, xchg32,
} from "../../../assembly/atomics.ts";

const X: usize = 1024;
const Y: usize = 1152;
const Z: usize = 1280;

// Store buffering.
export function sb_x(): i32 { store32(X, 1); return load32(Y); }
export function sb_y(): i32 { store32(Y, 1); return load32(X); }

// Message passing: plain data, atomic flag.
export function mp_send(): void { set32(X, 42); store32(Y, 1); }
export function mp_receive(): i32 { return load32(Y) == 1 ? get32(X) : -1; }
export function mp_sendRacy(): void { set32(X, 42); poke32(Y, 1); }
export function mp_receiveRacy(): i32 { return peek32(Y) == 1 ? get32(X) : -1; }
export function mp_sendPlain(): void { set32(X, 42); set32(Y, 1); }
export function mp_receiveLooking(): i32 { return look32(Y) == 1 ? get32(X) : -1; }
export function mp_look(): i32 { return look32(Y) < 2 ? 1 : 0; }
export function mp_sendSwapped(): void { store32(Y, 1); set32(X, 42); }
// The middleman overwrites the flag without having read it: no happens-before from the first writer.
export function mp_overwrite(): void { store32(Y, 1); }
export function mp_relay(): void { add32(Y, 1); }
export function mp_receiveTwo(): i32 { return load32(Y) == 2 ? get32(X) : -1; }

// Independent reads of independent writes.
export function iriw_x(): void { store32(X, 1); }
export function iriw_y(): void { store32(Y, 1); }
export function iriw_xy(): i32 { const a = load32(X); return a * 10 + load32(Y); }
export function iriw_yx(): i32 { const a = load32(Y); return a * 10 + load32(X); }

// Coherence: two reads of one word never go back.
export function co_write(): void { store32(X, 1); store32(X, 2); }
export function co_read(): i32 { const a = load32(X); return a * 10 + load32(X); }

// Load buffering.
export function lb_x(): i32 { const a = load32(X); store32(Y, 1); return a; }
export function lb_y(): i32 { const a = load32(Y); store32(X, 1); return a; }

// Counting.
export function inc_atomic(): void { add32(X, 1); }
export function inc_lost(): void { store32(X, load32(X) + 1); }
export function inc_plain(): void { set32(X, get32(X) + 1); }
export function inc_cas(): void {
  while (true) {
    const v = load32(X);
    if (cas32(X, v, v + 1) == v) return;
  }
}
export function read_x(): i32 { return load32(X); }
export function read_y(): i32 { return load32(Y); }
export function swap_x(v: i32): i32 { return xchg32(X, v); }

// 64-bit words do not tear.
export function tear_write(): void { store64(X, 0xffffffff_ffffffff); }
export function tear_read(): i32 { const v = load64(X); return v == 0 ? 0 : ~v == 0 ? 1 : 2; }
// Half of a word at a time is another matter.
export function half_read(): i32 { const a = load32(X); return a * 0 + load32(X + 4); }

// Sleeping. `park` registers, looks again, sleeps; its Dekker pair is `wake`: changes, looks for a sleeper.
export function park(): void {
  while (true) {
    const bell = load32(Z);
    store32(Y, 1);
    if (load32(X) != 0) break;
    wait32(Z, bell, -1);
  }
  store32(Y, 0);
}
export function park_noRecheck(): void {
  if (load32(X) != 0) return;
  const bell = load32(Z);
  store32(Y, 1);
  wait32(Z, bell, -1);
}
export function wake(): void {
  store32(X, 1);
  if (load32(Y) == 0) return;
  add32(Z, 1);
  notify(Z, 1);
}
export function wake_lookFirst(): void {
  const sleeper = load32(Y);
  store32(X, 1);
  if (sleeper == 0) return;
  add32(Z, 1);
  notify(Z, 1);
}
export function wake_notifyFirst(): void {
  store32(X, 1);
  if (load32(Y) == 0) return;
  notify(Z, 1);
  add32(Z, 1);
}
export function sleep_timed(): i32 { return wait32(X, 0, 1_000_000); }
export function sleep(): i32 { return wait32(X, 0, -1); }
export function ring(): i32 { store32(X, 1); return notify(X, 1); }
export function ring_only(): i32 { return notify(X, 1); }

// Spinning.
export function spin_until(): void { while (load32(X) == 0) spinning(); }
export function spin_hot(): void { while (load32(X) == 0) {} }
export function lock_add(): void {
  while (cas32(Y, 0, 1) != 0) spinning();
  set32(X, get32(X) + 1);
  store32(Y, 0);
}
export function lock_addKillable(): void {
  while (true) {
    enter();
    if (cas32(Y, 0, 1) == 0) break;
    leave();
    spinning();
  }
  set32(X, get32(X) + 1);
  store32(Y, 0);
  leave();
}
export function set_two(): void { store32(X, 1); store32(Y, 1); }
export function set_twoInSection(): void { enter(); store32(X, 1); store32(Y, 1); leave(); }
export function copy_two(): void { set32(X, 1); set32(Y, 1); }
export function unlock(): void { store32(Y, 0); }
