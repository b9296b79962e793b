// Gate: where threads wait until something may have changed (an event count), on a channel without capacity.
//
// Who waits parks as a receiver, then looks again; who changes something looks afterwards whether a receiver is parked (one load of a line that
// seldom changes), and then passes a token to every one of them. One of the two sees the other. A token says nothing but: look again.

import type { Arena } from './arena.js'
import { ArenaFullError, StaleHandleError, TimeoutError } from './errors.js'
import { ARENA, CHANNEL_RECEIVERS, HEAD_STATE, NO_MEMORY, OK, TOKEN_BLOCKING, WAITER_BYTES, WOULD_BLOCK } from './generated/layout.js'
import { cancel, type Operation, patienceFor, release, TIMED_OUT, waitAsync, waitSync } from './wait.js'

/** Tokens passed on in one go, lest waiters who come back at once keep their teller for ever. */
const MOST = 1000

export class Gate {
  readonly #arena: Arena
  readonly #at: number
  readonly #open: number
  readonly #state: number
  /** Called when somebody has come to wait. */
  readonly #parked: (() => void) | undefined

  /** `at` is the address of a channel of 32-bit values without capacity, `open` its HEAD_STATE. */
  constructor(arena: Arena, at: number, open: number, parked?: () => void) {
    this.#arena = arena
    this.#at = at
    this.#open = open
    this.#state = (at + HEAD_STATE) >>> 2
    this.#parked = parked
  }

  /** Whether somebody waits. To be asked after the change. */
  get waited(): boolean {
    return (Atomics.load(this.#arena.i32, this.#state) & CHANNEL_RECEIVERS) !== 0
  }

  /** Makes all who wait look again. */
  signal(): void {
    const { core, loop } = this.#arena
    for (let n = 0; n < MOST && this.waited; n++) core.channel_trySend32(this.#at, this.#open, 0)
    loop.poll()
  }

  /** Blocks until `check` says true; false if that has not come about in `timeout` ms. `check` must not throw while this waits in vain. */
  waitSync(check: () => boolean, timeout: number): boolean {
    const arena = this.#arena
    const deadline = performance.now() + timeout
    for (;;) {
      const end = waitSync(arena, this.#operation(check), Math.max(0, deadline - performance.now()))
      if (end === TIMED_OUT) return check()
      if (end >= ARENA) release(arena, end)
      else if (end === OK) return true
      else throw this.#error(end)
      if (check()) return true
    }
  }

  /** Awaits that `check` says true. @throws TimeoutError, or the signal's reason. */
  async wait(check: () => boolean, what: string, timeout: number, signal: AbortSignal | undefined): Promise<void> {
    const deadline = performance.now() + timeout
    for (;;) {
      let fine = false
      const look = (): boolean => {
        fine ||= check()
        return fine
      }
      const left = Math.max(0, deadline - performance.now())
      let end: number
      try {
        end = await waitAsync(this.#arena, this.#operation(look), what, left, signal, (status) => status)
      } catch (error) {
        if (error instanceof TimeoutError) {
          if (look()) return
          throw new TimeoutError(what, timeout)
        }
        throw error
      }
      if (end < ARENA && end !== OK) throw this.#error(end)
      if (look()) return
    }
  }

  #operation(check: () => boolean): Operation {
    const arena = this.#arena
    const { core } = arena
    return {
      patience: patienceFor(0),
      rendezvous: false,
      attempt: () => (check() ? OK : WOULD_BLOCK),
      park: (token) => {
        const waiter = core.channel_parkReceive(this.#at, this.#open, token)
        if (waiter < ARENA) return waiter
        this.#parked?.()
        // Dekker with `waited`: we are in the queue and look; the other side changes what we look at, then looks at the queue.
        if (!check()) return waiter
        const cancelled = cancel(arena, waiter)
        // An async waiter that has got its token already is on its way to the event loop.
        if (!cancelled && token !== TOKEN_BLOCKING) return waiter
        core.waiter_release(waiter)
        return OK
      },
    }
  }

  #error(status: number): Error {
    if (status !== NO_MEMORY) return new StaleHandleError('the gate')
    return new ArenaFullError('a waiter', WAITER_BYTES, 0, this.#arena.size)
  }
}

