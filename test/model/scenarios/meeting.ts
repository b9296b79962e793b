// Programs for threads that meet: on channels without capacity, and in selects. What they do is written as text:
//
//   a!7 a?             send and receive on channel a, waiting: try, park, sleep
//   try a!7            without waiting
//   a? b!7             a select: parks on each, sleeps
//   first a? b!7       the same, after a try of each, as the bindings do
//   timed …, async …   with a time limit; on the event loop
//   default a? b!7     a select that does not wait
//   many a!7,8         a batch; many a?2
//   close a, dispose a
//   park a? b!7        begins to wait, on the event loop; then `await a? b!7` or `cancel a? b!7`
//   probe a? b!7       looks whether none can go on

import { dualSpec, parts } from '../checker/dual.js'
import type { Program, Thread, Value } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { audit, nobodyForgotten, shadow, usage } from './audit.js'
import { CELL, fillCell, putCell, readCell, takeCell } from './cell.js'
import {
  attach,
  type ChannelWorld,
  coreRecipe,
  number,
  numberOf,
  receiveName,
  type Shape,
  sendName,
  settleBase,
  taken,
  untilReady,
  type World,
  word,
} from './core.js'
import {
  books,
  freeMessage,
  LENGTH,
  makeMessage,
  mustHold,
  openMessage,
  receiveMessage,
  takeMessage,
  withoutMessages,
} from './message.js'

/**
 * Waits for other threads end at once, as if each of them had been stopped by the system: what then says BUSY is explored too. Real ones
 * last longer than any section.
 */
export const impatient: Partial<Scenario> = {
  recipe: {
    ...coreRecipe,
    mutations: [
      { file: 'thread.ts', find: '    spinning();\n    return false;', replace: '    spinning();\n    return true;' },
    ],
  },
  lockstep: false,
}

export interface Meeting extends World {
  channels: Record<string, ChannelWorld>
  scratch: number[]
}

interface Case {
  w: ChannelWorld
  sends: boolean
  value: number
  /** Of a message to send that is not sent yet: its address. */
  payload: number
}

function parse(m: Meeting, text: string): Case {
  const sends = text.includes('!')
  const w = m.channels[text[0] as string] as ChannelWorld
  return { w, sends, value: sends ? Number(text.slice(2)) : 0, payload: 0 }
}

/** What is to be sent becomes a message, if the channel carries those. */
function* pack(t: Thread, cases: readonly Case[]): Program {
  for (const c of cases)
    if (c.sends && c.w.message && c.payload === 0) c.payload = yield* takeMessage(t, c.w.message, c.value)
}

/** What has not been sent is in the thread's hands again, and is freed. */
function* unpack(t: Thread, m: Meeting, cases: readonly Case[]): Program {
  for (const c of cases) if (c.payload !== 0) yield* freeMessage(t, m, c.payload)
}

const STYLES = ['first', 'timed', 'async']

/** Calls until nobody is in the way. */
function* call(
  t: Thread,
  m: World,
  name: string,
  ...args: number[]
): Generator<ReturnType<Thread['call']>, number, number> {
  for (;;) {
    const r: number = yield t.call(name, ...args)
    if (r !== m.L.BUSY) return r
  }
}

/** Where a thread leaves a message for a cell, and finds one. */
const stageOf = (t: Thread, m: Meeting): number => (m.scratch[t.id] as number) + m.L.SCRATCH_STAGE!

/** One try: a value, 'ok', or why not. */
function* attempt(t: Thread, m: Meeting, c: Case): Generator<ReturnType<Thread['call']>, Value, number> {
  const { w } = c
  if (c.sends) {
    if (w.cell) putCell(t, stageOf(t, m), c.value)
    const s = w.message
      ? yield* call(t, m, 'channel_trySendMessage', w.ch, w.open, c.payload, LENGTH)
      : yield* call(t, m, sendName(w), w.ch, w.open, w.cell ? 0 : c.value)
    if (s === m.L.FINE || s === m.L.TOLD || s === m.L.OK) c.payload = 0
    return s === m.L.WOULD_BLOCK ? 'full' : word(w, s)
  }
  for (;;) {
    yield t.call(receiveName(w), w.ch, w.open)
    const slot = w.slots[t.id] as number
    const s = t.peek(slot + m.L.THREAD_STATUS!)
    if (s === m.L.OK && w.message) return yield* openMessage(t, m, slot + m.L.THREAD_VALUE!, w.message)
    if (s === m.L.OK && w.cell) return takeCell(t, stageOf(t, m))
    if (s !== m.L.BUSY) return taken(t, w)
  }
}

