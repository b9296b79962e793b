// The rows with a byte pipe: records of PIPE_RECORD bytes, which begin with the number of the message, in batches.

import { type Contender, isProducer, NOTHING, type Outcome, share } from '../harness/contender.js'
import { BATCH, PIPE_RECORD } from '../harness/protocol.js'

/** Writes a message's number into the first bytes of its record. */
export function number(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

export function numberOf(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0
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
  for (let value = 0; value < count; value += BATCH) {
    for (let at = 0; at < BATCH; at++) number(batch, at * PIPE_RECORD, value + at)
    pipe.writeRowsSync(batch, PIPE_RECORD)
  }
  pipe.close()
  return NOTHING
}

function consume(pipe: BytePipe): Outcome {
  let sum = 0
  const count = pipe.drainRowsSync((bytes, size) => {
    for (let at = 0; at < bytes.length; at += size) sum += numberOf(bytes, at)
  })
  return { count, sum }
}
