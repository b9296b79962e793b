// Pools, flights and groups: what each call takes and gives. Compiled, never run.

import {
  type Arena,
  type Channel,
  type CreatingPool,
  channel,
  ErrGroup,
  type FlightResult,
  f64,
  type Handle,
  handle,
  type LocalChannel,
  open,
  Pool,
  recv,
  SingleFlight,
  select,
  u32,
} from 'millrace'
import { check, type Same } from './support.js'

// A pool that makes what it lacks always gives an item.
const buffers = new Pool({ create: () => new Uint8Array(16) })
check<Same<typeof buffers, CreatingPool<Uint8Array<ArrayBuffer>>>>()
const buffer: Uint8Array = buffers.get()
check<Same<ReturnType<typeof buffers.put>, boolean>>()
buffers.put(buffer as Uint8Array<ArrayBuffer>)
buffers.put(undefined)
buffers.put(null)
// @ts-expect-error
buffers.put('1')

// Another one may have none.
const objects = new Pool<{ n: number }>({ capacity: 5 })
check<Same<typeof objects, Pool<{ n: number }>>>()
const object = objects.get()
check<Same<typeof object, { n: number } | undefined>>()
const made = new Pool<{ n: number }>({ create: () => ({ n: 1 }) })
check<Same<ReturnType<typeof made.get>, { n: number }>>()
// @ts-expect-error
new Pool<{ n: number }>({ create: () => 1 })
// @ts-expect-error
new Pool({ codec: u32, create: () => 'text' })
// @ts-expect-error
new Pool({ size: 5 })
const any = new Pool()
check<Same<typeof any, Pool<unknown>>>()

// The items follow the codec.
const numbers = new Pool({ codec: u32, destroy: (item) => check<Same<typeof item, number>>() })
check<Same<typeof numbers, Pool<number>>>()
const replies = new Pool({ codec: handle<Channel<number>>(), create: () => channel(f64) })
check<Same<ReturnType<typeof replies.get>, Channel<number>>>()
const pools = { stays: replies satisfies Pool<Channel<number>>, isOne: numbers instanceof Pool }
void pools
check<Same<typeof numbers.handle, Handle<Pool<number>>>>()
const opened = open(numbers.handle)
check<Same<typeof opened, Pool<number>>>()
check<Same<typeof opened.arena, Arena | undefined>>()
const carried = channel(handle<Pool<number>>(), { capacity: 1 })
carried.trySend(numbers)
// @ts-expect-error
numbers.put(1n)
// @ts-expect-error
numbers.capacity = 5

// Flights.
async function flights(): Promise<void> {
  const group = new SingleFlight<string, number>()
  const { value, shared } = await group.do('key', async () => 5, { timeout: 5, signal: new AbortController().signal })
  check<Same<typeof value, number>>()
  check<Same<typeof shared, boolean>>()
  await group.do('key', () => 5)
  // @ts-expect-error
  await group.do(1, () => 5)
  // @ts-expect-error
  await group.do('key', () => '5')
  const ch = group.doChan('key', () => 5)
  check<Same<typeof ch, LocalChannel<FlightResult<number>>>>()
  const result = await ch.receive()
  if (result?.ok) check<Same<typeof result.value, number>>()
  else if (result !== undefined) check<Same<typeof result.error, unknown>>()
  const hit = await select({ result: recv(ch), numbers: recv(channel(f64)) })
  if (hit.case === 'result' && !hit.done) check<Same<typeof hit.value, FlightResult<number>>>()
  const nothing = group.forget('key')
  check<Same<typeof nothing, void>>()
}

// Groups.
async function groups(): Promise<void> {
  const group = new ErrGroup({ signal: new AbortController().signal, limit: 5 })
  const started = group.go(async (signal) => {
    check<Same<typeof signal, AbortSignal>>()
    return 5
  })
  check<Same<typeof started, Promise<void>>>()
  await group.go(() => {}, { timeout: 5 })
  const yes = group.tryGo((signal) => fetch('https://example.com', { signal }))
  check<Same<typeof yes, boolean>>()
  const end = await group.wait({ timeout: 5 })
  check<Same<typeof end, void>>()
  // @ts-expect-error
  await group.go((signal: number) => signal)
  // @ts-expect-error
  new ErrGroup({ limit: '5' })
  // @ts-expect-error
  group.signal = new AbortController().signal
}

export const all = [flights, groups]
