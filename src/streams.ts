// Between channels and streams, web streams and Node's alike. Back-pressure goes through: a stream asks the channel for a value only when its
// reader wants one, and reads from a stream stop while the channel is full.

import type { Next } from './channel.js'
import type { SendChannel } from './ends.js'
import { show, typeError } from './errors.js'
import type { WaitOptions } from './wait.js'

/** What can be streamed: channels, their receiving halves, merges, timers. */
interface Source<T> {
  next(options?: WaitOptions): Promise<Next<T>>
}

/** @internal See Channel.toReadableStream. */
export function readableFrom<T>(source: Source<T>): ReadableStream<T> {
  const cancelled = new AbortController()
  return new ReadableStream<T>(
    {
      async pull(controller) {
        try {
          const next = await source.next({ signal: cancelled.signal })
          if (next.done) controller.close()
          else controller.enqueue(next.value)
        } catch (error) {
          if (!cancelled.signal.aborted) throw error
        }
      },
      // A receive that waits is taken back: no value is lost with it.
      cancel: (reason) => cancelled.abort(reason),
    },
    // Nothing is received ahead of time.
    { highWaterMark: 0 },
  )
}

/** A web stream, a Node stream, or anything else that is read with `for await`. */
export type Readable<T> = ReadableStream<T> | AsyncIterable<T>

export interface FromReadableOptions {
  /** Whether the channel is closed when the stream has ended or failed. Default: true. */
  close?: boolean | undefined
  /** Ends the transfer when it is aborted: the stream is cancelled, and the channel closed as said. */
  signal?: AbortSignal | undefined
}

/**
 * Sends what a stream delivers to a channel, waiting while the channel is full. Resolves with the number of values sent, once the stream has
 * ended.
 *
 * @throws what the stream fails with; ClosedError if the channel is closed by somebody else, TypeError or RangeError for a value that is not the
 * codec's, the signal's reason: then the stream is cancelled.
 * @example
 * await fromReadable(stream, ch)
 */
export async function fromReadable<T>(
  stream: Readable<T>,
  to: SendChannel<T>,
  options: FromReadableOptions = {},
): Promise<number> {
  if (typeof options !== 'object' || options === null)
    throw typeError(`fromReadable takes options { close, signal }, not ${show(options)}`)
  if (typeof to?.send !== 'function') throw typeError(`fromReadable sends to a channel, not to ${show(to)}`)
  const { close = true, signal } = options
  const values = iterate(stream)
  let sent = 0
  try {
    signal?.throwIfAborted()
    const aborted = whenAborted(signal)
    try {
      for (;;) {
        const next = await Promise.race([values.next(), aborted.promise])
        if (next.done) return sent
        await to.send(next.value, { signal })
        sent++
      }
    } finally {
      aborted.stop()
    }
  } catch (error) {
    // Not awaited: a stream that never answers must not keep the error back.
    values.return?.(error).catch(() => {})
    throw error
  } finally {
    if (close && !to.closed) to.close()
  }
}

function iterate<T>(stream: Readable<T>): AsyncIterator<T> {
  if (typeof (stream as ReadableStream<T>)?.getReader === 'function') {
    // Not every platform can iterate over web streams.
    const reader = (stream as ReadableStream<T>).getReader()
    return {
      next: async () => {
        const { value, done } = await reader.read()
        return done ? { value: undefined, done } : { value: value as T, done }
      },
      return: async (reason) => {
        await reader.cancel(reason)
        return { value: undefined, done: true }
      },
    }
  }
  if (typeof (stream as AsyncIterable<T>)?.[Symbol.asyncIterator] === 'function') {
    return (stream as AsyncIterable<T>)[Symbol.asyncIterator]()
  }
  throw typeError(`fromReadable reads a ReadableStream or an async iterable, not ${show(stream)}`)
}

/** A promise that rejects with the signal's reason, and how to stop listening. */
function whenAborted(signal: AbortSignal | undefined): { promise: Promise<never>; stop(): void } {
  let stop = (): void => {}
  const promise = new Promise<never>((_resolve, reject) => {
    if (signal === undefined) return
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    stop = () => signal.removeEventListener('abort', onAbort)
  })
  return { promise, stop }
}
