// The benchmark's own machinery: that rows and targets fit together, and that a contender's process counts what it moves.
// As built (npm run build:bench).

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { engineLacks } from '../build/bench/contenders/engine.js'
import {
  expected,
  formatJob,
  type Job,
  parseJob,
  type Reply,
  stepOf,
  threadCount,
} from '../build/bench/harness/protocol.js'
import { ROWS, selectRows } from '../build/bench/rows.js'
import type { Result } from '../build/bench/runner.js'
import { targetTable } from '../build/bench/table.js'
import { judge, onlyOpponents, TARGETS } from '../build/bench/targets.js'

const HOST = fileURLToPath(new URL('../build/bench/harness/host.js', import.meta.url))

describe('rows', () => {
  it('have names of their own', () => {
    const scenarios = ROWS.map((row) => row.scenario)
    expect(new Set(scenarios).size).toBe(scenarios.length)
  })

  it('split their messages evenly', () => {
    for (const { job } of ROWS.filter((row) => row.job.n > 0 && row.measure === 'throughput')) {
      expect(job.n % job.producers, formatJob(job)).toBe(0)
      expect(job.n % job.consumers, formatJob(job)).toBe(0)
    }
  })

  it('are all in a full run, and a quick run is a part of a plain one', () => {
    const [quick, plain] = [selectRows('quick'), selectRows('default')]
    expect(selectRows('full')).toEqual([...ROWS])
    const names = (rows: typeof plain) => rows.map((row) => row.scenario)
    expect(names(plain)).toEqual(expect.arrayContaining(names(quick)))
    expect(selectRows('quick', /^select_/).map((row) => row.scenario)).toHaveLength(4)
  })

  it('leave out who takes part only in a fuller run', () => {
    const names = (selection: 'quick' | 'default' | 'full') =>
      selectRows(selection)
        .find(({ scenario }) => scenario === 'bytes 64 B 1:1 cap 1024')
        ?.entries.map(({ name }) => name)
    expect(names('quick')).toEqual(['millrace', 'postMessage'])
    expect(names('default')).toEqual(['millrace', 'postMessage', 'go'])
    expect(names('full')).toContain('MessagePort')
  })
})

describe('targets', () => {
  it('are about rows of the quick run in which both sides take part', () => {
    const quick = selectRows('quick')
    for (const { row, against } of TARGETS) {
      const entries = quick.find(({ scenario }) => scenario === row)?.entries.map(({ name }) => name)
      expect(entries, row).toContain('millrace')
      if (against !== undefined) expect(entries, row).toContain(against)
    }
  })

  it('choose who takes part in a quick run', () => {
    const quick = onlyOpponents(selectRows('quick'))
    for (const { row, against } of TARGETS.filter((target) => target.against !== undefined)) {
      const entries = quick.find(({ scenario }) => scenario === row)?.entries.map(({ name }) => name)
      expect(entries, row).toContain(against)
    }
    const names = (scenario: string) => quick.find((row) => row.scenario === scenario)?.entries.map(({ name }) => name)
    expect(names('spsc 1:1 cap 1 blocking')).toEqual(['millrace', 'crossbeam'])
    expect(names('select with a quiet loser')).toEqual(['millrace', 'go', 'crossbeam'])
  })

  it('are judged by the medians of one run', () => {
    const result = (scenario: string, contender: string, median: number): Result => {
      return { scenario, contender, unit: 'ns/op', median, p25: median, p75: median, cpu: 0, n: 1, runs: 1 }
    }
    const verdicts = judge([
      result('spsc 1:1 cap 0 blocking', 'millrace', 120),
      result('spsc 1:1 cap 0 blocking', 'go', 100),
      result('spsc 1:1 cap 0 blocking', 'crossbeam', 110),
      result('one loop, close wakes 10,000', 'millrace', 999),
      result('mutex fairness, held 100 µs', 'millrace', 9),
    ])
    const measured = verdicts.filter((verdict) => verdict.measured !== undefined)
    expect(measured.map(({ against, met }) => [against, met])).toEqual([
      ['crossbeam', false],
      ['go', true],
      [undefined, true],
      [undefined, false],
    ])
    expect(targetTable(measured)).toContain('≤ 1000 ns')
    expect(targetTable(measured)).toContain('≥ 10 %')
  })
})

describe('a job', () => {
  it('is a line there and back', () => {
    for (const { job } of ROWS) expect(parseJob(formatJob(job))).toEqual(job)
  })

  it.each([
    ['throughput blocking 4 4 0 800', 8, 800, (800 * 799) / 2],
    ['select both 4 4 0 800', 8, 800, (800 * 799) / 2],
    ['select quiet 1 1 0 800', 2, 800, (800 * 799) / 2],
    ['loop async 4 4 0 800', 1, 800, (800 * 799) / 2],
    ['loop close 1 100 0 800', 1, 800, 800],
    ['pingpong hot 1 1 0 800', 2, 800, 800],
    ['value bytes-64 1 1 16 800', 2, 800, (800 * 799) / 2],
    ['sync rwmutex 2 0 0 800', 2, 800, 800],
    ['runtime spawn 2 1 100 800', 0, 800, (800 * 799) / 2],
    ['runtime fib 2 1 30 800', 0, 800, 800],
  ])('%s says what must arrive', (line, threads, count, sum) => {
    expect(threadCount(parseJob(line))).toBe(threads)
    expect(expected(parseJob(line))).toEqual({ count, sum })
  })
})

/** The fewest tasks that make a run of this row. */
function smallest(job: Job): number {
  if (job.style === 'round-trip') return 20
  return job.n || stepOf(job)
}

