// The export table of the core. What a hot call cannot return it leaves in memory, where the bindings look: THREAD_STATUS and THREAD_VALUE.

export { arena_check, arena_init, arena_share } from "./arena";
export { section } from "./atomics";
export { channel_tryReceiveMany, channel_trySendMany } from "./batch";
export {
  channel_case, channel_close, channel_create, channel_dispose, channel_flags, channel_length, channel_parkCase, channel_parkCell, channel_parkMessage,
  channel_parkReceive, channel_parkSend32, channel_parkSend64, channel_parkSendF32, channel_parkSendF64, channel_probe, channel_take32,
  channel_take64, channel_trySend32, channel_trySend64, channel_trySendF32, channel_trySendF64, channel_trySendMessage,
} from "./channel";
export { counter_addShared } from "./counter";
export { message_append, message_free, message_reclaim, message_take } from "./message";
export { object_create, object_dispose } from "./object";
export { stack_create, stack_length, stack_push32, stack_push64, stack_pushF32, stack_pushF64, stack_take } from "./stack";
export { pause, thread_attach, thread_reap, thread_scratch } from "./thread";
export {
  select_cancel, select_create, select_rearm, select_unpark, thread_nextReady, waiter_cancel, waiter_release,
} from "./waiter";
