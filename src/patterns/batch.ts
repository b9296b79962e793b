// batch: the values of a source in arrays.

import { batchesOf } from '../batches.js'
import type { Channel } from '../channel.js'
import { show, typeError } from '../errors.js'
import { startTimer } from '../timer-heap.js'
import {
  type Abortable,
  abandoned,
  checkCount,
  checkOptions,
  checkSignal,
  newController,
  whenAborted,
} from './options.js'
import { checkSource, isReceivable, readerOf, type Source } from './source-of.js'

export interface BatchingOptions extends Abortable {
  /** The most values in a batch. Default 64. */
  size?: number | undefined
  /** Milliseconds after its first value after which a batch goes out though it is not full. Default: for ever. 0, for channels: what is there. */
  wait?: number | undefined
}

/**
 * The values of a source in arrays of `size`; of fewer at its end, and where the source has been slow: a batch goes out `wait` milliseconds after its
 * first value. An error of the source comes after the batch with what came before it. Leaving the loop ends the source; a channel loses no value by it.
 *
 * Of a source that is no channel one value is asked for ahead, where `wait` has ended a batch. {@link Channel.batches} is the same for channels.
 *
 * @throws TypeError (ERR_INVALID_ARG_TYPE), RangeError (ERR_OUT_OF_RANGE) for arguments that make no sense; the reason of `signal`.
 * @example
 * for await (const rows of batch(records, { size: 500, wait: 20 })) await insert(rows)
 */
export function batch<T>(source: Source<T>, options: BatchingOptions = {}): AsyncGenerator<T[], void, undefined> {
  checkSource('batch', source)
  checkOptions('batch', 'size, wait, signal', options)
  const { size = 64, wait = Number.POSITIVE_INFINITY, signal } = options
  checkCount('the size of a batch', size, 1)
  if (typeof wait !== 'number' || Number.isNaN(wait))
    throw typeError(`wait is a number of milliseconds, not ${show(wait)}`)
  checkSignal(signal)
  // Whatever can be received from will do.
  if (isReceivable<T>(source) && signal === undefined) return batchesOf(source as Channel<T>, { max: size, wait })
  return collect(source, size, wait, signal)
}

async function* collect<T>(
  source: Source<T>,
  size: number,
  wait: number,
  outer: AbortSignal | undefined,
): AsyncGenerator<T[], void, undefined> {
  const controller = newController()
  /** What ends the wait for a value from outside; nothing that lives long refers to a value's promise. */
  let tooLate = (): void => {}
  let giveUp = (_reason: unknown): void => {}
  const stopListening = whenAborted(outer, (reason) => {
    controller.abort(reason)
    giveUp(reason)
  })
  const reader = readerOf(source, controller.signal)
  /** What has been asked for. */
  let asked: Promise<IteratorResult<T>> | undefined
  let batch: T[] = []
  /** The next value; undefined if it has come too late. */
  const next = (): Promise<IteratorResult<T> | undefined> =>
    new Promise((resolve, reject) => {
      outer?.throwIfAborted()
      tooLate = () => resolve(undefined)
      giveUp = reject
      asked ??= Promise.resolve(reader.next())
      asked.then(resolve, reject)
    })
  try {
    for (;;) {
      let stopTimer = (): void => {}
      let ended = false
      try {
        while (batch.length < size) {
          const result = await next()
          if (result === undefined) break
          asked = undefined
          if (result.done) {
            ended = true
            break
          }
          if (batch.push(result.value) === 1) stopTimer = startTimer(Math.max(0, wait), () => tooLate())
        }
      } catch (error) {
        // After an abort it may still be waited for.
        if (!outer?.aborted) asked = undefined
        // What is in the batch must not be lost: it goes out before the error.
        if (batch.length > 0 && !outer?.aborted) {
          stopTimer()
          yield batch
        }
        throw error
      } finally {
        stopTimer()
      }
      if (batch.length > 0) yield batch
      if (ended) return
      batch = []
    }
  } finally {
    stopListening()
    asked?.catch(() => {})
    controller.abort(abandoned())
    const end = reader.end()
    // Where a value is being waited for, a generator ends after that only.
    if (asked === undefined) await end
  }
}
