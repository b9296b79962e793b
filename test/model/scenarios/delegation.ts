// One lock, and what is left to its holder: who finds it held leaves the matching to the holder (LOCK_MORE), whatever that is doing: parking,
// giving up, closing, matching, or a hand-over. Nobody may rely on a promise that the holder does not keep, killed or not.

import type { Scenario } from '../checker/scenario.js'
import { impatient, kill, meeting } from './meeting.js'

type More = Parameters<typeof meeting>[4]

function both(name: string, about: string, threads: string[][], more: More = {}): Scenario[] {
  return [false, true].map((wide) => meeting(`${wide ? 'wide' : 'narrow'} lock/${name}`, about, wide, threads, more))
}

/** A full channel of one place, with a sender waiting: whoever makes room must not be forgotten. */
const full: More = { a: 1, items: { a: [1] }, parked: { a: 2 } }

export const delegation: Scenario[] = [
  ...both(
    'settle against park',
    'room comes while the lock is taken to park',
    [['try a?'], ['park a!3', 'cancel a!3']],
    full,
  ),
  ...both('settle against settle', 'two come with news at once', [['try a?'], ['try a?'], ['try a!4']], full),
  ...both(
    'settle against cancel',
    'room comes while somebody gives up',
    [['park a!3', 'cancel a!3'], ['try a?'], ['try a?']],
    full,
  ),
  ...both(
    'settle against close',
    'room comes while the channel is closed',
    [['try a?'], ['close a'], ['park a!3', 'cancel a!3']],
    full,
  ),
  ...both('park, cancel, hand-over', 'three at the lock', [['park a?', 'cancel a?'], ['try a!1'], ['timed a!2']]),
  ...both('park, close, hand-over', 'three at the lock', [['a?'], ['close a'], ['try a!1']]),
  ...both('select, cancel, hand-over', 'three at two locks', [['timed a? b?'], ['b!1'], ['timed a!2']], { b: 0 }),
  ...both(
    'impatient',
    'what was left to one who goes away is left to the next',
    [['park a!3', 'cancel a!3'], ['try a?'], ['many a!9']],
    {
      ...full,
      ...impatient,
    },
  ),
  ...both('holder killed', 'in parking and giving up', [['park a!3', 'cancel a!3'], ['try a?'], ['try a?']], {
    ...full,
    ...kill(0),
  }),
  ...both(
    'holder killed, giving up',
    'what was left to it is done by the reaper',
    [['park a!3', 'cancel a!3'], ['try a?']],
    {
      ...full,
      ...kill(0),
      ci: { executions: 1000, random: 100 },
    },
  ),
  ...both('holder killed, try', 'in settling', [['try a!4'], ['try a?'], ['timed a!5']], { ...full, ...kill(0) }),
  ...both('holder killed, meeting', 'in a hand-over', [['try a!1'], ['a?'], ['timed a!2']], kill(0)),
  ...both('holder killed, close', 'in closing', [['close a'], ['a?'], ['a!2']], kill(0)),
  ...both('holder killed, select', 'in giving a select up', [['timed a? b?'], ['b!1'], ['timed a!2']], {
    b: 0,
    ...kill(0),
  }),
]
