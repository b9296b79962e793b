// The Cond: who waits in all styles, signals, broadcasts, one who dies with a signal, one who disposes of it.

import { condSpec } from '../checker/cond-spec.js'
import type { Program, Thread, Value } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { shadow } from './audit.js'
import { numberOf } from './core.js'
import { make, type SyncWorld, settled, syncRecipe, tokenOf, waited } from './sync-steps.js'

const recipe = { ...syncRecipe, constants: { ...syncRecipe.constants, COND_LEDGER_BYTES: 128 } }

function resultOf(w: SyncWorld, s: number | 'timeout'): Value {
  const { L } = w
  if (s === 'timeout') return s
  return s === L.OK || s === L.FINE || s === L.TOLD ? 'ok' : s === L.STALE ? 'stale' : `status ${s}`
}

/** What a thread does: `wait`, `async`, `timed`, each of which accepts a signal; `passing`, which passes it on; `signal`, `broadcast`, `dispose`. */
function steps(...list: string[]): (t: Thread, w: SyncWorld) => Program {
  return function* (t, w) {
    const { L, o, open } = w
    for (const step of list) {
      if (step === 'signal' || step === 'broadcast' || step === 'dispose') {
        yield t.begin(step, t.id)
        yield t.end(resultOf(w, yield t.call(step === 'dispose' ? 'sync_dispose' : `cond_${step}`, o, open)))
        continue
      }
      const style = step === 'async' || step === 'timed' ? step : 'block'
      yield t.begin('park', t.id)
      const waiter = yield t.call('cond_park', o, open, tokenOf(w, style))
      yield t.end(waiter < L.ARENA! ? resultOf(w, waiter) : 'ok')
      if (waiter < L.ARENA!) continue
      yield t.begin(style === 'timed' ? 'timed' : 'woke', t.id)
      const end = yield* waited(t, w, waiter, style)
      yield t.end(end === L.OK ? 'signal' : end === L.TOLD ? 'broadcast' : resultOf(w, end))
      if (end !== L.OK) continue
      const answer = step === 'passing' ? 'pass' : 'accept'
      yield t.begin(answer, t.id)
      yield t.end(resultOf(w, yield t.call(`cond_${answer}`, o, open)))
    }
  }
}

function cond(name: string, about: string, threads: string[][], more: Partial<Scenario> = {}): Scenario {
  return {
    name: `cond/${name}`,
    about,
    recipe,
    access: shadow,
    setup: (b: Bench) => make(b, 'COND', 'cond_create'),
    threads: threads.map((list) => steps(...list)),
    spec: () => condSpec,
    final: (b, w: SyncWorld) => {
      const { L, o } = w
      if (b.read(o + L.HEAD_STATE!) !== w.open) return
      b.check(b.read(o + L.CHANNEL_LOCK!) === 0, 'the lock of the queue is held')
      if (b.read(o + L.CHANNEL_RECVQ!) === 0) settled(b, w)
    },
    // Who comes after the last signal waits for ever.
    maySleep: true,
    ci: { executions: 2500, random: 700 },
    ...more,
  }
}

/** As that of sync-steps.ts; but it is the reaping that takes the dead out of the queue, so that counts as a part of it. */
function* mender(t: Thread): Program {
  const victim: number = yield t.death()
  yield t.begin('mend', victim)
  yield t.call('thread_reap', numberOf(victim))
  yield t.call('sync_mend')
  yield t.end('ok')
}

const kill = (...victims: number[]): Partial<Scenario> => ({
  victims,
  reaper: mender,
  ci: { executions: 120, random: 80, stale: 20 },
})

export const conds: Scenario[] = [
  cond('signal', 'wakes one who waits already', [['wait'], ['signal']]),
  cond('two signals', 'each wakes one', [['wait'], ['wait'], ['signal', 'signal']]),
  cond('broadcast', 'wakes all who wait, and nobody who comes after', [['wait', 'wait'], ['wait'], ['broadcast']]),
  cond('broadcast and signal', 'in any order', [['wait'], ['async'], ['broadcast', 'signal']]),
  cond('two who wake', 'at the same time', [['wait'], ['broadcast', 'wait'], ['signal', 'signal']]),
  cond('broadcast, signal and a late one', 'the signal is for who comes after', [
    ['wait'],
    ['wait', 'signal'],
    ['broadcast', 'wait'],
  ]),
  cond('timed', 'who gives up takes no signal from the others', [['timed'], ['wait'], ['signal']]),
  cond('passing', 'a signal that is of no use goes to the next', [['passing'], ['async'], ['signal']]),
  cond('disposed', 'who waits is told', [['wait'], ['signal', 'dispose'], ['wait']], { racy: true }),
  cond('waiter killed', 'its signal goes to the next', [['wait'], ['wait'], ['signal', 'signal']], kill(0)),
  cond('task killed', 'its signal goes to the next', [['async'], ['wait'], ['signal']], kill(0)),
  cond('signaller killed', 'anywhere', [['signal', 'signal'], ['wait'], ['async']], kill(0)),
  cond('broadcaster killed', 'all are woken, or nobody', [['broadcast'], ['wait'], ['async']], kill(0)),
]
