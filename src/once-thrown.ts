// What a function has thrown, on its way to other threads.

import { any } from './codec/any.js'
import { show } from './errors.js'

/** As `any` carries it, with what it leaves out. */
export interface Carried {
  readonly value: unknown
  /** The error's `code`. */
  readonly code?: string | number
}

/** Whatever was thrown, as something that can be carried: an error that holds what cannot goes without its cause; anything else is named. */
export function carried(thrown: unknown): Carried {
  if (!(thrown instanceof Error))
    return {
      value: fits(thrown)
        ? thrown
        : new TypeError(`the function threw ${named(thrown)}, which no other thread can have`),
    }
  const code = text(() => (thrown as { code?: unknown }).code)
  const value = fits(thrown) ? thrown : bare(thrown)
  return code === undefined ? { value } : { value, code }
}

/** What was carried, as it is thrown there. */
export function restored({ value, code }: Carried): unknown {
  return code === undefined || !(value instanceof Error) ? value : Object.assign(value, { code })
}

function fits(value: unknown): boolean {
  try {
    any().measure(value)
    return true
  } catch {
    return false
  }
}

/** Its texts alone. */
function bare(error: Error): Error {
  const copy = new Error(`${text(() => error.message) ?? ''}`)
  copy.name = `${text(() => error.name) ?? 'Error'}`
  const stack = text(() => error.stack)
  if (stack !== undefined) copy.stack = `${stack}`
  return copy
}

/** What is read, if it is a text or a number: errors are made by anybody. */
function text(read: () => unknown): string | number | undefined {
  try {
    const value = read()
    return typeof value === 'string' || typeof value === 'number' ? value : undefined
  } catch {
    return undefined
  }
}

function named(value: unknown): string {
  try {
    return show(value)
  } catch {
    return 'an object'
  }
}
