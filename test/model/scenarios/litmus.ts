// Litmus tests: programs whose possible outcomes are known, and programs with a known mistake. They test the checker.

import type { FailureKind } from '../checker/failure.js'
import type { Command, Program, Thread } from '../checker/program.js'
import type { Scenario } from '../checker/scenario.js'
import { registerSpec } from '../checker/specs.js'

const recipe = { entry: 'litmus.ts' }
const X = 1024
const Y = 1152

/** A thread that calls the exports one after the other, each one operation. */
function calls(...names: string[]): (t: Thread) => Program {
  return function* (t: Thread): Generator<Command, void, unknown> {
    for (const name of names) yield t.op(name, undefined, (r) => r, name)
  }
}

function outcomes(
  name: string,
  about: string,
  threads: Scenario['threads'],
  allowed: string[],
  more: Partial<Scenario> = {},
): Scenario {
  return { name: `litmus/${name}`, about, recipe, threads, outcomes: allowed, realtime: false, ...more }
}

function wrong(
  name: string,
  about: string,
  threads: Scenario['threads'],
  expect: FailureKind,
  more: Partial<Scenario> = {},
): Scenario {
  return { name: `litmus/${name}`, about, recipe, threads, expect, realtime: false, ...more }
}

const only =
  (...threads: number[]): Scenario['outcome'] =>
  (b) =>
    b.history
      .filter((o) => threads.includes(o.thread))
      .sort((a, c) => a.thread - c.thread || a.invoked - c.invoked)
      .map((o) => String(o.result))
      .join(' ')
const xEnds = (value: number): Pick<Scenario, 'final'> => ({
  final: (b) => b.check(b.read(X) === value, `X ends as ${b.read(X)}, not ${value}`),
})

