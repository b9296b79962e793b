// The public face: what each call takes and gives. Compiled, never run.

import * as time from 'millrace'
import {
  Arena,
  type ArenaStats,
  AtomicBool,
  AtomicI32,
  AtomicI64,
  AtomicU32,
  AtomicU64,
  bool,
  type Channel,
  ClosedError,
  type Codec,
  Counter,
  channel,
  defaultArena,
  f32,
  f64,
  i32,
  i64,
  type MillraceError,
  type Next,
  open,
  Stack,
  sleep,
  sleepSync,
  Ticker,
  TimeoutError,
  Timer,
  tick,
  u32,
  u64,
  unit,
} from 'millrace'
import { check, type Same } from './support.js'

// The value type follows the codec.
const numbers = channel(f64, { capacity: 1 })
check<Same<typeof numbers, Channel<number>>>()
const bigints = channel(i64, { capacity: 1 })
check<Same<typeof bigints, Channel<bigint>>>()
const flags = channel(bool, { capacity: 1 })
check<Same<typeof flags, Channel<boolean>>>()
const events = channel(unit, { capacity: 1 })
check<Same<typeof events, Channel<undefined>>>()
for (const codec of [i32, u32, f32, f64]) codec satisfies Codec<number>
for (const codec of [i64, u64]) codec satisfies Codec<bigint>

// @ts-expect-error
numbers.send('1')
// @ts-expect-error
numbers.trySend(1n)
// @ts-expect-error
bigints.sendSync(1)
// @ts-expect-error
flags.trySend(1)
// @ts-expect-error
events.trySend(1)
// @ts-expect-error
channel('f64', { capacity: 1 })
// @ts-expect-error
channel(f64, { capacity: '1' })
// @ts-expect-error
channel(f64, { size: 1 })
// @ts-expect-error
new Arena({ capacity: 1 })

async function results(): Promise<void> {
  const sent = await numbers.send(1, { timeout: 5, signal: new AbortController().signal })
  check<Same<typeof sent, void>>()
  const received = await numbers.receive({ timeout: 5 })
  check<Same<typeof received, number | undefined>>()
  const blocked = numbers.receiveSync()
  check<Same<typeof blocked, number | undefined>>()
  const tried = numbers.tryReceive()
  check<Same<typeof tried, number | undefined>>()
  const ok = numbers.trySend(1)
  check<Same<typeof ok, boolean>>()
  const next = await numbers.next()
  check<Same<typeof next, Next<number>>>()
  // `done` tells whether there is a value.
  if (next.done) check<Same<typeof next.value, undefined>>()
  else check<Same<typeof next.value, number>>()
  const nextSync = numbers.nextSync()
  check<Same<typeof nextSync, Next<number>>>()
  const tryNext = numbers.tryNext()
  check<Same<typeof tryNext, Next<number> | undefined>>()
  for (const v of numbers.sync()) check<Same<typeof v, number>>()
  for (const v of numbers.available()) check<Same<typeof v, number>>()
  const counts: number[] = [
    await numbers.sendMany([1, 2]),
    await numbers.sendMany(new Float64Array(2), { timeout: 1 }),
    numbers.sendManySync([1] as readonly number[]),
    numbers.trySendMany([1]),
    await numbers.receiveMany(new Float64Array(2)),
    numbers.receiveManySync(new Float64Array(2), { timeout: 1 }),
    numbers.tryReceiveMany(new Float64Array(2)),
    await bigints.sendMany([1n]),
  ]
  void counts
  // @ts-expect-error
  await numbers.sendMany([1n])
  // @ts-expect-error
  await numbers.receive({ timeout: '5' })
  // @ts-expect-error
  await numbers.receive({ deadline: 5 })
  // @ts-expect-error what is received into is a typed array
  await numbers.receiveMany([0, 0])
}

// What is read only stays so.
// @ts-expect-error
numbers.capacity = 2
// @ts-expect-error
numbers.length = 2
// @ts-expect-error
numbers.closed = true

