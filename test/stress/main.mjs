// Stress: many messages through every kind of use, with real threads. Every message is counted: each producer's values must arrive in
// order at each consumer, and each value exactly once. Prints one line per scenario; exits with 1 if anything was wrong.
//
//   node test/stress/main.mjs [--messages 105000000] [--seconds 600] [--seed 1] [--only <regexp>]
//
// `--messages` is the number of one pass over all scenarios; with `--seconds`, passes are repeated until the time is over.

import { parseArgs } from 'node:util'
import { Arena } from 'millrace'
import { randomFrom } from '../support/kit.mjs'
import { scenarios } from './scenarios.mjs'
import { liveThreads, settle, stopThreads } from './threads.mjs'

const flags = readFlags()

function readFlags() {
  const text = { type: 'string' }
  try {
    return parseArgs({ options: { messages: text, seconds: text, seed: text, only: text } }).values
  } catch (error) {
    return usage(error.message)
  }
}

function usage(why) {
  console.error(`${why}\nusage: node test/stress/main.mjs [--messages n] [--seconds s] [--seed n] [--only regexp]`)
  process.exit(2)
}

const seed = Number(flags.seed ?? Math.floor(Math.random() * 2 ** 32))
const seconds = flags.seconds === undefined ? undefined : Number(flags.seconds)
const messages = Number(flags.messages ?? (seconds === undefined ? 105_000_000 : 10_000_000))
if (!Number.isInteger(messages) || messages < 1) usage('--messages is a whole number from 1')
if (!Number.isInteger(seed)) usage('--seed is a whole number')
if (seconds !== undefined && !(seconds > 0)) usage('--seconds is a number above 0')
const only = new RegExp(flags.only ?? '')
const chosen = scenarios.filter(({ name }) => only.test(name))
const weights = chosen.reduce((sum, { share }) => sum + share, 0)
const million = (n) => `${(n / 1e6).toFixed(1)} million`
const progress = (text) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`)
}

console.log(`seed ${seed}, ${messages.toLocaleString('en')} messages a pass, node ${process.version}`)
const arena = new Arena({ size: 256 * 2 ** 20 })
const before = arena.stats()
const start = performance.now()
let total = 0
let lostWithKills = 0
let failures = 0

for (let pass = 0; ; pass++) {
  for (const { name, share, run } of chosen) {
    const count = Math.max(500, Math.round((messages * share) / weights))
    const rng = randomFrom(seed + pass * 7919 + [...name].reduce((hash, char) => hash * 31 + char.charCodeAt(0), 7))
    const from = performance.now()
    const timer = setInterval(() => {
      progress(
        `${million(total)} done; ${name}, ${million(count)} messages, for ${Math.round((performance.now() - from) / 1000)} s`,
      )
    }, 500)
    let outcome
    try {
      const { settings, moved, lost = 0 } = await run({ arena, count, rng })
      await settle(() => arena.stats().threads === 1)
      const { blocks } = arena.stats()
      if (JSON.stringify(blocks) !== JSON.stringify(before.blocks))
        throw new Error(`blocks left in the arena: ${JSON.stringify(blocks)}`)
      total += moved
      lostWithKills += lost
      const took = `${((performance.now() - from) / 1000).toFixed(1)} s`
      outcome = `ok    ${name.padEnd(18)} ${moved.toLocaleString('en').padStart(12)} messages ${took.padStart(8)}  ${settings}`
    } catch (error) {
      failures++
      outcome = `WRONG ${name}: ${error.message} (repeat with --seed ${seed} --only '^${name}$')`
    }
    clearInterval(timer)
    progress('')
    console.log(outcome)
    if (failures > 0) await stopThreads()
  }
  if (failures > 0 || seconds === undefined || performance.now() - start > seconds * 1000) break
}

const after = arena.stats()
const took = ((performance.now() - start) / 1000).toFixed(1)
const verdict =
  failures > 0 ? `${failures} failures` : `each arrived once, but for ${lostWithKills} that died with their threads`
console.log(`${total.toLocaleString('en')} messages in ${took} s, ${verdict}`)
console.log(`arena before: ${JSON.stringify(before)}`)
console.log(`arena after:  ${JSON.stringify(after)}`)
if (liveThreads() > 0) await stopThreads()
process.exitCode = failures === 0 ? 0 : 1
