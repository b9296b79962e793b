// Each example runs as its users run it, in a process of its own; what it prints is checked against a straightforward
// computation.

import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Run, root, run } from './support/examples.js'

describe('hello', () => {
  test('prints what the worker sends, and ends', async () => {
    const { code, stdout, stderr } = await run('hello')
    expect(stderr).toBe('')
    expect(stdout.trim().split('\n').map(Number)).toEqual([1, 2, 3, 4, 5].map(Math.sqrt))
    expect(code).toBe(0)
  })

  test('is at most 20 lines', () => {
    expect(readFileSync(join(root, 'examples/hello/main.js'), 'utf8').trim().split('\n').length).toBeLessThanOrEqual(20)
  })
})

describe('pipeline', () => {
  test.each([
    { count: 20_000, workers: 2, capacity: 256 },
    { count: 2_000, workers: 3, capacity: 1 },
    { count: 1_000, workers: 1, capacity: 7 },
    { count: 0, workers: 2, capacity: 4 },
  ])('$count numbers, $workers workers, capacity $capacity', async ({ count, workers, capacity }) => {
    let expected = 0
    for (let n = 1; n <= count; n++) expected += Math.floor(count / n)
    const args = ['--count', count, '--workers', workers, '--capacity', capacity].map(String)
    const { code, stdout, stderr } = await run('pipeline', ...args)
    expect(stderr).toBe('')
    expect(stdout).toContain(`divisors of 1 to ${count}: ${expected} (formula: ${expected})\n`)
    const [, jobs, results] = /deepest queues: (\d+) jobs, (\d+) results/.exec(stdout) ?? []
    expect(Number(jobs)).toBeLessThanOrEqual(capacity)
    expect(Number(results)).toBeLessThanOrEqual(capacity)
    expect(code).toBe(0)
  })

  test.each([
    ['--capacity', '1.5'],
    ['--workers', '0'],
    ['--count', 'many'],
  ])('refuses %s %s', async (...args) => {
    const { code, stderr } = await run('pipeline', ...args)
    expect(code).toBe(1)
    expect(stderr).toMatch(/RangeError|TypeError/)
  })
})

interface Counts {
  files: number
  bytes: number
  words: number
  distinct: number
  seconds: number
  top: [word: string, count: number][]
}

/**
 * Counts in the obvious way: one regular expression, one Map. Latin-1 keeps the bytes apart; words become UTF-8 at the
 * end.
 */
function countPlainly(folder: string): Omit<Counts, 'seconds'> {
  const counts = new Map<string, number>()
  let [files, bytes, words] = [0, 0, 0]
  const visit = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) visit(join(path, entry.name))
      if (!entry.isFile()) continue
      const content = readFileSync(join(path, entry.name))
      if (content.length === 0 || content.subarray(0, 8192).includes(0)) continue
      files++
      bytes += content.length
      for (const [found] of content.toString('latin1').matchAll(/[A-Za-z\x80-\xff]+/g)) {
        const word = found.replace(/[A-Z]+/g, (upper) => upper.toLowerCase())
        counts.set(word, (counts.get(word) ?? 0) + 1)
        words++
      }
    }
  }
  visit(folder)
  const top = [...counts].map(([word, n]): [string, number] => [Buffer.from(word, 'latin1').toString(), n])
  return { files, bytes, words, distinct: counts.size, top }
}

const lines = (top: Counts['top']): string[] => top.map(([word, count]) => `${word} ${count}`).sort()

async function expectSameCounts(folder: string, ...args: string[]): Promise<Counts> {
  const expected = countPlainly(folder)
  const { code, stdout, stderr } = await run('wordcount', folder, '--json', '--top', '10000000', ...args)
  expect(stderr).toBe('')
  expect(code).toBe(0)
  const counted: Counts = JSON.parse(stdout)
  const { files, bytes, words, distinct } = counted
  expect({ files, bytes, words, distinct }).toEqual({
    files: expected.files,
    bytes: expected.bytes,
    words: expected.words,
    distinct: expected.distinct,
  })
  // Not toEqual: its report of a difference between long lists takes minutes.
  const [have, want] = [lines(counted.top), lines(expected.top)]
  expect(have.length).toBe(want.length)
  expect(have.find((line, i) => line !== want[i])).toBeUndefined()
  return counted
}

