// Explores one scenario: exhaustively, bounded, or at random; without a kill and with one at every kill point.

import { Bounded } from './bounded.js'
import { type Built, build, type Mutation, type Recipe } from './build.js'
import { Dpor } from './dpor.js'
import { ASLEEP, AWAITS_DEATH, DEAD, type Explorer, FINISHED, PAUSED } from './events.js'
import { Failure } from './failure.js'
import { historyKey, linearizable, type Spec, type Verdict } from './linear.js'
import { Machine } from './machine.js'
import { describeAddress } from './names.js'
import { RandomWalk } from './random.js'
import { Bench, type Env, type Exploration, type Scenario } from './scenario.js'

export interface Options {
  seed: number
  full: boolean
  mutations?: readonly Mutation[]
  /** Overrides the scenario's own plan. */
  explore?: Exploration
}

/** One way to run a scenario: nobody is killed, or one thread at one of its kill points. */
export interface Variant {
  victim: number
  killAt: number
  /** Seed of stale peeks. */
  stale?: number
}

export interface Found {
  failure: Failure
  variant: Variant
  schedule: number[]
}

export interface Report {
  name: string
  complete: boolean
  /** How it was explored, in words. */
  how: string
  executions: number
  /** Random executions with stale peeks, not counted above. */
  stale: number
  /** Executions cut short because all their continuations had been seen. */
  redundant: number
  steps: number
  /** Different final states (memory and results). */
  states: number
  variants: number
  ms: number
  seed: number
  outcomes: string[]
  found: Found | undefined
  reached: Set<string>
}

/** A scenario with its machine, ready to run single executions. */
export class Rig {
  readonly scenario: Scenario
  readonly m: Machine
  readonly bench: Bench
  readonly built: Built
  readonly env: Env
  readonly outcomes = new Map<string, number>()
  readonly states = new Set<number>()
  readonly spec: Spec<unknown> | undefined
  private readonly verdicts = new Map<string, Verdict>()

  constructor(scenario: Scenario, mutations?: readonly Mutation[]) {
    this.scenario = scenario
    this.built = build(mutated(scenario, mutations))
    const n = scenario.threads.length + (scenario.reaper ? 1 : 0)
    this.m = new Machine(this.built.module, n, scenario.pages ?? 16)
    const m = this.m
    this.bench = new Bench(m, this.built.layout)
    this.env = scenario.setup?.(this.bench) ?? {}
    m.memory.snapshot(m.exports)
    m.setPrograms(
      [...scenario.threads, ...(scenario.reaper ? [scenario.reaper] : [])].map((p, t) => {
        const thread = m.threads[t]!
        return () => p(thread, this.env)
      }),
    )
    m.realtime = scenario.realtime ?? scenario.spec !== undefined
    m.lockFree = scenario.lockFree ?? false
    m.limits = { steps: scenario.steps ?? 4000, solo: scenario.solo ?? 600 }
    m.races.allowMixed = scenario.mixed ?? false
    m.races.off = m.racy = scenario.racy ?? false
    m.races.describe = (at) => describeAddress(at, this.bench)
    if (scenario.step) {
      const step = scenario.step
      m.onStep = () => step(this.bench, this.env)
    }
    m.onAccess = scenario.access?.(this.bench, this.env)
    this.spec = scenario.spec?.(this.env)
  }

  /** One execution and its judgement. Throws a Failure. `cut` tells whether the explorer has ended it early. */
  run(explorer: Explorer, variant: Variant, cut: () => boolean): void {
    const m = this.m
    m.victim = variant.victim
    m.killAt = variant.killAt
    m.stale.seed = variant.stale ?? 0
    m.run(explorer)
    if (!cut()) this.judge()
  }

  private judge(): void {
    const { m, scenario } = this
    let asleep = false
    for (let t = 0; t < m.n; t++) {
      const s = m.state[t]
      if (s === PAUSED) throw new Failure('stuck', `thread ${t} waits in a loop for something that nobody will do`)
      if (s === ASLEEP) asleep = true
      else if (s !== FINISHED && s !== DEAD && s !== AWAITS_DEATH)
        throw new Failure('endless', `thread ${t} did not end`)
    }
    if (asleep && !scenario.maySleep) throw new Failure('lost wake-up', 'a thread sleeps for ever')
    scenario.final?.(this.bench, this.env)
    if (this.spec) {
      const causal = m.stale.seed !== 0
      const key = (causal ? 'c' : '') + historyKey(m.history, causal)
      let verdict = this.verdicts.get(key)
      if (!verdict) {
        verdict = linearizable(this.spec, scenario.expand ? scenario.expand(m.history) : m.history, causal)
        this.verdicts.set(key, verdict)
      }
      if (!verdict.ok) throw new Failure(verdict.lost ? 'lost wake-up' : 'not linearizable', verdict.text)
    }
    if (scenario.outcomes || scenario.outcome) {
      const text = scenario.outcome
        ? scenario.outcome(this.bench, this.env)
        : m.history.map((o) => String(o.result)).join(' ')
      this.outcomes.set(text, (this.outcomes.get(text) ?? 0) + 1)
      if (scenario.outcomes && !scenario.outcomes.includes(text))
        throw new Failure('invariant', `forbidden outcome: ${text}`)
    }
    if (this.states.size < 1_000_000) {
      let h = m.memory.hash()
      for (const o of m.history) h = (Math.imul(h ^ o.thread, 0x01000193) + text32(String(o.result))) | 0
      this.states.add(h)
    }
  }
}

