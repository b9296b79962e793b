// What threads do with a byte pipe, as the bindings do it, and what must hold at the end.

import type { Program, Thread, Value } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { audit } from './audit.js'
import { attach, numberOf, type Style, settleBase, untilReady, type World, word } from './core.js'

export interface PipeWorld extends World {
  p: number
  open: number
  /** Address and HEAD_STATE of the gates. */
  data: readonly [at: number, open: number]
  room: readonly [at: number, open: number]
  /** Bytes of the record of each value: its words are `10 × value + index`. */
  bytes: (v: number) => number
}

type Call = ReturnType<Thread['call']>
/** How an operation is tried; `blind`: without the second look after parking. */
type How = Style | 'try' | 'blind'
type Attempt = () => Generator<Call, number, number>

/** A pipe with those records in it, after others have gone through and moved it on by `offset` bytes. */
export function make(
  b: Bench,
  capacity: number,
  bytes: (v: number) => number,
  prefill: number[],
  offset: number,
): PipeWorld {
  const base = attach(b)
  const { L } = base
  const gate = (name: string) => {
    const at = b.name(b.call('channel_create', 0, 0, 0), name, 'CHANNEL')
    return [at, b.read(at + L.HEAD_STATE!)] as const
  }
  const [data, room] = [gate('data'), gate('room')]
  const p = b.name(b.call('object_create', L.KIND_PIPE!, L.PIPE_RING! + capacity), 'pipe', 'PIPE')
  b.call('pipe_init', p, capacity, data[0], room[0])
  const w = { ...base, p, open: b.read(p + L.HEAD_STATE!), data, room, bytes }
  for (let done = 0; done < offset; done += L.RECORD_BYTES!) {
    b.call('pipe_reserve', p, w.open, 0, 0)
    b.call('pipe_publish', p, w.open)
    b.call('pipe_next', p, w.open, 0)
    b.call('pipe_release', p, w.open)
  }
  for (const v of prefill) {
    const at = b.call('pipe_reserve', p, w.open, bytes(v), 0)
    for (let k = 0; k * 4 < bytes(v); k++) b.i32[(at >> 2) + k] = 10 * v + k
    b.call('pipe_publish', p, w.open)
  }
  return settleBase(b, w)
}

/** What a gate's `wake` does. */
function* wake(t: Thread, [at, open]: PipeWorld['data']): Generator<Call, void, number> {
  yield t.call('channel_trySend32', at, open, 0)
}

/** What `signal` does. */
function* signal(t: Thread, w: PipeWorld, gate: PipeWorld['data']): Generator<Call, void, number> {
  if ((yield t.load(gate[0] + w.L.HEAD_STATE!)) & w.L.CHANNEL_RECEIVERS!) yield* wake(t, gate)
}

/** The waiting of src/gate.ts: the status of the attempt that succeeded, or 'timeout'. */
function* waitAt(
  t: Thread,
  w: PipeWorld,
  gate: PipeWorld['data'],
  style: Style | 'blind',
  attempt: Attempt,
): Generator<Call, number | 'timeout', number> {
  const { L } = w
  for (;;) {
    const waiter = yield t.call('channel_parkReceive', ...gate, style === 'async' ? 0 : L.TOKEN_BLOCKING! | 0)
    if (waiter < L.ARENA!) return waiter
    let status = style === 'blind' ? L.WOULD_BLOCK! : yield* attempt()
    let end = L.DONE!
    if (status !== L.WOULD_BLOCK) {
      end = yield t.call('waiter_cancel', waiter)
      if (end === L.DONE && style === 'async') yield* untilReady(t, w)
    } else if (style === 'async') yield* untilReady(t, w)
    else {
      while ((yield t.call('waiter_wait', waiter, style === 'timed' ? 1 : -1)) === L.WAITING) {
        if (style !== 'timed') continue
        end = yield t.call('waiter_cancel', waiter)
        break
      }
      if (end === L.CANCELLED) {
        yield t.call('waiter_release', waiter)
        return 'timeout'
      }
    }
    const told = end === L.DONE ? t.get(waiter + L.WAITER_OUTCOME!) : L.OK!
    yield t.call('waiter_release', waiter)
    if (status === L.WOULD_BLOCK) {
      if (told !== L.OK) return told
      status = yield* attempt()
    }
    if (status !== L.WOULD_BLOCK) {
      if (end === L.DONE) yield* signal(t, w, gate)
      return status
    }
  }
}

