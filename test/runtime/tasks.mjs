// The tasks that tests of the runtime run.

import { createRequire } from 'node:module'
import { setTimeout as delay } from 'node:timers/promises'
import { threadId, Worker } from 'node:worker_threads'
import {
  AtomicI32,
  channel,
  currentRuntime,
  currentTask,
  f64,
  go,
  goexit,
  gosched,
  Mutex,
  numGoroutine,
  open,
} from 'millrace'

const { toolsFor } = await import('../support/kit.mjs')
const { gc, sleepSync } = toolsFor('blocking')

// ── Values ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export const echo = (...values) => values
export const identity = (value) => value
export const add = (a, b) => a + b
export const nothing = () => {}
export const countArguments = (...values) => values.length
export const later = async (value, ms = 1) => {
  await delay(ms)
  return value
}
/** A result of that many bytes. */
export const bytesOf = (length) => new Uint8Array(length).fill(7)
export const lengthOf = (value) => value.length
export const kindsOf = (...values) => values.map((value) => value?.constructor?.name ?? String(value))
/** What cannot be carried. */
export const uncarryable = () => ({ list: [1, () => 1] })

// ── Where it runs ────────────────────────────────────────────────────────────────────────────────────────────────────

export const worker = () => currentTask().worker
export const nameOfTask = () => currentTask().name
export const thread = () => threadId

// ── Time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Keeps its worker from all else. */
export const block = (ms) => {
  sleepSync(ms)
  return currentTask().worker
}
export const sleep = async (ms) => {
  const { worker } = currentTask()
  await delay(ms)
  return worker
}
/** Keeps its worker's thread busy for ever. */
export const spin = () => {
  for (;;);
}
export const forever = () => new Promise(() => setInterval(() => {}, 1000))

// ── Ways to end ──────────────────────────────────────────────────────────────────────────────────────────────────────

class OwnError extends Error {
  name = 'OwnError'
  code = 'ERR_OWN'
  detail = { n: 1, list: [1n] }
}

const throwables = {
  error: () => new Error('plain'),
  typeError: () => new TypeError('typed'),
  own: () => new OwnError('own'),
  withCause: () => new Error('outer', { cause: new RangeError('inner') }),
  aggregate: () => new AggregateError([new Error('one'), new TypeError('two')], 'many'),
  domException: () => new DOMException('aborted', 'AbortError'),
  string: () => 'a string',
  undefined: () => undefined,
  null: () => null,
  number: () => 42,
  bigint: () => 42n,
  object: () => ({ a: 1, nested: { b: [2] } }),
  frozen: () => Object.freeze(Object.assign(new Error('frozen'), { code: 'ERR_FROZEN' })),
  symbol: () => Symbol('sym'),
  function: () => function thrownFunction() {},
  getter: () => {
    const error = new Error('x')
    Object.defineProperty(error, 'message', {
      get() {
        throw new Error('the getter throws')
      },
    })
    return error
  },
  ownGetter: () =>
    Object.defineProperty(new Error('with a getter'), 'more', {
      enumerable: true,
      get() {
        throw new Error('the getter throws')
      },
    }),
  withFunction: () => Object.assign(new TypeError('with a function'), { code: 'ERR_F', retry: () => 1, n: 5 }),
  cyclic: () => {
    const error = new Error('cyclic')
    error.cause = new Error('its cause', { cause: error })
    return error
  },
  revoked: () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  },
  hostile: () =>
    new Proxy(new Error('hostile'), {
      get() {
        throw new Error('nothing to see')
      },
      getPrototypeOf() {
        throw new Error('nothing to see')
      },
      ownKeys() {
        throw new Error('nothing to see')
      },
    }),
}
export const raise = (what) => {
  throw throwables[what]()
}
export const raiseLater = async (what) => {
  await delay(1)
  throw throwables[what]()
}
/** An error from a function of that name, for stacks. */
export const fails = (message) => failingPart(message)
function failingPart(message) {
  throw new Error(message)
}

export const exit = (code) => process.exit(code)
export const exitLater = async (code, ms = 20) => {
  await delay(ms)
  process.exit(code)
}
/** Throws outside of all tasks. */
export const throwInTimer = (message) =>
  new Promise(() => {
    setTimeout(() => {
      throw new Error(message)
    }, 5)
  })
export const rejectUnhandled = (message) => {
  Promise.reject(new Error(message))
  return forever()
}
export const exhaust = () => {
  const kept = []
  for (;;) kept.push(new Array(1000).fill(Math.random()))
}
export const leave = (how) => {
  if (how === 'finally') {
    try {
      goexit()
    } finally {
      globalThis.cleaned = (globalThis.cleaned ?? 0) + 1
    }
  }
  goexit()
}
export const leaveLater = async (cell) => {
  let caught = 'nothing'
  try {
    await delay(1)
    goexit()
  } catch (error) {
    caught = error instanceof Error ? 'an error' : 'no error'
    throw error
  } finally {
    cell.store(caught === 'no error' ? 1 : 2)
  }
}
export const leaveAndThrow = async () => {
  try {
    await delay(1)
    goexit()
  } finally {
    // biome-ignore lint/correctness/noUnsafeFinally: what is tested
    throw new Error('from the cleanup')
  }
}