describe('wordcount', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-wordcount-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  beforeAll(() => {
    const write = (name: string, content: string | Uint8Array): void => writeFileSync(join(folder, name), content)
    mkdirSync(join(folder, 'a/b'), { recursive: true })
    write('empty.txt', '')
    write('one.txt', 'Word')
    write('two.txt', 'word WORD, wörd; naïve "Ünïcode" 日本語 x2y')
    write('binary.bin', 'not these words\0')
    write('late-zero.txt', `${'early '.repeat(3000)}\0after`)
    write('invalid.txt', Uint8Array.of(0x61, 0xff, 0xfe, 0x20, 0xc3, 0x0a, 0x41))
    // Some segments' worth of long words in files without a final newline: words lie across all their ends.
    let seed = 1
    const random = (n: number): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
      return Math.floor((seed / 2 ** 32) * n)
    }
    for (let file = 0; file < 6; file++) {
      const words: string[] = []
      for (let size = 0; size < 700_000; ) {
        const letter = String.fromCharCode(97 + random(26))
        const word = (random(2) === 0 ? letter : letter.toUpperCase()).repeat(1 + random(200))
        words.push(word)
        size += word.length + 1
      }
      write(`a/b/long${file}.md`, words.join(' .-\n1'[random(5)]))
    }
    for (let file = 0; file < 300; file++) write(`a/small${file}.js`, `const v${file} = f(${file})`)
  })

  test.each([1, 2, 3])('counts exactly what a plain count does, with %i workers', async (workers) => {
    const { files } = await expectSameCounts(folder, '--workers', String(workers))
    expect(files).toBe(3 + 1 + 6 + 300)
  })

  test('counts a real package, in time', async () => {
    const { bytes, seconds } = await expectSameCounts(join(root, 'node_modules/assemblyscript'))
    expect(bytes).toBeGreaterThan(5e6)
    expect(seconds).toBeLessThan(8)
  }, 20_000)

  test('prints a summary with the most frequent words first', async () => {
    const { code, stdout, stderr } = await run('wordcount', folder, '--top', '2', '--compare')
    expect(stderr).toBe('')
    expect(stdout).toMatch(
      /^310 files, 4\.\d MB, [\d,]+ words, [\d,]+ different\n\d+ workers?: \S+ s, \d+ MB\/s\none thread: /,
    )
    expect(stdout).toMatch(/MB\/s \(speed-up by workers: [\d.]+\)\n +3,000 {2}early\n +\d+ {2}\S+\n$/)
    expect(code).toBe(0)
  })

  test('shows progress on stderr when asked to', async () => {
    const { code, stderr } = await run('wordcount', folder, '--progress')
    expect(stderr).toMatch(/\[=+\] 312\/312 files/)
    expect(code).toBe(0)
  })

  test('an empty folder has no words', async () => {
    mkdirSync(join(folder, 'nothing'))
    const { code, stdout } = await run('wordcount', join(folder, 'nothing'))
    expect(stdout).toContain('0 files, 0.0 MB, 0 words, 0 different')
    expect(code).toBe(0)
  })

  test.each([
    ['no such folder', /ENOENT/],
    ['--workers=0', /--workers is an integer from 1 to 64/],
    ['--top=x', /--top is an integer from 0 to/],
    ['--colour', /Unknown option/],
  ])('refuses %s', async (argument, message) => {
    const { code, stderr } = await run('wordcount', argument)
    expect(code).toBe(1)
    expect(stderr).toMatch(message)
  })
})

