import type { Contender } from './contender.js'

/** The contenders written in JavaScript. Imported one at a time: a process holds no code of another one. */
const MODULES: Record<string, string> = {
  millrace: '../contenders/millrace.js',
  baseline: '../contenders/baseline.js',
  plain: '../contenders/plain.js',
  bare: '../contenders/bare.js',
  postMessage: '../contenders/post-message.js',
  MessagePort: '../contenders/message-port.js',
  'ringbuf.js': '../contenders/ringbuf.js',
  'async-mutex': '../contenders/async-mutex.js',
  multithreading: '../contenders/multithreading.js',
  WebLocks: '../contenders/web-locks.js',
  piscina: '../contenders/piscina.js',
  tinypool: '../contenders/tinypool.js',
  workerpool: '../contenders/workerpool.js',
  poolifier: '../contenders/poolifier.js',
}

export async function loadContender(name: string): Promise<Contender> {
  const path = MODULES[name]
  if (path === undefined) throw new Error(`no contender ${name}`)
  return (await import(path)).default as Contender
}
