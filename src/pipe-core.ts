// The module of WebAssembly for pipes: compiled once per thread, one instance per arena, both when the first pipe is made or opened.

import { moduleFor } from './arena-module.js'
import { WASM_BASE64 } from './generated/pipe-wasm.js'

type Address = number
type Status = number

/** The exports of assembly/pipe-module.ts. */
export interface PipeCore {
  module_attach(slot: Address): void
  pipe_init(at: Address, capacity: number, data: Address, room: Address): void
  pipe_claim(at: Address, open: number, side: number): Status
  pipe_unclaim(at: Address, open: number, side: number): void
  pipe_reserve(at: Address, open: number, bytes: number, row: number): Address
  pipe_trim(at: Address, record: Address, bytes: number): void
  pipe_publish(at: Address, open: number): Status
  pipe_next(at: Address, open: number, whole: number): Address
  pipe_release(at: Address, open: number): Status
  pipe_close(at: Address, open: number): Status
  pipe_state(at: Address, open: number): number
}

/** The arena's instance. */
export const pipeCore = moduleFor<PipeCore>(WASM_BASE64)
