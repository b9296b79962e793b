// The compiled core: one module per process (it travels in handles), one instance per thread and arena.

import { UnsupportedError } from './errors.js'
import { WASM_BASE64, WASM_EXPORTS } from './generated/wasm.js'
import { platform } from './platform/index.js'

type Address = number
type Status = number

/** The exports of assembly/index.ts. */
export interface Core {
  arena_init(size: number, idLo: number, idHi: number): void
  arena_check(at: Address, kind: number, open: number): number
  thread_attach(threadId: number, parentId: number): Address
  thread_reap(threadId: number): number
  thread_scratch(): Address
  thread_nextReady(): Address
  pause(turns: number): void
  arena_share(): number
  message_take(bytes: number): Address
  message_append(message: Address, more: Address): void
  message_free(message: Address): void
  message_reclaim(waiter: Address): void
  waiter_cancel(waiter: Address): number
  waiter_release(waiter: Address): void
  select_create(): Address
  select_rearm(select: Address, token: number): void
  select_cancel(select: Address): number
  select_unpark(waiter: Address): Status
  object_create(kind: number, bytes: number): Address
  object_dispose(at: Address, open: number): Status
  channel_create(capacity: number, wide: number, codec: number): Address
  channel_close(at: Address, open: number): Status
  channel_dispose(at: Address, open: number): Status
  channel_length(at: Address, open: number): number
  channel_flags(at: Address, open: number): number
  channel_trySend32(at: Address, open: number, v: number): Status
  channel_trySendF32(at: Address, open: number, v: number): Status
  channel_trySendF64(at: Address, open: number, v: number): Status
  channel_trySend64(at: Address, open: number, v: bigint): Status
  channel_trySendMessage(at: Address, open: number, payload: Address, length: number): Status
  channel_parkCell(at: Address, open: number, queue: number, token: number, cell: number): Address
  channel_parkMessage(at: Address, open: number, token: number, payload: Address, length: number): Address
  channel_take32(at: Address, open: number): number
  channel_take64(at: Address, open: number): number
  channel_trySendMany(at: Address, open: number, n: number): number
  channel_tryReceiveMany(at: Address, open: number, n: number): number
  channel_case(at: Address, queue: number, select: Address, cell: number): Address
  channel_parkCase(waiter: Address, open: number): Status
  channel_probe(at: Address, open: number, send: number): number
  channel_parkReceive(at: Address, open: number, token: number): Address
  channel_parkSend32(at: Address, open: number, token: number, v: number): Address
  channel_parkSendF32(at: Address, open: number, token: number, v: number): Address
  channel_parkSendF64(at: Address, open: number, token: number, v: number): Address
  channel_parkSend64(at: Address, open: number, token: number, v: bigint): Address
  stack_create(capacity: number, codec: number): Address
  stack_length(at: Address, open: number): number
  stack_take(at: Address, open: number): Status
  stack_push32(at: Address, open: number, v: number): Status
  stack_pushF32(at: Address, open: number, v: number): Status
  stack_pushF64(at: Address, open: number, v: number): Status
  stack_push64(at: Address, open: number, v: bigint): Status
  counter_addShared(at: Address, open: number, n: number): Status
}

let compiled: WebAssembly.Module | undefined

/** Throws UnsupportedError where the platform has no shared memory, and says why. */
export function requireSharedMemory(): void {
  const scope = globalThis as { SharedArrayBuffer?: unknown; crossOriginIsolated?: boolean; document?: unknown }
  if (scope.crossOriginIsolated === false) {
    throw new UnsupportedError(
      'this page is not cross-origin isolated, so the browser withholds shared memory: serve it with the headers ' +
        '`Cross-Origin-Opener-Policy: same-origin` and `Cross-Origin-Embedder-Policy: require-corp` (or `credentialless`)',
    )
  }
  if (typeof scope.SharedArrayBuffer !== 'function')
    throw new UnsupportedError('this platform has no SharedArrayBuffer')
  if (typeof WebAssembly !== 'object') throw new UnsupportedError('this platform has no WebAssembly')
}

/** The module of the core, compiled on first use. */
export function coreModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(decodeBase64(WASM_BASE64))
  return compiled
}

export function decodeBase64(base64: string): Uint8Array<ArrayBuffer> {
  if (platform.native !== undefined) return platform.native.base64(base64)
  const text = atob(base64)
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

/** Uses a module that came with a handle, so that this thread does not compile it again. */
export function adoptModule(module: unknown): void {
  if (compiled === undefined && module instanceof WebAssembly.Module) compiled = module
}

/** An instance of the core over the memory. `attach` takes a place for the thread and returns its slot. */
export function instantiate(memory: WebAssembly.Memory, attach: (core: Core) => number): { core: Core; slot: number } {
  const { exports } = new WebAssembly.Instance(coreModule(), { env: { memory } })
  // A plain object, made at one go, by the full names: engines take its fields for constant, and calls through them are direct.
  const core = Object.fromEntries(
    WASM_EXPORTS.split(' ').map((name, index) => [name, exports[index.toString(36)]]),
  ) as unknown as Core
  return { core, slot: attach(core) }
}
