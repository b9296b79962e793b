// Blocks: allocated and freed by several threads, by way of objects (object_create, object_dispose).
//
// Every owner writes its mark into its block and expects to find it again: a block with two owners is found out at once.

import { Failure } from '../checker/failure.js'
import type { Command, Program, Thread } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { audit, shadow, usage } from './audit.js'
import { attach, coreRecipe, reaper, settleBase, type World } from './core.js'

const MARK = 64
/** A block of one (model) page goes to the depot with every free: the shared path. Half a page: chains of four. */
const PAGE_BYTES = 4096
const CHAINED = 2048

interface Blocks extends World {
  /** Objects that stand in memory from the start. */
  given: number[]
}

function world(b: Bench, given: number, bytes: number, freed: number): Blocks {
  const w = attach(b)
  const blocks = Array.from({ length: given + freed }, (_, k) =>
    b.name(b.call('object_create', w.L.KIND_ATOMIC!, bytes), `block ${k}`),
  )
  for (const block of blocks.slice(given)) b.call('object_dispose', block, generation(b.read(block + w.L.HEAD_STATE!)))
  return settleBase(b, { ...w, given: blocks.slice(0, given) })
}

const generation = (state: number): number => state & ~0xff

function* create(t: Thread, w: Blocks, bytes: number): Generator<Command, number, number> {
  yield t.begin('create')
  const block = yield t.call('object_create', w.L.KIND_ATOMIC!, bytes)
  yield t.end(block === 0 ? 'none' : 'ok')
  if (block === 0) return 0
  const old = yield t.exchange(block + MARK, t.id + 1)
  if (old !== 0)
    throw new Failure(
      'memory',
      `block 0x${block.toString(16)} was given to thread ${t.id} while thread ${old - 1} has it, or was not cleared`,
    )
  return block
}

function* free(t: Thread, w: Blocks, block: number): Generator<Command, void, number> {
  const mine = yield t.exchange(block + MARK, 0)
  if (mine !== t.id + 1)
    throw new Failure('memory', `block 0x${block.toString(16)} of thread ${t.id} was written by thread ${mine - 1}`)
  const open = generation(t.peek(block + w.L.HEAD_STATE!))
  yield t.call('object_dispose', block, open)
}

/** Creates and frees, so many times; keeps the last if told. */
function churn(bytes: number, times: number, keep = false): (t: Thread, w: Blocks) => Program {
  return function* (t, w) {
    for (let k = 0; k < times; k++) {
      const block = yield* create(t, w, bytes)
      if (block !== 0 && !(keep && k === times - 1)) yield* free(t, w, block)
    }
  }
}

/** Takes two blocks, gives the first back: it is on top again, and what was below it is not free any more. */
function* churns(t: Thread, w: Blocks): Program {
  const first = yield* create(t, w, PAGE_BYTES)
  yield* create(t, w, PAGE_BYTES)
  yield* free(t, w, first)
}

/** Disposes of the blocks that were there: 'ok' once, 'stale' for all others. */
function disposes(...which: number[]): (t: Thread, w: Blocks) => Program {
  return function* (t, w) {
    for (const k of which) {
      yield t.op('dispose', k, (r) => (r === w.L.OK ? 'ok' : 'stale'), 'object_dispose', w.given[k] as number, 0)
    }
  }
}

/** Who keeps a block (or died with one) has it in use: `more` may be, no less. */
function balance(more: number): (b: Bench, w: Blocks) => void {
  return (b, w) => {
    const now = usage(b, w)
    const kept = now.reduce((a, n, c) => a + n - (w.base[c] as number), 0)
    b.check(kept >= -w.given.length && kept <= more, `${kept} blocks more in use than at the start`)
    audit(b, w, now)
  }
}

function blocks(
  name: string,
  about: string,
  threads: Scenario['threads'],
  more: Partial<Scenario> & { bytes?: number; given?: number; freed?: number; kept?: number } = {},
): Scenario {
  return {
    name: `allocator/${name}`,
    about,
    recipe: coreRecipe,
    access: shadow,
    setup: (b) => world(b, more.given ?? 0, more.bytes ?? PAGE_BYTES, more.freed ?? 0),
    threads,
    realtime: false,
    final: balance(more.kept ?? 0),
    lockFree: true,
    ...more,
  }
}

