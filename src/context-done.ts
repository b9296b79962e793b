// ctx.done: the end of a context as a channel, which is closed and never sent to.

import type { Channel, Next } from './channel.js'
import type { CancelNode } from './context-node.js'
import { TimeoutError } from './errors.js'
import { LocalChannel } from './local-channel.js'
import { selectSync } from './select.js'
import { recv } from './select-cases.js'
import { type LocalSource, SOURCE } from './source.js'
import type { WaitOptions } from './wait.js'

const END: Next<never> = Object.freeze({ value: undefined, done: true })
/** Milliseconds between two looks of a thread that blocks and cannot be woken: where a select is of another arena than a context. */
const LOOK_EVERY = 5

class DoneSource implements LocalSource<never> {
  readonly #node: CancelNode
  /** When a thread that cannot be woken looks next. */
  #look: number | undefined

  constructor(node: CancelNode) {
    this.#node = node
  }

  readyAt(watched?: readonly Channel<unknown>[]): number {
    const { ended, until } = this.#node
    if (ended !== undefined) return 0
    for (let node: CancelNode | undefined = this.#node; node !== undefined; node = node.parent) {
      if (node.remotes.length > 0 && !node.remotes.some(({ channel }) => watched?.includes(channel)))
        return Math.min(until, (this.#look ??= performance.now() + LOOK_EVERY))
    }
    return until
  }

  take(): Next<never> | undefined {
    this.#look = undefined
    return this.#node.look() === undefined ? undefined : END
  }

  subscribe(offer: () => boolean): () => void {
    return this.#node.wait(offer)
  }

  channels(): Channel<unknown>[] {
    const channels: Channel<unknown>[] = []
    for (let node: CancelNode | undefined = this.#node; node !== undefined; node = node.parent)
      for (const { channel } of node.remotes) channels.push(channel)
    return channels
  }
}

/**
 * The channel that is closed when a context ends: `receive` resolves with `undefined` then, `next` with `{ done: true }`, for all who wait and all who
 * come later. Nothing is ever sent on it. Awaiting it keeps the process alive as long as the context can end by itself: by its deadline, or by another
 * thread.
 */
export class DoneChannel extends LocalChannel<never> {
  readonly #node: CancelNode

  /** @internal */
  constructor(node: CancelNode) {
    super(new DoneSource(node))
    this.#node = node
  }

  /** Whether the context has ended. */
  override get closed(): boolean {
    return this.#node.look() !== undefined
  }

  override receiveSync(options?: WaitOptions): undefined {
    this.nextSync(options)
  }

  override nextSync(options?: WaitOptions): Next<never> {
    // Where another thread can end it, that one must be able to wake this one.
    if (this[SOURCE].channels?.().length === 0) return super.nextSync(options)
    try {
      selectSync({ done: recv(this) }, options)
      return END
    } catch (error) {
      throw error instanceof TimeoutError ? new TimeoutError('receive', options?.timeout as number) : error
    }
  }
}