const refused = (v: Value): boolean => v === 'full' || v === 'empty'

function setValue(t: Thread, m: Meeting, waiter: number, c: Case): void {
  if (c.payload !== 0) mustHold(t, m, c.payload)
  if (c.w.cell) {
    putCell(t, waiter + m.L.WAITER_CELL!, c.value)
    return
  }
  const [lo, hi] = bits(c)
  t.set(waiter + m.L.WAITER_VALUE!, lo)
  t.set(waiter + m.L.WAITER_VALUE! + 4, hi)
}

const f64 = new Float64Array(1)
const words = new Int32Array(f64.buffer)

function bits(c: Case): [number, number] {
  if (c.w.message) return [c.payload, LENGTH]
  if (!c.w.wide) return [c.value, 0]
  f64[0] = c.value
  return [words[0] as number, words[1] as number]
}

function* outcome(
  t: Thread,
  m: Meeting,
  waiter: number,
  told: number,
  c: Case,
): Generator<ReturnType<Thread['call']>, string, number> {
  const s = t.get(told + m.L.WAITER_OUTCOME!)
  if (s === m.L.OK && c.sends) c.payload = 0
  if (s !== m.L.OK || c.sends) return word(m, s)
  if (c.w.message) {
    yield t.call('message_reclaim', waiter)
    return String(yield* openMessage(t, m, waiter + m.L.WAITER_VALUE!, c.w.message))
  }
  if (c.w.cell) return String(takeCell(t, waiter + m.L.WAITER_CELL!))
  return String(number(c.w.wide, t.get(waiter + m.L.WAITER_VALUE!), t.get(waiter + m.L.WAITER_VALUE! + 4)))
}

/** Sleeps until the waiter or select has ended; with a time limit it may be cancelled. True if something has come of it. */
function* sleep(
  t: Thread,
  m: Meeting,
  told: number,
  style: string,
  cancel: string,
): Generator<ReturnType<Thread['call']>, boolean, number> {
  const { L } = m
  if (style === 'async') {
    yield* untilReady(t, m)
    return true
  }
  for (;;) {
    const state = yield t.call('waiter_wait', told, style === 'timed' ? 1 : -1)
    if (state !== L.WAITING) return true
    if (style === 'timed') return (yield* call(t, m, cancel, told)) !== L.CANCELLED
  }
}

/** A send or receive that waits: its waiter, or a status. */
function* park(t: Thread, m: Meeting, c: Case, token: number): Generator<ReturnType<Thread['call']>, number, number> {
  if (c.sends && c.w.message)
    return yield* call(t, m, 'channel_parkMessage', c.w.ch, c.w.open, token | 0, c.payload, LENGTH)
  if (c.w.cell) {
    if (c.sends) putCell(t, stageOf(t, m), c.value)
    const queue = c.sends ? m.L.CHANNEL_SENDQ! : m.L.CHANNEL_RECVQ!
    return yield* call(t, m, 'channel_parkCell', c.w.ch, c.w.open, queue, token | 0, c.w.cell)
  }
  const name = c.sends ? (c.w.wide ? 'channel_parkSendF64' : 'channel_parkSend32') : 'channel_parkReceive'
  return yield* call(t, m, name, c.w.ch, c.w.open, token | 0, ...(c.sends ? [c.value] : []))
}

/** A send or a receive. */
function* single(t: Thread, m: Meeting, text: string, style: string): Program {
  const { L } = m
  const c = parse(m, text)
  yield* pack(t, [c])
  yield t.begin('wait', text)
  const v = yield* attempt(t, m, c)
  let result = `0=${v}`
  if (refused(v)) {
    const waiter = yield* park(t, m, c, style === 'async' ? 0 : L.TOKEN_BLOCKING!)
    if (waiter < L.ARENA!) result = `0=${word(m, waiter)}`
    else {
      const done = yield* sleep(t, m, waiter, style, 'waiter_cancel')
      result = done ? `0=${yield* outcome(t, m, waiter, waiter, c)}` : 'timeout'
      yield t.call('waiter_release', waiter)
    }
  }
  yield* unpack(t, m, [c])
  yield t.end(result)
}

