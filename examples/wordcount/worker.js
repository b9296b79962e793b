// Counts the words of the segments whose numbers arrive, gives each segment back, and posts its table at the end.

import { parentPort, workerData } from 'node:worker_threads'
import { open } from 'millrace'
import { SEGMENT } from './files.js'
import { WordTable } from './words.js'

const { memory, lengths } = workerData
const filled = open(workerData.filled)
const free = open(workerData.free)

const table = new WordTable()
let words = 0
for (const segment of filled.sync()) {
  const start = segment * SEGMENT
  words += table.countWords(memory, start, start + lengths[segment])
  free.sendSync(segment)
}

const parts = table.parts
parentPort.postMessage({ words, parts }, [parts.slots.buffer, parts.keys.buffer])
