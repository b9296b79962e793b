// Merge sort by fork and join: each half is sorted by a task of its own, which forks again, until the pieces are small.
//
//   node examples/mergesort/main.js [--length 2000000] [--procs N]

import { parseArgs } from 'node:util'
import { Arena, numCPU, runtime } from 'millrace'

const { values } = parseArgs({
  options: {
    length: { type: 'string', default: '2000000' },
    procs: { type: 'string', default: String(numCPU()) },
  },
})

const numbers = new Int32Array(Number(values.length))
const procs = Number(values.procs)
let seed = 1
for (let i = 0; i < numbers.length; i++) numbers[i] = seed = Math.imul(seed, 1664525) + 1013904223

// Pieces of the array travel through the arena: a message may have a quarter of it.
const arena = new Arena({ size: 2 ** 24 + 8 * numbers.byteLength })
const rt = await runtime(new URL('tasks.js', import.meta.url), { procs, arena })
const begin = performance.now()
const sorted = await rt.go('mergeSort', numbers)
const seconds = (performance.now() - begin) / 1000
await rt.close()

// Node's own sort of the same numbers, in one thread.
const expected = numbers.slice().sort()
const right = sorted.length === expected.length && sorted.every((number, i) => number === expected[i])
console.log(`${numbers.length} numbers, ${procs} workers, ${seconds.toFixed(2)} s: ${right ? 'sorted' : 'WRONG'}`)
if (!right) process.exitCode = 1
