// The rows of the runtime: tasks for threads.

import type { ContenderName, Entry, Row } from '../rows.js'
import { SKEWED } from './load.js'
import { SORT_LENGTH } from './sort.js'

const THREADS = 2
/** Tasks on their way at once. */
const WINDOW = 1000
const ROUND_TRIPS = 1000
/** Forks some 400 leaves of 30 µs. */
const FIB = 30
const IDLE_MS = 250
const BLOCKED = 100_000

function names(...list: ContenderName[]): Entry[] {
  return list.map((name) => ({ name }))
}

/** Those that take part from this selection on. */
function from(selection: 'default' | 'full', ...entries: Entry[]): Entry[] {
  return entries.map((entry) => ({ ...entry, selection }))
}

function row(
  scenario: string,
  style: string,
  capacity: number,
  n: number,
  measure: Row['measure'],
  entries: Entry[],
): Row {
  const job = { kind: 'runtime', style, producers: THREADS, consumers: 1, capacity, n } as const
  return { scenario, group: 'runtime', measure, job, entries, selection: 'quick' }
}

function forking(style: string): Entry[] {
  return [
    { name: 'millrace' },
    { name: 'millrace 1 thread', style: `${style}-1` },
    { name: 'bare', label: '2 busy threads, no forks' },
    { name: 'bare 1 thread', style: `${style}-1`, label: 'no forks' },
    { name: 'go' },
  ]
}

const POOLS = names('tinypool', 'workerpool', 'poolifier', 'multithreading')

export const RUNTIME_ROWS: readonly Row[] = [
  row('spawn + result 2 workers, windows of 1000', 'spawn', WINDOW, 0, 'throughput', [
    ...names('millrace', 'baseline', 'piscina', 'go'),
    { name: 'piscina 1 each', style: 'spawn-single' },
    ...from('default', ...POOLS),
    ...from('full', { name: 'tinypool 1 each', style: 'spawn-single' }),
  ]),
  row('spawn + result 2 workers, one at a time', 'round-trip', 1, ROUND_TRIPS, 'latency', [
    ...names('millrace', 'baseline', 'piscina', 'go'),
    ...from('default', ...POOLS),
  ]),
  row('spawn inside a worker, windows of 1000', 'local', WINDOW, 0, 'throughput', [
    ...names('millrace', 'go'),
    { name: 'plain', label: 'async functions' },
  ]),
  row('fork-join fib 2 workers', 'fib', FIB, 0, 'throughput', forking('fib')),
  row('fork-join merge sort 2 workers', 'sort', SORT_LENGTH, 0, 'throughput', forking('sort')),
  row('skewed load 2 workers, of the ideal', 'skewed', SKEWED.length, SKEWED.length, 'share', [
    ...names('millrace', 'baseline', 'piscina', 'go'),
    ...from('default', ...POOLS),
  ]),
  row('idle runtime 2 workers, CPU', 'idle', IDLE_MS, 1, 'share', [
    ...names('millrace'),
    { name: 'bare', label: '2 idle workers' },
    ...from('full', ...names('piscina', ...(['tinypool', 'workerpool', 'poolifier', 'multithreading'] as const), 'go')),
  ]),
  {
    ...row('100,000 blocked tasks, memory of each', 'blocked', 1, BLOCKED, 'memory', names('millrace', 'plain', 'go')),
  },
]
