// What all scenarios of the core share: an arena with attached threads, the waiting operations as the bindings do them, and the audit.

import { Failure } from '../checker/failure.js'
import type { Program, Thread, Value } from '../checker/program.js'
import type { Bench } from '../checker/scenario.js'
import { usage } from './audit.js'

/** Tables and pages are small in the model: loops over all threads and classes are the same with five as with a hundred. */
export const coreRecipe = {
  entry: 'core',
  modules: ['pipe'],
  constants: { MAX_THREADS: 5, CLASS_COUNT: 10, PAGE: 4096, PAGE_SHIFT: 12, PAGE_CLASS: 5 },
}

const WORDS = ['ok', 'would block', 'closed', 'stale', 'no memory']

export interface World {
  L: Bench['layout']
  slots: number[]
  /** Blocks in use per class after setup. */
  base: number[]
}

/** The same with atomic values and maps. */
export const mapRecipe = { ...coreRecipe, modules: ['cursor', 'atomic-value', 'sharded-map'] }

/** The platform's number of a thread. */
export const numberOf = (t: number): number => t + 1

/** Lays out the arena and attaches every thread (reaper included) and the instance of setup. */
export function attach(b: Bench): World {
  const L = b.layout
  const size = b.m.memory.limit & ~(L.PAGE! - 1)
  b.call('arena_init', size, 1, 2)
  const slots: number[] = []
  for (let t = 0; t <= b.m.n; t++) {
    const slot = b.as(t, 'thread_attach', numberOf(t), 0)
    slots.push(b.name(slot, t === b.m.n ? 'main' : `t${t}`))
  }
  return { L, slots, base: [] }
}

export interface ChannelWorld extends World {
  ch: number
  open: number
  wide: boolean
  capacity: number
  /** Its values are messages of so many blocks, with so many bytes in each. */
  message?: Shape
  /** Its messages lie in cells of so many bytes; 0 or nothing: they do not. */
  cell?: number
}

export interface Shape {
  bytes: number
  blocks: number
}

export function makeChannel(b: Bench, capacity: number, wide: boolean): ChannelWorld {
  const world = attach(b)
  const ch = b.name(b.call('channel_create', capacity, wide ? 1 : 0, 0), 'ch', 'CHANNEL')
  return settleBase(b, { ...world, ch, open: b.read(ch + world.L.HEAD_STATE!), wide, capacity })
}

/** Notes what is in use after setup, for `audit`. */
export function settleBase<W extends World>(b: Bench, world: W): W {
  return { ...world, base: usage(b, world) }
}

// ── Channel operations ───────────────────────────────────────────────────────────────────────────────────────────────

export const sendName = (w: ChannelWorld): string => (w.wide ? 'channel_trySendF64' : 'channel_trySend32')
export const receiveName = (w: ChannelWorld): string => (w.wide ? 'channel_take64' : 'channel_take32')

/** The outcome of the last receive or pop, as the bindings read it: a value or a word. */
export function received(peek: (at: number) => number, slot: number, w: World, wide: boolean, none: string): Value {
  const s = peek(slot + w.L.THREAD_STATUS!)
  if (s !== w.L.OK) return s === w.L.WOULD_BLOCK ? none : WORDS[s]
  return number(wide, peek(slot + w.L.THREAD_VALUE!), peek(slot + w.L.THREAD_VALUE! + 4))
}

const f64 = new Float64Array(1)
const words = new Int32Array(f64.buffer)

export function number(wide: boolean, lo: number, hi: number): number {
  words[0] = lo
  words[1] = hi
  return (wide ? f64[0] : lo) as number
}

export const taken = (t: Thread, w: ChannelWorld): Value =>
  received((at) => t.peek(at), w.slots[t.id] as number, w, w.wide, 'empty')

/** A status as a word; 'ok' whether or not others had to be told. */
export function word(w: World, status: number | bigint): string {
  const s = Number(status)
  return s === w.L.TOLD || s === w.L.FINE ? 'ok' : (WORDS[s] ?? `status ${s}`)
}

export function trySend(t: Thread, w: ChannelWorld, v: number) {
  return t.op('trySend', v, (r) => (r === w.L.WOULD_BLOCK ? 'full' : word(w, r)), sendName(w), w.ch, w.open, v)
}

export function tryReceive(t: Thread, w: ChannelWorld) {
  // What the call returns, unless that is NaN; it must be what stands in memory too.
  const result = (r: number | bigint): Value => {
    const value = taken(t, w)
    return Number.isNaN(Number(r)) || Number(r) === value ? value : `returned ${r}, not ${value}`
  }
  return t.op('tryReceive', undefined, result, receiveName(w), w.ch, w.open)
}

export function close(t: Thread, w: ChannelWorld) {
  return t.op('close', undefined, (r) => word(w, r), 'channel_close', w.ch, w.open)
}

export function dispose(t: Thread, w: ChannelWorld) {
  return t.op('dispose', undefined, (r) => word(w, r), 'channel_dispose', w.ch, w.open)
}

/** How an operation waits: for ever, until it times out, or on the event loop. */
export type Style = 'block' | 'timed' | 'async'

