// What threads do with atomic values and maps, as the bindings do it, and what must hold at the end.

import { Failure } from '../checker/failure.js'
import type { Spec } from '../checker/linear.js'
import type { Command, Program, Thread, Value } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { audit, shadow } from './audit.js'
import { attach, mapRecipe, reaper, settleBase, type World } from './core.js'

type Steps<R> = Generator<Command, R, number>

export interface DataWorld extends World {
  /** The object, and its open state. */
  o: number
  open: number
  scratch: number[]
  /** Keys and values are bytes of nodes, not words. */
  nodes: boolean
  shards: number
  /** Entries of the tables at the start. */
  entries: number
}

/** Bytes of a key and of a value, where they have any. */
const BYTES = 8

const f64 = new Float64Array(1)
const words = new Int32Array(f64.buffer)

/** Arena, threads with a scratch block each, and what is in use before there is an object. */
function ground(b: Bench, nodes: boolean, shards = 0, entries = 0): DataWorld {
  const world = attach(b)
  const scratch = world.slots.map((_, t) => b.name(b.as(t, 'thread_scratch'), `scratch ${t}`, 'CURSOR'))
  return settleBase(b, { ...world, o: 0, open: 0, scratch, nodes, shards, entries })
}

const call = (b: Bench, expected: number, name: string, ...args: (number | bigint)[]): void => {
  const status = b.call(name, ...args)
  b.check(status === expected, `setup: ${name} returned ${status}`)
}

// ── Steps ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What stands in the cursor of the thread. */
const found = (t: Thread, w: DataWorld, name: string): number =>
  t.peek((w.scratch[t.id] as number) + (w.L[name] as number))

function setFound(t: Thread, w: DataWorld, name: string, value: number, high = 0): void {
  const at = (w.scratch[t.id] as number) + (w.L[name] as number)
  t.set(at, value)
  if (name === 'CURSOR_NEW') t.set(at + 4, high)
}

/** A message of key and value, each written twice. */
function* node(t: Thread, list: readonly number[]): Steps<number> {
  const payload = yield t.call('message_take', BYTES * list.length)
  if (payload === 0) throw new Failure('memory', 'no block for a node')
  for (const [k, v] of list.entries()) for (const half of [0, 4]) t.set(payload + BYTES * k + half, v)
  return payload
}

/** The value of what was found at an address that others may write to; undefined if it has been replaced. */
function* read(t: Thread, w: DataWorld, at: number): Steps<number | undefined> {
  const { L } = w
  const stage = (w.scratch[t.id] as number) + L.CURSOR_VALUE_AT!
  if ((yield t.call('cursor_copy', stage, at, BYTES)) !== L.OK) return undefined
  return whole(t, stage)
}

function whole(t: Thread, at: number): number {
  const [a, b] = [t.peek(at), t.peek(at + 4)]
  if (a !== b) throw new Failure('invariant', `thread ${t.id} has read a value of ${a} and ${b}`)
  return a
}

function* free(t: Thread, payload: number): Steps<void> {
  if (payload !== 0) yield t.call('message_free', payload)
}

// ── Atomic value ─────────────────────────────────────────────────────────────────────────────────────────────────────

export function makeValue(b: Bench, initial: number): DataWorld {
  const w = ground(b, true)
  const { L } = w
  const o = b.name(b.call('object_create', L.KIND_ATOMIC_VALUE!, L.VALUE_HOLDER_BYTES!), 'value', 'VALUE')
  const world = { ...w, o, open: b.read(o + L.HEAD_STATE!) }
  b.call('value_init', o, L.CODEC_MESSAGE! | 0)
  const payload = b.call('message_take', BYTES)
  for (const half of [0, 4]) {
    b.m.pass(payload + half, 4)
    b.i32[(payload + half) >> 2] = initial
  }
  call(b, L.OK!, 'value_seek', o, world.open)
  call(b, L.OK!, 'value_put', o, world.open, payload, BYTES)
  return world
}

