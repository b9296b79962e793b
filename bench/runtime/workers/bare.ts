import { parentPort } from 'node:worker_threads'
import { fib } from '../fib.js'

export interface Share {
  argument: number
  times: number
}

const port = parentPort as NonNullable<typeof parentPort>

port.on('message', ({ argument, times }: Share) => {
  let sum = 0
  for (let left = times; left > 0; left--) sum += fib(argument)
  port.postMessage(sum)
})
