import { MillraceError, StaleHandleError, show, typeError } from './errors.js'
import { platform } from './platform/index.js'
import type { Cases, NotEmpty, Selected, SendCase } from './select-cases.js'
import { Round } from './select-round.js'
import { selectAsync, selectAtOnce, selectBlocking } from './select-wait.js'
import { requireBlocking, timeoutOf, type WaitOptions } from './wait.js'

export interface SelectOptions extends WaitOptions {
  /** If several cases are ready, take the first of them in the order in which they are written, instead of one at random. */
  biased?: boolean | undefined
}

/**
 * Waits until one of the cases can go on, does that one, and only that one. If several can, one of them at random.
 *
 * Receive cases are ready when there is a value, or when their channel is closed and drained (`done`); send cases when there is room, or a
 * receiver. Cases that are `null` or `undefined`, or on such a channel, or on `never`, are switched off. The same channel may appear in several
 * cases; a select never receives what it sends itself through a channel of capacity 0. Without any case it waits for ever.
 *
 * @throws ClosedError (`send on closed channel`) if it chooses a send case whose channel is closed; TimeoutError (ERR_TIMEOUT) or the signal's
 * reason, and then nothing has happened; TypeError for cases on channels of different arenas.
 * @example
 * const hit = await select({ job: recv(jobs), quit: recv(quit) }, { timeout: 50 })
 * if (hit.case === 'job' && !hit.done) work(hit.value)
 */
export function select<const C extends Cases>(cases: C & NotEmpty<C>, options?: SelectOptions): Promise<Selected<C>> {
  try {
    const timeout = timeoutOf(options)
    const round = new Round(cases, biasedOf(options))
    return selectAsync(round, timeout, options?.signal) as Promise<Selected<C>>
  } catch (error) {
    return Promise.reject(error)
  }
}

/** As {@link select}, blocking this thread. @throws BlockingNotAllowedError (ERR_BLOCKING_NOT_ALLOWED) too, where the platform forbids that. */
export function selectSync<const C extends Cases>(cases: C & NotEmpty<C>, options?: SelectOptions): Selected<C> {
  requireBlocking(platform, 'selectSync', 'select')
  const timeout = timeoutOf(options)
  const round = new Round(cases, biasedOf(options))
  try {
    if (!selectAtOnce(round, timeout)) selectBlocking(round, timeout)
    return round.result() as Selected<C>
  } finally {
    round.release()
  }
}

/**
 * As {@link select}, without waiting: `undefined` if at one moment during the call no case was ready (Go's `default`).
 *
 * @throws ClosedError if it chooses a send case whose channel is closed.
 */
export function trySelect<const C extends Cases>(
  cases: C & NotEmpty<C>,
  options?: Pick<SelectOptions, 'biased'>,
): Selected<C> | undefined {
  const round = new Round(cases, biasedOf(options))
  return round.tryNow() ? (round.result() as Selected<C>) : undefined
}

function biasedOf(options: unknown, otherwise = false): boolean {
  if (options === undefined) return otherwise
  if (typeof options !== 'object' || options === null)
    throw typeError(`the options of select are an object { timeout, signal, biased }, not ${show(options)}`)
  const { biased } = options as SelectOptions
  if (biased !== undefined && typeof biased !== 'boolean') throw typeError(`biased is a boolean, not ${show(biased)}`)
  return biased ?? otherwise
}

/**
 * A select to be used many times: it is built once, and a round allocates nothing. Its cases can be switched on and off, and the values of its
 * send cases set. The hit is one object, overwritten by the next round.
 *
 * For one thread, one round at a time. Holds a little memory of the arena until disposed of.
 *
 * @example
 * const selector = new Selector({ a: recv(first), b: recv(second) })
 * for (;;) {
 *   const hit = selector.selectSync()
 *   if (hit.done) selector.disable(hit.case)
 * }
 */
export class Selector<const C extends Cases> {
  readonly #round: Round
  readonly #biased: boolean
  #busy = false
  #disposed = false

  /** @throws TypeError for what is not a case, a merge, or channels of different arenas. */
  constructor(cases: C & NotEmpty<C>, options?: Pick<SelectOptions, 'biased'>) {
    this.#biased = biasedOf(options)
    this.#round = new Round(cases, this.#biased, true)
  }

  /** Waits as `select`. The promise's hit is the same object each time. */
  async select(options?: SelectOptions): Promise<Selected<C>> {
    const timeout = timeoutOf(options)
    const round = this.#ready(options)
    this.#busy = true
    try {
      return (await selectAsync(round, timeout, options?.signal)) as Selected<C>
    } finally {
      this.#busy = false
    }
  }

  /** Blocks as `selectSync`. */
  selectSync(options?: SelectOptions): Selected<C> {
    requireBlocking(platform, 'selectSync', 'select')
    const timeout = timeoutOf(options)
    const round = this.#ready(options)
    this.#busy = true // for what the codecs of its values may run
    try {
      if (!selectAtOnce(round, timeout)) selectBlocking(round, timeout)
    } finally {
      this.#busy = false
    }
    return round.hit as Selected<C>
  }

  /** Does not wait, as `trySelect`. */
  trySelect(options?: Pick<SelectOptions, 'biased'>): Selected<C> | undefined {
    const round = this.#ready(options)
    return round.tryNow() ? (round.hit as Selected<C>) : undefined
  }

  /** Switches a case on again. */
  enable(name: keyof C & string): void {
    this.#idle().switch(name, true)
  }

  /** Switches a case off: it is not looked at until it is enabled. */
  disable(name: keyof C & string): void {
    this.#idle().switch(name, false)
  }

  /** Sets the value that a send case sends from now on. @throws TypeError, RangeError for a value that is not the codec's. */
  set<K extends keyof C & string>(name: K, value: ValueOf<C[K]>): void {
    this.#idle().set(name, value)
  }

  /** Gives its memory back. Every later use throws. */
  dispose(): void {
    if (this.#disposed) return
    this.#idle().release()
    this.#disposed = true
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #idle(): Round {
    if (this.#disposed) throw new StaleHandleError('the Selector')
    if (this.#busy)
      throw new MillraceError('ERR_BUSY', 'a select of this Selector is pending: use one Selector for each task')
    return this.#round
  }

  #ready(options: unknown): Round {
    const round = this.#idle()
    round.biased = biasedOf(options, this.#biased)
    return round
  }
}

type ValueOf<A> = A extends SendCase<infer T> ? T : never
