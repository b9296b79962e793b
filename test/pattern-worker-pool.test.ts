import { recv, select, WorkerPool } from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { held } from './support/held.js'
import { expectPending, isPending, macrotask, rejection, sleep, thrown } from './support/probe.js'

noComplaints()

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const later = async (ms: number): Promise<void> => sleep(ms)

describe('jobs', () => {
  test('WP-1 100 jobs submitted, all have run after wait', async () => {
    const ran: number[] = []
    const pool = new WorkerPool((job: number) => void ran.push(job), { workers: 4 })
    for (const i of range(100)) await pool.submit(i)
    await pool.wait()
    expect(ran).toEqual(range(100))
    expect([pool.active, pool.pending]).toEqual([0, 0])
  })

  test.each([1, 10, 100])('WP-2 never more than %i at a time', async (workers) => {
    let active = 0
    let most = 0
    const pool = new WorkerPool(
      async () => {
        most = Math.max(most, ++active)
        await later(1)
        active--
      },
      { workers },
    )
    for (const i of range(workers * 10)) await pool.submit(i)
    await pool.wait()
    expect([most, active]).toEqual([workers, 0])
  })

  test('WP-3 submit waits while all workers are busy and the buffer is full; first come, first served', async () => {
    const { task, release } = held()
    const began: number[] = []
    const pool = new WorkerPool(
      (job: number) => {
        began.push(job)
        return task()
      },
      { workers: 2, buffer: 1 },
    )
    for (const i of range(3)) await pool.submit(i)
    expect([pool.active, pool.pending, pool.jobs.length, pool.jobs.capacity]).toEqual([2, 1, 1, 1])
    expect(pool.trySubmit(99)).toBe(false)
    const waiting = [pool.submit(3), pool.submit(4)]
    await expectPending(...waiting)
    expect((await rejection(pool.submit(98, { timeout: 5 }))).code).toBe('ERR_TIMEOUT')
    expect((await rejection(pool.submit(98, { timeout: 0 }))).code).toBe('ERR_TIMEOUT')
    expect(await rejection(pool.submit(98, { signal: AbortSignal.abort('no') }))).toBe('no')
    release()
    await Promise.all(waiting)
    await pool.wait()
    expect(began).toEqual(range(5))
  })

  test('WP-4 at least one worker; no other number once a job was submitted', async () => {
    expect(thrown(() => new WorkerPool(() => {}, { workers: 0 }))).toMatchObject({
      code: 'ERR_OUT_OF_RANGE',
      message: 'the number of workers of a pool is an integer from 1, not 0',
    })
    for (const workers of [-10, 1.5, Number.NaN])
      expect(thrown(() => new WorkerPool(() => {}, { workers }))).toBeInstanceOf(RangeError)
    expect(thrown(() => new WorkerPool(() => {}, { workers: '2' as never }))).toBeInstanceOf(TypeError)
    expect(thrown(() => new WorkerPool(5 as never)).message).toBe('WorkerPool takes a function, not 5')
    const pool = new WorkerPool(() => {}, { workers: 1 })
    pool.setWorkers(3)
    expect(pool.workers).toBe(3)
    expect(thrown(() => pool.setWorkers(0))).toBeInstanceOf(RangeError)
    await pool.submit(undefined as never)
    const message = 'pool is not reconfigurable after the first job was submitted'
    expect(thrown(() => pool.setWorkers(2))).toMatchObject({ code: 'ERR_BUSY', message })
    await pool.wait()
    expect(thrown(() => pool.setWorkers(2))).toMatchObject({ code: 'ERR_BUSY', message })
  })

  test('WP-6 is used again after wait', async () => {
    let done = 0
    const pool = new WorkerPool(async () => ++done, { workers: 3 })
    for (const round of [1, 2]) {
      for (const i of range(10)) await pool.submit(i)
      expect((await pool.wait()).length).toBe(10)
      expect(done).toBe(10 * round)
    }
    expect(await pool.wait()).toEqual([])
  })

  test('run gives the result of one job, and its error', async () => {
    const pool = new WorkerPool(async (n: number) => (n < 0 ? Promise.reject(new Error('below')) : Math.sqrt(n)))
    expect(await pool.run(16)).toBe(4)
    expect((await rejection(pool.run(-1))).message).toBe('below')
    expect(await pool.wait()).toEqual([])
    await pool.stop()
    expect((await rejection(pool.run(1))).code).toBe('ERR_CLOSED')
  })

  test('a handler may submit', async () => {
    const pool: WorkerPool<number, number> = new WorkerPool(
      (n: number) => {
        if (n > 0) pool.trySubmit(n - 1)
        return n
      },
      { workers: 1, buffer: 1 },
    )
    await pool.submit(3)
    expect(await pool.wait()).toEqual([3, 2, 1, 0])
  })
})

