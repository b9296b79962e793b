// Reads a large access log through a pipeline of threads, in little memory:
//
//   this thread --chunks: bytes--> parse (many workers) --requests: struct--> aggregate --totals: any--> this thread
//
//   node examples/logs/main.js [--size 200MB] [--workers N] [--keep] [--progress]
//
// The log is read straight into messages, which are parsed where they lie. The channels are bounded: who is too fast
// waits, and memory stays the same however large the log is. The log is generated on the first run, together with the
// totals to be found in it; it is removed in the end unless it is to be kept for the next run.

import { existsSync, readFileSync, rmSync } from 'node:fs'
import { open as openFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { Presets, SingleBar } from 'cli-progress'
import { AtomicI32, AtomicU32, any, bytes, Counter, channel, f64 } from 'millrace'
import { print } from './print.js'
import { request } from './summary.js'

/** Bytes of a chunk. With its header it fits a block of 64 KiB. */
const CHUNK = 60_000
const NEWLINE = 10

/** An error in the worker ends the program: nobody listens to its 'error' event. */
function start(module, workerData) {
  // Garbage is collected early: the memory in use shall be that of the pipeline.
  const resourceLimits = { maxYoungGenerationSizeMb: 4 }
  return new Worker(new URL(module, import.meta.url), { workerData, resourceLimits })
}

async function generate(file, size, progress) {
  const written = channel(f64, { capacity: 16 })
  start('generate.js', { file, size, written: written.sender.handle })
  for await (const bytes of written) progress(bytes)
}

/** Sends the file in chunks that end with a line; `progress` hears how far it is. */
async function read(file, chunks, progress) {
  const log = await openFile(file)
  let rest = new Uint8Array() // the beginning of a line that goes on in the next chunk
  let done = 0
  for (let ended = false; !ended; progress(done)) {
    const chunk = await chunks.reserve(CHUNK)
    chunk.bytes.set(rest)
    const { bytesRead } = await log.read(chunk.bytes, rest.length)
    ended = bytesRead === 0
    done += bytesRead
    const filled = chunk.bytes.subarray(0, rest.length + bytesRead)
    // A line that is longer than a chunk is cut: no request is that long.
    const length = ended ? filled.length : filled.lastIndexOf(NEWLINE) + 1 || filled.length
    rest = filled.slice(length)
    await chunk.commit(length)
  }
  chunks.close()
  await log.close()
  return done
}

async function analyse(file, workers, progress) {
  const shared = {
    chunks: channel(bytes, { capacity: 2 * workers }),
    requests: channel(request, { capacity: 8192 }),
    paths: channel(any(), { capacity: workers }), // of Map<string, number>
    totals: channel(any(), { capacity: 1 }),
    numbers: new AtomicU32(),
    malformed: new Counter(),
    running: new AtomicI32(workers),
  }
  const handles = Object.fromEntries(Object.entries(shared).map(([name, object]) => [name, object.handle]))
  start('stages.js', { stage: 'aggregate', ...handles })
  for (let i = 0; i < workers; i++) start('stages.js', { stage: 'parse', ...handles })

  const begin = performance.now()
  const size = await read(file, shared.chunks, progress)
  const totals = { ...(await shared.totals.receive()), malformed: shared.malformed.value }
  return { totals, size, seconds: (performance.now() - begin) / 1000 }
}

function readArguments() {
  const { values } = parseArgs({
    options: {
      size: { type: 'string', default: '200MB' },
      workers: { type: 'string', default: String(availableParallelism()) },
      keep: { type: 'boolean', default: false },
      progress: { type: 'boolean', default: false }, // also where stderr is no terminal
    },
  })
  const [, number, unit] = /^(\d{1,5})(kB|MB|GB)$/.exec(values.size) ?? []
  if (!(number > 0)) throw new RangeError('--size is a number of kB, MB or GB, as in 200MB')
  const workers = Number(values.workers)
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= 64))
    throw new RangeError('--workers is an integer from 1 to 64')
  return { ...values, workers, bytes: number * { kB: 1e3, MB: 1e6, GB: 1e9 }[unit] }
}

const { size, bytes: target, workers, keep, progress } = readArguments()

/** Runs with a progress bar in megabytes. */
async function showing(what, run) {
  const format = `${what} [{bar}] {value}/{total} MB`
  const bar = new SingleBar({ format, noTTYOutput: progress, notTTYSchedule: 200 }, Presets.legacy)
  bar.start(Math.round(target / 1e6), 0)
  const result = await run((done) => bar.update(Math.round(done / 1e6)))
  bar.stop()
  return result
}

const file = fileURLToPath(new URL(`.data/access-${size}.log`, import.meta.url))
if (!existsSync(file)) await showing('generating', (progress) => generate(file, target, progress))
const expected = JSON.parse(readFileSync(`${file}.expected`, 'utf8'))
const found = await showing('reading   ', (progress) => analyse(file, workers, progress))
print(found, workers)
const right = isDeepStrictEqual(found.totals, expected)
console.log(right ? 'checked: all totals are as generated' : 'WRONG: the totals are not as generated')
if (!right) process.exitCode = 1
if (!keep) for (const path of [file, `${file}.expected`]) rmSync(path)
