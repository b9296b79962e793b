// The waiting of a select: one driver blocks the thread, one awaits the event loop; see wait.ts for single operations.

import { TimeoutError } from './errors.js'
import type { Pending } from './event-loop.js'
import { TOKEN_BLOCKING } from './generated/layout.js'
import { watchLimits } from './limits.js'
import { doze } from './local-channel.js'
import { selectWithMemory, shortSync } from './select-memory.js'
import type { Arm, Hit, Round } from './select-round.js'
import { keep } from './turn.js'
import { meet, sleep, spin } from './wait.js'

/** Does a case that is ready: whether there was one. @throws TimeoutError if there was none at one moment and `timeout` is 0. */
export function selectAtOnce(round: Round, timeout: number): boolean {
  round.patient = timeout !== 0
  if (timeout !== 0) return round.attempt()
  if (round.tryNow()) return true
  throw new TimeoutError('select', timeout)
}

/** Blocks until one case is done, after none could be done at once. `timeout` in ms. */
export function selectBlocking(round: Round, timeout: number): void {
  const deadline = performance.now() + timeout
  try {
    do {
      if (round.short ? shortSync(round, deadline) : waitOnce(round, deadline)) return
      if (round.attempt()) return
    } while (performance.now() < deadline)
  } finally {
    round.arena?.loop.poll()
  }
  throw new TimeoutError('select', timeout)
}

/** Waits until one case is done (true), or another attempt is due. */
function waitOnce(round: Round, deadline: number): boolean {
  const { arena, operation } = round
  if (arena === undefined) {
    doze(Math.min(round.readyAt(), deadline))
    return false
  }
  if (!operation.rendezvous && spin(arena, operation)) return true
  try {
    round.park(TOKEN_BLOCKING)
  } catch (error) {
    if (!round.short) throw error
    return shortSync(round, deadline)
  }
  const { waiter } = round
  let ended = operation.rendezvous && meet(arena, waiter)
  while (!ended) {
    const until = Math.min(round.readyAt(), deadline)
    const left = until === Number.POSITIVE_INFINITY ? -1 : Math.max(0, until - performance.now())
    if (left === 0 && round.cancel()) {
      round.unpark()
      return false
    }
    ended = left === 0 || sleep(arena, waiter, left)
  }
  return round.conclude()
}

/** Awaits one case. `timeout` in ms. */
export function selectAsync(round: Round, timeout: number, signal: AbortSignal | undefined): Promise<Hit> {
  if (selectAtOnce(round, timeout)) return keep(round.result())
  if (!round.sends) return selectQueued(round, timeout, signal)
  return selectWithMemory(round, timeout, signal, (left) => selectQueued(round, left, signal))
}

/** Awaits one case in the queues of the channels. */
function selectQueued(round: Round, timeout: number, signal: AbortSignal | undefined): Promise<Hit> {
  return new Promise((resolve, reject) => {
    const loop = round.arena?.loop
    let over = false
    let token = 0
    const unsubscribe: (() => void)[] = []
    let stopWatching = (): void => {}

    const finish = (): void => {
      over = true
      stopWatching()
      for (const stop of unsubscribe) stop()
      if (!round.reusable) round.release()
    }
    const succeed = (): void => {
      const hit = round.result()
      finish()
      resolve(hit)
    }
    const fail = (error: unknown): void => {
      finish()
      reject(error)
    }
    const pending: Pending = {
      keeps: true,
      complete: () => {
        try {
          if (round.conclude() || round.attempt()) succeed()
          else wait()
        } catch (error) {
          fail(error)
        }
      },
    }
    const wait = (): void => {
      if (loop === undefined) return
      token = loop.add(pending)
      try {
        round.park(token)
      } catch (error) {
        loop.remove(token)
        loop.poll()
        throw error
      }
      loop.start()
    }
    /** Ends the wait for the channels: false if one of them was faster. */
    const claim = (): boolean => {
      if (over) return false
      if (loop === undefined) return true
      if (!round.cancel()) {
        // It completes with the next poll.
        loop.poll()
        return false
      }
      round.unpark()
      loop.remove(token)
      loop.poll()
      return true
    }
    const subscribe = (arm: Arm): (() => void) | undefined => {
      const { source } = arm
      return source?.subscribe(() => {
        if (!claim()) return false
        try {
          const next = source.take()
          if (next !== undefined && (round.took(arm, next) || round.attempt())) {
            succeed()
            return true
          }
          wait()
          // One of several sources of a merge has ended: it is asked no more.
          return next !== undefined
        } catch (error) {
          fail(error)
          return true
        }
      })
    }

    try {
      wait()
    } catch (error) {
      fail(error)
      return
    }
    if (over) return
    for (const arm of round.sources) {
      const stop = subscribe(arm)
      if (stop !== undefined) unsubscribe.push(stop)
    }
    stopWatching = watchLimits('select', timeout, signal, (reason) => {
      if (claim()) fail(reason())
      else if (!over) stopWatching()
    })
  })
}