describe('errors', () => {
  test('WP-5 the first error comes out of wait, the other jobs run', async () => {
    const ran: number[] = []
    const pool = new WorkerPool(
      async (i: number) => {
        await later(i === 3 ? 1 : 10)
        ran.push(i)
        if (i === 3 || i === 7) throw new Error(`job ${i}`)
        return i
      },
      { workers: 20 },
    )
    for (const i of range(10)) await pool.submit(i)
    expect((await rejection(pool.wait())).message).toBe('job 3')
    expect(ran.sort()).toEqual(range(10))
    await pool.submit(1)
    expect(await pool.wait()).toEqual([1])
  })

  test('WP-5 failing jobs free their workers', async () => {
    const pool = new WorkerPool(
      (i: number) => {
        throw i
      },
      { workers: 2 },
    )
    for (const i of range(10)) await pool.submit(i)
    expect(await rejection(pool.wait())).toBe(0)
  })

  test('WP-9 all errors, if asked for', async () => {
    const pool = new WorkerPool(async (i: number) => (i % 2 ? Promise.reject(i) : i), { workers: 2, errors: 'all' })
    for (const i of range(4)) await pool.submit(i)
    const error = (await rejection(pool.wait())) as AggregateError
    expect(error).toBeInstanceOf(AggregateError)
    expect(error.errors).toEqual([1, 3])
  })
})

describe('the end', () => {
  test('WP-10 stop: nothing more is accepted, what is queued is done', async () => {
    const pool = new WorkerPool(
      async (i: number) => {
        await later(1)
        return i
      },
      { workers: 1, buffer: 5 },
    )
    for (const i of range(5)) await pool.submit(i)
    const stopped = pool.stop()
    expect(pool.closed).toBe(true)
    expect(await rejection(pool.submit(9))).toMatchObject({ code: 'ERR_CLOSED', message: 'send on closed channel' })
    expect(thrown(() => pool.trySubmit(9)).code).toBe('ERR_CLOSED')
    expect(thrown(() => pool.close()).message).toBe('close of closed channel')
    expect(await stopped).toEqual(range(5))
    expect(await pool.results.next()).toEqual({ value: undefined, done: true })
    expect([pool.active, pool.pending]).toEqual([0, 0])
    expect(await pool.stop()).toEqual([])
  })

  test('WP-10 abort: what is queued is dropped, what runs is told', async () => {
    const reason = new Error('enough')
    let told: unknown
    const pool = new WorkerPool(
      (_job: number, signal) =>
        new Promise<void>((_resolve, reject) =>
          signal.addEventListener('abort', () => {
            told = signal.reason
            reject(signal.reason)
          }),
        ),
      { workers: 1, buffer: 1 },
    )
    await pool.submit(0)
    const queued = rejection(pool.run(1))
    const waiting = rejection(pool.submit(2))
    await macrotask()
    const wait = rejection(pool.wait())
    pool.abort(reason)
    pool.abort(new Error('again'))
    expect(await Promise.all([queued, waiting, wait])).toEqual([reason, reason, reason])
    expect(told).toBe(reason)
    expect(await rejection(pool.submit(3))).toBe(reason)
    expect(await rejection(pool.wait())).toBe(reason)
    expect(pool.results.closed).toBe(true)
  })

  test('WP-10 a submit that waits is refused by close', async () => {
    const { task, release } = held()
    const pool = new WorkerPool(() => task(), { workers: 1 })
    await pool.submit(0)
    const waiting = rejection(pool.submit(1))
    pool.jobs.close()
    expect((await waiting).code).toBe('ERR_CLOSED')
    release()
    await pool.wait()
  })
})

describe('results', () => {
  test('WP-7 in the order of jobs, whichever is done first', async () => {
    const pool = new WorkerPool(
      async (i: number) => {
        await later((i * 7) % 5)
        return i
      },
      { workers: 10, ordered: true },
    )
    for (const i of range(100)) await pool.submit(i)
    expect(await pool.wait()).toEqual(range(100))
  })

  for (const ordered of [false, true]) {
    test(`WP-7 as a channel, which ends with the pool (ordered: ${ordered})`, async () => {
      const pool = new WorkerPool(
        async (i: number) => {
          await later((i * 3) % 4)
          if (i === 5) throw new Error('five')
          return i
        },
        { workers: 3, ordered, resultBuffer: 0 },
      )
      const feeding = (async () => {
        for (const i of range(20)) await pool.jobs.send(i)
        pool.jobs.close()
      })()
      const got: number[] = []
      for await (const result of pool.results) got.push(result)
      await feeding
      const expected = range(20).filter((i) => i !== 5)
      expect(ordered ? got : got.sort((a, b) => a - b)).toEqual(expected)
      expect((await rejection(pool.wait())).message).toBe('five')
    })
  }

  test('workers wait while results are not received', async () => {
    let handled = 0
    const pool = new WorkerPool(() => handled++, { workers: 2, resultBuffer: 1 })
    const feeding = (async () => {
      for (const _ of range(10)) await pool.submit(undefined as never)
    })()
    expect(await isPending(feeding)).toBe(true)
    expect(handled).toBe(3)
    expect((await rejection(pool.wait({ timeout: 0 }))).code).toBe('ERR_TIMEOUT')
    expect((await select({ result: recv(pool.results) })).value).toBe(0)
    for (const i of range(7)) expect(await pool.results.receive()).toBe(i + 1)
    await feeding
    expect(await pool.wait()).toEqual([8, 9])
  })

  test('who wants no more results ends the pool', async () => {
    const pool = new WorkerPool(async (i: number) => i, { workers: 2, resultBuffer: 0 })
    await pool.submit(1)
    await pool.submit(2)
    expect(await pool.results.receive()).toBe(1)
    pool.results.cancel()
    expect((await rejection(pool.submit(3))).name).toBe('AbortError')
    expect((await rejection(pool.wait())).name).toBe('AbortError')
  })

  test('WP-8 callbacks come one at a time and in order, and one that fails holds nobody up', async () => {
    let running = 0
    let calling = 0
    let most = 0
    const called: number[] = []
    const pool = new WorkerPool(
      async (i: number) => {
        most = Math.max(most, ++running)
        await later((i * 3) % 5)
        running--
        return i
      },
      {
        workers: 5,
        ordered: true,
        onResult: async (result, job) => {
          expect([++calling, result]).toEqual([1, job])
          await later(0)
          called.push(result)
          calling--
          if (result === 10) throw new Error('callback')
        },
      },
    )
    for (const i of range(50)) await pool.submit(i)
    for (const i of range(100)) await pool.submit(50 + i)
    expect((await rejection(pool.wait())).message).toBe('callback')
    expect(called).toEqual(range(150))
    expect(most).toBe(5)
  })
})