// ── Thenables ────────────────────────────────────────────────────────────────────────────────────────────────────────

const thenables = {
  // biome-ignore-start lint/suspicious/noThenProperty: what is tested
  good: () => ({ then: (resolve) => resolve(5) }),
  late: () => ({ then: (resolve) => setTimeout(resolve, 2, 5) }),
  twice: () => ({
    then: (resolve, reject) => {
      resolve(5)
      resolve(6)
      reject(new Error('too late'))
    },
  }),
  twiceLate: () => ({
    then: (resolve, reject) => {
      setTimeout(() => {
        resolve(5)
        setTimeout(reject, 2, new Error('too late'))
      }, 2)
    },
  }),
  throws: () => ({
    then: () => {
      throw new Error('then throws')
    },
  }),
  resolvesAndThrows: () => ({
    then: (resolve) => {
      resolve(5)
      throw new Error('too late')
    },
  }),
  getter: () =>
    Object.defineProperty({}, 'then', {
      get() {
        throw new Error('then is a getter that throws')
      },
    }),
  nested: () => ({ then: (resolve) => resolve({ then: (inner) => inner(5) }) }),
  callable: () => Object.assign(() => {}, { then: (resolve) => resolve(5) }),
  // biome-ignore-end lint/suspicious/noThenProperty: what is tested
  promise: () => Promise.resolve(5),
  subclass: () => class Mine extends Promise {}.resolve(5),
}
export const thenable = (what) => thenables[what]()

// ── Cancel ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Waits for its end, and throws the signal's reason. */
export const untilCancelled = async (started) => {
  const { signal } = currentTask()
  started?.add(1)
  await new Promise((_, reject) => {
    const timer = setInterval(() => {}, 1000)
    signal.addEventListener('abort', () => {
      clearInterval(timer)
      reject(signal.reason)
    })
  })
}
/** Takes no notice. */
export const deafToCancel = async (started, ms) => {
  started.add(1)
  await delay(ms)
  return 'all the same'
}
export const ownErrorOnCancel = async (started) => {
  const { signal } = currentTask()
  started.add(1)
  await delay(60_000, undefined, { signal }).catch(() => {
    throw new Error('cancelled, but in my own words')
  })
}
export const receiveUntilCancelled = async (ch, started) => {
  const { signal } = currentTask()
  started.add(1)
  return ch.receive({ signal })
}
export const isCancelled = () => currentTask().signal.aborted
export const isCancelledAfter = (started, ms) => {
  started.add(1)
  sleepSync(ms)
  return currentTask().signal.aborted
}
/** Throws what the task that it has spawned and cancelled rejects with. */
export const spawnsAndCancels = async (started, reason) => {
  const before = started.load()
  const task = go('untilCancelled', started)
  // The other worker is to take it.
  while (started.load() === before) sleepSync(1)
  task.cancel(reason)
  await task
}
export const touch = (cell) => cell.add(1)
export const noTaskAfterAwait = async () => {
  await gosched()
  return currentTask().name
}

// ── Tasks that spawn ─────────────────────────────────────────────────────────────────────────────────────────────────

export const fib = async (n) => {
  if (n < 2) return n
  const [a, b] = await Promise.all([go('fib', n - 1), go('fib', n - 2)])
  return a + b
}
/** The workers that run `n` tasks of this one's worker. */
export const spread = async (n, ms) => {
  const workers = await Promise.all(Array.from({ length: n }, () => go('block', ms)))
  return [...new Set(workers)]
}
export const spawnAndLeave = (n, cell, ms = 0) => {
  for (let i = 0; i < n; i++) go('addLater', cell, ms)
}
/** How long all messages were, as tasks of this one say. */
export const spawnMessages = async (n, length) => {
  const lengths = await Promise.all(Array.from({ length: n }, () => go('lengthOf', 'x'.repeat(length))))
  return lengths.reduce((sum, each) => sum + each, 0)
}
export const spawnAndBlock = (n, cell, ms) => {
  for (let i = 0; i < n; i++) go('addLater', cell, 0)
  sleepSync(ms)
}
export const addLater = async (cell, ms) => {
  if (ms > 0) await delay(ms)
  return cell.add(1)
}
export const spawnUnknown = () => go('noSuchTask')
export const spawnOn = (worker, name, ...args) =>
  currentRuntime()
    .on(worker)
    .go(name, ...args)
