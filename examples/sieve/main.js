// The prime sieve of communicating sequential processes: a chain of goroutines, each of which lets pass what its prime does not divide.
//
//   generate --2, 3, 4, 5, …--> filter 2 --3, 5, 7, 9, …--> filter 3 --5, 7, 11, …--> filter 5 --…
//
//   node examples/sieve/main.js [--below 1000] [--capacity N] [--procs N]
//
// First all goroutines share this thread, then the workers of a runtime: the functions are the same, and so are the channels. After D. McIlroy, as in
// Go's documentation.

import { parseArgs } from 'node:util'
import { channel, go, numCPU, runtime, u32 } from 'millrace'
import { filter, generate } from './tasks.js'

/** The primes below a number. `spawn` starts a goroutine. */
async function sieve(below, capacity, spawn) {
  const primes = []
  let numbers = channel(u32, { capacity })
  spawn(generate, below, numbers)
  for (let prime = await numbers.receive(); prime !== undefined; prime = await numbers.receive()) {
    primes.push(prime)
    const rest = channel(u32, { capacity })
    spawn(filter, prime, numbers, rest)
    numbers = rest
  }
  return primes
}

async function show(where, spawn) {
  const begin = performance.now()
  const primes = await sieve(below, capacity, spawn)
  const ms = Math.round(performance.now() - begin)
  console.log(`${where}: ${primes.length} primes, the last ${primes.at(-1) ?? 'none'}; ${ms} ms`)
}

const { values } = parseArgs({
  options: {
    below: { type: 'string', default: '1000' },
    capacity: { type: 'string', default: '0' }, // 0, as in the original: sender and receiver meet
    procs: { type: 'string', default: String(numCPU()) },
  },
})
const [below, capacity, procs] = [values.below, values.capacity, values.procs].map(Number)

await show('one thread', go)

const rt = await runtime(new URL('tasks.js', import.meta.url), { procs })
await show(`${procs} workers`, ({ name }, ...args) => rt.go(name, ...args))
await rt.close()