/** 'load', 'swap v', 'cas a>b', 'update': adds one. */
export function valueSteps(...list: string[]): (t: Thread, w: DataWorld) => Program {
  return function* (t, w) {
    const { L, o, open } = w
    for (const step of list) {
      const [op, arg] = step.split(' ') as [string, string?]
      yield t.begin(op, arg)
      let payload = op === 'swap' ? yield* node(t, [Number(arg)]) : 0
      let result: Value
      while (result === undefined) {
        const status = yield t.call('value_seek', o, open)
        if (status !== L.OK) {
          result = 'stale'
          break
        }
        const [low, version] = [found(t, w, 'CURSOR_VALUE'), found(t, w, 'CURSOR_VERSION')]
        let was = 0
        if (op !== 'swap') {
          const there = yield* read(t, w, low)
          if (there === undefined) continue
          was = there
        }
        const [from, to] = (arg ?? '').split('>').map(Number) as [number, number]
        if (op === 'load') result = was
        else if (op === 'cas' && was !== from) result = false
        else {
          if (payload === 0) payload = yield* node(t, [op === 'cas' ? to : was + 1])
          const put = yield t.call('value_put', o, open, payload, BYTES)
          if (put === L.OK) {
            payload = 0
            // It is ours now.
            const old = t.get(low)
            if (op !== 'swap' && old !== was)
              throw new Failure('invariant', `thread ${t.id} has replaced ${old} for ${was} (version ${version})`)
            result = op === 'cas' ? true : op === 'swap' ? old : was
            yield* free(t, low)
          } else if (put === L.STALE) result = 'stale'
          else if (op === 'update') {
            yield* free(t, payload)
            payload = 0
          }
        }
      }
      yield* free(t, payload)
      yield t.end(result)
    }
  }
}

export function valueSpec(initial: number): Spec<number> {
  return {
    name: 'value',
    init: () => initial,
    key: String,
    apply(v, op, arg) {
      const [from, to] = String(arg).split('>').map(Number) as [number, number]
      if (op === 'load') return [[v, v]]
      if (op === 'swap') return [[v, Number(arg)]]
      if (op === 'update') return [[v, v + 1]]
      return v === from ? [[true, to]] : [[false, v]]
    },
  }
}

// ── Map ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function makeMap(
  b: Bench,
  nodes: boolean,
  shards: number,
  entries: number,
  initial: readonly string[],
): DataWorld {
  const w = ground(b, nodes, shards, entries)
  const { L } = w
  const o = b.name(b.call('object_create', L.KIND_SHARDED_MAP!, L.MAP_SHARDS! + 4 * (shards + 1)), 'map', 'MAP')
  const world = { ...w, o, open: b.read(o + L.HEAD_STATE!) }
  b.call('map_init', o, 32 - Math.log2(shards))
  for (let k = 0; k <= shards; k++) {
    const shard = b.name(b.call('object_create', L.KIND_MESSAGE!, L.LINE!), k < shards ? `shard ${k}` : 'end', 'SHARD')
    b.call('map_join', o, k, shard, 1, 1)
  }
  for (let k = 0; k < shards; k++) {
    const table = b.name(b.call('message_take', entries * L.ENTRY_BYTES!), `table ${k}`)
    call(b, L.OK!, 'map_rebuild', o, k, table, entries)
  }
  for (const pair of initial) {
    const [k, v] = pair.split('=').map(Number) as [number, number]
    look(b, world, k)
    const scratch = world.scratch[b.m.main] as number
    let payload = 0
    f64[0] = v
    if (nodes) {
      payload = b.call('message_take', 2 * BYTES)
      for (const [at, word] of [
        [0, k],
        [4, k],
        [8, v],
        [12, v],
      ] as const) {
        b.m.pass(payload + at, 4)
        b.i32[(payload + at) >> 2] = word
      }
    }
    b.i32[(scratch + L.CURSOR_NEW!) >> 2] = nodes ? BYTES : (words[0] as number)
    b.i32[(scratch + L.CURSOR_NEW! + 4) >> 2] = nodes ? 0 : (words[1] as number)
    call(b, L.OK!, 'map_put', payload)
  }
  return world
}

