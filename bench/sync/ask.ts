// A map in one thread, which another one asks: what one does where there is no map for all threads. Each get is a question and an answer.

import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Library, LibraryChannel } from '../contenders/library.js'
import { type Contender, NOTHING, type Outcome, type Part } from '../harness/contender.js'
import type { Job } from '../harness/protocol.js'
import { keyOf, keysFor, valueFor } from './entries.js'

type Asked = Pick<Contender, 'prepare' | 'part'>

const OWNER = 0

function ownMap(entries: number): Map<number, number> {
  return new Map(Array.from({ length: entries }, (_, index) => [keyOf(index), valueFor(keyOf(index))]))
}

export const askByPort: Asked = {
  prepare() {
    const { port1, port2 } = new MessageChannel()
    return { gifts: [port1, port2].map((port) => ({ value: port, transfer: [port] })) }
  },
  part(job, index, gift): Part {
    const port = gift as MessagePort
    if (index !== OWNER) return () => ask(port, job)
    const map = ownMap(job.capacity)
    return () => answer(port, map, job.n)
  },
}

function answer(port: MessagePort, map: Map<number, number>, n: number): Promise<Outcome> {
  return new Promise((resolve) => {
    let left = n
    port.on('message', (key: number) => {
      port.postMessage(map.get(key))
      if (--left === 0) resolve(NOTHING)
    })
  })
}

function ask(port: MessagePort, { n, capacity }: Job): Promise<Outcome> {
  const keys = keysFor(capacity, 1)
  return new Promise((resolve, reject) => {
    let at = 0
    port.on('message', (value: number) => {
      if (value !== valueFor(keys[at & (capacity - 1)])) reject(new Error('a wrong value'))
      if (++at === n) {
        port.close()
        resolve({ count: n, sum: n })
        return
      }
      port.postMessage(keys[at & (capacity - 1)])
    })
    port.postMessage(keys[0])
  })
}

export function askByChannels(library: Pick<Library, 'channel' | 'open' | 'f64'>): Asked {
  return {
    prepare() {
      const channels = [0, 1].map(() => library.channel(library.f64, { capacity: 1 }))
      const handles = channels.map((channel) => channel.handle)
      return {
        gifts: [{ value: handles }, { value: handles }],
        finish() {
          for (const channel of channels) channel.dispose?.()
          return {}
        },
      }
    },
    part(job, index, gift): Part {
      const [questions, answers] = (gift as unknown[]).map((handle) => library.open(handle) as LibraryChannel)
      if (index !== OWNER) return () => askSync(questions, answers, job)
      const map = ownMap(job.capacity)
      return () => answerSync(questions, answers, map, job.n)
    },
  }
}

function answerSync(questions: LibraryChannel, answers: LibraryChannel, map: Map<number, number>, n: number): Outcome {
  for (let left = n; left > 0; left--) answers.sendSync(map.get(questions.receiveSync() as number) as number)
  return NOTHING
}

function askSync(questions: LibraryChannel, answers: LibraryChannel, { n, capacity }: Job): Outcome {
  const keys = keysFor(capacity, 1)
  for (let at = 0; at < n; at++) {
    const key = keys[at & (capacity - 1)]
    questions.sendSync(key)
    if (answers.receiveSync() !== valueFor(key)) throw new Error(`a wrong value of key ${key}`)
  }
  return { count: n, sum: n }
}
