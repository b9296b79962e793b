// The parts that a channel library plays. millrace and the baseline offer the same names, so one text of every loop serves
// both: each process loads only one of them.

import { burn, nowNs } from '../harness/clock.js'
import { type Contender, isProducer, NOTHING, type Outcome, type Part, share } from '../harness/contender.js'
import { BATCH, type Job } from '../harness/protocol.js'
import { libraryMicro } from '../micro/library.js'

export interface LibraryChannel {
  readonly handle: unknown
  trySend(value: number): boolean
  tryReceive(): number | undefined
  sendSync(value: number): void
  receiveSync(): number | undefined
  send(value: number): Promise<void>
  receive(): Promise<number | undefined>
  sendManySync(values: Float64Array): number
  receiveManySync(into: Float64Array): number
  dispose?(): void
}

export type AsyncChannel = Pick<LibraryChannel, 'send' | 'receive'>

export interface LibraryCounter {
  readonly handle: unknown
  add(delta?: number): void
  readonly value: number
  dispose?(): void
}

export interface LibraryStack {
  push(value: number): boolean
  pop(): number | undefined
  dispose?(): void
}

export interface LibraryDeque {
  push(value: number): unknown
  pop(): number | undefined
}

export interface LibraryAtomic {
  add(delta: number): number
  load(): number
  compareAndSwap(old: number, value: number): boolean
}

/** The public names that the bench uses. */
export interface Library {
  readonly f64: unknown
  readonly i32: unknown
  channel(codec: unknown, options: { capacity: number }): LibraryChannel
  open(handle: unknown): unknown
  readonly Counter: new () => LibraryCounter
  /** Where there is none, a stack takes part. */
  readonly Deque?: new (
    codec: unknown,
  ) => LibraryDeque
  readonly Stack: new (codec: unknown, options: { capacity: number }) => LibraryStack
  readonly AtomicI32: new (initial?: number) => LibraryAtomic
}

/** How long a side keeps its core busy so that the other one is asleep for sure when it is woken. */
export const ASLEEP_NS = 300_000

export function libraryContender(library: Library): Required<Contender> {
  return {
    prepare(job) {
      if (job.kind === 'counter') {
        const counter = new library.Counter()
        return {
          gifts: Array.from({ length: job.producers }, () => ({ value: counter.handle })),
          finish() {
            const sum = counter.value
            counter.dispose?.()
            return { sum }
          },
        }
      }
      const there = library.channel(library.f64, { capacity: job.capacity })
      const back = job.kind === 'pingpong' ? library.channel(library.f64, { capacity: job.capacity }) : undefined
      return {
        gifts: Array.from({ length: job.producers + job.consumers }, () => ({ value: [there.handle, back?.handle] })),
        finish() {
          there.dispose?.()
          back?.dispose?.()
          return {}
        },
      }
    },

    part(job, index, gift) {
      if (job.kind === 'counter') return countPart(library.open(gift) as LibraryCounter, share(job, index).count)
      const [there, back] = (gift as unknown[]).map(
        (handle) => (handle === undefined ? undefined : library.open(handle)) as LibraryChannel,
      )
      if (job.kind === 'pingpong') return pingPongPart(job, isProducer(job, index), there, back)
      return throughputPart(job, index, there)
    },

    micro: (style, capacity) => libraryMicro(library, style, capacity),
  }
}

function throughputPart(job: Job, index: number, channel: LibraryChannel): Part {
  const { from, count } = share(job, index)
  switch (`${job.style} ${isProducer(job, index) ? 'send' : 'receive'}`) {
    case 'blocking send':
      return () => sendBlocking(channel, from, count)
    case 'blocking receive':
      return () => receiveBlocking(channel, count)
    case 'async send':
      return () => sendAsync(channel, from, count)
    case 'async receive':
      return () => receiveAsync(channel, count)
    case 'batch send':
      return () => sendBatches(channel, from, count)
    case 'batch receive':
      return () => receiveBatches(channel, count)
    default:
      throw new Error(`no style ${job.style}`)
  }
}

