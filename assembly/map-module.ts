// The export table of the module for atomic values and maps: apart from the core, over the same memory, loaded on first use.

import { thread_is } from "./thread";

export { section } from "./atomics";
export { cursor_check, cursor_copy } from "./cursor";
export { value_cas, value_dispose, value_init, value_load, value_put, value_seek, value_store, value_swap } from "./atomic-value";
export {
  map_clear, map_dispose, map_get, map_init, map_join, map_put, map_rebuild, map_remove, map_seek, map_seekBytes, map_seekNumber, map_set,
} from "./sharded-map";

/** To be called first: the slot of the thread. */
export function module_attach(slot: usize): void { thread_is(slot); }
