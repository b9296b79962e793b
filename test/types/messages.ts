// Channels of messages: what their types know. Compiled, never run.

import {
  any,
  type BytesChannel,
  bytes,
  type Channel,
  channel,
  f64,
  handle,
  open,
  recv,
  Selector,
  type SendChannel,
  select,
  send,
  string,
  struct,
  tuple,
  u32,
} from 'millrace'
import { check, type Same } from './support.js'

const texts = channel(string)
const orders = channel(struct({ id: u32, price: f64 }), { capacity: 4 })
const blobs = channel(bytes)
const requests = channel(tuple(string, handle<SendChannel<string>>()))

async function values(): Promise<void> {
  check<Same<typeof texts, Channel<string>>>()
  check<Same<typeof blobs, BytesChannel>>()
  check<Same<Awaited<ReturnType<typeof texts.receive>>, string | undefined>>()
  const order = await orders.next()
  if (!order.done) check<Same<typeof order.value.price, number>>()
  const request = await requests.receive()
  if (request) await request[1].send('answer')
  // @ts-expect-error a field is missing
  orders.trySend({ id: 1 })
  // @ts-expect-error
  texts.trySend(5)
  // @ts-expect-error
  requests.trySend(['text', texts.receiver])
  channel(any<{ a: number[] }>()).trySend({ a: [1] })
}

async function opened(): Promise<void> {
  check<Same<ReturnType<typeof open<BytesChannel>>, BytesChannel>>()
  const same = open(blobs.handle)
  using reserved = await same.reserve(5)
  reserved.bytes.fill(0)
  using view = same.tryReceiveView()
  view?.bytes.at(0)
  // @ts-expect-error no channel of bytes
  texts.reserve(5)
}

async function batches(): Promise<void> {
  const got = await texts.receiveMany(5)
  check<Same<typeof got, string[]>>()
  for await (const batch of orders.receiver.batches({ max: 5, wait: 1 })) check<Same<(typeof batch)[0]['id'], number>>()
  await texts.sendMany(new Set(['a']))
  // @ts-expect-error
  await texts.sendMany([5])
}

async function cases(): Promise<void> {
  const hit = await select({ text: recv(texts), order: send(orders, { id: 1, price: 2 }) })
  if (hit.case === 'text' && !hit.done) check<Same<typeof hit.value, string>>()
  using selector = new Selector({ text: send(texts, 'a'), blob: send(blobs, new Uint8Array()), in: recv(orders) })
  selector.set('text', 'b')
  selector.set('blob', new Uint8Array(5))
  // @ts-expect-error the value is the channel's
  selector.set('text', 5)
  // @ts-expect-error a receive case has no value
  selector.set('in', { id: 1, price: 2 })
}

export { batches, cases, opened, values }
