// Runs a one-thread row under tinybench. One tinybench iteration holds many rounds of the operation, because a single one
// takes less time than reading the clock.

import { Bench } from 'tinybench'
import type { Contender } from './contender.js'
import { type Job, MICRO_TIME_MS, MICRO_WARM_UP_MS, type Reply } from './protocol.js'

export async function runMicro(contender: Contender, job: Job): Promise<Reply> {
  if (contender.micro === undefined) throw new Error('no micro rows')
  const rounds = contender.micro(job.style, job.capacity)
  const bench = new Bench({ time: MICRO_TIME_MS, warmupTime: MICRO_WARM_UP_MS, iterations: 1, warmupIterations: 1 })
  // Whether it is async is said, not found out: tinybench would start it once without waiting for its end.
  const first = rounds(1)
  await first
  bench.add(job.style, () => rounds(job.n), { async: first instanceof Promise })
  const before = process.cpuUsage()
  const [task] = await bench.run()
  const { user, system } = process.cpuUsage(before)
  const { result } = task
  if (result.state === 'errored') throw result.error
  if (result.state !== 'completed') throw new Error(`tinybench: ${result.state}`)
  return { ns: result.latency.p50 * 1e6, cpu: (user + system) / 1e6, count: job.n, sum: job.n }
}
