// The deque: its owner against thieves, for the last value and for many, while its ring is replaced, with kills.

import type { Spec } from '../checker/linear.js'
import type { Command, Program, Thread } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { audit, shadow } from './audit.js'
import { attach, coreRecipe, reaper, settleBase, type World } from './core.js'

/** What the deque needs of the core; rings begin with two slots. */
export const dequeRecipe = {
  ...coreRecipe,
  core: ['arena', 'thread'],
  modules: ['deque'],
  calls: 'deque-calls.ts',
  constants: { ...coreRecipe.constants, RING_FIRST: 1 },
}

interface Deques extends World {
  /** By name: thread 0 owns a, thread 1 owns b. */
  d: Record<string, number>
}

/** That of the deques of lanes. */
const LIFE = 0

type Contents = Readonly<Record<string, readonly number[]>>

/**
 * Two deques. `push a=v`, `pop a`, `steal a`; `move a>b n` says how many have moved, which may be none at any time: another thread was faster. (On their
 * way they are in neither: who looks at a and then at b may find none. So the scheduler wakes somebody after a move.)
 */
function dequeSpec(initial: Contents): Spec<Contents> {
  return {
    name: 'deque',
    init: () => initial,
    key: (s) => JSON.stringify(s),
    apply(s, op, arg) {
      const [name, v] = String(arg).split('=') as [string, string?]
      const all = s[name] ?? []
      switch (op) {
        case 'push':
          return [['ok', { ...s, [name]: [...all, Number(v)] }]]
        case 'pop':
          return all.length === 0 ? [['empty', s]] : [[all.at(-1), { ...s, [name]: all.slice(0, -1) }]]
        case 'steal':
          return all.length === 0 ? [['empty', s]] : [[all[0], { ...s, [name]: all.slice(1) }]]
        case 'move': {
          const [, from, to, n] = /^(.)>(.) (\d+)$/.exec(name) as unknown as [string, string, string, string]
          const [x, y] = [s[from] ?? [], s[to] ?? []]
          return Array.from({ length: Math.min(Number(n), x.length) + 1 }, (_, k) => {
            const moved = x.slice(0, k).reverse()
            return [k, { ...s, [from]: x.slice(k), [to]: [...y, ...moved] }] as const
          })
        }
      }
      throw new Error(`a deque has no '${op}'`)
    },
  }
}

function* stolen(t: Thread, w: Deques, d: number): Generator<Command, number | 'empty', number> {
  for (;;) {
    const got = yield t.call('deque_steal', d, LIFE)
    if (got === w.L.WOULD_BLOCK) return 'empty'
    if (got !== w.L.RETRY) return got
  }
}

function steps(...list: string[]): (t: Thread, w: Deques) => Program {
  return function* (t, w) {
    for (const step of list) {
      const [, op, arg] = /^(\w+) (.*)$/.exec(step) as unknown as [string, string, string]
      const d = w.d[arg[0] as string] as number
      if (op === 'push') yield t.op('push', arg, (r) => (r ? 'ok' : 'no room'), 'deque_push', d, Number(arg.slice(2)))
      else if (op === 'pop') yield t.op('pop', arg, (r) => (r === 0 ? 'empty' : Number(r)), 'deque_pop', d)
      else if (op === 'move')
        yield t.op('move', arg, Number, 'moveOldest', d, w.d[arg[2] as string] as number, Number(arg.slice(4)))
      else {
        yield t.begin('steal', arg)
        yield t.end(yield* stolen(t, w, d))
      }
    }
  }
}

interface More extends Partial<Scenario> {
  /** What is in them before anything begins. */
  a?: number[]
  b?: number[]
  /** Values that have gone through a before that, so that positions and slots differ. */
  past?: number
}

