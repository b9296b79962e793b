import { after, channel, f64, pipeline, recv, type StageOptions, select, send } from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { isPending, macrotask, rejection, sleep, thrown, until } from './support/probe.js'

noComplaints()

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** A source that counts. */
function counting(n = Number.POSITIVE_INFINITY): { items(): AsyncGenerator<number>; made: number; ended: boolean } {
  const counter = {
    made: 0,
    ended: false,
    async *items(): AsyncGenerator<number> {
      try {
        while (counter.made < n) yield counter.made++
      } finally {
        counter.ended = true
      }
    },
  }
  return counter
}

const PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97]

describe('the sieve', () => {
  test('PIPE-1 a chain of filters over channels without capacity, ended by a signal', async () => {
    const stop = new AbortController()
    const { signal } = stop
    const tasks: Promise<void>[] = []
    const go = (task: () => Promise<void>): void => {
      tasks.push(
        task().catch((error) => {
          if (error !== 'done') throw error
        }),
      )
    }
    const first = channel(f64)
    go(async () => {
      for (let i = 2; ; i++) await first.send(i, { signal })
    })
    let from = first
    const primes: number[] = []
    for (const _ of PRIMES) {
      const prime = (await from.receive()) as number
      primes.push(prime)
      const [input, output] = [from, channel(f64)]
      go(async () => {
        for (;;) {
          const { value } = await input.next({ signal })
          if ((value as number) % prime !== 0) await output.send(value as number, { signal })
        }
      })
      from = output
    }
    expect(primes).toEqual(PRIMES)
    stop.abort('done')
    await Promise.all(tasks)
  })

  test('PIPE-1 as a pipeline that grows', async () => {
    const source = counting()
    let numbers = pipeline(source.items(), (i) => i + 2)
    const primes: number[] = []
    for (const _ of PRIMES) {
      const { value: prime } = await numbers.next()
      primes.push(prime as number)
      numbers = pipeline(numbers, {
        through: async function* (input) {
          for await (const n of input) if (n % (prime as number) !== 0) yield n
        },
      })
    }
    expect(primes).toEqual(PRIMES)
    await numbers.return()
    // One pipeline after the other hears of it.
    await until(() => source.ended)
  })
})

describe('values', () => {
  test('go through functions, workers and generators', async () => {
    const results = pipeline(
      range(20),
      (i) => i + 1,
      { run: (i: number) => sleep((i * 3) % 5).then(() => i * 10), workers: 4, ordered: true },
      {
        through: async function* (input) {
          for await (const n of input) {
            if (n % 20 === 0) yield `${n}`
            if (n === 100) yield '!'
          }
        },
      },
      (text) => text.length,
    )
    expect(await results.toArray()).toEqual([2, 2, 2, 2, 3, 1, 3, 3, 3, 3, 3])
  })

  test('a stage without types may be the generator function itself', async () => {
    const twice = async function* (input: AsyncIterable<number>) {
      for await (const n of input) yield* [n, n]
    }
    expect(await pipeline([1, 2], twice as never).toArray()).toEqual([1, 1, 2, 2])
  })

  test('PIPE-8 order is kept by one worker, and by several only if they are asked to', async () => {
    const late = async (i: number): Promise<number> => {
      await sleep(i === 0 ? 30 : 0)
      return i
    }
    const through = (stage: StageOptions<number, number>): Promise<number[]> => pipeline(range(8), stage).toArray()
    expect(await pipeline(range(8), late, late).toArray()).toEqual(range(8))
    expect(await through({ run: late, workers: 4, ordered: true })).toEqual(range(8))
    const unordered = await through({ run: late, workers: 4 })
    expect(unordered).not.toEqual(range(8))
    expect(unordered.sort()).toEqual(range(8))
  })

  test('without stages it is its source; sources may be channels, generators, arrays', async () => {
    expect(await pipeline([1, 2]).toArray()).toEqual([1, 2])
    const ch = channel(f64, { capacity: 4 })
    ch.trySendMany([1, 2, 3])
    ch.close()
    expect(await pipeline(ch, (x) => x * 2).toArray()).toEqual([2, 4, 6])
    expect(await pipeline(new Set('ab'), (c) => c + c).drain()).toBe(2)
  })
})

