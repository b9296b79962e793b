// Go's context: deadlines, cancellation and values for all that is done for one purpose.

import { type Arena, defaultArena } from './arena.js'
import {
  type Carriage,
  carriageOf,
  endOf,
  linkOf,
  nodeOf,
  packEnd,
  packValues,
  unpackEnd,
  unpackValues,
  type Value,
} from './context-carry.js'
import { DoneChannel } from './context-done.js'
import { CANCELED, CancelNode, Outcome } from './context-node.js'
import { Share } from './context-share.js'
import { type CanceledError, type DeadlineExceededError, show, typeError } from './errors.js'
import { KIND_CONTEXT } from './generated/layout.js'
import { HANDLE_IN, type Handle, makeHandle, registerKind, type View } from './handle.js'
import { holds } from './holds.js'
import { type Never, never } from './never.js'
import { platform } from './platform/index.js'

/** Where the node of a context is kept. */
const NODE: unique symbol = Symbol('millrace.context')

/** What `withTimeout` and `withDeadline` take. */
export interface DeadlineOptions {
  /** Why, if the deadline passes: `ctx.cause` then. Default: `ctx.err` itself. */
  cause?: unknown
}

/** What a context is made of. */
interface Parts {
  readonly parent?: Context | undefined
  readonly node?: CancelNode | undefined
  readonly label: string
  readonly key?: unknown
  readonly value?: unknown
  /** The values of one that came from another thread. */
  readonly values?: Map<unknown, unknown> | undefined
}

/**
 * A deadline, a way to be cancelled, and values, handed down through all calls that serve one purpose. Never changed: `withCancel` and its like make a
 * context of another one. What is cancelled, or past its deadline, is so for all contexts that were made of it, at once, in all threads.
 *
 * A context goes to other threads as an argument (`any` carries it), or by its `handle`.
 *
 * After Go's `context`.
 *
 * @example
 * const { ctx, cancel } = withTimeout(background(), 500)
 * await jobs.send(job, { signal: ctx.signal })
 * cancel()
 */
export class Context {
  /** @internal */ readonly [NODE]: CancelNode | undefined
  readonly #parts: Parts
  #never: AbortSignal | undefined
  #handles: Map<Arena, Handle<Context>> | undefined

  /** @internal */
  constructor(parts: Parts) {
    this.#parts = parts
    this[NODE] = parts.node
  }

  /**
   * Closed when the context ends, and never sent to: `recv(ctx.done)` is a case of a select. The same object each time. `never` where it cannot end.
   * Awaiting it keeps the process alive as long as the context can end by itself, by its deadline or by another thread.
   */
  get done(): DoneChannel | Never {
    const node = this[NODE]
    return node === undefined ? never : doneOf(node)
  }

  /**
   * Why it is over: CanceledError (ERR_CANCELED, `context canceled`) or DeadlineExceededError (ERR_DEADLINE_EXCEEDED, `context deadline exceeded`);
   * null as long as it is not. Up to date whenever it is read, also in a loop that never lets the event loop run: it looks at the clock, and at what
   * other threads have done. The same object for all contexts that ended by the same cancellation.
   */
  get err(): CanceledError | DeadlineExceededError | null {
    return this[NODE]?.look()?.err ?? null
  }

  /** What was said to be the cause, by `cancel(cause)` or an option, for this context or the one that it ended with; else `err`. null until it is over. */
  get cause(): unknown {
    return this[NODE]?.look()?.cause ?? null
  }

  /** When it ends at the latest; undefined if nothing says so. */
  get deadline(): Date | undefined {
    const due = this[NODE]?.due ?? Number.POSITIVE_INFINITY
    return due === Number.POSITIVE_INFINITY ? undefined : new Date(due)
  }

  /**
   * Aborted when the context ends, with `cause` as the reason. Made when it is first asked for. It keeps no process alive, but for what waits with it
   * by methods of millrace.
   */
  get signal(): AbortSignal {
    const node = this[NODE]
    if (node !== undefined) return signalOf(node)
    this.#never ??= new AbortController().signal
    return this.#never
  }

  /** The value for that key, of the nearest context that has one; undefined if none does. Keys are compared as those of a Map. */
  value<T = unknown>(key: unknown): T | undefined {
    for (let ctx: Context | undefined = this; ctx !== undefined; ctx = ctx.#parts.parent) {
      const { key: own, value, values } = ctx.#parts
      if (own !== undefined && own === key) return value as T
      if (values?.has(key)) return values.get(key) as T
    }
    return undefined
  }

