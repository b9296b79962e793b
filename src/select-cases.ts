// The cases of a select: what is to be received from, or sent where.

import { Channel } from './channel.js'
import { type ReceiveChannel, ReceiveEnd, type SendChannel, SendEnd } from './ends.js'
import { show, typeError } from './errors.js'
import type { LocalChannel } from './local-channel.js'
import { type Merged, mergedOf } from './merge.js'
import { type Never, never } from './never.js'
import { type LocalSource, sourceOf } from './source.js'

/** What can be received from in a select; `null`, `undefined` and `never` switch the case off. */
export type Receivable<T> = ReceiveChannel<T> | LocalChannel<T> | Merged<T> | Never | null | undefined
/** What can be sent to in a select. */
export type Sendable<T> = SendChannel<T> | Never | null | undefined

/** A case that receives; made by {@link recv}. */
export class RecvCase<T> {
  readonly kind = 'receive'
  /** Only for the type checker. */
  declare readonly type?: T
  /** @internal */ readonly channel: Channel<T> | undefined
  /** @internal */ readonly source: LocalSource<T> | undefined
  /** @internal */ readonly merged: Merged<T> | undefined

  /** @internal */
  constructor(channel?: Channel<T>, source?: LocalSource<T>, merged?: Merged<T>) {
    this.channel = channel
    this.source = source
    this.merged = merged
  }
}

/** A case that sends; made by {@link send}. */
export class SendCase<T> {
  readonly kind = 'send'
  /** Only for the type checker. */
  declare readonly type?: T
  /** @internal */ readonly channel: Channel<T> | undefined
  /** @internal */ readonly value: T

  /** @internal */
  constructor(channel: Channel<T> | undefined, value: T) {
    this.channel = channel
    this.value = value
  }
}

const OFF = new RecvCase<never>()

/**
 * A case of a select that receives from a channel, a timer or a merge. `null`, `undefined` and `never` switch the case off.
 *
 * @throws TypeError for anything else, such as the sending half of a channel.
 */
export function recv<T>(from: Receivable<T>): RecvCase<T> {
  if (from === null || from === undefined || from === never) return OFF
  if (from instanceof Channel) return new RecvCase<T>(from)
  if (from instanceof ReceiveEnd) return new RecvCase<T>(from.channel)
  const merged = mergedOf<T>(from)
  if (merged !== undefined) return new RecvCase<T>(undefined, undefined, merged)
  const source = sourceOf(from) as LocalSource<T> | undefined
  if (source !== undefined) return new RecvCase<T>(undefined, source)
  if (from instanceof SendEnd) throw typeError('recv takes what can be received from; this is the sending half')
  throw typeError(`recv takes a channel, a timer's channel, a merge, never, null or undefined, not ${show(from)}`)
}

/**
 * A case of a select that sends a value. `null`, `undefined` and `never` as the channel switch the case off.
 *
 * @throws TypeError, RangeError for a value that is not the codec's; TypeError for what cannot be sent to, such as a receiving half.
 */
export function send<T>(to: Sendable<T>, value: T): SendCase<T> {
  if (to === null || to === undefined || to === never) return new SendCase<T>(undefined, value)
  const channel =
    to instanceof Channel ? (to as Channel<T>) : to instanceof SendEnd ? (to.channel as Channel<T>) : undefined
  if (channel === undefined) {
    if (to instanceof ReceiveEnd) throw typeError('send takes what can be sent to; this is the receiving half')
    throw typeError(`send takes a channel, never, null or undefined, not ${show(to)}`)
  }
  channel.check(value)
  return new SendCase<T>(channel, value)
}

/** Cases by name. */
export type Cases = {
  readonly [name: string]: RecvCase<unknown> | SendCase<never> | SendCase<unknown> | null | undefined
}

/** The outcome of one case: `done` says that its channel is closed and drained. */
type Outcome<K, A> =
  A extends RecvCase<infer T>
    ? { case: K; value: T; done: false } | { case: K; value: undefined; done: true }
    : A extends { readonly kind: 'send' }
      ? { case: K; value: undefined; done: false }
      : never

/** What a select over these cases has done: `hit.case` tells which, and narrows `hit.value`. */
export type Selected<C extends Cases> = { [K in keyof C & string]: Outcome<K, NonNullable<C[K]>> }[keyof C & string]

/** A compile-time error for a select without cases, which would wait for ever. */
export type NotEmpty<C> = [keyof C] extends [never] ? 'a select needs at least one case' : unknown
