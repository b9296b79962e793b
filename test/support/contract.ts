// The face of select as the suites use it, and as the types of the library must be: what `recv` and `send` take, what a hit is.

import type { Next, ReceiveChannel, WaitOptions } from 'millrace'
import * as millrace from 'millrace'

declare const received: unique symbol
declare const sent: unique symbol

export interface RecvCase<T> {
  readonly [received]: T
}

export interface SendCase {
  readonly [sent]: true
}

/** What a receive case takes besides channels: timers, merged channels, `never`. */
export interface Source<T> {
  next(options?: WaitOptions): Promise<Next<T>>
  nextSync(options?: WaitOptions): Next<T>
  tryNext(): Next<T> | undefined
}

export interface Sink<T> {
  send(value: T, options?: WaitOptions): Promise<void>
  sendSync(value: T, options?: WaitOptions): void
  trySend(value: T): boolean
}

export type AnyCase = RecvCase<unknown> | SendCase | null | undefined
export type Cases = Record<string, AnyCase>

type HitOf<K, C> =
  C extends RecvCase<infer T>
    ? { case: K; value: T; done: false } | { case: K; value: undefined; done: true }
    : C extends SendCase
      ? { case: K; value: undefined; done: false }
      : never

/** What select gives: a union that `case` narrows. */
export type Hit<C> = { [K in keyof C]: HitOf<K, NonNullable<C[K]>> }[keyof C]

export interface TryOptions {
  biased?: boolean
}

export interface SelectOptions extends WaitOptions, TryOptions {}

type Keys<C, Kind> = { [K in keyof C]: NonNullable<C[K]> extends Kind ? K : never }[keyof C]

export interface Selector<C extends Cases> {
  select(options?: SelectOptions): Promise<Hit<C>>
  selectSync(options?: SelectOptions): Hit<C>
  trySelect(options?: TryOptions): Hit<C> | undefined
  enable(key: keyof C & string): void
  disable(key: keyof C & string): void
  set(key: Keys<C, SendCase> & string, value: unknown): void
  dispose(): void
  [Symbol.dispose](): void
}

/** What a receiving end has that is no end of one channel: a merged channel, `never`. */
export type Receiving<T> = Pick<
  ReceiveChannel<T>,
  | 'receive'
  | 'receiveSync'
  | 'tryReceive'
  | 'next'
  | 'nextSync'
  | 'tryNext'
  | 'sync'
  | 'available'
  | 'length'
  | 'capacity'
  | 'closed'
> & {
  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined>
}

export interface Never extends Receiving<never>, Sink<unknown> {
  close(): void
  equals(other: unknown): boolean
}

export interface Contract {
  recv<T>(channel: Source<T> | null | undefined): RecvCase<T>
  send<T>(channel: Sink<T> | null | undefined, value: NoInfer<T>): SendCase
  select<C extends Cases>(cases: C, options?: SelectOptions): Promise<Hit<C>>
  selectSync<C extends Cases>(cases: C, options?: SelectOptions): Hit<C>
  trySelect<C extends Cases>(cases: C, options?: TryOptions): Hit<C> | undefined
  Selector: new <C extends Cases>(cases: C) => Selector<C>
  never: Never
  merge<T>(...sources: Source<T>[]): Receiving<T>
}

export const { recv, send, select, selectSync, trySelect, Selector, never, merge } = millrace as unknown as Contract
