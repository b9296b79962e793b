// The only place where an operation waits: try for a while, queue up, sleep. One driver blocks the thread, one awaits the event loop.

import type { Arena } from './arena.js'
import { BlockingNotAllowedError, rangeError, show, TimeoutError, typeError } from './errors.js'
import type { Pending } from './event-loop.js'
import {
  ARENA,
  ARENA_LIVE,
  BUSY,
  CANCELLED,
  DONE,
  OK,
  RETRY,
  THREAD_ASLEEP,
  THREAD_BELL,
  THREAD_PAUSE,
  TOKEN_BLOCKING,
  WAITER_OUTCOME,
  WAITER_STATE,
  WOULD_BLOCK,
} from './generated/layout.js'
import { watchLimits } from './limits.js'
import { platform } from './platform/index.js'

export interface WaitOptions {
  /** Milliseconds to wait at most. 0 or less tries once. Default: for ever. */
  timeout?: number | undefined
  /**
   * Ends the wait when it is aborted, with its reason. A blocked thread cannot notice an abort that happens in itself or arrives by its
   * event loop: for blocking calls the signal is looked at once, before the wait.
   */
  signal?: AbortSignal | undefined
}

/** An operation that would block now. */
export interface Operation {
  /**
   * Turns of the first pause between two tries. A channel with room for many values can wait for a handful of them: each then costs a
   * fraction of what it costs to pass them one by one between two processors that look at the same memory all the time.
   */
  readonly patience: number
  /** Tries once more: OK, WOULD_BLOCK, CLOSED, STALE, RETRY or BUSY. */
  attempt(): number
  /** Whether two threads must meet: then trying again is of no use until one of them has queued up. */
  readonly rendezvous: boolean
  /** Queues up: the address of the waiter, or NO_MEMORY, STALE or BUSY. */
  park(token: number): number
  /** Ends the wait of a waiter that has been parked, where `waiter_cancel` is not all there is to it: CANCELLED, DONE or BUSY. */
  cancel?(waiter: number): number
}

/** Outcome of a wait, beside the status codes of the core. */
export const TIMED_OUT = 100

/**
 * How long to try before sleeping: a sleep and a wake-up cost ten to a hundred microseconds, so it pays to try that long, if trying helps
 * at all. The limit follows what lately helped: long where the other side is at work on another processor, short where it waits for this
 * one or has nothing to say; and now and then a long try finds out whether that has changed. Turns are about a nanosecond each.
 */
class Spinner {
  readonly #most: number
  #limit: number
  #failures = 0

  constructor(most: number) {
    this.#most = platform.cpuCount > 1 ? most : 0
    this.#limit = this.#most
  }

  /** Tries the operation with growing pauses: its status, WOULD_BLOCK if it never got through. */
  spin(arena: Arena, operation: Operation): number {
    const { core } = arena
    const limit = this.#turns(arena)
    let spent = 0
    for (let turns = operation.patience; spent < limit; turns = Math.min(turns * 2, LONGEST_PAUSE)) {
      core.pause(turns)
      spent += turns
      const status = operation.attempt()
      if (!mustWait(status)) {
        this.#helped(spent)
        return status
      }
    }
    this.#failed()
    return WOULD_BLOCK
  }

  /** Waits with growing pauses for the waiter: whether its wait has ended. */
  watch(arena: Arena, waiter: number): boolean {
    const { core, i32 } = arena
    const state = (waiter + WAITER_STATE) >>> 2
    const limit = this.#turns(arena)
    let spent = 0
    for (let turns = FIRST_WATCH; spent < limit; turns = Math.min(turns + FIRST_WATCH, LONGEST_WATCH)) {
      if (ended(Atomics.load(i32, state))) {
        this.#helped(spent)
        return true
      }
      core.pause(turns)
      spent += turns
    }
    this.#failed()
    return ended(Atomics.load(i32, state))
  }

  /** How long to try this time. */
  #turns(arena: Arena): number {
    // Nobody else is there who could change anything.
    if (Atomics.load(arena.u32, (ARENA + ARENA_LIVE) >>> 2) < 2) return 0
    return this.#failures % PROBE_EVERY === PROBE_EVERY - 1 ? this.#most : this.#limit
  }

  #helped(spent: number): void {
    this.#limit = Math.min(this.#most, Math.max(this.#limit, 4 * spent))
    this.#failures = 0
  }

  #failed(): void {
    this.#failures++
    this.#limit -= this.#limit >> 2
  }
}

/** Whether an attempt has come to nothing so far: the channel is full or empty, or other threads were in the way. */
export function mustWait(status: number): boolean {
  return status === WOULD_BLOCK || status === RETRY || status === BUSY
}

function ended(state: number): boolean {
  return state === DONE || state === CANCELLED
}

/** Lets another thread have the processor for a moment: one that the system has stopped inside a section is in the way. */
export function nap(arena: Arena): void {
  if (arena.canBlock) Atomics.wait(arena.i32, (arena.slot + THREAD_PAUSE) >>> 2, 0, NAP)
  else arena.core.pause(LONGEST_PAUSE)
}

