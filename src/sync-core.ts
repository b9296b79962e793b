// The module of WebAssembly for the sync package: compiled once per thread, one instance per arena, both when the first such object is made or
// opened, or a thread has died that may have had one.

import type { Arena } from './arena.js'
import { moduleFor } from './arena-module.js'
import { ARENA, ARENA_SYNC } from './generated/layout.js'
import { WASM_BASE64 } from './generated/sync-wasm.js'

type Address = number
type Status = number

/** The exports of assembly/sync-module.ts. */
export interface SyncCore {
  module_attach(slot: Address): void
  sync_check(at: Address, kind: number, open: number): number
  sync_dispose(at: Address, open: number): Status
  sync_mend(): void
  mutex_create(strict: number): Address
  mutex_tryLock(at: Address, open: number): Status
  mutex_tryAgain(at: Address, open: number): Status
  mutex_compete(at: Address, open: number): Status
  mutex_yield(at: Address, open: number): Status
  mutex_unlock(at: Address, open: number): Status
  mutex_park(at: Address, open: number, token: number, how: number): Address
  mutex_settle(at: Address, open: number): Status
  mutex_owner(at: Address, open: number): number
  mutex_flags(at: Address, open: number): number
  mutex_heal(at: Address, open: number): Status
  once_create(kind: number): Address
  once_begin(at: Address, open: number): Status
  once_end(at: Address, open: number, payload: Address, length: number, thrown: number): Status
  once_isMine(at: Address, open: number): number
  once_park(at: Address, open: number, token: number): Address
  once_status(at: Address, open: number): Status
  cond_create(): Address
  cond_park(at: Address, open: number, token: number): Address
  cond_signal(at: Address, open: number): Status
  cond_broadcast(at: Address, open: number): Status
  cond_accept(at: Address, open: number): Status
  cond_pass(at: Address, open: number): Status
  rwmutex_create(strict: number): Address
  rwmutex_cell(at: Address, open: number): Address
  rwmutex_readers(at: Address, open: number): number
  rwmutex_tryRLock(at: Address, open: number, cell: Address): Status
  rwmutex_runlock(at: Address, open: number, cell: Address): Status
  rwmutex_parkReader(at: Address, open: number, token: number): Address
  rwmutex_claim(at: Address, open: number): Status
  rwmutex_drain(at: Address, open: number): Status
  rwmutex_tryLock(at: Address, open: number): Status
  rwmutex_giveUp(at: Address, open: number): Status
  rwmutex_unlock(at: Address, open: number): Status
  rwmutex_park(at: Address, open: number, token: number, claimed: number): Address
  rwmutex_owner(at: Address, open: number): number
  rwmutex_flags(at: Address, open: number): number
  rwmutex_heal(at: Address, open: number): Status
  semaphore_create(size: number): Address
  semaphore_tryAcquire(at: Address, open: number, n: number): Status
  semaphore_release(at: Address, open: number, n: number): Status
  semaphore_serve(at: Address, open: number): Status
  semaphore_park(at: Address, open: number, token: number, n: number): Address
  semaphore_available(at: Address, open: number): number
  wait_group_create(): Address
  wait_group_add(at: Address, open: number, delta: number): Status
  wait_group_serve(at: Address, open: number): Status
  wait_group_count(at: Address, open: number): number
  wait_group_look(at: Address, open: number): number
  wait_group_park(at: Address, open: number, token: number, look: number): Address
  wait_group_begin(at: Address, open: number, more: number): Status
  wait_group_end(at: Address, open: number): Status
  barrier_create(parties: number): Address
  barrier_arrive(at: Address, open: number): Status
  barrier_serve(at: Address, open: number): Status
  barrier_park(at: Address, open: number, token: number): Address
  barrier_cancel(at: Address, open: number, waiter: Address): Status
  barrier_waiting(at: Address, open: number): number
}

/** The arena's instance. */
export const syncCore = moduleFor<SyncCore>(WASM_BASE64)

/** Gives on what threads that have been reaped held, where anybody has ever made something to hold. */
export function mend(arena: Arena): void {
  if (Atomics.load(arena.u32, (ARENA + ARENA_SYNC) >>> 2) !== 0) syncCore(arena).sync_mend()
}
