export { Arena, type ArenaOptions, type ArenaStats, defaultArena } from './arena.js'
export { AtomicBool, AtomicI32, AtomicI64, AtomicU32, AtomicU64 } from './atomics.js'
export type { BatchSource } from './batch.js'
export { Channel, type Next } from './channel.js'
export { type ChannelOptions, channel } from './channel-codecs.js'
export { type Batch, bool, type Codec, f32, f64, i32, i64, type Shape, u32, u64, unit } from './codec/index.js'
export { Counter, type SharedOptions } from './counter.js'
export type { ReceiveChannel, SendChannel } from './ends.js'
export {
  ArenaFullError,
  BlockingNotAllowedError,
  ClosedError,
  MillraceError,
  StaleHandleError,
  TimeoutError,
  TooManyThreadsError,
  UnsupportedError,
} from './errors.js'
export { type Handle, open, type Shared, type View } from './handle.js'
export type { LocalChannel } from './local-channel.js'
export { type Merged, merge } from './merge.js'
export { type Never, never } from './never.js'
export {
  Pipe,
  type PipeOptions,
  type PipeReader,
  type PipeReservation,
  type PipeView,
  type PipeWriter,
  pipe,
} from './pipe.js'
export { type SelectOptions, Selector, select, selectSync, trySelect } from './select.js'
export {
  type Cases,
  type Receivable,
  RecvCase,
  recv,
  type Selected,
  type Sendable,
  SendCase,
  send,
} from './select-cases.js'
export { Stack, type StackOptions } from './stack.js'
export { type FromReadableOptions, fromReadable, type Readable } from './streams.js'
export { after, afterFunc, sleep, sleepSync, Ticker, Timer, tick } from './time.js'
export type { WaitOptions } from './wait.js'
