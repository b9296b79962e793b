// Chaos: producers and consumers on one channel are terminated at random moments and replaced, while the others go on. No value may arrive
// twice; with each kill at most one operation in flight may be lost; after each kill things go on; and at the end nothing is left.

import { channel, f64, u32 } from 'millrace'
import { audit, makeLedger, progressOf, stopAll, totalReceived, used } from './ledger.mjs'
import { results, settle, sleep, thread, until } from './threads.mjs'

const VALUES = 2 ** 25
/** A run ends early when so much of the values was drawn, so that there is always work to be killed at. */
const ENOUGH = 0.75
/** So many kills are one run, on a channel of its own. */
const RUN = 50
const PRODUCERS = 3
const CONSUMERS = 3

/** The threads at work, and those that were killed. */
class Team {
  members = []
  victims = []
  failure
  #next = 0
  #hire

  constructor(hire) {
    this.#hire = hire
  }

  /** Starts one more thread. */
  hire(role) {
    const id = this.#next++
    const member = { role, id, killed: false, ...this.#hire(role, id) }
    member.ended.catch((error) => {
      // A killed thread ends without a result; one that found something wrong just before says so all the same.
      if (!(member.killed && error.message.endsWith('without a result'))) this.failure ??= error
    })
    this.members.push(member)
    return member
  }

  of(role) {
    return this.members.filter((member) => member.role === role)
  }

  async kill(member) {
    member.killed = true
    this.members.splice(this.members.indexOf(member), 1)
    this.victims.push(member)
    await member.terminate()
  }

  /** Waits for the condition as long as nobody fails. */
  async until(condition, what) {
    await until(() => this.failure !== undefined || condition(), what)
    if (this.failure !== undefined) throw this.failure
  }

  /** How many values those of the dead may have had in hand. */
  inHand(role) {
    return this.victims.filter((victim) => victim.role === role).reduce((sum, { batch }) => sum + batch, 0)
  }
}

function chaos(name, share, { codec, capacity, batches }) {
  return {
    name,
    share,
    async run({ arena, count, rng }) {
      const sum = { kills: 0, arrived: 0, lost: 0, inFlight: 0, slowest: 0 }
      while (sum.kills < count) {
        const got = await campaign({ arena, kills: Math.min(RUN, count - sum.kills), rng, codec, capacity, batches })
        for (const key of ['kills', 'arrived', 'lost', 'inFlight']) sum[key] += got[key]
        sum.slowest = Math.max(sum.slowest, got.slowest)
      }
      const { kills, arrived, lost, inFlight, slowest } = sum
      return {
        settings: `${arrived.toLocaleString('en')} messages, ${lost} lost with receivers, ${inFlight} with senders, on again after ${slowest.toFixed(0)} ms at most`,
        moved: kills,
        lost: lost + inFlight,
      }
    },
  }
}

async function campaign({ arena, kills, rng, codec, capacity, batches }) {
  const before = arena.stats()
  const ch = channel(codec, { capacity, arena })
  const ledger = makeLedger(VALUES, kills + PRODUCERS + CONSUMERS)
  const styles = rng.pick([['blocking'], ['async'], ['blocking', 'async']])
  const team = new Team((role, id) => {
    const [batch, style] = [rng.pick(batches), rng.pick(styles)]
    return { batch, ...thread(role, { handle: ch.handle, ledger, id, batch, style }) }
  })
  for (let i = 0; i < PRODUCERS; i++) team.hire('produce')
  for (let i = 0; i < CONSUMERS; i++) team.hire('consume')

  const working = (member) => progressOf(ledger, member.id) > 0
  await team.until(() => team.members.every(working), 'all are at work')
  let slowest = 0
  let killed = 0
  for (; killed < kills && (killed === 0 || used(ledger) < ENOUGH); killed++) {
    const role = rng.pick(['produce', 'consume'])
    // Most are killed at work, some while they start.
    const young = rng.below(6) === 0
    if (!young) await team.until(() => team.members.every(working), 'newcomers are at work')
    const candidates = team.of(role)
    const victim = young ? candidates[candidates.length - 1] : rng.pick(candidates)
    await sleep(young ? rng.next() * 50 : rng.next() * 4)
    spin(rng.next() * 0.3)
    const gone = team.kill(victim)
    team.hire(role)
    await gone
    slowest = Math.max(slowest, await recovered(team, ledger))
  }
  await everyoneGoesOn(team, ledger)

  stopAll(ledger)
  await Promise.race([results(team.of('produce')), results(team.of('consume'))])
  await results(team.of('produce'))
  ch.close()
  await results(team.of('consume'))
  if (team.failure !== undefined) throw team.failure
  await settle(() => arena.stats().threads === before.threads)
  if (ch.length !== 0) throw new Error(`${ch.length} values are left`)
  ch.dispose()
  const after = arena.stats()
  if (after.bytesInUse !== before.bytesInUse)
    throw new Error(`bytes in use: ${before.bytesInUse} before, ${after.bytesInUse} after`)
  return { kills: killed, slowest, ...judge(audit(ledger), team) }
}

/** Waits until values arrive again; how long that took, in milliseconds. */
async function recovered(team, ledger) {
  const from = performance.now()
  const received = totalReceived(ledger)
  await team.until(() => totalReceived(ledger) > received, 'values arrive after a kill')
  return performance.now() - from
}

/** After the last kill every thread that lives gets something done, newcomers included. */
async function everyoneGoesOn(team, ledger) {
  const marks = team.members.map((member) => [member, progressOf(ledger, member.id)])
  await team.until(
    () => used(ledger) >= 1 || marks.every(([member, mark]) => progressOf(ledger, member.id) > mark),
    'everyone goes on after the last kill',
  )
}

function judge({ arrived, doubled, forged, lost, inFlight }, team) {
  const kills = team.victims.length
  if (doubled > 0) throw new Error(`${doubled} values arrived more than once`)
  if (forged > 0) throw new Error(`${forged} values arrived before they were sent`)
  const [senders, receivers] = [team.inHand('produce'), team.inHand('consume')]
  if (lost > receivers)
    throw new Error(`${lost} values were lost; the receivers of ${kills} dead had ${receivers} in hand at most`)
  if (inFlight > senders)
    throw new Error(`${inFlight} values were not sent; the senders of ${kills} dead had ${senders} in hand at most`)
  return { arrived, lost, inFlight }
}

/** Timers come at full milliseconds; threads should die in between as well. */
function spin(ms) {
  for (const end = performance.now() + ms; performance.now() < end; );
}

const settings = [u32, f64].flatMap((codec) => [1, 8, 256].map((capacity) => ({ codec, capacity })))

export const chaosScenarios = settings.flatMap(({ codec, capacity }) => [
  chaos(`${codec.name}-${capacity}`, 1, { codec, capacity, batches: [1] }),
  chaos(`${codec.name}-${capacity}-batches`, 1, { codec, capacity, batches: [1, 3, 40] }),
])
