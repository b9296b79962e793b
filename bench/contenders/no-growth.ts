// The check of the rows with a quiet loser: the channel that is never ready must not collect what was registered on it.

/** What the first run takes for good: places of threads, what they keep at hand. */
let first = true

/** Called after every run of a process. From the second run on, it must end with no more than it began with. */
export function assertNoGrowth(before: number, after: number, selects: number): void {
  const allowed = first
  first = false
  if (allowed || after <= before) return
  throw new Error(`${after - before} bytes more are in use after ${selects} selects with a quiet loser`)
}