/** Milliseconds; the system makes it some 50 µs more. */
const NAP = 0.02

const SHORTEST_PAUSE = 32
const LONGEST_PAUSE = 1024

/** Operation.patience for a channel of that capacity. */
export function patienceFor(capacity: number): number {
  return Math.min(LONGEST_PAUSE, Math.max(SHORTEST_PAUSE, capacity))
}

const PROBE_EVERY = 16
const FIRST_WATCH = 8
const LONGEST_WATCH = 128
const blocking = new Spinner(100_000)
const meeting = new Spinner(100_000)
const awaiting = new Spinner(4_000)
const searching = new Spinner(20_000)
const hunting = new Spinner(50_000)

/** Tries the operation for a while: whether it succeeded. */
export function spin(arena: Arena, operation: Operation): boolean {
  return blocking.spin(arena, operation) === OK
}

/** As `spin`, for an event loop that is about to sleep. */
export function search(arena: Arena, operation: Operation): boolean {
  return searching.spin(arena, operation) === OK
}

/** As `spin`, for a worker that looks for tasks. */
export function hunt(arena: Arena, operation: Operation): boolean {
  return hunting.spin(arena, operation) === OK
}

/** Watches a waiter for a while: whether its wait has ended. */
export function meet(arena: Arena, waiter: number): boolean {
  return meeting.watch(arena, waiter)
}

/** Queues up: the waiter, or a status below ARENA. */
function park(arena: Arena, queueUp: Operation['park'], token: number): number {
  for (;;) {
    const waiter = queueUp(token)
    if (waiter !== BUSY) return waiter
    nap(arena)
  }
}

/** Ends the wait of a waiter unless it has ended: whether it did. As every look at a queue this may complete others, so: poll after it. */
export function cancel(arena: Arena, waiter: number, operation?: Operation): boolean {
  for (;;) {
    const state = operation?.cancel === undefined ? arena.core.waiter_cancel(waiter) : operation.cancel(waiter)
    if (state !== BUSY) return state === CANCELLED
    nap(arena)
  }
}

/** The timeout in ms, Infinity for none. Throws where the options are wrong, or the signal has been aborted. */
export function timeoutOf(options: WaitOptions | undefined): number {
  if (options === undefined) return Number.POSITIVE_INFINITY
  if (typeof options !== 'object' || options === null)
    throw typeError(`the options are an object { timeout, signal }, not ${show(options)}`)
  const { timeout, signal } = options
  if (signal !== undefined) {
    if (!(signal instanceof AbortSignal)) throw typeError(`signal is an AbortSignal, not ${show(signal)}`)
    signal.throwIfAborted()
  }
  if (timeout === undefined) return Number.POSITIVE_INFINITY
  if (typeof timeout !== 'number') throw typeError(`timeout is a number of milliseconds, not ${show(timeout)}`)
  if (Number.isNaN(timeout)) throw rangeError('timeout is a number of milliseconds, not NaN')
  return Math.max(0, timeout)
}

/** What is left of a timeout that began then. */
export function left(timeout: number, since: number): number {
  return timeout === Number.POSITIVE_INFINITY ? timeout : Math.max(0, timeout - (performance.now() - since))
}

/** Throws unless this thread may block. */
export function requireBlocking({ canBlock }: { canBlock: boolean }, method: string, twin: string): void {
  if (!canBlock) throw new BlockingNotAllowedError(method, twin)
}

/**
 * Blocks until the operation is done: the waiter in state DONE, whose outcome the caller reads and which it releases; or a status below
 * ARENA if it never had to sleep, or TIMED_OUT. `timeout` in ms.
 */
export function waitSync(arena: Arena, operation: Operation, timeout: number): number {
  if (timeout === 0) return TIMED_OUT
  const deadline = timeout === Number.POSITIVE_INFINITY ? timeout : performance.now() + timeout
  if (!operation.rendezvous) {
    const status = blocking.spin(arena, operation)
    if (status !== WOULD_BLOCK) return status
  }
  const waiter = park(arena, operation.park, TOKEN_BLOCKING)
  arena.loop.poll()
  if (waiter < ARENA) return waiter
  if (operation.rendezvous && meeting.watch(arena, waiter)) return waiter
  for (;;) {
    const left = deadline === Number.POSITIVE_INFINITY ? -1 : Math.max(0, deadline - performance.now())
    if (left === 0) {
      const cancelled = cancel(arena, waiter, operation)
      arena.loop.poll()
      if (!cancelled) return waiter
      arena.core.waiter_release(waiter)
      return TIMED_OUT
    }
    if (sleep(arena, waiter, left)) return waiter
  }
}

/**
 * Sleeps until the wait has ended, but once only, and at most `ms` milliseconds (< 0: for ever). Returns whether it has. The twin of
 * waiter_wait in assembly/waiter.ts, on the same words: V8's baseline compiler for WebAssembly (seen with Node 20) loses values that a
 * function holds across `memory.atomic.wait32`, so the core itself never sleeps.
 */
