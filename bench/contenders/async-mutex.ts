// async-mutex: a mutex and a semaphore for the tasks of one event loop.

import { Mutex, Semaphore } from 'async-mutex'
import type { Contender } from '../harness/contender.js'
import { SEMAPHORE_SIZE } from '../sync/micro.js'

const contender: Contender = {
  prepare() {
    throw new Error('async-mutex is of one thread')
  },

  part() {
    throw new Error('async-mutex is of one thread')
  },

  micro(style) {
    if (style === 'mutex-async') return lockUnlock(new Mutex())
    if (style === 'semaphore-async') return acquireRelease(new Semaphore(SEMAPHORE_SIZE))
    throw new Error(`no micro row ${style}`)
  },
}

export default contender

function lockUnlock(mutex: Mutex) {
  let held = 0
  return async (rounds: number): Promise<void> => {
    const before = held
    for (let round = 0; round < rounds; round++) {
      const release = await mutex.acquire()
      held++
      release()
    }
    if (mutex.isLocked() || held - before !== rounds) throw new Error('the mutex is not as it was')
  }
}

function acquireRelease(semaphore: Semaphore) {
  return async (rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      await semaphore.acquire(1)
      semaphore.release(1)
    }
    if (semaphore.getValue() !== SEMAPHORE_SIZE) throw new Error('the semaphore is not as it was')
  }
}
