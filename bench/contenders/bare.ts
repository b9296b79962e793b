// No library at all: what the platform's own atomics cost. The floor that a channel's waiting and counting is held against.

import { burn, nowNs } from '../harness/clock.js'
import { type Contender, isProducer, NOTHING, type Outcome, type Part, share } from '../harness/contender.js'
import type { Job } from '../harness/protocol.js'
import { ownerOnly } from '../micro/library.js'
import { ASLEEP_NS } from './library.js'

// Two mailboxes, one a direction, on lines of their own: a sequence word, and a value at the same place among the doubles.
const LINE_BYTES = 128
const WORDS_PER_LINE = LINE_BYTES / Int32Array.BYTES_PER_ELEMENT
const DOUBLES_PER_LINE = LINE_BYTES / Float64Array.BYTES_PER_ELEMENT

interface Mail {
  words: Int32Array
  doubles: Float64Array
}

const contender: Contender = {
  prepare(job) {
    const buffer = new SharedArrayBuffer(4 * LINE_BYTES)
    return {
      gifts: Array.from({ length: job.producers + job.consumers }, () => ({ value: buffer })),
      finish: () => (job.kind === 'counter' ? { sum: new Int32Array(buffer)[0] } : {}),
    }
  },

  part(job, index, gift) {
    const buffer = gift as SharedArrayBuffer
    if (job.kind === 'counter') return countPart(new Int32Array(buffer), share(job, index).count)
    return pingPongPart(job, isProducer(job, index), {
      words: new Int32Array(buffer),
      doubles: new Float64Array(buffer),
    })
  },

  micro(style) {
    const words = new Int32Array(new SharedArrayBuffer(LINE_BYTES))
    if (style === 'notify') return notifyNobody(words)
    if (style === 'deque') return ownerOnly([])
    if (style !== 'atomic-add' && style !== 'counter') throw new Error(`no micro row ${style}`)
    return (rounds) => {
      for (let round = 0; round < rounds; round++) Atomics.add(words, 0, 1)
    }
  },
}

export default contender

/** What one futex call costs, though nobody sleeps. */
function notifyNobody(words: Int32Array) {
  return (rounds: number): void => {
    let woken = 0
    for (let round = 0; round < rounds; round++) woken += Atomics.notify(words, 0, 1)
    if (woken !== 0) throw new Error('somebody slept')
  }
}

function countPart(words: Int32Array, count: number): Part {
  return () => {
    for (let left = count; left > 0; left--) Atomics.add(words, 0, 1)
    return { count, sum: 0 }
  }
}

function pingPongPart(job: Job, first: boolean, mail: Mail): Part {
  const [out, into] = first ? [0, 1] : [1, 0]
  switch (job.style) {
    case 'hot':
      return () => (first ? pingHot(mail.words, job.n) : pongHot(mail.words, job.n))
    case 'asleep':
      return () => wakeEachOther(mail, out, into, job.n, first)
    case 'async':
      return () => (first ? pingAsync(mail.words, job.n) : pongAsync(mail.words, job.n))
    default:
      throw new Error(`no style ${job.style}`)
  }
}

function pingHot(words: Int32Array, n: number): Outcome {
  const samples = new Array<number>(n)
  for (let trip = 1; trip <= n; trip++) {
    const start = performance.now()
    Atomics.store(words, 0, trip)
    while (Atomics.load(words, WORDS_PER_LINE) !== trip) {}
    samples[trip - 1] = Math.round((performance.now() - start) * 1e6)
  }
  return { count: n, sum: n, samples }
}

function pongHot(words: Int32Array, n: number): Outcome {
  for (let trip = 1; trip <= n; trip++) {
    while (Atomics.load(words, 0) !== trip) {}
    Atomics.store(words, WORDS_PER_LINE, trip)
  }
  return NOTHING
}

function wakeEachOther(mail: Mail, out: number, into: number, n: number, first: boolean): Outcome {
  const samples = new Array<number>(n)
  const { words, doubles } = mail
  if (first) sendTime(mail, out, 1)
  for (let trip = 1; trip <= n; trip++) {
    while (Atomics.load(words, into * WORDS_PER_LINE) < trip) Atomics.wait(words, into * WORDS_PER_LINE, trip - 1)
    samples[trip - 1] = nowNs() - doubles[into * DOUBLES_PER_LINE + 1]
    if (!first) sendTime(mail, out, trip)
    else if (trip < n) sendTime(mail, out, trip + 1)
  }
  return { count: first ? n : 0, sum: first ? n : 0, samples }
}

function sendTime({ words, doubles }: Mail, out: number, sequence: number): void {
  burn(ASLEEP_NS)
  doubles[out * DOUBLES_PER_LINE + 1] = nowNs()
  Atomics.store(words, out * WORDS_PER_LINE, sequence)
  Atomics.notify(words, out * WORDS_PER_LINE, 1)
}

async function arrival(words: Int32Array, word: number, sequence: number): Promise<void> {
  while (Atomics.load(words, word) < sequence) {
    const wait = Atomics.waitAsync(words, word, sequence - 1)
    if (wait.async) await wait.value
  }
}

async function pingAsync(words: Int32Array, n: number): Promise<Outcome> {
  const samples = new Array<number>(n)
  for (let trip = 1; trip <= n; trip++) {
    const start = performance.now()
    Atomics.store(words, 0, trip)
    Atomics.notify(words, 0, 1)
    await arrival(words, WORDS_PER_LINE, trip)
    samples[trip - 1] = Math.round((performance.now() - start) * 1e6)
  }
  return { count: n, sum: n, samples }
}

async function pongAsync(words: Int32Array, n: number): Promise<Outcome> {
  for (let trip = 1; trip <= n; trip++) {
    await arrival(words, 0, trip)
    Atomics.store(words, WORDS_PER_LINE, trip)
    Atomics.notify(words, WORDS_PER_LINE, 1)
  }
  return NOTHING
}
