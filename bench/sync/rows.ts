// The rows of the sync package.

import type { ContenderName, Entry, Row } from '../rows.js'
import type { SYNC_MICRO } from './micro.js'

const ROUNDS = 1000
/** Entries of the map; a power of two. */
const ENTRIES = 1024

function names(...list: ContenderName[]): Entry[] {
  return list.map((name) => ({ name }))
}

function full(...list: ContenderName[]): Entry[] {
  return list.map((name) => ({ name, selection: 'full' }))
}

/** By the main thread alone. */
function alone(
  scenario: string,
  style: (typeof SYNC_MICRO)[number],
  entries: Entry[],
  selection: Row['selection'] = 'quick',
): Row {
  const job = { kind: 'micro', style, producers: 1, consumers: 1, capacity: 1, n: ROUNDS } as const
  return { scenario, group: 'sync', measure: 'throughput', job, entries, selection }
}

function together(
  scenario: string,
  style: string,
  threads: number,
  entries: Entry[],
  selection: Row['selection'] = 'quick',
): Row {
  const job = { kind: 'sync', style, producers: threads, consumers: 0, capacity: ENTRIES, n: 0 } as const
  return {
    scenario,
    group: 'sync',
    measure: style.startsWith('fairness') ? 'share' : 'throughput',
    job,
    entries,
    selection,
  }
}

function fairness(hold: string, style: string, selection: Row['selection']): Row {
  const entries = [...names('millrace', 'baseline', 'go'), ...full('multithreading')]
  return together(`mutex fairness, held ${hold}`, style, 2, entries, selection)
}

export const SYNC_ROWS: readonly Row[] = [
  alone('mutex lockSync+unlock', 'mutex', [
    ...names('millrace', 'baseline', 'multithreading', 'go'),
    { name: 'bare', style: 'notify', label: 'one futex call' },
  ]),
  alone(
    'await mutex.lock+unlock',
    'mutex-async',
    names('millrace', 'baseline', 'async-mutex', 'multithreading', 'WebLocks'),
  ),
  alone('semaphore acquireSync+release', 'semaphore', [
    ...names('millrace', 'baseline', 'multithreading'),
    { name: 'go', label: 'as x/sync' },
  ]),
  alone(
    'await semaphore.acquire+release',
    'semaphore-async',
    names('millrace', 'baseline', 'async-mutex', 'multithreading'),
    'default',
  ),
  alone('wait group add+done', 'waitgroup', names('millrace', 'baseline', 'go')),
  alone('once.doSync, done', 'once', names('millrace', 'baseline', 'go')),
  together('mutex 2 threads', 'mutex', 2, [...names('millrace', 'baseline', 'go'), ...full('multithreading')]),
  together('mutex 4 threads', 'mutex', 4, names('millrace', 'baseline', 'multithreading', 'go'), 'full'),
  together(
    'await mutex.lock 2 threads',
    'mutex-async',
    2,
    names('millrace', 'baseline', 'multithreading', 'WebLocks'),
    'default',
  ),
  together('rwmutex 2 readers, 1 % writes', 'rwmutex', 2, [
    ...names('millrace', 'baseline', 'go'),
    ...full('multithreading'),
  ]),
  together('sharded map get 2 threads', 'map', 2, [
    ...names('millrace', 'baseline'),
    { name: 'go', label: 'sync.Map' },
    { name: 'millrace channels', style: 'map-asked', label: 'one thread asks the other' },
    { name: 'postMessage', style: 'map-asked', label: 'one thread asks the other' },
  ]),
  fairness('100 µs', 'fairness-100', 'quick'),
  fairness('1 µs', 'fairness-1', 'default'),
]
