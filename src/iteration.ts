// Loops over what can be received from: until it is closed and drained, or over what is there.

import type { Next } from './channel.js'

interface Receiver<T> {
  next(): Promise<Next<T>>
  nextSync(): Next<T>
  tryNext(): Next<T> | undefined
}

export async function* values<T>(from: Receiver<T>): AsyncGenerator<T, void, undefined> {
  for (;;) {
    const next = await from.next()
    if (next.done) return
    yield next.value
  }
}

export function* valuesSync<T>(from: Receiver<T>): Generator<T, void, undefined> {
  for (;;) {
    const next = from.nextSync()
    if (next.done) return
    yield next.value
  }
}

export function* valuesAvailable<T>(from: Receiver<T>): Generator<T, void, undefined> {
  for (;;) {
    const next = from.tryNext()
    if (next === undefined || next.done) return
    yield next.value
  }
}
