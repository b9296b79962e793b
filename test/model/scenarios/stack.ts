// The bounded stack.

import type { Operation, Program, Thread } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { stackSpec } from '../checker/specs.js'
import { audit, shadow } from './audit.js'
import { attach, coreRecipe, reaper, received, settleBase, type World, word } from './core.js'

interface StackWorld extends World {
  s: number
  open: number
}

type Step = number | 'pop' | 'length'

/** A stack with those values, of which `pops` are taken again: their nodes are free. */
function make(b: Bench, capacity: number, prefill: number[], pops: number): StackWorld {
  const w = attach(b)
  const s = b.name(b.call('stack_create', capacity, 0), 'stack', 'STACK')
  for (const v of prefill) b.call('stack_push32', s, 0, v)
  for (let k = 0; k < pops; k++) b.call('stack_take', s, 0)
  return settleBase(b, { ...w, s, open: b.read(s + w.L.HEAD_STATE!) })
}

function steps(...list: Step[]): (t: Thread, w: StackWorld) => Program {
  return function* (t, w) {
    for (const s of list) {
      if (s === 'pop')
        yield t.op(
          'pop',
          undefined,
          () => received((at) => t.peek(at), w.slots[t.id] as number, w, false, 'empty'),
          'stack_take',
          w.s,
          w.open,
        )
      else if (s === 'length') yield t.op('length', undefined, Number, 'stack_length', w.s, w.open)
      else yield t.op('push', s, (r) => (r === w.L.WOULD_BLOCK ? 'full' : word(w, r)), 'stack_push32', w.s, w.open, s)
    }
  }
}

function stack(
  name: string,
  about: string,
  capacity: number,
  threads: Step[][],
  prefill: number[] = [],
  more: Partial<Scenario> = {},
  pops = 0,
): Scenario {
  return {
    name: `stack/${name}`,
    about,
    recipe: coreRecipe,
    access: shadow,
    setup: (b) => make(b, capacity, prefill, pops),
    threads: threads.map((list) => steps(...list)),
    spec: () => stackSpec(capacity, prefill.slice(0, prefill.length - pops)),
    expand: relax,
    final: (b: Bench, w: StackWorld) => {
      // Everything comes out, and as much as the capacity goes in again: no node is lost.
      const slot = w.slots[b.m.main] as number
      for (;;) {
        b.call('stack_take', w.s, w.open)
        const v = received((at) => b.i32[at >> 2] as number, slot, w, false, 'empty')
        b.record('pop', undefined, v)
        if (v === 'empty') break
      }
      for (let k = 0; k < capacity; k++)
        b.check(word(w, b.call('stack_push32', w.s, w.open, k)) === 'ok', `only ${k} of ${capacity} nodes are left`)
      b.check(b.call('stack_push32', w.s, w.open, 99) === w.L.WOULD_BLOCK, 'there are more nodes than the capacity')
      audit(b, w)
    },
    lockFree: true,
    ...more,
  }
}

/**
 * "Full" means that all nodes are in use or in somebody's hands: a push may hear it while another operation is under way, though the
 * stack holds fewer values. With nobody else inside it is exact.
 */
function relax(history: readonly Operation[]): Operation[] {
  return history.map((o) => {
    const overlaps = history.some((p) => p.thread !== o.thread && p.invoked < o.responded && p.responded > o.invoked)
    return o.op === 'push' && o.result === 'full' && overlaps ? { ...o, op: 'pushRelaxed' } : o
  })
}

const kill = (...victims: number[]): Partial<Scenario> => ({ victims, reaper })

export const stacks: Scenario[] = [
  stack('push against pop', 'capacity 1', 1, [
    [1, 'pop'],
    ['pop', 2],
  ]),
  stack('two pushers', 'capacity 2, a third value may not fit', 2, [[1, 2], [3]]),
  stack('two poppers', 'fight over two values', 2, [['pop', 'pop'], ['pop']], [1, 2]),
  stack(
    'pop against pop, pop, push (ABA)',
    'the node on top comes back while another looks at it',
    2,
    [['pop'], ['pop', 'pop', 5]],
    [1, 2],
  ),
  stack(
    'free nodes (ABA)',
    'a push looks at a free node that is taken and comes back without the one below it',
    3,
    [[7], [8, 'pop'], [9]],
    [1, 2, 3],
    { ci: { executions: 20_000, random: 2000 } },
    3,
  ),
  stack('three threads', 'push, pop, both', 2, [[3], ['pop'], ['pop', 4]], [1], {
    explore: { executions: 2_000_000 },
    ci: { executions: 20_000, random: 5000 },
  }),
  stack(
    'length',
    'is that of one moment',
    2,
    [
      ['length', 'length'],
      ['pop', 3],
    ],
    [1],
  ),
  stack(
    'pusher killed',
    'its node comes back',
    2,
    [
      [2, 3],
      ['pop', 4],
    ],
    [1],
    kill(0),
  ),
  stack('pusher killed in a fight', 'with a node in hands', 3, [[2], [3, 'pop']], [1], kill(0)),
  stack(
    'popper killed',
    'its node comes back',
    2,
    [
      ['pop', 'pop'],
      ['pop', 4],
    ],
    [1, 2],
    kill(0),
  ),
]
