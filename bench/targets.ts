// What millrace promises against the others, measured in the same run.

import type { ContenderName, Row } from './rows.js'
import type { Result } from './runner.js'

export interface Target {
  row: string
  against: ContenderName | undefined
  /**
   * `faster`: how many times faster than the other one, at least. `time`: our time as a share of theirs, at most. Without another one: `absolute`
   * at most, `least` at least.
   */
  form: 'faster' | 'time' | 'absolute' | 'least'
  limit: number
  /** Of a limit without another one: the unit of the row's figures. Default `ms`. */
  unit?: 'ms' | 'ns' | '%' | 'B'
}

export interface Verdict extends Target {
  measured: number | undefined
  met: boolean | undefined
}

export const TARGETS: readonly Target[] = [
  { row: 'trySend+tryReceive f64', against: 'baseline', form: 'faster', limit: 4 },
  { row: 'trySend+tryReceive f64', against: 'go', form: 'time', limit: 0.5 },
  { row: 'trySend+tryReceive f64', against: 'crossbeam', form: 'time', limit: 1 },
  { row: 'spsc 1:1 cap 1024 blocking', against: 'baseline', form: 'faster', limit: 2 },
  { row: 'spsc 1:1 cap 1024 blocking', against: 'go', form: 'time', limit: 0.5 },
  { row: 'spsc 1:1 cap 1024 blocking', against: 'crossbeam', form: 'time', limit: 1.2 },
  { row: 'mpmc 4:4 cap 1024 blocking', against: 'baseline', form: 'faster', limit: 2 },
  { row: 'mpmc 4:4 cap 1024 blocking', against: 'go', form: 'time', limit: 1 },
  { row: 'spsc 1:1 cap 0 blocking', against: 'crossbeam', form: 'time', limit: 1 },
  { row: 'spsc 1:1 cap 0 blocking', against: 'go', form: 'time', limit: 1.5 },
  { row: 'spsc 1:1 cap 1 blocking', against: 'crossbeam', form: 'time', limit: 1 },
  { row: 'spsc 1:1 cap 1024 batch 64', against: 'go', form: 'time', limit: 0.12 },
  { row: 'spsc 1:1 cap 1024 batch 64', against: 'postMessage', form: 'faster', limit: 80 },
  { row: 'spsc 1:1 cap 1024 async', against: 'postMessage', form: 'faster', limit: 2.5 },
  { row: 'struct of 32 bytes 1:1 cap 1024', against: 'postMessage', form: 'faster', limit: 8 },
  { row: 'struct of 32 bytes 1:1 cap 1024', against: 'go', form: 'time', limit: 1.5 },
  { row: 'bytes 64 B 1:1 cap 1024', against: 'postMessage', form: 'faster', limit: 5 },
  { row: 'bytes 1 KiB 1:1 cap 1024', against: 'postMessage', form: 'faster', limit: 5 },
  { row: 'bytes 64 KiB 1:1 cap 16', against: 'postMessage', form: 'faster', limit: 3 },
  { row: 'bytes 1 MiB 1:1 cap 4', against: 'postMessage', form: 'faster', limit: 1.5 },
  { row: 'bytes 1 MiB 1:1 cap 4', against: 'postMessage transfer', form: 'faster', limit: 1 },
  { row: 'string of 32 1:1 cap 1024', against: 'postMessage', form: 'faster', limit: 4 },
  { row: 'string of 1 KiB 1:1 cap 1024', against: 'postMessage', form: 'faster', limit: 2 },
  { row: 'object {id, name, tags} 1:1 cap 1024', against: 'postMessage', form: 'faster', limit: 2.5 },
  { row: 'byte pipe, 64 B records, batch', against: 'ringbuf.js', form: 'faster', limit: 3 },
  // 64 bytes in 64 ns: a gigabyte a second.
  { row: 'byte pipe, 64 B records, batch', against: undefined, form: 'absolute', limit: 64, unit: 'ns' },
  { row: 'pingpong cap 0 awake, round trip', against: 'crossbeam', form: 'time', limit: 1 },
  { row: 'pingpong cap 0 awake, round trip', against: 'go', form: 'time', limit: 1 },
  { row: 'pingpong asleep, one way', against: 'bare', form: 'time', limit: 1.3 },
  { row: 'select of 2 receives 2:1 cap 1024', against: 'go', form: 'time', limit: 1.2 },
  { row: 'select of 2 receives 2:1 cap 1024', against: 'crossbeam', form: 'time', limit: 1 },
  { row: 'select_rx 4:1 cap 0', against: 'crossbeam', form: 'time', limit: 1.5 },
  { row: 'select_rx 4:1 cap 1024', against: 'crossbeam', form: 'time', limit: 1.5 },
  { row: 'select_both 4:4 cap 0', against: 'crossbeam', form: 'time', limit: 1.5 },
  { row: 'select_both 4:4 cap 1024', against: 'crossbeam', form: 'time', limit: 1.5 },
  { row: 'one loop 1:1 cap 0', against: 'plain', form: 'time', limit: 1.5 },
  { row: 'one loop 1:1 cap 0', against: 'go', form: 'time', limit: 1.5 },
  { row: 'one loop, close wakes 10,000', against: undefined, form: 'absolute', limit: 1000, unit: 'ns' },
  { row: 'mutex lockSync+unlock', against: 'go', form: 'time', limit: 2.5 },
  { row: 'mutex lockSync+unlock', against: 'baseline', form: 'faster', limit: 3 },
  // Less than one futex call takes: none is made.
  { row: 'mutex lockSync+unlock', against: 'bare', form: 'time', limit: 1 },
  { row: 'await mutex.lock+unlock', against: 'async-mutex', form: 'time', limit: 0.5 },
  { row: 'semaphore acquireSync+release', against: 'go', form: 'time', limit: 2 },
  { row: 'semaphore acquireSync+release', against: 'baseline', form: 'faster', limit: 3 },
  { row: 'wait group add+done', against: 'go', form: 'time', limit: 2.5 },
  { row: 'once.doSync, done', against: undefined, form: 'absolute', limit: 5, unit: 'ns' },
  { row: 'mutex 2 threads', against: 'go', form: 'time', limit: 2 },
  { row: 'rwmutex 2 readers, 1 % writes', against: 'go', form: 'time', limit: 2 },
  { row: 'sharded map get 2 threads', against: 'go', form: 'time', limit: 3 },
  { row: 'sharded map get 2 threads', against: 'millrace channels', form: 'faster', limit: 5 },
  { row: 'sharded map get 2 threads', against: 'postMessage', form: 'faster', limit: 5 },
  { row: 'mutex fairness, held 100 µs', against: undefined, form: 'least', limit: 10, unit: '%' },
  { row: 'spawn + result 2 workers, windows of 1000', against: 'piscina', form: 'faster', limit: 15 },
  { row: 'spawn + result 2 workers, windows of 1000', against: 'go', form: 'time', limit: 1.5 },
  { row: 'spawn + result 2 workers, one at a time', against: 'piscina', form: 'time', limit: 0.5 },
  { row: 'spawn inside a worker, windows of 1000', against: 'go', form: 'time', limit: 1 },
  { row: 'fork-join fib 2 workers', against: 'millrace 1 thread', form: 'faster', limit: 1.7 },
  { row: 'fork-join merge sort 2 workers', against: 'millrace 1 thread', form: 'faster', limit: 1.7 },
  { row: 'skewed load 2 workers, of the ideal', against: undefined, form: 'absolute', limit: 110, unit: '%' },
  { row: 'idle runtime 2 workers, CPU', against: undefined, form: 'absolute', limit: 1, unit: '%' },
  { row: '100,000 blocked tasks, memory of each', against: undefined, form: 'absolute', limit: 1024, unit: 'B' },
  { row: 'counter 2 threads', against: 'bare', form: 'faster', limit: 3 },
  { row: 'import + channel + message', against: undefined, form: 'absolute', limit: 15 },
]

/** The rows with only those contenders that a target needs. A row without a target against anybody keeps all of its own. */
export function onlyOpponents(rows: readonly Row[]): Row[] {
  return rows.map((row) => {
    const opponents = new Set(TARGETS.filter((target) => target.row === row.scenario).map(({ against }) => against))
    opponents.delete(undefined)
    if (opponents.size === 0) return row
    return { ...row, entries: row.entries.filter(({ name }) => name === 'millrace' || opponents.has(name)) }
  })
}

function atLeast({ form }: Target): boolean {
  return form === 'faster' || form === 'least'
}

export function judge(results: readonly Result[]): Verdict[] {
  const find = (scenario: string, contender: string) =>
    results.find((result) => result.scenario === scenario && result.contender === contender)?.median
  return TARGETS.map((target) => {
    const ours = find(target.row, 'millrace')
    const theirs = target.against === undefined ? 1 : find(target.row, target.against)
    if (ours === undefined || theirs === undefined) return { ...target, measured: undefined, met: undefined }
    const measured = target.form === 'faster' ? theirs / ours : ours / theirs
    return { ...target, measured, met: atLeast(target) ? measured >= target.limit : measured <= target.limit }
  })
}
