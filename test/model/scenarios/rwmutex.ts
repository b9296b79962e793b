// The RWMutex: readers and writers in all styles, locks given up by another thread, one who dies anywhere, one who disposes of it.

import type { Program, Thread, Value } from '../checker/program.js'
import { rwmutexSpec } from '../checker/rwmutex-spec.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { shadow } from './audit.js'
import type { Style } from './core.js'
import { make, mender, type Steps, type SyncWorld, settled, syncRecipe, tokenOf, waited } from './sync-steps.js'

/** The third cell is one of those that lie close together. */
const recipe = { ...syncRecipe, constants: { ...syncRecipe.constants, RW_OWN: 2, RW_CELLS_BYTES: 512 } }

interface RWWorld extends SyncWorld {
  strict: boolean
  /** The cells of the threads that have opened it before anything begins. */
  cells: number[]
}

/** The waiting of src/rwmutex.ts, after the first try: a status, or 'timeout'. */
function* waitToWrite(t: Thread, w: RWWorld, style: Style, first: number): Steps<number | 'timeout'> {
  const { L, o, open } = w
  let claimed = first === L.CLAIMED_WORD
  if (claimed) {
    const status = yield t.call('rwmutex_drain', o, open)
    if (status !== L.CLAIMED_WORD) return status
  } else {
    const status = yield t.call('rwmutex_claim', o, open)
    if (status === L.CLAIMED_WORD) claimed = true
    else if (status !== L.WOULD_BLOCK) return status
  }
  const waiter = yield t.call('rwmutex_park', o, open, tokenOf(w, style), claimed ? 1 : 0)
  if (waiter < L.ARENA!) return waiter
  const end = yield* waited(t, w, waiter, style)
  if (end === 'timeout') yield t.call('rwmutex_giveUp', o, open)
  return end
}

function* waitToRead(t: Thread, w: RWWorld, style: Style): Steps<number | 'timeout'> {
  const { L, o, open } = w
  const waiter = yield t.call('rwmutex_parkReader', o, open, tokenOf(w, style))
  if (waiter < L.ARENA!) return waiter
  return yield* waited(t, w, waiter, style)
}

function resultOf(w: SyncWorld, s: number | 'timeout'): Value {
  const { L } = w
  if (s === 'timeout') return s
  if (s === L.FINE || s === L.OK || s === L.TOLD) return 'ok'
  if (s === L.POISONED) return 'poisoned'
  if (s === L.NOT_HELD) return 'not held'
  if (s === L.STALE) return 'stale'
  return s === L.WOULD_BLOCK ? 'locked' : `status ${s}`
}

/**
 * What a thread does: `lock`, `timed`, `async`, `try` and the same for readers with an `r` before it, each of which looks at what is guarded, or
 * changes it, and unlocks if it has got the lock; `hold`, `rhold`, without unlocking; `unlock`, `runlock` of what is locked; `dispose`.
 */
function steps(...list: string[]): (t: Thread, w: RWWorld) => Program {
  return function* (t, w) {
    const { L, o, open } = w
    const cell = w.cells[t.id] ?? (yield t.call('rwmutex_cell', o, open))
    for (const step of list) {
      if (step === 'unlock' || step === 'runlock' || step === 'dispose') {
        yield t.begin(step, t.id)
        yield t.end(
          resultOf(
            w,
            step === 'dispose'
              ? yield t.call('sync_dispose', o, open)
              : step === 'unlock'
                ? yield t.call('rwmutex_unlock', o, open)
                : yield t.call('rwmutex_runlock', o, open, cell),
          ),
        )
        continue
      }
      const reads = step.startsWith('r')
      const verb = reads ? step.slice(1) : step
      const tries = verb === 'try'
      const style: Style = verb === 'async' || verb === 'timed' ? verb : 'block'
      yield t.begin(`${reads ? 'r' : ''}${tries || verb === 'timed' ? verb : 'lock'}`, t.id)
      let s: number | 'timeout'
      if (reads) {
        s = yield t.call('rwmutex_tryRLock', o, open, cell)
        if (s === L.WOULD_BLOCK && !tries) s = yield* waitToRead(t, w, style)
      } else if (tries) s = yield t.call('rwmutex_tryLock', o, open)
      else {
        s = yield t.call('rwmutex_claim', o, open)
        if (s === L.WOULD_BLOCK || s === L.CLAIMED_WORD) s = yield* waitToWrite(t, w, style, s as number)
      }
      const result = resultOf(w, s)
      const held = result === 'ok' || (result === 'poisoned' && !w.strict)
      // A writer beside anybody else would be a data race, and lose a count.
      if (held && reads) t.get(w.own)
      else if (held) t.set(w.own, t.get(w.own) + 1)
      yield t.end(result)
      if (verb === 'hold' || !held) continue
      yield t.begin(reads ? 'runlock' : 'unlock', t.id)
      yield t.end(
        resultOf(w, reads ? yield t.call('rwmutex_runlock', o, open, cell) : yield t.call('rwmutex_unlock', o, open)),
      )
    }
  }
}

interface More extends Partial<Scenario> {
  strict?: boolean
  /** The threads open it while others are at it. */
  fresh?: boolean
  /** Thread that has locked it for writing before anything begins. */
  held?: number
  /** Threads that have read locks then. */
  readers?: number[]
}

