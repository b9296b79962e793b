// Memory that is short: who finds none waits at the gate, a channel without capacity; who has freed some hands a token to everybody who waits
// there. A token says nothing but: look again. What a thread has put by in its magazines is found by nobody else, so whoever begins to wait
// rings all bells, and each thread shares what it has before it sleeps.
//
// The programs do what src/gate.ts and src/arena.ts do.

import type { Command, Program, Thread } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { audit, shadow } from './audit.js'
import { attach, coreRecipe, numberOf, settleBase, untilReady, type World } from './core.js'
import { kill as kills } from './meeting.js'

type Steps<R> = Generator<Command, R, number>

interface Short extends World {
  gate: number
  bytes: number
  /** For each thread the messages in its hands at the beginning. */
  hands: number[][]
  /** How many blocks of the size are with a page that a thread has begun to cut. */
  uncut: number
  /** Pages of a free run. */
  run: number
  /** What is known to be wrong with the programs, for scenarios that show it. */
  flaw: string
}

/** Where the bells of a thread are, that of its sleep and that of its event loop. */
const bells = (w: Short): string[] => [w.L.THREAD_BELL, w.L.THREAD_LOOP_BELL].map(String)

function* waited(t: Thread, w: Short): Steps<boolean> {
  return ((yield t.load(w.gate + w.L.HEAD_STATE!)) & w.L.CHANNEL_RECEIVERS!) !== 0
}

/**
 * Makes all who wait look again. First come, first served: who is first a second time has come back, because the memory was too little for it, and
 * all who were here before have been told. To tell those who come back would never end.
 */
function* signal(t: Thread, w: Short): Steps<void> {
  const told = new Set<number>()
  while (yield* waited(t, w)) {
    const first = t.peek(w.gate + w.L.CHANNEL_RECVQ! + w.L.QUEUE_FIRST!)
    if (told.has(first) && w.flaw !== 'tokens without end') return
    yield t.call('channel_trySend32', w.gate, 0, 0)
    told.add(first)
  }
}

/** After something has been freed. */
function* relieve(t: Thread, w: Short): Steps<void> {
  if (w.flaw === 'freed without a look' || !(yield* waited(t, w))) return
  if (w.flaw !== 'nothing shared') yield t.call('arena_share')
  yield* signal(t, w)
}

/** Before the thread sleeps. */
function* share(t: Thread, w: Short): Steps<void> {
  if (w.flaw === 'nothing shared' || !(yield* waited(t, w))) return
  if (yield t.call('arena_share')) yield* signal(t, w)
}

/** Rings the bells of all other threads, so that they share. */
function* rouse(t: Thread, w: Short): Steps<void> {
  if (w.flaw === 'nobody roused') return
  for (const slot of w.slots) {
    if (slot === w.slots[t.id] || slot === w.slots[w.slots.length - 1]) continue
    for (const bell of bells(w).map(Number)) {
      yield t.add(slot + bell, 1)
      if ((yield t.load(slot + bell + 4)) !== 0) yield t.notify(slot + bell)
    }
  }
}

/** The rest of a thread's life: it sleeps, and wakes when its bell rings. */
function* sleeps(t: Thread, w: Short): Steps<void> {
  const slot = w.slots[t.id] as number
  for (;;) {
    if (w.flaw === 'shared before the bell is read') yield* share(t, w)
    const rings = yield t.load(slot + w.L.THREAD_BELL!)
    if (w.flaw !== 'shared before the bell is read') yield* share(t, w)
    yield t.store(slot + w.L.THREAD_ASLEEP!, 1)
    yield t.wait(slot + w.L.THREAD_BELL!, rings)
    yield t.store(slot + w.L.THREAD_ASLEEP!, 0)
  }
}

/** The same for one with an event loop. */
function* loops(t: Thread, w: Short): Steps<void> {
  const slot = w.slots[t.id] as number
  for (;;) {
    if (w.flaw === 'shared before the bell is read') yield* share(t, w)
    const rings = yield t.load(slot + w.L.THREAD_LOOP_BELL!)
    yield t.store(slot + w.L.THREAD_LOOP_ARMED!, 1)
    if (w.flaw !== 'shared before the bell is read') yield* share(t, w)
    yield t.wait(slot + w.L.THREAD_LOOP_BELL!, rings)
    yield t.store(slot + w.L.THREAD_LOOP_ARMED!, 0)
  }
}

