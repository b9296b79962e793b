// What contexts that end together have in common: the tree of cancellation within one thread.
//
// A cancellation goes down the tree in one step: all descendants are marked, then all who wait on any of them are told. So nobody who is told finds a
// part of the tree still alive. What ends elsewhere (a deadline, an AbortSignal, a context of another thread) is found by whoever looks, with or
// without the event loop; a listener or a waiter is there only while somebody waits.

import type { Channel } from './channel.js'
import { CanceledError, DeadlineExceededError } from './errors.js'
import { platform } from './platform/index.js'
import { TimerEntry, timers } from './timer-heap.js'

export const CANCELED = 0
export const DEADLINE = 1

/** How a context has ended. One for all that have ended by it. */
export class Outcome {
  readonly kind: number
  /** The cause as given; undefined or null for none. */
  readonly given: unknown
  #err: CanceledError | DeadlineExceededError | undefined

  constructor(kind: number, given?: unknown) {
    this.kind = kind
    this.given = given
  }

  /** Made when it is first asked for: most that is cancelled is never asked. */
  get err(): CanceledError | DeadlineExceededError {
    this.#err ??= this.kind === DEADLINE ? new DeadlineExceededError() : new CanceledError()
    return this.#err
  }

  get cause(): unknown {
    return this.given ?? this.err
  }
}

/** The part of a node that other threads see; see context-share.ts. */
export interface Remote {
  /** Closed at its end. */
  readonly channel: Channel<unknown>
  /** Whether it has ended there: one look at shared memory. */
  readonly over: boolean
  /** How, once it is over. */
  outcome(): Outcome
  /** Ends it, unless it has ended: how it has. */
  decide(outcome: Outcome): Outcome
  /** Whether somebody of this thread is to be told of the end. */
  watch(on: boolean): void
  /** Whether that keeps the process alive. */
  hold(on: boolean): void
  /** This thread knows the end. */
  leave(): void
}

/** What a node has of its own. */
export interface Own {
  /** `performance.now()` of its deadline. */
  at?: number
  /** The same as Date tells it: ms since 1970. */
  due?: number
  /** The cause of that end. */
  cause?: unknown
  /** A signal that ends it. */
  foreign?: AbortSignal
}

const NO_REMOTES: readonly Remote[] = []
/** How the signals of contexts have ended. */
const outcomes = new WeakMap<AbortSignal, CancelNode>()

interface Listener {
  readonly told: () => void
}

export class CancelNode {
  readonly parent: CancelNode | undefined
  /** `performance.now()` at which it ends at the latest, by its own deadline or an ancestor's; Infinity for none. */
  readonly until: number
  /** The same as Date tells it. */
  readonly due: number
  /** How it has ended, as far as this thread knows: `look` finds out. */
  ended: Outcome | undefined
  /** What other threads see of it, in one or more arenas. */
  remotes = NO_REMOTES
  readonly #own: Own
  readonly #at: number
  /** Whether it or an ancestor may end without this thread being told. */
  readonly #pulls: boolean
  #children: Set<CancelNode> | undefined
  /** Those who keep the process alive, and those who do not. */
  #waiting: Set<Listener> | undefined
  #listening: Set<Listener> | undefined
  #watched = 0
  #held = 0
  #entry: TimerEntry | undefined
  #onAbort: (() => void) | undefined
  /** How many nodes of this thread other threads see. */
  static #shared = 0

  constructor(parent: CancelNode | undefined, own: Own = {}) {
    const { at = Number.POSITIVE_INFINITY, due = Number.POSITIVE_INFINITY, foreign } = own
    this.parent = parent
    this.#own = own
    const mine = at < (parent?.until ?? Number.POSITIVE_INFINITY)
    this.#at = mine ? at : Number.POSITIVE_INFINITY
    this.until = mine ? at : (parent?.until ?? at)
    this.due = mine ? due : (parent?.due ?? due)
    // biome-ignore lint/complexity/useOptionalChain: a private field is not looked for behind one
    this.#pulls = mine || foreign !== undefined || (parent !== undefined && parent.#pulls)
    this.ended = parent?.look()
    if (this.ended !== undefined) return
    if (parent !== undefined) {
      parent.#children ??= new Set()
      parent.#children.add(this)
    }
    const found = this.#found()
    if (found !== undefined) this.#mark(found)
    else this.#arm()
  }

  /** The cause that goes with `until`. */
  get deadlineCause(): unknown {
    return this.#at === this.until ? this.#own.cause : this.parent?.deadlineCause
  }

