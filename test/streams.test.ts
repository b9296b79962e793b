// Channels as streams and streams into channels: web streams and Node's.

import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Arena, channel, f64, fromReadable, i32, merge } from 'millrace'
import { expect, test } from 'vitest'
import { expectPending, macrotask, rejection } from './support/probe.js'

const arena = new Arena({ size: 2 ** 20 })
const make = (capacity: number) => channel(f64, { capacity, arena })

async function read<T>(stream: ReadableStream<T>): Promise<T[]> {
  const values: T[] = []
  const reader = stream.getReader()
  for (let next = await reader.read(); !next.done; next = await reader.read()) values.push(next.value)
  return values
}

test.each([0, 1, 10])(
  'a channel of capacity %d is read as a stream until it is closed and drained',
  async (capacity) => {
    const ch = make(capacity)
    const values = read(ch.receiver.toReadableStream())
    for (let i = 0; i < 25; i++) await ch.send(i)
    ch.close()
    expect(await values).toEqual(Array.from({ length: 25 }, (_, i) => i))
  },
)

test('nothing is received ahead of time', async () => {
  const ch = make(10)
  await ch.sendMany([1, 2, 3])
  const reader = ch.toReadableStream().getReader()
  await macrotask()
  expect(ch.length).toBe(3)
  expect(await reader.read()).toEqual({ value: 1, done: false })
  await macrotask()
  expect(ch.length).toBe(2)
})

test('cancelling a stream loses no value and does not close the channel', async () => {
  const ch = make(10)
  const reader = ch.toReadableStream().getReader()
  const waiting = reader.read()
  await expectPending(waiting)
  await reader.cancel('enough')
  expect(await waiting).toEqual({ value: undefined, done: true })
  expect(ch.trySend(7)).toBe(true)
  await macrotask()
  expect([ch.tryReceive(), ch.closed]).toEqual([7, false])
})

test('a merge is read as a stream', async () => {
  const [a, b] = [make(5), make(5)]
  a.trySendMany([1, 2])
  b.trySendMany([3])
  a.close()
  b.close()
  expect((await read(merge(a, b).toReadableStream())).sort()).toEqual([1, 2, 3])
})

test('a Node pipeline reads a channel', async () => {
  const ch = make(2)
  const got: number[] = []
  const sink = new Writable({
    objectMode: true,
    write(value, _encoding, done) {
      got.push(value)
      setImmediate(done)
    },
  })
  const done = pipeline(Readable.fromWeb(ch.toReadableStream() as never, { objectMode: true }), sink)
  for (let i = 0; i < 20; i++) await ch.send(i)
  ch.close()
  await done
  expect(got).toEqual(Array.from({ length: 20 }, (_, i) => i))
})

test.each([
  ['a web stream', () => ReadableStreamFrom([1, 2, 3, 4])],
  ['a Node stream', () => Readable.from([1, 2, 3, 4])],
])('%s goes into a channel, which is closed after it', async (_name, stream) => {
  const ch = make(0)
  const sending = fromReadable(stream() as AsyncIterable<number>, ch)
  const got: number[] = []
  for await (const v of ch) got.push(v)
  expect(got).toEqual([1, 2, 3, 4])
  expect(await sending).toBe(4)
  expect(ch.closed).toBe(true)
})

test('a full channel holds the stream back', async () => {
  const ch = make(2)
  let read = 0
  const stream = (async function* () {
    for (; ; read++) yield read
  })()
  const stop = new AbortController()
  const sending = rejection(fromReadable(stream, ch, { signal: stop.signal, close: false }))
  for (let i = 0; i < 20; i++) await macrotask()
  expect(read).toBeLessThanOrEqual(3)
  expect(ch.length).toBe(2)
  stop.abort(new Error('enough'))
  expect((await sending).message).toBe('enough')
  expect([ch.closed, ch.length]).toEqual([false, 2])
})

test('a stream that fails closes the channel and rejects with its error', async () => {
  const ch = make(5)
  const stream = (async function* () {
    yield 1
    throw new Error('broken')
  })()
  expect((await rejection(fromReadable(stream, ch.sender))).message).toBe('broken')
  expect([ch.tryReceive(), ch.closed]).toEqual([1, true])
})

test('a channel that somebody closes ends the transfer and cancels the stream', async () => {
  const ch = make(1)
  let cancelled: unknown
  const stream = new ReadableStream<number>({
    pull: (controller) => controller.enqueue(1),
    cancel: (reason) => {
      cancelled = reason
    },
  })
  const sending = rejection(fromReadable(stream, ch))
  await macrotask()
  ch.close()
  const error = await sending
  expect(error.code).toBe('ERR_CLOSED')
  await macrotask()
  expect(cancelled).toBe(error)
})

test('wrong arguments', async () => {
  const ch = channel(i32, { capacity: 4, arena })
  expect((await rejection(fromReadable(5 as never, ch))).message).toContain('not 5')
  const other = channel(i32, { capacity: 4, arena })
  expect((await rejection(fromReadable(Readable.from([1.5]) as never, other))).name).toBe('RangeError')
  expect((await rejection(fromReadable(Readable.from([1]) as never, null as never))).message).toContain('null')
})

/** `ReadableStream.from`, which not every platform has. */
function ReadableStreamFrom<T>(values: T[]): ReadableStream<T> {
  const left = values.values()
  return new ReadableStream({
    pull(controller) {
      const next = left.next()
      if (next.done) controller.close()
      else controller.enqueue(next.value)
    },
  })
}
