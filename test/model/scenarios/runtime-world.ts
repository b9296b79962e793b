// Runtimes before and after: how a scenario of goroutines begins, and what must hold at its end.

import type { Bench, Scenario } from '../checker/scenario.js'
import { audit, shadow, usage } from './audit.js'
import { attach, numberOf } from './core.js'
import { books, makeMessage } from './message.js'
import { type Role, type RuntimeWorld, runtimeRecipe, small, steps } from './runtime-steps.js'

export interface Setting {
  roles: readonly Role[]
  procs?: number
  /** What thread 0 has spawned: `1`, `1 to 0`, `message 1`. */
  queued?: readonly string[]
  /** Workers that have taken a task. */
  taken?: readonly number[]
  /** Workers that have nothing to do, and sleep. Their threads do nothing. */
  resting?: readonly number[]
  /** Workers that have taken a task and died, with its message in their hands. Their threads do nothing. */
  ghosts?: readonly number[]
  /** They have been reaped. */
  reaped?: boolean
  /** The thread that has made the runtime has left it. */
  orphan?: boolean
  bodies?: Readonly<Record<number, readonly string[]>>
}

export function prepare(b: Bench, o: Setting): RuntimeWorld {
  const base = attach(b)
  const { L } = base
  const flag = b.call('thread_scratch') + L.SCRATCH_VALUES!
  b.name(flag, 'flag')
  const before = usage(b, base)
  const rt = b.name(b.call('runtime_create', o.procs ?? 2), 'runtime', 'RUNTIME')
  const open = b.read(rt + L.HEAD_STATE!) & ~L.FLAGS_MASK!
  const lanes = o.roles.map((role, t) => {
    if (role === '-') return 0
    b.check(b.as(t, 'runtime_join', rt, open) === L.OK, 'setup: join')
    const lane = b.as(t, 'lane_claim', rt, role === 's' ? L.MAX_PROCS! : Number(role.slice(1)))
    b.check(lane >= L.ARENA!, 'setup: claim')
    return b.name(lane, `${role} of t${t}`, 'LANE')
  })
  const queued = new Map<number, number>()
  for (const text of o.queued ?? []) {
    const [, message, id, to] = /^(message )?(\d+)(?: to (\d))?$/.exec(text) as unknown as [
      string,
      string,
      string,
      string,
    ]
    const payload = message ? makeMessage(b, small, Number(id), 0) : 0
    const lane = to === undefined ? 0 : b.read(rt + L.RUNTIME_LANES! + 4 * Number(to))
    const kind = message ? L.DATUM_MESSAGE! : L.DATUM_NUMBER!
    const record = b.as(0, 'lane_spawn', lanes[0] as number, 1, kind, Number(id), 0, 0, payload, small.bytes, lane)
    queued.set(b.name(record, `task ${id}`), Number(id))
  }
  const taken: number[] = []
  for (const t of [...(o.taken ?? []), ...(o.ghosts ?? [])]) {
    taken[t] = b.as(t, 'lane_next', lanes[t] as number)
    b.check((taken[t] as number) > 1, 'setup: the thread has a task')
  }
  for (const t of o.resting ?? []) b.as(t, 'lane_rest', lanes[t] as number)
  for (const t of o.ghosts ?? []) {
    b.as(t, 'task_accept', taken[t] as number)
    if (o.reaped) b.call('thread_reap', numberOf(t))
  }
  if (o.orphan) b.call('runtime_leave', rt)
  return { ...base, rt, open, lanes, queued, taken, flag, before, bodies: o.bodies ?? {} }
}

/** All records of a list. */
function chain(b: Bench, w: RuntimeWorld, first: number, what: string): number[] {
  const all: number[] = []
  for (let at = first; at !== 0; at = b.read(at + w.L.TASK_NEXT!)) {
    all.push(at)
    if (all.length > 100) b.fail('memory', `${what} has no end`)
  }
  return all
}

const ASLEEP = 1