interface Select {
  told: number
  cases: Case[]
  waiters: number[]
}

function* makeSelect(t: Thread, m: Meeting, cases: Case[]): Generator<ReturnType<Thread['call']>, Select, number> {
  const { L } = m
  const told = yield t.call('select_create')
  const waiters: number[] = []
  for (const c of cases) {
    const queue = c.sends ? L.CHANNEL_SENDQ! : L.CHANNEL_RECVQ!
    waiters.push(yield t.call('channel_case', c.w.ch, queue, told, c.w.cell ?? 0))
  }
  return { told, cases, waiters }
}

function* freeSelect(t: Thread, s: Select): Program {
  for (const w of s.waiters) yield t.call('waiter_release', w)
  yield t.call('waiter_release', s.told)
}

/** Begins a wait of a select: parks its cases until it has ended. Returns the case that had to be given up because its channel is gone. */
function* parkAll(
  t: Thread,
  m: Meeting,
  s: Select,
  token: number,
): Generator<ReturnType<Thread['call']>, number, number> {
  const { L } = m
  yield t.call('select_rearm', s.told, token | 0)
  for (const [k, c] of s.cases.entries()) {
    const state = yield t.load(s.told + L.WAITER_STATE!)
    if (state !== L.WAITING && state !== L.CLAIMED) break
    if (c.sends) setValue(t, m, s.waiters[k] as number, c)
    if ((yield* call(t, m, 'channel_parkCase', s.waiters[k] as number, c.w.open)) !== L.STALE) continue
    // Unless another one was chosen before.
    return (yield* call(t, m, 'select_cancel', s.told)) === L.CANCELLED ? k : -1
  }
  return -1
}

/** Ends it: which case, and what came of it. */
function* unparkAll(
  t: Thread,
  m: Meeting,
  s: Select,
  done: boolean,
): Generator<ReturnType<Thread['call']>, string, number> {
  for (const w of s.waiters) yield* call(t, m, 'select_unpark', w)
  if (!done) return 'timeout'
  const k = s.waiters.indexOf(t.get(s.told + m.L.WAITER_HIT!))
  return `${k}=${yield* outcome(t, m, s.waiters[k] as number, s.told, s.cases[k] as Case)}`
}

function* round(
  t: Thread,
  m: Meeting,
  s: Select,
  style: string,
): Generator<ReturnType<Thread['call']>, string, number> {
  const stale = yield* parkAll(t, m, s, style === 'async' ? 0 : m.L.TOKEN_BLOCKING!)
  const done = stale < 0 && (yield* sleep(t, m, s.told, style, 'select_cancel'))
  const result = yield* unparkAll(t, m, s, done)
  return stale < 0 ? result : `${stale}=stale`
}

/** `times` selects one after the other, with one select record. */
function* select(t: Thread, m: Meeting, text: string, style: string, times: number): Program {
  const cases = text.split(' ').map((each) => parse(m, each))
  let s: Select | undefined
  for (let i = 0; i < times; i++) {
    yield* pack(t, cases)
    yield t.begin('wait', text)
    let result = ''
    if (style === 'first') {
      for (const [k, c] of cases.entries()) {
        const v = yield* attempt(t, m, c)
        if (refused(v)) continue
        result = `${k}=${v}`
        break
      }
    }
    if (result === '') {
      s ??= yield* makeSelect(t, m, cases)
      result = yield* round(t, m, s, style)
    }
    if (s && i === times - 1) yield* freeSelect(t, s)
    if (i === times - 1) yield* unpack(t, m, cases)
    yield t.end(result)
  }
}

/** Whether two looks at all cases agree that none could go on. */
function* probe(t: Thread, cases: readonly Case[]): Generator<ReturnType<Thread['call']>, boolean, number> {
  const seen: number[] = []
  const now: number[] = []
  for (const list of [seen, now])
    for (const c of cases) list.push(yield t.call('channel_probe', c.w.ch, c.w.open, c.sends ? 1 : 0))
  return seen.every((v, k) => v !== 0 && v === now[k])
}

