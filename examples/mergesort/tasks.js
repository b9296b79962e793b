// What the workers of the runtime do.

import { go } from 'millrace'

/** Below this length a task that is stolen costs more than it brings. */
const SMALL = 32_768

/** Puts the numbers from `from` to below `to` in order, where they are. */
export async function mergeSort(numbers, from, to) {
  const { array } = numbers
  if (to - from <= SMALL) {
    array.subarray(from, to).sort()
    return
  }
  const middle = (from + to) >>> 1
  const left = go('mergeSort', numbers, from, middle) // for whoever has nothing to do
  await mergeSort(numbers, middle, to) // meanwhile, here
  await left // its end comes before what follows: from now on the left half is ours, too
  merge(array, from, middle, to)
}

function merge(array, from, middle, to) {
  const left = array.slice(from, middle) // a copy of our own
  let [i, j, at] = [0, middle, from]
  while (i < left.length && j < to) array[at++] = left[i] <= array[j] ? left[i++] : array[j++]
  array.set(left.subarray(i), at)
}
