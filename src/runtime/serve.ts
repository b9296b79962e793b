// What a worker of a runtime does first: it loads the module with the tasks, and takes its lane.

import { adoptArena, arenaOver } from '../arena.js'
import { adoptModule } from '../core.js'
import { show, typeError } from '../errors.js'
import { OK } from '../generated/layout.js'
import { platform } from '../platform/index.js'
import { runtimeCore } from '../runtime-core.js'
import type { Assignment, Report } from './crew.js'
import { Processor } from './processor.js'
import { joinAsWorker } from './runtime.js'
import { Spawner } from './spawner.js'
import { loading } from './start.js'
import { describe, describeRoughly } from './values.js'

type TaskFunction = (...args: unknown[]) => unknown

/** @internal The main program of a worker. */
export async function serveRuntime(): Promise<void> {
  const parent = platform.parent
  const assignment = (parent?.data as Assignment | undefined)?.millraceRuntime
  if (parent === undefined || assignment === undefined) {
    throw typeError(`this file is what a runtime starts its workers with, not ${show(parent?.data)}`)
  }
  const report = (message: Report): void => parent.post(message)
  adoptModule(assignment.core)
  const arena = arenaOver(assignment.memory)
  // Before the module is loaded: what it makes, there and in its tasks, can be sent to the other tasks and back to who has spawned them.
  adoptArena(arena)
  let functions: Map<string, TaskFunction>
  try {
    loading(assignment.module)
    const module = (await import(assignment.module)) as Record<string, unknown>
    loading(undefined)
    const names = Object.keys(module).filter((name) => typeof module[name] === 'function')
    functions = new Map(names.sort().map((name) => [name, module[name] as TaskFunction]))
  } catch (error) {
    try {
      report({ event: 'failed', error: describe(error) })
    } catch {
      report({ event: 'failed', error: describeRoughly(error) })
    }
    return
  }
  const { runtime, index } = assignment
  const names = [...functions.keys()]
  if (runtimeCore(arena).runtime_join(runtime, assignment.open) !== OK) return
  const spawner = new Spawner(arena, runtime, index)
  joinAsWorker(arena, runtime, assignment.open, names, spawner)
  report({ event: 'ready', names })
  new Processor(arena, runtime, index, spawner, functions, (event) => report({ event }))
}
