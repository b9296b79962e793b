// Batches between deques in places, of either order: against other thieves, a kill, the end of the deque. See deque-object.ts for two threads.

import type { Spec } from '../checker/linear.js'
import type { Program, Thread, Value } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { audit, shadow } from './audit.js'
import { attach, numberOf, reaper, settleBase, type World } from './core.js'
import { got, gotHere, placeRecipe } from './deque-steps.js'

type Order = 'LIFO' | 'FIFO'

interface Places extends World {
  /** Thread 0 owns the first, thread 1 the second. */
  d: number[]
  opens: number[]
}

/**
 * All values of both deques: each comes out once. Nothing is said about their order here (see `inOrder`), nor about who finds nothing: what a batch
 * has on its way nobody else sees. A batch alone gives its thread nothing, so none is lost with it. Nothing comes out of a deque that has been
 * disposed of.
 */
function bagSpec(values: readonly number[]): Spec<readonly Value[]> {
  return {
    name: 'bag',
    init: () => values,
    key: (q) => q.join(),
    apply(q, op, arg) {
      if (op === 'all') return q.length === 0 ? [['taken', q]] : []
      if (op === 'move' || op === 'length') return [['ok', q]]
      if (op === 'push') return [['ok', [...q, arg]]]
      if (op === 'dispose') return [['ok', [...q, `without ${arg}`]]]
      const none = ['empty', 'retry', 'stale'].map((word) => [word, q] as const)
      if (q.includes(`without ${arg === 'first' ? 0 : arg}`)) return none
      return [...none, ...q.map((v) => [v, q.filter((x) => x !== v)] as const)]
    },
  }
}

/**
 * `pop` of the thread's own deque, `steal 0`, `steal 1`; `move n` from the first deque to the thread's, `refill n`, which gives one at once; `push n`;
 * `dispose`, and `remake` in the other order.
 */
function steps(list: readonly string[]): (t: Thread, w: Places) => Program {
  return function* (t, w) {
    const { L, d, opens } = w
    const [mine, open] = [d[t.id] as number, opens[t.id] as number]
    for (const step of list) {
      const [op, n] = step.split(' ') as [string, string]
      const k = Number(n)
      if (op === 'pop') yield t.op('take', 'own', () => got(t, w), 'deque_take', mine, open)
      else if (op === 'steal') yield t.op('take', n, () => got(t, w), 'deque_steal', d[k]!, opens[k]!)
      else if (op === 'push')
        yield t.op('push', k, (r) => (r === L.FINE ? 'ok' : Number(r)), 'deque_push32', mine, open, k)
      else if (op === 'dispose')
        yield t.op('dispose', 0, (r) => (r === L.OK ? 'ok' : Number(r)), 'deque_dispose', mine, open)
      else if (op === 'remake') {
        const made = yield t.call('deque_create', 1, 0)
        for (const v of [80, 81]) yield t.call('deque_push32', made, t.peek(made + L.HEAD_STATE!), v)
      } else {
        const one = op === 'refill' ? 1 : 0
        yield t.begin(one ? 'take' : 'move', one ? 'first' : n)
        const moved = yield t.call('deque_batch', d[0]!, opens[0]!, mine, k, one)
        yield t.end(one ? got(t, w) : moved <= k ? 'ok' : `${moved} of ${k}`)
      }
    }
  }
}

/** What a thread takes of one batch comes in the order in which the owner of the source would have taken it. */
function inOrder(b: Bench, order: Order): void {
  const taken = b.history.filter((o) => o.thread === 1 && (o.arg === 'own' || o.arg === 'first'))
  const values = taken.map((o) => o.result).filter((v) => typeof v === 'number')
  for (let k = 1; k < values.length; k++)
    b.check(values[k]! > values[k - 1]! === (order === 'FIFO'), `a batch comes out as ${values.join()}`)
}

/** Takes out what is left in a deque, by its handle of now. */
function drain(b: Bench, w: Places, k: number): Value[] {
  const all: Value[] = []
  for (let steals = 0; steals < 9; steals++) {
    b.call('deque_steal', w.d[k]!, b.read(w.d[k]! + w.L.HEAD_STATE!))
    const value = gotHere(b, w)
    b.check(value !== 'retry', 'nobody else is there, but somebody was faster')
    if (typeof value !== 'number') break
    all.push(value)
  }
  return all
}

interface More extends Partial<Scenario> {
  /** So many values are in the first deque: 1, 2, 3, … */
  n: number
  /** What is in the deque that has been disposed of, and made again, in the end. */
  after?: string
}

