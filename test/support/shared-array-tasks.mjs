// Tasks that work on shared arrays.

import { currentRuntime, f64, SharedArray } from 'millrace'

export const square = (from, to, { array }) => {
  for (let i = from; i < to; i++) array[i] = i * i
}
export const squareSlowly = async (from, to, squares) => {
  await null
  square(from, to, squares)
}
export const count = (from, to, { array }) => {
  for (let i = from; i < to; i++) Atomics.add(array, i % array.length, 1)
}
/** Of two chunks, one fails while the other one runs, which goes on writing. */
export const failBeside = (from, _to, { array }) => {
  const until = (i) => {
    while (Atomics.load(array, i) === 0);
  }
  if (from === 0) {
    until(0)
    throw new Error('failed')
  }
  Atomics.store(array, 0, 1)
  until(1)
  Atomics.store(array, 2, 1)
}
/** Whether all were that number; doubles them. */
export const doubleAll = ({ array }, number) => {
  const all = array.every((each) => each === number)
  array.forEach((each, i) => {
    array[i] = 2 * each
  })
  return all
}
export const sum = ({ array }) => array.reduce((sum, n) => sum + n, 0)
/** Counts up to so many, in the arena of the runtime. */
export const make = (length) => {
  const made = new SharedArray(f64, length)
  if (made.arena !== currentRuntime().arena) throw new Error('not the arena of the runtime')
  made.array.forEach((_, i) => {
    made.array[i] = i
  })
  return made
}
export const describe = (made) => [
  made.constructor.name,
  made.array.constructor.name,
  made.length,
  [...made].map(String),
]
/** Uses the array once the flag is set: by then it has been disposed of. */
export const useLater = (made, flag) => {
  while (flag.load() === 0);
  return made.array.length
}