/** A select that does not wait. */
function* selectNow(t: Thread, m: Meeting, text: string): Program {
  const cases = text.split(' ').map((each) => parse(m, each))
  yield t.begin('default', text)
  for (;;) {
    if (yield* probe(t, cases)) return yield t.end('none')
    for (const [k, c] of cases.entries()) {
      const v = yield* attempt(t, m, c)
      if (!refused(v)) return yield t.end(`${k}=${v}`)
    }
  }
}

function* many(t: Thread, m: Meeting, text: string): Program {
  const { L } = m
  const c = parse(m, text)
  const { w } = c
  const at = (m.scratch[t.id] as number) + L.SCRATCH_VALUES!
  const values = text.slice(2).split(',').map(Number)
  const size = w.wide ? 8 : 4
  const why = (): string => word(m, t.peek((w.slots[t.id] as number) + L.THREAD_STATUS!))
  yield t.begin('many', text)
  if (c.sends) {
    for (const [k, value] of values.entries()) {
      const [lo, hi] = bits({ ...c, value })
      t.set(at + size * k, lo)
      if (w.wide) t.set(at + 8 * k + 4, hi)
    }
    const n: number = yield t.call('channel_trySendMany', w.ch, w.open, values.length)
    return yield t.end(`${values.slice(0, n).join()} ${why()}`)
  }
  const n: number = yield t.call('channel_tryReceiveMany', w.ch, w.open, values[0] as number)
  const got = Array.from({ length: n }, (_, k) =>
    number(w.wide, t.peek(at + size * k), w.wide ? t.peek(at + size * k + 4) : 0),
  )
  yield t.end(`${got.join()} ${why()}`)
}

function run(list: readonly string[]): (t: Thread, m: Meeting) => Program {
  return function* (t, m) {
    const parked = new Map<string, { s: Select; id: string }>()
    const ready = new Set<number>()
    for (const [i, step] of list.entries()) {
      const [first, ...rest] = step.split(' ') as [string, ...string[]]
      const text = rest.join(' ')
      if (first === 'close' || first === 'dispose') {
        const { ch, open } = m.channels[text] as ChannelWorld
        yield t.op(first, text, (r) => word(m, r), `channel_${first}`, ch, open)
      } else if (first === 'try') {
        const c = parse(m, text)
        yield* pack(t, [c])
        yield t.begin('try', text)
        const v = yield* attempt(t, m, c)
        yield* unpack(t, m, [c])
        yield t.end(v)
      } else if (first === 'default') yield* selectNow(t, m, text)
      else if (first === 'many') yield* many(t, m, text)
      else if (first === 'twice') yield* select(t, m, text, 'block', 2)
      else if (first === 'probe') {
        yield t.begin('default', text)
        yield t.end(
          (yield* probe(
            t,
            text.split(' ').map((each) => parse(m, each)),
          ))
            ? 'none'
            : 'unsure',
        )
      } else if (first === 'park') {
        const id = `t${t.id}#${i}`
        const cases = text.split(' ').map((each) => parse(m, each))
        yield* pack(t, cases)
        yield t.begin('park', `${id} ${text}`)
        let s: Select
        if (cases.length > 1) {
          s = yield* makeSelect(t, m, cases)
          yield* parkAll(t, m, s, 0)
        } else s = { told: yield* park(t, m, cases[0] as Case, 0), cases, waiters: [] }
        parked.set(text, { s, id })
        yield t.end('parked')
      } else if (first === 'cancel' || first === 'await') {
        const { s, id } = parked.get(text) as { s: Select; id: string }
        const single = s.waiters.length === 0
        yield t.begin(first, id)
        const done =
          first === 'await' || (yield* call(t, m, single ? 'waiter_cancel' : 'select_cancel', s.told)) !== m.L.CANCELLED
        while (done && !ready.has(s.told)) {
          yield* untilReady(t, m, false)
          for (let w: number; (w = yield t.call('thread_nextReady')) !== 0; ) ready.add(w)
        }
        ready.delete(s.told)
        let result = 'timeout'
        if (!single) result = yield* unparkAll(t, m, s, done)
        else if (done) result = `0=${yield* outcome(t, m, s.told, s.told, s.cases[0] as Case)}`
        yield* freeSelect(t, s)
        yield* unpack(t, m, s.cases)
        yield t.end(result)
      } else {
        const style = STYLES.includes(first) ? first : 'block'
        const cases = style === 'block' ? step : text
        if (cases.includes(' ')) yield* select(t, m, cases, style, 1)
        else yield* single(t, m, cases, style)
      }
    }
  }
}

