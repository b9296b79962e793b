// multithreading: locks over shared memory after Rust's, each with a guard, and a pool of workers. Its own way to bring a lock to a thread is its own pool of workers;
// here each thread makes the lock over the same words, which its constructors allow.

import { initRuntime, Mutex, move, RwLock, Semaphore, spawn } from 'multithreading'
import type { Contender } from '../harness/contender.js'
import { poolRows } from '../runtime/pool.js'
import type { LibraryMutex, LibraryRWMutex, SyncLibrary } from '../sync/library.js'
import { SEMAPHORE_SIZE } from '../sync/micro.js'
import { syncContender } from '../sync/threads.js'

/** More than any of its locks needs. */
const LOCK_BYTES = 64

interface Guard {
  dispose(): void
}

interface Handle {
  kind: 'mutex' | 'rwlock'
  buffer: SharedArrayBuffer
}

function handleOf(kind: Handle['kind']): Handle {
  return { kind, buffer: new SharedArrayBuffer(LOCK_BYTES) }
}

/** Guards are kept where the loops of the rows do not keep them. */
class GuardedMutex implements LibraryMutex {
  readonly handle: Handle
  readonly #mutex: Mutex
  #guard: Guard | undefined

  constructor(handle = handleOf('mutex')) {
    this.handle = handle
    this.#mutex = new Mutex(undefined, handle.buffer)
  }

  /** There is no way to ask: the words tell. */
  get locked(): boolean {
    return new Int32Array(this.handle.buffer)[0] !== 0
  }

  lockSync(): void {
    this.#guard = this.#mutex.blockingLock()
  }

  lock(): Promise<{ unlock(): void }> {
    return this.#mutex.lock().then((guard) => ({ unlock: () => guard.dispose() }))
  }

  unlock(): void {
    this.#guard?.dispose()
  }
}

class GuardedRwLock implements LibraryRWMutex {
  readonly handle: Handle
  readonly #lock: RwLock
  #guard: Guard | undefined

  constructor(handle = handleOf('rwlock')) {
    this.handle = handle
    this.#lock = new RwLock(undefined, handle.buffer)
  }

  lockSync(): void {
    this.#guard = this.#lock.blockingWrite()
  }

  unlock(): void {
    this.#guard?.dispose()
  }

  rlockSync(): void {
    this.#guard = this.#lock.blockingRead()
  }

  runlock(): void {
    this.#guard?.dispose()
  }
}

function missing(what: string): never {
  throw new Error(`multithreading has no ${what}`)
}

const meetings = syncContender({
  mutex: () => new GuardedMutex(),
  rwmutex: () => new GuardedRwLock(),
  semaphore: () => missing('weighted semaphore that can be asked'),
  waitGroup: () => missing('wait group'),
  once: () => missing('once'),
  map: () => missing('map'),
  open: (handle) => {
    const { kind } = handle as Handle
    return kind === 'mutex' ? new GuardedMutex(handle as Handle) : new GuardedRwLock(handle as Handle)
  },
} satisfies SyncLibrary)

const contender: Contender = {
  ...meetings,

  // A function is sent as its text, so the tasks of the other pools stand here again.
  run: poolRows(({ task, threads }) => {
    initRuntime({ maxWorkers: threads })
    const start =
      task === 'echo'
        ? (value: number) => spawn(move(value), (it) => it)
        : (micros: number) =>
            spawn(move(micros), (it) => {
              const end = performance.now() + it / 1000
              while (performance.now() < end) {}
              return it
            })
    return async (value) => {
      const result = await start(value).join()
      if (!result.ok) throw result.error
      return result.value
    }
  }),

  micro(style) {
    switch (style) {
      case 'mutex':
        return lockUnlock(new Mutex())
      case 'mutex-async':
        return lockAsync(new Mutex())
      case 'semaphore':
        return acquireRelease(new Semaphore(SEMAPHORE_SIZE))
      case 'semaphore-async':
        return acquireAsync(new Semaphore(SEMAPHORE_SIZE))
      default:
        throw new Error(`no micro row ${style}`)
    }
  },
}

export default contender

// The loops of bench/sync/micro.ts with guards: with one thread, an object in between would be seen.

function lockUnlock(mutex: Mutex) {
  let held = 0
  return (rounds: number): void => {
    const before = held
    for (let round = 0; round < rounds; round++) {
      const guard = mutex.blockingLock()
      held++
      guard.dispose()
    }
    if (held - before !== rounds) throw new Error('a lock was not given')
  }
}

function lockAsync(mutex: Mutex) {
  let held = 0
  return async (rounds: number): Promise<void> => {
    const before = held
    for (let round = 0; round < rounds; round++) {
      const guard = await mutex.lock()
      held++
      guard.dispose()
    }
    if (held - before !== rounds) throw new Error('a lock was not given')
  }
}

function acquireRelease(semaphore: Semaphore) {
  return (rounds: number): void => {
    for (let round = 0; round < rounds; round++) semaphore.blockingAcquire(1).dispose()
    const all = semaphore.tryAcquire(SEMAPHORE_SIZE)
    if (all === null) throw new Error('the semaphore is not as it was')
    all.dispose()
  }
}

function acquireAsync(semaphore: Semaphore) {
  return async (rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      const permit = await semaphore.acquire(1)
      permit.dispose()
    }
  }
}
