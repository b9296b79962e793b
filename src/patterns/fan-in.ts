// fanIn: several sources forwarded to one channel.

import { type Abortable, checkCount, checkOptions, checkSignal, newController, whenAborted } from './options.js'
import { Inlet, type Outlet } from './outlet.js'
import { checkSource, type Reader, readerOf, type Source } from './source-of.js'

export interface FanOptions extends Abortable {
  /** How many values may lie ready. Default 0: each is handed over. */
  buffer?: number | undefined
}

/** @internal What reads for an outlet until that is given up, or the signal aborted. */
export class Forwarding {
  readonly controller = newController()
  readonly #readers = new Set<Reader<unknown>>()
  readonly #inlets: readonly Inlet<never>[]
  readonly #stopListening: () => void
  #over = false

  constructor(inlets: readonly Inlet<never>[], outer: AbortSignal | undefined) {
    this.#inlets = inlets
    this.#stopListening = whenAborted(outer, (reason) => this.fail(reason))
  }

  /** Gives each value of a source to `use`, one after the other, until the source ends. */
  async forward<T>(source: Source<T>, use: (value: T) => Promise<void> | void): Promise<void> {
    if (this.#over) return
    let reader: Reader<T> | undefined
    try {
      reader = readerOf(source, this.controller.signal)
      this.#readers.add(reader)
      for (;;) {
        const next = await reader.next()
        if (this.#over) {
          if (!next.done) void reader.end()
          return
        }
        if (next.done) return
        await use(next.value)
      }
    } catch (error) {
      if (reader !== undefined) void reader.end()
      this.fail(error)
    } finally {
      if (reader !== undefined) this.#readers.delete(reader)
    }
  }

  /** The first error ends all. */
  fail(error: unknown): void {
    if (this.#over) return
    for (const inlet of this.#inlets) inlet.fail(error)
    this.stop(error)
  }

  /** All is forwarded, or nobody wants more. */
  stop(reason?: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#stopListening?.()
    for (const inlet of this.#inlets) inlet.close()
    this.controller.abort(reason)
    for (const reader of this.#readers) void reader.end()
  }
}

/** @internal */
export function checkFan(what: string, options: FanOptions): void {
  checkOptions(what, 'buffer, signal', options)
  checkCount(`the buffer of ${what}`, options.buffer ?? 0, 0)
  checkSignal(options.signal)
}

/**
 * Forwards the values of several sources to one channel: the order within each source is kept, a source that has nothing to give does not hold the
 * others up, and the channel is closed when all sources have ended; at once if there are none. An error of a source ends the others and comes out
 * at the end.
 *
 * A source is read one value ahead: that value, and those in the buffer, are dropped where nobody receives them. Give up by `outlet.cancel()` (or
 * `using`, or the signal): all sources are told to end. {@link merge} does it for channels without forwarding anything, and loses nothing; what needs
 * the values in a channel for other threads sends them there: `fromReadable(merge(a, b), channel)`.
 *
 * @throws TypeError (ERR_INVALID_ARG_TYPE), RangeError (ERR_OUT_OF_RANGE) for arguments that make no sense.
 * @example
 * using lines = fanIn([stdin, socket, channel])
 * for await (const line of lines) if (line === 'quit') break
 */
export function fanIn<T>(sources: Iterable<Source<T>>, options: FanOptions = {}): Outlet<T> {
  checkFan('fanIn', options)
  const all = [...sources]
  for (const source of all) checkSource('fanIn', source)
  const inlet = new Inlet<T>(options.buffer ?? 0)
  const forwarding = new Forwarding([inlet as Inlet<never>], options.signal)
  inlet.onCancel = () => forwarding.stop()
  void Promise.all(all.map((source) => forwarding.forward(source, (value) => inlet.send(value)))).then(() =>
    forwarding.stop(),
  )
  return inlet.outlet
}
