// What patterns leave behind when they are over, or given up: nothing that keeps a process alive.

import { expect, test } from 'vitest'
import { child } from './support/child.js'

/** Runs to its end by itself, soon, with that output and nothing on stderr. */
async function expectOutput(text: string, out: string): Promise<void> {
  const result = await child(text)
  expect(result).toMatchObject({ code: 0, out, err: '' })
}

const SOURCES = `
  let ended = 0
  async function* endless() { try { for (let i = 0; ; i++) { await sleep(1); yield i } } finally { ended++ } }
  const { mapConcurrent, pipeline, fanIn, fanOut, tee, batch, rateLimit, WorkerPool, Topic, PubSub, parallelFor, string } = millrace
`

test('patterns that are left early: the process ends by itself, and all sources have ended', async () => {
  await expectOutput(
    `${SOURCES}
    for await (const i of mapConcurrent(endless(), (i) => i, { concurrency: 3 })) if (i === 3) break
    for await (const i of pipeline(endless(), (i) => i, { through: async function* (input) { for await (const i of input) yield i } })) if (i === 3) break
    const merged = fanIn([endless(), endless()])
    for await (const i of merged) if (i === 3) break
    merged.cancel()
    const [mine] = fanOut(endless(), 2)
    await mine.receive()
    mine.cancel()
    const outlets = tee(endless(), 2)
    await Promise.all(outlets.map((outlet) => outlet.receive()))
    for (const outlet of outlets) outlet.cancel()
    for await (const _ of batch(endless(), { size: 3, wait: 60_000 })) break
    for await (const _ of rateLimit({ rate: 1, burst: 2 }).pace(endless())) break
    const stop = new AbortController()
    const paced = rateLimit({ rate: 1, per: 60_000 })
    await paced.wait()
    paced.wait(1, { signal: stop.signal }).catch(() => {})
    fanIn([endless()], { signal: stop.signal }).receive({ timeout: 60_000 }).catch(() => {})
    stop.abort()
    await sleep(20)
    console.log(ended)`,
    '9\n',
  )
})

test('what waits inside one process for nothing that can come does not keep it alive', async () => {
  await expectOutput(
    `${SOURCES}
    const pool = new WorkerPool((job) => new Promise(() => {}), { workers: 1 })
    pool.submit(1)
    pool.submit(2).then(() => console.log('submitted'))
    const topic = new Topic(f64)
    topic.subscribe({ buffer: 0 })
    topic.publish(1).then(() => console.log('published'))
    const hub = new PubSub(string)
    hub.subscribe(['a', 'b']).receive().then(() => console.log('received'))
    rateLimit({ rate: 1, burst: 100 })
    tee([1, 2, 3], 2)
    fanOut([1, 2, 3], 2)
    process.on('exit', () => console.log('exit'))`,
    'exit\n',
  )
})

test('a topic: published to until its subscriber in another thread has all, and then the process ends', async () => {
  await expectOutput(
    `${SOURCES}
    const topic = new Topic(f64)
    worker('let sum = 0; for (const i of open(workerData).subscribe({ buffer: 1 }).sync()) sum += i; console.log(sum)', topic.handle)
    while (topic.subscribers === 0) await sleep(1)
    for (let i = 0; i < 100; i++) await topic.publish(i)
    topic.close()`,
    '4950\n',
  )
})

test('a publish that waits for a subscriber whose thread has ended: it goes on, and the process ends', async () => {
  await expectOutput(
    `${SOURCES}
    const topic = new Topic(f64)
    const w = worker('open(workerData).subscribe({ buffer: 0 }); setInterval(() => {}, 1000)', topic.handle)
    while (topic.subscribers === 0) await sleep(1)
    const waiting = topic.publish(1)
    await w.terminate()
    console.log(await waiting, topic.subscribers)`,
    '0 0\n',
  )
})
