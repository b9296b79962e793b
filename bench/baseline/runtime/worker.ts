import { parentPort, workerData } from 'node:worker_threads'
import type { Answer, Order } from './pool.js'

const port = parentPort as NonNullable<typeof parentPort>
const tasks: Record<string, (value: unknown) => unknown> = await import(workerData as string)

const succeed = (id: number, value: unknown): void => port.postMessage([id, value] satisfies Answer)
const fail = (id: number, error: unknown): void => port.postMessage([id, undefined, error] satisfies Answer)

port.on('message', ([id, task, value]: Order) => {
  try {
    const result = tasks[task](value)
    if (!(result instanceof Promise)) return succeed(id, result)
    result.then((late) => succeed(id, late)).catch((error) => fail(id, error))
  } catch (error) {
    fail(id, error)
  }
})
port.postMessage('ready')
