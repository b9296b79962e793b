// A small service: an HTTP server of this process, which answers after a while, or fails.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { background, ErrGroup, sleep, withCancel } from 'millrace'

/** Starts a service that answers so many milliseconds after each request; `body(id)` gives the answer, or throws. */
export async function startService(name, delay, body) {
  const counts = { answered: 0, failed: 0, abandoned: 0 }

  async function handle(request, response) {
    const { ctx, cancel } = withCancel(background())
    response.once('close', cancel) // answered, or the client has hung up
    try {
      await sleep(delay, { signal: ctx.signal })
      const answer = JSON.stringify(body(request.url.slice(1)))
      counts.answered++
      response.end(answer)
    } catch (error) {
      counts[ctx.err === null ? 'failed' : 'abandoned']++
      response.writeHead(500).end(error.message)
    }
  }

  const requests = new ErrGroup()
  const server = createServer((request, response) => requests.go(() => handle(request, response)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    name,
    counts,
    url: `http://127.0.0.1:${server.address().port}`,
    async stop() {
      server.close()
      server.closeAllConnections() // those that clients keep for their next request
      await requests.wait()
    },
  }
}
