// The types of a runtime's tasks, from the type of their module.

/** The functions of a module. */
export type TaskName<M> = { [K in keyof M]: M[K] extends (...args: never[]) => unknown ? K : never }[keyof M] & string

/** Arguments of a task: those of its function. */
export type TaskArguments<M, K extends keyof M> = M[K] extends (...args: infer A) => unknown ? A : never

/** Arguments of a task for a range, after `from` and `to`. */
export type RestArguments<M, K extends keyof M> = M[K] extends (from: number, to: number, ...args: infer A) => unknown
  ? A
  : never

/** What a task's promise gives. */
export type TaskResult<M, K extends keyof M> = M[K] extends (...args: never[]) => infer R ? Awaited<R> : never

/** A module whose type nobody has given: any name, any arguments. */
// biome-ignore lint/suspicious/noExplicitAny: without the module's type nothing is known of its functions
export type AnyModule = Record<string, (...args: any[]) => any>
