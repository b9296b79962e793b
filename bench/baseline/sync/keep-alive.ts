// A pending `Atomics.waitAsync` does not keep Node's event loop alive: one timer does, exactly while somebody waits.

const KEEP_ALIVE_MS = 2 ** 30

let waiting = 0
let timer: NodeJS.Timeout | undefined

export async function keepAlive<T>(wait: Promise<T>): Promise<T> {
  if (waiting++ === 0) {
    if (timer === undefined) timer = setInterval(() => {}, KEEP_ALIVE_MS)
    else timer.ref()
  }
  try {
    return await wait
  } finally {
    if (--waiting === 0) timer?.unref()
  }
}
