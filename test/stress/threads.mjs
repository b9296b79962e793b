import { Worker } from 'node:worker_threads'

const all = new Set()

export const liveThreads = () => all.size

/** Runs a role of roles.mjs in a thread of its own. Resolves with its result once the thread has ended. */
export function thread(role, args) {
  const worker = new Worker(new URL('./worker.mjs', import.meta.url), { workerData: { role, args } })
  all.add(worker)
  let result
  let failure
  const ended = new Promise((resolve, reject) => {
    worker.on('message', (message) => {
      result = message
    })
    worker.on('error', (error) => {
      failure = error
    })
    worker.on('exit', (code) => {
      all.delete(worker)
      if (failure !== undefined) reject(failure)
      else if (result === undefined) reject(new Error(`${role} ended (${code}) without a result`))
      else resolve(result)
    })
  })
  ended.catch(() => {})
  return { ended, terminate: () => worker.terminate() }
}

export async function stopThreads() {
  await Promise.all([...all].map((worker) => worker.terminate()))
}

/** All results, or the first failure: then nobody waits for threads that wait for the one that failed. */
export const results = (threads) => Promise.all(threads.map(({ ended }) => ended))

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits until the condition holds: 20 s at most. `what` is told then, or tells it. */
export async function until(condition, what) {
  for (const deadline = performance.now() + 20_000; !condition(); await sleep(1))
    if (performance.now() > deadline)
      throw new Error(`waited 20 s in vain until ${typeof what === 'function' ? what() : what}`)
}

/** Settles as the promise does, or fails once no more values have arrived for 20 s: `marks` tells how many of `total` have. */
export async function unlessStalled(promise, marks, total) {
  const arrived = () => new Uint8Array(marks).reduce((sum, n) => sum + n, 0)
  let timer
  const stalled = new Promise((_, reject) => {
    let before = -1
    timer = setInterval(() => {
      const now = arrived()
      if (now === before) reject(new Error(`nothing has arrived for 20 s: a hang, after ${now} of ${total} values`))
      before = now
    }, 20_000)
  })
  return Promise.race([promise, stalled]).finally(() => clearInterval(timer))
}

/** Waits for the arena to notice that threads have ended. */
export const settle = (condition) => until(condition, 'the arena knows that the threads have ended')
