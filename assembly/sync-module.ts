// The export table of the module for the sync package: apart from the core, over the same memory, loaded when a program makes or opens its first
// object of that kind, or reaps a thread that may have had one.

import { thread_is } from "./thread";

export { section } from "./atomics";
export { mutex_compete, mutex_create, mutex_flags, mutex_heal, mutex_owner, mutex_park, mutex_settle, mutex_tryAgain, mutex_tryLock, mutex_unlock, mutex_yield } from "./mutex";
export { once_begin, once_create, once_end, once_isMine, once_park, once_status } from "./once";
export { sync_check, sync_dispose, sync_mend } from "./sync";

/** To be called first: the slot of the thread. */
export function module_attach(slot: usize): void { thread_is(slot); }
