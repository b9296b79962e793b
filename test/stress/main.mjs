// Stress, with real threads, in four families. Prints one line per scenario; exits with 1 if anything was wrong.
//
//   channels   many messages through every kind of use: each must arrive exactly once, each producer's in order
//   histories  a few operations of a few threads, thousands of times: linearizable, says the model's checker
//   chaos      threads are killed under load and replaced: nothing arrives twice, at most what was in hand is lost
//   runtime    workers of a runtime are terminated under tasks of several spawners: each task settles once, as it should
//
// Each for buffered channels, for rendezvous (`meet`, capacity 0), and for selects over several of both.
//
//   node test/stress/main.mjs [--only <regexp>] [--seed 1] [--seconds 600] [--messages 105000000] [--histories 8000] [--kills 1200] [--tasks 300000]
//
// `--only` chooses by name, such as `chaos/`. `--messages`, `--histories`, `--kills` and `--tasks` are the numbers of one pass over all scenarios of the
// family; with `--seconds`, passes are repeated until the time is over.

import { parseArgs } from 'node:util'
import { Arena } from 'millrace'
import { randomFrom } from '../support/kit.mjs'
import { chaosScenarios } from './chaos.mjs'
import { historyScenarios } from './histories.mjs'
import { runtimeScenarios } from './runtime-chaos.mjs'
import { scenarios } from './scenarios.mjs'
import { selectHistoryScenarios } from './select-histories.mjs'
import { selectScenarios } from './selects.mjs'
import { liveThreads, settle, stopThreads } from './threads.mjs'

/** `size` is that of one pass without and with `--seconds`; `least` that of a scenario. */
const families = [
  {
    family: 'channels',
    unit: 'messages',
    size: [105_000_000, 10_000_000],
    least: 500,
    list: [...scenarios, ...selectScenarios],
  },
  {
    family: 'histories',
    unit: 'histories',
    size: [8000, 2000],
    least: 10,
    list: [...historyScenarios, ...selectHistoryScenarios],
  },
  { family: 'chaos', unit: 'kills', size: [1200, 120], least: 1, list: chaosScenarios },
  { family: 'runtime', unit: 'tasks', size: [300_000, 60_000], least: 300, list: runtimeScenarios },
]

function usage(why) {
  console.error(
    `${why}\nusage: node test/stress/main.mjs [--only regexp] [--seed n] [--seconds s] [--messages n] [--histories n] [--kills n] [--tasks n]`,
  )
  process.exit(2)
}

function readFlags() {
  try {
    const names = ['only', 'seed', 'seconds', ...families.map(({ unit }) => unit)]
    return parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) }).values
  } catch (error) {
    return usage(error.message)
  }
}

function readPattern(text) {
  try {
    return new RegExp(text)
  } catch (error) {
    return usage(error.message)
  }
}

const flags = readFlags()
const seed = Number(flags.seed ?? Math.floor(Math.random() * 2 ** 32))
const seconds = flags.seconds === undefined ? undefined : Number(flags.seconds)
if (!Number.isInteger(seed)) usage('--seed is a whole number')
if (seconds !== undefined && !(seconds > 0)) usage('--seconds is a number above 0')
const only = readPattern(flags.only ?? '')

/** The chosen scenarios, each with its share of the size of a pass. */
const chosen = families.flatMap(({ family, unit, size, least, list }) => {
  const total = Number(flags[unit] ?? size[seconds === undefined ? 0 : 1])
  if (!Number.isInteger(total) || total < 1) usage(`--${unit} is a whole number from 1`)
  const mine = list
    .map((each) => ({ ...each, name: `${family}/${each.name}`, unit }))
    .filter(({ name }) => only.test(name))
  const weights = mine.reduce((sum, { share }) => sum + share, 0)
  return mine.map((each) => ({ ...each, count: Math.max(least, Math.round((total * each.share) / weights)) }))
})
if (chosen.length === 0) usage(`no scenario has a name like ${flags.only}`)

const progress = (text) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`)
}
const number = (n) => n.toLocaleString('en')
const secondsSince = (start) => ((performance.now() - start) / 1000).toFixed(1)
const done = new Map(chosen.map(({ unit }) => [unit, 0]))
const soFar = () => [...done].map(([unit, n]) => `${number(n)} ${unit}`).join(', ')

console.log(`seed ${seed}, node ${process.version}`)
const arena = new Arena({ size: 256 * 2 ** 20 })
const before = arena.stats()
const start = performance.now()
let lostWithKills = 0
let failures = 0

/** Runs the scenario; a line that says how it went. */
async function attempt({ name, unit, count, run }, pass) {
  // In 32 bits at each step: beyond 2 ** 53 the seed and the pass would be rounded away.
  const salt = [...name].reduce((hash, char) => (Math.imul(hash, 31) + char.charCodeAt(0)) | 0, 7)
  const rng = randomFrom(seed + pass * 7919 + salt)
  const from = performance.now()
  try {
    const { settings, moved, lost = 0 } = await run({ arena, count, rng })
    await settle(() => arena.stats().threads === 1)
    const { blocks } = arena.stats()
    if (JSON.stringify(blocks) !== JSON.stringify(before.blocks))
      throw new Error(`blocks left in the arena: ${JSON.stringify(blocks)}`)
    done.set(unit, done.get(unit) + moved)
    lostWithKills += lost
    const much = `${number(moved).padStart(12)} ${unit.padEnd(9)}`
    return `ok    ${name.padEnd(32)} ${much} ${secondsSince(from).padStart(6)} s  ${settings}`
  } catch (error) {
    failures++
    await stopThreads()
    return `WRONG ${name}: ${error.message} (repeat with --seed ${seed} --only '^${name}$')`
  }
}

let pass = 0
do {
  for (const scenario of chosen) {
    const from = performance.now()
    const timer = setInterval(() => {
      const { name, count, unit } = scenario
      progress(`${soFar()} done; ${name}, ${number(count)} ${unit}, for ${secondsSince(from)} s`)
    }, 500)
    const outcome = await attempt(scenario, pass)
    clearInterval(timer)
    progress('')
    console.log(outcome)
  }
  pass++
} while (failures === 0 && seconds !== undefined && performance.now() - start < seconds * 1000)

const verdict = failures > 0 ? `${failures} failures` : `nothing wrong, ${lostWithKills} values died with their threads`
console.log(`${soFar()} in ${secondsSince(start)} s, ${verdict}`)
console.log(`arena before: ${JSON.stringify(before)}`)
console.log(`arena after:  ${JSON.stringify(arena.stats())}`)
if (liveThreads() > 0) await stopThreads()
process.exitCode = failures === 0 ? 0 : 1
