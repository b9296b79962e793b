// A select with a send case in an arena that is full of messages: it waits for memory, and its other cases go on meanwhile.

import {
  ArenaFullError,
  after,
  type Channel,
  channel,
  recv,
  Selector,
  select,
  selectSync,
  send,
  trySelect,
  u32,
} from 'millrace'
import { afterEach, describe, expect, test } from 'vitest'
import { filled, fillUp, intact, inUse, spaces } from './support/arenas.js'
import { elapsed, expectPending, rejection, sleep, thrown } from './support/probe.js'
import { elsewhere, type Tools } from './support/threads.js'

const space = spaces()
const BIG = 150_000
const others: Channel<number>[] = []
afterEach(() => {
  for (const other of others.splice(0)) other.dispose()
})

function full(capacity = 4) {
  const made = space()
  const [hoard, ch] = [made.bytes(8192), made.bytes(capacity)]
  const other = channel(u32, { capacity: 1, arena: made.arena })
  others.push(other)
  fillUp(hoard)
  return { ...made, hoard, ch, other, used: inUse(made.arena) }
}

const drain = (hoard: { available(): Iterable<unknown> }): void => {
  for (const _ of hoard.available());
}

test('trySelect says that there is no memory', () => {
  const { ch, used, arena } = full()
  expect(thrown(() => trySelect({ out: send(ch, filled(BIG)) }))).toBeInstanceOf(ArenaFullError)
  expect(thrown(() => selectSync({ out: send(ch, filled(BIG)) }, { timeout: 0 }))).toBeInstanceOf(ArenaFullError)
  expect(inUse(arena)).toBe(used)
})

describe.each([0, 4])('capacity %s', (capacity) => {
  test('select sends once somebody has freed enough', async () => {
    const { ch, hoard } = full(capacity)
    const hit = select({ out: send(ch, filled(BIG)) })
    await expectPending(hit)
    drain(hoard)
    const message = ch.receive()
    expect((await hit).case).toBe('out')
    expect(intact(await message, BIG)).toBe(true)
  })

  test('a worker blocks in selectSync until the main thread frees', async () => {
    const { ch, hoard } = full(capacity)
    const hit = elsewhere(
      'blocking',
      ({ open, send, io }: Tools, handle, bytes) =>
        io.select({ out: send(open(handle), new Uint8Array(bytes).fill(3)) }, { timeout: 20_000 }).case,
      ch.handle,
      BIG,
    )
    await expectPending(hit)
    drain(hoard)
    const message = await ch.receive()
    expect(await hit).toBe('out')
    expect(message?.every((byte) => byte === 3)).toBe(true)
  })
})

test('another case goes on meanwhile, and nothing was sent', async () => {
  const { ch, other, arena, used } = full()
  const hit = select({ out: send(ch, filled(BIG)), in: recv(other) })
  await expectPending(hit)
  other.trySend(7)
  expect(await hit).toEqual({ case: 'in', value: 7, done: false })
  expect(ch.length).toBe(0)
  const blocked = elsewhere(
    'blocking',
    ({ open, send, recv, io }: Tools, ch, other, bytes) =>
      io.select({ out: send(open(ch), new Uint8Array(bytes)), in: recv(open(other)) }),
    ch.handle,
    other.handle,
    BIG,
  )
  await expectPending(blocked)
  other.trySend(8)
  expect(await blocked).toEqual({ case: 'in', value: 8, done: false })
  expect(inUse(arena) - used).toBeLessThan(10_000)
})

test('a timer among the cases rings in time, a timeout and an abort end it', async () => {
  const { ch, other, arena } = full()
  const cases = () => ({ out: send(ch, filled(BIG)), in: recv(other) })
  const ms = await elapsed(async () => {
    const hit = await select({ ...cases(), late: recv(after(30)) })
    expect(hit.case).toBe('late')
  })
  expect(ms).toBeGreaterThanOrEqual(29)
  expect(selectSync({ ...cases(), late: recv(after(30)) }).case).toBe('late')
  for (const call of [() => select(cases(), { timeout: 40 }), async () => selectSync(cases(), { timeout: 40 })]) {
    const start = performance.now()
    const error = await rejection(call())
    expect(error.code).toBe('ERR_TIMEOUT')
    expect(error.message).toBe('select timed out after 40 ms')
    expect(performance.now() - start).toBeGreaterThanOrEqual(39)
  }
  const controller = new AbortController()
  const hit = select(cases(), { signal: controller.signal })
  await sleep(20)
  const reason = new Error('enough')
  controller.abort(reason)
  expect(await rejection(hit)).toBe(reason)
  expect(ch.length).toBe(0)
  expect(arena.stats().threads).toBeGreaterThan(0)
})

test('a Selector does it again and again', async () => {
  const { ch, hoard, other } = full()
  using selector = new Selector({ out: send(ch, filled(BIG)), in: recv(other) })
  for (let i = 0; i < 3; i++) {
    const hit = selector.select()
    await sleep(20)
    other.trySend(i)
    expect({ ...(await hit) }).toEqual({ case: 'in', value: i, done: false })
  }
  const hit = selector.select()
  drain(hoard)
  expect((await hit).case).toBe('out')
  expect(intact(ch.tryReceive(), BIG)).toBe(true)
})

test('a channel that is closed meanwhile is an error', async () => {
  const { ch } = full()
  const hit = select({ out: send(ch, filled(BIG)) })
  await expectPending(hit)
  ch.close()
  expect((await rejection(hit)).code).toBe('ERR_CLOSED')
})
