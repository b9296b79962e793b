// Batches: values travel through the thread's scratch block, BATCH_MAX at a time, one call of the core each.

import type { Channel } from './channel.js'
import type { Batch, Codec } from './codec/index.js'
import { rangeError, show, TimeoutError, typeError } from './errors.js'
import { BATCH_MAX, BUSY, CLOSED, OK, SCRATCH_BYTES, SCRATCH_VALUES, WOULD_BLOCK } from './generated/layout.js'
import { overdueTurn } from './turn.js'
import { left, nap, outcomeOf, release, TIMED_OUT, timeoutOf, type WaitOptions, waitAsync, waitSync } from './wait.js'

/** What sendMany takes: the typed array of the codec, or whatever its values can be had from, such as an array or a generator. */
export type BatchSource<T> = Batch | Iterable<T>
/** What goes through the scratch block. */
type List<T> = Batch | readonly T[]

/** A view of the scratch block's values in the kind of a codec's batches. */
type Words = Float64Array | Float32Array | Int32Array | Uint32Array | BigInt64Array | BigUint64Array

/** @internal A channel's way into the scratch block of its thread. */
export interface Scratch {
  readonly words: Words
  /** Index of the first value. */
  readonly first: number
  /** Status of the last batch. */
  status: number
  /** See `part`. */
  part: Float64Array | undefined
}

function scratchOf<T>(ch: Channel<T>): Scratch {
  if (ch.scratch === undefined) {
    const block = ch.arena.made(ch.core.thread_scratch(), "a thread's batches", SCRATCH_BYTES)
    const Kind = wordsOf(ch.codec as Codec<never>)
    const words = new Kind(ch.arena.memory.buffer)
    ch.scratch = { words, first: (block + SCRATCH_VALUES) / words.BYTES_PER_ELEMENT, status: OK, part: undefined }
  }
  return ch.scratch
}

type WordsConstructor = new (buffer: ArrayBufferLike) => Words

function wordsOf(codec: Codec<never>): WordsConstructor {
  // bool and unit travel as 32-bit words; their batches are bytes.
  return (codec.batch === (Uint8Array as unknown) ? Int32Array : codec.batch) as unknown as WordsConstructor
}

function isBatch(codec: Codec<never>, values: unknown): values is Batch {
  return values instanceof codec.batch
}

/** The first values of the scratch block, for TypedArray.set. Most batches of a channel are of one size. */
function part(scratch: Scratch, n: number): Float64Array {
  if (scratch.part?.length !== n)
    scratch.part = (scratch.words as Float64Array).subarray(scratch.first, scratch.first + n)
  return scratch.part
}

/** From so many values on `TypedArray.set` beats a loop. */
const BULK = 24

/** Throws unless the argument is something to send. */
function checkSource<T>(ch: Channel<T>, values: List<T>): void {
  const codec = ch.codec as Codec<never>
  if (isBatch(codec, values)) {
    if (codec.name === 'bool' || codec.name === 'unit') {
      const most = codec.name === 'bool' ? 1 : 0
      const bad = (values as Uint8Array).find((byte) => byte > most)
      if (bad !== undefined) throw rangeError(`a batch of ${codec.name} holds bytes up to ${most}, not ${bad}`)
    }
    return
  }
  if (!Array.isArray(values)) {
    throw typeError(
      `a batch for ${codec.name} is a ${codec.batch.name}, or an array or another iterable of its values, not ${show(values)}`,
    )
  }
  for (const value of values) ch.check(value)
}

function checkTarget<T>(ch: Channel<T>, into: Batch): void {
  const codec = ch.codec as Codec<never>
  if (codec.batch === undefined)
    throw typeError(`receiveMany of ${codec.name} takes the most values that it may give, a number, not ${show(into)}`)
  if (!isBatch(codec, into))
    throw typeError(`a batch of ${codec.name} is received into a ${codec.batch.name}, not into ${show(into)}`)
}