/** The recipe of the scenario with a mutant's changes. */
export function mutated(scenario: Scenario, mutations: readonly Mutation[] = []): Recipe {
  return mutations.length === 0
    ? scenario.recipe
    : { ...scenario.recipe, mutations: [...(scenario.recipe.mutations ?? []), ...mutations] }
}

function text32(s: string): number {
  let h = 0
  for (let k = 0; k < s.length; k++) h = (Math.imul(h, 31) + s.charCodeAt(k)) | 0
  return h
}

/** Runs until something is found or the plan is done. */
export function explore(scenario: Scenario, options: Options): Report {
  const began = performance.now()
  const rig = new Rig(scenario, options.mutations)
  const { m } = rig
  const plan = options.explore ?? (options.full ? scenario.explore : (scenario.ci ?? scenario.explore)) ?? {}
  const report: Report = {
    name: scenario.name,
    complete: true,
    how: '',
    executions: 0,
    stale: 0,
    redundant: 0,
    steps: 0,
    states: 0,
    variants: 0,
    ms: 0,
    seed: options.seed,
    outcomes: [],
    found: undefined,
    reached: new Set(),
  }
  const randoms = plan.random ?? 0
  const exhaustive = plan.executions ?? (plan.preemptions === undefined && randoms > 0 ? 0 : 1_000_000)
  let exhausted = true

  let struck = false
  const attempt = (variant: Variant, explorer: Explorer, cut: () => boolean): void => {
    try {
      rig.run(explorer, variant, cut)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      report.found = { failure: error, variant, schedule: Array.from(m.tid.subarray(0, m.depth)) }
    }
    report.steps += m.depth
    if (variant.stale) report.stale++
    else report.executions++
    if (cut()) report.redundant++
    if (m.killed) struck = true
  }

  /** All executions of one variant. True if the kill struck in at least one of them. */
  const one = (variant: Variant): boolean => {
    report.variants++
    struck = false
    let done = false
    if (exhaustive > 0) {
      const search = plan.preemptions === undefined ? new Dpor(m) : new Bounded(m, plan.preemptions)
      for (let k = 0; k < exhaustive && !search.complete && !report.found; k++) {
        search.start()
        attempt(variant, search, () => search.cut)
        if (!report.found) search.finish(m)
      }
      done = search.complete
    }
    if (!done) {
      exhausted = false
      const walk = new RandomWalk(m.n, scenario.lockstep)
      for (let k = 0; k < randoms && !report.found; k++) {
        walk.start(options.seed + k)
        attempt(variant, walk, () => false)
        walk.finish(m)
      }
    }
    return struck
  }

  one({ victim: -1, killAt: -1 })
  for (const victim of scenario.victims ?? []) {
    for (let killAt = 0; !report.found && one({ victim, killAt }); killAt++);
  }
  const stale = plan.stale ?? (options.full ? 20_000 : 500)
  if (m.peeked && !scenario.racy) {
    const walk = new RandomWalk(m.n, scenario.lockstep)
    for (let k = 0; k < stale && !report.found; k++) {
      walk.start(options.seed + k)
      attempt({ victim: -1, killAt: -1, stale: options.seed + k }, walk, () => false)
      walk.finish(m)
    }
  }
  if (!report.found) m.memory.verify((at) => describeAddress(at, rig.bench))
  const complete = exhausted && plan.preemptions === undefined
  report.complete = complete && !report.found
  report.how = exhausted
    ? plan.preemptions === undefined
      ? 'complete'
      : `≤ ${plan.preemptions} preemptions`
    : randoms > 0
      ? `random from seed ${options.seed}`
      : 'cut off'
  if (report.complete && scenario.outcomes) {
    const missing = scenario.outcomes.filter((o) => !rig.outcomes.has(o))
    if (missing.length > 0) {
      const failure = new Failure('invariant', `outcomes that never occurred: ${missing.join(' | ')}`)
      report.found = { failure, variant: { victim: -1, killAt: -1 }, schedule: [] }
    }
  }
  report.outcomes = [...rig.outcomes.keys()].sort()
  report.states = rig.states.size
  report.ms = performance.now() - began
  rig.built.sites.forEach((s, k) => {
    if (k > 0 && m.reached[k]) report.reached.add(`${s.file}:${s.line}`)
  })
  return report
}
