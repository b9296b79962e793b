// The other side of threads.ts: runs functions that come as source text, one after the other.

import { runInThisContext } from 'node:vm'
import { parentPort } from 'node:worker_threads'
import { toolsFor } from './kit.mjs'

parentPort.on('message', async ({ id, source, style, args, last }) => {
  if (last) parentPort.unref()
  try {
    const run = runInThisContext(`(${source}\n)`)
    parentPort.postMessage({ id, result: await run(toolsFor(style), ...args) })
  } catch (error) {
    parentPort.postMessage({
      id,
      error: { name: error?.name, message: error?.message, code: error?.code, transferred: error?.transferred },
    })
  }
})
