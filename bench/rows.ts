// Which rows there are, who takes part in each, and what a plain, a quick and a full run choose.

import { type Job, type Kind, PIPE_RECORD } from './harness/protocol.js'
import { SYNC_ROWS } from './sync/rows.js'
import { VALUE_ROWS } from './values/rows.js'

/**
 * Who takes part. The first word is the program. `x64` moves arrays of 64 numbers as one message, `view` writes and reads messages where they
 * lie, `transfer` gives the buffer away, `channels` asks another thread.
 */
export type ContenderName =
  | 'millrace'
  | 'baseline'
  | 'plain'
  | 'millrace view'
  | 'millrace channels'
  | 'bare'
  | 'postMessage'
  | 'postMessage x64'
  | 'postMessage transfer'
  | 'MessagePort'
  | 'ringbuf.js'
  | 'go'
  | 'go x64'
  | 'crossbeam'
  | 'crossbeam x64'
  | 'async-mutex'
  | 'multithreading'
  | 'WebLocks'

/** What the row's figures mean: time for one operation, time for one round trip or wake-up, time from start to result, percent of all. */
export type Measure = 'throughput' | 'latency' | 'startup' | 'share'

export interface Entry {
  name: ContenderName
  /** What this contender does in this row, where that differs from the row's own style. */
  style?: string
  /** What it is in this row, for the table. */
  label?: string
  /** The smallest selection in which it takes part, where that is not the row's own. */
  selection?: 'default' | 'full'
}

export interface Row {
  scenario: string
  group: 'one thread' | 'messages' | 'values' | 'latency' | 'select' | 'one loop' | 'sync' | 'counter' | 'start-up'
  measure: Measure
  job: Job
  entries: Entry[]
  /** Bytes of one message, where it has more than a number: then the table says gigabytes a second too. */
  bytes?: number
  /** The smallest selection that has this row. */
  selection: 'quick' | 'default' | 'full'
}

const TOPOLOGIES: [name: string, producers: number, consumers: number][] = [
  ['spsc', 1, 1],
  ['mpsc', 4, 1],
  ['spmc', 1, 4],
  ['mpmc', 2, 2],
  ['mpmc', 4, 4],
]
const CAPACITIES = [0, 1, 128, 1024]
const STYLES = ['blocking', 'async', 'batch'] as const
type Style = (typeof STYLES)[number]

const MICRO_CAPACITY = 1024
const MICRO_ROUNDS = 1000
const CREATE_CAPACITY = 16
const CREATE_ROUNDS = 100
/** Receivers that one close wakes. */
const WAITING = 10_000
const QUIET_SELECTS = 100_000

function names(...list: ContenderName[]): Entry[] {
  return list.map((name) => ({ name }))
}

function messageEntries(style: Style, producers: number, consumers: number, capacity: number): Entry[] {
  const single = producers === 1 && consumers === 1
  // Nobody else hands over without a buffer between threads.
  if (capacity === 0) return style === 'blocking' ? names('millrace', 'go', 'crossbeam') : names('millrace')
  switch (style) {
    case 'blocking':
      return names('millrace', 'baseline', 'go', 'crossbeam', ...(single ? (['ringbuf.js'] as const) : []))
    case 'async':
      return names('millrace', 'baseline', ...(single ? (['postMessage'] as const) : []))
    case 'batch':
      return [
        ...names('millrace', 'baseline'),
        ...(single ? names('ringbuf.js') : []),
        { name: 'go', style: 'blocking' },
        { name: 'go x64' },
        { name: 'crossbeam', style: 'blocking' },
        { name: 'crossbeam x64' },
        ...(single ? ([{ name: 'postMessage', style: 'async' }, { name: 'postMessage x64' }] as const) : []),
      ]
  }
}

const QUICK = new Set([
  '1:1 0 blocking',
  '1:1 1 blocking',
  '1:1 1024 blocking',
  '4:4 1024 blocking',
  '1:1 1024 batch',
  '1:1 1024 async',
])
const DEFAULT = new Set([
  '4:4 0 blocking',
  '4:1 1024 blocking',
  '1:4 1024 blocking',
  '2:2 1024 blocking',
  '1:1 128 blocking',
  '4:4 1024 async',
  '4:4 1024 batch',
  '1:1 1 async',
])

