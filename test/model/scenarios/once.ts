// The once: threads and tasks that come for it in all styles, one who dies anywhere, one who disposes of it; and the value that it keeps.

import { Failure } from '../checker/failure.js'
import type { Program, Thread, Value } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { onceSpec } from '../checker/sync-specs.js'
import { shadow } from './audit.js'
import type { Style } from './core.js'
import { make, mender, type SyncWorld, settled, syncRecipe, tokenOf, waited } from './sync-steps.js'

const KEPT = 77

function resultOf({ L }: SyncWorld, s: number | 'timeout'): Value {
  if (s === 'timeout') return s
  const words: Record<number, string> = {
    [L.FINE!]: 'run',
    [L.OK!]: 'done',
    [L.WOULD_BLOCK!]: 'wait',
    [L.POISONED!]: 'poisoned',
    [L.STALE!]: 'stale',
  }
  return words[s] ?? `status ${s}`
}

/** Who has learned that the function has ended sees what it has done. `*/
function see(t: Thread, w: SyncWorld): void {
  if (t.get(w.own) !== 1) throw new Failure('invariant', `the function has run ${t.get(w.own)} times`)
}

/** The value, as src/once-value.ts reads it, who has learned that it is there. */
function* read(t: Thread, w: SyncWorld): Program {
  const { L, o, open } = w
  const over = open | L.ONCE_DONE!
  const payload: number = yield t.load(o + L.ONCE_PAYLOAD!)
  const length: number = yield t.load(o + L.ONCE_LENGTH!)
  if ((yield t.load(o + L.SYNC_STATE!)) !== over) return
  yield t.load(o + L.HEAD_STATE!)
  const value = payload === 0 ? 0 : t.peek(payload)
  if ((yield t.load(o + L.SYNC_STATE!)) !== over) return
  if (value !== KEPT || length !== 4) throw new Failure('invariant', `the value is ${value}, of ${length} bytes`)
}

/** The end of the run, with the message. It stays in the caller's hands if there is no object any more. */
function* end(t: Thread, w: SyncWorld, payload: number): Program {
  const { L, o, open } = w
  yield t.begin('end', t.id)
  const s: number = yield t.call('once_end', o, open, payload, 4, 0)
  if (s === L.STALE && payload !== 0) yield t.call('message_free', payload)
  yield t.end(s === L.FINE || s === L.TOLD ? 'ok' : resultOf(w, s))
}

/** What a thread does: `do` (blocking), `timed`, `async`; `keep`, as `do`, with a value; `stay`: who is to run it never ends; `look`; `dispose`. */
function steps(...list: string[]): (t: Thread, w: SyncWorld) => Program {
  return function* (t, w) {
    const { L, o, open } = w
    for (const step of list) {
      if (step === 'dispose') {
        yield t.op('dispose', t.id, (r) => (r === L.OK ? 'ok' : resultOf(w, Number(r))), 'sync_dispose', o, open)
        continue
      }
      if (step === 'look') {
        yield t.begin('look', t.id)
        const s: number = yield t.call('once_status', o, open)
        if (s === L.OK) see(t, w)
        yield t.end(resultOf(w, s))
        continue
      }
      yield t.begin('begin', t.id)
      let s: number | 'timeout' = (yield t.call('once_begin', o, open)) as number
      yield t.end(resultOf(w, s))
      if (s === L.FINE) {
        if (step === 'stay') continue
        t.set(w.own, t.get(w.own) + 1)
        let payload = 0
        if (step === 'keep') {
          payload = yield t.call('message_take', 4)
          t.set(payload, KEPT)
        }
        yield* end(t, w, payload)
        continue
      }
      if (s === L.WOULD_BLOCK) {
        const style: Style = step === 'async' || step === 'timed' ? step : 'block'
        yield t.begin(step === 'timed' ? 'timed' : 'wait', t.id)
        const waiter: number = yield t.call('once_park', o, open, tokenOf(w, style))
        s = waiter < L.ARENA! ? waiter : yield* waited(t, w, waiter, style)
        yield t.end(resultOf(w, s))
      }
      if (s === L.OK) {
        see(t, w)
        if (step === 'keep') yield* read(t, w)
      }
    }
  }
}

/** At the end nobody waits, and once it is disposed of nothing is left of it. */
function finish(b: Bench, w: SyncWorld): void {
  const { L, o, open } = w
  if (b.read(o + L.HEAD_STATE!) === open) {
    b.check(b.read(o + L.CHANNEL_LOCK!) === 0, 'the lock of the queue is held')
    b.call('sync_dispose', o, open)
  }
  settled(b, w)
}

