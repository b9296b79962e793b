// rateLimit: a token bucket.

import { rangeError, show, TimeoutError, typeError } from '../errors.js'
import { watchLimits } from '../limits.js'
import { TimerEntry, timers } from '../timer-heap.js'
import { keep } from '../turn.js'
import { timeoutOf, type WaitOptions } from '../wait.js'
import { checkOptions } from './options.js'
import { checkSource, readerOf, type Source } from './source-of.js'

export interface RateLimitOptions {
  /** How many events `per` milliseconds; Infinity: no limit; 0: none beyond the first burst. */
  rate: number
  /** Milliseconds. Default 1000. */
  per?: number | undefined
  /** How many events may happen at once, after a pause. Default 1. */
  burst?: number | undefined
}

/** Events that have been promised to somebody at a time to come. */
export interface RateReservation {
  /** Whether they can be had at all; false if there are more than the burst. */
  readonly ok: boolean
  /** Milliseconds from now until they may happen; Infinity unless `ok`. */
  readonly delay: number
  /** Gives them back, as far as it does not concern what was promised since; to be called if they do not happen. */
  cancel(): void
}

interface Ticket {
  readonly n: number
  /** `performance.now()` when they may happen. */
  readonly at: number
}

const now = (): number => performance.now()

/**
 * Lets events happen at a rate, and in bursts after a pause: a bucket that holds up to `burst` tokens, is full at first, and gets `rate` more every
 * `per` milliseconds. Each event takes one. First come, first served. For one thread; nothing runs while nobody waits.
 *
 * After Go's `golang.org/x/time/rate`. Made by {@link rateLimit}.
 */
export class RateLimiter {
  #rate: number
  #burst: number
  /** Milliseconds for one token. */
  #interval: number
  readonly #per: number
  /** Below 0: promised before they were there. */
  #tokens: number
  #last = now()
  /** When the last event that was promised may happen. */
  #lastEvent = Number.NEGATIVE_INFINITY

  /** @internal */
  constructor(options: RateLimitOptions) {
    checkOptions('rateLimit', 'rate, per, burst', options)
    const { rate, per = 1000, burst = 1 } = options
    if (typeof per !== 'number') throw typeError(`per is a number of milliseconds, not ${show(per)}`)
    if (!(per > 0) || per === Number.POSITIVE_INFINITY)
      throw rangeError(`per is a number of milliseconds above 0, not ${show(per)}`)
    this.#per = per
    this.#rate = checkRate(rate)
    this.#interval = per / rate
    this.#burst = checkBurst(burst)
    this.#tokens = burst
  }

  /** Events in `per` milliseconds. */
  get rate(): number {
    return this.#rate
  }

  get burst(): number {
    return this.#burst
  }

  /** How many tokens there are now; below 0 while some wait. */
  get tokens(): number {
    this.#advance(now())
    return this.#tokens
  }

  /** Another rate from now on. What has been promised keeps its time. @throws TypeError, RangeError. */
  setRate(rate: number): void {
    checkRate(rate)
    this.#advance(now())
    this.#rate = rate
    this.#interval = this.#per / rate
  }

  /** Another burst from now on. @throws TypeError, RangeError. */
  setBurst(burst: number): void {
    checkBurst(burst)
    this.#advance(now())
    this.#burst = burst
  }

