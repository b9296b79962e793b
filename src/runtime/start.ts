// How a runtime begins: its memory, its workers, and that they have loaded the module.

import { type Arena, defaultArena } from '../arena.js'
import { arenaOption } from '../channel-codecs.js'
import { show, typeError, UnsupportedError } from '../errors.js'
import { MAX_PROCS, MAX_RUNTIMES, RUNTIME_BYTES } from '../generated/layout.js'
import type { Site } from '../handle.js'
import { platform } from '../platform/index.js'
import { runtimeCore } from '../runtime-core.js'
import { Crew } from './crew.js'
import { checkProcs, Runtime } from './runtime.js'
import { Spawner } from './spawner.js'
import type { AnyModule } from './types.js'

export interface RuntimeOptions {
  /** How many workers, from 1 to 64. Default: `numCPU()`. */
  procs?: number
  /** Where tasks lie, with their arguments and results; the default arena of the workers. Default: `defaultArena()`. */
  arena?: Arena
  /** What the platform's `Worker` is given: on Node `resourceLimits`, `execArgv`, `env`, `stdout` and so on. */
  worker?: object
  /**
   * Called with what a worker throws outside of all tasks (in a timer, in an event handler), which ends the worker. Default: it is thrown here, which
   * ends the program.
   */
  onError?: (error: unknown, worker: number) => void
}

/** The module that this worker is loading. */
let loaded: string | undefined

/** @internal Says what this worker is loading: it must not start runtimes meanwhile. */
export function loading(module: string | undefined): void {
  loaded = module
}

/**
 * Starts a runtime: `procs` workers, each of which loads the module whose functions are the tasks. Resolves when all are ready. While tasks are pending, it
 * keeps the process alive; while it is idle, not.
 *
 * @param module The module with the tasks. Give its type, and names, arguments and results are checked.
 * @throws RangeError for procs out of range, TypeError; rejects with what the module throws while it loads, and then no worker is left.
 * @example
 * await using rt = await runtime<typeof import('./tasks.js')>(new URL('./tasks.js', import.meta.url))
 * console.log(await rt.go('fib', 30))
 */
export async function runtime<M = AnyModule>(module: URL | string, options: RuntimeOptions = {}): Promise<Runtime<M>> {
  const url = moduleUrl(module)
  if (typeof options !== 'object' || options === null)
    throw typeError(`the options are an object { procs, arena, worker, onError }, not ${show(options)}`)
  if (loaded !== undefined) {
    throw typeError(
      `this worker is loading ${loaded} for the tasks of a runtime, and that would start a runtime in each of its workers: put the call behind ` +
        '`if (isMainThread)` (of node:worker_threads), or the tasks in a module of their own',
    )
  }
  const { procs = Math.min(platform.cpuCount, MAX_PROCS), worker = {}, onError } = options
  checkProcs(procs)
  if (platform.startWorker === undefined) {
    throw new UnsupportedError(
      'runtimes are not supported on this platform yet: start workers yourself, and share channels with them',
    )
  }
  if (typeof worker !== 'object' || worker === null)
    throw typeError(`worker is an object of options, not ${show(worker)}`)
  if (onError !== undefined && typeof onError !== 'function')
    throw typeError(`onError is a function, not ${show(onError)}`)
  const arena = options.arena === undefined ? defaultArena() : arenaOption(options.arena)
  const core = runtimeCore(arena)
  const at = arena.made(core.runtime_create(procs), `a runtime (at most ${MAX_RUNTIMES} in an arena)`, RUNTIME_BYTES)
  const site: Site = { arena, at, open: arena.openState(at) }
  let made: Runtime<M> | undefined
  let spawner: Spawner | undefined
  const crew = new Crew(
    arena,
    { memory: arena.memory, core: arena.module, runtime: at, open: site.open, module: url },
    worker,
    {
      drained: () => made?.drained(),
      retires: (index) => made !== undefined && index >= made.wanted,
      returns: (index) => made !== undefined && (index < made.wanted || made.hasMail(index)),
      failed: (error) => made?.fail(error),
      uncaught: (error, index) => {
        if (onError !== undefined) onError(error, index)
        else
          platform.nextTurn(() => {
            throw error
          })
      },
    },
  )
  try {
    spawner = new Spawner(arena, at, MAX_PROCS)
    crew.hold(true)
    await crew.start(0, procs)
    crew.hold(false)
  } catch (error) {
    core.runtime_close(at)
    await crew.end()
    if (spawner !== undefined) {
      spawner.abandon(error)
      core.lane_leave(spawner.lane)
    }
    core.runtime_leave(at)
    throw error
  }
  made = new Runtime<M>(site, crew.names, spawner, crew)
  return made
}

function moduleUrl(module: unknown): string {
  if (module instanceof URL) return module.href
  if (typeof module !== 'string') {
    throw typeError(
      `runtime takes the URL of the module with the tasks, as new URL('./tasks.js', import.meta.url), not ${show(module)}`,
    )
  }
  try {
    return new URL(module).href
  } catch {
    throw typeError(
      `runtime takes the whole URL of the module with the tasks, not ${show(module)}: use new URL(${show(module)}, import.meta.url)`,
    )
  }
}
