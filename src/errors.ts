// One class per failure, each with a stable `code`. Expected outcomes (closed, empty, full) are return values where a method says so.

/** Base of all errors that are particular to millrace. Compare `code`, never messages. */
export class MillraceError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.name = new.target.name
  }
}

/** A send on, or a second close of, a closed channel or pipe. `transferred` tells how many values of a batch went through before. */
export class ClosedError extends MillraceError {
  transferred = 0

  constructor(
    message:
      | 'send on closed channel'
      | 'close of closed channel'
      | 'close of nil channel'
      | 'write on closed pipe'
      | 'close of closed pipe',
  ) {
    super('ERR_CLOSED', message)
  }
}

/** A wait that took longer than its `timeout`. The operation has not happened; `transferred` tells how much of a batch has. */
export class TimeoutError extends MillraceError {
  transferred = 0

  constructor(what: string, ms: number) {
    super('ERR_TIMEOUT', `${what} timed out after ${ms} ms`)
  }
}

/** A view of a message was used after its end. */
export class ReleasedError extends MillraceError {
  constructor(what: string, how: string) {
    super('ERR_RELEASED', `${what} has been ${how}: its memory belongs to others now`)
  }
}

/** The arena has no room. Nothing half-made remains. */
export class ArenaFullError extends MillraceError {
  readonly requested: number
  readonly available: number

  constructor(what: string, requested: number, available: number, size: number) {
    super(
      'ERR_ARENA_FULL',
      `no room for ${what}: it needs ${requested} bytes, the arena of ${size} bytes has ${available} bytes of untouched memory left ` +
        '(freed blocks of other sizes not counted); dispose of what is not needed, or pass a larger `new Arena({ size })`',
    )
    this.requested = requested
    this.available = available
  }
}

/** The thread table of the arena is full. */
export class TooManyThreadsError extends MillraceError {
  constructor(limit: number) {
    super('ERR_TOO_MANY_THREADS', `the arena serves ${limit} threads at a time, and all places are taken`)
  }
}

/** The object was disposed of, here or in another thread, or its handle comes from elsewhere. */
export class StaleHandleError extends MillraceError {
  constructor(what: string) {
    super(
      'ERR_STALE_HANDLE',
      `${what} was disposed of (or its handle is not of this arena): nothing was read or written`,
    )
  }
}

/** The platform lacks what the library stands on. */
export class UnsupportedError extends MillraceError {
  constructor(message: string) {
    super('ERR_UNSUPPORTED', message)
  }
}

/** A blocking call on a thread that must not block. */
export class BlockingNotAllowedError extends MillraceError {
  constructor(method: string, twin: string) {
    super(
      'ERR_BLOCKING_NOT_ALLOWED',
      `${method}() would block this thread, which the platform forbids: use \`await ${twin}()\` here`,
    )
  }
}

/** A misuse of an object of the sync package; its state is as it was. The messages are Go's. */
export class SyncError extends MillraceError {
  constructor(message: string) {
    super('ERR_SYNC', message)
  }
}

/** A thread has died holding a lock, or running what was to be run once: what that guards may be half done. */
export class PoisonedError extends MillraceError {
  constructor(message: string) {
    super('ERR_POISONED', message)
  }
}

/** The worker that ran a task has ended: by itself, by `process.exit` in a task, or for want of memory. How far the task came is not known. */
export class WorkerDiedError extends MillraceError {
  /** The worker's number in its runtime, where that is known. */
  readonly worker: number | undefined

  constructor(task: string, worker: number | undefined, cause: unknown) {
    const which = worker === undefined ? 'the worker' : `worker ${worker}`
    const why = cause instanceof Error ? ` (${cause.message})` : cause === undefined ? '' : ` (${show(cause)})`
    super('ERR_WORKER_DIED', `${which} ended${why} while it ran task ${show(task)}`, { cause })
    this.worker = worker
  }
}

/** The runtime is closed: its tasks are not run to their end, and it takes no more. */
export class RuntimeClosedError extends MillraceError {
  constructor(cause: unknown) {
    const why = cause instanceof Error ? `: ${cause.message}` : ''
    super('ERR_RUNTIME_CLOSED', `the runtime is closed${why}`, cause instanceof Error ? { cause } : {})
  }
}

/** A context was cancelled: `ctx.err`. Why it was, if anybody has said so, is `ctx.cause`. The message is Go's. */
export class CanceledError extends MillraceError {
  constructor() {
    super('ERR_CANCELED', 'context canceled')
  }
}

/** The deadline of a context has passed: `ctx.err`. The message is Go's. */
export class DeadlineExceededError extends MillraceError {
  constructor() {
    super('ERR_DEADLINE_EXCEEDED', 'context deadline exceeded')
  }

  /** Always true: tells it from other errors without its class, as Go's `Timeout()`. */
  timeout(): boolean {
    return true
  }
}

/** How a value is named in messages. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
  if (typeof value === 'bigint') return `${value}n`
  if (Object.is(value, -0)) return '-0'
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value)
      ? 'an array'
      : `a ${value.constructor?.name || ((value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? 'plain')} object`
  return String(value)
}

/** A TypeError with a code: the argument is of the wrong kind. */
export function typeError(message: string): TypeError {
  return Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_TYPE' })
}

/** A RangeError with a code: the argument is of the right kind and out of bounds. */
export function rangeError(message: string): RangeError {
  return Object.assign(new RangeError(message), { code: 'ERR_OUT_OF_RANGE' })
}
