// What one thread of a history with selects does: one task that blocks, or a few on one event loop.

import { open, recv, Selector, select, selectSync, send, trySelect } from 'millrace'
import { randomFrom } from '../support/kit.mjs'
import { asyncCalls, CLOCK, channelCalls, codes, meet, pause } from './history-roles.mjs'

/** Operations on one channel, and how often which comes. */
const mix = ['trySend', 'sendTimed', 'sendTimed', 'tryReceive', 'poll', 'receiveTimed', 'receiveTimed', 'length']

/** Cases on channels picked at random, the same one more than once too; what each sends is sent by no other. */
function pickCases(channels, rng, first) {
  return Array.from({ length: 1 + rng.below(4) }, (_, i) => {
    const at = rng.below(channels.length)
    return rng.below(2) ? { send: true, at, value: first + i } : { send: false, at, value: undefined }
  })
}

const casesFor = (channels, cases) =>
  Object.fromEntries(
    cases.map(({ send: sends, at, value }, i) => [`c${i}`, sends ? send(channels[at], value) : recv(channels[at])]),
  )

/** A hit, or what a select said instead, as the judge takes it. */
function outcome(hit, cases) {
  if (hit === undefined) return 'none'
  const i = Number(hit.case.slice(1))
  return { hit: i, value: cases[i].send ? 'ok' : hit.done ? 'closed' : hit.value }
}

/** One select in a way picked at random. Returns a result or its promise. */
function callSelect({ channels, cases, rng, style, options, kept }) {
  const made = casesFor(channels, cases)
  const way = rng.below(3)
  if (way === 0) return outcome(trySelect(made, { biased: options.biased }), cases)
  const later = (promise) => promise.then((hit) => outcome(hit, cases))
  if (way === 1) return style === 'async' ? later(select(made, options)) : outcome(selectSync(made, options), cases)
  if (kept.selector === undefined) {
    kept.cases = cases.slice()
    kept.selector = new Selector(made)
  }
  // The Selector that there is, with its own cases and these values.
  const { selector } = kept
  cases.length = 0
  cases.push(...kept.cases.map((c, i) => (c.send ? { ...c, value: options.value + i } : c)))
  for (const [i, { send: sends, value }] of cases.entries()) if (sends) selector.set(`c${i}`, value)
  if (rng.below(3) === 0) return outcome(selector.trySelect(), cases)
  return style === 'async' ? later(selector.select(options)) : outcome(selector.selectSync(options), cases)
}

async function task({ channels, words, seed, style, operations, first, crowded }) {
  const rng = randomFrom(seed)
  const record = []
  const calls = style === 'async' ? asyncCalls : channelCalls
  const kept = {}
  for (let i = 0; i < operations; i++) {
    const value = first + 10 * i
    const options = { timeout: rng.pick([0, 0.05, 0.3, 1]), biased: rng.below(4) === 0, value }
    const selects = rng.below(2) === 0
    const cases = selects ? pickCases(channels, rng, value) : undefined
    const at = selects ? undefined : rng.below(channels.length)
    const op = selects ? 'select' : rng.below(40) === 0 ? 'close' : rng.pick(mix)
    if (rng.below(3) === 0) pause(rng, crowded)
    let result
    const invoked = Atomics.add(words, CLOCK, 1)
    try {
      result = selects
        ? callSelect({ channels, cases, rng, style, options, kept })
        : rng.pick(calls[op])(channels[at], value, options)
      if (result instanceof Promise) result = await result
    } catch (error) {
      result = codes[error.code]
      if (result === undefined) throw error
      // Tried once, like trySelect.
      if (selects && result === 'timeout' && options.timeout === 0) result = 'none'
    }
    const responded = Atomics.add(words, CLOCK, 1)
    const arg = /^(trySend|sendTimed)$/.test(op) ? value : undefined
    record.push({ op, at, cases, arg, result, invoked, responded })
  }
  kept.selector?.dispose()
  return record
}

export const selectHistoryRoles = {
  /** Returns the operations of the thread's tasks, round by round. */
  async selectHistory({ rounds, style, who, team, tasks, crowded, shared }) {
    const words = new Int32Array(shared)
    const records = []
    for (const [round, { handles, seed, operations, offset }] of rounds.entries()) {
      const channels = handles.map(open)
      meet(words, team * (round + 1), crowded ? 500 : 50_000)
      const common = { channels, words, style, operations, crowded }
      const mine = Array.from({ length: tasks }, (_, i) =>
        task({ ...common, seed: seed + 10 * who + i, first: 1000 * (10 * who + i + 1) + offset }),
      )
      records.push(await Promise.all(mine))
    }
    return records
  },
}
