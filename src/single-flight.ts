import { Delivery } from './delivery.js'
import { show, TimeoutError, typeError } from './errors.js'
import { watchLimits } from './limits.js'
import { LocalChannel } from './local-channel.js'
import { timeoutOf, type WaitOptions } from './wait.js'

/** What a call of {@link SingleFlight.do} gives. */
export interface FlightValue<V> {
  readonly value: V
  /** Whether others got it too. */
  readonly shared: boolean
}

/** What the channel of {@link SingleFlight.doChan} delivers. */
export type FlightResult<V> =
  | { readonly ok: true; readonly value: V; readonly shared: boolean }
  | { readonly ok: false; readonly error: unknown; readonly shared: boolean }

type Outcome<V> = { ok: true; value: V } | { ok: false; error: unknown }

/** One call under way, and those who wait for it. */
class Flight<V> {
  readonly waiting = new Set<(result: FlightResult<V>) => void>()

  land(outcome: Outcome<V>): void {
    const shared = this.waiting.size > 1
    for (const tell of this.waiting) tell({ ...outcome, shared })
  }
}

/**
 * Calls a function once for all who want the same thing at the same time: while a call for a key is under way, others with that key wait for its
 * outcome instead of making a call of their own. For one thread. Nothing is kept once the call is over. Keys are compared as those of a Map.
 *
 * After Go's `golang.org/x/sync/singleflight`.
 *
 * @example
 * const flights = new SingleFlight<string, User>()
 * const { value: user } = await flights.do(id, () => load(id))
 */
export class SingleFlight<K, V> {
  readonly #flights = new Map<K, Flight<V>>()

  /**
   * The outcome of the call for that key that is under way, else of `fn`, which is called at once. What `fn` throws, or its promise is rejected
   * with, all who wait get. `fn` must not wait for its own key.
   *
   * Timeout and abort end the wait of this caller alone: the call goes on, for the others and for those who come meanwhile.
   *
   * @throws what `fn` throws; TimeoutError (ERR_TIMEOUT) or the signal's reason; TypeError (ERR_INVALID_ARG_TYPE) unless `fn` is a function.
   */
  do(key: K, fn: () => V | PromiseLike<V>, options?: WaitOptions): Promise<FlightValue<V>> {
    return new Promise((resolve, reject) => {
      requireFunction('do', fn)
      const timeout = timeoutOf(options)
      // Nothing is there at once, so nothing is begun.
      if (timeout === 0) throw new TimeoutError('do', timeout)
      const flight = this.#flights.get(key)
      const mine = flight ?? new Flight<V>()
      const tell = (result: FlightResult<V>): void => {
        stopWatching()
        if (result.ok) resolve({ value: result.value, shared: result.shared })
        else reject(result.error)
      }
      mine.waiting.add(tell)
      const stopWatching = watchLimits('do', timeout, options?.signal, (reason) => {
        mine.waiting.delete(tell)
        stopWatching()
        reject(reason())
      })
      if (flight === undefined) this.#start(key, fn, mine)
    })
  }

  /**
   * As `do`, with a channel that delivers one result, for `select`. It is not closed after that. Whether or not somebody receives it, no rejection
   * is left unhandled. It comes by a promise: a thread that blocks for it blocks for ever.
   *
   * @throws TypeError (ERR_INVALID_ARG_TYPE) unless `fn` is a function.
   */
  doChan(key: K, fn: () => V | PromiseLike<V>): LocalChannel<FlightResult<V>> {
    requireFunction('doChan', fn)
    const flight = this.#flights.get(key)
    const mine = flight ?? new Flight<V>()
    const delivery = new Delivery<FlightResult<V>>()
    mine.waiting.add((result) => delivery.deliver(result))
    if (flight === undefined) this.#start(key, fn, mine)
    return new LocalChannel(delivery)
  }

  /** The next `do` with that key makes a call of its own. Who waits for one under way still gets its outcome. */
  forget(key: K): void {
    this.#flights.delete(key)
  }

  #start(key: K, fn: () => V | PromiseLike<V>, flight: Flight<V>): void {
    this.#flights.set(key, flight)
    const land = (outcome: Outcome<V>): void => {
      // It may have been forgotten, and another one be under way.
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
      flight.land(outcome)
    }
    new Promise<V>((resolve) => resolve(fn())).then(
      (value) => land({ ok: true, value }),
      (error: unknown) => land({ ok: false, error }),
    )
  }
}

function requireFunction(method: string, fn: unknown): void {
  if (typeof fn !== 'function') throw typeError(`${method} takes a key and a function, not ${show(fn)}`)
}
