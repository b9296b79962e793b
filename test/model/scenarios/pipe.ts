// The byte pipe: one writer against one reader, with and without waiting at its gates, closed by anybody, taken over after a death.

import type { Bench, Scenario } from '../checker/scenario.js'
import { pipeSpec } from '../checker/specs.js'
import { shadow } from './audit.js'
import { coreRecipe } from './core.js'
import { heir, make, settled, steps } from './pipe-steps.js'

interface More extends Partial<Scenario> {
  capacity?: number
  prefill?: number[]
  offset?: number
  bytes?: (v: number) => number
}

/** Odd values take 16 bytes with their header, even ones 24. */
const mixed = (v: number): number => (v % 2 ? 8 : 12)

function pipe(name: string, about: string, threads: string[][], more: More = {}): Scenario {
  const { capacity = 64, prefill = [], offset = 0, bytes = mixed, ...rest } = more
  return {
    name: `pipe/${name}`,
    about,
    recipe: coreRecipe,
    access: shadow,
    setup: (b: Bench) => make(b, capacity, bytes, prefill, offset),
    threads: threads.map((list) => steps(...list)),
    spec: () => pipeSpec(capacity, bytes, prefill, offset),
    final: settled,
    ...rest,
  }
}

/** A pipe with three rows in it. */
function holdingRows(capacity: number): Partial<Scenario> {
  const rows = [1, 3, 5]
  return {
    setup: (b) => {
      const w = make(b, capacity, mixed, [], 0)
      const at = b.call('pipe_reserve', w.p, w.open, 8 * rows.length, 8)
      for (const [i, v] of rows.entries()) for (let k = 0; k < 2; k++) b.i32[(at >> 2) + 2 * i + k] = 10 * v + k
      b.call('pipe_publish', w.p, w.open)
      return w
    },
    spec: () => pipeSpec(capacity, mixed, [], 0, rows),
  }
}

const kill = (victim: number, ...list: string[]): More => ({ victims: [victim], maySleep: true, ...heir(...list) })

/** Complete after some 50,000 executions, or not even then. */
const long: More = { ci: { executions: 10_000, random: 1000 } }

/** The same with a full pipe: 48 bytes hold two records of 24. */
const full = { capacity: 48, prefill: [2, 4] }