  /** Looks whether it has ended by now, wherever that was decided. Who waits is told in a microtask then. */
  look(): Outcome | undefined {
    if (this.ended === undefined && (this.#pulls || CancelNode.#shared > 0)) {
      const marked = this.#discover()
      if (marked !== undefined) queueMicrotask(() => tell(marked))
    }
    return this.ended
  }

  /** As `look`, telling who waits at once. */
  settle(): void {
    const marked = this.ended === undefined ? this.#discover() : undefined
    if (marked !== undefined) tell(marked)
  }

  /** Ends it and all its descendants, if it has not ended. */
  cancel(outcome: Outcome): void {
    // What came before counts, also what nobody has noticed yet.
    if (this.look() === undefined) tell(this.#mark(outcome))
  }

  /** A node that was seen by other threads is no more, without having ended. */
  static forget(): void {
    CancelNode.#shared--
  }

  /** From now on other threads see it. */
  share(remote: Remote): void {
    this.remotes = [...this.remotes, remote]
    CancelNode.#shared++
  }

  /** It has come to nothing. */
  unshare(remote: Remote): void {
    if (!this.remotes.includes(remote)) return
    this.remotes = this.remotes.filter((each) => each !== remote)
    CancelNode.#shared--
  }

  /** Its end is to be noticed, whoever waits. */
  publish(): void {
    this.#watch(1)
  }

  /** Calls back when it has ended, and keeps the process alive until then if that can come about by itself. */
  wait(told: () => void): () => void {
    this.#waiting ??= new Set()
    return this.#join(this.#waiting, told, 1)
  }

  /** Calls back when it has ended. */
  listen(told: () => void): () => void {
    this.#listening ??= new Set()
    return this.#join(this.#listening, told, 0)
  }

  /** Keeps the process alive as `wait` does, for somebody who is told otherwise. */
  keep(): () => void {
    return this.wait(() => {})
  }

  /** A signal that this node's end aborts. */
  announce(signal: AbortSignal): void {
    outcomes.set(signal, this)
  }

  #join(set: Set<Listener>, told: () => void, keeps: number): () => void {
    const listener = { told }
    if (this.ended !== undefined) return () => {}
    set.add(listener)
    this.#watch(1)
    if (keeps > 0) this.#hold(1)
    return () => {
      if (!set.delete(listener) || this.ended !== undefined) return
      if (keeps > 0) this.#hold(-1)
      this.#watch(-1)
    }
  }

  #watch(by: number): void {
    const before = this.#watched
    this.#watched += by
    const on = this.#watched > 0
    if (before > 0 === on || this.ended !== undefined) return
    for (const remote of this.remotes) remote.watch(on)
    const { foreign } = this.#own
    if (foreign !== undefined) {
      if (on) {
        this.#onAbort = () => this.settle()
        platform.allowListeners(foreign)
        foreign.addEventListener('abort', this.#onAbort, { once: true })
      } else this.#ignore(foreign)
    }
    if (this.parent !== undefined) this.parent.#watch(on ? 1 : -1)
  }

  #ignore(foreign: AbortSignal): void {
    if (this.#onAbort !== undefined) foreign.removeEventListener('abort', this.#onAbort)
    this.#onAbort = undefined
  }

  #hold(by: number): void {
    const before = this.#held
    this.#held += by
    const on = this.#held > 0
    if (before > 0 === on || this.ended !== undefined) return
    for (const remote of this.remotes) remote.hold(on)
    this.#arm()
    if (this.parent !== undefined) this.parent.#hold(on ? 1 : -1)
  }

  #arm(): void {
    if (this.#at === Number.POSITIVE_INFINITY) return
    if (this.#entry !== undefined) timers.remove(this.#entry)
    this.#entry = new TimerEntry(() => this.settle(), this.#held > 0)
    timers.set(this.#entry, this.#at)
  }

  /** How it has ended by itself, if it has. */
  #found(): Outcome | undefined {
    for (const remote of this.remotes) if (remote.over) return remote.outcome()
    if (this.#at !== Number.POSITIVE_INFINITY && performance.now() >= this.#at)
      return new Outcome(DEADLINE, this.#own.cause)
    const { foreign } = this.#own
    if (foreign?.aborted) return outcomes.get(foreign)?.ended ?? new Outcome(CANCELED, foreign.reason)
    return undefined
  }

  /** Marks what has ended by now of this node and its ancestors, the nearest first: its own deadline is before theirs. */
  #discover(): CancelNode[] | undefined {
    for (let node: CancelNode | undefined = this; node !== undefined; node = node.parent) {
      const found = node.#found()
      if (found !== undefined) return node.#mark(found)
    }
    return undefined
  }

  /** Ends this node and all its descendants, and tells nobody yet. */
  #mark(outcome: Outcome): CancelNode[] {
    this.#end(outcome)
    const marked: CancelNode[] = [this]
    for (let i = 0; i < marked.length; i++) {
      const node = marked[i] as CancelNode
      const children = node.#children
      if (children === undefined) continue
      node.#children = undefined
      for (const child of children) {
        if (child.ended !== undefined) continue
        child.#end(child.#found() ?? (node.ended as Outcome))
        marked.push(child)
      }
    }
    return marked
  }

  #end(outcome: Outcome): void {
    const { parent, remotes } = this
    const { foreign } = this.#own
    this.ended = remotes.reduce((end, remote) => remote.decide(end), outcome)
    if (this.#entry !== undefined) timers.remove(this.#entry)
    this.#entry = undefined
    if (foreign !== undefined) this.#ignore(foreign)
    if (parent !== undefined && parent.ended === undefined) {
      parent.#children?.delete(this)
      if (this.#held > 0) parent.#hold(-1)
      if (this.#watched > 0) parent.#watch(-1)
    }
    this.remotes = NO_REMOTES
    CancelNode.#shared -= remotes.length
    for (const remote of remotes) remote.leave()
  }

  /** @internal */
  tell(): void {
    for (const set of [this.#waiting, this.#listening]) {
      if (set === undefined) continue
      const listeners = [...set]
      set.clear()
      for (const { told } of listeners) told()
    }
  }
}

function tell(marked: readonly CancelNode[]): void {
  for (const node of marked) node.tell()
}
