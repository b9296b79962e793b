// The semaphore: threads and tasks that acquire and release in all styles and weights, one who dies anywhere, one who disposes of it.

import type { Program, Thread, Value } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { semaphoreSpec } from '../checker/sync-specs-counting.js'
import { shadow } from './audit.js'
import type { Style } from './core.js'
import {
  make,
  mender,
  type Steps,
  type SyncWorld,
  settled,
  syncRecipe,
  tokenOf,
  waited,
  withLedgers,
} from './sync-steps.js'

function resultOf(w: SyncWorld, s: number | 'timeout'): Value {
  const { L } = w
  if (s === 'timeout') return s
  return s === L.FINE || s === L.OK || s === L.TOLD
    ? 'ok'
    : s === L.NOT_HELD
      ? 'not held'
      : s === L.STALE
        ? 'stale'
        : s === L.WOULD_BLOCK
          ? 'no'
          : `status ${s}`
}

/** The waiting of src/semaphore.ts. */
function* waitFor(t: Thread, w: SyncWorld, style: Style, n: number): Steps<number | 'timeout'> {
  const { L, o, open } = w
  const waiter = yield t.call('semaphore_park', o, open, tokenOf(w, style), n)
  if (waiter < L.ARENA!) return waiter
  const end = yield* waited(t, w, waiter, style)
  if (end === 'timeout') yield t.call('semaphore_serve', o, open)
  return end
}

/**
 * What a thread does: `take n`, `timed n`, `async n`, `try n`, each of which releases again what it has got; `hold n` and `try to hold n`, without
 * that; `release n` of what somebody has acquired; `dispose`.
 */
function steps(...list: string[]): (t: Thread, w: SyncWorld) => Program {
  return function* (t, w) {
    const { L, o, open } = w
    for (const step of list) {
      const [, verb, number] = /^(.*?) ?(\d*)$/.exec(step) as unknown as [string, string, string]
      const n = Number(number)
      if (verb === 'dispose') {
        yield t.begin('dispose', `${t.id}`)
        yield t.end(resultOf(w, yield t.call('sync_dispose', o, open)))
        continue
      }
      if (verb !== 'release') {
        const tries = verb.startsWith('try')
        yield t.begin(tries ? 'try' : verb === 'timed' ? 'timed' : 'acquire', `${t.id}:${n}`)
        let s: number | 'timeout' = yield t.call('semaphore_tryAcquire', o, open, n)
        if (s === L.WOULD_BLOCK && !tries)
          s = yield* waitFor(t, w, verb === 'async' || verb === 'timed' ? verb : 'block', n)
        const result = resultOf(w, s)
        yield t.end(result)
        if (result !== 'ok' || verb.endsWith('hold')) continue
      }
      yield t.begin('release', `${t.id}:${n}`)
      yield t.end(resultOf(w, yield t.call('semaphore_release', o, open, n)))
    }
  }
}

interface More extends Partial<Scenario> {
  size?: number
  /** What the threads hold before anything begins. */
  held?: number[]
  /** `try` succeeds if there are enough. */
  strict?: boolean
}

function semaphore(name: string, about: string, threads: string[][], more: More = {}): Scenario {
  const { size = 2, held = [], strict = false, ...rest } = more
  const begin = Array.from({ length: threads.length + 1 }, (_, t) => held[t] ?? 0)
  return {
    name: `semaphore/${name}`,
    about,
    recipe: syncRecipe,
    access: shadow,
    setup: (b: Bench) => {
      const w = make(b, 'SEMAPHORE', 'semaphore_create', size)
      begin.forEach((n, t) => {
        if (n > 0) b.as(t, 'semaphore_tryAcquire', w.o, w.open, n)
      })
      return w
    },
    threads: threads.map((list) => steps(...list)),
    spec: () => semaphoreSpec(size, begin, strict),
    final: (b, w: SyncWorld) => {
      const available = b.call('semaphore_available', w.o, w.open)
      if (available >= 0) {
        b.record('available', '0:0', available)
        const { L } = w
        const first = b.read(w.o + L.SYNC_LEDGER!) + L.LEDGER_ENTRIES!
        let sum = available
        for (let k = 0; k < L.MAX_THREADS!; k++) sum += b.read(first + k * L.LEDGER_ENTRY!)
        b.check(sum === size, `available and held make ${sum}, not ${size}`)
        return settled(b, w)
      }
      settled(b, withLedgers(w, -1))
    },
    ...rest,
  }
}

const kill = (...victims: number[]): More => ({
  victims,
  reaper: mender,
  ci: { executions: 120, random: 60, stale: 20 },
})
const long: More = { ci: { executions: 1500, random: 300 } }

export const semaphores: Scenario[] = [
  semaphore('two at a time', 'nobody waits for another', [['try 1'], ['try 1']], { strict: true }),
  semaphore('three tries', 'no more than there are', [['try to hold 1'], ['try 2'], ['try 1']], long),
  semaphore('one waits', 'and is served by the release', [['take 2'], ['take 1']]),
  semaphore('tasks', 'of an event loop', [['take 2', 'try 1'], ['async 1'], ['async 2']], long),
  semaphore('large one first', 'those behind it wait', [['take 1'], ['take 2'], ['take 1']], long),
  semaphore('who is first gives up', 'those behind it are served', [['timed 2'], ['take 1'], ['release 1']], {
    held: [0, 0, 1],
    ...long,
  }),
  semaphore('timed', 'who gives up has got nothing', [['take 2'], ['timed 1', 'try 2']], long),
  semaphore('several fit', 'one release serves them all', [['take 1'], ['async 1'], ['release 2']], {
    held: [0, 0, 2],
    ...long,
  }),
  semaphore('released by others', "what each gives back is another one's", [['release 2'], ['release 1', 'take 3']], {
    size: 3,
    held: [1, 2],
    ...long,
  }),
  semaphore('released too often', 'one of them is refused', [['release 1', 'try 2'], ['release 1']], {
    held: [0, 0, 1],
    ...long,
  }),
  semaphore('disposed', 'who waits is told', [['hold 2', 'dispose'], ['take 1']], {
    racy: true,
    ...long,
  }),
  semaphore(
    'disposed while taking',
    'nothing is written to what was the ledger',
    [['dispose'], ['try 1'], ['release 1']],
    {
      held: [0, 0, 1],
      racy: true,
      ...long,
    },
  ),
  semaphore('holder killed', 'what it held comes back', [['take 2'], ['take 2']], kill(0)),
  semaphore('holder killed, two wait', 'what it held comes back', [['take 2'], ['async 1'], ['take 1']], kill(0)),
  semaphore('waiter killed', 'those behind it are served', [['take 2'], ['take 1'], ['release 1', 'try 1']], {
    held: [0, 0, 1],
    ...kill(0),
  }),
  semaphore('task killed', 'the others go on', [['async 2'], ['take 2']], kill(0)),
  semaphore('releaser killed', 'what it gives back was acquired by another', [['release 2'], ['try 2']], {
    held: [0, 2],
    ...kill(0),
  }),
  semaphore('acquirer killed', 'while another gives back what it held', [['try to hold 1'], ['release 1']], {
    held: [1],
    ...kill(0),
  }),
  semaphore('disposer killed', 'another one ends it', [['dispose'], ['take 2'], ['release 1']], {
    held: [0, 0, 1],
    racy: true,
    ...kill(0),
  }),
]
