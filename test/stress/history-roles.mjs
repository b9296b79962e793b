// What one thread of a history does: seeded random operations, each with the moments between which it ran.

import { open } from 'millrace'
import { randomFrom } from '../support/kit.mjs'

/** Words that a team shares: the clock that is the same for all, and how often threads have come to the gate. */
export const CLOCK = 0
const GATE = 1

export const codes = { ERR_CLOSED: 'closed', ERR_TIMEOUT: 'timeout' }
const next = (got, empty) => (got === undefined ? empty : got.done ? 'closed' : got.value)

/** Operations of the specification, each by the calls that do it. What a call throws is told by `codes`. */
export const channelCalls = {
  trySend: [(ch, value) => (ch.trySend(value) ? 'ok' : 'full')],
  tryReceive: [(ch) => next(ch.tryNext(), 'empty')],
  // undefined: empty or closed.
  poll: [(ch) => ch.tryReceive() ?? 'nothing'],
  sendTimed: [(ch, value, options) => ch.sendSync(value, options) ?? 'ok'],
  receiveTimed: [
    (ch, _, options) => ch.receiveSync(options) ?? 'closed',
    (ch, _, options) => next(ch.nextSync(options)),
  ],
  close: [(ch) => ch.close() ?? 'ok'],
  length: [(ch) => ch.length],
}

export const asyncCalls = {
  ...channelCalls,
  sendTimed: [async (ch, value, options) => (await ch.send(value, options)) ?? 'ok'],
  receiveTimed: [
    async (ch, _, options) => (await ch.receive(options)) ?? 'closed',
    async (ch, _, options) => next(await ch.next(options)),
  ],
}

const stackCalls = {
  push: [(stack, value) => (stack.push(value) ? 'ok' : 'full')],
  pop: [(stack) => stack.pop() ?? 'empty', (stack) => next(stack.tryNext(), 'empty')],
  length: [(stack) => stack.length],
}

/** How often which operation comes; close ends the game, so it is rare. */
const channelMix = [
  ...['trySend', 'trySend', 'trySend', 'sendTimed', 'sendTimed', 'sendTimed', 'sendTimed'],
  ...['tryReceive', 'tryReceive', 'poll', 'receiveTimed', 'receiveTimed', 'receiveTimed', 'receiveTimed', 'length'],
]
const stackMix = ['push', 'push', 'push', 'push', 'pop', 'pop', 'pop', 'pop', 'length']

function pickOperation(kind, rng) {
  if (kind === 'stack') return rng.pick(stackMix)
  return rng.below(40) === 0 ? 'close' : rng.pick(channelMix)
}

/** Waits until all of the team are at the gate for the nth time. Spins before it sleeps, so that all start at the same moment. */
export function meet(words, count, patience) {
  if (Atomics.add(words, GATE, 1) + 1 === count) Atomics.notify(words, GATE)
  for (let tries = 0, at = Atomics.load(words, GATE); at < count; at = Atomics.load(words, GATE))
    if (++tries > patience) Atomics.wait(words, GATE, at, 1)
}

const elsewhere = new Int32Array(new SharedArrayBuffer(4))

/** Lets others go on, for a moment that nobody can foresee. */
export function pause(rng, crowded) {
  if (crowded) Atomics.wait(elsewhere, 0, 0, rng.next() * 0.1)
  else for (let left = rng.below(300); left > 0; left--) Atomics.load(elsewhere, 0)
}

export const historyRoles = {
  /** Returns the thread's operations, round by round, as [op, arg, result, invoked, responded]. */
  async history({ rounds, kind, style, who, team, crowded, shared }) {
    const words = new Int32Array(shared)
    const calls = kind === 'stack' ? stackCalls : style === 'async' ? asyncCalls : channelCalls
    const records = []
    for (const [round, { handle, seed, operations, offset }] of rounds.entries()) {
      const object = open(handle)
      const rng = randomFrom(seed + who)
      const record = []
      meet(words, team * (round + 1), crowded ? 500 : 50_000)
      for (let i = 0; i < operations; i++) {
        const op = pickOperation(kind, rng)
        const value = 100 * (who + 1) + i + offset
        const call = rng.pick(calls[op])
        const options = { timeout: rng.pick([0, 0.05, 0.3, 1]) }
        if (rng.below(3) === 0) pause(rng, crowded)
        let result
        const invoked = Atomics.add(words, CLOCK, 1)
        try {
          result = call(object, value, options)
          // Not for every operation: a turn of the microtask queue would keep blocking ones apart.
          if (result instanceof Promise) result = await result
        } catch (error) {
          result = codes[error.code]
          if (result === undefined) throw error
        }
        const responded = Atomics.add(words, CLOCK, 1)
        record.push([op, /^(trySend|sendTimed|push)$/.test(op) ? value : undefined, result, invoked, responded])
      }
      records.push(record)
    }
    return records
  },
}
