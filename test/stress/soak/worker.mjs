// A thread of a soak: sends or receives on one lane, round after round, each on another channel.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parentPort, workerData } from 'node:worker_threads'
import { ClosedError, open, StaleHandleError, TimeoutError } from 'millrace'
import { contentsOf } from './contents.mjs'
import { lanes } from './lanes.mjs'

/** A receiver looks up so often to see whether it should go home, in ms. */
const PATIENCE = 20

const { lane, side, id, progress } = workerData
// Garbage is collected after each round: what resident memory is judged by is what is left then, not how lazy the engine is.
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')

const counts = new Float64Array(progress.buffer)

async function produce(ch, contents, stopped) {
  const send = lanes[lane].send(ch, contents, id, stopped)
  let sent = 0
  try {
    while (!stopped()) {
      const some = send(sent)
      sent += some instanceof Promise ? await some : some
    }
  } catch (error) {
    if (!(error instanceof ClosedError || error instanceof StaleHandleError)) throw error
    sent += error.transferred ?? 0
  }
  return { sent }
}

async function consume(ch, contents, stopped, producers) {
  const receive = lanes[lane].receive(ch, contents)
  const received = Array.from({ length: producers }, () => ({ count: 0, sum: 0, last: -1 }))
  while (!stopped()) {
    try {
      const some = receive(PATIENCE)
      const list = some instanceof Promise ? await some : some
      if (list === undefined) break
      for (const { producer, seq } of list) note(received[producer], producer, seq)
      counts[progress.at] += list.length // plain: nobody else writes it
    } catch (error) {
      if (error instanceof TimeoutError) continue
      if (error instanceof StaleHandleError) break
      throw error
    }
  }
  return { received }
}

function note(mine, producer, seq) {
  if (mine === undefined || seq <= mine.last) {
    throw new Error(`${lane}: message ${seq} of producer ${producer} came after ${mine?.last}`)
  }
  mine.last = seq
  mine.count++
  mine.sum += seq
}

parentPort.on('message', async (order) => {
  if (order === 'end') return parentPort.close()
  try {
    const { handle, stop, seed, producers } = order
    const words = new Int32Array(stop)
    const stopped = () => Atomics.load(words, side === 'producer' ? 0 : 1) !== 0
    const [ch, contents] = [open(handle), contentsOf(seed)]
    parentPort.postMessage('opened')
    const found =
      side === 'producer' ? await produce(ch, contents, stopped) : await consume(ch, contents, stopped, producers)
    collect()
    parentPort.postMessage(found)
  } catch (error) {
    parentPort.postMessage({ error: error.stack })
  }
})