describe('cancelling', () => {
  const listening = (log: string[]) => (job: string, signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      if (job === 'fails') return reject(new Error(job))
      if (job === 'throws') throw new Error(job)
      const timer = setTimeout(() => resolve(job), 30)
      const onAbort = (): void => {
        clearTimeout(timer)
        log.push(job)
        reject(signal.reason)
      }
      if (signal.aborted) onAbort()
      signal.addEventListener('abort', onAbort)
    })

  test('WP-9 the signal from outside ends it, with its reason', async () => {
    const log: string[] = []
    const outer = new AbortController()
    const pool = new WorkerPool(listening(log), { workers: 5, signal: outer.signal })
    for (const job of ['a', 'b']) await pool.submit(job)
    const waiting = rejection(pool.wait())
    outer.abort('canceled')
    expect(await waiting).toBe('canceled')
    expect(log).toEqual(['a', 'b'])
    expect(await rejection(new WorkerPool(() => {}, { signal: outer.signal }).submit(1 as never))).toBe('canceled')
  })

  test('WP-9 a timeout from outside ends it', async () => {
    const pool = new WorkerPool(listening([]), { workers: 5, signal: AbortSignal.timeout(5) })
    await pool.submit('a')
    expect((await rejection(pool.wait())).name).toBe('TimeoutError')
  })

  test.each(['fails', 'throws'])('WP-9 with cancelOnError a job that %s cancels its siblings', async (bad) => {
    const log: string[] = []
    const pool = new WorkerPool(listening(log), { workers: 3, buffer: 2, cancelOnError: true, ordered: true })
    await Promise.all(['a', 'b', bad, 'queued'].map((job) => pool.submit(job)))
    await macrotask()
    expect((await rejection(pool.submit('late'))).message).toBe(bad)
    expect((await rejection(pool.wait())).message).toBe(bad)
    expect(log).toEqual(['a', 'b'])
    await pool.submit('again')
    expect(await pool.wait()).toEqual(['again'])
  })

  test('WP-9 without it they go on', async () => {
    const log: string[] = []
    const pool = new WorkerPool(listening(log), { workers: 3 })
    for (const job of ['a', 'fails', 'b']) await pool.submit(job)
    expect((await rejection(pool.wait())).message).toBe('fails')
    expect(log).toEqual([])
  })

  test('leaves no listener behind', async () => {
    const { signal } = new AbortController()
    let listeners = 0
    const [add, remove] = [signal.addEventListener, signal.removeEventListener]
    signal.addEventListener = (...args: unknown[]) => {
      listeners++
      add.apply(signal, args as never)
    }
    signal.removeEventListener = (...args: unknown[]) => {
      listeners--
      remove.apply(signal, args as never)
    }
    for (const _ of range(20)) {
      const pool = new WorkerPool(async (i: number) => i, { signal })
      for (const i of range(5)) await pool.submit(i, { signal })
      await pool.stop({ signal })
    }
    expect(listeners).toBe(0)
  })
})

test('WP-11 steps of Collatz, three at a time', async () => {
  const collatz = (n: number): number => {
    let steps = 0
    for (; n > 1; steps++) n = n % 2 === 0 ? n / 2 : 3 * n + 1
    return steps
  }
  const pool = new WorkerPool(async (n: number) => collatz(n), { workers: 3, ordered: true })
  for (const i of range(32)) await pool.submit(i + 1)
  expect(await pool.wait()).toEqual([
    0, 1, 7, 2, 5, 8, 16, 3, 19, 6, 14, 9, 9, 17, 17, 4, 12, 20, 20, 7, 7, 15, 15, 10, 23, 10, 111, 18, 18, 18, 106, 5,
  ])
})
