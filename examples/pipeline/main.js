// Numbers through three stages of workers, with back-pressure:
//
//   generate --jobs--> transform (many workers: count the divisors) --results--> aggregate (add up)
//
//   node examples/pipeline/main.js [--count N] [--workers N] [--capacity N]
//
// The channels are bounded: a stage that is too fast waits for the next one, and memory stays the same however many
// numbers there are.

import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { AtomicI32, channel, f64, u32 } from 'millrace'

/** The divisors of all numbers from 1 to count, counted the other way round: k divides floor(count / k) of them. */
function divisorsUpTo(count) {
  let sum = 0
  for (let k = 1; k <= count; k++) sum += Math.floor(count / k)
  return sum
}

/** Runs a stage in a worker of its own. Resolves with its report. */
async function start(stage, options) {
  const worker = new Worker(new URL('stages.js', import.meta.url), { workerData: { stage, ...options } })
  const [report] = await once(worker, 'message')
  return report
}

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '500000' },
    workers: { type: 'string', default: String(availableParallelism()) },
    capacity: { type: 'string', default: '256' },
  },
})

function integer(name, from, to) {
  const value = Number(values[name])
  if (values[name] !== '' && Number.isInteger(value) && value >= from && value <= to) return value
  throw new RangeError(`--${name} is an integer from ${from} to ${to}`)
}
const count = integer('count', 0, 2 ** 32 - 1)
const workers = integer('workers', 1, 64)
const capacity = integer('capacity', 1, 2 ** 16)

const jobs = channel(u32, { capacity })
const results = channel(f64, { capacity })
const running = new AtomicI32(workers)

const begin = performance.now()
const transform = { jobs: jobs.receiver.handle, results: results.sender.handle, running: running.handle }
const [generated, aggregated] = await Promise.all([
  start('generate', { count, jobs: jobs.sender.handle }),
  start('aggregate', { results: results.receiver.handle }),
  ...Array.from({ length: workers }, () => start('transform', transform)),
])
const seconds = (performance.now() - begin) / 1000

const expected = divisorsUpTo(count)
console.log(`divisors of 1 to ${count}: ${aggregated.sum} (formula: ${expected})`)
console.log(`${workers} transforming: ${seconds.toFixed(2)} s, ${Math.round(count / seconds)} numbers/s`)
console.log(`deepest queues: ${generated.deepest} jobs, ${aggregated.deepest} results, of ${capacity}`)
if (aggregated.sum !== expected || aggregated.received !== count) process.exitCode = 1
