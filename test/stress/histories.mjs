// Histories: a few threads do random operations on one small object, a few each; what each heard, and when, must be explained by some
// order of the operations that agrees with the sequential specification. Thousands of such games, each on a fresh object.

import { availableParallelism } from 'node:os'
import { channel, f64, Stack, u32 } from 'millrace'
import { judge, overlaps } from './judge.mjs'
import { results, thread } from './threads.mjs'

/** So many games are played by one team of threads. */
const ROUNDS = 100

function histories(name, share, { kind, codec, styles }) {
  return {
    name,
    share,
    async run({ arena, count, rng }) {
      const check = await judge()
      let overlapped = 0
      let pairs = 0
      let operations = 0
      for (let left = count; left > 0; left -= ROUNDS) {
        const team = rng.below(2) ? 2 + rng.below(7) : Math.min(8, Math.max(2, availableParallelism()))
        const rounds = makeRounds({ arena, count: Math.min(left, ROUNDS), rng, kind, codec, team })
        const games = await play({ rounds, rng, kind, styles, team })
        for (const [i, history] of games.entries()) {
          const { object, initial } = rounds[i]
          history.push(...rest(object, kind, history))
          try {
            check(kind, object.capacity, initial, history)
          } catch (error) {
            throw new Error(`${codec.name}, ${team} threads: ${error.message}`)
          }
          const at = overlaps(history)
          if (at > 0) overlapped++
          pairs += at
          operations += history.length
          object.dispose()
        }
      }
      const each = (n) => (n / count).toFixed(1)
      return {
        settings: `${overlapped} with operations at the same time; ${each(operations)} operations and ${each(pairs)} overlapping pairs each`,
        moved: count,
      }
    },
  }
}

/** Fresh objects with some values in them, and what is to be done with each. */
function makeRounds({ arena, count, rng, kind, codec, team }) {
  // An f64 channel should see fractions too.
  const offset = codec === f64 ? 0.5 : 0
  return Array.from({ length: count }, () => {
    const capacity = 1 + rng.below(4)
    const object = kind === 'stack' ? new Stack(codec, { capacity, arena }) : channel(codec, { capacity, arena })
    const initial = Array.from({ length: rng.below(capacity + 1) }, (_, i) => 1 + i + offset)
    for (const value of initial) kind === 'stack' ? object.push(value) : object.trySend(value)
    // The checker takes 30 at most; what is left in the object at the end comes on top.
    const operations = Math.max(2, Math.floor((12 + rng.below(13)) / team))
    return { object, initial, plan: { handle: object.handle, seed: rng.below(2 ** 31), operations, offset } }
  })
}

/** The history of each round, as the checker takes them. */
async function play({ rounds, rng, kind, styles, team }) {
  const shared = new SharedArrayBuffer(8)
  const crowded = team > availableParallelism()
  const common = { rounds: rounds.map(({ plan }) => plan), kind, team, crowded, shared }
  const records = await results(
    Array.from({ length: team }, (_, who) => thread('history', { ...common, who, style: rng.pick(styles) })),
  )
  return rounds.map((_, round) =>
    records.flatMap((record, who) =>
      record[round].map(([op, arg, result, invoked, responded]) => operation(who, op, arg, result, invoked, responded)),
    ),
  )
}

function operation(who, op, arg, result, invoked, responded) {
  return { thread: who, op, arg, result, invoked, responded, dead: false }
}

/** What this thread finds in the object when all others are done, as operations of a thread of its own. */
function rest(object, kind, history) {
  let time = Math.max(...history.map((o) => o.responded)) + 1
  const who = Math.max(...history.map((o) => o.thread)) + 1
  const found = []
  for (;;) {
    const next = object.tryNext()
    const result = next === undefined ? 'empty' : next.done ? 'closed' : next.value
    found.push(operation(who, kind === 'stack' ? 'pop' : 'tryReceive', undefined, result, time++, time++))
    if (next === undefined || next.done) return found
  }
}

const blocking = ['blocking']
const both = ['blocking', 'async']

export const historyScenarios = [
  histories('channel-u32', 3, { kind: 'channel', codec: u32, styles: blocking }),
  histories('channel-f64', 3, { kind: 'channel', codec: f64, styles: blocking }),
  histories('channel-async-u32', 1, { kind: 'channel', codec: u32, styles: both }),
  histories('channel-async-f64', 1, { kind: 'channel', codec: f64, styles: both }),
  histories('stack-u32', 1, { kind: 'stack', codec: u32, styles: blocking }),
  histories('stack-f64', 1, { kind: 'stack', codec: f64, styles: blocking }),
]
