// What threads do with a runtime, as the bindings do it (src/runtime, src/event-loop.ts), and what must hold at the end.
//
//   spawn 1, send 1     a task with that number, which is its argument, in place or as a message; `spawn 1 to 0` for worker 0 alone
//   collect 2           waits for so many results
//   look                takes a result if there is one
//   work 2, work        takes so many tasks and runs them, or all there ever are; waits for them
//   hunt 2, hunt        the same, but hunts for a moment before it waits
//   try                 takes a task and runs it, if there is one; finish: runs the one that it has taken before anything begins
//   cancel 1            of what it has spawned
//   close, procs 2      of the runtime
//   join, claim 1, leave
//   death               waits for it, then goes on
//   reap 1, mend        frees the slot of that thread; ends what the dead ran
//
// A task with number 1 does what the scenario says under `bodies`: the steps above, and
//
//   until cancelled     on its event loop; `await flag`, on which the thread sleeps; `raise flag`; `block`

import { Failure } from '../checker/failure.js'
import type { Command, Program, Thread } from '../checker/program.js'
import { coreRecipe, number, numberOf, type Shape, type World } from './core.js'
import { freeMessage, takeMessage } from './message.js'

type Steps<R> = Generator<Command, R, number>

/** What goroutines need of the core. Rings begin with two slots, a block of tasks holds three. */
export const runtimeRecipe = {
  ...coreRecipe,
  core: ['arena', 'thread', 'message'],
  modules: ['deque', 'task', 'scheduler'],
  constants: {
    ...coreRecipe.constants,
    RING_FIRST: 1,
    TASKS_BYTES: 256,
    MAX_PROCS: 2,
    MAX_SPAWNERS: 2,
    MAX_RUNTIMES: 2,
  },
}

export const small: Shape = { bytes: 24, blocks: 1 }
const resultOf = (id: number): number => id * 10 + 1

export interface RuntimeWorld extends World {
  rt: number
  open: number
  /** Of each thread: its lane, or 0. */
  lanes: number[]
  /** Records of what has been spawned before anything begins, and their numbers. */
  queued: Map<number, number>
  /** What each thread has taken before anything begins. */
  taken: number[]
  flag: number
  /** Blocks in use before there was a runtime. */
  before: number[]
  bodies: Readonly<Record<number, readonly string[]>>
}

/** `w0`, `w1`: that worker; `s`: a spawner; `-`: has not joined. */
export type Role = 'w0' | 'w1' | 's' | '-'

// ── What a thread does ───────────────────────────────────────────────────────────────────────────────────────────────

class Actor {
  readonly t: Thread
  readonly w: RuntimeWorld
  readonly slot: number
  readonly mine: Map<number, number>
  lane: number
  /** It hunts before it waits. */
  hunts = false
  /** Results of its own tasks that it has run itself. */
  readonly concluded: string[] = []
  /** It has a lane that another thread may have had before. */
  heir = false

  constructor(t: Thread, w: RuntimeWorld) {
    this.t = t
    this.w = w
    this.slot = w.slots[t.id] as number
    this.lane = w.lanes[t.id] ?? 0
    this.mine = new Map(w.queued)
  }

  *all(steps: readonly string[], task = 0): Steps<void> {
    for (const step of steps) yield* this.step(step, task)
  }

  /** Says that the event loop sleeps, and on which bell: EventLoop.#arm. */
  *arm(): Steps<number> {
    const { t, w, slot } = this
    const bell = yield t.load(slot + w.L.THREAD_LOOP_BELL!)
    yield t.store(slot + w.L.THREAD_LOOP_ARMED!, (bell << 1) | 1)
    return bell
  }

  *disarm(): Steps<void> {
    yield this.t.store(this.slot + this.w.L.THREAD_LOOP_ARMED!, 0)
  }

  /** The event loop: looks before it sleeps, and sleeps unless it was told since it has armed. */
  *until(look: () => Steps<number>): Steps<number> {
    const { t, w, slot } = this
    for (;;) {
      const bell = yield* this.arm()
      const found = yield* look()
      if (found !== 0) {
        yield* this.disarm()
        return found
      }
      if ((yield t.wait(slot + w.L.THREAD_LOOP_BELL!, bell)) === 1) continue
      yield* this.disarm()
    }
  }

