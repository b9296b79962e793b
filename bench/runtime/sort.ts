// Merge sort of numbers in memory that all threads share, of which the upper part may be forked.

import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads'

/** Up to so many numbers are sorted at once: the engine's own sort, some 150 µs. */
export const SORT_LEAF = 2 ** 11

/** How many there are. */
export const SORT_LENGTH = 2 ** 16

/** Where a range is when it has been sorted: in the first array or in the second. */
export type Side = 0 | 1

export type Arrays = readonly [Float64Array, Float64Array]

/** Threads get what the main thread had under this name when they started. */
const KEY = 'the numbers to sort'
const BYTES = SORT_LENGTH * Float64Array.BYTES_PER_ELEMENT

let shared: Arrays | undefined

/** Arrays of this thread alone. */
export function ownArrays(buffer: ArrayBufferLike = new ArrayBuffer(2 * BYTES)): Arrays {
  return [new Float64Array(buffer, 0, SORT_LENGTH), new Float64Array(buffer, BYTES, SORT_LENGTH)]
}

/** The arrays of all threads, made by the main thread before it starts others. */
export function sharedArrays(): Arrays {
  if (shared !== undefined) return shared
  if (isMainThread) setEnvironmentData(KEY, new SharedArrayBuffer(2 * BYTES) as never)
  shared = ownArrays(getEnvironmentData(KEY) as unknown as SharedArrayBuffer)
  return shared
}

/** Numbers in no order: always the same ones. */
export function unsorted(): Float64Array {
  let state = 1
  return Float64Array.from({ length: SORT_LENGTH }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state
  })
}

export function assertSorted(numbers: Float64Array): void {
  for (let at = 1; at < numbers.length; at++) {
    if (numbers[at - 1] > numbers[at]) throw new Error(`not sorted at ${at}`)
  }
}

/** Without a fork: the numbers are in the first array, and afterwards on that side. */
export function sortRange(both: Arrays, from: number, to: number, side: Side): void {
  if (to - from <= SORT_LEAF) {
    sortLeaf(both, from, to, side)
    return
  }
  const middle = (from + to) >>> 1
  sortRange(both, from, middle, otherSide(side))
  sortRange(both, middle, to, otherSide(side))
  merge(both, from, middle, to, side)
}

export function otherSide(side: Side): Side {
  return side === 0 ? 1 : 0
}

export function sortLeaf([first, second]: Arrays, from: number, to: number, side: Side): void {
  if (side === 1) second.set(first.subarray(from, to), from)
  ;(side === 1 ? second : first).subarray(from, to).sort()
}

/** Two ranges that have been sorted on the other side, to this one. */
export function merge(both: Arrays, from: number, middle: number, to: number, side: Side): void {
  const [source, target] = [both[otherSide(side)], both[side]]
  let [left, right] = [from, middle]
  for (let at = from; at < to; at++) {
    const takeLeft = right >= to || (left < middle && source[left] <= source[right])
    target[at] = takeLeft ? source[left++] : source[right++]
  }
}
