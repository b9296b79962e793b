// The waiting of a select: one driver blocks the thread, one awaits the event loop; see wait.ts for single operations.

import { TimeoutError } from './errors.js'
import type { Pending } from './event-loop.js'
import { TOKEN_BLOCKING } from './generated/layout.js'
import { watchLimits } from './limits.js'
import { doze } from './local-channel.js'
import type { Arm, Hit, Round } from './select-round.js'
import { keep } from './turn.js'
import { meet, pollSelf, sleep, spin } from './wait.js'

/** Blocks until one case is done. `timeout` in ms. */
export function selectBlocking(round: Round, timeout: number): void {
  if (timeout === 0 ? round.tryNow() : round.attempt()) return
  if (timeout === 0) throw new TimeoutError('select', timeout)
  const deadline = performance.now() + timeout
  try {
    do {
      if (waitOnce(round, deadline)) return
      if (round.attempt()) return
    } while (performance.now() < deadline)
  } finally {
    if (round.arena !== undefined) pollSelf(round.arena)
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
  round.park(TOKEN_BLOCKING)
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
  if (timeout === 0 ? round.tryNow() : round.attempt()) return keep(round.result())
  if (timeout === 0) throw new TimeoutError('select', timeout)
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
        const next = source.take()
        if (next === undefined) {
          wait()
          return false
        }
        round.took(arm, next)
        succeed()
        return true
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