export const closeOwnRuntime = () => currentRuntime().close()
export const nestedFailure = async () => {
  await go('fails', 'nested')
}
export const closure = async () => {
  const parts = []
  const other = go(async (n) => {
    parts.push('begins')
    await gosched()
    return n + 1
  }, 1)
  parts.push('goes on')
  return [await other, ...parts]
}
/** A task that spawns the next of its kind until the cell says that it is enough. */
export const perpetual = (stop, count) => {
  count.add(1)
  if (stop.load() === 0) go('perpetual', stop, count).catch(() => {})
}
export const collectGarbage = () => {
  gc()
}
/** Leaves them in the queue of its worker. */
export const spawnAndExit = (cell, n) => {
  for (let i = 0; i < n; i++) go('addLater', cell, 0)
  process.exit(1)
}
/** Has another worker run them, so that they end when its own has an heir. */
export const spawnOnOtherAndExit = async (other, cell, n, ms) => {
  const tasks = Array.from({ length: n }, () => currentRuntime().on(other).go('addLater', cell, ms))
  while (tasks.some(({ state }) => state !== 'blocked')) await delay(1)
  process.exit(1)
}
export const receiveUntilDeath = (ch) => ch.receive()
export const count = () => numGoroutine()

// ── Meeting others ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Part `p` of `P` of a shared counter: adds to it when it is its turn, for some laps. Spins, so that all of them have to run at once. */
export const turns = (cell, p, P, laps) => {
  for (let i = 0; i < laps; i++) while (cell.load() !== P * i + p);
  return cell.load()
}
export const takeTurns = (cell, p, P, laps) => {
  for (let i = 0; i < laps; i++) {
    const mine = P * i + p
    while (cell.load() !== mine);
    cell.add(1)
  }
}
export const takeTurnsNested = (cell, P, laps) =>
  Promise.all(Array.from({ length: P }, (_, p) => go('takeTurns', cell, p, P, laps))).then(() => undefined)

export const handOff = async (take, give, n) => {
  const { worker } = currentTask()
  const threads = new Set([threadId])
  for (let i = 0; i < n; i++) {
    await take.receive()
    threads.add(threadId)
    await give.send(i)
  }
  return { worker, threads: threads.size }
}
export const sendSync = (ch, value) => ch.sendSync(value)
export const receiveSync = (ch) => ch.receiveSync()
export const sendAll = async (ch, n) => {
  for (let i = 0; i < n; i++) await ch.send(i)
}
/** Looks for a value without waiting, and gives way. */
export const poll = async (ch, ready) => {
  ready.add(1)
  for (;;) {
    const value = ch.tryReceive()
    if (value !== undefined) return value
    await gosched()
  }
}
export const spinWork = (n) => {
  let x = 0
  for (let i = 0; i < n; i++) x = (x * 31 + i) | 0
  return x
}
/** Hands a ball to and fro, with work in between, until it is told to stop. Counts. */
export const pingPong = async (take, give, work, stop) => {
  let n = 0
  while (stop.load() === 0) {
    if (take.tryReceive() !== undefined) {
      spinWork(work)
      n++
      give.trySend(1)
    }
    await gosched()
  }
  return n
}
export const holdMutex = async (mutex, held, how) => {
  mutex.lockSync()
  held.add(1)
  if (how === 'exit') process.exit(3)
  if (how === 'timer')
    setTimeout(() => {
      throw new Error('holding a lock')
    }, 1)
  return forever()
}
export const lockOnce = async (mutex) => {
  const guard = await mutex.lock()
  guard.unlock()
  return guard.poisoned
}
export const finaliserWaits = async (cell) => {
  const ch = channel(f64, { capacity: 1, arena: cell.arena })
  process.once('exit', () => {
    ch.trySend(1)
    try {
      ch.receiveSync()
      ch.receiveSync({ timeout: 5 })
    } catch {
      cell.add(1)
    }
    ch.dispose()
  })
  process.exit(0)
}

// ── Handles ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export const makes = () => ({ ch: channel(f64, { capacity: 2 }), mutex: new Mutex(), cell: new AtomicI32(5) })
export const openAndSpawn = (handle, name, ...args) => open(handle).go(name, ...args)
export const spawnOnHandle = (rt, name, ...args) => rt.go(name, ...args)
export const isCurrent = (rt) => rt === currentRuntime()
export const startsWorker = async () => {
  const other = new Worker('', { eval: true })
  return new Promise((resolve) => other.once('exit', resolve))
}

// ── What is no task ──────────────────────────────────────────────────────────────────────────────────────────────────

export const answer = 42
export const text = 'not a function'
export const table = { f: () => 1 }
export class Thing {}
export async function* stream() {
  yield 1
}
export default function () {
  return 'default'
}
export const require = createRequire(import.meta.url)
