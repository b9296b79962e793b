// Runs the functions of a codec that a program has made, on private buffers.

import { rangeError, show, typeError } from '../errors.js'
import { copyOut } from './copy.js'
import { corrupt, refusal } from './failure.js'
import { MAX_BYTES } from './message.js'

/** What the program has given. */
export interface Functions {
  readonly name: string
  readonly encode: (value: never, bytes: Uint8Array, view: DataView) => unknown
  readonly decode: (bytes: Uint8Array, view: DataView) => unknown
  readonly measure: ((value: never) => unknown) | undefined
}

/** Buffers up to this size are kept for the next message. */
const KEPT = 65536

interface Stage {
  readonly whole: Uint8Array
  bytes: Uint8Array
  view: DataView
}

/** A buffer of the wanted size, the same one if it will do. */
function stageFor(spare: Stage | undefined, room: number): Stage {
  let stage = spare
  // A program can transfer the buffer away: then it has no length any more.
  if (stage === undefined || stage.whole.length < room || stage.whole.length === 0) {
    const whole = new Uint8Array(Math.max(room, 1))
    stage = { whole, bytes: whole, view: new DataView(whole.buffer) }
  }
  if (stage.bytes.length !== room) {
    stage.bytes = new Uint8Array(stage.whole.buffer, 0, room)
    stage.view = new DataView(stage.whole.buffer, 0, room)
  }
  return stage
}

const kept = (stage: Stage): Stage | undefined => (stage.whole.length <= KEPT ? stage : undefined)

/** Runs the functions of one definition. While one of its buffers is in use it is not here: functions that send or receive get another one. */
export class Coder<T> {
  readonly #functions: Functions
  /** Whether all values have as many bytes as there is room. */
  readonly #fixed: boolean
  readonly #wantsView: boolean
  #outbox: Stage | undefined
  #inbox: Stage | undefined
  /** The value that was encoded last, and its bytes: who measures a value sends it next. */
  #value: T | undefined
  #result: Uint8Array | undefined

  constructor(functions: Functions, fixed: boolean) {
    this.#functions = functions
    this.#fixed = fixed
    this.#wantsView = functions.decode.length !== 1
  }

  /** How much room the program's `measure` asks for. */
  measure(value: T): number {
    const { name, measure } = this.#functions
    let room: unknown
    try {
      room = measure?.(value as never)
    } catch (cause) {
      throw this.#threw('measure', cause)
    }
    if (typeof room !== 'number' || !Number.isInteger(room) || room < 0 || room > MAX_BYTES) {
      const make = typeof room === 'number' ? rangeError : typeError
      throw refusal(make, `measure of codec ${name} returned ${show(room)}, not an integer from 0 to ${MAX_BYTES}`)
    }
    return room
  }

  /** The bytes of a value, in private memory; good until the next call. */
  run(value: T, room: number): Uint8Array {
    const { name, encode } = this.#functions
    const stage = stageFor(this.#outbox, room)
    this.#outbox = this.#result = undefined
    if (this.#fixed) stage.bytes.fill(0)
    let length: unknown
    try {
      length = encode(value as never, stage.bytes, stage.view)
    } catch (cause) {
      throw this.#threw('encode', cause)
    } finally {
      this.#outbox = kept(stage)
    }
    if (stage.bytes.length !== room || stage.whole.length === 0) {
      throw refusal(typeError, `encode of codec ${name} has transferred its bytes away`)
    }
    if (this.#fixed && length === undefined) length = room
    this.#checkLength(length, room)
    this.#value = value
    this.#result = length === room ? stage.bytes : stage.bytes.subarray(0, length as number)
    return this.#result
  }

  /** The bytes of this value, if `run` had it last. */
  last(value: T): Uint8Array | undefined {
    return Object.is(this.#value, value) ? this.#result : undefined
  }

  forget(): void {
    this.#value = this.#result = undefined
  }

  /** The value between two addresses. */
  decode(u8: Uint8Array, at: number, end: number): T {
    const { name, decode } = this.#functions
    const bytes = copyOut(u8, at, end)
    // A view over the copy itself would cost more than all the rest.
    const stage = this.#wantsView ? stageFor(this.#inbox, bytes.length) : undefined
    this.#inbox = undefined
    stage?.bytes.set(bytes)
    try {
      return decode(bytes, stage?.view as DataView) as T
    } catch (cause) {
      throw refusal(typeError, corruptText(name, cause), '', cause)
    } finally {
      if (stage !== undefined) this.#inbox = kept(stage)
    }
  }

  #checkLength(length: unknown, room: number): void {
    const { name } = this.#functions
    if (typeof length === 'number' && Number.isInteger(length) && length >= 0) {
      if (length <= room && (!this.#fixed || length === room)) return
      const what = this.#fixed ? `a value has ${room} bytes` : `it was given ${room}`
      throw refusal(rangeError, `encode of codec ${name} returned ${length} bytes, but ${what}`)
    }
    throw refusal(typeError, `encode of codec ${name} returned ${show(length)}, not the number of bytes that it wrote`)
  }

  #threw(what: string, cause: unknown): Error {
    return refusal(typeError, `${what} of codec ${this.#functions.name} threw ${thrownText(cause)}`, '', cause)
  }
}

function corruptText(name: string, cause: unknown): string {
  return corrupt(name, `its decode threw ${thrownText(cause)}`).message
}

function thrownText(cause: unknown): string {
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : show(cause)
}
