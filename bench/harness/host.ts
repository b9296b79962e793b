// The process of a contender written in JavaScript: `node host.js <contender>`. Reads jobs from stdin, runs each on worker
// threads that it keeps between runs, and prints one line for each.

import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Worker } from 'node:worker_threads'
import { barrierBuffer } from './barrier.js'
import { nowNs } from './clock.js'
import type { Contender } from './contender.js'
import { loadContender } from './load.js'
import { runMicro } from './micro.js'
import { type Job, parseJob, type Reply, threadCount } from './protocol.js'
import type { Report } from './worker.js'

const name = process.argv[2]
const contender: Contender = await loadContender(name)
const workers: Worker[] = []

async function threads(count: number): Promise<Worker[]> {
  while (workers.length < count) {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: name })
    workers.push(worker)
    await once(worker, 'message')
  }
  return workers.slice(0, count)
}

async function runAlone(job: Job): Promise<Reply> {
  if (contender.run === undefined) throw new Error('no rows of a runtime')
  const before = process.cpuUsage()
  const start = nowNs()
  const outcome = await contender.run(job)
  const ns = nowNs() - start
  const { user, system } = process.cpuUsage(before)
  return { ns, cpu: (user + system) / 1e6, ...outcome }
}

function play(job: Job): Promise<Reply> {
  if (job.kind === 'micro') return runMicro(contender, job)
  return job.kind === 'runtime' ? runAlone(job) : runThreads(job)
}

async function runThreads(job: Job): Promise<Reply> {
  const crew = await threads(threadCount(job))
  const { gifts, finish } = contender.prepare(job)
  const barrier = barrierBuffer()
  const before = process.cpuUsage()
  const reports = await Promise.all(
    crew.map(async (worker, index) => {
      const answer = once(worker, 'message')
      worker.postMessage({ job, index, barrier, gift: gifts[index].value }, gifts[index].transfer ?? [])
      const report: Report = (await answer)[0]
      // At once: the others may be waiting at the start line for this thread.
      if (report.error !== undefined) throw new Error(report.error)
      return report
    }),
  )
  const { user, system } = process.cpuUsage(before)
  const share = reports.find((report) => report.share !== undefined)?.share
  const samples = reports.flatMap((report) => report.samples ?? [])
  return {
    ns: reports[0].ns ?? Math.max(...reports.map(({ end }) => end)) - Math.min(...reports.map(({ start }) => start)),
    cpu: (user + system) / 1e6,
    count: reports.reduce((total, report) => total + report.count, 0),
    sum: reports.reduce((total, report) => total + report.sum, 0),
    ...(samples.length > 0 && { samples }),
    ...(share !== undefined && { share }),
    ...finish?.(),
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    const job = parseJob(line)
    process.stdout.write(`${JSON.stringify(await play(job))}\n`)
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: error instanceof Error ? error.stack : String(error) })}\n`)
  }
}
process.exit(0)