/** Places a record and writes its words. */
function* place(t: Thread, w: PipeWorld, v: number): Generator<Call, number, number> {
  const at = yield t.call('pipe_reserve', w.p, w.open, w.bytes(v), 0)
  if (at < w.L.ARENA!) return at
  for (let k = 0; k * 4 < w.bytes(v); k++) t.set(at + 4 * k, 10 * v + k)
  return w.L.OK!
}

function* publish(t: Thread, w: PipeWorld): Generator<Call, number, number> {
  const status = yield t.call('pipe_publish', w.p, w.open)
  if (status !== w.L.KNOCK) return status
  yield* wake(t, w.data)
  return w.L.OK!
}

function* write(t: Thread, w: PipeWorld, v: number, style: How): Program {
  const { L } = w
  yield t.begin(style === 'try' ? 'tryWrite' : style === 'timed' ? 'writeTimed' : 'write', v)
  const attempt: Attempt = function* () {
    const status = yield* place(t, w, v)
    return status === L.OK ? yield* publish(t, w) : status
  }
  let s: number | 'timeout' = yield* attempt()
  if (s === L.WOULD_BLOCK && style !== 'try') s = yield* waitAt(t, w, w.room, style, attempt)
  yield t.end(s === 'timeout' ? s : s === L.WOULD_BLOCK ? 'full' : word(w, s))
}

/** Places all for which there is room, then publishes once: how many. */
function* writeMany(t: Thread, w: PipeWorld, values: number[]): Program {
  yield t.begin('writeMany', values.join())
  let n = 0
  for (const v of values) {
    if ((yield* place(t, w, v)) !== w.L.OK) break
    n++
  }
  const s = n > 0 ? yield* publish(t, w) : w.L.OK!
  yield t.end(s === w.L.OK ? n : word(w, s))
}

/** Reserves more than it commits, or takes the reservation back. */
function* trim(t: Thread, w: PipeWorld, v: number, by: number | 'abort'): Program {
  const { L } = w
  yield t.begin('tryWrite', v)
  const at = yield t.call('pipe_reserve', w.p, w.open, w.bytes(v) + (by === 'abort' ? 0 : by), 0)
  if (at < L.ARENA!) return yield t.end(at === L.WOULD_BLOCK ? 'full' : word(w, at))
  for (let k = 0; k * 4 < w.bytes(v); k++) t.set(at + 4 * k, 10 * v + k)
  yield t.call('pipe_trim', w.p, at, by === 'abort' ? -1 : w.bytes(v))
  const s = yield* publish(t, w)
  yield t.end(by === 'abort' ? 'full' : word(w, s))
}

/** Writes records of one length as rows, if all of them fit. */
function* writeRows(t: Thread, w: PipeWorld, values: number[]): Program {
  const { L } = w
  yield t.begin('writeRows', values.join())
  const row = w.bytes(values[0] as number)
  const at = yield t.call('pipe_reserve', w.p, w.open, row * values.length, row)
  if (at < L.ARENA!) return yield t.end(at === L.WOULD_BLOCK ? 'full' : word(w, at))
  for (const [i, v] of values.entries()) for (let k = 0; k * 4 < row; k++) t.set(at + i * row + 4 * k, 10 * v + k)
  yield t.end(word(w, yield* publish(t, w)))
}

/** The records at the address, of which the last `next` told the length: their values, or what is wrong with them. */
function record(get: (at: number) => number, own: (at: number) => number, w: PipeWorld, at: number): Value {
  const [length, row] = [own(w.p + w.L.PIPE_LENGTH!), own(w.p + w.L.PIPE_ROW!)]
  const values: number[] = []
  for (let from = at; from < at + length; from += row) {
    const v = Math.floor(get(from) / 10)
    if (row !== w.bytes(v)) return `a record of ${row} bytes`
    for (let k = 0; k * 4 < row; k++) if (get(from + 4 * k) !== 10 * v + k) return `a torn record ${v}`
    values.push(v)
  }
  return values.length === 1 ? values[0] : values.join()
}

