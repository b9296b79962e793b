// Histories over two or three small channels, some without capacity, with selects among the operations; see histories.mjs.

import { availableParallelism } from 'node:os'
import { channel, f64, u32 } from 'millrace'
import { overlaps } from './judge.mjs'
import { selectJudge } from './select-judge.mjs'
import { results, thread } from './threads.mjs'

/** So many games are played by one team of threads. */
const ROUNDS = 100

function histories(name, share, { codec, styles, capacities }) {
  return {
    name,
    share,
    async run({ arena, count, rng }) {
      const check = await selectJudge()
      const sum = { overlapped: 0, operations: 0, hits: 0, meetings: 0 }
      for (let left = count; left > 0; left -= ROUNDS) {
        const team = rng.below(2) ? 2 + rng.below(5) : Math.min(6, Math.max(2, availableParallelism()))
        // Tasks of each thread that has an event loop.
        const tasks = team < 4 && styles.includes('async') ? 1 + rng.below(2) : 1
        const rounds = makeRounds({
          arena,
          count: Math.min(left, ROUNDS),
          rng,
          codec,
          capacities,
          people: team * tasks,
        })
        for (const [i, history] of (await play({ rounds, rng, styles, team, tasks })).entries()) {
          const { channels, initial } = rounds[i]
          if (overlaps(history) > 0) sum.overlapped++
          sum.operations += history.length
          const went = history.filter(({ result }) => result?.hit !== undefined)
          sum.hits += went.length
          sum.meetings += history.filter((o) => met(o, channels)).length
          history.push(...rest(channels, history))
          try {
            check(
              channels.map((ch) => ch.capacity),
              initial,
              history,
            )
          } catch (error) {
            throw new Error(`${codec.name}, ${team} threads: ${error.message}`)
          }
          for (const ch of channels) ch.dispose()
        }
      }
      const { overlapped, operations, hits, meetings } = sum
      const each = (n) => (n / count).toFixed(1)
      return {
        settings: `${overlapped} with operations at the same time; ${each(operations)} operations, ${each(hits)} selects that did a case and ${each(meetings)} rendezvous each`,
        moved: count,
      }
    },
  }
}

/** Whether the operation has received at a rendezvous. */
function met({ op, at, cases, result }, channels) {
  const received = op === 'select' ? result.value : /receive|poll/i.test(op) ? result : undefined
  return typeof received === 'number' && channels[at ?? cases[result.hit].at].capacity === 0
}

function makeRounds({ arena, count, rng, codec, capacities, people }) {
  const offset = codec === f64 ? 0.5 : 0
  return Array.from({ length: count }, () => {
    const channels = Array.from({ length: 2 + rng.below(2) }, () =>
      channel(codec, { capacity: rng.pick(capacities), arena }),
    )
    const initial = channels.map((ch, i) =>
      Array.from({ length: rng.below(ch.capacity + 1) }, (_, k) => 100 * (i + 1) + k + offset),
    )
    for (const [i, ch] of channels.entries()) for (const value of initial[i]) ch.trySend(value)
    // The checker takes 30 at most; what is left in the channels at the end comes on top.
    const operations = Math.max(2, Math.floor((8 + rng.below(11)) / people))
    const handles = channels.map((ch) => ch.handle)
    return { channels, initial, plan: { handles, seed: rng.below(2 ** 31), operations, offset } }
  })
}

/** The history of each round, as the judge takes it. */
async function play({ rounds, rng, styles, team, tasks }) {
  const shared = new SharedArrayBuffer(8)
  const crowded = team > availableParallelism()
  const common = { rounds: rounds.map(({ plan }) => plan), team, crowded, shared }
  const records = await results(
    Array.from({ length: team }, (_, who) => {
      const style = rng.pick(styles)
      return thread('selectHistory', { ...common, who, style, tasks: style === 'async' ? tasks : 1 })
    }),
  )
  return rounds.map((_, round) =>
    records.flatMap((record, who) =>
      record[round].flatMap((task, i) => task.map((o) => ({ ...o, thread: 10 * who + i, dead: false }))),
    ),
  )
}

/** What this thread finds in the channels when all others are done. */
function rest(channels, history) {
  let time = Math.max(...history.map((o) => o.responded)) + 1
  const found = []
  for (const [at, ch] of channels.entries()) {
    for (let result; result !== 'empty' && result !== 'closed'; ) {
      const next = ch.tryNext()
      result = next === undefined ? 'empty' : next.done ? 'closed' : next.value
      found.push({ thread: 99, op: 'tryReceive', at, result, invoked: time++, responded: time++, dead: false })
    }
  }
  return found
}

const blocking = ['blocking']
const both = ['blocking', 'async']

export const selectHistoryScenarios = [
  histories('select-u32', 2, { codec: u32, styles: blocking, capacities: [0, 0, 1, 2] }),
  histories('select-f64', 2, { codec: f64, styles: blocking, capacities: [0, 0, 1, 2] }),
  histories('select-async-u32', 1, { codec: u32, styles: both, capacities: [0, 0, 1, 2] }),
  histories('select-async-f64', 1, { codec: f64, styles: both, capacities: [0, 0, 1, 2] }),
  histories('rendezvous', 2, { codec: f64, styles: both, capacities: [0] }),
  histories('select-buffered', 1, { codec: u32, styles: both, capacities: [1, 2] }),
]
