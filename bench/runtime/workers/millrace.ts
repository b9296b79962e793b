// The tasks that millrace's rows run, on top of those of every pool.

import { setImmediate as turn } from 'node:timers/promises'
import * as millrace from 'millrace'
import { fib, LEAF } from '../fib.js'
import { windows } from '../pool.js'
import { merge, otherSide, type Side, SORT_LEAF, sharedArrays, sortLeaf } from '../sort.js'

export { echo, work } from '../tasks.js'

interface TaskLibrary {
  go(name: string, ...args: unknown[]): Promise<number>
}

const { go } = millrace as unknown as TaskLibrary
const { channel, f64 } = millrace

/** Tasks that spawn from this worker's own queue: the sum of what they return. */
export async function local(n: number, capacity: number): Promise<number> {
  const { sum } = await windows((value) => go('echo', value), { n, capacity })
  return sum
}

export async function forkFib(n: number): Promise<number> {
  if (n <= LEAF) return fib(n)
  const other = go('forkFib', n - 1)
  const own = await forkFib(n - 2)
  return own + (await other)
}

export async function forkSort(from: number, to: number, place: number): Promise<number> {
  const both = sharedArrays()
  const side = place as Side
  if (to - from <= SORT_LEAF) sortLeaf(both, from, to, side)
  else {
    const middle = (from + to) >>> 1
    const other = go('forkSort', from, middle, otherSide(side))
    await forkSort(middle, to, otherSide(side))
    await other
    merge(both, from, middle, to, side)
  }
  return to - from
}

let parked = 0
let quiet!: millrace.Channel<number>

export async function receiver(): Promise<number> {
  parked++
  return (await quiet.receive()) === undefined ? 1 : 0
}

/** So many tasks wait for one channel: what the process has in memory then that it had not before, in bytes. */
export async function blocked(n: number): Promise<number> {
  quiet = channel(f64)
  parked = 0
  const tasks = new Array<Promise<number>>(n)
  const before = process.memoryUsage.rss()
  for (let at = 0; at < n; at++) tasks[at] = go('receiver')
  while (parked < n) await turn()
  const bytes = process.memoryUsage.rss() - before
  quiet.close()
  let ended = 0
  for (const task of tasks) ended += await task
  if (ended !== n) throw new Error(`${ended} of ${n} tasks ended`)
  return bytes
}