/** Takes a message, waiting for memory; 0 if its time is up. */
function* hungry(t: Thread, w: Short, style: string, bytes: number): Steps<number> {
  const { L } = w
  let payload = yield t.call('message_take', bytes)
  // What it has put by is no use to it; and it does not share again with tokens, lest those who wait wake each other for ever.
  if (payload === 0 && w.flaw !== 'put by and kept' && (yield t.call('arena_share'))) yield* signal(t, w)
  while (payload === 0) {
    const waiter = yield t.call('channel_parkReceive', w.gate, 0, style === 'async' ? 0 : L.TOKEN_BLOCKING! | 0)
    yield* rouse(t, w)
    if (w.flaw !== 'no second look') payload = yield t.call('message_take', bytes)
    if (payload === 0) yield t.call('arena_share')
    let done = false
    if (payload === 0 && style !== 'async')
      for (;;) {
        done = (yield t.call('waiter_wait', waiter, style === 'timed' ? 1 : -1)) !== L.WAITING
        if (done || style === 'timed') break
      }
    if (style === 'async') {
      const cancelled = payload !== 0 && (yield t.call('waiter_cancel', waiter)) === L.CANCELLED
      if (!cancelled) yield* untilReady(t, w)
      done = true
    } else if (!done) yield t.call('waiter_cancel', waiter)
    yield t.call('waiter_release', waiter)
    if (payload === 0) payload = yield t.call('message_take', bytes)
    if (payload === 0 && !done) return 0
  }
  return payload
}

/**
 * What a thread does: `take` waits for memory, `timed take` not for ever, `async take`, `more` for a block that nobody has; `free` frees what it
 * has. Then it sleeps, with `loop` as an event loop does.
 */
function life(...steps: string[]): (t: Thread, w: Short) => Program {
  return function* (t, w) {
    const hands = [...(w.hands[t.id] as number[])]
    for (const step of steps) {
      if (step === 'free') {
        yield t.begin('free')
        yield t.call('message_free', hands.pop() as number)
        yield* relieve(t, w)
        yield t.end('ok')
      } else if (step.endsWith('take') || step === 'more') {
        yield t.begin(step)
        const bytes = step === 'more' ? PAGE_BYTES : w.bytes
        const payload = yield* hungry(t, w, step.split(' ')[0] as string, bytes)
        if (payload !== 0) {
          t.set(payload, t.id)
          hands.push(payload)
        }
        yield t.end(payload === 0 ? 'timeout' : 'ok')
        if (payload === 0) break
      } else if (step === 'loop') yield* loops(t, w)
    }
    yield* sleeps(t, w)
  }
}

function* reaper(t: Thread, w: Short): Program {
  const victim: number = yield t.death()
  yield t.op('reap', victim, () => 'ok', 'thread_reap', numberOf(victim))
  if (w.flaw !== 'reaper silent') yield* relieve(t, w)
  yield* sleeps(t, w)
}

/** Nobody waits while a block is free. */
function nobodyHungry(b: Bench, w: Short): void {
  const waits = b.history.filter((o) => o.op.endsWith('take') && o.responded === Infinity && !o.dead)
  if (waits.length === 0) return
  const free = handed(w) - held(b, w)
  if (free > 0)
    b.fail('lost wake-up', `${waits.map((o) => `t${o.thread}`)} wait for memory, and ${free} blocks are free`)
}

/** Blocks of the size that are not with the main thread. */
const handed = (w: Short): number => w.hands.reduce((n, list) => n + list.length, w.uncut + w.run)
const held = (b: Bench, w: Short): number =>
  w.slots.reduce((n, slot, t) => (t === b.m.main ? n : n + count(b, w, slot)), 0)

function count(b: Bench, w: Short, slot: number): number {
  let n = 0
  for (let at = b.read(slot + w.L.THREAD_MESSAGES!); at !== 0; at = b.read(at + w.L.MESSAGE_OWN_NEXT!)) n++
  return n
}

interface More extends Partial<Scenario> {
  /** Bytes of a message. */
  bytes?: number
  flaw?: string
  /** How many messages each thread has in its hands; those that exist and nobody has are with the main thread. */
  hands: number[]
  uncut?: number
  run?: number
}

/** Of a page: freed straight to the depot. Of half a page: kept in magazines. */
const PAGE_BYTES = 4032
const HALF = 1984

function short(name: string, about: string, threads: Scenario['threads'], more: More): Scenario {
  const { bytes = PAGE_BYTES, hands, flaw = '', uncut = 0, run = 0, ...rest } = more
  return {
    name: `messages/memory/${name}`,
    about,
    recipe: coreRecipe,
    access: shadow,
    pages: 16,
    setup: (b: Bench): Short => {
      const w = attach(b)
      const { L } = w
      // A page of waiters for everybody.
      const all = Array.from({ length: L.PAGE! / L.LINE! }, () => b.as(0, 'select_create'))
      for (const waiter of all) b.as(0, 'waiter_release', waiter)
      const pages = run && b.call('message_take', L.PAGE! * run - L.MESSAGE_LARGE!)
      const given = hands.map((n, t) => Array.from({ length: n }, () => b.as(t, 'message_take', bytes)))
      // The main thread takes what is left of everything.
      for (let cls = L.CLASS_COUNT! - 1; cls > L.SMALL_CLASS!; cls--)
        while (b.call('message_take', (L.LINE! << cls) - L.MESSAGE_LARGE!) !== 0);
      // What others have begun to cut goes to the main thread too.
      if (uncut === 0)
        hands.forEach((_, t) => {
          for (let at: number; (at = b.as(t, 'message_take', bytes)) !== 0; ) given[t]?.push(at)
        })
      if (pages) b.call('message_free', pages)
      if (uncut === 0) for (let t = 0; t < b.m.n; t++) b.as(t, 'arena_share')
      return settleBase(b, { ...w, gate: L.ARENA! + L.ARENA_GATE!, bytes, hands: given, uncut, run, flaw })
    },
    threads,
    final: (b: Bench, w: Short) => {
      nobodyHungry(b, w)
      if (b.history.some((o) => o.responded === Infinity && !o.dead)) return
      b.check(b.read(w.gate + w.L.CHANNEL_RECVQ!) === 0, 'somebody is still in the queue of the gate')
      const base = [...w.base]
      base[w.bytes === PAGE_BYTES ? 5 : 4]! += held(b, w) - handed(w) + w.uncut + w.run
      audit(b, w, base)
    },
    maySleep: true,
    realtime: false,
    explore: { executions: 50_000, random: 20_000 },
    ci: { executions: 400, random: 200, stale: 20 },
    ...rest,
  }
}

