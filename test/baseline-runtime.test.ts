// The pool that the runtime is measured against, as built (npm run build:bench): what a comparison with it may take for granted.

import { afterEach, describe, expect, it } from 'vitest'
import { Pool } from '../build/bench/baseline/runtime/pool.js'

const TASKS = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { threadId } from 'node:worker_threads'
    export const echo = (value) => value
    export const later = async (value) => { await null; return value }
    export const where = () => threadId
    export const fail = (value) => { throw new RangeError(value) }
    export const failLater = async (value) => { throw new RangeError(value) }
    export const end = () => process.exit(1)
    export const unclonable = () => () => 1
  `)}`,
)

describe('the pool of the baseline', () => {
  let pool: Pool
  const open = async (threads: number): Promise<Pool> => (pool = await Pool.open(TASKS, threads))
  afterEach(() => pool.close())

  it('gives each task its own result, in whatever order they end', async () => {
    await open(2)
    const values = Array.from({ length: 1000 }, (_, at) => at)
    const results = await Promise.all(values.map((value) => pool.run(value % 3 === 0 ? 'later' : 'echo', value)))
    expect(results).toEqual(values)
  })

  it('gives tasks to its threads in turn', async () => {
    await open(2)
    const threads = await Promise.all([1, 2, 3, 4].map((value) => pool.run('where', value)))
    expect(new Set(threads).size).toBe(2)
    expect(threads.slice(2)).toEqual(threads.slice(0, 2))
  })

  it('brings what a task throws to who waits for it, and goes on', async () => {
    await open(1)
    await expect(pool.run('fail', 'at once')).rejects.toThrow(RangeError)
    await expect(pool.run('failLater', 'after a while')).rejects.toThrow('after a while')
    await expect(pool.run('nothing', 1)).rejects.toThrow('not a function')
    // Node 20 loses the text of this error on its way.
    await expect(pool.run('unclonable', 1)).rejects.toBeDefined()
    await expect(pool.run('echo', 7)).resolves.toBe(7)
  })

  it('leaves nobody waiting when a worker ends or the pool is closed', async () => {
    await open(1)
    await expect(pool.run('end', 1)).rejects.toThrow('the worker ended')
    await open(1)
    const waiting = pool.run('echo', 1)
    const closed = pool.close()
    await expect(waiting).rejects.toThrow('the pool was closed')
    await closed
  })
})
