// Atomic values that are messages: loads against stores, compare and swap, updates, with kills.

import type { Scenario } from '../checker/scenario.js'
import { shadow } from './audit.js'
import { mapRecipe, reaper } from './core.js'
import { makeValue, valueSettled, valueSpec, valueSteps } from './shared-data.js'

const INITIAL = 4

function of(name: string, about: string, threads: string[][], more: Partial<Scenario> = {}): Scenario {
  return {
    name: `atomic value/${name}`,
    about,
    recipe: mapRecipe,
    access: shadow,
    setup: (b) => makeValue(b, INITIAL),
    threads: threads.map((list) => valueSteps(...list)),
    spec: () => valueSpec(INITIAL),
    final: valueSettled,
    ci: { executions: 5000, random: 500, stale: 200 },
    ...more,
  }
}

const kill = (...victims: number[]): Partial<Scenario> => ({
  victims,
  reaper,
  ci: { executions: 30, random: 10, stale: 0 },
})

export const atomicValues: Scenario[] = [
  of('load against swap', 'one value or the other, whole', [
    ['load', 'load'],
    ['swap 5', 'swap 6'],
  ]),
  of('two swaps', 'each frees what it has replaced', [['swap 5'], ['swap 6', 'load']]),
  of('compare and swap', 'one of two', [['cas 4>5'], ['cas 4>6', 'cas 6>7']]),
  of('compare and swap, there and back', 'the same value again is not the same message', [
    ['cas 4>5'],
    ['swap 6', 'swap 4'],
  ]),
  of('two updates', 'both count', [['update'], ['update']]),
  of('three threads', 'swap, update, load', [['swap 5'], ['update'], ['load']]),
  of(
    'swapper killed',
    'stored or not',
    [
      ['swap 5', 'swap 6'],
      ['load', 'swap 7'],
    ],
    kill(0),
  ),
  of('updater killed', 'no message is lost', [['update'], ['update', 'load']], kill(0)),
]
