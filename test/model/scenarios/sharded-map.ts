// Maps: reads against writes, growing, clearing, nodes that are replaced and freed, with kills.

import type { Scenario } from '../checker/scenario.js'
import { kill, mapScenario as of } from './shared-data.js'

const nodes = { nodes: true }

export const maps: Scenario[] = [
  of(
    'get against set',
    'one value or the other',
    [
      ['get 1', 'get 1'],
      ['set 1=11', 'set 1=12'],
    ],
    { initial: ['1=10'] },
  ),
  of(
    'in one call',
    'the same by the hot calls',
    [
      ['quick 1', 'quick 1'],
      ['quick 1=11', 'quick 2=5'],
    ],
    { initial: ['1=10'] },
  ),
  of(
    'get against insert and delete',
    'there or not',
    [
      ['get 1', 'get 2'],
      ['set 1=7', 'delete 2'],
    ],
    { initial: ['2=8'] },
  ),
  of(
    'get of another key',
    'an entry that is used again for another key is not taken for the first',
    [['get 1'], ['delete 1', 'set 3=7']],
    { initial: ['1=6'] },
  ),
  // Keys 1, 3, 4 and 6 begin their search at the same entry.
  of(
    'colliding keys',
    'a key behind one that is removed is found',
    [
      ['delete 1', 'get 3'],
      ['get 3', 'set 4=7'],
    ],
    { initial: ['1=5', '3=6'] },
  ),
  of('two sets', 'both happen', [
    ['set 1=5', 'get 2'],
    ['set 2=6', 'get 1'],
  ]),
  of('two sets of one key', 'each replaces the other', [['set 1=5'], ['set 1=6']]),
  of('two adds', 'one stores', [['add 1=5'], ['add 1=6']]),
  of('two deletes', 'one has it', [['delete 1'], ['delete 1']], { initial: ['1=4'] }),
  of('compare and swap', 'one of two', [['cas 1=4>5'], ['cas 1=4>6', 'cas 1=6>7']], { initial: ['1=4'] }),
  of('three threads', 'write, delete, read', [['set 1=5'], ['delete 1'], ['get 1', 'get 1']], { initial: ['1=4'] }),
  of('grow against get', 'no key is missed', [['grow'], ['get 1', 'get 2']], { initial: ['1=4', '2=5'] }),
  of('grow against set', 'none is lost', [['grow'], ['set 1=7', 'set 3=6']], { initial: ['1=4', '2=5'] }),
  of(
    'two grow',
    'both keys are kept',
    [
      ['set 3=3', 'get 4'],
      ['set 4=4', 'get 3'],
    ],
    { initial: ['1=1', '2=2', '5=5'] },
  ),
  of('clear against set and get', 'before or after', [['clear'], ['set 1=7', 'get 2']], { initial: ['2=5'] }),
  of(
    'clear against clear',
    'each frees its own',
    [
      ['clear', 'set 1=5'],
      ['clear', 'get 1'],
    ],
    { initial: ['1=4'] },
  ),
  of(
    'nodes, get against set',
    'whole, or there is none',
    [
      ['get 1', 'get 1'],
      ['set 1=11', 'set 1=12'],
    ],
    { ...nodes, initial: ['1=10'] },
  ),
  of(
    'nodes, get against delete',
    'memory that is used again is not read as a value',
    [['get 1'], ['delete 1', 'set 2=9']],
    { ...nodes, initial: ['1=10'] },
  ),
  of('nodes, two sets', 'each frees what it has replaced', [['set 1=5'], ['set 1=6']], { ...nodes, initial: ['1=4'] }),
  of('nodes, set against delete', 'the node is freed once', [['set 1=5'], ['delete 1']], {
    ...nodes,
    initial: ['1=4'],
  }),
  of('nodes, compare and swap', 'one of two', [['cas 1=4>5'], ['cas 1=4>6']], { ...nodes, initial: ['1=4'] }),
  of('nodes, grow against set', 'the chain keeps all', [['grow'], ['set 1=7']], { ...nodes, initial: ['1=4', '2=5'] }),
  of('nodes, clear against set', 'freed once', [['clear'], ['set 1=7', 'get 2']], {
    ...nodes,
    initial: ['1=4', '2=5'],
  }),
  of(
    'nodes, two shards',
    'links of one shard to the next',
    [
      ['delete 1', 'set 2=6'],
      ['set 3=5', 'delete 4'],
    ],
    {
      ...nodes,
      shards: 2,
      initial: ['1=1', '2=2', '4=4'],
    },
  ),
  of(
    'setter killed',
    'set or not',
    [
      ['set 1=5', 'set 2=6'],
      ['get 1', 'set 2=7'],
    ],
    { initial: ['1=4'], ...kill(0) },
  ),
  of('grower killed', 'the table is the old or the new one', [['set 4=4'], ['get 1', 'set 1=7']], {
    initial: ['1=1', '2=2', '3=3'],
    ...kill(0),
  }),
  of(
    'nodes, setter killed',
    'no node is lost',
    [
      ['set 1=5', 'set 2=6'],
      ['get 1', 'set 1=7'],
    ],
    { ...nodes, initial: ['1=4'], ...kill(0) },
  ),
  of('nodes, deleter killed', 'no node is lost', [['delete 1', 'delete 2'], ['set 1=7']], {
    ...nodes,
    initial: ['1=4', '2=5'],
    ...kill(0),
  }),
  of('nodes, clearer killed', 'all nodes are freed', [['clear'], ['set 1=7']], {
    ...nodes,
    initial: ['1=4', '2=5'],
    ...kill(0),
  }),
  of('nodes, grower killed', 'no node is lost', [['grow'], ['delete 1']], {
    ...nodes,
    initial: ['1=4', '2=5'],
    ...kill(0),
  }),
  of('nodes, disposer killed', 'all of it is freed, or none', [['dispose']], {
    ...nodes,
    shards: 2,
    initial: ['1=4', '2=5', '3=6'],
    ...kill(0),
  }),
]