/** The driver of src/wait.ts, as a program: attempt, park, sleep until done or out of patience. Returns the status, or 'timeout'. */
function* waitFor(
  t: Thread,
  w: ChannelWorld,
  style: Style,
  park: (token: number) => ReturnType<Thread['call']>,
): Generator<ReturnType<Thread['call']>, { status: number | 'timeout'; waiter: number }, number> {
  const { L } = w
  const waiter = yield park(style === 'async' ? 0 : L.TOKEN_BLOCKING!)
  if (waiter < L.ARENA!) return { status: waiter, waiter: 0 }
  if (style === 'async') {
    yield* untilReady(t, w)
    return { status: t.get(waiter + L.WAITER_OUTCOME!), waiter }
  }
  for (;;) {
    const state = yield t.call('waiter_wait', waiter, style === 'timed' ? 1 : -1)
    if (state !== L.WAITING) return { status: t.get(waiter + L.WAITER_OUTCOME!), waiter }
    if (style === 'timed') {
      const end = yield t.call('waiter_cancel', waiter)
      if (end === L.CANCELLED) return { status: 'timeout', waiter }
      return { status: t.get(waiter + L.WAITER_OUTCOME!), waiter }
    }
  }
}

/** The event loop of src/event-loop.ts with one pending operation: armed, polled, waiting on the loop's bell. */
export function* untilReady(t: Thread, w: World, take = true): Generator<ReturnType<Thread['call']>, void, number> {
  const { L } = w
  const slot = w.slots[t.id] as number
  for (;;) {
    const bell = yield t.load(slot + L.THREAD_LOOP_BELL!)
    yield t.store(slot + L.THREAD_LOOP_ARMED!, 1)
    if ((yield t.load(slot + L.THREAD_READY!)) !== 0) break
    if ((yield t.wait(slot + L.THREAD_LOOP_BELL!, bell)) === 1) continue
    yield t.store(slot + L.THREAD_LOOP_ARMED!, 0)
    if ((yield t.load(slot + L.THREAD_READY!)) !== 0) break
  }
  yield t.store(slot + L.THREAD_LOOP_ARMED!, 0)
  if (take) yield t.call('thread_nextReady')
}

export function* send(t: Thread, w: ChannelWorld, v: number, style: Style = 'block'): Program {
  const { L } = w
  yield t.begin(style === 'timed' ? 'sendTimed' : 'send', v)
  let s: number | 'timeout' = yield t.call(sendName(w), w.ch, w.open, v)
  if (s === L.WOULD_BLOCK) {
    const name = w.wide ? 'channel_parkSendF64' : 'channel_parkSend32'
    const end = yield* waitFor(t, w, style, (token) => t.call(name, w.ch, w.open, token | 0, v))
    s = end.status
    if (end.waiter) yield t.call('waiter_release', end.waiter)
  }
  yield t.end(s === 'timeout' ? s : word(w, s))
}

export function* receive(t: Thread, w: ChannelWorld, style: Style = 'block'): Program {
  const { L } = w
  yield t.begin(style === 'timed' ? 'receiveTimed' : 'receive')
  yield t.call(receiveName(w), w.ch, w.open)
  let v = taken(t, w)
  if (v === 'empty') {
    const end = yield* waitFor(t, w, style, (token) => t.call('channel_parkReceive', w.ch, w.open, token | 0))
    if (end.status === L.OK) {
      v = number(w.wide, t.get(end.waiter + L.WAITER_VALUE!), t.get(end.waiter + L.WAITER_VALUE! + 4))
    } else v = end.status === 'timeout' ? end.status : word(w, end.status)
    if (end.waiter) yield t.call('waiter_release', end.waiter)
  }
  yield t.end(v)
}

/** Two receives of one event loop, parked one after the other and completed in that order. Judged as one operation that gives both values. */
export function* receiveTwo(t: Thread, w: ChannelWorld): Program {
  const { L } = w
  const got: Value[] = []
  yield t.begin('receiveTwo')
  const waiters: number[] = []
  for (const token of [0, 1]) waiters.push(yield t.call('channel_parkReceive', w.ch, w.open, token))
  const slot = w.slots[t.id] as number
  while (got.length < 2) {
    yield* untilReady(t, w, false)
    for (;;) {
      const ready: number = yield t.call('thread_nextReady')
      if (ready === 0) break
      if (ready !== waiters[got.length])
        throw new Failure('invariant', 'the receives were completed in the wrong order')
      got.push(number(w.wide, t.get(ready + L.WAITER_VALUE!), t.get(ready + L.WAITER_VALUE! + 4)))
      yield t.call('waiter_release', ready)
    }
  }
  yield t.store(slot + L.THREAD_LOOP_ARMED!, 0)
  yield t.end(got.join())
}

/** A reaper: waits for the death of a thread, then frees its slot. */
export function* reaper(t: Thread): Program {
  const victim: number = yield t.death()
  yield t.call('thread_reap', numberOf(victim))
}

/** Takes out what is left, as operations after all others: so the history says what had become of every value. */
export function drain(b: Bench, w: ChannelWorld): void {
  // One more than the channel may hold: a broken one may give values for ever.
  for (let k = 0; k <= w.capacity; k++) {
    b.call(receiveName(w), w.ch, w.open)
    const v = received((at) => b.i32[at >> 2] as number, w.slots[b.m.main] as number, w, w.wide, 'empty')
    b.record('tryReceive', undefined, v)
    if (typeof v !== 'number') return
  }
  b.fail('not linearizable', `more than the ${w.capacity} that the channel holds`)
}
