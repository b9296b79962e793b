// What all scenarios of the core share: an arena with attached threads, the waiting operations as the bindings do them, and the audit.

import { describeAddress } from '../checker/names.js'
import { OP_NAMES } from '../checker/ops.js'
import type { Program, Thread, Value } from '../checker/program.js'
import type { Bench } from '../checker/scenario.js'

/** Tables and pages are small in the model: loops over all threads and classes are the same with five as with a hundred. */
export const coreRecipe = { entry: 'core', constants: { MAX_THREADS: 5, CLASS_COUNT: 10, PAGE: 4096, PAGE_SHIFT: 12, PAGE_CLASS: 5 } }

export const MISS = -1640531527
const WORDS = ['ok', 'would block', 'closed', 'stale', 'no memory']

export interface World {
  L: Bench['layout']
  slots: number[]
  /** Blocks in use per class after setup. */
  base: number[]
}

/** Lays out the arena and attaches every thread (reaper included) and the instance of setup. */
export function attach(b: Bench): World {
  const L = b.layout
  const size = b.m.memory.limit & ~(L.PAGE! - 1)
  b.call('arena_init', size, 1, 2)
  const slots: number[] = []
  for (let t = 0; t <= b.m.n; t++) {
    const slot = b.as(t, 'thread_attach', t + 1, 1)
    slots.push(b.name(slot, t === b.m.n ? 'main' : `t${t}`))
  }
  return { L, slots, base: [] }
}

