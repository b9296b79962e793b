// Tasks that spawn on their own worker's queue.

import { go } from 'millrace'

export const echo = (value) => value

/** One after another: the worker rests in between. */
export async function inTurn(n) {
  let sum = 0
  for (let value = 0; value < n; value++) sum += await go('echo', value)
  return sum
}

/** From a timer, when the worker has long been at rest. */
export function later(value) {
  return new Promise((resolve) => setTimeout(() => resolve(go('echo', value)), 50))
}