  /**
   * Calls the function when the context ends, once, in a microtask of its own; soon, if it is over. Keeps no process alive.
   *
   * @returns what stops that: a function that tells whether it did; false if the context was over, or it was stopped before.
   * @throws TypeError (ERR_INVALID_ARG_TYPE) unless it is a function.
   */
  afterFunc(callback: () => void): () => boolean {
    if (typeof callback !== 'function') throw typeError(`afterFunc calls a function, not ${show(callback)}`)
    const node = this[NODE]
    const call = (): void => queueMicrotask(() => callback())
    if (node?.look() !== undefined) {
      call()
      return () => false
    }
    const leave = node?.listen(call)
    let pending = true
    return () => {
      const stopped = pending && node?.look() === undefined
      pending = false
      if (stopped) leave?.()
      return stopped
    }
  }

  /** Throws `cause` if the context is over. */
  throwIfDone(): void {
    const ended = this[NODE]?.look()
    if (ended !== undefined) throw ended.cause
  }

  /**
   * Stands for this context in messages to other threads, in the default arena; as an argument of a task, or anywhere in a message of `any`, the context
   * goes as it is. `open` gives a Context that ends with this one; who has it can't cancel it, the handle of what `withCancel` returns is for that.
   *
   * What can end takes 2 KiB of the arena, from here until it is over and no thread has it any more: cancel what you have made, as in Go. Values go
   * with it if `any` carries them and their keys are strings, numbers, booleans, BigInts or symbols of `Symbol.for`; the others stay behind.
   *
   * @throws ArenaFullError (ERR_ARENA_FULL).
   */
  get handle(): Handle<Context> {
    return this[HANDLE_IN](defaultArena())
  }

  /** @internal The handle, made in an arena if it has to be. */
  [HANDLE_IN](arena: Arena): Handle<Context> {
    const node = this[NODE]
    const over = node?.look() !== undefined
    let handle = over ? undefined : this.#handles?.get(arena)
    if (handle === undefined) {
      handle = this.makeHandle<Context>(arena, 'receive', {})
      this.#handles ??= new Map()
      if (!over) this.#handles.set(arena, handle)
    }
    return handle
  }

  /** @internal */
  makeHandle<T>(arena: Arena, view: View, more: Partial<Carriage>): Handle<T> {
    const node = this[NODE]
    const values = packValues(arena, this.#values())
    const ended = node?.look()
    const link =
      node === undefined || ended !== undefined
        ? undefined
        : linkOf(arena, node, Share.of(node, arena) ?? Share.make(arena, node))
    const schema: Carriage = {
      label: String(this),
      ...more,
      ...(link === undefined ? {} : { link }),
      ...(ended === undefined ? {} : { ended: packEnd(arena, ended) }),
      ...(values === undefined ? {} : { values }),
    }
    const [at, open] = link?.done ?? [0, 0]
    return makeHandle({ arena, at, open }, 'context', { name: '', schema: schema as never }, view)
  }

  /** All values that can be found here, each key once. */
  #values(): Value[] {
    const values = new Map<unknown, unknown>()
    for (let ctx: Context | undefined = this; ctx !== undefined; ctx = ctx.#parts.parent) {
      const { key, value, values: more } = ctx.#parts
      if (key !== undefined && !values.has(key)) values.set(key, value)
      if (more !== undefined) for (const [k, v] of more) if (!values.has(k)) values.set(k, v)
    }
    return [...values]
  }

  /** How it was made, as Go prints it: `context.Background.WithCancel.WithValue(user, Ann)`. */
  toString(): string {
    const labels: string[] = []
    for (let ctx: Context | undefined = this; ctx !== undefined; ctx = ctx.#parts.parent) {
      const { label, node, key, value } = ctx.#parts
      if (key !== undefined) labels.push(`.WithValue(${name(key)}, ${name(value)})`)
      else if (label === '.WithDeadline') {
        const { due, until } = node as CancelNode
        labels.push(`${label}(${new Date(due).toISOString()} [${Math.round(until - performance.now())}ms])`)
      } else labels.push(label)
    }
    return labels.reverse().join('')
  }

  get [Symbol.toStringTag](): string {
    return 'Context'
  }
}

/** A key or a value, in the text of a context: strings as they are, and of all else no more than what it is. */
function name(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return '<nil>'
  if (typeof value === 'symbol') return value.description ?? 'symbol'
  if (typeof value === 'function') return value.name || 'function'
  if (typeof value !== 'object') return typeof value
  return value.constructor?.name ?? 'Object'
}

