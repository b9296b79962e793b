import type { Arena } from './arena.js'
import { arenaOption, checkCapacity } from './channel-codecs.js'
import { type Codec, codecById, requireCodec } from './codec/index.js'
import { show, typeError } from './errors.js'
import {
  KIND_STACK,
  MAX_CAPACITY,
  MISS,
  NODE_BYTES,
  OK,
  STACK_CAPACITY,
  STACK_CODEC,
  STACK_NODES,
  STALE,
} from './generated/layout.js'
import { type Handle, registerKind, type Site } from './handle.js'
import { SharedObject } from './object.js'

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
  readonly #push: (value: T) => number | undefined
  readonly #pop: () => T
  #status = OK

  /** @throws RangeError for a capacity out of bounds; ArenaFullError if the arena has no room. */
  constructor(codec: Codec<T>, options: StackOptions)
  /** @internal */
  constructor(codec: Codec<T>, options: StackOptions | undefined, site: Site)
  constructor(codec: Codec<T>, options: StackOptions | undefined, site?: Site) {
    requireCodec(codec, 'Stack')
    super(site ?? makeStack(codec, options))
    this.codec = codec
    this.capacity = this.arena.u32[(this.at + STACK_CAPACITY) >>> 2] as number
    ;[this.#push, this.#pop] = this.#access(codec)
  }

  /**
   * Pushes. Returns false, and pushes nothing, if the stack is full: all of its nodes hold values, or are in the hands of operations under
   * way in other threads.
   *
   * @throws TypeError, RangeError for a value that is not the codec's.
   */
  push(value: T): boolean {
    this.codec.check(value)
    const status = this.#push(value) ?? this.arena.status()
    if (status === STALE) throw this.stale()
    return status === OK
  }

  /** The newest value; `undefined` if the stack is empty. */
  pop(): T | undefined {
    const value = this.#pop()
    if (this.#status === OK) return value
    if (this.#status === STALE) throw this.stale()
    return undefined
  }

  /** The newest value as `{ value, done: false }`, or `undefined` if the stack is empty: tells a popped `undefined` from none. */
  tryNext(): { value: T; done: false } | undefined {
    const value = this.pop()
    return this.#status === OK ? { value: value as T, done: false } : undefined
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

  /** Push and pop for the codec. A pop leaves its status in #status. */
  #access(codec: Codec<T>): [(value: T) => number | undefined, () => T] {
    const { arena } = this
    const { core } = arena
    const pair = (
      push: (value: never) => number | undefined,
      pop: () => unknown,
    ): [(value: T) => number | undefined, () => T] => [
      push as unknown as (value: T) => number | undefined,
      pop as () => T,
    ]
    const integer = (
      encode: (value: never) => number,
      decode: (raw: number) => unknown,
    ): [(value: T) => number | undefined, () => T] =>
      pair(
        (value) => core.stack_push32(this.at, this.open, encode(value)),
        () => {
          const raw = core.stack_pop32(this.at, this.open)
          this.#status = raw === MISS || raw === undefined ? arena.status() : OK
          return decode(raw ?? (arena.i32[arena.valueAt >>> 2] as number))
        },
      )
    const at = new DataView(arena.memory.buffer, arena.valueAt, 8)
    const bits = (
      push: (value: never) => number | undefined,
      read: (at: DataView) => unknown,
    ): [(value: T) => number | undefined, () => T] => {
      return pair(push, () => {
        core.stack_popBits(this.at, this.open)
        this.#status = arena.status()
        return read(at)
      })
    }
    switch (codec.name) {
      case 'f64':
        return pair(
          (value) => core.stack_pushF64(this.at, this.open, value),
          () => {
            const value = core.stack_popF64(this.at, this.open)
            this.#status = value !== undefined && value === value ? OK : arena.status()
            return value ?? at.getFloat64(0, true)
          },
        )
      case 'f32':
        return bits(
          (value) => core.stack_pushF32(this.at, this.open, value),
          (at) => at.getFloat32(0, true),
        )
      case 'i64':
        return bits(
          (value) => core.stack_push64(this.at, this.open, value),
          (at) => at.getBigInt64(0, true),
        )
      case 'u64':
        return bits(
          (value) => core.stack_push64(this.at, this.open, value),
          (at) => at.getBigUint64(0, true),
        )
      case 'u32':
        return integer(
          (value) => value,
          (raw) => raw >>> 0,
        )
      case 'bool':
        return integer(
          (value) => Number(value),
          (raw) => raw === 1,
        )
      case 'unit':
        return integer(
          () => 0,
          () => undefined,
        )
      default:
        return integer(
          (value) => value,
          (raw) => raw,
        )
    }
  }
}

function makeStack<T>(codec: Codec<T>, options: StackOptions | undefined): Site {
  if (typeof options !== 'object' || options === null)
    throw typeError(`Stack takes options { capacity, arena }, not ${show(options)}`)
  const arena = arenaOption(options.arena)
  const { capacity } = options
  const limit = Math.min(MAX_CAPACITY, Math.floor((arena.size - STACK_NODES) / NODE_BYTES))
  checkCapacity('a stack', capacity, limit, arena)
  const bytes = STACK_NODES + capacity * NODE_BYTES
  const at = arena.made(arena.core.stack_create(capacity, codec.id), `a stack of capacity ${capacity}`, bytes)
  return { arena, at, open: arena.openState(at) }
}

registerKind('stack', KIND_STACK, (site) => {
  const codec = codecById(site.arena.u32[(site.at + STACK_CODEC) >>> 2] as number)
  if (codec === undefined) throw typeError('the stack carries a codec that this version of millrace does not know')
  return new Stack(codec as Codec<unknown>, undefined, site)
})
