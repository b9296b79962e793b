// The export table of the core. What a call returns is also left in memory (THREAD_RESULT, or THREAD_STATUS for the hot paths), where the bindings
// look: see src/core.ts. Only arena_check writes nothing at all.

import { channel_tryReceiveMany as tryReceiveMany, channel_trySendMany as trySendMany } from "./batch";
import {
  channel_case as caseOf, channel_close as close, channel_create as createChannel, channel_dispose as disposeChannel, channel_flags as flags, channel_length as length,
  channel_parkCase as parkCase, channel_parkReceive as parkReceive, channel_parkSend32 as parkSend32, channel_parkSend64 as parkSend64, channel_parkSendF32 as parkSendF32,
  channel_parkMessage as parkMessage, channel_parkSendF64 as parkSendF64, channel_probe as probe,
} from "./channel";
import { message_take as takeMessage } from "./message";
import { counter_addShared as addShared } from "./counter";
import { object_create as createObject, object_dispose as disposeObject } from "./object";
import { stack_create as createStack, stack_length as stackLength } from "./stack";
import { result, thread_reap as reap, thread_scratch as scratch } from "./thread";
import {
  select_cancel as cancelSelect, select_create as createSelect, select_rearm as rearm, select_unpark as unpark, thread_nextReady as nextReady, waiter_cancel as cancel,
  waiter_wait as wait,
} from "./waiter";

export { arena_check, arena_init, arena_share } from "./arena";
export { section } from "./atomics";
export {
  channel_take32, channel_take64, channel_trySend32, channel_trySend64, channel_trySendF32,
  channel_trySendF64, channel_trySendMessage,
} from "./channel";
export {
  stack_push32, stack_push64, stack_pushF32, stack_pushF64, stack_take,
} from "./stack";
export { pause, thread_attach } from "./thread";
export { message_append, message_free, message_reclaim } from "./message";
export { waiter_release } from "./waiter";

export function thread_reap(number: u32): u32 { return result(reap(number)); }
export function thread_scratch(): u32 { return result(<u32>scratch()); }
export function message_take(bytes: u32): u32 { return result(<u32>takeMessage(bytes)); }
export function thread_nextReady(): u32 { return result(<u32>nextReady()); }
export function waiter_wait(w: usize, ms: f64): u32 { return result(wait(w, ms)); }
export function waiter_cancel(w: usize): u32 { return result(cancel(w)); }
export function select_create(): u32 { return result(<u32>createSelect()); }
export function select_rearm(select: usize, token: u32): void { rearm(select, token); }
export function select_cancel(select: usize): u32 { return result(cancelSelect(select)); }
export function select_unpark(w: usize): u32 { return result(unpark(w)); }
export function channel_case(ch: usize, queue: u32, select: usize): u32 { return result(<u32>caseOf(ch, queue, select)); }
export function channel_parkCase(w: usize, open: u32): u32 { return result(parkCase(w, open)); }
export function object_create(kind: u32, bytes: u32): u32 { return result(<u32>createObject(kind, bytes)); }
export function object_dispose(o: usize, open: u32): u32 { return result(disposeObject(o, open)); }
export function channel_create(capacity: u32, wide: u32, codec: u32): u32 { return result(<u32>createChannel(capacity, wide, codec)); }
export function channel_close(ch: usize, open: u32): u32 { return result(close(ch, open)); }
export function channel_dispose(ch: usize, open: u32): u32 { return result(disposeChannel(ch, open)); }
export function channel_length(ch: usize, open: u32): i32 { return <i32>result(length(ch, open)); }
export function channel_flags(ch: usize, open: u32): i32 { return <i32>result(flags(ch, open)); }
export function channel_trySendMany(ch: usize, open: u32, n: u32): u32 { return result(trySendMany(ch, open, n)); }
export function channel_tryReceiveMany(ch: usize, open: u32, n: u32): u32 { return result(tryReceiveMany(ch, open, n)); }
export function channel_probe(ch: usize, open: u32, send: u32): u32 { return result(probe(ch, open, send != 0)); }
export function channel_parkReceive(ch: usize, open: u32, token: u32): u32 { return result(<u32>parkReceive(ch, open, token)); }
export function channel_parkSend32(ch: usize, open: u32, token: u32, v: i32): u32 { return result(<u32>parkSend32(ch, open, token, v)); }
export function channel_parkSendF32(ch: usize, open: u32, token: u32, v: f32): u32 { return result(<u32>parkSendF32(ch, open, token, v)); }
export function channel_parkSendF64(ch: usize, open: u32, token: u32, v: f64): u32 { return result(<u32>parkSendF64(ch, open, token, v)); }
export function channel_parkSend64(ch: usize, open: u32, token: u32, v: i64): u32 { return result(<u32>parkSend64(ch, open, token, v)); }
export function channel_parkMessage(ch: usize, open: u32, token: u32, payload: u32, length: u32): u32 { return result(<u32>parkMessage(ch, open, token, payload, length)); }
export function stack_create(capacity: u32, codec: u32): u32 { return result(<u32>createStack(capacity, codec)); }
export function stack_length(s: usize, open: u32): i32 { return <i32>result(stackLength(s, open)); }
export function counter_addShared(c: usize, open: u32, n: f64): u32 { return result(addShared(c, open, n)); }