function messageRows(): Row[] {
  return STYLES.flatMap((style) =>
    TOPOLOGIES.flatMap(([topology, producers, consumers]) =>
      CAPACITIES.filter((capacity) => capacity > 0 || style !== 'batch').map((capacity): Row => {
        const key = `${producers}:${consumers} ${capacity} ${style}`
        return {
          scenario: `${topology} ${producers}:${consumers} cap ${capacity} ${style === 'batch' ? 'batch 64' : style}`,
          group: 'messages',
          measure: 'throughput',
          job: { kind: 'throughput', style, producers, consumers, capacity, n: 0 },
          entries: messageEntries(style, producers, consumers, capacity),
          selection: QUICK.has(key) ? 'quick' : DEFAULT.has(key) ? 'default' : 'full',
        }
      }),
    ),
  )
}

function oneThread(scenario: string, style: string, entries: Entry[], selection: Row['selection']): Row {
  const create = style === 'create'
  const [capacity, n] = create ? [CREATE_CAPACITY, CREATE_ROUNDS] : [MICRO_CAPACITY, MICRO_ROUNDS]
  const job: Job = { kind: 'micro', style, producers: 1, consumers: 1, capacity, n }
  return { scenario, group: 'one thread', measure: 'throughput', job, entries, selection }
}

function latency(
  scenario: string,
  style: string,
  n: number,
  entries: Entry[],
  selection: Row['selection'],
  capacity = 1,
): Row {
  const job: Job = { kind: 'pingpong', style, producers: 1, consumers: 1, capacity, n }
  return { scenario, group: 'latency', measure: 'latency', job, entries, selection }
}

function selectRow(
  shape: string,
  style: string,
  [producers, consumers, capacity]: [number, number, number],
  selection: Row['selection'],
): Row {
  const scenario = `${shape} ${producers}:${consumers} cap ${capacity}`
  const job: Job = { kind: 'select', style, producers, consumers, capacity, n: 0 }
  return {
    scenario,
    group: 'select',
    measure: 'throughput',
    job,
    entries: names('millrace', 'go', 'crossbeam'),
    selection,
  }
}

/** Everything on one event loop of one thread; Go on one processor. */
function oneLoop(
  scenario: string,
  style: string,
  [producers, consumers, capacity]: [number, number, number],
  n: number,
  selection: Row['selection'],
): Row {
  return {
    scenario,
    group: 'one loop',
    measure: 'throughput',
    job: { kind: 'loop', style, producers, consumers, capacity, n },
    entries: [...names('millrace', 'plain'), { name: 'go', label: 'GOMAXPROCS=1' }],
    selection,
  }
}

function counterRow(threads: number, selection: Row['selection']): Row {
  const job: Job = { kind: 'counter', style: 'add', producers: threads, consumers: 0, capacity: 0, n: 0 }
  return {
    scenario: `counter ${threads} threads`,
    group: 'counter',
    measure: 'throughput',
    job,
    entries: [...names('millrace', 'baseline'), { name: 'bare', label: 'one Atomics.add' }],
    selection,
  }
}

const NO_JOB: Job = { kind: 'micro' as Kind, style: 'start', producers: 1, consumers: 0, capacity: 1, n: 1 }

