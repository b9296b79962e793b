// Fibonacci numbers by the definition: a tree of calls, of which the upper part may be forked.

/** Below this no more tasks are forked: such a leaf takes some 30 µs. */
export const LEAF = 18

export function fib(n: number): number {
  return n < 2 ? n : fib(n - 1) + fib(n - 2)
}

/** The number itself, to check a result with. */
export function fibOf(n: number): number {
  let [last, next] = [0, 1]
  for (let left = n; left > 0; left--) [last, next] = [next, last + next]
  return last
}