/** A reaper whose work is in the history: after it nothing more is heard of the dead. */
export function* reaper(t: Thread): Program {
  const victim: number = yield t.death()
  yield t.op('reap', victim, () => 'ok', 'thread_reap', numberOf(victim))
}

/** At the end: nobody waits who could go on; nobody is in a queue who does not wait; no lock is held. */
function atRest(b: Bench, m: Meeting, left: boolean): void {
  const { L } = m
  for (const [name, w] of Object.entries(m.channels)) {
    const [receivers, senders] = [L.CHANNEL_RECVQ!, L.CHANNEL_SENDQ!].map((queue) => {
      const list: number[] = []
      for (let at = b.read(w.ch + queue); at !== 0; at = b.read(at + L.WAITER_NEXT!)) list.push(at)
      return list
    }) as [number[], number[]]
    const flags = b.read(w.ch + L.HEAD_STATE!) - w.open
    b.check(b.read(w.ch + L.CHANNEL_LOCK!) === 0, `the lock of ${name} is held`)
    b.check(
      ((flags & L.CHANNEL_RECEIVERS!) !== 0) === receivers.length > 0,
      `${name} has ${receivers.length} receivers`,
    )
    b.check(((flags & L.CHANNEL_SENDERS!) !== 0) === senders.length > 0, `${name} has ${senders.length} senders`)
    if (!left) b.check(receivers.length + senders.length === 0, `somebody is still in a queue of ${name}`)
    if (w.capacity > 0) nobodyForgotten(b, w)
    else {
      const select = (at: number): number => b.read(at + L.WAITER_SELECT!) || at
      if (receivers.some((r) => senders.some((s) => select(r) !== select(s))))
        b.fail('lost wake-up', `a sender and a receiver are both parked on ${name}`)
    }
  }
}

/** All blocks are back, those of the channels too. Who waits for good keeps its waiter. */
function restored(b: Bench, m: Meeting): void {
  if (b.history.some((o) => o.responded === Infinity && !o.dead)) return
  const base = [...m.base]
  for (const { ch, open } of Object.values(m.channels)) {
    if (b.read(ch + m.L.HEAD_KIND!) !== m.L.KIND_FREE) b.call('channel_dispose', ch, open)
    base[b.read(ch + m.L.HEAD_CLASS!)]!--
  }
  audit(b, m, base)
}

interface More extends Partial<Scenario> {
  /** Channels: capacity, or what is in them at the beginning. */
  a?: number
  b?: number | undefined
  items?: Record<string, number[]>
  /** Who waits at the beginning: thread main, to send that value. */
  parked?: Record<string, number>
  /** Values are messages. */
  message?: Shape
  /** Messages lie in cells. */
  cells?: boolean
  /** Before anything else. */
  prepare?: (b: Bench, w: World) => void
}

