// mapConcurrent: a function called with each of many values, several at a time.

import { overdueTurn } from '../turn.js'
import {
  type Abortable,
  abandoned,
  checkCount,
  checkFunction,
  checkOptions,
  checkSignal,
  defaultConcurrency,
  type Handler,
  newController,
  whenAborted,
} from './options.js'
import { Results } from './results.js'
import { checkSource, type Reader, readerOf, type Source } from './source-of.js'

export interface MapOptions extends Abortable {
  /** How many calls are under way at a time at most. Default: as many as there are processors. */
  concurrency?: number | undefined
  /** Whether results come in the order of their items; else as they are ready. Default true. */
  ordered?: boolean | undefined
  /** How many results may wait, beside the calls under way, until they are asked for. Default: `concurrency`. */
  buffer?: number | undefined
}

/** A call, and what has come of it. */
interface Call<R> {
  done: boolean
  value: R | undefined
}

interface Waiting<R> {
  resolve(result: IteratorResult<R, undefined>): void
  reject(error: unknown): void
}

const END = Object.freeze({ value: undefined, done: true }) as IteratorReturnResult<undefined>

class Mapped<T, R> extends Results<R> {
  readonly #source: Source<T>
  readonly #fn: Handler<T, R>
  readonly #concurrency: number
  readonly #window: number
  readonly #ordered: boolean
  readonly #outer: AbortSignal | undefined
  readonly #controller = newController()
  #reader: Reader<T> | undefined
  #stopListening = (): void => {}
  #reading = false
  /** Whether the source has ended. */
  #dry = false
  /** Whether no more calls are begun: all is over, has failed, or nobody wants it. */
  #over = false
  #failure: { readonly error: unknown } | undefined
  #active = 0
  /** Calls whose results have not been asked for: in the order of items, or of being done. */
  readonly #calls = new Set<Call<R>>()
  /** Those of them that are done, where the order does not matter. */
  readonly #ready = new Set<Call<R>>()
  readonly #waiting = new Set<Waiting<R>>()

  constructor(source: Source<T>, fn: Handler<T, R>, options: MapOptions) {
    super()
    const { concurrency = defaultConcurrency(), ordered = true, signal } = options
    checkCount('concurrency', concurrency, 1)
    const { buffer = concurrency } = options
    checkCount('buffer', buffer, 0)
    checkSignal(signal)
    this.#source = source
    this.#fn = fn
    this.#concurrency = concurrency
    this.#window = concurrency + buffer
    this.#ordered = ordered
    this.#outer = signal
  }

  next(): Promise<IteratorResult<R, undefined>> {
    // Calls that have nothing to wait for must not hold up the event loop.
    const turn = overdueTurn()
    return turn === undefined ? this.#next() : turn.then(() => this.#next())
  }

