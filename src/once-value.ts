// OnceValue: what a function has returned or thrown, once, for all threads. The algorithm is in assembly/once.ts.

import type { Arena } from './arena.js'
import { numberOf } from './channel-codecs.js'
import { any } from './codec/any.js'
import type { AnyCodec, MessageCodec } from './codec/message.js'
import { partOf } from './codec/parts.js'
import { codecFromSchema } from './codec/schema.js'
import { StaleHandleError, show, typeError } from './errors.js'
import {
  KIND_ONCE_VALUE,
  OK,
  ONCE_CODEC,
  ONCE_DONE,
  ONCE_LENGTH,
  ONCE_PAYLOAD,
  ONCE_THROWN,
  WOULD_BLOCK,
} from './generated/layout.js'
import { type Handle, type OpenOptions, registerKind, type Site } from './handle.js'
import { messagesOf } from './message-memory.js'
import { createOnce, type Found, isPromise, notAsync, OnceRun, requireFunction } from './once-run.js'
import { type Carried, carried, restored } from './once-thrown.js'
import { checkSync, nameOf, type SyncOptions } from './sync-object.js'
import { keep } from './turn.js'
import { timeoutOf, type WaitOptions } from './wait.js'

/** What this thread knows of the run. */
const NOTHING = 0
const VALUE = 1
const THROWN = 2

/**
 * The value of a function that is run once across all threads: the first to come runs it, the others wait for its value, later calls have it at once. The
 * value is kept in shared memory; each object that `open` makes reads it once, and gives the same copy from then on. The object that ran the function gives
 * what the function has returned itself. The end of the run synchronizes with the return of every `get` and `getSync`.
 *
 * What the function throws is kept too, and thrown by every call in every thread: as `any` carries it, with its `code`; in the object that ran the function
 * it is the error itself. A value that the codec refuses, or that finds no room in the arena, is such an error.
 *
 * If the thread that runs the function dies, who waits and every later call throws PoisonedError, and nobody runs it again.
 *
 * Algorithm: that of Once. Takes 256 bytes, and a block for the value.
 *
 * @example
 * const config = new OnceValue(struct({ port: u16 }))
 * const { port } = await config.get(async () => ({ port: 8080 }))
 */
export class OnceValue<T> extends OnceRun {
  readonly what = 'the once value'
  readonly #codec: MessageCodec<T>
  #known = NOTHING
  /** The value, or what was thrown. */
  #value: unknown

  /** @throws TypeError for what is no codec, and wrong options; ArenaFullError (ERR_ARENA_FULL) if the arena has no room. */
  constructor(codec: AnyCodec<T>, options?: SyncOptions)
  /** @internal */
  constructor(codec: AnyCodec<T>, options: SyncOptions | undefined, found: Found)
  constructor(codec: AnyCodec<T>, options?: SyncOptions, found?: Found) {
    const part = partOf(codec, 'OnceValue') as MessageCodec<T>
    super(found ?? createValue(part, options))
    this.#codec = part
  }

