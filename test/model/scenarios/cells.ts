// Channels whose messages lie in cells of the ring: each arrives whole, once, with whoever has claimed it.

import type { Scenario } from '../checker/scenario.js'
import { impatient, kill as kills, meeting } from './meeting.js'

type More = Parameters<typeof meeting>[4]

function of(name: string, about: string, threads: string[][], more: More = {}): Scenario {
  return meeting(`cells/${name}`, about, true, threads, {
    cells: true,
    ci: { executions: 300, random: 100, stale: 100 },
    ...more,
  })
}

const kill = (...victims: number[]): More => ({ ...kills(...victims), ci: { executions: 30, random: 8, stale: 0 } })

const full: More = { a: 1, items: { a: [1] } }
/** All the room that the ring has. */
const brim: More = { a: 4, items: { a: [1, 2, 3, 4] } }

export const cells: Scenario[] = [
  // Through the ring.
  of(
    'send against receive',
    'capacity 1',
    [
      ['try a!1', 'try a!2'],
      ['try a?', 'try a?'],
    ],
    { a: 1 },
  ),
  of('two senders', 'each writes a cell of its own', [['try a!1'], ['try a!2'], ['try a?', 'try a?']], { a: 2 }),
  of('two receivers', 'fight over two cells', [['try a?'], ['try a?'], ['try a!3']], { a: 3, items: { a: [1, 2] } }),
  of('full', 'the cell that was taken is written to at once', [['try a?'], ['try a!5', 'try a!6']], brim),
  of(
    'full, two receivers',
    'a cell is written to while a slower receiver still reads it',
    [['try a?', 'try a!5'], ['try a?']],
    brim,
  ),
  of(
    'wrap round',
    'both ends move past the end',
    [
      ['try a!4', 'try a!5'],
      ['try a?', 'try a?'],
    ],
    { a: 3, items: { a: [1, 2, 3] } },
  ),
  of('one thread', 'its stage serves both ways', [['try a!1', 'try b!2', 'try a?', 'try b?'], ['try a!3']], {
    a: 2,
    b: 1,
  }),
  // Parked.
  of('receiver parks', 'the cell goes from the ring into its waiter', [['a?'], ['try a!1', 'try a!2']], { a: 1 }),
  of('sender parks', 'the cell goes from its waiter into the ring', [['a!2'], ['a?', 'a?']], full),
  of(
    'served while another sends',
    'a cell that goes into a waiter is written to again',
    [['park a?', 'await a?'], ['try a!5']],
    { ...brim, ci: { executions: 500, stale: 300 } },
  ),
  of('two of each', 'each message once', [['a!2'], ['a!3'], ['a?', 'a?', 'a?']], full),
  of('nobody overtakes', 'a try does not pass those who wait', [['a!2'], ['try a!3', 'try a?']], full),
  of('receiver with a time limit', 'the message comes or stays', [['timed a?'], ['try a!1']], { a: 1 }),
  of('sender with a time limit', 'the message goes or not', [['timed a!2'], ['try a?', 'try a?']], full),
  of('on event loops', 'the async way', [['async a!2'], ['async a?', 'async a?']], full),
  of('close against send', 'sent and received, or refused', [['try a!2'], ['close a', 'try a?', 'try a?']], {
    ...full,
    a: 2,
  }),
  of('close, parked sender', 'refused, or received', [['a!2'], ['close a', 'try a?', 'try a?']], full),
  of('impatient', 'who is in the way makes them come back', [['a!2'], ['a?'], ['try a!3', 'try a?']], {
    ...full,
    ...impatient,
  }),
  // From hand to hand.
  of('meet', 'one sends, one receives', [['a!1'], ['a?']]),
  of(
    'there and back',
    'each sends to the other',
    [
      ['a!1', 'b?'],
      ['a?', 'b!2'],
    ],
    { b: 0 },
  ),
  of('try to send', 'to one who waits', [['a?'], ['try a!1', 'try a!2']]),
  of('try to receive', 'from one who waits', [['a!1'], ['try a?', 'try a?']]),
  of('two time limits', 'both meet or neither', [['timed a?'], ['timed a!1']]),
  of('one event loop', 'a thread meets itself', [
    ['park a!1', 'try a?', 'await a!1', 'park a?', 'try a!2', 'await a?'],
  ]),
  of('two senders, two receives', 'each message once', [['a!1'], ['a!2'], ['a?', 'a?']]),
  of('impatient pair', 'who is in the way makes them come back', [['a!1'], ['a?'], ['try a?']], impatient),
  // Selects.
  of('select of receives', 'one of two comes', [['a? b?'], ['b!1']], { b: 0 }),
  of('select of sends', 'one of two is wanted', [['a!1 b!2'], ['b?']], { b: 0 }),
  of('select, crossed', 'two selects meet once', [['a? b!2'], ['b? a!1']], { b: 0 }),
  of('select, tried first', 'as the bindings do', [['first a? b!2'], ['first b? a!1']], { b: 0 }),
  of('select, twice', 'the same records for two waits', [['twice a? b!2'], ['a!1', 'b?', 'b?']], { b: 0 }),
  of('select, buffered', 'taken or sent', [['a? b!2'], ['try a!1', 'try b?']], { a: 1, b: 1, items: { b: [5] } }),
  of('select, itself', 'meets a try', [['a? a!1'], ['try a!2', 'try a?']]),
  of('select, with a time limit', 'meets or not', [['timed a!1 b!2'], ['timed b?']], { b: 0 }),
  // The end of a channel.
  of('dispose against send', 'sent, or refused', [['try a!1', 'try a!2'], ['dispose a']], { a: 2 }),
  of('dispose against receive', 'received, or gone', [['try a?'], ['dispose a']], { a: 2, items: { a: [5, 6] } }),
  of('dispose against a pair', 'they meet or hear of it', [['a!1'], ['a?'], ['dispose a']]),
  // Death.
  of(
    'sender killed',
    'its cell is whole or not there',
    [
      ['a!1', 'a!2'],
      ['timed a?', 'try a?'],
    ],
    { a: 1, ...kill(0) },
  ),
  of('receiver killed', 'others get the rest', [['timed a?', 'try a?'], ['a!1', 'try a!2'], ['try a?']], {
    a: 1,
    ...kill(0),
  }),
  of('parked sender killed', 'with its message', [['a!2'], ['a?', 'try a?']], { ...full, ...kill(0) }),
  of('pair, sender killed', 'met, or never begun', [['a!1'], ['timed a?']], kill(0)),
  of('pair, receiver killed', 'met, or never begun', [['a?'], ['timed a!1']], kill(0)),
  of('try killed', 'met, or never begun', [['try a!1'], ['timed a?']], kill(0)),
  of('third hand killed', 'who matches two others', [['close a'], ['a!2'], ['timed a?']], { ...full, ...kill(0) }),
  of('select killed', 'the other one goes on', [['a? b!2'], ['timed a!1']], { b: 0, ...kill(0) }),
]
