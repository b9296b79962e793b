// The compiled core: one module per process (it travels in handles), one instance per thread and arena.

import { UnsupportedError } from './errors.js'
import { WASM_BASE64 } from './generated/wasm.js'

type Address = number
type Status = number

/**
 * What a call returns that the engine compiles into its caller. V8 (seen in Node 20) can lose that: when the caller is deoptimized while the call
 * is under way, the call is done, once, but yields `undefined`. So the core leaves the results of these calls in THREAD_STATUS and
 * THREAD_VALUE too, and whoever gets `undefined` looks there. All other calls go through `indirect` below, which is never compiled in.
 */
type Lossy<T> = T | undefined

/** The exports of assembly/index.ts. */
export interface Core {
  arena_init(size: number, idLo: number, idHi: number): void
  arena_check(at: Address, kind: number, open: number): number
  thread_attach(threadId: number, canBlock: number, parentId: number): Address
  thread_find(threadId: number): Address
  thread_reap(slot: Address): number
  thread_scratch(): Address
  thread_nextReady(): Address
  pause(turns: number): void
  waiter_wait(waiter: Address, ms: number): number
  waiter_cancel(waiter: Address): number
  waiter_release(waiter: Address): void
  object_create(kind: number, bytes: number): Address
  object_dispose(at: Address, open: number): Status
  channel_create(capacity: number, wide: number, codec: number): Address
  channel_close(at: Address, open: number): Status
  channel_dispose(at: Address, open: number): Status
  channel_length(at: Address, open: number): number
  channel_flags(at: Address, open: number): number
  channel_trySend32(at: Address, open: number, v: number): Lossy<Status>
  channel_trySendF32(at: Address, open: number, v: number): Lossy<Status>
  channel_trySendF64(at: Address, open: number, v: number): Lossy<Status>
  channel_trySend64(at: Address, open: number, v: bigint): Lossy<Status>
  channel_tryReceive32(at: Address, open: number): Lossy<number>
  channel_tryReceiveF64(at: Address, open: number): Lossy<number>
  channel_tryReceiveBits32(at: Address, open: number): void
  channel_tryReceiveBits64(at: Address, open: number): void
  channel_trySendMany(at: Address, open: number, n: number): number
  channel_tryReceiveMany(at: Address, open: number, n: number): number
  channel_parkReceive(at: Address, open: number, token: number): Address
  channel_parkSend32(at: Address, open: number, token: number, v: number): Address
  channel_parkSendF32(at: Address, open: number, token: number, v: number): Address
  channel_parkSendF64(at: Address, open: number, token: number, v: number): Address
  channel_parkSend64(at: Address, open: number, token: number, v: bigint): Address
  stack_create(capacity: number, codec: number): Address
  stack_length(at: Address, open: number): number
  stack_push32(at: Address, open: number, v: number): Lossy<Status>
  stack_pushF32(at: Address, open: number, v: number): Lossy<Status>
  stack_pushF64(at: Address, open: number, v: number): Lossy<Status>
  stack_push64(at: Address, open: number, v: bigint): Lossy<Status>
  stack_pop32(at: Address, open: number): Lossy<number>
  stack_popF64(at: Address, open: number): Lossy<number>
  stack_popBits(at: Address, open: number): void
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
  if (compiled === undefined) {
    const text = atob(WASM_BASE64)
    const bytes = new Uint8Array(text.length)
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
    compiled = new WebAssembly.Module(bytes)
  }
  return compiled
}

/** Uses a module that came with a handle, so that this thread does not compile it again. */
export function adoptModule(module: unknown): void {
  if (compiled === undefined && module instanceof WebAssembly.Module) compiled = module
}

/** The calls that are worth compiling into their callers: they return nothing, or what Lossy says. */
const DIRECT = /^(channel_trySend(32|F32|F64|64)|channel_tryReceive(32|F64|Bits32|Bits64)|stack_(push|pop).*|pause)$/

type Call = (a?: unknown, b?: unknown, c?: unknown, d?: unknown) => unknown

/** One place from which many functions are called: engines compile none of them into it. */
function call(target: Call, a: unknown, b: unknown, c: unknown, d: unknown): unknown {
  return target(a, b, c, d)
}

function indirect(target: Call): Call {
  return (a, b, c, d) => call(target, a, b, c, d)
}

/** An instance of the core over the memory. */
export function instantiate(memory: WebAssembly.Memory): Core {
  const { exports } = new WebAssembly.Instance(coreModule(), { env: { memory } })
  // A plain object: its fields are faster to reach than those of the exports object.
  const core: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(exports)) {
    core[name] = typeof value === 'function' && !DIRECT.test(name) ? indirect(value as Call) : value
  }
  // From the first call on, so that `call` has never seen one function only.
  call(exports.thread_find as Call, 0, 0, 0, 0)
  call(exports.arena_check as Call, 0, 0, 0, 0)
  return core as unknown as Core
}
