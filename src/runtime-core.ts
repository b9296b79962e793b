// The module of WebAssembly for goroutines: compiled once per thread, one instance per arena, both when the first runtime is started or opened, or a thread
// has died that may have had one.

import type { Arena } from './arena.js'
import { moduleFor } from './arena-module.js'
import { ARENA, ARENA_RUNTIMES, MAX_RUNTIMES } from './generated/layout.js'
import { WASM_BASE64 } from './generated/runtime-wasm.js'

type Address = number
type Status = number

/** The exports of assembly/runtime-module.ts. */
export interface RuntimeCore {
  module_attach(slot: Address): void
  runtime_create(procs: number): Address
  runtime_join(at: Address, open: number): Status
  runtime_leave(at: Address): void
  runtime_close(at: Address): void
  runtime_setProcs(at: Address, procs: number): void
  runtime_mend(): void
  lane_claim(runtime: Address, index: number): Address
  lane_leave(lane: Address): void
  lane_spawn(
    lane: Address,
    name: number,
    kinds: number,
    a: number,
    b: number,
    c: number,
    payload: Address,
    length: number,
    to: Address,
  ): Address
  lane_next(lane: Address): Address
  lane_hunt(lane: Address): number
  lane_found(lane: Address, found: number): void
  lane_rest(lane: Address): void
  lane_stir(lane: Address): void
  task_accept(task: Address): Address
  task_block(task: Address): void
  task_finish(task: Address, kind: number, value: number, payload: Address, length: number): void
  task_collect(lane: Address): Address
  task_release(lane: Address, task: Address): void
  task_conclude(lane: Address, task: Address): void
  task_cancel(task: Address): number
}

/** The arena's instance. */
export const runtimeCore = moduleFor<RuntimeCore>(WASM_BASE64)

/** Ends the tasks that threads which have been reaped ran, where there is a runtime at all. */
export function mendRuntimes(arena: Arena): void {
  for (let i = 0; i < MAX_RUNTIMES; i++) {
    if (Atomics.load(arena.u32, (ARENA + ARENA_RUNTIMES + 4 * i) >>> 2) === 0) continue
    runtimeCore(arena).runtime_mend()
    return
  }
}
