import { Mutex, type MutexHandle } from './mutex.js'
import { Once, type OnceHandle } from './once.js'
import { RWMutex, type RWMutexHandle } from './rwmutex.js'
import { Semaphore, type SemaphoreHandle } from './semaphore.js'
import { ShardedMap, type ShardedMapHandle } from './sharded-map.js'
import { WaitGroup, type WaitGroupHandle } from './wait-group.js'

export { Mutex } from './mutex.js'
export { Once } from './once.js'
export { RWMutex } from './rwmutex.js'
export { Semaphore } from './semaphore.js'
export { ShardedMap } from './sharded-map.js'
export { WaitGroup } from './wait-group.js'

type Handle = MutexHandle | RWMutexHandle | SemaphoreHandle | WaitGroupHandle | OnceHandle | ShardedMapHandle

/** The object behind a handle that came from another thread. */
export function open(handle: MutexHandle): Mutex
export function open(handle: RWMutexHandle): RWMutex
export function open(handle: SemaphoreHandle): Semaphore
export function open(handle: WaitGroupHandle): WaitGroup
export function open(handle: OnceHandle): Once
export function open(handle: ShardedMapHandle): ShardedMap
export function open(handle: Handle) {
  switch (handle.kind) {
    case 'mutex':
      return new Mutex(handle)
    case 'rwmutex':
      return new RWMutex(handle)
    case 'semaphore':
      return new Semaphore(handle)
    case 'wait-group':
      return new WaitGroup(handle)
    case 'once':
      return new Once(handle)
    case 'sharded-map':
      return new ShardedMap(handle)
  }
}