const kill = (victim: number): Partial<Scenario> => ({
  ...kills(victim),
  reaper,
  ci: { executions: 12, random: 8, stale: 0 },
})

/** The programs with a mistake in them, which must be found. */
function flawed(flaw: string, threads: Scenario['threads'], more: Omit<More, 'flaw'>): Scenario {
  return short(`flaw, ${flaw}`, 'must be found', threads, { flaw, expect: 'lost wake-up', ...more })
}

export const memoryWaits: Scenario[] = [
  short('page', 'one waits, one frees, by the depot', [life('take'), life('free')], { hands: [0, 1] }),
  short('small', 'one waits, one frees, by its magazine', [life('take'), life('free')], { bytes: HALF, hands: [0, 1] }),
  short('uncut', 'the rest of a page that another thread has begun', [life('take'), life()], {
    bytes: HALF,
    hands: [0, 1],
    uncut: 1,
  }),
  short('event loops', 'both sides the async way', [life('async take', 'free', 'loop'), life('free', 'loop')], {
    bytes: HALF,
    hands: [0, 1],
  }),
  short('two wait, one frees', 'one after the other', [life('take', 'free'), life('take', 'free'), life('free')], {
    hands: [0, 0, 1],
  }),
  short('two wait, one frees, small', 'by magazines', [life('take', 'free'), life('take', 'free'), life('free')], {
    bytes: HALF,
    hands: [0, 0, 1],
  }),
  short('two wait, two free', 'who tells whom', [life('take'), life('take'), life('free'), life('free')], {
    bytes: HALF,
    hands: [0, 0, 1, 1],
  }),
  short('too little for one', 'who comes back does not keep the freer', [life('more'), life('take'), life('free')], {
    bytes: HALF,
    hands: [0, 0, 1],
  }),
  short('too little for one, two free', 'nor two of them', [life('more'), life('take'), life('free'), life('free')], {
    bytes: HALF,
    hands: [0, 0, 1, 1],
  }),
  short('a run is split', 'what is left of it is for others', [life('take'), life('take')], { hands: [0, 0], run: 2 }),
  short('put by before', 'who waits for more gives what it has', [life('free', 'more'), life('take')], {
    bytes: HALF,
    hands: [1, 0],
  }),
  short('time limit', 'gets the block or leaves it', [life('timed take', 'free'), life('take', 'free'), life('free')], {
    bytes: HALF,
    hands: [0, 0, 1],
  }),
  short('waiter killed', 'beside another', [life('take', 'free'), life('take'), life('free')], {
    hands: [0, 0, 1],
    ...kill(0),
  }),
  short('waiter killed, small', 'beside another', [life('take', 'free'), life('take'), life('free')], {
    bytes: HALF,
    hands: [0, 0, 1],
    ...kill(0),
  }),
  short('freer killed', 'between free and token', [life('free'), life('take')], { hands: [1, 0], ...kill(0) }),
  short('freer killed, small', 'between free, share and token', [life('free'), life('take')], {
    bytes: HALF,
    hands: [1, 0],
    ...kill(0),
  }),
  short('freer killed, two wait', 'between two tokens', [life('free'), life('take', 'free'), life('take', 'free')], {
    hands: [1, 0, 0],
    ...kill(0),
  }),
  flawed('no second look', [life('take'), life('free')], { hands: [0, 1] }),
  flawed('freed without a look', [life('take'), life('free')], { hands: [0, 1] }),
  flawed('nothing shared', [life('take'), life('free')], { bytes: HALF, hands: [0, 1] }),
  flawed('nobody roused', [life('take'), life('free')], { bytes: HALF, hands: [0, 1] }),
  flawed('shared before the bell is read', [life('take'), life('free', 'loop')], {
    bytes: HALF,
    hands: [0, 1],
    ci: { executions: 400, random: 5000, stale: 0 },
  }),
  flawed('put by and kept', [life('free', 'more'), life('take')], { bytes: HALF, hands: [1, 0] }),
  flawed('tokens without end', [life('more'), life('take'), life('free')], {
    bytes: HALF,
    hands: [0, 0, 1],
    expect: 'endless',
  }),
  flawed('reaper silent', [life('free'), life('take')], { hands: [1, 0], ...kill(0) }),
]
