// pipeline: stages one behind the other, each at work on its own.

import { show, typeError } from '../errors.js'
import { mapConcurrent } from './map.js'
import {
  type Abortable,
  abandoned,
  checkCount,
  checkFunction,
  checkOptions,
  checkSignal,
  type Handler,
  newController,
  whenAborted,
} from './options.js'
import { Results } from './results.js'
import { checkSource, readerOf, type Source } from './source-of.js'

/** A stage with more to say than a function. */
export interface StageOptions<T, R> {
  /** What is done with each value. */
  run: Handler<T, R>
  /** How many values are worked on at a time. Default 1. */
  workers?: number | undefined
  /** With several workers: whether results keep the order of the values. Default false: they come as they are ready. */
  ordered?: boolean | undefined
  /** How many results may wait for the next stage. Default 0. */
  buffer?: number | undefined
}

/** What a generator stage loops over, and may be told by that nobody wants more. */
export type StageInput<T> = AsyncIterable<T>

/** A stage that makes any number of values of its input: filters, batches, splits. */
export type StageGenerator<T, R> = (input: StageInput<T>, signal: AbortSignal) => AsyncGenerator<R, unknown, undefined>

/** A stage that loops over its input. */
export interface StageThrough<T, R> {
  through: StageGenerator<T, R>
}

/**
 * A stage: a function of each value; the same with options; or `{ through }` with an async generator function of the whole input. (Such a function by
 * itself will do too, where no type checker has to tell it from a function of a value.)
 */
export type Stage<T, R> = Handler<T, R> | StageOptions<T, R> | StageThrough<T, R>

export interface PipelineOptions extends Abortable {}

/** What is at the end of a pipeline. */
class Pipeline<R> extends Results<R> {
  readonly #controller = newController()
  readonly #source: Source<unknown>
  readonly #build: (signal: AbortSignal) => AsyncIterable<R>
  readonly #outer: AbortSignal | undefined
  #stopListening = (): void => {}
  #end: AsyncIterator<R> | undefined
  #over = false

  constructor(
    source: Source<unknown>,
    build: (signal: AbortSignal) => AsyncIterable<R>,
    outer: AbortSignal | undefined,
  ) {
    super()
    this.#source = source
    this.#build = build
    this.#outer = outer
  }

