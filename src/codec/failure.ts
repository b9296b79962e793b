// The errors of codecs: what was wrong, and where in the value (`$.items[3].fn: …`). Paths are built on the way up, only after a failure.

import { rangeError, show, typeError } from '../errors.js'

type Make = typeof typeError | typeof rangeError

interface Failure {
  make: Make
  text: string
  path: string
}

const failures = new WeakMap<object, Failure>()

/** A TypeError or RangeError that composites extend by the path to the part. */
export function refusal(make: Make, text: string, path = '', cause?: unknown): Error {
  const error = make(path === '' ? text : `$${path}: ${text}`)
  if (cause !== undefined) error.cause = cause
  failures.set(error, { make, text, path })
  return error
}

/** The error with one more step before its path. What codecs have not thrown, such as the error of a getter, stays as it is. */
export function within(error: unknown, step: string): unknown {
  const failure = typeof error === 'object' && error !== null ? failures.get(error) : undefined
  if (failure === undefined) return error
  return refusal(failure.make, failure.text, step + failure.path, (error as Error).cause)
}

const PLAIN = /^[A-Za-z_$][\w$]*$/

/** The step of a path to a property. */
export function fieldStep(name: string): string {
  return PLAIN.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
}

/** A name as part of a codec's name: in quotes if it could be mistaken for something else. */
export function quoted(name: string): string {
  return PLAIN.test(name) ? name : JSON.stringify(name)
}

/** A codec's name in a message for people: names of large structs are cut. */
export function brief(name: string): string {
  return name.length > 80 ? `${name.slice(0, 79)}…` : name
}

/** The error for a value of the wrong kind. */
export function unfit(name: string, expected: string, value: unknown): Error {
  const kind = typeof value
  const plain = kind === 'undefined' || kind === 'object' || kind === 'function' || kind === 'symbol'
  return refusal(typeError, `${brief(name)} carries ${expected}, not ${show(value)}${plain ? '' : ` (a ${kind})`}`)
}

/** The error for bytes that are no value of the codec. */
export function corrupt(name: string, why: string): Error {
  return refusal(typeError, `the message is not of ${brief(name)}: ${why}`)
}

/** The error for a message of a wrong length. */
export function wrongLength(name: string, expected: number, actual: number): Error {
  return corrupt(name, `it has ${actual} bytes, not ${expected}`)
}

/** The error for a value that needs more room than it was given. */
export function noRoom(name: string, needed: number, room: number): Error {
  return refusal(
    rangeError,
    `${brief(name)} has room for ${Math.max(0, room)} bytes and needs ${needed}: did the value change while it was being sent?`,
  )
}
