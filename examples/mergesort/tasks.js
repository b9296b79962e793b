// What the workers of the runtime do.

import { go } from 'millrace'

/** Below this length a task that is stolen costs more than it brings. */
const SMALL = 32_768

/** The numbers in order, in a new array. */
export async function mergeSort(numbers) {
  if (numbers.length <= SMALL) return numbers.slice().sort()
  const middle = numbers.length >>> 1
  const left = go('mergeSort', numbers.subarray(0, middle)) // for whoever has nothing to do
  const right = await mergeSort(numbers.subarray(middle)) // meanwhile, here
  return merge(await left, right)
}

function merge(left, right) {
  const merged = new Int32Array(left.length + right.length)
  let [i, j, at] = [0, 0, 0]
  while (i < left.length && j < right.length) merged[at++] = left[i] <= right[j] ? left[i++] : right[j++]
  merged.set(left.subarray(i), at)
  merged.set(right.subarray(j), at + left.length - i)
  return merged
}
