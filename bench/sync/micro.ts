// The one-thread rows of the sync package: nobody else is there, so nothing ever waits. Each checks what it leaves behind.

import type { LibraryMutex, SyncLibrary } from './library.js'

type Rounds = (rounds: number) => void | Promise<void>

/** Of the rows with a semaphore. */
export const SEMAPHORE_SIZE = 4

/** The styles of micro rows that belong here. */
export const SYNC_MICRO = ['mutex', 'mutex-async', 'semaphore', 'semaphore-async', 'waitgroup', 'once'] as const

export function isSyncMicro(style: string): boolean {
  return (SYNC_MICRO as readonly string[]).includes(style)
}

export function syncMicro(library: SyncLibrary, style: string): Rounds {
  switch (style) {
    case 'mutex':
      return lockUnlock(library.mutex())
    case 'mutex-async':
      return lockAsync(library.mutex())
    case 'semaphore':
      return acquireRelease(library)
    case 'semaphore-async':
      return acquireAsync(library)
    case 'waitgroup':
      return addDone(library)
    case 'once':
      return doDone(library)
    default:
      throw new Error(`no micro row ${style}`)
  }
}

export function lockUnlock(mutex: Pick<LibraryMutex, 'lockSync' | 'unlock' | 'locked'>): Rounds {
  let held = 0
  return (rounds) => {
    const before = held
    for (let round = 0; round < rounds; round++) {
      mutex.lockSync()
      held++
      mutex.unlock()
    }
    if (mutex.locked || held - before !== rounds) throw new Error('the mutex is not as it was')
  }
}

function lockAsync(mutex: LibraryMutex): Rounds {
  let held = 0
  return async (rounds) => {
    const before = held
    for (let round = 0; round < rounds; round++) {
      const guard = await mutex.lock()
      held++
      guard.unlock()
    }
    if (mutex.locked || held - before !== rounds) throw new Error('the mutex is not as it was')
  }
}

function acquireRelease(library: SyncLibrary): Rounds {
  const semaphore = library.semaphore(SEMAPHORE_SIZE)
  return (rounds) => {
    for (let round = 0; round < rounds; round++) {
      semaphore.acquireSync(1)
      semaphore.release(1)
    }
    if (semaphore.available !== SEMAPHORE_SIZE) throw new Error('the semaphore is not as it was')
  }
}

function acquireAsync(library: SyncLibrary): Rounds {
  const semaphore = library.semaphore(SEMAPHORE_SIZE)
  return async (rounds) => {
    for (let round = 0; round < rounds; round++) {
      await semaphore.acquire(1)
      semaphore.release(1)
    }
    if (semaphore.available !== SEMAPHORE_SIZE) throw new Error('the semaphore is not as it was')
  }
}

function addDone(library: SyncLibrary): Rounds {
  const group = library.waitGroup()
  return (rounds) => {
    for (let round = 0; round < rounds; round++) {
      group.add(1)
      group.done()
    }
    if (group.count !== 0) throw new Error('the wait group is not as it was')
  }
}

function doDone(library: SyncLibrary): Rounds {
  const once = library.once()
  let runs = 0
  const run = (): void => {
    runs++
  }
  once.doSync(run)
  return (rounds) => {
    for (let round = 0; round < rounds; round++) once.doSync(run)
    if (runs !== 1) throw new Error(`ran ${runs} times`)
  }
}
