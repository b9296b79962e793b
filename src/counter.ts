import type { Arena } from './arena.js'
import { arenaOption } from './channel-codecs.js'
import { rangeError, show, typeError } from './errors.js'
import { COUNTER_CELLS, COUNTER_SHARDS, KIND_COUNTER, LINE, STALE } from './generated/layout.js'
import { type Handle, registerKind, type Site } from './handle.js'
import { createObject, SharedObject } from './object.js'

export interface SharedOptions {
  /** Where it is made. Default: `defaultArena()`. */
  arena?: Arena
}

/**
 * A sum that many threads add to without slowing each other down: each has a cell of its own. Reading costs a look at every cell; for a
 * number that is read as often as it is written, take AtomicI32 or AtomicI64. Takes 4 KiB.
 *
 * @example
 * const served = new Counter()
 * served.add()
 * served.value // 1
 */
export class Counter extends SharedObject {
  readonly what = 'the counter'

  constructor(options?: SharedOptions)
  /** @internal */
  constructor(options: SharedOptions | undefined, site: Site)
  constructor(options: SharedOptions = {}, site?: Site) {
    const bytes = COUNTER_CELLS + COUNTER_SHARDS * LINE
    super(site ?? createObject(arenaOption(options.arena), KIND_COUNTER, bytes, 'a counter'))
  }

  /** Adds a safe integer, 1 by default; negative ones too. Never waits. */
  add(n = 1): void {
    const { core } = this.arena
    if (typeof n === 'number' && (n | 0) === n) {
      if (core.counter_add(this.at, this.open, n) === STALE) throw this.stale()
      return
    }
    if (typeof n !== 'number') throw typeError(`a counter adds integers, not ${show(n)}`)
    if (!Number.isSafeInteger(n)) throw rangeError(`a counter adds safe integers (up to 2^53 - 1), not ${show(n)}`)
    if (core.counter_addF64(this.at, this.open, n) === STALE) throw this.stale()
  }

  /** The sum of all cells, each read once: exact when nobody adds meanwhile. Beyond 2^53 it is rounded. */
  get value(): number {
    const sum = this.arena.core.counter_sum(this.at, this.open)
    if (Number.isNaN(sum)) throw this.stale()
    return sum
  }

  /** Sets the sum to 0. Adds that happen meanwhile may or may not count. */
  reset(): void {
    if (this.arena.core.counter_reset(this.at, this.open) === STALE) throw this.stale()
  }

  get handle(): Handle<Counter> {
    return this.makeHandle('counter', '')
  }
}

registerKind('counter', KIND_COUNTER, (site) => new Counter(undefined, site))
