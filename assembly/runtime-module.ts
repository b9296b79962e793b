// The export table of the module for goroutines: apart from the core, over the same memory, loaded when a program starts or joins its first runtime, makes
// its first deque, or reaps a thread that may have had one.

import { thread_is } from "./thread";

export { section } from "./atomics";
export { lane_claim, lane_found, lane_hunt, lane_leave, lane_next, lane_rest, lane_spawn, lane_stir, runtime_close, runtime_create, runtime_join, runtime_leave, runtime_mend, runtime_setProcs } from "./scheduler";
export { task_accept, task_block, task_cancel, task_collect, task_conclude, task_finish, task_release } from "./task";

/** To be called first: the slot of the thread. */
export function module_attach(slot: usize): void { thread_is(slot); }
