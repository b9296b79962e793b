// Go's package time: sleeping, timers and tickers. Durations are milliseconds, fractions allowed; times are `performance.now()` of this
// thread, a clock that only goes forward. Nothing happens before its time. All of it belongs to its thread and has no handle.

import { Clock, silence } from './clock.js'
import { rangeError, show, typeError } from './errors.js'
import { watchLimits } from './limits.js'
import { doze, LocalChannel } from './local-channel.js'
import { platform } from './platform/index.js'
import { TimerEntry, timers } from './timer-heap.js'
import { requireBlocking, timeoutOf, type WaitOptions } from './wait.js'

/** The channel of what has none: nobody ever sends on it, like Go's nil. */
const SILENT = new LocalChannel<number>(silence)

function duration(ms: unknown): number {
  if (typeof ms !== 'number' || Number.isNaN(ms))
    throw typeError(`a duration is a number of milliseconds, not ${show(ms)}`)
  return ms
}

function period(ms: unknown, what: string): number {
  if (duration(ms) <= 0) throw rangeError(`non-positive interval for ${what}`)
  return ms as number
}

/** A call that is to happen later, in a turn of the event loop of its own. */
class Call {
  /** The start that counts: a call that was stopped or started anew while its turn was coming is of an earlier one. */
  #start = 0
  #pending = false
  readonly #entry: TimerEntry