/** Each record is in the one place that its state says. Returns where the queued ones are. */
function whole(b: Bench, w: RuntimeWorld, resting: readonly number[]): void {
  const { L, rt } = w
  const lanes: number[] = []
  for (let i = 0; i < L.MAX_PROCS! + L.MAX_SPAWNERS!; i++) {
    const lane = b.read(rt + L.RUNTIME_LANES! + 4 * i)
    if (lane !== 0) lanes.push(lane)
  }
  const places = new Map<number, string>()
  const put = (task: number, place: string): void => {
    const other = places.get(task)
    if (other !== undefined) b.fail('memory', `a task is in two places: ${other} and ${place}`)
    places.set(task, place)
  }
  const sleeping = (lane: number): boolean =>
    w.lanes.some((each, t) => each === lane && b.m.state[t] === ASLEEP) && b.read(lane + L.LANE_INDEX!) < L.MAX_PROCS!
  // Who rests before anything begins sleeps until it is rung.
  const idle =
    (resting.length > 0 && b.read(rt + L.RUNTIME_IDLE!) !== 0) ||
    lanes.some((lane) => sleeping(lane) && b.read(lane + L.LANE_INDEX!) < b.read(rt + L.RUNTIME_PROCS!))
  const closed = b.read(rt + L.RUNTIME_CLOSED!) !== 0
  if (closed && lanes.some(sleeping)) b.fail('lost wake-up', 'a worker sleeps, and the runtime is closed')
  for (const lane of lanes) {
    const d = lane + L.LANE_DEQUE!
    const ring = b.read(d + L.DEQUE_RING!)
    for (let p = b.read(d + L.DEQUE_TOP!); p !== b.read(d + L.DEQUE_BOTTOM!); p = (p + 1) >>> 0) {
      put(b.read((ring & -L.LINE!) + L.RING_SLOTS! + 8 * (p & ((1 << (ring & (L.LINE! - 1))) - 1))), 'queued')
      if (idle && !closed) b.fail('lost wake-up', 'a task is queued, and a worker sleeps')
    }
    for (const [list, place] of [
      ['LANE_MAIL', 'queued'],
      ['LANE_MAIL_TURNING', 'queued'],
      ['LANE_PINNED', 'queued'],
      ['LANE_FINISHED', 'ended'],
      ['LANE_TURNING', 'ended'],
      ['LANE_DONE', 'ended'],
      ['LANE_FREE', 'free'],
    ] as const)
      for (const task of chain(b, w, b.read(lane + (L[list] as number)), list)) {
        put(task, place)
        if (place === 'queued' && sleeping(lane) && !closed) b.fail('lost wake-up', 'a worker sleeps, and has mail')
      }
  }
  const names = ['free', 'queued', 'running', 'ended', 'collected', 'running']
  for (const lane of lanes) {
    // What a dead thread has left is put in order by its heir.
    if (b.read(lane + L.LANE_OWNER!) === 0) continue
    let [count, live] = [0, 0]
    for (let block = b.read(lane + L.LANE_PAGES!); block !== 0; block = b.read(block + L.TASKS_NEXT!))
      for (let task = block + L.TASKS_FIRST!; task < block + L.TASKS_BYTES!; task += L.TASK_BYTES!) {
        count++
        const state = names[b.read(task + L.TASK_STATE!)] as string
        if (state !== 'free' && state !== 'collected') live++
        const place = places.get(task) ?? state
        const fits = place === state && (state === 'running' || state === 'collected' || places.has(task))
        if (!fits) b.fail('memory', `a task is ${state}, and ${places.get(task) ?? 'nowhere'}`)
      }
    b.check(count === b.read(lane + L.LANE_COUNT!), `a lane has ${count} tasks, not ${b.read(lane + L.LANE_COUNT!)}`)
    b.check(live === b.read(lane + L.LANE_LIVE!), `${live} tasks are live, not ${b.read(lane + L.LANE_LIVE!)}`)
  }
}

