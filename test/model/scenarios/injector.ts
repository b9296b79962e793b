// The injector: threads that push, steal and refill their deques from it, segments that are used again, its end, with kills. See
// also deque-object.ts.

import type { Spec } from '../checker/linear.js'
import type { Program, Thread, Value } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { audit, shadow } from './audit.js'
import { attach, reaper, settleBase, type World, word } from './core.js'
import { got, gotHere, placeRecipe } from './deque-steps.js'

interface Injectors extends World {
  o: number
  open: number
  /** The deque of each thread: that of thread 0 gives the newest value first, the others the oldest. */
  deques: number[]
  opens: number[]
}

interface Contents {
  readonly items: readonly Value[]
  readonly gone: boolean
}

/**
 * First in, first out. Who takes may hear at any time that another thread was faster. `batch n` and `refill n` take about half, n at most: the result
 * is what then came out of the thread's deque, in order, the second with the value that it got at once before it.
 */
function injectorSpec(initial: readonly Value[]): Spec<Contents> {
  return {
    name: 'injector',
    init: () => ({ items: initial, gone: false }),
    key: (q) => `${q.items.join()}${q.gone}`,
    apply(q, op, arg) {
      const { items } = q
      if (op === 'create') return [['ok', q]]
      if (q.gone) return [['stale', q]]
      if (op === 'push') return [['ok', { ...q, items: [...items, arg] }]]
      if (op === 'dispose') return [['ok', { items: [], gone: true }]]
      if (op === 'length') return [[items.length, q]]
      const out: (readonly [Value, Contents])[] = [['retry', q]]
      if (items.length === 0) return [...out, ['empty', q]]
      const most = op === 'steal' ? 1 : Math.min(Number(arg), (items.length + 1) >> 1)
      for (let k = 1; k <= most; k++) {
        const taken = items.slice(0, k)
        out.push([op === 'steal' ? (taken[0] as Value) : taken.join(), { ...q, items: items.slice(k) }])
      }
      return out
    },
  }
}

function steps(...list: string[]): (t: Thread, w: Injectors) => Program {
  return function* (t, w) {
    const { L, o, open } = w
    for (const step of list) {
      const [op, n] = step.split(' ') as [string, string?]
      if (op === 'push') yield t.op('push', Number(n), (r) => word(w, r), 'injector_push32', o, open, Number(n))
      else if (op === 'steal') yield t.op('steal', undefined, () => got(t, w), 'injector_steal', o, open)
      else if (op === 'length')
        yield t.op('length', undefined, (r) => (Number(r) < 0 ? 'stale' : Number(r)), 'injector_length', o, open)
      else if (op === 'dispose') yield t.op('dispose', undefined, (r) => word(w, r), 'injector_dispose', o, open)
      else if (op === 'create')
        yield t.op('create', undefined, (r) => (Number(r) === o ? 'ok' : 'elsewhere'), 'injector_create', 0)
      else {
        const [d, mine] = [w.deques[t.id] as number, w.opens[t.id] as number]
        yield t.begin(op, Number(n))
        const values: Value[] = []
        if ((yield t.call('injector_batch', o, open, d, Number(n), op === 'refill' ? 1 : 0)) === 0) {
          yield t.end(got(t, w))
          continue
        }
        if (op === 'refill') values.push(got(t, w))
        while ((yield t.call('deque_take', d, mine)) === L.FINE) values.push(got(t, w))
        yield t.end(values.join())
      }
    }
  }
}

interface More extends Partial<Scenario> {
  /** What is in it before anything begins. */
  has?: number[]
  /** Values that have gone through it before that, so that segments begin elsewhere. */
  past?: number
  /** It has been made again in the end, and must hold nothing. */
  remade?: boolean
}

function injector(name: string, about: string, threads: string[][], more: More = {}): Scenario {
  const { has = [], past = 0, remade = false, ...rest } = more
  return {
    name: `injector/${name}`,
    about,
    recipe: placeRecipe,
    access: shadow,
    setup: (b: Bench): Injectors => {
      const w = attach(b)
      const deques = threads.map((_, t) => b.as(t, 'deque_create', t === 0 ? 0 : 1, 0))
      const opens = deques.map((d) => b.read(d + w.L.HEAD_STATE!))
      const settled = settleBase(b, w)
      const o = b.name(b.call('injector_create', 0), 'injector', 'INJECTOR')
      const open = b.read(o + w.L.HEAD_STATE!)
      for (let k = 0; k < past; k++) {
        b.call('injector_push32', o, open, 1)
        b.call('injector_steal', o, open)
      }
      for (const v of has) b.call('injector_push32', o, open, v)
      return { ...settled, deques, opens, o, open }
    },
    threads: threads.map((list) => steps(...list)),
    spec: () => injectorSpec(has),
    lockFree: true,
    final: (b: Bench, w: Injectors) => {
      const open = remade ? b.read(w.o + w.L.HEAD_STATE!) : w.open
      for (let k = 0; k < 9; k++) {
        b.call('injector_steal', w.o, open)
        const value = gotHere(b, w)
        if (remade) b.check(value === 'empty', `the new injector has ${value}`)
        else b.record('steal', undefined, value)
        b.check(value !== 'retry', 'nobody else is there, but somebody was faster')
        if (typeof value !== 'number') break
      }
      b.call('injector_dispose', w.o, open)
      audit(b, w)
    },
    ...rest,
  }
}

