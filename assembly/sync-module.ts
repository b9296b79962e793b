// The export table of the module for the sync package: apart from the core, over the same memory, loaded when a program makes or opens its first
// object of that kind, or reaps a thread that may have had one.

import { thread_is } from "./thread";

export { section } from "./atomics";
export { barrier_arrive, barrier_cancel, barrier_create, barrier_park, barrier_serve, barrier_waiting } from "./barrier";
export { cond_accept, cond_broadcast, cond_create, cond_park, cond_pass, cond_signal } from "./cond";
export { mutex_compete, mutex_create, mutex_flags, mutex_heal, mutex_owner, mutex_park, mutex_settle, mutex_tryAgain, mutex_tryLock, mutex_unlock, mutex_yield } from "./mutex";
export { once_begin, once_create, once_end, once_isMine, once_park, once_status } from "./once";
export {
  rwmutex_cell, rwmutex_claim, rwmutex_create, rwmutex_drain, rwmutex_flags, rwmutex_giveUp, rwmutex_heal, rwmutex_owner, rwmutex_park, rwmutex_parkReader,
  rwmutex_readers, rwmutex_runlock, rwmutex_tryLock, rwmutex_tryRLock, rwmutex_unlock,
} from "./rwmutex";
export { semaphore_available, semaphore_create, semaphore_park, semaphore_release, semaphore_serve, semaphore_tryAcquire } from "./semaphore";
export { sync_check, sync_dispose, sync_mend } from "./sync";
export {
  wait_group_add, wait_group_begin, wait_group_count, wait_group_create, wait_group_end, wait_group_look, wait_group_park, wait_group_serve,
} from "./wait-group";

/** To be called first: the slot of the thread. */
export function module_attach(slot: usize): void { thread_is(slot); }