  /** The next task; 0 once the runtime is closed. */
  *next(): Steps<number> {
    const { t, w, lane } = this
    const task = yield t.call('lane_next', lane)
    if (task !== 0) return task
    if (this.hunts && (yield t.call('lane_hunt', lane)) === 1) {
      const prey = yield t.call('lane_next', lane)
      yield t.call('lane_found', lane, prey === 0 ? 0 : 1)
      if (prey !== 0) return prey
    }
    // Processor.look.
    const found = yield* this.until(function* (): Steps<number> {
      const before: number = yield t.call('lane_next', lane)
      if (before !== 0) return before
      yield t.call('lane_rest', lane)
      const one: number = yield t.call('lane_next', lane)
      if (one !== 0) return one
      return (yield t.load(w.rt + w.L.RUNTIME_CLOSED!)) === 1 ? 1 : 0
    })
    yield t.call('lane_stir', lane)
    return found === 1 ? 0 : found
  }

  *run(task: number): Steps<void> {
    const { t, w } = this
    const { L } = w
    const id = number(true, t.get(task + L.TASK_VALUES!), t.get(task + L.TASK_VALUES! + 4))
    if ((yield t.load(task + L.TASK_CANCEL!)) === 1) {
      const payload = yield t.call('task_accept', task)
      if (payload !== 0) yield* freeMessage(t, w, payload)
      yield t.call('task_finish', task, L.DATUM_CANCELLED!, 0, 0, 0)
      return
    }
    yield t.begin('run', id)
    const payload = yield t.call('task_accept', task)
    if (payload !== 0) {
      if (t.get(payload) !== id) throw new Failure('memory', `task ${id} got the message of ${t.get(payload)}`)
      yield* freeMessage(t, w, payload)
    }
    yield* this.all(w.bodies[id] ?? [], task)
    if (payload === 0 && t.get(task + L.TASK_LANE!) === this.lane) {
      // Processor.#run: whoever has spawned it here is told without the list.
      if (this.mine.delete(task)) this.concluded.push(`${id}:ok`)
      yield t.call('task_conclude', this.lane, task)
    } else if (payload === 0) yield t.call('task_finish', task, L.DATUM_NUMBER!, resultOf(id), 0, 0)
    else {
      const result = yield* takeMessage(t, small, resultOf(id))
      yield t.call('task_finish', task, L.DATUM_MESSAGE!, 0, result, small.bytes)
    }
    yield t.end('ok')
  }

  /** Reads the result of a task that has been collected; undefined if a dead thread had spawned it. */
  *result(task: number): Steps<string | undefined> {
    const { t, w, mine } = this
    const { L } = w
    const id = mine.get(task)
    if (id === undefined && !this.heir)
      throw new Failure('invariant', `thread ${t.id} has collected what it has not spawned`)
    mine.delete(task)
    const kind = t.get(task + L.TASK_KINDS!)
    let value: number | undefined
    if (kind === L.DATUM_NUMBER) value = number(true, t.get(task + L.TASK_VALUES!), t.get(task + L.TASK_VALUES! + 4))
    const payload = t.get(task + L.TASK_PAYLOAD!)
    if (payload !== 0) {
      value = t.get(payload)
      yield* freeMessage(t, w, payload)
      yield t.call('task_release', this.lane, task)
    }
    if (id === undefined) return undefined
    if (kind === L.DATUM_DIED) return `${id}:died`
    if (kind === L.DATUM_CANCELLED) return `${id}:cancelled`
    if (value !== resultOf(id)) throw new Failure('invariant', `the result of task ${id} is ${value}`)
    return `${id}:ok`
  }

  *collect(): Steps<void> {
    const { t, lane } = this
    yield t.begin('collect')
    const own = this.concluded.shift()
    if (own !== undefined) {
      yield t.end(own)
      return
    }
    const look = function* (): Steps<number> {
      return yield t.call('task_collect', lane)
    }
    let result: string | undefined
    while (result === undefined) result = yield* this.result((yield* look()) || (yield* this.until(look)))
    yield t.end(result)
  }

