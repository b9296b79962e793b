// SharedArray: a typed array in the arena.

import { arenaOption, numberOf } from './channel-codecs.js'
import { f32, f64, i32, i64, u32, u64 } from './codec/index.js'
import { i8, i16, type SmallCodec, u8, u16 } from './codec/scalars.js'
import type { SharedOptions } from './counter.js'
import { rangeError, show, typeError } from './errors.js'
import {
  HEAD_STATE,
  KIND_SHARED_ARRAY,
  LINE,
  SHARED_ARRAY_CODEC,
  SHARED_ARRAY_DATA,
  SHARED_ARRAY_LENGTH,
} from './generated/layout.js'
import { type Handle, registerKind, type Site } from './handle.js'
import { INSPECT, type Inspect } from './inspect.js'
import { createObject, SharedObject } from './object.js'

/** The typed arrays of numbers. */
export type NumericArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array

/** The codec of the elements of such an array: `i8`, `u8`, `i16`, `u16`, `i32`, `u32`, `i64`, `u64`, `f32` or `f64`. */
export type ElementCodec<A extends NumericArray> =
  | { readonly name: string; readonly batch: new (length: number) => A; check(value: A[number]): void }
  | SmallCodec<A>

interface View<A> {
  readonly BYTES_PER_ELEMENT: number
  readonly name: string
  new (memory: ArrayBufferLike, at: number, length: number): A
}

const views: readonly (readonly [{ readonly name: string }, View<NumericArray>])[] = [
  [i8, Int8Array],
  [u8, Uint8Array],
  [i16, Int16Array],
  [u16, Uint16Array],
  [i32, Int32Array],
  [u32, Uint32Array],
  [i64, BigInt64Array],
  [u64, BigUint64Array],
  [f32, Float32Array],
  [f64, Float64Array],
]

/**
 * A typed array that all threads see: for results and inputs too large to be copied. Its length is fixed, its elements are 0 at first. It has a handle:
 * `any()` carries it, and so do the arguments and results of tasks. Never waits.
 *
 * Reads and writes of `array` are plain: they race with those of other threads unless something orders them, such as the end of a task, a channel or a lock
 * (docs/memory-model.md), or each thread has elements of its own. `Atomics` works on arrays of integers.
 *
 * Dispose of it when nobody can be at work on it any more: after a `parallelFor` that rejects, other chunks may still be writing (`await rt.drain()` first).
 *
 * Takes 128 bytes more than its elements, rounded up to a power of two.
 *
 * @example
 * const squares = new SharedArray(f64, 1_000_000)
 * await rt.parallelFor('square', squares.length, {}, squares) // a task: (from, to, { array }) => { for (let i = from; i < to; i++) array[i] = i * i }
 * squares.array[999_999] // 999998000001
 */
export class SharedArray<A extends NumericArray = NumericArray> extends SharedObject implements Iterable<A[number]> {
  readonly what = 'the shared array'
  /** How many elements there are. */
  readonly length: number
  readonly #codec: string
  readonly #array: A

  /**
   * @param codec Of the elements: `i8`, `u8`, `i16`, `u16`, `i32`, `u32`, `i64`, `u64`, `f32` or `f64`.
   * @param length How many, from 0.
   * @throws TypeError for what is no such codec or no number; RangeError for a length that no arena of that size can hold; ArenaFullError (ERR_ARENA_FULL) if
   * there is no room in one piece.
   */
  constructor(codec: ElementCodec<A>, length: number, options?: SharedOptions)
  /** @internal */
  constructor(codec: undefined, length: undefined, options: undefined, site: Site)
  constructor(codec?: unknown, length?: number, options?: SharedOptions, site = make(codec, length, options)) {
    super(site)
    const { u32: words } = site.arena
    const number = words[(site.at + SHARED_ARRAY_CODEC) >>> 2]
    const found = views.find(([each]) => numberOf(each as never) === number)
    if (found === undefined)
      throw typeError('the shared array has elements of a type that this version of millrace does not know')
    const [{ name }, View] = found
    this.#codec = name
    this.length = words[(site.at + SHARED_ARRAY_LENGTH) >>> 2] as number
    this.#array = new View(site.arena.memory.buffer, site.at + SHARED_ARRAY_DATA, this.length) as A
  }

  /**
   * The elements, where they lie. Each use of this property looks whether the array has been disposed of; the typed array itself cannot: who keeps it beyond
   * that reads, or overwrites, what belongs to others. Its `buffer` is the whole arena, so give away the SharedArray and not that; `array.slice()` is a copy
   * of its own, for what takes no shared memory.
   *
   * @throws StaleHandleError (ERR_STALE_HANDLE) once the array has been disposed of, here or elsewhere.
   */
  get array(): A {
    if (!this.#isLive()) throw this.stale()
    return this.#array
  }

  /** The elements, one after the other, each as it is when its turn comes. */
  [Symbol.iterator](): IterableIterator<A[number]> {
    return (this.array as Iterable<A[number]>)[Symbol.iterator]() as IterableIterator<A[number]>
  }

  get handle(): Handle<SharedArray<A>> {
    return this.makeHandle('shared-array', this.#codec)
  }

  /** @internal */
  [INSPECT](depth: number, options: object, inspect: Inspect): string {
    if (depth < 0) return '[SharedArray]'
    return `SharedArray ${this.#isLive() ? inspect(this.#array, options) : '(disposed of)'}`
  }

  #isLive(): boolean {
    // A plain load: whoever disposes of it must have an order with its users anyway.
    return this.at !== 0 && this.arena.i32[(this.at + HEAD_STATE) >>> 2] === this.open
  }
}

function make(codec: unknown, length: unknown, options: SharedOptions | undefined): Site {
  const found = views.find(([each]) => each === codec)
  if (found === undefined) {
    const names = views.map(([each]) => each.name).join(', ')
    throw typeError(`SharedArray takes the codec of its elements (${names}) as first argument, not ${show(codec)}`)
  }
  if (typeof length !== 'number') throw typeError(`the length of a shared array is a number, not ${show(length)}`)
  if (options !== undefined && (typeof options !== 'object' || options === null))
    throw typeError(`SharedArray takes options { arena }, not ${show(options)}`)
  const arena = arenaOption(options?.arena)
  const [element, { BYTES_PER_ELEMENT: each }] = found
  const most = Math.floor((arena.size - SHARED_ARRAY_DATA) / each)
  if (!Number.isInteger(length) || length < 0 || length > most) {
    throw rangeError(
      `the length of a shared array of ${element.name} is an integer from 0 to ${most} (what an arena of ${arena.size} bytes can hold), not ${show(length)}`,
    )
  }
  const bytes = Math.max(LINE, 2 ** Math.ceil(Math.log2(SHARED_ARRAY_DATA + length * each)))
  const site = createObject(arena, KIND_SHARED_ARRAY, bytes, `a shared array of ${length} elements of ${element.name}`)
  const { u32: words } = arena
  words[(site.at + SHARED_ARRAY_LENGTH) >>> 2] = length
  words[(site.at + SHARED_ARRAY_CODEC) >>> 2] = numberOf(element as never)
  return site
}

registerKind('shared-array', KIND_SHARED_ARRAY, (site) => new SharedArray(undefined, undefined, undefined, site))
