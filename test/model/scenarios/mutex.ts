// The mutex: threads and tasks that lock it in all styles, one who dies anywhere, one who disposes of it.

import { Failure } from '../checker/failure.js'
import type { Program, Thread, Value } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { mutexSpec } from '../checker/sync-specs.js'
import { shadow } from './audit.js'
import type { Style } from './core.js'
import {
  impatientSync,
  make,
  mender,
  type Steps,
  type SyncWorld,
  served,
  settled,
  settledAfter,
  syncRecipe,
  tokenOf,
  waited,
} from './sync-steps.js'

/** The waiting of src/mutex.ts, from the second try on: a status, or 'timeout'. `starving`: a wait of any length is too long. */
interface MutexWorld extends SyncWorld {
  /** Nobody gets it while it is poisoned. */
  strict: boolean
  /** The waiters of threads that are parked before anything begins. */
  waiters: number[]
}

function* waitFor(t: Thread, w: MutexWorld, style: Style, starving: boolean): Steps<number | 'timeout'> {
  const { L, o, open } = w
  let rival = false
  for (;;) {
    const parked = w.waiters[t.id]
    const how = rival ? L.PARK_AGAIN! | (starving ? L.PARK_STARVING! : 0) : 0
    const waiter = !rival && parked ? parked : yield t.call('mutex_park', o, open, tokenOf(w, style), how)
    if (waiter === L.BUSY) continue
    if (waiter < L.ARENA!) return waiter
    yield* served(t, w, 'mutex_settle')
    const end = yield* waited(t, w, waiter, style)
    if (end !== L.RETRY) return end
    rival = true
    const status = yield t.call('mutex_compete', o, open)
    if (status === L.WOULD_BLOCK && style !== 'timed') continue
    if (status !== L.FINE && (status !== L.POISONED || w.strict))
      yield* settledAfter(t, w, 'mutex_yield', 'mutex_settle')
    return status === L.WOULD_BLOCK ? 'timeout' : status
  }
}

function resultOf(w: SyncWorld, s: number | 'timeout'): Value {
  const { L } = w
  if (s === 'timeout') return s
  return s === L.FINE || s === L.OK || s === L.TOLD
    ? 'ok'
    : s === L.POISONED
      ? 'poisoned'
      : s === L.NOT_HELD
        ? 'not held'
        : s === L.STALE
          ? 'stale'
          : s === L.WOULD_BLOCK
            ? 'locked'
            : `status ${s}`
}

/** What is guarded: two threads here at a time would be a data race, and lose a count. */
function visit(t: Thread, w: SyncWorld): void {
  t.set(w.own, t.get(w.own) + 1)
}

/**
 * What a thread does: `lock`, `timed`, `async`, `hungry` (a blocking lock that starves at once), each of which visits and unlocks if it has got the
 * lock; `try`; `unlock` of what somebody else has locked; `hold`, without unlocking; `dispose`; `heal`; `normal`: it does not starve.
 */
function steps(...list: string[]): (t: Thread, w: MutexWorld) => Program {
  return function* (t, w) {
    const { L, o, open } = w
    for (const step of list) {
      if (step === 'normal') {
        const flags: number = yield t.call('mutex_flags', o, open)
        if (flags & L.MUTEX_STARVING!) throw new Failure('invariant', 'the mutex starves, and nobody does')
        continue
      }
      if (step === 'unlock' || step === 'dispose' || step === 'heal') {
        yield t.begin(step, t.id)
        const name = step === 'dispose' ? 'sync_dispose' : `mutex_${step}`
        yield t.end(resultOf(w, yield* settledAfter(t, w, name, 'mutex_settle')))
        continue
      }
      const kind = step === 'timed' || step === 'try' ? step : 'lock'
      yield t.begin(kind, t.id)
      let s: number | 'timeout' = w.waiters[t.id] ? L.WOULD_BLOCK! : yield t.call('mutex_tryLock', o, open)
      if (s === L.WOULD_BLOCK && step !== 'try')
        s = yield* waitFor(t, w, step === 'async' || step === 'timed' ? step : 'block', step === 'hungry')
      const result = resultOf(w, s)
      const held = result === 'ok' || (result === 'poisoned' && !w.strict)
      if (held) visit(t, w)
      yield t.end(result)
      if (step === 'hold' || !held) continue
      yield t.begin('unlock', t.id)
      yield t.end(resultOf(w, yield* settledAfter(t, w, 'mutex_unlock', 'mutex_settle')))
    }
  }
}

interface More extends Partial<Scenario> {
  strict?: boolean
  /** Thread that has locked it before anything begins. */
  held?: number
  /** Threads that are parked before anything begins, in that order, and whether they starve: what they do is one step that waits. */
  parked?: Record<number, boolean>
}