  /** `inside`: a task does it. */
  *spawn(id: number, message: boolean, to: number, inside: boolean): Steps<void> {
    const { t, w } = this
    if (!inside) yield t.begin('spawn', id)
    const payload = message ? yield* takeMessage(t, small, id) : 0
    const [kind, bytes] = message ? [w.L.DATUM_MESSAGE!, small.bytes] : [w.L.DATUM_NUMBER!, 0]
    const record = yield t.call('lane_spawn', this.lane, id, kind, id, 0, 0, payload, bytes, to)
    if (record === 0) throw new Failure('memory', 'no room for a task')
    this.mine.set(record, id)
    if (!inside) yield t.end('ok')
  }

  *cancel(id: number): Steps<void> {
    const { t, w, mine } = this
    const found = [...mine].find(([, each]) => each === id)
    if (found === undefined) return
    yield t.begin('cancel', id)
    const state = yield t.call('task_cancel', found[0])
    yield t.end(state === w.L.TASK_QUEUED ? 'queued' : state)
  }

  *step(step: string, task: number): Steps<void> {
    const { t, w } = this
    const { L } = w
    const [verb, first, , third] = step.split(' ') as [string, string?, string?, string?]
    const n = Number(first)
    switch (verb) {
      case 'spawn':
      case 'send':
        return yield* this.spawn(n, verb === 'send', third === undefined ? 0 : laneAt(t, w, Number(third)), task !== 0)
      case 'collect':
        for (let k = 0; k < n; k++) yield* this.collect()
        return
      case 'look': {
        yield t.begin('collect')
        const one = yield t.call('task_collect', this.lane)
        yield t.end(one === 0 ? 'none' : yield* this.result(one))
        return
      }
      case 'hunt':
      case 'work':
        this.hunts = verb === 'hunt'
        for (let k = 0; k < (n || Number.POSITIVE_INFINITY); k++) {
          const one = yield* this.next()
          if (one === 0) return
          yield* this.run(one)
        }
        return
      case 'try': {
        const one = yield t.call('lane_next', this.lane)
        if (one !== 0) yield* this.run(one)
        return
      }
      case 'finish':
        return yield* this.run(w.taken[t.id] as number)
      case 'cancel':
        return yield* this.cancel(n)
      case 'close':
        yield t.call('runtime_close', w.rt)
        return
      case 'procs':
        yield t.call('runtime_setProcs', w.rt, n)
        return
      case 'join': {
        yield t.begin('join')
        const status = yield t.call('runtime_join', w.rt, w.open)
        yield t.end(status === L.OK ? 'ok' : 'stale')
        if (status !== L.OK) throw new Stop()
        return
      }
      case 'claim': {
        yield t.begin('claim', n)
        this.lane = yield t.call('lane_claim', w.rt, n)
        yield t.end(this.lane)
        this.heir = true
        if (this.lane < L.ARENA!) throw new Stop()
        return
      }
      case 'leave':
        yield t.begin('leave')
        if (this.lane !== 0) yield t.call('lane_leave', this.lane)
        yield t.call('runtime_leave', w.rt)
        yield t.end('ok')
        return
      case 'death':
        yield t.death()
        return
      case 'reap':
        yield t.call('thread_reap', numberOf(first === 'it' ? t.victim : n))
        return
      case 'mend':
        yield t.begin('mend')
        yield t.call('runtime_mend')
        yield t.end('ok')
        return
      case 'until': {
        yield* this.until(function* (): Steps<number> {
          return yield t.load(task + L.TASK_CANCEL!)
        })
        return
      }
      case 'block':
        yield t.call('task_block', task)
        return
      case 'await':
        while ((yield t.load(w.flag)) === 0) yield t.wait(w.flag, 0)
        return
      case 'raise':
        yield t.store(w.flag, 1)
        yield t.notify(w.flag)
        return
    }
    throw new Error(`nobody does '${step}'`)
  }
}

/** Ends a thread's steps: there is nothing for it to do. */
class Stop extends Error {}

const laneAt = (t: Thread, w: RuntimeWorld, index: number): number => t.peek(w.rt + w.L.RUNTIME_LANES! + 4 * index)

export function steps(...list: readonly string[]): (t: Thread, w: RuntimeWorld) => Program {
  return function* (t, w) {
    try {
      yield* new Actor(t, w).all(list)
    } catch (error) {
      if (!(error instanceof Stop)) throw error
    }
  }
}

/** What follows a death. */
export const mender = steps('death', 'reap it', 'mend')
