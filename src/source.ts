// What `select` and the channels of one thread have in common: something that can be received from, decided without shared memory.

import type { Channel, Next } from './channel.js'

/** Something of this thread that can be received from, decided without shared memory. */
export interface LocalSource<T> {
  /** `performance.now()` from which on `take` can succeed; Infinity while nothing is to come. `watched` are those of its channels that the caller waits on. */
  readyAt(watched?: readonly Channel<unknown>[]): number
  /** Takes what is ready now; undefined if nothing is. Subscribers, who wait already, come first. Throws what it has ended with. */
  take(): Next<T> | undefined
  /**
   * `offer` is called when something is ready, the oldest subscriber first, until one returns true (it has taken). The subscriber stays
   * until the returned function is called.
   */
  subscribe(offer: () => boolean): () => void
  /** Channels in shared memory whose close makes it ready: a thread that blocks waits on them too. Nobody receives from them. */
  channels?(): Channel<unknown>[]
}

/** Where an object that is received from keeps its source. */
export const SOURCE: unique symbol = Symbol('millrace.source')

/** The source of an object; undefined if it has none. */
export function sourceOf(object: unknown): LocalSource<unknown> | undefined {
  if (typeof object !== 'object' || object === null) return undefined
  return (object as { [SOURCE]?: LocalSource<unknown> })[SOURCE]
}
