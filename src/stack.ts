import type { Arena } from './arena.js'
import { arenaOption, checkCapacity } from './channel-codecs.js'
import { type Codec, codecById, requireCodec } from './codec/index.js'
import { show, typeError } from './errors.js'
import {
  FINE,
  KIND_STACK,
  MAX_CAPACITY,
  NODE_BYTES,
  OK,
  STACK_CAPACITY,
  STACK_CODEC,
  STACK_NODES,
  STALE,
} from './generated/layout.js'
import { type Handle, registerKind, type Site } from './handle.js'
import { SharedObject } from './object.js'
import { wordAccess } from './word-access.js'

export interface StackOptions {
  /** How many values the stack holds at most: an integer, 1 or more. */
  capacity: number
  /** Where it is made. Default: `defaultArena()`. */
  arena?: Arena
}

/**
 * A lock-free stack: last in, first out, from any number of threads. Never waits. A push synchronizes with the pop that takes its value.
 *
 * Treiber's algorithm with tagged heads over nodes of its own; takes 512 bytes plus 16 per value of capacity, rounded up to a power of two.
 *
 * @example
 * const free = new Stack(u32, { capacity: 64 })
 * free.push(7)
 * free.pop() // 7
 */
export class Stack<T> extends SharedObject {
  readonly what = 'the stack'
  readonly codec: Codec<T>
  readonly capacity: number
  readonly #push: (value: T) => number
  readonly #read: () => T

  /** @throws RangeError for a capacity out of bounds; ArenaFullError if the arena has no room. */
  constructor(codec: Codec<T>, options: StackOptions)
  /** @internal */
  constructor(codec: Codec<T>, options: StackOptions | undefined, site: Site)
  constructor(codec: Codec<T>, options: StackOptions | undefined, site?: Site) {
    requireCodec(codec, 'Stack')
    super(site ?? makeStack(codec, options))
    this.codec = codec
    this.capacity = this.arena.u32[(this.at + STACK_CAPACITY) >>> 2] as number
    ;[this.#push, this.#read] = this.#access(codec)
  }

  /**
   * Pushes. Returns false, and pushes nothing, if the stack is full: all of its nodes hold values, or are in the hands of operations under
   * way in other threads.
   *
   * @throws TypeError, RangeError for a value that is not the codec's.
   */
  push(value: T): boolean {
    this.codec.check(value)
    return this.#push(value) === FINE || this.#ok()
  }

  /** The newest value; `undefined` if the stack is empty. */
  pop(): T | undefined {
    return this.#take() ? this.#read() : undefined
  }

  /** The newest value as `{ value, done: false }`, or `undefined` if the stack is empty: tells a popped `undefined` from none. */
  tryNext(): { value: T; done: false } | undefined {
    return this.#take() ? { value: this.#read(), done: false } : undefined
  }

  /** Pops until the stack is empty. */
  *drain(): Generator<T, void, undefined> {
    for (let next = this.tryNext(); next !== undefined; next = this.tryNext()) yield next.value
  }

  /** How many values are on the stack, at one moment during the call. */
  get length(): number {
    const length = this.arena.core.stack_length(this.at, this.open)
    if (length < 0) throw this.stale()
    return length
  }

  get handle(): Handle<Stack<T>> {
    return this.makeHandle('stack', this.codec.name)
  }

  #take(): boolean {
    return this.arena.core.stack_take(this.at, this.open) === FINE || this.#ok()
  }

  /** Whether the last call of the core was OK. */
  #ok(): boolean {
    const status = this.arena.status()
    if (status === STALE) throw this.stale()
    return status === OK
  }

  /** How values of the codec are pushed, and read where the core leaves what it has popped. */
  #access(codec: Codec<T>): [push: (value: T) => number, read: () => T] {
    const { core } = this.arena
    return wordAccess(this.arena, codec, {
      push32: (value) => core.stack_push32(this.at, this.open, value),
      pushF32: (value) => core.stack_pushF32(this.at, this.open, value),
      pushF64: (value) => core.stack_pushF64(this.at, this.open, value),
      push64: (value) => core.stack_push64(this.at, this.open, value),
    })
  }
}

function makeStack<T>(codec: Codec<T>, options: StackOptions | undefined): Site {
  if (typeof options !== 'object' || options === null)
    throw typeError(`Stack takes options { capacity, arena }, not ${show(options)}`)
  const arena = arenaOption(options.arena)
  const { capacity } = options
  const limit = Math.min(MAX_CAPACITY, Math.floor((arena.size - STACK_NODES) / NODE_BYTES))
  checkCapacity('a stack', capacity, 1, limit, arena)
  const bytes = STACK_NODES + capacity * NODE_BYTES
  const at = arena.made(arena.core.stack_create(capacity, codec.id), `a stack of capacity ${capacity}`, bytes)
  return { arena, at, open: arena.openState(at) }
}

registerKind('stack', KIND_STACK, (site) => {
  const codec = codecById(site.arena.u32[(site.at + STACK_CODEC) >>> 2] as number)
  if (codec === undefined) throw typeError('the stack carries a codec that this version of millrace does not know')
  return new Stack(codec as Codec<unknown>, undefined, site)
})
