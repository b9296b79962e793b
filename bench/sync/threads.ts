// The rows of the sync package in which threads meet: one text of the loops for millrace, the baseline and whoever offers the same names.

import { burn } from '../harness/clock.js'
import { type Contender, type Outcome, type Part, share } from '../harness/contender.js'
import type { Job } from '../harness/protocol.js'
import { Data, dataBuffer, WRITE_EVERY } from './data.js'
import { keyOf, keysFor, valueFor } from './entries.js'
import type { LibraryMap, LibraryMutex, LibraryRWMutex, SyncLibrary } from './library.js'

const FAIRNESS = 'fairness-'

/** `fairness-100`: each keeps the lock for 100 µs; the one that does not take it again at once stays away for as long. */
function holdNs(style: string): number {
  const ns = style.startsWith(FAIRNESS) ? Number(style.slice(FAIRNESS.length)) * 1000 : Number.NaN
  if (!(ns > 0)) throw new Error(`no style ${style}`)
  return ns
}

interface Gift {
  lock: unknown
  data: SharedArrayBuffer
}

export function syncContender(library: SyncLibrary): Pick<Contender, 'prepare' | 'part'> {
  return {
    prepare(job) {
      if (job.style === 'map') return prepareMap(library, job)
      const lock = job.style === 'rwmutex' ? library.rwmutex() : library.mutex()
      const data = dataBuffer()
      return {
        gifts: Array.from({ length: job.producers }, () => ({ value: { lock: lock.handle, data } satisfies Gift })),
        finish() {
          lock.dispose?.()
          return new Data(data).outcome()
        },
      }
    },

    part(job, index, gift): Part {
      const { count } = share(job, index)
      if (job.style === 'map') return getPart(library.open(gift) as LibraryMap, job, index)
      const { lock: handle, data: buffer } = gift as Gift
      const lock = library.open(handle)
      const data = new Data(buffer)
      switch (job.style) {
        case 'mutex':
          return () => lockAll(lock as LibraryMutex, data, count)
        case 'mutex-async':
          return () => lockAllAsync(lock as LibraryMutex, data, count)
        case 'rwmutex':
          return () => readMostly(lock as LibraryRWMutex, data, count)
      }
      const hold = holdNs(job.style)
      return () => compete(lock as LibraryMutex, data, job.n, hold, index === 0)
    },
  }
}

function lockAll(mutex: LibraryMutex, data: Data, count: number): Outcome {
  for (let left = count; left > 0; left--) {
    mutex.lockSync()
    data.increment()
    mutex.unlock()
  }
  return { count, sum: 0 }
}

async function lockAllAsync(mutex: LibraryMutex, data: Data, count: number): Promise<Outcome> {
  for (let left = count; left > 0; left--) {
    const guard = await mutex.lock()
    data.increment()
    guard.unlock()
  }
  return { count, sum: 0 }
}

function readMostly(lock: LibraryRWMutex, data: Data, count: number): Outcome {
  let reads = 0
  for (let at = 1; at <= count; at++) {
    if (at % WRITE_EVERY === 0) {
      lock.lockSync()
      data.write()
      lock.unlock()
    } else {
      lock.rlockSync()
      data.read()
      lock.runlock()
      reads++
    }
  }
  data.addReads(reads)
  return { count, sum: 0 }
}

/** Until both together have had the lock `n` times. `greedy` takes it again at once. */
function compete(mutex: LibraryMutex, data: Data, n: number, hold: number, greedy: boolean): Outcome {
  let own = 0
  while (true) {
    mutex.lockSync()
    if (data.total === n) break
    data.increment()
    own++
    burn(hold)
    mutex.unlock()
    if (!greedy) burn(hold)
  }
  mutex.unlock()
  return { count: own, sum: 0, ...(!greedy && { share: (100 * own) / n }) }
}

function prepareMap(library: SyncLibrary, job: Job) {
  const map = library.map(2 * job.capacity)
  for (let index = 0; index < job.capacity; index++) map.set(keyOf(index), valueFor(keyOf(index)))
  return {
    gifts: Array.from({ length: job.producers }, () => ({ value: map.handle })),
    finish() {
      map.dispose?.()
      return {}
    },
  }
}

function getPart(map: LibraryMap, job: Job, index: number): Part {
  const keys = keysFor(job.capacity, index)
  const { count } = share(job, index)
  return () => {
    for (let at = 0; at < count; at++) {
      const key = keys[at & (keys.length - 1)]
      if (map.get(key) !== valueFor(key)) throw new Error(`a wrong value of key ${key}`)
    }
    return { count, sum: count }
  }
}