// Atomics.
const i: number = new AtomicI32(1).add(1)
const u: number = new AtomicU32().swap(1)
const big: bigint = new AtomicI64(1n).sub(1n)
const ubig: bigint = new AtomicU64().or(1n)
const swapped: boolean = new AtomicI32().compareAndSwap(0, 1)
const flag: boolean = new AtomicBool(true).swap(false)
// @ts-expect-error
new AtomicI32(1n)
// @ts-expect-error
new AtomicI64(1)
// @ts-expect-error
new AtomicI64().add(1)
// @ts-expect-error
new AtomicBool().add(1)
// @ts-expect-error
new AtomicBool().store(1)

// Stack and counter.
const stack = new Stack(u64, { capacity: 10 })
check<Same<typeof stack, Stack<bigint>>>()
const pushed: boolean = stack.push(1n)
const popped = stack.pop()
check<Same<typeof popped, bigint | undefined>>()
for (const v of stack.drain()) check<Same<typeof v, bigint>>()
// @ts-expect-error
stack.push(1)
// @ts-expect-error a stack has a capacity
new Stack(f64)
// @ts-expect-error
new Stack(f64, {})
const counter = new Counter({ arena: defaultArena() })
counter.add()
counter.add(5)
const sum: number = counter.value
// @ts-expect-error
counter.value = 1

// Handles open as what they are.
const again = open(stack.handle)
check<Same<typeof again, Stack<bigint>>>()
const cell = open(new AtomicU64().handle)
check<Same<typeof cell, AtomicU64>>()
const sums = open(counter.handle)
check<Same<typeof sums, Counter>>()
// @ts-expect-error
open({})
// @ts-expect-error
open(stack)

// Time.
async function timed(): Promise<void> {
  const slept = await sleep(5, { signal: new AbortController().signal })
  check<Same<typeof slept, void>>()
  sleepSync(5)
  const timer = new Timer(5)
  const stopped: boolean[] = [timer.stop(), timer.reset(5), time.afterFunc(5, () => {}).stop()]
  const ticker = new Ticker(5)
  check<Same<ReturnType<typeof ticker.reset>, void>>()
  for (const ch of [timer.channel, ticker.channel, time.after(5), tick(5)]) {
    check<Same<typeof ch, time.LocalChannel<number>>>()
    const received = await ch.receive({ timeout: 5 })
    check<Same<typeof received, number | undefined>>()
    const next = ch.nextSync()
    check<Same<typeof next, Next<number>>>()
    for await (const at of ch) check<Same<typeof at, number>>()
    for (const at of ch.sync()) check<Same<typeof at, number>>()
    // @ts-expect-error it belongs to its thread
    ch.handle
    // @ts-expect-error nobody can send on it
    ch.send
  }
  // @ts-expect-error
  new Timer('5')
  // @ts-expect-error the function is what afterFunc is for
  new Timer(5, () => {})
  // @ts-expect-error
  time.afterFunc(5)
  // @ts-expect-error
  sleep(5, { timeout: 5 })
  void stopped
}

// Disposal and errors.
const disposables: Disposable[] = [numbers, stack, counter, new AtomicBool()]
const stats: ArenaStats = new Arena({ size: 2 ** 20 }).stats()
const perClass: Record<number, number> = stats.blocks
const error: MillraceError = new ClosedError('send on closed channel')
const code: string = error.code
function transferred(caught: unknown): number {
  return caught instanceof ClosedError || caught instanceof TimeoutError ? caught.transferred : 0
}

export { big, code, disposables, flag, i, perClass, pushed, results, sum, swapped, timed, transferred, u, ubig }

// Atomic values and maps follow their codecs.
const shared = new time.AtomicValue(time.struct({ id: u32 }), { id: 1 })
check<Same<ReturnType<typeof shared.load>, { id: number }>>()
shared.update((old) => ({ id: old.id + 1 }))
// @ts-expect-error: not what the codec carries
shared.store('x')
const map = new time.ShardedMap(time.string, i64, { shards: 4, capacity: 10 })
check<Same<ReturnType<typeof map.get>, bigint | undefined>>()
check<Same<ReturnType<typeof map.getOrSet>, bigint>>()
for (const [key, value] of map) check<Same<[typeof key, typeof value], [string, bigint]>>()
const sameMap = open(map.handle)
check<Same<typeof sameMap, typeof map>>()
// @ts-expect-error: keys are strings
map.get(1)
// @ts-expect-error: values are BigInts
map.set('a', 1)
