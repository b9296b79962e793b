// One object of each kind that has a handle, in one small arena, and that arena's memory.

import {
  Arena,
  AtomicBool,
  AtomicI32,
  AtomicI64,
  AtomicU32,
  AtomicU64,
  AtomicValue,
  Barrier,
  Cond,
  Counter,
  channel,
  Deque,
  f64,
  Injector,
  Mutex,
  Once,
  OnceValue,
  open,
  Pool,
  PubSub,
  RWMutex,
  Semaphore,
  ShardedMap,
  Stack,
  Topic,
  u32,
  WaitGroup,
} from 'millrace'
import { ARENA, ARENA_THREADS, THREAD_DUTY, THREAD_STATUS, THREAD_VALUE } from '../../src/generated/layout.js'
import { kits } from './kit.mjs'

export const arena = new Arena({ size: 2 ** 20 })

export interface AnyHandle {
  millrace: number
  kind: string
  codec: string
  view: string
  address: number
  generation: number
  memory: WebAssembly.Memory
  module: WebAssembly.Module
}

/** What the Cond among them unlocks. */
const lockOfCond = new Mutex({ arena })

/** One of each kind of object. */
export const makers: Record<string, () => { handle: unknown; dispose(): void }> = {
  ...Object.fromEntries(
    kits.map((kit) => [`channel of ${kit.name}`, () => channel(kit.codec as typeof f64, { capacity: 3, arena })]),
  ),
  ...Object.fromEntries(
    kits.map((kit) => [`stack of ${kit.name}`, () => new Stack(kit.codec as typeof f64, { capacity: 3, arena })]),
  ),
  counter: () => new Counter({ arena }),
  topic: () => new Topic(f64, { arena }),
  pubSub: () => new PubSub(f64, { arena }),
  mutex: () => new Mutex({ arena }),
  rwmutex: () => new RWMutex({ arena }),
  semaphore: () => new Semaphore(2, { arena }),
  waitGroup: () => new WaitGroup({ arena }),
  barrier: () => new Barrier(2, { arena }),
  cond: () => new Cond(lockOfCond),
  once: () => new Once({ arena }),
  onceValue: () => new OnceValue(u32, { arena }),
  // Opened, it is what thieves have.
  deque: () => new Deque(u32, { arena }).stealer,
  injector: () => new Injector(u32, { arena }),
  pool: () => new Pool({ codec: u32, capacity: 6, shards: 2, arena }),
  AtomicI32: () => new AtomicI32(1, { arena }),
  AtomicU32: () => new AtomicU32(1, { arena }),
  AtomicI64: () => new AtomicI64(1n, { arena }),
  AtomicU64: () => new AtomicU64(1n, { arena }),
  AtomicBool: () => new AtomicBool(true, { arena }),
  AtomicValue: () => new AtomicValue(f64, 1, { arena }),
  // Its block is of another size than all others that belong to it.
  ShardedMap: () => new ShardedMap(u32, u32, { arena, shards: 64 }),
}

export const handleOf = (object: { handle: unknown }): AnyHandle => object.handle as AnyHandle
export const openAny = (handle: unknown): unknown => open(handle as Parameters<typeof open>[0])

/** An object that is always there. */
export const probe = new AtomicI32(0, { arena })

/** All of the arena's memory. */
export function snapshot(): Uint8Array {
  return new Uint8Array(handleOf(probe).memory.buffer).slice()
}

/**
 * Where the memory differs from the snapshot, the first few places. The words in which the core leaves the results of this thread's calls do not
 * count: this thread made the arena, so its slot is the first one.
 */
export function changed(before: Uint8Array): number[] {
  const now = new Uint8Array(handleOf(probe).memory.buffer)
  const slot = new Uint32Array(now.buffer)[(ARENA + ARENA_THREADS) >>> 2] as number
  const result = (i: number): boolean =>
    (i >= slot + THREAD_STATUS && i < slot + THREAD_DUTY) || (i >= slot + THREAD_VALUE && i < slot + THREAD_VALUE + 8)
  const places: number[] = []
  for (let i = 0; i < before.length && places.length < 10; i++) if (before[i] !== now[i] && !result(i)) places.push(i)
  return places
}