/** What is made for a node once, when it is first asked for. */
const dones = new WeakMap<CancelNode, DoneChannel>()
const signals = new WeakMap<CancelNode, AbortSignal>()

function doneOf(node: CancelNode): DoneChannel {
  let done = dones.get(node)
  if (done === undefined) dones.set(node, (done = new DoneChannel(node)))
  return done
}

function signalOf(node: CancelNode): AbortSignal {
  let signal = signals.get(node)
  if (signal === undefined) {
    const controller = new AbortController()
    signal = controller.signal
    signals.set(node, signal)
    platform.allowListeners(signal)
    node.announce(signal)
    holds.set(signal, () => node.keep())
    const abort = (): void => controller.abort(node.ended?.cause)
    if (node.look() === undefined) node.listen(abort)
    else abort()
  }
  return signal
}

/** A context that can be cancelled, and what cancels it. In a `using` declaration it is cancelled at the end of the block. */
export class Cancellable<C extends (...args: never[]) => void = () => void> {
  readonly ctx: Context
  /** Cancels the context and all that were made of it, at once. Does nothing if it is over. Bound: it can be handed on alone. */
  readonly cancel: C
  readonly #causes: boolean
  #handles: Map<Arena, Handle<Cancellable<C>>> | undefined

  /** @internal */
  constructor(ctx: Context, causes: boolean) {
    const node = ctx[NODE] as CancelNode
    this.ctx = ctx
    this.#causes = causes
    const cancel: CancelCause = (cause) => node.cancel(new Outcome(CANCELED, causes ? cause : undefined))
    this.cancel = cancel as unknown as C
  }

  /** Stands for context and `cancel` in messages to other threads: `open` gives a Cancellable, whose `cancel` ends the context everywhere. */
  get handle(): Handle<Cancellable<C>> {
    return this[HANDLE_IN](defaultArena())
  }

