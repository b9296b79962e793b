// Makes a failing schedule short: fewer switches of thread, then fewer steps. A schedule is a list of runs, `thread × steps`; what follows
// its end goes on with the same thread as long as that can, then with the lowest.

import type { Events, Explorer } from './events.js'
import type { Found, Rig, Variant } from './explore.js'
import { Failure } from './failure.js'

export interface Run {
  thread: number
  steps: number
}

export class Guided implements Explorer {
  private readonly runs: readonly Run[]
  private k = 0
  private left: number

  constructor(runs: readonly Run[]) {
    this.runs = runs
    this.left = runs[0]?.steps ?? 0
  }

  choose(m: Events, current: number): number {
    const enabled = m.enabled()
    if (enabled === 0) return -1
    for (; this.k < this.runs.length; ) {
      const run = this.runs[this.k] as Run
      if (this.left > 0 && enabled & (1 << run.thread)) {
        this.left--
        return run.thread
      }
      this.k++
      this.left = this.runs[this.k]?.steps ?? 0
    }
    return enabled & (1 << current) ? current : 31 - Math.clz32(enabled & -enabled)
  }
}

export function runsOf(schedule: readonly number[]): Run[] {
  const runs: Run[] = []
  for (const thread of schedule) {
    const last = runs[runs.length - 1]
    if (last && last.thread === thread) last.steps++
    else runs.push({ thread, steps: 1 })
  }
  return runs
}

/** `0x3.1x12.0x1`, after `kill=1@5/` if thread 1 is killed at its kill point 5, and `stale=7/` if peeks are stale by seed 7. */
export function encode(variant: Variant, schedule: readonly number[]): string {
  let kill = variant.victim < 0 ? '' : `kill=${variant.victim}@${variant.killAt}/`
  if (variant.stale) kill += `stale=${variant.stale}/`
  return (
    kill +
    runsOf(schedule)
      .map((r) => `${r.thread}x${r.steps}`)
      .join('.')
  )
}

export function decode(text: string): { variant: Variant; runs: Run[] } {
  const match = /^(?:kill=(\d+)@(\d+)\/)?(?:stale=(\d+)\/)?((?:\d+x\d+(?:\.|$))*)$/.exec(text)
  if (!match) throw new Error(`not a schedule: ${text}`)
  const variant =
    match[1] === undefined ? { victim: -1, killAt: -1 } : { victim: Number(match[1]), killAt: Number(match[2]) }
  if (match[3] !== undefined) Object.assign(variant, { stale: Number(match[3]) })
  const runs = (match[4] as string)
    .split('.')
    .filter((s) => s)
    .map((s) => ({ thread: Number(s.split('x')[0]), steps: Number(s.split('x')[1]) }))
  return { variant, runs }
}

/** One execution along the runs: what fails, and the schedule that was followed. */
export function follow(rig: Rig, variant: Variant, runs: readonly Run[]): Found | undefined {
  try {
    rig.run(new Guided(runs), variant, () => false)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return { failure: error, variant, schedule: Array.from(rig.m.tid.subarray(0, rig.m.depth)) }
  }
  return undefined
}

export function shrink(rig: Rig, found: Found, attempts = 3000): Found {
  let best = found
  let left = attempts
  const cost = (f: Found) => runsOf(f.schedule).length * 10000 + f.schedule.length
  const attempt = (runs: Run[]): boolean => {
    if (left-- <= 0) return false
    const got = follow(rig, found.variant, runs)
    if (!got || got.failure.kind !== found.failure.kind || cost(got) >= cost(best)) return false
    best = got
    return true
  }
  let progress = true
  while (progress && left > 0) {
    progress = false
    const runs = runsOf(best.schedule)
    // Cut the end off: the default policy may fail just as well.
    for (let keep = 0; keep < runs.length && !progress; keep++) progress = attempt(runs.slice(0, keep))
    // Leave a run out, or let it swallow the next one of the same thread.
    for (let k = 0; k < runs.length && !progress; k++) {
      progress = attempt([...runs.slice(0, k), ...runs.slice(k + 1)])
      const again = runs.findIndex((r, j) => j > k && r.thread === runs[k]!.thread)
      if (!progress && again > 0) {
        const joined = { thread: runs[k]!.thread, steps: runs[k]!.steps + runs[again]!.steps }
        progress = attempt([...runs.slice(0, k), joined, ...runs.slice(k + 1, again), ...runs.slice(again + 1)])
        progress ||= attempt([...runs.slice(0, k), ...runs.slice(k + 1, again), joined, ...runs.slice(again + 1)])
      }
    }
  }
  return best
}
