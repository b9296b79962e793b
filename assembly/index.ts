// The export table of the core, nothing else.

export { arena_check, arena_init } from "./arena";
export { section } from "./atomics";
export { channel_tryReceiveMany, channel_trySendMany } from "./batch";
export {
  channel_close, channel_create, channel_dispose, channel_flags, channel_length, channel_parkReceive, channel_parkSend32, channel_parkSend64,
  channel_parkSendF32, channel_parkSendF64, channel_tryReceive32, channel_tryReceiveBits32, channel_tryReceiveBits64, channel_tryReceiveF64,
  channel_trySend32, channel_trySend64, channel_trySendF32, channel_trySendF64,
} from "./channel";
export { counter_addShared } from "./counter";
export { object_create, object_dispose } from "./object";
export {
  stack_create, stack_length, stack_pop32, stack_popBits, stack_popF64, stack_push32, stack_push64, stack_pushF32, stack_pushF64,
} from "./stack";
export { pause, thread_attach, thread_find, thread_reap, thread_scratch } from "./thread";
export { thread_nextReady, waiter_cancel, waiter_release, waiter_wait } from "./waiter";
