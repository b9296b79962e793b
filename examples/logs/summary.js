// What there is to say about requests. The generator adds up what it writes, the pipeline what it has read: the two
// must agree.

import { enumOf, f64, struct, u16, u32 } from 'millrace'

export const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD']

/** A request as it travels from the parsers to the aggregator: 27 bytes. */
export const request = struct({
  time: f64, // ms since 1970
  method: enumOf(...METHODS),
  path: u32, // the number that stands for it
  status: u16,
  bytes: f64,
  took: u32, // ms
})

const increment = (counts, key) => counts.set(key, (counts.get(key) ?? 0) + 1)
const sorted = (counts) => [...counts].sort(([one], [other]) => (one < other ? -1 : 1))

export class Summary {
  #requests = 0
  #bytes = 0
  #methods = new Map()
  #statuses = new Map()
  #minutes = new Map()
  #paths = new Map()
  /** How many requests took so many milliseconds; all the long ones are in the last. */
  #took = new Uint32Array(60_000)

  add({ time, method, path, status, bytes, took }) {
    this.#requests++
    this.#bytes += bytes
    increment(this.#methods, method)
    increment(this.#statuses, Math.floor(status / 100))
    increment(this.#minutes, Math.floor(time / 60_000))
    increment(this.#paths, path)
    this.#took[Math.min(took, this.#took.length - 1)]++
  }

  /** The totals as plain data. `names`: the paths by the numbers that were added; several numbers may mean one path. */
  result(names) {
    const paths = new Map()
    for (const [number, count] of this.#paths) {
      const path = names.get(number)
      paths.set(path, (paths.get(path) ?? 0) + count)
    }
    const top = sorted(paths).sort(([, count], [, more]) => more - count)
    return {
      requests: this.#requests,
      bytes: this.#bytes,
      methods: sorted(this.#methods),
      statuses: sorted(this.#statuses),
      minutes: sorted(this.#minutes),
      paths: paths.size,
      top: top.slice(0, 5),
      p50: this.#percentile(50),
      p99: this.#percentile(99),
    }
  }

  /** The shortest time, in ms, within which so many of a hundred requests were done. */
  #percentile(percent) {
    let left = Math.ceil((this.#requests * percent) / 100)
    let ms = 0
    while (left > this.#took[ms] && ms < this.#took.length - 1) left -= this.#took[ms++]
    return ms
  }
}
