// Measures one row: every contender in a process of its own, all alive at once, their runs interleaved.

import { type Child, WrongSumError } from './contenders/child.js'
import type { Contenders } from './contenders/index.js'
import { Watch } from './disturbance.js'
import { type Job, MICRO_TIME_MS, MICRO_WARM_UP_MS, type Reply, stepOf } from './harness/protocol.js'
import type { Entry, Measure, Row } from './rows.js'
import { measureStartup } from './scenarios/startup.js'
import { median, quantile, sorted } from './stats.js'

export interface Settings {
  runs: number
  /** How long one run should take, in milliseconds. */
  runMs: number
}

/** One line of the result: a contender in a scenario. Figures are in `unit`; `cpu` is in seconds per run, all threads. */
export interface Result {
  scenario: string
  contender: string
  label?: string
  unit: 'ns/op' | 'ns' | 'ms' | '%' | 'B'
  median: number
  p25: number
  p75: number
  p99?: number
  p999?: number
  cpu: number
  n: number
  runs: number
  /** Runs that were made again because others used the machine, and runs that count although others did. */
  repeated?: number
  disturbed?: number
}

export interface Failure {
  scenario: string
  contender: string
  message: string
  /** A message was lost or invented. */
  wrong: boolean
}

/** Runs of full length before the first one that counts: engines need that many until their code has settled. */
const WARM_RUNS = { native: 1, engine: 4 }
const MOST_WARM_RUNS = 12
/** The most that one run may be longer than the one before, while the figures of a cold start are still misleading. */
const GROWTH = 16

interface Runner {
  entry: Entry
  child: Child
  job: Job
  replies: Reply[]
  repeated: number
  disturbed: number
}

export async function measureRow(
  row: Row,
  contenders: Contenders,
  settings: Settings,
): Promise<{ results: Result[]; failures: Failure[] }> {
  const entries = row.entries.filter((entry) => contenders.has(entry.name))
  const failures: Failure[] = []
  const fail = (contender: string, error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error)
    failures.push({ scenario: row.scenario, contender, message, wrong: error instanceof WrongSumError })
  }
  if (row.measure === 'startup') return { results: measureStartup(row, entries, settings.runs, fail), failures }
  if (row.measure === 'memory')
    return { results: await measureMemory(row, entries, contenders, settings, fail), failures }
  let runners: Runner[] = entries.map((entry) => ({
    entry,
    child: contenders.start(entry.name),
    job: { ...row.job, style: entry.style ?? row.job.style },
    replies: [],
    repeated: 0,
    disturbed: 0,
  }))
  const attempt = async (runner: Runner, work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      runner.child.kill()
      runners = runners.filter((other) => other !== runner)
      fail(runner.entry.name, error)
    }
  }
  try {
    for (const runner of [...runners]) await attempt(runner, () => warmUp(row, runner, settings.runMs))
    for (let run = 0; run < settings.runs; run++) {
      // Each round starts with another contender, so that nobody always follows the same neighbour.
      const turn = runners.map((_, at) => runners[(at + run) % runners.length])
      for (const runner of turn) await attempt(runner, () => runOnce(runner, Math.ceil(settings.runs / 2)))
    }
  } finally {
    for (const runner of runners) runner.child.kill()
  }
  return { results: runners.map((runner) => summarise(row, runner)), failures }
}

/** Each run in a process of its own: one that has had the memory once does not give it back. */
async function measureMemory(
  row: Row,
  entries: Entry[],
  contenders: Contenders,
  { runs }: Settings,
  fail: (contender: string, error: unknown) => void,
): Promise<Result[]> {
  const replies = new Map(entries.map((entry): [Entry, Reply[]] => [entry, []]))
  for (let run = 0; run < runs; run++) {
    for (const [entry, known] of replies) {
      const child = contenders.start(entry.name)
      try {
        known.push(await child.run({ ...row.job, style: entry.style ?? row.job.style }))
      } catch (error) {
        replies.delete(entry)
        fail(entry.name, error)
      } finally {
        child.kill()
      }
    }
  }
  return [...replies].map(([entry, known]) => summarise(row, { entry, job: row.job, replies: known }))
}

/** Lets the engine compile, and finds how many messages fill the wanted time. */
async function warmUp(row: Row, { child, job }: Runner, runMs: number): Promise<void> {
  if (job.n > 0) {
    if (row.job.kind !== 'micro') await child.run(job)
    return
  }
  const step = stepOf(job)
  const wanted = runMs * 1e6
  job.n = step
  let missing = child.native ? WARM_RUNS.native : WARM_RUNS.engine
  for (let run = 0; run < MOST_WARM_RUNS && missing > 0; run++) {
    const { ns } = await child.run(job)
    if (ns > wanted / 2) missing--
    job.n = step * Math.max(1, Math.round((job.n * Math.min(wanted / ns, GROWTH)) / step))
  }
}

/** One run that counts. It is repeated if others used the machine meanwhile, but not for ever. */
async function runOnce(runner: Runner, mostRepeats: number): Promise<void> {
  while (true) {
    const watch = new Watch()
    const reply = await runner.child.run(runner.job)
    const disturbed = watch.disturbed(reply.cpu)
    if (disturbed && runner.repeated < mostRepeats) {
      runner.repeated++
      continue
    }
    if (disturbed) runner.disturbed++
    runner.replies.push(reply)
    return
  }
}

/** What a reply says of a row, where one reply has one figure. */
function figureOf(measure: Measure, { ns, share, bytes }: Reply, n: number): number {
  if (measure === 'share') return share ?? Number.NaN
  return (measure === 'memory' ? (bytes ?? Number.NaN) : ns) / n
}

type Measured = Pick<Runner, 'entry' | 'job' | 'replies'> & Partial<Pick<Runner, 'repeated' | 'disturbed'>>

function summarise(row: Row, { entry, job, replies, repeated, disturbed }: Measured): Result {
  const { scenario, measure } = row
  const common = {
    scenario,
    contender: entry.name,
    label: entry.label,
    n: job.n,
    runs: replies.length,
    repeated,
    disturbed,
  }
  const scale = job.kind === 'micro' ? 1 / (MICRO_WARM_UP_MS + MICRO_TIME_MS) / 1e6 : 0
  const cpu = median(replies.map((reply) => (scale > 0 ? reply.cpu * reply.ns * scale : reply.cpu)))
  if (measure === 'latency') {
    const all = sorted(replies.flatMap((reply) => reply.samples ?? []))
    const [p25, mid, p75, p99, p999] = [0.25, 0.5, 0.75, 0.99, 0.999].map((q) => quantile(all, q))
    return { ...common, unit: 'ns', median: mid, p25, p75, p99, p999, cpu }
  }
  const unit = measure === 'share' ? '%' : measure === 'memory' ? 'B' : 'ns/op'
  const all = sorted(replies.map((reply) => figureOf(measure, reply, job.n)))
  const [p25, mid, p75] = [0.25, 0.5, 0.75].map((q) => quantile(all, q))
  return { ...common, unit, median: mid, p25, p75, cpu }
}
