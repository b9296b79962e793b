import { isDeepStrictEqual } from 'node:util'
import type { Arena } from 'millrace'
import { expect } from 'vitest'
import { gc, sleep } from './kit.mjs'

export { gc, sleep }

/** Whether the values are the same, for objects: the same parts. */
export const same = (a: unknown, b: unknown): boolean => isDeepStrictEqual(a, b)

/** How long something must not happen before it counts as not happening. */
export const PROBE_MS = 100

export const macrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Whether the promise has not settled after the probe's time and three turns of the event loop. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const settle = (): void => {
    settled = true
  }
  promise.then(settle, settle)
  await sleep(PROBE_MS)
  for (let i = 0; i < 3; i++) await macrotask()
  return !settled
}

/** Expects the promises to pend. The test must release them afterwards. */
export async function expectPending(...promises: Promise<unknown>[]): Promise<void> {
  const pending = await Promise.all(promises.map(isPending))
  expect(pending).toEqual(promises.map(() => true))
}

/** Waits until the condition holds; fails after a generous time. */
export async function until(condition: () => boolean, what = 'the condition', ms = 15_000): Promise<void> {
  const deadline = performance.now() + ms
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what} did not come true within ${ms} ms`)
    await sleep(1)
  }
}

/** The number of blocks of a waiter's size in use: waiters, and whatever else is as small. */
export function smallBlocks(arena: Arena): number {
  return arena.stats().blocks[128] ?? 0
}

/** Returns a function that waits until that many more operations are parked than now. */
export function parkedMeter(arena: Arena): (count: number) => Promise<void> {
  const before = smallBlocks(arena)
  return (count) => until(() => smallBlocks(arena) - before === count, `${count} parked operations`)
}

/** Repeats a test of timing up to five times before it fails, for other processes may be in the way. */
export async function retry(test: () => Promise<void>, tries = 5): Promise<void> {
  for (let left = tries; ; left--) {
    try {
      return await test()
    } catch (error) {
      if (left <= 1) throw error
    }
  }
}

/** What a call throws. */
export function thrown(call: () => unknown): Error & { code?: string; transferred?: number } {
  try {
    call()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string; transferred?: number }> {
  return promise.then(
    () => Promise.reject(new Error('the promise was fulfilled')),
    (error) => error,
  )
}

export async function elapsed(action: () => unknown): Promise<number> {
  const start = performance.now()
  await action()
  return performance.now() - start
}

/**
 * Returns a function that waits until something has parked since, and one more: for selects, of which nobody needs to know how many blocks
 * they take. Threads keep blocks of 4096 bytes for their own use; those say nothing.
 */
export function parkedSomething(arena: Arena): () => Promise<void> {
  const count = (): number => {
    const { 4096: _, ...blocks } = arena.stats().blocks
    return Object.values(blocks).reduce((sum, n) => sum + n, 0)
  }
  let before = count()
  return async () => {
    await until(() => count() > before, 'a parked operation')
    before = count()
  }
}