export const ROWS: readonly Row[] = [
  oneThread('create channel cap 16', 'create', names('millrace', 'baseline', 'go', 'crossbeam'), 'default'),
  oneThread('trySend+tryReceive f64', 'sendrecv-f64', names('millrace', 'baseline', 'go', 'crossbeam'), 'quick'),
  oneThread('trySend+tryReceive i32', 'sendrecv-i32', names('millrace', 'baseline'), 'default'),
  oneThread('stack push+pop f64', 'stack', names('millrace', 'baseline'), 'default'),
  oneThread(
    'deque push+pop f64, owner alone',
    'deque',
    [
      { name: 'millrace' },
      { name: 'baseline', label: 'stack in plain TypeScript' },
      { name: 'bare', label: 'Array push+pop, unshared' },
    ],
    'default',
  ),
  oneThread(
    'counter add',
    'counter',
    [...names('millrace', 'baseline'), { name: 'bare', label: 'Atomics.add' }],
    'default',
  ),
  oneThread(
    'atomic add',
    'atomic-add',
    [...names('millrace', 'baseline'), { name: 'bare', label: 'Atomics.add' }],
    'default',
  ),
  oneThread('atomic compareAndSwap', 'atomic-cas', names('millrace', 'baseline'), 'default'),
  ...messageRows(),
  ...VALUE_ROWS,
  {
    scenario: 'byte pipe, 64 B records, batch',
    group: 'messages',
    measure: 'throughput',
    job: { kind: 'throughput', style: 'pipe', producers: 1, consumers: 1, capacity: 2 ** 20, n: 0 },
    entries: names('millrace', 'ringbuf.js'),
    bytes: PIPE_RECORD,
    selection: 'quick',
  },
  latency(
    'pingpong awake, round trip',
    'hot',
    4000,
    [...names('millrace', 'baseline', 'go', 'crossbeam'), { name: 'bare', label: 'bare spinning' }],
    'default',
  ),
  latency('pingpong cap 0 awake, round trip', 'hot', 4000, names('millrace', 'go', 'crossbeam'), 'quick', 0),
  latency(
    'pingpong asleep, one way',
    'asleep',
    150,
    [...names('millrace', 'baseline'), { name: 'bare', label: 'bare wait/notify' }, ...names('go', 'crossbeam')],
    'quick',
  ),
  latency(
    'pingpong async, round trip',
    'async',
    500,
    [...names('millrace', 'baseline'), { name: 'bare', label: 'bare waitAsync' }, { name: 'postMessage' }],
    'default',
  ),
  selectRow('select of 2 receives', 'receive', [2, 1, 0], 'default'),
  selectRow('select of 2 receives', 'receive', [2, 1, 1024], 'quick'),
  selectRow('select_rx', 'receive', [4, 1, 0], 'quick'),
  selectRow('select_rx', 'receive', [4, 1, 1024], 'quick'),
  selectRow('select_both', 'both', [4, 4, 0], 'quick'),
  selectRow('select_both', 'both', [4, 4, 1024], 'quick'),
  {
    scenario: 'select with a quiet loser',
    group: 'select',
    measure: 'throughput',
    job: { kind: 'select', style: 'quiet', producers: 1, consumers: 1, capacity: 0, n: QUIET_SELECTS },
    entries: names('millrace', 'go', 'crossbeam'),
    selection: 'quick',
  },
  oneLoop('one loop 1:1 cap 0', 'async', [1, 1, 0], 0, 'quick'),
  oneLoop('one loop 1:1 cap 1024', 'async', [1, 1, 1024], 0, 'full'),
  oneLoop('one loop 4:4 cap 0', 'async', [4, 4, 0], 0, 'full'),
  oneLoop('one loop, close wakes 10,000', 'close', [1, WAITING, 0], 5 * WAITING, 'quick'),
  oneLoop('one loop, select with a quiet loser', 'quiet', [1, 1, 0], QUIET_SELECTS, 'quick'),
  ...SYNC_ROWS,
  counterRow(2, 'quick'),
  counterRow(4, 'full'),
  {
    scenario: 'import + channel + message',
    group: 'start-up',
    measure: 'startup',
    job: NO_JOB,
    entries: names('millrace', 'baseline'),
    selection: 'quick',
  },
]

const ORDER = ['quick', 'default', 'full'] as const

export function selectRows(selection: Row['selection'], only?: RegExp): Row[] {
  // A pattern looks among all rows: whoever names a row wants it, whatever the selection.
  if (only) return ROWS.filter((row) => only.test(row.scenario))
  const chosen = (own: Row['selection']) => ORDER.indexOf(own) <= ORDER.indexOf(selection)
  return ROWS.filter((row) => chosen(row.selection)).map((row) => {
    const entries = row.entries.filter((entry) => chosen(entry.selection ?? row.selection))
    return entries.length === row.entries.length ? row : { ...row, entries }
  })
}