function rwmutex(name: string, about: string, threads: string[][], more: More = {}): Scenario {
  const { strict = false, fresh = false, held, readers = [], ...rest } = more
  return {
    name: `rwmutex/${name}`,
    about,
    recipe,
    access: shadow,
    setup: (b: Bench) => {
      const base = make(b, 'RW', 'rwmutex_create', strict ? 1 : 0)
      const { o, open } = base
      const cells = fresh ? [] : threads.map((_, t) => b.as(t, 'rwmutex_cell', o, open))
      if (held !== undefined) b.as(held, 'rwmutex_claim', o, open)
      for (const t of readers) b.as(t, 'rwmutex_tryRLock', o, open, cells[t] as number)
      return { ...base, strict, cells }
    },
    threads: threads.map((list) => steps(...list)),
    spec: () => {
      const count = threads.map((_, t) => readers.filter((r) => r === t).length)
      return rwmutexSpec(threads.length, strict, held, count)
    },
    final: (b, w: SyncWorld) => {
      settled(b, w)
      const flags = b.call('rwmutex_flags', w.o, w.open)
      if (flags < 0) return
      const { RW_DRAINING, RW_ADMITTING, RW_LOCKED } = w.L
      b.check((flags & (RW_DRAINING! | RW_ADMITTING!)) === 0, `flags ${flags} are left`)
      if (flags & RW_LOCKED!) b.check(b.call('rwmutex_owner', w.o, w.open) !== 0, 'nobody has the word')
    },
    ...rest,
  }
}

const kill = (...victims: number[]): More => ({
  victims,
  reaper: mender,
  ci: { executions: 100, random: 60, stale: 15 },
})
const long: More = { ci: { executions: 4000, random: 1000 } }

export const rwmutexes: Scenario[] = [
  rwmutex('reader and writer', 'one waits for the other', [['lock'], ['rlock']], long),
  rwmutex('turns back', 'a writer may have parked because of a reader that turns back', [['lock'], ['rtry']], {
    ci: { executions: 20_000, random: 4000 },
  }),
  rwmutex('two readers, writer', 'the writer waits for both', [['lock'], ['rlock'], ['rlock']], long),
  rwmutex('two writers, reader', 'and the reader for a writer', [['lock'], ['lock'], ['rlock']], long),
  rwmutex('again', 'a reader that comes back', [['lock'], ['rlock', 'rlock']], long),
  rwmutex('opened meanwhile', 'by threads that have had no cell', [['lock'], ['rlock'], ['rtry']], {
    fresh: true,
    ...long,
  }),
  rwmutex('tries', 'who tries does not wait', [['try', 'try'], ['rtry', 'rlock'], ['lock']], long),
  rwmutex('tasks', 'tasks of event loops', [['lock'], ['rasync', 'async'], ['rlock']], long),
  rwmutex('timed writer', 'a writer that gives up lets the others in', [['rlock'], ['timed'], ['rlock']], long),
  rwmutex('timed readers', 'readers that give up', [['lock'], ['rtimed'], ['rtimed']], long),
  rwmutex('timed writers', 'the next writer gets it', [['timed'], ['timed'], ['rlock']], { ...long, readers: [2] }),
  rwmutex('writer held', 'readers get in together', [['unlock', 'lock'], ['rlock'], ['rlock']], { ...long, held: 0 }),
  rwmutex('runlock by another', 'as in Go', [['lock'], ['rlock'], ['runlock', 'rlock']], {
    ...long,
    readers: [1],
  }),
  rwmutex(
    'runlock by two others',
    'each finds one of the locks, and none that is still entering',
    [['runlock'], ['runlock', 'rtry'], ['timed', 'rlock']],
    { ...long, readers: [2, 2] },
  ),
  rwmutex(
    'misuse',
    'refused, and nothing changes',
    [
      ['runlock', 'lock'],
      ['unlock', 'rlock'],
    ],
    { ...long, racy: true },
  ),
  rwmutex('misuse, entering', "the count of one who turns back is nobody else's", [['rlock'], ['runlock'], ['lock']], {
    ...long,
    racy: true,
  }),
  rwmutex(
    'two turns',
    'what is seen of the cells may be about another writer',
    [['timed', 'timed'], ['rhold'], ['runlock']],
    {
      readers: [2],
      ci: { preemptions: 2, executions: 20_000, random: 1000 },
    },
  ),
  rwmutex('disposed', 'who waits is told', [['hold', 'dispose'], ['rlock'], ['lock']], { racy: true, ...long }),
  rwmutex('disposed with readers', 'whoever is late finds nothing', [['dispose'], ['rlock', 'rlock'], ['lock']], {
    racy: true,
    ...long,
  }),
  rwmutex('writer killed', 'the next one learns it', [['lock'], ['lock'], ['rlock']], kill(0)),
  rwmutex('reader killed', 'its lock is given up', [['rlock'], ['lock'], ['rlock']], kill(0)),
  rwmutex('pending writer killed', 'the others get in', [['lock'], ['runlock', 'rlock'], ['lock']], {
    ...kill(0),
    readers: [1],
  }),
  rwmutex(
    'parked readers killed',
    'what they are given is given up',
    [
      ['rlock', 'rasync'],
      ['unlock', 'lock'],
    ],
    {
      ...kill(0),
      held: 1,
    },
  ),
  rwmutex('one who admits killed', 'all get in', [['unlock'], ['rlock'], ['rlock']], { ...kill(0), held: 0 }),
  rwmutex('strict, writer killed', 'nobody gets in', [['lock'], ['rlock'], ['timed']], { ...kill(0), strict: true }),
]