describe('the end', () => {
  test('PIPE-4 of the source goes through all stages', async () => {
    const ended: string[] = []
    const stage = (name: string) => ({
      async *through(input: AsyncIterable<number>) {
        for await (const n of input) yield n
        ended.push(name)
      },
    })
    const ch = channel(f64)
    const results = pipeline(ch, stage('a'), { run: (x: number) => x, workers: 3 }, stage('b'))
    const all = results.toArray()
    for (const i of range(5)) await ch.send(i)
    expect(await isPending(all)).toBe(true)
    ch.close()
    expect(await all).toEqual(range(5))
    expect(ended).toEqual(['a', 'b'])
    expect(await results.next()).toEqual({ value: undefined, done: true })
  })

  test('PIPE-5 a consumer that leaves early ends every stage before it', async () => {
    const source = counting()
    const ended: string[] = []
    let signalled: AbortSignal | undefined
    const results = pipeline(
      source.items(),
      {
        through: async function* (input) {
          try {
            for await (const n of input) yield n
          } finally {
            ended.push('a')
          }
        },
      },
      {
        run: (n: number, signal) => {
          signalled = signal
          return n
        },
        workers: 2,
        ordered: true,
        buffer: 3,
      },
      {
        through: async function* (input, signal) {
          try {
            for await (const n of input) yield n
          } finally {
            ended.push(signal.aborted ? 'b' : 'b too early')
          }
        },
      },
    )
    for await (const n of results) if (n === 10) break
    await macrotask()
    expect([source.ended, ended.sort(), signalled?.aborted]).toEqual([true, ['a', 'b'], true])
    expect(await results.next()).toEqual({ value: undefined, done: true })
  })

  test('PIPE-5 stages that wait end too, and a channel loses nothing that has not been read', async () => {
    const ch = channel(f64, { capacity: 2 })
    let ended = false
    const results = pipeline(ch, (x) => x, {
      through: async function* (input) {
        try {
          for await (const n of input) yield n
        } finally {
          ended = true
        }
      },
    })
    ch.trySend(1)
    expect((await results.next()).value).toBe(1)
    const waiting = results.next().catch((error) => error)
    await macrotask()
    await results.return()
    expect(((await waiting) as Error).name).toBe('AbortError')
    expect(ended).toBe(true)
    ch.trySend(2)
    await macrotask()
    expect(ch.tryReceive()).toBe(2)
  })

  test('PIPE-5 a done channel beside every send, as in Go', async () => {
    const done = channel(f64)
    const numbers = channel(f64)
    const producer = (async () => {
      for (let i = 0; ; i++) {
        const hit = await select({ sent: send(numbers, i), done: recv(done) })
        if (hit.case === 'done') return i
      }
    })()
    for await (const n of pipeline(numbers, (x) => x * x)) if (n === 16) break
    done.close()
    expect(await producer).toBeGreaterThanOrEqual(5)
  })

  test('PIPE-6 an error of any stage ends the rest and comes out', async () => {
    const files = range(200).map((i) => `file ${i}`)
    for (const bad of ['walker', 'digest', 'filter', 'last']) {
      const error = new Error(bad)
      const fail = (stage: string, i: number): void => {
        if (stage === bad && i === 50) throw error
      }
      let walked = 0
      let ended = false
      const walk = async function* (): AsyncGenerator<string> {
        try {
          for (const file of files) {
            fail('walker', walked)
            walked++
            yield file
          }
        } finally {
          ended = true
        }
      }
      let digesting = 0
      const results = pipeline(
        walk(),
        {
          run: async (file: string) => {
            digesting++
            await sleep(1)
            digesting--
            fail('digest', Number(file.slice(5)))
            return Number(file.slice(5))
          },
          workers: 20,
        },
        {
          through: async function* (input) {
            for await (const n of input) {
              fail('filter', n)
              yield n
            }
          },
        },
        (n) => {
          fail('last', n)
          return n
        },
      )
      expect(await rejection(results.toArray())).toBe(error)
      expect([ended, walked < 150]).toEqual([true, true])
      await sleep(20)
      expect(digesting).toBe(0)
    }
  })

  test('PIPE-6 an abort does the same', async () => {
    const stop = new AbortController()
    const source = counting()
    const results = pipeline(source.items(), (n) => sleep(1).then(() => n), { signal: stop.signal })
    expect((await results.next()).value).toBe(0)
    stop.abort('enough')
    expect(await rejection(results.toArray())).toBe('enough')
    await sleep(5)
    expect(source.ended).toBe(true)
    expect(await rejection(pipeline([1], { signal: stop.signal }).toArray())).toBe('enough')
  })
})

describe('PIPE-7 a slow consumer holds up the source', () => {
  for (const [buffers, workers] of [
    [[0, 0, 0], 1],
    [[2, 0, 3], 1],
    [[1, 0, 1], 4],
  ] as const) {
    test(`${buffers.length} stages with ${workers} workers and buffers ${buffers.join()}`, async () => {
      const source = counting()
      const stage = (buffer: number): StageOptions<number, number> => ({
        run: (n) => n,
        workers,
        buffer,
        ordered: true,
      })
      const results = pipeline(source.items(), stage(buffers[0]), stage(buffers[1]), stage(buffers[2]))
      const room = buffers.length * workers + buffers.reduce<number>((sum, n) => sum + n, 0)
      for (const i of range(10)) {
        expect((await results.next()).value).toBe(i)
        expect(source.made).toBeLessThanOrEqual(i + 1 + room)
      }
      await after(10).receive()
      expect(source.made).toBe(10 + room)
      await results.return()
      expect(source.ended).toBe(true)
    })
  }
})

test.each([
  [
    'a stage of a pipeline is a function, or an object { run, workers, ordered, buffer } or { through }, not 5',
    () => pipeline([], 5 as never),
    TypeError,
  ],
  ['workers of a stage is an integer from 1, not 0', () => pipeline([], { run: () => 1, workers: 0 }), RangeError],
  ['run of a stage takes a function, not 5', () => pipeline([], { run: 5 as never }), TypeError],
  [
    'a stage of a pipeline that is a generator is an async one: { through: async function* (input) { … } }',
    () => pipeline([], function* () {} as never),
    TypeError,
  ],
  [
    'pipeline reads a channel, or what can be iterated over, not undefined',
    () => pipeline(undefined as never),
    TypeError,
  ],
] as [string, () => unknown, new () => Error][])('%s', (message, call, Class) => {
  const error = thrown(call)
  expect(error).toBeInstanceOf(Class)
  expect(error.message).toBe(message)
})