export interface ChannelWorld extends World {
  ch: number
  open: number
  wide: boolean
  capacity: number
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

const sendName = (w: ChannelWorld): string => (w.wide ? 'channel_trySendF64' : 'channel_trySend32')
const receiveName = (w: ChannelWorld): string => (w.wide ? 'channel_tryReceiveF64' : 'channel_tryReceive32')

/** What a receive has returned, as a value or a word: THREAD_STATUS tells if the number itself does not. */
export function received(peek: (at: number) => number, slot: number, w: World, wide: boolean, raw: number, none: string): Value {
  if (wide ? raw === raw : raw !== MISS) return raw
  const s = peek(slot + w.L.THREAD_STATUS!)
  if (s !== w.L.OK) return s === w.L.WOULD_BLOCK ? none : WORDS[s]
  return number(wide, peek(slot + w.L.THREAD_VALUE!), peek(slot + w.L.THREAD_VALUE! + 4))
}

const f64 = new Float64Array(1)
const words = new Int32Array(f64.buffer)

function number(wide: boolean, lo: number, hi: number): number {
  words[0] = lo
  words[1] = hi
  return (wide ? f64[0] : lo) as number
}

const taken = (t: Thread, w: ChannelWorld, raw: number, none: string): Value => received((at) => t.peek(at), w.slots[t.id] as number, w, w.wide, raw, none)

/** A status as a word; 'ok' whether or not others had to be told. */
export function word(w: World, status: number | bigint): string {
  const s = Number(status)
  return s === w.L.TOLD ? 'ok' : (WORDS[s] ?? `status ${s}`)
}

export function trySend(t: Thread, w: ChannelWorld, v: number) {
  return t.op('trySend', v, (r) => (r === w.L.WOULD_BLOCK ? 'full' : word(w, r)), sendName(w), w.ch, w.open, v)
}

export function tryReceive(t: Thread, w: ChannelWorld) {
  return t.op('tryReceive', undefined, (r) => taken(t, w, Number(r), 'empty'), receiveName(w), w.ch, w.open)
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
function* waitFor(t: Thread, w: ChannelWorld, style: Style, park: (token: number) => ReturnType<Thread['call']>): Generator<ReturnType<Thread['call']>, { status: number | 'timeout'; waiter: number }, number> {
  const { L } = w
  const waiter = yield park(style === 'async' ? 0 : L.TOKEN_BLOCKING!)
  if (waiter < L.ARENA!) return { status: waiter, waiter: 0 }
  if (style === 'async') {
    yield* untilReady(t, w)
    return { status: t.peek(waiter + L.WAITER_OUTCOME!), waiter }
  }
  for (;;) {
    const state = yield t.call('waiter_wait', waiter, style === 'timed' ? 1 : -1)
    if (state !== L.WAITING) return { status: t.peek(waiter + L.WAITER_OUTCOME!), waiter }
    if (style === 'timed') {
      const end = yield t.call('waiter_cancel', waiter)
      if (end === L.CANCELLED) return { status: 'timeout', waiter }
      return { status: t.peek(waiter + L.WAITER_OUTCOME!), waiter }
    }
  }
}

/** The event loop of src/event-loop.ts with one pending operation: armed, polled, waiting on the loop's bell. */
function* untilReady(t: Thread, w: ChannelWorld): Generator<ReturnType<Thread['call']>, void, number> {
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
  yield t.call('thread_nextReady')
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
  let v = taken(t, w, yield t.call(receiveName(w), w.ch, w.open), 'empty')
  if (v === 'empty') {
    const end = yield* waitFor(t, w, style, (token) => t.call('channel_parkReceive', w.ch, w.open, token | 0))
    if (end.status === L.OK) {
      v = number(w.wide, t.peek(end.waiter + L.WAITER_VALUE!), t.peek(end.waiter + L.WAITER_VALUE! + 4))
    } else v = end.status === 'timeout' ? end.status : word(w, end.status)
    if (end.waiter) yield t.call('waiter_release', end.waiter)
  }
  yield t.end(v)
}

/** A reaper: waits for the death of a thread, then frees its slot. */
export function* reaper(t: Thread, w: World): Program {
  const victim: number = yield t.death()
  yield t.call('thread_reap', w.slots[victim] as number)
}

/** Takes out what is left, as operations after all others: so the history says what had become of every value. */
export function drain(b: Bench, w: ChannelWorld): void {
  for (;;) {
    const v = received((at) => b.i32[at >> 2] as number, w.slots[b.m.main] as number, w, w.wide, b.call(receiveName(w), w.ch, w.open), 'empty')
    b.record('tryReceive', undefined, v)
    if (typeof v !== 'number') return
  }
}

// ── Audit of the allocator ───────────────────────────────────────────────────────────────────────────────────────────

/**
 * Shadow state: nobody touches the body of a block that is free, except who has it in THREAD_PENDING (just allocated, or about to be
 * freed). Peeks are exempt: their values count only if a compare-and-swap confirms them.
 */
export function shadow(b: Bench, w: World): (t: number, op: number, at: number, bytes: number) => void {
  const { L } = w
  const [map, shift, shiftClass, pageClass, page] = [L.ARENA! + L.ARENA_PAGE_MAP!, L.PAGE_SHIFT!, L.CLASS_SHIFT!, L.PAGE_CLASS!, L.PAGE!]
  const [head, kind, free, pending] = [L.HEAD_BYTES!, L.HEAD_KIND!, L.KIND_FREE!, L.THREAD_PENDING!]
  const first = b.read(L.ARENA! + L.ARENA_FIRST_PAGE!)
  return (t, op, at) => {
    if (at < first) return
    const entry = b.u32[(map + (at >>> shift) * 4) >> 2] as number
    if (entry === 0) return
    const block = entry - 1 < pageClass ? at & ~((1 << (entry - 1 + shiftClass)) - 1) : at & ~(page - 1)
    if (at - block < head || b.u32[(block + kind) >> 2] !== free) return
    for (const slot of w.slots) if (b.u32[(slot + pending) >> 2] === block) return
    b.fail('memory', `thread ${t}: ${OP_NAMES[op]} of ${describeAddress(at, b)}, which has been freed`)
  }
}

/** Blocks in use per class, as all the counters say together. */
export function usage(b: Bench, w: World): number[] {
  const { L } = w
  const used: number[] = []
  for (let c = 0; c < L.CLASS_COUNT!; c++) {
    let n = b.i32[(L.ARENA! + L.ARENA_USED! + c * 4) >> 2] as number
    for (const slot of w.slots) n += b.i32[(slot + L.THREAD_MAGAZINES! + c * L.MAGAZINE_BYTES! + L.MAGAZINE_USED!) >> 2] as number
    used.push(n)
  }
  return used
}

/**
 * Walks all chains of free blocks: every block is in one place only, is free, and what is neither free nor in use was never cut. `base`
 * is what must be in use.
 */
export function audit(b: Bench, w: World, base = w.base): void {
  const { L } = w
  const bad = (text: string): never => b.fail('memory', text)
  const seen = new Set<number>()
  const walk = (from: number, what: string): number => {
    let n = 0
    for (let block = from; block !== 0; block = b.read(block + L.HEAD_NEXT!)) {
      if (seen.has(block)) bad(`block 0x${block.toString(16)} is free twice (${what})`)
      seen.add(block)
      if (b.read(block + L.HEAD_KIND!) !== L.KIND_FREE) bad(`block 0x${block.toString(16)} is in ${what} but not free`)
      if (++n > 100000) bad(`${what} has no end`)
    }
    return n
  }
  const used = usage(b, w)
  for (let c = 0; c < L.CLASS_COUNT!; c++) {
    let free = 0
    let uncut = 0
    for (const slot of w.slots) {
      const m = slot + L.THREAD_MAGAZINES! + c * L.MAGAZINE_BYTES!
      const gone = b.read(slot + L.THREAD_STATE!) === L.THREAD_FREE
      if (gone && (b.read(m + L.MAGAZINE_LOADED!) !== 0 || b.read(m + L.MAGAZINE_SPARE!) !== 0)) bad(`a free slot has blocks of class ${c}`)
      const n = walk(b.read(m + L.MAGAZINE_LOADED!), `loaded chain ${c}`)
      if (n !== b.read(m + L.MAGAZINE_COUNT!)) bad(`a loaded chain of class ${c} has ${n} blocks, its magazine says ${b.read(m + L.MAGAZINE_COUNT!)}`)
      free += n + walk(b.read(m + L.MAGAZINE_SPARE!), `spare chain ${c}`)
      uncut += (b.read(m + L.MAGAZINE_END!) - b.read(m + L.MAGAZINE_CUT!)) / (L.LINE! << c)
    }
    for (let chain = b.read(L.ARENA! + L.ARENA_DEPOT! + c * L.DEPOT_STRIDE!); chain !== 0; chain = b.read(chain + L.HEAD_CHAIN!)) {
      if (seen.has(chain)) bad(`chain 0x${chain.toString(16)} is in the depot twice`)
      free += walk(chain, `depot ${c}`)
    }
    let cut = 0
    const first = b.read(L.ARENA! + L.ARENA_FIRST_PAGE!)
    for (let p = first; p < b.read(L.ARENA! + L.ARENA_BREAK!); p += L.PAGE!) {
      if (b.read(L.ARENA! + L.ARENA_PAGE_MAP! + (p >> L.PAGE_SHIFT!) * 4) === c + 1) cut += c < L.PAGE_CLASS! ? L.PAGE! / (L.LINE! << c) : 1
    }
    if (used[c] !== base[c]) bad(`${used[c]} blocks of class ${c} are in use, not ${base[c]}`)
    if (cut - uncut - free !== used[c]) bad(`class ${c}: ${cut} blocks made, ${uncut} not cut yet, ${free} free, ${used[c]} in use: ${cut - uncut - free - (used[c] as number)} lost`)
  }
}
