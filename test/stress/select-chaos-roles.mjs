// What the threads do that are killed in selects: the books of chaos-roles.mjs, over several channels.

import { open, Selector } from 'millrace'
import { randomFrom } from '../support/kit.mjs'
import { reader, writer } from './ledger.mjs'
import { casesOn, roundsOf } from './select-roles.mjs'

/** Each value by one round, whichever channel takes it. With `swaps`, rounds receive as well. */
async function produce({ handles, ledger, id, seed, style }, swaps) {
  const channels = handles.map(open)
  const rng = randomFrom(seed)
  const book = writer(ledger, id)
  const { cases, channelOf, outs } = casesOn(channels, rng, swaps ? ['in', 'out'] : ['out'])
  const notes = channels.map(() => reader(ledger, id))
  const selector = new Selector(cases)
  const rounds = roundsOf(selector, style, rng)
  while (book.begin(1) > 0) {
    for (const name of outs) selector.set(name, book.first)
    for (let sent = false; !sent; ) {
      const hit = await rounds.all()
      if (hit === undefined) continue
      if (hit.done) throw new Error('closed while there are values to send')
      sent = hit.case.startsWith('out')
      if (!sent) notes[channelOf.get(hit.case)](hit.value)
    }
    book.end()
  }
  return true
}

/** What one task receives: in an order of its own for each channel. */
async function consume(channels, ledger, id, rng, style) {
  const notes = channels.map(() => reader(ledger, id))
  const { cases, channelOf } = casesOn(channels, rng, ['in'])
  const selector = new Selector(cases)
  const rounds = roundsOf(selector, style, rng)
  for (const left = new Set(channelOf.keys()); left.size > 0; ) {
    const hit = await rounds.all()
    if (hit === undefined) continue
    const at = channelOf.get(hit.case)
    if (!hit.done) {
      notes[at](hit.value)
      continue
    }
    for (const [name, i] of channelOf) {
      if (i !== at) continue
      selector.disable(name)
      left.delete(name)
    }
  }
}

export const selectChaosRoles = {
  selectProduce: (args) => produce(args, false),
  selectProduceSwap: (args) => produce(args, true),

  /** So many tasks wait at the same time, if the thread does not block. */
  async selectConsume({ handles, ledger, id, seed, style, hands }) {
    const channels = handles.map(open)
    const tasks = Array.from({ length: hands }, (_, i) => consume(channels, ledger, id, randomFrom(seed + i), style))
    await Promise.all(tasks)
    return true
  },
}
