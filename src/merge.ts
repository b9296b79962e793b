// merge: many channels received from as if they were one.

import type { Channel, Next } from './channel.js'
import { silence } from './clock.js'
import { typeError } from './errors.js'
import { values, valuesAvailable, valuesSync } from './iteration.js'
import { select, selectSync, trySelect } from './select.js'
import { type Cases, type Receivable, RecvCase, recv } from './select-cases.js'
import type { LocalSource } from './source.js'
import { readableFrom } from './streams.js'
import type { WaitOptions } from './wait.js'

/** What {@link merge} returns: a receiver of values from several channels. */
export class Merged<T> {
  readonly #open: Set<Channel<T>>
  readonly #sources: Set<LocalSource<T>>

  /** @internal */
  constructor(channels: Iterable<Channel<T>>, sources: readonly LocalSource<T>[]) {
    this.#open = new Set(channels)
    this.#sources = new Set(sources)
  }

  /** @internal The channels that are not yet known to be closed and drained. */
  get channels(): Iterable<Channel<T>> {
    return this.#open
  }

  /** @internal What has no channel and has not ended: outlets of patterns; timers, and what never has a value, which do not end. */
  get sources(): Iterable<LocalSource<T>> {
    return this.#sources
  }

  /** @internal Whether all channels are closed and drained, as far as has been found out by receiving. */
  get drained(): boolean {
    return this.#open.size === 0 && this.#sources.size === 0
  }

  /** @internal Notes that a channel or a source is closed and drained. Whether all are now. */
  ended(channel: Channel<T> | undefined, source: LocalSource<T> | undefined): boolean {
    if (channel !== undefined) this.#open.delete(channel)
    if (source !== undefined) this.#sources.delete(source)
    return this.drained
  }

  /** How many messages wait in the channels. */
  get length(): number {
    let length = 0
    for (const channel of this.#open) length += channel.length
    return length
  }

  /** The next value from any of the channels; `undefined` once all are closed and drained. @throws TimeoutError or the signal's reason. */
  async receive(options?: WaitOptions): Promise<T | undefined> {
    return (await this.next(options)).value
  }

  /** As `receive`, as an iterator's result. */
  async next(options?: WaitOptions): Promise<Next<T>> {
    return asNext<T>(await select(this.#cases(), options))
  }

  /** As `receive`, blocking this thread. */
  receiveSync(options?: WaitOptions): T | undefined {
    return this.nextSync(options).value
  }

  /** As `next`, blocking this thread. */
  nextSync(options?: WaitOptions): Next<T> {
    return asNext<T>(selectSync(this.#cases(), options))
  }

  /** A value that is there, or `undefined`. */
  tryReceive(): T | undefined {
    return this.tryNext()?.value
  }

  /** A value that is there, `{ done: true }` once all channels are closed and drained, or `undefined` if there is none now. */
  tryNext(): Next<T> | undefined {
    const hit = trySelect(this.#cases())
    return hit === undefined ? undefined : asNext<T>(hit)
  }

  /** Values until all channels are closed and drained. Leaving the loop loses none. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    return values(this)
  }

  /** The same, blocking this thread: `for (const v of merged.sync())`. */
  sync(): Generator<T, void, undefined> {
    return valuesSync(this)
  }

  /** What is there, without waiting for more. */
  available(): Generator<T, void, undefined> {
    return valuesAvailable(this)
  }

  /** A web stream of the values, as a channel's. */
  toReadableStream(): ReadableStream<T> {
    return readableFrom(this)
  }

  #cases(): Cases {
    return { merged: new RecvCase<T>(undefined, undefined, this) }
  }
}

function asNext<T>(hit: { value: unknown; done: boolean }): Next<T> {
  return { value: hit.value, done: hit.done } as Next<T>
}

/** @internal */
export function mergedOf<T>(object: unknown): Merged<T> | undefined {
  return object instanceof Merged ? (object as Merged<T>) : undefined
}

/**
 * Receives from several channels as if they were one: from whichever has a value, at random if several have. Nothing is forwarded ahead of time, so
 * no value is lost when nobody receives any more, and the channels' capacities bound what waits. It ends when all channels are closed and drained.
 *
 * @throws TypeError for what cannot be received from, and for channels of different arenas.
 * @example
 * for await (const v of merge(a, b.receiver)) console.log(v)
 */
export function merge<T>(...receivers: Receivable<T>[]): Merged<T> {
  const channels: Channel<T>[] = []
  const sources: LocalSource<T>[] = []
  for (const receiver of receivers) {
    const { channel, source, merged } = recv(receiver)
    if (channel !== undefined) channels.push(channel)
    else if (merged !== undefined) {
      channels.push(...merged.channels)
      sources.push(...merged.sources)
    } else {
      if (source?.channels !== undefined)
        throw typeError('merge takes what is sent to; `done` of a context is a case of its own in a select')
      sources.push(source ?? silence)
    }
  }
  for (const channel of channels) {
    if (channel.arena !== channels[0]?.arena) throw typeError('merge takes channels of one arena')
  }
  return new Merged(channels, sources)
}
