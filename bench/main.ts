// The benchmark's command line: `npm run bench -- [--quick | --full] [--only <regexp>] [--json <file>] [--svg <file>]`.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { cac } from 'cac'
import { Presets, SingleBar } from 'cli-progress'
import { Contenders } from './contenders/index.js'
import { commit, machine, versions } from './machine.js'
import { ratioChart } from './report.js'
import { type Row, selectRows } from './rows.js'
import { type Failure, measureRow, type Result, type Settings } from './runner.js'
import { resultTable, targetTable } from './table.js'
import { judge, onlyOpponents } from './targets.js'

const SETTINGS: Record<Row['selection'], Settings> = {
  quick: { runs: 3, runMs: 40 },
  default: { runs: 5, runMs: 70 },
  full: { runs: 9, runMs: 100 },
}

interface Options {
  quick?: boolean
  full?: boolean
  only?: string
  contenders?: string
  json?: string
  svg?: string
  runs?: number
  list?: boolean
}

function save(path: string, text: string): void {
  mkdirSync(dirname(resolve(path)), { recursive: true })
  writeFileSync(path, text)
}

/** Shows how far the run is: a bar on a terminal, a line for each row in a log. */
function progress(total: number) {
  if (!process.stderr.isTTY) {
    let done = 0
    return {
      row: (scenario: string) => console.error(`[${++done}/${total}] ${scenario}`),
      stop: () => {},
    }
  }
  const format = '{bar} {value}/{total} {scenario}'
  const bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true }, Presets.shades_classic)
  bar.start(total, 0, { scenario: '' })
  let done = 0
  return {
    row: (scenario: string) => bar.update(done++, { scenario }),
    stop: () => bar.stop(),
  }
}

async function measure(rows: readonly Row[], contenders: Contenders, settings: Settings) {
  const results: Result[] = []
  const failures: Failure[] = []
  const shown = progress(rows.length)
  for (const row of rows) {
    shown.row(row.scenario)
    const measured = await measureRow(row, contenders, settings)
    results.push(...measured.results)
    failures.push(...measured.failures)
  }
  shown.stop()
  return { results, failures }
}

function pattern(text: string | undefined): RegExp | undefined {
  return text === undefined ? undefined : new RegExp(text, 'i')
}

function keepContenders(rows: readonly Row[], wanted: RegExp | undefined): Row[] {
  return rows
    .map((row) => ({ ...row, entries: row.entries.filter(({ name }) => wanted === undefined || wanted.test(name)) }))
    .filter((row) => row.entries.length > 0)
}

function chosenRows(selection: Row['selection'], { only, contenders }: Options): Row[] {
  const rows = keepContenders(selectRows(selection, pattern(only)), pattern(contenders))
  // Whoever names rows or contenders wants to see them.
  return selection === 'quick' && only === undefined && contenders === undefined ? onlyOpponents(rows) : rows
}

/** Says how far the machine was ours alone. */
function quietness(results: readonly Result[]): string {
  const total = (key: 'runs' | 'repeated' | 'disturbed') => results.reduce((sum, result) => sum + (result[key] ?? 0), 0)
  const [runs, repeated, disturbed] = [total('runs'), total('repeated'), total('disturbed')]
  if (repeated === 0) return 'no run was disturbed by other processes'
  return `${repeated} runs were repeated because other processes used the machine; ${disturbed} of ${runs} runs that count were disturbed all the same`
}

async function bench(options: Options): Promise<number> {
  const selection = options.full ? 'full' : options.quick ? 'quick' : 'default'
  const rows = chosenRows(selection, options)
  if (options.list) {
    for (const row of rows) console.log(row.scenario)
    return 0
  }
  if (rows.length === 0) {
    console.error(`no scenario matches ${options.only} (--full --list shows all)`)
    return 1
  }
  if (options.runs !== undefined && !(Number.isInteger(options.runs) && options.runs > 0)) {
    console.error(`--runs must be a positive integer, got ${options.runs}`)
    return 1
  }
  const settings = { ...SETTINGS[selection], ...(options.runs !== undefined && { runs: options.runs }) }
  const contenders = new Contenders(new Set(rows.flatMap((row) => row.entries.map((entry) => entry.name))))
  for (const line of contenders.skipped) console.error(line)
  const { results, failures } = await measure(rows, contenders, settings)
  const chosen = new Set(rows.map((row) => row.scenario))
  const verdicts = judge(results).filter((verdict) => chosen.has(verdict.row))
  const where = machine()
  const what = versions(contenders.tools)
  const tools = [`Node ${what.node}`, `V8 ${what.v8}`, what.go, what.rust].filter((version) => version !== undefined)
  console.log(`${where.cpu}, ${where.cores} cores, ${where.platform}; ${tools.join(', ')}`)
  console.log(
    `${settings.runs} interleaved runs of about ${settings.runMs} ms each; every message counted and checked\n`,
  )
  console.log(resultTable(rows, results))
  if (verdicts.length > 0) console.log(`\nTargets\n${targetTable(verdicts)}`)
  console.log(quietness(results))
  for (const line of contenders.skipped) console.log(line)
  for (const failure of failures) console.error(`failed: ${failure.scenario}: ${failure.message}`)
  if (options.json !== undefined) {
    const report = { date: new Date().toISOString(), commit: commit(), machine: where, versions: what, settings }
    save(options.json, `${JSON.stringify({ ...report, rows: results, targets: verdicts, failures }, null, 2)}\n`)
  }
  if (options.svg !== undefined) save(options.svg, ratioChart(results))
  return failures.length > 0 ? 1 : 0
}

const cli = cac('npm run bench --')
cli
  .command('', 'Measures millrace against the other contenders and prints the table')
  .option('--quick', 'only the rows and contenders that targets and checks are about, fewer runs')
  .option('--full', 'every combination, more runs')
  .option('--only <regexp>', 'only scenarios whose name matches, out of all')
  .option('--contenders <regexp>', 'only contenders whose name matches')
  .option('--runs <count>', 'runs of each contender in each row')
  .option('--json <file>', 'write the raw figures')
  .option('--svg <file>', 'draw the ratios')
  .option('--list', 'name the scenarios and stop')
  .action(async (options: Options) => {
    process.exitCode = await bench(options)
  })
cli.help()
cli.parse(process.argv, { run: false })
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))
try {
  await cli.runMatchedCommand()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
