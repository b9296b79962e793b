// The examples of runtimes, pipelines and contexts, each in a process of its own; what it prints is checked against a straightforward computation.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { decode } from 'fast-png'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { root, run } from './support/examples.js'

const folder = mkdtempSync(join(tmpdir(), 'millrace-examples-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The primes below a number, by the sieve of Eratosthenes. */
function primesBelow(n: number): number[] {
  const composite = new Uint8Array(n)
  const primes: number[] = []
  for (let p = 2; p < n; p++) {
    if (composite[p] === 1) continue
    primes.push(p)
    for (let multiple = p * p; multiple < n; multiple += p) composite[multiple] = 1
  }
  return primes
}

describe('server', () => {
  /** Counting up to this takes years. */
  const ENDLESS = 1e14
  let server: ChildProcess | undefined
  let port = ''
  let lines: string[] = []

  async function start(...args: string[]): Promise<void> {
    const stdio = ['ignore', 'pipe', 'inherit'] as const
    const child = spawn(process.execPath, ['examples/server/main.js', '--port', '0', ...args], {
      cwd: root,
      stdio: [...stdio],
    })
    server = child
    const output = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> })
    lines = []
    output.on('line', (line) => lines.push(line))
    const [listening] = (await once(output, 'line')) as [string]
    port = /:(\d+),/.exec(listening)?.[1] as string
  }

  afterEach(() => {
    server?.kill('SIGKILL')
  })

  async function get(path: string, signal?: AbortSignal): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await fetch(`http://localhost:${port}${path}`, { signal: signal ?? null })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }

  const tasks = async (): Promise<unknown> => (await get('/status')).body.tasks
  /** Until so many requests are being worked on. */
  async function untilTasks(n: number): Promise<void> {
    while ((await tasks()) !== n);
  }

  test('answers requests at the same time, gives up for who hangs up, and stops when all are answered', async () => {
    // Nothing but the client's hanging up ends what is endless: its deadline is later than the end of this test.
    await start('--procs', '2', '--timeout', String(2 ** 30))
    const sizes = [0, 2, 3, 100, 10_007, 10_008, 200_000]
    const hangUp = new AbortController()
    const abandoned = get(`/primes/${ENDLESS}`, hangUp.signal)
    const answers = await Promise.all(sizes.map((below) => get(`/primes/${below}`)))
    for (const [i, below] of sizes.entries()) {
      expect(answers[i]).toEqual({ status: 200, body: { below, primes: primesBelow(below).length } })
    }
    expect((await get('/primes/many')).status).toBe(404)
    await untilTasks(1)
    hangUp.abort()
    await expect(abandoned).rejects.toThrow('aborted')
    await untilTasks(0)

    let answered = false
    const last = fetch(`http://localhost:${port}/primes/2000000`).finally(() => {
      answered = true
    })
    while (!answered && (await tasks()) !== 1);
    server?.kill('SIGTERM')
    const [code] = (await once(server as ChildProcess, 'exit')) as [number]
    const answer = await last
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ below: 2_000_000, primes: 148_933 })
    expect(code).toBe(0)
    expect(lines.slice(1)).toEqual(['SIGTERM: no more requests', 'stopped'])
    await expect(get('/status')).rejects.toThrow('fetch failed')
  })

  test('says that it has taken too long', async () => {
    await start('--procs', '1', '--timeout', '50')
    const answers = await Promise.all([get(`/primes/${ENDLESS}`), get(`/primes/${ENDLESS}`)])
    for (const answer of answers) {
      expect(answer).toEqual({ status: 504, body: { error: 'context deadline exceeded' } })
    }
    await untilTasks(0)
  })

  test('stops although a client keeps its connection', async () => {
    await start('--procs', '1')
    await new Promise<void>((resolve, reject) => {
      const asking = request(
        `http://localhost:${port}/status`,
        { headers: { connection: 'keep-alive' } },
        (response) => {
          response.resume().once('end', resolve)
        },
      )
      asking.once('error', reject).end()
    })
    server?.kill('SIGINT')
    expect(await once(server as ChildProcess, 'exit')).toEqual([0, null])
  })
})

