// Tasks that make objects of millrace, in the default arena of their worker.

import { channel, defaultArena, go, Mutex, u32 } from 'millrace'

// Made while the module is loaded.
const early = channel(u32, { capacity: 1 })

export function made() {
  early.trySend(7)
  return early
}

export function arenaSize() {
  return defaultArena().size
}

export async function send(to, n, lock) {
  const guard = await lock.lock()
  await to.send(n)
  guard.unlock()
}

/** Talks to tasks that it has spawned, over a channel of its own. */
export async function sumOf(n) {
  const numbers = channel(u32)
  const lock = new Mutex()
  const senders = []
  for (let i = 1; i <= n; i++) senders.push(go('send', numbers, i, lock))
  let sum = 0
  for (let i = 1; i <= n; i++) sum += await numbers.receive()
  await Promise.all(senders)
  return sum
}

export function* generate() {
  yield 1
}
