// The smallest program: a worker sends numbers, the main thread receives them.

import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { channel, f64, open } from 'millrace'

if (isMainThread) {
  const roots = channel(f64, { capacity: 16 })
  new Worker(new URL(import.meta.url), { workerData: roots.sender.handle })
  for await (const root of roots) console.log(root)
} else {
  const roots = open(workerData)
  for (let n = 1; n <= 5; n++) roots.sendSync(Math.sqrt(n))
  roots.close()
}
