// The command: npm run model -- [--list] [--only <name>] [--full] [--mutants] [--seed n] [--replay <schedule>] [--executions n] [--jobs n]

import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { prepare } from './checker/build.js'
import { Rig } from './checker/explore.js'
import { count, story, summary, table } from './checker/report.js'
import type { Scenario } from './checker/scenario.js'
import { decode, follow } from './checker/shrink.js'
import { scenarios } from './scenarios/index.js'
import { mutants } from './scenarios/mutants.js'
import type { Result, Task } from './worker.js'

const usage = `npm run model -- [options]

  --list               names of all scenarios and mutants
  --only <text>        scenarios whose name contains the text (may be repeated)
  --full               explore as far as each scenario says, instead of the size for CI
  --mutants            the mutants of the core too (with --only: those whose name contains the text)
  --part <k/n>         of the mutants only every n-th, from the k-th on (k from 0), where they are run without being asked for
  --seed <n>           seed of random exploration (default 1)
  --replay <schedule>  run one schedule of the scenario given by --only, and tell it step by step
  --preemptions <n>    only executions with at most n preemptions
  --executions <n>     at most so many executions per variant
  --jobs <n>           processes (default: one per core)`

const { values: o } = parseArgs({
  options: {
    list: { type: 'boolean' },
    only: { type: 'string', multiple: true },
    full: { type: 'boolean' },
    mutants: { type: 'boolean' },
    part: { type: 'string' },
    seed: { type: 'string', default: '1' },
    replay: { type: 'string' },
    preemptions: { type: 'string' },
    executions: { type: 'string' },
    jobs: { type: 'string' },
    help: { type: 'boolean' },
  },
})

function select<T extends { name: string }>(all: readonly T[], what: string): readonly T[] {
  if (!o.only) return all
  const chosen = new Set<T>()
  for (const text of o.only) {
    const exact = all.filter((s) => s.name === text)
    for (const s of exact.length > 0 ? exact : all.filter((x) => x.name.includes(text))) chosen.add(s)
  }
  if (chosen.size === 0 && what)
    stop(
      `no ${what} is called ${o.only.map((t) => `'${t}'`).join(', ')}. There are:\n${all.map((s) => `  ${s.name}`).join('\n')}`,
    )
  return all.filter((s) => chosen.has(s))
}

/** Those of the part that was asked for. */
function partOf<T>(all: readonly T[]): readonly T[] {
  if (o.part === undefined) return all
  const [, k, n] = /^(\d+)\/(\d+)$/.exec(o.part) ?? stop(`not a part: ${o.part}; it is k/n, as 0/4`)
  if (Number(k) >= Number(n)) stop(`not a part: ${o.part}; parts are counted from 0`)
  print(`part ${k} of ${n}: ${Math.ceil((all.length - Number(k)) / Number(n))} of ${all.length} mutants`)
  return all.filter((_, i) => i % Number(n) === Number(k))
}

function stop(text: string): never {
  process.stderr.write(`${text}\n`)
  process.exit(2)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

async function replay(scenario: Scenario, schedule: string): Promise<void> {
  const { variant, runs } = decode(schedule)
  await prepare(scenario.recipe)
  const rig = new Rig(scenario)
  const found = follow(rig, variant, runs)
  if (found) print(story(rig, found))
  else print(`nothing is wrong with this schedule (${rig.m.depth} steps)`)
  process.exitCode = found ? 1 : 0
}

/** Runs the tasks on `jobs` workers, telling each result as it comes. */
async function runAll(tasks: readonly Task[], jobs: number, tell: (r: Result) => void): Promise<void> {
  let next = 0
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./worker.js', import.meta.url))
      const feed = (): void => {
        if (next < tasks.length) worker.postMessage(tasks[next++])
        else worker.terminate().then(() => resolve(), reject)
      }
      worker.on('message', (r: Result) => {
        tell(r)
        feed()
      })
      worker.on('error', reject)
      feed()
    })
  await Promise.all(Array.from({ length: Math.min(jobs, tasks.length) }, one))
}

async function main(): Promise<void> {
  if (o.help) return print(usage)
  if (o.list)
    return print(
      [...scenarios.map((s) => `${s.name}: ${s.about}`), ...mutants.map((m) => `mutant ${m.name}: ${m.about}`)].join(
        '\n',
      ),
    )
  const seed = Number(o.seed)
  if (!Number.isSafeInteger(seed)) stop(`not a seed: ${o.seed}`)
  const chosen = select(scenarios, o.mutants ? '' : 'scenario')
  if (o.replay !== undefined) {
    if (chosen.length !== 1) stop('--replay needs one scenario: --only <name>')
    return replay(chosen[0] as Scenario, o.replay)
  }
  const explore = {
    ...(o.preemptions === undefined ? {} : { preemptions: Number(o.preemptions) }),
    ...(o.executions === undefined ? {} : { executions: Number(o.executions) }),
  }
  const base = { seed, full: o.full ?? false, explore: Object.keys(explore).length > 0 ? explore : undefined }
  const tasks: Task[] = []
  if (!o.mutants || !o.only) for (const s of chosen) tasks.push({ scenario: s.name, ...base })
  const wanted = o.mutants ? select(mutants, 'mutant') : !o.only && !o.full ? partOf(mutants) : []
  for (const m of wanted) tasks.push({ mutant: m.name, ...base })

  const began = performance.now()
  // Once here instead of once in every worker.
  for (const recipe of new Set(scenarios.filter((s) => tasks.some((t) => t.scenario === s.name)).map((s) => s.recipe)))
    await prepare(recipe)
  const failed: Result[] = []
  const rows = new Map<string, string[]>()
  const reached = new Set<string>()
  let sites: string[] = []
  let steps = 0
  await runAll(tasks, o.jobs ? Number(o.jobs) : availableParallelism(), (r) => {
    const name = r.task.mutant ? `mutant ${r.task.mutant}` : (r.task.scenario as string)
    rows.set(name, [
      r.ok ? 'ok' : 'FAILED',
      name,
      ...(r.report ? summary(r.report).slice(1) : ['', '', '', '', '', '', '', '']),
      r.note,
    ])
    if (!r.ok) failed.push(r)
    if (r.report) steps += r.report.steps
    for (const s of r.reached) reached.add(s)
    if (r.sites.length > 0) sites = r.sites
    if (process.stderr.isTTY) process.stderr.write(`\r${rows.size}/${tasks.length} `)
    else process.stderr.write(`${(rows.get(name) as string[]).join('  ')}\n`)
  })
  const order = tasks.map((t) => (t.mutant ? `mutant ${t.mutant}` : (t.scenario as string)))
  print(
    table([
      ['', 'scenario', 'explored', 'executions', 'stale', 'steps', 'states', 'kills', 'time', 'speed', ''],
      ...order.map((n) => rows.get(n) as string[]),
    ]).join('\n'),
  )
  for (const r of failed) print(`\n── ${r.task.mutant ?? r.task.scenario} ──\n${r.story}`)
  const seconds = (performance.now() - began) / 1000
  print(
    `\n${tasks.length - failed.length} of ${tasks.length} as expected, ${count(steps)} steps in ${seconds.toFixed(1)} s, seed ${seed}`,
  )
  if (!o.only && sites.length > 0) {
    const missed = sites.filter((s) => !reached.has(s.split('  ')[0] as string))
    print(
      `${sites.length - missed.length} of ${sites.length} lines of the core that touch shared memory were executed${missed.length > 0 ? `; never:\n  ${missed.join('\n  ')}` : ''}`,
    )
  }
  process.exitCode = failed.length > 0 ? 1 : 0
}

await main()
