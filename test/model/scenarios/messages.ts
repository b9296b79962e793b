// Channels of messages: every block is in one place, wherever its thread stands; what is in it was written before and is not freed yet; and all
// come back, by the receiver, by the sender who was refused, with the channel, or by the reaper.

import type { Program, Thread } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { audit, shadow } from './audit.js'
import { attach, type ChannelWorld, coreRecipe, numberOf, type Shape, settleBase } from './core.js'
import { kill as kills, meeting } from './meeting.js'
import { books, LENGTH, makeMessage, withoutMessages } from './message.js'

type More = Parameters<typeof meeting>[4]

/** Each in a block of 128 bytes, from the page of its sender. */
const small: Shape = { bytes: 24, blocks: 1 }
/** In a block of half a (model) page: chains of four. */
const half: Shape = { bytes: 1984, blocks: 1 }
/** Of one page: freed straight to the depot. */
const page: Shape = { bytes: 4032, blocks: 1 }
const chain: Shape = { bytes: 24, blocks: 3 }

function of(message: Shape, name: string, about: string, threads: string[][], more: More = {}): Scenario {
  return meeting(`messages/${name}`, about, true, threads, {
    message,
    ci: { executions: 400, random: 100, stale: 20 },
    ...more,
  })
}

const kill = (...victims: number[]): More => ({ ...kills(...victims), ci: { executions: 40, random: 8, stale: 0 } })

const full: More = { a: 1, items: { a: [1] } }

/** Thread 1 has two full chains of free blocks: what it frees next goes to the depot. */
function chains(b: Bench): void {
  const all = Array.from({ length: 8 }, () => b.as(1, 'message_take', half.bytes))
  for (const payload of all) b.as(1, 'message_free', payload)
}

interface Ghost extends ChannelWorld {
  dead: number
}

/** Thread 1 has died with messages in its hands, with messages in its waiters, sent and received, with a chain. */
function haunted(b: Bench): Ghost {
  const world = attach(b)
  const { L } = world
  const ch = b.name(b.call('channel_create', 0, L.WIDE_MESSAGES!, L.CODEC_MESSAGE!), 'a', 'CHANNEL')
  const ring = b.name(b.call('channel_create', 2, L.WIDE_MESSAGES!, L.CODEC_MESSAGE!), 'ring', 'CHANNEL')
  const w = settleBase(b, { ...world, ch: ring, open: 0, wide: true, capacity: 2, message: small })
  const open = b.read(ch + L.HEAD_STATE!)
  b.as(1, 'channel_parkReceive', ch, open, 0)
  b.call('channel_trySendMessage', ch, open, makeMessage(b, small, 1), LENGTH)
  b.as(1, 'channel_parkMessage', ch, open, L.TOKEN_BLOCKING! | 0, makeMessage(b, chain, 2, 1), LENGTH)
  makeMessage(b, small, 3, 1)
  makeMessage(b, chain, 4, 1)
  b.as(1, 'channel_trySendMessage', ring, b.read(ring + L.HEAD_STATE!), makeMessage(b, page, 5, 1), LENGTH)
  return { ...w, open: b.read(ring + L.HEAD_STATE!), dead: numberOf(1) }
}

const nothing = function* (): Program {}

const reaperKilled: Scenario = {
  name: 'messages/reaper killed',
  about: 'its own reaper goes on with what it had begun',
  recipe: coreRecipe,
  access: shadow,
  setup: haunted,
  threads: [
    function* (t: Thread, w: Ghost): Program {
      yield t.call('thread_reap', w.dead)
    },
    nothing,
  ],
  victims: [0],
  reaper: function* (t: Thread, w: Ghost): Program {
    yield t.death()
    yield t.call('thread_reap', numberOf(0))
    // If the first reaper had not begun, the ghost is still there.
    yield t.call('thread_reap', w.dead)
  },
  final: (b: Bench, w: Ghost) => {
    books(b, w, [w])
    const base = withoutMessages(b, { ...w, base: w.base })
    b.check(base.reduce((n, k, c) => n + (w.base[c] as number) - k, 0) === 1, 'what was sent before is gone')
    b.call('channel_dispose', w.ch, w.open)
    books(b, w, [])
    const used = [...w.base]
    used[b.read(w.ch + w.L.HEAD_CLASS!)]!--
    audit(b, w, used)
  },
}

