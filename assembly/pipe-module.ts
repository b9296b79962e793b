// The export table of the module for pipes: apart from the core, over the same memory, loaded when a program makes or opens its first pipe.

import { thread_is } from "./thread";

export { section } from "./atomics";
export { pipe_claim, pipe_close, pipe_init, pipe_next, pipe_publish, pipe_release, pipe_reserve, pipe_state, pipe_trim, pipe_unclaim } from "./pipe";

/** To be called first: the slot of the thread. */
export function module_attach(slot: usize): void { thread_is(slot); }
