// The counter's shared cell: no add is lost, and a sum is between what had been added before it and what had been begun before its end.

import type { Program, Thread } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { counterSpec } from '../checker/specs.js'
import { audit, shadow } from './audit.js'
import { attach, coreRecipe, reaper, settleBase, type World } from './core.js'

interface CounterWorld extends World {
  c: number
}

/** The cell that threads share, as they add to it. (Cells with an owner are plain words of their own in the bindings: nothing to interleave.) */
function steps(...list: (number | 'sum')[]): (t: Thread, w: CounterWorld) => Program {
  return function* (t, w) {
    for (const n of list) {
      if (n === 'sum') {
        yield t.begin('sum')
        yield t.end(yield t.load(w.c + w.L.COUNTER_SHARED!))
      } else yield t.op('add', n, (r) => (r === w.L.OK ? 'ok' : 'stale'), 'counter_addShared', w.c, 0, n)
    }
  }
}

/** All adds are positive, so a sum has a least and a greatest value. */
function bounds(b: Bench, w: CounterWorld): void {
  const adds = b.history.filter((o) => o.op === 'add')
  const sums = b.history.filter((o) => o.op === 'sum' && o.responded !== Infinity)
  for (const s of sums) {
    let least = 0
    let most = 0
    for (const a of adds) {
      if (a.responded < s.invoked) least += Number(a.arg)
      if (a.invoked < s.responded) most += Number(a.arg)
    }
    b.check(
      Number(s.result) >= least && Number(s.result) <= most,
      `sum ${s.result} is not between ${least} and ${most}`,
    )
  }
  const end = b.read(w.c + w.L.COUNTER_SHARED!)
  const done = adds.filter((a) => !a.dead).reduce((n, a) => n + Number(a.arg), 0)
  const torn = adds.filter((a) => a.dead).reduce((n, a) => n + Number(a.arg), 0)
  b.check(end === done || end === done + torn, `the sum ends as ${end}, not ${done}`)
  audit(b, w)
}

function counter(name: string, about: string, threads: (number | 'sum')[][], more: Partial<Scenario> = {}): Scenario {
  return {
    name: `counter/${name}`,
    about,
    recipe: coreRecipe,
    access: shadow,
    setup: (b) => {
      const w = attach(b)
      return settleBase(b, {
        ...w,
        c: b.name(b.call('object_create', w.L.KIND_COUNTER!, w.L.COUNTER_BYTES!), 'counter'),
      })
    },
    threads: threads.map((list) => steps(...list)),
    realtime: true,
    final: bounds,
    lockFree: true,
    mixed: true,
    spec: () => counterSpec(),
    ...more,
  }
}

export const counters: Scenario[] = [
  counter('adds and sums', 'two add, one sums twice', [
    [1, 2],
    [4, 8],
    ['sum', 'sum'],
  ]),
  counter(
    'adder killed',
    'its add has happened or not',
    [
      [1, 2],
      [4, 'sum'],
    ],
    { victims: [0], reaper },
  ),
]
