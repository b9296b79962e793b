// Counts how often each word occurs in the text and source files below a folder.
//
//   node examples/wordcount/main.js [folder] [--workers N] [--top N] [--compare] [--json] [--progress]
//
// This thread reads the files straight into messages, the workers count the words where these lie: no text is copied.
// The counts come back as Maps. When the workers fall behind, `texts` is full and the reading waits.

import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { AtomicI32, any, bytes, channel } from 'millrace'
import { LARGEST, pack, walk } from './files.js'
import { top, WordTable } from './words.js'

function add(total, part) {
  for (const [word, count] of part) total.set(word, (total.get(word) ?? 0) + count)
}

/** Counts with that many workers. Resolves with what `pack` does, and the counts by word. */
async function countParallel(paths, workers, progress) {
  const texts = channel(bytes, { capacity: 2 * workers })
  const counts = channel(any(), { capacity: 2 * workers }) // of Map<string, number>
  const running = new AtomicI32(workers)
  const workerData = { texts: texts.handle, counts: counts.sender.handle, running: running.handle }
  // An error in a worker ends the program: nobody listens to its 'error' event.
  for (let i = 0; i < workers; i++) new Worker(new URL('worker.js', import.meta.url), { workerData })

  const read = await pack(paths, () => texts.reserve(LARGEST), progress)
  texts.close()
  const total = new Map()
  for await (const part of counts) add(total, part)
  return { ...read, counts: total }
}

/** The same in this thread alone, with two messages: the end of one may belong to the beginning of the next. */
async function countAlone(paths, progress) {
  const table = new WordTable()
  const [one, two] = [new Uint8Array(LARGEST), new Uint8Array(LARGEST)].map((text) => ({
    bytes: text,
    commit: (length) => table.countWords(text, length),
  }))
  let next = two
  const read = await pack(paths, () => (next = next === one ? two : one), progress)
  const total = new Map()
  for (const part of table.maps()) add(total, part)
  return { ...read, counts: total }
}

/** Shows a progress bar while `count` runs, and adds to its result the seconds it took. */
async function measure(paths, count, showProgress) {
  let bar
  if (showProgress) {
    const { default: progress } = await import('cli-progress')
    const format = '[{bar}] {value}/{total} files, {megabytes} MB'
    bar = new progress.SingleBar({ format, noTTYOutput: true, notTTYSchedule: 200 }, progress.Presets.legacy)
    bar.start(paths.length, 0, { megabytes: 0 })
  }
  const begin = performance.now()
  const result = await count((bytes) => bar?.increment(1, { megabytes: (bytes / 1e6).toFixed(1) }))
  const seconds = (performance.now() - begin) / 1000
  bar?.stop()
  return { ...result, seconds }
}

function integer(name, text, from, to) {
  const value = Number(text)
  if (text !== '' && Number.isInteger(value) && value >= from && value <= to) return value
  throw new RangeError(`${name} is an integer from ${from} to ${to}`)
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      workers: { type: 'string', default: String(availableParallelism()) },
      top: { type: 'string', default: '10' },
      compare: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      progress: { type: 'boolean', default: process.stderr.isTTY === true },
    },
  })
  const workers = integer('--workers', values.workers, 1, 64)
  const most = integer('--top', values.top, 0, 2 ** 32)
  const folder = positionals[0] ?? fileURLToPath(new URL('../../node_modules', import.meta.url))
  return { ...values, workers, most, folder }
}

async function main() {
  const { folder, workers, most, ...flags } = readArguments()
  const paths = [...walk(folder)]
  const parallel = await measure(paths, (progress) => countParallel(paths, workers, progress), flags.progress)
  const { files, bytes, unreadable, counts, seconds } = parallel
  const distinct = counts.size
  let words = 0
  for (const count of counts.values()) words += count
  if (flags.json) {
    console.log(JSON.stringify({ files, bytes, unreadable, words, distinct, seconds, top: top(counts, most) }))
    return
  }
  const number = (n) => n.toLocaleString('en')
  const speed = (run) => `${run.seconds.toFixed(2)} s, ${(bytes / 1e6 / run.seconds).toFixed(0)} MB/s`
  if (unreadable > 0) console.error(`left out: ${number(unreadable)} files that cannot be opened`)
  const megabytes = (bytes / 1e6).toFixed(1)
  const lines = [
    `${number(files)} files, ${megabytes} MB, ${number(words)} words, ${number(distinct)} different`,
    `${workers} worker${workers === 1 ? '' : 's'}: ${speed(parallel)}`,
  ]
  if (flags.compare) {
    const alone = await measure(paths, (progress) => countAlone(paths, progress), flags.progress)
    lines.push(`one thread: ${speed(alone)} (speed-up by workers: ${(alone.seconds / seconds).toFixed(2)})`)
  }
  for (const [word, count] of top(counts, most)) lines.push(`${number(count).padStart(12)}  ${word}`)
  console.log(lines.join('\n'))
}

try {
  await main()
} catch (error) {
  console.error(`wordcount: ${error.message}`)
  process.exit(1) // also ends workers that still wait
}
