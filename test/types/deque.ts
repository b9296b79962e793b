// Deques, stealers and injectors: what each call takes and gives. Compiled, never run.

import {
  type Channel,
  Deque,
  f64,
  type Handle,
  handle,
  Injector,
  i64,
  open,
  type Steal,
  type Stealer,
  string,
  u32,
} from 'millrace'
import { check, type Same } from './support.js'

// The value type follows the codec.
const deque = new Deque(u32, { order: 'fifo', name: 'runs' })
check<Same<typeof deque, Deque<number>>>()
deque.push(1)
const popped = deque.pop()
check<Same<typeof popped, number | undefined>>()
check<Same<ReturnType<typeof deque.push>, void>>()
const big = new Deque(i64)
big.push(1n)
// @ts-expect-error
big.push(1)
// @ts-expect-error
deque.push('1')
// @ts-expect-error
new Deque(u32, { order: 'random' })
// Values of a fixed size only.
// @ts-expect-error
new Deque(string)
// @ts-expect-error
new Injector(string)

// Who opens it is a thief.
check<Same<typeof deque.handle, Handle<Stealer<number>>>>()
const thief = open(deque.handle)
check<Same<typeof thief, Stealer<number>>>()
// @ts-expect-error
thief.push(1)
// @ts-expect-error
thief.pop()
check<Same<ReturnType<typeof deque.drain>, Generator<number, void, undefined>>>()

// Three ways to end.
const got = thief.steal()
check<Same<typeof got, Steal<number>>>()
if (got.status === 'success') {
  const value: number = got.value
  deque.push(value)
} else {
  check<Same<typeof got.status, 'empty' | 'retry'>>()
  check<Same<typeof got.value, undefined>>()
}
const moved = thief.stealBatch(deque, { limit: 5 })
check<Same<typeof moved, Steal<number>>>()
const first = open(big.handle).stealBatchAndPop(big)
check<Same<typeof first, Steal<bigint>>>()
// @ts-expect-error
thief.stealBatch(big)
// @ts-expect-error
thief.stealBatch(thief)
// @ts-expect-error
thief.stealBatch(deque, 5)

// Everybody has all of an injector.
const injector = new Injector(f64, { name: 'inbox' })
const same = open(injector.handle)
check<Same<typeof same, Injector<number>>>()
same.push(1)
check<Same<ReturnType<typeof same.steal>, Steal<number>>>()
// @ts-expect-error
injector.pop()
// @ts-expect-error
injector.length = 3

// They travel through channels.
declare const ch: Channel<Stealer<number>>
void ch.send(thief)
handle<Injector<number>>()