export function meeting(
  name: string,
  about: string,
  wide: boolean,
  threads: readonly string[][],
  more: More = {},
): Scenario {
  const { a = 0, b: capacityB, items = {}, parked = {}, message, cells = false, prepare, ...rest } = more
  const capacities: Record<string, number> = { a, ...(capacityB === undefined ? {} : { b: capacityB }) }
  const gone = threads.some((list) => list.some((step) => step.startsWith('dispose')))
  const scratched = threads.map((list) => cells || list.some((step) => step.startsWith('many')))
  return {
    name,
    about,
    recipe: coreRecipe,
    ...(gone ? {} : { access: shadow }),
    setup: (b: Bench): Meeting => {
      const world = attach(b)
      prepare?.(b, world)
      const { WIDE_MESSAGES, WIDE_VALUES, WIDE_CELL_SHIFT, CODEC_MESSAGE } = world.L
      const cellBits = cells ? CELL << WIDE_CELL_SHIFT! : 0
      const kind = message ? WIDE_MESSAGES! : wide ? WIDE_VALUES! | cellBits : 0
      const codec = message || cells ? CODEC_MESSAGE! : 0
      const stage = cells ? b.call('thread_scratch') + world.L.SCRATCH_STAGE! : 0
      const channels: Record<string, ChannelWorld> = {}
      for (const [key, capacity] of Object.entries(capacities)) {
        const ch = b.name(b.call('channel_create', capacity, kind, codec), key, 'CHANNEL')
        const open = b.read(ch + world.L.HEAD_STATE!)
        const w: ChannelWorld = { ...world, ch, open, wide, capacity, cell: cells ? CELL : 0 }
        channels[key] = message ? { ...w, message } : w
        for (const v of items[key] ?? []) {
          if (cells) fillCell(b, stage, v)
          if (message) b.call('channel_trySendMessage', ch, w.open, makeMessage(b, message, v), LENGTH)
          else b.call(sendName(w), ch, w.open, v)
        }
        const waits = parked[key]
        if (waits !== undefined && message)
          b.call('channel_parkMessage', ch, w.open, 0, makeMessage(b, message, waits), LENGTH)
        else if (waits !== undefined) b.call(wide ? 'channel_parkSendF64' : 'channel_parkSend32', ch, w.open, 0, waits)
      }
      // Each thread has a page of waiters, so that the allocator has no part in this.
      const scratch = threads.map((_, t) => {
        b.as(t, 'waiter_release', b.as(t, 'select_create'))
        return scratched[t] ? b.name(b.as(t, 'thread_scratch'), `scratch ${t}`) : 0
      })
      const m = settleBase(b, { ...world, channels, scratch })
      return { ...m, base: withoutMessages(b, m) }
    },
    threads: threads.map(run),
    spec: () =>
      dualSpec(
        Object.entries(capacities).map(([name, capacity]) => ({
          name,
          capacity,
          items: items[name] ?? [],
          drained: gone && message !== undefined,
          ...(parked[name] === undefined ? {} : { parked: parked[name] }),
        })),
      ),
    expand: parts,
    final: (b: Bench, m: Meeting) => {
      if (message) books(b, m, Object.values(m.channels))
      if (gone) return message || (cells && b.killed < 0) ? restored(b, m) : undefined
      // Who waits for good keeps its waiter.
      const heard = b.history.filter((o) => o.op === 'await' || o.op === 'cancel').length
      const left =
        b.history.some((o) => o.responded === Infinity && !o.dead) ||
        b.history.filter((o) => o.op === 'park').length > heard
      atRest(b, m, left)
      if (left) return
      for (const [key, w] of Object.entries(m.channels)) {
        for (let k = 0; k < w.capacity; k++) {
          if (message) {
            const v = receiveMessage(b, w)
            if (v === undefined) break
            b.record('try', `${key}?`, v)
            continue
          }
          b.call(receiveName(w), w.ch, w.open)
          const slot = w.slots[b.m.main] as number
          if (b.read(slot + m.L.THREAD_STATUS!) !== m.L.OK) break
          if (cells) {
            b.record('try', `${key}?`, readCell(b, b.call('thread_scratch') + m.L.SCRATCH_STAGE!))
            continue
          }
          const v = number(
            wide,
            b.i32[(slot + m.L.THREAD_VALUE!) >> 2] as number,
            b.i32[(slot + m.L.THREAD_VALUE! + 4) >> 2] as number,
          )
          b.record('try', `${key}?`, v)
        }
      }
      const lost = b.killed >= 0 && scratched[b.killed] ? 1 : 0
      if (lost === 0) audit(b, m)
      else audit(b, m, usage(b, m))
      const less = m.base.reduce((n, k) => n + k, 0) - usage(b, m).reduce((n, k) => n + k, 0)
      b.check(less === lost, `${less} blocks fewer are in use`)
    },
    maySleep: true,
    explore: { executions: 300_000, random: 50_000 },
    ci: { executions: 2000, random: 500, stale: 100 },
    ...rest,
  }
}

export const kill = (...victims: number[]): Partial<Scenario> => ({
  victims,
  reaper,
  explore: { executions: 50_000, random: 5000 },
  ci: { executions: 90, random: 16, stale: 0 },
})
