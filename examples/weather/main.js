// The lowest, mean and highest temperature of each weather station, from lines like `Oslo;-3.1`, through a pipeline:
//
//   chunks of a file --cut at ends of lines--> summarize (workers of a runtime, several chunks at a time) --> added up here
//
//   node examples/weather/main.js [file] [--rows N] [--procs N]
//
// Without a file it makes up the rows. Each stage works while the others do, and a slow one holds up those before it: no more chunks are in memory
// than there are in the stages, however long the file.

import { createReadStream } from 'node:fs'
import { parseArgs } from 'node:util'
import { numCPU, pipeline, runtime } from 'millrace'
import { inventRows } from './rows.js'

const NEWLINE = 10

/** A stage: cuts what it gets into chunks that end with a line. */
async function* wholeLines(chunks) {
  let rest = new Uint8Array() // the beginning of a line that goes on in the next chunk
  for await (const chunk of chunks) {
    const text = Buffer.concat([rest, chunk])
    const end = text.lastIndexOf(NEWLINE) + 1
    if (end > 0) yield text.subarray(0, end)
    rest = text.subarray(end)
  }
  if (rest.length > 0) yield rest
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: 'string', default: '2000000' },
    procs: { type: 'string', default: String(numCPU()) },
  },
})
const [file] = positionals
const rt = await runtime(new URL('tasks.js', import.meta.url), { procs: Number(values.procs) })
const source = file === undefined ? inventRows(Number(values.rows)) : createReadStream(file, { highWaterMark: 2 ** 18 })

const summaries = pipeline(source, wholeLines, {
  run: (lines) => rt.go('summarize', lines),
  workers: 2 * rt.procs, // one at work, and one on its way
})

const stations = new Map()
for await (const summary of summaries) {
  for (const [station, { count, sum, min, max }] of summary) {
    const total = stations.get(station) ?? { count: 0, sum: 0, min, max }
    total.count += count
    total.sum += sum
    total.min = Math.min(total.min, min)
    total.max = Math.max(total.max, max)
    stations.set(station, total)
  }
}
await rt.close()

const degrees = (tenths) => (tenths / 10).toFixed(1)
for (const [station, { count, sum, min, max }] of [...stations].sort()) {
  console.log(`${station}: ${degrees(min)} / ${degrees(sum / count)} / ${degrees(max)} (${count})`)
}
