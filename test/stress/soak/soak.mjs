// Soak: messages of all sizes and codecs, at full speed, for a long time, in an arena that is too small for all that could be on its way, so
// that senders wait for memory too. Channels are closed and disposed of with messages inside all the while.
//
//   npm run soak -- [--seconds 3600] [--seed n] [--kills 0.05] [--arena 64] [--only <regexp>] [--samples <file>]
//
// `--kills` is the share of the rounds in which a thread is terminated (default 0), `--arena` the arena's size in MiB, `--only` chooses lanes,
// `--samples` keeps what resident memory was: a line of seconds and bytes each.
// Every message is compared with what it must be. Exits with 1 if one was wrong, lost or doubled; if nothing arrived for 30 s; if after the end
// the arena has more in use than before; or if resident memory rose: flatness.mjs says what that means.

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Presets, SingleBar } from 'cli-progress'
import { Arena, channel, fixedBytes } from 'millrace'
import { randomFrom } from '../../support/kit.mjs'
import { settle } from '../threads.mjs'
import { judgeFlatness } from './flatness.mjs'
import { lanes } from './lanes.mjs'
import { Lane } from './rounds.mjs'

const MIB = 2 ** 20
const SAMPLE_MS = 250
/** What a run begins with is not judged: engines compile, heaps find their size, pages are touched for the first time. */
const WARM_UP_SHARE = 0.25
const WARM_UP_LEAST_S = 10
/** Less is not enough to tell a leak from noise. */
const JUDGED_LEAST_S = 10
const STALL_MS = 30_000
const LINE_EVERY_MS = 60_000
/** Places to count at: more than threads can be, kills included. */
const PLACES = 2 ** 16

function usage(why) {
  console.error(
    `${why}\nusage: npm run soak -- [--seconds s] [--seed n] [--kills share] [--arena MiB] [--only regexp] [--samples file]`,
  )
  process.exit(2)
}

function readFlags() {
  const names = ['seconds', 'seed', 'kills', 'arena', 'only', 'samples']
  try {
    return parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) }).values
  } catch (error) {
    return usage(error.message)
  }
}

const flags = readFlags()
const seconds = Number(flags.seconds ?? 3600)
const seed = Number(flags.seed ?? Math.floor(Math.random() * 2 ** 32))
const kills = Number(flags.kills ?? 0)
if (!(seconds > 0)) usage('--seconds is a number above 0')
if (!Number.isInteger(seed)) usage('--seed is a whole number')
if (!(kills >= 0 && kills <= 1)) usage('--kills is a share from 0 to 1')
const only = new RegExp(flags.only ?? '')
const names = Object.keys(lanes).filter((name) => only.test(name))
if (names.length === 0) usage(`no lane has a name like ${flags.only}`)

const arena = new Arena({ size: Number(flags.arena ?? 64) * MIB })
const counts = new Float64Array(new SharedArrayBuffer(PLACES * Float64Array.BYTES_PER_ELEMENT))
let places = 0
// The block that each thread keeps for itself is there from here on.
channel(fixedBytes(8), { arena }).dispose()
const before = arena.stats()
const crew = names.map((name, i) => {
  const progress = () => ({ buffer: counts.buffer, at: places++ % PLACES })
  return { name, lane: new Lane(name, { arena, random: randomFrom(seed + i * 7919), kills, progress }) }
})

