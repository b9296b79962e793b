// Deques and injectors of programs: what is stolen singly and in batches, in the order of the owners; segments that come and go; with kills.

import type { Spec } from '../checker/linear.js'
import { OP_LOAD } from '../checker/ops.js'
import type { Program, Thread, Value } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { audit, shadow, usage } from './audit.js'
import { attach, coreRecipe, reaper, settleBase, type World } from './core.js'

/** Rings begin with two slots, segments have two. */
const recipe = {
  ...coreRecipe,
  core: ['arena', 'thread'],
  modules: ['deque', 'deque-object', 'injector'],
  constants: { ...coreRecipe.constants, SYNC_BYTES: 1024, RING_FIRST: 1, SEGMENT_SLOTS: 2 },
}

/** `lifo`, `fifo`: a deque of thread 0 (a) or thread 1 (b); `injector`. */
type Order = 'lifo' | 'fifo' | 'injector'

interface Places extends World {
  o: Record<string, { at: number; open: number; order: Order }>
}

interface Of {
  order: Order
  values?: readonly number[]
}

type Contents = Readonly<Record<string, readonly number[]>>

/** `retry` is no answer: another thread was faster, or is in its section. A batch may be smaller than what it may be. */
function spec(objects: Readonly<Record<string, Of>>): Spec<Contents> {
  const orderOf = (name: string): Order => (objects[name] as Of).order
  return {
    name: 'deque',
    init: () => Object.fromEntries(Object.entries(objects).map(([name, { values = [] }]) => [name, values])),
    key: (s) => JSON.stringify(s),
    apply(s, op, arg) {
      const [, from, to = '', n = ''] = /^(\w)(?:>(\w) )?=?(\d*)$/.exec(String(arg)) as unknown as string[]
      const all = s[from as string] as readonly number[]
      if (s[`${from}†`]) return [['stale', s]]
      if (op === 'dispose') return [['ok', { ...s, [from as string]: [], [`${from}†`]: [1] }]]
      const left = (rest: readonly number[]): Contents => ({ ...s, [from as string]: rest })
      if (op === 'push') return [['ok', left([...all, Number(n)])]]
      if (op === 'take') {
        if (all.length === 0) return [['empty', s]]
        return orderOf(from as string) === 'fifo'
          ? [[all[0], left(all.slice(1))]]
          : [[all.at(-1), left(all.slice(0, -1))]]
      }
      const out: (readonly [Value, Contents])[] = [['retry', s]]
      if (all.length === 0) out.push(['empty', s])
      if (op === 'steal') {
        if (all.length > 0) out.push([all[0], left(all.slice(1))])
        return out
      }
      for (let k = 1; k <= Math.min(Number(n), all.length); k++) {
        // In the order in which the owner of the source would take them, and then so that the owner of the other one does.
        const inOrder = all.slice(0, k)
        if (orderOf(from as string) === 'lifo') inOrder.reverse()
        const first = op === 'one' ? inOrder.shift() : undefined
        if (orderOf(to) === 'lifo') inOrder.reverse()
        const next = { ...left(all.slice(k)), [to]: [...(s[to] as readonly number[]), ...inOrder] }
        out.push([op === 'one' ? `${k}:${first}` : k, next])
      }
      return out
    },
  }
}

const answer = (w: World, status: number, value: () => Value): Value => {
  const { L } = w
  if (status === L.OK) return value()
  return status === L.WOULD_BLOCK
    ? 'empty'
    : status === L.RETRY
      ? 'retry'
      : status === L.STALE
        ? 'stale'
        : `status ${status}`
}

/** `push a=1`, `take a`, `steal a`, `batch a>b 4`, `one a>b 4`: a batch whose first value is returned, `dispose a`. */
function steps(...list: string[]): (t: Thread, w: Places) => Program {
  return function* (t, w) {
    const { L } = w
    const slot = w.slots[t.id] as number
    for (const step of list) {
      const [op, arg] = step.split(/ (.*)/s) as [string, string]
      const { at, open, order } = w.o[arg[0] as string] as Places['o'][string]
      const kind = order === 'injector' ? 'injector' : 'deque'
      const status = (value: () => Value) => () => answer(w, t.peek(slot + L.THREAD_STATUS!), value)
      const value = (): Value => t.peek(slot + L.THREAD_VALUE!)
      if (op === 'push')
        yield t.op(
          'push',
          arg,
          status(() => 'ok'),
          `${kind}_push32`,
          at,
          open,
          Number(arg.slice(2)),
        )
      else if (op === 'take') yield t.op('take', arg, status(value), 'deque_take', at, open)
      else if (op === 'steal') yield t.op('steal', arg, status(value), `${kind}_steal`, at, open)
      else if (op === 'dispose')
        yield t.op('dispose', arg, (r) => answer(w, Number(r), () => 'ok'), `${kind}_dispose`, at, open)
      else {
        const to = (w.o[arg[2] as string] as Places['o'][string]).at
        const one = op === 'one'
        const result = (n: number | bigint): Value =>
          answer(w, t.peek(slot + L.THREAD_STATUS!), () => (one ? `${n}:${t.peek(slot + L.THREAD_VALUE!)}` : Number(n)))
        yield t.op(op, arg, result, `${kind}_batch`, at, open, to, Number(arg.slice(4)), one ? 1 : 0)
      }
    }
  }
}

