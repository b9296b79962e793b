// What happens on one event loop only: producers and consumers are async functions of one thread. millrace and the plain
// channel play the same loops.

import { nowNs } from '../harness/clock.js'
import { type Contender, type Outcome, type Part, share } from '../harness/contender.js'
import type { Job } from '../harness/protocol.js'
import { receiveAsync, sendAsync } from './library.js'
import { assertNoGrowth } from './no-growth.js'

export interface LoopChannel {
  send(value: number): Promise<void>
  receive(): Promise<number | undefined>
  close(): void
  dispose?(): void
}

export interface LoopLibrary<C extends LoopChannel> {
  channel(capacity: number): C
  /** Receives from whichever of the two is ready. */
  selectReceive(busy: C, quiet: C): Promise<{ value: number | undefined }>
  /** Bytes of shared memory that are in use, where there is such a memory. */
  bytesInUse?(channel: C): number
}

/** The channels are made by the thread that uses them: nothing is handed over, nobody else is attached. */
export function oneLoopContender<C extends LoopChannel>(library: LoopLibrary<C>): Contender {
  return {
    prepare: () => ({ gifts: [{ value: undefined }] }),
    part: (job) => onePart(library, job),
  }
}

function onePart<C extends LoopChannel>(library: LoopLibrary<C>, job: Job): Part {
  switch (job.style) {
    case 'async':
      return () => messages(library, job)
    case 'close':
      return () => broadcasts(library, job)
    case 'quiet':
      return () => quietLoser(library, job)
    default:
      throw new Error(`no style ${job.style}`)
  }
}

async function messages<C extends LoopChannel>(library: LoopLibrary<C>, job: Job): Promise<Outcome> {
  const channel = library.channel(job.capacity)
  const tasks = Array.from({ length: job.producers + job.consumers }, (_, index) => {
    const { from, count } = share(job, index)
    return index < job.producers ? sendAsync(channel, from, count) : receiveAsync(channel, count)
  })
  const outcomes = await Promise.all(tasks)
  channel.dispose?.()
  const add = (key: 'count' | 'sum') => outcomes.reduce((total, outcome) => total + outcome[key], 0)
  return { count: add('count'), sum: add('sum') }
}

/** As many broadcasts as it takes to wake n receivers. Only the time from each close to the last receiver counts. */
async function broadcasts<C extends LoopChannel>(library: LoopLibrary<C>, job: Job): Promise<Outcome> {
  let [ns, told] = [0, 0]
  for (let left = job.n; left > 0; left -= job.consumers) {
    const channel = library.channel(job.capacity)
    const woken = await broadcast(channel, job.consumers)
    channel.dispose?.()
    ns += woken.ns
    told += woken.told
  }
  return { ns, count: told, sum: told }
}

async function broadcast(channel: LoopChannel, receivers: number): Promise<{ ns: number; told: number }> {
  let [told, woken] = [0, 0]
  const end = new Promise<number>((resolve) => {
    const receiver = async (): Promise<void> => {
      if ((await channel.receive()) === undefined) told++
      if (++woken === receivers) resolve(nowNs())
    }
    for (let count = 0; count < receivers; count++) void receiver()
  })
  await new Promise((resolve) => setImmediate(resolve)) // all have parked
  const start = nowNs()
  channel.close()
  return { ns: (await end) - start, told }
}

/** Every message by a select of its own, whose other case is never ready and must leave nothing behind. */
async function quietLoser<C extends LoopChannel>(library: LoopLibrary<C>, job: Job): Promise<Outcome> {
  const [busy, quiet] = [library.channel(job.capacity), library.channel(job.capacity)]
  const before = library.bytesInUse?.(busy)
  const [, outcome] = await Promise.all([sendAsync(busy, 0, job.n), selectAsync(library, busy, quiet, job.n)])
  const after = library.bytesInUse?.(busy)
  busy.dispose?.()
  quiet.dispose?.()
  if (before !== undefined && after !== undefined) assertNoGrowth(before, after, job.n)
  return outcome
}

async function selectAsync<C extends LoopChannel>(
  library: LoopLibrary<C>,
  busy: C,
  quiet: C,
  count: number,
): Promise<Outcome> {
  let sum = 0
  for (let left = count; left > 0; left--) sum += (await library.selectReceive(busy, quiet)).value as number
  return { count, sum }
}