describe('the process of a contender', () => {
  async function answers(name: string, lines: string[]): Promise<(Reply & { error?: string })[]> {
    const host: ChildProcess = spawn(process.execPath, [HOST, name], { stdio: ['pipe', 'pipe', 'inherit'] })
    const replies: (Reply & { error?: string })[] = []
    if (host.stdout) createInterface({ input: host.stdout }).on('line', (line) => replies.push(JSON.parse(line)))
    host.stdin?.end(`${lines.join('\n')}\n`)
    await once(host, 'close')
    return replies
  }

  it('plain: moves and counts every message of the rows on one loop', async () => {
    const jobs = ROWS.filter((row) => row.job.kind === 'loop').map(({ job }): Job => ({ ...job, n: job.n || 6400 }))
    const replies = await answers('plain', jobs.map(formatJob))
    expect(replies.map(({ error }) => error)).toEqual(jobs.map(() => undefined))
    expect(replies.map(({ count, sum }) => ({ count, sum }))).toEqual(jobs.map(expected))
    for (const { ns, cpu } of replies) expect(ns > 0 && cpu > 0).toBe(true)
  })

  it.each(['baseline', 'postMessage', 'MessagePort'])(
    '%s: moves and checks every message of the rows of values',
    async (name) => {
      const rows = ROWS.filter(
        ({ group, entries }) => group === 'values' && entries.some((entry) => entry.name === name),
      )
      const jobs = rows.map(({ job }): Job => ({ ...job, n: 128 }))
      expect(jobs.length).toBeGreaterThan(7)
      const replies = await answers(name, jobs.map(formatJob))
      expect(replies.map(({ error }) => error)).toEqual(jobs.map(() => undefined))
      expect(replies.map(({ count, sum }) => ({ count, sum }))).toEqual(jobs.map(expected))
    },
  )

  it('postMessage: gives buffers away', async () => {
    const [reply] = await answers('postMessage', ['value transfer-65536 1 1 16 128'])
    expect(reply).toMatchObject({ count: 128, sum: 64 * 127 })
  })

  // What this engine can't run takes no part in the bench either.
  const SYNC = ['baseline', 'bare', 'async-mutex', 'multithreading', 'WebLocks', 'postMessage']
  it.each(SYNC.filter((name) => engineLacks([name]).size === 0))(
    '%s: plays its rows of the sync package, and nobody reads a torn pair',
    async (name) => {
      const rows = ROWS.filter(({ group, entries }) => group === 'sync' && entries.some((entry) => entry.name === name))
      const jobs = rows.map(({ job, entries }): Job => {
        const style = entries.find((entry) => entry.name === name)?.style ?? job.style
        return { ...job, style, n: job.n || 1280 }
      })
      const replies = await answers(name, jobs.map(formatJob))
      expect(jobs.length).toBeGreaterThan(0)
      expect(replies.map(({ error }) => error)).toEqual(jobs.map(() => undefined))
      expect(replies.map(({ count, sum }) => ({ count, sum }))).toEqual(jobs.map(expected))
      const shares = rows.flatMap(({ measure }, at) => (measure === 'share' ? [replies[at]?.share ?? -1] : []))
      for (const share of shares) expect(share >= 0 && share <= 100).toBe(true)
    },
  )

  const RUNTIME = [
    'millrace',
    'baseline',
    'bare',
    'plain',
    'piscina',
    'tinypool',
    'workerpool',
    'poolifier',
    'multithreading',
  ]
  it.each(RUNTIME.filter((name) => engineLacks([name]).size === 0))(
    '%s: runs every task of its rows of the runtime, and gives each its own result',
    async (name) => {
      const rows = ROWS.flatMap(({ group, job, entries }) => {
        const styles = entries.filter((entry) => entry.name === name).map(({ style }) => style ?? job.style)
        return group === 'runtime' ? styles.map((style): Job => ({ ...job, style, n: smallest(job) })) : []
      })
      expect(rows.length).toBeGreaterThan(0)
      // A process plays one row only: pools keep the settings of the first.
      const replies = (await Promise.all(rows.map((job) => answers(name, [formatJob(job)])))).flat()
      expect(replies.map(({ error }) => error)).toEqual(rows.map(() => undefined))
      expect(replies.map(({ count, sum }) => ({ count, sum }))).toEqual(rows.map(expected))
      for (const [at, { style }] of rows.entries()) {
        const { share, samples, bytes } = replies[at] as Reply
        if (style === 'skewed') expect(share).toBeGreaterThan(99)
        if (style === 'idle') expect(share).toBeGreaterThanOrEqual(0)
        if (style === 'blocked') expect(bytes).toBeGreaterThan(0)
        if (style === 'round-trip') expect(samples).toHaveLength(rows[at]?.n ?? 0)
      }
    },
    60_000,
  )

  it('is not started where this engine lacks what it needs, and a line says so', () => {
    expect(engineLacks(['baseline', 'millrace', 'go']).size).toBe(0)
    const major = Number(process.versions.node.split('.')[0])
    expect(engineLacks(['multithreading']).has('multithreading')).toBe(major < 24)
    for (const reason of engineLacks(['multithreading', 'WebLocks']).values()) expect(reason).toContain(process.version)
  })

  it('answers with an error what it cannot play, and goes on', async () => {
    const [wrong, right] = await answers('plain', ['loop nonsense 1 1 0 10', 'loop async 1 1 0 64'])
    expect(wrong?.error).toContain('no style nonsense')
    expect(right).toMatchObject({ count: 64, sum: 2016 })
  })
})