const recordOf = (t: Thread, w: PipeWorld, at: number): Value =>
  record(
    (a) => t.get(a),
    (a) => t.peek(a),
    w,
    at,
  )

function* release(t: Thread, w: PipeWorld): Generator<Call, void, number> {
  if ((yield t.call('pipe_release', w.p, w.open)) === w.L.KNOCK) yield* wake(t, w.room)
}

/** Reads up to `max` records and releases them at once. */
function* read(t: Thread, w: PipeWorld, style: How, max = 1): Program {
  const { L } = w
  yield t.begin(max > 1 ? 'readMany' : style === 'try' ? 'tryRead' : style === 'timed' ? 'readTimed' : 'read')
  const got: Value[] = []
  const attempt: Attempt = function* () {
    for (;;) {
      const at: number = yield t.call('pipe_next', w.p, w.open, 0)
      if (at < L.ARENA! && got.length === 0) return at
      if (at >= L.ARENA!) got.push(recordOf(t, w, at))
      if (at < L.ARENA! || got.length === max) break
    }
    yield* release(t, w)
    return L.OK!
  }
  let s: number | 'timeout' = yield* attempt()
  if (s === L.WOULD_BLOCK && style !== 'try') s = yield* waitAt(t, w, w.data, style, attempt)
  yield t.end(
    s === 'timeout' ? s : s === L.OK ? (max > 1 ? got.join() : got[0]) : s === L.WOULD_BLOCK ? 'empty' : word(w, s),
  )
}

/** Looks at a record, and releases it later. */
function* view(t: Thread, w: PipeWorld): Program {
  const { L } = w
  yield t.begin('look')
  const at: number = yield t.call('pipe_next', w.p, w.open, 0)
  if (at < L.ARENA!) return yield t.end(at === L.WOULD_BLOCK ? 'empty' : word(w, at))
  const seen = recordOf(t, w, at)
  yield t.end(seen)
  yield t.begin('release')
  const again = recordOf(t, w, at)
  yield* release(t, w)
  yield t.end(again === seen ? 'ok' : `changed to ${again}`)
}

/** Reads all rows that lie together. */
function* readRows(t: Thread, w: PipeWorld): Program {
  const { L } = w
  yield t.begin('readRows')
  const at: number = yield t.call('pipe_next', w.p, w.open, 1)
  if (at < L.ARENA!) return yield t.end(at === L.WOULD_BLOCK ? 'empty' : word(w, at))
  const seen = recordOf(t, w, at)
  yield* release(t, w)
  yield t.end(seen)
}

function* close(t: Thread, w: PipeWorld): Program {
  yield t.begin('close')
  const s: number = yield t.call('pipe_close', w.p, w.open)
  if (s === w.L.OK || s === w.L.KNOCK) {
    yield* signal(t, w, w.data)
    yield* signal(t, w, w.room)
  }
  yield t.end(s === w.L.KNOCK ? 'ok' : word(w, s))
}

/** Claims a side, as often as a thread is being reaped. */
function* claim(t: Thread, w: PipeWorld, side: 'PIPE_WRITER' | 'PIPE_READER', result = w.L.OK!): Program {
  let s: number
  do s = yield t.call('pipe_claim', w.p, w.open, w.L[side]!)
  while (s === w.L.BUSY)
  if (s !== result) throw new Error(`claim of ${side} gave ${s}`)
}

/**
 * Steps: a number is written (`try 1`, `block 1`, `timed 1`, `async 1`), `1,2` written as one batch, `rows 1,3` as rows, `read`, `try read`, `many`,
 * `rows` (all that lie together), `view`, `close`,
 * `short 1` reserved longer, `abort 1`; `writer` and `reader` claim that side, `not writer` in vain; `heir read` reads if it can
 * claim the reader's side at once.
 */
