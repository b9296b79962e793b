// The stages that run in workers: many parse, one adds up.

import { workerData } from 'node:worker_threads'
import { open } from 'millrace'
import { Summary } from './summary.js'

//             address time          method                    path          status bytes     seconds
const LINE = /^\S+ (\d{4}-\d\d-\S+) "(GET|POST|PUT|DELETE|HEAD) (\S+) HTTP\/\S+" (\d{3}) (\d{1,15}) (\d{1,5})\.(\d{3})$/

const { stage, ...handles } = workerData
const shared = Object.fromEntries(Object.entries(handles).map(([name, handle]) => [name, open(handle)]))

function parse({ chunks, requests, paths, numbers, malformed, running }) {
  const known = new Map()
  let [clock, time] = ['', 0]

  /** The number that stands for a path. Workers that meet the same one give it different numbers. */
  function numberOf(path) {
    let number = known.get(path)
    if (number === undefined) {
      number = numbers.add(1)
      // A copy is kept: a part of a string keeps the whole in memory, here all lines of a chunk.
      known.set(Buffer.from(path).toString(), number)
    }
    return number
  }

  function* requestsIn(lines) {
    for (const line of lines) {
      if (line === '') continue
      const [match, at, method, path, status, bytes, seconds, millis] = LINE.exec(line) ?? []
      if (match !== undefined && at !== clock) [clock, time] = [at, Date.parse(at)]
      if (match === undefined || Number.isNaN(time)) malformed.add(1)
      else yield { time, method, path: numberOf(path), status: +status, bytes: +bytes, took: seconds * 1000 + +millis }
    }
  }

  for (let chunk; (chunk = chunks.receiveViewSync()); chunk.release()) {
    const { buffer, byteOffset, length } = chunk.bytes
    const text = Buffer.from(buffer, byteOffset, length).toString('latin1')
    requests.sendManySync(requestsIn(text.split('\n')))
  }
  paths.sendSync(known)
  // Of several senders the last one to end closes the channels.
  if (running.sub(1) === 0) for (const ch of [requests, paths]) ch.close()
}

async function aggregate({ requests, paths, totals }) {
  const summary = new Summary()
  for await (const batch of requests.batches({ max: 1024 })) for (const request of batch) summary.add(request)
  const names = new Map()
  for (const known of paths.sync()) for (const [path, number] of known) names.set(number, path)
  totals.sendSync(summary.result(names))
}

await { parse, aggregate }[stage](shared)
