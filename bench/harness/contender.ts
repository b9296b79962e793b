// What a contender written in JavaScript has to offer. One process and its threads serve one contender and one row only,
// so that every hot loop stays monomorphic.

import type { Job } from './protocol.js'

/** What a thread found at the end of its part. Producers have received nothing: zeros. */
export interface Outcome {
  count: number
  sum: number
  samples?: number[]
  /** The time that counts, where it is not all that the part took. */
  ns?: number
  /** What this thread got of all, in percent, where the row is about its share. */
  share?: number
  /** Memory, where the row is about that. */
  bytes?: number
}

/** What one thread is given: something that `postMessage` can carry. */
export interface Gift {
  value: unknown
  transfer?: readonly import('node:worker_threads').TransferListItem[]
}

export interface Prepared {
  /** One for each thread, producers first. */
  gifts: Gift[]
  /** Frees what was made; returns what the threads could not know, such as a counter's final value. */
  finish?(): Partial<Outcome>
}

export type Part = () => Outcome | Promise<Outcome>

export interface Contender {
  /** Called on the main thread of the contender's process, before each run. */
  prepare(job: Job): Prepared
  /** Called in a worker, before the start line. What it returns is called behind it. */
  part(job: Job, index: number, gift: unknown): Part
  /** Runs a row of `runtime` from the main thread: the threads are the contender's own, kept between runs. */
  run?(job: Job): Promise<Outcome>
  /** Runs one micro row on the main thread: calls the operation `rounds` times. */
  micro?(style: string, capacity: number): (rounds: number) => void | Promise<void>
}

export const NOTHING: Outcome = { count: 0, sum: 0 }

/** Which messages a producer sends, or how many a consumer receives. */
export function share(job: Job, index: number): { from: number; count: number } {
  const size = job.n / (index < job.producers ? job.producers : job.consumers)
  return { from: index < job.producers ? index * size : 0, count: size }
}

export function isProducer(job: Job, index: number): boolean {
  return index < job.producers
}