function mutex(name: string, about: string, threads: string[][], more: More = {}): Scenario {
  const { strict = false, held, parked = {}, ...rest } = more
  return {
    name: `mutex/${name}`,
    about,
    recipe: syncRecipe,
    access: shadow,
    setup: (b: Bench) => {
      const w: MutexWorld = { ...make(b, 'MUTEX', 'mutex_create', strict ? 1 : 0), strict, waiters: [] }
      if (held !== undefined) b.as(held, 'mutex_tryLock', w.o, w.open)
      for (const [t, starving] of Object.entries(parked).map(([t, starving]) => [Number(t), starving] as const)) {
        const token = threads[t]?.includes('async') ? 0 : w.L.TOKEN_BLOCKING! | 0
        w.waiters[t] = b.as(t, 'mutex_park', w.o, w.open, token, starving ? w.L.PARK_STARVING! : 0)
      }
      return w
    },
    threads: threads.map((list) => steps(...list)),
    spec: () => mutexSpec(strict, held),
    final: (b, w: SyncWorld) => {
      settled(b, w)
      const flags = b.call('mutex_flags', w.o, w.open)
      if (flags < 0) return
      const { MUTEX_WOKEN, MUTEX_STARVING } = w.L
      b.check((flags & (MUTEX_WOKEN! | MUTEX_STARVING!)) === 0, `flags ${flags} are left`)
    },
    ...rest,
  }
}

const kill = (...victims: number[]): More => ({
  victims,
  reaper: mender,
  ci: { executions: 800, random: 200, stale: 50 },
})
const long: More = { ci: { executions: 4000, random: 1000 } }

/** At the end nobody is making anything. */
function noneClaimed(b: Bench, { L, o }: SyncWorld): void {
  const page = o & ~(L.PAGE! - 1)
  for (let at = page + L.SYNC_BYTES!; at < page + L.PAGE!; at += L.SYNC_BYTES!)
    b.check(
      b.read(at + L.SYNC_KIND! + 4) === 0 && (b.read(at + L.HEAD_STATE!) & L.CHANNEL_DISPOSED!) === 0,
      'a place is still claimed, or not free after its end',
    )
}