const kill = (...victims: number[]): More => ({
  victims,
  reaper,
  ci: { executions: 150, random: 20, stale: 50 },
})
const long: More = { ci: { executions: 2000, random: 300, stale: 200 } }
/** Who disposes waits for whose push is in its section. */
const waits: More = { lockFree: false }

export const injectors: Scenario[] = [
  injector('push against steal', 'seen whole, or not yet', [
    ['push 1', 'push 2'],
    ['steal', 'steal'],
  ]),
  injector(
    'two pushers and a thief',
    'each value once, in order',
    [['push 1', 'push 2'], ['push 3'], ['steal', 'steal']],
    {
      has: [7],
      past: 1,
      ...long,
    },
  ),
  injector(
    'two thieves',
    'each value once',
    [
      ['steal', 'steal'],
      ['steal', 'steal'],
    ],
    { has: [1, 2, 3, 4] },
  ),
  injector(
    'batches',
    'each value once, in the order of either deque',
    [['batch 2', 'steal'], ['batch 2'], ['push 9']],
    {
      has: [1, 2, 3, 4, 5],
      past: 2,
    },
  ),
  injector('refills', 'one at once, the rest into the deque', [['refill 2', 'batch 2'], ['refill 2'], ['push 9']], {
    has: [1, 2, 3, 4],
    past: 2,
  }),
  injector(
    'batch against pushes',
    'no more than there is',
    [
      ['push 3', 'push 4'],
      ['batch 2', 'refill 2'],
    ],
    {
      has: [1, 2],
      past: 2,
    },
  ),
  injector(
    'segments come back',
    'who is late looks at one that is in use again',
    [['steal'], ['steal', 'push 5', 'push 6', 'steal']],
    { has: [1, 2, 3], past: 1 },
  ),
  injector(
    'segments come back, three threads',
    'who is late looks at one that is in use again',
    [['steal', 'push 5', 'push 6'], ['steal', 'push 7'], ['batch 2']],
    { has: [1, 2, 3], ...long },
  ),
  injector(
    'segments come back, in every order',
    'of plain accesses as well',
    [['batch 2'], ['steal', 'steal', 'push 5', 'push 6']],
    { has: [1, 2, 3], racy: true, ...long },
  ),
  injector(
    'length',
    'of one moment',
    [
      ['push 1', 'push 2', 'steal'],
      ['length', 'length'],
    ],
    { has: [7] },
  ),
  injector('disposed', 'nobody finds anything after it', [['push 1', 'push 2'], ['dispose'], ['steal', 'steal']], {
    has: [7],
    ...waits,
    ...long,
  }),
  injector(
    'made again',
    'who is late neither pushes nor takes',
    [
      ['dispose', 'create'],
      ['push 1', 'steal'],
    ],
    {
      has: [7],
      racy: true,
      remade: true,
      ...waits,
      ...long,
    },
  ),
  injector(
    'pusher killed',
    'its value is there, or is not',
    [
      ['push 1', 'push 2', 'push 3'],
      ['push 4', 'steal'],
    ],
    kill(0),
  ),
  injector(
    'thief killed',
    'it has taken or not',
    [
      ['steal', 'steal', 'steal'],
      ['push 4', 'steal'],
    ],
    {
      has: [1, 2, 3],
      ...kill(0),
    },
  ),
  injector(
    'killed in a batch',
    'all of it or nothing',
    [
      ['batch 2', 'refill 2'],
      ['push 4', 'steal'],
    ],
    {
      has: [1, 2, 3],
      past: 2,
      ...kill(0),
    },
  ),
  injector('disposer killed', 'another one ends it', [['dispose'], ['push 4', 'dispose']], {
    has: [1, 2, 3],
    ...waits,
    ...kill(0),
  }),
]
