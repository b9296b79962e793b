// Selects between threads, blocking. millrace only: the baseline has no select.

import { type Contender, isProducer, NOTHING, type Outcome, type Part, share } from '../harness/contender.js'
import type { Job } from '../harness/protocol.js'
import { type LibraryChannel, sendBlocking } from './library.js'
import { assertNoGrowth } from './no-growth.js'

interface Hit {
  readonly case: string
  readonly value: number | undefined
}

type Cases = Record<string, unknown>

export interface ArenaChannel extends LibraryChannel {
  readonly arena: { stats(): { bytesInUse: number } }
}

/** The public names that these rows use. */
export interface SelectLibrary {
  readonly f64: unknown
  channel(codec: unknown, options: { capacity: number }): ArenaChannel
  open(handle: unknown): unknown
  recv(channel: LibraryChannel): unknown
  send(channel: LibraryChannel, value: number): unknown
  select(cases: Cases): Promise<Hit>
  selectSync(cases: Cases): Hit
  readonly Selector: new (
    cases: Cases,
  ) => { selectSync(): Hit; set(name: string, value: number): void; dispose(): void }
}

export function selectContender(library: SelectLibrary): Contender {
  return {
    prepare(job) {
      // One channel for each producer; for a quiet loser one with messages and one without.
      const quiet = job.style === 'quiet'
      const channels = Array.from({ length: quiet ? 2 : job.producers }, () =>
        library.channel(library.f64, { capacity: job.capacity }),
      )
      const bytesInUse = () => channels[0].arena.stats().bytesInUse
      const before = bytesInUse()
      const handles = channels.map((channel) => channel.handle)
      return {
        gifts: Array.from({ length: job.producers + job.consumers }, () => ({ value: handles })),
        finish() {
          const after = bytesInUse()
          for (const channel of channels) channel.dispose?.()
          if (quiet) assertNoGrowth(before, after, job.n)
          return {}
        },
      }
    },

    part(job, index, gift) {
      const channels = (gift as unknown[]).map((handle) => library.open(handle) as ArenaChannel)
      return isProducer(job, index) ? producer(library, job, index, channels) : consumer(library, job, index, channels)
    },
  }
}

function producer(library: SelectLibrary, job: Job, index: number, channels: LibraryChannel[]): Part {
  const { from, count } = share(job, index)
  if (job.style !== 'both') return () => sendBlocking(channels[index], from, count)
  const names = channels.map((_, at) => `to${at}`)
  const selector = new library.Selector(
    Object.fromEntries(channels.map((channel, at) => [names[at], library.send(channel, 0)])),
  )
  return () => {
    for (let value = from; value < from + count; value++) {
      for (const name of names) selector.set(name, value)
      selector.selectSync()
    }
    selector.dispose()
    return NOTHING
  }
}

function consumer(library: SelectLibrary, job: Job, index: number, channels: LibraryChannel[]): Part {
  const { count } = share(job, index)
  if (job.style === 'quiet') return () => selectEach(library, channels[0], channels[1], count)
  const selector = new library.Selector(
    Object.fromEntries(channels.map((channel, at) => [`from${at}`, library.recv(channel)])),
  )
  return () => {
    let sum = 0
    for (let left = count; left > 0; left--) sum += selector.selectSync().value as number
    selector.dispose()
    return { count, sum }
  }
}

function selectEach(library: SelectLibrary, busy: LibraryChannel, quiet: LibraryChannel, count: number): Outcome {
  let sum = 0
  for (let left = count; left > 0; left--) {
    sum += library.selectSync({ busy: library.recv(busy), quiet: library.recv(quiet) }).value as number
  }
  return { count, sum }
}