describe('logs', () => {
  const data = join(root, 'examples/logs/.data')
  const log = join(data, 'access-3MB.log')
  const remove = (): void => {
    for (const name of ['log', 'log.expected', 'log.part']) rmSync(join(data, `access-3MB.${name}`), { force: true })
  }
  beforeAll(remove)
  afterAll(remove)
  const logs = (...args: string[]): Promise<Run> => run('logs', '--size', '3MB', ...args)

  /** What the example must print about the log, line by line; counted in the obvious way. */
  function countedPlainly(): string[] {
    const lines = readFileSync(log, 'latin1').split('\n')
    const valid = lines.map((line) => line.split(' ')).filter((fields) => fields.length === 8)
    const n = (value: number): string => value.toLocaleString('en')
    const tally = (keys: (string | undefined)[]): Map<string, number> => {
      const counts = new Map<string, number>()
      for (const key of keys) counts.set(key ?? '', (counts.get(key ?? '') ?? 0) + 1)
      return counts
    }
    const requests = valid.length
    const bytes = valid.reduce((sum, fields) => sum + Number(fields[6]), 0)
    const malformed = lines.filter((line) => line !== '').length - requests
    const statuses = [...tally(valid.map((fields) => fields[5]?.[0]))].sort()
    const took = valid.map((fields) => Math.round(Number(fields[7]) * 1000)).sort((a, b) => a - b)
    const percentile = (p: number): number => took[Math.ceil((requests * p) / 100) - 1] as number
    const busiest = Math.max(...tally(valid.map((fields) => fields[1]?.slice(0, 16))).values())
    const top = [...tally(valid.map((fields) => fields[3]))].sort(([, a], [, b]) => b - a)
    return [
      `${n(requests)} requests, ${(bytes / 1e9).toFixed(1)} GB sent, ${n(malformed)} malformed lines\n`,
      `status       ${statuses.map(([s, count]) => `${s}xx ${((100 * count) / requests).toFixed(1)} %`).join(', ')}\n`,
      `took         p50 ${percentile(50)} ms, p99 ${percentile(99)} ms\n`,
      ` 09:00 to 09:59, at most ${n(busiest)}\n`,
      `paths        ${top.length}, the most frequent:\n`,
      `${n(top[0]?.[1] as number).padStart(12)} ${top[0]?.[0]}\n`,
    ]
  }

  test('generates a log, finds in it what a plain count finds, and keeps it if told to', async () => {
    const first = await logs('--keep', '--workers', '3')
    expect(first.stderr).toBe('')
    for (const line of countedPlainly()) expect(first.stdout).toContain(line)
    expect(first.stdout).toContain('3 workers: 3.0 MB in ')
    expect(first.stdout).toContain('checked: all totals are as generated\n')
    expect(first.code).toBe(0)

    const { mtimeMs } = statSync(log)
    const second = await logs('--keep', '--workers', '1', '--progress')
    expect(second.stderr).toMatch(/reading {4}\[=+\] 3\/3 MB/)
    expect(second.stdout).toContain('checked: all totals are as generated\n')
    expect(statSync(log).mtimeMs).toBe(mtimeMs)
  })

  test('tells when the totals differ: a line longer than several chunks, and a last one without its end', async () => {
    if (!existsSync(log)) await logs('--keep')
    const [line] = readFileSync(log, 'latin1').split('\n', 1)
    appendFileSync(log, `${'x'.repeat(200_000)}\n\n${line}`)
    const [requests] = (countedPlainly()[0] as string).split(', ')
    const { code, stdout } = await logs()
    expect(stdout).toContain(requests)
    expect(stdout).toContain('WRONG: the totals are not as generated\n')
    expect(code).toBe(1)
    expect(existsSync(log)).toBe(false)
  })

  test.each([
    ['--workers', '0'],
    ['--size', '200'],
    ['--size', '0MB'],
  ])('refuses %s %s', async (...args) => {
    const { code, stderr } = await run('logs', ...args)
    expect(code).toBe(1)
    expect(stderr).toContain('RangeError')
  })
})
