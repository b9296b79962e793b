// handle: millrace objects that travel as messages.

import {
  Arena,
  AtomicI32,
  AtomicU64,
  array,
  type Channel,
  Counter,
  channel,
  f64,
  handle,
  i64,
  type MessageCodec,
  type ReceiveChannel,
  type SendChannel,
  Stack,
  StaleHandleError,
  tuple,
  u8,
  u32,
} from 'millrace'
import { afterAll, describe, expect, test } from 'vitest'
import { decoded, encoded, refused, trip, unreadable } from './support/codecs.js'
import { makers, arena as shared } from './support/objects.js'

const arena = new Arena({ size: 2 ** 20 })
const any = handle()
const ch = channel(f64, { capacity: 2, arena })
afterAll(() => ch.dispose())

const sameChannel = (a: Channel<number>, b: Channel<number>): boolean => a.equals(b)

describe('what travels', () => {
  test('a channel arrives opened', () => {
    trip(handle<Channel<number>>(), ch, { arena, same: sameChannel })
    const other = decoded(handle<Channel<number>>(), encoded(any, ch, arena), arena)
    expect(other).not.toBe(ch)
    expect(other.codec).toBe(f64)
    expect(other.arena).toBe(arena)
    other.trySend(1.5)
    expect(ch.tryReceive()).toBe(1.5)
  })

  test('halves stay halves', () => {
    const sender = decoded(handle<SendChannel<number>>(), encoded(any, ch.sender, arena), arena)
    const receiver = decoded(handle<ReceiveChannel<number>>(), encoded(any, ch.receiver, arena), arena)
    expect('receive' in sender).toBe(false)
    expect('send' in receiver).toBe(false)
    sender.trySend(2.5)
    expect(receiver.tryReceive()).toBe(2.5)
    expect(sender.equals(receiver)).toBe(true)
  })

  test('stacks, counters, atomics', () => {
    const stack = new Stack(i64, { capacity: 2, arena })
    const counter = new Counter({ arena })
    const atomic = new AtomicU64(7n, { arena })
    decoded(handle<Stack<bigint>>(), encoded(any, stack, arena), arena).push(5n)
    decoded(handle<Counter>(), encoded(any, counter, arena), arena).add(3)
    decoded(handle<AtomicU64>(), encoded(any, atomic, arena), arena).add(1n)
    expect([stack.pop(), counter.value, atomic.load()]).toEqual([5n, 3, 8n])
    for (const object of [stack, counter, atomic]) object.dispose()
  })

  test.each(Object.entries(makers))('a %s', (_, make) => {
    const object = make() as never
    const other = decoded(any, encoded(any, object, shared), shared) as {
      constructor: unknown
      handle: { address: number }
    }
    expect(other.constructor).toBe((object as { constructor: unknown }).constructor)
    expect(other.handle.address).toBe((object as typeof other).handle.address)
    ;(object as Counter).dispose()
  })

  test('in few bytes', () => {
    expect(encoded(any, ch, arena).length).toBe(15)
  })

  test('as a part of others', () => {
    const codec = tuple(u32, handle<Channel<number>>(), array(handle<Counter>(), 1))
    const counter = new Counter({ arena })
    trip(codec, [1, ch, [counter]], {
      arena,
      same: ([a, b, [c]], [d, e, [f]]) => a === d && b.equals(e) && c?.handle.address === f?.handle.address,
    })
    counter.dispose()
  })

  test('objects with a handle that names a schema carry it', () => {
    const schema = ['struct', ['id', 'u32']]
    const own = { handle: { ...ch.handle, codec: 'struct{id:u32}', schema } }
    const message = encoded(any, own as never, arena)
    expect(new TextDecoder().decode(message.subarray(12))).toBe('struct{id:u32}["struct",["id","u32"]]')
    expect(decoded(handle<Channel<number>>(), message, arena).equals(ch)).toBe(true)
  })
})

