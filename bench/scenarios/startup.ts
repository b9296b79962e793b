// Import, first channel, first message, in a fresh process; what Node needs for an empty module is subtracted.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Entry, Row } from '../rows.js'
import type { Result } from '../runner.js'
import { median, quantile, sorted } from '../stats.js'

/** One start is short and noisy: more of them than of other runs. */
const STARTS_PER_RUN = 4

interface Start {
  ms: number
  cpu: number
}

function start(script: string): Start {
  const path = fileURLToPath(new URL(`./startup/${script}.js`, import.meta.url))
  const before = performance.now()
  const { status, stdout, stderr } = spawnSync(process.execPath, [path], { encoding: 'utf8' })
  const ms = performance.now() - before
  if (status !== 0) throw new Error(`start-up of ${script}: ${stderr}`)
  return { ms, cpu: Number(stdout) }
}

export function measureStartup(
  row: Row,
  entries: Entry[],
  runs: number,
  fail: (contender: string, error: unknown) => void,
): Result[] {
  // The first start fills the file cache and shows who works at all.
  const working = entries.filter(({ name }) => {
    try {
      return start(name).ms > 0
    } catch (error) {
      fail(name, error)
      return false
    }
  })
  const scripts = ['bare', ...working.map((entry) => entry.name)]
  const starts = new Map(scripts.map((script) => [script, [] as Start[]]))
  for (let round = 0; round < runs * STARTS_PER_RUN; round++) {
    for (const script of scripts) starts.get(script)?.push(start(script))
  }
  const node = starts.get('bare') ?? []
  const nodeMs = median(node.map(({ ms }) => ms))
  const nodeCpu = median(node.map(({ cpu }) => cpu))
  return working.map(({ name }) => {
    const mine = starts.get(name) ?? []
    const beyond = sorted(mine.map(({ ms }) => ms - nodeMs))
    const [p25, mid, p75] = [0.25, 0.5, 0.75].map((q) => quantile(beyond, q))
    const cpu = median(mine.map((one) => one.cpu)) - nodeCpu
    return { scenario: row.scenario, contender: name, unit: 'ms', median: mid, p25, p75, cpu, n: 1, runs: mine.length }
  })
}