/** Looks for a key from setup or final checks: whether it is there. */
function look(b: Bench, w: DataWorld, key: number): boolean {
  if (!w.nodes) return b.call('map_seekNumber', w.o, w.open, key) === w.L.OK
  const at = (w.scratch[b.m.main] as number) + w.L.CURSOR_BYTES!
  for (const half of [0, 4]) {
    b.m.pass(at + half, 4)
    b.i32[(at + half) >> 2] = key
  }
  return b.call('map_seekBytes', w.o, w.open, at, BYTES) === w.L.OK
}

function* seek(t: Thread, w: DataWorld, key: number): Steps<number> {
  if (!w.nodes) return yield t.call('map_seekNumber', w.o, w.open, key)
  const at = (w.scratch[t.id] as number) + w.L.CURSOR_BYTES!
  for (const half of [0, 4]) t.set(at + half, key)
  return yield t.call('map_seekBytes', w.o, w.open, at, BYTES)
}

/** The value of the entry that was found; undefined if it has been replaced. */
function* valueFound(t: Thread, w: DataWorld): Steps<number | undefined> {
  if (w.nodes) return yield* read(t, w, found(t, w, 'CURSOR_NODE') + BYTES)
  words[0] = found(t, w, 'CURSOR_VALUE')
  words[1] = t.peek((w.scratch[t.id] as number) + w.L.CURSOR_VALUE! + 4)
  return f64[0] as number
}

/** A shard gets another table, or an empty one: whether it did. */
function* rebuild(t: Thread, w: DataWorld, index: number, entries: number, name = 'map_rebuild'): Steps<boolean> {
  const { L } = w
  const fresh = yield t.call('message_take', entries * L.ENTRY_BYTES!)
  if (fresh === 0) throw new Failure('memory', 'no block for a table')
  const status = yield t.call(name, w.o, index, fresh, entries)
  yield* free(t, status === L.OK ? found(t, w, 'CURSOR_NODE') : fresh)
  return status === L.OK
}

/** 'get k', 'set k=v', 'add k=v', 'cas k=a>b', 'delete k', 'clear', 'grow', 'quick k=v' and 'quick k' (one call of the core), 'dispose'. */
export function mapSteps(...list: string[]): (t: Thread, w: DataWorld) => Program {
  return function* (t, w) {
    const { L } = w
    for (const step of list) {
      const [op, arg = ''] = step.split(' ') as [string, string?]
      const [key, rest = ''] = arg.split('=') as [string, string?]
      if (op === 'grow') {
        yield* rebuild(t, w, 0, 2 * w.entries)
        continue
      }
      if (op === 'dispose') {
        // Killed within it: the reaper frees all, or it has not begun.
        const done = yield t.call('map_dispose', w.o, w.open)
        if (done === L.OK) yield* free(t, w.o)
        continue
      }
      if (op === 'quick') {
        if (rest === '')
          yield t.op(
            'get',
            key,
            (v) => (Number.isNaN(Number(v)) ? 'none' : Number(v)),
            'map_get',
            w.o,
            w.open,
            Number(key),
          )
        else
          yield t.op(
            'put',
            arg,
            (s) => (s === L.FINE ? 'ok' : `status ${s}`),
            'map_set',
            w.o,
            w.open,
            Number(key),
            Number(rest),
          )
        continue
      }
      yield t.begin(op, arg)
      if (op === 'clear') {
        for (let k = 0; k < w.shards; k++) while (!(yield* rebuild(t, w, k, w.entries, 'map_clear'))) {}
        yield t.end('ok')
        continue
      }
      yield t.end(yield* change(t, w, op, Number(key), rest))
    }
  }
}

