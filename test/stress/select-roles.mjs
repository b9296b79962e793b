// What one thread does in a scenario of selects: the same values as in roles.mjs, over several channels.

import { open, recv, Selector, select, selectSync, send } from 'millrace'
import { randomFrom } from '../support/kit.mjs'
import { checker } from './roles.mjs'

/** Cases on all channels, some of them twice: `make` by name, and which channel each name stands for. */
export function casesOn(channels, rng, kinds) {
  const cases = {}
  const channelOf = new Map()
  for (const [i, ch] of channels.entries()) {
    for (const kind of kinds) {
      for (let copies = 1 + (rng.below(3) === 0 ? 1 : 0); copies > 0; copies--) {
        const name = `${kind}${i}${'+'.repeat(copies - 1)}`
        cases[name] = kind === 'in' ? recv(ch) : send(ch, 0)
        channelOf.set(name, i)
      }
    }
  }
  return { cases, channelOf, outs: Object.keys(cases).filter((name) => name.startsWith('out')) }
}

/** Rounds of a Selector in ways that change from one to the next. Resolves with undefined if it was too impatient. */
export function roundsOf(selector, style, rng) {
  const limits = () => ({ timeout: rng.below(3) * rng.next() * 0.2, biased: rng.below(4) === 0 })
  const patiently = (call) => {
    try {
      return call()
    } catch (error) {
      if (error.code !== 'ERR_TIMEOUT') throw error
      return undefined
    }
  }
  const spin = () => {
    for (let tries = 0; tries < 100; tries++) {
      const hit = selector.trySelect()
      if (hit !== undefined) return hit
    }
    return undefined
  }
  const blocking = [() => selector.selectSync(), () => patiently(() => selector.selectSync(limits())), spin]
  const async = [
    () => selector.select(),
    () =>
      selector.select(limits()).catch((error) => {
        if (error.code !== 'ERR_TIMEOUT') throw error
      }),
    spin,
  ]
  const ways = style === 'mixed' ? [...blocking, ...async] : style === 'async' ? async : blocking
  return {
    all: () => rng.pick(ways)(),
    /** One that does not wait for ever. */
    hasty: () => rng.pick(ways.filter((_, i) => i % 3 !== 0))(),
  }
}

/** Now and then, one round with some of the cases switched off. */
async function round(selector, rounds, names, rng) {
  if (rng.below(8) > 0) return rounds.all()
  const off = names.filter(() => rng.below(2))
  for (const name of off) selector.disable(name)
  const hit = await rounds.hasty()
  // The Selector's own object, which lasts until the next round.
  for (const name of off) selector.enable(name)
  return hit
}

/** A select that is built for one use; undefined after a short while. */
async function single(cases, style, rng) {
  const timeout = rng.next() * 0.3
  try {
    return style === 'async' ? await select(cases, { timeout }) : selectSync(cases, { timeout })
  } catch (error) {
    if (error.code !== 'ERR_TIMEOUT') throw error
    return undefined
  }
}

/** Marks what arrives, with an order of its own for each channel: what comes by two of them may overtake. */
function desk(channels, producers, marks) {
  const checks = channels.map(() => checker(producers, marks))
  return (i, value) => checks[i](value)
}

export const selectRoles = {
  async selectSend({ handles, count, producer, producers, seed, style }) {
    const channels = handles.map(open)
    const rng = randomFrom(seed)
    const { cases, outs } = casesOn(channels, rng, ['out'])
    const selector = new Selector(cases)
    const rounds = roundsOf(selector, style, rng)
    for (let i = 0; i < count; i++) {
      const value = i * producers + producer
      for (const name of outs) selector.set(name, value)
      for (let hit; hit === undefined; ) {
        if (rng.below(10) > 0) hit = await round(selector, rounds, outs, rng)
        else
          hit = await single(Object.fromEntries(outs.map((name) => [name, send(channels[name[3]], value)])), style, rng)
      }
    }
    selector.dispose()
    return count
  },

  async selectReceive({ handles, producers, marks, seed, style }) {
    const channels = handles.map(open)
    const rng = randomFrom(seed)
    const note = desk(channels, producers, marks)
    const { cases, channelOf } = casesOn(channels, rng, ['in'])
    const selector = new Selector(cases)
    const rounds = roundsOf(selector, style, rng)
    const left = new Set(channelOf.keys())
    for (let count = 0; ; ) {
      const hit = rng.below(10)
        ? await round(selector, rounds, [...left], rng)
        : await single(Object.fromEntries([...left].map((name) => [name, cases[name]])), style, rng)
      if (hit === undefined) continue
      const i = channelOf.get(hit.case)
      if (!hit.done) {
        note(i, hit.value)
        count++
        continue
      }
      for (const [name, at] of channelOf) {
        if (at !== i) continue
        selector.disable(name)
        left.delete(name)
      }
      if (left.size === 0) {
        selector.dispose()
        return count
      }
    }
  },

  /** Three tasks on one event loop: some wait while others try, and what one does may serve another. */
  async selectReceiveTasks(args) {
    const tasks = [0, 1, 2].map((i) => selectRoles.selectReceive({ ...args, seed: args.seed + i }))
    return (await Promise.all(tasks)).reduce((sum, n) => sum + n, 0)
  },

  /** Sends its values and takes those of others, by the same channels, in the same rounds. Ends when it has sent. */
  async selectSwap({ handles, count, producer, producers, marks, seed, style }) {
    const channels = handles.map(open)
    const rng = randomFrom(seed)
    const note = desk(channels, producers, marks)
    const { cases, channelOf, outs } = casesOn(channels, rng, ['in', 'out'])
    const names = [...channelOf.keys()]
    const selector = new Selector(cases)
    const rounds = roundsOf(selector, style, rng)
    let received = 0
    for (let sent = 0; sent < count; ) {
      for (const name of outs) selector.set(name, sent * producers + producer)
      let hit
      while (hit === undefined) hit = await round(selector, rounds, names, rng)
      if (hit.case.startsWith('out')) sent++
      else {
        const i = channelOf.get(hit.case)
        if (hit.done) throw new Error('closed while there are values to send')
        if (channels[i].capacity === 0 && hit.value % producers === producer) throw new Error('a select met itself')
        note(i, hit.value)
        received++
      }
    }
    selector.dispose()
    return received
  },
}
