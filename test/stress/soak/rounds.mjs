// What happens on one lane of a soak: round after round a new channel, messages at full speed, and one of several ends.
//
//   drain   producers stop, the channel is closed, consumers take all that is left
//   close   the channel is closed under the producers
//   leave   consumers go, producers fill the channel and wait; it is disposed of with messages inside
//   empty   producers stop; the channel is disposed of under the consumers, who wait
//   kill    a thread is terminated at a random moment and replaced; the channel is disposed of with what is left inside
//
// After drain, close and empty, every message must have arrived exactly once; after the others, none twice.

import { channel } from 'millrace'
import { capacityOf, lanes } from './lanes.mjs'
import { Member } from './member.mjs'

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const COMPLETE = new Set(['drain', 'close', 'empty'])
const ENDS = ['drain', 'close', 'leave', 'empty']
/** A round's length in ms, at least and at most. */
const SHORT = 50
const LONG = 1500
/** Whoever does not wait for room or for messages has finished its operation after so many ms. */
const SETTLED = 50

export class Lane {
  #name
  #arena
  #random
  #kills
  #hire
  #members
  round = { number: 0 }

  /** `kills`: the share of the rounds that end with a kill. `progress()`: where a thread counts what it received. */
  constructor(name, { arena, random, kills, progress }) {
    const [producers, consumers] = lanes[name].threads
    this.#name = name
    this.#arena = arena
    this.#random = random
    this.#kills = kills
    this.#hire = (side, id) => new Member({ lane: name, side, id, progress: progress() })
    this.#members = [
      ...Array.from({ length: producers }, (_, id) => this.#hire('producer', id)),
      ...Array.from({ length: consumers }, (_, id) => this.#hire('consumer', id)),
    ]
  }

  #of(side) {
    return this.#members.filter((member) => member.side === side)
  }

  /** Runs rounds until it is time. Rejects with the first thing that is wrong. */
  async run(over) {
    while (!over()) await this.#play(over)
  }

  async #play(over) {
    const { next, below, pick } = this.#random
    const end = next() < this.#kills ? 'kill' : pick(ENDS)
    const ch = await this.#make(capacityOf(this.#random))
    const stop = new Int32Array(new SharedArrayBuffer(8))
    const [producers, consumers] = [this.#of('producer'), this.#of('consumer')]
    this.round = { number: this.round.number + 1, end, capacity: ch.capacity, step: 'run' }
    const order = { handle: ch.handle, stop: stop.buffer, seed: below(2 ** 31), producers: producers.length }
    await Promise.all(this.#members.map((member) => member.start(order)))

    const length = SHORT + next() * (LONG - SHORT)
    for (let waited = 0; waited < length && !over() && !this.#failed(); waited += SHORT) await sleep(SHORT)
    await this.#finish(end, ch, stop, producers, consumers)
    this.#audit(end, await this.#results(producers), await this.#results(consumers))
  }

  /**
   * A channel of that capacity, or of a smaller one: the messages of the others may hold all blocks of its size, or have had them cut up. That is no
   * mistake, unless it lasts though they are freed all the time.
   */
  async #make(capacity) {
    for (let tries = 0; ; tries++) {
      try {
        return channel(lanes[this.#name].codec(), { capacity: capacity >> tries, arena: this.#arena })
      } catch (error) {
        if (error.code !== 'ERR_ARENA_FULL' || tries > 40) throw error
        await sleep(tries * SHORT)
      }
    }
  }

  #failed() {
    return this.#members.some((member) => member.failed)
  }

  #results(members) {
    return Promise.all(members.map((member) => member.result))
  }

  async #finish(end, ch, stop, producers, consumers) {
    const leave = (side) => Atomics.store(stop, side === producers ? 0 : 1, 1)
    const step = (text) => {
      this.round.step = text
    }
    if (end === 'drain') {
      leave(producers)
      step('producers stop')
      await this.#results(producers)
    }
    if (end === 'drain' || end === 'close') {
      ch.close()
      step('closed')
      await this.#results(this.#members)
    }
    if (end === 'empty') {
      leave(producers)
      step('producers stop')
      await this.#results(producers)
      step('consumers empty it')
      while (ch.length > 0) await sleep(1)
      await sleep(SETTLED)
    }
    if (end === 'kill') {
      step('kill')
      await this.#replace(this.#random.pick(this.#members))
    }
    if (end === 'leave' || end === 'kill') {
      leave(consumers)
      step('consumers leave')
      await this.#results(consumers)
      leave(producers)
      await sleep(SETTLED)
    }
    step('disposed')
    ch.dispose()
    await this.#results(this.#members)
  }

  async #replace(victim) {
    await victim.kill()
    this.#members[this.#members.indexOf(victim)] = this.#hire(victim.side, victim.id)
  }

  #audit(end, producers, consumers) {
    const { number, capacity } = this.round
    for (const [id, { sent }] of producers.entries()) {
      if (sent === undefined) continue // killed
      const mine = consumers.flatMap(({ received }) => (received === undefined ? [] : [received[id]]))
      const count = mine.reduce((all, { count }) => all + count, 0)
      const sum = mine.reduce((all, { sum }) => all + sum, 0)
      const whole = count === sent && sum === (sent * (sent - 1)) / 2
      if (COMPLETE.has(end) ? whole : count <= sent) continue
      const what = `producer ${id} sent ${sent} messages, ${count} arrived, with the sum ${sum}`
      throw new Error(`${this.#name}, round ${number} (${end}, capacity ${capacity}): ${what}`)
    }
  }

  async stop() {
    await Promise.all(this.#members.map((member) => member.end()))
  }
}
