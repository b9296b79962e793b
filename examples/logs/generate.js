// Writes an access log, the same one for the same size, and beside it what a reader must find in it. Runs in a worker.

import { closeSync, mkdirSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { workerData } from 'node:worker_threads'
import { open } from 'millrace'
import { METHODS, Summary } from './summary.js'

const PATHS = ['/', '/login', '/search', '/cart', '/assets/app.js', '/assets/style.css', '/favicon.ico']
for (let i = 0; i < 500; i++) PATHS.push(`/items/${i}`, `/users/${i}/orders`)
const STATUSES = [200, 200, 200, 200, 200, 200, 200, 200, 201, 204, 301, 304, 304, 400, 404, 503]
const BROKEN = ['-', '"GET / HTTP/1.1" 200', '10.1.2.3 2026-01-05T', '\x16\x03\x01\x02', 'GET /\x00\xff HTTP/1.1 200']

const START = Date.UTC(2026, 0, 5, 9)
const HOUR = 3600 // seconds
const BUFFER = 2 ** 18

/** Writes a log of at least `size` bytes, and `${file}.expected`. Calls `progress` with the bytes written so far. */
function generate(file, size, progress) {
  let seed = 5
  const random = (n) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor((seed / 2 ** 32) * n)
  }
  const summary = new Summary()
  let malformed = 0
  let [time, clock] = [0, '']

  function line(part) {
    // Busy at both ends of the hour, quiet in the middle.
    const now = START + 1000 * Math.floor(HOUR * part * (0.4 + part * (1.8 - 1.2 * part)))
    if (now !== time) {
      time = now
      clock = new Date(time).toISOString().slice(0, 19)
    }
    if (random(5000) === 0) {
      malformed++
      return `${BROKEN[random(BROKEN.length)]}\n`
    }
    const path = Math.floor((random(1000) ** 3 / 1e9) * PATHS.length) // the first ones most often
    const method = random(4) === 0 ? METHODS[random(METHODS.length)] : 'GET'
    const status = STATUSES[random(STATUSES.length)]
    const bytes = random(random(100_000))
    const took = Math.floor(8000 / (1 + random(1000))) // short as a rule
    summary.add({ time, method, path, status, bytes, took })
    const seconds = `${Math.floor(took / 1000)}.${String(took % 1000).padStart(3, '0')}`
    const address = `10.${random(256)}.${random(256)}.${random(256)}`
    return `${address} ${clock}Z "${method} ${PATHS[path]} HTTP/1.1" ${status} ${bytes} ${seconds}\n`
  }

  mkdirSync(dirname(file), { recursive: true })
  const log = openSync(`${file}.part`, 'w')
  for (let written = 0; written < size; progress(written)) {
    let text = ''
    while (text.length < BUFFER && written + text.length < size) text += line((written + text.length) / size)
    written += writeSync(log, text, null, 'latin1')
  }
  closeSync(log)
  writeFileSync(`${file}.expected`, JSON.stringify({ ...summary.result(new Map(PATHS.entries())), malformed }))
  renameSync(`${file}.part`, file) // now it is complete
}

const { file, size } = workerData
const written = open(workerData.written)
generate(file, size, (bytes) => written.sendSync(bytes))
written.close()
