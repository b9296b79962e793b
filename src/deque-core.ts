// The module of WebAssembly for deques and injectors: compiled once per thread, one instance per arena, both when the first of them is made or opened.

import type { Arena } from './arena.js'
import { moduleFor } from './arena-module.js'
import { WASM_BASE64 } from './generated/deque-wasm.js'

type Address = number
type Status = number

/** The exports of assembly/deque-module.ts. */
export interface DequeCore {
  module_attach(slot: Address): void
  sync_check(at: Address, kind: number, open: number): number
  deque_create(fifo: number, codec: number): Address
  deque_push32(at: Address, open: number, v: number): Status
  deque_pushF32(at: Address, open: number, v: number): Status
  deque_pushF64(at: Address, open: number, v: number): Status
  deque_push64(at: Address, open: number, v: bigint): Status
  deque_take(at: Address, open: number): Status
  deque_steal(at: Address, open: number): Status
  deque_batch(at: Address, open: number, to: Address, most: number, one: number): number
  deque_length(at: Address, open: number): number
  deque_dispose(at: Address, open: number): Status
  injector_create(codec: number): Address
  injector_push32(at: Address, open: number, v: number): Status
  injector_pushF32(at: Address, open: number, v: number): Status
  injector_pushF64(at: Address, open: number, v: number): Status
  injector_push64(at: Address, open: number, v: bigint): Status
  injector_steal(at: Address, open: number): Status
  injector_batch(at: Address, open: number, to: Address, most: number, one: number): number
  injector_length(at: Address, open: number): number
  injector_dispose(at: Address, open: number): Status
}

/** The arena's instance. */
export const dequeCore = moduleFor<DequeCore>(WASM_BASE64)

/** How `open` finds out whether a deque or an injector is there. */
export function checkDeque(arena: Arena, at: number, kind: number, open: number): boolean {
  return dequeCore(arena).sync_check(at, kind, open) !== 0
}
