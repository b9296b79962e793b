import { type Channel, f64 } from 'millrace'
import type { Subject } from '../conformance/subject.js'

/** All calls that wait, on an empty channel (receiving) or a full one (sending). */
export function waitingCalls(
  empty: Channel<number>,
  full: Channel<number>,
  options: object | undefined,
): Record<string, () => Promise<unknown>> {
  const into = new Float64Array(1)
  return {
    receive: () => empty.receive(options),
    next: () => empty.next(options),
    receiveMany: () => empty.receiveMany(into, options),
    send: () => full.send(1, options),
    sendMany: () => full.sendMany([1], options),
    'receiver.receive': () => empty.receiver.receive(options),
    'sender.send': () => full.sender.send(1, options),
  }
}

/** All calls that block. */
export function blockingCalls(
  empty: Channel<number>,
  full: Channel<number>,
  options: object | undefined,
): Record<string, () => unknown> {
  const into = new Float64Array(1)
  return {
    receiveSync: () => empty.receiveSync(options),
    nextSync: () => empty.nextSync(options),
    receiveManySync: () => empty.receiveManySync(into, options),
    sendSync: () => full.sendSync(1, options),
    sendManySync: () => full.sendManySync([1], options),
  }
}

/** An empty channel and a full one. */
export function pair({ make }: Subject): [Channel<number>, Channel<number>] {
  const [empty, full] = [make(f64, 1), make(f64, 1)]
  full.trySend(0)
  return [empty, full]
}

export const WAITING = Object.keys(waitingCalls(null as never, null as never, undefined))
export const BLOCKING = Object.keys(blockingCalls(null as never, null as never, undefined))
