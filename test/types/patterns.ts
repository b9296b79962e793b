// Patterns: the types of their stages and results. Compiled, never run.

import {
  channel,
  f64,
  fanIn,
  mapConcurrent,
  type Outlet,
  PubSub,
  pipeline,
  type Results,
  string,
  Topic,
  tee,
  WorkerPool,
} from 'millrace'
import { check, type Same } from './support.js'

// Each stage gets what the one before it gives.
const sizes = pipeline(
  ['a', 'b'],
  (text) => text.length,
  { run: async (n) => n.toFixed(), workers: 2 },
  {
    async *through(input) {
      for await (const text of input) yield [text.at(0), 1] as const
    },
  },
  ([first, one]) => (first === undefined ? one : 0n),
  { signal: new AbortController().signal },
)
check<Same<typeof sizes, Results<1 | 0n>>>()
pipeline(channel(f64), (n) => n + 1).toArray() satisfies Promise<number[]>
// @ts-expect-error: a string has no toFixed
pipeline(['a'], (text) => text.toFixed())
// @ts-expect-error: workers are a number
pipeline(['a'], { run: (text: string) => text, workers: 'two' })

mapConcurrent(channel(string), (text) => Promise.resolve(text.length)) satisfies Results<number>
fanIn([channel(f64), [1], channel(f64).receiver]) satisfies Outlet<number>
tee(new Set<string>(), 2) satisfies Outlet<string>[]

const pool = new WorkerPool((path: string) => Promise.resolve(path.length), {
  onResult: (size, path) => [size.toFixed(), path.at(0)],
})
pool.submit('path')
pool.wait() satisfies Promise<number[]>
// @ts-expect-error: jobs are strings
pool.submit(5)

new Topic(string).subscribe().receive() satisfies Promise<string | undefined>
// @ts-expect-error: messages are numbers
new Topic(f64).publish('text')
// @ts-expect-error: a topic has a name
new PubSub(f64).publish(5, 5)
