// The barrier: threads and tasks that meet in all styles, that give up, die anywhere, dispose of it.

import type { Program, Thread, Value } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { barrierSpec } from '../checker/sync-specs-counting.js'
import { shadow } from './audit.js'
import { untilReady } from './core.js'
import { make, mender, type Steps, type SyncWorld, settled, syncRecipe, tokenOf, withLedgers } from './sync-steps.js'

/** As `waited` of sync-steps.ts, but that who gives up leaves by barrier_cancel. */
function* waited(t: Thread, w: SyncWorld, waiter: number, style: string): Steps<number | 'timeout'> {
  const { L, o, open } = w
  if (style === 'async') yield* untilReady(t, w)
  else
    while ((yield t.call('waiter_wait', waiter, style === 'timed' ? 1 : -1)) === L.WAITING) {
      if (style !== 'timed') continue
      if ((yield t.call('barrier_cancel', o, open, waiter)) !== L.CANCELLED) break
      yield t.call('waiter_release', waiter)
      return 'timeout'
    }
  const outcome = t.get(waiter + L.WAITER_OUTCOME!)
  yield t.call('waiter_release', waiter)
  return outcome
}

/** What a thread does: `wait`, `timed`, `async`, `dispose`; `write` what all others read after the barrier. */
function steps(...list: string[]): (t: Thread, w: SyncWorld) => Program {
  return function* (t, w) {
    const { L, o, open } = w
    for (const step of list) {
      if (step === 'write') {
        t.set(w.own, 1)
        continue
      }
      if (step === 'read') {
        t.get(w.own)
        continue
      }
      if (step === 'dispose') {
        yield t.begin('dispose', `${t.id}`)
        yield t.end((yield t.call('sync_dispose', o, open)) === L.OK ? 'ok' : 'stale')
        continue
      }
      yield t.begin('arrive', `${t.id}`)
      let s: number = yield t.call('barrier_arrive', o, open)
      if (s === L.WOULD_BLOCK)
        s = yield t.call('barrier_park', o, open, tokenOf(w, step === 'wait' ? 'block' : (step as 'timed' | 'async')))
      const arrived: Value =
        s >= L.ARENA! && s !== L.FINE ? 'waits' : s === L.FINE || s === L.TOLD ? 'last' : s === L.STALE ? 'stale' : s
      yield t.end(arrived)
      if (arrived !== 'waits') continue
      yield t.begin(step === 'timed' ? 'timed' : 'pass', `${t.id}`)
      const end = yield* waited(t, w, s, step)
      yield t.end(end === L.OK ? 'ok' : end === L.STALE ? 'stale' : end)
    }
  }
}

interface More extends Partial<Scenario> {
  parties?: number
}

function barrier(name: string, about: string, threads: string[][], more: More = {}): Scenario {
  const { parties = 2, ...rest } = more
  return {
    name: `barrier/${name}`,
    about,
    recipe: syncRecipe,
    access: shadow,
    setup: (b: Bench) => make(b, 'BARRIER', 'barrier_create', parties),
    threads: threads.map((list) => steps(...list)),
    spec: () => barrierSpec(parties, threads.length + 1),
    final: (b, w: SyncWorld) => {
      const waiting = b.call('barrier_waiting', w.o, w.open)
      if (waiting < 0) return settled(b, withLedgers(w, -1))
      let parked = 0
      for (let at = b.read(w.o + w.L.CHANNEL_RECVQ!); at !== 0; at = b.read(at + w.L.WAITER_NEXT!)) parked++
      b.check(waiting === parked, `${waiting} are counted at the end, and ${parked} wait`)
      if (parked === 0) settled(b, w)
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

export const barriers: Scenario[] = [
  barrier(
    'two',
    'meet, and one comes last',
    [
      ['write', 'wait'],
      ['wait', 'read'],
    ],
    long,
  ),
  barrier(
    'two, twice',
    'and again',
    [
      ['wait', 'wait'],
      ['wait', 'wait'],
    ],
    long,
  ),
  barrier('three', 'of whom two wait', [['wait'], ['wait'], ['async']], { parties: 3, ...long }),
  barrier('one of two gives up', 'or meets the other', [['timed'], ['timed']], long),
  barrier(
    'one of three gives up',
    'and a round is complete without it',
    [['timed', 'timed'], ['timed'], ['timed']],
    long,
  ),
  barrier('alone', 'nobody waits', [['wait', 'wait'], ['wait']], { parties: 1 }),
  barrier('disposed', 'who waits is told', [['dispose'], ['wait'], ['timed']], { parties: 3, racy: true, ...long }),
  barrier('disposed when all are there', 'each is told something', [['wait', 'dispose'], ['wait']], {
    racy: true,
    ...long,
  }),
  barrier('who waits killed', 'it leaves', [['wait'], ['timed'], ['timed']], {
    parties: 3,
    ...kill(0),
    maySleep: true,
  }),
  barrier('task killed', 'it leaves', [['async'], ['timed'], ['timed']], { ...kill(0), maySleep: true }),
  barrier('who comes last killed', 'those who wait are told', [['timed'], ['timed'], ['timed']], {
    parties: 3,
    ...kill(0),
  }),
]
