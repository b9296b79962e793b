// The module of WebAssembly for atomic values and maps: compiled once per thread, one instance per arena, both when the first of them is made or opened.

import { moduleFor } from './arena-module.js'
import { WASM_BASE64 } from './generated/map-wasm.js'

type Address = number
type Status = number

/** The exports of assembly/map-module.ts. */
export interface MapCore {
  module_attach(slot: Address): void
  cursor_check(): Status
  cursor_copy(to: Address, from: Address, bytes: number): Status
  value_init(at: Address, codec: number): void
  value_load(at: Address, open: number): number
  value_store(at: Address, open: number, v: number): Status
  value_swap(at: Address, open: number, v: number): number
  value_cas(at: Address, open: number, expected: number, v: number): Status
  value_seek(at: Address, open: number): Status
  value_put(at: Address, open: number, payload: Address, length: number): Status
  value_dispose(at: Address, open: number): Status
  map_init(at: Address, shift: number): void
  map_join(at: Address, index: number, shard: Address, keys: number, values: number): void
  map_get(at: Address, open: number, key: number): number
  map_set(at: Address, open: number, key: number, v: number): Status
  map_seek(at: Address, open: number, key: bigint): Status
  map_seekNumber(at: Address, open: number, key: number): Status
  map_seekBytes(at: Address, open: number, bytes: Address, length: number): Status
  map_put(node: Address): Status
  map_remove(): Status
  map_rebuild(at: Address, index: number, fresh: Address, entries: number): Status
  map_clear(at: Address, index: number, fresh: Address, entries: number): Status
  map_dispose(at: Address, open: number): Status
}

/** The arena's instance. */
export const mapCore = moduleFor<MapCore>(WASM_BASE64)
