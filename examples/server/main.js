// A web server whose event loop never computes: it takes requests and sends answers, the workers of a runtime count the primes.
//
//   node examples/server/main.js [--port 8080] [--procs N] [--timeout ms]
//   curl localhost:8080/primes/10000000
//   curl localhost:8080/status
//
// Each request has a context, which ends with its deadline, or when the client hangs up; the task looks at it as it counts, and gives up. On
// SIGTERM and SIGINT the server takes no more requests, answers those that it has, and ends.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { background, numCPU, runtime, withTimeout } from 'millrace'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    procs: { type: 'string', default: String(numCPU()) },
    timeout: { type: 'string', default: '10000' },
  },
})

const rt = await runtime(new URL('tasks.js', import.meta.url), { procs: Number(values.procs) })

/** The answer to a request: its status, and what it says. */
async function answer(ctx, path) {
  if (path === '/status') return [200, { tasks: rt.numGoroutine(), workers: rt.procs }]
  const [, below] = /^\/primes\/(\d{1,15})$/.exec(path) ?? []
  if (below === undefined) return [404, { error: `there is /primes/<below> and /status, but no ${path}` }]
  try {
    return [200, { below: Number(below), primes: await rt.go('countPrimes', ctx, Number(below)) }]
  } catch (error) {
    // ERR_CANCELED: the client has hung up, and this goes nowhere.
    return [error.code === 'ERR_DEADLINE_EXCEEDED' ? 504 : 500, { error: error.message }]
  }
}

const server = createServer(async (request, response) => {
  const { ctx, cancel } = withTimeout(background(), Number(values.timeout))
  response.once('close', cancel) // answered, or the client has hung up
  const [status, body] = await answer(ctx, request.url)
  if (!server.listening) response.setHeader('connection', 'close') // else the end would wait for idle connections
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
})

server.listen(Number(values.port))
await once(server, 'listening')
console.log(`listening on http://localhost:${server.address().port}, ${rt.procs} workers`)

const signal = await Promise.race(['SIGTERM', 'SIGINT'].map((name) => once(process, name).then(() => name)))
console.log(`${signal}: no more requests`)
server.close()
await once(server, 'close') // all are answered
await rt.drain() // and nobody is still counting for a client that has gone
await rt.close()
console.log('stopped')