export const pipes: Scenario[] = [
  pipe(
    'write against read',
    'three records of two lengths',
    [
      ['try 1', 'try 2', 'try 3'],
      ['try read', 'try read', 'try read'],
    ],
    { lockFree: true },
  ),
  pipe(
    'wrap round',
    'a record that does not fit the rest of the ring begins at the front',
    [
      ['try 2', 'try 4'],
      ['try read', 'try read', 'try read'],
    ],
    { offset: 32, lockFree: true, prefill: [1] },
  ),
  pipe(
    'full',
    'the room of the record that is taken is written to at once',
    [
      ['try 6', 'try 8'],
      ['try read', 'try read'],
    ],
    { ...full, lockFree: true },
  ),
  pipe(
    'full, at the end of the ring',
    'room is the mark and the record',
    [
      ['try 6', 'try 8'],
      ['try read', 'try read', 'try read'],
    ],
    { capacity: 64, prefill: [2, 4], offset: 8, lockFree: true },
  ),
  pipe(
    'batch',
    'several records are published at once',
    [
      ['1,2,3', '5,7'],
      ['try read', 'try many', 'try read'],
    ],
    { lockFree: true },
  ),
  pipe('batch, wrap round', 'and read at once', [['2,4,6'], ['try many', 'try many']], {
    offset: 40,
    prefill: [1],
    lockFree: true,
  }),
  pipe(
    'rows',
    'read one by one',
    [
      ['rows 1,3', 'try 2'],
      ['try read', 'try read', 'try read'],
    ],
    { lockFree: true },
  ),
  pipe('rows, read together', 'those that are left', [['rows 1,3,5'], ['try read', 'rows', 'rows']], {
    lockFree: true,
  }),
  pipe(
    'rows, full',
    'the room of a row that is taken is written to at once',
    [
      ['rows 1,3', 'try 2'],
      ['try read', 'try read', 'rows'],
    ],
    {
      capacity: 48,
      offset: 40,
      prefill: [5],
      lockFree: true,
    },
  ),
  pipe('rows, held', 'some are looked at, one after the other', [['try 6'], ['view', 'view', 'rows']], {
    capacity: 48,
    ...holdingRows(48),
    lockFree: true,
  }),
  pipe(
    'view',
    'a record that is looked at stays as it is',
    [
      ['try 6', 'try 8'],
      ['view', 'view'],
    ],
    { ...full, lockFree: true },
  ),
  pipe(
    'shorter than reserved',
    'the rest is used for the next',
    [
      ['short 2', 'try 1'],
      ['try read', 'try read'],
    ],
    { lockFree: true },
  ),
  pipe(
    'close against write',
    'what was written before is read, nothing after it',
    [
      ['try 1', 'try 2'],
      ['try read', 'close', 'try read'],
    ],
    { lockFree: true },
  ),
  pipe('closed by a third', 'once', [['try 1', 'close'], ['try read', 'try read'], ['close']], { lockFree: true }),
  pipe('reader waits', 'it is told of the record', [['1'], ['read']]),
  pipe('reader waits, without a second look', 'the record comes before it is parked', [['1'], ['blind read']], {
    expect: 'lost wake-up',
  }),
  pipe(
    'reader waits, twice',
    'it is told of each',
    [
      ['1', '2'],
      ['read', 'read'],
    ],
    long,
  ),
  pipe(
    'writer waits',
    'it is told of the room',
    [
      ['6', '8'],
      ['read', 'read'],
    ],
    { ...full, ...long },
  ),
  pipe(
    'both wait',
    'one record fits at a time',
    [
      ['1', '3'],
      ['read', 'read', 'read'],
    ],
    { capacity: 32, bytes: () => 8, prefill: [5], ...long },
  ),
  pipe(
    'reader on an event loop',
    'is told',
    [
      ['1', '2'],
      ['async read', 'async read'],
    ],
    long,
  ),
  pipe(
    'writer on an event loop',
    'is told',
    [
      ['async 6', 'async 8'],
      ['read', 'read'],
    ],
    { ...full, ...long },
  ),
  pipe('reader with a time limit', 'gets the record or leaves it', [['1'], ['timed read', 'try read']]),
  pipe('writer with a time limit', 'has written or not', [['timed 6'], ['read', 'try read', 'try read']], full),
  pipe('batch to a reader that waits', 'told once, it reads all', [['1,2'], ['read', 'read']]),
  pipe('reader waits, batch', 'and takes what is there', [['1,2'], ['block many']]),
  pipe(
    'close wakes the reader',
    'there will be nothing',
    [
      ['1', 'close'],
      ['read', 'read'],
    ],
    long,
  ),
  pipe('close wakes the writer', 'nobody will read it', [['6'], ['close']], full),
  pipe('closed by a third, reader waits', 'it is told', [['try 1'], ['read', 'read'], ['close']], long),
  pipe('closed by a third, writer waits', 'it is told', [['6', '8'], ['try read'], ['close']], { ...full, ...long }),
  pipe(
    'claims',
    'one of two becomes the writer',
    [
      ['writer', 'try 1'],
      ['not writer', 'try read'],
    ],
    {
      setup: (b) => {
        const w = make(b, 64, mixed, [], 0)
        b.as(0, 'pipe_claim', w.p, w.open, w.L.PIPE_WRITER!)
        return w
      },
    },
  ),
  pipe(
    'writer killed',
    'another goes on after what was published',
    [
      ['writer', '1', '2'],
      ['read', 'try read'],
    ],
    kill(0, 'writer', 'try 3'),
  ),
  pipe('writer killed, full', 'and so it does', [['writer', '6'], ['read']], {
    ...full,
    ...kill(0, 'writer', 'try 3'),
  }),
  pipe(
    'writer killed, wrap round',
    'a mark without a record',
    [
      ['writer', 'try 2', 'try 4'],
      ['read', 'try read', 'try read'],
    ],
    {
      offset: 32,
      prefill: [1],
      ...kill(0, 'writer', 'try 6'),
    },
  ),
  pipe(
    'batch writer killed',
    'all of the batch or none',
    [
      ['writer', '1,3'],
      ['read', 'try read'],
    ],
    kill(0, 'writer', 'try 5'),
  ),
  pipe(
    'reader killed',
    'another goes on with what was not released',
    [
      ['1', '3'],
      ['reader', 'read'],
    ],
    {
      bytes: () => 8,
      ...kill(1, 'reader', 'try read'),
    },
  ),
  pipe(
    'reader of rows killed',
    'another goes on in the midst of them',
    [['try 2'], ['reader', 'try read', 'try read', 'try read']],
    {
      capacity: 64,
      ...holdingRows(64),
      ...kill(1, 'reader', 'rows', 'try read'),
    },
  ),
  pipe('reader killed, writer waits', 'the heir makes room', [['6'], ['reader', 'read']], {
    ...full,
    ...kill(1, 'reader', 'read'),
  }),
  pipe(
    'waiting reader killed',
    'its heir is told in its place',
    [['1'], ['reader', 'read']],
    kill(1, 'reader', 'read'),
  ),
  pipe(
    'waiting reader killed, another comes',
    'not before the dead one has been reaped',
    [['1'], ['read'], ['heir read']],
    {
      setup: (b) => {
        const w = make(b, 64, mixed, [], 0)
        b.as(1, 'pipe_claim', w.p, w.open, w.L.PIPE_READER!)
        return w
      },
      ...kill(1),
      ci: { executions: 1000, random: 300 },
    },
  ),
  pipe('closer killed', 'the reader is told all the same', [['close'], ['read']], kill(0)),
  pipe('closer killed, writer waits', 'the writer is told all the same', [['6'], ['close']], { ...full, ...kill(1) }),
]
