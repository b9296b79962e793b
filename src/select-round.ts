// One round of a select: its cases, the attempt to do one of them at once, and their places in the channels' queues.

import type { Arena } from './arena.js'
import type { Channel, Next } from './channel.js'
import { ArenaFullError, rangeError, show, typeError } from './errors.js'
import {
  ARENA,
  BUSY,
  CANCELLED,
  CHANNEL_RECVQ,
  CHANNEL_SENDQ,
  CLOSED,
  DONE,
  NO_MEMORY,
  OK,
  STALE,
  WAITER_HIT,
  WAITER_OUTCOME,
  WAITER_STATE,
  WAITER_VALUE,
  WOULD_BLOCK,
} from './generated/layout.js'
import type { Merged } from './merge.js'
import { RecvCase, SendCase } from './select-cases.js'
import type { LocalSource } from './source.js'
import { nap, type Operation, patienceFor } from './wait.js'

/** The outcome of a select. */
export interface Hit {
  case: string
  value: unknown
  done: boolean
}

/** One case, or one channel of a merge. */
interface Arm {
  readonly name: string
  readonly send: boolean
  readonly channel: Channel<unknown> | undefined
  readonly source: LocalSource<unknown> | undefined
  readonly merged: Merged<unknown> | undefined
  /** Whether the channel only tells of the source of the same case: it is waited on, never tried. */
  readonly tells?: boolean
  value: unknown
  on: boolean
}

/** All cases on one side of one channel: they wait as one. */
interface Group {
  readonly channel: Channel<unknown>
  readonly send: boolean
  readonly arms: Arm[]
  /** Address of the waiter, 0 before it is first needed. */
  node: number
  /** The case that waits. */
  parked: Arm | undefined
}

/** Random numbers that need not be good, only fast. */
let noise = (Math.random() * 2 ** 32) | 1

function below(n: number): number {
  noise ^= noise << 13
  noise ^= noise >>> 17
  noise ^= noise << 5
  return Math.imul(noise >>> 17, n) >>> 15 // n is the number of cases
}

export class Round {
  /** What the last round did. */
  readonly hit: Hit = { case: '', value: undefined, done: false }
  /** The arena of the channels; undefined if there are none. */
  readonly arena: Arena | undefined
  /** How to try again while it waits. */
  readonly operation: Operation
  /** Whether the hit and what lies in the arena are used again. */
  readonly reusable: boolean
  /** Whether the first of the ready cases is taken, instead of any. */
  biased: boolean
  /** Whether it waits where the arena has no room for a message that it is to send; else that is an error. */
  patient = false
  /** Whether the last look at the cases, or at one of them, has found no room for a message. */
  short = false
  readonly #arms: Arm[] = []
  readonly #groups: Group[] = []
  /** The cases that are on, in the order in which they are written. */
  #active: Arm[] = []
  /** The same, in no order. */
  #shuffled: Arm[] = []
  /** Address of the select in the arena, 0 before it is first needed. */
  #select = 0
  /** The channels that tell of a source. */
  readonly #telling: Channel<unknown>[] = []