function of(name: string, about: string, threads: string[][], more: More = {}): Scenario {
  const { a = [], b: inB = [], past = 0, ...rest } = more
  return {
    name: `deque/${name}`,
    about,
    recipe: dequeRecipe,
    access: shadow,
    setup: (b: Bench): Deques => {
      const w = settleBase(b, attach(b))
      const d: Record<string, number> = {}
      for (const [owner, [each, values]] of Object.entries({ a, b: inB }).entries()) {
        const at = (d[each] = b.as(owner, 'deque_make', LIFE))
        b.name(at, each, 'DEQUE')
        for (let k = 0; k < past; k++) {
          b.as(owner, 'deque_push', at, 1)
          b.as(owner, 'deque_pop', at)
          b.as(owner, 'deque_push', at, 1)
          b.call('deque_steal', at, LIFE)
        }
        for (const v of values) b.as(owner, 'deque_push', at, v)
      }
      return { ...w, d }
    },
    threads: threads.map((list) => steps(...list)),
    spec: () => dequeSpec({ a, b: inB }),
    lockFree: true,
    final: (b: Bench, w: Deques) => {
      for (const [each, d] of Object.entries(w.d)) {
        for (let k = 0; ; k++) {
          const got = b.call('deque_steal', d, LIFE)
          b.record('steal', each, got === w.L.WOULD_BLOCK ? 'empty' : got)
          if (got === w.L.WOULD_BLOCK || k > 8) break
        }
        b.call('deque_unmake', d)
      }
      audit(b, w)
    },
    ...rest,
  }
}

const kill = (...victims: number[]): More => ({
  victims,
  reaper,
  ci: { executions: 200, random: 20, stale: 20 },
})
const long: More = { ci: { executions: 2000, random: 300, stale: 200 } }

export const deques: Scenario[] = [
  of('pop against steal', 'the last value is taken once', [['pop a'], ['steal a']], { a: [200] }),
  of(
    'pop and push against steal',
    'the slot of the last value is used again',
    [
      ['pop a', 'push a=300', 'pop a'],
      ['steal a', 'steal a'],
    ],
    { a: [200] },
  ),
  of('two values', 'one from either end', [['pop a', 'pop a'], ['steal a']], { a: [200, 201] }),
  of('two thieves', 'each value once', [['pop a'], ['steal a'], ['steal a']], { a: [200, 201], ...long }),
  of('push against steal', 'seen whole, or not yet', [
    ['push a=300', 'push a=301'],
    ['steal a', 'steal a'],
  ]),
  of('push and pop against two thieves', 'each value once', [['push a=300', 'pop a'], ['steal a'], ['steal a']], long),
  of(
    'growth against a thief',
    'the old ring still holds what it read there',
    [
      ['push a=300', 'push a=301', 'pop a'],
      ['steal a', 'steal a'],
    ],
    { a: [200, 201], past: 1, ...long },
  ),
  of(
    'growth, and back again',
    'a thief that has seen neither',
    [['push a=300', 'pop a', 'pop a', 'pop a'], ['steal a'], ['steal a']],
    { a: [200, 201], past: 1, ...long },
  ),
  of(
    'round the ring',
    'a slot is written again after the thieves have passed it',
    [
      ['push a=300', 'push a=301'],
      ['steal a', 'steal a'],
    ],
    { a: [200], past: 3, ...long },
  ),
  of('batch against push', 'what is added stays', [['push a=300'], ['move a>b 2', 'pop b']], { a: [200, 201] }),
  of('batch against a thief', 'each value once', [[], ['move a>b 2', 'pop b'], ['steal a']], {
    a: [200, 201],
    ...long,
  }),
  of(
    'batch against a thief of both',
    'each value once',
    [['push a=300'], ['move a>b 2', 'pop b'], ['steal b', 'steal a']],
    { a: [200, 201], ...long },
  ),
  of('batch that fails', 'a thief was faster, twice', [[], ['move a>b 3'], ['steal a', 'steal a']], {
    a: [200, 201, 202],
    ...long,
  }),
  of(
    'batch into a ring that grows',
    'no more than there is room for',
    [['push a=300'], ['move a>b 3', 'pop b', 'pop b'], ['steal b']],
    { a: [200, 201, 202], b: [400, 401], past: 1, ...long },
  ),
  of('owner killed', 'what is left can be stolen', [['push a=300', 'pop a', 'pop a'], ['steal a']], {
    a: [200],
    ...kill(0),
  }),
  of('owner killed in growing', 'the ring is the old or the new one', [['push a=300', 'push a=301'], ['steal a']], {
    a: [200, 201],
    past: 1,
    ...kill(0),
  }),
  of(
    'thief killed',
    'it has taken or not',
    [
      ['pop a', 'push a=300'],
      ['steal a', 'steal a'],
    ],
    {
      a: [200, 201],
      ...kill(1),
    },
  ),
  of('killed in a batch', 'all of it or nothing', [['push a=300'], ['move a>b 3'], ['steal a']], {
    a: [200, 201],
    b: [400],
    ...kill(1),
  }),
]
