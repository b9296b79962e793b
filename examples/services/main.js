// The page of a product, put together from several services that are asked at the same time.
//
//   node examples/services/main.js
//
// All requests of a page hang on one context, whose deadline ends them all. The first that fails ends the others, and is what the page fails with. A
// service may have replicas: all are asked, and the first answer counts. Who is not needed any more is told so: the services count it.

import { background, ErrGroup, fromSignal, withCancel, withTimeout } from 'millrace'
import { startService } from './service.js'

async function get(service, id, signal) {
  const response = await fetch(`${service.url}/${id}`, { signal })
  if (!response.ok) throw new Error(`${service.name}: ${response.status} ${await response.text()}`)
  return await response.json()
}

/** The first answer of several replicas; if all fail, the first error. */
async function first(replicas, id, signal) {
  const { ctx, cancel } = withCancel(fromSignal(signal))
  try {
    return await Promise.any(replicas.map((replica) => get(replica, id, ctx.signal)))
  } catch (error) {
    throw error.errors[0]
  } finally {
    cancel()
  }
}

/** What all services say about a product: each by its replicas. */
async function page(ctx, services, id) {
  const group = new ErrGroup({ signal: ctx.signal })
  const answers = {}
  for (const [what, replicas] of Object.entries(services)) {
    group.go(async (signal) => {
      answers[what] = await first(replicas, id, signal)
    })
  }
  await group.wait()
  return answers
}

const MINUTE = 60_000
const fail = (text) => () => {
  throw new Error(text)
}

const price = await startService('price', 10, () => 4.2)
const stock = await startService('stock', 20, (id) => id.length)
const nearby = await startService('reviews nearby', 15, () => ['good', 'bad'])
const far = await startService('reviews far away', MINUTE, () => ['good', 'bad'])
const broken = await startService('stock, broken', 15, fail('the database is gone'))

async function show(title, services, { timeout }) {
  const { ctx, cancel } = withTimeout(background(), timeout)
  const outcome = await page(ctx, services, 'teapot').then(JSON.stringify, String)
  cancel()
  console.log(`${title}: ${outcome}`)
}

await show('all answer', { price: [price], stock: [stock], reviews: [far, nearby] }, { timeout: MINUTE })
await show('one fails', { price: [price], stock: [broken], reviews: [far] }, { timeout: MINUTE })
await show('one is slow', { price: [price], stock: [stock], reviews: [far] }, { timeout: 200 })

for (const service of [price, stock, nearby, far, broken]) {
  await service.stop()
  const { answered, failed, abandoned } = service.counts
  console.log(`${service.name}: ${answered} answered, ${failed} failed, ${abandoned} abandoned`)
}