  constructor(callback: () => void) {
    this.#entry = new TimerEntry(() => {
      const start = this.#start
      platform.nextTurn(() => {
        if (!this.#pending || this.#start !== start) return
        this.#pending = false
        callback()
      })
    })
  }

  start(ms: number): boolean {
    const pending = this.stop()
    this.#start++
    this.#pending = true
    timers.set(this.#entry, performance.now() + Math.max(0, ms))
    return pending
  }

  stop(): boolean {
    const pending = this.#pending
    this.#pending = false
    timers.remove(this.#entry)
    return pending
  }
}

/**
 * One event in the future: `channel` delivers the time at which it was due, or, if made by {@link afterFunc}, a function is called.
 *
 * Nothing runs for a timer whose channel nobody waits on: there is no need to stop it.
 *
 * @example
 * const timer = new Timer(50)
 * await timer.channel.receive() // 50 ms later
 * timer.reset(20)
 */
export class Timer {
  /** Delivers one value for each start. */
  readonly channel: LocalChannel<number>
  readonly #work: Clock | Call

  /** Starts. 0 or less is due now, Infinity never. @throws TypeError (ERR_INVALID_ARG_TYPE) unless it is a number. */
  constructor(ms: number)
  /** @internal */
  constructor(ms: number, callback: () => void)
  constructor(ms: number, callback?: () => void) {
    if (callback === undefined) {
      const clock = new Clock()
      this.#work = clock
      this.channel = new LocalChannel(clock)
    } else {
      this.#work = new Call(callback)
      this.channel = SILENT
    }
    this.#work.start(duration(ms))
  }

  /**
   * Keeps the timer from firing. Nothing is received afterwards, not even a value that lay ready. Who waits on the channel waits on.
   *
   * @returns whether this call did it: false if it was stopped before, or its value was received, or its function called.
   * @throws TypeError (`called on uninitialized Timer`) for what is no timer.
   */
  stop(): boolean {
    return Timer.#workOf(this).stop()
  }

  /**
   * Starts anew, as if made now. A value that lay ready is gone. One of those who wait on the channel gets the new one.
   *
   * @returns what `stop` would have: whether it was still going to fire.
   * @throws TypeError (`called on uninitialized Timer`; ERR_INVALID_ARG_TYPE unless `ms` is a number).
   */
  reset(ms: number): boolean {
    return Timer.#workOf(this).start(duration(ms))
  }

  static #workOf(timer: Timer): Clock | Call {
    if (!(#work in timer)) throw typeError('called on uninitialized Timer')
    return timer.#work
  }
}

/**
 * Fires every `ms` milliseconds, counted from the start: `channel` delivers the times at which it was due. For a receiver that is late one
 * tick lies ready, the oldest; those after it are dropped, and the next one comes on the grid again.
 *
 * Nothing runs for a ticker whose channel nobody waits on: there is no need to stop it.
 *
 * @example
 * const ticker = new Ticker(1000)
 * for await (const time of ticker.channel) if (!work(time)) break
 */
export class Ticker {
  readonly channel: LocalChannel<number>
  readonly #clock: Clock

  /** Starts. The first tick comes after `ms` milliseconds. @throws RangeError (ERR_OUT_OF_RANGE, `non-positive interval for NewTicker`); TypeError. */
  constructor(ms: number) {
    period(ms, 'NewTicker')
    this.#clock = new Clock()
    this.#clock.start(ms, true)
    this.channel = new LocalChannel(this.#clock)
  }

  /** No more ticks, not even one that lay ready. Does not close the channel: who waits on it waits on. */
  stop(): void {
    if (#clock in this) this.#clock.stop()
  }

  /**
   * Starts anew with another period: the next tick comes after `ms` milliseconds. A tick that lay ready is gone.
   *
   * @throws RangeError (ERR_OUT_OF_RANGE, `non-positive interval for Ticker.reset`); TypeError.
   */
  reset(ms: number): void {
    period(ms, 'Ticker.reset')
    if (!(#clock in this)) throw typeError('called on uninitialized Ticker')
    this.#clock.start(ms, true)
  }
}

/**
 * The channel of a new timer: delivers one value, the time at which it was due, and then nothing more. What nobody waits on is garbage as
 * soon as nobody refers to it, so it may be made anew for each `select`.
 *
 * @throws TypeError (ERR_INVALID_ARG_TYPE) unless it is a number; 0 or less is due now, Infinity never.
 */
export function after(ms: number): LocalChannel<number> {
  return new Timer(ms).channel
}

/**
 * The channel of a new ticker. For 0 or less one that never delivers, as Go's nil.
 *
 * @throws TypeError (ERR_INVALID_ARG_TYPE) unless it is a number.
 */
export function tick(ms: number): LocalChannel<number> {
  return duration(ms) <= 0 ? SILENT : new Ticker(ms).channel
}

/**
 * Calls the function in `ms` milliseconds, in a turn of the event loop of its own: what it throws is an uncaught error, as with setTimeout,
 * and disturbs no other. Keeps the process alive until then. A thread that blocks calls it afterwards.
 *
 * @returns the timer, to stop or to reset it; its channel never delivers.
 * @throws TypeError (ERR_INVALID_ARG_TYPE).
 */
export function afterFunc(ms: number, callback: () => void): Timer {
  if (typeof callback !== 'function') throw typeError(`afterFunc calls a function, not ${show(callback)}`)
  return new Timer(ms, callback)
}

/**
 * Resolves in `ms` milliseconds, after at least one turn of the event loop; for Infinity never. Keeps the process alive until then.
 *
 * @throws the signal's reason; TypeError (ERR_INVALID_ARG_TYPE) unless `ms` is a number.
 */
export function sleep(ms: number, options?: Pick<WaitOptions, 'signal'>): Promise<void> {
  return new Promise((resolve, reject) => {
    const at = performance.now() + Math.max(0, duration(ms))
    timeoutOf(options)
    const entry = new TimerEntry(() => {
      stopWatching()
      resolve()
    })
    const stopWatching = watchLimits('sleep', Number.POSITIVE_INFINITY, options?.signal, (reason) => {
      timers.remove(entry)
      stopWatching()
      reject(reason())
    })
    timers.set(entry, at)
  })
}

/**
 * Blocks this thread for `ms` milliseconds; for Infinity for ever. Nothing else runs in it meanwhile.
 *
 * @throws BlockingNotAllowedError (ERR_BLOCKING_NOT_ALLOWED); TypeError (ERR_INVALID_ARG_TYPE) unless `ms` is a number.
 */
export function sleepSync(ms: number): void {
  requireBlocking(platform, 'sleepSync', 'sleep')
  const until = performance.now() + duration(ms)
  while (performance.now() < until) doze(until)
}