function batch(name: string, about: string, orders: readonly Order[], threads: string[][], more: More): Scenario {
  const { n, after = '', ...rest } = more
  const values = Array.from({ length: n }, (_, k) => k + 1)
  return {
    name: `deque batches/${orders[0]} to ${orders[1]}, ${name}`,
    about,
    recipe: placeRecipe,
    access: shadow,
    setup: (b: Bench): Places => {
      const w = attach(b)
      b.call('deque_dispose', b.call('deque_create', 0, 0), w.L.GENERATION!) // the page of the places stays
      const settled = settleBase(b, w)
      const d = orders.map((order, t) =>
        b.name(b.as(t, 'deque_create', order === 'FIFO' ? 1 : 0, 0), 'ab'[t]!, 'DEQUE'),
      )
      const opens = d.map((o) => b.read(o + w.L.HEAD_STATE!))
      for (const v of values) b.as(0, 'deque_push32', d[0]!, opens[0]!, v)
      return { ...settled, d, opens }
    },
    threads: threads.map(steps),
    spec: () => bagSpec(values),
    lockFree: true,
    final: (b: Bench, w: Places) => {
      inOrder(b, orders[0]!)
      const disposed = b.history.find((o) => o.op === 'dispose')?.arg
      for (const k of [0, 1]) {
        const left = drain(b, w, k)
        if (k !== disposed) for (const v of left) b.record('take', 'left', v)
        else b.check(left.join() === after, `the new deque holds ${left.join() || 'nothing'}`)
        b.as(k, 'deque_dispose', w.d[k]!, b.read(w.d[k]! + w.L.HEAD_STATE!))
      }
      if (disposed === undefined) b.record('all', undefined, 'taken')
      if (b.killed < 0) audit(b, w)
    },
    ...rest,
  }
}

const kill = (...victims: number[]): Partial<Scenario> => ({
  victims,
  reaper,
  ci: { executions: 100, random: 20, stale: 20 },
})
const long: Partial<Scenario> = { ci: { executions: 1500, random: 300, stale: 200 } }

/** After the death of the thief: its deque is disposed of, while others steal from it. */
function* undertaker(t: Thread, w: Places): Program {
  const victim: number = yield t.death()
  yield t.call('thread_reap', numberOf(victim))
  yield t.op('dispose', 1, (r) => (r === w.L.OK ? 'ok' : Number(r)), 'deque_dispose', w.d[1]!, w.opens[1]!)
}

const pairs: (readonly [Order, Order])[] = [
  ['LIFO', 'LIFO'],
  ['LIFO', 'FIFO'],
  ['FIFO', 'LIFO'],
  ['FIFO', 'FIFO'],
]

export const dequeBatches: Scenario[] = [
  ...pairs.flatMap((orders) => [
    batch(
      'one and the rest',
      'each value once',
      orders,
      [
        ['pop', 'pop', 'pop'],
        ['refill 3', 'pop', 'pop'],
      ],
      {
        n: 5,
        ...long,
      },
    ),
    batch(
      'another thief',
      'of either deque',
      orders,
      [
        ['pop', 'push 9'],
        ['refill 3', 'pop'],
        ['steal 1', 'steal 0'],
      ],
      {
        n: 5,
        ...long,
      },
    ),
    batch(
      'thief killed',
      'nothing is lost that it had not been given',
      orders,
      [['pop', 'pop'], ['move 3', 'pop'], ['steal 1']],
      {
        n: 6,
        ...kill(1),
      },
    ),
  ]),
  batch(
    'owner killed',
    'what is left is there to be stolen',
    ['LIFO', 'FIFO'],
    [
      ['pop', 'pop'],
      ['refill 3', 'pop'],
    ],
    {
      n: 5,
      ...kill(0),
    },
  ),
  batch(
    'deque of the dead disposed of',
    'while another publishes what it had stolen',
    ['LIFO', 'FIFO'],
    [['pop'], ['move 2'], ['steal 1']],
    {
      n: 4,
      ...kill(1),
      reaper: undertaker,
      lockFree: false,
    },
  ),
  ...(['LIFO', 'FIFO'] as const).map((order) =>
    batch(
      'made again',
      'who is late takes nothing of the new one',
      [order, 'FIFO'],
      [
        ['dispose', 'remake'],
        ['refill 2', 'steal 0'],
      ],
      {
        n: 3,
        after: '80,81',
        racy: true,
        ...long,
      },
    ),
  ),
]
