// The thread table and its reaper.

import type { Program, Thread } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { audit, shadow } from './audit.js'
import { attach, coreRecipe, settleBase, type World } from './core.js'

interface Table extends World {
  /** A slot whose thread is dead. */
  ghost: number
}

/** Thread `t` attaches, takes blocks, and never runs again. */
const withGhost =
  (t: number) =>
  (b: Bench): Table => {
    const w = attach(b)
    const ghost = w.slots[t] as number
    for (let k = 0; k < 2; k++) {
      const block = b.as(t, 'object_create', w.L.KIND_ATOMIC!, 2048)
      b.as(t, 'object_dispose', block, 0)
    }
    return settleBase(b, { ...w, ghost: b.name(ghost, 'ghost') })
  }

/** An arena with so many free slots and no thread of the scenario attached. */
const withFree =
  (free: number) =>
  (b: Bench): World => {
    b.call('arena_init', b.m.memory.limit & ~(b.layout.PAGE! - 1), 1, 2)
    for (let k = b.layout.MAX_THREADS!; k > free; k--) b.call('thread_attach', k, 0)
    return { L: b.layout, slots: [], base: [] }
  }

const nothing = function* (): Program {}

function* reaps(t: Thread, w: Table): Program {
  yield t.op('reap', undefined, Boolean, 'thread_reap', w.ghost)
}

function* attaches(t: Thread): Program {
  yield t.op('attach', undefined, Number, 'thread_attach', 100 + t.id, 0)
}

const live = (b: Bench, w: World): number => b.read(w.L.ARENA! + w.L.ARENA_LIVE!)

function reaped(times: number): Scenario['final'] {
  return (b: Bench, w: Table) => {
    const yes = b.history.filter((o) => o.result === true).length
    const dead = b.history.filter((o) => o.dead).length
    b.check(yes <= times && yes + dead >= times, `${yes} reapers say that they have reaped`)
    b.check(b.read(w.ghost + w.L.THREAD_STATE!) === w.L.THREAD_FREE, 'the slot is not free')
    audit(b, w)
  }
}

export const threadTable: Scenario[] = [
  {
    name: 'threads/attach',
    about: 'two threads attach at once: two slots',
    recipe: coreRecipe,
    access: shadow,
    setup: withFree(3),
    threads: [attaches, attaches],
    final: (b, w) => {
      const slots = b.history.map((o) => Number(o.result))
      b.check(slots[0] !== slots[1] && slots.every((s) => s > 0), `slots ${slots.join(' and ')}`)
      b.check(live(b, w) === 4, `${live(b, w)} threads are counted`)
    },
    lockFree: true,
  },
  {
    name: 'threads/attach to a full table',
    about: 'one slot for two: one is refused',
    recipe: coreRecipe,
    access: shadow,
    setup: withFree(1),
    threads: [attaches, attaches],
    final: (b, w) => {
      b.check(b.history.filter((o) => Number(o.result) > 0).length === 1, 'not exactly one got the slot')
      b.check(live(b, w) === 5, `${live(b, w)} threads are counted`)
    },
    lockFree: true,
  },
  {
    name: 'threads/two reapers',
    about: 'one slot is reaped once',
    recipe: coreRecipe,
    access: shadow,
    setup: withGhost(2),
    threads: [reaps, reaps, nothing],
    final: reaped(1),
  },
  {
    name: 'threads/reap against attach',
    about: 'a slot is taken again only when it is clean',
    recipe: coreRecipe,
    access: shadow,
    setup: (b) => {
      const w = withGhost(2)(b)
      // The rest of the table is taken.
      for (let id = 100; b.as(b.m.n - 1, 'thread_attach', id, 0) !== 0 && id < 200; id++);
      return w
    },
    threads: [reaps, attaches, nothing],
    final: (b, w: Table) => {
      const got = Number(b.history.find((o) => o.op === 'attach')?.result)
      b.check(got === 0 || got === w.ghost, `slot 0x${got.toString(16)} was given away`)
      b.check(live(b, w) === 4 + (got ? 1 : 0), `${live(b, w)} threads are counted`)
    },
  },
  {
    name: 'threads/reaper killed',
    about: 'its own reaper goes on with what it had begun',
    recipe: coreRecipe,
    access: shadow,
    setup: withGhost(1),
    threads: [reaps, nothing],
    victims: [0],
    reaper: function* (t: Thread, w: Table): Program {
      yield t.death()
      yield t.call('thread_reap', w.slots[0] as number)
      // If the first reaper had not begun, the ghost is still there.
      yield* reaps(t, w)
    },
    final: reaped(1),
  },
]
