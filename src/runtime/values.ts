// How arguments and results travel: up to three numbers, booleans, null and undefined in the task's record itself, everything else as one message.

import type { Arena } from '../arena.js'
import { any } from '../codec/any.js'
import { show } from '../errors.js'
import {
  DATUM_FALSE,
  DATUM_MESSAGE,
  DATUM_NULL,
  DATUM_NUMBER,
  DATUM_TRUE,
  DATUM_UNDEFINED,
  TASK_INLINE,
  TASK_KINDS,
  TASK_LENGTH,
  TASK_PAYLOAD,
  TASK_VALUES,
} from '../generated/layout.js'
import { type MessageMemory, messagesOf } from '../message-memory.js'
import { type RuntimeCore, runtimeCore } from '../runtime-core.js'

const codec = any()

/** How a value is told in four bits; 0 if it needs a message. */
export function datum(value: unknown): number {
  if (typeof value === 'number') return DATUM_NUMBER
  if (value === undefined) return DATUM_UNDEFINED
  if (value === true) return DATUM_TRUE
  if (value === false) return DATUM_FALSE
  return value === null ? DATUM_NULL : 0
}

/** The value of four bits and a number. */
export function valueIn(kind: number, number: number): unknown {
  switch (kind) {
    case DATUM_NUMBER:
      return number
    case DATUM_TRUE:
      return true
    case DATUM_FALSE:
      return false
    case DATUM_NULL:
      return null
    default:
      return undefined
  }
}

/** Reads and writes the values of tasks in an arena. */
export class Values {
  /** Of the message that `encode` has made. */
  length = 0
  readonly #core: RuntimeCore
  readonly #messages: MessageMemory
  readonly #u32: Uint32Array
  readonly #f64: Float64Array

  constructor(arena: Arena) {
    this.#core = runtimeCore(arena)
    this.#messages = messagesOf(arena)
    this.#u32 = arena.u32
    this.#f64 = new Float64Array(arena.memory.buffer)
  }

  /** A value as a message in our hands: its payload; 0 if there is no memory now. @throws TypeError with the path to what cannot be carried. */
  encode(value: unknown): number {
    const payload = this.#messages.encode(codec, value)
    if (payload !== 0) {
      this.length = this.#messages.length
      return payload
    }
    return this.place(this.pack(value))
  }

  /** The bytes of a value, outside the arena. @throws RangeError if there is no arena's room for so many. */
  pack(value: unknown): Uint8Array {
    const bytes = this.#messages.pack(codec, value)
    this.#messages.checkLength(bytes.length, codec.name)
    return bytes
  }

  /** Leaves bytes in a message: its payload; 0 if there is no memory now. */
  place(bytes: Uint8Array): number {
    const payload = this.#messages.place(bytes)
    this.length = this.#messages.length
    return payload
  }

  free(payload: number): void {
    this.#messages.free(payload)
  }

  /** Of what has just been placed, and there is no task for it. */
  takeBack(payload: number): void {
    this.#messages.takeBack(payload)
  }

  /** The arguments of a task that we run. */
  arguments(task: number): unknown[] {
    const kinds = this.#u32[(task + TASK_KINDS) >>> 2] as number
    if (kinds === DATUM_MESSAGE) return this.#read(this.#core.task_accept(task), task) as unknown[]
    const values: unknown[] = []
    for (let i = 0, rest = kinds; i < TASK_INLINE && rest !== 0; i++, rest >>>= 4) {
      values.push(valueIn(rest & 15, this.#f64[((task + TASK_VALUES) >>> 3) + i] as number))
    }
    return values
  }

  /** The result of a task that we have collected: its message is in our hands. */
  result(task: number): unknown {
    const kind = (this.#u32[(task + TASK_KINDS) >>> 2] as number) & 15
    if (kind !== DATUM_MESSAGE) return valueIn(kind, this.#f64[(task + TASK_VALUES) >>> 3] as number)
    return this.#read(this.#u32[(task + TASK_PAYLOAD) >>> 2] as number, task)
  }

  #read(payload: number, task: number): unknown {
    return this.#messages.decode(codec, payload, this.#u32[(task + TASK_LENGTH) >>> 2] as number)
  }
}

/** What was thrown, as it travels: errors with the properties that are their own. */
export function describe(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return [thrown]
  const own: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(thrown)) own[key] = value
  return [thrown, own]
}

const NATIVE = [TypeError, RangeError, SyntaxError, ReferenceError, URIError, EvalError]

/** What was thrown, as far as anything can be said about it that travels: of an error its class, message, stack and plain properties. */
export function describeRoughly(thrown: unknown): unknown {
  try {
    if (!(thrown instanceof Error)) return [new Error(`a task threw ${show(thrown)}, which cannot be carried`)]
    const copy = new (NATIVE.find((each) => thrown instanceof each) ?? Error)(String(thrown.message))
    copy.name = String(thrown.name)
    copy.stack = String(thrown.stack)
    const own: Record<string, unknown> = {}
    for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(thrown))) {
      const { value } = property
      const plain = datum(value) !== 0 || typeof value === 'string' || typeof value === 'bigint'
      if (plain && 'value' in property) own[key] = value
    }
    return [copy, own]
  } catch {
    // Even its message throws.
    return [new Error('a task threw what cannot be described')]
  }
}

/** What was thrown, from what has travelled. The stack goes on where the task was spawned. */
export function restore(described: unknown, site: string): unknown {
  const [thrown, own] = described as [unknown, Record<string, unknown> | undefined]
  if (!(thrown instanceof Error)) return thrown
  for (const [key, value] of Object.entries(own ?? {})) {
    // The codec has restored these by itself.
    if (key === 'name' || key === 'message' || key === 'stack' || key === 'cause') continue
    Object.defineProperty(thrown, key, { value, writable: true, enumerable: true, configurable: true })
  }
  const stack = `${thrown.stack ?? thrown}\n${site}`
  Object.defineProperty(thrown, 'stack', { value: stack, writable: true, enumerable: false, configurable: true })
  return thrown
}
