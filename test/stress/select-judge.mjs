// Judges histories over several channels, some of them without capacity, with selects among the operations.
//
// A select that did one of its cases is that one operation. One that found nothing ready saw all its cases not ready at one moment. A rendezvous
// is one event in the lives of two operations: as no value is sent twice, who met whom is known, and the two become one operation, which
// happened while both were under way. What is left goes to the model checker's search, with the channels' specifications side by side.

import { channelSpec, checker, table } from './judge.mjs'

/** A channel without capacity. `meet` is a send and a receive at once; whether somebody waits on the other side cannot be seen from outside. */
const rendezvousSpec = {
  init: () => ({ items: [], closed: false }),
  key: ({ closed }) => (closed ? '!' : ''),
  apply(state, op) {
    const same = (result) => [[result, state]]
    if (op === 'close') return state.closed ? same('closed') : [['ok', { ...state, closed: true }]]
    if (op === 'length') return same(0)
    if (op === 'poll') return same('nothing')
    if (state.closed) return op === 'meet' ? [] : same('closed')
    return same({ meet: 'ok', trySend: 'full', tryReceive: 'empty', sendTimed: 'timeout', receiveTimed: 'timeout' }[op])
  },
}

/** Several channels as one object: operations are `channel:operation`, `none` (arg: cases) and `selectClosed` (arg: cases). */
function sideBySide(specs, capacities) {
  const ready = (states, { send, at }) =>
    states[at].closed ||
    (capacities[at] > 0 && (send ? states[at].items.length < capacities[at] : states[at].items.length > 0))
  return {
    name: `set of channels of capacities ${capacities}`,
    init: () => specs.map((spec) => spec.init()),
    key: (states) => states.map((state, i) => specs[i].key(state)).join(';'),
    apply(states, op, arg) {
      if (op === 'none') return arg.some((c) => ready(states, c)) ? [] : [['none', states]]
      if (op === 'selectClosed') return arg.some((c) => c.send && states[c.at].closed) ? [['closed', states]] : []
      const [at, name] = op.split(':')
      return specs[at].apply(states[at], name, arg).map(([result, after]) => [result, states.with(at, after)])
    },
  }
}

/** The operation on one channel that a select was, or what it says about all; undefined if it says nothing. */
function single(o) {
  if (o.op !== 'select') return o
  const { cases } = o
  if (typeof o.result === 'object') {
    const { at, send, value } = cases[o.result.hit]
    return { ...o, at, op: send ? 'sendTimed' : 'receiveTimed', arg: value, result: o.result.value }
  }
  if (o.result === 'none') return { ...o, op: 'none', arg: cases }
  if (o.result === 'closed') return { ...o, op: 'selectClosed', arg: cases }
  return undefined
}

/** Operations in which a value went through a channel without capacity become one for each value. @throws if two did not overlap, or one is alone. */
function meetings(operations, capacities) {
  const rest = []
  const halves = new Map()
  for (const o of operations) {
    const sent = o.result === 'ok' && /^(trySend|sendTimed)$/.test(o.op)
    if (o.at === undefined || capacities[o.at] > 0 || !(sent || typeof o.result === 'number') || o.op === 'length') {
      rest.push(o)
      continue
    }
    const key = `${o.at}:${sent ? o.arg : o.result}`
    const pair = halves.get(key) ?? { sends: [], receives: [] }
    pair[sent ? 'sends' : 'receives'].push(o)
    halves.set(key, pair)
  }
  for (const [key, { sends, receives }] of halves) {
    if (sends.length !== 1 || receives.length !== 1)
      throw new Error(`value ${key} was sent ${sends.length} times and received ${receives.length} times`)
    const [a, b] = [sends[0], receives[0]]
    const invoked = Math.max(a.invoked, b.invoked)
    const responded = Math.min(a.responded, b.responded)
    if (a.thread === b.thread || invoked > responded)
      throw new Error(`value ${key} went over though nobody was there to meet`)
    rest.push({ ...a, op: 'meet', arg: undefined, result: 'ok', invoked, responded })
  }
  return rest
}

const label = ({ send, at, value }) => (send ? `c${at}←${value}` : `←c${at}`)

/** An operation as the table of a history shows it. */
function shown(o) {
  if (o.op !== 'select') return { ...o, op: `c${o.at}.${o.op}` }
  const result = typeof o.result === 'object' ? `${label(o.cases[o.result.hit])} ${o.result.value}` : o.result
  return { ...o, arg: o.cases.map(label).join(' '), result }
}

/** A function that throws, with the history as a table, unless it can be explained. Results of selects: { hit, value }, or a word. */
export async function selectJudge() {
  const { linearizable, queueSpec } = await checker()
  return (capacities, initial, history) => {
    const specs = capacities.map((capacity, i) =>
      capacity === 0 ? rendezvousSpec : channelSpec(queueSpec(capacity, initial[i])),
    )
    const fail = (why) => {
      throw new Error(`${why}, at first [${initial.join('] [')}]\n${table(history.map(shown))}`)
    }
    let operations
    try {
      operations = meetings(history.map(single).filter(Boolean), capacities)
    } catch (error) {
      fail(error.message)
    }
    const spec = sideBySide(specs, capacities)
    const named = operations.map((o) => (o.at === undefined ? o : { ...o, op: `${o.at}:${o.op}` }))
    if (!linearizable(spec, named).ok) fail(`no order of these operations agrees with a ${spec.name}`)
  }
}