interface More extends Partial<Scenario>, Record<'a' | 'b' | 'i', unknown> {
  a: Of
  b: Of
  i: Of
}

/** Takes out what is left. */
function drain(b: Bench, w: Places): void {
  for (const [name, { at, open, order }] of Object.entries(w.o)) {
    if (b.read(at + w.L.HEAD_STATE!) !== open) continue
    for (let k = 0; k < 12; k++) {
      b.call(order === 'injector' ? 'injector_steal' : 'deque_steal', at, open)
      const slot = w.slots[b.m.main] as number
      const result = answer(w, b.read(slot + w.L.THREAD_STATUS!), () => b.read(slot + w.L.THREAD_VALUE!))
      b.record('steal', name, result)
      if (result === 'empty') break
    }
  }
}

/** Each value is somewhere, once; the dead may have been given one. */
function books(b: Bench, objects: Readonly<Record<string, Of>>): void {
  const values = new Set(Object.values(objects).flatMap(({ values: some = [] }) => some))
  const maybe = new Set<number>()
  for (const h of b.history)
    if (h.op === 'push') (h.responded === Infinity ? maybe : values).add(Number(String(h.arg).slice(2)))
  const got = new Set<number>()
  for (const h of b.history) {
    if (h.op !== 'steal' && h.op !== 'take' && h.op !== 'one') continue
    const text = String(h.result)
    if (h.responded === Infinity || !/\d$/.test(text)) continue
    const value = Number(text.slice(text.indexOf(':') + 1))
    b.check(!got.has(value), `${value} was taken twice`)
    b.check(values.has(value) || maybe.has(value), `${value} was never there`)
    got.add(value)
  }
  const lost = [...values].filter((v) => !got.has(v))
  const given = b.history.some((h) => h.dead && h.op !== 'push' && h.op !== 'batch')
  b.check(lost.length <= (given ? 1 : 0), `${lost} got lost`)
}

/** Who steals may look at the marks of a segment that has been freed meanwhile: then its compare-and-swap fails. */
const lateLoads: Scenario['access'] = (b, w) => {
  const check = shadow(b, w)
  return (t, op, at, bytes) => {
    if (op !== OP_LOAD) check(t, op, at, bytes)
  }
}

const none: Of = { order: 'lifo' }

function of(name: string, about: string, threads: string[][], more: Partial<More>): Scenario {
  const { a = none, b: ofB = none, i = { order: 'injector' }, ...rest } = more
  const objects: Record<string, Of> = { a, b: ofB, i: i as Of }
  return {
    name: `deque object/${name}`,
    about,
    recipe,
    access: lateLoads,
    setup: (b: Bench): Places => {
      const w = attach(b)
      const o: Places['o'] = {}
      // The page of places stays.
      const first = b.call('deque_create', 0, 0)
      b.call('deque_dispose', first, b.read(first + b.layout.HEAD_STATE!))
      const base = usage(b, w)
      for (const [t, [each, { order, values = [] }]] of Object.entries(objects).entries()) {
        const kind = order === 'injector' ? 'injector' : 'deque'
        const at =
          order === 'injector' ? b.as(t, 'injector_create', 0) : b.as(t, 'deque_create', order === 'fifo' ? 1 : 0, 0)
        const open = b.read(b.name(at, each) + b.layout.HEAD_STATE!)
        for (const v of values) b.as(t, `${kind}_push32`, at, open, v)
        o[each] = { at, open, order }
      }
      return { ...settleBase(b, w), base, o }
    },
    threads: threads.map((list) => steps(...list)),
    spec: () => spec(objects),
    ci: { executions: 500, random: 200, stale: 100 },
    final: (b: Bench, w: Places) => {
      const disposed = b.history.some((h) => h.op === 'dispose')
      if (!disposed) {
        drain(b, w)
        books(b, objects)
      }
      if (b.killed >= 0 && !disposed) return
      // Of what the dead have left, anybody may.
      for (const [t, { at, open, order }] of Object.values(w.o).entries())
        b.as(t === b.killed ? b.m.main : t, order === 'injector' ? 'injector_dispose' : 'deque_dispose', at, open)
      audit(b, w)
    },
    ...rest,
  }
}

