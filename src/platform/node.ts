import { Buffer } from 'node:buffer'
import { setMaxListeners } from 'node:events'
import { availableParallelism } from 'node:os'
import { getEnvironmentData, parentPort, setEnvironmentData, threadId, Worker, workerData } from 'node:worker_threads'
import type { Alarm, Hold, Native, Platform, StartedWorker, WorkerEvents } from './platform.js'

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

type Slice = (this: Uint8Array, at: number, end: number) => string

// Methods of Buffer, on any Uint8Array. `fill` by bytes is memcpy; engines copy what is shared word by word, at less than half that speed.
const { fill, latin1Slice, utf8Slice } = Buffer.prototype as unknown as {
  fill(this: Uint8Array, bytes: Uint8Array, at: number, end: number): unknown
  latin1Slice?: Slice
  utf8Slice?: Slice
}

/** A worker has what the process was started with; but for a file it refuses to be told how the text of `--eval` is to be understood. */
function newWorker(script: URL, options: object): Worker {
  const { execArgv } = process
  const given = execArgv.filter((arg, i) => !arg.startsWith('--input-type') && execArgv[i - 1] !== '--input-type')
  if (given.length === execArgv.length || 'execArgv' in options) return new Worker(script, options)
  try {
    return new Worker(script, { ...options, execArgv: given })
  } catch (error) {
    // Flags of the whole process, such as V8's, are refused if they are given anew. They hold for it anyway.
    if ((error as { code?: unknown }).code !== 'ERR_WORKER_INVALID_EXEC_ARGV') throw error
    return new Worker(script, { ...options, execArgv: [] })
  }
}

function startWorker(script: URL, data: object, options: object, events: WorkerEvents): StartedWorker {
  const worker = newWorker(script, { ...options, workerData: data })
  worker.on('message', events.message)
  worker.on('error', events.error)
  // Before those who reap: they may tell of tasks whose end this explains.
  worker.on('exit', events.exit)
  watch(worker)
  return worker
}

/** The slices are what `toString` calls, on every platform that has a Buffer, but in no manual. */
const native: Native | undefined =
  latin1Slice && utf8Slice
    ? {
        base64: (text) => Buffer.from(text, 'base64') as Uint8Array<ArrayBuffer>,
        copy(from, to, at) {
          fill.call(to, from, at, at + from.length)
        },
        allocate: (bytes) => new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer),
        ascii: (bytes, at, end) => latin1Slice.call(bytes, at, end),
        utf8: (bytes, at, end) => utf8Slice.call(bytes, at, end),
      }
    : undefined

export const platform: Platform = {
  name: 'node',
  threadId: threadId + 1,
  parentId,
  // Arenas do not leave the process, in which no other thread has ever had this number. The clock goes on between any two calls, and the first call
  // of the web's `crypto` takes milliseconds.
  unique() {
    const [seconds, nanoseconds] = process.hrtime() as [number, number]
    return [nanoseconds, ((seconds << 16) ^ threadId) >>> 0]
  },
  canBlock: true,
  cpuCount: availableParallelism(),
  native,
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
  startWorker,
  parent:
    parentPort === null
      ? undefined
      : { data: workerData, post: (message) => parentPort?.postMessage(message), leave: () => process.exit(0) },
  watch,
}
