import { setMaxListeners } from 'node:events'
import { availableParallelism } from 'node:os'
import { threadId, Worker } from 'node:worker_threads'
import type { Hold, Platform } from './platform.js'

const watched = new WeakSet<object>()
const listeners: ((threadId: number) => void)[] = []

function watch(worker: object): void {
  if (!(worker instanceof Worker) || watched.has(worker)) return
  watched.add(worker)
  const id = worker.threadId // -1 once it has ended
  if (id > 0)
    worker.once('exit', () => {
      for (const listener of listeners) listener(id + 1)
    })
}

// Node tells of every worker that this thread starts, so that nobody has to register them by hand.
process.on('worker', watch)

class IntervalHold implements Hold {
  // Node keeps running while a ref'd timer exists; a pending Atomics.waitAsync does not count (nodejs/node#44729).
  readonly #timer = setInterval(() => {}, 2 ** 30).unref()

  hold(): void {
    this.#timer.ref()
  }

  release(): void {
    this.#timer.unref()
  }
}

export const platform: Platform = {
  name: 'node',
  threadId: threadId + 1,
  canBlock: true,
  cpuCount: availableParallelism(),
  isWorker: (worker) => worker instanceof Worker,
  createHold: () => new IntervalHold(),
  onWorkerExit: (callback) => {
    listeners.push(callback)
  },
  onIdle: (callback) => {
    process.on('beforeExit', callback)
  },
  allowListeners: (signal) => setMaxListeners(0, signal),
  watch,
}
