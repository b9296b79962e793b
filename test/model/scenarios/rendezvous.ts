// Channels without capacity: a send and a receive happen together or not at all.

import type { Scenario } from '../checker/scenario.js'
import { impatient, kill, meeting } from './meeting.js'

type More = Parameters<typeof meeting>[4]

function both(name: string, about: string, threads: string[][], more: More = {}): Scenario[] {
  return [false, true].map((wide) =>
    meeting(`${wide ? 'wide' : 'narrow'} rendezvous/${name}`, about, wide, threads, more),
  )
}

export const rendezvous: Scenario[] = [
  ...both('meet', 'one sends, one receives', [['a!1'], ['a?']]),
  ...both('twice', 'in the order of the sender', [
    ['a!1', 'a!2'],
    ['a?', 'a?'],
  ]),
  ...both('there and back', 'each waits for the other', [
    ['a!1', 'a?'],
    ['a?', 'a!2'],
  ]),
  ...both('tries', 'two tries never meet', [['try a!1'], ['try a?']]),
  ...both('try to send', 'succeeds if somebody waits', [['a?'], ['try a!1', 'try a!2']]),
  ...both('try to receive', 'succeeds if somebody waits', [['a!1'], ['try a?', 'try a?']]),
  ...both('sender with a time limit', 'meets or times out', [['timed a!1'], ['try a?', 'try a?']]),
  ...both('receiver with a time limit', 'meets or times out', [['timed a?'], ['try a!1']]),
  ...both('two time limits', 'both meet or neither', [['timed a?'], ['timed a!1']]),
  ...both('on event loops', 'the async way', [['async a?'], ['async a!1']]),
  ...both('one on an event loop', 'the async way', [['async a!1'], ['a?']]),
  ...both('one event loop', 'a thread meets itself', [['park a!1', 'try a?', 'await a!1']]),
  ...both('two senders', 'one of them sleeps on', [['a!1'], ['a!2'], ['a?']]),
  ...both('two receivers', 'one of them sleeps on', [['a?'], ['a?'], ['a!1']]),
  ...both('two senders, two receives', 'each value once', [['a!1'], ['a!2'], ['a?', 'a?']]),
  ...both('impatient receiver beside another', 'the value goes to one', [['timed a?'], ['a?'], ['a!1']]),
  ...both('first come, first served', 'two wait in order', [
    ['park a?', 'park a?'],
    ['try a!1', 'try a!2', 'try a!3'],
  ]),
  ...both('parked, cancelled', 'a try sees who waits', [
    ['park a?', 'cancel a?'],
    ['try a!1', 'try a!2'],
  ]),
  ...both('close wakes receiver', 'it hears that it is closed', [['a?'], ['close a']]),
  ...both('close wakes sender', 'it hears that it is closed', [['a!1'], ['close a']]),
  ...both('close against a pair', 'they meet, or both hear', [['a!1'], ['a?'], ['close a']]),
  ...both('close against try to send', 'with somebody waiting', [
    ['park a?', 'close a'],
    ['try a!1', 'try a!2'],
  ]),
  ...both('close against try to receive', 'with somebody waiting', [
    ['park a!1', 'close a'],
    ['try a?', 'try a?'],
  ]),
  ...both('close against arriving', 'nobody waits on a closed channel', [['a?'], ['close a', 'try a!1'], ['a!2']]),
  ...both('dispose wakes both sides', 'they hear that it is gone', [['a?'], ['dispose a'], ['a?']]),
  ...both('batch to one', 'the rest is refused', [['many a!1,2'], ['a?', 'timed a?']]),
  ...both('batch from one', 'as many as wait', [['many a?2'], ['a!1', 'timed a!2']]),
  ...both('batch to two', 'as many as wait', [['many a!1,2,3'], ['a?'], ['a?']]),
  ...both('batch from two', 'each value once', [['many a?3'], ['a!1'], ['a!2']]),
  ...both('batch against close', 'is cut off', [['many a!1,2'], ['park a?', 'close a']]),
  ...both('two batches', 'never meet', [['many a!1,2'], ['many a?2']]),
  ...both('impatient tries', 'who is in the way makes them come back', [['try a!1'], ['a?'], ['timed a?']], {
    ...impatient,
  }),
  ...both('impatient pair', 'who is in the way makes them come back', [['a!1'], ['a?'], ['try a?']], {
    ...impatient,
  }),
  ...both('sender killed', 'the receiver meets another', [['a!1'], ['a?', 'try a?'], ['a!2']], kill(0)),
  ...both('receiver killed', 'the sender meets another', [['a?'], ['a!1', 'try a!2'], ['a?']], kill(0)),
  ...both('pair, sender killed', 'met, or never begun', [['a!1'], ['timed a?']], kill(0)),
  ...both('pair, receiver killed', 'met, or never begun', [['a?'], ['timed a!1']], kill(0)),
  ...both('try killed', 'met, or never begun', [['try a!1'], ['timed a?']], kill(0)),
  ...both('try to receive killed', 'met, or never begun', [['try a?'], ['timed a!1']], kill(0)),
  ...both('async receiver killed', 'the value goes to another', [['async a?'], ['a!1'], ['a?']], kill(0)),
  ...both('closer killed', 'everybody hears, in the end', [['close a'], ['a?'], ['a!1']], kill(0)),
  ...both('batch killed', 'a prefix was sent', [['many a!1,2'], ['a?'], ['timed a?']], kill(0)),
]
