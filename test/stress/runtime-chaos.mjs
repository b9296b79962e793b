// Chaos of a runtime: several threads spawn tasks of all kinds while its workers are terminated at random. Every task settles exactly once, as it should.

import { Worker } from 'node:worker_threads'
import { AtomicI32, runtime } from 'millrace'
import { randomFrom } from '../support/kit.mjs'
import { spawnAll } from './runtime-chaos-spawner.mjs'

const TASKS = new URL('../runtime/tasks.mjs', import.meta.url)

/**
 * Runs `count` tasks for each of three spawners. Throws if one of them ends as it should not, or twice, or never.
 *
 * @returns how many tasks there were, how many died with their workers, and how many workers were terminated.
 */
export async function runtimeChaos({ arena, count, seed, procs = 3, limit = 120_000 }) {
  const { below, next } = randomFrom(seed)
  const workers = []
  // Not before they say that they are ready: a runtime whose workers end before that three times in a row is closed.
  const note = (worker) => worker.once('message', () => workers.push(worker))
  process.on('worker', note)
  const rt = await runtime(TASKS, { procs, arena })
  const cell = new AtomicI32(0, { arena })
  let over = false
  let kills = 0
  const spawners = []
  const killing = (async () => {
    while (!over) {
      await new Promise((resolve) => setTimeout(resolve, 20 + below(80)))
      const live = workers.filter((worker) => worker.threadId > 0 && !spawners.includes(worker))
      if (!over && live.length > 0 && next() < 0.8) {
        kills++
        await live[below(live.length)].terminate()
      }
    }
  })()
  try {
    const elsewhere = [1, 2].map((k) => {
      const script = new URL('./runtime-chaos-spawner.mjs', import.meta.url)
      const worker = new Worker(script, { workerData: { handle: rt.handle, cell: cell.handle, count, seed: seed + k } })
      spawners.push(worker)
      return new Promise((resolve, reject) => {
        worker.once('message', resolve)
        worker.once('error', reject)
      })
    })
    const late = new Promise((_, reject) => {
      const timer = setTimeout(() => reject(new Error(`not all tasks have ended within ${limit} ms`)), limit)
      timer.unref()
    })
    const tallies = await Promise.race([Promise.all([spawnAll(rt, cell, count, seed), ...elsewhere]), late])
    over = true
    await killing
    await rt.drain()
    if (rt.numGoroutine() !== 0) throw new Error(`${rt.numGoroutine()} tasks are left after all have ended`)
    const tasks = tallies.reduce((sum, { ended }) => sum + ended, 0)
    const died = tallies.reduce((sum, each) => sum + each.died, 0)
    if (tasks !== 3 * count) throw new Error(`${tasks} tasks have ended, not ${3 * count}`)
    // Each of these adds one when it is run: what has ended well has been run, what has died may have been.
    const sure = tallies.reduce((sum, { added }) => sum + added, 0)
    const unsure = tallies.reduce((sum, { maybe }) => sum + maybe, 0)
    if (cell.load() < sure || cell.load() > sure + unsure) {
      throw new Error(`tasks were run ${cell.load()} times, not between ${sure} and ${sure + unsure}`)
    }
    return { tasks, died, kills }
  } finally {
    over = true
    await killing
    process.off('worker', note)
    await rt.close()
    cell.dispose()
    await Promise.all(spawners.map((worker) => worker.terminate()))
  }
}

/** For main.mjs: `count` is the number of tasks of all spawners. */
export const runtimeScenarios = [1, 3].map((procs) => ({
  name: `${procs} ${procs === 1 ? 'worker' : 'workers'}`,
  share: 1,
  async run({ arena, count, rng }) {
    const part = Math.ceil(count / 3)
    const { tasks, died, kills } = await runtimeChaos({
      arena,
      procs,
      count: part,
      seed: rng.below(2 ** 31),
      limit: 3_600_000,
    })
    return { settings: `${kills} workers terminated, ${died} tasks died with them`, moved: tasks, lost: died }
  },
}))
