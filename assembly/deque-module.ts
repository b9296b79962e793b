// The export table of the module for deques and injectors of programs: apart from the core, over the same memory, loaded on first use.

import { thread_is } from "./thread";

export { section } from "./atomics";
export {
  deque_batch, deque_create, deque_dispose, deque_length, deque_push32, deque_push64, deque_pushF32, deque_pushF64, deque_steal, deque_take,
} from "./deque-object";
export {
  injector_batch, injector_create, injector_dispose, injector_length, injector_push32, injector_push64, injector_pushF32, injector_pushF64, injector_steal,
} from "./injector";
export { sync_check } from "./sync";

/** To be called first: the slot of the thread. */
export function module_attach(slot: usize): void { thread_is(slot); }