  constructor(cases: unknown, biased: boolean, reusable = false) {
    if (typeof cases !== 'object' || cases === null)
      throw typeError(`the cases of a select are an object of recv(…) and send(…) by name, not ${show(cases)}`)
    this.biased = biased
    this.reusable = reusable
    for (const [name, given] of Object.entries(cases)) this.#add(name, given)
    for (const { channel } of this.#groups) {
      this.arena ??= channel.arena
      if (channel.arena !== this.arena)
        throw typeError('the channels of a select are of one arena: make them with the same { arena }')
    }
    // What tells of the sources: where the other channels are, and nowhere else.
    for (const { name, source } of this.#arms.slice()) {
      for (const channel of source?.channels?.() ?? []) {
        this.arena ??= channel.arena
        if (channel.arena !== this.arena) continue
        this.#telling.push(channel)
        this.#arm(name, false, channel, undefined, undefined, true)
      }
    }
    this.#activate()
    this.operation = {
      patience: patienceFor(Math.max(0, ...this.#groups.map(({ channel }) => channel.capacity))),
      rendezvous: this.#groups.every(({ channel }) => channel.capacity === 0),
      attempt: () => (this.attempt() ? OK : WOULD_BLOCK),
      park: () => NO_MEMORY,
    }
  }

  #add(name: string, given: unknown): void {
    if (given === null || given === undefined) {
      this.#arms.push(arm(name, false))
      return
    }
    if (given instanceof SendCase) {
      if (given.channel !== undefined) this.#arm(name, true, given.channel, given.value)
      else this.#arms.push(arm(name, true))
      return
    }
    if (!(given instanceof RecvCase)) {
      throw typeError(
        `case ${show(name)} of a select is made by recv(…) or send(…), or null or undefined, not ${show(given)}`,
      )
    }
    const { channel, source, merged } = given
    if (channel !== undefined) this.#arm(name, false, channel, undefined)
    else if (merged !== undefined) {
      if (this.reusable) throw typeError('a Selector takes the channels of a merge one by one')
      for (const part of merged.channels) this.#arm(name, false, part, undefined, merged)
      for (const part of merged.sources) this.#arms.push({ ...arm(name, false), source: part, merged, on: true })
      // All have ended: that is its outcome.
      if (merged.drained) this.#arms.push({ ...arm(name, false), merged, on: true })
    } else this.#arms.push({ ...arm(name, false), source, on: source !== undefined })
  }

  #arm(
    name: string,
    send: boolean,
    channel: Channel<unknown>,
    value: unknown,
    merged?: Merged<unknown>,
    tells = false,
  ): void {
    const made: Arm = { name, send, channel, source: undefined, merged, tells, value, on: true }
    this.#arms.push(made)
    const group = this.#groups.find((g) => g.send === send && g.channel.at === channel.at)
    if (group) group.arms.push(made)
    else this.#groups.push({ channel, send, arms: [made], node: 0, parked: undefined })
  }

