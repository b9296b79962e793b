// A select with a send case for which the arena has no memory: it waits for memory, and looks at its other cases meanwhile, whenever somebody frees
// something and from time to time.

import type { Arena } from './arena.js'
import { ArenaFullError, TimeoutError } from './errors.js'
import type { Hit, Round } from './select-round.js'

/** Blocks until a case is done (true), or there is memory or no time left (false). `deadline` as `performance.now()`. */
export function shortSync(round: Round, deadline: number): boolean {
  const { check, done } = look(round)
  const arena = round.arena as Arena
  while (performance.now() < deadline && !arena.hungrySync(check, slice(round, deadline)) && !check());
  return done()
}

/** As `shortSync`, awaiting. @throws TimeoutError at the deadline; the signal's reason. */
export async function short(round: Round, deadline: number, signal: AbortSignal | undefined): Promise<boolean> {
  const { check, done } = look(round)
  const arena = round.arena as Arena
  for (;;) {
    try {
      await arena.hungry(check, 'select', slice(round, deadline), signal)
      break
    } catch (error) {
      if (!(error instanceof TimeoutError) || error === signal?.reason) throw error
      if (check()) break
      if (performance.now() >= deadline) throw error
    }
  }
  return done()
}

/** Awaits one case, waiting for memory as often as it takes. `wait` awaits it in the queues of the channels. */
export async function selectWithMemory(
  round: Round,
  timeout: number,
  signal: AbortSignal | undefined,
  wait: (left: number) => Promise<Hit>,
): Promise<Hit> {
  const deadline = performance.now() + timeout
  try {
    for (let lacks = round.short; ; lacks = true) {
      if (lacks && (await short(round, deadline, signal))) return round.result()
      try {
        return await wait(Math.max(0, deadline - performance.now()))
      } catch (error) {
        if (!(error instanceof ArenaFullError) || !round.short) throw error
      }
    }
  } catch (error) {
    throw error instanceof TimeoutError && error !== signal?.reason ? new TimeoutError('select', timeout) : error
  } finally {
    if (!round.reusable) round.release()
  }
}

/** What looks for an end: a case that can be done, or memory. */
function look(round: Round): { check: () => boolean; done: () => boolean } {
  let done = false
  const check = (): boolean => {
    done ||= round.attempt()
    return done || round.hasRoom()
  }
  return { check, done: () => done }
}

/** How long to wait at most before another look: until a timer among the cases rings. */
function slice(round: Round, deadline: number): number {
  return Math.max(1, Math.min(deadline, round.readyAt()) - performance.now())
}