describe('weather', () => {
  interface Station {
    count: number
    sum: number
    min: number
    max: number
  }

  /** What the example must print about these lines. */
  function plainly(text: string): string[] {
    const stations = new Map<string, Station>()
    for (const line of text.split('\n').filter((line) => line !== '')) {
      const [name, degrees] = line.split(';') as [string, string]
      const tenths = Number(degrees.replace('.', ''))
      const station = stations.get(name) ?? { count: 0, sum: 0, min: Infinity, max: -Infinity }
      stations.set(name, station)
      station.count++
      station.sum += tenths
      station.min = Math.min(station.min, tenths)
      station.max = Math.max(station.max, tenths)
    }
    return [...stations].map(([name, { count, sum, min, max }]) => {
      const [low, mean, high] = [min, sum / count, max].map((tenths) => (tenths / 10).toFixed(1))
      return `${name}: ${low} / ${mean} / ${high} (${count})`
    })
  }

  function write(name: string, text: string): string {
    const file = join(folder, name)
    writeFileSync(file, text)
    return file
  }

  const names = ['Aa', 'Åre', 'Москва', '東京', 'Nowhere in particular']
  let text = ''
  for (let i = 0; i < 60_000; i++)
    text += `${names[(i * 7) % names.length]};${(((i * 31) % 901) / 10 - 40).toFixed(1)}\n`

  test.each([
    { what: 'a file of several chunks', text, procs: 2 },
    { what: 'the same with one worker', text, procs: 1 },
    { what: 'a last line without its end', text: 'Oslo;-3.1\nOslo;-0.4\nLima;20.0', procs: 3 },
    { what: 'one line', text: 'Oslo;1.5\n', procs: 1 },
    { what: 'nothing', text: '', procs: 2 },
  ])('finds in $what what a plain count finds', async ({ text, procs }) => {
    const { code, stdout, stderr } = await run('weather', write('weather.txt', text), '--procs', String(procs))
    expect(stderr).toBe('')
    expect(stdout.split('\n').filter((line) => line !== '')).toEqual(plainly(text).sort())
    expect(code).toBe(0)
  })

  test('makes up rows', async () => {
    const { code, stdout } = await run('weather', '--rows', '30001')
    const counts = [...stdout.matchAll(/\((\d+)\)$/gm)].map(([, count]) => Number(count))
    expect(counts.length).toBe(8)
    expect(counts.reduce((sum, count) => sum + count)).toBe(30_001)
    expect(code).toBe(0)
  })

  test('ends with the error of a worker', async () => {
    const { code, stdout, stderr } = await run('weather', write('wrong.txt', `${text}Oslo;warm\n`))
    expect(stdout).toBe('')
    expect(stderr).toContain('Error: no temperature: Oslo;warm')
    expect(code).toBe(1)
  })

  test('ends with the error of the file', async () => {
    const { code, stderr } = await run('weather', join(folder, 'no such file'))
    expect(stderr).toContain('ENOENT')
    expect(code).toBe(1)
  })
})

describe('services', () => {
  test('puts a page together, fails with the first error, and in time', async () => {
    const { code, stdout, stderr } = await run('services')
    expect(stderr).toBe('')
    const [all, failed, slow, ...counts] = stdout.trim().split('\n') as [string, string, string, ...string[]]
    expect(JSON.parse(all.replace('all answer: ', ''))).toEqual({ price: 4.2, stock: 6, reviews: ['good', 'bad'] })
    expect(failed).toBe('one fails: Error: stock, broken: 500 the database is gone')
    expect(slow).toBe('one is slow: DeadlineExceededError: context deadline exceeded')
    // The slow one would have answered after a minute.
    expect(counts).toContainEqual(expect.stringMatching(/^reviews far away: 0 answered, 0 failed, \d abandoned$/))
    expect(counts).toContain('stock, broken: 0 answered, 1 failed, 0 abandoned')
    expect(counts.length).toBe(5)
    expect(code).toBe(0)
  })
})