const lifo = (...values: number[]): Of => ({ order: 'lifo', values })
const fifo = (...values: number[]): Of => ({ order: 'fifo', values })
const injector = (...values: number[]): Of => ({ order: 'injector', values })
const kill = (...victims: number[]): Partial<More> => ({
  victims,
  reaper,
  spec: undefined,
  ci: { executions: 100, random: 50, stale: 0 },
})

export const dequeObjects: Scenario[] = [
  of(
    'oldest first',
    'owner and thief at the same end',
    [
      ['take a', 'push a=7', 'take a'],
      ['steal a', 'steal a'],
    ],
    { a: fifo(1, 2) },
  ),
  of(
    'batch, oldest to oldest',
    'in the same order',
    [
      ['push a=7', 'take a'],
      ['batch a>b 2', 'take b', 'take b'],
    ],
    { a: fifo(1, 2, 3), b: fifo() },
  ),
  of(
    'batch, oldest to newest',
    'turned round',
    [
      ['push a=7', 'take a'],
      ['one a>b 2', 'take b'],
    ],
    { a: fifo(1, 2, 3), b: lifo(5) },
  ),
  of(
    'batch, newest to newest',
    'one after the other',
    [
      ['push a=7', 'take a'],
      ['batch a>b 2', 'take b', 'take b'],
    ],
    { a: lifo(1, 2, 3), b: lifo() },
  ),
  of(
    'batch, newest to oldest',
    'turned round',
    [
      ['take a', 'take a'],
      ['one a>b 3', 'take b'],
    ],
    { a: lifo(1, 2, 3, 4, 5), b: fifo() },
  ),
  of(
    'two in the injector',
    'nothing is lost',
    [
      ['push i=1', 'push i=2'],
      ['steal i', 'push i=3', 'steal i'],
    ],
    {},
  ),
  of('two push', 'the last slot of a segment', [['push i=7'], ['push i=8'], ['steal i']], { i: injector(1) }),
  of('two steal', 'the last value of a segment', [['steal i'], ['steal i'], ['push i=7']], { i: injector(1, 2) }),
  of(
    'batch from the injector',
    'half of it',
    [
      ['push i=7', 'steal i'],
      ['batch i>b 2', 'take b'],
    ],
    { i: injector(1, 2, 3), b: fifo() },
  ),
  of('batch and a thief', 'each value once', [['steal i'], ['one i>b 2', 'take b'], ['push i=7']], {
    i: injector(1, 2, 3),
    b: lifo(),
  }),
  of('owner killed', 'what is left can be stolen', [['push a=7', 'take a', 'push a=8'], ['steal a']], {
    a: fifo(1, 2),
    ...kill(0),
  }),
  of('killed in a batch', 'what has been stolen can be stolen', [['push a=7'], ['one a>b 3', 'take b']], {
    a: lifo(1, 2, 3, 4, 5),
    b: fifo(),
    ...kill(1),
  }),
  of('killed in a batch of newest', 'what has been stolen can be stolen', [['take a'], ['batch a>b 3', 'take b']], {
    a: lifo(1, 2, 3, 4, 5),
    b: lifo(),
    ...kill(1),
  }),
  of(
    'pusher killed',
    'at the end of a segment',
    [
      ['push i=7', 'push i=8'],
      ['steal i', 'push i=9'],
    ],
    { i: injector(1), ...kill(0) },
  ),
  of('thief of the injector killed', 'at the end of a segment', [['push i=7'], ['one i>b 4', 'steal i']], {
    i: injector(1, 2, 3),
    ...kill(1),
  }),
  of('dispose against push', 'pushed before it, or stale', [['dispose i'], ['push i=7', 'push i=8']], {
    i: injector(1),
  }),
  of('dispose against steal', 'what is left is freed', [['dispose i'], ['steal i', 'steal i']], {
    i: injector(1, 2, 3),
  }),
  of('two dispose', 'one of them has', [['dispose i'], ['dispose i'], ['push i=7']], { i: injector(1) }),
  of('deque, dispose against steal', 'stolen before it, or stale', [['dispose a'], ['steal a', 'steal a']], {
    a: lifo(1, 2, 3),
  }),
  of('disposer killed', 'another one ends it', [['dispose i'], ['steal i', 'push i=9']], {
    i: injector(1, 2, 3),
    ...kill(0),
  }),
  of('disposer of a deque killed', 'another one ends it', [['dispose a'], ['steal a']], {
    a: lifo(1, 2, 3),
    ...kill(0),
  }),
]
