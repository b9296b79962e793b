import { type AtomicHandle, AtomicI32 } from './atomics.js'
import { Channel, type ChannelHandle } from './channel.js'
import { Counter, type CounterHandle } from './counter.js'
import { Records, type RecordsHandle } from './records.js'
import { Stack, type StackHandle } from './stack.js'

export { AtomicI32 } from './atomics.js'
export { Channel, ClosedError, channel } from './channel.js'
export { type Codec, f64, i32 } from './codec.js'
export { Counter } from './counter.js'
export { Records, type RecordsHandle, records } from './records.js'
export { Stack } from './stack.js'

/** The object behind a handle that came from another thread. */
export function open(handle: ChannelHandle): Channel
export function open(handle: StackHandle): Stack
export function open(handle: CounterHandle): Counter
export function open(handle: AtomicHandle): AtomicI32
export function open(handle: RecordsHandle): Records<unknown>
export function open(handle: ChannelHandle | StackHandle | CounterHandle | AtomicHandle | RecordsHandle) {
  switch (handle.kind) {
    case 'channel':
      return new Channel(handle)
    case 'stack':
      return new Stack(handle)
    case 'counter':
      return new Counter(handle)
    case 'atomic-i32':
      return new AtomicI32(handle)
    case 'records':
      return new Records(handle)
  }
}