function* change(t: Thread, w: DataWorld, op: string, key: number, rest: string): Steps<Value> {
  const { L } = w
  const [from, to] = rest.split('>').map(Number) as [number, number]
  const value = op === 'cas' ? to : from
  let payload = 0
  try {
    for (;;) {
      if (w.nodes && payload === 0 && op !== 'get' && op !== 'delete') payload = yield* node(t, [key, value])
      const status = yield* seek(t, w, key)
      if (status === L.STALE) return 'stale'
      let was: number | undefined
      if (status === L.OK) {
        was = yield* valueFound(t, w)
        if (was === undefined) continue
      } else if (op === 'get' || op === 'delete') return 'none'
      if (op === 'get') return was
      if (op === 'add' && was !== undefined) return was
      if (op === 'cas' && was !== from) return false
      f64[0] = value
      if (op !== 'delete') setFound(t, w, 'CURSOR_NEW', w.nodes ? BYTES : (words[0] as number), w.nodes ? 0 : words[1])
      const done = op === 'delete' ? yield t.call('map_remove') : yield t.call('map_put', payload)
      if (done === L.OK) {
        payload = 0
        yield* free(t, found(t, w, 'CURSOR_NODE'))
        return op === 'cas' ? true : (was ?? 'none')
      }
      if (done === L.NO_MEMORY) yield* rebuild(t, w, 0, 2 * w.entries)
      else if (done !== L.RETRY) return `status ${done}`
    }
  } finally {
    yield* free(t, payload)
  }
}

type Pairs = readonly (readonly [number, number])[]

export function mapSpec(initial: readonly string[]): Spec<Pairs> {
  const pairs = initial.map((pair) => pair.split('=').map(Number) as [number, number])
  return {
    name: 'map',
    init: () => pairs,
    key: (s) => [...s].map(String).sort().join(';'),
    apply(s, op, arg) {
      const [key, rest = ''] = String(arg ?? '').split('=') as [string, string?]
      const k = Number(key)
      const [from, to] = rest.split('>').map(Number) as [number, number]
      const was = s.find(([each]) => each === k)?.[1]
      const others = s.filter(([each]) => each !== k)
      const old = was ?? 'none'
      switch (op) {
        case 'get':
          return [[old, s]]
        case 'set':
          return [[old, [...others, [k, from]]]]
        case 'put':
          return [['ok', [...others, [k, from]]]]
        case 'add':
          return was === undefined ? [[old, [...others, [k, from]]]] : [[old, s]]
        case 'cas':
          return was === from ? [[true, [...others, [k, to]]]] : [[false, s]]
        case 'delete':
          return [[old, others]]
        case 'clear':
          return [['ok', []]]
      }
      throw new Error(`a map has no '${op}'`)
    },
  }
}