  async next(): Promise<IteratorResult<R, undefined>> {
    if (this.#over) return { value: undefined, done: true }
    try {
      if (this.#end === undefined) {
        this.#stopListening = whenAborted(this.#outer, (reason) => this.#controller.abort(reason))
        this.#end = this.#build(this.#controller.signal)[Symbol.asyncIterator]()
      }
      const { value, done } = await this.#end.next()
      if (!done) return { value, done: false }
      this.#finish(abandoned())
      return { value: undefined, done: true }
    } catch (error) {
      // All stages hear of it, also those that wait and cannot be told otherwise.
      this.#finish(error)
      throw error
    }
  }

  async return(): Promise<IteratorResult<R, undefined>> {
    if (!this.#over) {
      this.#finish(abandoned())
      try {
        // Stages that have not begun cannot pass it on.
        if (this.#end === undefined) await readerOf(this.#source, undefined).end()
        else await this.#end.return?.()
      } catch {
        // Nobody wants to know.
      }
    }
    return { value: undefined, done: true }
  }

  #finish(reason: unknown): void {
    this.#over = true
    this.#stopListening()
    this.#controller.abort(reason)
  }
}

type AnyStage = Stage<never, unknown>

const AsyncGeneratorFunction = async function* () {}.constructor
const GeneratorFunction = function* () {}.constructor

function checkStage(stage: unknown): asserts stage is AnyStage {
  if (typeof stage === 'function') {
    if (stage instanceof GeneratorFunction)
      throw typeError(
        'a stage of a pipeline that is a generator is an async one: { through: async function* (input) { … } }',
      )
    return
  }
  if (typeof stage !== 'object' || stage === null)
    throw typeError(
      `a stage of a pipeline is a function, or an object { run, workers, ordered, buffer } or { through }, not ${show(stage)}`,
    )
  if ('through' in stage) {
    checkFunction('through of a stage', stage.through)
    return
  }
  const { run, workers = 1, buffer = 0 } = stage as StageOptions<never, unknown>
  checkFunction('run of a stage', run)
  checkCount('workers of a stage', workers, 1)
  checkCount('buffer of a stage', buffer, 0)
}

/** `own`: the input comes from a stage of this pipeline. */
function join(input: Source<unknown>, stage: AnyStage, signal: AbortSignal, own: boolean): AsyncIterable<unknown> {
  const through =
    typeof stage === 'object' && 'through' in stage
      ? stage.through
      : stage instanceof AsyncGeneratorFunction
        ? (stage as unknown)
        : undefined
  // Whatever it reads ends with the pipeline.
  if (through !== undefined) return (through as StageGenerator<unknown, unknown>)(readable(input, signal, own), signal)
  const {
    run,
    workers = 1,
    ordered = false,
    buffer = 0,
  } = typeof stage === 'function' ? { run: stage } : (stage as StageOptions<never, unknown>)
  return mapConcurrent(input, run as Handler<unknown, unknown>, { concurrency: workers, ordered, buffer, signal })
}

/** What a generator stage reads: ended by the signal, whatever it waits for. */
function readable(input: Source<unknown>, signal: AbortSignal, own: boolean): AsyncIterable<unknown> {
  return own && input instanceof Results
    ? input
    : mapConcurrent(input, (value) => value, { concurrency: 1, ordered: false, buffer: 0, signal })
}

/**
 * Stages one behind the other, each at work while the others are: `pipeline(source, stage, …)`, then loop over it. A stage is a function of each value
 * (which may hand it to a thread: what counts is its promise); `{ run, workers, ordered, buffer }` for several values at a time; or `{ through }` with
 * an async generator function that loops over its input and yields what it likes. Options `{ signal }` may come last.
 *
 * Values are handed from stage to stage, so a slow one holds up those before it: the source is never ahead of who loops by more values than there are
 * workers, plus the buffers. Order is kept, except by a stage with several workers that is not `ordered`.
 *
 * Nothing begins before the first result is asked for. The end of the source goes through all stages. The first error of any stage, or of the source,
 * comes out at the end at once, what was on its way is dropped, and everything before ends: stages have their signal aborted, generators (the source
 * among them) run their `finally`. An abort of `signal` does the same, and so does leaving the loop.
 *
 * @throws TypeError (ERR_INVALID_ARG_TYPE), RangeError (ERR_OUT_OF_RANGE) for arguments that make no sense, at once; all else as the results are asked for.
 * @example
 * const sizes = pipeline(
 *   paths,
 *   { run: (path) => readFile(path), workers: 8, ordered: true },
 *   {
 *     async *through(files) {
 *       for await (const file of files) if (file.length > 0) yield file
 *     },
 *   },
 *   (file) => file.length,
 * )
 * for await (const size of sizes) console.log(size)
 */
export function pipeline<A, B, C, D, E, F, G, H, I>(
  source: Source<A>,
  a: Stage<A, B>,
  b: Stage<B, C>,
  c: Stage<C, D>,
  d: Stage<D, E>,
  e: Stage<E, F>,
  f: Stage<F, G>,
  g: Stage<G, H>,
  h: Stage<H, I>,
  options?: PipelineOptions,
): Results<I>
export function pipeline<A, B, C, D, E, F, G, H>(
  source: Source<A>,
  a: Stage<A, B>,
  b: Stage<B, C>,
  c: Stage<C, D>,
  d: Stage<D, E>,
  e: Stage<E, F>,
  f: Stage<F, G>,
  g: Stage<G, H>,
  options?: PipelineOptions,
): Results<H>
export function pipeline<A, B, C, D, E, F, G>(
  source: Source<A>,
  a: Stage<A, B>,
  b: Stage<B, C>,
  c: Stage<C, D>,
  d: Stage<D, E>,
  e: Stage<E, F>,
  f: Stage<F, G>,
  options?: PipelineOptions,
): Results<G>
export function pipeline<A, B, C, D, E, F>(
  source: Source<A>,
  a: Stage<A, B>,
  b: Stage<B, C>,
  c: Stage<C, D>,
  d: Stage<D, E>,
  e: Stage<E, F>,
  options?: PipelineOptions,
): Results<F>
export function pipeline<A, B, C, D, E>(
  source: Source<A>,
  a: Stage<A, B>,
  b: Stage<B, C>,
  c: Stage<C, D>,
  d: Stage<D, E>,
  options?: PipelineOptions,
): Results<E>
export function pipeline<A, B, C, D>(
  source: Source<A>,
  a: Stage<A, B>,
  b: Stage<B, C>,
  c: Stage<C, D>,
  options?: PipelineOptions,
): Results<D>
export function pipeline<A, B, C>(
  source: Source<A>,
  a: Stage<A, B>,
  b: Stage<B, C>,
  options?: PipelineOptions,
): Results<C>
export function pipeline<A, B>(source: Source<A>, a: Stage<A, B>, options?: PipelineOptions): Results<B>
export function pipeline<A>(source: Source<A>, options?: PipelineOptions): Results<A>
export function pipeline(source: Source<unknown>, ...rest: readonly unknown[]): Results<unknown> {
  checkSource('pipeline', source)
  const last = rest.at(-1)
  const hasOptions =
    rest.length > 0 &&
    (last === undefined || (typeof last === 'object' && last !== null && !('run' in last) && !('through' in last)))
  const options = (hasOptions ? (last ?? {}) : {}) as PipelineOptions
  const stages = (hasOptions ? rest.slice(0, -1) : rest) as readonly AnyStage[]
  for (const stage of stages) checkStage(stage)
  checkOptions('pipeline', 'signal', options)
  checkSignal(options.signal)
  const build = (signal: AbortSignal): AsyncIterable<unknown> => {
    let values: Source<unknown> = source
    for (const stage of stages) values = join(values, stage, signal, values !== source)
    return stages.length === 0 ? readable(values, signal, false) : (values as AsyncIterable<unknown>)
  }
  return new Pipeline(source, build, options.signal)
}
