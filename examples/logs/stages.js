// The stages that run in workers: many parse, one adds up.

import { workerData } from 'node:worker_threads'
import { open } from 'millrace'
import { Summary } from './summary.js'

//             address time         method                     path          status bytes     seconds
const LINE = /^\S+ (\d{4}-\d\d-\S+) "(GET|POST|PUT|DELETE|HEAD) (\S+) HTTP\/\S+" (\d{3}) (\d{1,15}) (\d{1,5})\.(\d{3})$/

const stages = {
  parse() {
    const { chunks, requests, paths, numbers, malformed, running } = opened
    const known = new Map()
    let [clock, time] = ['', 0]

    /** The number that stands for the path, of this worker's own: no two workers give the same number. */
    function numberOf(path) {
      let number = known.get(path)
      if (number === undefined) {
        number = numbers.add(1)
        // A copy: a part of a string keeps the whole in memory, here all lines of a chunk.
        known.set(Buffer.from(path).toString(), number)
      }
      return number
    }

    function* requestsIn(text) {
      for (const line of text.split('\n')) {
        if (line === '') continue
        const match = LINE.exec(line)
        if (match !== null && match[1] !== clock) {
          clock = match[1]
          time = Date.parse(clock) / 1000
        }
        if (match === null || !(time >= 0)) {
          malformed.add(1)
          continue
        }
        const [, , method, path, status, bytes, seconds, millis] = match
        yield { time, method, path: numberOf(path), status: +status, bytes: +bytes, took: seconds * 1000 + +millis }
      }
    }

    for (let chunk; (chunk = chunks.receiveViewSync()); chunk.release()) {
      const { buffer, byteOffset, length } = chunk.bytes
      requests.sendManySync(requestsIn(Buffer.from(buffer, byteOffset, length).latin1Slice()))
    }
    paths.sendSync(known)
    // Of several senders the last one to end closes the channels.
    if (running.sub(1) === 0) for (const ch of [requests, paths]) ch.close()
  },

  async aggregate() {
    const { requests, paths, totals } = opened
    const summary = new Summary()
    for await (const batch of requests.batches({ max: 1024 })) for (const request of batch) summary.add(request)
    const names = new Map()
    for (const known of paths.sync()) for (const [path, number] of known) names.set(number, path)
    totals.sendSync(summary.result(names))
  },
}

const { stage, ...handles } = workerData
const opened = Object.fromEntries(Object.entries(handles).map(([name, handle]) => [name, open(handle)]))
await stages[stage]()
