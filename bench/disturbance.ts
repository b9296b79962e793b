// Tells whether other processes used the machine while something was measured.

import { availableParallelism, cpus } from 'node:os'

/** What others may use: the clock ticks that this is counted in are ten milliseconds long, so a little is only rounding. */
const TOLERATED_MS = 25
const TOLERATED_SHARE = 0.15

function busyMs(): number {
  let total = 0
  for (const { times } of cpus()) total += times.user + times.nice + times.sys + times.irq
  return total
}

function ownMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

export class Watch {
  readonly #busy = busyMs()
  readonly #own = ownMs()
  readonly #start = performance.now()

  /** Whether others took a share worth mentioning since this watch was started, given what the contender used itself. */
  disturbed(contenderCpuSeconds: number): boolean {
    const foreign = busyMs() - this.#busy - (ownMs() - this.#own) - contenderCpuSeconds * 1000
    const available = (performance.now() - this.#start) * availableParallelism()
    return foreign > Math.max(TOLERATED_MS, available * TOLERATED_SHARE)
  }
}