  /**
   * The value: of `fn`, which is called at once if nothing has been run so far; else of the run, when it has ended. Timeout and abort end the wait of this
   * caller: the run goes on.
   *
   * @throws what the function has thrown; PoisonedError (ERR_POISONED) if the thread that ran it has died; TimeoutError (ERR_TIMEOUT) or the signal's
   * reason; StaleHandleError (ERR_STALE_HANDLE); TypeError (ERR_INVALID_ARG_TYPE) unless `fn` is a function.
   */
  get(fn: () => T | PromiseLike<T>, options?: WaitOptions): Promise<T> {
    try {
      requireFunction('get', fn)
      const timeout = timeoutOf(options)
      if (this.isOver) return keep(this.#take())
      const status = this.begin()
      if (status === OK) return keep(this.#take())
      if (status === WOULD_BLOCK) return this.awaitEnd('get', timeout, options).then(() => this.#take())
      const result = this.#call(fn)
      if (isPromise(result)) return this.limited(this.#settle(result), 'get', timeout, options)
      return keep(this.#keep(result))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * As `get`, blocking: `fn` is called on this thread and must not be async. Where it would block the very thread that runs the function it throws SyncError
   * (ERR_SYNC), with a timeout too.
   *
   * @throws as `get`; BlockingNotAllowedError (ERR_BLOCKING_NOT_ALLOWED); TypeError (ERR_INVALID_ARG_TYPE) if `fn` is async: what its promise comes to is
   * the value all the same.
   */
  getSync(fn: () => T, options?: WaitOptions): T {
    requireFunction('getSync', fn)
    const timeout = timeoutOf(options)
    if (this.isOver) return this.#take()
    const status = this.begin()
    if (status === OK) return this.#take()
    if (status === WOULD_BLOCK) {
      this.blockForEnd('getSync', 'get', timeout)
      return this.#take()
    }
    const result = this.#call(fn)
    if (!isPromise(result)) return this.#keep(result)
    // Its error, if it comes to one, is kept for all who ask.
    this.#settle(result).catch(() => {})
    throw notAsync('getSync', 'get')
  }

  /** The value if it is there; undefined if nothing has been run, it is being run, or the function has thrown. Never waits. @throws StaleHandleError. */
  peek(): T | undefined {
    return (this.flags & (ONCE_DONE | ONCE_THROWN)) === ONCE_DONE ? this.#take() : undefined
  }

  get handle(): Handle<OnceValue<T>> {
    const { name, schema } = this.#codec
    return { ...this.syncHandle<OnceValue<T>>('onceValue'), codec: name, schema }
  }

  override dispose(): void {
    super.dispose()
    // The value's block is free.
    this.arena.touch()
    this.arena.relieve()
  }

  /** Calls the function. What it throws is kept. */
  #call(fn: () => T | PromiseLike<T>): T | PromiseLike<T> {
    try {
      const result = fn()
      isPromise(result) // which may throw, too: it looks at `then`
      return result
    } catch (error) {
      this.#fail(error)
      throw error
    }
  }

  async #settle(run: PromiseLike<T>): Promise<T> {
    let value: T
    try {
      value = await run
    } catch (error) {
      this.#fail(error)
      throw error
    }
    return this.#keep(value)
  }

  /** The function has returned a value: it is kept for all. */
  #keep(value: T): T {
    let payload: number
    try {
      payload = place(this.arena, this.#codec, value)
    } catch (error) {
      this.#fail(error)
      throw error
    }
    this.#end(VALUE, value, payload)
    return value
  }

  /** The function has thrown: what it has thrown is kept, if it finds room. */
  #fail(error: unknown): void {
    let payload = 0
    try {
      payload = place(this.arena, any<Carried>(), carried(error))
    } catch {
      // The others learn that there was no room for it.
    }
    this.#end(THROWN, error, payload)
  }

  #end(known: typeof VALUE | typeof THROWN, value: unknown, payload: number): void {
    const messages = messagesOf(this.arena)
    const length = messages.length
    // First: tasks of this thread that wait are told by `ended`.
    this.#known = known
    this.#value = value
    const kept = this.ended(payload, length, known === THROWN ? ONCE_THROWN : 0)
    if (!kept && payload !== 0) messages.free(payload)
  }

  /** What the run has come to. It has ended. */
  #take(): T {
    if (this.#known === NOTHING) this.#read()
    if (this.#known === THROWN) throw this.#value
    return this.#value as T
  }

  #read(): void {
    const { arena } = this
    const { flags } = this
    const payload = Atomics.load(arena.u32, (this.at + ONCE_PAYLOAD) >>> 2)
    const length = Atomics.load(arena.u32, (this.at + ONCE_LENGTH) >>> 2)
    // The block is the object's until it is disposed of, which may happen at any time: what was copied counts if that had not happened by then.
    void this.flags
    const bytes = messagesOf(arena).memory.u8.slice(payload, payload + length)
    void this.flags
    const memory = { u8: bytes, view: new DataView(bytes.buffer), arena }
    if (flags & ONCE_THROWN) {
      this.#value =
        payload === 0
          ? arena.full(`what the function of ${this.title} has thrown`, 0)
          : restored(any<Carried>().decode(memory, 0, length))
      this.#known = THROWN
    } else {
      this.#value = this.#codec.decode(memory, 0, length)
      this.#known = VALUE
    }
  }
}

function createValue(codec: MessageCodec<unknown>, options: SyncOptions | undefined): Found {
  const found = createOnce(options, 'OnceValue', KIND_ONCE_VALUE)
  const { arena, at } = found.site
  Atomics.store(arena.u32, (at + ONCE_CODEC) >>> 2, numberOf(codec as MessageCodec<never>))
  return found
}

/** The value as a message in the hands of this thread, of one block. */
function place<V>(arena: Arena, codec: MessageCodec<V>, value: V): number {
  const messages = messagesOf(arena)
  const payload = messages.encode(codec, value)
  if (payload === 0) throw messages.full(codec.measure(value))
  return payload
}

/** The codec that the schema of a handle tells of. */
function codecBy({ codec, schema }: Handle<unknown>): AnyCodec {
  let cause: unknown
  try {
    const known = codecFromSchema(schema)
    if (known !== undefined) return known
  } catch (error) {
    cause = error
  }
  const error = typeError(
    `the handle's once value has the codec ${show(codec)}, which this thread cannot make by itself: open(handle, { codec })`,
  )
  if (cause !== undefined) error.cause = cause
  throw error
}

/** The codec of a once value that is opened: one made by the handle's schema, or the one that is given. */
function codecOf({ arena, at, open }: Site, handle: Handle<unknown>, given: AnyCodec<never> | undefined): AnyCodec {
  const number = Atomics.load(arena.u32, (at + ONCE_CODEC) >>> 2)
  const codec = given ?? codecBy(handle)
  const part = partOf(codec, 'open')
  // What was read counts only if the object was still there: another one may lie in the place by now.
  if (!checkSync(arena, at, KIND_ONCE_VALUE, open)) throw new StaleHandleError('the once value of the handle')
  if (numberOf(part as MessageCodec<never>) !== number)
    throw typeError(
      `the handle's once value has the codec ${show(handle.codec)}; it was opened with the codec ${show(part.name)}`,
    )
  return part
}

registerKind(
  'onceValue',
  KIND_ONCE_VALUE,
  (site, handle, options: OpenOptions) =>
    new OnceValue(codecOf(site, handle, options.codec), undefined, { site, name: nameOf(handle) }),
  checkSync,
)
