// One worker of the command: explores what it is told to, and reports.

import { parentPort } from 'node:worker_threads'
import { prepare } from './checker/build.js'
import { explore, mutated, type Report, Rig } from './checker/explore.js'
import { story } from './checker/report.js'
import type { Exploration, Scenario } from './checker/scenario.js'
import { shrink } from './checker/shrink.js'
import { scenarios } from './scenarios/index.js'
import { mutants } from './scenarios/mutants.js'

export interface Task {
  scenario?: string
  mutant?: string
  seed: number
  full: boolean
  explore: Exploration | undefined
}

export interface Result {
  task: Task
  ok: boolean
  note: string
  story: string
  report: (Omit<Report, 'found' | 'reached'> & { found: undefined; reached: Set<string> }) | undefined
  reached: string[]
  /** All lines of the core with a hook, as `file:line  text`. */
  sites: string[]
}

function find(name: string): Scenario {
  const s = scenarios.find((x) => x.name === name)
  if (!s) throw new Error(`no scenario is called '${name}'`)
  return s
}

async function runScenario(task: Task): Promise<Result> {
  const s = find(task.scenario as string)
  await prepare(s.recipe)
  const r = explore(s, { seed: task.seed, full: task.full, ...(task.explore ? { explore: task.explore } : {}) })
  const kind = r.found?.failure.kind
  const ok = s.limit !== undefined || (s.expect ? kind === s.expect : !r.found)
  const note = s.limit
    ? kind
      ? `known limit (${s.limit}): ${kind}`
      : 'a known limit, not met'
    : s.expect
      ? ok
        ? `found, as it must be: ${kind}`
        : `must find: ${s.expect}`
      : ''
  let text = ''
  if (!ok) {
    if (!r.found) text = `nothing was found, but '${s.expect}' is there`
    else if (r.found.schedule.length === 0) text = r.found.failure.message
    else {
      const rig = new Rig(s)
      text = story(rig, shrink(rig, r.found))
    }
  }
  const core = s.recipe.entry === 'core'
  const sites = core
    ? new Rig(s).built.sites.filter((x) => x.line > 0).map((x) => `${x.file}:${x.line}  ${x.text}`)
    : []
  return {
    task,
    ok,
    note,
    story: text,
    report: { ...r, found: undefined },
    reached: core ? [...r.reached] : [],
    sites: [...new Set(sites)],
  }
}

/** A mutant must be caught by the first of its scenarios that can. */
async function runMutant(task: Task): Promise<Result> {
  const m = mutants.find((x) => x.name === task.mutant)
  if (!m) throw new Error(`no mutant is called '${task.mutant}'`)
  let last: Report | undefined
  let steps = 0
  let executions = 0
  for (const name of m.scenarios) {
    const s = find(name)
    await prepare(mutated(s, m.mutations))
    const r = explore(s, {
      seed: task.seed,
      full: false,
      mutations: m.mutations,
      ...(task.explore ? { explore: task.explore } : {}),
    })
    steps += r.steps
    executions += r.executions
    last = { ...r, steps, executions }
    if (r.found) {
      const kind = r.found.failure.kind
      return {
        task,
        ok: true,
        note: `caught by ${name}: ${kind}`,
        story: '',
        report: { ...last, found: undefined },
        reached: [],
        sites: [],
      }
    }
  }
  const report = last ? { ...last, found: undefined } : undefined
  return {
    task,
    ok: false,
    note: 'survived',
    story: `survived ${m.scenarios.join(', ')}`,
    report,
    reached: [],
    sites: [],
  }
}

parentPort?.on('message', async (task: Task) => {
  let result: Result
  try {
    result = await (task.mutant ? runMutant(task) : runScenario(task))
  } catch (error) {
    result = {
      task,
      ok: false,
      note: 'error',
      story: (error as Error).stack ?? String(error),
      report: undefined,
      reached: [],
      sites: [],
    }
  }
  parentPort?.postMessage(result)
})
