// The layout of values that follow one another, some of variable length: tuples, and arrays of what has no fixed size.
//
//   | head: parts of fixed size, packed; for the others their length, u32 | gap | part | gap | part … |
//
// Parts of variable length begin at multiples of 8 from the message's start, so that copies of bytes are aligned.

import { rangeError } from '../errors.js'
import { corrupt, noRoom, refusal, within } from './failure.js'
import { MAX_BYTES, type Memory, type MessageCodec } from './message.js'
import { aligned } from './parts.js'

export interface Sequence {
  readonly name: string
  /** Bytes of the head. */
  readonly head: number
  readonly length: number
  part(i: number): MessageCodec<unknown>
}

/** How many bytes the values take at most. */
export function measureParts(sequence: Sequence, values: readonly unknown[]): number {
  let bytes = sequence.head
  for (let i = 0; i < sequence.length; i++) {
    const part = sequence.part(i)
    if (part.size !== undefined) continue
    try {
      bytes = aligned(bytes) + part.measure(values[i])
    } catch (error) {
      throw within(error, `[${i}]`)
    }
    if (bytes > MAX_BYTES) throw refusal(rangeError, `a message has at most ${MAX_BYTES} bytes`, `[${i}]`)
  }
  return bytes
}

export function encodeParts(
  sequence: Sequence,
  values: readonly unknown[],
  memory: Memory,
  at: number,
  limit: number,
): number {
  const { head, length } = sequence
  if (head > limit - at) throw noRoom(sequence.name, head, limit - at)
  let slot = at
  let end = at + head
  for (let i = 0; i < length; i++) {
    const part = sequence.part(i)
    try {
      if (part.size !== undefined) slot = part.encode(values[i], memory, slot, slot + part.size)
      else {
        const start = at + aligned(end - at)
        if (start > limit) throw noRoom(sequence.name, start - at, limit - at)
        end = part.encode(values[i], memory, start, limit)
        memory.view.setUint32(slot, end - start, true)
        slot += 4
      }
    } catch (error) {
      throw within(error, `[${i}]`)
    }
  }
  return end
}

export function decodeParts(sequence: Sequence, memory: Memory, at: number, end: number): unknown[] {
  const { name, head, length } = sequence
  if (end - at < head) throw corrupt(name, `it has ${end - at} bytes, not ${head} or more`)
  const values: unknown[] = []
  let slot = at
  let done = at + head
  for (let i = 0; i < length; i++) {
    const part = sequence.part(i)
    try {
      if (part.size !== undefined) {
        values.push(part.decode(memory, slot, slot + part.size))
        slot += part.size
      } else {
        const start = at + aligned(done - at)
        const bytes = memory.view.getUint32(slot, true)
        slot += 4
        if (bytes > end - start)
          throw corrupt(part.name, `${bytes} bytes are announced, ${Math.max(0, end - start)} are there`)
        done = start + bytes
        values.push(part.decode(memory, start, done))
      }
    } catch (error) {
      throw within(error, `[${i}]`)
    }
  }
  if (done !== end) throw corrupt(name, `${end - done} bytes are left over`)
  return values
}
