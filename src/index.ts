export { Arena, type ArenaOptions, type ArenaStats, defaultArena } from './arena.js'
export { AtomicValue, type AtomicValueOptions } from './atomic-value.js'
export { AtomicBool, AtomicI32, AtomicI64, AtomicU32, AtomicU64 } from './atomics.js'
export { Barrier } from './barrier.js'
export type { BatchSource } from './batch.js'
export type { BatchOptions } from './batches.js'
export { BytesChannel, type BytesReceiveEnd, type BytesSendEnd } from './bytes-channel.js'
export { Channel, type Next } from './channel.js'
export { type ChannelOptions, channel } from './channel-codecs.js'
export { any } from './codec/any.js'
export { array } from './codec/array.js'
export { bytes } from './codec/bytes.js'
export {
  type BoundedDefinition,
  defineCodec,
  type FixedDefinition,
  type MeasuredDefinition,
} from './codec/define-codec.js'
export { enumOf } from './codec/enum-of.js'
export { fixedBytes } from './codec/fixed-bytes.js'
export { fixedString } from './codec/fixed-string.js'
export { handle } from './codec/handle.js'
export { type Batch, bool, type Codec, f32, f64, i32, i64, type Shape, u32, u64, unit } from './codec/index.js'
export type { AnyCodec, AnyFixed, FixedCodec, Memory, MessageCodec, Schema, ValueOf } from './codec/message.js'
export { optional } from './codec/optional.js'
export { i8, i16, type SmallCodec, u8, u16 } from './codec/scalars.js'
export { codecFromSchema } from './codec/schema.js'
export { string } from './codec/string.js'
export { type StructFields, type StructValue, struct } from './codec/struct.js'
export { type Tuple, tuple } from './codec/tuple.js'
export { Cond, type Locker } from './cond.js'
export {
  background,
  type CancelCause,
  Cancellable,
  type Context,
  cause,
  type DeadlineOptions,
  fromSignal,
  todo,
  withCancel,
  withCancelCause,
  withDeadline,
  withoutCancel,
  withTimeout,
  withValue,
} from './context.js'
export type { DoneChannel } from './context-done.js'
export { Counter, type SharedOptions } from './counter.js'
export { Deque, type DequeOptions, type DequeOrder, type Stealer } from './deque.js'
export type { ReceiveChannel, SendChannel } from './ends.js'
export { ErrGroup, type ErrGroupOptions, type GroupTask } from './err-group.js'
export {
  ArenaFullError,
  BlockingNotAllowedError,
  CanceledError,
  ClosedError,
  DeadlineExceededError,
  MillraceError,
  PoisonedError,
  ReleasedError,
  RuntimeClosedError,
  StaleHandleError,
  SyncError,
  TimeoutError,
  TooManyThreadsError,
  UnsupportedError,
  WorkerDiedError,
} from './errors.js'
export { type Handle, type OpenOptions, open, type Shared, type View } from './handle.js'
export { Injector } from './injector.js'
export type { LocalChannel } from './local-channel.js'
export type { ShardedMapOptions } from './map-options.js'
export { type Merged, merge } from './merge.js'
export { MessageChannel } from './message-channel.js'
export { MessageView, Reservation } from './message-views.js'
export { Guard, Mutex, type MutexOptions } from './mutex.js'
export { type Never, never } from './never.js'
export { Once } from './once.js'
export { onceFunc, onceValue, onceValues } from './once-func.js'
export { OnceValue } from './once-value.js'
export { type BatchingOptions, batch } from './patterns/batch.js'
export { type FanOptions, fanIn } from './patterns/fan-in.js'
export { fanOut } from './patterns/fan-out.js'
export { type MapOptions, mapConcurrent } from './patterns/map.js'
export type { Handler } from './patterns/options.js'
export type { Outlet } from './patterns/outlet.js'
export { type ParallelForOptions, parallelFor, type RangeHandler } from './patterns/parallel-for.js'
export {
  type PipelineOptions,
  pipeline,
  type Stage,
  type StageGenerator,
  type StageOptions,
} from './patterns/pipeline.js'
export { PubSub, type Topics } from './patterns/pub-sub.js'
export { RateLimiter, type RateLimitOptions, type RateReservation, rateLimit } from './patterns/rate-limit.js'
export type { Results } from './patterns/results.js'
export type { Source } from './patterns/source-of.js'
export type { SubscribeOptions, Subscription } from './patterns/subscription.js'
export { type OverflowPolicy, type TeeOptions, tee } from './patterns/tee.js'
export { Topic, type TopicOptions } from './patterns/topic.js'
export { WorkerPool } from './patterns/worker-pool.js'
export type { JobSender, WorkerPoolOptions } from './patterns/worker-pool-options.js'
export {
  Pipe,
  type PipeOptions,
  type PipeReader,
  type PipeReservation,
  type PipeView,
  type PipeWriter,
  pipe,
} from './pipe.js'
export { type CreatingPool, Pool, type PoolConstructor, type PoolOptions } from './pool.js'
export type { RLocker } from './rlocker.js'
export { CurrentTask } from './runtime/current.js'
export { currentTask, go, goexit, gosched, numCPU, numGoroutine } from './runtime/go.js'
export { currentRuntime, type Pinned, Runtime } from './runtime/runtime.js'
/** @internal */
export { serveRuntime } from './runtime/serve.js'
export { type RuntimeOptions, runtime } from './runtime/start.js'
export { Task, type TaskState } from './runtime/task.js'
export type { AnyModule, RestArguments, TaskArguments, TaskName, TaskResult } from './runtime/types.js'
export { RWMutex } from './rwmutex.js'
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
export { Permit, Semaphore } from './semaphore.js'
export { ShardedMap } from './sharded-map.js'
export { type ElementCodec, type NumericArray, SharedArray } from './shared-array.js'
export { type FlightResult, type FlightValue, SingleFlight } from './single-flight.js'
export { Stack, type StackOptions } from './stack.js'
export type { InjectorOptions, Steal, StealOptions } from './steal.js'
export { type FromReadableOptions, fromReadable, type Readable } from './streams.js'
export { after, afterFunc, sleep, sleepSync, Ticker, Timer, tick } from './time.js'
export type { WaitOptions } from './wait.js'
export { WaitGroup, WaitGroupTask } from './wait-group.js'
