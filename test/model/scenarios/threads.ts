// The thread table and its reaper.

import type { Program, Thread } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { audit, shadow } from './audit.js'
import { attach, coreRecipe, numberOf, settleBase, type World } from './core.js'

interface Table extends World {
  /** A slot whose thread is dead, and that thread's number. */
  ghost: number
  dead: number
  /** Threads that had a slot from the beginning. */
  alive: readonly number[]
}

/** Numbers of threads that only fill the table. */
const STRANGERS = 200

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
    return settleBase(b, { ...w, ghost: b.name(ghost, 'ghost'), dead: numberOf(t), alive: [] })
  }

/** An arena with so many free slots and no thread of the scenario attached. */
const withFree =
  (free: number) =>
  (b: Bench): World => {
    b.call('arena_init', b.m.memory.limit & ~(b.layout.PAGE! - 1), 1, 2)
    for (let k = b.layout.MAX_THREADS!; k > free; k--) b.call('thread_attach', k, 0)
    return { L: b.layout, slots: [], base: [] }
  }

/**
 * The table is full: the threads named and the main one, who do live; the dead, each with its number and that of the thread it ended with,
 * and with so many free blocks; strangers. The first of the dead is the ghost.
 */
const crowded =
  (
    alive: readonly number[],
    dead: readonly (readonly [number, number])[],
    blocks: number,
    prepare = (_b: Bench): void => {},
  ) =>
  (b: Bench): Table => {
    const L = b.layout
    b.call('arena_init', b.m.memory.limit & ~(L.PAGE! - 1), 1, 2)
    const slots: number[] = []
    for (const [number, parent] of dead) {
      slots.push(b.name(b.call('thread_attach', number, parent), `ghost ${number}`))
      for (let k = 0; k < blocks; k++) b.call('object_dispose', b.call('object_create', L.KIND_ATOMIC!, 2048), 0)
    }
    prepare(b)
    for (const t of alive) slots.push(b.name(b.as(t, 'thread_attach', numberOf(t), 0), `t${t}`))
    while (slots.length < L.MAX_THREADS! - 1) slots.push(b.call('thread_attach', STRANGERS + slots.length, 0))
    slots.push(b.name(b.call('thread_attach', numberOf(b.m.n), 0), 'main'))
    return settleBase(b, {
      L,
      slots,
      base: [],
      ghost: slots[0] as number,
      dead: dead[0]![0],
      alive: [...alive, b.m.main],
    })
  }

const nothing = function* (): Program {}

function* reaps(t: Thread, w: Table): Program {
  yield t.op('reap', w.dead, Number, 'thread_reap', w.dead)
}

function* attaches(t: Thread): Program {
  yield t.op('attach', undefined, Number, 'thread_attach', 100 + t.id, 0)
}

/** The same; then has something to lose. */
function* attachesForWork(t: Thread): Program {
  yield t.begin('attach')
  const slot: number = yield t.call('thread_attach', 100 + t.id, 0)
  if (slot !== 0) yield t.call('thread_scratch')
  yield t.end(slot)
}

const live = (b: Bench, w: World): number => b.read(w.L.ARENA! + w.L.ARENA_LIVE!)

/** The numbers of those who have a slot; nobody is being reaped. */
function attached(b: Bench, w: World): number[] {
  const numbers: number[] = []
  for (const slot of w.slots) {
    const state = b.read(slot + w.L.THREAD_STATE!) & 0xff
    if (state === w.L.THREAD_ALIVE) numbers.push(b.read(slot + w.L.THREAD_STATE! + 4))
    else b.check(state === w.L.THREAD_FREE, `a slot's state is ${state}`)
  }
  return numbers.sort((x, y) => x - y)
}

function haveSlots(b: Bench, w: World, ...numbers: number[]): void {
  const found = attached(b, w).filter((n) => n < STRANGERS)
  b.check(found.join() === numbers.join(), `${found} have slots, not ${numbers}`)
  b.check(live(b, w) === attached(b, w).length, `${live(b, w)} threads are counted`)
}

