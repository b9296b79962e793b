// Runtimes of a test's own: closed after it, and then nothing is left in their arenas.

import { Arena, Mutex, type Runtime, type RuntimeOptions, runtime } from 'millrace'
import { afterEach, expect } from 'vitest'
import { MIB } from './arenas.js'
import { until } from './probe.js'

export type Tasks = typeof import('../runtime/tasks.mjs')
export const TASKS = new URL('../runtime/tasks.mjs', import.meta.url)

/** A module's URL from its text. */
export const moduleOf = (text: string): URL => new URL(`data:text/javascript,${encodeURIComponent(text)}`)

/** An arena in which a page for mutexes and the like is in use already: it stays. */
export function arenaOf(size = 4 * MIB): Arena {
  const arena = new Arena({ size })
  new Mutex({ arena }).dispose()
  bases.set(arena, used(arena))
  return arena
}

const bases = new WeakMap<Arena, number>()

/** Bytes in use, but for the blocks that threads keep for themselves. */
function used(arena: Arena): number {
  const { bytesInUse, blocks, threads } = arena.stats()
  return bytesInUse - 4096 * Math.min(threads, blocks[4096] ?? 0)
}

/** Makes runtimes with two workers, in an arena of their own, with the tasks of runtime/tasks.mjs. */
export function runtimes(): (options?: RuntimeOptions & { module?: URL }) => Promise<Runtime<Tasks>> {
  const made: Runtime<Tasks>[] = []
  afterEach(async ({ task }) => {
    const all = made.splice(0)
    await Promise.all(all.map((each) => each.close()))
    if (task.result?.state === 'fail') return
    for (const { arena } of all) await expectEmpty(arena)
  })
  return async ({ module = TASKS, ...options } = {}) => {
    const { arena = arenaOf() } = options
    const rt = await runtime<Tasks>(module, { procs: 2, ...options, arena })
    made.push(rt)
    return rt
  }
}

/** Nothing is in use that was not before, and no other thread is there. */
export async function expectEmpty(arena: Arena): Promise<void> {
  const isEmpty = (): boolean => used(arena) <= (bases.get(arena) ?? 0) && arena.stats().threads === 1
  await until(isEmpty, 'an empty arena', 5000).catch(() => {
    const { blocks, threads } = arena.stats()
    expect({ blocks, threads }, 'left in the arena').toEqual({ blocks: {}, threads: 1 })
  })
}

/** How a promise ends, as a value. */
export const outcome = (promise: PromiseLike<unknown>): Promise<{ value: unknown } | { error: unknown }> =>
  Promise.resolve(promise).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
