// What patterns read from: channels and whatever else can be received from, and anything that can be iterated over.

import type { Next } from '../channel.js'
import { show, typeError } from '../errors.js'
import type { WaitOptions } from '../wait.js'

/** What can be received from, so that a wait that is aborted has received nothing: a channel, its receiving half, a merge, a ticker's channel, an outlet. */
export interface ReceivableSource<T> {
  next(options?: WaitOptions): Promise<Next<T>>
  tryNext(): Next<T> | undefined
}

/** What patterns read from: pulled one by one, when there is room for one. */
export type Source<T> = Iterable<T> | AsyncIterable<T> | ReceivableSource<T>

/** @internal One reader of a source. */
export interface Reader<T> {
  /** Not called again before the last call has settled. What is no promise is there at once. */
  next(): IteratorResult<T> | Promise<IteratorResult<T>>
  /** Says that nothing more is wanted. Never rejects. */
  end(): Promise<void>
}

export function isReceivable<T>(source: unknown): source is ReceivableSource<T> {
  const { next, tryNext } = (source ?? {}) as Partial<ReceivableSource<T>>
  return typeof next === 'function' && typeof tryNext === 'function'
}

/** Throws unless it can be read from. */
export function checkSource(what: string, source: unknown): void {
  const { [Symbol.asyncIterator]: async, [Symbol.iterator]: sync } = (source ?? {}) as AsyncIterable<unknown> &
    Iterable<unknown>
  if (isReceivable(source) || typeof async === 'function' || typeof sync === 'function') return
  throw typeError(`${what} reads a channel, or what can be iterated over, not ${show(source)}`)
}

/** @internal A reader that begins now. `signal` ends the wait for a value of a channel, and then nothing was received. */
export function readerOf<T>(source: Source<T>, signal: AbortSignal | undefined): Reader<T> {
  if (isReceivable<T>(source)) {
    // Nobody else can be asked to end: whoever else receives goes on.
    return { next: () => source.next({ signal }) as Promise<IteratorResult<T>>, end: async () => {} }
  }
  const { [Symbol.asyncIterator]: async, [Symbol.iterator]: sync } = source as AsyncIterable<T> & Iterable<T>
  const iterator: Iterator<T> | AsyncIterator<T> = (async ?? sync).call(source)
  return {
    next: () => iterator.next(),
    async end() {
      try {
        await iterator.return?.()
      } catch {
        // It has been told to end, and that is what it did.
      }
    },
  }
}
