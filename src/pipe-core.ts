// The module of WebAssembly for pipes: compiled once per thread, one instance per arena, both when the first pipe is made or opened.

import type { Arena } from './arena.js'
import { decodeBase64 } from './core.js'
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

let compiled: WebAssembly.Module | undefined
const instances = new WeakMap<Arena, PipeCore>()

export function pipeCore(arena: Arena): PipeCore {
  let core = instances.get(arena)
  if (core === undefined) {
    compiled ??= new WebAssembly.Module(decodeBase64(WASM_BASE64))
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory: arena.memory } })
    core = { ...exports } as unknown as PipeCore
    core.module_attach(arena.slot)
    instances.set(arena, core)
  }
  return core
}