describe('what does not', () => {
  test('objects of another arena', () => {
    const elsewhere = new Arena({ size: 2 ** 20 })
    const counter = new Counter({ arena: elsewhere })
    const error = refused(tuple(u8, any), [1, counter], arena)
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toBe(
      '$[1]: handle carries objects of the arena of the channel that they travel through, and a Counter object is in another one: ' +
        'make both with the same { arena }',
    )
  })

  test('objects that are disposed of: when they are sent, or by the time they arrive', () => {
    const gone = new AtomicI32(1, { arena })
    const message = encoded(any, gone, arena)
    const rest = tuple(u8, any)
    const longer = encoded(rest, [1, gone], arena)
    gone.dispose()
    expect(refused(any, gone, arena)).toBeInstanceOf(StaleHandleError)
    expect(refused(rest, [1, gone], arena)).toBeInstanceOf(StaleHandleError)
    expect(unreadable(any, message, arena)).toBeInstanceOf(StaleHandleError)
    expect(unreadable(rest, longer, arena)).toBeInstanceOf(StaleHandleError)
  })

  test('disposed of between measure and encode', () => {
    const gone = new Counter({ arena })
    const buffer = new ArrayBuffer(64)
    const bound = any.measure(gone)
    gone.dispose()
    const memory = { u8: new Uint8Array(buffer), view: new DataView(buffer), arena }
    expect(() => any.encode(gone, memory, 0, bound)).toThrow(StaleHandleError)
  })

  const objects = 'handle carries millrace objects (channels, their halves, stacks, counters, atomics), not'
  test.each([
    [`${objects} undefined`, undefined],
    [`${objects} null`, null],
    [`${objects} 5 (a number)`, 5],
    [`${objects} a Object object`, {}],
    [`${objects} a Object object`, { handle: {} }],
    [`${objects} a Object object`, { handle: { ...ch.handle, kind: 'lock' } }],
    [`${objects} a Object object`, { handle: { ...ch.handle, view: 'all' } }],
    [`${objects} a Object object`, { handle: { ...ch.handle, address: -1 } }],
    [`${objects} a Object object`, { handle: { ...ch.handle, generation: 1.5 } }],
    ['handle carries millrace objects, not their handles: send the channel itself, not its .handle', ch.handle],
    [
      'handle carries objects whose codec has a name of up to 65535 bytes, not 65536',
      { handle: { ...ch.handle, codec: 'x'.repeat(65536) } },
    ],
  ])('%s', (message, value) => {
    const error = refused(any, value, arena)
    expect(error.message).toBe(message)
    expect(error).toBeInstanceOf(message.includes('65535') ? RangeError : TypeError)
  })

  test('without a channel there is no arena', () => {
    const text = 'handle carries objects through channels only: these bytes belong to no arena'
    expect(refused(any, ch).message).toBe(text)
    expect(unreadable(any, encoded(any, ch, arena)).message).toBe(text)
  })
})

describe('bytes that are no handle', () => {
  const good = encoded(any, ch, arena)
  const changedAt = (at: number, value: number): Uint8Array => {
    const message = good.slice()
    message[at] = value
    return message
  }

  test.each([
    ['it has 11 bytes, not 12 or more', good.subarray(0, 11)],
    ['there is no kind 0 of objects', changedAt(8, 0)],
    ['there is no kind 5 of objects', changedAt(8, 5)],
    ['there is no view 3', changedAt(9, 3)],
    ['the name of its codec is longer than the message', changedAt(10, 4)],
    ['the schema of its codec is not JSON', changedAt(10, 0)],
    ['it is not UTF-8', changedAt(12, 0xff)],
  ])('%s', (message, bad) => {
    const error = unreadable(any, bad, arena)
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toBe(`the message is not of handle: ${message}`)
  })

  test('another kind, another place, another generation', () => {
    for (const bad of [changedAt(8, 2), changedAt(0, 1), changedAt(3, 255), changedAt(4, 77)]) {
      expect(unreadable(any as MessageCodec<never>, bad, arena)).toBeInstanceOf(StaleHandleError)
    }
    expect(unreadable(any, changedAt(7, 255), arena)).toBeInstanceOf(TypeError)
  })
})