export const litmus: Scenario[] = [
  outcomes('store buffering', 'never both zero', [calls('sb_x'), calls('sb_y')], ['0 1', '1 0', '1 1'], {
    outcome: only(0, 1),
  }),
  outcomes('load buffering', 'never both one', [calls('lb_x'), calls('lb_y')], ['0 0', '0 1', '1 0'], {
    outcome: only(0, 1),
  }),
  outcomes('message passing', 'the flag brings the data', [calls('mp_send'), calls('mp_receive')], ['-1', '42'], {
    outcome: only(1),
  }),
  outcomes(
    'message passing by relay',
    'a read-modify-write passes on what it has read',
    [calls('mp_send'), calls('mp_relay'), calls('mp_receiveTwo')],
    ['-1', '42'],
    { outcome: only(2) },
  ),
  wrong(
    'message passing over plain flag',
    'a racy flag orders nothing',
    [calls('mp_sendRacy'), calls('mp_receiveRacy')],
    'data race',
  ),
  outcomes(
    'message passing, looked at',
    'a look brings the data as a load does',
    [calls('mp_send'), calls('mp_receiveLooking')],
    ['-1', '42'],
    { outcome: only(1) },
  ),
  outcomes('look that strays', "is in nobody's way", [calls('mp_sendPlain'), calls('mp_look')], ['1'], {
    outcome: only(1),
  }),
  wrong(
    'message passing over plain flag, looked at',
    'a look that strays brings nothing',
    [calls('mp_sendPlain'), calls('mp_receiveLooking')],
    'data race',
  ),
  wrong(
    'message passing, stores swapped',
    'the flag comes before the data',
    [calls('mp_sendSwapped'), calls('mp_receive')],
    'data race',
  ),
  wrong(
    'message passing, flag overwritten',
    'a store by another thread passes on nothing',
    [calls('mp_send'), calls('mp_overwrite'), calls('mp_receive')],
    'data race',
  ),
  outcomes(
    'independent reads of independent writes',
    'both readers agree on the order of the writes',
    [calls('iriw_x'), calls('iriw_y'), calls('iriw_xy'), calls('iriw_yx')],
    [0, 1, 10, 11].flatMap((a) => [0, 1, 10, 11].filter((b) => !(a === 10 && b === 10)).map((b) => `${a} ${b}`)),
    { outcome: only(2, 3) },
  ),
  outcomes(
    'coherence',
    'two reads of a word never go back',
    [calls('co_write'), calls('co_read')],
    ['0', '1', '2', '11', '12', '22'],
    { outcome: only(1) },
  ),
  outcomes(
    'increments',
    'atomic adds are not lost',
    [calls('inc_atomic', 'inc_atomic'), calls('inc_atomic', 'inc_atomic')],
    ['4'],
    { outcome: (b) => String(b.read(X)) },
  ),
  outcomes(
    'increments by compare-and-swap',
    'failed attempts are made again',
    [calls('inc_cas'), calls('inc_cas'), calls('inc_cas')],
    ['3'],
    { outcome: (b) => String(b.read(X)) },
  ),
  outcomes(
    'lost increments',
    'a load and a store lose some',
    [calls('inc_lost', 'inc_lost'), calls('inc_lost')],
    ['1', '2', '3'],
    { outcome: (b) => String(b.read(X)) },
  ),
  wrong('plain increments', 'are a data race', [calls('inc_plain'), calls('inc_plain')], 'data race'),
  outcomes('64-bit words', 'do not tear', [calls('tear_write'), calls('tear_read')], ['0', '1'], { outcome: only(1) }),
  wrong(
    'half a word',
    'atomics of two sizes are not ordered',
    [calls('tear_write'), calls('half_read')],
    'mixed sizes',
  ),
  outcomes(
    'half a word, meant',
    'sees the half that it asks for',
    [calls('tear_write'), calls('half_read')],
    ['0', '-1'],
    { outcome: only(1), mixed: true },
  ),
  {
    name: 'litmus/register',
    about: 'atomics are linearizable, real time included',
    recipe,
    threads: [0, 1].map(
      (k) =>
        function* (t: Thread): Program {
          yield t.op('store', k + 1, () => 'ok', 'swap_x', k + 1)
          yield t.op('load', undefined, Number, 'read_x')
        },
    ),
    spec: () => registerSpec(0),
  },
  {
    name: 'litmus/lost increments, by specification',
    about: 'the same, as a history that no register gives',
    recipe,
    threads: [0, 1].map(
      () =>
        function* (t: Thread): Program {
          yield t.op('add', 1, () => undefined, 'inc_lost')
          yield t.op('load', undefined, Number, 'read_x')
        },
    ),
    spec: () => ({
      ...registerSpec(0),
      apply: (n, op, arg) => (op === 'add' ? [[undefined, (n as number) + Number(arg)]] : [[n as number, n]]),
    }),
    expect: 'not linearizable',
  },
  {
    name: 'litmus/stale read',
    about: 'real time: who reads Y for X after X was stored sees too little',
    recipe,
    threads: [
      function* (t: Thread): Program {
        yield t.op('store', 1, () => 'ok', 'swap_x', 1)
      },
      function* (t: Thread): Program {
        yield t.op('load', undefined, Number, 'read_y')
      },
    ],
    spec: () => registerSpec(0),
    expect: 'not linearizable',
  },
  outcomes(
    'parking',
    'registers, looks again, sleeps: no wake-up is lost',
    [calls('park'), calls('wake')],
    ['undefined undefined'],
  ),
  wrong(
    'parking without a second look',
    'sleeps past the wake-up',
    [calls('park_noRecheck'), calls('wake')],
    'lost wake-up',
  ),
  wrong(
    'waking after an early look',
    'the other half of the pair',
    [calls('park'), calls('wake_lookFirst')],
    'lost wake-up',
  ),
  wrong(
    'notify before publish',
    'the sleeper sees the old bell and sleeps on',
    [calls('park'), calls('wake_notifyFirst')],
    'lost wake-up',
  ),
  outcomes('timed sleep', 'ends in all three ways', [calls('sleep_timed'), calls('ring')], ['0 1', '1 0', '2 0'], {
    outcome: only(0, 1),
  }),
  outcomes(
    'two sleepers, two rings',
    'first come, first woken',
    [calls('sleep_timed'), calls('ring_only', 'ring_only')],
    ['0 0 1', '0 1 0', '2 0 0'],
    { outcome: only(0, 1) },
  ),
  wrong('sleep for ever', 'nobody rings', [calls('sleep')], 'lost wake-up'),
  outcomes('spinning with pause', 'ends', [calls('spin_until'), calls('iriw_x')], ['undefined undefined']),
  wrong('spinning without pause', 'is no progress of its own', [calls('spin_hot'), calls('iriw_x')], 'livelock'),
  wrong('spinning on nothing', 'nobody changes the word', [calls('spin_until')], 'stuck'),
  outcomes('spin lock', 'plain words under a lock', [calls('lock_add', 'lock_add'), calls('lock_add')], ['3'], {
    outcome: (b) => String(b.read(X)),
  }),
  wrong('lock-free promise', 'a spin lock does not keep it', [calls('lock_add'), calls('lock_add')], 'not lock-free', {
    lockFree: true,
  }),
  wrong('kill under a spin lock', 'leaves it held', [calls('lock_add'), calls('lock_add')], 'stuck', { victims: [0] }),
  outcomes(
    'kill in a section',
    'does not happen: the lock is never left held',
    [calls('lock_addKillable'), calls('lock_addKillable')],
    ['1', '2'],
    {
      victims: [0],
      outcome: (b) => String(b.read(X)),
    },
  ),
  outcomes('kill between two stores', 'leaves one done', [calls('set_two')], ['0 0', '1 0', '1 1'], {
    victims: [0],
    outcome: (b) => `${b.read(X)} ${b.read(Y)}`,
  }),
  outcomes('kill around a section', 'leaves all or nothing', [calls('set_twoInSection')], ['0 0', '1 1'], {
    victims: [0],
    outcome: (b) => `${b.read(X)} ${b.read(Y)}`,
  }),
  outcomes('kill between plain stores', 'is seen too', [calls('copy_two')], ['0 0', '1 0', '1 1'], {
    victims: [0],
    outcome: (b) => `${b.read(X)} ${b.read(Y)}`,
  }),
  outcomes('reaper', 'sees what the dead has written, without a race', [calls('copy_two')], ['1', '2'], {
    victims: [0],
    reaper: function* (t: Thread): Program {
      yield t.death()
      yield t.call('inc_plain')
      yield t.call('unlock')
    },
    outcome: (b) => String(b.read(X)),
  }),
  {
    name: 'litmus/trap',
    about: 'a program that throws fails with its schedule',
    recipe,
    threads: [
      function* (t: Thread): Program {
        yield t.op('x', undefined, undefined, 'read_x')
        throw new Error('on purpose')
      },
    ],
    expect: 'trap',
  },
  wrong(
    'invariant at the end',
    'the final check speaks',
    [calls('inc_lost'), calls('inc_lost')],
    'invariant',
    xEnds(2),
  ),
]
