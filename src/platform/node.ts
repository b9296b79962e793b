import { setMaxListeners } from 'node:events'
import { availableParallelism } from 'node:os'
import { getEnvironmentData, setEnvironmentData, threadId, Worker } from 'node:worker_threads'
import type { Alarm, Hold, Platform } from './platform.js'

// Environment data goes from a thread to the workers that it starts: so each knows the number of the one that it ends with.
const PARENT = 'millrace.parent'
const parentId = Number(getEnvironmentData(PARENT) ?? 0)
setEnvironmentData(PARENT, threadId + 1)

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

class TimeoutAlarm implements Alarm {
  readonly #ring: () => void
  #timer: NodeJS.Timeout | undefined
  #holding = false

  constructor(ring: () => void) {
    this.#ring = () => {
      this.#timer = undefined
      ring()
    }
  }

  set(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#ring, ms)
    if (!this.#holding) this.#timer.unref()
  }

  hold(holding: boolean): void {
    this.#holding = holding
    if (holding) this.#timer?.ref()
    else this.#timer?.unref()
  }
}

export const platform: Platform = {
  name: 'node',
  threadId: threadId + 1,
  parentId,
  canBlock: true,
  cpuCount: availableParallelism(),
  isWorker: (worker) => worker instanceof Worker,
  createHold: () => new IntervalHold(),
  createAlarm: (ring) => new TimeoutAlarm(ring),
  nextTurn: (callback) => {
    setImmediate(callback)
  },
  onWorkerExit: (callback) => {
    listeners.push(callback)
  },
  onIdle: (callback) => {
    process.on('beforeExit', callback)
  },
  allowListeners: (signal) => setMaxListeners(0, signal),
  watch,
}
