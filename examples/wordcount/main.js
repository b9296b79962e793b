// Counts how often each word occurs in the text and source files below a folder.
//
//   node examples/wordcount/main.js [folder] [--workers N] [--top N] [--compare] [--json] [--progress]
//
// This thread reads the files into segments of shared memory. Text does not travel through the channels: the numbers
// of the segments do, to the workers through `filled` and back through `free`. When the workers fall behind, no
// segment is free and the reading waits.

import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { channel, u32 } from 'millrace'
import { pack, SEGMENT, walk } from './files.js'
import { WordTable } from './words.js'

/** Counts with that many workers. Resolves with what `pack` does, the number of words and the table of their counts. */
async function countParallel(paths, workers, progress) {
  const segments = 4 * workers + 4
  const memory = new Uint8Array(new SharedArrayBuffer(segments * SEGMENT))
  const lengths = new Uint32Array(new SharedArrayBuffer(segments * 4))
  const filled = channel(u32, { capacity: segments })
  const free = channel(u32, { capacity: segments })
  free.trySendMany(Array.from({ length: segments }, (_, i) => i))

  // If a worker fails, nobody must wait for the segments that it will never give back.
  const failure = new AbortController()
  const results = Array.from({ length: workers }, async () => {
    const workerData = { memory, lengths, filled: filled.receiver.handle, free: free.sender.handle }
    const worker = new Worker(new URL('worker.js', import.meta.url), { workerData })
    worker.once('error', (error) => failure.abort(error))
    const [{ words, parts }] = await once(worker, 'message')
    return { words, table: new WordTable(parts) }
  })

  const read = await pack(paths, memory, {
    take: () => free.receive({ signal: failure.signal }),
    give: (segment, length) => {
      // Who receives sees what was written before the send: neither the length nor the text needs an atomic access.
      lengths[segment] = length
      return filled.send(segment)
    },
    progress,
  })
  filled.close()

  const [total, ...others] = await Promise.all(results)
  for (const { words, table } of others) {
    total.words += words
    total.table.merge(table)
  }
  return { ...read, ...total }
}

/** The same in this thread alone, with two segments: the end of one may belong to the beginning of the next. */
async function countAlone(paths, progress) {
  const memory = new Uint8Array(2 * SEGMENT)
  const table = new WordTable()
  let turn = 0
  let words = 0
  const read = await pack(paths, memory, {
    take: () => turn++ % 2,
    give: (segment, length) => {
      words += table.countWords(memory, segment * SEGMENT, segment * SEGMENT + length)
    },
    progress,
  })
  return { ...read, words, table }
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
  const top = integer('--top', values.top, 0, 2 ** 32)
  const folder = positionals[0] ?? fileURLToPath(new URL('../../node_modules', import.meta.url))
  return { ...values, workers, top, folder }
}

async function main() {
  const { folder, workers, top, ...flags } = readArguments()
  const paths = [...walk(folder)]
  const parallel = await measure(paths, (progress) => countParallel(paths, workers, progress), flags.progress)
  const { files, bytes, unreadable, words, table, seconds } = parallel
  const { distinct } = table
  if (flags.json) {
    console.log(JSON.stringify({ files, bytes, unreadable, words, distinct, seconds, top: table.top(top) }))
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
  for (const [word, count] of table.top(top)) lines.push(`${number(count).padStart(12)}  ${word}`)
  console.log(lines.join('\n'))
}

try {
  await main()
} catch (error) {
  console.error(`wordcount: ${error.message}`)
  process.exit(1) // also ends workers that still wait
}
