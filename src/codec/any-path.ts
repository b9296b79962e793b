// The way to a value that is being written, for the errors that tell where it is.

import { show } from '../errors.js'

// What a key is a key of.
export const PROPERTIES = 0
export const MAP_KEYS = 1
export const ENTRIES = 2

/** How one would write the way from the root to the value at that depth: `$.items[3].get("a").fn`. */
export function pathOf(trail: readonly (string | number)[], levels: readonly number[], depth: number): string {
  let path = '$'
  for (let i = 0; i < depth && path.length < 200; i++) {
    const key = trail[i]!
    const level = levels[i]
    if (level === PROPERTIES) {
      if (typeof key === 'number') path += `[${key}]`
      else path += /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
    } else if (typeof key === 'string') path += `.get(${show(key)})`
    else path += `${level === MAP_KEYS ? '.keys()' : '.values()'}[${key}]`
  }
  return path.length < 200 ? path : `${path.slice(0, 200)}…`
}

/** How a value is named, whatever its properties do. */
export function name(value: unknown): string {
  try {
    return show(value)
  } catch {
    return 'an object'
  }
}
