// DIR: what the type checker must refuse, and what it must take. Compiled, never run.

import { type Channel, channel, f64, type Handle, i64, open, type ReceiveChannel, type SendChannel } from 'millrace'
import { check, type Same } from './support.js'

const both: Channel<number> = channel(f64, { capacity: 1 })

// DIR-1: a channel is both halves, by itself.
const send: SendChannel<number> = both
const receive: ReceiveChannel<number> = both
const send2: SendChannel<number> = both.sender
const receive2: ReceiveChannel<number> = both.receiver
// @ts-expect-error a receiving half is no channel
const wrong1: Channel<number> = receive
// @ts-expect-error a sending half is no channel
const wrong2: Channel<number> = send
// @ts-expect-error a sending half does not receive
const wrong3: ReceiveChannel<number> = send
// @ts-expect-error a receiving half does not send
const wrong4: SendChannel<number> = receive

// DIR-2: no sending on the receiving half.
// @ts-expect-error
receive.send(1)
// @ts-expect-error
receive.sendSync(1)
// @ts-expect-error
receive.trySend(1)
// @ts-expect-error
receive.sendMany([1])
// @ts-expect-error
receive.sendManySync([1])
// @ts-expect-error
receive.trySendMany([1])

// DIR-3: no receiving on the sending half.
// @ts-expect-error
send.receive()
// @ts-expect-error
send.receiveSync()
// @ts-expect-error
send.tryReceive()
// @ts-expect-error
send.next()
// @ts-expect-error
send.nextSync()
// @ts-expect-error
send.tryNext()
// @ts-expect-error
send.receiveMany(new Float64Array(1))
// @ts-expect-error
send.sync()
// @ts-expect-error
send.available()
async function iterate(): Promise<void> {
  // @ts-expect-error
  for await (const _ of send) break
  for await (const v of receive) check<Same<typeof v, number>>()
  for await (const v of both) check<Same<typeof v, number>>()
}

// DIR-5: who sends may close.
both.close()
send.close()
// @ts-expect-error
receive.close()

// DIR-7: length and capacity of all three.
const numbers: number[] = [both.length, send.length, receive.length, both.capacity, send.capacity, receive.capacity]
const flags: boolean[] = [
  both.closed,
  send.closed,
  receive.closed,
  both.equals(send),
  send.equals(receive),
  receive.equals(both),
]

// DIR-6: a handle opens as what it was made from.
check<Same<ReturnType<typeof open<Channel<number>>>, Channel<number>>>()
const opened = open(both.handle)
check<Same<typeof opened, Channel<number>>>()
const openedSend = open(both.sender.handle)
check<Same<typeof openedSend, SendChannel<number>>>()
const openedReceive = open(both.receiver.handle)
check<Same<typeof openedReceive, ReceiveChannel<number>>>()
// @ts-expect-error
openedSend.receive()
// @ts-expect-error
openedReceive.send(1)
// @ts-expect-error a handle of a half does not open as a channel
const wrong5: Handle<Channel<number>> = both.sender.handle
// @ts-expect-error a handle of numbers is none of BigInts
const wrong6: Handle<Channel<bigint>> = both.handle
// @ts-expect-error neither is the channel
const wrong7: Channel<bigint> = both
// @ts-expect-error nor its half
const wrong8: SendChannel<bigint> = channel(i64, { capacity: 1 }).receiver

export { flags, iterate, numbers, receive2, send2, wrong1, wrong2, wrong3, wrong4, wrong5, wrong6, wrong7, wrong8 }
