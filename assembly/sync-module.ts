// The export table of the module for the sync package: apart from the core, over the same memory, loaded when a program makes or opens its first
// object of that kind, or reaps a thread that may have had one.

import { thread_is } from "./thread";

export { section } from "./atomics";
export { barrier_arrive, barrier_cancel, barrier_create, barrier_park, barrier_serve, barrier_waiting } from "./barrier";
export { mutex_compete, mutex_create, mutex_flags, mutex_heal, mutex_owner, mutex_park, mutex_settle, mutex_tryLock, mutex_unlock, mutex_yield } from "./mutex";
export { semaphore_available, semaphore_create, semaphore_park, semaphore_release, semaphore_serve, semaphore_tryAcquire } from "./semaphore";
export { sync_check, sync_dispose, sync_mend } from "./sync";
export {
  wait_group_add, wait_group_begin, wait_group_count, wait_group_create, wait_group_end, wait_group_look, wait_group_park, wait_group_serve,
} from "./wait-group";

/** To be called first: the slot of the thread. */
export function module_attach(slot: usize): void { thread_is(slot); }
