// Values through a channel that blocks both sides: one text of the loops for millrace and the baseline. Each process loads only one.

import { type Contender, isProducer, NOTHING, type Outcome, type Part } from '../harness/contender.js'
import { checkBytes, type Payload, payloadOf, type Shape, shapeOf } from './payload.js'

export interface ValueChannel {
  readonly handle: unknown
  sendSync(value: unknown): void
  receiveSync(): unknown
  dispose?(): void
}

/** A place in shared memory to write a message into, or to read one from. */
interface Slot {
  readonly bytes: Uint8Array
  commitSync(): void
}

interface View {
  readonly bytes: Uint8Array
  release(): void
}

export interface ViewChannel extends ValueChannel {
  reserveSync(length: number): Slot
  receiveViewSync(): View
}

export interface ValueLibrary {
  channel(shape: Shape, style: string, capacity: number): ValueChannel
  open(handle: unknown): ValueChannel
}

export function valueContender(library: ValueLibrary): Contender {
  return {
    prepare(job) {
      const channel = library.channel(shapeOf(job.style), job.style, job.capacity)
      return {
        gifts: [{ value: channel.handle }, { value: channel.handle }],
        finish() {
          channel.dispose?.()
          return {}
        },
      }
    },

    part(job, index, gift): Part {
      const channel = library.open(gift)
      const { what, size } = shapeOf(job.style)
      if (what === 'view') {
        const views = channel as ViewChannel
        const source = payloadOf(job.style) as Payload<Uint8Array>
        return () => (isProducer(job, index) ? fillAll(views, source, size, job.n) : viewAll(views, size, job.n))
      }
      const payload = payloadOf(job.style) as Payload<unknown>
      return () => (isProducer(job, index) ? sendAll(channel, payload, job.n) : receiveAll(channel, payload, job.n))
    },
  }
}

function sendAll(channel: ValueChannel, payload: Payload<unknown>, count: number): Outcome {
  for (let i = 0; i < count; i++) channel.sendSync(payload.fill(i))
  return NOTHING
}

function receiveAll(channel: ValueChannel, payload: Payload<unknown>, count: number): Outcome {
  let sum = 0
  for (let i = 0; i < count; i++) sum += payload.check(channel.receiveSync(), i)
  return { count, sum }
}

/** Writes each message where it is sent from. */
function fillAll(channel: ViewChannel, payload: Payload<Uint8Array>, size: number, count: number): Outcome {
  for (let i = 0; i < count; i++) {
    const slot = channel.reserveSync(size)
    slot.bytes.set(payload.fill(i))
    slot.commitSync()
  }
  return NOTHING
}

/** Reads each message where it lies, and gives the memory back. */
function viewAll(channel: ViewChannel, size: number, count: number): Outcome {
  let sum = 0
  for (let i = 0; i < count; i++) {
    const view = channel.receiveViewSync()
    sum += checkBytes(view.bytes, size, i)
    view.release()
  }
  return { count, sum }
}
