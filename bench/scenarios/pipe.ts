// The rows with a byte pipe: records of PIPE_RECORD bytes, which begin with the number of the message, in batches.

import { type Contender, isProducer, NOTHING, type Outcome, share } from '../harness/contender.js'
import { BATCH, PIPE_RECORD } from '../harness/protocol.js'

/** 32-bit words of a record. */
export const RECORD_WORDS = PIPE_RECORD / 4

/** The words of records, wherever they lie. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2)
}

export interface BytePipe {
  readonly handle: unknown
  writeRowsSync(rows: Uint8Array, size: number): number
  drainRowsSync(use: (bytes: Uint8Array, size: number) => void): number
  close(): void
  dispose(): void
}

export interface PipeLibrary {
  pipe(options: { capacity: number }): BytePipe
  open(handle: unknown): BytePipe
}

export function pipeContender(library: PipeLibrary): Contender {
  return {
    prepare({ capacity }) {
      const pipe = library.pipe({ capacity })
      return {
        gifts: [{ value: pipe.handle }, { value: pipe.handle }],
        finish() {
          pipe.dispose()
          return {}
        },
      }
    },
    part(job, index, gift) {
      const pipe = library.open(gift)
      const { count } = share(job, index)
      return () => (isProducer(job, index) ? produce(pipe, count) : consume(pipe))
    },
  }
}

function produce(pipe: BytePipe, count: number): Outcome {
  const batch = new Uint8Array(BATCH * PIPE_RECORD)
  const words = wordsOf(batch)
  for (let value = 0; value < count; value += BATCH) {
    for (let at = 0; at < BATCH; at++) words[at * RECORD_WORDS] = value + at
    pipe.writeRowsSync(batch, PIPE_RECORD)
  }
  pipe.close()
  return NOTHING
}

function consume(pipe: BytePipe): Outcome {
  let sum = 0
  const count = pipe.drainRowsSync((bytes) => {
    const words = wordsOf(bytes)
    for (let at = 0; at < words.length; at += RECORD_WORDS) sum += words[at]
  })
  return { count, sum }
}