/** The ghost is reaped once, and who has attached keeps its slot, unless killed itself. */
function keepsItsSlot(b: Bench, w: Table): void {
  const reaps = b.history.filter((o) => o.op === 'reap')
  const yes = reaps.reduce((sum, o) => sum + (o.dead ? 0 : Number(o.result)), 0)
  b.check(yes <= 1 && (yes === 1 || reaps.some((o) => o.dead)), `${yes} reapers say that they have reaped`)
  const got = b.history.some((o) => o.op === 'attach' && !o.dead && o.result !== 0) && b.killed !== 2
  const stay = w.alive.filter((t) => t !== b.killed).map(numberOf)
  haveSlots(b, w, ...stay, ...(got ? [100 + 2] : []))
  const base = [...w.base]
  if (got) base[Math.log2(w.L.SCRATCH_BYTES! / w.L.LINE!)]!++
  audit(b, w, base)
}

function reaped(times: number): Scenario['final'] {
  return (b: Bench, w: Table) => {
    const yes = b.history.reduce((sum, o) => sum + (o.op === 'reap' && !o.dead ? Number(o.result) : 0), 0)
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
      for (let id = STRANGERS; b.as(b.m.n - 1, 'thread_attach', id, 0) !== 0 && id < STRANGERS + 100; id++);
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
      yield t.call('thread_reap', numberOf(0))
      // If the first reaper had not begun, the ghost is still there.
      yield* reaps(t, w)
    },
    final: reaped(1),
  },
  {
    name: 'threads/late reaper',
    about: 'two find a dead thread; one reaps it, a new thread gets the slot, the other goes on',
    recipe: coreRecipe,
    access: shadow,
    setup: crowded([0, 1], [[50, 0]], 1),
    threads: [reaps, reaps, attachesForWork],
    final: keepsItsSlot,
  },
  {
    name: 'threads/late reaper, kills',
    about: 'one of the two reapers, or the new thread, is killed meanwhile',
    recipe: coreRecipe,
    access: shadow,
    setup: crowded([0, 1, 3], [[50, 0]], 0),
    threads: [reaps, reaps, attachesForWork],
    victims: [0, 2],
    reaper: function* (t: Thread, w: Table): Program {
      const victim: number = yield t.death()
      yield t.call('thread_reap', victim === 2 ? 100 + victim : numberOf(victim))
      yield* reaps(t, w)
    },
    final: keepsItsSlot,
    explore: { executions: 20_000, random: 5000 },
    ci: { executions: 1000, random: 500 },
  },
  {
    name: 'threads/two reapers, one slot reaped before',
    about: 'who reaps a thread does not take over what that thread has reaped long ago, and another reaps now',
    recipe: coreRecipe,
    access: shadow,
    setup: crowded(
      [0, 1],
      [
        [50, 0],
        [51, 0],
      ],
      0,
      (b) => {
        // 51 reaps 50; 52 gets its slot.
        b.call('thread_reap', 50)
        b.call('thread_attach', 52, 0)
      },
    ),
    threads: [
      function* (t: Thread): Program {
        yield t.op('reap', 51, Number, 'thread_reap', 51)
      },
      function* (t: Thread): Program {
        yield t.op('reap', 52, Number, 'thread_reap', 52)
      },
    ],
    final: (b, w: Table) => {
      b.check(
        b.history.every((o) => o.result === 1),
        'not each has reaped one slot',
      )
      haveSlots(b, w, numberOf(0), numberOf(1), numberOf(2))
      audit(b, w)
    },
  },
  {
    name: 'threads/family, reaper killed',
    about: 'whoever reaps the reaper finds those that have ended with the thread that it was reaping',
    recipe: coreRecipe,
    access: shadow,
    setup: crowded(
      [0, 1],
      [
        [50, numberOf(0)],
        [51, 50],
      ],
      1,
    ),
    threads: [reaps],
    victims: [0],
    reaper: function* (t: Thread): Program {
      yield t.death()
      yield t.call('thread_reap', numberOf(0))
    },
    final: (b, w: Table) => {
      haveSlots(b, w, ...[0, 1, 2].filter((t) => t !== b.killed).map(numberOf))
      if (b.killed !== 0) b.check(b.history[0]?.result === 2, `${b.history[0]?.result} slots are said to be reaped`)
      audit(b, w)
    },
  },
]
