// A load with a heavy tail: many short tasks, few that take a hundred times as long. Always the same one.

const TASKS = 400
const SEED = 1
/** A Pareto distribution, cut off at the longest. Microseconds. */
const SHORTEST = 40
const LONGEST = 8000
const SHAPE = 1.1

/** mulberry32: 32 bits of state, the same numbers in every language. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** How long each task keeps its thread busy, in microseconds, in the order in which they are given out. */
export const SKEWED: readonly number[] = skewedLoad()

function skewedLoad(): number[] {
  const random = randomNumbers(SEED)
  return Array.from({ length: TASKS }, () => {
    return Math.min(LONGEST, Math.round(SHORTEST * (1 - random()) ** (-1 / SHAPE)))
  })
}

/** The least time in which so many threads can be done with it, in nanoseconds. */
export function idealNs(load: readonly number[], threads: number): number {
  const total = load.reduce((sum, micros) => sum + micros, 0)
  return 1000 * Math.max(total / threads, ...load)
}