/** Copies up to BATCH_MAX values into the scratch block. Returns how many. */
function fill<T>({ words, first }: Scratch, values: List<T>, from: number): number {
  const n = Math.min(BATCH_MAX, values.length - from)
  if (Array.isArray(values)) {
    for (let i = 0; i < n; i++) {
      const value = values[from + i]
      words[first + i] = (
        typeof value === 'number' || typeof value === 'bigint' ? value : value === true ? 1 : 0
      ) as never
    }
    return n
  }
  const source = values as Float64Array
  const target = words as Float64Array
  // A plain copy of memory, where both sides hold words of the same kind; for a few values a loop is faster.
  if (n >= BULK && source.BYTES_PER_ELEMENT === target.BYTES_PER_ELEMENT) {
    target.set(n === source.length ? source : source.subarray(from, from + n), first)
  } else for (let i = 0; i < n; i++) target[first + i] = source[from + i] as number
  return n
}

/** Sends from `from` on as much as there is room for. Returns the index reached; the core's status says why not more. */
function push<T>(ch: Channel<T>, scratch: Scratch, values: List<T>, from: number): number {
  const { core } = ch
  let at = from
  while (at < values.length) {
    const n = fill(scratch, values, at)
    const sent = core.channel_trySendMany(ch.at, ch.open, n)
    at += sent
    if (sent < n) {
      scratch.status = ch.arena.status()
      if (scratch.status !== BUSY) break
      nap(ch.arena)
    }
  }
  if (ch.loop.pending !== 0) ch.loop.poll()
  return at
}

function pull<T>(ch: Channel<T>, scratch: Scratch, into: Batch, from: number): number {
  const { core } = ch
  const { words, first } = scratch
  const source = words as Float64Array
  const target = into as Float64Array
  let at = from
  while (at < into.length) {
    const n = Math.min(BATCH_MAX, into.length - at)
    const taken = core.channel_tryReceiveMany(ch.at, ch.open, n)
    if (taken >= BULK && source.BYTES_PER_ELEMENT === target.BYTES_PER_ELEMENT) {
      target.set(part(scratch, taken), at)
    } else for (let i = 0; i < taken; i++) target[at + i] = source[first + i] as number
    at += taken
    if (taken < n) {
      scratch.status = ch.arena.status()
      if (scratch.status !== BUSY) break
      nap(ch.arena)
    }
  }
  if (ch.loop.pending !== 0) ch.loop.poll()
  return at
}

/** The value at an index of a batch, as a single send takes it. */
function valueAt<T>(ch: Channel<T>, values: List<T>, index: number): T {
  const value = values[index]
  if (Array.isArray(values)) return value as T
  return (ch.codec.name === 'bool' ? value === 1 : ch.codec.name === 'unit' ? undefined : value) as T
}

/** @internal Adds to an error how many values of the batch went through before it. */
export function withProgress(error: unknown, transferred: number): unknown {
  if (typeof error === 'object' && error !== null) {
    try {
      ;(error as { transferred?: number }).transferred = transferred
    } catch {
      // A frozen abort reason stays as it is.
    }
  }
  return error
}

/** @internal */
export function trySendBatch<T>(ch: Channel<T>, values: List<T>): number {
  checkSource(ch, values)
  const scratch = scratchOf(ch)
  const sent = push(ch, scratch, values, 0)
  if (sent < values.length || values.length === 0) {
    const status = values.length === 0 ? statusOf(ch) : scratch.status
    if (status !== WOULD_BLOCK && status !== OK) throw withProgress(ch.sendError(status), sent)
  }
  return sent
}

/** An empty batch has no status of its own. */
function statusOf<T>(ch: Channel<T>): number {
  return ch.closed ? CLOSED : OK
}

/** Checks the batch and sends what there is room for. Returns how many. */
function start<T>(ch: Channel<T>, values: List<T>): number {
  checkSource(ch, values)
  if (values.length === 0 && ch.closed) throw ch.sendError(CLOSED)
  return push(ch, scratchOf(ch), values, 0)
}

/**
 * The rest of a batch as a series of steps, for both drivers: yields the index of a value that must wait, then sends what it can. Returns the number
 * of values sent; throws with the progress made.
 */
function* sending<T>(ch: Channel<T>, values: List<T>, from: number): Generator<number, number, number> {
  const scratch = scratchOf(ch)
  let at = from
  for (;;) {
    if (at === values.length) return at
    const { status } = scratch
    if (status !== WOULD_BLOCK) throw withProgress(ch.sendError(status), at)
    // The next value waits in the queue of senders by itself, so that batches and single sends are served in turn.
    const outcome = yield at
    if (outcome !== OK) throw withProgress(ch.sendError(outcome), at)
    at = push(ch, scratch, values, at + 1)
  }
}