  #next(): Promise<IteratorResult<R, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiting.add({ resolve, reject })
      if (this.#reader === undefined && !this.#over) this.#begin()
      this.#deliver()
      this.#read()
    })
  }

  async return(): Promise<IteratorResult<R, undefined>> {
    await this.#stop(abandoned())
    return END
  }

  #begin(): void {
    try {
      this.#reader = readerOf(this.#source, this.#controller.signal)
      this.#stopListening = whenAborted(this.#outer, (reason) => this.#fail(reason))
      // An aborted signal has ended it before there was anything to end.
      if (this.#over) this.#stopListening()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Reads on, as far as there is room. */
  #read(): void {
    while (!this.#reading && !this.#over && !this.#dry && this.#reader !== undefined) {
      if (this.#active >= this.#concurrency || this.#calls.size >= this.#window) return
      try {
        this.#reading = true
        const next = this.#reader.next()
        if (typeof (next as Promise<IteratorResult<T>>)?.then === 'function') {
          ;(next as Promise<IteratorResult<T>>).then(
            (result) => {
              this.#got(result)
              this.#read()
            },
            (error: unknown) => {
              this.#reading = false
              this.#fail(error)
            },
          )
          return
        }
        this.#got(next as IteratorResult<T>)
      } catch (error) {
        this.#reading = false
        this.#fail(error)
      }
    }
  }

  #got(result: IteratorResult<T>): void {
    this.#reading = false
    if (result.done) this.#dry = true
    if (this.#over) {
      // What was being read when it ended: a source that was told to end before that answer may not have heard it.
      if (!result.done) void this.#reader?.end()
      return
    }
    if (result.done) this.#deliver()
    else this.#call(result.value)
  }

  #call(item: T): void {
    const call: Call<R> = { done: false, value: undefined }
    this.#active++
    this.#calls.add(call)
    new Promise<R>((resolve) => resolve(this.#fn(item, this.#controller.signal))).then(
      (value) => {
        this.#active--
        if (this.#over) return
        call.done = true
        call.value = value
        if (!this.#ordered) this.#ready.add(call)
        this.#deliver()
        this.#read()
      },
      (error: unknown) => {
        this.#active--
        this.#fail(error)
      },
    )
  }

  /** Gives those who wait what is ready. */
  #deliver(): void {
    for (const waiting of this.#waiting) {
      if (this.#failure !== undefined) {
        const { error } = this.#failure
        this.#failure = undefined
        this.#waiting.delete(waiting)
        waiting.reject(error)
        continue
      }
      const call = this.#first()
      if (call === undefined) {
        if (!this.#over && !(this.#dry && this.#calls.size === 0)) return
        if (!this.#over) this.#finish()
        this.#waiting.delete(waiting)
        waiting.resolve(END)
        continue
      }
      this.#calls.delete(call)
      this.#ready.delete(call)
      this.#waiting.delete(waiting)
      waiting.resolve({ value: call.value as R, done: false })
    }
  }

  #first(): Call<R> | undefined {
    for (const call of this.#ordered ? this.#calls : this.#ready) return call.done ? call : undefined
    return undefined
  }

  /** All has been delivered. */
  #finish(): void {
    this.#over = true
    this.#stopListening()
  }

  /** The first error ends it; those after it are dropped. */
  #fail(error: unknown): void {
    if (this.#over) return
    this.#failure = { error }
    void this.#stop(error)
    this.#deliver()
  }

  async #stop(reason: unknown): Promise<void> {
    if (this.#over) return
    this.#over = true
    this.#stopListening()
    this.#calls.clear()
    this.#ready.clear()
    this.#controller.abort(reason)
    if (this.#failure === undefined) this.#deliver()
    if (this.#dry) return
    const ended = (this.#reader ?? readerOf(this.#source, undefined)).end()
    // Where a value is being waited for, a generator ends after that only.
    if (!this.#reading) await ended
  }
}

/**
 * Calls `fn(item, signal)` for each item, with at most `concurrency` calls under way, and gives the results: in the order of the items, or as they are
 * ready with `ordered: false`. `fn` runs closures on this event loop, or hands the item to workers: what counts is its promise.
 *
 * Items are read one by one, when there is room for one: a channel, a generator or a stream is never read ahead by more than `concurrency + buffer`
 * items of those that have been asked for. Nothing begins before the first result is asked for.
 *
 * The first error, of `fn` or of the source, ends it, as the abort of `signal` does: no more items are read, the source is told to end (a generator's
 * `finally` runs), the calls under way have their signal aborted, and results that have not been asked for are dropped. The error comes at once;
 * what calls under way still do is theirs, and none of their errors is left unhandled. Leaving a `for await` loop ends it the same way.
 *
 * @throws TypeError (ERR_INVALID_ARG_TYPE), RangeError (ERR_OUT_OF_RANGE) for arguments that make no sense, at once; all else as the results are asked for.
 * @example
 * const sizes = await mapConcurrent(urls, async (url, signal) => {
 *   const response = await fetch(url, { signal })
 *   return (await response.arrayBuffer()).byteLength
 * }, { concurrency: 8 }).toArray()
 */
export function mapConcurrent<T, R>(items: Source<T>, fn: Handler<T, R>, options: MapOptions = {}): Results<R> {
  checkSource('mapConcurrent', items)
  checkFunction('mapConcurrent', fn)
  checkOptions('mapConcurrent', 'concurrency, ordered, buffer, signal', options)
  return new Mapped(items, fn, options)
}
