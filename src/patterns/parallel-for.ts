// parallelFor: a range of numbers worked through in chunks, several at a time.

import { rangeError, show, typeError } from '../errors.js'
import { mapConcurrent } from './map.js'
import { type Abortable, checkCount, checkFunction, checkOptions, checkSignal, defaultConcurrency } from './options.js'

export interface ParallelForOptions extends Abortable {
  /**
   * How many numbers a chunk has. Default: ever smaller ones, so that there are few calls and no worker is left
   * waiting for a large one at the end: each a share of half of what is left.
   */
  chunk?: number | undefined
  /** How many chunks are worked on at a time. Default: as many as there are processors. */
  concurrency?: number | undefined
}

/** What is done with the numbers from `from` to below `to`. */
export type RangeHandler = (from: number, to: number, signal: AbortSignal) => unknown

/** Half of what is left, divided among all: guided self-scheduling. */
const SHARE = 2

/** @internal The chunks of a range. */
export function* chunksOf(
  n: number,
  chunk: number | undefined,
  concurrency: number,
): Generator<[number, number], void> {
  for (let from = 0; from < n; ) {
    const size = chunk ?? Math.max(1, Math.ceil((n - from) / (SHARE * concurrency)))
    const to = Math.min(n, from + size)
    yield [from, to]
    from = to
  }
}

/**
 * Calls `fn(from, to, signal)` for chunks that together are the numbers from 0 to below `n`, each number in one chunk, with at most `concurrency` calls
 * under way. Resolves when all are done. `fn` hands its chunk to a worker (a closure on this event loop gains nothing by it, unless it waits).
 *
 * The default chunks get smaller towards the end: guided self-scheduling, C. Polychronopoulos and D. Kuck, 1987.
 *
 * @throws what the first call that fails throws: no other chunk is begun then, and the signal of those under way is aborted; the reason of `signal`.
 * TypeError (ERR_INVALID_ARG_TYPE), RangeError (ERR_OUT_OF_RANGE) for arguments that make no sense.
 * @example
 * await parallelFor(image.height, (from, to) => renderRows(from, to), { chunk: 16 })
 */
export async function parallelFor(n: number, fn: RangeHandler, options: ParallelForOptions = {}): Promise<void> {
  if (typeof n !== 'number') throw typeError(`parallelFor takes a number of steps, not ${show(n)}`)
  if (!Number.isSafeInteger(n) || n < 0) throw rangeError(`parallelFor takes an integer from 0, not ${show(n)}`)
  checkFunction('parallelFor', fn)
  checkOptions('parallelFor', 'chunk, concurrency, signal', options)
  const { chunk, concurrency = defaultConcurrency(), signal } = options
  checkCount('concurrency', concurrency, 1)
  if (chunk !== undefined) checkCount('the chunk of parallelFor', chunk, 1)
  checkSignal(signal)
  const chunks = chunksOf(n, chunk, Math.min(concurrency, n))
  await mapConcurrent(chunks, ([from, to], mine) => fn(from, to, mine), { concurrency, ordered: false, signal }).drain()
}
