// A gate: where threads wait for a condition on shared memory that only they can judge, such as room in a pipe, or free memory. Who makes the
// condition true tells one who waits (or all), who then looks again: being told too often costs a look, being told too seldom cannot happen.
//
// A gate is a channel of codec `unit` and capacity 0 that nobody else knows of: who waits is a parked receiver, who tells is a sender that finds
// one. So timeouts, aborts, event loops and the death of threads are the business of the waiters that channels have anyway.

import type { Arena } from './arena.js'
import { unit } from './codec/index.js'
import { TimeoutError } from './errors.js'
import {
  ARENA,
  BUSY,
  CHANNEL_RECEIVERS,
  CHANNEL_RECVQ,
  CHANNEL_SLOTS,
  HEAD_STATE,
  OK,
  QUEUE_FIRST,
  RETRY,
  WOULD_BLOCK,
} from './generated/layout.js'
import { cancel, mustWait, nap, type Operation, outcomeOf, release, TIMED_OUT, waitAsync, waitSync } from './wait.js'

/**
 * Tries what is waited for: a status of the core, WOULD_BLOCK if it must wait on. On OK it has been done, and whatever came of it is the
 * caller's to keep. It may be called inside any call that polls the event loop; what it throws, the wait throws.
 */
export type Attempt = () => number

export class Gate {
  readonly arena: Arena
  readonly at: number
  readonly open: number
  /** @internal Called when somebody has come to wait. */
  readonly parked: (() => void) | undefined
  readonly #state: number
  readonly #first: number

  constructor(arena: Arena, at: number, open: number, parked?: () => void) {
    this.arena = arena
    this.at = at
    this.open = open
    this.parked = parked
    this.#state = (at + HEAD_STATE) >>> 2
    this.#first = (at + CHANNEL_RECVQ + QUEUE_FIRST) >>> 2
  }

  /** A new gate. `what` it is for, in the error that there is no room for it. */
  static create(arena: Arena, what: string): Gate {
    const at = arena.made(arena.core.channel_create(0, 0, unit.id), what, CHANNEL_SLOTS)
    return new Gate(arena, at, arena.openState(at))
  }

  /** Frees it. Who waits is told, and hears STALE. */
  dispose(): void {
    this.arena.core.channel_dispose(this.at, this.open)
    this.arena.loop.poll()
  }

  /** Whether anybody waits. One load. Dekker with `#park`: to be called after what may have made the condition true. */
  get awaited(): boolean {
    return (Atomics.load(this.arena.i32, this.#state) & CHANNEL_RECEIVERS) !== 0
  }

  /** Tells the one who has waited longest, if anybody waits. */
  signal(): void {
    if (this.awaited) this.wake()
  }

  /**
   * Tells all who wait: for conditions that differ from one to another. First come, first served, so who is first a second time has come back,
   * having looked again in vain, and all who were here before have been told.
   */
  signalAll(): void {
    const told = new Set<number>()
    while (this.awaited) {
      const first = Atomics.load(this.arena.i32, this.#first)
      if (told.has(first)) return
      this.wake()
      told.add(first)
    }
  }

  /** As `signal`, where the core has said that somebody waits. */
  wake(): void {
    const { arena } = this
    for (;;) {
      arena.core.channel_trySend32(this.at, this.open, 0)
      const status = arena.status()
      if (status !== RETRY && status !== BUSY) break
      if (status === BUSY) nap(arena)
    }
    arena.loop.poll()
  }

  /** Blocks until an attempt says something else than WOULD_BLOCK: that; or STALE, NO_MEMORY or TIMED_OUT. The caller has tried once. `timeout` in ms. */
  waitSync(attempt: Attempt, timeout: number, patience: number): number {
    const { arena } = this
    const deadline = performance.now() + timeout
    let told = false
    for (let left = timeout; ; left = Math.max(0, deadline - performance.now())) {
      const operation = new Wait(this, attempt, patience)
      const end = waitSync(arena, operation, left)
      const status = operation.finish(end)
      release(arena, end)
      // Told, and gone without having done anything: it is for the next one.
      if (told && status === TIMED_OUT) this.signal()
      if (!mustWait(status)) return operation.ended(status)
      told = true
    }
  }

  /** As `waitSync`, awaiting: rejects with TimeoutError or the signal's reason, and then nothing has been done. */
  async waitAsync(
    attempt: Attempt,
    what: string,
    timeout: number,
    signal: AbortSignal | undefined,
    patience: number,
  ): Promise<number> {
    const deadline = performance.now() + timeout
    let told = false
    try {
      for (let left = timeout; ; left = Math.max(0, deadline - performance.now())) {
        const operation = new Wait(this, attempt, patience)
        const status = await waitAsync(this.arena, operation, what, left, signal, (end) => operation.finish(end))
        if (!mustWait(status)) return operation.ended(status)
        told = true
        signal?.throwIfAborted()
      }
    } catch (error) {
      if (told) this.signal()
      throw error instanceof TimeoutError && error !== signal?.reason ? new TimeoutError(what, timeout) : error
    }
  }
}

/** One wait at a gate: until it is told once. */
class Wait implements Operation {
  readonly patience: number
  readonly rendezvous = false
  readonly #attempt: Attempt
  readonly #gate: Gate
  #error: unknown
  /** What an attempt has said while its waiter was being told: then it counts, and not that. */
  #early: number | undefined

  constructor(gate: Gate, attempt: Attempt, patience: number) {
    this.#gate = gate
    this.#attempt = attempt
    this.patience = patience
  }

  readonly attempt = (): number => {
    try {
      return this.#attempt()
    } catch (error) {
      this.#error = error
      return THREW
    }
  }

  readonly park = (token: number): number => {
    const { arena, at, open } = this.#gate
    const waiter = arena.core.channel_parkReceive(at, open, token)
    if (waiter < ARENA) return waiter
    this.#gate.parked?.()
    // Dekker: parking has raised the flag that who signals looks at, after changing what we look at now. What the attempt does may make this very
    // thread signal us, by way of another operation of its event loop.
    arena.loop.paused++
    const status = this.attempt()
    arena.loop.paused--
    if (mustWait(status)) return waiter
    if (cancel(arena, waiter)) {
      arena.core.waiter_release(waiter)
      return status
    }
    this.#early = status
    return waiter
  }

  /** The status with which the wait has ended, by `end` as waitSync gives it; WOULD_BLOCK if it has to go on. */
  finish(end: number): number {
    if (this.#early === undefined) {
      const outcome = outcomeOf(this.#gate.arena, end)
      if (end < ARENA || outcome !== OK) return outcome
    }
    const status = this.#early ?? this.attempt()
    // What made room for one may have made room for more.
    if (!mustWait(status)) this.#gate.signal()
    return mustWait(status) ? WOULD_BLOCK : status
  }

  /** The status with which a wait has ended; throws what the attempt has thrown. */
  ended(status: number): number {
    if (status === THREW) throw this.#error
    return status
  }
}

/** Instead of a status: see Wait.ended. */
const THREW = 101