const start = performance.now()
const elapsed = () => performance.now() - start
const total = () => counts.reduce((sum, n) => sum + n, 0)
const mib = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`
const samples = []

function state() {
  const perSecond = total() / (elapsed() / 1000)
  const { bytesInUse } = arena.stats()
  return {
    messages: total().toLocaleString('en'),
    rate: `${Math.round(perSecond).toLocaleString('en')}/s`,
    arena: mib(bytesInUse),
    rss: mib(process.memoryUsage.rss()),
  }
}

/** A bar on a terminal, a line a minute elsewhere. */
function makeProgress() {
  if (process.stderr.isTTY) {
    const format = '{bar} {value}/{total} s, {messages} messages, {rate}, arena {arena}, resident {rss}'
    const bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true }, Presets.shades_classic)
    bar.start(seconds, 0, state())
    return { show: () => bar.update(Math.min(seconds, Math.round(elapsed() / 1000)), state()), stop: () => bar.stop() }
  }
  let last = 0
  const show = () => {
    if (elapsed() - last < LINE_EVERY_MS) return
    last = elapsed()
    const { messages, rate, arena: inUse, rss } = state()
    console.log(`${Math.round(last / 1000)} s: ${messages} messages, ${rate}, arena ${inUse}, resident ${rss}`)
  }
  return { show, stop: () => {} }
}

/** Samples and shows; rejects if nothing has arrived for too long. */
function watch(progress) {
  let timer
  const stalled = new Promise((_, reject) => {
    let [seen, since] = [0, performance.now()]
    timer = setInterval(() => {
      samples.push({ t: elapsed() / 1000, bytes: process.memoryUsage.rss() })
      progress.show()
      const now = total()
      if (now !== seen) [seen, since] = [now, performance.now()]
      if (performance.now() - since > STALL_MS) {
        const rounds = crew.map(({ name, lane }) => `${name} ${JSON.stringify(lane.round)}`)
        reject(new Error(`nothing has arrived for ${STALL_MS / 1000} s: ${rounds.join('; ')}`))
      }
    }, SAMPLE_MS)
  })
  return { stalled, stop: () => clearInterval(timer) }
}

function judgeArena() {
  const after = arena.stats()
  const good = JSON.stringify(after.blocks) === JSON.stringify(before.blocks)
  console.log(`arena: ${before.bytesInUse} bytes in use before, ${after.bytesInUse} after${good ? '' : ': WRONG'}`)
  if (!good) console.log(`  blocks ${JSON.stringify(before.blocks)}, then ${JSON.stringify(after.blocks)}`)
  return good
}

function judgeMemory() {
  const warmUp = Math.max(WARM_UP_LEAST_S, seconds * WARM_UP_SHARE)
  const judged = samples.filter(({ t }) => t >= warmUp && t <= seconds)
  if (seconds - warmUp < JUDGED_LEAST_S) {
    console.log(`resident memory: not judged in less than ${WARM_UP_LEAST_S + JUDGED_LEAST_S} s`)
    return true
  }
  const { slope, rise, allowed, mean, flat } = judgeFlatness(judged)
  const figures = `${mib(mean)} on average after ${Math.round(warmUp)} s, slope ${((slope * 3600) / MIB).toFixed(1)} MiB an hour`
  console.log(`resident memory: ${figures}; rose by ${mib(rise)}, allowed ${mib(allowed)}${flat ? '' : ': WRONG'}`)
  return flat
}

console.log(`seed ${seed}, node ${process.version}, ${seconds} s, lanes ${names.join(', ')}`)
const progress = makeProgress()
const watcher = watch(progress)
let good = true
try {
  const over = () => elapsed() >= seconds * 1000
  await Promise.race([watcher.stalled, Promise.all(crew.map(({ lane }) => lane.run(over)))])
} catch (error) {
  good = false
  progress.stop()
  console.error(`WRONG: ${error.stack} (--seed ${seed})`)
}
watcher.stop()
progress.stop()
if (flags.samples !== undefined)
  writeFileSync(flags.samples, samples.map(({ t, bytes }) => `${t.toFixed(2)} ${bytes}\n`).join(''))
if (!good) process.exit(1)
const moved = total()
await Promise.all(crew.map(({ lane }) => lane.stop()))
await settle(() => arena.stats().threads === before.threads)
const rounds = crew.map(({ name, lane }) => `${name} ${lane.round.number}`).join(', ')
console.log(`${moved.toLocaleString('en')} messages in ${(elapsed() / 1000).toFixed(0)} s; rounds: ${rounds}`)
const verdicts = [judgeArena(), judgeMemory()]
process.exitCode = verdicts.every(Boolean) ? 0 : 1