/** Reads all keys, looks that exactly what the entries name hangs on the map, and disposes of it: then nothing is left. */
export function mapSettled(keys: readonly number[]): (b: Bench, w: DataWorld) => void {
  return (b, w) => {
    const { L, o, open } = w
    const main = w.scratch[b.m.main] as number
    if (b.read(o + L.HEAD_STATE!) !== open) {
      settledUp(b, w)
      return
    }
    for (const key of keys) {
      const there = look(b, w, key)
      let v: Value = 'none'
      if (there && w.nodes) {
        const at = b.read(main + L.CURSOR_NODE!) + BYTES
        v = b.i32[at >> 2]
        b.check(v === b.i32[(at + 4) >> 2], `the value of key ${key} is torn`)
      } else if (there) {
        words[0] = b.i32[(main + L.CURSOR_VALUE!) >> 2] as number
        words[1] = b.i32[(main + L.CURSOR_VALUE! + 4) >> 2] as number
        v = f64[0]
      }
      b.record('get', key, v)
    }
    // Blocks that hang on the map, in order.
    const chain: number[] = []
    for (let at = b.read(o + L.MESSAGE_CHAIN!); at !== 0; at = b.read(at + L.MESSAGE_CHAIN!)) {
      chain.push(at)
      b.check(b.read(at + L.HEAD_KIND!) === L.KIND_MESSAGE, `block 0x${at.toString(16)} of the map has been freed`)
      b.check(chain.length < 100, 'the chain of the map has no end')
    }
    const expected = new Set<number>()
    for (let k = 0; k <= w.shards; k++) {
      const shard = b.read(o + L.MAP_SHARDS! + 4 * k)
      expected.add(shard)
      if (k === w.shards) break
      b.check((b.read(shard + L.SHARD_VERSION!) & 1) === 0, `shard ${k} is left in the middle of a change`)
      const table = b.read(shard + L.SHARD_TABLE!)
      expected.add(table & -L.LINE!)
      let [count, used] = [0, 0]
      const entries = b.read(shard + L.SHARD_TABLE! + 4) + 1
      for (let e = 0; e < entries; e++) {
        const entry = table + e * L.ENTRY_BYTES!
        const hash = b.read(entry)
        if (hash !== L.ENTRY_EMPTY) used++
        if (hash <= L.ENTRY_REMOVED!) continue
        count++
        if (w.nodes) expected.add(b.read(entry + 4) & -L.LINE!)
      }
      b.check(
        count === b.read(shard + L.SHARD_COUNT!),
        `shard ${k} has ${count} keys, not ${b.read(shard + L.SHARD_COUNT!)}`,
      )
      b.check(
        used === b.read(shard + L.SHARD_USED!),
        `shard ${k} uses ${used} entries, not ${b.read(shard + L.SHARD_USED!)}`,
      )
    }
    const same = chain.length === expected.size && chain.every((at) => expected.has(at))
    if (!same) b.fail('memory', `on the map hang ${chain.length} blocks; its entries name ${expected.size}`)
    gone(b, w, 'map_dispose', o, open)
  }
}

export function valueSettled(b: Bench, w: DataWorld): void {
  const { L, o, open } = w
  b.check((b.read(o + L.VALUE_VERSION!) & 1) === 0, 'the value is left in the middle of a change')
  const payload = b.read(o + L.VALUE_WORD!)
  b.check(b.read(o + L.MESSAGE_CHAIN!) === (payload & -L.LINE!), 'another block hangs on the value than it names')
  b.record('load', undefined, b.i32[payload >> 2])
  gone(b, w, 'value_dispose', o, open)
}

function gone(b: Bench, w: DataWorld, dispose: string, o: number, open: number): void {
  call(b, w.L.OK!, dispose, o, open)
  b.call('message_free', o)
  settledUp(b, w)
}

/** There is no object any more, and nothing of it in use. */
function settledUp(b: Bench, w: DataWorld): void {
  const { L } = w
  for (const [t, slot] of w.slots.entries())
    if (b.read(slot + L.THREAD_MESSAGES!) !== 0) b.fail('memory', `thread ${t} has a message in its hands`)
  const base = [...w.base]
  if (b.killed >= 0) base[Math.log2(L.SCRATCH_BYTES! / L.LINE!)]!--
  audit(b, w, base)
}

export interface More extends Partial<Scenario> {
  nodes?: boolean
  shards?: number
  entries?: number
  initial?: readonly string[]
}

export function mapScenario(name: string, about: string, threads: string[][], more: More = {}): Scenario {
  const { nodes = false, shards = 1, entries = 4, initial = [], ...rest } = more
  const keys = [...initial, ...threads.flat().map((step) => step.split(' ')[1] ?? '')]
    .map((text) => Number.parseInt(text, 10))
    .filter((key) => key > 0)
  return {
    name: `map/${name}`,
    about,
    recipe: mapRecipe,
    access: shadow,
    setup: (b) => makeMap(b, nodes, shards, entries, initial),
    threads: threads.map((list) => mapSteps(...list)),
    spec: () => mapSpec(initial),
    final: mapSettled([...new Set(keys)]),
    mixed: true,
    ci: { executions: 3000, random: 500, stale: 200 },
    ...rest,
  }
}

export const kill = (...victims: number[]): More => ({
  victims,
  reaper,
  ci: { executions: 30, random: 10, stale: 0 },
})
