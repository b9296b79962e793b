// Promises that are kept at once let the event loop never get its turn: two tasks that exchange values on channels would hold up timers,
// messages and I/O for as long as they go on. So from time to time such a promise is kept one turn later.

import { platform } from './platform/index.js'

/** How many promises are kept at once between two looks at the clock. */
const LOOK_EVERY = 256
/** Milliseconds for which the event loop may be kept waiting. */
const PATIENCE = 5

let kept = 0
/** Resolves with the next turn of the event loop, once somebody has begun to wait for one. */
let turn: Promise<void> | undefined
let since = 0
/** Once one promise waits for the turn, all do, so that they are kept in order. */
let overdue = false

/** A promise of the next turn, if the event loop has waited for it for too long; else, and that is the rule, undefined. */
export function overdueTurn(): Promise<void> | undefined {
  if (overdue) return turn
  if (++kept % LOOK_EVERY !== 0) return undefined
  if (turn === undefined) {
    since = performance.now()
    turn = new Promise((resolve) => {
      platform.nextTurn(() => {
        turn = undefined
        overdue = false
        resolve()
      })
    })
    return undefined
  }
  overdue = performance.now() - since >= PATIENCE
  return overdue ? turn : undefined
}

/** A promise of a value that is there: kept at once, as a rule. */
export function keep<R>(value: R): Promise<R> {
  const turn = overdueTurn()
  return turn === undefined ? Promise.resolve(value) : turn.then(() => value)
}