/** @internal */
export function sendBatchSync<T>(ch: Channel<T>, values: List<T>, options: WaitOptions | undefined): number {
  const timeout = timeoutOf(options)
  const sent = start(ch, values)
  if (sent === values.length) return sent
  const since = performance.now()
  const steps = sending(ch, values, sent)
  let step = steps.next()
  while (!step.done) {
    const end = waitSync(ch.arena, ch.sending(valueAt(ch, values, step.value)), left(timeout, since))
    if (end === TIMED_OUT) throw withProgress(ch.error(TIMED_OUT, 'sendMany', timeout), step.value)
    const outcome = outcomeOf(ch.arena, end)
    release(ch.arena, end)
    step = steps.next(outcome)
  }
  return step.value
}

/** @internal */
export async function sendBatch<T>(ch: Channel<T>, values: List<T>, options: WaitOptions | undefined): Promise<number> {
  const timeout = timeoutOf(options)
  const sent = start(ch, values)
  if (sent === values.length) {
    const turn = overdueTurn()
    if (turn !== undefined) await turn
    return sent
  }
  const since = performance.now()
  const steps = sending(ch, values, sent)
  let step = steps.next()
  while (!step.done) {
    const operation = ch.sending(valueAt(ch, values, step.value))
    const outcome = waitAsync(ch.arena, operation, 'sendMany', left(timeout, since), options?.signal, (end) =>
      outcomeOf(ch.arena, end),
    )
    let end: number
    try {
      end = await outcome
    } catch (error) {
      // The wait knows only what was left of the time.
      const reason = error instanceof TimeoutError ? ch.error(TIMED_OUT, 'sendMany', timeout) : error
      throw withProgress(reason, step.value)
    }
    step = steps.next(end)
  }
  return step.value
}

/** @internal */
export function tryReceiveBatch<T>(ch: Channel<T>, into: Batch): number {
  checkTarget(ch, into)
  if (into.length === 0) return 0
  const taken = pull(ch, scratchOf(ch), into, 0)
  if (taken === 0) endOf(ch)
  return taken
}

/** After a batch that took nothing: whether the channel is closed and drained. */
function endOf<T>(ch: Channel<T>): boolean {
  const { status } = scratchOf(ch)
  if (status === CLOSED) return true
  if (status === WOULD_BLOCK) return false
  throw ch.error(status, 'receiveMany')
}

function put<T>(_ch: Channel<T>, into: Batch, value: T): void {
  ;(into as Float64Array)[0] = (
    typeof value === 'number' || typeof value === 'bigint' ? value : value === true ? 1 : 0
  ) as number
}

/** @internal */
export function receiveBatchSync<T>(ch: Channel<T>, into: Batch, options: WaitOptions | undefined): number {
  const timeout = timeoutOf(options)
  const taken = tryReceiveBatch(ch, into)
  if (taken > 0 || into.length === 0 || endOf(ch)) return taken
  const end = waitSync(ch.arena, ch.receiving, timeout)
  if (end === TIMED_OUT) throw ch.error(TIMED_OUT, 'receiveMany', timeout)
  try {
    if (!ch.got(end)) return 0
  } finally {
    release(ch.arena, end)
  }
  put(ch, into, ch.value)
  return pull(ch, scratchOf(ch), into, 1)
}

/** @internal */
export async function receiveBatch<T>(ch: Channel<T>, into: Batch, options: WaitOptions | undefined): Promise<number> {
  const timeout = timeoutOf(options)
  const taken = tryReceiveBatch(ch, into)
  if (taken > 0 || into.length === 0 || endOf(ch)) {
    const turn = overdueTurn()
    if (turn !== undefined) await turn
    return taken
  }
  return waitAsync(ch.arena, ch.receiving, 'receiveMany', timeout, options?.signal, (end) => {
    if (!ch.got(end)) return 0
    put(ch, into, ch.value)
    return pull(ch, scratchOf(ch), into, 1)
  })
}
