// The two halves of a channel, for the type checker and at run time: what a half must not do, it does not have.

import type { BatchSource } from './batch.js'
import type { BatchOptions } from './batches.js'
import type { Channel, Next } from './channel.js'
import type { Batch } from './codec/index.js'
import type { AnyCodec } from './codec/message.js'
import { type Handle, makeHandle } from './handle.js'
import type { WaitOptions } from './wait.js'

/** What both halves can do. */
interface ChannelEnd<T> {
  readonly codec: AnyCodec<T>
  readonly capacity: number
  readonly length: number
  readonly closed: boolean
  /** Whether the other is the same channel, whichever half or handle it came from. */
  equals(other: SendChannel<T> | ReceiveChannel<T>): boolean
}

/** The half that sends and closes. See {@link Channel} for each method. */
export interface SendChannel<T> extends ChannelEnd<T> {
  send(value: T, options?: WaitOptions): Promise<void>
  sendSync(value: T, options?: WaitOptions): void
  trySend(value: T): boolean
  sendMany(values: BatchSource<T>, options?: WaitOptions): Promise<number>
  sendManySync(values: BatchSource<T>, options?: WaitOptions): number
  trySendMany(values: BatchSource<T>): number
  close(): void
  readonly handle: Handle<SendChannel<T>>
}

/** The half that receives. See {@link Channel} for each method. */
export interface ReceiveChannel<T> extends ChannelEnd<T> {
  receive(options?: WaitOptions): Promise<T | undefined>
  receiveSync(options?: WaitOptions): T | undefined
  tryReceive(): T | undefined
  next(options?: WaitOptions): Promise<Next<T>>
  nextSync(options?: WaitOptions): Next<T>
  tryNext(): Next<T> | undefined
  receiveMany(into: Batch, options?: WaitOptions): Promise<number>
  receiveMany(max: number, options?: WaitOptions): Promise<T[]>
  receiveManySync(into: Batch, options?: WaitOptions): number
  receiveManySync(max: number, options?: WaitOptions): T[]
  tryReceiveMany(into: Batch): number
  tryReceiveMany(max: number): T[]
  batches(options?: BatchOptions): AsyncGenerator<T[], void, undefined>
  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined>
  sync(): Generator<T, void, undefined>
  available(): Generator<T, void, undefined>
  toReadableStream(): ReadableStream<T>
  readonly handle: Handle<ReceiveChannel<T>>
}

abstract class End<T> implements ChannelEnd<T> {
  /** @internal */ readonly channel: Channel<T>

  constructor(channel: Channel<T>) {
    this.channel = channel
  }

  get codec(): AnyCodec<T> {
    return this.channel.codec
  }

  get capacity(): number {
    return this.channel.capacity
  }

  get length(): number {
    return this.channel.length
  }

  get closed(): boolean {
    return this.channel.closed
  }

  equals(other: SendChannel<T> | ReceiveChannel<T>): boolean {
    return this.channel.equals(other)
  }
}

/** The sending half: `ch.sender`. */
export class SendEnd<T> extends End<T> implements SendChannel<T> {
  send(value: T, options?: WaitOptions): Promise<void> {
    return this.channel.send(value, options)
  }

  sendSync(value: T, options?: WaitOptions): void {
    this.channel.sendSync(value, options)
  }

  trySend(value: T): boolean {
    return this.channel.trySend(value)
  }

  sendMany(values: BatchSource<T>, options?: WaitOptions): Promise<number> {
    return this.channel.sendMany(values, options)
  }

  sendManySync(values: BatchSource<T>, options?: WaitOptions): number {
    return this.channel.sendManySync(values, options)
  }

  trySendMany(values: BatchSource<T>): number {
    return this.channel.trySendMany(values)
  }

  close(): void {
    this.channel.close()
  }

  get handle(): Handle<SendChannel<T>> {
    return makeHandle(this.channel.site(), 'channel', this.codec, 'send')
  }
}

/** The receiving half: `ch.receiver`. */
export class ReceiveEnd<T> extends End<T> implements ReceiveChannel<T> {
  receive(options?: WaitOptions): Promise<T | undefined> {
    return this.channel.receive(options)
  }

  receiveSync(options?: WaitOptions): T | undefined {
    return this.channel.receiveSync(options)
  }

  tryReceive(): T | undefined {
    return this.channel.tryReceive()
  }

  next(options?: WaitOptions): Promise<Next<T>> {
    return this.channel.next(options)
  }

  nextSync(options?: WaitOptions): Next<T> {
    return this.channel.nextSync(options)
  }

  tryNext(): Next<T> | undefined {
    return this.channel.tryNext()
  }

  receiveMany(into: Batch, options?: WaitOptions): Promise<number>
  receiveMany(max: number, options?: WaitOptions): Promise<T[]>
  receiveMany(into: Batch | number, options?: WaitOptions): Promise<number | T[]> {
    return this.channel.receiveMany(into as number, options)
  }

  receiveManySync(into: Batch, options?: WaitOptions): number
  receiveManySync(max: number, options?: WaitOptions): T[]
  receiveManySync(into: Batch | number, options?: WaitOptions): number | T[] {
    return this.channel.receiveManySync(into as number, options)
  }

  tryReceiveMany(into: Batch): number
  tryReceiveMany(max: number): T[]
  tryReceiveMany(into: Batch | number): number | T[] {
    return this.channel.tryReceiveMany(into as number)
  }

  batches(options?: BatchOptions): AsyncGenerator<T[], void, undefined> {
    return this.channel.batches(options)
  }

  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    return this.channel[Symbol.asyncIterator]()
  }

  sync(): Generator<T, void, undefined> {
    return this.channel.sync()
  }

  available(): Generator<T, void, undefined> {
    return this.channel.available()
  }

  toReadableStream(): ReadableStream<T> {
    return this.channel.toReadableStream()
  }

  get handle(): Handle<ReceiveChannel<T>> {
    return makeHandle(this.channel.site(), 'channel', this.codec, 'receive')
  }
}
