// The rings of channels, without waiting: narrow (32-bit values, strictly lock-free) and wide (64-bit).

import type { Program, Thread } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { queueSpec } from '../checker/specs.js'
import { audit, shadow } from './audit.js'
import { type ChannelWorld, coreRecipe, drain, makeChannel, reaper, tryReceive, trySend } from './core.js'

type Step = number | 'r'

/** A thread that sends the numbers and receives at each 'r'. */
function steps(...list: Step[]): (t: Thread, w: ChannelWorld) => Program {
  return function* (t, w) {
    for (const s of list) yield s === 'r' ? tryReceive(t, w) : trySend(t, w, s)
  }
}

function ring(
  wide: boolean,
  name: string,
  about: string,
  capacity: number,
  threads: Step[][],
  prefill: number[],
  more: Partial<Scenario> = {},
): Scenario {
  return {
    name: `${wide ? 'wide' : 'narrow'} ring/${name}`,
    about,
    recipe: coreRecipe,
    access: shadow,
    setup: (b: Bench) => {
      const w = makeChannel(b, capacity, wide)
      for (const v of prefill) b.call(wide ? 'channel_trySendF64' : 'channel_trySend32', w.ch, w.open, v)
      return w
    },
    threads: threads.map((list) => steps(...list)),
    spec: () => queueSpec(capacity, prefill),
    final: (b: Bench, w: ChannelWorld) => {
      drain(b, w)
      audit(b, w)
    },
    lockFree: !wide,
    ...more,
  }
}

const kill = (...victims: number[]): Partial<Scenario> => ({ victims, reaper })

function both(
  name: string,
  about: string,
  capacity: number,
  threads: Step[][],
  prefill: number[] = [],
  more: Partial<Scenario> = {},
): Scenario[] {
  return [false, true].map((wide) => ring(wide, name, about, capacity, threads, prefill, more))
}

export const rings: Scenario[] = [
  ...both('send against receive', 'one sends two, one receives two, capacity 1', 1, [
    [1, 2],
    ['r', 'r'],
  ]),
  ...both('two senders', 'two slots, a third value does not fit', 2, [
    [1, 2],
    [3, 4],
  ]),
  ...both(
    'two receivers',
    'fight over two values',
    2,
    [
      ['r', 'r'],
      ['r', 'r'],
    ],
    [1, 2],
  ),
  ...both('two senders and a receiver', 'capacity 2', 2, [[1], [2], ['r', 'r']]),
  ...both('one sender and two receivers', 'capacity 2, wraps round', 2, [[1, 2], ['r'], ['r']], [9]),
  ...both(
    'wrap round',
    'capacity 3 (not a power of two), both ends move past the end',
    3,
    [
      [4, 5],
      ['r', 'r'],
    ],
    [1, 2, 3],
  ),
  ...both(
    'full',
    'the place of the value that is taken is written to at once (capacity 4: all the room of a wide ring)',
    4,
    [['r'], [5, 6]],
    [1, 2, 3, 4],
  ),
  ...both(
    'full, two receivers',
    'a place is written to while a slower receiver still reads it',
    4,
    [['r', 5], ['r']],
    [1, 2, 3, 4],
  ),
  ...both('mixed', 'each sends and receives', 1, [
    [1, 'r'],
    [2, 'r'],
  ]),
  ...both(
    'sender killed',
    'the other goes on',
    1,
    [
      [1, 2],
      ['r', 3, 'r'],
    ],
    [],
    kill(0),
  ),
  ...both(
    'receiver killed',
    'the other goes on',
    1,
    [
      ['r', 'r'],
      [2, 'r', 3],
    ],
    [1],
    kill(0),
  ),
]
