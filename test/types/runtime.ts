// Runtimes: names, arguments and results of tasks follow the type of their module. Compiled, never run.

import {
  type CurrentTask,
  currentRuntime,
  currentTask,
  go,
  type Handle,
  open,
  type Runtime,
  runtime,
  type Task,
  type TaskArguments,
  type TaskName,
  type TaskResult,
} from 'millrace'
import { check, type Same } from './support.js'

interface Module {
  fib(n: number): number
  later(text: string, ms?: number): Promise<string>
  many(...values: bigint[]): { sum: bigint }
  nothing(): void
  never(): Promise<never>
  readonly answer: 42
  readonly text: string
  readonly Thing: new () => object
  readonly table: { f(): number }
}

check<Same<TaskName<Module>, 'fib' | 'later' | 'many' | 'nothing' | 'never'>>()
check<Same<TaskArguments<Module, 'later'>, [text: string, ms?: number | undefined]>>()
check<Same<TaskResult<Module, 'later'>, string>>()

async function tasks(): Promise<void> {
  await using rt = await runtime<Module>(new URL('file:///tasks.js'), {
    procs: 2,
    onError: (_error: unknown, _worker: number) => {},
  })
  check<Same<typeof rt, Runtime<Module>>>()
  const task = rt.go('fib', 30)
  check<Same<typeof task, Task<number>>>()
  const text = await rt.go('later', 'x')
  check<Same<typeof text, string>>()
  await rt.go('later', 'x', 5)
  const { sum } = await rt.go('many', 1n, 2n)
  check<Same<typeof sum, bigint>>()
  const nothing = await rt.go('nothing')
  check<Same<typeof nothing, void>>()
  const pinned = rt.on(1).go('fib', 30)
  check<Same<typeof pinned, Task<number>>>()
  const before = await rt.maxProcs(4)
  check<Same<typeof before, number>>()
  const handle = rt.handle
  check<Same<typeof handle, Handle<Runtime<Module>>>>()
  const other = open(handle)
  check<Same<typeof other, Runtime<Module>>>()
  const state = task.state
  check<Same<typeof state, 'created' | 'runnable' | 'running' | 'blocked' | 'terminated'>>()
  task.cancel(new Error('reason'))
  const spawns = rt.task('later', 'x')
  const spawned = spawns(new AbortController().signal)
  check<Same<typeof spawned, Task<string>>>()

  // @ts-expect-error: no such task
  rt.go('nope')
  // @ts-expect-error: not a function
  rt.go('answer')
  // @ts-expect-error: a class is no task
  rt.go('Thing')
  // @ts-expect-error: an argument is missing
  rt.go('fib')
  // @ts-expect-error: one too many
  rt.go('fib', 1, 2)
  // @ts-expect-error: of the wrong type
  rt.go('fib', '30')
  // @ts-expect-error: of the wrong type
  rt.go('many', 1n, 2)
  // @ts-expect-error: of the wrong type
  rt.on(1).go('later', 5)
  // @ts-expect-error: no number of a worker
  rt.on('1')
  // @ts-expect-error: what it gives is no string
  const wrong: Task<string> = rt.go('fib', 1)
  // @ts-expect-error: not a number
  rt.maxProcs('4')
  // @ts-expect-error: of the wrong type
  rt.task('fib', 'x')
  // @ts-expect-error: read only
  task.id = 5
  void wrong
}

async function options(): Promise<void> {
  // A module whose type nobody has given: any name, any arguments.
  const rt = await runtime('file:///tasks.js')
  const value = await rt.go('whatever', 1, 'x', {})
  void value
  // @ts-expect-error: not a number
  await runtime('file:///tasks.js', { procs: '2' })
  // @ts-expect-error: no such option
  await runtime('file:///tasks.js', { workers: 2 })
  // @ts-expect-error: no module
  await runtime(5)
}

async function inside(): Promise<void> {
  const closure = go((a: number, b: string) => Promise.resolve(`${a}${b}`), 1, 'x')
  check<Same<typeof closure, Task<string>>>()
  // @ts-expect-error: of the wrong type
  go((a: number) => a, 'x')
  const named = go<number>('fib', 5)
  check<Same<typeof named, Task<number>>>()
  const rt = currentRuntime<Module>()
  check<Same<typeof rt, Runtime<Module>>>()
  const task = currentTask()
  check<Same<typeof task, CurrentTask>>()
  check<Same<typeof task.signal, AbortSignal>>()
  // @ts-expect-error: nothing to call it with
  go(undefined)
}

export const all = [tasks, options, inside]