export function sleep(arena: Arena, waiter: number, ms: number): boolean {
  const { i32, slot } = arena
  const state = (waiter + WAITER_STATE) >>> 2
  if (ended(Atomics.load(i32, state))) return true
  const bell = (slot + THREAD_BELL) >>> 2
  const rings = Atomics.load(i32, bell)
  arena.share()
  // Dekker with ring in waiter.ts: we say that we sleep, then look at the waiter; it changes the waiter, then looks whether we sleep.
  Atomics.store(i32, (slot + THREAD_ASLEEP) >>> 2, 1)
  if (!ended(Atomics.load(i32, state))) Atomics.wait(i32, bell, rings, ms < 0 ? Number.POSITIVE_INFINITY : ms)
  Atomics.store(i32, (slot + THREAD_ASLEEP) >>> 2, 0)
  return ended(Atomics.load(i32, state))
}

/**
 * Awaits the operation. `finish` turns its end into a result or throws: it gets a waiter in state DONE (freed after), or a status below
 * ARENA. Timeout and abort reject by themselves, and then nothing has happened.
 */
export function waitAsync<R>(
  arena: Arena,
  operation: Operation,
  what: string,
  timeout: number,
  signal: AbortSignal | undefined,
  finish: (end: number) => R,
): Promise<R> {
  if (timeout === Number.POSITIVE_INFINITY && signal === undefined) return waitUnlimited(arena, operation, finish)
  return new Promise<R>((resolve, reject) => {
    if (timeout === 0) throw new TimeoutError(what, timeout)
    if (!operation.rendezvous) {
      const status = awaiting.spin(arena, operation)
      if (status !== WOULD_BLOCK) {
        resolve(finish(status))
        return
      }
    }
    const { core, loop } = arena
    let stopWatching: (() => void) | undefined
    const token = loop.add({
      complete(_outcome, waiter) {
        stopWatching?.()
        try {
          resolve(finish(waiter))
        } catch (error) {
          reject(error)
        }
      },
    })
    const waiter = park(arena, operation.park, token)
    if (waiter < ARENA) {
      loop.remove(token)
      loop.poll()
      resolve(finish(waiter))
      return
    }
    if (timeout !== Number.POSITIVE_INFINITY || signal !== undefined) {
      const giveUp = (reason: () => unknown): void => {
        // Too late: the operation has happened, and its promise resolves with the next poll.
        if (!cancel(arena, waiter, operation)) {
          loop.poll()
          return
        }
        stopWatching?.()
        core.waiter_release(waiter)
        loop.remove(token)
        loop.poll()
        reject(reason())
      }
      stopWatching = watchLimits(what, timeout, signal, giveUp)
    }
    loop.start()
  })
}

/** As waitAsync, without limits: a pending operation then takes little memory. */
function waitUnlimited<R>(arena: Arena, operation: Operation, finish: (end: number) => R): Promise<R> {
  if (!operation.rendezvous) {
    const status = awaiting.spin(arena, operation)
    if (status !== WOULD_BLOCK) {
      try {
        return Promise.resolve(finish(status))
      } catch (error) {
        return Promise.reject(error)
      }
    }
  }
  return meetAsync(arena, operation.park, finish)
}

type Settle = (value: never) => void
let resolveNext: Settle
let rejectNext: Settle
// One for all, so that a pending operation costs no closure.
const executor = (resolve: Settle, reject: Settle): void => {
  resolveNext = resolve
  rejectNext = reject
}

/** What meetAsync waits for. */
class Meeting<R> implements Pending {
  readonly finish: (end: number) => R
  readonly promise: Promise<R>
  readonly resolve: (result: R) => void
  readonly reject: (reason: unknown) => void

  constructor(finish: (end: number) => R) {
    this.finish = finish
    this.promise = new Promise<R>(executor as never)
    this.resolve = resolveNext as never
    this.reject = rejectNext as never
  }

  complete(_outcome: number, end: number): void {
    try {
      this.resolve(this.finish(end))
    } catch (error) {
      this.reject(error)
    }
  }
}

/** As waitAsync, for a rendezvous without limits: the hot path of tasks that meet on one event loop. */
export function meetAsync<R>(arena: Arena, queueUp: Operation['park'], finish: (end: number) => R): Promise<R> {
  const { loop } = arena
  const meeting = new Meeting(finish)
  const token = loop.add(meeting)
  const waiter = park(arena, queueUp, token)
  if (waiter < ARENA) {
    loop.remove(token)
    loop.poll()
    meeting.complete(0, waiter)
  } else loop.start()
  return meeting.promise
}

/** The outcome of an ended wait. */
export function outcomeOf(arena: Arena, end: number): number {
  return end < ARENA ? end : (arena.u32[(end + WAITER_OUTCOME) >>> 2] as number)
}

/** Frees the waiter of an ended blocking wait, if there was one. */
export function release(arena: Arena, end: number): void {
  if (end >= ARENA) arena.core.waiter_release(end)
}