export function sendBlocking(channel: LibraryChannel, from: number, count: number): Outcome {
  for (let value = from; value < from + count; value++) channel.sendSync(value)
  return NOTHING
}

function receiveBlocking(channel: LibraryChannel, count: number): Outcome {
  let sum = 0
  for (let left = count; left > 0; left--) sum += channel.receiveSync() as number
  return { count, sum }
}

export async function sendAsync(channel: AsyncChannel, from: number, count: number): Promise<Outcome> {
  for (let value = from; value < from + count; value++) await channel.send(value)
  return NOTHING
}

export async function receiveAsync(channel: AsyncChannel, count: number): Promise<Outcome> {
  let sum = 0
  for (let left = count; left > 0; left--) sum += (await channel.receive()) as number
  return { count, sum }
}

function sendBatches(channel: LibraryChannel, from: number, count: number): Outcome {
  const batch = new Float64Array(BATCH)
  for (let value = from; value < from + count; value += BATCH) {
    for (let at = 0; at < BATCH; at++) batch[at] = value + at
    channel.sendManySync(batch)
  }
  return NOTHING
}

function receiveBatches(channel: LibraryChannel, count: number): Outcome {
  const batch = new Float64Array(BATCH)
  let sum = 0
  for (let left = count; left > 0; ) {
    const received = channel.receiveManySync(left < BATCH ? batch.subarray(0, left) : batch)
    for (let at = 0; at < received; at++) sum += batch[at]
    left -= received
  }
  return { count, sum }
}

function pingPongPart(job: Job, first: boolean, there: LibraryChannel, back: LibraryChannel): Part {
  const [out, into] = first ? [there, back] : [back, there]
  switch (job.style) {
    case 'hot':
      return () => (first ? pingHot(out, into, job.n) : pongHot(out, into, job.n))
    case 'asleep':
      return () => wakeEachOther(out, into, job.n, first)
    case 'async':
      return () => (first ? pingAsync(out, into, job.n) : pongAsync(out, into, job.n))
    default:
      throw new Error(`no style ${job.style}`)
  }
}

function pingHot(out: LibraryChannel, into: LibraryChannel, n: number): Outcome {
  const samples = new Array<number>(n)
  let sum = 0
  for (let trip = 0; trip < n; trip++) {
    const start = performance.now()
    out.sendSync(1)
    sum += into.receiveSync() as number
    samples[trip] = Math.round((performance.now() - start) * 1e6)
  }
  return { count: n, sum, samples }
}

function pongHot(out: LibraryChannel, into: LibraryChannel, n: number): Outcome {
  for (let trip = 0; trip < n; trip++) out.sendSync(into.receiveSync() as number)
  return NOTHING
}

/** A message is the time at which it was sent; whoever receives it has just been woken and knows how long that took. */
function wakeEachOther(out: LibraryChannel, into: LibraryChannel, n: number, first: boolean): Outcome {
  const samples = new Array<number>(n)
  if (first) sendTime(out)
  for (let trip = 0; trip < n; trip++) {
    const sent = into.receiveSync() as number
    samples[trip] = nowNs() - sent
    if (!first || trip + 1 < n) sendTime(out)
  }
  return { count: first ? n : 0, sum: first ? n : 0, samples }
}

function sendTime(out: LibraryChannel): void {
  burn(ASLEEP_NS)
  out.sendSync(nowNs())
}

async function pingAsync(out: LibraryChannel, into: LibraryChannel, n: number): Promise<Outcome> {
  const samples = new Array<number>(n)
  let sum = 0
  for (let trip = 0; trip < n; trip++) {
    const start = performance.now()
    await out.send(1)
    sum += (await into.receive()) as number
    samples[trip] = Math.round((performance.now() - start) * 1e6)
  }
  return { count: n, sum, samples }
}

async function pongAsync(out: LibraryChannel, into: LibraryChannel, n: number): Promise<Outcome> {
  for (let trip = 0; trip < n; trip++) await out.send((await into.receive()) as number)
  return NOTHING
}

function countPart(counter: LibraryCounter, count: number): Part {
  return () => {
    for (let left = count; left > 0; left--) counter.add(1)
    return { count, sum: 0 }
  }
}
