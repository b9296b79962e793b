// Merge sort by fork and join: each half is sorted by a task of its own, which forks again, until the pieces are small.
//
//   node examples/mergesort/main.js [--length 2000000] [--procs N]

import { parseArgs } from 'node:util'
import { Arena, i32, numCPU, runtime, SharedArray } from 'millrace'

const { values } = parseArgs({
  options: {
    length: { type: 'string', default: '2000000' },
    procs: { type: 'string', default: String(numCPU()) },
  },
})

const length = Number(values.length)
const procs = Number(values.procs)

// The numbers lie in the arena: tasks are told which of them to sort, and nothing is copied to them and back. Blocks have power-of-two sizes.
const arena = new Arena({ size: 2 ** 24 + 8 * length })
const numbers = new SharedArray(i32, length, { arena })
const { array } = numbers
let seed = 1
for (let i = 0; i < length; i++) array[i] = seed = Math.imul(seed, 1664525) + 1013904223
const expected = array.slice()

const rt = await runtime(new URL('tasks.js', import.meta.url), { procs, arena })
const begin = performance.now()
await rt.go('mergeSort', numbers, 0, length)
const seconds = (performance.now() - begin) / 1000
await rt.close()

// Node's own sort of the same numbers, in one thread.
expected.sort()
const right = array.every((number, i) => number === expected[i])
console.log(`${length} numbers, ${procs} workers, ${seconds.toFixed(2)} s: ${right ? 'sorted' : 'WRONG'}`)
if (!right) process.exitCode = 1
