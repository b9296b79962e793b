// Modules of WebAssembly beside the core: compiled once per thread, one instance per arena, both on first use.

import type { Arena } from './arena.js'
import { decodeBase64 } from './core.js'

/** What gives an arena's instance of a module, from the module's text. */
export function moduleFor<C extends { module_attach(slot: number): void }>(base64: string): (arena: Arena) => C {
  let compiled: WebAssembly.Module | undefined
  const instances = new WeakMap<Arena, C>()
  return (arena) => {
    let core = instances.get(arena)
    if (core === undefined) {
      compiled ??= new WebAssembly.Module(decodeBase64(base64))
      const { exports } = new WebAssembly.Instance(compiled, { env: { memory: arena.memory } })
      // A plain object made at one go: see instantiate in core.ts.
      core = Object.fromEntries(Object.entries(exports)) as unknown as C
      core.module_attach(arena.slot)
      instances.set(arena, core)
    }
    return core
  }
}
