// The benchmark's opponent is only honest if it works: locks, semaphore, wait group, once and map of bench/baseline/sync, in plain TypeScript, as
// the benchmark runs them: built (npm run build:bench).

import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { Mutex, Once, open, RWMutex, Semaphore, ShardedMap, WaitGroup } from '../build/bench/baseline/sync/index.js'

const BUILT = new URL('../build/bench/baseline/sync/index.js', import.meta.url)

/** Runs a self-contained function in a worker of its own. */
function inWorker<A extends unknown[], R>(
  job: (baseline: typeof import('../build/bench/baseline/sync/index.js'), ...args: A) => R | Promise<R>,
  ...args: A
): Promise<R> {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(workerData.url).then((baseline) => (${job.toString()})(baseline, ...workerData.args))
      .then((value) => parentPort.postMessage(value))`
  return new Promise((resolve, reject) => {
    const worker = new Worker(source, { eval: true, workerData: { url: BUILT.href, args } })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

const sharedWords = (count = 4): Int32Array<SharedArrayBuffer> => new Int32Array(new SharedArrayBuffer(count * 4))

describe('mutex', () => {
  it('is taken once, and refuses to be unlocked when it is free', () => {
    const mutex = new Mutex()
    expect(mutex.locked).toBe(false)
    mutex.lockSync()
    expect([mutex.locked, mutex.tryLock()]).toEqual([true, false])
    mutex.unlock()
    expect(() => mutex.unlock()).toThrow('unlock of unlocked mutex')
    expect([mutex.tryLock(), mutex.locked]).toEqual([true, true])
  })

  it('goes from one task to the next', async () => {
    const mutex = new Mutex()
    const order: number[] = []
    const guard = await mutex.lock()
    const tasks = [1, 2, 3].map(async (task) => {
      const own = await mutex.lock()
      order.push(task)
      await new Promise((resolve) => setImmediate(resolve))
      order.push(-task)
      own.unlock()
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(order).toEqual([])
    guard.unlock()
    await Promise.all(tasks)
    expect(order.map(Math.abs).sort()).toEqual([1, 1, 2, 2, 3, 3])
    for (let at = 0; at < order.length; at += 2) expect(order[at + 1]).toBe(-order[at]!)
  })

  it.each([
    [2, 20_000],
    [4, 10_000],
  ])('keeps %i threads apart, blocking and async', async (threads, rounds) => {
    const mutex = new Mutex()
    const words = sharedWords()
    await Promise.all(
      Array.from({ length: threads }, (_, index) =>
        inWorker(
          async (baseline, handle, buffer, count, blocking) => {
            const own = baseline.open(handle)
            const total = new Int32Array(buffer)
            for (let round = 0; round < count; round++) {
              if (blocking) own.lockSync()
              else await own.lock()
              total[0] = total[0]! + 1
              own.unlock()
            }
          },
          mutex.handle,
          words.buffer,
          rounds,
          index % 2 === 0,
        ),
      ),
    )
    expect(words[0]).toBe(threads * rounds)
  })
})

describe('rwmutex', () => {
  it('refuses what was not locked', () => {
    const lock = new RWMutex()
    expect(() => lock.unlock()).toThrow('unlock of unlocked RWMutex')
    expect(() => lock.runlock()).toThrow('runlock of unlocked RWMutex')
    lock.rlockSync()
    lock.rlockSync()
    expect(() => lock.unlock()).toThrow('unlock of unlocked RWMutex')
    lock.runlock()
    lock.runlock()
    lock.lockSync()
    expect(() => lock.runlock()).toThrow('runlock of unlocked RWMutex')
    lock.unlock()
    lock.lockSync()
    lock.unlock()
  })

  it('lets readers in together, writers alone', async () => {
    const lock = new RWMutex()
    const words = sharedWords()
    const [writers, readers, rounds] = [2, 2, 10_000]
    const seen = await Promise.all(
      Array.from({ length: writers + readers }, (_, index) =>
        inWorker(
          (baseline, handle, buffer, count, writes) => {
            const own = baseline.open(handle)
            const pair = new Int32Array(buffer)
            let torn = 0
            for (let round = 0; round < count; round++) {
              if (writes) {
                own.lockSync()
                pair[0] = pair[0]! + 1
                pair[1] = pair[1]! + 1
                own.unlock()
              } else {
                own.rlockSync()
                if (pair[0] !== pair[1]) torn++
                own.runlock()
              }
            }
            return torn
          },
          lock.handle,
          words.buffer,
          rounds,
          index < writers,
        ),
      ),
    )
    expect(seen).toEqual(seen.map(() => 0))
    expect(words[0]).toBe(writers * rounds)
  })
})

describe('semaphore', () => {
  it('gives out no more than it has', () => {
    const semaphore = new Semaphore(3)
    semaphore.acquireSync(2)
    expect([semaphore.tryAcquire(2), semaphore.tryAcquire(), semaphore.available]).toEqual([false, true, 0])
    semaphore.release(3)
    expect(() => semaphore.release()).toThrow('released more than held')
    expect(semaphore.available).toBe(3)
  })

  it('wakes a task that waits for several', async () => {
    const semaphore = new Semaphore(2)
    await semaphore.acquire(1)
    let got = false
    const both = semaphore.acquire(2).then(() => {
      got = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(got).toBe(false)
    semaphore.release(1)
    await both
    expect(semaphore.available).toBe(0)
  })

  it('limits threads', async () => {
    const semaphore = new Semaphore(2)
    const words = sharedWords()
    const most = await Promise.all(
      [1, 1, 2, 2].map((weight) =>
        inWorker(
          (baseline, handle, buffer, count) => {
            const own = baseline.open(handle)
            const inside = new Int32Array(buffer)
            let seen = 0
            for (let round = 0; round < 5000; round++) {
              own.acquireSync(count)
              seen = Math.max(seen, Atomics.add(inside, 0, count) + count)
              Atomics.sub(inside, 0, count)
              own.release(count)
            }
            return seen
          },
          semaphore.handle,
          words.buffer,
          weight,
        ),
      ),
    )
    expect(Math.max(...most)).toBe(2)
    expect(semaphore.available).toBe(2)
  })
})

describe('wait group', () => {
  it('counts, and not below zero', () => {
    const group = new WaitGroup()
    group.waitSync()
    group.add(2)
    group.done()
    expect(group.count).toBe(1)
    expect(() => group.add(-2)).toThrow('negative WaitGroup counter')
    group.done()
    expect(() => group.done()).toThrow('negative WaitGroup counter')
    expect(group.count).toBe(0)
  })

  it('waits for the work of other threads', async () => {
    const group = new WaitGroup()
    const words = sharedWords()
    group.add(2)
    const waiter = inWorker(
      (baseline, handle, buffer) => {
        baseline.open(handle).waitSync()
        return Atomics.load(new Int32Array(buffer), 0)
      },
      group.handle,
      words.buffer,
    )
    const workers = [0, 1].map(() =>
      inWorker(
        (baseline, handle, buffer) => {
          const total = new Int32Array(buffer)
          for (let round = 0; round < 1000; round++) Atomics.add(total, 0, 1)
          baseline.open(handle).done()
        },
        group.handle,
        words.buffer,
      ),
    )
    expect(await waiter).toBe(2000)
    await Promise.all(workers)
  })
})

describe('once', () => {
  it('runs once, even if that throws', () => {
    const once = new Once()
    let runs = 0
    const run = (): void => {
      runs++
      throw new Error('broken')
    }
    expect(() => once.doSync(run)).toThrow('broken')
    once.doSync(run)
    expect([runs, once.done]).toEqual([1, true])
  })

  it('runs in one of several threads, and the others wait for it', async () => {
    const once = new Once()
    const words = sharedWords()
    const seen = await Promise.all(
      [0, 1, 2].map(() =>
        inWorker(
          (baseline, handle, buffer) => {
            const runs = new Int32Array(buffer)
            baseline.open(handle).doSync(() => {
              Atomics.wait(runs, 1, 0, 20)
              Atomics.add(runs, 0, 1)
            })
            return Atomics.load(runs, 0)
          },
          once.handle,
          words.buffer,
        ),
      ),
    )
    expect(seen).toEqual([1, 1, 1])
  })
})

describe('sharded map', () => {
  it('holds what a Map holds', () => {
    const [map, model] = [new ShardedMap({ capacity: 400 }), new Map<number, number>()]
    let state = 12345
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    // Neighbours, multiples of a large number, and both ends of the range.
    const keys = Array.from({ length: 300 }, (_, at) => [at, (at * 65_536) >>> 0, 2 ** 32 - 1 - at][at % 3]!)
    for (let round = 0; round < 20_000; round++) {
      const key = keys[random(keys.length)]!
      if (random(3) === 0) {
        expect(map.delete(key)).toBe(model.delete(key))
      } else {
        map.set(key, round / 4)
        model.set(key, round / 4)
      }
      const other = keys[random(keys.length)]!
      expect(map.get(other)).toBe(model.get(other))
    }
    expect(map.size).toBe(model.size)
    for (const key of keys) expect([map.has(key), map.get(key)]).toEqual([model.has(key), model.get(key)])
  })

  it('takes as many entries as it was made for, and says when it is full', () => {
    const map = new ShardedMap({ capacity: 1024 })
    for (let key = 0; key < 1024; key++) map.set(Math.imul(key, 0x9e3779b1) >>> 0, key)
    expect(map.size).toBe(1024)
    const small = new ShardedMap({ capacity: 1 })
    expect(() => {
      for (let key = 0; key < 1000; key++) small.set(key, key)
    }).toThrow('no room for key')
    expect(small.get(0)).toBe(0)
  })

  it('is one map in all threads', async () => {
    const map = new ShardedMap({ capacity: 2000 })
    await Promise.all(
      [0, 1].map((thread) =>
        inWorker(
          (baseline, handle, first) => {
            const own = baseline.open(handle)
            for (let key = first; key < 2000; key += 2) {
              own.set(key, key * 2)
              own.set(key, (own.get(key) as number) + 1)
            }
          },
          map.handle,
          thread,
        ),
      ),
    )
    expect(map.size).toBe(2000)
    for (let key = 0; key < 2000; key++) expect(map.get(key)).toBe(key * 2 + 1)
    expect(open(map.handle).get(7)).toBe(15)
  })
})
