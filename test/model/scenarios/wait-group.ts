// The wait group: threads and tasks that count, and that wait in all styles, one who dies anywhere, one who disposes of it.

import type { Program, Thread, Value } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { waitGroupSpec } from '../checker/sync-specs-counting.js'
import { shadow } from './audit.js'
import { make, mender, type SyncWorld, settled, syncRecipe, tokenOf, waited, withLedgers } from './sync-steps.js'

interface GroupWorld extends SyncWorld {
  /** Somebody writes to `own` before it is done. */
  guarded: boolean
}

function resultOf(w: SyncWorld, s: number | 'timeout'): Value {
  const { L } = w
  if (s === 'timeout') return s
  return s === L.FINE || s === L.OK || s === L.TOLD
    ? 'ok'
    : s === L.NOT_HELD
      ? 'negative'
      : s === L.STALE
        ? 'stale'
        : `status ${s}`
}

/** What a thread does: `add n`, `wait`, `timed`, `async`, `task`, `go`, `end`, `dispose`. */
function steps(...list: string[]): (t: Thread, w: GroupWorld) => Program {
  return function* (t, w) {
    const { L, o, open } = w
    for (const step of list) {
      const [verb, number] = step.split(' ') as [string, string?]
      const arg = `${t.id}:${number ?? 0}`
      if (verb === 'wait' || verb === 'timed' || verb === 'async') {
        // The waiting of src/wait-group.ts: who has looked is told of every zero after that.
        yield t.begin('look', arg)
        const look: number = yield t.call('wait_group_look', o, open)
        yield t.end(look < 0 ? 'stale' : look === 0 ? 'ok' : 'waits')
        if (look < 0) continue
        let s: number | 'timeout' = L.OK!
        if (look > 0) {
          yield t.begin(verb === 'timed' ? 'timed' : 'pass', arg)
          const style = verb === 'wait' ? 'block' : verb
          const waiter: number = yield t.call('wait_group_park', o, open, tokenOf(w, style), look)
          s = waiter < L.ARENA! ? waiter : yield* waited(t, w, waiter, style)
        }
        // What was done before the counter became zero is seen.
        if (s === L.OK && w.guarded) t.get(w.own)
        if (look > 0) yield t.end(resultOf(w, s))
        continue
      }
      if (verb === 'write') {
        t.set(w.own, 1)
        continue
      }
      yield t.begin(verb, arg)
      const s: number =
        verb === 'dispose'
          ? yield t.call('sync_dispose', o, open)
          : verb === 'add'
            ? yield t.call('wait_group_add', o, open, Number(number))
            : verb === 'end'
              ? yield t.call('wait_group_end', o, open)
              : yield t.call('wait_group_begin', o, open, verb === 'go' ? 1 : 0)
      yield t.end(resultOf(w, s))
    }
  }
}

interface More extends Partial<Scenario> {
  count?: number
  /** The first task makes the ledger. */
  lazy?: boolean
}

function group(name: string, about: string, threads: string[][], more: More = {}): Scenario {
  const { count = 0, lazy = false, ...rest } = more
  const guarded = threads.some((list) => list.includes('write'))
  return {
    name: `wait group/${name}`,
    about,
    recipe: syncRecipe,
    access: shadow,
    setup: (b: Bench) => {
      const w = { ...make(b, 'WAIT_GROUP', 'wait_group_create'), guarded }
      if (!lazy) b.call('ledger_make', w.o, w.open)
      if (count > 0) b.call('wait_group_add', w.o, w.open, count)
      return w
    },
    threads: threads.map((list) => steps(...list)),
    spec: () => waitGroupSpec(count, threads.length + 1),
    final: (b, w: SyncWorld) => {
      const left = b.call('wait_group_count', w.o, w.open)
      if (left < 0) return settled(b, w)
      const { L } = w
      const asleep = b.read(w.o + L.CHANNEL_RECVQ!) !== 0
      if (!asleep) b.record('count', '0:0', left)
      const ledger = b.read(w.o + L.SYNC_LEDGER!)
      if (ledger !== 0) {
        let owned = 0
        for (let k = 0; k < L.MAX_THREADS!; k++) owned += b.read(ledger + L.LEDGER_ENTRIES! + k * L.LEDGER_ENTRY!)
        b.check(owned <= left, `${owned} of ${left} belong to threads`)
      }
      if (!asleep) settled(b, withLedgers(w, ledger === 0 ? 0 : 1))
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

export const waitGroups: Scenario[] = [
  group('one is done', 'and the other goes on', [['write', 'add -1'], ['wait']], { count: 1 }),
  group('two are done', 'and what they did is seen', [['add -1'], ['write', 'add -1'], ['wait']], {
    count: 2,
    ...long,
  }),
  group('two wait', 'both are told', [['add -1'], ['wait'], ['async']], { count: 1, ...long }),
  group('used again at once', 'who waits is told all the same', [['add -1', 'add 1', 'add -1'], ['wait']], {
    count: 1,
    ...long,
  }),
  group('used again by another', 'who waits is told all the same', [['add -1'], ['add 1', 'add -1'], ['async']], {
    count: 1,
    ...long,
  }),
  group(
    'used again and left',
    'who has waited for the first zero is told',
    [['add -1', 'add 1'], ['wait'], ['async']],
    {
      count: 1,
      maySleep: true,
      ...long,
    },
  ),
  group('timed', 'who gives up is not told', [['add -1'], ['timed', 'timed']], { count: 1, ...long }),
  group('done too often', 'one of them is refused', [['add -1'], ['add -1'], ['timed']], { count: 1, ...long }),
  group('tasks', "a count becomes a thread's", [['task', 'end'], ['task', 'end'], ['wait']], { count: 2, ...long }),
  group('tasks that add', 'and end', [['go', 'end'], ['go', 'end'], ['timed']], long),
  group('tasks and others', 'count down at the same time', [['task', 'end'], ['add -1'], ['async']], {
    count: 2,
    ...long,
  }),
  group('disposed', 'who waits is told', [['dispose'], ['wait'], ['add -1']], { count: 2, racy: true, ...long }),
  group('disposed while a task begins', 'nothing is written to what was the ledger', [['dispose'], ['task', 'end']], {
    count: 1,
    racy: true,
    ...long,
  }),
  group('disposed while a ledger is made', 'it goes with the group', [['dispose'], ['task', 'end'], ['task']], {
    count: 2,
    lazy: true,
    racy: true,
    ...long,
  }),
  group(
    'two make a ledger',
    'the group has one',
    [
      ['go', 'end'],
      ['go', 'end'],
    ],
    { lazy: true, ...long },
  ),
  group(
    'maker of a ledger killed',
    'the group has one or none',
    [
      ['go', 'end'],
      ['go', 'end'],
    ],
    { lazy: true, ...kill(0) },
  ),
  group(
    'thread with a task killed',
    'its task ends',
    [
      ['go', 'end'],
      ['wait', 'wait'],
    ],
    kill(0),
  ),
  group('thread with a task of another killed', 'its task ends', [['task', 'end'], ['add -1'], ['timed']], {
    count: 2,
    ...kill(0),
  }),
  group('who waits killed', 'the others go on', [['wait'], ['add -1'], ['wait']], { count: 1, ...kill(0) }),
]
