// millrace's runtime in the rows of tasks, through its public names.

import * as millrace from 'millrace'
import { nowNs } from '../harness/clock.js'
import type { Outcome } from '../harness/contender.js'
import type { Job } from '../harness/protocol.js'
import { fibOf } from './fib.js'
import { poolRows } from './pool.js'
import { assertSorted, SORT_LENGTH, sharedArrays, unsorted } from './sort.js'

interface LibraryRuntime {
  go(name: string, ...args: number[]): Promise<number>
}

interface RuntimeLibrary {
  runtime(module: URL, options: { procs: number }): Promise<LibraryRuntime>
}

const library = millrace as unknown as RuntimeLibrary
const TASKS = new URL('./workers/millrace.js', import.meta.url)

const pool = poolRows(async ({ task, threads }) => {
  const rt = await library.runtime(TASKS, { procs: threads })
  return (value) => rt.go(task, value)
})

let opened: Promise<LibraryRuntime> | undefined

function runtimeOf({ style, producers }: Job): Promise<LibraryRuntime> {
  opened ??= library.runtime(TASKS, { procs: style.endsWith('-1') || style === 'blocked' ? 1 : producers })
  return opened
}

export async function millraceRun(job: Job): Promise<Outcome> {
  switch (job.style) {
    case 'local':
      return await local(await runtimeOf(job), job)
    case 'fib':
    case 'fib-1':
      return await numbers(await runtimeOf(job), job)
    case 'sort':
    case 'sort-1':
      return await sorts(job)
    case 'blocked':
      return await blocked(await runtimeOf(job), job)
    default:
      return await pool(job)
  }
}

async function local(rt: LibraryRuntime, { n, capacity }: Job): Promise<Outcome> {
  const start = nowNs()
  const sum = await rt.go('local', n, capacity)
  return { ns: nowNs() - start, count: n, sum }
}

async function numbers(rt: LibraryRuntime, { n, capacity }: Job): Promise<Outcome> {
  const expected = fibOf(capacity)
  const start = nowNs()
  for (let left = n; left > 0; left--) {
    if ((await rt.go('forkFib', capacity)) !== expected) throw new Error('a wrong number')
  }
  return { ns: nowNs() - start, count: n, sum: n }
}

async function sorts(job: Job): Promise<Outcome> {
  const arrays = sharedArrays() // before there are workers
  const rt = await runtimeOf(job)
  const numbers = unsorted()
  let ns = 0
  for (let left = job.n; left > 0; left--) {
    arrays[0].set(numbers)
    const start = nowNs()
    await rt.go('forkSort', 0, SORT_LENGTH, 0)
    ns += nowNs() - start
    assertSorted(arrays[0])
  }
  return { ns, count: job.n, sum: job.n }
}

async function blocked(rt: LibraryRuntime, { n }: Job): Promise<Outcome> {
  return { count: n, sum: n, bytes: await rt.go('blocked', n) }
}
