// Batches as arrays of values, for every codec: from any iterable, and up to so many at a time.

import { sendBatch, sendBatchSync, trySendBatch, withProgress } from './batch.js'
import type { Channel } from './channel.js'
import { rangeError, show, TimeoutError, typeError } from './errors.js'
import { BATCH_MAX } from './generated/layout.js'
import { left, timeoutOf, type WaitOptions } from './wait.js'

/** How `batches` collects. */
export interface BatchOptions {
  /** The most values in a batch. Default 64. */
  max?: number
  /** Milliseconds to wait, from its first value on, for a batch to fill up. Default 0: what is there. */
  wait?: number
}

/** @internal Throws unless it is a number of values. */
export function checkMax(max: unknown, what: string): asserts max is number {
  if (typeof max !== 'number') throw typeError(`${what} takes a number of values, not ${show(max)}`)
  if (!Number.isInteger(max) || max < 0)
    throw rangeError(`${what} takes up to so many values, an integer from 0 on, not ${show(max)}`)
}

/** @internal What is there, up to `max` values. An error, such as of a message that is no value of the codec, has what came before it as `received`. */
export function tryReceiveUpTo<T>(ch: Channel<T>, max: number, into: T[] = []): T[] {
  try {
    while (into.length < max) {
      const next = ch.tryNext()
      if (next === undefined || next.done) break
      into.push(next.value)
    }
  } catch (error) {
    if (into.length > 0) (error as { received?: T[] }).received = into
    throw error
  }
  return into
}

/** @internal Waits for one value, then takes what is there. Empty once closed and drained. */
export async function receiveUpTo<T>(ch: Channel<T>, max: number, options: WaitOptions | undefined): Promise<T[]> {
  checkMax(max, 'receiveMany')
  if (max === 0) return []
  const first = await ch.next(options)
  return first.done ? [] : tryReceiveUpTo(ch, max, [first.value])
}

/** @internal As receiveUpTo, blocking. */
export function receiveUpToSync<T>(ch: Channel<T>, max: number, options: WaitOptions | undefined): T[] {
  checkMax(max, 'receiveManySync')
  if (max === 0) return []
  const first = ch.nextSync(options)
  return first.done ? [] : tryReceiveUpTo(ch, max, [first.value])
}

function checkBatchOptions(options: BatchOptions): { max: number; wait: number } {
  if (typeof options !== 'object' || options === null)
    throw typeError(`batches takes options { max, wait }, not ${show(options)}`)
  const { max = 64, wait = 0 } = options
  checkMax(max, 'batches')
  if (max === 0) throw rangeError('a batch has room for at least one value: max is an integer from 1 on')
  return { max, wait: timeoutOf({ timeout: wait }) }
}

/** @internal */
export function batchesOf<T>(ch: Channel<T>, options: BatchOptions = {}): AsyncGenerator<T[], void, undefined> {
  const { max, wait } = checkBatchOptions(options)
  return collect(ch, max, wait)
}

async function* collect<T>(ch: Channel<T>, max: number, wait: number): AsyncGenerator<T[], void, undefined> {
  for (;;) {
    const first = await ch.next()
    if (first.done) return
    const since = performance.now()
    const batch = [first.value]
    let ended = false
    try {
      tryReceiveUpTo(ch, max, batch)
      while (batch.length < max && !ended) {
        const timeout = left(wait, since)
        if (timeout === 0) break
        const next = await ch.next({ timeout })
        if (next.done) ended = true
        else {
          batch.push(next.value)
          tryReceiveUpTo(ch, max, batch)
        }
      }
    } catch (error) {
      // What is in the batch must not be lost: it goes out before the error.
      if (!(error instanceof TimeoutError)) {
        yield batch
        throw error
      }
    }
    yield batch
    if (ended) return
  }
}

type Values<T> = Iterable<T>

function* chunks<T>(values: Values<T>): Generator<T[], void, undefined> {
  let chunk: T[] = []
  for (const value of values) {
    chunk.push(value)
    if (chunk.length === BATCH_MAX) {
      yield chunk
      chunk = []
    }
  }
  if (chunk.length > 0) yield chunk
}

/** Adds what earlier chunks have sent to the progress of an error. */
function carried(error: unknown, before: number): unknown {
  const own = (error as { transferred?: number } | null)?.transferred ?? 0
  return withProgress(error, before + own)
}

/** @internal sendMany of what is neither an array nor a typed array. */
export async function sendAll<T>(ch: Channel<T>, values: Values<T>, options: WaitOptions | undefined): Promise<number> {
  const timeout = timeoutOf(options)
  const since = performance.now()
  let sent = 0
  try {
    for (const chunk of chunks(values)) {
      sent += await sendBatch(ch, chunk, { timeout: left(timeout, since), signal: options?.signal })
    }
  } catch (error) {
    throw carried(error instanceof TimeoutError ? timedOut(error, timeout) : error, sent)
  }
  return sent
}

function timedOut(error: TimeoutError, timeout: number): TimeoutError {
  const { transferred } = error as { transferred?: number }
  return withProgress(new TimeoutError('sendMany', timeout), transferred ?? 0) as TimeoutError
}

/** @internal As sendAll, blocking. */
export function sendAllSync<T>(ch: Channel<T>, values: Values<T>, options: WaitOptions | undefined): number {
  const timeout = timeoutOf(options)
  const since = performance.now()
  let sent = 0
  try {
    for (const chunk of chunks(values)) sent += sendBatchSync(ch, chunk, { timeout: left(timeout, since) })
  } catch (error) {
    throw carried(error instanceof TimeoutError ? timedOut(error, timeout) : error, sent)
  }
  return sent
}

/** @internal As sendAll, as far as there is room. The iterator may have been asked for up to BATCH_MAX values more than were sent. */
export function trySendAll<T>(ch: Channel<T>, values: Values<T>): number {
  let sent = 0
  try {
    for (const chunk of chunks(values)) {
      const n = trySendBatch(ch, chunk)
      sent += n
      if (n < chunk.length) break
    }
  } catch (error) {
    throw carried(error, sent)
  }
  return sent
}

/** @internal Whether batch.ts takes it as it is, or refuses it: not what can only be iterated over. A string is no batch of characters. */
export function isList(values: unknown): boolean {
  if (typeof values !== 'object' || values === null || Array.isArray(values) || ArrayBuffer.isView(values)) return true
  return typeof (values as Iterable<unknown>)[Symbol.iterator] !== 'function'
}