/** Every task has run at most once, every result was collected once, and is its own; who waits for nothing is not asleep. */
function account(b: Bench, o: Setting): void {
  const killedWorker = b.killed >= 0 && o.roles[b.killed] !== 's'
  const runs = new Map<number, { dead: boolean }>()
  const collected = new Map<number, string>()
  for (const h of b.history) {
    const pending = h.responded === Infinity
    if (pending && !h.dead && (h.op === 'collect' || h.op === 'run'))
      b.fail('lost wake-up', `thread ${h.thread} sleeps in '${h.op} ${h.arg ?? ''}'`)
    if (h.op === 'run') {
      b.check(!runs.has(Number(h.arg)), `task ${h.arg} was run twice`)
      runs.set(Number(h.arg), { dead: h.dead })
    }
    if (h.op === 'collect' && !pending && h.result !== 'none') {
      const [id, result] = String(h.result).split(':') as [string, string]
      b.check(!collected.has(Number(id)), `task ${id} was collected twice`)
      collected.set(Number(id), result)
    }
  }
  for (const [id, result] of collected) {
    const run = runs.get(id)
    if (result === 'ok') b.check(run !== undefined, `task ${id} has a result and was never run`)
    if (result === 'cancelled') b.check(run === undefined, `task ${id} was cancelled and run`)
    if (result === 'died')
      b.check(
        (killedWorker || o.ghosts !== undefined) && (run === undefined || run.dead),
        `task ${id} is said to have died`,
      )
  }
  for (const h of b.history)
    if (h.op === 'cancel' && h.result === 'queued')
      b.check(!runs.has(Number(h.arg)), `task ${h.arg} has begun after all`)
}

/** All who are left leave the runtime, and there is nothing left of it. */
function gone(b: Bench, w: RuntimeWorld, o: Setting, lost: 'count' | 'memory' | undefined): void {
  const { L, rt } = w
  const left = (t: number): boolean => b.history.some((h) => h.op === 'leave' && h.thread === t)
  const joined = (t: number): boolean =>
    (w.lanes[t] ?? 0) !== 0 || b.history.some((h) => h.op === 'join' && h.thread === t && h.result === 'ok')
  for (let t = 0; t < b.m.n; t++) {
    if (t === b.killed || left(t) || !joined(t) || ghost(b, w, t)) continue
    const claimed = b.history.find((h) => h.op === 'claim' && h.thread === t)
    const lane = claimed ? Number(claimed.result) : (w.lanes[t] as number)
    if (lane >= L.ARENA!) b.as(t, 'lane_leave', lane)
    b.as(t, 'runtime_leave', rt)
  }
  if (!o.orphan) {
    const counted = b.read(rt + L.HEAD_KIND!) === L.KIND_RUNTIME ? b.read(rt + L.HEAD_STATE!) & L.FLAGS_MASK! : 0
    b.check(counted === 1 || (lost !== undefined && counted > 1), `${counted} threads are counted, and one is left`)
    b.call('runtime_leave', rt)
  }
  if (lost === 'memory') {
    audit(b, w, usage(b, w))
    return
  }
  if (lost && b.read(rt + L.HEAD_KIND!) === L.KIND_RUNTIME && (b.read(rt + L.HEAD_STATE!) & L.FLAGS_MASK!) === 1)
    b.call('runtime_leave', rt)
  books(b, w, [])
  audit(b, w, w.before)
}

/** Whether that thread is no more, and was reaped. */
const ghost = (b: Bench, w: RuntimeWorld, t: number): boolean =>
  b.read((w.slots[t] as number) + w.L.THREAD_STATE!) === w.L.THREAD_FREE

export interface More extends Partial<Scenario>, Omit<Setting, 'roles'> {
  /** What a kill may lose: the count of the threads that use the runtime is too high, or some of its memory stays in use. */
  lost?: 'count' | 'memory'
}

/** A scenario of threads with these roles, which do these steps. */
export function of(name: string, about: string, threads: readonly [Role, ...string[]][], more: More = {}): Scenario {
  const { procs = 2, queued, taken, resting, ghosts, reaped, orphan, bodies, lost, ...rest } = more
  const setting: Setting = {
    roles: threads.map(([role]) => role),
    procs,
    queued,
    taken,
    resting,
    ghosts,
    reaped,
    orphan,
    bodies,
  }
  return {
    name: `runtime/${name}`,
    about,
    recipe: runtimeRecipe,
    access: shadow,
    setup: (b) => prepare(b, setting),
    threads: threads.map(([, ...list]) => steps(...list)),
    // Workers sleep when there is nothing to do: the final check says whether that is so.
    maySleep: true,
    final: (b: Bench, w: RuntimeWorld) => {
      account(b, setting)
      if (b.read(w.rt + w.L.HEAD_KIND!) === w.L.KIND_RUNTIME) whole(b, w, resting ?? [])
      gone(b, w, setting, b.killed >= 0 ? lost : undefined)
    },
    ...rest,
  }
}
