// DIR: the sending and the receiving half of a channel, at run time. What must not compile is in types/.

import { type Channel, channel, f64, open, type ReceiveChannel, type SendChannel } from 'millrace'
import { describe, expect, test } from 'vitest'
import { buffered } from './conformance/subject.js'
import { elsewhere } from './support/threads.js'

const { make } = buffered()

const SENDING = ['send', 'sendSync', 'trySend', 'sendMany', 'sendManySync', 'trySendMany', 'close']
const RECEIVING = [
  ...[
    'receive',
    'receiveSync',
    'tryReceive',
    'next',
    'nextSync',
    'tryNext',
    'receiveMany',
    'receiveManySync',
    'tryReceiveMany',
  ],
  ...['sync', 'available', Symbol.asyncIterator],
]

const halves: [
  string,
  (ch: Channel<number>) => SendChannel<number>,
  (ch: Channel<number>) => ReceiveChannel<number>,
][] = [
  ['views', (ch) => ch.sender, (ch) => ch.receiver],
  ['views that went through a handle', (ch) => open(ch.sender.handle), (ch) => open(ch.receiver.handle)],
  [
    'views that went through two handles',
    (ch) => open(open(ch.sender.handle).handle),
    (ch) => open(open(ch.receiver.handle).handle),
  ],
]

describe.each(halves)('%s', (_what, senderOf, receiverOf) => {
  test('DIR-2 DIR-3 DIR-5 have what they may do, and nothing of the other half', () => {
    const ch = make(f64, 2)
    const [sender, receiver] = [senderOf(ch), receiverOf(ch)] as unknown as [object, object]
    for (const name of SENDING) {
      expect(name in sender).toBe(true)
      expect(name in receiver).toBe(false)
    }
    for (const name of RECEIVING) {
      expect(name in receiver).toBe(true)
      expect(name in sender).toBe(false)
    }
    expect('dispose' in sender || 'dispose' in receiver).toBe(false)
    expect(() => (receiver as SendChannel<number>).trySend(1)).toThrow(TypeError)
    expect(() => (receiver as SendChannel<number>).close()).toThrow(TypeError)
    expect(() => (sender as ReceiveChannel<number>).tryReceive()).toThrow(TypeError)
    expect(ch.closed).toBe(false)
  })

  test('DIR-3 a sender cannot be iterated', async () => {
    const sender = senderOf(make(f64, 2)) as unknown as AsyncIterable<number>
    await expect(
      (async () => {
        for await (const _ of sender) break
      })(),
    ).rejects.toThrow(TypeError)
  })

  test('DIR-6 DIR-7 share state with the channel: values, length, capacity, close', async () => {
    const ch = make(f64, 2)
    const [sender, receiver] = [senderOf(ch), receiverOf(ch)]
    await sender.send(1)
    expect([ch.length, sender.length, receiver.length]).toEqual([1, 1, 1])
    expect([ch.capacity, sender.capacity, receiver.capacity]).toEqual([2, 2, 2])
    expect([sender.codec, receiver.codec]).toEqual([f64, f64])
    expect(await receiver.receive()).toBe(1)
    sender.close()
    expect([ch.closed, receiver.closed, sender.closed]).toEqual([true, true, true])
    expect(receiver.tryNext()).toEqual({ value: undefined, done: true })
    expect(() => ch.close()).toThrow('close of closed channel')
  })

  test('every operation of both halves works', async () => {
    const ch = make(f64, 20)
    const [sender, receiver] = [senderOf(ch), receiverOf(ch)]
    await sender.send(1)
    sender.sendSync(2)
    expect(sender.trySend(3)).toBe(true)
    expect(await sender.sendMany([4])).toBe(1)
    expect(sender.sendManySync([5])).toBe(1)
    expect(sender.trySendMany([6, 7, 8, 9, 10, 11, 12])).toBe(7)
    expect([await receiver.receive(), receiver.receiveSync(), receiver.tryReceive()]).toEqual([1, 2, 3])
    expect([(await receiver.next()).value, receiver.nextSync().value, receiver.tryNext()?.value]).toEqual([4, 5, 6])
    const into = new Float64Array(1)
    expect([await receiver.receiveMany(into), receiver.receiveManySync(into), receiver.tryReceiveMany(into)]).toEqual([
      1, 1, 1,
    ])
    for await (const v of receiver) {
      expect(v).toBe(10)
      break
    }
    for (const v of receiver.sync()) {
      expect(v).toBe(11)
      break
    }
    expect([...receiver.available()]).toEqual([12])
  })
})

test('DIR-6 a view keeps its restriction in another thread', async () => {
  const ch = make(f64, 2)
  const inspect = (handle: unknown): Promise<string[]> =>
    elsewhere(
      'blocking',
      ({ open }, handle) => {
        const view = open(handle)
        return ['send', 'close', 'receive', 'next', 'dispose'].filter((name) => name in view)
      },
      handle,
    )
  expect(await inspect(ch.handle)).toEqual(['send', 'close', 'receive', 'next', 'dispose'])
  expect(await inspect(ch.sender.handle)).toEqual(['send', 'close'])
  expect(await inspect(ch.receiver.handle)).toEqual(['receive', 'next'])
})

test('the views of one channel are always the same objects', () => {
  const ch = make(f64, 1)
  expect(ch.sender).toBe(ch.sender)
  expect(ch.receiver).toBe(ch.receiver)
})

test('a view of a disposed channel is stale', () => {
  const ch = channel(f64, { capacity: 1 })
  const { sender, receiver } = ch
  ch.dispose()
  expect(() => sender.trySend(1)).toThrow(expect.objectContaining({ code: 'ERR_STALE_HANDLE' }))
  expect(() => receiver.tryReceive()).toThrow(expect.objectContaining({ code: 'ERR_STALE_HANDLE' }))
})
