import type { Arena } from './arena.js'
import { arenaOption } from './channel-codecs.js'
import { rangeError, show, typeError } from './errors.js'
import {
  COUNTER_BYTES,
  COUNTER_CELLS,
  COUNTER_OWNED,
  COUNTER_SHARED,
  HEAD_STATE,
  KIND_COUNTER,
  LINE,
  STALE,
} from './generated/layout.js'
import { type Handle, registerKind, type Site } from './handle.js'
import { createObject, SharedObject } from './object.js'

export interface SharedOptions {
  /** Where it is made. Default: `defaultArena()`. */
  arena?: Arena
}

/**
 * A sum that many threads add to without slowing each other down: each of the first 28 threads of the arena has a cell of its own, the
 * others share one. Reading costs a look at every cell; for a number that is read as often as it is written, take AtomicI32 or AtomicI64.
 * Takes 4 KiB.
 *
 * An add is seen by whoever learns of it by a channel, an atomic or the end of the thread; it does not itself order anything.
 *
 * @example
 * const served = new Counter()
 * served.add()
 * served.value // 1
 */
export class Counter extends SharedObject {
  readonly what = 'the counter'
  readonly #states: Int32Array
  readonly #state: number
  readonly #cells: Float64Array
  readonly #shared: BigInt64Array
  /** Index of this thread's cell, or -1. */
  readonly #own: number
  /** Index of the first cell. */
  readonly #first: number

  constructor(options?: SharedOptions)
  /** @internal */
  constructor(options: SharedOptions | undefined, site: Site)
  constructor(options: SharedOptions = {}, site?: Site) {
    super(site ?? createObject(arenaOption(options.arena), KIND_COUNTER, COUNTER_BYTES, 'a counter'))
    const { arena, at } = this
    this.#states = arena.i32
    this.#state = (at + HEAD_STATE) >>> 2
    this.#cells = new Float64Array(arena.memory.buffer)
    this.#shared = new BigInt64Array(arena.memory.buffer, at + COUNTER_SHARED, 1)
    this.#first = (at + COUNTER_CELLS) >>> 3
    this.#own = arena.slotIndex < COUNTER_OWNED ? this.#first + arena.slotIndex * (LINE / 8) : -1
  }

  /** Adds a safe integer, 1 by default; negative ones too. Never waits. */
  add(n = 1): void {
    if (typeof n !== 'number' || (n | 0) !== n) checkDelta(n)
    if (this.#states[this.#state] !== this.open) throw this.stale()
    if (this.#own >= 0) {
      const cells = this.#cells
      cells[this.#own] = (cells[this.#own] as number) + n
    } else if (this.arena.core.counter_addShared(this.at, this.open, n) === STALE) throw this.stale()
  }

  /** The sum of all cells, each read once: exact when nobody adds meanwhile. Beyond 2^53 it is rounded. */
  get value(): number {
    if (this.#states[this.#state] !== this.open) throw this.stale()
    let sum = Number(Atomics.load(this.#shared, 0))
    for (let i = 0; i < COUNTER_OWNED; i++) sum += this.#cells[this.#first + i * (LINE / 8)] as number
    return sum
  }

  /** Takes the present sum off, so that it is 0. Adds that happen meanwhile are not lost: they count from 0. Returns the sum taken off. */
  reset(): number {
    const sum = this.value
    // Beyond 2^53 the sum is rounded, and what is left of it is small.
    if (sum !== 0) this.add(Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, -sum)))
    return sum
  }

  get handle(): Handle<Counter> {
    return this.makeHandle('counter', '')
  }
}

function checkDelta(n: unknown): void {
  if (typeof n !== 'number') throw typeError(`a counter adds integers, not ${show(n)}`)
  if (!Number.isSafeInteger(n)) throw rangeError(`a counter adds safe integers (up to 2^53 - 1), not ${show(n)}`)
}

registerKind('counter', KIND_COUNTER, (site) => new Counter(undefined, site))