export const mutexes: Scenario[] = [
  mutex('two', 'one waits for the other', [['lock'], ['lock']]),
  mutex(
    'two, twice',
    'and again',
    [
      ['lock', 'lock'],
      ['lock', 'try'],
    ],
    long,
  ),
  mutex('three', 'first come, first served, but for who comes by', [['lock'], ['lock'], ['lock']], long),
  mutex('tasks', 'a task of an event loop is handed the mutex', [['lock', 'lock'], ['async']], long),
  mutex('tasks and threads', 'both wait', [['lock'], ['async'], ['lock']], long),
  mutex('starving', 'one who has lost is handed the mutex', [['lock', 'lock'], ['hungry'], ['try']], long),
  mutex('starving, timed', 'the starving one may have gone', [['lock', 'try'], ['hungry'], ['timed']], long),
  mutex(
    'timed',
    'who gives up has not got it, and does not keep it from others',
    [['lock'], ['timed'], ['lock']],
    long,
  ),
  mutex('unlock by another', 'as in Go', [['unlock', 'lock'], ['lock']], { held: 1, ...long }),
  mutex(
    'unlocked twice',
    'the second unlock is refused, or frees what another has locked',
    [['unlock', 'unlock'], ['lock']],
    {
      held: 0,
      racy: true,
    },
  ),
  mutex('disposed', 'who waits is told', [['hold', 'dispose'], ['lock']], { racy: true }),
  mutex('disposed by two', 'one of them does it', [['dispose'], ['dispose'], ['async']], { held: 0 }),
  mutex('owner killed', 'the next one learns it', [['lock'], ['lock']], { ...kill(0) }),
  mutex('owner killed, tasks', 'the next one learns it', [['lock'], ['async'], ['lock']], { ...kill(0) }),
  mutex('waiter killed', 'the others go on', [['lock', 'lock'], ['lock'], ['lock']], { ...kill(1) }),
  mutex('starving one killed', 'the others go on', [['lock', 'lock'], ['hungry'], ['timed']], { ...kill(1) }),
  mutex('task killed', 'the others go on', [['lock'], ['async'], ['lock']], { ...kill(1) }),
  mutex('impatient', 'who is in the way makes them come back', [['lock', 'lock'], ['hungry'], ['timed']], {
    ...long,
    ...impatientSync,
  }),
  mutex('impatient tasks', 'who is in the way makes them come back', [['lock', 'try'], ['async'], ['lock']], {
    ...long,
    ...impatientSync,
  }),
  mutex('strict, owner killed', 'nobody gets it', [['lock'], ['lock'], ['timed']], {
    ...kill(0),
    strict: true,
  }),
  mutex('strict, healed', 'until it is healed', [['lock'], ['heal', 'lock']], { ...kill(0), strict: true }),
  mutex('strict, owner killed, tasks', 'nobody gets it, tasks neither', [['lock'], ['async', 'heal', 'lock']], {
    ...kill(0),
    strict: true,
  }),
  mutex(
    'strict, owner killed, starving',
    'nobody gets it, the starving one neither',
    [
      ['lock', 'lock'],
      ['hungry', 'heal', 'lock'],
    ],
    { ...kill(0), strict: true },
  ),
  mutex(
    'owner killed, unlocked by another',
    'what is mended is what the dead one had locked, not what others have by then',
    [['try'], ['unlock', 'lock']],
    { ...kill(0), held: 0 },
  ),
  mutex('disposer killed', 'another one ends it', [['dispose'], ['lock'], ['unlock']], {
    ...kill(0),
    held: 2,
    racy: true,
  }),
  mutex('rival gives up', 'who is parked behind it is served', [['unlock', 'lock'], ['timed'], ['lock']], {
    held: 0,
    parked: { 1: false, 2: false },
    ...long,
  }),
  mutex('starving one gives up', 'the others need not queue up for it', [['unlock', 'try'], ['timed']], {
    held: 0,
    parked: { 1: true },
    ...long,
  }),
  mutex('starving ends', 'with the last one who has waited long', [['unlock', 'normal'], ['lock'], ['lock']], {
    held: 0,
    parked: { 1: true, 2: false },
    ...long,
  }),
  {
    name: 'mutex/late for another',
    about: 'who is late for a poisoned mutex that was disposed of tells nobody about the one that lies there now',
    recipe: syncRecipe,
    access: shadow,
    setup: (b: Bench) => {
      const w = make(b, 'MUTEX', 'mutex_create', 1)
      // As a death leaves it.
      b.u32[(w.o + w.L.SYNC_STATE!) >> 2]! |= w.L.MUTEX_POISONED!
      return w
    },
    threads: [
      function* (t: Thread, { o, open }: SyncWorld): Program {
        yield t.call('mutex_settle', o, open)
      },
      function* (t: Thread, w: SyncWorld): Program {
        const { o, L } = w
        const open = w.open + L.GENERATION!
        yield t.call('sync_dispose', o, w.open)
        yield t.call('mutex_create', 0)
        yield t.call('mutex_tryLock', o, open)
        const waiter: number = yield t.call('mutex_park', o, open, 0, 0)
        yield t.call('mutex_unlock', o, open)
        const outcome = yield* waited(t, w, waiter, 'async')
        if (outcome !== L.OK) throw new Failure('invariant', `told ${outcome} of a sound mutex`)
        if ((yield t.call('mutex_unlock', o, open)) === L.NOT_HELD) throw new Failure('invariant', 'it was not locked')
      },
    ],
    racy: true,
    final: (b, w: SyncWorld) => settled(b, { ...w, open: b.read(w.o + w.L.HEAD_STATE!) }),
    ...long,
  },
  {
    name: 'mutex/made while another is disposed of',
    about: 'two makers get two places, and what one who dies had begun to dispose of is freed',
    recipe: syncRecipe,
    access: shadow,
    setup: (b: Bench) => make(b, 'MUTEX', 'mutex_create', 0),
    threads: [
      function* (t: Thread, w: SyncWorld): Program {
        const one: number = yield t.call('mutex_create', 0)
        yield t.store(w.own, one)
      },
      function* (t: Thread, w: SyncWorld): Program {
        const first: number = yield t.call('mutex_create', 0)
        yield t.call('sync_dispose', first, t.peek(first + w.L.HEAD_STATE!))
        const two: number = yield t.call('mutex_create', 0)
        if (two === (yield t.load(w.own))) throw new Failure('invariant', 'two mutexes lie in one place')
      },
    ],
    victims: [1],
    reaper: mender,
    racy: true,
    final: (b, w: SyncWorld) => {
      const { L } = w
      noneClaimed(b, w)
      const one = b.read(w.own)
      b.check(b.call('mutex_flags', one, b.read(one + L.HEAD_STATE!)) === 0, 'the mutex is not whole')
    },
    ci: { executions: 3000, random: 4000 },
  },
  {
    name: 'mutex/made while a maker is killed',
    about: 'a place that was claimed and never made is free again',
    recipe: syncRecipe,
    access: shadow,
    setup: (b: Bench) => make(b, 'MUTEX', 'mutex_create', 0),
    threads: [0, 1].map(
      () =>
        function* (t: Thread): Program {
          yield t.call('mutex_create', 0)
        },
    ),
    victims: [0],
    reaper: mender,
    final: (b, w: SyncWorld) => {
      noneClaimed(b, w)
      settled(b, w)
    },
  },
]
