// Chaos: producers and consumers on one channel, or in selects over several, are terminated at random moments and replaced, while the others
// go on. No value may arrive twice; with each kill at most one operation in flight may be lost; after each kill things go on; and at the end
// nothing is left.

import { channel, f64, u32 } from 'millrace'
import { audit, makeLedger, progressOf, stopAll, totalReceived, used } from './ledger.mjs'
import { settle, sleep, thread, until } from './threads.mjs'

const VALUES = 2 ** 25
/** A run ends early when so much of the values was drawn, so that there is always work to be killed at. */
const ENOUGH = 0.75
/** So many kills are one run, on a channel of its own. */
const RUN = 50
/** Producers and consumers: where one side is short of people, the other waits most of the time. */
const STAFF = [
  [3, 3],
  [1, 3],
  [3, 1],
]

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
  hire(side) {
    const id = this.#next++
    const member = { side, id, killed: false, over: false, ...this.#hire(side, id) }
    const over = () => {
      member.over = true
    }
    member.ended.then(over, (error) => {
      // A killed thread ends without a result; one that found something wrong just before says so all the same.
      if (!(member.killed && error.message.endsWith('without a result'))) this.failure ??= error
    })
    this.members.push(member)
    return member
  }

  of(side) {
    return this.members.filter((member) => member.side === side)
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

  /** Waits until all on that side have come to an end by themselves. */
  async ends(side) {
    const left = () => this.of(side).filter(({ over }) => !over)
    await this.until(
      () => left().length === 0,
      () => `these end: ${left().map(({ id, role, style }) => `${id} (${role}, ${style})`)}`,
    )
  }

  /** How many values those of the dead may have had in hand that were sending, or receiving. */
  inHand(side) {
    return this.victims
      .filter((victim) => victim.side === side || victim.role === 'selectProduceSwap')
      .reduce((sum, { hands }) => sum + hands, 0)
  }
}

/** `produce` and `consume` are roles of such people; those of selects work on all channels, the others on the only one. */
function chaos(name, share, { codec, capacities, batches = [1], produce = ['produce'], consume = ['consume'] }) {
  return {
    name,
    share,
    async run({ arena, count, rng }) {
      const sum = { kills: 0, arrived: 0, lost: 0, inFlight: 0, slowest: 0 }
      while (sum.kills < count) {
        const plan = { codec, capacities: capacities(rng), batches, roles: { produce, consume } }
        const got = await campaign({ arena, kills: Math.min(RUN, count - sum.kills), rng, ...plan })
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

async function campaign({ arena, kills, rng, codec, capacities, batches, roles }) {
  const before = arena.stats()
  const channels = capacities.map((capacity) => channel(codec, { capacity, arena }))
  const handles = channels.map((ch) => ch.handle)
  const [producers, consumers] = rng.pick(STAFF)
  const ledger = makeLedger(VALUES, kills + producers + consumers)
  const styles = rng.pick([['blocking'], ['async'], ['blocking', 'async']])
  const team = new Team((side, id) => {
    const role = rng.pick(roles[side])
    const [batch, style, seed] = [rng.pick(batches), rng.pick(styles), rng.below(2 ** 31)]
    const hands = role === 'selectConsume' && style === 'async' ? 1 + rng.below(3) : batch
    const args = { handles, handle: rng.pick(handles), ledger, id, batch, style, seed, hands }
    return { role, style, hands, ...thread(role, args) }
  })
  for (let i = 0; i < producers; i++) team.hire('produce')
  for (let i = 0; i < consumers; i++) team.hire('consume')

  const working = (member) => progressOf(ledger, member.id) > 0
  await team.until(() => team.members.every(working), 'all are at work')
  let slowest = 0
  let killed = 0
  for (; killed < kills && (killed === 0 || used(ledger) < ENOUGH); killed++) {
    const side = rng.pick(['produce', 'consume'])
    // Most are killed at work, some while they start.
    const young = rng.below(6) === 0
    if (!young) await team.until(() => team.members.every(working), 'newcomers are at work')
    const candidates = team.of(side)
    const victim = young ? candidates[candidates.length - 1] : rng.pick(candidates)
    await sleep(young ? rng.next() * 50 : rng.next() * 4)
    spin(rng.next() * 0.3)
    const gone = team.kill(victim)
    team.hire(side)
    await gone
    slowest = Math.max(slowest, await recovered(team, ledger))
  }
  await everyoneGoesOn(team, ledger)

  stopAll(ledger)
  await team.ends('produce')
  for (const ch of channels) ch.close()
  await team.ends('consume')
  await settle(() => arena.stats().threads === before.threads)
  for (const ch of channels) {
    if (ch.length !== 0) throw new Error(`${ch.length} values are left`)
    ch.dispose()
  }
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

const settings = [u32, f64].flatMap((codec) => [0, 1, 8, 256].map((capacity) => ({ codec, capacity })))

const several = (rng) => Array.from({ length: 2 + rng.below(3) }, () => rng.pick([0, 0, 1, 16]))
const meetings = (rng) => Array.from({ length: 1 + rng.below(3) }, () => 0)
const selects = { produce: ['selectProduce'], consume: ['selectConsume'] }
const swaps = { produce: ['selectProduceSwap', 'selectProduce'], consume: ['selectConsume'] }

export const chaosScenarios = [
  ...settings.flatMap(({ codec, capacity }) => [
    chaos(`${codec.name}-${capacity}`, 1, { codec, capacities: () => [capacity] }),
    chaos(`${codec.name}-${capacity}-batches`, 1, { codec, capacities: () => [capacity], batches: [1, 3, 40] }),
  ]),
  ...[u32, f64].flatMap((codec) => [
    chaos(`select-${codec.name}`, 2, { codec, capacities: several, ...selects }),
    chaos(`select-${codec.name}-rendezvous`, 2, { codec, capacities: meetings, ...selects }),
    chaos(`select-${codec.name}-swaps`, 2, { codec, capacities: several, ...swaps }),
    chaos(`send-to-select-${codec.name}`, 1, {
      codec,
      capacities: several,
      ...selects,
      produce: ['produce', 'selectProduce'],
    }),
  ]),
]
