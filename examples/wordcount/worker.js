// Counts the words of the texts that arrive, where they lie; sends the counts at the end.

import { workerData } from 'node:worker_threads'
import { open } from 'millrace'
import { WordTable } from './words.js'

const texts = open(workerData.texts)
const counts = open(workerData.counts)
const running = open(workerData.running)

const table = new WordTable()
for (let text = texts.receiveViewSync(); text !== undefined; text = texts.receiveViewSync()) {
  table.countWords(text.bytes, text.bytes.length)
  text.release()
}
counts.sendManySync(table.maps())
// The last worker to end closes the channel.
if (running.sub(1) === 0) counts.close()