  /** Takes `n` tokens if they are there: whether it did. Never waits. @throws TypeError, RangeError. */
  tryTake(n = 1): boolean {
    checkTokens(n)
    if (this.#rate === Number.POSITIVE_INFINITY) return true
    this.#advance(now())
    if (n > this.#burst || this.#tokens < n) return false
    this.#take(n, now())
    return true
  }

  /**
   * Takes `n` tokens, and waits until they are there. A wait that is aborted gives its tokens back.
   *
   * @throws RangeError (ERR_OUT_OF_RANGE) if `n` is more than the burst, or the rate is 0 and they will never come; TimeoutError (ERR_TIMEOUT), at
   * once, if they come later than the timeout; the signal's reason.
   */
  wait(n = 1, options?: WaitOptions): Promise<void> {
    try {
      checkTokens(n)
      const timeout = timeoutOf(options)
      if (this.#rate === Number.POSITIVE_INFINITY) return keep(undefined)
      if (n > this.#burst) throw rangeError(`rate: Wait(n=${n}) exceeds limiter's burst ${this.#burst}`)
      const start = now()
      const delay = this.#delayOf(n, start)
      if (delay === Number.POSITIVE_INFINITY) throw rangeError(`rate: Wait(n=${n}) would never end: the rate is 0`)
      if (delay > timeout) throw new TimeoutError('wait', timeout)
      const ticket = this.#take(n, start + delay)
      if (delay <= 0) return keep(undefined)
      return new Promise((resolve, reject) => {
        const entry = new TimerEntry(() => {
          stopWatching()
          resolve()
        })
        const stopWatching = watchLimits('wait', Number.POSITIVE_INFINITY, options?.signal, (reason) => {
          timers.remove(entry)
          stopWatching()
          this.#giveBack(ticket)
          reject(reason())
        })
        timers.set(entry, ticket.at)
      })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Takes `n` tokens that may be to come, and says when they will be there: the caller waits by itself, or cancels. @throws TypeError, RangeError. */
  reserve(n = 1): RateReservation {
    checkTokens(n)
    if (this.#rate === Number.POSITIVE_INFINITY) return { ok: true, delay: 0, cancel() {} }
    const start = now()
    const delay = this.#delayOf(n, start)
    if (n > this.#burst || delay === Number.POSITIVE_INFINITY)
      return { ok: false, delay: Number.POSITIVE_INFINITY, cancel() {} }
    let ticket: Ticket | undefined = this.#take(n, start + delay)
    return {
      ok: true,
      get delay() {
        return Math.max(0, start + delay - now())
      },
      cancel: () => {
        if (ticket !== undefined) this.#giveBack(ticket)
        ticket = undefined
      },
    }
  }

  /**
   * The values of a source at the limiter's rate: as a loop, or as a stage of a pipeline that is written as a generator. Leaving the loop ends the source.
   *
   * @example
   * for await (const url of limiter.pace(urls)) await fetch(url)
   */
  async *pace<T>(source: Source<T>, options?: Pick<WaitOptions, 'signal'>): AsyncGenerator<T, void, undefined> {
    checkSource('pace', source)
    const { signal } = options ?? {}
    timeoutOf(options)
    const reader = readerOf(source, signal)
    try {
      for (;;) {
        // The token first: of what is read, nothing is held back.
        await this.wait(1, { signal })
        const next = await reader.next()
        if (next.done) {
          this.#advance(now())
          this.#tokens = Math.min(this.#burst, this.#tokens + 1)
          return
        }
        yield next.value
      }
    } finally {
      await reader.end()
    }
  }

  #advance(at: number): void {
    if (at <= this.#last) return
    const gained = this.#rate === 0 ? 0 : (at - this.#last) / this.#interval
    this.#tokens = Math.min(this.#burst, this.#tokens + gained)
    this.#last = at
  }

  /** Milliseconds from then until there are `n` tokens; 0 if they are there. */
  #delayOf(n: number, at: number): number {
    this.#advance(at)
    const missing = n - this.#tokens
    if (missing <= 0) return 0
    return this.#rate === 0 ? Number.POSITIVE_INFINITY : missing * this.#interval
  }

  #take(n: number, at: number): Ticket {
    this.#tokens -= n
    this.#lastEvent = Math.max(this.#lastEvent, at)
    return { n, at }
  }

  /** What was promised after it keeps its time: the tokens that this is based on do not come back. */
  #giveBack({ n, at }: Ticket): void {
    const time = now()
    if (at < time) return
    const later = this.#rate === 0 ? 0 : (this.#lastEvent - at) / this.#interval
    const back = n - later
    if (back <= 0) return
    this.#advance(time)
    this.#tokens = Math.min(this.#burst, this.#tokens + back)
    if (at === this.#lastEvent) this.#lastEvent = at - n * this.#interval
  }
}

function checkRate(rate: unknown): number {
  if (typeof rate !== 'number') throw typeError(`rate is a number of events, not ${show(rate)}`)
  if (!(rate >= 0)) throw rangeError(`rate is a number of events from 0, not ${show(rate)}`)
  return rate
}

function checkBurst(burst: unknown): number {
  if (typeof burst !== 'number') throw typeError(`burst is a number of events, not ${show(burst)}`)
  if (!Number.isInteger(burst) || burst < 0) throw rangeError(`burst is an integer from 0, not ${show(burst)}`)
  return burst
}

function checkTokens(n: unknown): void {
  if (typeof n !== 'number') throw typeError(`a number of tokens is an integer from 0, not ${show(n)}`)
  if (!Number.isInteger(n) || n < 0) throw rangeError(`a number of tokens is an integer from 0, not ${show(n)}`)
}

/**
 * A limiter of the rate of events: `rate` of them every `per` milliseconds, up to `burst` at once after a pause.
 *
 * @throws TypeError (ERR_INVALID_ARG_TYPE), RangeError (ERR_OUT_OF_RANGE) for options that make no sense.
 * @example
 * const limiter = rateLimit({ rate: 100, burst: 10 })
 * for (const request of requests) {
 *   await limiter.wait()
 *   void send(request)
 * }
 */
export function rateLimit(options: RateLimitOptions): RateLimiter {
  return new RateLimiter(options)
}
