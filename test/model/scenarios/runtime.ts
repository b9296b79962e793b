// Goroutines: tasks from spawn to result, between threads that wait for each other, that cancel, that die.

import type { Scenario } from '../checker/scenario.js'
import { mender, steps } from './runtime-steps.js'
import { type More, of } from './runtime-world.js'

const explore = { executions: 20_000, random: 5000, stale: 500 }
const short: More = { explore, ci: { executions: 300, random: 300, stale: 30 } }
const kill = (...victims: number[]): More => ({
  victims,
  reaper: mender,
  explore: { executions: 500, random: 100, stale: 0 },
  ci: { executions: 25, random: 8, stale: 0 },
})
/** Task 1 ends when task 2 has begun: two workers must be awake. */
const together: More = { bodies: { 1: ['await flag'], 2: ['raise flag'] }, ...short }

export const runtimes: Scenario[] = [
  // Tasks.
  of(
    'one task',
    'spawned, taken, finished, collected',
    [
      ['s', 'spawn 1', 'collect 1'],
      ['w0', 'work'],
    ],
    short,
  ),
  of(
    'one record',
    'used again while who finished it is still in its section',
    [
      ['s', 'spawn 1', 'collect 1', 'spawn 2', 'collect 1'],
      ['w0', 'work'],
    ],
    short,
  ),
  of(
    'two finish',
    'both push their results',
    [
      ['s', 'collect 2'],
      ['w0', 'work'],
      ['w1', 'work'],
    ],
    {
      queued: ['1', '2'],
      ...short,
    },
  ),
  of(
    'messages',
    'arguments and results are in one place each',
    [
      ['s', 'send 1', 'collect 2'],
      ['w0', 'work'],
      ['w1', 'work'],
    ],
    { queued: ['message 2'], ...short },
  ),
  of(
    'many tasks',
    'rings and blocks of tasks that grow',
    [
      ['s', 'spawn 3', 'spawn 4', 'collect 4'],
      ['w0', 'work'],
    ],
    { queued: ['1', '2'], ...short },
  ),
  of(
    'batch',
    'a part for each worker',
    [
      ['s', 'collect 4'],
      ['w0', 'work'],
      ['w1', 'work'],
    ],
    { queued: ['1', '2', '3', '4'], ...short },
  ),
  of(
    'tree',
    'half of what another worker has spawned is stolen',
    [
      ['s', 'collect 1'],
      ['w0', 'work 1', 'collect 3'],
      ['w1', 'work'],
    ],
    { queued: ['1 to 0'], bodies: { 1: ['spawn 2', 'spawn 3', 'spawn 4'] }, ...short },
  ),
  of(
    'worked off by both',
    'the owner takes the newest, the other one the oldest',
    [
      ['s', 'collect 1'],
      ['w0', 'work'],
      ['w1', 'work'],
    ],
    { queued: ['1 to 0'], bodies: { 1: ['spawn 2', 'spawn 3'] }, ...short },
  ),
  of(
    'mail',
    'tasks for one worker alone',
    [
      ['s', 'spawn 1 to 0', 'send 2 to 0', 'collect 2'],
      ['w0', 'work'],
      ['w1', 'work'],
    ],
    short,
  ),
  of(
    'mail by two',
    'both push',
    [
      ['s', 'spawn 1 to 0', 'collect 1'],
      ['s', 'send 2 to 0', 'collect 1'],
      ['w0', 'work'],
    ],
    short,
  ),
  // Waiting.
  of(
    'together',
    'two tasks, two workers',
    [
      ['s', 'spawn 1', 'spawn 2', 'collect 2'],
      ['w0', 'work'],
      ['w1', 'work'],
    ],
    together,
  ),
  of(
    'together, hunting',
    'who hunts is not rung, and wakes the other when it has found more than it takes',
    [
      ['s', 'spawn 1', 'spawn 2', 'collect 2'],
      ['w0', 'hunt'],
      ['w1', 'hunt'],
    ],
    { ...together, ci: { executions: 500, random: 1500, stale: 30 } },
  ),
  of(
    'together, one hunts',
    'the other one sleeps, and is rung by whoever comes after the hunt',
    [
      ['s', 'spawn 1', 'collect 1'],
      ['s', 'spawn 2', 'collect 1'],
      ['w0', 'hunt'],
      ['w1', 'work'],
    ],
    { ...together, ci: { executions: 500, random: 1500, stale: 30 } },
  ),
  of(
    'together, from two spawners',
    'each of them wakes another worker',
    [
      ['s', 'spawn 1', 'collect 1'],
      ['s', 'spawn 2', 'collect 1'],
      ['w0', 'work'],
      ['w1', 'work'],
    ],
    { ...together, ci: { executions: 100, random: 1500, stale: 30 } },
  ),
  of(
    'together, in a batch',
    'who takes both wakes the other',
    [
      ['s', 'collect 2'],
      ['w0', 'work'],
      ['w1', 'work'],
    ],
    {
      ...together,
      queued: ['2', '1'],
      ci: { executions: 500, random: 1500, stale: 30 },
    },
  ),
  of(
    'together, with mail',
    'who is woken for mail and for a task passes one on',
    [
      ['s', 'spawn 1 to 0', 'collect 1'],
      ['s', 'spawn 2', 'collect 1'],
      ['w0', 'work'],
      ['w1', 'work'],
    ],
    { ...together, ci: { executions: 100, random: 1500, stale: 30 } },
  ),
  of(
    'together, from a task',
    'what a task spawns wakes the other worker',
    [
      ['s', 'spawn 3', 'collect 1'],
      ['w0', 'work'],
      ['w1', 'work'],
    ],
    { bodies: { 3: ['spawn 2', 'await flag'], 2: ['raise flag'] }, ...short },
  ),
  of(
    'one more worker',
    'takes what is there',
    [
      ['s', 'procs 2', 'collect 2'],
      ['w0', 'work'],
      ['w1', 'work'],
    ],
    { ...together, queued: ['1', '2'], procs: 1 },
  ),
  of(
    'closed',
    'nobody takes any more',
    [
      ['s', 'spawn 1', 'close', 'look'],
      ['w0', 'work', 'leave'],
      ['w1', 'work', 'leave'],
    ],
    { queued: ['message 2'], ...short },
  ),
  of(
    'results, two at once',
    'one notify for both, and none is lost',
    [
      ['s', 'collect 2'],
      ['w0', 'finish'],
      ['w1', 'finish'],
    ],
    {
      queued: ['1', '2', '3'],
      taken: [1, 2],
      ...short,
    },
  ),
  of('each wakes one', 'not both the same', [['s', 'spawn 1'], ['s', 'spawn 2'], ['w0'], ['w1']], {
    resting: [2, 3],
    ...short,
  }),
  of(
    'mail and a task',
    'who gets the mail was woken for the task',
    [['s', 'spawn 1 to 0'], ['s', 'spawn 2'], ['w0', 'work 1'], ['w1']],
    {
      resting: [3],
      ...short,
      ci: { executions: 300, random: 2000, stale: 30 },
    },
  ),
  of('batch and a look', 'on its way it is seen by nobody', [['s'], ['w0', 'work 1'], ['w1', 'work']], {
    queued: ['1', '2'],
    ...short,
    ci: { executions: 1000, random: 1000, stale: 30 },
  }),
  // Cancelling.
  of(
    'cancel',
    'it does not begin, or is told',
    [
      ['s', 'spawn 1', 'cancel 1', 'collect 1'],
      ['w0', 'work'],
    ],
    {
      bodies: { 1: ['until cancelled'] },
      ...short,
    },
  ),
  of(
    'cancel, blocked',
    'its thread is told',
    [
      ['s', 'send 1', 'cancel 1', 'collect 1'],
      ['w0', 'work'],
    ],
    {
      bodies: { 1: ['block', 'until cancelled'] },
      ...short,
    },
  ),
  of(
    'cancel, two workers',
    'who runs it is told',
    [
      ['s', 'spawn 1', 'cancel 1', 'collect 1'],
      ['w0', 'work'],
      ['w1', 'work'],
    ],
    { bodies: { 1: ['until cancelled'] }, ...short },
  ),
  // Coming and going.
  of(
    'two leave',
    'the last one frees all',
    [
      ['s', 'leave'],
      ['w0', 'leave'],
    ],
    {
      queued: ['1', 'message 2', '3'],
      orphan: true,
      ...short,
    },
  ),
  of(
    'leave against mend',
    'freed once',
    [
      ['s', 'leave'],
      ['w0', 'leave'],
      ['-', 'mend'],
    ],
    {
      queued: ['1', 'message 2'],
      orphan: true,
      ...short,
    },
  ),
  of(
    'leave against join',
    'joined or stale',
    [
      ['s', 'leave'],
      ['-', 'join', 'claim 0', 'leave'],
    ],
    {
      queued: ['1'],
      orphan: true,
      ...short,
    },
  ),
  of(
    'two claim',
    'a lane each',
    [
      ['-', 'join', 'claim 2', 'spawn 1', 'collect 1'],
      ['-', 'join', 'claim 2', 'spawn 2', 'collect 1'],
      ['w0', 'work'],
    ],
    short,
  ),
  // Death.
  of(
    'worker killed',
    'what it ran has died, all else is run',
    [
      ['s', 'spawn 2', 'collect 2'],
      ['w0', 'work'],
      ['w1', 'work'],
    ],
    { queued: ['1'], ...kill(1) },
  ),
  of(
    'worker killed, messages',
    'all of them are freed',
    [
      ['s', 'collect 2'],
      ['w0', 'work'],
      ['w1', 'work'],
    ],
    { queued: ['message 1', 'message 2'], ...kill(1) },
  ),
  of(
    'owner killed',
    'what it has spawned is stolen',
    [
      ['s', 'collect 1'],
      ['w0', 'work'],
      ['w1', 'work'],
    ],
    { queued: ['1 to 0'], bodies: { 1: ['spawn 2', 'send 3'] }, ...kill(1), reaper: heirOf(0) },
  ),
  of(
    'hunter killed',
    'who was not rung for its sake is rung after',
    [
      ['s', 'spawn 1', 'spawn 2', 'collect 2'],
      ['w0', 'hunt'],
      ['w1', 'work'],
    ],
    { ...kill(1) },
  ),
  of(
    'thief killed',
    'what it has stolen is taken from it',
    [
      ['s', 'collect 1'],
      ['w0', 'work 1', 'collect 3'],
      ['w1', 'work'],
    ],
    {
      queued: ['1 to 0'],
      bodies: { 1: ['spawn 2', 'spawn 3', 'spawn 4'] },
      ...kill(2),
      reaper: heirOf(1),
    },
  ),
  of(
    'worker killed with mail',
    'its heir gets that',
    [
      ['s', 'spawn 2 to 0', 'collect 2'],
      ['w0', 'work'],
    ],
    { queued: ['message 1 to 0'], ...kill(1), reaper: heirOf(0) },
  ),
  of(
    'heir before it is mended',
    'what the dead ran is ended all the same',
    [
      ['s', 'collect 2'],
      ['w0', 'work'],
    ],
    { queued: ['1', 'message 2'], ...kill(1), reaper: steps('death', 'reap it', 'join', 'claim 0', 'mend', 'work') },
  ),
  of(
    'spawner killed',
    'what it has spawned runs, and nobody hears of it',
    [
      ['s', 'spawn 1', 'send 2', 'collect 2'],
      ['w0', 'work'],
    ],
    { queued: ['message 3'], ...kill(0) },
  ),
  of(
    'spawner killed, its heir',
    'finds the lane whole',
    [
      ['s', 'spawn 1', 'send 2', 'collect 2'],
      ['w0', 'work'],
    ],
    {
      queued: ['message 3'],
      ...kill(0),
      reaper: steps('death', 'reap it', 'mend', 'join', 'claim 2', 'spawn 7', 'collect 1'),
    },
  ),
  of(
    'spawner killed in making room',
    'no block is lost',
    [
      ['s', 'spawn 3', 'spawn 4'],
      ['w0', 'work'],
    ],
    { queued: ['1', '2'], ...kill(0) },
  ),
  of(
    'spawner of mail killed',
    'it has been sent or not',
    [
      ['s', 'send 1 to 0', 'spawn 2 to 0'],
      ['s', 'spawn 3 to 0', 'collect 1'],
      ['w0', 'work'],
    ],
    kill(0),
  ),
  of(
    'canceller killed',
    'the task ends, or goes on',
    [
      ['s', 'spawn 1', 'cancel 1', 'collect 1'],
      ['w0', 'work'],
    ],
    kill(0),
  ),
  of('two mend', 'a task dies once', [['s', 'collect 1'], ['w0'], ['-', 'mend'], ['-', 'mend']], {
    queued: ['message 1'],
    ghosts: [1],
    reaped: true,
    ci: { executions: 300, random: 500, stale: 0 },
  }),
  of('mender killed', 'another one ends it', [['s', 'collect 1'], ['w0'], ['-', 'reap 1', 'mend']], {
    queued: ['message 1'],
    ghosts: [1],
    ...kill(2),
    reaper: steps('death', 'reap it', 'reap 1', 'mend'),
    lost: 'count',
  }),
  of('mender with a lane killed', 'another one ends it', [['s', 'collect 1'], ['w0'], ['w1', 'reap 1', 'mend']], {
    queued: ['message 1'],
    ghosts: [1],
    ...kill(2),
    reaper: steps('death', 'reap it', 'reap 1', 'mend'),
    lost: 'count',
  }),
  of(
    'killed in coming',
    'the next one finds room',
    [
      ['s', 'spawn 1'],
      ['-', 'join', 'claim 0', 'work'],
    ],
    {
      ...kill(1),
      reaper: steps('death', 'reap it', 'join', 'claim 0', 'mend', 'work'),
      lost: 'count',
    },
  ),
  of(
    'spawner killed in coming',
    'the next one is seen',
    [
      ['-', 'join', 'claim 2'],
      ['w0', 'work'],
    ],
    {
      ...kill(0),
      reaper: steps('death', 'reap it', 'mend', 'join', 'claim 2', 'spawn 1', 'collect 1'),
      lost: 'count',
    },
  ),
  of(
    'killed in leaving',
    'nothing is freed twice',
    [
      ['s', 'leave'],
      ['w0', 'leave'],
    ],
    {
      queued: ['message 1'],
      orphan: true,
      ...kill(0),
      lost: 'memory',
    },
  ),
]

/** What follows a worker's death: another one takes its place. */
function heirOf(index: number): Scenario['reaper'] {
  return steps('death', 'reap it', 'mend', 'join', `claim ${index}`, 'work')
}