const onceEach =
  (count: number): Scenario['outcome'] =>
  (b) => {
    const ok = b.history.filter((o) => o.op === 'dispose' && o.result === 'ok').length
    const pending = b.history.filter((o) => o.op === 'dispose' && o.dead).length
    b.check(ok <= count && ok + pending >= count, `${ok} of ${count} disposals succeeded`)
    return ''
  }

/** An arena whose memory is all free, in runs of four pages: whatever else is wanted has to be cut from these. */
function exhausted(b: Bench): Blocks {
  const w = attach(b)
  const runs: number[] = []
  for (;;) {
    const run = b.call('object_create', w.L.KIND_ATOMIC!, 4 * PAGE_BYTES)
    if (run === 0) break
    runs.push(run)
  }
  // What is left is less than a run.
  while (b.call('object_create', w.L.KIND_ATOMIC!, PAGE_BYTES) !== 0);
  for (const run of runs.slice(0, 2)) b.call('object_dispose', run, generation(b.read(run + w.L.HEAD_STATE!)))
  return settleBase(b, { ...w, given: [] })
}

const SMALL = 100

export const allocator: Scenario[] = [
  blocks(
    'runs are split',
    'no page is left that was never handed out: two threads halve free runs',
    [churn(PAGE_BYTES, 1, true), churn(PAGE_BYTES, 1, true)],
    { setup: exhausted, kept: 2 },
  ),
  blocks(
    'runs are split for small blocks',
    'pages are used again for smaller blocks',
    [churn(SMALL, 1, true), churn(CHAINED, 2, true)],
    { setup: exhausted, kept: 2 },
  ),
  blocks(
    'kill while splitting',
    'what is left of the run is inherited',
    [churn(SMALL, 1, true), churn(PAGE_BYTES, 1, true)],
    { setup: exhausted, victims: [0], reaper, kept: 3 },
  ),
  blocks(
    'two threads from the depot',
    'each takes a block and frees it, twice, with two blocks in the depot',
    [churn(PAGE_BYTES, 2), churn(PAGE_BYTES, 2)],
    { freed: 2 },
  ),
  blocks(
    'pop against pop, pop, push (ABA)',
    'the chain on top comes back with another one below it',
    [churn(PAGE_BYTES, 1, true), churns],
    { freed: 3, kept: 3 },
  ),
  blocks(
    'three threads',
    'one block in the depot, fresh pages for the rest',
    [churn(PAGE_BYTES, 1), churn(PAGE_BYTES, 1), churn(PAGE_BYTES, 1)],
    {
      freed: 1,
      explore: { executions: 300_000, random: 20_000 },
      ci: { executions: 20_000, random: 2000 },
    },
  ),
  blocks('fresh pages', 'two threads extend the arena at once', [churn(CHAINED, 1, true), churn(CHAINED, 1, true)], {
    kept: 2,
  }),
  blocks('dispose twice', 'of two disposals of one object exactly one succeeds', [disposes(0), disposes(0)], {
    given: 1,
    outcome: onceEach(1),
  }),
  blocks(
    'freed by another thread',
    'blocks go to the one who frees them, and round',
    [disposes(0, 1), churn(PAGE_BYTES, 2, true)],
    { given: 2, kept: 1, outcome: onceEach(2) },
  ),
  blocks(
    'kill while creating',
    'the reaper finds the block that nobody knows',
    [churn(PAGE_BYTES, 1), churn(PAGE_BYTES, 1)],
    { freed: 1, victims: [0], reaper, kept: 1 },
  ),
  blocks('kill with chains', 'magazines of the dead are inherited', [churn(CHAINED, 2), churn(CHAINED, 1)], {
    bytes: CHAINED,
    freed: 6,
    victims: [0],
    reaper,
    kept: 1,
  }),
  blocks('kill with two chains', 'loaded and spare, both are inherited', [churn(CHAINED, 1), churn(CHAINED, 1)], {
    bytes: CHAINED,
    freed: 0,
    victims: [0],
    reaper,
    kept: 1,
    setup: (b) => {
      const w = world(b, 0, CHAINED, 0)
      // Thread 0 frees six blocks: a chain of two and a full one beside it.
      const blocks = Array.from({ length: 6 }, () => b.as(0, 'object_create', w.L.KIND_ATOMIC!, CHAINED))
      for (const block of blocks) b.as(0, 'object_dispose', block, 0)
      return settleBase(b, w)
    },
  }),
  blocks('kill while disposing', 'the block is freed once', [disposes(0), disposes(0)], {
    given: 1,
    victims: [0],
    reaper,
    outcome: onceEach(1),
  }),
]
