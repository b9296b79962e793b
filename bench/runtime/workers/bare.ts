import { parentPort } from 'node:worker_threads'
import { fib } from '../fib.js'
import { assertSorted, ownArrays, SORT_LENGTH, sortRange, unsorted } from '../sort.js'

export interface Share {
  what: 'fib' | 'sort'
  argument: number
  times: number
}

const port = parentPort as NonNullable<typeof parentPort>

function compute({ what, argument, times }: Share): number {
  let sum = 0
  const arrays = ownArrays()
  const numbers = unsorted()
  for (let left = times; left > 0; left--) {
    if (what === 'fib') sum += fib(argument)
    else {
      arrays[0].set(numbers)
      sortRange(arrays, 0, SORT_LENGTH, 0)
      sum += SORT_LENGTH
    }
  }
  if (what === 'sort') assertSorted(arrays[0])
  return sum
}

port.on('message', (share: Share) => port.postMessage(compute(share)))
