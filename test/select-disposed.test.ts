// A select's cases may outlive their channels. The channels' blocks then hold something else, and a late look at them must neither disturb that
// nor wait for ever. In processes of their own, since what would hang is the reaper.

import { expect, test } from 'vitest'
import { child } from './support/child.js'

/** Two channels in blocks of 4096 bytes, the size of a scratch block, and one whose batches will want such a block; no half of 1/3 is 0. */
const setup = `
  const arena = new millrace.Arena({ size: 4 * 2 ** 20 })
  const [a, b, big] = [256, 256, 500].map((capacity) => channel(f64, { capacity, arena }))
  const handles = [a.handle, b.handle]
  const batch = () => big.sendManySync(new Float64Array(490).fill(1 / 3))`

async function expectOutput(text: string, out: string): Promise<void> {
  expect(await child(setup + text, { limit: 10_000 })).toMatchObject({ code: 0, out, err: '' })
}

test('a thread dies that has an idle Selector on a channel which has been disposed of', async () => {
  await expectOutput(
    `
    const w = worker(\`
      const [a, b] = workerData.map(open)
      const selector = new millrace.Selector({ a: millrace.recv(a), b: millrace.recv(b) })
      try { selector.selectSync({ timeout: 1 }) } catch (error) { parentPort.postMessage(error.code) }
      setInterval(() => selector, 1000)\`, handles)
    console.log(await new Promise((resolve) => w.on('message', resolve)))
    a.dispose()
    batch()
    await w.terminate()
    while (arena.stats().threads > 1) await sleep(1)
    console.log(new Set(big.available()))`,
    'ERR_TIMEOUT\nSet(1) { 0.3333333333333333 }\n',
  )
})

test('all channels of a select that waits are disposed of, one after the other', async () => {
  await expectOutput(
    `
    const words = new Int32Array(new SharedArrayBuffer(4))
    const w = worker(\`
      const [handles, words] = workerData
      const [a, b] = handles.map(open)
      Atomics.store(words, 0, 1)
      try { millrace.selectSync({ a: millrace.recv(a), b: millrace.recv(b) }) } catch (error) { console.log(error.code) }\`,
      [handles, words])
    while (Atomics.load(words, 0) === 0) await sleep(1)
    await sleep(100)
    a.dispose()
    b.dispose()
    batch()
    w.on('exit', () => console.log(new Set(big.available())))`,
    'ERR_STALE_HANDLE\nSet(1) { 0.3333333333333333 }\n',
  )
})
