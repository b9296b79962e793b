// Selects: one of several sends and receives, chosen by whoever comes first.

import type { Scenario } from '../checker/scenario.js'
import { impatient, kill, meeting } from './meeting.js'

type More = Parameters<typeof meeting>[4]

function both(name: string, about: string, threads: string[][], more: More = {}): Scenario[] {
  return [false, true].map((wide) =>
    meeting(`${wide ? 'wide' : 'narrow'} select/${name}`, about, wide, threads, { b: 0, ...more }),
  )
}

/** Only on narrow channels: the kind makes no difference to what is tried. */
function one(name: string, about: string, threads: string[][], more: More = {}): Scenario {
  return meeting(`select/${name}`, about, false, threads, { b: 0, ...more })
}

export const selects: Scenario[] = [
  ...both('receives', 'one of two comes', [['a? b?'], ['b!1']]),
  ...both('sends', 'one of two is wanted', [['a!1 b!2'], ['b?']]),
  ...both('both ways', 'one of two', [['a? b!2'], ['b?']]),
  ...both('tried first', 'as the bindings do', [['first a? b!2'], ['first b? a!1']]),
  ...both('on an event loop', 'the async way', [['async a? b!2'], ['a!1']]),
  ...both('receives, both come', 'one is taken, the other waits on', [['a? b?'], ['a!1'], ['b!2']]),
  ...both('sends, both wanted', 'one is given, the other waits on', [['a!1 b!2'], ['a?'], ['b?']]),
  ...both('against tries', 'a try meets a select', [['a? b!2'], ['try a!1', 'try b?']]),
  ...both('against two tries', 'one of two tries meets it', [['a? b!2'], ['try a!1'], ['try b?']]),
  ...both('against batches', 'a batch meets a select', [['a? b!2'], ['many a!1,3'], ['many b?2']]),
  ...both('with a time limit', 'meets or times out', [['timed a? b!2'], ['timed a!1']]),
  ...both('with a time limit, both come', 'meets one or times out', [['timed a? b?'], ['timed a!1'], ['timed b!2']]),
  ...both('crossed', 'two selects meet once', [['a? b!2'], ['b? a!1']]),
  ...both('crossed, in one order', 'two selects meet once', [['a? b!2'], ['a!1 b?']]),
  ...both('crossed, with time limits', 'both meet or neither', [['timed a? b!2'], ['timed b? a!1']]),
  ...both('crossed, and one more', 'two of three meet', [['a? b!2'], ['b? a!1'], ['a?']]),
  ...both('crossed thrice', 'two of three meet', [['a? b!1'], ['a? b!2'], ['b? a!3']]),
  ...both('same sides', 'two selects wait for one value', [['a? b?'], ['b? a?'], ['a!1']]),
  ...both('same sides, two values', 'each gets one', [['a? b?'], ['b? a?'], ['a!1', 'b!2']]),
  ...both('close', 'is a case that can go on', [['a? b!2'], ['close a']]),
  ...both('close against a hand-over', 'one of the two', [['a? b!2'], ['close a'], ['timed b?']]),
  ...both('close of both', 'is heard once', [['a? b!2'], ['close a', 'close b']]),
  ...both('dispose', 'is heard, or the other case', [['a? b!2'], ['dispose a'], ['timed b?']]),
  ...both('itself', 'a select on both sides of a channel sleeps', [['a? a!1']], { b: undefined }),
  ...both('itself and another', 'two of them meet', [['a? a!1'], ['a!2 a?']], { b: undefined }),
  ...both('itself and a third', 'two of three meet', [['a? a!1'], ['a!2 a?'], ['a?']], { b: undefined }),
  ...both(
    'itself, alone',
    'its thread meets it',
    [['park a? a!1', 'try a!2', 'await a? a!1', 'park a? a!3', 'try a?', 'await a? a!3']],
    {
      b: undefined,
    },
  ),
  ...both(
    'itself, alone, batches',
    'its thread meets it',
    [['park a? a!1', 'many a!2', 'await a? a!1', 'park a? a!3', 'many a?1', 'await a? a!3']],
    {
      b: undefined,
    },
  ),
  ...both('itself, tried', 'a try meets it', [['a? a!1'], ['try a!2', 'try a?']], { b: undefined }),
  ...both('itself, batches', 'a batch meets it', [['a? a!1'], ['many a!2'], ['many a?1']], { b: undefined }),
  ...both('itself, close', 'is heard once', [['a? a!1'], ['close a']], { b: undefined }),
  ...both('buffered receives', 'one value is taken, once', [['a? b?'], ['try a!1', 'try b!2']], { a: 1, b: 1 }),
  ...both('buffered sends', 'one value is sent, once', [['a!3 b!4'], ['try a?', 'try b?']], {
    a: 1,
    b: 1,
    items: { a: [1], b: [2] },
  }),
  ...both('buffered and not', 'one of the two', [['a? b?'], ['try a!1'], ['timed b!2']], { a: 1 }),
  ...both('buffered, both ways', 'one of the two', [['a? b!2'], ['try a!1', 'try b?']], {
    a: 1,
    b: 1,
    items: { b: [5] },
  }),
  ...both('buffered, two selects', 'no value is lost', [['a? b?'], ['b? a?'], ['try a!1', 'try b!2']], { a: 1, b: 1 }),
  ...both('buffered, same channel', 'takes what it finds, or leaves one', [['a? a!2'], ['try a?', 'try a!1']], {
    a: 1,
    b: undefined,
    items: { a: [7] },
  }),
  ...both('buffered, close', 'what was sent before is received', [['a? b?'], ['try a!1', 'close a'], ['close b']], {
    a: 1,
    b: 1,
  }),
  ...both('buffered, with a time limit', 'taken or left', [['timed a? b?'], ['try a!1'], ['try b!2']], { a: 1, b: 1 }),
  ...both('twice', 'the same records for two waits', [['twice a? b?'], ['a!1', 'b!2']]),
  ...both('twice, two others', 'the same records for two waits', [['twice a? b?'], ['a!1'], ['b!2']]),
  ...both('twice, buffered', 'the same records for two waits', [['twice a? b?'], ['try a!1'], ['try b!2']], {
    a: 1,
    b: 1,
  }),
  ...both('twice, crossed', 'the same records for two waits', [['twice a? b!2'], ['twice b? a!1']]),
  ...both(
    'without waiting',
    'there is always a value in one of the two',
    [['default a? b?'], ['try a!1', 'try b?', 'try b!3', 'try a?']],
    {
      a: 1,
      b: 1,
      items: { b: [2] },
    },
  ),
  ...both(
    'without waiting, sends',
    'there is always room in one of the two',
    [['default a!5 b!6'], ['try b?', 'try a!3']],
    {
      a: 1,
      b: 1,
      items: { b: [2] },
    },
  ),
  ...both(
    'without waiting, senders',
    'somebody always waits on one of the two',
    [['probe a? b?'], ['park a!2', 'try b?', 'park b!3', 'cancel a!2', 'park a!4', 'cancel b!3', 'cancel a!4']],
    { parked: { b: 1 }, ci: { executions: 20_000, random: 500, stale: 100 } },
  ),
  ...both(
    'without waiting, three',
    'somebody always waits on one of the two',
    [['probe a? b?'], ['park a!2', 'cancel a!2', 'park a!4', 'cancel a!4'], ['try b?', 'park b!3', 'cancel b!3']],
    { parked: { b: 1 } },
  ),
  ...both(
    'without waiting, parked',
    'a value is there or comes from who waits',
    [['probe a? b?'], ['try a?', 'try a?']],
    { a: 1, items: { a: [1] }, parked: { a: 2 } },
  ),
  ...both('without waiting, closed', 'is heard', [['default a? b?'], ['close a']]),
  one('impatient', 'who is in the way makes them come back', [['a? b!2'], ['b? a!1'], ['try a!3']], {
    ...impatient,
  }),
  one('impatient, buffered', 'who is in the way makes them come back', [['a? b?'], ['try a!1'], ['timed b? a?']], {
    ...impatient,
    a: 1,
  }),
  ...both('killed', 'another one is served', [['a? b!2'], ['a!1'], ['a?']], kill(0)),
  ...both('killed, buffered', 'another one is served', [['a? b?'], ['try a!1'], ['a?']], { a: 1, b: 1, ...kill(0) }),
  ...both('killed, crossed', 'the other one goes on', [['a? b!2'], ['b? a!1'], ['timed b?']], kill(0)),
  ...both('killed twice round', 'in the second wait', [['twice a? b?'], ['a!1'], ['timed a? b?']], kill(0)),
  ...both('killed on an event loop', 'another one is served', [['async a? b!2'], ['a!1'], ['a?']], kill(0)),
  ...both('partner killed', 'the select goes on', [['a? b!2'], ['a!1'], ['b?']], kill(1)),
  ...both('killed, itself', 'two others meet', [['a? a!1'], ['a!2'], ['a?']], { b: undefined, ...kill(0) }),
]
