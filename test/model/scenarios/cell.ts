// Messages in cells, as the bindings handle them: left on the stage of the thread or in its waiter, and read there. All words follow from the
// value, so that a message that is torn, or another one's, is found out.

import { Failure } from '../checker/failure.js'
import type { Thread } from '../checker/program.js'
import type { Bench } from '../checker/scenario.js'

/** Bytes of a cell in the model. */
export const CELL = 16

const words = (value: number): number[] => [value, ~value, Math.imul(value, 0x01010101), value ^ 0x55555555]

/** Leaves the message of a value at an address. */
export function putCell(t: Thread, at: number, value: number): void {
  for (const [k, word] of words(value).entries()) t.set(at + 4 * k, word)
}

/** The value of the message at an address. */
export function takeCell(t: Thread, at: number): number {
  return valueIn(
    [0, 1, 2, 3].map((k) => t.get(at + 4 * k)),
    `thread ${t.id}`,
  )
}

/** The same for setup and final checks. */
export function fillCell(b: Bench, at: number, value: number): void {
  for (const [k, word] of words(value).entries()) {
    b.m.pass(at + 4 * k, 4)
    b.i32[(at >> 2) + k] = word
  }
}

export function readCell(b: Bench, at: number): number {
  return valueIn([...b.i32.subarray(at >> 2, (at >> 2) + 4)], 'at the end')
}

function valueIn(found: number[], who: string): number {
  const value = found[0] as number
  if (words(value).some((word, k) => word !== found[k]))
    throw new Failure('memory', `${who}: a cell holds ${found.map((word) => `0x${(word >>> 0).toString(16)}`)}`)
  return value
}