export function steps(...list: string[]): (t: Thread, w: PipeWorld) => Program {
  return function* (t, w) {
    for (const s of list) {
      const [how, what] = s.includes(' ') ? (s.split(' ') as [string, string]) : [undefined, s]
      const style = (how ?? 'block') as How
      if (how === 'short') yield* trim(t, w, Number(what), 16)
      else if (how === 'rows') yield* writeRows(t, w, what.split(',').map(Number))
      else if (what === 'rows') yield* readRows(t, w)
      else if (how === 'heir') {
        if ((yield t.call('pipe_claim', w.p, w.open, w.L.PIPE_READER!)) === w.L.OK) yield* read(t, w, 'block')
      } else if (how === 'abort') yield* trim(t, w, Number(what), 'abort')
      else if (how === 'not') yield* claim(t, w, what === 'writer' ? 'PIPE_WRITER' : 'PIPE_READER', w.L.WOULD_BLOCK!)
      else if (what === 'writer' || what === 'reader')
        yield* claim(t, w, what === 'writer' ? 'PIPE_WRITER' : 'PIPE_READER')
      else if (what === 'read') yield* read(t, w, style)
      else if (what === 'many') yield* read(t, w, style, 3)
      else if (what === 'view') yield* view(t, w)
      else if (what === 'close') yield* close(t, w)
      else if (what.includes(',')) yield* writeMany(t, w, what.split(',').map(Number))
      else yield* write(t, w, Number(what), style)
    }
  }
}

/** Waits for a death, reaps, and goes on in the place of the dead. */
export function heir(...list: string[]): Partial<Scenario> {
  return {
    reaper: function* (t: Thread, w: PipeWorld) {
      const victim: number = yield t.death()
      yield t.call('thread_reap', numberOf(victim))
      yield* steps(...list)(t, w)
    },
  }
}

/** Nobody waits who could go on, and what is left comes out whole. */
export function settled(b: Bench, w: PipeWorld): void {
  const { L } = w
  const capacity = b.read(w.p + L.PIPE_CAPACITY!)
  const [head, tail] = [b.read(w.p + L.PIPE_HEAD!), b.read(w.p + L.PIPE_TAIL!)]
  const held = ((tail & ~1) - head + 2 * capacity) % (2 * capacity)
  const ended = (tail & 1) !== 0
  const waits = (gate: PipeWorld['data']) => b.read(gate[0] + L.CHANNEL_RECVQ!) !== 0
  if (waits(w.data) && (held > 0 || ended))
    b.fail('lost wake-up', 'the reader waits although there is something to read')
  if (waits(w.room) && (held === 0 || ended)) b.fail('lost wake-up', 'the writer waits although there is room')
  // Who waits for room must not be overtaken by what follows.
  if (!waits(w.room)) drain(b, w)
  // Who sleeps on has a waiter.
  const asleep = [w.data, w.room].filter(waits).length
  audit(
    b,
    w,
    w.base.map((n, cls) => (cls === 0 ? n + asleep : n)),
  )
}

function drain(b: Bench, w: PipeWorld): void {
  const { L } = w
  const slot = b.read(w.p + L.PIPE_READER!)
  const dead = slot !== 0 && b.read(slot + L.THREAD_STATE!) === L.THREAD_FREE
  if (dead || slot === 0)
    b.check(b.call('pipe_claim', w.p, w.open, L.PIPE_READER!) === L.OK, 'the side of the dead is not free')
  const word = (at: number) => b.i32[at >> 2] as number
  for (let k = 0; k < MANY; k++) {
    const at = b.call('pipe_next', w.p, w.open, 0)
    if (at < L.ARENA!) {
      b.record('tryRead', undefined, at === L.WOULD_BLOCK ? 'empty' : 'closed')
      return
    }
    b.record('tryRead', undefined, record(word, word, w, at))
    b.call('pipe_release', w.p, w.open)
  }
  b.fail('not linearizable', `more than ${MANY} records are left`)
}

/** More records than any of these pipes holds. */
const MANY = 8
