// select over the channels of one event loop: see plain-channel.ts.
//
// One pass looks which cases are ready and keeps one of them at random; if none is, the select parks an arm on each channel, and the
// first arm that is told of something takes the others out of their queues. A select that looks is parked nowhere, so it never meets
// itself.

import { ClosedError, limit, PlainChannel, Waiter, type WaitOptions } from './plain-channel.js'

export interface SelectOptions extends WaitOptions {
  biased?: boolean
}

export interface Hit {
  case: string
  value: unknown
  done: boolean
}

class Case {
  readonly channel: PlainChannel<unknown> | undefined
  readonly sends: boolean
  value: unknown

  constructor(channel: PlainChannel<unknown> | undefined, sends: boolean, value: unknown) {
    this.channel = channel
    this.sends = sends
    this.value = value
  }
}

export type Cases = Record<string, Case | null | undefined>

const FOREVER = new Promise<never>(() => {})

/** A channel nobody is ever on: never two that could meet, so nothing queues up either. */
class NeverChannel extends PlainChannel<never> {
  override trySend(): boolean {
    return false
  }

  override send(_value: never, options?: WaitOptions): Promise<void> {
    return never(options, 'send')
  }

  override receive(options?: WaitOptions): Promise<undefined> {
    return never(options, 'receive')
  }

  override next(options?: WaitOptions): Promise<never> {
    return never(options, 'receive')
  }

  override close(): void {
    throw new Error('close of nil channel')
  }
}

function never(options: WaitOptions | undefined, what: string): Promise<never> {
  if (options === undefined) return FOREVER
  if (options.signal?.aborted) return Promise.reject(options.signal.reason)
  return new Promise((_, reject) => {
    const undo = limit(options, what, (reason) => {
      undo()
      reject(reason)
    })
  })
}

const NEVER = new NeverChannel()

export { NEVER as never }

function on(channel: PlainChannel<never> | null | undefined): PlainChannel<unknown> | undefined {
  return channel === null || channel === NEVER ? undefined : (channel as PlainChannel<unknown> | undefined)
}

export function recv<T>(channel: PlainChannel<T> | null | undefined): Case {
  return new Case(on(channel as PlainChannel<never>), false, undefined)
}

export function send<T>(channel: PlainChannel<T> | null | undefined, value: T): Case {
  return new Case(on(channel as PlainChannel<never>), true, value)
}

/** The place of a parked select in the queue of one of its channels. */
class Arm extends Waiter<unknown> {
  readonly #selector: Selector
  readonly #index: number

  constructor(selector: Selector, index: number) {
    super()
    this.#selector = selector
    this.#index = index
  }

  override got(value: unknown): void {
    this.#selector.finish(this.#index, value, false)
  }

  override ended(): void {
    this.#selector.finish(this.#index, undefined, true)
  }

  override taken(): void {
    this.#selector.finish(this.#index, undefined, false)
  }

  override refused(): void {
    this.#selector.refuse()
  }
}

/** A select that is built once. Its hit is one object, overwritten by the next round. */
export class Selector {
  readonly #keys: string[] = []
  readonly #cases: Case[] = []
  readonly #on: boolean[] = []
  readonly #hit: Hit = { case: '', value: undefined, done: false }
  #arms: Arm[] | undefined
  #resolve: ((hit: Hit) => void) | undefined
  #reject: ((reason: unknown) => void) | undefined
  #undo: (() => void) | undefined

  constructor(cases: Cases) {
    for (const key in cases) {
      const each = cases[key]
      this.#keys.push(key)
      this.#cases.push(each ?? new Case(undefined, false, undefined))
      this.#on.push(each?.channel !== undefined)
    }
  }

  enable(key: string): void {
    this.#idle()
    const index = this.#indexOf(key)
    this.#on[index] = (this.#cases[index] as Case).channel !== undefined
  }

  disable(key: string): void {
    this.#idle()
    this.#on[this.#indexOf(key)] = false
  }

  set(key: string, value: unknown): void {
    this.#idle()
    const each = this.#cases[this.#indexOf(key)] as Case
    if (!each.sends) throw new TypeError(`${key} is not a send case`)
    each.value = value
  }

  trySelect(options?: SelectOptions): Hit | undefined {
    this.#idle()
    const index = this.#choose(options?.biased === true)
    return index < 0 ? undefined : this.#perform(index)
  }

  select(options?: SelectOptions): Promise<Hit> {
    try {
      options?.signal?.throwIfAborted()
      const hit = this.trySelect(options)
      if (hit !== undefined) return Promise.resolve(hit)
    } catch (error) {
      return Promise.reject(error)
    }
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#park()
      if (options?.timeout === undefined && options?.signal === undefined) return
      this.#undo = limit(options, 'select', (reason) => {
        this.#leave()
        reject(reason)
      })
    })
  }

  /** One of the arms was told of something. */
  finish(index: number, value: unknown, done: boolean): void {
    const resolve = this.#resolve as (hit: Hit) => void
    this.#leave()
    resolve(this.#tell(index, value, done))
  }

  /** A channel that was to be sent on was closed. */
  refuse(): void {
    const reject = this.#reject as (reason: unknown) => void
    this.#leave()
    reject(new ClosedError('send on closed channel'))
  }

  #idle(): void {
    if (this.#resolve !== undefined) throw new Error('the selector is in use: one of its select() is pending')
  }

  #indexOf(key: string): number {
    const index = this.#keys.indexOf(key)
    if (index < 0) throw new TypeError(`no case ${key}`)
    return index
  }

  /** A ready case: the first, or each with the same probability; -1 if there is none. */
  #choose(biased: boolean): number {
    let chosen = -1
    let ready = 0
    for (let i = 0; i < this.#cases.length; i++) {
      if (!this.#on[i]) continue
      const { channel, sends } = this.#cases[i] as { channel: PlainChannel<unknown>; sends: boolean }
      if (!(sends ? channel.sendable : channel.receivable)) continue
      if (biased) return i
      ready++
      if (ready === 1 || Math.random() * ready < 1) chosen = i
    }
    return chosen
  }

  #perform(index: number): Hit {
    const { channel, sends, value } = this.#cases[index] as Case & { channel: PlainChannel<unknown> }
    if (sends) {
      channel.trySend(value)
      return this.#tell(index, undefined, false)
    }
    const got = channel.take()
    return this.#tell(index, got ? channel.taken : undefined, !got)
  }

  #tell(index: number, value: unknown, done: boolean): Hit {
    const hit = this.#hit
    hit.case = this.#keys[index] as string
    hit.value = value
    hit.done = done
    return hit
  }

  #park(): void {
    this.#arms ??= this.#cases.map((_, i) => new Arm(this, i))
    for (let i = 0; i < this.#cases.length; i++) {
      if (!this.#on[i]) continue
      const { channel, sends, value } = this.#cases[i] as Case & { channel: PlainChannel<unknown> }
      const arm = this.#arms[i] as Arm
      arm.value = value
      ;(sends ? channel.senders : channel.receivers).push(arm)
    }
  }

  #leave(): void {
    for (const arm of this.#arms as Arm[]) {
      arm.queue?.remove(arm)
      arm.value = undefined
    }
    this.#undo?.()
    this.#resolve = this.#reject = this.#undo = undefined
  }
}

export function select(cases: Cases, options?: SelectOptions): Promise<Hit> {
  return new Selector(cases).select(options)
}

export function trySelect(cases: Cases, options?: SelectOptions): Hit | undefined {
  return new Selector(cases).trySelect(options)
}