describe('mandelbrot', () => {
  interface Row {
    y: number
    width: number
    height: number
    limit: number
  }

  test.each([
    { width: 97, height: 61, limit: 300, procs: 2 },
    { width: 40, height: 64, limit: 50, procs: 3 },
    { width: 1, height: 1, limit: 10, procs: 1 },
  ])('$width x $height with $procs workers: the same image as in one thread', async (size) => {
    const file = join(folder, 'mandelbrot.png')
    const args = Object.entries(size).flatMap(([name, value]) => [`--${name}`, String(value)])
    const { code, stdout, stderr } = await run('mandelbrot', ...args, '--out', file)
    expect(stderr).toBe('')
    expect(stdout).toContain(`${size.width} x ${size.height}, ${size.procs} workers`)
    expect(code).toBe(0)

    const { width, height, channels, data } = decode(readFileSync(file))
    const tasks = pathToFileURL(join(root, 'examples/mandelbrot/tasks.js')).href
    const { renderRow }: { renderRow(row: Row): Uint8Array } = await import(tasks)
    const rows = Array.from({ length: height }, (_, y) => renderRow({ ...size, y }))
    expect([width, height, channels]).toEqual([size.width, size.height, 3])
    expect(Buffer.compare(Buffer.from(data as Uint8Array), Buffer.concat(rows))).toBe(0)
  })

  test('is the Mandelbrot set: the middle of its two largest parts belongs to it, the edge of the image does not', async () => {
    const file = join(folder, 'mandelbrot.png')
    await run('mandelbrot', '--width', '120', '--height', '80', '--out', file)
    const { data } = decode(readFileSync(file))
    const pixel = (re: number, im: number): number[] => {
      const [x, y] = [60 + (re + 0.7) / 0.03, 40 + im / 0.03].map(Math.floor) as [number, number]
      return [...data.slice(3 * (120 * y + x), 3 * (120 * y + x) + 3)]
    }
    expect(pixel(0, 0)).toEqual([0, 0, 0])
    expect(pixel(-1, 0)).toEqual([0, 0, 0])
    expect(pixel(1, 0.5)).not.toEqual([0, 0, 0])
    expect(pixel(-0.7, -1.1)).not.toEqual([0, 0, 0])
  })
})

describe('mergesort', () => {
  test.each([
    [0, 1],
    [1, 2],
    [32_769, 2],
    [500_000, 1],
    [1_000_003, 3],
  ])('%i numbers with %i workers', async (length, procs) => {
    const { code, stdout, stderr } = await run('mergesort', '--length', String(length), '--procs', String(procs))
    expect(stderr).toBe('')
    expect(stdout).toMatch(new RegExp(`^${length} numbers, ${procs} workers, .* s: sorted\\n$`))
    expect(code).toBe(0)
  })

  test('sorts as a plain sort does', async () => {
    const { mergeSort }: { mergeSort(numbers: Int32Array): Promise<Int32Array> } = await import(
      pathToFileURL(join(root, 'examples/mergesort/tasks.js')).href
    )
    expect(await mergeSort(Int32Array.of(3, -1, 2, -1, 0))).toEqual(Int32Array.of(-1, -1, 0, 2, 3))
  })
})

describe('sieve', () => {
  test.each([
    { below: 0, capacity: 0, procs: 2 },
    { below: 3, capacity: 0, procs: 1 },
    { below: 542, capacity: 0, procs: 2 },
    { below: 500, capacity: 16, procs: 3 },
  ])('primes below $below, capacity $capacity, $procs workers', async ({ below, capacity, procs }) => {
    const args = ['--below', below, '--capacity', capacity, '--procs', procs].map(String)
    const { code, stdout, stderr } = await run('sieve', ...args)
    expect(stderr).toBe('')
    const primes = primesBelow(below)
    const found = `${primes.length} primes, the last ${primes.at(-1) ?? 'none'};`
    const [local, workers] = stdout.split('\n')
    expect(local).toContain(`one thread: ${found}`)
    expect(workers).toContain(`${procs} workers: ${found}`)
    expect(code).toBe(0)
  })
})