function once(name: string, about: string, threads: string[][], more: Partial<Scenario> = {}): Scenario {
  return {
    name: `once/${name}`,
    about,
    recipe: syncRecipe,
    access: shadow,
    setup: (b: Bench) => make(b, 'ONCE', 'once_create', b.layout.KIND_ONCE_VALUE!),
    threads: threads.map((list) => steps(...list)),
    spec: () => onceSpec,
    final: finish,
    ...more,
  }
}

const kill = (...victims: number[]): Partial<Scenario> => ({
  victims,
  reaper: mender,
  ci: { executions: 150, random: 50, stale: 10 },
})
const long: Partial<Scenario> = { ci: { executions: 2000, random: 500 } }

export const onces: Scenario[] = [
  once('two', 'one runs it, the other waits', [['do'], ['do']]),
  once(
    'two, again',
    'what has been run is not run again',
    [
      ['do', 'do'],
      ['do', 'look'],
    ],
    long,
  ),
  once('three', 'all who wait are told', [['do'], ['do'], ['do']], long),
  once('tasks', 'tasks of event loops are told', [['do'], ['async'], ['async']], long),
  once('timed', 'who gives up does not keep the others from it', [['do'], ['timed'], ['do']], long),
  once('never ended', 'who gives up is out of the queue', [['stay'], ['timed'], ['timed', 'look']], long),
  once('runner killed', 'nobody runs it again', [['do'], ['do']], kill(0)),
  once('runner killed, tasks', 'all who wait are told', [['do'], ['async'], ['do']], kill(0)),
  once('waiter killed', 'the others are told', [['do'], ['do'], ['do']], kill(1)),
  once('task killed', 'the others are told', [['do'], ['async'], ['do']], kill(1)),
  once('disposed', 'who waits is told', [['stay', 'dispose'], ['do'], ['async']], { ...long, racy: true }),
  once('disposed over the run', 'the end comes too late', [['do'], ['dispose'], ['do']], { ...long, racy: true }),
  once('disposer killed', 'another one ends it', [['do'], ['dispose'], ['do']], { ...kill(1), racy: true }),
  once('value', 'all have it', [['keep'], ['keep'], ['keep']], long),
  once('value, runner killed', 'it is lost, its block is not', [['keep'], ['keep']], kill(0)),
  once('value, disposed', 'its block is freed once', [['keep'], ['dispose'], ['keep']], { ...long, racy: true }),
  once('value, disposer killed', 'its block is freed once', [['keep'], ['dispose'], ['keep']], {
    ...kill(1),
    racy: true,
  }),
  once('value, disposed over the run, runner killed', 'its block is freed once', [['keep'], ['dispose']], {
    ...kill(0),
    racy: true,
  }),
  {
    name: 'once/late for another',
    about: 'who is late for one that was disposed of tells nobody about the one that lies there now',
    recipe: syncRecipe,
    access: shadow,
    setup: (b: Bench) => {
      const w = make(b, 'ONCE', 'once_create', b.layout.KIND_ONCE!)
      b.as(0, 'once_begin', w.o, w.open)
      return w
    },
    threads: [
      function* (t: Thread, w: SyncWorld): Program {
        yield t.call('once_end', w.o, w.open, 0, 0, 0)
      },
      function* (t: Thread, w: SyncWorld): Program {
        const { o, L } = w
        yield t.call('sync_dispose', o, w.open)
        const other: number = yield t.call('once_create', L.KIND_ONCE!)
        const open = w.open + L.GENERATION!
        if (other !== o) throw new Failure('invariant', 'it lies elsewhere')
        if ((yield t.call('once_begin', o, open)) !== L.FINE) throw new Failure('invariant', 'somebody else has begun')
        const waiter: number = yield t.call('once_park', o, open, 0)
        if ((yield t.load(waiter + L.WAITER_STATE!)) !== L.WAITING)
          throw new Failure('invariant', 'told before the end')
        yield t.call('once_end', o, open, 0, 0, 0)
        if ((yield* waited(t, w, waiter, 'async')) !== L.OK) throw new Failure('invariant', 'not told of the end')
      },
    ],
    racy: true,
    final: (b, w: SyncWorld) => settled(b, { ...w, open: b.read(w.o + w.L.HEAD_STATE!) }),
    ...long,
  },
  {
    name: 'once/mended while it lives',
    about: 'help that nobody needs does no harm',
    recipe: syncRecipe,
    access: shadow,
    setup: (b: Bench) => make(b, 'ONCE', 'once_create', b.layout.KIND_ONCE!),
    threads: [
      steps('do'),
      steps('async'),
      function* (t: Thread): Program {
        yield t.begin('mend', -2)
        yield t.call('sync_mend')
        yield t.end('ok')
      },
    ],
    spec: () => onceSpec,
    final: finish,
    ...long,
  },
]
