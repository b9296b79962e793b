// Values by a MessagePort between two workers: `postMessage` listens for events, `MessagePort` takes by `receiveMessageOnPort`, which is
// Node's blocking form. A port has no back-pressure of its own: window.ts adds it.

import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { type Contender, isProducer, NOTHING, type Outcome, type Part } from '../harness/contender.js'
import type { Job } from '../harness/protocol.js'
import { type Payload, payloadOf, shapeOf } from './payload.js'
import { Window } from './window.js'

interface Gift {
  port: MessagePort
  window: SharedArrayBuffer
}

type Receive = (port: MessagePort, window: Window, job: Job) => Outcome | Promise<Outcome>

/** `polls`: whether the receiver takes messages when it likes, and so must be told where they are. */
export function portContender(receive: Receive, polls: boolean): Contender {
  return {
    prepare(job) {
      const { port1, port2 } = new MessageChannel()
      const { buffer } = new Window(job.capacity)
      return {
        gifts: [port1, port2].map((port) => ({ value: { port, window: buffer } satisfies Gift, transfer: [port] })),
      }
    },

    part(job, index, gift): Part {
      const { port, window: buffer } = gift as Gift
      const window = new Window(job.capacity, buffer)
      if (!isProducer(job, index)) return () => receive(port, window, job)
      const payload = payloadOf(job.style) as Payload<unknown>
      if (shapeOf(job.style).what === 'transfer') {
        return () => transferAll(port, window, payload as Payload<Uint8Array>, job.n, polls)
      }
      return () => postAll(port, window, payload, job.n, polls)
    },
  }
}

function postAll(port: MessagePort, window: Window, payload: Payload<unknown>, count: number, polls: boolean): Outcome {
  for (let i = 0; i < count; i++) {
    window.enter()
    port.postMessage(payload.fill(i))
    if (polls) window.announce()
  }
  return NOTHING
}

/** The source stays with the sender, so what is transferred must be made first. */
function transferAll(
  port: MessagePort,
  window: Window,
  payload: Payload<Uint8Array>,
  count: number,
  polls: boolean,
): Outcome {
  for (let i = 0; i < count; i++) {
    window.enter()
    const fresh = payload.fill(i).slice()
    port.postMessage(fresh, [fresh.buffer])
    if (polls) window.announce()
  }
  return NOTHING
}

export function receiveByEvents(port: MessagePort, window: Window, job: Job): Promise<Outcome> {
  const payload = payloadOf(job.style) as Payload<unknown>
  return new Promise((resolve, reject) => {
    let i = 0
    let sum = 0
    port.on('message', (value) => {
      try {
        sum += payload.check(value, i++)
      } catch (error) {
        port.close()
        return reject(error)
      }
      window.leave()
      if (i < job.n) return
      port.close()
      resolve({ count: i, sum })
    })
  })
}

export function receiveByPolling(port: MessagePort, window: Window, job: Job): Outcome {
  const payload = payloadOf(job.style) as Payload<unknown>
  let sum = 0
  for (let i = 0; i < job.n; i++) {
    let received = receiveMessageOnPort(port)
    while (received === undefined) {
      window.arrival()
      received = receiveMessageOnPort(port)
    }
    sum += payload.check(received.message, i)
    window.leave()
  }
  port.close()
  return { count: job.n, sum }
}