  /** @internal */
  [HANDLE_IN](arena: Arena): Handle<Cancellable<C>> {
    const over = this.ctx[NODE]?.look() !== undefined
    const known = over ? undefined : this.#handles?.get(arena)
    if (known !== undefined) return known
    const made = this.ctx.makeHandle<Cancellable<C>>(arena, 'both', this.#causes ? { causes: true } : {})
    this.#handles ??= new Map()
    if (!over) this.#handles.set(arena, made)
    return made
  }

  [Symbol.dispose](): void {
    this.cancel()
  }
}

/** What cancels a context and may say why; `null` or nothing: without a cause. */
export type CancelCause = (cause?: unknown) => void

const BACKGROUND = new Context({ label: 'context.Background' })
const TODO = new Context({ label: 'context.TODO' })

/** The context that never ends and has no values: what all others are made of, where a program, a request or a test begins. */
export function background(): Context {
  return BACKGROUND
}

/** As `background`, where it is not clear yet which context to use. */
export function todo(): Context {
  return TODO
}

function requireParent(parent: unknown): asserts parent is Context {
  if (parent === null || parent === undefined) throw typeError('cannot create context from nil parent')
  if (parent instanceof AbortSignal)
    throw typeError('a context is made of a context: fromSignal(signal) makes one of an AbortSignal')
  if (!(parent instanceof Context))
    throw typeError(`a context is made of a context, such as background(), not ${show(parent)}`)
}

/**
 * A context that ends with its parent, or by `cancel`, whichever comes first. Call `cancel` when what it is for is done: until then its parent keeps it.
 *
 * @throws TypeError (`cannot create context from nil parent`).
 * @example
 * using request = withCancel(background())
 * work(request.ctx)
 */
export function withCancel(parent: Context): Cancellable {
  requireParent(parent)
  return cancellable(parent, new CancelNode(parent[NODE]), '.WithCancel', false)
}

/** As {@link withCancel}; `cancel(cause)` says why, which is `ctx.cause` then. */
export function withCancelCause(parent: Context): Cancellable<CancelCause> {
  requireParent(parent)
  return cancellable(parent, new CancelNode(parent[NODE]), '.WithCancel', true)
}

function cancellable<C extends (...args: never[]) => void>(
  parent: Context,
  node: CancelNode,
  label: string,
  causes: boolean,
): Cancellable<C> {
  return new Cancellable<C>(new Context({ parent, node, label }), causes)
}

/**
 * As {@link withCancel}, over in `ms` milliseconds too, with DeadlineExceededError; 0 or less: at once; Infinity: never. The deadline alone keeps no
 * process alive; who awaits `ctx.done`, or waits with `ctx.signal`, does.
 *
 * @throws TypeError (ERR_INVALID_ARG_TYPE) unless it is a number; `cannot create context from nil parent`.
 */
export function withTimeout(parent: Context, ms: number, options?: DeadlineOptions): Cancellable {
  requireParent(parent)
  if (typeof ms !== 'number' || Number.isNaN(ms))
    throw typeError(`a timeout is a number of milliseconds, not ${show(ms)}`)
  return withEnd(parent, performance.now() + ms, Date.now() + ms, options)
}

/**
 * As {@link withTimeout}, at a time: a Date, or what `Date.now()` counts. A parent that ends earlier goes first.
 *
 * @throws TypeError (ERR_INVALID_ARG_TYPE) unless it is one of them; `cannot create context from nil parent`.
 */
export function withDeadline(parent: Context, deadline: Date | number, options?: DeadlineOptions): Cancellable {
  requireParent(parent)
  const due = deadline instanceof Date ? deadline.getTime() : deadline
  if (typeof due !== 'number' || Number.isNaN(due))
    throw typeError(`a deadline is a Date, or a number of milliseconds since 1970, not ${show(deadline)}`)
  return withEnd(parent, performance.now() + (due - Date.now()), due, options)
}

function withEnd(parent: Context, at: number, due: number, options: DeadlineOptions | undefined): Cancellable {
  if (options !== undefined && (typeof options !== 'object' || options === null))
    throw typeError(`the options of a deadline are an object { cause }, not ${show(options)}`)
  const above = parent[NODE]
  // As in Go: where the parent ends earlier, this is no more than withCancel.
  if (at >= (above?.until ?? Number.POSITIVE_INFINITY)) return withCancel(parent)
  return cancellable(parent, new CancelNode(above, { at, due, cause: options?.cause }), '.WithDeadline', false)
}

/**
 * A context with one more value: for what goes with a request through all layers, not for optional arguments. Ends with its parent.
 *
 * Keys are compared as those of a Map. To keep keys of different modules apart, take a symbol; one of `Symbol.for` if it is to be known in other threads.
 *
 * @throws TypeError (`nil key`; `key is not comparable` for NaN; `cannot create context from nil parent`).
 */
export function withValue(parent: Context, key: unknown, value: unknown): Context {
  requireParent(parent)
  if (key === null || key === undefined) throw typeError('nil key')
  if (Number.isNaN(key)) throw typeError('key is not comparable')
  return new Context({ parent, node: parent[NODE], label: '', key, value })
}

/** A context with the values of its parent that does not end with it, and has no deadline: for what has to be done afterwards all the same. */
export function withoutCancel(parent: Context): Context {
  requireParent(parent)
  return new Context({ parent, label: '.WithoutCancel' })
}

/**
 * A context that ends when the signal is aborted, with CanceledError and the signal's reason as `cause`, or with its parent. It listens to the signal
 * only while somebody waits, by one listener.
 *
 * @throws TypeError (ERR_INVALID_ARG_TYPE) unless it is an AbortSignal.
 */
export function fromSignal(signal: AbortSignal, parent: Context = BACKGROUND): Context {
  requireParent(parent)
  if (!(signal instanceof AbortSignal)) throw typeError(`fromSignal takes an AbortSignal, not ${show(signal)}`)
  return new Context({ parent, node: new CancelNode(parent[NODE], { foreign: signal }), label: '.FromSignal' })
}

/** Go's context.Cause: `ctx.cause`. @throws TypeError for what is no context. */
export function cause(ctx: Context): unknown {
  if (!(ctx instanceof Context)) throw typeError(`cause takes a context, not ${show(ctx)}`)
  return ctx.cause
}

registerKind(
  'context',
  KIND_CONTEXT,
  ({ arena }, handle) => {
    const { label, link, ended, values, causes } = carriageOf(handle.schema)
    let node: CancelNode | undefined
    if (ended !== undefined) node = over(unpackEnd(arena, ended))
    // One that is no more is over.
    else if (link !== undefined) node = nodeOf(arena, link) ?? over(endOf(arena, link))
    const parts: Parts = {
      label,
      node,
      values: values === undefined ? undefined : unpackValues(arena, values),
    }
    const ctx = new Context(parts)
    return handle.view === 'both' ? new Cancellable(ctx, causes === true) : ctx
  },
  // Whether it is still there the opener finds out.
  () => true,
)

/** A node that has ended. */
function over(outcome: Outcome): CancelNode {
  const node = new CancelNode(undefined)
  node.cancel(outcome)
  return node
}
