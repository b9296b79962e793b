// Browsers, and whatever else has web workers and no node: modules.

import type { Alarm, Platform } from './platform.js'

interface WebGlobal {
  WorkerGlobalScope?: unknown
  document?: unknown
  Worker?: new () => object
  navigator?: { hardwareConcurrency?: number }
  crypto: { getRandomValues(into: Uint32Array): Uint32Array }
}

const web = globalThis as unknown as WebGlobal

function createAlarm(ring: () => void): Alarm {
  let timer: ReturnType<typeof setTimeout> | undefined
  return {
    set(ms) {
      clearTimeout(timer)
      timer = setTimeout(ring, ms)
    },
    hold() {},
  }
}

const random = (): number => web.crypto.getRandomValues(new Uint32Array(1))[0] as number

export const platform: Platform = {
  name: 'web',
  // The web numbers no threads: draw a number. Two threads of one arena draw the same one once in four billion pairs.
  threadId: (random() >>> 1) + 1,
  // A worker ends with the page or worker that has made it, but does not know its number.
  parentId: 0,
  unique: () => [random(), random()],
  canBlock: web.WorkerGlobalScope !== undefined && web.document === undefined,
  cpuCount: web.navigator?.hardwareConcurrency ?? 1,
  native: undefined,
  isWorker: (worker) => web.Worker !== undefined && worker instanceof web.Worker,
  // A page lives until it is closed.
  createHold: () => ({ hold() {}, release() {} }),
  createAlarm,
  nextTurn: (callback) => {
    setTimeout(callback, 0)
  },
  // The web does not report the end of a worker.
  onWorkerExit() {},
  onIdle() {},
  allowListeners() {},
  startWorker: undefined,
  parent: undefined,
  watch() {},
}