export const messages: Scenario[] = [
  // One place after the other.
  of(small, 'meet', 'one sends, one receives', [['a!1'], ['a?']]),
  of(
    small,
    'there and back',
    'each sends to the other',
    [
      ['a!1', 'b?'],
      ['a?', 'b!2'],
    ],
    { b: 0 },
  ),
  of(
    small,
    'ring',
    'two follow each other',
    [
      ['a!1', 'a!2'],
      ['a?', 'a?'],
    ],
    { a: 1 },
  ),
  of(small, 'two senders', 'in one ring', [['a!1'], ['a!2'], ['a?', 'a?']], { a: 2 }),
  of(small, 'two receivers', 'each takes one', [['a?'], ['a?'], ['a!1', 'a!2']], { a: 2 }),
  of(small, 'parked sender', 'the ring is full', [['a!2'], ['a?', 'a?']], full),
  of(small, 'parked receiver', 'the ring is empty', [['a?'], ['try a!1', 'try a!2']], { a: 1 }),
  of(small, 'tries to send', 'what is refused is freed by its sender', [['a?'], ['try a!1', 'try a!2']]),
  of(small, 'tries to receive', 'from one who waits', [['a!1'], ['try a?', 'try a?']]),
  of(small, 'sender with a time limit', 'the message comes back or goes', [['timed a!1'], ['try a?', 'try a?']]),
  of(small, 'sender with a time limit, ring', 'the message comes back or goes', [['timed a!2'], ['try a?']], full),
  of(small, 'receiver with a time limit', 'the message comes or stays', [['timed a?'], ['try a!1']]),
  of(small, 'on event loops', 'the async way', [['async a!1'], ['async a?']]),
  of(small, 'one event loop', 'a thread meets itself', [['park a!1', 'try a?', 'await a!1']]),
  of(small, 'three', 'two of them meet', [['a!1'], ['timed a!2'], ['a?']]),
  of(chain, 'chain', 'goes as one', [['a!1'], ['a?']]),
  of(chain, 'chain, refused', 'is freed as one', [['try a!1'], ['timed a?']]),
  // Memory that goes round.
  of(
    page,
    'pages',
    'one takes and sends, one receives and frees, by the depot',
    [
      ['a!1', 'a!2'],
      ['a?', 'a?'],
    ],
    { a: 1 },
  ),
  of(
    half,
    'magazines',
    'one takes and sends, one receives and frees, by chains',
    [
      ['a!1', 'a!2'],
      ['a?', 'a?'],
    ],
    { a: 2, prepare: chains },
  ),
  of(
    page,
    'pages, both ways',
    'each takes what the other one has freed',
    [
      ['try a!1', 'try b?'],
      ['try b!2', 'try a?'],
    ],
    { a: 1, b: 1 },
  ),
  // The end of a channel.
  of(small, 'close', 'what is parked comes back', [['a!1'], ['close a']]),
  of(small, 'close, ring', 'what is in the ring is received', [['a!2'], ['close a', 'try a?', 'try a?']], full),
  of(small, 'dispose', 'what is in the ring is freed', [['dispose a'], ['dispose a']], { a: 2, items: { a: [1, 2] } }),
  of(small, 'dispose, parked sender', 'the message comes back', [['a!2'], ['dispose a']], full),
  of(small, 'dispose, parked receiver', 'hears of it', [['a?'], ['dispose a']], { a: 1 }),
  of(small, 'dispose against send', 'sent and freed, or refused and freed', [['try a!1'], ['dispose a']], {
    a: 2,
    items: { a: [5] },
  }),
  of(small, 'dispose against receive', 'received, or freed', [['try a?'], ['dispose a']], {
    a: 2,
    items: { a: [5, 6] },
  }),
  of(page, 'dispose against both', 'every page comes back', [['try a!1'], ['dispose a'], ['try a?']], {
    a: 2,
    items: { a: [5] },
  }),
  of(chain, 'dispose, chain', 'is freed as one', [['try a!1'], ['dispose a']], { a: 2, items: { a: [5] } }),
  of(small, 'dispose against a pair', 'they meet or hear of it', [['a!1'], ['a?'], ['dispose a']]),
  // Selects.
  of(small, 'select of sends', 'one goes, one comes back', [['a!1 b!2'], ['b?']], { b: 0 }),
  of(small, 'select, both ways', 'one of two', [['a? b!2'], ['b?']], { b: 0 }),
  of(small, 'select, crossed', 'two selects meet once', [['a? b!2'], ['b? a!1']], { b: 0 }),
  of(small, 'select, with a time limit', 'meets, or all come back', [['timed a!1 b!2'], ['timed b?']], { b: 0 }),
  of(
    small,
    'select, cancelled',
    'all come back',
    [
      ['park a!1 b!2', 'cancel a!1 b!2'],
      ['try a?', 'try b?'],
    ],
    { b: 0 },
  ),
  of(small, 'select, twice', 'the same records for two waits', [['twice a!1 b!2'], ['a?', 'b?']], { b: 0 }),
  of(small, 'select, buffered', 'taken or sent', [['a? b!2'], ['try a!1', 'try b?']], {
    a: 1,
    b: 1,
    items: { b: [5] },
  }),
  of(small, 'select, tried first', 'as the bindings do', [['first a? b!2'], ['first b? a!1']], { b: 0 }),
  of(small, 'select, itself', 'meets a try', [['a? a!1'], ['try a!2', 'try a?']]),
  of(small, 'select, close', 'is a case that can go on', [['a!1 b!2'], ['close a']], { b: 0 }),
  of(small, 'select, dispose', 'is heard, or the other case', [['a!1 b!2'], ['dispose a'], ['timed b?']], { b: 0 }),
  // Death.
  of(
    small,
    'sender killed',
    'before and after the send',
    [
      ['a!1', 'a!2'],
      ['timed a?', 'try a?'],
    ],
    {
      a: 1,
      ...kill(0),
    },
  ),
  of(
    small,
    'receiver killed',
    'before and after the free',
    [
      ['timed a?', 'try a?'],
      ['a!1', 'try a!2'],
    ],
    {
      a: 1,
      ...kill(0),
    },
  ),
  of(small, 'parked sender killed', 'with the message', [['a!2'], ['a?', 'try a?']], { ...full, ...kill(0) }),
  of(small, 'pair, sender killed', 'met, or never begun', [['a!1'], ['timed a?']], kill(0)),
  of(small, 'pair, receiver killed', 'met, or never begun', [['a?'], ['timed a!1']], kill(0)),
  of(small, 'try to send killed', 'met, or never begun', [['try a!1'], ['timed a?']], kill(0)),
  of(small, 'try to receive killed', 'met, or never begun', [['try a?'], ['timed a!1']], kill(0)),
  of(small, 'receiver killed beside another', 'the message goes to one', [['a?'], ['a!1'], ['timed a?']], kill(0)),
  of(small, 'async receiver killed', 'with what was handed to it', [['async a?'], ['timed a!1']], kill(0)),
  of(small, 'third hand killed', 'who matches two others', [['close a'], ['a!2'], ['timed a?']], {
    ...full,
    ...kill(0),
  }),
  of(small, 'disposer killed', 'what is left is freed', [['dispose a'], ['try a!1']], {
    a: 2,
    items: { a: [5, 6] },
    ...kill(0),
  }),
  of(chain, 'disposer killed, chain', 'what is left is freed', [['dispose a'], ['try a?']], {
    a: 2,
    items: { a: [5] },
    ...kill(0),
  }),
  of(page, 'disposer killed, parked', 'the other message comes back', [['dispose a'], ['timed a!2']], {
    ...full,
    ...kill(0),
  }),
  of(small, 'killed against dispose', 'sent and freed, or refused', [['try a!1', 'try a!2'], ['dispose a']], {
    a: 2,
    ...kill(0),
  }),
  of(small, 'receiver killed against dispose', 'received or freed', [['try a?'], ['dispose a']], {
    a: 2,
    items: { a: [5] },
    ...kill(0),
  }),
  of(chain, 'chain, sender killed', 'in making it', [['try a!1', 'try a!2'], ['try a?']], { a: 1, ...kill(0) }),
  of(chain, 'chain, receiver killed', 'in freeing it', [['try a?', 'try a?'], ['try a!1']], {
    a: 2,
    items: { a: [5] },
    ...kill(0),
  }),
  of(
    half,
    'killed with chains',
    'magazines of the dead',
    [
      ['try a?', 'try a!3'],
      ['try a!1', 'try a?'],
    ],
    {
      a: 2,
      items: { a: [5] },
      prepare: chains,
      ...kill(0, 1),
    },
  ),
  of(small, 'select killed', 'with two messages', [['a!1 b!2'], ['timed b?']], { b: 0, ...kill(0) }),
  of(small, 'select killed, second wait', 'with two messages', [['twice a!1 b?'], ['timed a? b!2']], {
    b: 0,
    ...kill(0),
  }),
  of(small, 'partner of a select killed', 'the select goes on', [['timed a? b!2'], ['a!1']], { b: 0, ...kill(1) }),
  reaperKilled,
]
