// What `console.log` shows of an object, where its insides say nothing to who reads it.

/** @internal Node, Deno and Bun call the method of that name. */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never

/** @internal How values are shown, as those hand it to the method. */
export type Inspect = (value: unknown, options: object) => string

/** @internal For example `Task { id: 1, name: 'fib' }`; deep inside of other objects `[Task]`. */
export function brief(what: string, fields: object, depth: number, options: object, inspect: Inspect): string {
  return depth < 0 ? `[${what}]` : `${what} ${inspect(fields, options)}`
}