  #activate(): void {
    this.#active = this.#arms.filter(({ on, tells }) => on && !tells)
    this.#shuffled = this.#active.slice()
  }

  #named(name: string): Arm {
    const found = this.#arms.find((a) => a.name === name)
    if (found === undefined) throw rangeError(`the select has no case ${show(name)}`)
    return found
  }

  switch(name: string, on: boolean): void {
    this.#named(name)
    for (const found of this.#arms)
      if (found.name === name) found.on = on && (found.channel !== undefined || found.source !== undefined)
    this.#activate()
  }

  set(name: string, value: unknown): void {
    const found = this.#named(name)
    if (!found.send) throw typeError(`case ${show(name)} of the select receives: only send cases have a value to set`)
    found.channel?.check(value)
    found.value = value
  }

  /** The hit: for a select that is used once an object of its own. */
  result(): Hit {
    return this.reusable ? this.hit : { ...this.hit }
  }

  #happened(arm: Arm, value: unknown, done: boolean): true {
    const { hit } = this
    hit.case = arm.name
    hit.value = value
    hit.done = done
    return true
  }

  /** A channel of a case is closed and drained: whether that is the outcome. */
  #ended(arm: Arm): boolean {
    if (arm.merged === undefined || arm.merged.ended(arm.channel, arm.source))
      return this.#happened(arm, undefined, true)
    // The others of the merge are left.
    arm.on = false
    this.#activate()
    return false
  }

  // ── At once ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Does one of the cases that are ready, at random: whether there was one. */
  attempt(): boolean {
    this.short = false
    const active = this.#active
    const order = this.biased ? active : this.#shuffled
    const n = order.length
    for (let k = 0; k < n; k++) {
      if (!this.biased && k + 1 < n) {
        const j = k + below(n - k)
        const other = order[j] as Arm
        order[j] = order[k] as Arm
        order[k] = other
      }
      if (this.#try(order[k] as Arm)) return true
      // A channel of a merge has ended, and the list is another one.
      if (active !== this.#active) return this.attempt()
    }
    return false
  }

  #try(arm: Arm): boolean {
    const { channel } = arm
    if (channel === undefined) {
      if (arm.source === undefined) return this.#happened(arm, undefined, true)
      const next = arm.source.take()
      return next !== undefined && this.took(arm, next)
    }
    // The paths that are fast for every codec; they throw where a send meets a closed channel, and for stale handles.
    if (arm.send) return this.#send(arm, channel) && this.#happened(arm, undefined, false)
    // What it says if there is none counts; a value that is `undefined` says nothing.
    channel.missing = OK
    const value = channel.tryReceive()
    if (value !== undefined) return this.#happened(arm, value, false)
    const status = channel.missing
    if (status === WOULD_BLOCK) return false
    if (status === CLOSED) return this.#ended(arm)
    return this.#happened(arm, undefined, false)
  }

  #send(arm: Arm, channel: Channel<unknown>): boolean {
    try {
      return channel.trySend(arm.value)
    } catch (error) {
      this.#lacks(error)
      return false
    }
  }

  /** Takes it that the arena has no room for a message, where that is to be waited for. */
  #lacks(error: unknown): void {
    if (!this.patient || !(error instanceof ArenaFullError)) throw error
    this.short = true
  }

  /** Notes what a local source has given. False if it was only one of several sources of a merge that has ended. */
  took(arm: Arm, next: Next<unknown>): boolean {
    return next.done ? this.#ended(arm) : this.#happened(arm, next.value, next.done)
  }

  /** As attempt; false only if at one moment no case was ready. */
  tryNow(): boolean {
    this.patient = false
    for (;;) {
      if (this.attempt()) return true
      // One attempt after the other: a case may have become ready behind it while another stopped being so before it.
      if (this.#active.length < 2) return false
      const first = this.#probe()
      if (first === undefined) continue
      const second = this.#probe()
      if (second !== undefined && first.every((version, k) => version === second[k])) return false
    }
  }

  /** For each channel a number that stays the same while its case is not ready; undefined if one may be ready. */
  #probe(): number[] | undefined {
    const versions: number[] = []
    for (const { channel, send } of this.#active) {
      if (channel === undefined) continue
      const version = channel.core.channel_probe(channel.at, channel.open, Number(send))
      if (version === 0) return undefined
      versions.push(version)
    }
    return versions
  }

  // ── Waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether any case sends messages, for which the arena may lack room. */
  get sends(): boolean {
    return this.#active.some(({ send, channel }) => send && channel?.takesMemory === true)
  }

  /** Whether the arena has room for what each of its cases would send. */
  hasRoom(): boolean {
    return this.#active.every(({ send, channel, value }) => !send || channel === undefined || channel.hasRoom(value))
  }

  /** The cases on sources of this thread. */
  get sources(): Arm[] {
    return this.#active.filter(({ source }) => source !== undefined)
  }

  /** `performance.now()` from which on a source of this thread is ready. */
  readyAt(): number {
    let at = Number.POSITIVE_INFINITY
    for (const { source } of this.#active) if (source !== undefined) at = Math.min(at, source.readyAt(this.#telling))
    return at
  }

  /** Address of the select in the arena. */
  get waiter(): number {
    return this.#select
  }

  /** Queues up in all channels, or in as many as it takes until one case is done. @throws StaleHandleError, ArenaFullError: then it waits nowhere. */
  park(token: number): void {
    const { core, u32 } = this.arena as Arena
    if (this.#select === 0) {
      this.#select = core.select_create()
      if (this.#select === 0) throw this.#noMemory()
    }
    core.select_rearm(this.#select, token)
    const state = (this.#select + WAITER_STATE) >>> 2
    for (const group of this.#groups) {
      const chosen = this.#choose(group)
      if (chosen === undefined) continue
      const { channel } = group
      let status = this.#node(group)
      let failure: unknown
      if (status === OK && group.send) {
        try {
          channel.write(group.node + WAITER_VALUE, chosen.value)
        } catch (error) {
          failure = error
          this.short = error instanceof ArenaFullError
        }
      }
      if (status === OK && failure === undefined) {
        group.parked = chosen
        for (;;) {
          status = core.channel_parkCase(group.node, channel.open)
          if (status !== BUSY) break
          nap(channel.arena)
        }
        if (status !== OK && group.send) channel.forget(group.node + WAITER_VALUE)
      }
      if (status !== OK || failure !== undefined) {
        group.parked = undefined
        // Another case may have been done meanwhile: then that is what has happened.
        if (!this.cancel()) return
        this.unpark()
        throw failure ?? (status === STALE ? channel.stale() : this.#noMemory())
      }
      if (Atomics.load(u32, state) === DONE) return
    }
  }

  #noMemory(): Error {
    return (this.#groups[0] as Group).channel.error(NO_MEMORY, 'select')
  }

  #choose({ arms }: Group): Arm | undefined {
    if (arms.length === 1) return (arms[0] as Arm).on ? arms[0] : undefined
    const on = arms.filter((a) => a.on)
    return on[this.biased ? 0 : below(on.length)]
  }

  /** Sees to it that the group has a waiter: OK or NO_MEMORY. */
  #node(group: Group): number {
    if (group.node !== 0) return OK
    const { core, at, cell } = group.channel
    const node = core.channel_case(at, group.send ? CHANNEL_SENDQ : CHANNEL_RECVQ, this.#select, cell)
    if (node < ARENA) return NO_MEMORY
    group.node = node
    return OK
  }

  /** Ends the wait unless a case has been done: whether it did. */
  cancel(): boolean {
    const arena = this.arena as Arena
    for (;;) {
      const state = arena.core.select_cancel(this.#select)
      if (state !== BUSY) return state === CANCELLED
      nap(arena)
    }
  }

  /** Leaves all queues, after the wait has ended. */
  unpark(hit = 0): void {
    const { core } = this.arena as Arena
    for (const group of this.#groups) {
      if (group.parked === undefined) continue
      group.parked = undefined
      if (group.node === hit) continue
      while (core.select_unpark(group.node) === BUSY) nap(group.channel.arena)
      if (group.send) group.channel.forget(group.node + WAITER_VALUE)
    }
  }

  /** After a case has been done: leaves all queues and notes the hit. False if it was only one of several channels of a merge that has ended. */
  conclude(): boolean {
    const { u32 } = this.arena as Arena
    const node = u32[(this.#select + WAITER_HIT) >>> 2] as number
    const outcome = u32[(this.#select + WAITER_OUTCOME) >>> 2] as number
    const { channel, send, parked } = this.#groups.find((group) => group.node === node) as Group
    const arm = parked as Arm
    this.unpark(node)
    if (outcome === OK) {
      this.#happened(arm, send ? undefined : channel.read(node + WAITER_VALUE), false)
      return true
    }
    if (outcome === CLOSED && !send) return this.#ended(arm)
    if (send) channel.forget(node + WAITER_VALUE)
    throw send ? channel.sendError(outcome) : channel.error(outcome, 'select')
  }

  /** Gives back what lies in the arena. */
  release(): void {
    if (this.#select === 0) return
    const { core } = this.arena as Arena
    // The cases before their select: the order in which a reaper finds them.
    for (const group of this.#groups) {
      if (group.node !== 0) core.waiter_release(group.node)
      group.node = 0
    }
    core.waiter_release(this.#select)
    this.#select = 0
  }
}

export type { Arm }

/** A case that is off. */
function arm(name: string, send: boolean): Arm {
  return { name, send, channel: undefined, source: undefined, merged: undefined, value: undefined, on: false }
}
