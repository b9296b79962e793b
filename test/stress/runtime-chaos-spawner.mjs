// One of those who spawn in runtime-chaos.mjs: on the thread that imports it, or as the main program of a worker.

import { isDeepStrictEqual } from 'node:util'
import { parentPort, workerData } from 'node:worker_threads'
import { open } from 'millrace'
import { randomFrom } from '../support/kit.mjs'

/** Most tasks under way at a time. */
const AHEAD = 300

/** Kinds of tasks: how they are spawned, and whether an end is as it should be. */
const kinds = [
  (rt, i) => [rt.go('add', i, 1), (end) => end.value === i + 1],
  (rt, i) => [rt.go('echo', i, `${i}`, { i }), (end) => isDeepStrictEqual(end.value, [i, `${i}`, { i }])],
  (rt, i) => [rt.go('later', i, i % 5), (end) => end.value === i],
  (rt, i) => [rt.on(i % rt.procs).go('identity', i), (end) => end.value === i],
  (rt) => [rt.go('fib', 5), (end) => end.value === 5],
  (rt, i) => [rt.go('fails', `${i}`), (end) => end.error?.message === `${i}`],
  (rt, i) => [rt.go('bytesOf', (i * 37) % 5000), (end) => end.value?.length === (i * 37) % 5000],
  (rt, i) => {
    const task = rt.go('later', i, 2)
    setTimeout(() => task.cancel(i), i % 4)
    return [task, (end) => end.value === i || end.error === i]
  },
]

/** Spawns so many tasks, and counts how they end. Throws if one does so as it should not. */
export async function spawnAll(rt, cell, count, seed) {
  const { below } = randomFrom(seed)
  const tally = { ended: 0, died: 0, added: 0, maybe: 0 }
  const wrong = []
  const under = new Set()
  for (let i = 0; i < count; i++) {
    const adds = below(4) === 0
    const [task, good] = adds ? [rt.go('touch', cell), (end) => 'value' in end] : kinds[below(kinds.length)](rt, i)
    let ends = 0
    const settle = (end) => {
      if (++ends > 1) wrong.push(`task ${i} has ended ${ends} times`)
      tally.ended++
      const died = end.error?.code === 'ERR_WORKER_DIED'
      if (died) tally.died++
      else if (!good(end)) wrong.push(`task ${i} ${task.name} ended in ${String(end.value ?? end.error)}`)
      if (adds) died ? tally.maybe++ : tally.added++
      under.delete(one)
    }
    const one = task.then(
      (value) => settle({ value }),
      (error) => settle({ error }),
    )
    under.add(one)
    if (under.size >= AHEAD) await Promise.race(under)
    else if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(under)
  if (wrong.length > 0) throw new Error(`${wrong.length} ends were wrong: ${wrong.slice(0, 3).join('; ')}`)
  return tally
}

if (workerData?.handle !== undefined && workerData.count !== undefined) {
  const rt = open(workerData.handle)
  const tally = await spawnAll(rt, open(workerData.cell), workerData.count, workerData.seed)
  await rt.close()
  parentPort.postMessage(tally)
}
